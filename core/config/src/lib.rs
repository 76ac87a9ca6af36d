//! `venue.toml`: read, checked as a whole, and turned into what each part needs.
//!
//! [`Venue::load`] returns a venue that holds together, or every fault that it found, each with the
//! place in the file. Prices stand in the file as decimals and become integers here.
#![forbid(unsafe_code)]

mod check;
mod file;
mod price;
mod self_match;
mod strategy;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};

pub use price::{Decimal, DecimalError};
pub use self_match::SelfMatch;
pub use strategy::Strategy;
use touchline_types::{Scope, TradingPhase};

/// A venue, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Venue {
    /// Name, for logs and file names.
    pub name: String,
    /// SenderCompID(49) of the venue.
    pub comp_id: String,
    /// Rings, doorbells, sockets, counters; belongs on tmpfs.
    pub run_dir: PathBuf,
    /// Journal and message stores; belongs on a disk.
    pub data_dir: PathBuf,
    /// What an idle agent does.
    pub wait: Wait,
    /// The engine's limits and its durability.
    pub engine: Engine,
    /// The FIX acceptor.
    pub gateway: Gateway,
    /// The feed.
    pub marketdata: MarketData,
    /// Instruments; `id` is the index plus one.
    pub instruments: Vec<Instrument>,
    /// Members; `id` is the index plus one.
    pub members: Vec<Member>,
    /// FIX sessions of all members; `id` is the index plus one.
    pub sessions: Vec<Session>,
    /// Strategies of all members; their `id`s go on behind those of the FIX sessions.
    pub strategies: Vec<Strategy>,
}

/// What an idle agent does. The journal's agent and the operators' socket always sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Sleeps until a ring or a socket wakes it: for hosts whose cores are shared.
    Park,
    /// Looks again at once, and keeps its core busy: for hosts with a core for each program.
    Spin,
}

impl Wait {
    /// The word in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Park => "park",
            Self::Spin => "spin",
        }
    }
}

/// When output is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When the command is on disk.
    Sync,
    /// At once; what the disk does not hold yet is the exposed window.
    Async,
}

impl Durability {
    /// The word in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Async => "async",
        }
    }
}

/// Members from 1 to this number can have an account: so many the matcher has flags for.
pub const MEMBERS_WITH_ACCOUNT_MAX: u32 = 4_095;

/// Section `[engine]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// When output is released.
    pub durability: Durability,
    /// Open orders that the venue holds at most.
    pub max_open_orders: usize,
    /// Price levels of one side of one book at most.
    pub max_levels: usize,
    /// ClOrdIDs of the day that the venue remembers at most.
    pub max_cl_ord_ids: usize,
    /// Members that can have an account at a time, 0 to [`MEMBERS_WITH_ACCOUNT_MAX`].
    pub max_accounts: usize,
    /// Commands taken from one ring in one pass.
    pub budget: usize,
    /// Records in each ring, a power of two.
    pub ring_records: usize,
}

/// Section `[gateway]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Where FIX clients connect.
    pub address: SocketAddr,
    /// Longest FIX message, bytes.
    pub message_bytes_max: usize,
    /// A client that has not logged on by then is closed, ms.
    pub logon_timeout_ms: u64,
    /// A client that does not read this much is closed, bytes.
    pub send_queue_bytes_max: usize,
    /// After a restart of the gateway, a session with cancel on disconnect has so long to log on
    /// before its orders are cancelled, ms.
    pub cancel_grace_ms: u64,
}

/// A channel of the feed: number, and the groups of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Number in the packet header.
    pub channel: u16,
    /// Line A.
    pub a: SocketAddrV4,
    /// Line B; the snapshot and definition channels need none.
    pub b: Option<SocketAddrV4>,
}

/// Section `[marketdata]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketData {
    /// Address of the interface that multicast leaves by.
    pub interface: Ipv4Addr,
    /// Time to live of the datagrams; 0 stays on this host.
    pub ttl: u32,
    /// Book changes, A and B.
    pub incremental: Channel,
    /// Cyclic snapshots.
    pub snapshot: Channel,
    /// Cyclic instrument definitions.
    pub definition: Channel,
    /// An idle incremental channel says so after this time, ms.
    pub heartbeat_ms: u64,
    /// A new snapshot cycle starts this often, ms (later if the last one is not out yet).
    pub snapshot_cycle_ms: u64,
    /// Snapshot packets sent in one millisecond at most.
    pub snapshot_packets_per_ms: u32,
    /// A new definition cycle starts this often, ms.
    pub definition_cycle_ms: u64,
}

/// One `[[instrument]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Number in records and on the feed, from 1.
    pub id: u32,
    /// Symbol(55).
    pub symbol: String,
    /// Currency(15).
    pub currency: String,
    /// One price unit: MinPriceIncrement(969).
    pub price_increment: Decimal,
    /// Lowest admitted price, price units.
    pub min_price: i64,
    /// Highest admitted price, price units.
    pub max_price: i64,
    /// RoundLot(561).
    pub round_lot: u64,
    /// Largest OrderQty(38), lots.
    pub max_order_qty: u64,
    /// Phase at the start of the day.
    pub phase: TradingPhase,
    /// Prices are multiples of this, price units.
    pub tick_size: i64,
    /// Quantities are multiples of this, lots.
    pub lot_size: u64,
    /// So far beyond the touch a market order may go, price units; 0 is no bound.
    pub protection: i64,
    /// So far through the last price a limit may be, price units; 0 is no bound.
    pub price_band: i64,
}

/// One `[[member]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Number in records, from 1.
    pub id: u32,
    /// Name.
    pub name: String,
    /// Number of its firm, from 1; 0 is none.
    pub firm_id: u32,
    /// What its orders do where they meet its own.
    pub self_match: SelfMatch,
    /// Whose orders an OrderMassCancelRequest of one of its sessions cancels: those of the session,
    /// the member, or the firm.
    pub mass_cancel: Scope,
}

/// One FIX session of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Number in records, from 1.
    pub id: u32,
    /// Number of its member.
    pub member_id: u32,
    /// The client's SenderCompID(49).
    pub comp_id: String,
    /// Whether its open orders are cancelled when it logs out or its connection ends.
    pub cancel_on_disconnect: bool,
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, for example `instrument[2].min_price`.
    pub place: String,
    /// What, and what would be right.
    pub what: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.place, self.what)
    }
}

/// Why there is no venue.
#[derive(Debug)]
pub enum ConfigError {
    /// The file could not be read.
    Read(PathBuf, std::io::Error),
    /// The file is not TOML of the known shape; the text names line and key.
    Parse(PathBuf, String),
    /// The file reads well, but these things are wrong.
    Faults(PathBuf, Vec<Fault>),
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Read(path, error) => write!(out, "cannot read {}: {error}", path.display()),
            Self::Parse(path, text) => write!(out, "{}: {text}", path.display()),
            Self::Faults(path, faults) => {
                write!(out, "{}: {} fault(s)", path.display(), faults.len())?;
                faults.iter().try_for_each(|fault| write!(out, "\n  {fault}"))
            }
        }
    }
}

impl std::error::Error for ConfigError {}

impl Venue {
    /// Reads and checks a file. Relative directories are taken from the file's own folder.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with everything that is wrong.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Read(path.to_path_buf(), error))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, folder).map_err(|error| match error {
            ConfigError::Parse(_, text) => ConfigError::Parse(path.to_path_buf(), text),
            ConfigError::Faults(_, faults) => ConfigError::Faults(path.to_path_buf(), faults),
            other @ ConfigError::Read(..) => other,
        })
    }

    /// Checks a text as [`load`](Self::load) does; relative directories are taken from `folder`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with everything that is wrong.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, ConfigError> {
        let file: file::File = toml::from_str(text)
            .map_err(|error| ConfigError::Parse(PathBuf::new(), error.to_string()))?;
        check::check(&file, folder).map_err(|faults| ConfigError::Faults(PathBuf::new(), faults))
    }

    /// The member with a number.
    #[must_use]
    pub fn member(&self, member_id: u32) -> Option<&Member> {
        self.members.get((member_id as usize).checked_sub(1)?)
    }

    /// The instrument with a symbol.
    #[must_use]
    pub fn instrument(&self, symbol: &str) -> Option<&Instrument> {
        self.instruments.iter().find(|instrument| instrument.symbol == symbol)
    }

    /// A file of the running venue: one name for each, known to every program.
    #[must_use]
    pub fn run_file(&self, file: RunFile) -> PathBuf {
        self.run_dir.join(match file {
            RunFile::CommandRing => "gateway-1.commands.ring",
            RunFile::PrivateRing => "gateway-1.events.ring",
            RunFile::PublicRing => "public.ring",
            RunFile::EngineBell => "engine.bell",
            RunFile::JournalBell => "journal.bell",
            RunFile::GatewayBell => "gateway-1.bell",
            RunFile::PublisherBell => "publisher.bell",
            RunFile::AdminSocket => "admin.sock",
            RunFile::EngineStats => "engine.stats.json",
            RunFile::GatewayStats => "gateway-1.stats.json",
            RunFile::PublisherStats => "publisher.stats.json",
            RunFile::EngineCounters => "engine.counters",
            RunFile::JournalCounters => "journal.counters",
            RunFile::GatewayCounters => "gateway-1.counters",
            RunFile::PublisherCounters => "publisher.counters",
            RunFile::StateHashes => "engine.hashes",
            RunFile::EngineBeacon => "engine.beacon",
            RunFile::StrategySocket => "strategies.sock",
        })
    }

    /// Folder of the journal.
    #[must_use]
    pub fn journal_dir(&self) -> PathBuf {
        self.data_dir.join("journal")
    }

    /// Folder of the FIX message stores.
    #[must_use]
    pub fn store_dir(&self) -> PathBuf {
        self.data_dir.join("fix")
    }
}

/// The files of a running venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunFile {
    /// Commands of the gateway to the engine.
    CommandRing,
    /// Events of the gateway's sessions.
    PrivateRing,
    /// What the public sees.
    PublicRing,
    /// Wakes the engine.
    EngineBell,
    /// Wakes the journal.
    JournalBell,
    /// Wakes the gateway.
    GatewayBell,
    /// Wakes the publisher.
    PublisherBell,
    /// Where operators connect.
    AdminSocket,
    /// The engine's figures, once a second.
    EngineStats,
    /// The gateway's figures, once a second.
    GatewayStats,
    /// The publisher's figures, once a second.
    PublisherStats,
    /// What the engine counts.
    EngineCounters,
    /// What the journal's agent counts.
    JournalCounters,
    /// What the gateway counts.
    GatewayCounters,
    /// What the publisher counts.
    PublisherCounters,
    /// State hash after each of the newest commands.
    StateHashes,
    /// Which engine made the rings, and how far it is; outlives engines.
    EngineBeacon,
    /// Where strategies connect.
    StrategySocket,
}

impl RunFile {
    /// Every one.
    pub const ALL: [Self; 18] = [
        Self::CommandRing,
        Self::PrivateRing,
        Self::PublicRing,
        Self::EngineBell,
        Self::JournalBell,
        Self::GatewayBell,
        Self::PublisherBell,
        Self::AdminSocket,
        Self::EngineStats,
        Self::GatewayStats,
        Self::PublisherStats,
        Self::EngineCounters,
        Self::JournalCounters,
        Self::GatewayCounters,
        Self::PublisherCounters,
        Self::StateHashes,
        Self::EngineBeacon,
        Self::StrategySocket,
    ];
}
