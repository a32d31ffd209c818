//! What the interpreter does with an exception that nobody caught, and with a name that is none.

use pyo3::exceptions::{PyAttributeError, PyBaseException};
use pyo3::prelude::*;

/// Report an exception as one that has reached the top of the program.
///
/// It is kept in `sys.last_value` and its kin and goes to `sys.excepthook`, whose own failures are
/// reported too. Python has no name for this: who runs a program inside of another needs it, so
/// that the traceback ends where that program begins.
#[pyfunction]
#[pyo3(signature = (exception, /))]
pub(super) fn _report_uncaught(exception: &Bound<'_, PyBaseException>) {
    let py = exception.py();
    PyErr::from_value(exception.clone().into_any()).print_and_set_sys_last_vars(py);
}

/// Say that the module has no such name, as the module says it whose place it takes.
///
/// It serves as the module's `__getattr__` while a program runs that knows it as `socket`.
#[pyfunction]
#[pyo3(signature = (name, /))]
pub(super) fn _no_such_name(py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<()> {
    let text = format!("module 'socket' has no attribute '{}'", name.str()?);
    let error = PyAttributeError::new_err(text);
    if cfg!(Py_3_10) {
        let value = error.value(py);
        value.setattr("name", name)?;
        value.setattr("obj", py.import("rsock")?)?;
    }
    Err(error)
}
