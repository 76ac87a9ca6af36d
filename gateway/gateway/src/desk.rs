//! Where sessions and orders meet: messages of clients become commands, events become messages of
//! their owners. Knows connections only as queues of bytes.

use touchline_config::Session as SessionEntry;
use touchline_fix::{
    BusinessRejectReason, Fields, Frame, Framer, Garbled, Message, WriteError, msg_type, tags,
};
use touchline_session::{Action, Actions, Numbers, Session, Turn};
use touchline_sys::now_ns;
use touchline_types::{Command, CommandKind, Event, EventKind, OrdStatus, Scope};

use crate::connection::{Connection, SendQueue};
use crate::counters::Counters;
use crate::engine_link::CommandQueue;
use crate::hops::HopTimes;
use crate::mass_cancel::{is_mass_cancel, mass_cancel_reject_reason};
use crate::order_entry::{OrderEntry, Refusal};
use crate::report::{self, Refused};
use crate::session_log::Place;
use crate::session_store::SessionStore;

/// Longest HeartBtInt(108), seconds; 0 means none.
const HEART_BT_INT_SECS_MAX: u32 = 3600;

/// A closed connection has so long to take its last bytes, ns.
const LINGER_NS: u64 = 1_000_000_000;

/// Takes what a session without a connection says: nothing that is not stored.
#[derive(Debug)]
pub(crate) struct Nobody;

impl Actions for Nobody {
    fn push(&mut self, _: Action<'_>) {}
}

/// One configured session.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) entry: SessionEntry,
    pub(crate) session: Session,
    pub(crate) store: SessionStore,
    /// Index of its connection.
    pub(crate) connection: Option<usize>,
    /// The session has logged on over its connection.
    pub(crate) is_present: bool,
    /// When its open orders are cancelled, unless it is present by then.
    pub(crate) cancel_at_ns: Option<u64>,
    /// Its connection has ended, and the command ring had no room for the mass cancel.
    pub(crate) owes_cancel: bool,
    /// Whose orders an OrderMassCancelRequest of it cancels.
    pub(crate) mass_cancel: (Scope, u32),
    /// Orders that the portions of its mass cancel have taken so far.
    pub(crate) mass_canceled: u64,
    /// Next inbound number as the journal shows it, until the session has been told; else 0.
    pub(crate) journaled_in: u64,
}

/// What every order goes through.
#[derive(Debug)]
pub(crate) struct Orders {
    pub(crate) entry: OrderEntry,
    pub(crate) commands: CommandQueue,
    pub(crate) counters: Counters,
    /// Newest token; above every token of the past.
    pub(crate) token: u64,
    /// Newest number of a refusal's ExecID(17).
    pub(crate) refusal: u64,
}

/// Sessions, their connections, and order entry.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) comp_id: Vec<u8>,
    pub(crate) slots: Vec<Slot>,
    /// Highest number of a strategy, whose events are not told here; those of sessions are lower.
    pub(crate) last_strategy: u32,
    pub(crate) connections: Vec<Option<Connection>>,
    pub(crate) orders: Orders,
    pub(crate) framer: Framer,
    pub(crate) fields: Box<Fields>,
    pub(crate) kept: Vec<u8>,
}

impl Desk {
    /// Reads every whole message that a connection has brought. Returns how many.
    pub(crate) fn take_messages(&mut self, index: usize, now: u64) -> usize {
        let mut work_count = 0;
        while let Some(Some(connection)) = self.connections.get_mut(index) {
            if connection.close_by_ns.is_some() {
                connection.received.consume(usize::MAX);
                break;
            }
            let taken_bytes = match self.framer.next(connection.received.bytes()) {
                Frame::Incomplete { .. } => break,
                Frame::Message { len_bytes } | Frame::OtherVersion { len_bytes } => {
                    self.take_message(index, len_bytes, now);
                    len_bytes
                }
                Frame::Garbled { skip_bytes, reason } => {
                    self.take_garbled(index, reason, now);
                    skip_bytes
                }
            };
            if let Some(Some(connection)) = self.connections.get_mut(index) {
                connection.received.consume(taken_bytes);
            }
            work_count += 1;
            self.close_if_asked(index, now);
        }
        work_count
    }

    fn take_message(&mut self, index: usize, len_bytes: usize, now: u64) {
        let Some(Some(connection)) = self.connections.get_mut(index) else { return };
        let Some(bytes) = connection.received.bytes().get(..len_bytes) else { return };
        let message = match Message::parse(bytes, &mut self.fields) {
            Ok(message) => message,
            Err(garbled) => return self.take_garbled(index, garbled, now),
        };
        let queue = &mut connection.queue;
        let at = match connection.session {
            Some(at) => at,
            None => match identify(&message, &self.comp_id, &self.slots) {
                Ok(at) => {
                    connection.session = Some(at);
                    let slot = &mut self.slots[at];
                    slot.connection = Some(index);
                    let mut turn = Turn { now_ns: now, store: &mut slot.store, actions: queue };
                    slot.session.on_connect(&mut turn);
                    at
                }
                Err(reason) => return self.drop_connection(index, reason),
            },
        };
        let slot = &mut self.slots[at];
        self.orders.take(slot, &message, queue, now);
        // What was kept above a gap follows in order, once the gap is filled.
        while slot.session.next_kept(&mut slot.store, &mut self.kept) {
            if let Ok(message) = Message::parse(&self.kept, &mut self.fields) {
                self.orders.take(slot, &message, queue, now);
            }
        }
    }

    fn take_garbled(&mut self, index: usize, garbled: Garbled, now: u64) {
        let Some(Some(connection)) = self.connections.get_mut(index) else { return };
        match connection.session {
            Some(at) => {
                let Slot { session, store, .. } = &mut self.slots[at];
                let mut turn = Turn { now_ns: now, store, actions: &mut connection.queue };
                session.on_garbled(garbled, &mut turn);
            }
            None => {
                self.orders.counters.garbled += 1;
                self.drop_connection(index, "the first message is garbled");
            }
        }
    }

    /// Parts session and connection where the session said so; the last bytes still go out.
    pub(crate) fn close_if_asked(&mut self, index: usize, now: u64) {
        let Some(Some(connection)) = self.connections.get_mut(index) else { return };
        let Some(reason) = connection.queue.disconnect() else { return };
        if let Some(at) = connection.session.take() {
            self.slots[at].connection = None;
            self.orders.session_left(&mut self.slots[at]);
            connection.close_by_ns = Some(now.saturating_add(LINGER_NS));
            let text = match reason {
                // Numbers would make a counter of their own each.
                touchline_session::DisconnectReason::MsgSeqNumTooLow { .. } => {
                    "MsgSeqNum too low".to_owned()
                }
                other => other.to_string(),
            };
            self.orders.counters.disconnected(&text);
        }
    }

    /// Closes a connection at once, and tells its session.
    pub(crate) fn drop_connection(&mut self, index: usize, reason: &str) {
        let Some(connection) = self.connections.get_mut(index).and_then(Option::take) else {
            return;
        };
        if let Some(at) = connection.session {
            self.slots[at].connection = None;
            self.slots[at].session.on_disconnect(&mut Nobody);
            self.orders.session_left(&mut self.slots[at]);
        }
        if connection.close_by_ns.is_none() {
            self.orders.counters.disconnected(reason);
        }
    }

    /// Calls `call` with a session, its store and where its words go.
    pub(crate) fn with_session(
        &mut self,
        at: usize,
        now: u64,
        call: impl FnOnce(&mut Session, &mut Turn<'_, SessionStore, SendQueue>),
    ) {
        let Slot { session, store, connection, .. } = &mut self.slots[at];
        let connection = connection.and_then(|index| self.connections[index].as_mut());
        if let Some(connection) = connection {
            call(session, &mut Turn { now_ns: now, store, actions: &mut connection.queue });
        }
    }

    /// Tells an event to the owner of its order, unless he was told before. `times` are those of
    /// the command, if this is the answer to it. Returns whether there was something to tell.
    pub(crate) fn report(&mut self, event: &Event, times: Option<HopTimes>, now: u64) -> bool {
        let Some(msg_type) = report::msg_type_of(event.kind) else { return false };
        let Some(slot) = slot_of(&mut self.slots, event.session_id) else {
            // Session 0 is the operator, who reads the public feed; strategies have rings.
            let is_unknown = event.session_id > self.last_strategy;
            self.orders.counters.unknown_owner += u64::from(is_unknown);
            return false;
        };
        let mut event = *event;
        if event.kind == EventKind::MassCanceled && !slot.ends_mass_cancel(&mut event) {
            return false;
        }
        let event = &event;
        let place = Place { seq: event.seq, index: event.index };
        if place <= slot.store.log().place() {
            return false;
        }
        slot.store.set_place(place);
        self.orders.count_report(event);
        let instruments = self.orders.entry.instruments();
        let connection = slot.connection.and_then(|index| self.connections[index].as_mut());
        let sent = match connection {
            Some(connection) => {
                let queued = connection.queue.queued();
                let store = &mut slot.store;
                let mut turn = Turn { now_ns: now, store, actions: &mut connection.queue };
                let sent = slot.session.send_app(msg_type, &mut turn, |writer| {
                    report::write_event(event, instruments, writer);
                });
                if let Some(times) = times.filter(|_| connection.queue.queued() > queued) {
                    connection.queue.mark(times);
                }
                sent
            }
            None => {
                let store = &mut slot.store;
                let mut turn = Turn { now_ns: now, store, actions: &mut Nobody };
                slot.session.send_app(msg_type, &mut turn, |writer| {
                    report::write_event(event, instruments, writer);
                })
            }
        };
        self.orders.counters.unwritable += u64::from(sent.is_err());
        true
    }

    /// A command came back in a released record. One of before a restart, which was journaled only
    /// after the journal was read, moves the expected number as well.
    pub(crate) fn command_released(&mut self, session_id: u32, token: u64, msg_seq_num: u32) {
        let Some(slot) = slot_of(&mut self.slots, session_id) else { return };
        slot.store.command_released(token);
        if token <= slot.store.log().reset_token() {
            return;
        }
        if u64::from(msg_seq_num) >= slot.session.numbers().next_inbound {
            slot.note_journaled(token, msg_seq_num);
            slot.take_journaled();
        }
    }

    /// A command stands in the journal.
    pub(crate) fn command_journaled(&mut self, command: &Command) {
        let Some(slot) = slot_of(&mut self.slots, command.session_id) else { return };
        slot.store.command_released(command.token);
        if command.token > slot.store.log().reset_token() {
            slot.note_journaled(command.token, command.msg_seq_num);
        }
    }
}

impl Desk {
    /// Cancels orders of sessions that did not come back, and what is still owed.
    pub(crate) fn cancel_for_absent(&mut self, now: u64) -> usize {
        let mut work_count = 0;
        for slot in &mut self.slots {
            if slot.owes_cancel || slot.cancel_at_ns.is_some_and(|at| at <= now) {
                slot.owes_cancel = true;
                self.orders.cancel_open_orders(slot);
                work_count += usize::from(!slot.owes_cancel);
            }
        }
        work_count
    }
}

impl Slot {
    /// A timer of the session has run out.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        self.session.next_timer_ns().is_some_and(|due| due <= now)
    }

    /// Counts a portion of a mass cancel; true for the last one, of a request that is answered,
    /// which then tells the orders of all of them.
    fn ends_mass_cancel(&mut self, event: &mut Event) -> bool {
        self.mass_canceled = self.mass_canceled.saturating_add(event.last_qty);
        if event.leaves_qty > 0 {
            return false;
        }
        event.last_qty = std::mem::take(&mut self.mass_canceled);
        event.cl_ord_id != [0; 20]
    }

    fn note_journaled(&mut self, token: u64, msg_seq_num: u32) {
        self.store.note_token(token);
        self.journaled_in = self.journaled_in.max(u64::from(msg_seq_num) + 1);
    }

    /// The session expects no number of which the journal holds a command.
    pub(crate) fn take_journaled(&mut self) {
        let numbers = self.session.numbers();
        let next_inbound = std::mem::take(&mut self.journaled_in);
        if next_inbound > numbers.next_inbound {
            let numbers = Numbers { next_inbound, ..numbers };
            // Refused while connected; then the session itself has counted on.
            let _ = self.session.set_numbers(numbers, &mut self.store);
        }
    }
}

impl Orders {
    /// The connection of a session has ended: with cancel on disconnect its orders are cancelled,
    /// in order with what it sent before and may send after.
    fn session_left(&mut self, slot: &mut Slot) {
        if std::mem::take(&mut slot.is_present) && slot.entry.cancel_on_disconnect {
            slot.owes_cancel = true;
            self.cancel_open_orders(slot);
        }
    }

    /// Hands the mass cancel of a session over; it stays owed while the ring is full.
    pub(crate) fn cancel_open_orders(&mut self, slot: &mut Slot) {
        let command = Command {
            session_id: slot.entry.id,
            member_id: slot.entry.member_id,
            scope: Scope::Session,
            scope_id: slot.entry.id,
            recv_time: now_ns(),
            token: self.token + 1,
            ..Command::of(CommandKind::MassCancel)
        };
        if self.commands.push(&command).is_ok() {
            self.token = command.token;
            self.counters.mass_cancels += 1;
            slot.store.command_sent(&command);
            slot.owes_cancel = false;
            slot.cancel_at_ns = None;
        }
    }

    /// One message of a session.
    fn take(&mut self, slot: &mut Slot, message: &Message<'_>, queue: &mut SendQueue, now: u64) {
        let Slot { session, store, .. } = slot;
        let mut turn = Turn { now_ns: now, store, actions: queue };
        let asked = message.u32(tags::HEART_BT_INT);
        if message.msg_type() == msg_type::LOGON
            && !session.is_logged_on()
            && matches!(asked, Ok(Some(secs)) if secs > HEART_BT_INT_SECS_MAX)
        {
            return session.refuse_logon("HeartBtInt(108) must be 0 to 3600", &mut turn);
        }
        let delivery = session.on_message(message, &mut turn);
        if session.is_logged_on() {
            slot.is_present = true;
            slot.cancel_at_ns = None;
        }
        let Some(delivery) = delivery else { return };
        if !self.count_message(message.msg_type()) {
            return;
        }
        let written = match self.entry.read(message) {
            Ok(command) => {
                // MsgSeqNum(34) beyond 32 bits would take years; it then counts as refused.
                let msg_seq_num = u32::try_from(delivery.msg_seq_num).unwrap_or(u32::MAX);
                self.send(command, slot, msg_seq_num, message, queue, now)
            }
            Err(refusal) => self.refuse(refusal, slot, message, queue, now),
        };
        self.counters.unwritable += u64::from(written.is_err());
    }

    /// Counts an application message by type; `false` if it asks for nothing.
    fn count_message(&mut self, msg_type: &[u8]) -> bool {
        let counter = match msg_type {
            msg_type::NEW_ORDER_SINGLE => &mut self.counters.new_orders,
            msg_type::ORDER_CANCEL_REQUEST => &mut self.counters.cancels,
            msg_type::ORDER_CANCEL_REPLACE_REQUEST => &mut self.counters.replaces,
            msg_type::ORDER_STATUS_REQUEST => &mut self.counters.status_requests,
            msg_type::ORDER_MASS_CANCEL_REQUEST => &mut self.counters.mass_cancel_requests,
            msg_type::REJECT => &mut self.counters.rejects_received,
            _ => &mut self.counters.other_messages,
        };
        *counter += 1;
        msg_type != msg_type::REJECT && msg_type != msg_type::BUSINESS_MESSAGE_REJECT
    }

    fn send(
        &mut self,
        mut command: Command,
        slot: &mut Slot,
        msg_seq_num: u32,
        message: &Message<'_>,
        queue: &mut SendQueue,
        now: u64,
    ) -> Result<u64, WriteError> {
        command.session_id = slot.entry.id;
        command.member_id = slot.entry.member_id;
        command.msg_seq_num = msg_seq_num;
        command.recv_time = now;
        command.token = self.token + 1;
        if command.kind == CommandKind::MassCancel {
            (command.scope, command.scope_id) = slot.mass_cancel;
        }
        if self.commands.push(&command).is_ok() {
            self.token = command.token;
            self.counters.commands += 1;
            slot.store.command_sent(&command);
            return Ok(0);
        }
        self.counters.ring_full += 1;
        self.counters.refused_business += 1;
        self.counters.rejected("the venue takes no orders at the moment");
        let Slot { session, store, .. } = slot;
        session.business_reject(
            message,
            BusinessRejectReason::ApplicationNotAvailable,
            message.get(tags::CL_ORD_ID),
            "the venue takes no orders at the moment",
            &mut Turn { now_ns: now, store, actions: queue },
        )
    }

    fn refuse(
        &mut self,
        refusal: Refusal,
        slot: &mut Slot,
        message: &Message<'_>,
        queue: &mut SendQueue,
        now: u64,
    ) -> Result<u64, WriteError> {
        let Slot { session, store, .. } = slot;
        let mut turn = Turn { now_ns: now, store, actions: queue };
        match refusal {
            Refusal::Field(fault) => {
                self.counters.refused_fields += 1;
                self.counters.rejected(fault.reason.text());
                session.reject(message, fault, self.entry.text(), &mut turn)
            }
            Refusal::Business(reason) => {
                self.counters.refused_business += 1;
                self.counters.rejected(business_text(reason));
                let id = message.get(tags::CL_ORD_ID);
                session.business_reject(message, reason, id, self.entry.text(), &mut turn)
            }
            Refusal::Order { reason, ord_rej_reason, cxl_rej_reason } => {
                self.counters.refused_orders += 1;
                self.counters.rejected(reason.text());
                self.refusal = (self.refusal + 1).max(now);
                let (msg_type, reason) = if is_mass_cancel(message) {
                    (msg_type::ORDER_MASS_CANCEL_REPORT, mass_cancel_reject_reason(reason))
                } else if report::is_cancel(message) {
                    self.counters.cancel_rejects += 1;
                    (msg_type::ORDER_CANCEL_REJECT, cxl_rej_reason)
                } else {
                    *self.counters.execution_reports.entry('8').or_default() += 1;
                    (msg_type::EXECUTION_REPORT, ord_rej_reason)
                };
                let text = self.entry.text();
                let refused = Refused { number: self.refusal, reason, text, now_ns: now };
                session.send_app(msg_type, &mut turn, |writer| {
                    report::write_refused(message, &refused, writer);
                })
            }
        }
    }

    fn count_report(&mut self, event: &Event) {
        if event.kind == EventKind::CancelRejected {
            self.counters.cancel_rejects += 1;
            self.counters.rejected(event.reason.text());
            return;
        }
        if event.kind == EventKind::MassCanceled {
            return;
        }
        let exec_type = char::from(report::exec_type(event.kind));
        *self.counters.execution_reports.entry(exec_type).or_default() += 1;
        if event.ord_status == OrdStatus::Rejected {
            self.counters.rejected(event.reason.text());
        }
    }
}

const fn business_text(reason: BusinessRejectReason) -> &'static str {
    match reason {
        BusinessRejectReason::UnsupportedMessageType => "this message type is not offered here",
        BusinessRejectReason::ConditionallyRequiredFieldMissing => {
            "Conditionally required field missing"
        }
        _ => "other business reject",
    }
}

/// The session with a number.
pub(crate) fn slot_of(slots: &mut [Slot], session_id: u32) -> Option<&mut Slot> {
    slots.get_mut(usize::try_from(session_id).ok()?.checked_sub(1)?)
}

/// The session that the first message of a connection names, or why there is none. A stranger is
/// told nothing.
fn identify(message: &Message<'_>, comp_id: &[u8], slots: &[Slot]) -> Result<usize, &'static str> {
    if !message.is_fix44() {
        return Err("the first message is of another version");
    }
    if message.msg_type() != msg_type::LOGON {
        return Err("the first message is not a Logon");
    }
    if message.get(tags::TARGET_COMP_ID) != Some(comp_id) {
        return Err("TargetCompID is not the venue's");
    }
    let sender = message.get(tags::SENDER_COMP_ID).unwrap_or_default();
    let at = slots
        .iter()
        .position(|slot| slot.entry.comp_id.as_bytes() == sender)
        .ok_or("SenderCompID is unknown")?;
    if slots[at].connection.is_some() {
        return Err("the session is connected already");
    }
    Ok(at)
}
