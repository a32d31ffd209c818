//! How much room an item of ancillary data takes.

use std::ffi::c_uint;

/// No length that the kernel takes is larger.
const LIMIT: usize = i32::MAX as usize;

/// Return the length of an item with this much data, without what fills it up at its end.
///
/// Nothing, if it would be more than the kernel can take.
#[must_use]
pub fn length(data: usize) -> Option<usize> {
    // SAFETY: plain arithmetic.
    let room = |data: usize| unsafe { libc::CMSG_LEN(data as c_uint) } as usize;
    (data <= LIMIT - room(0)).then(|| room(data))
}

/// Return the room that an item with this much data takes, with what fills it up at its end.
///
/// Nothing, if it would be more than the kernel can take.
#[must_use]
pub fn space(data: usize) -> Option<usize> {
    // SAFETY: plain arithmetic.
    let room = |data: usize| unsafe { libc::CMSG_SPACE(data as c_uint) } as usize;
    // What one byte takes counts the filling before and after the data.
    (data <= LIMIT - room(1)).then(|| room(data))
}
