//! The one place that decides what becomes of the disorder in Bitstamp's recorded orders: lines
//! are missing, come twice, or come in another order than things happened. Each kind is counted;
//! none of them ends the reading. The variants of [`Disorder`] are the rules.

use std::collections::HashSet;

use super::bitstamp_row::{Row, RowAction};
use super::units::{Misfit, Units};
use crate::flow::file_book::FileBook;
use crate::flow::record::{Action, Record, Side};

/// A kind of disorder, and what is done with a line that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disorder {
    /// Created, but stands already: the line is left out.
    CreatedAgain,
    /// Created, but was deleted before: the line is left out, or the order would stand forever.
    CreatedAfterDelete,
    /// Created with a volume of 0: the line is left out.
    CreatedEmpty,
    /// Enters at or through the other side's touch: it rests there, and the book is crossed.
    Crossing,
    /// Changed, but was never created: it enters the book as the line has it.
    ChangedUnknown,
    /// Changed, but was deleted before: the line is left out.
    ChangedAfterDelete,
    /// Changed to the other side: the line is left out.
    ChangedSide,
    /// Changed to a volume of 0: it leaves the book, if it stands.
    ChangedToNothing,
    /// Changed to what it is: the line is left out, the order keeps its place.
    ChangedNothing,
    /// Changed to another price: it is replaced.
    ChangedPrice,
    /// Changed to a larger volume: it is replaced.
    ChangedToMore,
    /// Deleted, but was never created (it is older than the recording, or its line is missing):
    /// the line is left out.
    DeletedUnknown,
    /// Deleted a second time: the line is left out.
    DeletedAgain,
    /// Deleted with another side, price or volume (but 0) than stands: it leaves the book, whatever
    /// stands.
    DeletedOther,
    /// Received before the line in front of it: it counts as received at the same time.
    ReceivedBack,
    /// The exchange's time is before that of an earlier line: nothing, that time is not used.
    ExchangeTimeBack,
}

impl Disorder {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 16] = [
        Self::CreatedAgain,
        Self::CreatedAfterDelete,
        Self::CreatedEmpty,
        Self::Crossing,
        Self::ChangedUnknown,
        Self::ChangedAfterDelete,
        Self::ChangedSide,
        Self::ChangedToNothing,
        Self::ChangedNothing,
        Self::ChangedPrice,
        Self::ChangedToMore,
        Self::DeletedUnknown,
        Self::DeletedAgain,
        Self::DeletedOther,
        Self::ReceivedBack,
        Self::ExchangeTimeBack,
    ];

    /// What happened and what was done, for a summary.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::CreatedAgain => "created again: left out",
            Self::CreatedAfterDelete => "created after its delete: left out",
            Self::CreatedEmpty => "created with volume 0: left out",
            Self::Crossing => "enters across the other side: rests",
            Self::ChangedUnknown => "changed, never created: enters",
            Self::ChangedAfterDelete => "changed after its delete: left out",
            Self::ChangedSide => "changed its side: left out",
            Self::ChangedToNothing => "changed to volume 0: leaves",
            Self::ChangedNothing => "changed nothing: left out",
            Self::ChangedPrice => "changed its price: replaced",
            Self::ChangedToMore => "changed to more volume: replaced",
            Self::DeletedUnknown => "deleted, never created: left out",
            Self::DeletedAgain => "deleted again: left out",
            Self::DeletedOther => "deleted with other values: leaves",
            Self::ReceivedBack => "received back in time: time held",
            Self::ExchangeTimeBack => "exchange's time goes back: not used",
        }
    }
}

/// The book that the lines make once their disorder is dealt with.
#[derive(Debug, Default)]
pub(super) struct OrderedBook {
    book: FileBook,
    deleted: HashSet<u64>,
    counts: [u64; Disorder::ALL.len()],
    received_ns: u64,
    exchange_ns: u64,
}

impl OrderedBook {
    /// How often a kind of disorder was met.
    pub(super) fn count(&self, disorder: Disorder) -> u64 {
        self.counts.get(disorder as usize).copied().unwrap_or(0)
    }

    /// The change of the book that `row` is, `None` where it is left out.
    ///
    /// # Errors
    /// An order that enters or changes does not fit the instrument; nothing was changed then.
    pub(super) fn take(&mut self, row: &Row, units: &Units) -> Result<Option<Record>, Misfit> {
        if row.received_ns < self.received_ns {
            self.meet(Disorder::ReceivedBack);
        }
        if row.exchange_ns < self.exchange_ns {
            self.meet(Disorder::ExchangeTimeBack);
        }
        self.received_ns = self.received_ns.max(row.received_ns);
        self.exchange_ns = self.exchange_ns.max(row.exchange_ns);
        let record = match row.action {
            RowAction::Created => self.created(row, units)?,
            RowAction::Changed => self.changed(row, units)?,
            RowAction::Deleted => self.deleted(row, units),
        };
        if let Some(record) = record {
            let noted = self.book.apply_record(&record);
            drop(self.book.take_touched());
            debug_assert_eq!(noted, Ok(()), "{record:?}");
            if record.action == Action::Cancel {
                self.deleted.insert(row.id);
            }
        }
        Ok(record)
    }

    fn created(&mut self, row: &Row, units: &Units) -> Result<Option<Record>, Misfit> {
        if self.book.order(row.id).is_some() {
            return Ok(self.leave_out(Disorder::CreatedAgain));
        }
        if self.deleted.contains(&row.id) {
            return Ok(self.leave_out(Disorder::CreatedAfterDelete));
        }
        if row.volume == 0 {
            return Ok(self.leave_out(Disorder::CreatedEmpty));
        }
        self.enter(row, units).map(Some)
    }

    fn enter(&mut self, row: &Row, units: &Units) -> Result<Record, Misfit> {
        let (price, qty) = (units.price(row.price_nanos)?, units.order_qty(row.volume)?);
        self.meet_crossing(row.side, price);
        Ok(self.record(Action::Add, row.id, (row.side, price, qty)))
    }

    fn meet_crossing(&mut self, side: Side, price: i64) {
        let touch = self.book.touch(side.opposite());
        if touch.is_some_and(|touch| !side.is_better(touch, price)) {
            self.meet(Disorder::Crossing);
        }
    }

    fn changed(&mut self, row: &Row, units: &Units) -> Result<Option<Record>, Misfit> {
        let Some(order) = self.book.order(row.id) else {
            if self.deleted.contains(&row.id) {
                return Ok(self.leave_out(Disorder::ChangedAfterDelete));
            }
            if row.volume == 0 {
                self.deleted.insert(row.id);
                return Ok(self.leave_out(Disorder::ChangedToNothing));
            }
            self.meet(Disorder::ChangedUnknown);
            return self.enter(row, units).map(Some);
        };
        if order.side != row.side {
            return Ok(self.leave_out(Disorder::ChangedSide));
        }
        if row.volume == 0 {
            self.meet(Disorder::ChangedToNothing);
            let standing = (order.side, order.price, order.leaves_qty);
            return Ok(Some(self.record(Action::Cancel, row.id, standing)));
        }
        let (price, qty) = (units.price(row.price_nanos)?, units.order_qty(row.volume)?);
        if (price, qty) == (order.price, order.leaves_qty) {
            return Ok(self.leave_out(Disorder::ChangedNothing));
        }
        if price != order.price {
            self.meet(Disorder::ChangedPrice);
            self.meet_crossing(row.side, price);
        }
        if qty > order.leaves_qty {
            self.meet(Disorder::ChangedToMore);
        }
        Ok(Some(self.record(Action::Modify, row.id, (order.side, price, qty))))
    }

    fn deleted(&mut self, row: &Row, units: &Units) -> Option<Record> {
        let Some(order) = self.book.order(row.id) else {
            let again = !self.deleted.insert(row.id);
            let kind = if again { Disorder::DeletedAgain } else { Disorder::DeletedUnknown };
            return self.leave_out(kind);
        };
        let as_it_stands = units.price(row.price_nanos) == Ok(order.price)
            && (row.volume == 0 || units.qty(row.volume) == Ok(order.leaves_qty))
            && row.side == order.side;
        if !as_it_stands {
            self.meet(Disorder::DeletedOther);
        }
        let standing = (order.side, order.price, order.leaves_qty);
        Some(self.record(Action::Cancel, row.id, standing))
    }

    fn record(&self, action: Action, id: u64, (side, price, qty): (Side, i64, u64)) -> Record {
        let at_ns = self.received_ns;
        Record { action, side: Some(side), flow_order_id: id, price, qty, at_ns }
    }

    fn leave_out(&mut self, disorder: Disorder) -> Option<Record> {
        self.meet(disorder);
        None
    }

    fn meet(&mut self, disorder: Disorder) {
        if let Some(count) = self.counts.get_mut(disorder as usize) {
            *count += 1;
        }
    }
}
