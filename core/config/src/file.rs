//! The file as it is written: sections, keys, defaults. Unknown keys are errors.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) venue: VenueSection,
    #[serde(default)]
    pub(crate) engine: EngineSection,
    #[serde(default)]
    pub(crate) gateway: GatewaySection,
    #[serde(default)]
    pub(crate) marketdata: MarketDataSection,
    #[serde(default, rename = "instrument")]
    pub(crate) instruments: Vec<InstrumentSection>,
    #[serde(default, rename = "member")]
    pub(crate) members: Vec<MemberSection>,
    #[serde(default, rename = "strategy")]
    pub(crate) strategies: Vec<StrategySection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VenueSection {
    pub(crate) name: String,
    #[serde(default = "comp_id")]
    pub(crate) comp_id: String,
    pub(crate) run_dir: Option<String>,
    pub(crate) data_dir: Option<String>,
    #[serde(default = "park")]
    pub(crate) wait: String,
}

fn park() -> String {
    "park".into()
}

fn comp_id() -> String {
    "TOUCHLINE".into()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EngineSection {
    pub(crate) durability: String,
    pub(crate) max_open_orders: usize,
    pub(crate) max_levels: usize,
    pub(crate) max_cl_ord_ids: usize,
    pub(crate) max_accounts: usize,
    pub(crate) budget: usize,
    pub(crate) ring_records: usize,
}

impl Default for EngineSection {
    fn default() -> Self {
        Self {
            durability: "sync".into(),
            max_open_orders: 1 << 18,
            max_levels: 1 << 13,
            max_cl_ord_ids: 1 << 20,
            max_accounts: 1 << 10,
            budget: 64,
            ring_records: 1 << 14,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GatewaySection {
    pub(crate) address: String,
    pub(crate) message_bytes_max: usize,
    pub(crate) logon_timeout_ms: u64,
    pub(crate) send_queue_bytes_max: usize,
    pub(crate) cancel_grace_ms: u64,
}

impl Default for GatewaySection {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:9878".into(),
            message_bytes_max: 4096,
            logon_timeout_ms: 5_000,
            send_queue_bytes_max: 8 << 20,
            cancel_grace_ms: 10_000,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelSection {
    pub(crate) channel: u16,
    pub(crate) a: String,
    pub(crate) b: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MarketDataSection {
    pub(crate) interface: String,
    pub(crate) ttl: u32,
    pub(crate) incremental: ChannelSection,
    pub(crate) snapshot: ChannelSection,
    pub(crate) definition: ChannelSection,
    pub(crate) heartbeat_ms: u64,
    pub(crate) snapshot_cycle_ms: u64,
    pub(crate) snapshot_packets_per_ms: u32,
    pub(crate) definition_cycle_ms: u64,
}

impl Default for MarketDataSection {
    fn default() -> Self {
        let channel = |channel, a: &str, b: Option<&str>| ChannelSection {
            channel,
            a: a.into(),
            b: b.map(Into::into),
        };
        Self {
            interface: "127.0.0.1".into(),
            ttl: 0,
            incremental: channel(1, "239.255.77.1:31001", Some("239.255.77.2:31002")),
            snapshot: channel(2, "239.255.77.3:31003", None),
            definition: channel(3, "239.255.77.4:31004", None),
            heartbeat_ms: 500,
            snapshot_cycle_ms: 1_000,
            snapshot_packets_per_ms: 16,
            definition_cycle_ms: 1_000,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InstrumentSection {
    pub(crate) symbol: String,
    #[serde(default = "usd")]
    pub(crate) currency: String,
    pub(crate) price_increment: String,
    pub(crate) min_price: String,
    pub(crate) max_price: String,
    #[serde(default = "one")]
    pub(crate) round_lot: u64,
    #[serde(default = "max_order_qty")]
    pub(crate) max_order_qty: u64,
    #[serde(default = "call")]
    pub(crate) phase: String,
    #[serde(default = "one")]
    pub(crate) tick_size: u64,
    #[serde(default = "one")]
    pub(crate) lot_size: u64,
    #[serde(default)]
    pub(crate) protection: u64,
    #[serde(default)]
    pub(crate) price_band: u64,
}

fn usd() -> String {
    "USD".into()
}

fn one() -> u64 {
    1
}

fn max_order_qty() -> u64 {
    10_000
}

fn call() -> String {
    "call".into()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberSection {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) sessions: Vec<String>,
    #[serde(default)]
    pub(crate) cancel_on_disconnect: bool,
    #[serde(default)]
    pub(crate) firm_id: u32,
    #[serde(default = "none")]
    pub(crate) self_match_scope: String,
    #[serde(default = "none")]
    pub(crate) self_match_instruction: String,
    #[serde(default = "session")]
    pub(crate) mass_cancel: String,
}

fn session() -> String {
    "session".into()
}

fn none() -> String {
    "none".into()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StrategySection {
    pub(crate) name: String,
    pub(crate) member: String,
    #[serde(default = "strategy_order_qty")]
    pub(crate) max_order_qty: u64,
    #[serde(default = "strategy_position")]
    pub(crate) max_position: u64,
    #[serde(default = "strategy_rate")]
    pub(crate) max_orders_per_s: u64,
    #[serde(default = "strategy_burst")]
    pub(crate) order_burst: u64,
    pub(crate) uid: Option<u32>,
    pub(crate) targets_uid: Option<u32>,
}

fn strategy_order_qty() -> u64 {
    100
}

fn strategy_position() -> u64 {
    1_000
}

fn strategy_rate() -> u64 {
    1_000
}

fn strategy_burst() -> u64 {
    100
}
