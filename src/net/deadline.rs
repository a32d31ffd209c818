//! How long a call may wait.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How long the calls of a socket may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Until it is done; the kernel does the waiting.
    Endless,
    /// Not at all.
    None,
    /// So long, and then [`Error::TimedOut`].
    Limited(Duration),
}

/// The instant at which one call gives up, which may be made of many system calls.
///
/// The clock is read when the call first has to wait: what is ready at once does not pay for it.
#[derive(Debug)]
pub struct Deadline {
    patience: Patience,
    end: Option<Instant>,
}

impl From<Patience> for Deadline {
    fn from(patience: Patience) -> Self {
        Self { patience, end: None }
    }
}

impl Deadline {
    /// Return whether a call with this deadline polls when it cannot go on.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        matches!(self.patience, Patience::Limited(_))
    }

    /// Return what is left; `None` is for ever. Errors: [`Error::TimedOut`] when nothing is.
    pub fn remaining(&mut self) -> Result<Option<Duration>> {
        let Patience::Limited(limit) = self.patience else { return Ok(None) };
        let now = Instant::now();
        let Some(end) = self.end.or_else(|| now.checked_add(limit)) else { return Ok(None) };
        self.end = Some(end);
        match end.checked_duration_since(now) {
            Some(left) if !left.is_zero() => Ok(Some(left)),
            _ => Err(Error::TimedOut),
        }
    }
}
