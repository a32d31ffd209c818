//! Waiting for one descriptor, or for one of two.

use std::io::Result;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use super::check;

/// What a descriptor is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// There is something to read, or a connection to accept.
    Read,
    /// There is room to write.
    Write,
    /// A connection is made, or has failed.
    Connect,
}

/// Wait with poll(2) until the descriptor is ready, and return whether it is.
///
/// `None` waits for ever. A time is rounded up to the millisecond, and cut at the longest that
/// poll knows, about 24 days: whoever has a later deadline asks again. Errors: EINTR.
pub fn wait(fd: BorrowedFd<'_>, readiness: Readiness, time: Option<Duration>) -> Result<bool> {
    let events = match readiness {
        Readiness::Read => libc::POLLIN,
        Readiness::Write => libc::POLLOUT,
        Readiness::Connect => libc::POLLOUT | libc::POLLERR,
    };
    let timeout = time.map_or(-1, |time| {
        i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
    });
    let mut entry = libc::pollfd {
        fd: fd.as_raw_fd(),
        events,
        revents: 0,
    };
    // SAFETY: one entry, ours.
    check(unsafe { libc::poll(&raw mut entry, 1, timeout) }).map(|ready| ready > 0)
}

/// Wait with poll(2) until one of two descriptors can be read, however long. Errors: EINTR.
pub fn wait_either(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> Result<()> {
    let mut entries = [one, other].map(|fd| libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    });
    // SAFETY: two entries, ours.
    check(unsafe { libc::poll(entries.as_mut_ptr(), 2, -1) }).map(drop)
}
