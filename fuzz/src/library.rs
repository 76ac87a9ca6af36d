//! A caller of the matcher's C ABI, made of the fuzzer's bytes: what it sets up, and its records.

use touchline_ffi::matcher::{TlInstrumentLimits, TlMatcherCapacity};
use touchline_matcher::{Capacity, InstrumentLimits};
use touchline_types::{
    AccountChange, Command, CommandKind, ExecInst, OrdType, Scope, SelfMatchInstruction,
    SelfMatchScope, Side, TimeInForce, TradingPhase,
};

use crate::Script;

/// A command as the library is given it.
pub type Record = [u8; Command::BYTES];

/// What a matcher is made of, as C says it.
#[derive(Debug)]
pub struct Setup {
    /// One to three instruments, of which there is room for two.
    pub instruments: Vec<TlInstrumentLimits>,
    /// Small: what is full is found soon.
    pub capacity: TlMatcherCapacity,
    /// The same in Rust.
    pub room: Capacity,
}

impl Setup {
    /// `u8` for each capacity, `u8` how many instruments, and the numbers of each of them.
    pub fn take(script: &mut Script<'_>) -> Self {
        let mut up_to = |most: u8| u32::from(script.u8() % (most + 1));
        let room = Capacity {
            instruments: 2,
            orders: up_to(31),
            levels: up_to(15),
            cl_ord_ids: up_to(127),
            limited_sessions: up_to(3),
            accounts: up_to(3),
        };
        let capacity = TlMatcherCapacity {
            instruments: room.instruments,
            orders: room.orders,
            levels: room.levels,
            cl_ord_ids: room.cl_ord_ids,
            limited_sessions: room.limited_sessions,
            accounts: room.accounts,
            reserved: [0; 10],
        };
        let count = 1 + up_to(2);
        let instruments = (1..=count).map(|number| instrument(number, script)).collect();
        Self { instruments, capacity, room }
    }

    /// The instruments in Rust; `None` if one of them is none.
    #[must_use]
    pub fn limits(&self) -> Option<Vec<InstrumentLimits>> {
        self.instruments.iter().map(limits_of).collect()
    }
}

fn limits_of(instrument: &TlInstrumentLimits) -> Option<InstrumentLimits> {
    let TlInstrumentLimits { tick_size, lot_size, .. } = *instrument;
    Some(InstrumentLimits {
        instrument_id: instrument.instrument_id,
        min_price: instrument.min_price,
        max_price: instrument.max_price,
        max_order_qty: instrument.max_order_qty,
        initial_phase: TradingPhase::try_from(instrument.phase).ok()?,
        // 0 is what C writes where it names none.
        tick_size: if tick_size == 0 { 1 } else { tick_size },
        lot_size: lot_size.max(1),
        protection: instrument.protection,
        price_band: instrument.price_band,
    })
}

fn instrument(number: u32, script: &mut Script<'_>) -> TlInstrumentLimits {
    // A small number, but for the last 16th of values: then any.
    let mut some = |most: u8| match script.u8() {
        0xf0.. => script.u64(),
        small => u64::from(small % most),
    };
    TlInstrumentLimits {
        min_price: some(100).cast_signed(),
        max_price: some(200).cast_signed(),
        max_order_qty: some(100),
        instrument_id: number,
        phase: some(6).to_le_bytes()[0],
        reserved: [0; 3],
        tick_size: some(8).cast_signed(),
        lot_size: some(4),
        protection: some(16).cast_signed(),
        price_band: some(64).cast_signed(),
    }
}

/// Replaces so many bytes by others.
fn replace(bytes: &mut [u8], many: u8, script: &mut Script<'_>) {
    for _ in 0..many {
        let at = usize::from(script.u8()) % bytes.len();
        bytes[at] = script.u8();
    }
}

/// One of these.
fn one_of<T: Copy>(all: &[T], number: u8) -> T {
    all[usize::from(number) % all.len()]
}

/// A command, mostly one that a matcher of these instruments can do something with. `op` says of
/// which kind, and whether it asks for more than a plain order; its last 16th of values, that bytes
/// of the record are replaced.
pub fn record(op: u8, script: &mut Script<'_>) -> Record {
    const KINDS: [CommandKind; 16] = [
        CommandKind::NewOrder,
        CommandKind::NewOrder,
        CommandKind::NewOrder,
        CommandKind::CancelOrder,
        CommandKind::ReplaceOrder,
        CommandKind::ReplaceOrder,
        CommandKind::OrderStatus,
        CommandKind::ChangePhase,
        CommandKind::MassCancel,
        CommandKind::BlockEntry,
        CommandKind::AdmitEntry,
        CommandKind::SetLimits,
        CommandKind::ExpireOrders,
        CommandKind::SetAccount,
        CommandKind::Deposit,
        CommandKind::NewOrder,
    ];
    let kind = one_of(&KINDS, op);
    let (who, names) = (script.u8(), script.u8());
    let is_order = matches!(
        kind,
        CommandKind::NewOrder
            | CommandKind::CancelOrder
            | CommandKind::ReplaceOrder
            | CommandKind::OrderStatus
    );
    // Sessions 1 to 4 of members 1 and 2; what is the operator's comes from a session now and then.
    let session_id = if is_order || who & 0x80 != 0 { 1 + u32::from(who % 4) } else { 0 };
    let mut command = Command {
        session_id,
        member_id: session_id.div_ceil(2),
        firm_id: session_id.div_ceil(2),
        instrument_id: 1 + u32::from(who >> 2 & 1),
        side: one_of(&Side::ALL, who >> 3),
        ord_type: OrdType::Limit,
        price: i64::from(script.u8()) - 40,
        order_qty: u64::from(script.u8() % 64),
        ..Command::of(kind)
    };
    command.cl_ord_id[0] = names % 32;
    command.orig_cl_ord_id[0] = names >> 3;
    if op & 0x10 != 0 || !is_order {
        more(&mut command, script);
    }
    let mut bytes = [0; Command::BYTES];
    command.encode(&mut bytes);
    if op >= 0xf0 {
        replace(&mut bytes, 1 + script.u8() % 4, script);
    }
    bytes
}

/// What few commands ask for.
fn more(command: &mut Command, script: &mut Script<'_>) {
    let (kinds, guard) = (script.u8(), script.u8());
    command.ord_type = one_of(&OrdType::ALL, kinds);
    command.time_in_force = one_of(&TimeInForce::ALL, kinds >> 4);
    command.exec_inst = ExecInst(guard % 16);
    command.self_match_scope = one_of(&SelfMatchScope::ALL, guard >> 4);
    command.self_match_instruction = one_of(&SelfMatchInstruction::ALL, guard >> 6);
    let choice = script.u8();
    command.phase = one_of(&TradingPhase::ALL, choice);
    command.scope = one_of(&Scope::ALL, choice >> 3);
    command.account_change = one_of(&AccountChange::ALL, choice >> 6);
    command.scope_id = 1 + u32::from(script.u8() % 4);
    command.self_match_id = u32::from(script.u8() % 3);
    command.rate_per_s = u32::from(script.u8() % 4);
    command.rate_burst = u32::from(script.u8() % 4);
    command.stop_px = i64::from(script.u8()) - 40;
    command.display_qty = u64::from(script.u8() % 32);
    command.min_qty = u64::from(script.u8() % 32);
    command.expire_time = u64::from(script.u8());
    if command.kind == CommandKind::Deposit {
        // Enough for some orders.
        command.price = command.price.wrapping_mul(i64::from(script.u8()));
        command.instrument_id = command.instrument_id.wrapping_sub(1);
    }
}
