//! A small price-time venue for the tests of flows and drivers: obvious, not fast. It does what
//! the real matcher must do for one flow, and nothing else: no members, no checks of limits.
//!
//! A replace to a lower quantity at the same price keeps its place in the queue, any other loses
//! it. In the call phase nothing matches; the change to continuous executes the largest quantity
//! that one price allows (ties: least surplus, then nearest to the last price, or to the middle
//! of the tied prices if there is none; then the lower price).

use std::collections::{BTreeMap, HashMap};

use super::file_book::{Level, Levels};
use super::record::Side;
use super::{Fill, FlowAction, FlowCommand, Phase, TimeInForce};

#[derive(Clone, Copy, Debug)]
struct Resting {
    flow_order_id: u64,
    leaves_qty: u64,
}

/// Orders of one side: price, then arrival.
type Queues = BTreeMap<i64, Vec<Resting>>;

/// One instrument's book at the venue.
#[derive(Clone, Debug)]
pub struct SlowVenue {
    bids: Queues,
    offers: Queues,
    places: HashMap<u64, (Side, i64)>,
    phase: Phase,
    last_px: Option<i64>,
    touched: Vec<(Side, i64)>,
    refused: u64,
}

impl Default for SlowVenue {
    fn default() -> Self {
        Self::new()
    }
}

impl SlowVenue {
    /// An empty book in the call phase.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bids: Queues::new(),
            offers: Queues::new(),
            places: HashMap::new(),
            phase: Phase::Call,
            last_px: None,
            touched: Vec::new(),
            refused: 0,
        }
    }

    /// Carries out `command`. Returns both sides of every execution, or `None` if it is refused
    /// (a new order under an identity that stands, a change of one that does not, no quantity).
    pub fn apply(&mut self, command: &FlowCommand) -> Option<Vec<Fill>> {
        let mut fills = Vec::new();
        let done = match command.action {
            FlowAction::New { flow_order_id, side, price, qty, time_in_force } => {
                if qty == 0 || self.places.contains_key(&flow_order_id) {
                    None
                } else {
                    let order = Resting { flow_order_id, leaves_qty: qty };
                    let rests = time_in_force == TimeInForce::Day;
                    self.enter(order, side, price, rests, &mut fills);
                    Some(())
                }
            }
            FlowAction::Replace { flow_order_id, price, leaves_qty, .. } => {
                self.replace(flow_order_id, price, leaves_qty, &mut fills)
            }
            FlowAction::Cancel { flow_order_id } => self.take_out(flow_order_id).map(drop),
            FlowAction::Phase(phase) => {
                if self.phase == Phase::Call && phase == Phase::Continuous {
                    self.uncross(&mut fills);
                }
                self.phase = phase;
                Some(())
            }
        };
        self.refused += u64::from(done.is_none());
        done.map(|()| fills)
    }

    /// Commands refused so far.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The current phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How many orders rest.
    #[must_use]
    pub fn order_count(&self) -> usize {
        self.places.len()
    }

    /// The best price of `side`, ticks.
    #[must_use]
    pub fn touch(&self, side: Side) -> Option<i64> {
        match side {
            Side::Buy => self.bids.keys().next_back().copied(),
            Side::Sell => self.offers.keys().next().copied(),
        }
    }

    /// Whether the best bid is at or above the best offer.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        match (self.touch(Side::Buy), self.touch(Side::Sell)) {
            (Some(bid), Some(offer)) => bid >= offer,
            _ => false,
        }
    }

    /// The levels touched since the last call, with repetitions, in order.
    pub fn take_touched(&mut self) -> Vec<(Side, i64)> {
        std::mem::take(&mut self.touched)
    }

    fn queues(&mut self, side: Side) -> &mut Queues {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.offers,
        }
    }

    fn take_out(&mut self, flow_order_id: u64) -> Option<(Side, Resting)> {
        let (side, price) = self.places.remove(&flow_order_id)?;
        self.touched.push((side, price));
        let queues = self.queues(side);
        let queue = queues.get_mut(&price)?;
        let at = queue.iter().position(|order| order.flow_order_id == flow_order_id)?;
        let order = queue.remove(at);
        if queue.is_empty() {
            queues.remove(&price);
        }
        Some((side, order))
    }

    fn replace(
        &mut self,
        flow_order_id: u64,
        price: i64,
        leaves_qty: u64,
        fills: &mut Vec<Fill>,
    ) -> Option<()> {
        let (side, old_price) = *self.places.get(&flow_order_id)?;
        if leaves_qty == 0 {
            return None;
        }
        let queue = self.queues(side).get_mut(&old_price)?;
        let order = queue.iter_mut().find(|order| order.flow_order_id == flow_order_id)?;
        if price == old_price && leaves_qty < order.leaves_qty {
            order.leaves_qty = leaves_qty;
            self.touched.push((side, price));
        } else {
            self.take_out(flow_order_id)?;
            self.enter(Resting { flow_order_id, leaves_qty }, side, price, true, fills);
        }
        Some(())
    }

    fn enter(
        &mut self,
        mut order: Resting,
        side: Side,
        price: i64,
        rests: bool,
        fills: &mut Vec<Fill>,
    ) {
        while self.phase == Phase::Continuous && order.leaves_qty > 0 {
            let Some(touch) = self.touch(side.opposite()) else { break };
            if side.is_better(touch, price) {
                break;
            }
            let flow_order_id = order.flow_order_id;
            let last_qty = self.execute(side.opposite(), touch, touch, order.leaves_qty, fills);
            order.leaves_qty -= last_qty;
            fills.push(Fill { flow_order_id, resting: false, last_px: touch, last_qty });
            self.last_px = Some(touch);
        }
        if order.leaves_qty > 0 && rests {
            self.places.insert(order.flow_order_id, (side, price));
            self.queues(side).entry(price).or_default().push(order);
            self.touched.push((side, price));
        }
    }

    /// Executes the first order of the queue at `price` for at most `qty`. Returns how much.
    fn execute(
        &mut self,
        side: Side,
        price: i64,
        last_px: i64,
        qty: u64,
        fills: &mut Vec<Fill>,
    ) -> u64 {
        let Some(first) = self.queues(side).get_mut(&price).and_then(|queue| queue.first_mut())
        else {
            return 0;
        };
        let last_qty = first.leaves_qty.min(qty);
        first.leaves_qty -= last_qty;
        let Resting { flow_order_id, leaves_qty } = *first;
        if leaves_qty == 0 {
            self.take_out(flow_order_id);
        }
        self.touched.push((side, price));
        fills.push(Fill { flow_order_id, resting: true, last_px, last_qty });
        last_qty
    }

    fn uncross(&mut self, fills: &mut Vec<Fill>) {
        let Some(last_px) = self.uncross_price() else { return };
        while let (Some(bid), Some(offer)) = (self.touch(Side::Buy), self.touch(Side::Sell)) {
            if bid < last_px || offer > last_px {
                break;
            }
            let first = |queue: Option<&Vec<Resting>>| {
                queue.and_then(|queue| queue.first()).map_or(0, |order| order.leaves_qty)
            };
            let qty = first(self.bids.get(&bid)).min(first(self.offers.get(&offer)));
            self.execute(Side::Buy, bid, last_px, qty, fills);
            self.execute(Side::Sell, offer, last_px, qty, fills);
        }
        self.last_px = Some(last_px);
    }

    /// The price of the uncross, `None` if the book is not crossed.
    fn uncross_price(&self) -> Option<i64> {
        let (bid, offer) = (self.touch(Side::Buy)?, self.touch(Side::Sell)?);
        if bid < offer {
            return None;
        }
        let qty = |queue: &Vec<Resting>| queue.iter().map(|o| o.leaves_qty).sum::<u64>();
        let candidates: Vec<(i64, u64, u64)> = (offer..=bid)
            .map(|price| {
                let bought: u64 = self.bids.range(price..).map(|(_, queue)| qty(queue)).sum();
                let sold: u64 = self.offers.range(..=price).map(|(_, queue)| qty(queue)).sum();
                (price, bought.min(sold), bought.abs_diff(sold))
            })
            .collect();
        let most = candidates.iter().map(|(_, volume, _)| *volume).max()?;
        let largest = candidates.iter().filter(|(_, volume, _)| *volume == most);
        let least = largest.clone().map(|(_, _, surplus)| *surplus).min()?;
        let tied: Vec<i64> = largest
            .filter(|(_, _, surplus)| *surplus == least)
            .map(|(price, _, _)| *price)
            .collect();
        let middle = (tied.first()? + tied.last()?).div_euclid(2);
        let reference = self.last_px.unwrap_or(middle);
        tied.into_iter().min_by_key(|price| (price.abs_diff(reference), *price))
    }
}

impl Levels for SlowVenue {
    fn level(&self, side: Side, price: i64) -> Level {
        let queues = match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.offers,
        };
        queues.get(&price).map_or_else(Level::default, |queue| Level {
            qty: queue.iter().map(|order| order.leaves_qty).sum(),
            order_count: queue.len() as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::sample::command;

    fn new(flow_order_id: u64, side: Side, price: i64, qty: u64) -> FlowAction {
        FlowAction::New { flow_order_id, side, price, qty, time_in_force: TimeInForce::Day }
    }

    fn replace(flow_order_id: u64, price: i64, leaves_qty: u64) -> FlowAction {
        FlowAction::Replace { flow_order_id, price, leaves_qty, order_qty: leaves_qty }
    }

    fn venue(phase: Phase, actions: &[FlowAction]) -> SlowVenue {
        let mut venue = SlowVenue::new();
        venue.apply(&command(FlowAction::Phase(phase)));
        for action in actions {
            assert!(venue.apply(&command(*action)).is_some(), "{action:?}");
        }
        venue
    }

    fn resting(fills: &[Fill]) -> Vec<(u64, i64, u64)> {
        let resting = fills.iter().filter(|fill| fill.resting);
        resting.map(|fill| (fill.flow_order_id, fill.last_px, fill.last_qty)).collect()
    }

    #[test]
    fn an_aggressor_meets_the_best_price_first_and_the_oldest_order_in_it() {
        let book =
            [new(1, Side::Sell, 102, 5), new(2, Side::Sell, 101, 5), new(3, Side::Sell, 101, 5)];
        let mut venue = venue(Phase::Continuous, &book);
        let fills = venue.apply(&command(new(4, Side::Buy, 102, 12))).unwrap();
        assert_eq!(resting(&fills), [(2, 101, 5), (3, 101, 5), (1, 102, 2)]);
        assert_eq!(venue.level(Side::Sell, 102), Level { qty: 3, order_count: 1 });
    }

    #[test]
    fn only_a_replace_to_a_lower_quantity_keeps_the_place_in_the_queue() {
        for (change, first) in
            [(replace(1, 101, 4), 1), (replace(1, 101, 5), 2), (replace(1, 101, 6), 2)]
        {
            let book = [new(1, Side::Sell, 101, 5), new(2, Side::Sell, 101, 5), change];
            let mut venue = venue(Phase::Continuous, &book);
            let fills = venue.apply(&command(new(3, Side::Buy, 101, 1))).unwrap();
            assert_eq!(resting(&fills), [(first, 101, 1)], "{change:?}");
        }
    }

    #[test]
    fn the_uncross_executes_the_largest_quantity_at_one_price() {
        let book = [
            new(1, Side::Buy, 103, 5),
            new(2, Side::Buy, 101, 5),
            new(3, Side::Sell, 100, 4),
            new(4, Side::Sell, 102, 3),
        ];
        let mut venue = venue(Phase::Call, &book);
        let fills = venue.apply(&command(FlowAction::Phase(Phase::Continuous))).unwrap();
        // At 102 and 103: 5 bought, 7 sold; at 100 and 101: 10 bought, 4 sold. Largest 5, and
        // of two equal prices the lower middle.
        assert_eq!(resting(&fills), [(1, 102, 4), (3, 102, 4), (1, 102, 1), (4, 102, 1)]);
        assert!(!venue.is_crossed());
        assert_eq!(venue.order_count(), 2);
    }

    #[test]
    fn a_command_about_an_order_that_does_not_stand_is_refused() {
        let mut venue = venue(Phase::Continuous, &[new(1, Side::Buy, 100, 5)]);
        assert_eq!(venue.apply(&command(new(1, Side::Buy, 100, 5))), None);
        assert_eq!(venue.apply(&command(replace(2, 100, 5))), None);
        assert_eq!(venue.apply(&command(FlowAction::Cancel { flow_order_id: 2 })), None);
        assert_eq!(venue.refused(), 3);
    }
}
