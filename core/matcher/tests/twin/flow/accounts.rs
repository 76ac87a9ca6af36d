//! Accounts in the flow: opened, filled, emptied and closed.

use touchline_matcher::FEE_MAX;
use touchline_types::{
    AccountChange, Command, CommandKind, Event, EventFlags, EventKind, Scope, Side,
};

use super::Flow;

impl Flow {
    /// Opens the account of a member, changes its fees, fills it, takes from it, or leaves it.
    pub(super) fn of_account(&mut self) -> Command {
        let member = 1 + self.random.below(u64::from(self.day.members)) as u32;
        let known = self.fees.contains_key(&member);
        let mut command = match self.random.below(20) {
            0 | 1 => self.leave(member),
            2..5 => self.set_account(),
            5..15 if !known => self.open(member),
            _ => self.deposit(),
        };
        command.scope_id = member;
        match self.random.below(100) {
            0 => command.scope = self.random.pick(&[Scope::None, Scope::Session, Scope::Venue]),
            1 => command.scope_id = self.random.pick(&[0, 9, 4_095, 4_096, u32::MAX]),
            2 => (command.session_id, command.member_id) = (2, 1),
            3 => command.price = self.random.pick(&[0, i64::MIN, i64::MAX, FEE_MAX, -FEE_MAX - 1]),
            4 => command.stop_px = self.random.pick(&[-FEE_MAX, FEE_MAX + 1, i64::MIN]),
            _ => {}
        }
        command
    }

    fn set_account(&mut self) -> Command {
        let mut command = Command::of(CommandKind::SetAccount);
        command.scope = Scope::Member;
        let fees = [(0, 0), (0, 0), (1, 2), (-1, 2), (2, -1), (-3, -1), (50, 100)];
        (command.price, command.stop_px) = self.random.pick(&fees);
        if self.random.one_in(10) {
            command.account_change = AccountChange::Close;
        }
        command
    }

    /// Opens an account, and mostly gives it enough of everything for a while.
    fn open(&mut self, member: u32) -> Command {
        if !self.random.one_in(4) {
            let lots = self.day.qty.saturating_mul(100) as i64;
            let cash = lots.saturating_mul(self.day.limits[0].max_price.saturating_add(100));
            let whats = self.day.limits.iter().map(|each| (each.instrument_id, lots));
            self.planned.extend(whats.chain([(0, cash)]).map(|(instrument_id, price)| Command {
                scope: Scope::Member,
                scope_id: member,
                instrument_id,
                price,
                ..Command::of(CommandKind::Deposit)
            }));
        }
        self.set_account()
    }

    /// From what an order needs to what the whole day needs; less now and then.
    fn deposit(&mut self) -> Command {
        let mut command = Command::of(CommandKind::Deposit);
        command.scope = Scope::Member;
        let lots = self.day.qty.saturating_mul(self.random.pick(&[1, 10, 1_000, 1_000])) as i64;
        command.instrument_id = if self.random.one_in(2) { 0 } else { self.instrument_id() };
        command.price = match command.instrument_id {
            0 => lots.saturating_mul(self.day.limits[0].max_price.saturating_add(10)),
            _ => lots,
        };
        if self.random.one_in(6) {
            command.price = -(command.price >> self.random.below(8));
        }
        command
    }

    /// Cancels the orders of a member, takes out all that is there, and closes its account.
    fn leave(&mut self, member: u32) -> Command {
        let of = |kind| Command { scope: Scope::Member, scope_id: member, ..Command::of(kind) };
        let change = AccountChange::Close;
        let close = Command { account_change: change, ..of(CommandKind::SetAccount) };
        self.planned.push(close);
        for ((_, what), there) in self.wealth.range((member, 0)..=(member, u32::MAX)) {
            let mut command = of(CommandKind::Deposit);
            command.instrument_id = *what;
            command.price = i64::try_from(-there).unwrap_or(i64::MIN);
            self.planned.push(command);
        }
        of(CommandKind::MassCancel)
    }

    /// Learns what accounts have.
    pub(super) fn see_wealth(&mut self, event: &Event) {
        let member = event.member_id;
        let mut gain = |what: u32, gain: i128| {
            *self.wealth.entry((member, what)).or_default() += gain;
        };
        match event.kind {
            EventKind::AccountSet => drop(self.fees.insert(member, (event.price, event.stop_px))),
            EventKind::AccountClosed => drop(self.fees.remove(&member)),
            EventKind::Deposited => gain(event.instrument_id, event.price.into()),
            EventKind::Executed => {
                let Some((maker_fee, taker_fee)) = self.fees.get(&member) else { return };
                let aggressor = event.flags.contains(EventFlags::AGGRESSOR);
                let fee = if aggressor { taker_fee } else { maker_fee };
                let lots = i128::from(event.last_qty);
                let bought = if event.side == Side::Buy { lots } else { -lots };
                gain(event.instrument_id, bought);
                gain(0, -bought * i128::from(event.last_px) - lots * i128::from(*fee));
            }
            _ => {}
        }
    }
}
