//! Blocks: a set of scopes.

use touchline_types::{Command, CommandKind, Event, EventKind, Reason, Scope};

use super::SlowMatcher;

impl SlowMatcher {
    pub(super) fn is_blocked(&self, command: &Command) -> bool {
        [
            (Scope::Venue, 0),
            (Scope::Member, command.member_id),
            (Scope::Session, command.session_id),
            (Scope::Firm, command.firm_id),
        ]
        .iter()
        .any(|scope| self.blocked.contains(scope))
    }

    pub(super) fn block(&mut self, command: &Command) {
        let exists = match command.scope {
            Scope::None => false,
            Scope::Firm => command.scope_id > 0 && command.scope_id < 4_096,
            Scope::Venue => command.scope_id == 0,
            Scope::Session | Scope::Member => command.scope_id < 4_096,
        };
        if command.session_id != 0 || !exists {
            return self.rejected(command, Reason::UnsupportedCharacteristic);
        }
        let scope = (command.scope, command.scope_id);
        if command.kind == CommandKind::BlockEntry {
            self.blocked.insert(scope);
            self.events.push(Event::of(EventKind::EntryBlocked));
        } else {
            self.blocked.remove(&scope);
            self.events.push(Event::of(EventKind::EntryAdmitted));
        }
    }
}
