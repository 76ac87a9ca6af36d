//! Targets behind a pointer: what `touchline.h` says under `tl_targets`.
//!
//! The caller's promises are the header's: the pointer is one that `tl_targets_open` gave and that
//! was not closed, one thread at a time, arrays as long as `capacity` says. Every function checks
//! for NULL and for values that are none.

use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use touchline_strategy::{
    PutError, SOURCE_BYTES_MAX, Strategy, Target, Targets, TargetsSetter, read_targets,
};

use crate::write_text;

const GONE: i64 = -1;
const ARGUMENT: i64 = -4;

/// `tl_targets`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TlTargets {
    version: u64,
    published_time: u64,
    expires_time: u64,
    count: u32,
    expired: u8,
    reserved: [u8; 3],
    source: [u8; SOURCE_BYTES_MAX],
}

const _: () = assert!(size_of::<TlTargets>() == 64 && size_of::<Target>() == 32);

impl TlTargets {
    fn of(targets: &Targets, is_expired: bool) -> Self {
        let mut source = [0; SOURCE_BYTES_MAX];
        for (byte, of) in source.iter_mut().zip(targets.source.bytes()) {
            *byte = of;
        }
        Self {
            version: targets.version,
            published_time: targets.published_time,
            expires_time: targets.expires_time,
            count: u32::try_from(targets.rows.len()).unwrap_or(u32::MAX),
            expired: u8::from(is_expired),
            reserved: [0; 3],
            source,
        }
    }

    /// The text up to the first NUL; `None` if it is none.
    fn source(&self) -> Option<&str> {
        let len = self.source.iter().position(|byte| *byte == 0).unwrap_or(SOURCE_BYTES_MAX);
        std::str::from_utf8(&self.source[..len]).ok()
    }
}

/// Hash of the layout of targets; see the header.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub extern "C" fn tl_targets_layout_hash() -> u64 {
    touchline_ring::targets::LAYOUT_HASH
}

/// Connects the process that sets the targets of a strategy; see the header.
///
/// # Safety
///
/// As the module says; `error` is NULL or points to `error_bytes` bytes that this call alone may
/// write.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_targets_open(
    path: *const c_char,
    name: *const c_char,
    setter: *mut *mut TargetsSetter,
    error: *mut c_char,
    error_bytes: u64,
) -> i64 {
    if path.is_null() || name.is_null() || setter.is_null() || error.is_null() {
        return i64::MIN;
    }
    // SAFETY: not NULL, and the caller promises a NUL at the end of both.
    let (path, name) = unsafe { (CStr::from_ptr(path), CStr::from_ptr(name)) };
    let opened = texts(path, name).and_then(|(path, name)| {
        TargetsSetter::open(path, name).map_err(|error| error.to_string())
    });
    match opened {
        Ok(opened) => {
            // SAFETY: not NULL, and the caller promises a place for the pointer.
            unsafe { setter.write(Box::into_raw(Box::new(opened))) };
            0
        }
        // SAFETY: not NULL, and the caller promises error_bytes bytes.
        Err(text) => unsafe { failed(&text, error, error_bytes) },
    }
}

/// Leaves; see the header.
///
/// # Safety
///
/// As the module says; the pointer is not used again.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_targets_close(setter: *mut TargetsSetter) {
    if !setter.is_null() {
        // SAFETY: the pointer came from Box::into_raw and is given back once.
        drop(unsafe { Box::from_raw(setter) });
    }
}

/// Publishes targets; see the header.
///
/// # Safety
///
/// As the module says; `targets` is NULL or points to a head, `rows` to `targets.count` rows, and
/// `error` to `error_bytes` bytes that this call alone may write.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_targets_put(
    setter: *const TargetsSetter,
    targets: *const TlTargets,
    rows: *const Target,
    error: *mut c_char,
    error_bytes: u64,
) -> i64 {
    // SAFETY: NULL or a setter that only this thread uses.
    let Some(setter) = (unsafe { setter.as_ref() }) else { return ARGUMENT };
    if targets.is_null() || rows.is_null() || error.is_null() {
        return ARGUMENT;
    }
    // SAFETY: not NULL, and the caller promises a head there.
    let head = unsafe { targets.read_unaligned() };
    // SAFETY: not NULL, and the caller promises so many rows.
    let rows = (0..head.count as usize).map(|at| unsafe { rows.add(at).read_unaligned() });
    let put = head.source().ok_or_else(|| "the source is not UTF-8".to_owned()).map(|source| {
        setter.put(&Targets {
            version: 0,
            published_time: head.published_time,
            expires_time: head.expires_time,
            source: source.to_owned(),
            rows: rows.collect(),
        })
    });
    let text = match put {
        Ok(Ok(version)) => return i64::try_from(version).unwrap_or(i64::MAX),
        Ok(Err(PutError::Gone)) => return GONE,
        Ok(Err(PutError::Targets(error))) => error.to_string(),
        Err(text) => text,
    };
    // SAFETY: not NULL, and the caller promises error_bytes bytes.
    unsafe { write_text(&text, error, error_bytes) };
    ARGUMENT
}

/// Reads the targets of a strategy of a running venue, from outside; see the header.
///
/// # Safety
///
/// As the module says; `error` is NULL or points to `error_bytes` bytes that this call alone may
/// write.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_targets_read(
    path: *const c_char,
    name: *const c_char,
    targets: *mut TlTargets,
    rows: *mut Target,
    capacity: u64,
    error: *mut c_char,
    error_bytes: u64,
) -> i64 {
    if path.is_null() || name.is_null() || targets.is_null() || rows.is_null() || error.is_null() {
        return i64::MIN;
    }
    // SAFETY: not NULL, and the caller promises a NUL at the end of both.
    let (path, name) = unsafe { (CStr::from_ptr(path), CStr::from_ptr(name)) };
    let read = texts(path, name)
        .and_then(|(path, name)| read_targets(path, name).map_err(|error| error.to_string()));
    match read {
        Ok(None) => 0,
        Ok(Some(found)) => {
            let is_expired = found.expires_time <= touchline_sys::now_ns();
            // SAFETY: not NULL, and the caller promises room for a head and `capacity` rows.
            unsafe { write_targets(&found, is_expired, targets, rows, capacity) };
            1
        }
        // SAFETY: not NULL, and the caller promises error_bytes bytes.
        Err(text) => unsafe { failed(&text, error, error_bytes) },
    }
}

/// Describes the targets that a strategy has; see the header.
///
/// # Safety
///
/// As the module says, for the pointer of `tl_strategy_open`.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_targets(
    strategy: *const Strategy,
    targets: *mut TlTargets,
    rows: *mut Target,
    capacity: u64,
) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_ref() }) else { return ARGUMENT };
    if targets.is_null() || (rows.is_null() && capacity > 0) {
        return ARGUMENT;
    }
    let Some((found, is_expired)) = strategy.targets() else { return 0 };
    // SAFETY: not NULL, and the caller promises room for a head and `capacity` rows.
    unsafe { write_targets(found, is_expired, targets, rows, capacity) };
    1
}

/// Describes one target of a strategy; see the header.
///
/// # Safety
///
/// As the module says, for the pointer of `tl_strategy_open`.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_strategy_target(
    strategy: *const Strategy,
    instrument_id: u32,
    target: *mut Target,
) -> i64 {
    // SAFETY: NULL or a strategy that only this thread uses.
    let Some(strategy) = (unsafe { strategy.as_ref() }) else { return ARGUMENT };
    if target.is_null() {
        return ARGUMENT;
    }
    match strategy.target(instrument_id) {
        Some(found) => {
            // SAFETY: not NULL, and the caller promises room for a target.
            unsafe { target.write_unaligned(*found) };
            1
        }
        None => 0,
    }
}

/// The texts of a path and a name.
fn texts<'a>(path: &'a CStr, name: &'a CStr) -> Result<(&'a Path, &'a str), String> {
    let name = name.to_str().map_err(|error| format!("the name is not UTF-8: {error}"))?;
    Ok((Path::new(OsStr::from_bytes(path.to_bytes())), name))
}

/// Writes why something failed; what is then to be returned.
///
/// # Safety
///
/// `error` points to `error_bytes` bytes that the caller alone may write.
unsafe fn failed(text: &str, error: *mut c_char, error_bytes: u64) -> i64 {
    // SAFETY: the caller promises error_bytes bytes.
    unsafe { write_text(text, error, error_bytes) };
    -i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// Writes a head, and as many rows as there is room for.
///
/// # Safety
///
/// `head` points to room for a head, `rows` to room for `capacity` rows.
unsafe fn write_targets(
    targets: &Targets,
    is_expired: bool,
    head: *mut TlTargets,
    rows: *mut Target,
    capacity: u64,
) {
    // SAFETY: the caller promises room for a head.
    unsafe { head.write_unaligned(TlTargets::of(targets, is_expired)) };
    let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
    for (at, row) in targets.rows.iter().take(capacity).enumerate() {
        // SAFETY: the caller promises room for `capacity` rows, and `at` is below that.
        unsafe { rows.add(at).write_unaligned(*row) };
    }
}
