//! How long a fetch may take, and what it stops for on its way.

use std::io::ErrorKind;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::failure::Cause;
use crate::error::Error;
use crate::net::blocking::{self, LOOK, Woken};
use crate::sys::poll::{Entry, Readiness};

/// What a fetch stops for. But for a failure it is called again, and goes on where it was.
#[derive(Debug)]
pub(super) enum Stop {
    /// It is time to look for signals.
    Look,
    /// What has come has to be handed out.
    Deliver,
    /// Memory is wanted for a body of this length.
    Room(usize),
    /// There is progress to tell.
    Tell,
    /// It is over.
    Failed(Box<Cause>),
}

impl<E: Into<Cause>> From<E> for Stop {
    fn from(cause: E) -> Self {
        Self::Failed(Box::new(cause.into()))
    }
}

/// The instants that a fetch must not go past.
#[derive(Debug)]
pub(super) struct Clock {
    begun: Instant,
    end: Option<Instant>,
    /// How long each wait for the other side may take.
    patience: Option<Duration>,
    /// Since when there has been a wait for the other side.
    waiting: Option<Instant>,
    /// When signals were last looked for.
    looked: Instant,
    /// Whether the caller looks for signals of its own accord.
    looks: bool,
    closed: Arc<AtomicBool>,
}

impl Clock {
    /// Start a clock; `closed` ends the fetch, whenever it is set.
    pub(super) fn start(
        total: Option<Duration>,
        patience: Option<Duration>,
        looks: bool,
        closed: Arc<AtomicBool>,
    ) -> Self {
        let begun = Instant::now();
        Self {
            begun,
            end: total.and_then(|total| begun.checked_add(total)),
            patience,
            waiting: None,
            looked: begun,
            looks,
            closed,
        }
    }

    /// Return how long it has been.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Look whether it is time to stop, in work that does not have to wait.
    pub(super) fn tick(&mut self) -> Result<(), Stop> {
        let now = Instant::now();
        if self.end.is_some_and(|end| now >= end) {
            return Err(Cause::TimedOut.into());
        }
        if now.saturating_duration_since(self.looked) >= LOOK {
            return self.look(Woken::Long);
        }
        Ok(())
    }

    /// Wait until the other side lets the descriptor be read or written.
    pub(super) fn wait(&mut self, fd: BorrowedFd<'_>, readiness: Readiness) -> Result<(), Stop> {
        self.wait_any(&mut [Entry::new(fd, readiness)])
    }

    /// Wait until the other side makes one of the descriptors ready.
    pub(super) fn wait_any(&mut self, entries: &mut [Entry<'_>]) -> Result<(), Stop> {
        // Interrupted, a wait is taken up again: its patience counts from where it began.
        let limit = match self.patience {
            Some(patience) => {
                let since = *self.waiting.get_or_insert_with(Instant::now);
                since.checked_add(patience)
            }
            None => None,
        };
        if !self.wait_until(entries, limit)? {
            return Err(Cause::Quiet.into());
        }
        self.waiting = None;
        Ok(())
    }

    /// Wait until one of the descriptors is ready, or an instant or the end is reached; return
    /// whether one is ready.
    pub(super) fn wait_until(
        &mut self,
        entries: &mut [Entry<'_>],
        instant: Option<Instant>,
    ) -> Result<bool, Stop> {
        let end = [self.end, instant].into_iter().flatten().min();
        loop {
            match blocking::wait_for(entries, end) {
                Ok(Woken::Ready) => return Ok(true),
                Ok(woken) => self.look(woken)?,
                Err(Error::TimedOut) if end != self.end => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Wait for another thread.
    pub(super) fn hear<T>(&mut self, from: &Receiver<T>) -> Result<T, Stop> {
        loop {
            if let Some(value) = blocking::wait_to_hear(from, self.end)? {
                return Ok(value);
            }
            // A signal does not wake whoever waits for a thread.
            self.look(Woken::Long)?;
        }
    }

    /// Look at an error of a read or write: what a wait or a look at signals mends is none.
    pub(super) fn mends(&mut self, error: std::io::Error) -> Result<(), Stop> {
        match error.kind() {
            ErrorKind::WouldBlock => Ok(()),
            ErrorKind::Interrupted => self.look(Woken::Signal),
            _ => Err(Error::Os(error).into()),
        }
    }

    /// As [`Clock::mends`], for whoever takes what was received.
    pub(super) fn mends_sink(&mut self, error: std::io::Error) -> Result<(), Stop> {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::Interrupted => self.mends(error),
            _ => Err(Cause::Sink(Error::Os(error)).into()),
        }
    }

    /// Wait for whoever takes what was received: that is not the other side's affair, and only
    /// the end counts.
    pub(super) fn wait_sink(&mut self, entry: Entry<'_>) -> Result<(), Stop> {
        self.wait_until(&mut [entry], None).map(drop)
    }

    /// Look whether the client was closed.
    pub(super) fn check_open(&self) -> Result<(), Stop> {
        match self.closed.load(Ordering::Relaxed) {
            true => Err(Cause::Closed.into()),
            false => Ok(()),
        }
    }

    /// Look at what is not a matter of descriptors, and stop where the caller has to look, too.
    fn look(&mut self, woken: Woken) -> Result<(), Stop> {
        self.looked = Instant::now();
        self.check_open()?;
        match self.looks || woken == Woken::Signal {
            true => Err(Stop::Look),
            false => Ok(()),
        }
    }
}
