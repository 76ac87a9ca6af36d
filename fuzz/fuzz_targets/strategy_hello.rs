//! The first message of a strategy: a name that a strategy of this build sent, or a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use touchline_engine::{Hello, read_hello};

fuzz_target!(|data: &[u8]| {
    match read_hello(data) {
        Ok(hello) => {
            let text = std::str::from_utf8(data);
            let (name, layout) = match hello {
                Hello::Strategy(name) => (name, touchline_types::LAYOUT_HASH),
                Hello::SetTargets(name) | Hello::SeeTargets(name) => {
                    (name, touchline_ring::targets::LAYOUT_HASH)
                }
            };
            let layout = format!("{layout:016x}");
            assert!(text.is_ok_and(|text| text.contains("strategy")));
            assert!(name.len() <= data.len());
            assert!(text.is_ok_and(|text| text.contains(&layout) || text.contains('\\')));
        }
        Err(reason) => assert!(!reason.is_empty()),
    }
});
