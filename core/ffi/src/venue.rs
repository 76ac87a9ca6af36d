//! A venue as JSON, so that a program in another language need not read `venue.toml` itself: its
//! defaults and its rules are written down once, in touchline-config.

use std::path::Path;

use serde_json::{Value, json};
use touchline_config::{Channel, Instrument, RunFile, Strategy, Venue};

/// The files of a running venue, by the name that they have in the description.
const RUN_FILES: [(&str, RunFile); 18] = [
    ("command_ring", RunFile::CommandRing),
    ("private_ring", RunFile::PrivateRing),
    ("public_ring", RunFile::PublicRing),
    ("engine_bell", RunFile::EngineBell),
    ("journal_bell", RunFile::JournalBell),
    ("gateway_bell", RunFile::GatewayBell),
    ("publisher_bell", RunFile::PublisherBell),
    ("admin_socket", RunFile::AdminSocket),
    ("engine_stats", RunFile::EngineStats),
    ("gateway_stats", RunFile::GatewayStats),
    ("publisher_stats", RunFile::PublisherStats),
    ("engine_counters", RunFile::EngineCounters),
    ("journal_counters", RunFile::JournalCounters),
    ("gateway_counters", RunFile::GatewayCounters),
    ("publisher_counters", RunFile::PublisherCounters),
    ("state_hashes", RunFile::StateHashes),
    ("engine_beacon", RunFile::EngineBeacon),
    ("strategy_socket", RunFile::StrategySocket),
];

/// The description of the venue in a file, or the reason why there is none.
pub(crate) fn describe(path: &Path) -> Result<String, String> {
    let venue = Venue::load(path).map_err(|error| error.to_string())?;
    let files: serde_json::Map<String, Value> = RUN_FILES
        .into_iter()
        .map(|(name, file)| (name.to_owned(), json!(venue.run_file(file).display().to_string())))
        .collect();
    let feed = &venue.marketdata;
    let description = json!({
        "name": venue.name,
        "comp_id": venue.comp_id,
        "run_dir": venue.run_dir.display().to_string(),
        "data_dir": venue.data_dir.display().to_string(),
        "run_files": files,
        "wait": venue.wait.name(),
        "engine": {
            "durability": venue.engine.durability.name(),
            "max_open_orders": venue.engine.max_open_orders,
            "max_levels": venue.engine.max_levels,
            "max_cl_ord_ids": venue.engine.max_cl_ord_ids,
            "max_accounts": venue.engine.max_accounts,
            "budget": venue.engine.budget,
            "ring_records": venue.engine.ring_records,
        },
        "gateway": {
            "host": venue.gateway.address.ip().to_string(),
            "port": venue.gateway.address.port(),
            "message_bytes_max": venue.gateway.message_bytes_max,
        },
        "marketdata": {
            "interface": feed.interface.to_string(),
            "ttl": feed.ttl,
            "incremental": channel(&feed.incremental),
            "snapshot": channel(&feed.snapshot),
            "definition": channel(&feed.definition),
            "heartbeat_ms": feed.heartbeat_ms,
        },
        "instruments": venue.instruments.iter().map(instrument).collect::<Vec<_>>(),
        "members": venue.members.iter()
            .map(|member| json!({ "id": member.id, "name": member.name }))
            .collect::<Vec<_>>(),
        "sessions": venue.sessions.iter()
            .map(|session| json!({
                "id": session.id,
                "member_id": session.member_id,
                "comp_id": session.comp_id,
            }))
            .collect::<Vec<_>>(),
        "strategies": venue.strategies.iter().map(strategy).collect::<Vec<_>>(),
    });
    Ok(description.to_string())
}

fn strategy(strategy: &Strategy) -> Value {
    json!({
        "session_id": strategy.id,
        "member_id": strategy.member_id,
        "name": strategy.name,
        "uid": strategy.uid,
        "targets_uid": strategy.targets_uid,
        "max_order_qty": strategy.max_order_qty,
        "max_position": strategy.max_position,
        "max_orders_per_s": strategy.max_orders_per_s,
        "order_burst": strategy.order_burst,
    })
}

fn channel(channel: &Channel) -> Value {
    json!({
        "channel": channel.channel,
        "a": channel.a.to_string(),
        "b": channel.b.map(|line| line.to_string()),
    })
}

fn instrument(instrument: &Instrument) -> Value {
    json!({
        "id": instrument.id,
        "symbol": instrument.symbol,
        "currency": instrument.currency,
        "price_increment": instrument.price_increment.to_string(),
        "min_price": instrument.min_price,
        "max_price": instrument.max_price,
        "round_lot": instrument.round_lot,
        "max_order_qty": instrument.max_order_qty,
        "phase": instrument.phase.name(),
    })
}
