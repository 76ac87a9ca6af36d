//! The memory of the matcher: seven slices, sized once and lent for its whole life.

use core::marker::PhantomData;

use crate::book::{Instrument, Level, RestingOrder};
use crate::limits::{SessionLimits, SessionPosition};
use crate::names::{IndexEntry, OrderRecord};

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
}

/// The length of each slice of a [`Storage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageNeeds {
    /// Elements of `instruments`.
    pub instruments: usize,
    /// Elements of `levels`.
    pub levels: usize,
    /// Elements of `orders`.
    pub orders: usize,
    /// Elements of `records`.
    pub records: usize,
    /// Elements of `index`, a power of two.
    pub index: usize,
    /// Elements of `limits`.
    pub limits: usize,
    /// Elements of `positions`.
    pub positions: usize,
}

impl StorageNeeds {
    /// What a capacity needs.
    #[must_use]
    pub const fn of(capacity: &Capacity) -> Self {
        let instruments = capacity.instruments as usize;
        let cl_ord_ids = capacity.cl_ord_ids as usize;
        let limits = capacity.limited_sessions as usize;
        Self {
            instruments,
            levels: instruments.saturating_mul(2).saturating_mul(capacity.levels as usize),
            orders: capacity.orders as usize,
            records: cl_ord_ids,
            index: index_len(cl_ord_ids),
            limits,
            positions: limits.saturating_mul(instruments),
        }
    }

    /// All slices together, bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.instruments
            .saturating_mul(size_of::<Instrument>())
            .saturating_add(self.levels.saturating_mul(size_of::<Level>()))
            .saturating_add(self.orders.saturating_mul(size_of::<RestingOrder>()))
            .saturating_add(self.records.saturating_mul(size_of::<OrderRecord>()))
            .saturating_add(self.index.saturating_mul(size_of::<IndexEntry>()))
            .saturating_add(self.limits.saturating_mul(size_of::<SessionLimits>()))
            .saturating_add(self.positions.saturating_mul(size_of::<SessionPosition>()))
    }
}

/// Slots of the ClOrdID index: at most half of them are ever in use, so a probe stays short.
pub(crate) const fn index_len(cl_ord_ids: usize) -> usize {
    let twice = cl_ord_ids.saturating_mul(2);
    match twice.checked_next_power_of_two() {
        Some(len) => len,
        None => usize::MAX,
    }
}

/// The slices of a matcher. Lengths as [`StorageNeeds`] says; what they hold before does not
/// matter.
pub struct Storage<M: Memory> {
    /// One for each instrument.
    pub instruments: M::Of<Instrument>,
    /// Both ladders of every instrument.
    pub levels: M::Of<Level>,
    /// Open orders: what matching reads.
    pub orders: M::Of<RestingOrder>,
    /// One for each ClOrdID ever used: what events tell.
    pub records: M::Of<OrderRecord>,
    /// Hash index over the records.
    pub index: M::Of<IndexEntry>,
    /// One for each session that has limits.
    pub limits: M::Of<SessionLimits>,
    /// What each of those holds of each instrument.
    pub positions: M::Of<SessionPosition>,
}

#[cfg(feature = "std")]
mod owned {
    use std::boxed::Box;
    use std::vec;

    use super::{Capacity, Memory, Storage, StorageNeeds};
    use crate::book::InstrumentLimits;
    use crate::matcher::{Matcher, MatcherError};

    /// Slices in boxes.
    #[derive(Debug)]
    pub struct Owned;

    impl Memory for Owned {
        type Of<T: 'static> = Box<[T]>;
    }

    /// A matcher that owns its storage.
    pub type OwnedMatcher = Matcher<Owned>;

    impl Storage<Owned> {
        /// Allocates, and writes every page once.
        #[must_use]
        pub fn allocate(capacity: &Capacity) -> Self {
            let needs = StorageNeeds::of(capacity);
            Self {
                instruments: boxed(needs.instruments),
                levels: boxed(needs.levels),
                orders: boxed(needs.orders),
                records: boxed(needs.records),
                index: boxed(needs.index),
                limits: boxed(needs.limits),
                positions: boxed(needs.positions),
            }
        }
    }

    fn boxed<T: Clone + Default>(len: usize) -> Box<[T]> {
        vec![T::default(); len].into_boxed_slice()
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
pub use owned::{Owned, OwnedMatcher};
