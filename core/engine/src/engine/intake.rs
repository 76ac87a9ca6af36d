//! Where commands come from: the rings of gateways and of strategies, in turn, a budget each.

use touchline_ring::RingError;
use touchline_types::{Command, CommandKind};

use super::{Engine, EngineError};
use crate::release::Matched;
use crate::strategies::{OWN_GATEWAY, Taken};

impl Engine {
    /// Takes commands from every ring, a budget each, in turn.
    pub(super) fn poll(&mut self, now: u64) -> Result<usize, EngineError> {
        if self.unfinished.is_some() {
            return Ok(0);
        }
        let mut taken = 0;
        let mut room = self.journal.room();
        for ring in 0..self.commands.len() {
            let count = self.poll_gateway(ring, self.venue.engine.budget.min(room))?;
            room -= count;
            taken += count;
        }
        if !self.strategies.may_send() {
            return Ok(taken);
        }
        for index in 0..self.strategies.len() {
            let budget = self.venue.engine.budget.min(room);
            let count = self.poll_strategy(index, budget, now);
            room -= count;
            taken += count;
        }
        Ok(taken)
    }

    fn poll_gateway(&mut self, ring: usize, budget: usize) -> Result<usize, EngineError> {
        let mut count = 0;
        while count < budget && self.pending.has_room() && self.unfinished.is_none() {
            let popped = match self.commands.get_mut(ring) {
                Some(commands) => commands.pop(),
                None => break,
            };
            match popped {
                Ok(Some(command)) => self.admit(command, ring),
                Ok(None) => break,
                Err(RingError::Record(_)) => self.stats.bad_commands += 1,
                Err(error) => return Err(error.into()),
            }
            count += 1;
        }
        if let Some(commands) = self.commands.get_mut(ring) {
            if count == budget {
                let waiting = commands.depth()? > 0;
                self.stats.over_budget += u64::from(waiting && budget > 0);
                self.stats.held_by_journal += u64::from(waiting && budget == 0);
            }
            commands.release();
        }
        Ok(count)
    }

    fn poll_strategy(&mut self, index: usize, budget: usize, now: u64) -> usize {
        self.strategies.begin(index, now);
        let (mut count, mut arrived) = (0, 0);
        while count < budget && self.pending.has_room() && self.unfinished.is_none() {
            match self.strategies.take(index, &mut arrived) {
                Taken::Command(command) => self.sequence(command),
                Taken::Nothing => {}
                Taken::End => break,
            }
            count += 1;
        }
        if count > 0 {
            self.strategies.release(index);
        }
        count
    }

    /// Lets strategies come and go: who has gone loses his orders, who has come gets the books.
    pub(super) fn serve_strategies(&mut self) -> usize {
        let mut work = self.strategies.receive_visits();
        while self.unfinished.is_none() && self.journal.room() > 0 && self.pending.has_room() {
            let Some(command) = self.strategies.own_command() else { break };
            self.sequence(command);
            work += 1;
        }
        if self.pending.has_room() {
            let (pending, seq) = (&mut self.pending, self.matcher.last_seq());
            work += self.strategies.walk(&self.matcher, |session_id, events| {
                events.iter().for_each(|event| pending.push_event(event));
                let events = u32::try_from(events.len()).unwrap_or(u32::MAX);
                pending.push(Matched::of_snapshot(seq, session_id, events));
            });
        }
        work
    }

    /// Goes on with a mass cancel that left orders, as far as there is room. Nothing else is
    /// sequenced before it has ended: no order slips in between that it would take.
    pub(super) fn finish_mass_cancel(&mut self) -> usize {
        let mut sequenced = 0;
        while let Some(command) = self.unfinished {
            if self.journal.room() == 0 || !self.pending.has_room() {
                break;
            }
            self.sequence(command);
            sequenced += 1;
        }
        sequenced
    }

    /// Tells the matcher the time when an order may have expired. What is due beyond a portion is
    /// told as a mass cancel is.
    pub(super) fn expire_orders(&mut self, now: u64) -> usize {
        let is_due = self.matcher.next_expiry().is_some_and(|due| due <= now);
        let has_room = self.journal.room() > 0 && self.pending.has_room();
        if !is_due || !has_room || self.unfinished.is_some() {
            return 0;
        }
        self.sequence(Command {
            recv_time: now,
            gateway_id: OWN_GATEWAY,
            ..Command::of(CommandKind::ExpireOrders)
        });
        1
    }

    /// Stamps the owner that the ring stands for, and sequences what a gateway may send.
    fn admit(&mut self, mut command: Command, ring: usize) {
        let owner =
            (command.session_id as usize).checked_sub(1).and_then(|at| self.owner_of.get(at));
        match owner {
            Some(owner) if may_send(&command) || owner.may_cancel(&command) => {
                owner.stamp(&mut command);
                command.gateway_id = u8::try_from(ring + 1).unwrap_or(u8::MAX);
                self.sequence(command);
            }
            _ => self.stats.bad_commands += 1,
        }
    }
}

/// Whether a gateway may send such a command for one of its sessions; of a mass cancel the owner
/// says.
fn may_send(command: &Command) -> bool {
    match command.kind {
        CommandKind::NewOrder
        | CommandKind::CancelOrder
        | CommandKind::ReplaceOrder
        | CommandKind::OrderStatus => true,
        CommandKind::MassCancel
        | CommandKind::ChangePhase
        | CommandKind::BlockEntry
        | CommandKind::AdmitEntry
        | CommandKind::SetLimits
        | CommandKind::ExpireOrders
        | CommandKind::SetAccount
        | CommandKind::Deposit => false,
    }
}
