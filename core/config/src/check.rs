//! Everything that a file can say and a venue cannot be. All faults are collected, none is guessed
//! at.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;

use crate::file::{
    ChannelSection, EngineSection, File, GatewaySection, InstrumentSection, MarketDataSection,
    MemberSection,
};
use crate::self_match::SelfMatch;
use crate::strategy::strategies;
use crate::{
    Channel, Decimal, Durability, Engine, Fault, Gateway, Instrument, MEMBERS_WITH_ACCOUNT_MAX,
    MarketData, Member, Session, Venue, Wait,
};
use touchline_types::{Scope, TradingPhase};

/// Instruments that a venue can hold: their number is 16 bits on the way to the matcher.
const INSTRUMENTS_MAX: usize = 10_000;
/// Price units of a tick, a protection or a band at most.
const DISTANCE_MAX: u64 = 1 << 40;
/// Highest number of a firm: the matcher can block so many.
const FIRM_ID_MAX: u64 = 4_095;

/// Collects faults; every check returns a value to go on with.
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.0.push(Fault { place: place.into(), what: what.into() });
    }

    pub(crate) fn require(&mut self, holds: bool, place: &str, what: impl FnOnce() -> String) {
        if !holds {
            self.add(place, what());
        }
    }

    pub(crate) fn between(&mut self, place: &str, value: u64, low: u64, high: u64) {
        self.require((low..=high).contains(&value), place, || {
            format!("is {value}, must be {low} to {high}")
        });
    }

    /// CompIDs and symbols stand in FIX fields and fixed-width feed fields.
    pub(crate) fn word(&mut self, place: &str, text: &str, len_max: usize) {
        let graphic =
            text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'=' && byte != b'|');
        self.require(!text.is_empty() && text.len() <= len_max && graphic, place, || {
            format!(
                "is {text:?}, must be 1 to {len_max} visible ASCII characters without '=' and '|'"
            )
        });
    }
}

pub(crate) fn check(file: &File, folder: &Path) -> Result<Venue, Vec<Fault>> {
    let mut faults = Faults(Vec::new());
    faults.word("venue.name", &file.venue.name, 32);
    faults.word("venue.comp_id", &file.venue.comp_id, 32);
    let default_run = format!("/dev/shm/touchline-{}", file.venue.name);
    let run_dir = file.venue.run_dir.as_deref().unwrap_or(&default_run);
    let default_data = format!("var/{}", file.venue.name);
    let data_dir = file.venue.data_dir.as_deref().unwrap_or(&default_data);
    let (members, sessions) = members(file, &mut faults);
    let strategies = strategies(&file.strategies, &members, &sessions, &mut faults);
    let venue = Venue {
        name: file.venue.name.clone(),
        comp_id: file.venue.comp_id.clone(),
        run_dir: folder.join(run_dir),
        data_dir: folder.join(data_dir),
        wait: wait(&file.venue.wait, &mut faults),
        engine: engine(&file.engine, &mut faults),
        gateway: gateway(&file.gateway, &mut faults),
        marketdata: marketdata(&file.marketdata, &mut faults),
        instruments: instruments(&file.instruments, &mut faults),
        members,
        sessions,
        strategies,
    };
    if faults.0.is_empty() { Ok(venue) } else { Err(faults.0) }
}

fn wait(text: &str, faults: &mut Faults) -> Wait {
    match text {
        "park" => Wait::Park,
        "spin" => Wait::Spin,
        other => {
            faults.add("venue.wait", format!("is {other:?}, must be \"park\" or \"spin\""));
            Wait::Park
        }
    }
}

fn engine(section: &EngineSection, faults: &mut Faults) -> Engine {
    let durability = match section.durability.as_str() {
        "sync" => Durability::Sync,
        "async" => Durability::Async,
        other => {
            faults.add("engine.durability", format!("is {other:?}, must be \"sync\" or \"async\""));
            Durability::Sync
        }
    };
    faults.between("engine.max_open_orders", section.max_open_orders as u64, 1, 1 << 28);
    faults.between("engine.max_levels", section.max_levels as u64, 1, 1 << 20);
    faults.between("engine.max_cl_ord_ids", section.max_cl_ord_ids as u64, 1, 1 << 28);
    let most = MEMBERS_WITH_ACCOUNT_MAX.into();
    faults.between("engine.max_accounts", section.max_accounts as u64, 0, most);
    faults.between("engine.budget", section.budget as u64, 1, 1 << 16);
    faults.between("engine.ring_records", section.ring_records as u64, 64, 1 << 24);
    faults.require(section.ring_records.is_power_of_two(), "engine.ring_records", || {
        format!("is {}, must be a power of two", section.ring_records)
    });
    Engine {
        durability,
        max_open_orders: section.max_open_orders,
        max_levels: section.max_levels,
        max_cl_ord_ids: section.max_cl_ord_ids,
        max_accounts: section.max_accounts,
        budget: section.budget,
        ring_records: section.ring_records,
    }
}

fn gateway(section: &GatewaySection, faults: &mut Faults) -> Gateway {
    let address = section.address.parse::<SocketAddr>().unwrap_or_else(|_| {
        faults.add(
            "gateway.address",
            format!("is {:?}, must be ADDRESS:PORT such as 127.0.0.1:9878", section.address),
        );
        SocketAddr::from(([127, 0, 0, 1], 0))
    });
    faults.between("gateway.message_bytes_max", section.message_bytes_max as u64, 512, 1 << 20);
    faults.between("gateway.logon_timeout_ms", section.logon_timeout_ms, 10, 600_000);
    faults.between(
        "gateway.send_queue_bytes_max",
        section.send_queue_bytes_max as u64,
        1 << 14,
        1 << 30,
    );
    faults.between("gateway.cancel_grace_ms", section.cancel_grace_ms, 0, 3_600_000);
    Gateway {
        address,
        message_bytes_max: section.message_bytes_max,
        logon_timeout_ms: section.logon_timeout_ms,
        send_queue_bytes_max: section.send_queue_bytes_max,
        cancel_grace_ms: section.cancel_grace_ms,
    }
}

fn group(text: &str, place: &str, faults: &mut Faults) -> SocketAddrV4 {
    match text.parse::<SocketAddrV4>() {
        Ok(group) if group.ip().is_multicast() && group.port() != 0 => group,
        _ => {
            faults.add(
                place,
                format!(
                    "is {text:?}, must be a multicast group and port such as 239.255.77.1:31001"
                ),
            );
            SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)
        }
    }
}

fn marketdata(section: &MarketDataSection, faults: &mut Faults) -> MarketData {
    let interface = section.interface.parse().unwrap_or_else(|_| {
        faults.add(
            "marketdata.interface",
            format!("is {:?}, must be an IPv4 address of this host", section.interface),
        );
        Ipv4Addr::LOCALHOST
    });
    let mut groups = HashSet::new();
    let mut numbers = HashSet::new();
    let mut channel = |section: &ChannelSection, name: &str, faults: &mut Faults| {
        let place = format!("marketdata.{name}");
        let a = group(&section.a, &format!("{place}.a"), faults);
        let b = section.b.as_ref().map(|text| group(text, &format!("{place}.b"), faults));
        for line in [Some(a), b].into_iter().flatten().filter(|line| line.port() != 0) {
            faults.require(groups.insert(line), &place, || format!("group {line} is used twice"));
        }
        faults.require(numbers.insert(section.channel), &place, || {
            format!("channel number {} is used twice", section.channel)
        });
        Channel { channel: section.channel, a, b }
    };
    let incremental = channel(&section.incremental, "incremental", faults);
    let snapshot = channel(&section.snapshot, "snapshot", faults);
    let definition = channel(&section.definition, "definition", faults);
    faults.require(incremental.b.is_some(), "marketdata.incremental.b", || {
        "is missing: the incremental channel has two lines".into()
    });
    faults.between("marketdata.ttl", u64::from(section.ttl), 0, 255);
    faults.between("marketdata.heartbeat_ms", section.heartbeat_ms, 10, 60_000);
    faults.between("marketdata.snapshot_cycle_ms", section.snapshot_cycle_ms, 10, 600_000);
    faults.between(
        "marketdata.snapshot_packets_per_ms",
        u64::from(section.snapshot_packets_per_ms),
        1,
        10_000,
    );
    faults.between("marketdata.definition_cycle_ms", section.definition_cycle_ms, 10, 600_000);
    MarketData {
        interface,
        ttl: section.ttl,
        incremental,
        snapshot,
        definition,
        heartbeat_ms: section.heartbeat_ms,
        snapshot_cycle_ms: section.snapshot_cycle_ms,
        snapshot_packets_per_ms: section.snapshot_packets_per_ms,
        definition_cycle_ms: section.definition_cycle_ms,
    }
}

fn instruments(sections: &[InstrumentSection], faults: &mut Faults) -> Vec<Instrument> {
    faults.between("instrument", sections.len() as u64, 1, INSTRUMENTS_MAX as u64);
    let mut symbols = HashSet::new();
    sections
        .iter()
        .enumerate()
        .map(|(index, section)| {
            let place = format!("instrument[{}]", index + 1);
            faults.word(&format!("{place}.symbol"), &section.symbol, 16);
            faults.require(symbols.insert(&section.symbol), &format!("{place}.symbol"), || {
                format!("{:?} is used twice", section.symbol)
            });
            faults.word(&format!("{place}.currency"), &section.currency, 4);
            instrument(index, section, &place, faults)
        })
        .collect()
}

fn instrument(
    index: usize,
    section: &InstrumentSection,
    place: &str,
    faults: &mut Faults,
) -> Instrument {
    let one = Decimal { mantissa: 1, scale: 0 };
    let increment = Decimal::parse(&section.price_increment).unwrap_or_else(|error| {
        faults.add(format!("{place}.price_increment"), error.to_string());
        one
    });
    faults.require(increment.mantissa > 0, &format!("{place}.price_increment"), || {
        format!("is {increment}, must be above 0")
    });
    let mut price = |text: &str, key: &str| {
        Decimal::parse(text).and_then(|decimal| decimal.units(increment)).unwrap_or_else(|error| {
            faults.add(format!("{place}.{key}"), error.to_string());
            0
        })
    };
    let min_price = price(&section.min_price, "min_price");
    let max_price = price(&section.max_price, "max_price");
    faults.require(min_price <= max_price, &format!("{place}.max_price"), || {
        format!("{} is below min_price {}", section.max_price, section.min_price)
    });
    faults.between(&format!("{place}.round_lot"), section.round_lot, 1, 1 << 40);
    faults.between(&format!("{place}.max_order_qty"), section.max_order_qty, 1, 1 << 40);
    let shares = u128::from(section.round_lot) * u128::from(section.max_order_qty);
    faults.require(i64::try_from(shares).is_ok(), &format!("{place}.max_order_qty"), || {
        format!("times round_lot is {shares}, must be at most {}", i64::MAX)
    });
    let phase = match section.phase.as_str() {
        "call" => TradingPhase::Call,
        "continuous" => TradingPhase::Continuous,
        "halt" => TradingPhase::Halt,
        "closed" => TradingPhase::Closed,
        other => {
            faults.add(
                format!("{place}.phase"),
                format!("is {other:?}, must be \"call\", \"continuous\", \"halt\" or \"closed\""),
            );
            TradingPhase::Call
        }
    };
    let mut distance = |value: u64, key: &str, low: u64| {
        faults.between(&format!("{place}.{key}"), value, low, DISTANCE_MAX);
        i64::try_from(value).unwrap_or(0)
    };
    let tick_size = distance(section.tick_size, "tick_size", 1);
    let protection = distance(section.protection, "protection", 0);
    let price_band = distance(section.price_band, "price_band", 0);
    faults.between(&format!("{place}.lot_size"), section.lot_size, 1, section.max_order_qty);
    Instrument {
        id: u32::try_from(index + 1).unwrap_or(u32::MAX),
        symbol: section.symbol.clone(),
        currency: section.currency.clone(),
        price_increment: increment,
        min_price,
        max_price,
        round_lot: section.round_lot,
        max_order_qty: section.max_order_qty,
        phase,
        tick_size,
        lot_size: section.lot_size,
        protection,
        price_band,
    }
}

fn mass_cancel(section: &MemberSection, place: &str, faults: &mut Faults) -> Scope {
    let place = format!("{place}.mass_cancel");
    match section.mass_cancel.as_str() {
        "session" => Scope::Session,
        "member" => Scope::Member,
        "firm" => {
            faults.require(section.firm_id != 0, &place, || "needs a firm_id".into());
            Scope::Firm
        }
        other => {
            let what = "must be \"session\", \"member\" or \"firm\"";
            faults.add(place, format!("is {other:?}, {what}"));
            Scope::Session
        }
    }
}

fn members(file: &File, faults: &mut Faults) -> (Vec<Member>, Vec<Session>) {
    faults.between("member", file.members.len() as u64, 1, 100_000);
    let (mut names, mut comp_ids) = (HashSet::new(), HashSet::new());
    let (mut members, mut sessions) = (Vec::new(), Vec::<Session>::new());
    for (index, section) in file.members.iter().enumerate() {
        let place = format!("member[{}]", index + 1);
        let member_id = u32::try_from(index + 1).unwrap_or(u32::MAX);
        faults.word(&format!("{place}.name"), &section.name, 32);
        faults.require(names.insert(&section.name), &place, || {
            format!("name {:?} is used twice", section.name)
        });
        let trades = !section.sessions.is_empty()
            || file.strategies.iter().any(|strategy| strategy.member == section.name);
        faults.require(trades, &format!("{place}.sessions"), || {
            "is empty: a member needs a FIX session or a strategy".into()
        });
        for comp_id in &section.sessions {
            faults.word(&format!("{place}.sessions"), comp_id, 32);
            faults.require(comp_ids.insert(comp_id), &format!("{place}.sessions"), || {
                format!("CompID {comp_id:?} is used twice")
            });
            let id = u32::try_from(sessions.len() + 1).unwrap_or(u32::MAX);
            let cancel_on_disconnect = section.cancel_on_disconnect;
            let comp_id = comp_id.clone();
            sessions.push(Session { id, member_id, comp_id, cancel_on_disconnect });
        }
        faults.between(&format!("{place}.firm_id"), u64::from(section.firm_id), 0, FIRM_ID_MAX);
        members.push(Member {
            id: member_id,
            name: section.name.clone(),
            firm_id: section.firm_id,
            self_match: SelfMatch::of(section, &place, faults),
            mass_cancel: mass_cancel(section, &place, faults),
        });
    }
    (members, sessions)
}

#[cfg(test)]
mod tests {
    use crate::{ConfigError, Durability, Venue};
    use std::path::Path;

    const GOOD: &str = r#"
        [venue]
        name = "demo"
        [[instrument]]
        symbol = "ESH4"
        price_increment = "0.25"
        min_price = "0.25"
        max_price = "10000"
        [[member]]
        name = "ALPHA"
        sessions = ["ALPHA1", "ALPHA2"]
    "#;

    fn faults(text: &str) -> Vec<String> {
        match Venue::parse(text, Path::new("/venue")) {
            Err(ConfigError::Faults(_, faults)) => faults.iter().map(ToString::to_string).collect(),
            other => panic!("expected faults, got {other:?}"),
        }
    }

    #[test]
    fn a_small_file_is_a_whole_venue() {
        let venue = Venue::parse(GOOD, Path::new("/venue")).unwrap();
        assert_eq!(venue.engine.durability, Durability::Sync);
        assert_eq!(venue.data_dir, Path::new("/venue/var/demo"));
        assert_eq!(venue.instruments[0].max_price, 40_000);
        assert_eq!(venue.sessions[1].id, 2);
        assert_eq!(venue.sessions[1].member_id, 1);
    }

    #[test]
    fn every_fault_is_reported_with_its_place() {
        let text = GOOD.replace("\"10000\"", "\"0.1\"").replace("ALPHA2", "ALPHA1")
            + "[engine]\ndurability = \"maybe\"\nring_records = 100\n";
        let text = text.replace("name = \"demo\"", "name = \"demo\"\nwait = \"doze\"");
        let faults = faults(&text);
        for part in [
            "instrument[1].max_price: \"0.1\" is not a multiple",
            "CompID \"ALPHA1\" is used twice",
            "engine.durability: is \"maybe\"",
            "venue.wait: is \"doze\"",
            "engine.ring_records: is 100, must be a power of two",
        ] {
            assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:?}");
        }
    }

    #[test]
    fn the_largest_order_must_have_a_quantity_that_can_be_written() {
        let lots = "round_lot = 1099511627776\nmax_order_qty = ";
        let text = |qty: &str| GOOD.replace("symbol = ", &format!("{lots}{qty}\nsymbol = "));
        assert!(Venue::parse(&text("8388607"), Path::new("/venue")).is_ok());
        let faults = faults(&text("8388608"));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains("instrument[1].max_order_qty: times round_lot is 92233720368"));
    }

    #[test]
    fn ticks_lots_and_distances_have_their_ranges() {
        let keys = |tick: &str, lot: &str| {
            let keys = format!("tick_size = {tick}\nlot_size = {lot}\nprotection = 8\nsymbol = ");
            GOOD.replace("symbol = ", &keys)
        };
        let instrument = &Venue::parse(&keys("2", "5"), Path::new(".")).unwrap().instruments[0];
        let told = (instrument.tick_size, instrument.lot_size, instrument.protection);
        assert_eq!((told, instrument.price_band), ((2, 5, 8), 0));
        let faults = faults(&keys("0", "10001"));
        assert_eq!(
            faults,
            [
                "instrument[1].tick_size: is 0, must be 1 to 1099511627776",
                "instrument[1].lot_size: is 10001, must be 1 to 10000",
            ]
        );
    }

    #[test]
    fn a_venue_has_accounts_for_as_many_members_as_can_have_one() {
        let text = |accounts: u32| format!("{GOOD}[engine]\nmax_accounts = {accounts}");
        let venue = |accounts| Venue::parse(&text(accounts), Path::new(".")).unwrap();
        assert_eq!(Venue::parse(GOOD, Path::new(".")).unwrap().engine.max_accounts, 1_024);
        assert_eq!([0, 4_095].map(|most| venue(most).engine.max_accounts), [0, 4_095]);
        assert_eq!(faults(&text(4_096)), ["engine.max_accounts: is 4096, must be 0 to 4095"]);
    }

    #[test]
    fn a_member_says_its_firm_and_what_its_orders_do_where_they_meet() {
        use touchline_types::{Scope, SelfMatchInstruction, SelfMatchScope};

        let text = |words: &str| format!("{GOOD}firm_id = 7\n{words}");
        let good = "self_match_scope = \"firm\"\nself_match_instruction = \"cancel-passive\"";
        let venue = Venue::parse(&text(good), Path::new(".")).unwrap();
        let member = venue.member(1).unwrap();
        assert_eq!(member.firm_id, 7);
        assert_eq!(member.self_match.scope, SelfMatchScope::Firm);
        assert_eq!(member.self_match.instruction, SelfMatchInstruction::CancelPassive);
        assert_eq!(venue.member(2), None);
        assert_eq!(member.mass_cancel, Scope::Session);
        let wide = Venue::parse(&text("mass_cancel = \"firm\""), Path::new(".")).unwrap();
        assert_eq!(wide.members[0].mass_cancel, Scope::Firm);
        let no_firm = faults(&text("mass_cancel = \"firm\"").replace("= 7", "= 0"));
        assert_eq!(no_firm, ["member[1].mass_cancel: needs a firm_id"]);
        let wrong = "self_match_scope = \"all\"\nself_match_instruction = \"decrement\"";
        let wrong = faults(&text(wrong).replace("= 7", "= 4096"));
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].contains("member[1].firm_id: is 4096, must be 0 to 4095"), "{wrong:?}");
        assert!(wrong[1].contains("member[1].self_match_scope: is \"all\", must be"), "{wrong:?}");
        let alone = faults(&text("self_match_instruction = \"decrement\""));
        assert!(alone[0].contains("member[1].self_match_instruction: needs"), "{alone:?}");
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let text = GOOD.to_owned() + "[gateway]\nadress = \"127.0.0.1:1\"\n";
        match Venue::parse(&text, Path::new(".")) {
            Err(ConfigError::Parse(_, text)) => assert!(text.contains("adress"), "{text}"),
            other => panic!("expected a parse error, got {other:?}"),
        }
    }
}
