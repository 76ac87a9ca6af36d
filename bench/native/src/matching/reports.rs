//! Reports of the full path: one of each command and one of each fill, 64 bytes, over a ring to a
//! thread that takes them all and sums them up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use touchline_matcher::EventSink;
use touchline_ring::{SpscConsumer, SpscProducer, spsc};
use touchline_sys::SharedMap;
use touchline_types::{BadValue, Event, EventFlags, EventKind, Record};

use super::workload::{FillSink, Fills};

/// Reports that the ring holds.
const CAPACITY: usize = 1 << 12;
/// Reports from one publication to the next.
const PUBLISHED_AT_ONCE: u64 = 64;

pub(crate) type Ring = Arc<SharedMap>;

/// What one command or one fill came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    seq: u64,
    order_id: u64,
    /// The order that took, of a fill.
    taker_id: u64,
    /// Of a fill what it was done at.
    price: u64,
    qty: u64,
    leaves_qty: u64,
    trd_match_id: u64,
    session_id: u32,
    kind: EventKind,
    side: u8,
    ord_status: u8,
    reason: u8,
}

impl Record for Report {
    const BYTES: usize = 64;
    const NAME: &'static str = "Report";

    #[inline]
    fn write(&self, out: &mut [u8]) {
        let last = u64::from(self.session_id)
            | u64::from(self.kind as u8) << 32
            | u64::from(self.side) << 40
            | u64::from(self.ord_status) << 48
            | u64::from(self.reason) << 56;
        let Ok(out) = <&mut [u8; Self::BYTES]>::try_from(out) else { return };
        out[..8].copy_from_slice(&self.seq.to_le_bytes());
        out[8..16].copy_from_slice(&self.order_id.to_le_bytes());
        out[16..24].copy_from_slice(&self.taker_id.to_le_bytes());
        out[24..32].copy_from_slice(&self.price.to_le_bytes());
        out[32..40].copy_from_slice(&self.qty.to_le_bytes());
        out[40..48].copy_from_slice(&self.leaves_qty.to_le_bytes());
        out[48..56].copy_from_slice(&self.trd_match_id.to_le_bytes());
        out[56..].copy_from_slice(&last.to_le_bytes());
    }

    #[inline]
    fn read(block: &[u8]) -> Result<Self, BadValue> {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(8)) {
            *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        let [seq, order_id, taker_id, price, qty, leaves_qty, trd_match_id, last] = words;
        let byte = |at: u64| (last >> at) as u8;
        Ok(Self {
            seq,
            order_id,
            taker_id,
            price,
            qty,
            leaves_qty,
            trd_match_id,
            session_id: last as u32,
            kind: EventKind::try_from(byte(32))?,
            side: byte(40),
            ord_status: byte(48),
            reason: byte(56),
        })
    }
}

impl Report {
    /// What an event of an order, or a refusal, comes to.
    #[inline]
    fn of(event: &Event) -> Self {
        Self {
            seq: event.seq,
            order_id: event.order_id,
            taker_id: 0,
            price: event.price.cast_unsigned(),
            qty: event.order_qty,
            leaves_qty: event.leaves_qty,
            trd_match_id: 0,
            session_id: event.session_id,
            kind: event.kind,
            side: event.side as u8,
            ord_status: event.ord_status as u8,
            reason: event.reason as u8,
        }
    }
}

/// A ring of its own for each run.
pub(crate) fn ring() -> Result<Ring, String> {
    let path =
        std::path::PathBuf::from(format!("/dev/shm/touchline-reports-{}", std::process::id()));
    let bytes = touchline_ring::layout::ring_bytes(CAPACITY, Report::BYTES);
    let made = SharedMap::create(&path, bytes).map_err(|error| error.to_string());
    let _ = std::fs::remove_file(&path);
    let map = Arc::new(made?);
    spsc::create::<Report>(&map, CAPACITY).map_err(|error| error.to_string())?;
    Ok(map)
}

/// What has been told, by the thread that tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Events of each kind, by its number.
    of_kind: [u64; EventKind::ALL.len() + 1],
    pub(crate) fills: u64,
    /// Looks at a ring that was full.
    pub(crate) waits: u64,
}

impl Told {
    pub(crate) fn of(&self, kind: EventKind) -> u64 {
        self.of_kind[kind as usize]
    }

    pub(crate) fn events(&self) -> u64 {
        self.of_kind.iter().sum()
    }

    pub(crate) fn reports(&self) -> u64 {
        let untold = self.of(EventKind::Added) + self.of(EventKind::Executed);
        self.events() - untold + self.fills
    }
}

/// Makes reports of events.
pub(crate) struct Reporter {
    out: SpscProducer<Report, Ring>,
    /// The resting side of a fill, which comes before the other.
    resting_id: u64,
    pub(crate) told: Told,
}

impl Reporter {
    pub(crate) fn new(ring: &Ring) -> Result<Self, String> {
        let out = SpscProducer::attach(Arc::clone(ring)).map_err(|error| error.to_string())?;
        Ok(Self { out, resting_id: 0, told: Told::default() })
    }

    /// Shows the other thread what was told until now.
    #[inline]
    pub(crate) fn flush(&mut self) {
        // Nobody sleeps.
        let _ = self.out.flush();
    }

    /// Waits until the ring is nearly empty.
    pub(crate) fn await_room(&mut self) {
        self.flush();
        while self.out.room() < CAPACITY - 64 {
            std::thread::yield_now();
        }
    }

    /// Waits for room in the ring.
    fn wait(&mut self) {
        while self.out.room() == 0 {
            self.told.waits += 1;
            self.flush();
            std::hint::spin_loop();
        }
    }

    /// Writes a report. There is room.
    #[inline(always)]
    fn push(&mut self, report: &Report) {
        let _ = self.out.push(report);
        if self.out.written().is_multiple_of(PUBLISHED_AT_ONCE) {
            self.publish();
        }
    }

    #[inline(never)]
    fn publish(&mut self) {
        self.flush();
    }
}

impl EventSink for Reporter {
    #[inline(always)]
    fn event(&mut self, event: &Event) {
        match event.kind {
            // The order is in the book: no news after Accepted.
            EventKind::Added => {}
            EventKind::Executed if event.flags.contains(EventFlags::RESTING) => {
                self.resting_id = event.order_id;
            }
            EventKind::Executed => self.executed(event),
            _ => self.answered(event),
        }
        self.told.of_kind[event.kind as usize] += 1;
    }
}

impl Reporter {
    // What seldom happens is at the end of each, and apart: so the rest needs few registers.

    #[inline(always)]
    fn answered(&mut self, event: &Event) {
        // Read before anything else is written: it has just been made.
        let report = Report::of(event);
        if !self.out.surely_has_room() {
            return self.answered_late(event);
        }
        self.push(&report);
    }

    #[cold]
    fn answered_late(&mut self, event: &Event) {
        self.wait();
        self.answered(event);
    }

    /// One report of the two sides of a fill.
    #[inline(never)]
    fn executed(&mut self, event: &Event) {
        if !self.out.surely_has_room() {
            return self.executed_late(event);
        }
        self.told.fills += 1;
        self.push(&Report {
            order_id: self.resting_id,
            taker_id: event.order_id,
            price: event.last_px.cast_unsigned(),
            qty: event.last_qty,
            trd_match_id: event.trd_match_id,
            ..Report::of(event)
        });
    }

    #[cold]
    fn executed_late(&mut self, event: &Event) {
        self.wait();
        self.executed(event);
    }
}

/// What has arrived at the other thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drained {
    pub(crate) reports: u64,
    /// Over all words of all reports in their order.
    pub(crate) checksum: u64,
    pub(crate) fills: Fills,
}

/// Takes every report, until the other thread has ended and nothing waits.
pub(crate) fn drain(ring: &Ring, ended: &AtomicBool) -> Result<Drained, String> {
    let mut from = SpscConsumer::<Report, Ring>::attach(Arc::clone(ring))
        .map_err(|error| error.to_string())?;
    let mut drained = Drained { reports: 0, checksum: Fills::NONE.checksum, fills: Fills::NONE };
    loop {
        let last = ended.load(Ordering::Acquire);
        let before = drained.reports;
        while let Some(report) = from.pop().map_err(|error| error.to_string())? {
            drained.take(&report);
            // Slots go back before the other thread looks for them.
            if drained.reports.is_multiple_of(64) {
                from.release();
            }
        }
        from.release();
        if drained.reports == before {
            if last {
                return Ok(drained);
            }
            std::thread::yield_now();
        }
    }
}

impl Drained {
    fn take(&mut self, report: &Report) {
        self.reports += 1;
        let mut block = [0; Report::BYTES];
        report.write(&mut block);
        for bytes in block.chunks_exact(8) {
            let word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            self.checksum = (self.checksum ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        }
        if report.kind == EventKind::Executed {
            self.fills.fill(report.order_id, report.taker_id, report.price, report.qty);
        }
    }
}
