//! The calls into CPython that PyO3 has no method for.
#![allow(unsafe_code)]

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyType};

unsafe extern "C" {
    fn PySys_Audit(event: *const c_char, format: *const c_char, ...) -> c_int;
    #[cfg(Py_3_14)]
    fn PyErr_FormatUnraisable(format: *const c_char, ...);
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
    raised(py, unsafe {
        PySys_Audit(event.as_ptr(), c"OO".as_ptr(), first, second)
    })
}

/// Tell the audit hooks of an event; what a hook raises ends the call.
pub(super) fn audit(event: &CStr, arguments: &Bound<'_, PyTuple>) -> PyResult<()> {
    let (py, arguments) = (arguments.py(), arguments.as_ptr());
    // SAFETY: a tuple made by the format "O" is itself the tuple of arguments.
    raised(py, unsafe {
        PySys_Audit(event.as_ptr(), c"O".as_ptr(), arguments)
    })
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

/// Call a function of the program with one or two arguments; whatever it raises is an error.
///
/// PyO3 takes the exception that a panic became for the panic, and lets it go on: past the caller,
/// who would have told of it, and after a report to a place where programs do not look.
pub(super) fn call<'py>(
    function: &Bound<'py, PyAny>,
    first: &Bound<'py, PyAny>,
    second: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, count) = (function.py(), 1 + usize::from(second.is_some()));
    // The first place is for a method's own object.
    let mut room = [
        ptr::null_mut(),
        first.as_ptr(),
        second.map_or(ptr::null_mut(), Bound::as_ptr),
    ];
    // SAFETY: as many borrowed references as are counted, with a place before them; no names.
    let answer = unsafe {
        let arguments = room.as_mut_ptr().add(1);
        let count = count | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
        let answer = ffi::PyObject_Vectorcall(function.as_ptr(), arguments, count, ptr::null_mut());
        Bound::from_owned_ptr_or_opt(py, answer)
    };
    answer.ok_or_else(|| taken(py))
}

/// Take what was raised, as it is.
fn taken(py: Python<'_>) -> PyErr {
    #[cfg(Py_3_12)]
    // SAFETY: a reference that is ours, or none.
    let raised = unsafe { Bound::from_owned_ptr_or_opt(py, ffi::PyErr_GetRaisedException()) };
    #[cfg(not(Py_3_12))]
    // SAFETY: three references that are ours, each or none of them, whatever is done to them here.
    let raised = unsafe {
        let [mut class, mut value, mut trace] = [ptr::null_mut(); 3];
        ffi::PyErr_Fetch(&raw mut class, &raw mut value, &raw mut trace);
        ffi::PyErr_NormalizeException(&raw mut class, &raw mut value, &raw mut trace);
        if !trace.is_null() {
            ffi::PyException_SetTraceback(value, trace);
        }
        ffi::Py_XDECREF(class);
        ffi::Py_XDECREF(trace);
        Bound::from_owned_ptr_or_opt(py, value)
    };
    // Without an exception this is what says so.
    raised.map_or_else(|| PyErr::fetch(py), PyErr::from_value)
}

/// Turn what a call into CPython reports into what it raised.
fn raised(py: Python<'_>, outcome: c_int) -> PyResult<()> {
    if outcome < 0 {
        Err(PyErr::fetch(py))
    } else {
        Ok(())
    }
}

/// Read a C long as Python 3.9 does, which asks other numbers to convert themselves and warns.
#[cfg(not(Py_3_10))]
pub(super) fn long(value: &Bound<'_, PyAny>) -> PyResult<std::ffi::c_long> {
    // SAFETY: the object lives; -1 may be its value or an error.
    let number = unsafe { ffi::PyLong_AsLong(value.as_ptr()) };
    match PyErr::take(value.py()) {
        Some(error) if number == -1 => Err(error),
        _ => Ok(number),
    }
}

/// Warn of what an object left behind; a filter may turn the warning into an error.
///
/// Unlike PyO3's warnings this one names its source, for those who trace where it was made.
pub(super) fn resource_warning(
    py: Python<'_>,
    text: &str,
    source: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let text = PyString::new(py, text);
    let source = source.map_or(ptr::null_mut(), Bound::as_ptr);
    // SAFETY: the format takes a str; the source may be missing.
    raised(py, unsafe {
        ffi::PyErr_ResourceWarning(source, 1, c"%U".as_ptr(), text.as_ptr())
    })
}

/// Do something with Python if this thread is attached, without attaching it.
///
/// PyO3 would attach a thread that Python itself attached, which hangs in a sub-interpreter.
pub(super) fn while_attached<T>(work: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    // SAFETY: asking is safe always, and where there is a sub-interpreter, which ends the asking,
    // only a thread that Python attached comes here.
    unsafe { (ffi::PyGILState_Check() != 0).then(|| work(Python::assume_attached())) }
}

/// Make the error that a class raises for these arguments, in the context of the one that is
/// being handled. The class may choose a subclass.
pub(super) fn raised_by(class: &Bound<'_, PyType>, (errno, text): &(i32, String)) -> PyErr {
    let error = match class.call1((errno, text)) {
        Ok(error) => error,
        Err(failure) => return failure,
    };
    // SAFETY: an exception, which raises itself, of its own class.
    unsafe { ffi::PyErr_SetObject(error.get_type().as_ptr(), error.as_ptr()) };
    PyErr::fetch(class.py())
}

/// Return the name of a value's type as errors say it: with the module if it was written in C.
pub(super) fn type_name<'a>(value: &'a Bound<'_, PyAny>) -> Cow<'a, str> {
    // SAFETY: the value keeps its type, and every type has a name that lives as long.
    unsafe { CStr::from_ptr((*ffi::Py_TYPE(value.as_ptr())).tp_name) }.to_string_lossy()
}

/// Return whether a value has items by their numbers, whether or not it was registered for that.
pub(super) fn is_sequence(value: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the value lives, and is looked at only.
    unsafe { ffi::PySequence_Check(value.as_ptr()) != 0 }
}

/// Report an error that nobody can catch, as that of a socket that goes.
#[cfg(Py_3_14)]
pub(super) fn unraisable(py: Python<'_>, error: PyErr, socket: Option<&Bound<'_, PyAny>>) {
    let Some(socket) = socket else {
        return error.write_unraisable(py, None);
    };
    error.restore(py);
    // SAFETY: Python is attached with an error set; the format takes one borrowed reference.
    unsafe {
        let format = c"Exception ignored while finalizing socket %R";
        PyErr_FormatUnraisable(format.as_ptr(), socket.as_ptr());
    }
}

/// Report an error that nobody can catch, as that of a socket that goes.
#[cfg(not(Py_3_14))]
pub(super) fn unraisable(py: Python<'_>, error: PyErr, socket: Option<&Bound<'_, PyAny>>) {
    error.write_unraisable(py, socket);
}

/// Run something that must not disturb the error that is on its way, if there is one.
pub(super) fn keep_error(py: Python<'_>, work: impl FnOnce()) {
    let pending = PyErr::take(py);
    work();
    if let Some(error) = pending {
        error.restore(py);
    }
}

/// Take over a descriptor that Python names by its number.
pub(super) fn adopt(number: i32) -> OwnedFd {
    // SAFETY: to Python descriptors are numbers, and whoever hands one over says that it is his.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Look at a descriptor that Python names by its number.
pub(super) fn lend<'a>(number: i32) -> BorrowedFd<'a> {
    // SAFETY: as above; a number that is not open gives EBADF.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Make an instance of a class without running its `__init__`.
pub(super) fn instance<'py>(class: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    let nothing = PyTuple::empty(class.py());
    let class_pointer = class.as_type_ptr();
    // SAFETY: a class has a tp_new, which takes the class, a tuple and perhaps keywords.
    unsafe {
        let Some(new) = (*class_pointer).tp_new else {
            return class.call0();
        };
        let made = new(class_pointer, nothing.as_ptr(), ptr::null_mut());
        Bound::from_owned_ptr_or_err(class.py(), made)
    }
}
