//! The one class that is made by hand, for the slots that PyO3 does not have.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use super::socket::PySocket;
use super::{fast, lifecycle, raw};

/// Make a subclass whose sockets, and those of its subclasses, are looked at before they go.
///
/// PyO3 has no `__del__`, and a slot that is set afterwards is not inherited: Python looks for the
/// method that goes with it. So this one class is made by hand, for that slot and the one of the
/// methods of `fast.rs`.
pub(super) fn with_finalizer<'py>(
    base: &Bound<'py, PyType>,
    name: &'static CStr,
) -> PyResult<Bound<'py, PyType>> {
    let slot = |slot, pfunc| ffi::PyType_Slot { slot, pfunc };
    let mut slots = [
        slot(
            ffi::Py_tp_finalize,
            finalize as ffi::destructor as *mut c_void,
        ),
        slot(ffi::Py_tp_methods, fast::methods().cast()),
        slot(0, std::ptr::null_mut()),
    ];
    let mut spec = ffi::PyType_Spec {
        name: name.as_ptr(),
        basicsize: 0, // that of the base
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_BASETYPE) as c_uint,
        slots: slots.as_mut_ptr(),
    };
    let bases = PyTuple::new(base.py(), [base])?;
    // SAFETY: the slots end with 0 and have what belongs to them; the name stays for ever.
    let class = unsafe {
        let class = ffi::PyType_FromSpecWithBases(&raw mut spec, bases.as_ptr());
        Bound::from_owned_ptr_or_err(base.py(), class)?
    };
    Ok(class.cast_into()?)
}

/// Look at a socket before it goes.
unsafe extern "C" fn finalize(socket: *mut ffi::PyObject) {
    // SAFETY: Python is attached when it calls, and gives an instance of the class or a subclass.
    let socket = unsafe {
        Borrowed::from_ptr(Python::assume_attached(), socket).cast_unchecked::<PySocket>()
    };
    if socket.get().socket.number() < 0 {
        return;
    }
    let look = || {
        raw::keep_error(socket.py(), || {
            lifecycle::finalize(socket.as_any(), &socket.get().socket);
        })
    };
    // PyO3 is not told that we are attached: while the interpreter ends it would not believe it, and
    // in a sub-interpreter it would wait for ever. What is dropped waits for the next to detach.
    let _ = catch_unwind(AssertUnwindSafe(look));
}
