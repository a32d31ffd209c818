//! A descriptor that may be closed while others use it.
//!
//! The kernel gives the number of a closed file to the next one that is opened. A thread that was
//! about to read from the closed socket would then read from a stranger. Here every use is a
//! [`Borrowed`] guard, and closing knows whether there are any: if so, the number is not set free
//! but pointed at a dead file, on which every call gives EBADF, until the last guard is gone.

use std::io::{Error, Result};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::check;

/// Set in the low half of the state while numbers wait in `retired` for the last user to leave.
const RETIRED: u64 = 1 << 31;
const USERS: u64 = RETIRED - 1;
const CLOSED: RawFd = -1;

const fn number(state: u64) -> RawFd {
    (state >> 32) as u32 as RawFd
}

const fn with_number(state: u64, fd: RawFd) -> u64 {
    (state & (RETIRED | USERS)) | ((fd as u32 as u64) << 32)
}

/// Owns a file descriptor, or none; can be shared between threads, used and closed at once.
#[derive(Debug)]
pub struct Descriptor {
    /// The number in the high half; below it the flag `RETIRED` and the count of users.
    state: AtomicU64,
    /// Numbers that were closed under their users.
    retired: Mutex<Vec<RawFd>>,
}

impl Default for Descriptor {
    fn default() -> Self {
        Self {
            state: AtomicU64::new(with_number(0, CLOSED)),
            retired: Mutex::default(),
        }
    }
}

impl From<OwnedFd> for Descriptor {
    fn from(fd: OwnedFd) -> Self {
        Self {
            state: AtomicU64::new(with_number(0, fd.into_raw_fd())),
            retired: Mutex::default(),
        }
    }
}

impl Descriptor {
    /// Return the number, or -1 when closed. It may be gone as soon as it is read.
    pub fn number(&self) -> RawFd {
        number(self.state.load(Ordering::Relaxed))
    }

    /// Keep the number from being used again for as long as the guard lives; EBADF when closed.
    pub fn borrow(&self) -> Result<Borrowed<'_>> {
        let fd = number(self.state.fetch_add(1, Ordering::Acquire));
        let guard = Borrowed { owner: self, fd };
        // A guard of nothing only counts itself out again.
        if fd == CLOSED {
            Err(Error::from_raw_os_error(libc::EBADF))
        } else {
            Ok(guard)
        }
    }

    /// Put another file in place of the present one, which is closed.
    pub fn replace(&self, fd: OwnedFd) {
        let fd = fd.into_raw_fd();
        if self.number() != fd {
            // What the old file has to say at its end concerns nobody here.
            let _ = self.exchange(fd);
        }
    }

    /// Close the file. Calls under way end as they would have; later ones give EBADF.
    ///
    /// Errors are those of close(2); closing twice is none.
    pub fn close(&self) -> Result<()> {
        self.exchange(CLOSED)
    }

    /// Give the number away without closing it: from here on it is the caller's to close.
    pub fn take(&self) -> Option<OwnedFd> {
        let before = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |state| {
                (number(state) != CLOSED).then(|| with_number(state, CLOSED))
            });
        // SAFETY: the exchange made us the only one who takes this open number out of the state.
        before
            .ok()
            .map(|state| unsafe { OwnedFd::from_raw_fd(number(state)) })
    }

    fn exchange(&self, fd: RawFd) -> Result<()> {
        let unused = |state| (state & USERS == 0).then(|| with_number(state, fd));
        if let Ok(state) = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, unused)
        {
            return close(number(state));
        }
        // The lock comes before the exchange, so that the last user to leave finds the number.
        let mut retired = self.retired();
        let mark = |state| Some(with_number(state, fd) | RETIRED);
        let state = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, mark)
            .unwrap_or_else(|state| state);
        if number(state) != CLOSED {
            // Without a dead file (the process is at its limit) the socket stays open for as
            // long as its number does: later than asked, but never in a stranger's place.
            // SAFETY: open, since it is only closed from `retired`, for which we hold the lock.
            let _ = bury(unsafe { BorrowedFd::borrow_raw(number(state)) });
            retired.push(number(state));
        }
        drop(retired);
        // The users may all have left between the count and the mark.
        self.reap();
        Ok(())
    }

    /// Set the retired numbers free if nobody uses them any more.
    fn reap(&self) {
        let mut retired = self.retired();
        let done = |state| (state & (RETIRED | USERS) == RETIRED).then_some(state & !RETIRED);
        if self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, done)
            .is_ok()
        {
            for fd in retired.drain(..) {
                let _ = close(fd);
            }
        }
    }

    fn retired(&self) -> MutexGuard<'_, Vec<RawFd>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// A descriptor in use: while it lives its number is not given to another file.
///
/// One exception: a number that was taken with [`Descriptor::take`] is in other hands.
#[derive(Debug)]
pub struct Borrowed<'a> {
    owner: &'a Descriptor,
    fd: RawFd,
}

impl AsRawFd for Borrowed<'_> {
    fn as_raw_fd(&self) -> RawFd {
        self.fd
    }
}

impl AsFd for Borrowed<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the number is not -1, and is not closed while we are counted.
        unsafe { BorrowedFd::borrow_raw(self.fd) }
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let before = self.owner.state.fetch_sub(1, Ordering::Release);
        if before & (RETIRED | USERS) == RETIRED | 1 {
            self.owner.reap();
        }
    }
}

fn close(fd: RawFd) -> Result<()> {
    if fd == CLOSED {
        return Ok(());
    }
    // SAFETY: the number came out of the state, so it is closed once.
    super::close(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Let a number stand for a file on which every call gives EBADF.
#[cfg(target_os = "linux")]
pub fn bury(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: plain calls with a constant path; the temporary is owned at once.
    unsafe {
        let dead = check(libc::open(c"/".as_ptr(), libc::O_PATH | libc::O_CLOEXEC))?;
        let dead = OwnedFd::from_raw_fd(dead);
        check(libc::dup3(
            dead.as_raw_fd(),
            fd.as_raw_fd(),
            libc::O_CLOEXEC,
        ))
        .map(drop)
    }
}

/// Only Linux has files that are open and dead at once; elsewhere the number waits as it is.
#[cfg(not(target_os = "linux"))]
pub fn bury(_fd: BorrowedFd<'_>) -> Result<()> {
    Ok(())
}
