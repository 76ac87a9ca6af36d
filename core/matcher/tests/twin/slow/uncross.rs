//! The uncross by its definition: every price that could matter is tried.

use touchline_types::{Event, EventFlags, EventKind, Side};

use super::SlowMatcher;

impl SlowMatcher {
    pub(super) fn uncross(&mut self, instrument_id: u32) {
        let bids = self.queue(instrument_id, Side::Buy);
        let offers = self.queue(instrument_id, Side::Sell);
        let Some((px, volume)) = self.uncross_price(instrument_id, &bids, &offers) else { return };
        let mut event = Event::of(EventKind::Uncrossed);
        event.instrument_id = instrument_id;
        event.last_px = px;
        event.last_qty = volume;
        event.flags = EventFlags::UNCROSS;
        self.events.push(event);
        let resting = EventFlags::UNCROSS.with(EventFlags::RESTING);
        let printed = resting.with(EventFlags::PRINTABLE);
        let mut missing = volume;
        while missing > 0 {
            let front = |side| self.queue(instrument_id, side).first().copied();
            let (bid, offer) =
                (front(Side::Buy).expect("a bid"), front(Side::Sell).expect("an offer"));
            let at_hand = |id: u64| self.orders[&id].at_hand();
            let qty = missing.min(at_hand(bid)).min(at_hand(offer));
            self.trade([(bid, printed), (offer, resting)], px, qty);
            missing -= qty;
        }
    }

    fn uncross_price(
        &self,
        instrument_id: u32,
        bids: &[u64],
        offers: &[u64],
    ) -> Option<(i64, u64)> {
        let limit = |id: &u64| self.orders[id].terms.price;
        let highest = bids.iter().map(limit).max()?;
        let lowest = offers.iter().map(limit).min()?;
        if lowest > highest {
            return None;
        }
        let reference = self.last_px(instrument_id);
        let mut prices: Vec<i64> = if highest.abs_diff(lowest) <= 500 {
            (lowest..=highest).collect()
        } else {
            let near = |price: i64| [price.saturating_sub(1), price, price.saturating_add(1)];
            bids.iter().chain(offers).map(limit).flat_map(near).chain(reference).collect()
        };
        let demand = |px: i64| -> u64 {
            bids.iter().filter(|id| limit(id) >= px).map(|id| self.orders[id].leaves_qty()).sum()
        };
        let supply = |px: i64| -> u64 {
            offers.iter().filter(|id| limit(id) <= px).map(|id| self.orders[id].leaves_qty()).sum()
        };
        let volume = |px: i64| demand(px).min(supply(px));
        let surplus = |px: i64| i128::from(demand(px)) - i128::from(supply(px));
        let most = prices.iter().map(|px| volume(*px)).max()?;
        prices.retain(|px| volume(*px) == most);
        let least = prices.iter().map(|px| surplus(*px).abs()).min()?;
        prices.retain(|px| surplus(*px).abs() == least);
        let (low, high) = (*prices.iter().min()?, *prices.iter().max()?);
        let px = if prices.iter().all(|px| surplus(*px) > 0) {
            high
        } else if prices.iter().all(|px| surplus(*px) < 0) {
            low
        } else if let Some(reference) = reference {
            prices.into_iter().min_by_key(|px| px.abs_diff(reference))?
        } else {
            (i128::from(low) + i128::from(high)).div_euclid(2) as i64
        };
        Some((px, most))
    }
}
