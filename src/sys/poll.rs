//! Waiting for descriptors.

use std::io::Result;
use std::marker::PhantomData;
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

/// A descriptor that is waited for, and what came of it.
#[derive(Debug)]
#[repr(transparent)]
pub struct Entry<'a>(libc::pollfd, PhantomData<BorrowedFd<'a>>);

impl<'a> Entry<'a> {
    /// Wait for a descriptor.
    #[must_use]
    pub fn new(fd: BorrowedFd<'a>, readiness: Readiness) -> Self {
        let events = match readiness {
            Readiness::Read => libc::POLLIN,
            Readiness::Write => libc::POLLOUT,
            Readiness::Connect => libc::POLLOUT | libc::POLLERR,
        };
        let fd = fd.as_raw_fd();
        Self(
            libc::pollfd {
                fd,
                events,
                revents: 0,
            },
            PhantomData,
        )
    }

    /// Return whether it is ready, or will never be.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.revents != 0
    }

    /// Return whether the kernel has an error to tell, or the other side is gone.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.0.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0
    }
}

/// Wait with poll(2) until a descriptor is ready, and return whether one is.
///
/// `None` waits for ever. A time is rounded up to the millisecond, and cut at the longest that
/// poll knows, about 24 days: whoever has a later deadline asks again. Errors: EINTR.
pub fn wait_any(entries: &mut [Entry<'_>], time: Option<Duration>) -> Result<bool> {
    let timeout = time.map_or(-1, |time| {
        i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
    });
    let count = entries.len() as libc::nfds_t;
    // SAFETY: as many entries as there are, each of them a pollfd and nothing else.
    check(unsafe { libc::poll(entries.as_mut_ptr().cast(), count, timeout) }).map(|ready| ready > 0)
}

/// Wait until the descriptor is ready, and return whether it is, as [`wait_any`].
pub fn wait(fd: BorrowedFd<'_>, readiness: Readiness, time: Option<Duration>) -> Result<bool> {
    wait_any(&mut [Entry::new(fd, readiness)], time)
}

/// Wait with poll(2) until one of two descriptors can be read, however long. Errors: EINTR.
pub fn wait_either(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> Result<()> {
    wait_any(
        &mut [one, other].map(|fd| Entry::new(fd, Readiness::Read)),
        None,
    )
    .map(drop)
}
