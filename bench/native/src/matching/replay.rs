//! Plays a workload into a book: all at once, for the processor time of an action, or with a look
//! at the clock around each, for their distribution.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use touchline_sys::thread_cpu_ns;

use super::workload::{Action, End, FillSink, Fills, Kind, Outcome, Workload};
use crate::distribution::Distribution;

/// How a path is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// Everything in one pass: processor time of the thread, and wall time.
    Tput,
    /// Each action by itself: percentiles by its kind, the clock included.
    Lat,
    /// As tput, without a look at the clock: for a tool that counts instructions. Valgrind hides
    /// the vDSO, where rustix looks for the clock.
    Count,
}

/// A book, with nothing around it.
pub(crate) trait Book {
    /// An order that trades if it can, and rests.
    fn new_order(&mut self, action: &Action, fills: &mut impl FillSink);
    /// An order that trades as far as its limit, and is gone.
    fn take(&mut self, action: &Action, fills: &mut impl FillSink);
    /// An order is gone.
    fn cancel(&mut self, action: &Action);
    /// An order goes to the end of the queue at another price.
    fn modify(&mut self, action: &Action, fills: &mut impl FillSink);
    /// What rests.
    fn end(&self) -> End;
}

#[inline(always)]
pub(crate) fn apply(book: &mut impl Book, action: &Action, fills: &mut impl FillSink) {
    match action.kind {
        Kind::New => book.new_order(action, fills),
        Kind::Cancel => book.cancel(action),
        Kind::Modify => book.modify(action, fills),
        Kind::Take => book.take(action, fills),
    }
}

/// Actions from one look at the clock to the next, where a pass is not cut by something else: so
/// many that the look costs the floor a thousandth.
const STRETCH: usize = 1 << 14;

/// Processor and wall time of what was timed, ns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) cpu_ns: u64,
    pub(crate) wall: Duration,
    /// Wall time of one action, of each piece of work.
    pieces: Vec<f64>,
}

impl Spent {
    /// Times one piece of work, of so many actions.
    #[inline(always)]
    pub(crate) fn on(&mut self, actions: usize, work: impl FnOnce()) {
        let (cpu_ns, begin) = (thread_cpu_ns(), Instant::now());
        work();
        let wall = begin.elapsed();
        self.cpu_ns += thread_cpu_ns() - cpu_ns;
        self.wall += wall;
        self.pieces.push(wall.as_nanos() as f64 / actions.max(1) as f64);
    }

    /// Of one of `count`; and what one took in the piece that a tenth of them were faster than,
    /// which a neighbour on the same processor has hardly slowed.
    pub(crate) fn json(&mut self, count: usize) -> Value {
        let each = |ns: f64| ns / count.max(1) as f64;
        self.pieces.sort_unstable_by(f64::total_cmp);
        let quiet = self.pieces.get(self.pieces.len() / 10).copied().unwrap_or(0.0);
        json!({
            "cpu_ns": each(self.cpu_ns as f64),
            "wall_ns": each(self.wall.as_nanos() as f64),
            "quiet_ns": quiet,
        })
    }
}

/// Distributions by kind.
#[derive(Debug)]
pub(crate) struct ByKind {
    all: Distribution,
    kinds: [Distribution; 4],
    clock: Distribution,
}

impl ByKind {
    pub(crate) fn new() -> Self {
        let kinds = [(); 4].map(|()| Distribution::new());
        Self { all: Distribution::new(), kinds, clock: Distribution::new() }
    }

    /// Times one action, and beside it nothing.
    #[inline(always)]
    pub(crate) fn on(&mut self, kind: Kind, work: impl FnOnce()) {
        let begin = Instant::now();
        work();
        let time = begin.elapsed();
        let begin = Instant::now();
        self.clock.record(black_box(begin).elapsed());
        self.kinds[kind as usize].record(time);
        self.all.record(time);
    }

    pub(crate) fn json(&self) -> Value {
        let mut told = json!({ "all": self.all.json(), "clock": self.clock.json() });
        for (kind, times) in Kind::ALL.iter().zip(&self.kinds) {
            told[kind.name()] = times.json();
        }
        told
    }
}

/// What is timed. A function by itself, so that its instructions can be counted.
#[inline(never)]
fn timed_pass(book: &mut impl Book, actions: &[Action], fills: &mut impl FillSink) {
    for action in actions {
        apply(book, action, fills);
    }
}

/// Plays a workload; its outcome must be the expected one.
pub(crate) fn measure(
    workload: &Workload,
    mut book: impl Book,
    mode: Mode,
) -> Result<Value, String> {
    let mut fills = Fills::NONE;
    for action in workload.preload() {
        apply(&mut book, action, &mut fills);
    }
    let actions = workload.actions();
    let told = match mode {
        Mode::Tput => {
            let mut spent = Spent::default();
            for some in actions.chunks(STRETCH) {
                spent.on(some.len(), || timed_pass(&mut book, some, &mut fills));
            }
            json!({ "each": spent.json(actions.len()) })
        }
        Mode::Count => {
            timed_pass(&mut book, actions, &mut fills);
            json!({})
        }
        Mode::Lat => {
            let mut times = ByKind::new();
            for action in actions {
                times.on(action.kind, || apply(&mut book, action, &mut fills));
            }
            json!({ "times": times.json() })
        }
    };
    workload.confirm(&Outcome { fills, end: book.end() })?;
    let mut told = told;
    told["actions"] = actions.len().into();
    told["checksum"] = format!("{:016x}", fills.checksum).into();
    Ok(told)
}
