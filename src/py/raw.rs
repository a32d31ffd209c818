//! The calls into CPython that PyO3 has no method for.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int};

use pyo3::prelude::*;
use pyo3::types::PyTuple;

unsafe extern "C" {
    fn PySys_Audit(event: *const c_char, format: *const c_char, ...) -> c_int;
}

/// Tell the audit hooks of an event with two arguments; what a hook raises ends the call.
///
/// Without hooks this is a function call and nothing more: no tuple is made.
pub(super) fn audit_pair(
    event: &CStr,
    first: &Bound<'_, PyAny>,
    second: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let (first, second, py) = (first.as_ptr(), second.as_ptr(), first.py());
    // SAFETY: the format takes two borrowed references, which outlive the call.
    raised(py, unsafe { PySys_Audit(event.as_ptr(), c"OO".as_ptr(), first, second) })
}

/// Tell the audit hooks of an event; what a hook raises ends the call.
pub(super) fn audit(event: &CStr, arguments: &Bound<'_, PyTuple>) -> PyResult<()> {
    let (py, arguments) = (arguments.py(), arguments.as_ptr());
    // SAFETY: a tuple made by the format "O" is itself the tuple of arguments.
    raised(py, unsafe { PySys_Audit(event.as_ptr(), c"O".as_ptr(), arguments) })
}

/// Tell the audit hooks that a socket is being made.
pub(super) fn audit_new(
    socket: &Bound<'_, PyAny>,
    family: c_int,
    kind: c_int,
    protocol: c_int,
) -> PyResult<()> {
    // SAFETY: the format takes one borrowed reference and three ints.
    raised(socket.py(), unsafe {
        PySys_Audit(
            c"socket.__new__".as_ptr(),
            c"Oiii".as_ptr(),
            socket.as_ptr(),
            family,
            kind,
            protocol,
        )
    })
}

/// Turn what a call into CPython reports into what it raised.
fn raised(py: Python<'_>, outcome: c_int) -> PyResult<()> {
    if outcome < 0 { Err(PyErr::fetch(py)) } else { Ok(()) }
}
