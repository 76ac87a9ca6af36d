//! Measures the parameters of synthetic flow on a recorded day, from its opening on. What comes
//! out are shares and quantiles over the whole day; no record of the day is in them.

use std::collections::{HashMap, HashSet, VecDeque};

use super::FlowError;
use super::file_book::FileBook;
use super::parameters::{ParameterError, Parameters, Quantiles, WHOLE};
use super::record::{Action, Event, EventKind, Record, Side};

/// Gaps up to 1 ms are within a burst: orders that answer the same news.
const SHORT_GAP_NS: u64 = 1_000_000;
/// How many orders count as the newest.
pub(super) const NEWEST: usize = 64;

/// Counts and samples of one day.
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    session_open_ns: u64,
    file: FileBook,
    opened: bool,
    last_at_ns: Option<u64>,
    last_gap_ns: u64,
    newest: VecDeque<u64>,
    last_aggressor: Option<Side>,
    adds: u64,
    cancels: u64,
    replaces: u64,
    aggressors: u64,
    reduces: u64,
    of_newest: u64,
    same_side: u64,
    sweeps: u64,
    remainders: u64,
    gap_after_short_ns: Vec<i64>,
    gap_after_long_ns: Vec<i64>,
    add_offset_ticks: Vec<i64>,
    add_qty: Vec<i64>,
    replace_offset_ticks: Vec<i64>,
    aggressor_qty: Vec<i64>,
    opening_offset_ticks: Vec<i64>,
    opening_qty: Vec<i64>,
}

impl Calibration {
    /// Measures from `session_open_ns` (UTC nanoseconds since the epoch) on.
    #[must_use]
    pub fn new(session_open_ns: u64) -> Self {
        Self { session_open_ns, ..Self::default() }
    }

    /// Takes the next event of the day.
    ///
    /// # Errors
    /// The event contradicts the ones before it.
    pub fn observe(&mut self, event: &Event) -> Result<(), FlowError> {
        if self.opened {
            self.measure_gap(event.at_ns);
            if event.has_trade() {
                self.measure_trades(&event.records);
            } else {
                event.records.iter().for_each(|record| self.measure_change(record));
            }
        }
        self.file.apply(event).map_err(|error| FlowError::Book { event: event.index, error })?;
        let open = event.kind == EventKind::Regular && event.at_ns >= self.session_open_ns;
        if !self.opened && open && !self.file.is_crossed() {
            self.opened = true;
            self.last_at_ns = Some(event.at_ns);
            self.measure_opening();
        }
        Ok(())
    }

    /// The parameters. `source` says where the day comes from, with attribution.
    ///
    /// # Errors
    /// The day lacks something that is to be measured.
    pub fn finish(self, source: &str) -> Result<Parameters, ParameterError> {
        let changes = self.cancels + self.replaces;
        let commands = self.adds + changes + self.aggressors;
        let cancel_share = share(self.cancels, commands);
        let replace_share = share(self.replaces, commands);
        let aggress_share = share(self.aggressors, commands);
        let parameters = Parameters {
            source: source.to_owned(),
            add_share: WHOLE - cancel_share - replace_share - aggress_share,
            cancel_share,
            replace_share,
            aggress_share,
            reduce_share: share(self.reduces, self.replaces),
            newest_share: share(self.of_newest, changes),
            same_side_share: share(self.same_side, self.aggressors),
            sweep_share: share(self.sweeps, self.aggressors),
            remainder_share: share(self.remainders, self.aggressors),
            short_gap_ns: SHORT_GAP_NS,
            gap_after_short_ns: Quantiles::of(self.gap_after_short_ns),
            gap_after_long_ns: Quantiles::of(self.gap_after_long_ns),
            add_offset_ticks: Quantiles::of(self.add_offset_ticks),
            add_qty: Quantiles::of(self.add_qty),
            replace_offset_ticks: Quantiles::of(self.replace_offset_ticks),
            aggressor_qty: Quantiles::of(self.aggressor_qty),
            opening_orders: u32::try_from(self.opening_qty.len()).unwrap_or(u32::MAX),
            opening_offset_ticks: Quantiles::of(self.opening_offset_ticks),
            opening_qty: Quantiles::of(self.opening_qty),
        };
        parameters.check()?;
        Ok(parameters)
    }

    fn measure_gap(&mut self, at_ns: u64) {
        let gap_ns = at_ns.saturating_sub(self.last_at_ns.replace(at_ns).unwrap_or(at_ns));
        let gaps = if self.last_gap_ns <= SHORT_GAP_NS {
            &mut self.gap_after_short_ns
        } else {
            &mut self.gap_after_long_ns
        };
        gaps.push(signed(gap_ns));
        self.last_gap_ns = gap_ns;
    }

    fn measure_opening(&mut self) {
        for id in self.file.order_ids() {
            if let Some(order) = self.file.order(id) {
                self.opening_offset_ticks.extend(self.offset(order.side, order.price));
                self.opening_qty.push(signed(order.leaves_qty));
            }
        }
    }

    /// A record of an event without a trade.
    fn measure_change(&mut self, record: &Record) {
        let Some(side) = record.side else { return };
        let id = record.flow_order_id;
        match record.action {
            Action::Add => {
                self.adds += 1;
                self.add_offset_ticks.extend(self.offset(side, record.price));
                self.add_qty.push(signed(record.qty));
                self.newest.push_back(id);
                if self.newest.len() > NEWEST {
                    self.newest.pop_front();
                }
                return;
            }
            Action::Cancel => self.cancels += 1,
            Action::Modify => {
                self.replaces += 1;
                if self.file.order(id).is_some_and(|order| order.price == record.price) {
                    self.reduces += 1;
                } else {
                    self.replace_offset_ticks.extend(self.offset(side, record.price));
                }
            }
            Action::Trade | Action::Fill | Action::Clear => return,
        }
        self.of_newest += u64::from(self.newest.contains(&id));
    }

    /// The records of an event with trades.
    fn measure_trades(&mut self, records: &[Record]) {
        let mut prices: HashMap<u64, HashSet<i64>> = HashMap::new();
        let mut qty: HashMap<u64, u64> = HashMap::new();
        let trades = records.iter().filter(|record| record.action == Action::Trade);
        for (trade, side) in trades.filter_map(|trade| Some((trade, trade.side?))) {
            let id = trade.flow_order_id;
            if prices.entry(id).or_default().is_empty() {
                self.same_side += u64::from(self.last_aggressor == Some(side));
                self.last_aggressor = Some(side);
            }
            prices.entry(id).or_default().insert(trade.price);
            *qty.entry(id).or_default() += trade.qty;
        }
        self.aggressors += qty.len() as u64;
        self.aggressor_qty.extend(qty.into_values().map(signed));
        self.sweeps += prices.values().filter(|prices| prices.len() > 1).count() as u64;
        let rests = |record: &&Record| {
            record.action == Action::Add && prices.contains_key(&record.flow_order_id)
        };
        self.remainders += records.iter().filter(rests).count() as u64;
    }

    /// Ticks from the touch of `side` into the book.
    fn offset(&self, side: Side, price: i64) -> Option<i64> {
        let touch = self.file.touch(side)?;
        Some(match side {
            Side::Buy => touch.saturating_sub(price),
            Side::Sell => price.saturating_sub(touch),
        })
    }
}

/// `part` of `whole` in ten thousandths, rounded down; 0 of nothing.
fn share(part: u64, whole: u64) -> u32 {
    let share = (part * u64::from(WHOLE)).checked_div(whole).unwrap_or_default();
    u32::try_from(share).unwrap_or(WHOLE)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::sample::{add, cancel, es_day, modify, regular, snapshot, trade};

    /// The line of attribution in the committed parameters.
    const ES_DAY: &str = "Aggregate statistics of CME ES Mar-24 on 2023-12-25 from 23:00 UTC, \
        measured on the Databento sample in nautechsystems/nautilus_trader @ a95c8042b001 \
        (LGPL-3.0); contains no record of it.";

    #[test]
    fn the_committed_parameters_are_those_of_the_recorded_day() {
        let Some((reader, open_ns)) = es_day("calibration") else { return };
        let mut calibration = Calibration::new(open_ns);
        for event in reader {
            calibration.observe(&event.unwrap()).unwrap();
        }
        let measured = calibration.finish(ES_DAY).unwrap();
        if std::env::var_os("UPDATE").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/flow/es-2023-12-25.toml");
            std::fs::write(path, measured.to_toml().unwrap()).unwrap();
        } else {
            assert_eq!(Parameters::built_in().unwrap(), measured);
        }
    }

    #[test]
    fn shares_and_offsets_are_measured_from_the_opening_on() {
        let mut calibration = Calibration::new(100);
        for event in [
            snapshot(vec![add(1, Side::Buy, 99, 3), add(2, Side::Sell, 101, 4)]),
            regular(0, 50, vec![add(3, Side::Buy, 90, 1)]),
            regular(1, 100, vec![add(4, Side::Sell, 105, 7)]),
            regular(2, 200, vec![add(5, Side::Buy, 97, 2)]),
            regular(3, 300, vec![modify(5, Side::Buy, 100, 2)]),
            regular(4, 400, vec![cancel(5, Side::Buy, 100, 2)]),
            regular(5, 2_000_000, vec![trade(9, Some(Side::Sell), 99, 3)]),
            regular(6, 2_000_500, vec![modify(4, Side::Sell, 105, 6)]),
        ] {
            calibration.observe(&event).unwrap();
        }
        let measured = calibration.finish("test").unwrap();
        assert_eq!(measured.opening_orders, 4);
        assert_eq!(measured.opening_offset_ticks.values(), [0, 0, 4, 9]);
        assert_eq!(measured.add_offset_ticks.values(), [2]);
        assert_eq!(measured.replace_offset_ticks.values(), [-1]);
        assert_eq!((measured.replace_share, measured.reduce_share), (4_000, 5_000));
        assert_eq!((measured.add_share, measured.aggress_share), (2_000, 2_000));
        assert_eq!(measured.newest_share, 6_666);
        assert_eq!(measured.gap_after_long_ns.values(), [500]);
        assert_eq!(measured.aggressor_qty.values(), [3]);
    }

    #[test]
    fn a_day_without_trades_cannot_be_measured() {
        let mut calibration = Calibration::new(0);
        calibration.observe(&regular(0, 0, vec![add(1, Side::Buy, 99, 3)])).unwrap();
        assert!(matches!(
            calibration.finish("test"),
            Err(ParameterError::Sum(_) | ParameterError::Empty(_))
        ));
    }
}
