//! The calls that move bytes, without what PyO3 does around a method.
//!
//! Behind a system call the processor has forgotten much of what it knew of our code, so every
//! branch and every function on the way costs more than its instructions say. These methods of
//! `SharedSocket` hide those of the same name in its base. They take a plain call, one with as
//! many positional arguments as it should have, straight to the function that both share; any
//! other goes to the hidden method, which knows keywords and what is wrong with a call.
//! `benches/calls.py` measured a ping of 64 bytes at 0.99 of the standard module without this
//! file and at 0.96 with it, where the bare system calls take 0.78.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::argument::Given;
use super::socket::PySocket;
use super::{options, transfer};
use crate::net::Socket;

/// A call as Python makes it: the socket, and its arguments where Python has them.
struct Call<'a, 'py> {
    slf: Borrowed<'a, 'py, PySocket>,
    arguments: *const *mut ffi::PyObject,
    /// How many of the arguments are positional; those with names follow them.
    count: usize,
    names: Option<Borrowed<'a, 'py, PyTuple>>,
}

impl<'a, 'py> Call<'a, 'py> {
    fn py(&self) -> Python<'py> {
        self.slf.py()
    }

    fn socket(&self) -> &Socket {
        &self.slf.get().socket
    }

    /// Return an argument that is known to be there.
    fn at(&self, index: usize) -> Borrowed<'a, 'py, PyAny> {
        // SAFETY: Python keeps the arguments while the call runs, and nobody asks for more.
        unsafe { Borrowed::from_ptr(self.py(), *self.arguments.add(index)) }
    }

    /// Return an argument that may be left out.
    fn given(&self, index: usize) -> Given<'a, 'py> {
        Given::from((index < self.count).then(|| self.at(index)))
    }

    /// Leave the call to the method of the base.
    fn hidden(&self, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py();
        let positional = (0..self.count).map(|index| self.at(index).to_owned());
        let arguments: Vec<_> = std::iter::once(self.slf.to_owned().into_any())
            .chain(positional)
            .collect();
        let keywords = PyDict::new(py);
        for (index, name) in self.names.iter().flat_map(|names| names.iter()).enumerate() {
            keywords.set_item(name, self.at(self.count + index))?;
        }
        let method = py.get_type::<PySocket>().getattr(name)?;
        method.call(PyTuple::new(py, arguments)?, Some(&keywords))
    }
}

/// Run a call, and give Python its outcome in the form that it knows.
///
/// # Safety
/// The arguments are those of a method of a subclass of [`PySocket`] that Python calls, attached.
unsafe fn run(
    (slf, arguments, count, names): (
        *mut ffi::PyObject,
        *const *mut ffi::PyObject,
        ffi::Py_ssize_t,
        *mut ffi::PyObject,
    ),
    work: impl for<'py> FnOnce(&Call<'_, 'py>) -> PyResult<Bound<'py, PyAny>>,
) -> *mut ffi::PyObject {
    // SAFETY: as the caller says; the names, if there are any, are a tuple.
    let (py, call) = unsafe {
        let py = Python::assume_attached();
        let slf = Borrowed::from_ptr(py, slf).cast_unchecked();
        let names = Borrowed::from_ptr_or_opt(py, names).map(|names| names.cast_unchecked());
        (
            py,
            Call {
                slf,
                arguments,
                count: count as usize,
                names,
            },
        )
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| work(&call)));
    let error = match outcome {
        Ok(Ok(value)) => return value.into_ptr(),
        Ok(Err(error)) => error,
        Err(_) => PyRuntimeError::new_err("the native half of rsock panicked"),
    };
    error.restore(py);
    drop_released(py);
    std::ptr::null_mut()
}

/// Let go of what errors dropped on their way: it waits for PyO3 to attach, which it has not done.
#[cold]
fn drop_released(py: Python<'_>) {
    // SAFETY: the thread is attached.
    let own = unsafe { ffi::PyGILState_GetThisThreadState() == ffi::PyThreadState_Get() };
    if own {
        // While the interpreter ends PyO3 attaches nobody.
        let _ = Python::try_attach(|_| ());
    } else {
        // In a sub-interpreter of the older Pythons attaching waits for ever. PyO3 also looks at
        // what there is to drop when it comes back from letting others run.
        py.detach(|| ());
    }
}

/// Write the methods down: name, how many arguments a plain call has, and what it does.
macro_rules! methods {
    ($($name:ident $signature:literal, $plain:pat => |$call:ident| $work:expr;)*) => {
        $(unsafe extern "C" fn $name(
            slf: *mut ffi::PyObject,
            arguments: *const *mut ffi::PyObject,
            count: ffi::Py_ssize_t,
            names: *mut ffi::PyObject,
        ) -> *mut ffi::PyObject {
            fn work<'py>($call: &Call<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
                match $call.count {
                    $plain if $call.names.is_none() => $work,
                    _ => $call.hidden(stringify!($name)),
                }
            }
            // SAFETY: Python calls with what belongs to a method of the class.
            unsafe { run((slf, arguments, count, names), work) }
        })*

        /// The table of the methods, which ends with an empty row.
        static METHODS: Table<{ [$(stringify!($name)),*].len() + 1 }> = Table([
            $(ffi::PyMethodDef {
                ml_name: name(concat!(stringify!($name), "\0")).as_ptr(),
                ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: $name },
                ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
                ml_doc: name(concat!(stringify!($name), $signature, "\0")).as_ptr(),
            },)*
            ffi::PyMethodDef::zeroed(),
        ]);
    };
}

struct Table<const N: usize>([ffi::PyMethodDef; N]);

// SAFETY: nobody writes to it, and what it points to is constant too.
unsafe impl<const N: usize> Sync for Table<N> {}

/// Make a C string of text that ends with NUL.
const fn name(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(name) => name,
        Err(_) => c"",
    }
}

/// Return the table of the methods, for the slot of a class.
pub(super) fn methods() -> *mut c_char {
    (&raw const METHODS).cast_mut().cast()
}

methods! {
    recv "($self, bufsize, flags=0, /)\n--\n\nReceive at most `bufsize` bytes; none at all is the \
        end of the stream.", 1..=2 => |call| {
        let bytes = transfer::recv(call.py(), call.socket(), &call.at(0), call.given(1))?;
        Ok(bytes.into_any())
    };
    recv_into "($self, buffer, nbytes=0, flags=0)\n--\n\nReceive into a buffer, as much as fits or \
        at most `nbytes`, and return how many came.", 1..=3 => |call| {
        let (buffer, nbytes, flags) = (call.at(0), call.given(1), call.given(2));
        let count = transfer::recv_into(call.py(), call.socket(), &buffer, nbytes, flags)?;
        Ok(count.into_pyobject(call.py())?.into_any())
    };
    send "($self, data, flags=0, /)\n--\n\nSend bytes, and return how many of them the kernel \
        took.", 1..=2 => |call| {
        let count = transfer::send(call.py(), call.socket(), &call.at(0), call.given(1))?;
        Ok(count.into_pyobject(call.py())?.into_any())
    };
    sendall "($self, data, flags=0, /)\n--\n\nSend all bytes. After an error nobody knows how many \
        went out.", 1..=2 => |call| {
        transfer::sendall(call.py(), call.socket(), &call.at(0), call.given(1))?;
        Ok(call.py().None().into_bound(call.py()))
    };
    recvfrom "($self, bufsize, flags=0, /)\n--\n\nReceive at most `bufsize` bytes of a message, \
        and return them and who sent it.", 1..=2 => |call| {
        let parts = transfer::recvfrom(call.py(), call.socket(), &call.at(0), call.given(1))?;
        Ok(parts.into_pyobject(call.py())?.into_any())
    };
    sendto "($self, *args)\n--\n\nSend a message to an address: \
        `sendto(data, address)` or `sendto(data, flags, address)`.", 2..=3 => |call| {
        let last = call.count - 1;
        let flags = Given::from((last == 2).then(|| call.at(1)));
        let count = transfer::sendto(call.slf.as_any(), call.socket(), &call.at(0), flags, &call.at(last))?;
        Ok(count.into_pyobject(call.py())?.into_any())
    };
    getsockopt "($self, level, optname, buflen=0, /)\n--\n\nReturn an option as an int, or as at \
        most `buflen` bytes.", 2..=3 => |call| {
        options::get(call.py(), call.socket(), &call.at(0), &call.at(1), call.given(2))
    };
}
