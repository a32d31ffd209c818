//! The one crossing point of errors: from the core's to Python's.

use std::io;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use super::raw;
use crate::error::Error;
use crate::sys;

/// The exceptions of the standard module, which `ssl` and others raise and catch too.
mod stock {
    pyo3::import_exception!(_socket, gaierror);
    pyo3::import_exception!(_socket, herror);
    pyo3::import_exception!(_socket, timeout);
}

/// Take the standard module's exceptions over, and hand them on under the same names.
///
/// They are looked up here for good: while the interpreter ends nothing can be imported any more.
pub(super) fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    py.import("_socket")?;
    module.add("error", py.get_type::<PyOSError>())?;
    module.add("gaierror", py.get_type::<stock::gaierror>())?;
    module.add("herror", py.get_type::<stock::herror>())?;
    module.add("timeout", py.get_type::<stock::timeout>())
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Os(error) => os_error(&error),
            Error::System { errno, message } => PyOSError::new_err((errno, message)),
            Error::TimedOut => stock::timeout::new_err("timed out"),
            Error::AddressInfo { code, message } => stock::gaierror::new_err((code, message)),
            Error::Host { code, message } => stock::herror::new_err((code, message)),
            Error::Address(message) => PyOSError::new_err(message),
        }
    }
}

/// Make the exception of an error that others have more to say of, in their words: its class
/// follows from its number, as everywhere.
pub(super) fn in_words(error: &Error, message: String) -> PyErr {
    match (error, error.errno()) {
        (Error::AddressInfo { code, .. }, _) => Error::AddressInfo {
            code: *code,
            message,
        }
        .into(),
        (_, Some(errno)) => PyOSError::new_err((errno, message)),
        _ => PyOSError::new_err(message),
    }
}

/// Make an OSError that keeps its number, from which Python finds the subclass.
///
/// PyO3's own conversion of io::Error loses the number. And before Python 3.12 an exception that
/// is not made at once is an OSError and nothing more to native code that catches it.
fn os_error(error: &io::Error) -> PyErr {
    let Some(errno) = error.raw_os_error() else {
        return PyOSError::new_err(error.to_string());
    };
    let arguments = (errno, sys::strerror(errno));
    if cfg!(Py_3_12) {
        return PyOSError::new_err(arguments);
    }
    raw::while_attached(|py| raw::raised_by(&py.get_type::<PyOSError>(), &arguments))
        .unwrap_or_else(|| PyOSError::new_err(arguments))
}

/// Make the exception of an error now, so that its class can be asked for.
///
/// PyO3 would let other threads run meanwhile and attach this one anew. That fails while the
/// interpreter ends, and hangs in a sub-interpreter of the older Pythons.
pub(super) fn settled(py: Python<'_>, error: PyErr) -> PyErr {
    error.restore(py);
    PyErr::fetch(py)
}
