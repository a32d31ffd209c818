//! Python as the caller of an operation that may wait.

use pyo3::prelude::*;

use crate::net::Caller;

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
}
