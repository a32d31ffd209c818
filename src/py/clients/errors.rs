//! What a call of a client raises.

use pyo3::exceptions::{PyEOFError, PyOSError, PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::Error;
use crate::py::error::in_words;
use crate::service::client::{Cause, Failure};

/// The other side closed the connection before everything that was waited for had come.
///
/// `partial` holds what did come; `expected` says how many bytes were waited for, or is None.
#[pyclass(name = "IncompleteReadError", module = "rsock", extends = PyEOFError, frozen)]
pub(in crate::py) struct IncompleteReadError {
    message: String,
    /// What did come.
    #[pyo3(get)]
    partial: Py<PyBytes>,
    /// How many bytes were waited for, or None for a delimiter.
    #[pyo3(get)]
    expected: Option<usize>,
}

#[pymethods]
impl IncompleteReadError {
    #[new]
    fn new(message: String, partial: Py<PyBytes>, expected: Option<usize>) -> Self {
        Self {
            message,
            partial,
            expected,
        }
    }

    fn __str__(&self) -> &str {
        &self.message
    }
}

/// More than `limit` bytes came without the delimiter. They are kept for the next call.
#[pyclass(name = "LimitOverrunError", module = "rsock", extends = PyValueError, frozen)]
pub(in crate::py) struct LimitOverrunError {
    message: String,
    /// How many bytes the call would have taken.
    #[pyo3(get)]
    limit: usize,
}

#[pymethods]
impl LimitOverrunError {
    #[new]
    fn new(message: String, limit: usize) -> Self {
        Self { message, limit }
    }

    fn __str__(&self) -> &str {
        &self.message
    }
}

/// Say in Python's terms why a call of a client failed.
pub(super) fn raised(py: Python<'_>, failure: Failure<PyErr>) -> PyErr {
    let Failure { cause, message } = failure;
    match cause {
        Cause::Raised(error) => error,
        Cause::Core(Error::TimedOut) | Cause::Busy | Cause::Lost { .. } => {
            PyTimeoutError::new_err(message)
        }
        Cause::Core(error) => in_words(&error, message),
        Cause::Ended { partial, expected } => {
            let partial = PyBytes::new(py, &partial).unbind();
            PyErr::new::<IncompleteReadError, _>((message, partial, expected))
        }
        Cause::TooLong { limit } => PyErr::new::<LimitOverrunError, _>((message, limit)),
        Cause::Closed => PyOSError::new_err((libc::EBADF, message)),
    }
}
