//! What a ring or a journal needs to know of a record: how many bytes, and how to write and read
//! it.

use crate::{BadValue, Command, Event, PrivateRecord, PublicRecord, Scope};

/// A fixed-size record. `BYTES` is a multiple of 64.
pub trait Record: Copy {
    /// Size in bytes, a multiple of 64.
    const BYTES: usize;
    /// Name for messages and file headers.
    const NAME: &'static str;

    /// Writes the record.
    ///
    /// # Panics
    ///
    /// If `out` is not `BYTES` long: the caller's bug.
    fn write(&self, out: &mut [u8]);

    /// Reads the record.
    ///
    /// # Errors
    ///
    /// [`BadValue`] where a byte is not a value of its enum or set.
    ///
    /// # Panics
    ///
    /// If `block` is not `BYTES` long: the caller's bug.
    fn read(block: &[u8]) -> Result<Self, BadValue>;
}

macro_rules! record {
    ($($name:ident),*) => {$(
        impl Record for $name {
            const BYTES: usize = $name::BYTES;
            const NAME: &'static str = stringify!($name);

            #[inline]
            fn write(&self, out: &mut [u8]) {
                match out.try_into() {
                    Ok(block) => self.encode(block),
                    Err(_) => panic!("a record was written to a buffer of another size"),
                }
            }

            #[inline]
            fn read(block: &[u8]) -> Result<Self, BadValue> {
                match block.try_into() {
                    Ok(block) => Self::decode(block),
                    Err(_) => panic!("a record was read from a buffer of another size"),
                }
            }
        }

        const _: () = assert!($name::BYTES % 64 == 0);
    )*};
}

record!(Command, Event, PrivateRecord, PublicRecord);

impl PrivateRecord {
    /// The event inside.
    ///
    /// # Errors
    ///
    /// [`BadValue`] as [`Event::decode`].
    pub fn event(&self) -> Result<Event, BadValue> {
        Event::decode(&self.event)
    }

    /// Puts an event inside.
    pub fn set_event(&mut self, event: &Event) {
        event.encode(&mut self.event);
    }
}

impl Command {
    /// A command with every field zero but its kind: the start of every other one.
    #[must_use]
    pub const fn of(kind: crate::CommandKind) -> Self {
        Self {
            seq: 0,
            timestamp: 0,
            recv_time: 0,
            price: 0,
            order_qty: 0,
            cl_ord_id: [0; 20],
            orig_cl_ord_id: [0; 20],
            instrument_id: 0,
            session_id: 0,
            member_id: 0,
            msg_seq_num: 0,
            kind,
            side: crate::Side::Undisclosed,
            ord_type: crate::OrdType::None,
            time_in_force: crate::TimeInForce::Day,
            phase: crate::TradingPhase::None,
            gateway_id: 0,
            reserved: [0; 2],
            token: 0,
            scope_id: 0,
            scope: Scope::None,
            reserved_tail: [0; 3],
            rate_per_s: 0,
            rate_burst: 0,
            stop_px: 0,
            display_qty: 0,
            min_qty: 0,
            expire_time: 0,
            firm_id: 0,
            self_match_id: 0,
            self_match_scope: crate::SelfMatchScope::None,
            self_match_instruction: crate::SelfMatchInstruction::None,
            exec_inst: crate::ExecInst::NONE,
            account_change: crate::AccountChange::Set,
            reserved_more: [0; 20],
        }
    }
}

impl Event {
    /// An event with every field zero but its kind: the start of every other one.
    #[must_use]
    pub const fn of(kind: crate::EventKind) -> Self {
        Self {
            seq: 0,
            timestamp: 0,
            order_id: 0,
            trd_match_id: 0,
            price: 0,
            order_qty: 0,
            leaves_qty: 0,
            cum_qty: 0,
            cum_value: 0,
            last_px: 0,
            last_qty: 0,
            priority: 0,
            cl_ord_id: [0; 20],
            orig_cl_ord_id: [0; 20],
            instrument_id: 0,
            session_id: 0,
            member_id: 0,
            index: 0,
            kind,
            side: crate::Side::Undisclosed,
            ord_type: crate::OrdType::None,
            time_in_force: crate::TimeInForce::Day,
            ord_status: crate::OrdStatus::New,
            reason: crate::Reason::None,
            phase: crate::TradingPhase::None,
            flags: crate::EventFlags::NONE,
            stop_px: 0,
            display_qty: 0,
            expire_time: 0,
            exec_inst: crate::ExecInst::NONE,
            reserved: [0; 7],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CommandKind, EventKind, ExecInst, SelfMatchInstruction, Side};

    #[test]
    fn a_command_survives_its_bytes() {
        let mut command = Command::of(CommandKind::NewOrder);
        command.price = -5;
        command.side = Side::Sell;
        command.cl_ord_id[0] = b'x';
        command.stop_px = i64::MIN;
        command.expire_time = u64::MAX;
        command.self_match_instruction = SelfMatchInstruction::Decrement;
        command.exec_inst = ExecInst::POST_ONLY.with(ExecInst::SLIDE);
        let mut block = [0; Command::BYTES];
        command.encode(&mut block);
        assert_eq!(Command::decode(&block), Ok(command));
    }

    #[test]
    fn an_unknown_enum_value_is_named() {
        let mut block = [0; Event::BYTES];
        Event::of(EventKind::Added).encode(&mut block);
        block[153] = 9;
        assert_eq!(Event::decode(&block), Err(BadValue { kind: "Side", value: 9 }));
    }
}
