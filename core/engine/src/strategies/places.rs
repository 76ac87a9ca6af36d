//! What the configuration says of those who connect, as places and as commands of the engine.

use touchline_config::{Strategy, Venue};
use touchline_matcher::{LimitsView, OwnedMatcher};
use touchline_sys::now_ns;
use touchline_types::{Command, CommandKind, Scope};

/// Gateway of what the engine itself asks for: no operator waits for the answer.
pub(crate) const OWN_GATEWAY: u8 = u8::MAX;
/// Processes that only look, at most: the live page, terminal views, archivers.
const OBSERVERS_MAX: usize = 8;

/// Places for processes that see the public ring and nothing else. Their numbers go on behind those
/// of the strategies; the matcher never hears of them.
pub(super) fn observers(venue: &Venue) -> Vec<Strategy> {
    let first = venue.sessions.len() + venue.strategies.len() + 1;
    let place = |at: usize| Strategy {
        id: u32::try_from(first + at).unwrap_or(u32::MAX),
        member_id: 0,
        name: String::new(),
        uid: None,
        targets_uid: None,
        max_order_qty: 0,
        max_position: 0,
        max_orders_per_s: 0,
        order_burst: 0,
    };
    (0..OBSERVERS_MAX).map(place).collect()
}

/// Sets the limits of a strategy, if those that the journal left are others.
pub(super) fn limits_of(config: &Strategy, matcher: &OwnedMatcher) -> Option<Command> {
    let rate_per_s = config.max_orders_per_s;
    let wanted = LimitsView {
        max_order_qty: config.max_order_qty,
        max_position: i64::try_from(config.max_position).unwrap_or(i64::MAX),
        rate_per_s,
        rate_burst: if rate_per_s == 0 { 0 } else { config.order_burst },
    };
    (matcher.limits(config.id) != Some(wanted)).then(|| Command {
        scope: Scope::Session,
        scope_id: config.id,
        order_qty: wanted.max_order_qty,
        price: wanted.max_position,
        rate_per_s: wanted.rate_per_s,
        rate_burst: wanted.rate_burst,
        recv_time: now_ns(),
        gateway_id: OWN_GATEWAY,
        ..Command::of(CommandKind::SetLimits)
    })
}

/// Cancels every order of a strategy, in its own name.
pub(super) fn cancel_of(config: &Strategy) -> Command {
    Command {
        scope: Scope::Session,
        scope_id: config.id,
        session_id: config.id,
        member_id: config.member_id,
        recv_time: now_ns(),
        gateway_id: OWN_GATEWAY,
        ..Command::of(CommandKind::MassCancel)
    }
}
