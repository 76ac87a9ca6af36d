//! A file of `bench/workload.py`, which says what its bytes mean, and the facts beside it.

use std::path::Path;

use serde_json::Value;

/// Numbers of orders are below this.
pub(crate) const IDS: usize = 1 << 21;
/// Prices are from 1 to two below this, ticks.
pub(crate) const PRICES: usize = 1 << 18;

const RECORD_BYTES: usize = 16;

/// What an action does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    New,
    Cancel,
    Modify,
    Take,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::New, Self::Cancel, Self::Modify, Self::Take];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Cancel => "cancel",
            Self::Modify => "modify",
            Self::Take => "take",
        }
    }
}

/// One record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Action {
    pub(crate) kind: Kind,
    /// The order is an offer, or else a bid.
    pub(crate) is_offer: bool,
    pub(crate) qty: u32,
    /// From 1, below [`IDS`].
    pub(crate) id: u32,
    /// From 1 to two below [`PRICES`].
    pub(crate) price: u32,
}

/// The book at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) orders: u64,
    pub(crate) bid_qty: u64,
    pub(crate) offer_qty: u64,
    /// The touch; 0 where a side is empty.
    pub(crate) bid: u64,
    pub(crate) offer: u64,
}

/// What every path must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) fills: Fills,
    pub(crate) end: End,
}

/// All fills as they came: how many, lots, and a checksum that depends on their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fills {
    pub(crate) checksum: u64,
    pub(crate) count: u64,
    pub(crate) qty: u64,
}

impl Fills {
    pub(crate) const NONE: Self = Self { checksum: 0xcbf2_9ce4_8422_2325, count: 0, qty: 0 };
}

/// Takes the fills of a book.
pub(crate) trait FillSink {
    /// Order `resting` and order `taking` trade.
    fn fill(&mut self, resting: u64, taking: u64, price: u64, qty: u64);
}

impl FillSink for Fills {
    #[inline]
    fn fill(&mut self, resting: u64, taking: u64, price: u64, qty: u64) {
        let mixed = resting.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ taking.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
            ^ price.wrapping_mul(0x1656_67b1_9e37_79f9)
            ^ qty;
        self.checksum = self.checksum.wrapping_mul(0x0000_0100_0000_01b3).wrapping_add(mixed);
        self.count += 1;
        self.qty += qty;
    }
}

/// A file, read and checked.
#[derive(Debug)]
pub(crate) struct Workload {
    actions: Vec<Action>,
    preload: usize,
    pub(crate) seed: u64,
    pub(crate) expected: Outcome,
}

impl Workload {
    /// Reads a file, and the facts of the same name with `.json` after it.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let at =
            |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let bytes = std::fs::read(path).map_err(|error| at(path, &error))?;
        if bytes.len() % RECORD_BYTES != 0 {
            return Err(at(path, &format!("{} bytes are no whole records", bytes.len())));
        }
        let mut actions = Vec::with_capacity(bytes.len() / RECORD_BYTES);
        let mut preload = 0;
        for (number, record) in bytes.chunks_exact(RECORD_BYTES).enumerate() {
            let (action, preloads) =
                action(record).map_err(|fault| at(path, &format!("record {number}: {fault}")))?;
            if preloads && preload != number {
                return Err(at(path, &format!("record {number}: preload after an action")));
            }
            preload += usize::from(preloads);
            actions.push(action);
        }
        let mut named = path.as_os_str().to_owned();
        named.push(".json");
        let beside = Path::new(&named);
        let text = std::fs::read_to_string(beside).map_err(|error| at(beside, &error))?;
        let facts = serde_json::from_str(&text).map_err(|error| at(beside, &error))?;
        let (seed, expected) = expected(&facts).map_err(|fault| at(beside, &fault))?;
        Ok(Self { actions, preload, seed, expected })
    }

    /// What fills the book before anything is timed.
    pub(crate) fn preload(&self) -> &[Action] {
        &self.actions[..self.preload]
    }

    /// What is timed.
    pub(crate) fn actions(&self) -> &[Action] {
        &self.actions[self.preload..]
    }

    /// An error if a path came to something else.
    pub(crate) fn confirm(&self, came_to: &Outcome) -> Result<(), String> {
        if *came_to == self.expected {
            return Ok(());
        }
        Err(format!("came to {came_to:x?}, but the file says {:x?}", self.expected))
    }
}

fn action(record: &[u8]) -> Result<(Action, bool), String> {
    let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| record[at + byte]));
    let kind = *Kind::ALL.get(usize::from(record[0])).ok_or("its kind is none of 0 to 3")?;
    let (qty, id, price) = (word(4), word(8), word(12));
    if record[1] > 1 || record[2] > 1 || (record[2] == 1 && kind != Kind::New) {
        return Err(format!("side {} or mark {} is unknown", record[1], record[2]));
    }
    if id == 0 || id as usize >= IDS {
        return Err(format!("order {id} is not from 1 to {}", IDS - 1));
    }
    if price == 0 || price as usize >= PRICES - 1 {
        return Err(format!("price {price} is not from 1 to {}", PRICES - 2));
    }
    Ok((Action { kind, is_offer: record[1] == 1, qty, id, price }, record[2] == 1))
}

fn expected(facts: &Value) -> Result<(u64, Outcome), String> {
    let number = |of: &Value, name: &str| of[name].as_u64().ok_or(format!("no number {name}"));
    let checksum = facts["checksum"].as_str().ok_or("no checksum")?;
    let fills = Fills {
        checksum: u64::from_str_radix(checksum, 16).map_err(|error| error.to_string())?,
        count: number(facts, "fills")?,
        qty: number(facts, "traded_qty")?,
    };
    let end = &facts["end"];
    let end = End {
        orders: number(end, "orders")?,
        bid_qty: number(end, "bid_qty")?,
        offer_qty: number(end, "offer_qty")?,
        bid: number(end, "bid")?,
        offer: number(end, "offer")?,
    };
    Ok((number(facts, "seed")?, Outcome { fills, end }))
}
