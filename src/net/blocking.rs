//! The one place where a call waits.
//!
//! Every operation of every socket that can wait goes through [`perform`]. It owns trying first,
//! letting others run, waiting for readiness with what is left of the deadline, EINTR, signals and
//! the error.
//!
//! Work that is made of many such operations, perhaps on several descriptors, goes through
//! [`resume`], and each of its waits through [`wait_for`]: others then run for all of it, and not
//! from one operation to the next.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::{Deadline, Socket};
use crate::error::{Error, Result};
use crate::sys::poll::{self, Entry, Readiness};

/// Who made a call that may wait, and what has to happen around the wait.
pub trait Caller {
    /// What a call fails with.
    type Error: From<Error>;

    /// Run something that may take long, while others may go on.
    fn release<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T;

    /// Look at what interrupted a system call; an error ends the call.
    fn interrupted(&self) -> std::result::Result<(), Self::Error>;

    /// Return whether there may be something to look at though no system call was interrupted.
    fn looks(&self) -> bool {
        true
    }
}

/// A caller with nobody to give way to: plain Rust.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl Caller for Alone {
    type Error = Error;

    fn release<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        work()
    }

    fn interrupted(&self) -> Result<()> {
        Ok(())
    }
}

/// How a call goes about what may have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Try at once, and poll only when the kernel says EAGAIN: one system call where data waits.
    TryFirst,
    /// As `TryFirst`, but the first time without letting others run: for what cannot wait, and
    /// takes the kernel no longer than it takes to let them.
    TryHeld,
    /// Poll, then try: for calls that mostly find nothing, or that could hang when tried.
    WaitFirst,
}

/// Run one operation of a socket to its end, however often it has to wait.
pub fn perform<C: Caller, T: Send>(
    caller: &C,
    socket: &Socket,
    deadline: &mut Deadline,
    (readiness, mut order): (Readiness, Order),
    mut attempt: impl FnMut(BorrowedFd<'_>) -> io::Result<T> + Send,
) -> std::result::Result<T, C::Error> {
    if order == Order::TryHeld {
        match socket.with(&mut attempt) {
            Err(Error::Os(error)) if deadline.is_limited() && is_early(&error) => {}
            Err(Error::Os(error)) if error.kind() == ErrorKind::Interrupted => {
                caller.interrupted()?;
            }
            outcome => return Ok(outcome?),
        }
        order = Order::WaitFirst;
    }
    loop {
        match caller.release(|| run(socket, deadline, (readiness, order), &mut attempt)) {
            Err(Error::Os(error)) if error.kind() == ErrorKind::Interrupted => {
                caller.interrupted()?;
            }
            outcome => return Ok(outcome?),
        }
    }
}

/// Try and wait in turn until it is done or something else than readiness is missing.
fn run<T>(
    socket: &Socket,
    deadline: &mut Deadline,
    (readiness, order): (Readiness, Order),
    attempt: &mut impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
) -> Result<T> {
    let descriptor = socket.borrow()?;
    let fd = descriptor.as_fd();
    // The kernel does not wait for a connect that a signal interrupted: that is for us, always.
    let waits = deadline.is_limited() || readiness == Readiness::Connect;
    if waits && order == Order::WaitFirst {
        wait(fd, deadline, readiness)?;
    }
    loop {
        match attempt(fd) {
            Err(error) if waits && is_early(&error) => {
                wait(fd, deadline, readiness)?;
            }
            outcome => return Ok(outcome?),
        }
    }
}

/// Return whether the kernel says that the descriptor is not ready yet.
fn is_early(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

/// Wait until the descriptor is ready; a time that poll cannot hold takes several turns.
fn wait(fd: BorrowedFd<'_>, deadline: &mut Deadline, readiness: Readiness) -> Result<()> {
    while !poll::wait(fd, readiness, deadline.remaining()?)? {}
    Ok(())
}

/// How long work goes on at most before its caller looks for signals. One that comes right before
/// a wait does not end it, and one that comes while there is nothing to wait for ends nothing.
pub const LOOK: Duration = Duration::from_millis(60);

/// Run work that waits many times, and let others run for all of it.
///
/// Whenever it returns `None` the caller looks what interrupted it, and the work is called again,
/// to go on where it was.
pub fn resume<C: Caller, T: Send>(
    caller: &C,
    mut work: impl FnMut() -> Option<T> + Send,
) -> std::result::Result<T, C::Error> {
    loop {
        match caller.release(&mut work) {
            Some(outcome) => return Ok(outcome),
            None => caller.interrupted()?,
        }
    }
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// One of the descriptors is ready.
    Ready,
    /// A signal, at which the caller has to look.
    Signal,
    /// It has lasted for so long that something else may have to be looked at.
    Long,
}

/// Wait until one of the descriptors is ready, or something else has to be looked at.
///
/// Errors: [`Error::TimedOut`] when the end is reached; `None` is never. What is ready by then is
/// ready, even if the end passed before the wait began, as it may where a wait is taken up again.
pub fn wait_for(entries: &mut [Entry<'_>], end: Option<Instant>) -> Result<Woken> {
    let left = slice(end);
    let time = left.as_ref().map_or(Duration::ZERO, |left| *left);
    match poll::wait_any(entries, Some(time)) {
        Ok(true) => Ok(Woken::Ready),
        Ok(false) => left.map(|_| Woken::Long),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Woken::Signal),
        Err(error) => Err(error.into()),
    }
}

/// Wait for what another thread has to say, and return nothing when it is time to look for
/// signals. Errors: as [`wait_for`], and [`Error::Address`] from a thread that died.
pub fn wait_to_hear<T>(from: &Receiver<T>, end: Option<Instant>) -> Result<Option<T>> {
    match from.recv_timeout(slice(end)?) {
        Ok(value) => Ok(Some(value)),
        Err(RecvTimeoutError::Timeout) => Ok(None),
        Err(RecvTimeoutError::Disconnected) => {
            Err(Error::Address("a thread ended before it had an answer"))
        }
    }
}

/// Return how long to wait before something else has to be looked at.
fn slice(end: Option<Instant>) -> Result<Duration> {
    let Some(end) = end else { return Ok(LOOK) };
    match end.checked_duration_since(Instant::now()) {
        Some(left) if !left.is_zero() => Ok(left.min(LOOK)),
        _ => Err(Error::TimedOut),
    }
}
