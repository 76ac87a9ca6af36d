//! What the orders of a member do where they meet orders of the same owner, unless an order says
//! otherwise.

use touchline_types::{SelfMatchInstruction, SelfMatchScope};

use crate::check::Faults;
use crate::file::MemberSection;

/// Scope and instruction for the orders of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfMatch {
    /// Which other orders are meant.
    pub scope: SelfMatchScope,
    /// What is done for an order that has no instruction of its own.
    pub instruction: SelfMatchInstruction,
}

const SCOPES: [(&str, SelfMatchScope); 5] = [
    ("none", SelfMatchScope::None),
    ("session", SelfMatchScope::Session),
    ("member", SelfMatchScope::Member),
    ("firm", SelfMatchScope::Firm),
    ("group", SelfMatchScope::Group),
];

const INSTRUCTIONS: [(&str, SelfMatchInstruction); 5] = [
    ("none", SelfMatchInstruction::None),
    ("cancel-aggressive", SelfMatchInstruction::CancelAggressive),
    ("cancel-passive", SelfMatchInstruction::CancelPassive),
    ("cancel-both", SelfMatchInstruction::CancelBoth),
    ("decrement", SelfMatchInstruction::Decrement),
];

impl SelfMatch {
    pub(crate) fn of(section: &MemberSection, place: &str, faults: &mut Faults) -> Self {
        let scope_place = format!("{place}.self_match_scope");
        let scope = meaning(&SCOPES, &section.self_match_scope, &scope_place, faults);
        let instruction_place = format!("{place}.self_match_instruction");
        let word = &section.self_match_instruction;
        let instruction = meaning(&INSTRUCTIONS, word, &instruction_place, faults);
        let (scope, instruction) = (
            scope.unwrap_or(SelfMatchScope::Member),
            instruction.unwrap_or(SelfMatchInstruction::None),
        );
        let idle = scope == SelfMatchScope::None && instruction != SelfMatchInstruction::None;
        faults.require(!idle, &instruction_place, || {
            "needs a self_match_scope: without one no other order is meant".into()
        });
        Self { scope, instruction }
    }
}

fn meaning<T: Copy>(
    words: &[(&str, T)],
    word: &str,
    place: &str,
    faults: &mut Faults,
) -> Option<T> {
    let found = words.iter().find(|(known, _)| *known == word);
    faults.require(found.is_some(), place, || {
        let known: Vec<_> = words.iter().map(|(known, _)| format!("{known:?}")).collect();
        format!("is {word:?}, must be one of {}", known.join(", "))
    });
    found.map(|(_, value)| *value)
}
