//! Accounts as events alone tell them.

use std::collections::BTreeMap;

use touchline_matcher::OwnedMatcher;
use touchline_types::{Event, EventFlags, EventKind, Side};

/// Cash, with number 0, and lots of instruments.
type Wealth = BTreeMap<u32, i128>;

#[derive(Default)]
pub(super) struct Ledger {
    /// By member: fees of a resting order and of an aggressor.
    accounts: BTreeMap<u32, (i64, i64)>,
    wealth: BTreeMap<u32, Wealth>,
    deposited: Wealth,
    fees: i128,
}

impl Ledger {
    pub(super) fn operator(&mut self, event: &Event) {
        let member = event.member_id;
        match event.kind {
            EventKind::AccountSet => {
                self.accounts.insert(member, (event.price, event.stop_px));
            }
            EventKind::AccountClosed => {
                self.accounts.remove(&member);
            }
            _ => {
                *self.deposited.entry(event.instrument_id).or_default() += i128::from(event.price);
                self.gain(member, event.instrument_id, event.price.into());
            }
        }
    }

    pub(super) fn executed(&mut self, event: &Event) -> Result<(), &'static str> {
        let sign = if event.side == Side::Buy { 1 } else { -1 };
        let qty = i128::from(event.last_qty);
        // All without an account are nobody.
        let known = self.accounts.get(&event.member_id).copied();
        let member = known.map_or(0, |_| event.member_id);
        let (maker_fee, taker_fee) = known.unwrap_or_default();
        let aggressor = event.flags.contains(EventFlags::AGGRESSOR);
        let fee = i128::from(if aggressor { taker_fee } else { maker_fee }) * qty;
        self.fees += fee;
        self.gain(member, event.instrument_id, sign * qty);
        self.gain(member, 0, -sign * qty * i128::from(event.last_px) - fee);
        let covered = self.wealth[&member].values().all(|there| *there >= 0);
        if member == 0 || covered { Ok(()) } else { Err("an account pays what it has") }
    }

    fn gain(&mut self, member: u32, what: u32, gain: i128) {
        *self.wealth.entry(member).or_default().entry(what).or_default() += gain;
    }

    /// Checks what a matcher says against it, and that nothing came from nowhere.
    pub(super) fn agrees(&self, matcher: &OwnedMatcher) -> Result<(), &'static str> {
        let of = |member: u32, what: u32| {
            self.wealth.get(&member).and_then(|wealth| wealth.get(&what)).copied().unwrap_or(0)
        };
        let mut whats = vec![0];
        whats.extend(matcher.instrument_ids());
        for member in self.accounts.keys() {
            let account =
                matcher.account(*member).ok_or("an account is there until it is closed")?;
            if account.cash != of(*member, 0) {
                return Err("the cash of an account is what deposits and fills make of it");
            }
            for id in matcher.instrument_ids() {
                let held = matcher.holding(*member, id).ok_or("an account holds something")?;
                if held.held != of(*member, id) {
                    return Err("the lots of an account are what deposits and fills make of them");
                }
            }
        }
        if matcher.fees() != self.fees || matcher.others_cash() != of(0, 0) {
            return Err("the venue and members without an account have the rest");
        }
        for what in whats {
            let all: i128 = self.wealth.keys().map(|member| of(*member, what)).sum();
            let fees = if what == 0 { self.fees } else { 0 };
            if all + fees != self.deposited.get(&what).copied().unwrap_or(0) {
                return Err("what was deposited is there");
            }
        }
        Ok(())
    }
}
