//! A forest behind a pointer: what `touchline.h` says under `tl_model`.
//!
//! The caller's promises are the header's: the pointer is one that `tl_model_read` gave and that
//! was not freed, arrays as long as their lengths say. Nothing is changed after reading, so any
//! number of threads may score at once. Every function checks for NULL and for lengths that cannot
//! be.

use std::ffi::c_char;

use touchline_trees::Forest;

use crate::write_text;

const ARGUMENT: i64 = -1;

/// Reads a model; see the header.
///
/// # Safety
///
/// As the module says; `bytes` is NULL or points to `len` bytes, `model` is NULL or a place for a
/// pointer, `error` is NULL or points to `error_bytes` bytes that this call alone may write.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_model_read(
    bytes: *const u8,
    len: u64,
    model: *mut *mut Forest,
    error: *mut c_char,
    error_bytes: u64,
) -> i64 {
    if bytes.is_null() || model.is_null() || error.is_null() {
        return i64::MIN;
    }
    let Some(len) = elements::<u8>(Some(len)) else { return i64::MIN };
    // SAFETY: not NULL, not longer than memory may be, and the caller promises len bytes.
    let bytes = unsafe { std::slice::from_raw_parts(bytes, len) };
    match Forest::read(bytes) {
        Ok(forest) => {
            // SAFETY: not NULL, and the caller promises a place for the pointer.
            unsafe { model.write(Box::into_raw(Box::new(forest))) };
            0
        }
        Err(refused) => {
            let text = refused.to_string();
            // SAFETY: not NULL, and the caller promises error_bytes bytes.
            unsafe { write_text(&text, error, error_bytes) };
            -i64::try_from(text.len()).unwrap_or(i64::MAX)
        }
    }
}

/// As many elements as one piece of memory may hold, or `None`.
fn elements<T>(count: Option<u64>) -> Option<usize> {
    let count = usize::try_from(count?).ok()?;
    let bytes = count.checked_mul(size_of::<T>())?;
    isize::try_from(bytes).is_ok().then_some(count)
}

/// Frees a model; see the header.
///
/// # Safety
///
/// As the module says; the pointer is not used again.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_model_free(model: *mut Forest) {
    if !model.is_null() {
        // SAFETY: the pointer came from Box::into_raw and is given back once.
        drop(unsafe { Box::from_raw(model) });
    }
}

/// Values of a row; see the header.
///
/// # Safety
///
/// As the module says.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_model_feature_count(model: *const Forest) -> u32 {
    // SAFETY: NULL or a model.
    let features = unsafe { model.as_ref() }.map_or(0, Forest::feature_count);
    u32::try_from(features).unwrap_or(0)
}

/// Scores a row; see the header.
///
/// # Safety
///
/// As the module says; `row` is NULL or points to `len` doubles.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_model_score(model: *const Forest, row: *const f64, len: u32) -> f64 {
    // SAFETY: NULL or a model.
    let Some(forest) = (unsafe { model.as_ref() }) else { return f64::NAN };
    if row.is_null() || !row.is_aligned() || len as usize != forest.feature_count() {
        return f64::NAN;
    }
    // SAFETY: not NULL, aligned, and the caller promises len doubles.
    forest.score(unsafe { std::slice::from_raw_parts(row, len as usize) })
}

/// Scores rows; see the header.
///
/// # Safety
///
/// As the module says; `rows` is NULL or points to `count` * `len` doubles, `out` is NULL or points
/// to `count` doubles that this call alone may write and that are not among the rows.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_model_scores(
    model: *const Forest,
    rows: *const f64,
    count: u64,
    len: u32,
    out: *mut f64,
) -> i64 {
    // SAFETY: NULL or a model.
    let Some(forest) = (unsafe { model.as_ref() }) else { return ARGUMENT };
    if rows.is_null() || !rows.is_aligned() || out.is_null() || !out.is_aligned() {
        return ARGUMENT;
    }
    if len as usize != forest.feature_count() {
        return ARGUMENT;
    }
    let values = elements::<f64>(count.checked_mul(u64::from(len)));
    let (Some(values), Some(count)) = (values, elements::<f64>(Some(count))) else {
        return ARGUMENT;
    };
    // SAFETY: not NULL, aligned, not longer than memory may be; the caller promises that many
    // doubles, and that nobody else writes them.
    let rows = unsafe { std::slice::from_raw_parts(rows, values) };
    // SAFETY: the same; and the caller promises that they are not among the rows.
    let out = unsafe { std::slice::from_raw_parts_mut(out, count) };
    forest.scores(rows, out).map_or(ARGUMENT, |()| 0)
}

/// Describes a model; see the header.
///
/// # Safety
///
/// As the module says; `out` is NULL or points to `out_bytes` bytes that this call alone may write.
// SAFETY: no other function of the process bears this name: the prefix tl_ is ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tl_model_describe(
    model: *const Forest,
    out: *mut c_char,
    out_bytes: u64,
) -> i64 {
    // SAFETY: NULL or a model.
    let Some(forest) = (unsafe { model.as_ref() }) else { return 0 };
    if out.is_null() {
        return 0;
    }
    let text = serde_json::json!({
        "feature_count": forest.feature_count(),
        "tree_count": forest.tree_count(),
        "node_count": forest.node_count(),
        "depth": forest.depth(),
        "metadata": forest.metadata().collect::<std::collections::BTreeMap<_, _>>(),
    })
    .to_string();
    // SAFETY: not NULL, and the caller promises out_bytes bytes.
    unsafe { write_text(&text, out, out_bytes) };
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::ptr::{null, null_mut};

    use super::*;

    #[test]
    fn null_and_lengths_that_cannot_be_are_refused() {
        let (mut model, mut error) = (null_mut(), [0; 16]);
        // SAFETY: NULL is what is tested; else arrays with their own lengths.
        unsafe {
            assert_eq!(tl_model_read(null(), 0, &mut model, error.as_mut_ptr(), 16), i64::MIN);
            let bytes = [0_u8; 1];
            let endless = u64::MAX;
            let read = tl_model_read(bytes.as_ptr(), endless, &mut model, error.as_mut_ptr(), 16);
            assert_eq!(read, i64::MIN);
            assert!(tl_model_score(null(), [0.0].as_ptr(), 1).is_nan());
            assert_eq!(tl_model_scores(null(), null(), 0, 0, null_mut()), ARGUMENT);
            assert_eq!(tl_model_feature_count(null()), 0);
            assert_eq!(tl_model_describe(null(), error.as_mut_ptr(), 16), 0);
            tl_model_free(null_mut());
        }
        assert!(model.is_null());
    }

    #[test]
    fn bytes_that_are_no_model_are_a_reason_and_its_length_is_negative() {
        let (mut model, mut error) = (null_mut(), [0; 4]);
        // SAFETY: arrays with their own lengths.
        let length =
            unsafe { tl_model_read(b"\x0b".as_ptr(), 1, &mut model, error.as_mut_ptr(), 4) };
        assert!(length < -4, "cut off at 4 of {length}");
        assert_eq!(error.map(|byte| byte as u8), *b"byte");
        assert!(model.is_null());
    }
}
