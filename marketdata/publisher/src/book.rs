//! The publisher's own books: the resting orders of each instrument in the order in which a
//! snapshot lists them.

use std::collections::{BTreeMap, HashMap};

use touchline_feed_codec::{SnapshotOrder, SnapshotStart};
use touchline_types::{PublicKind, PublicRecord, Side, TradingPhase};

/// `last_px` of an instrument that has not traded.
const NO_PRICE: i64 = i64::MIN;

/// Place in a side: rank of the price (best first), priority, order.
type Place = (i64, u64, u64);

/// A record that does not fit the book that it belongs to: a bug in the engine or here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misfit;

/// The book of an instrument.
#[derive(Debug)]
pub(crate) struct Book {
    instrument_id: u32,
    phase: TradingPhase,
    last_px: i64,
    last_seq: u64,
    rpt_seq: u32,
    places: HashMap<u64, (Side, Place)>,
    /// Quantity of each order, bids and then offers.
    sides: [BTreeMap<Place, u64>; 2],
}

impl Book {
    pub(crate) fn new(instrument_id: u32, phase: TradingPhase) -> Self {
        Self {
            instrument_id,
            phase,
            last_px: NO_PRICE,
            last_seq: 0,
            rpt_seq: 0,
            places: HashMap::new(),
            sides: [BTreeMap::new(), BTreeMap::new()],
        }
    }

    pub(crate) const fn phase(&self) -> TradingPhase {
        self.phase
    }

    /// Takes the next number for a message of this instrument.
    pub(crate) const fn next_rpt_seq(&mut self) -> u32 {
        self.rpt_seq = self.rpt_seq.wrapping_add(1);
        self.rpt_seq
    }

    /// A new session numbers messages from 1 again.
    pub(crate) const fn start_session(&mut self) {
        self.rpt_seq = 0;
    }

    pub(crate) fn apply(&mut self, record: &PublicRecord) -> Result<(), Misfit> {
        self.last_seq = record.seq;
        match record.kind {
            PublicKind::Add => self.add(record),
            PublicKind::Execute => {
                self.last_px = record.price;
                self.reduce(record.order_id, record.qty)
            }
            PublicKind::Cancel => self.reduce(record.order_id, record.qty),
            PublicKind::Delete => self.remove(record.order_id),
            PublicKind::Replace => {
                self.remove(record.order_id)?;
                self.add(record)
            }
            PublicKind::Phase => {
                self.phase = record.phase;
                Ok(())
            }
            PublicKind::Uncross => {
                self.last_px = record.price;
                Ok(())
            }
        }
    }

    fn add(&mut self, record: &PublicRecord) -> Result<(), Misfit> {
        // `!price` turns the order of prices round without a value that it cannot turn.
        let rank = if record.side == Side::Buy { !record.price } else { record.price };
        let place = (rank, record.priority, record.order_id);
        if self.places.insert(record.order_id, (record.side, place)).is_some() {
            return Err(Misfit);
        }
        self.side(record.side).insert(place, record.qty);
        Ok(())
    }

    fn reduce(&mut self, order_id: u64, by: u64) -> Result<(), Misfit> {
        let (side, place) = *self.places.get(&order_id).ok_or(Misfit)?;
        let qty = self.side(side).get_mut(&place).ok_or(Misfit)?;
        *qty = qty.checked_sub(by).ok_or(Misfit)?;
        if *qty == 0 { self.remove(order_id) } else { Ok(()) }
    }

    fn remove(&mut self, order_id: u64) -> Result<(), Misfit> {
        let (side, place) = self.places.remove(&order_id).ok_or(Misfit)?;
        self.side(side).remove(&place).map(|_| ()).ok_or(Misfit)
    }

    fn side(&mut self, side: Side) -> &mut BTreeMap<Place, u64> {
        &mut self.sides[usize::from(side == Side::Sell)]
    }

    /// First message of a snapshot as the book stands now.
    pub(crate) fn snapshot_start(
        &self,
        last_sequence: u64,
        cycle: u32,
        instrument_count: u32,
    ) -> SnapshotStart {
        SnapshotStart {
            last_sequence,
            last_seq: self.last_seq,
            order_count: u32::try_from(self.places.len()).unwrap_or(u32::MAX),
            last_rpt_seq: self.rpt_seq,
            instrument_id: self.instrument_id,
            instrument_count,
            cycle,
            phase: self.phase,
            reserved: [0; 3],
            last_px: self.last_px,
        }
    }

    /// The resting orders: bids and then offers, best price first, in queue order.
    pub(crate) fn orders(&self) -> impl Iterator<Item = SnapshotOrder> + '_ {
        let [bids, offers] = &self.sides;
        let order = |side, price: i64, place: &Place, qty: u64| SnapshotOrder {
            order_id: place.2,
            price,
            qty,
            priority: place.1,
            instrument_id: self.instrument_id,
            side,
            reserved: [0; 3],
        };
        let bids = bids.iter().map(move |(place, qty)| order(Side::Buy, !place.0, place, *qty));
        let offers = offers.iter().map(move |(place, qty)| order(Side::Sell, place.0, place, *qty));
        bids.chain(offers)
    }
}
