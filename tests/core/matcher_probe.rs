//! The matcher as the engine and the library have it, behind one function: what that can reach is
//! looked at by test_panic_paths.py.
#![forbid(unsafe_code)]

use touchline_matcher::{EventSink, OwnedMatcher};
use touchline_types::{Command, Event};

/// Keeps something of each event.
#[derive(Default)]
pub struct Sum(u64);

impl EventSink for Sum {
    fn event(&mut self, event: &Event) {
        self.0 = self.0.rotate_left(1) ^ event.order_id ^ event.leaves_qty;
    }
}

/// Where the walk begins.
#[inline(never)]
pub fn apply(matcher: &mut OwnedMatcher, commands: &[Command], sum: &mut Sum) {
    matcher.apply_all(commands, sum);
    for command in commands {
        matcher.apply(command, sum);
    }
}
