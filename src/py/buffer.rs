//! Python's memory, for the kernel to read and to write.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::mem::MaybeUninit;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::sys::io::{Source, Target};

unsafe extern "C" {
    fn _PyBytes_Resize(bytes: *mut *mut ffi::PyObject, len: ffi::Py_ssize_t) -> c_int;
}

/// A contiguous buffer that an object exports; the object cannot move it meanwhile.
struct View(Box<ffi::Py_buffer>);

impl View {
    fn new(object: &Bound<'_, PyAny>, flags: c_int) -> PyResult<Self> {
        // A Py_buffer may point into itself, so it stays where it is.
        let mut view = Box::new(ffi::Py_buffer::new());
        // SAFETY: the object lives, and the view is ours to fill.
        let failed = unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), &raw mut *view, flags) };
        if failed == 0 {
            Ok(Self(view))
        } else {
            Err(PyErr::fetch(object.py()))
        }
    }

    fn len(&self) -> usize {
        self.0.len.unsigned_abs()
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: filled once, released once; views are dropped only where Python is attached.
        unsafe { ffi::PyBuffer_Release(&raw mut *self.0) }
    }
}

/// An object whose bytes can be sent.
pub(super) struct Readable<'a, 'py>(Bytes<'a, 'py>);

enum Bytes<'a, 'py> {
    /// Nobody can change bytes, so they need no view.
    Fixed(&'a Bound<'py, PyBytes>),
    Viewed(View),
}

impl<'a, 'py> Readable<'a, 'py> {
    /// Look at any contiguous buffer. Errors: TypeError for what is none, BufferError for holes.
    pub(super) fn new(object: &'a Bound<'py, PyAny>) -> PyResult<Self> {
        let bytes = match object.cast_exact::<PyBytes>() {
            Ok(bytes) => Bytes::Fixed(bytes),
            Err(_) => Bytes::Viewed(View::new(object, ffi::PyBUF_SIMPLE)?),
        };
        Ok(Self(bytes))
    }

    pub(super) fn source(&self) -> Source<'_> {
        match &self.0 {
            Bytes::Fixed(bytes) => Source::from(bytes.as_bytes()),
            // SAFETY: the exporter keeps the memory while the view lives.
            Bytes::Viewed(view) => unsafe { Source::from_raw(view.0.buf.cast(), view.len()) },
        }
    }
}

/// An object whose bytes can be received into.
pub(super) struct Writable(View);

impl Writable {
    /// Look at any contiguous buffer that can be written; anything else is refused with this error.
    pub(super) fn new(
        object: &Bound<'_, PyAny>,
        refusal: impl FnOnce() -> PyErr,
    ) -> PyResult<Self> {
        let view = View::new(object, ffi::PyBUF_WRITABLE);
        view.map(Self).map_err(|_| refusal())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn target(&mut self) -> Target<'_> {
        // SAFETY: the exporter keeps the memory while the view lives, and said it can be written.
        unsafe { Target::from_raw(self.0.0.buf.cast(), self.0.len()) }
    }
}

/// What is received into the stack first: most messages are much smaller than the room for them.
///
/// Threads may have stacks of 32 KiB, which this leaves mostly alone.
const SMALL: usize = 4096;

/// Make bytes of what is received into memory of `room` bytes; with what else `receive` tells.
///
/// The bytes are made once, at their size, where the room fits into the stack.
pub(super) fn receive<'py, T>(
    py: Python<'py>,
    room: usize,
    receive: impl FnOnce(&mut Target<'_>) -> PyResult<(usize, T)>,
) -> PyResult<(Bound<'py, PyBytes>, T)> {
    if room > SMALL {
        return receive_large(py, room, receive);
    }
    let mut memory = [MaybeUninit::<u8>::uninit(); SMALL];
    let (count, rest) = receive(&mut Target::from(&mut memory[..room]))?;
    // SAFETY: the kernel filled as much as it says.
    let bytes = unsafe { std::slice::from_raw_parts(memory.as_ptr().cast(), count.min(room)) };
    Ok((PyBytes::new(py, bytes), rest))
}

#[cold]
fn receive_large<'py, T>(
    py: Python<'py>,
    room: usize,
    receive: impl FnOnce(&mut Target<'_>) -> PyResult<(usize, T)>,
) -> PyResult<(Bound<'py, PyBytes>, T)> {
    let room = isize::try_from(room)?;
    // SAFETY: new bytes without content, or an error; nobody else knows them yet.
    let bytes = unsafe {
        let bytes = ffi::PyBytes_FromStringAndSize(std::ptr::null(), room);
        Bound::from_owned_ptr_or_err(py, bytes)?
    };
    // SAFETY: the content of these bytes is `room` long and ours alone.
    let mut target = unsafe {
        Target::from_raw(
            ffi::PyBytes_AS_STRING(bytes.as_ptr()).cast_mut().cast(),
            room as usize,
        )
    };
    let (count, rest) = receive(&mut target)?;
    let mut bytes = bytes.into_ptr();
    // SAFETY: the only reference, which the call consumes: it leaves a new one or an error.
    let bytes = unsafe {
        _PyBytes_Resize(&raw mut bytes, (count as isize).min(room));
        Bound::from_owned_ptr_or_err(py, bytes)?
    };
    Ok((bytes.cast_into()?, rest))
}
