//! The one crossing point of errors: from the core's to Python's.

use std::io;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use crate::error::Error;
use crate::sys;

/// The exceptions of the standard module, which `ssl` and others raise and catch too.
struct Exceptions {
    gaierror: Py<PyType>,
    herror: Py<PyType>,
    timeout: Py<PyType>,
}

static EXCEPTIONS: PyOnceLock<Exceptions> = PyOnceLock::new();

/// Take the standard module's exceptions over, and hand them on under the same names.
pub(super) fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let stock = py.import("_socket")?;
    let class = |name: &str| -> PyResult<Py<PyType>> {
        let class = stock.getattr(name)?.cast_into::<PyType>()?;
        module.add(name, &class)?;
        Ok(class.unbind())
    };
    module.add("error", py.get_type::<PyOSError>())?;
    let exceptions = Exceptions {
        gaierror: class("gaierror")?,
        herror: class("herror")?,
        timeout: class("timeout")?,
    };
    // Set once: a second import finds the same classes.
    let _ = EXCEPTIONS.set(py, exceptions);
    Ok(())
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Os(error) => os_error(&error),
            Error::System { errno, message } => PyOSError::new_err((errno, message)),
            Error::TimedOut => raise(|known| &known.timeout, "timed out".to_owned()),
            Error::AddressInfo { code, message } => raise(|known| &known.gaierror, (code, message)),
            Error::Host { code, message } => raise(|known| &known.herror, (code, message)),
            Error::Address(message) => PyOSError::new_err(message),
        }
    }
}

/// Make an OSError that keeps its number, from which Python finds the subclass.
///
/// PyO3's own conversion of io::Error loses the number.
fn os_error(error: &io::Error) -> PyErr {
    match error.raw_os_error() {
        Some(errno) => PyOSError::new_err((errno, sys::strerror(errno))),
        None => PyOSError::new_err(error.to_string()),
    }
}

/// Make an exception of one of the classes that the standard module owns.
fn raise<A>(class: impl FnOnce(&Exceptions) -> &Py<PyType>, arguments: A) -> PyErr
where
    A: pyo3::PyErrArguments + Send + Sync + 'static,
{
    Python::attach(|py| match EXCEPTIONS.get(py) {
        Some(known) => PyErr::from_type(class(known).bind(py).clone(), arguments),
        None => PyOSError::new_err(arguments),
    })
}
