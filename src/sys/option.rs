//! Socket options by their numbers, as Python names them.

use std::io::Result;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::check;
use super::io::Source;

/// How many bytes one unit of the length is that getsockopt(2) is given: of the filter of a socket
/// Linux counts the instructions, and would write each of them behind memory of so many bytes.
fn unit(level: i32, name: i32) -> usize {
    #[cfg(target_os = "linux")]
    if (level, name) == (libc::SOL_SOCKET, libc::SO_GET_FILTER) {
        return size_of::<libc::sock_filter>();
    }
    let _ = (level, name);
    1
}

/// Read an option into memory, as getsockopt(2), and return what the kernel says of its length.
pub fn get(fd: BorrowedFd<'_>, level: i32, name: i32, into: &mut [u8]) -> Result<usize> {
    let room = into.len() / unit(level, name);
    let mut len = libc::socklen_t::try_from(room).unwrap_or(libc::socklen_t::MAX);
    let into = into.as_mut_ptr().cast();
    // SAFETY: the memory is ours, and not shorter than so many units.
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
