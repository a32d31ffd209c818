//! Socket options by their numbers, as Python names them.

use std::io::Result;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::check;
use super::io::Source;

/// Read an option into memory, as getsockopt(2), and return how many bytes the kernel wrote.
pub fn get(fd: BorrowedFd<'_>, level: i32, name: i32, into: &mut [u8]) -> Result<usize> {
    let mut len = libc::socklen_t::try_from(into.len()).unwrap_or(libc::socklen_t::MAX);
    let into = into.as_mut_ptr().cast();
    // SAFETY: the memory is ours, and not longer than its length.
    check(unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, into, &raw mut len) })?;
    Ok(len as usize)
}

/// Read an option that is an int.
pub fn get_int(fd: BorrowedFd<'_>, level: i32, name: i32) -> Result<i32> {
    let mut value = [0; size_of::<i32>()];
    get(fd, level, name, &mut value)?;
    Ok(i32::from_ne_bytes(value))
}

/// Set an option from memory, as setsockopt(2).
pub fn set(fd: BorrowedFd<'_>, level: i32, name: i32, value: Source<'_>) -> Result<()> {
    let len = libc::socklen_t::try_from(value.len()).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: whoever made the source vouches for its memory.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value.start(), len) }).map(drop)
}

/// Set an option that is a length without memory behind it.
pub fn set_length(fd: BorrowedFd<'_>, level: i32, name: i32, len: u32) -> Result<()> {
    // SAFETY: there is no memory.
    let done = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, std::ptr::null(), len) };
    check(done).map(drop)
}
