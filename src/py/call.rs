//! Python as the caller of an operation that may wait.

use pyo3::prelude::*;

use crate::error::Error;
use crate::net::Caller;
use crate::sys;

/// Lets other threads run while a call waits, and runs signal handlers when it is interrupted.
#[derive(Clone, Copy)]
pub(super) struct Interpreter<'py>(pub(super) Python<'py>);

impl Caller for Interpreter<'_> {
    type Error = PyErr;

    fn release<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.detach(work)
    }

    fn interrupted(&self) -> PyResult<()> {
        self.0.check_signals()
    }

    fn looks(&self) -> bool {
        // Python runs handlers in its main thread only; others would ask in vain, and each time
        // make the thread wait that computes.
        sys::is_first_thread()
    }
}

/// As [`Interpreter`], but leaves the core's errors as they are: for calls that return errno.
#[derive(Clone, Copy)]
pub(super) struct KeepErrors<'py>(pub(super) Python<'py>);

/// What ended a call: the system, or what a signal handler raised.
pub(super) enum Failure {
    Core(Error),
    Raised(PyErr),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl Caller for KeepErrors<'_> {
    type Error = Failure;

    fn release<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.detach(work)
    }

    fn interrupted(&self) -> Result<(), Failure> {
        self.0.check_signals().map_err(Failure::Raised)
    }
}

impl Failure {
    /// Return the number of the system's error; what a handler raised is raised.
    pub(super) fn errno(self) -> PyResult<i32> {
        match self {
            Self::Core(Error::TimedOut) => Ok(libc::EAGAIN),
            Self::Core(error) => error.errno().ok_or_else(|| error.into()),
            Self::Raised(error) => Err(error),
        }
    }
}
