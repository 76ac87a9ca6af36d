//! The books of a recording: whatever the records say, levels stay in order and whole, and a
//! record that does not fit is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use touchline_strategy::RecordedMarket;
use touchline_types::{PublicRecord, Side};

const INSTRUMENTS: u32 = 2;

fuzz_target!(|data: &[u8]| {
    let mut market = RecordedMarket::new(INSTRUMENTS as usize);
    for block in data.chunks_exact(PublicRecord::BYTES) {
        let Some(record) = block.try_into().ok().and_then(|it| PublicRecord::decode(it).ok())
        else {
            return;
        };
        let mut told = 0;
        let taken = market.take(&record, |event| {
            told += 1;
            assert!((1..=INSTRUMENTS).contains(&event.instrument_id));
            assert_eq!((event.seq, event.timestamp), (record.seq, record.timestamp));
        });
        // A trade or a phase, and a book for each instrument.
        assert!(told <= 1 + INSTRUMENTS);
        if taken.is_err() {
            return;
        }
        for instrument_id in 1..=INSTRUMENTS {
            for (side, sign) in [(Side::Buy, -1), (Side::Sell, 1)] {
                let levels: Vec<_> = market.levels(instrument_id, side).collect();
                assert!(levels.iter().all(|level| level.qty > 0 && level.order_count > 0));
                let mut pairs = levels.iter().zip(levels.iter().skip(1));
                assert!(pairs.all(|(a, b)| b.price.cmp(&a.price) as i8 == sign));
            }
        }
    }
});
