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

impl Patience {
    /// Read patience from nanoseconds; less than 0 is endless.
    #[must_use]
    pub fn from_nanos(nanos: i64) -> Self {
        match nanos {
            ..=-1 => Self::Endless,
            0 => Self::None,
            nanos => Self::Limited(Duration::from_nanos(nanos.unsigned_abs())),
        }
    }

    /// Write patience as nanoseconds: 292 years are the longest, and -1 is endless.
    #[must_use]
    pub fn nanos(self) -> i64 {
        match self {
            Self::Endless => -1,
            Self::None => 0,
            Self::Limited(limit) => i64::try_from(limit.as_nanos()).unwrap_or(i64::MAX),
        }
    }
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
        Self {
            patience,
            end: None,
        }
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
        let Patience::Limited(limit) = self.patience else {
            return Ok(None);
        };
        let now = Instant::now();
        let Some(end) = self.end.or_else(|| now.checked_add(limit)) else {
            return Ok(None);
        };
        self.end = Some(end);
        match end.checked_duration_since(now) {
            Some(left) if !left.is_zero() => Ok(Some(left)),
            _ => Err(Error::TimedOut),
        }
    }
}
