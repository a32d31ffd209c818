//! What the interpreter does with an exception that nobody caught.

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;

/// Report an exception as one that has reached the top of the program.
///
/// It is kept in `sys.last_value` and its kin and goes to `sys.excepthook`, whose own failures are
/// reported too. Python has no name for this: who runs a program inside of another needs it, so
/// that the traceback ends where that program begins.
#[pyfunction]
#[pyo3(signature = (exception, /))]
pub fn _report_uncaught(exception: &Bound<'_, PyBaseException>) {
    let py = exception.py();
    PyErr::from_value(exception.clone().into_any()).print_and_set_sys_last_vars(py);
}
