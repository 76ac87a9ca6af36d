//! Synthetic order flow: for people without data, and for tests. Seeded; the same seed and the
//! same fills give the same flow on every machine.
//!
//! Arrivals come in bursts (the next gap depends on whether the last was short), prices stand at
//! drawn distances from the touch, aggressors take the other side, some through several prices.
//! Resting orders never cross the flow's own view of the book, which is exact as long as every
//! fill is passed on before the next step where a step asks to settle, and nobody else trades.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::calibration::NEWEST;
use super::file_book::{Level, Levels};
use super::parameters::{ParameterError, Parameters};
use super::random::Random;
use super::record::Side;
use super::{Boundary, Fill, Flow, FlowAction, FlowCommand, FlowError, Phase, Step, TimeInForce};

/// A cancel that would leave fewer orders on a side than this becomes a new order there.
const SIDE_ORDERS_MIN: u64 = 8;
/// A sweep goes at most so many ticks beyond the touch.
const SWEEP_TICKS_MAX: u64 = 4;

/// What to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntheticOptions {
    /// Decides everything that is drawn.
    pub seed: u64,
    /// Time of the first command, UTC nanoseconds since the epoch.
    pub start_ns: u64,
    /// The best bid of each instrument at the start, ticks; the best offer is one above. At least
    /// 1; a price of many times the usual offsets keeps the bids from piling up at 1.
    pub prices: Vec<i64>,
    /// Opening orders per instrument, `None` for as many as the measured day had.
    pub opening_orders: Option<u32>,
    /// Orders per instrument that never are exceeded: from there on, new orders become cancels.
    pub orders_max: usize,
    /// Ends after so many commands (the opening not counted); `None` never ends.
    pub commands_max: Option<u64>,
}

impl Default for SyntheticOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            start_ns: 0,
            prices: vec![20_000],
            opening_orders: None,
            orders_max: 20_000,
            commands_max: None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Order {
    instrument: usize,
    side: Side,
    price: i64,
    leaves_qty: u64,
    cum_qty: u64,
    /// Place in `Instrument::ids`.
    at: usize,
}

/// The flow's view of one instrument.
#[derive(Clone, Debug, Default)]
struct Instrument {
    bids: BTreeMap<i64, Level>,
    offers: BTreeMap<i64, Level>,
    counts: [u64; 2],
    ids: Vec<u64>,
    newest: VecDeque<u64>,
    last_aggressor: Option<Side>,
    last_px: i64,
    next_at_ns: u64,
    last_gap_ns: u64,
}

impl Instrument {
    fn levels_mut(&mut self, side: Side) -> &mut BTreeMap<i64, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.offers,
        }
    }

    fn touch(&self, side: Side) -> Option<i64> {
        match side {
            Side::Buy => self.bids.keys().next_back().copied(),
            Side::Sell => self.offers.keys().next().copied(),
        }
    }

    /// Price `offset` ticks behind the touch of `side`, but short of the other side's touch.
    fn resting_price(&self, side: Side, offset: i64) -> i64 {
        let short_of = |touch| side.towards(touch, -1);
        let limit = self.touch(side.opposite()).map(short_of);
        let touch = self.touch(side).or(limit).unwrap_or(short_of(self.last_px));
        let price = side.towards(touch, offset.saturating_neg());
        match limit {
            Some(limit) if side.is_better(price, limit) => limit,
            _ => price.max(1),
        }
    }
}

impl Levels for Instrument {
    fn level(&self, side: Side, price: i64) -> Level {
        match side {
            Side::Buy => self.bids.get(&price),
            Side::Sell => self.offers.get(&price),
        }
        .copied()
        .unwrap_or_default()
    }
}

/// Makes order flow from parameters and a seed. Asks to settle after each aggressor.
#[derive(Clone, Debug)]
pub struct Synthetic {
    parameters: Parameters,
    options: SyntheticOptions,
    random: Random,
    instruments: Vec<Instrument>,
    orders: HashMap<u64, Order>,
    opened: bool,
    last_order_id: u64,
    last_command_id: u64,
    commands: u64,
    refused: u64,
}

impl Synthetic {
    /// A flow with `parameters` as `options` say.
    ///
    /// # Errors
    /// The parameters do not pass [`Parameters::check`].
    pub fn new(parameters: Parameters, options: SyntheticOptions) -> Result<Self, ParameterError> {
        parameters.check()?;
        let instrument = |price: &i64| Instrument {
            last_px: *price,
            next_at_ns: options.start_ns,
            ..Instrument::default()
        };
        Ok(Self {
            parameters,
            random: Random::new(options.seed),
            instruments: options.prices.iter().map(instrument).collect(),
            options,
            orders: HashMap::new(),
            opened: false,
            last_order_id: 0,
            last_command_id: 0,
            commands: 0,
            refused: 0,
        })
    }

    /// What the flow believes to stand in the book of instrument `index`, if it has one.
    #[must_use]
    pub fn book(&self, index: u32) -> Option<&impl Levels> {
        self.instruments.get(index as usize)
    }

    /// How many orders the flow believes to stand, over all instruments.
    #[must_use]
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// Commands that the venue refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    fn open(&mut self) -> Step {
        let start_ns = self.options.start_ns;
        let count = self.options.opening_orders.unwrap_or(self.parameters.opening_orders);
        let mut commands = Vec::new();
        for (instrument, price) in self.options.prices.clone().into_iter().enumerate() {
            let phase = FlowAction::Phase(Phase::Call);
            commands.push(self.command(instrument, start_ns, phase));
            for n in 0..count {
                let side = if n % 2 == 0 { Side::Buy } else { Side::Sell };
                // The first order of each side makes the touch.
                let offset = match n {
                    0 | 1 => 0,
                    _ => self.parameters.opening_offset_ticks.draw(&mut self.random),
                };
                let touch = price + i64::from(side == Side::Sell);
                let price = side.towards(touch, offset.saturating_neg()).max(1);
                let qty = self.parameters.opening_qty.draw(&mut self.random).unsigned_abs();
                commands.push(self.add(instrument, start_ns, side, price, qty));
            }
            let phase = FlowAction::Phase(Phase::Continuous);
            commands.push(self.command(instrument, start_ns, phase));
            self.draw_gap(instrument);
        }
        self.opened = true;
        Step { commands, settle: true, boundary: Boundary::Opened }
    }

    /// The next command of the instrument whose turn it is.
    fn advance(&mut self) -> Option<Step> {
        let turn = self.instruments.iter().enumerate().min_by_key(|(_, state)| state.next_at_ns);
        let (instrument, at_ns) = turn.map(|(index, state)| (index, state.next_at_ns))?;
        let event = self.commands;
        self.commands += 1;
        let (command, settle) = self.draw_command(instrument, at_ns);
        self.draw_gap(instrument);
        Some(Step { commands: vec![command], settle, boundary: Boundary::EventEnd(event) })
    }

    fn draw_gap(&mut self, instrument: usize) {
        let Some(state) = self.instruments.get_mut(instrument) else { return };
        let gaps = if state.last_gap_ns <= self.parameters.short_gap_ns {
            &self.parameters.gap_after_short_ns
        } else {
            &self.parameters.gap_after_long_ns
        };
        state.last_gap_ns = gaps.draw_between(&mut self.random).unsigned_abs();
        state.next_at_ns = state.next_at_ns.saturating_add(state.last_gap_ns);
    }

    /// A command, and whether it is to execute.
    fn draw_command(&mut self, instrument: usize, at_ns: u64) -> (FlowCommand, bool) {
        let p = &self.parameters;
        let (adds, cancels, replaces) = (p.add_share, p.cancel_share, p.replace_share);
        let drawn = self.random.below(10_000) as u32;
        let full = self
            .instruments
            .get(instrument)
            .is_some_and(|state| state.ids.len() >= self.options.orders_max);
        let command = if drawn < adds && !full {
            None
        } else if drawn < adds + cancels {
            self.draw_cancel(instrument, at_ns, full)
        } else if drawn < adds + cancels + replaces {
            self.draw_replace(instrument, at_ns)
        } else if let Some(command) = self.draw_aggressor(instrument, at_ns) {
            return (command, true);
        } else {
            None
        };
        // Where there is nothing to cancel, replace or take, an order is added.
        (command.unwrap_or_else(|| self.draw_add(instrument, at_ns)), false)
    }

    fn draw_side(&mut self) -> Side {
        if self.random.below(2) == 0 { Side::Buy } else { Side::Sell }
    }

    fn draw_add(&mut self, instrument: usize, at_ns: u64) -> FlowCommand {
        let thin = self.instruments.get(instrument).and_then(|state| {
            let few = |side: &Side| state.counts[*side as usize] < SIDE_ORDERS_MIN;
            Side::BOTH.into_iter().find(few)
        });
        let drawn = self.draw_side();
        let side = thin.unwrap_or(drawn);
        let offset = self.parameters.add_offset_ticks.draw(&mut self.random);
        let qty = self.parameters.add_qty.draw(&mut self.random).unsigned_abs();
        let price =
            self.instruments.get(instrument).map_or(1, |state| state.resting_price(side, offset));
        self.add(instrument, at_ns, side, price, qty)
    }

    fn draw_cancel(&mut self, instrument: usize, at_ns: u64, full: bool) -> Option<FlowCommand> {
        let (flow_order_id, order) = self.draw_order(instrument)?;
        let state = self.instruments.get(instrument)?;
        if !full && state.counts[order.side as usize] <= SIDE_ORDERS_MIN {
            return None;
        }
        self.take_out(flow_order_id);
        Some(self.command(instrument, at_ns, FlowAction::Cancel { flow_order_id }))
    }

    fn draw_replace(&mut self, instrument: usize, at_ns: u64) -> Option<FlowCommand> {
        let (flow_order_id, order) = self.draw_order(instrument)?;
        let reduce = self.random.happens(self.parameters.reduce_share) && order.leaves_qty > 1;
        let (price, leaves_qty) = if reduce {
            (order.price, 1 + self.random.below(order.leaves_qty - 1))
        } else {
            let offset = self.parameters.replace_offset_ticks.draw(&mut self.random);
            (self.instruments.get(instrument)?.resting_price(order.side, offset), order.leaves_qty)
        };
        self.take_out(flow_order_id);
        self.put_in(flow_order_id, Order { price, leaves_qty, ..order });
        let order_qty = leaves_qty + order.cum_qty;
        let action = FlowAction::Replace { flow_order_id, price, leaves_qty, order_qty };
        Some(self.command(instrument, at_ns, action))
    }

    fn draw_aggressor(&mut self, instrument: usize, at_ns: u64) -> Option<FlowCommand> {
        let drawn = self.draw_side();
        let state = self.instruments.get(instrument)?;
        let again = self.random.happens(self.parameters.same_side_share);
        let side = match state.last_aggressor {
            Some(last) if again => last,
            Some(last) => last.opposite(),
            None => drawn,
        };
        let touch = state.touch(side.opposite())?;
        let mut qty = self.parameters.aggressor_qty.draw(&mut self.random).unsigned_abs();
        let mut price = touch;
        if self.random.happens(self.parameters.sweep_share) {
            let beyond = 1 + self.random.below(SWEEP_TICKS_MAX);
            price = side.towards(touch, i64::try_from(beyond).unwrap_or(1));
            qty = qty.saturating_add(state.level(side.opposite(), touch).qty);
        }
        let rests = self.random.happens(self.parameters.remainder_share);
        if let Some(state) = self.instruments.get_mut(instrument) {
            (state.last_aggressor, state.last_px) = (Some(side), touch);
        }
        if rests {
            return Some(self.add(instrument, at_ns, side, price, qty));
        }
        self.last_order_id += 1;
        let flow_order_id = self.last_order_id;
        let time_in_force = TimeInForce::ImmediateOrCancel;
        let action = FlowAction::New { flow_order_id, side, price, qty, time_in_force };
        Some(self.command(instrument, at_ns, action))
    }

    fn draw_order(&mut self, instrument: usize) -> Option<(u64, Order)> {
        let newest = self.random.happens(self.parameters.newest_share);
        let state = self.instruments.get(instrument)?;
        let recent = state.newest.get(self.random.below(state.newest.len() as u64) as usize);
        let any = state.ids.get(self.random.below(state.ids.len() as u64) as usize);
        let recent = recent.filter(|id| newest && self.orders.contains_key(id));
        let id = *recent.or(any)?;
        self.orders.get(&id).map(|order| (id, *order))
    }

    fn add(
        &mut self,
        instrument: usize,
        at_ns: u64,
        side: Side,
        price: i64,
        qty: u64,
    ) -> FlowCommand {
        self.last_order_id += 1;
        let flow_order_id = self.last_order_id;
        let order = Order { instrument, side, price, leaves_qty: qty, cum_qty: 0, at: 0 };
        self.put_in(flow_order_id, order);
        if let Some(state) = self.instruments.get_mut(instrument) {
            state.newest.push_back(flow_order_id);
            if state.newest.len() > NEWEST {
                state.newest.pop_front();
            }
        }
        let time_in_force = TimeInForce::Day;
        let action = FlowAction::New { flow_order_id, side, price, qty, time_in_force };
        self.command(instrument, at_ns, action)
    }

    fn command(&mut self, instrument: usize, at_ns: u64, action: FlowAction) -> FlowCommand {
        self.last_command_id += 1;
        let instrument = u32::try_from(instrument).unwrap_or(u32::MAX);
        FlowCommand { command_id: self.last_command_id, at_ns, instrument, action }
    }

    fn put_in(&mut self, flow_order_id: u64, mut order: Order) {
        let Some(state) = self.instruments.get_mut(order.instrument) else { return };
        order.at = state.ids.len();
        state.ids.push(flow_order_id);
        state.counts[order.side as usize] += 1;
        let level = state.levels_mut(order.side).entry(order.price).or_default();
        level.qty += order.leaves_qty;
        level.order_count += 1;
        self.orders.insert(flow_order_id, order);
    }

    fn take_out(&mut self, flow_order_id: u64) {
        let Some(order) = self.orders.remove(&flow_order_id) else { return };
        let Some(state) = self.instruments.get_mut(order.instrument) else { return };
        state.ids.swap_remove(order.at);
        if let Some(moved) = state.ids.get(order.at).and_then(|id| self.orders.get_mut(id)) {
            moved.at = order.at;
        }
        state.counts[order.side as usize] -= 1;
        let levels = state.levels_mut(order.side);
        if let Some(level) = levels.get_mut(&order.price) {
            level.qty -= order.leaves_qty;
            level.order_count -= 1;
            if level.order_count == 0 {
                levels.remove(&order.price);
            }
        }
    }
}

impl Flow for Synthetic {
    fn next_step(&mut self) -> Result<Option<Step>, FlowError> {
        if !self.opened {
            return Ok(Some(self.open()));
        }
        if self.options.commands_max.is_some_and(|max| self.commands >= max) {
            return Ok(None);
        }
        Ok(self.advance())
    }

    fn on_fill(&mut self, fill: &Fill) {
        let Some(order) = self.orders.get_mut(&fill.flow_order_id) else { return };
        let last_qty = fill.last_qty.min(order.leaves_qty);
        order.leaves_qty -= last_qty;
        order.cum_qty += last_qty;
        let Order { instrument, side, price, leaves_qty, .. } = *order;
        let state = self.instruments.get_mut(instrument);
        if let Some(level) = state.and_then(|state| state.levels_mut(side).get_mut(&price)) {
            level.qty -= last_qty;
        }
        if leaves_qty == 0 {
            self.take_out(fill.flow_order_id);
        }
    }

    fn on_refused(&mut self, command: &FlowCommand) {
        self.refused += 1;
        if let FlowAction::New { flow_order_id, .. } = command.action {
            self.take_out(flow_order_id);
        }
    }
}

#[cfg(test)]
#[path = "synthetic_tests.rs"]
mod tests;
