//! Changes of phase, and the uncross with which the continuous one begins: one price at which the
//! crossed part of a book executes.
//!
//! The price is, among all prices in price units,
//!
//! 1. one of maximum executable volume: the smaller of the bid quantity at that price or higher
//!    and the offer quantity at that price or lower;
//! 2. of these, one of minimum absolute surplus, which is the difference of the two;
//! 3. of these, the highest if bids are left over at all of them, the lowest if offers are left
//!    over at all of them, else the nearest to the last traded price, and without a last traded
//!    price the middle of them, rounded down.
//!
//! Volume falls to both sides of its maximum and the signed surplus only falls as the price
//! rises, so the prices that pass each rule are one range without holes. Both quantities change
//! only at limit prices, so it is enough to look at each stretch between them, once.
//!
//! Execution is by price, then priority, on both sides: the two orders in front execute against
//! each other until the volume is done. Afterwards the book is not crossed: were a bid left at or
//! above an offer that is left, the volume at its price would have been larger.

use touchline_types::{Command, EventFlags, EventKind, Side, TradingPhase};

use crate::book::{Books, PricedLevel};
use crate::emitter::{Emitter, EventSink};
use crate::fills::Fill;
use crate::gates;
use crate::invariant::{certain, invariant, less, more};
use crate::matcher::{Matcher, reject};
use crate::storage::Memory;

/// Prices that tie so far, and what they tie with.
struct Best {
    volume: u64,
    /// Absolute surplus.
    surplus: u64,
    low: i64,
    high: i64,
    /// Every price leaves bids over.
    bids_over: bool,
    /// Every price leaves offers over.
    offers_over: bool,
}

/// Price and volume of an uncross.
struct Uncross {
    px: i64,
    volume: u64,
}

impl<M: Memory> Matcher<M> {
    /// Changes the phase of an instrument; into the continuous one with an uncross.
    pub(crate) fn change_phase<K: EventSink>(
        &mut self,
        command: &Command,
        out: &mut Emitter<'_, K>,
    ) {
        let instrument = match gates::change_phase(&self.books, command) {
            Ok(found) => found,
            Err(reason) => return reject(command, reason, out),
        };
        self.change_instrument(instrument, |each| each.phase = command.phase);
        self.woken = instrument;
        let event = out.begin(EventKind::PhaseChanged);
        event.instrument_id = command.instrument_id;
        event.phase = command.phase;
        if command.phase == TradingPhase::Continuous {
            self.uncross(instrument, out);
            invariant(!self.is_crossed(instrument), "no book is crossed in the continuous phase");
        }
    }

    /// Executes what is crossed or locked; nothing where the book is neither.
    fn uncross<K: EventSink>(&mut self, instrument: u32, out: &mut Emitter<'_, K>) {
        let last_px = self.books.instrument(instrument).last_px;
        let Some(Uncross { px, volume }) = find(&self.books, instrument, last_px) else { return };
        let event = out.begin(EventKind::Uncrossed);
        event.instrument_id = self.books.instrument(instrument).instrument_id;
        event.last_px = px;
        event.last_qty = volume;
        event.flags = EventFlags::UNCROSS;

        let resting = EventFlags::UNCROSS.with(EventFlags::RESTING);
        let mut missing = volume;
        while missing > 0 {
            let bid = self.front(instrument, Side::Buy);
            let offer = self.front(instrument, Side::Sell);
            let bid_qty = self.at_hand(bid);
            let offer_qty = self.at_hand(offer);
            let qty = missing.min(bid_qty).min(offer_qty);
            let fill = Fill { px, qty, trd_match_id: self.next_trd_match_id() };
            let printed = resting.with(EventFlags::PRINTABLE);
            let [bid_name, offer_name] = [bid, offer].map(|slot| self.names.spot_of(slot));
            let bid_is_spent = self.fill_resting(bid, bid_name, &fill, printed, out);
            let offer_is_spent = self.fill_resting(offer, offer_name, &fill, resting, out);
            for (slot, is_spent) in [(bid, bid_is_spent), (offer, offer_is_spent)] {
                if is_spent {
                    self.replenish(slot, out);
                }
            }
            missing = less(missing, qty);
        }
        self.change_instrument(instrument, |each| each.last_px = Some(px));
    }

    /// True if the touch of the bids is at or above that of the offers.
    pub(crate) fn is_crossed(&self, instrument: u32) -> bool {
        let bid = self.books.best_price(instrument, Side::Buy);
        let offer = self.books.best_price(instrument, Side::Sell);
        matches!((bid, offer), (Some(bid), Some(offer)) if bid >= offer)
    }

    fn front(&self, instrument: u32, side: Side) -> u32 {
        certain(self.books.touch(instrument, side), "the volume is there to execute").head
    }
}

fn find<M: Memory>(books: &Books<M>, instrument: u32, last_px: Option<i64>) -> Option<Uncross> {
    let lowest = books.best_price(instrument, Side::Sell)?;
    let highest = books.best_price(instrument, Side::Buy)?;
    if lowest > highest {
        return None;
    }
    let bids = books.levels_up(instrument, Side::Buy, lowest);
    let offers = books.levels(instrument, Side::Sell);
    let best = scan(bids, offers, lowest, highest)?;
    let px = if best.bids_over {
        best.high
    } else if best.offers_over {
        best.low
    } else {
        match last_px {
            // Not `clamp`: it ends the process where the bounds are not in order.
            Some(px) => px.max(best.low).min(best.high),
            None => middle(best.low, best.high),
        }
    };
    Some(Uncross { px, volume: best.volume })
}

/// Looks at each stretch of prices from the best offer up to the best bid. Both walks, over bids
/// from the lowest price on and over offers, go up in price.
fn scan(
    bids: impl Iterator<Item = PricedLevel> + Clone,
    offers: impl Iterator<Item = PricedLevel>,
    lowest: i64,
    highest: i64,
) -> Option<Best> {
    let mut bid_qty = bids.clone().fold(0, |sum, bid| more(sum, bid.qty));
    let mut bids_up = bids.peekable();
    let mut offers_up = offers.peekable();
    let mut offer_qty = 0;
    let mut best: Option<Best> = None;
    let mut low = lowest;
    loop {
        // Not `next_if`: it checks by a panic that it has looked at nothing already.
        while let Some(offer) = offers_up.peek()
            && offer.price <= low
        {
            offer_qty = more(offer_qty, offer.qty);
            offers_up.next();
        }
        let until_offer = offers_up.peek().map_or(highest, |offer| offer.price.saturating_sub(1));
        let until_bid = bids_up.peek().map_or(highest, |bid| bid.price);
        let high = until_offer.min(until_bid);
        best = Some(better(best, low, high, bid_qty, offer_qty));
        if high >= highest {
            return best;
        }
        if let Some(bid) = bids_up.peek()
            && bid.price == high
        {
            bid_qty = less(bid_qty, bid.qty);
            bids_up.next();
        }
        low = high.checked_add(1)?;
    }
}

/// The better of what was found so far and a further stretch; a tie widens it.
fn better(so_far: Option<Best>, low: i64, high: i64, bid_qty: u64, offer_qty: u64) -> Best {
    let found = Best {
        volume: bid_qty.min(offer_qty),
        surplus: bid_qty.abs_diff(offer_qty),
        low,
        high,
        bids_over: bid_qty > offer_qty,
        offers_over: offer_qty > bid_qty,
    };
    let Some(so_far) = so_far else { return found };
    if found.volume == so_far.volume && found.surplus == so_far.surplus {
        return Best {
            low: so_far.low,
            bids_over: so_far.bids_over && found.bids_over,
            offers_over: so_far.offers_over && found.offers_over,
            ..found
        };
    }
    let wins = found.volume > so_far.volume
        || (found.volume == so_far.volume && found.surplus < so_far.surplus);
    if wins { found } else { so_far }
}

/// The middle of two prices, rounded down.
fn middle(low: i64, high: i64) -> i64 {
    // (low + high) / 2 without the carry: common bits, and half of those that differ.
    (low & high).wrapping_add((low ^ high) >> 1)
}
