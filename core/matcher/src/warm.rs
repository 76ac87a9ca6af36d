//! Batches: what the next commands need is read ahead, so that they do not wait for memory one by
//! one.
//!
//! An order rests in a place that no other order says anything about, so a cancel waits for memory
//! several times in a row: for the line of its name, the record, the order. Where commands
//! come in batches, the processor can wait for all of them at once. That changes no state and no
//! event.

use touchline_types::{Command, CommandKind};

use crate::book::NONE;
use crate::emitter::{EventSink, sheet};
use crate::matcher::Matcher;
use crate::names::Name;
use crate::state_hash;
use crate::storage::Memory;

/// Commands that are read ahead at a time: their lines must stay in the nearest cache.
const AHEAD: usize = 16;

/// Hashes of the ClOrdIDs of a command, the second 0 where its kind reads none, and the slot where
/// a look ahead may have found the order that it names.
#[derive(Clone, Copy)]
pub(crate) struct Hashes {
    pub(crate) own: u64,
    orig: u64,
    pub(crate) found: u32,
}

const NO_HASHES: Hashes = Hashes { own: 0, orig: 0, found: NONE };

impl Hashes {
    #[inline]
    pub(crate) fn of(command: &Command) -> Self {
        let of = |cl_ord_id| state_hash::name(command.member_id, cl_ord_id);
        let named = |names: bool| u64::from(names).wrapping_neg();
        // Kinds come in no order: a branch on one would often be guessed wrong.
        let changes = matches!(command.kind, CommandKind::CancelOrder | CommandKind::ReplaceOrder);
        let own = of(&command.cl_ord_id);
        let orig = of(&command.orig_cl_ord_id) & named(changes);
        Self { own, orig, found: NONE }
    }

    /// ClOrdID(11) of a new order, cancel or replace.
    #[inline]
    pub(crate) const fn own_name<'c>(&self, command: &'c Command) -> Name<'c> {
        Name::hashed(command.member_id, &command.cl_ord_id, self.own)
    }

    /// OrigClOrdID(41) of a cancel or replace.
    #[inline]
    pub(crate) const fn orig<'c>(&self, command: &'c Command) -> Name<'c> {
        Name::hashed(command.member_id, &command.orig_cl_ord_id, self.orig)
    }
}

impl<M: Memory> Matcher<M> {
    /// Carries out commands in their order, as [`Matcher::apply`] does one by one, and faster.
    ///
    /// # Panics
    ///
    /// As [`Matcher::apply`].
    pub fn apply_all(&mut self, commands: &[Command], sink: &mut impl EventSink) {
        let mut sheet = sheet();
        for batch in commands.chunks(AHEAD) {
            let mut hashes = [NO_HASHES; AHEAD];
            for (of, command) in hashes.iter_mut().zip(batch) {
                *of = self.look_ahead(command);
            }
            for of in &mut hashes {
                self.look_for_order(of);
            }
            for (of, command) in hashes.iter().zip(batch) {
                self.apply_hashed(command, of, &mut sheet, sink);
            }
        }
    }

    /// Looks ahead for one command.
    #[inline]
    pub(crate) fn look(&self, command: &Command) -> Hashes {
        let mut of = self.look_ahead(command);
        self.look_for_order(&mut of);
        of
    }

    /// Hashes the names of a command, and asks for all that it needs wherever that is known without
    /// waiting for anything.
    #[inline]
    fn look_ahead(&self, command: &Command) -> Hashes {
        let of = Hashes::of(command);
        self.names.prefetch(of.own);
        self.names.prefetch(of.orig);
        // Where numbers are not 1, 2, 3, ... that is another one, which does no harm.
        let instrument = command.instrument_id.wrapping_sub(1);
        self.books.prefetch_tail(instrument, command.side, command.price);
        self.limits.prefetch(command.session_id, instrument);
        self.accounts.prefetch(command.member_id, instrument);
        of
    }

    /// Asks for the order that a command seems to name.
    #[inline]
    fn look_for_order(&self, of: &mut Hashes) {
        of.found = self.names.guess(of.orig);
        self.books.prefetch(of.found);
    }

    /// Asks for the order that one with this command would meet first.
    #[inline]
    pub(crate) fn look_at_touch(&self, command: &Command) {
        if let Some(instrument) = self.books.find_instrument(command.instrument_id)
            && let Some(touch) = self.books.touch(instrument, command.side.opposite())
        {
            self.look_at(touch.head);
        }
    }

    /// Asks for what a fill of an order needs last, where its name is kept, and for the order
    /// behind it.
    #[inline]
    pub(crate) fn look_behind(&self, slot: u32) {
        self.names.prefetch(self.names.hash_of(slot));
        self.look_at(self.books.order(slot).behind());
    }

    #[inline]
    fn look_at(&self, slot: u32) {
        self.books.prefetch(slot);
        self.names.prefetch_record(slot);
    }
}
