//! Who owns the commands of a ring or a session: stamped here, whatever the record says.

use touchline_config::{SelfMatch, Venue};
use touchline_types::{Command, CommandKind, Scope, SelfMatchInstruction, SelfMatchScope};

/// The owner of commands, as the configuration knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ownership {
    member_id: u32,
    firm_id: u32,
    self_match: SelfMatch,
    /// Whose orders it may cancel at once: the session's, the member's, the firm's.
    mass_cancel: Scope,
}

impl Ownership {
    /// Of a member; nobody's where there is no such member.
    pub(crate) fn of(venue: &Venue, member_id: u32) -> Self {
        let nothing =
            SelfMatch { scope: SelfMatchScope::None, instruction: SelfMatchInstruction::None };
        let member = venue.member(member_id);
        Self {
            member_id,
            firm_id: member.map_or(0, |member| member.firm_id),
            self_match: member.map_or(nothing, |member| member.self_match),
            mass_cancel: member.map_or(Scope::Session, |member| member.mass_cancel),
        }
    }

    /// Whether the session that a mass cancel came from may ask for it.
    pub(crate) fn may_cancel(&self, command: &Command) -> bool {
        let widest = self.mass_cancel;
        command.kind == CommandKind::MassCancel
            && match command.scope {
                Scope::Session => command.scope_id == command.session_id,
                Scope::Member => widest != Scope::Session && command.scope_id == self.member_id,
                Scope::Firm => {
                    widest == Scope::Firm && self.firm_id != 0 && command.scope_id == self.firm_id
                }
                Scope::None | Scope::Venue => false,
            }
    }

    /// Stamps a command. The scope of self-match prevention is the configuration's; the
    /// instruction is the order's, or else the configuration's. An order with an instruction of a
    /// member without a scope means its group, or without one its member.
    pub(crate) fn stamp(&self, command: &mut Command) {
        command.member_id = self.member_id;
        command.firm_id = self.firm_id;
        let own = command.self_match_instruction;
        (command.self_match_scope, command.self_match_instruction) =
            match (command.kind, self.self_match.scope) {
                (CommandKind::NewOrder | CommandKind::ReplaceOrder, SelfMatchScope::None) => {
                    let scope = match (own, command.self_match_id) {
                        (SelfMatchInstruction::None, _) => SelfMatchScope::None,
                        (_, 0) => SelfMatchScope::Member,
                        _ => SelfMatchScope::Group,
                    };
                    (scope, own)
                }
                (CommandKind::NewOrder | CommandKind::ReplaceOrder, scope) => {
                    let told = own != SelfMatchInstruction::None;
                    (scope, if told { own } else { self.self_match.instruction })
                }
                _ => (SelfMatchScope::None, SelfMatchInstruction::None),
            };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(scope: SelfMatchScope, instruction: SelfMatchInstruction) -> Ownership {
        Ownership {
            member_id: 2,
            firm_id: 7,
            self_match: SelfMatch { scope, instruction },
            mass_cancel: Scope::Member,
        }
    }

    fn stamped(by: Ownership, sent: Command) -> (SelfMatchScope, SelfMatchInstruction) {
        let mut command = sent;
        by.stamp(&mut command);
        assert_eq!((command.member_id, command.firm_id), (2, 7));
        (command.self_match_scope, command.self_match_instruction)
    }

    #[test]
    fn the_owner_is_stamped_and_what_an_order_claims_is_not_believed() {
        let nobody = owner(SelfMatchScope::None, SelfMatchInstruction::None);
        let mut sent = Command::of(CommandKind::NewOrder);
        (sent.member_id, sent.firm_id) = (9, 9);
        sent.self_match_scope = SelfMatchScope::Firm;
        assert_eq!(stamped(nobody, sent), (SelfMatchScope::None, SelfMatchInstruction::None));
    }

    #[test]
    fn an_order_without_an_instruction_has_its_members() {
        let firm = owner(SelfMatchScope::Firm, SelfMatchInstruction::CancelBoth);
        let mut sent = Command::of(CommandKind::NewOrder);
        assert_eq!(stamped(firm, sent), (SelfMatchScope::Firm, SelfMatchInstruction::CancelBoth));
        sent.self_match_instruction = SelfMatchInstruction::Decrement;
        assert_eq!(stamped(firm, sent), (SelfMatchScope::Firm, SelfMatchInstruction::Decrement));
        let cancel = Command::of(CommandKind::CancelOrder);
        assert_eq!(stamped(firm, cancel), (SelfMatchScope::None, SelfMatchInstruction::None));
    }

    #[test]
    fn a_mass_cancel_goes_as_far_as_the_configuration_lets_it() {
        let mut owner = owner(SelfMatchScope::None, SelfMatchInstruction::None);
        let may = |owner: &Ownership, scope, scope_id| {
            let cancel = Command::of(CommandKind::MassCancel);
            owner.may_cancel(&Command { session_id: 5, scope, scope_id, ..cancel })
        };
        assert!(may(&owner, Scope::Session, 5) && !may(&owner, Scope::Session, 6));
        assert!(may(&owner, Scope::Member, 2) && !may(&owner, Scope::Member, 3));
        assert!(!may(&owner, Scope::Firm, 7) && !may(&owner, Scope::Venue, 0));
        owner.mass_cancel = Scope::Firm;
        assert!(may(&owner, Scope::Firm, 7) && !may(&owner, Scope::Firm, 8));
        owner.mass_cancel = Scope::Session;
        assert!(!may(&owner, Scope::Member, 2));
    }

    #[test]
    fn an_instruction_alone_means_the_group_or_the_member() {
        let nobody = owner(SelfMatchScope::None, SelfMatchInstruction::None);
        let mut sent = Command::of(CommandKind::ReplaceOrder);
        sent.self_match_instruction = SelfMatchInstruction::Decrement;
        assert_eq!(stamped(nobody, sent).0, SelfMatchScope::Member);
        sent.self_match_id = 3;
        assert_eq!(stamped(nobody, sent).0, SelfMatchScope::Group);
    }
}
