//! The C ABI of Touchline: what `include/touchline.h` declares, and nothing else.
//!
//! No function keeps a pointer, unwinds into its caller or trusts an argument that can be checked.
//! The Python package reads the header and this library's hashes at import and refuses another
//! build.

pub mod matcher;
pub mod model;
pub mod recorded;
pub mod strategy;
pub mod subscriber;
pub mod targets;
mod venue;

use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use touchline_types::{Command, Event, PrivateRecord, PublicRecord};

/// Version of the ABI, as `TL_ABI_VERSION` in the header.
pub const ABI_VERSION: u32 = 4;

/// Version of this ABI.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub extern "C" fn tl_abi_version() -> u32 {
    ABI_VERSION
}

/// Hash of the engine's records.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub extern "C" fn tl_records_layout_hash() -> u64 {
    touchline_types::LAYOUT_HASH
}

/// Hash of the messages of the public feed.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub extern "C" fn tl_feed_layout_hash() -> u64 {
    touchline_feed_codec::LAYOUT_HASH
}

/// Hash of the layout of a ring.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub extern "C" fn tl_ring_layout_hash() -> u64 {
    touchline_ring::layout::LAYOUT_HASH
}

/// Hash of the layout of a ring.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub extern "C" fn tl_port_layout_hash() -> u64 {
    touchline_ring::port::LAYOUT_HASH
}

/// Hash of the layout of a counters file.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub extern "C" fn tl_counters_layout_hash() -> u64 {
    touchline_counters::layout::LAYOUT_HASH
}

/// Bytes of the record with this template id, or 0.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub extern "C" fn tl_record_bytes(template_id: u16) -> u32 {
    let bytes = match template_id {
        Command::TEMPLATE_ID => size_of::<Command>(),
        Event::TEMPLATE_ID => size_of::<Event>(),
        PrivateRecord::TEMPLATE_ID => size_of::<PrivateRecord>(),
        PublicRecord::TEMPLATE_ID => size_of::<PublicRecord>(),
        _ => 0,
    };
    u32::try_from(bytes).unwrap_or(0)
}

/// Describes the venue of a configuration file as JSON; see the header for the result.
///
/// # Safety
///
/// `path` is NULL or a text that ends with NUL; `out` is NULL or points to `out_bytes` bytes that
/// this call alone may write.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_describe_venue(
    path: *const c_char,
    out: *mut c_char,
    out_bytes: u64,
) -> i64 {
    if path.is_null() || out.is_null() {
        return 0;
    }
    // SAFETY: not NULL, and the caller promises a NUL at its end.
    let path = unsafe { CStr::from_ptr(path) };
    let result = venue::describe(Path::new(OsStr::from_bytes(path.to_bytes())));
    let (text, sign) = match &result {
        Ok(text) => (text, 1),
        Err(text) => (text, -1),
    };
    // SAFETY: not NULL, and the caller promises out_bytes bytes.
    unsafe { write_text(text, out, out_bytes) };
    sign * i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// Writes as much of a text as fits, without a NUL.
///
/// # Safety
///
/// `out` points to `out_bytes` bytes that the caller alone may write.
pub(crate) unsafe fn write_text(text: &str, out: *mut c_char, out_bytes: u64) {
    let count = text.len().min(usize::try_from(out_bytes).unwrap_or(usize::MAX));
    // SAFETY: count is at most the length of the text and at most out_bytes, which the caller
    // promises; the text is ours, so the two do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), out.cast::<u8>(), count) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_of_the_schema_has_a_size_and_no_other_number_has() {
        assert_eq!([1, 2, 3, 4].map(|id| tl_record_bytes(id)), [192, 192, 256, 128]);
        assert_eq!([0, 5, u16::MAX].map(|id| tl_record_bytes(id)), [0; 3]);
    }

    #[test]
    fn a_file_that_is_not_there_is_a_reason_and_its_length_is_negative() {
        let mut out = [0; 8];
        // SAFETY: a NUL-terminated literal, and a buffer with its own length.
        let length = unsafe { tl_describe_venue(c"no/such.toml".as_ptr(), out.as_mut_ptr(), 8) };
        assert!(length < -8, "cut off at 8 of {length}");
        assert_eq!(out.map(|byte| byte as u8), *b"cannot r");
    }

    #[test]
    fn a_null_argument_is_refused() {
        // SAFETY: NULL is what is tested.
        let length = unsafe { tl_describe_venue(std::ptr::null(), std::ptr::null_mut(), 0) };
        assert_eq!(length, 0);
    }
}
