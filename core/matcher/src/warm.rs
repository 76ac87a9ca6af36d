//! Batches: what the next commands need is asked for early, so that none waits for memory.
//!
//! An order rests in a place that no other order says anything about, so a cancel waits for memory
//! several times in a row: for the line of its name, the record, the order. Where commands come in
//! batches, each is looked at twice before its turn: first for all that is known without waiting,
//! then for the order that it names. By its turn all of it is there. That changes no state and no
//! event.

use touchline_types::{Command, CommandKind};

use crate::book::NONE;
use crate::emitter::{EventSink, sheet};
use crate::invariant::certain;
use crate::matcher::Matcher;
use crate::names::{Name, Spot};
use crate::state_hash;
use crate::storage::Memory;

/// Commands from the first look at one to its turn, and from the second: a line takes as long to
/// come from memory as one or two of them, or as four where others use the memory as well.
const FAR: usize = 8;
const NEAR: usize = 4;
/// Places for what was found: as many as are under way, and a power of two.
const PLACES: usize = 8;

/// Where the ClOrdIDs of a command lead, the second to no order where its kind reads none, and the
/// slot where a look ahead may have found the order that it names.
#[derive(Clone, Copy, Default)]
pub(crate) struct Hashes {
    pub(crate) own: Spot,
    orig: Spot,
    pub(crate) found: u32,
}

impl Hashes {
    /// ClOrdID(11) of a new order, cancel or replace.
    #[inline]
    pub(crate) const fn own_name<'c>(&self, command: &'c Command) -> Name<'c> {
        Name::at(command.member_id, &command.cl_ord_id, self.own)
    }

    /// OrigClOrdID(41) of a cancel or replace.
    #[inline]
    pub(crate) const fn orig<'c>(&self, command: &'c Command) -> Name<'c> {
        Name::at(command.member_id, &command.orig_cl_ord_id, self.orig)
    }
}

/// Where what was found of a command of a batch is kept.
#[inline(always)]
fn place(hashes: &mut [Hashes; PLACES], at: usize) -> &mut Hashes {
    certain(hashes.get_mut(at % PLACES), "there is a place for each that is under way")
}

impl<M: Memory> Matcher<M> {
    /// Carries out commands in their order, as [`Matcher::apply`] does one by one, and faster.
    ///
    /// # Panics
    ///
    /// As [`Matcher::apply`].
    pub fn apply_all(&mut self, commands: &[Command], sink: &mut impl EventSink) {
        let mut sheet = sheet();
        let mut hashes = [Hashes::default(); PLACES];
        for step in 0..commands.len().wrapping_add(FAR) {
            if let Some(at) = step.checked_sub(FAR)
                && let Some(command) = commands.get(at)
            {
                self.apply_hashed(command, place(&mut hashes, at), &mut sheet, sink);
            }
            if let Some(command) = commands.get(step) {
                *place(&mut hashes, step) = self.look_ahead(command);
            }
            // At both ends that is a place where nothing is, which does no harm.
            self.look_for_order(place(&mut hashes, step.wrapping_sub(FAR - NEAR)));
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
    #[inline(always)]
    fn look_ahead(&self, command: &Command) -> Hashes {
        let hash = |cl_ord_id| state_hash::name(command.member_id, cl_ord_id);
        // Kinds come in no order: a branch on one would often be guessed wrong.
        let changes = matches!(command.kind, CommandKind::CancelOrder | CommandKind::ReplaceOrder);
        let named = u64::from(changes).wrapping_neg();
        let own = self.names.spot(hash(&command.cl_ord_id));
        let orig = self.names.spot(hash(&command.orig_cl_ord_id) & named);
        self.names.prefetch(own);
        self.names.prefetch(orig);
        // Where numbers are not 1, 2, 3, ... that is another one, which does no harm.
        let instrument = command.instrument_id.wrapping_sub(1);
        self.books.prefetch_tail(instrument, command.side, command.price);
        self.limits.prefetch(command.session_id, instrument);
        self.accounts.prefetch(command.member_id, instrument);
        Hashes { own, orig, found: NONE }
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
    /// behind it. Returns the spot of the name.
    #[inline]
    pub(crate) fn look_behind(&self, slot: u32) -> Spot {
        let name = self.names.spot_of(slot);
        self.names.prefetch(name);
        self.look_at(self.books.order(slot).behind());
        name
    }

    #[inline]
    fn look_at(&self, slot: u32) {
        self.books.prefetch(slot);
        self.names.prefetch_record(slot);
    }
}
