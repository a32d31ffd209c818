//! Python's memory, for the kernel to read and to write.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::sys::io::{Source, Target};

unsafe extern "C" {
    fn _PyBytes_Resize(bytes: *mut *mut ffi::PyObject, len: ffi::Py_ssize_t) -> c_int;
}

/// The place for what an object says of its memory. It may point into itself, so while it is in
/// use it is borrowed, and cannot move.
pub(super) struct Slot(ffi::Py_buffer);

impl Slot {
    pub(super) const fn empty() -> Self {
        Self(ffi::Py_buffer::new())
    }

    /// Make places for so many objects; MemoryError if there is none.
    pub(super) fn many(count: usize) -> PyResult<Vec<Self>> {
        let mut slots = Vec::new();
        slots
            .try_reserve_exact(count)
            .map_err(|_| PyMemoryError::new_err(()))?;
        slots.resize_with(count, Self::empty);
        Ok(slots)
    }
}

/// A contiguous buffer that an object exports; the object cannot move it meanwhile.
struct View<'s>(&'s mut ffi::Py_buffer);

impl<'s> View<'s> {
    fn new(slot: &'s mut Slot, object: &Bound<'_, PyAny>, flags: c_int) -> PyResult<Self> {
        let view = &mut slot.0;
        // SAFETY: the object lives, and the view is ours to fill.
        let failed = unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), view, flags) };
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

impl Drop for View<'_> {
    fn drop(&mut self) {
        // SAFETY: filled once, released once; views are dropped only where Python is attached.
        unsafe { ffi::PyBuffer_Release(self.0) }
    }
}

/// An object whose bytes can be sent.
pub(super) struct Readable<'a, 'py>(Bytes<'a, 'py>);

enum Bytes<'a, 'py> {
    /// Nobody can change bytes, so they need no view.
    Fixed(&'a Bound<'py, PyBytes>),
    Viewed(View<'a>),
}

impl<'a, 'py> Readable<'a, 'py> {
    /// Look at any contiguous buffer. Errors: TypeError for what is none, BufferError for holes.
    pub(super) fn new(slot: &'a mut Slot, object: &'a Bound<'py, PyAny>) -> PyResult<Self> {
        let bytes = match object.cast_exact::<PyBytes>() {
            Ok(bytes) => Bytes::Fixed(bytes),
            Err(_) => Bytes::Viewed(View::new(slot, object, ffi::PyBUF_SIMPLE)?),
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

    /// Copy the bytes, as they are at this moment; MemoryError if they are too many.
    pub(super) fn to_vec(&self) -> PyResult<Vec<u8>> {
        let copy = self.source().to_vec();
        copy.ok_or_else(|| PyMemoryError::new_err(()))
    }
}

/// An object whose bytes can be received into.
pub(super) struct Writable<'s>(View<'s>);

impl<'s> Writable<'s> {
    /// Look at any contiguous buffer that can be written; anything else is refused with this error.
    pub(super) fn new(
        slot: &'s mut Slot,
        object: &Bound<'_, PyAny>,
        refusal: impl FnOnce() -> PyErr,
    ) -> PyResult<Self> {
        let view = View::new(slot, object, ffi::PyBUF_WRITABLE);
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

/// The most room that is kept for the next message; programs ask for 64 KiB.
const LARGEST_SPARE: usize = 256 * 1024;

/// Room for a message that turned out to be small: making it anew each time costs more than the
/// message does. Bytes that nobody else knows, or null.
static SPARE: AtomicPtr<ffi::PyObject> = AtomicPtr::new(std::ptr::null_mut());

/// Make bytes of what is received into memory of `room` bytes; with what else `receive` tells.
///
/// Whoever receives, the kernel or our own code, fills as much of the memory as it says, from its
/// beginning. With MSG_TRUNC among the flags it need not: TCP then counts bytes that it throws
/// away. So for that the memory has a content before, zeros.
pub(super) fn receive<'py, T>(
    py: Python<'py>,
    room: usize,
    flags: c_int,
    receive: impl FnOnce(&mut Target<'_>) -> PyResult<(usize, T)>,
) -> PyResult<(Bound<'py, PyBytes>, T)> {
    if room > SMALL {
        return receive_large(py, room, flags, receive);
    }
    let mut memory = [MaybeUninit::<u8>::uninit(); SMALL];
    if throws_away(flags) {
        memory[..room].fill(MaybeUninit::new(0));
    }
    let (count, rest) = receive(&mut Target::from(&mut memory[..room]))?;
    // SAFETY: as far as there was room, what is counted was filled just now, or with zeros before.
    let bytes = unsafe { std::slice::from_raw_parts(memory.as_ptr().cast(), count.min(room)) };
    Ok((exactly(py, bytes, count)?, rest))
}

/// As [`receive`], into bytes that become the outcome if the message is not small.
fn receive_large<'py, T>(
    py: Python<'py>,
    room: usize,
    flags: c_int,
    receive: impl FnOnce(&mut Target<'_>) -> PyResult<(usize, T)>,
) -> PyResult<(Bound<'py, PyBytes>, T)> {
    let bytes = spare(py, room)?;
    // SAFETY: bytes that nobody else knows, `room` long.
    let (start, mut target) = unsafe {
        let start = ffi::PyBytes_AS_STRING(bytes.as_ptr()).cast_mut().cast();
        if throws_away(flags) {
            std::ptr::write_bytes(start, 0, room);
        }
        (start, Target::from_raw(start, room))
    };
    let (count, rest) = receive(&mut target)?;
    if count <= SMALL || count > room {
        // SAFETY: as in `receive`.
        let filled = unsafe { std::slice::from_raw_parts(start, count.min(room)) };
        let message = exactly(py, filled, count)?;
        keep(bytes, room);
        return Ok((message, rest));
    }
    let mut bytes = bytes.into_ptr();
    // SAFETY: the only reference, which the call consumes: it leaves a new one or an error.
    let bytes = unsafe {
        _PyBytes_Resize(&raw mut bytes, count as isize);
        Bound::from_owned_ptr_or_err(py, bytes)?
    };
    Ok((bytes.cast_into()?, rest))
}

/// Return whether what is received may be counted without being there.
const fn throws_away(flags: c_int) -> bool {
    flags & libc::MSG_TRUNC != 0
}

/// Make bytes of what was filled; with MSG_TRUNC the kernel counts also what it cut off.
///
/// The standard module gives bytes of that count then, whose end is whatever was in memory.
fn exactly<'py>(py: Python<'py>, filled: &[u8], count: usize) -> PyResult<Bound<'py, PyBytes>> {
    if count == filled.len() {
        return Ok(PyBytes::new(py, filled));
    }
    PyBytes::new_with(py, count, |bytes| {
        bytes[..filled.len()].copy_from_slice(filled);
        Ok(())
    })
}

/// Take the spare bytes if they are of this size, or make new ones, without content.
fn spare(py: Python<'_>, room: usize) -> PyResult<Bound<'_, PyAny>> {
    let room = isize::try_from(room)?;
    // SAFETY: the spare is null or bytes of which this is the only reference, ours from here on;
    // new bytes are so too, or there is an error.
    unsafe {
        let spare = SPARE.swap(std::ptr::null_mut(), Ordering::Acquire);
        if let Some(spare) = Bound::from_owned_ptr_or_opt(py, spare) {
            if ffi::PyBytes_Size(spare.as_ptr()) == room {
                return Ok(spare);
            }
        }
        Bound::from_owned_ptr_or_err(py, ffi::PyBytes_FromStringAndSize(std::ptr::null(), room))
    }
}

/// Keep bytes that nobody else knows for the next message, unless others were faster.
fn keep(bytes: Bound<'_, PyAny>, room: usize) {
    if room > LARGEST_SPARE {
        return;
    }
    let (py, none, kept) = (bytes.py(), std::ptr::null_mut(), bytes.into_ptr());
    if SPARE
        .compare_exchange(none, kept, Ordering::Release, Ordering::Relaxed)
        .is_err()
    {
        // SAFETY: the reference that was to be kept.
        drop(unsafe { Bound::from_owned_ptr(py, kept) });
    }
}
