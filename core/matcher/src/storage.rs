//! The memory of the matcher: fifteen slices, sized once and lent for its whole life.

use core::marker::PhantomData;

use crate::accounts::{Account, Holding, InstrumentTotal};
use crate::book::RestingOrder;
use crate::error::MatcherError;
use crate::extras::OrderExtra;
use crate::instrument::Instrument;
use crate::ladder::{FarLevel, Ladder, Level, window_len};
use crate::limits::{SessionLimits, SessionPosition};
use crate::names::{NAMES_OF_LINE, NameLine, ORDERS_OF_LINE, PastRecord, RECORDS_MAX, RecordLine};

/// Where slices come from: lent ([`Lent`]) or, with feature `std`, boxed (`Owned`).
pub trait Memory {
    /// A slice of `T` that the matcher holds.
    type Of<T: 'static>: AsRef<[T]> + AsMut<[T]>;
}

/// Slices that the caller lends for `'a`.
#[derive(Debug)]
pub struct Lent<'a>(PhantomData<&'a mut ()>);

impl<'a> Memory for Lent<'a> {
    type Of<T: 'static> = &'a mut [T];
}

/// How much a matcher can hold. What does not fit is refused with a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Instruments.
    pub instruments: u32,
    /// Open orders of all instruments; one more is refused with TooManyOrders.
    pub orders: u32,
    /// Prices on one side of one book; one more is refused with TooManyOrders.
    pub levels: u32,
    /// ClOrdIDs that all members together can use in a day; one more is refused with
    /// TooManyClOrdIDs.
    pub cl_ord_ids: u32,
    /// Sessions that have limits at a time; a SetLimits for one more is refused with TooManyOrders.
    pub limited_sessions: u32,
    /// Members that have an account at a time; a SetAccount for one more is refused with
    /// TooManyAccounts.
    pub accounts: u32,
}

/// The length of each slice of a [`Storage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageNeeds {
    /// Elements of `instruments`.
    pub instruments: usize,
    /// Elements of `ladders`, two for each instrument.
    pub ladders: usize,
    /// Elements of `levels`: a window of prices for each ladder.
    pub levels: usize,
    /// Elements of `bits`: a bit for each price of the windows.
    pub bits: usize,
    /// Elements of `far_levels`.
    pub far_levels: usize,
    /// Elements of `orders`: one more than can rest, and one for none.
    pub orders: usize,
    /// Elements of `records`, one for each of `orders`.
    pub records: usize,
    /// Elements of `extras`, one for each of `orders`.
    pub extras: usize,
    /// Elements of `past`.
    pub past: usize,
    /// Elements of `names`: at least one for four of `orders` and one for 24 of `past`.
    pub names: usize,
    /// Elements of `limits`.
    pub limits: usize,
    /// Elements of `positions`.
    pub positions: usize,
    /// Elements of `accounts`.
    pub accounts: usize,
    /// Elements of `holdings`.
    pub holdings: usize,
    /// Elements of `totals`, one for each instrument.
    pub totals: usize,
}

impl StorageNeeds {
    /// What a capacity needs.
    #[must_use]
    pub const fn of(capacity: &Capacity) -> Self {
        let instruments = capacity.instruments as usize;
        let cl_ord_ids = capacity.cl_ord_ids as usize;
        let limits = capacity.limited_sessions as usize;
        let accounts = capacity.accounts as usize;
        let ladders = instruments.saturating_mul(2);
        let orders = (capacity.orders as usize).saturating_add(2);
        let window = window_len(capacity.levels as usize);
        Self {
            instruments,
            ladders,
            levels: ladders.saturating_mul(window),
            bits: ladders.saturating_mul(window / 64),
            far_levels: ladders.saturating_mul(capacity.levels as usize),
            orders,
            records: orders,
            extras: orders,
            past: cl_ord_ids,
            names: names_len(orders, cl_ord_ids),
            limits,
            positions: limits.saturating_mul(instruments),
            accounts,
            holdings: accounts.saturating_mul(instruments),
            totals: instruments,
        }
    }

    /// All slices together, bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.instruments
            .saturating_mul(size_of::<Instrument>())
            .saturating_add(self.ladders.saturating_mul(size_of::<Ladder>()))
            .saturating_add(self.levels.saturating_mul(size_of::<Level>()))
            .saturating_add(self.bits.saturating_mul(size_of::<u64>()))
            .saturating_add(self.far_levels.saturating_mul(size_of::<FarLevel>()))
            .saturating_add(self.orders.saturating_mul(size_of::<RestingOrder>()))
            .saturating_add(self.records.saturating_mul(size_of::<RecordLine>()))
            .saturating_add(self.extras.saturating_mul(size_of::<OrderExtra>()))
            .saturating_add(self.past.saturating_mul(size_of::<PastRecord>()))
            .saturating_add(self.names.saturating_mul(size_of::<NameLine>()))
            .saturating_add(self.limits.saturating_mul(size_of::<SessionLimits>()))
            .saturating_add(self.positions.saturating_mul(size_of::<SessionPosition>()))
            .saturating_add(self.accounts.saturating_mul(size_of::<Account>()))
            .saturating_add(self.holdings.saturating_mul(size_of::<Holding>()))
            .saturating_add(self.totals.saturating_mul(size_of::<InstrumentTotal>()))
    }
}

/// Lines of names for so many open orders and so many ClOrdIDs in a day.
const fn names_len(orders: usize, cl_ord_ids: usize) -> usize {
    let (of_orders, of_names) = (orders / ORDERS_OF_LINE, cl_ord_ids / NAMES_OF_LINE);
    let most = if of_orders > of_names { of_orders } else { of_names };
    most.saturating_add(1)
}

/// The slices of a matcher. Lengths as [`StorageNeeds`] says; what they hold before does not
/// matter.
pub struct Storage<M: Memory> {
    /// One for each instrument.
    pub instruments: M::Of<Instrument>,
    /// Two for each instrument.
    pub ladders: M::Of<Ladder>,
    /// The windows of all ladders.
    pub levels: M::Of<Level>,
    /// Which prices of the windows have a level.
    pub bits: M::Of<u64>,
    /// Levels below the windows.
    pub far_levels: M::Of<FarLevel>,
    /// Open orders: what matching reads.
    pub orders: M::Of<RestingOrder>,
    /// Open orders: what events tell.
    pub records: M::Of<RecordLine>,
    /// Open orders: what few of them have.
    pub extras: M::Of<OrderExtra>,
    /// One for each ClOrdID that was ever used.
    pub past: M::Of<PastRecord>,
    /// What is known of names, by hash.
    pub names: M::Of<NameLine>,
    /// One for each session that has limits.
    pub limits: M::Of<SessionLimits>,
    /// What each of those holds of each instrument.
    pub positions: M::Of<SessionPosition>,
    /// One for each member that has an account.
    pub accounts: M::Of<Account>,
    /// What each of those holds of each instrument.
    pub holdings: M::Of<Holding>,
    /// What all members together hold of each instrument.
    pub totals: M::Of<InstrumentTotal>,
}

impl<M: Memory> Storage<M> {
    /// Checks the lengths against each other.
    pub(crate) fn check(&self) -> Result<(), MatcherError> {
        let instruments = self.instruments.as_ref().len();
        let ladders = instruments.saturating_mul(2);
        let far_levels = self.far_levels.as_ref().len();
        let per_side = far_levels.checked_div(ladders).unwrap_or(0);
        let window = window_len(per_side);
        let orders = self.orders.as_ref().len();
        let past = self.past.as_ref().len();
        for len in [instruments, orders, past, far_levels] {
            if len > RECORDS_MAX {
                return Err(MatcherError::TooLong(len));
            }
        }
        let exact = [
            ("ladders", self.ladders.as_ref().len(), ladders),
            ("levels", self.levels.as_ref().len(), ladders.saturating_mul(window)),
            ("bits", self.bits.as_ref().len(), ladders.saturating_mul(window / 64)),
            ("far_levels", far_levels, ladders.saturating_mul(per_side)),
            ("orders", orders, orders.max(2)),
            ("records", self.records.as_ref().len(), orders),
            ("extras", self.extras.as_ref().len(), orders),
            ("totals", self.totals.as_ref().len(), instruments),
            ("names", self.names.as_ref().len(), names_len(orders, past)),
        ];
        for (slice, given, needed) in exact {
            if given != needed {
                return Err(MatcherError::SliceLength { slice, given, needed });
            }
        }
        Ok(())
    }
}

#[cfg(feature = "std")]
mod owned {
    use std::boxed::Box;
    use std::vec;

    use super::{Capacity, Memory, Storage, StorageNeeds};
    use crate::bare::Book;
    use crate::book::BookStorage;
    use crate::error::MatcherError;
    use crate::instrument::InstrumentLimits;
    use crate::matcher::Matcher;

    /// Slices in boxes.
    #[derive(Debug)]
    pub struct Owned;

    impl Memory for Owned {
        type Of<T: 'static> = Box<[T]>;
    }

    /// A price-time book that owns its storage.
    pub type OwnedBook = Book<Owned>;

    /// A matcher that owns its storage.
    pub type OwnedMatcher = Matcher<Owned>;

    impl Storage<Owned> {
        /// Allocates, and writes every page once.
        #[must_use]
        pub fn allocate(capacity: &Capacity) -> Self {
            let needs = StorageNeeds::of(capacity);
            Self {
                instruments: boxed(needs.instruments),
                ladders: boxed(needs.ladders),
                levels: boxed(needs.levels),
                bits: boxed(needs.bits),
                far_levels: boxed(needs.far_levels),
                orders: boxed(needs.orders),
                records: boxed(needs.records),
                extras: boxed(needs.extras),
                past: boxed(needs.past),
                names: boxed(needs.names),
                limits: boxed(needs.limits),
                positions: boxed(needs.positions),
                accounts: boxed(needs.accounts),
                holdings: boxed(needs.holdings),
                totals: boxed(needs.totals),
            }
        }
    }

    fn boxed<T: Clone + Default>(len: usize) -> Box<[T]> {
        vec![T::default(); len].into_boxed_slice()
    }

    impl Book<Owned> {
        /// A book with storage of its own, for so many open orders and so many prices on a side.
        #[must_use]
        pub fn allocate(orders: u32, levels: u32) -> Self {
            let capacity = Capacity {
                instruments: 1,
                orders,
                levels,
                cl_ord_ids: 0,
                limited_sessions: 0,
                accounts: 0,
            };
            let needs = StorageNeeds::of(&capacity);
            let storage = BookStorage {
                instruments: boxed(1),
                ladders: boxed(needs.ladders),
                levels: boxed(needs.levels),
                bits: boxed(needs.bits),
                far_levels: boxed(needs.far_levels),
                orders: boxed(needs.orders),
            };
            Self::new(storage, levels as usize)
        }
    }

    impl Matcher<Owned> {
        /// A matcher with storage of its own.
        ///
        /// # Errors
        ///
        /// As [`Matcher::new`].
        pub fn allocate(
            limits: &[InstrumentLimits],
            capacity: &Capacity,
        ) -> Result<Self, MatcherError> {
            Self::new(limits, Storage::allocate(capacity))
        }
    }
}

#[cfg(feature = "std")]
pub use owned::{Owned, OwnedBook, OwnedMatcher};
