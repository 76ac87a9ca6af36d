//! Two instructions that safe Rust has no word for: they ask the processor for a cache line before
//! it is read, or written.
//!
//! A load that misses the caches holds up everything behind it once the processor's window of
//! instructions is full; a prefetch is done when it is asked. It changes nothing that a program
//! can see, so the matcher, which is pure and without `unsafe` of its own, may use it.
#![no_std]

/// Asks for the cache line where the value at a place of a slice begins. Of a place behind the
/// slice nothing is read either: what is asked for then is of no use.
#[inline(always)]
pub fn prefetch_at<T>(values: &[T], at: usize) {
    let place = values.as_ptr().wrapping_add(at);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads and writes nothing that a program can see, and faults nowhere.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(place.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!(
            "prfm pldl1keep, [{place}]",
            place = in(reg) place,
            options(nostack, preserves_flags, readonly)
        );
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = place;
}

/// As [`prefetch_at`], of a cache line that is to be written: no other processor keeps it then.
#[inline(always)]
pub fn prefetch_to_write_at<T>(values: &[T], at: usize) {
    ask_to_write::<T, false>(values, at);
}

/// As [`prefetch_to_write_at`], of the lines where the value begins and where it ends.
#[inline(always)]
pub fn prefetch_whole_to_write_at<T>(values: &[T], at: usize) {
    ask_to_write::<T, false>(values, at);
    ask_to_write::<T, true>(values, at);
}

/// Asks for the line with the first or the last byte of the value at a place of a slice.
#[inline(always)]
fn ask_to_write<T, const LAST: bool>(values: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as above; a processor that does not know the instruction does nothing. It adds up
    // the place by itself.
    unsafe {
        core::arch::asm!(
            "prefetchw [{values} + {offset} + {byte}]",
            values = in(reg) values.as_ptr(),
            offset = in(reg) at.wrapping_mul(size_of::<T>()),
            byte = const if LAST { size_of::<T>().saturating_sub(1) } else { 0 },
            options(nostack, preserves_flags, readonly)
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        let byte = if LAST { size_of::<T>().saturating_sub(1) } else { 0 };
        core::arch::asm!(
            "prfm pstl1keep, [{place}]",
            place = in(reg) values.as_ptr().wrapping_add(at).cast::<u8>().wrapping_add(byte),
            options(nostack, preserves_flags, readonly)
        );
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = (values, at);
}

#[cfg(test)]
mod tests {
    use super::{prefetch_at, prefetch_to_write_at, prefetch_whole_to_write_at};

    #[test]
    fn a_prefetch_changes_nothing() {
        let values = [7_u64; 100];
        (0..200).chain([usize::MAX]).for_each(|at| {
            prefetch_at(&values, at);
            prefetch_to_write_at(&values, at);
            prefetch_whole_to_write_at(&values, at);
        });
        assert!(values.iter().all(|value| *value == 7));
    }
}
