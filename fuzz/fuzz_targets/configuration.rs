//! Configuration: any text is a venue, or is refused with at least one fault that says where.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use touchline_config::{ConfigError, RunFile, Venue};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Venue::parse(text, Path::new("/venue")) {
        Ok(venue) => check(&venue),
        Err(ConfigError::Faults(path, faults)) => {
            assert!(!faults.is_empty());
            assert!(faults.iter().all(|fault| !fault.place.is_empty() && !fault.what.is_empty()));
            assert!(!ConfigError::Faults(path, faults).to_string().is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

/// What every part relies on.
fn check(venue: &Venue) {
    assert!(venue.engine.ring_records.is_power_of_two());
    assert!(venue.engine.max_open_orders > 0 && venue.engine.max_levels > 0);
    assert!(venue.gateway.message_bytes_max >= 512 && venue.marketdata.incremental.b.is_some());
    assert!(!venue.instruments.is_empty() && !venue.members.is_empty());
    for (instrument, id) in venue.instruments.iter().zip(1..) {
        assert_eq!(instrument.id, id);
        assert!(instrument.min_price <= instrument.max_price && instrument.round_lot > 0);
        assert!(instrument.price_increment.mantissa > 0);
        assert_eq!(venue.instrument(&instrument.symbol).map(|found| found.id), Some(id));
        // Prices within the range, and quantities of one order, have a text.
        let increment = touchline_fix::Decimal::new(
            instrument.price_increment.mantissa,
            instrument.price_increment.scale,
        );
        let Some(increment) = increment else { panic!("an increment without a text") };
        for units in [instrument.min_price, instrument.max_price] {
            assert!(touchline_fix::Decimal::from_units(units, increment).is_ok(), "{units}");
        }
        let shares = i64::try_from(instrument.round_lot)
            .ok()
            .and_then(|lot| lot.checked_mul(i64::try_from(instrument.max_order_qty).ok()?));
        assert!(shares.is_some(), "an order without a text");
    }
    for (session, id) in venue.sessions.iter().zip(1..) {
        assert_eq!(session.id, id);
        assert!(venue.members.iter().any(|member| member.id == session.member_id));
    }
    assert_ne!(venue.run_file(RunFile::CommandRing), venue.run_file(RunFile::PrivateRing));
}
