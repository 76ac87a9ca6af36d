//! Strategies: processes of members that trade beside the matcher, over shared memory.

use std::collections::HashSet;

use crate::check::Faults;
use crate::file::StrategySection;
use crate::{Member, Session};

/// Strategies that a venue can hold: the matcher has room for the limits of so many.
const STRATEGIES_MAX: u64 = 64;
/// Sessions and strategies together, where there are strategies.
const NUMBERS_MAX: usize = 4_000;
/// Largest quantity or position that a limit can name, lots.
const LOTS_MAX: u64 = 1 << 40;

/// One `[[strategy]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strategy {
    /// Number in records, where a FIX session has its own; the first one follows the last session.
    pub id: u32,
    /// Number of its member.
    pub member_id: u32,
    /// The name under which its process connects.
    pub name: String,
    /// User whose process may connect; without one, the engine's own and root.
    pub uid: Option<u32>,
    /// User whose process may set its targets; without one, the engine's own and root.
    pub targets_uid: Option<u32>,
    /// Largest order, lots; 0: the instrument's limit alone.
    pub max_order_qty: u64,
    /// Largest position either way, its open orders counted as executed, lots.
    pub max_position: u64,
    /// New orders and replaces a second; 0: no limit.
    pub max_orders_per_s: u32,
    /// How many of them may come at once.
    pub order_burst: u32,
}

/// Checks every section; `members` and `sessions` are those of the same file.
pub(crate) fn strategies(
    sections: &[StrategySection],
    members: &[Member],
    sessions: &[Session],
    faults: &mut Faults,
) -> Vec<Strategy> {
    faults.between("strategy", sections.len() as u64, 0, STRATEGIES_MAX);
    // Limits and blocks know sessions by number up to 4,095; observers have some behind them.
    let numbers = sessions.len() + sections.len();
    faults.require(sections.is_empty() || numbers <= NUMBERS_MAX, "strategy", || {
        format!("sessions and strategies are {numbers}, with strategies at most {NUMBERS_MAX}")
    });
    let mut names: HashSet<&str> = sessions.iter().map(|one| one.comp_id.as_str()).collect();
    let first = sessions.len() + 1;
    let sections = sections.iter().enumerate();
    let mut checked = Vec::with_capacity(sections.len());
    for (index, section) in sections {
        let place = format!("strategy[{}]", index + 1);
        faults.word(&format!("{place}.name"), &section.name, 32);
        faults.require(names.insert(&section.name), &format!("{place}.name"), || {
            format!("{:?} is used twice, or is the CompID of a session", section.name)
        });
        let member = members.iter().find(|member| member.name == section.member);
        faults.require(member.is_some(), &format!("{place}.member"), || {
            format!("there is no member {:?}", section.member)
        });
        let mut number = |key: &str, value: u64, low: u64, high: u64| {
            faults.between(&format!("{place}.{key}"), value, low, high);
            u32::try_from(value).unwrap_or(u32::MAX)
        };
        number("max_order_qty", section.max_order_qty, 0, LOTS_MAX);
        number("max_position", section.max_position, 1, LOTS_MAX);
        let rate = number("max_orders_per_s", section.max_orders_per_s, 0, 10_000_000);
        let burst = number("order_burst", section.order_burst, 1, 1_000_000);
        checked.push(Strategy {
            id: u32::try_from(first + index).unwrap_or(u32::MAX),
            member_id: member.map_or(0, |member| member.id),
            name: section.name.clone(),
            uid: section.uid,
            targets_uid: section.targets_uid,
            max_order_qty: section.max_order_qty,
            max_position: section.max_position,
            max_orders_per_s: rate,
            order_burst: burst,
        });
    }
    checked
}

#[cfg(test)]
mod tests {
    use crate::{ConfigError, Venue};
    use std::path::Path;

    const VENUE: &str = r#"
        [venue]
        name = "demo"
        [[instrument]]
        symbol = "ESH4"
        price_increment = "0.25"
        min_price = "0.25"
        max_price = "10000"
        [[member]]
        name = "ALPHA"
        sessions = ["ALPHA1", "ALPHA2"]
        [[member]]
        name = "BETA"
    "#;

    fn parse(strategies: &str) -> Result<Venue, ConfigError> {
        Venue::parse(&format!("{VENUE}{strategies}"), Path::new("/venue"))
    }

    #[test]
    fn strategies_are_numbered_behind_the_sessions() {
        let venue = parse("[[strategy]]\nname = \"maker\"\nmember = \"BETA\"").unwrap();
        let maker = &venue.strategies[0];
        assert_eq!((maker.id, maker.member_id, maker.max_orders_per_s), (3, 2, 1_000));
    }

    #[test]
    fn every_fault_of_a_strategy_is_named() {
        let text = "[[strategy]]\nname = \"ALPHA1\"\nmember = \"GAMMA\"\norder_burst = 0";
        let Err(ConfigError::Faults(_, faults)) = parse(text) else { panic!("no faults") };
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        for part in [
            "strategy[1].name: \"ALPHA1\" is used twice",
            "strategy[1].member: there is no member \"GAMMA\"",
            "strategy[1].order_burst: is 0",
        ] {
            assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:?}");
        }
    }

    #[test]
    fn a_member_needs_a_session_or_a_strategy() {
        let Err(ConfigError::Faults(_, faults)) = parse("") else { panic!("no faults") };
        assert!(faults[0].to_string().starts_with("member[2].sessions: is empty"), "{faults:?}");
    }
}
