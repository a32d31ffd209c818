//! Messages in pieces, with control data beside them: recvmsg and sendmsg.

use pyo3::exceptions::{
    PyException, PyMemoryError, PyOSError, PyRuntimeWarning, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyInt, PyList, PyString, PyTuple, PyType};

use super::argument::{Given, wrong_type};
use super::buffer::{self, Readable, Slot, Writable};
use super::call::Interpreter;
use super::error::settled;
use super::{address, number, raw};
use crate::net::Socket;
use crate::sys::io::{Source, Target};
use crate::sys::message::{CONTROL_LIMIT, Control, Received, item_space};

pub(super) fn recvmsg<'py>(
    py: Python<'py>,
    socket: &Socket,
    bufsize: &Bound<'py, PyAny>,
    ancbufsize: Given<'_, 'py>,
    flags: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyTuple>> {
    let (size, room) = (number::size(bufsize)?, ancbufsize.size_or_zero()?);
    let flags = flags.int_or(0)?;
    let size = usize::try_from(size)
        .map_err(|_| PyValueError::new_err("negative buffer size in recvmsg()"))?;
    address::known(socket)?;
    let mut control = control_room(room)?;
    let outcome = buffer::receive(py, size, flags, |target| {
        let targets = std::slice::from_mut(target);
        let received = socket.recv_message(&Interpreter(py), targets, &mut control, flags)?;
        Ok((received.count, received))
    });
    match outcome {
        Ok((data, received)) => describe(py, socket, data.into_any(), control, &received),
        Err(error) => {
            // Nobody would know of what came with a message that there is no memory for.
            drop(control.take_descriptors());
            Err(error)
        }
    }
}

pub(super) fn recvmsg_into<'py>(
    py: Python<'py>,
    socket: &Socket,
    buffers: &Bound<'py, PyAny>,
    ancbufsize: Given<'_, 'py>,
    flags: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyTuple>> {
    let room = ancbufsize.size_or_zero()?;
    let flags = flags.int_or(0)?;
    let objects = all(buffers, "recvmsg_into() argument 1 must be an iterable")?;
    let mut slots = Slot::many(objects.len())?;
    let mut buffers = objects
        .iter()
        .zip(&mut slots)
        .map(|(buffer, slot)| {
            Writable::new(slot, buffer, || {
                PyTypeError::new_err(
                    "recvmsg_into() argument 1 must be an iterable of single-segment read-write \
                     buffers",
                )
            })
        })
        .collect::<PyResult<Vec<_>>>()?;
    address::known(socket)?;
    let mut targets: Vec<Target<'_>> = buffers.iter_mut().map(Writable::target).collect();
    let mut control = control_room(room)?;
    let received = socket.recv_message(&Interpreter(py), &mut targets, &mut control, flags)?;
    let count = received.count.into_pyobject(py)?.into_any();
    describe(py, socket, count, control, &received)
}

/// Make room for control data, of at most what the kernel's interface can say.
fn control_room(len: isize) -> PyResult<Control> {
    let len = usize::try_from(len)
        .ok()
        .filter(|&len| len <= CONTROL_LIMIT)
        .ok_or_else(|| PyValueError::new_err("invalid ancillary data buffer length"))?;
    Control::with_room(len).ok_or_else(|| PyMemoryError::new_err(()))
}

/// Put together what a received message is to Python.
///
/// If that fails, the descriptors that came along are closed: nobody would know of them.
fn describe<'py>(
    py: Python<'py>,
    socket: &Socket,
    data: Bound<'py, PyAny>,
    control: Control,
    received: &Received,
) -> PyResult<Bound<'py, PyTuple>> {
    let parts = || {
        let items = control_items(py, &control)?;
        let sender = address::to_python(py, socket, &received.address)?;
        (data, items, received.flags, sender).into_pyobject(py)
    };
    let outcome = parts();
    if outcome.is_err() {
        drop(control.take_descriptors());
    }
    outcome
}

fn control_items<'py>(py: Python<'py>, control: &Control) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for item in control.items() {
        if item.cut {
            let text = c"received malformed or improperly-truncated ancillary data";
            PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), text, 1)?;
        }
        list.append((item.level, item.kind, PyBytes::new(py, item.data)))?;
        if item.cut {
            break;
        }
    }
    Ok(list)
}

pub(super) fn sendmsg(
    slf: &Bound<'_, PyAny>,
    socket: &Socket,
    buffers: &Bound<'_, PyAny>,
    ancdata: Given<'_, '_>,
    flags: Given<'_, '_>,
    to: Given<'_, '_>,
) -> PyResult<usize> {
    let py = slf.py();
    let flags = flags.int_or(0)?;
    let to = to.get().filter(|to| !to.is_none());
    let target = to
        .map(|to| address::from_python(socket, to, "sendmsg"))
        .transpose()?;
    let told = to.cloned().unwrap_or_else(|| py.None().into_bound(py));
    raw::audit_pair(c"socket.sendmsg", slf, &told)?;
    let objects = pieces(buffers)?;
    let mut slots = Slot::many(objects.len())?;
    let buffers = readable(&mut slots, &objects)?;
    let sources: Vec<Source<'_>> = buffers.iter().map(Readable::source).collect();
    let control = ancdata
        .get()
        .map_or_else(|| Ok(Control::default()), control_to_send)?;
    socket.send_message(&Interpreter(py), &sources, &control, flags, target.as_ref())
}

/// Look at each of the objects whose bytes are to be sent.
fn readable<'a, 'py>(
    slots: &'a mut [Slot],
    objects: &'a [Bound<'py, PyAny>],
) -> PyResult<Vec<Readable<'a, 'py>>> {
    let pairs = slots.iter_mut().zip(objects);
    pairs
        .map(|(slot, object)| Readable::new(slot, object))
        .collect()
}

fn pieces<'py>(buffers: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    all(buffers, "sendmsg() argument 1 must be an iterable")
}

/// Read the items of control data: an iterable of `(level, type, data)`.
fn control_to_send(items: &Bound<'_, PyAny>) -> PyResult<Control> {
    let mut control = Control::default();
    let mut total = 0;
    // The list is read before the items are: reading them may run code that changes it.
    for item in all(items, "sendmsg() argument 2 must be an iterable")? {
        let parts = three_parts(&item)?;
        let (level, kind) = (number::int(&parts.0)?, number::int(&parts.1)?);
        let mut slot = Slot::empty();
        let data = Readable::new(&mut slot, &parts.2)?;
        total += item_space(data.source().len())
            .ok_or_else(|| PyOSError::new_err("ancillary data item too large"))?;
        if total > CONTROL_LIMIT {
            return Err(PyOSError::new_err("too much ancillary data"));
        }
        if !control.push(level, kind, data.source()) {
            return Err(PyMemoryError::new_err(()));
        }
    }
    Ok(control)
}

type Three<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

fn three_parts<'py>(item: &Bound<'py, PyAny>) -> PyResult<Three<'py>> {
    let wrong = |what: String| {
        let text = "[sendmsg() ancillary data items]() argument must be";
        PyTypeError::new_err(format!("{text} {what}"))
    };
    let wanted = if cfg!(Py_3_14) { "tuple" } else { "sequence" };
    if is_text(item) || !raw::is_sequence(item) {
        let name = if item.is_none() {
            "None".into()
        } else {
            raw::type_name(item)
        };
        return Err(wrong(format!("3-item {wanted}, not {name}")));
    }
    match item.len()? {
        3 => Ok((item.get_item(0)?, item.get_item(1)?, item.get_item(2)?)),
        count if item.is_instance_of::<PyTuple>() => {
            Err(wrong(format!("{wanted} of length 3, not {count}")))
        }
        count => Err(wrong(format!("sequence of length 3, not {count}"))),
    }
}

/// Return whether this is a sequence of characters or bytes, which is none of parts.
fn is_text(item: &Bound<'_, PyAny>) -> bool {
    let newly = || item.is_instance_of::<PyString>() || item.is_instance_of::<PyByteArray>();
    item.is_instance_of::<PyBytes>() || (cfg!(Py_3_14) && newly())
}

/// Read all items of an iterable; what is none gets the given text.
///
/// From Python 3.14 on it stands for each exception on the way. What is meant to end the program
/// is let through nevertheless.
fn all<'py>(items: &Bound<'py, PyAny>, refusal: &str) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let py = items.py();
    let refused = |error: PyErr, class: &Bound<'py, PyType>| {
        let error = settled(py, error);
        match error.is_instance(py, class) {
            true => PyTypeError::new_err(refusal.to_owned()),
            false => error,
        }
    };
    if cfg!(Py_3_14) {
        let read = items.try_iter().and_then(Iterator::collect);
        return read.map_err(|error| refused(error, &py.get_type::<PyException>()));
    }
    let iterator = items.try_iter();
    iterator
        .map_err(|error| refused(error, &py.get_type::<PyTypeError>()))?
        .collect()
}

/// What is asked of the kernel's cryptography besides the data: operation, IV, associated length.
pub(super) type Task<'a, 'py> = (
    Given<'a, 'py>,
    Given<'a, 'py>,
    Given<'a, 'py>,
    Given<'a, 'py>,
);

#[cfg(target_os = "linux")]
pub(super) fn sendmsg_afalg(
    py: Python<'_>,
    socket: &Socket,
    (msg, op, iv, assoclen): Task<'_, '_>,
    flags: Given<'_, '_>,
) -> PyResult<usize> {
    if socket.kind().family != libc::AF_ALG {
        return Err(PyOSError::new_err("algset is only supported for AF_ALG"));
    }
    let op = whole(op, "op")?.unwrap_or(-1);
    let mut slot = Slot::empty();
    let iv = iv
        .get()
        .map(|iv| Readable::new(&mut slot, iv))
        .transpose()?;
    let assoclen = whole(assoclen, "assoclen")?;
    let flags = flags.int_or(0)?;
    let op =
        u32::try_from(op).map_err(|_| PyTypeError::new_err("Invalid or missing argument 'op'"))?;
    let assoclen = assoclen
        .map(u32::try_from)
        .transpose()
        .map_err(|_| PyTypeError::new_err("assoclen must be positive"))?;

    let mut control = Control::default();
    let mut ask = |kind: i32, data: &[u8]| {
        let done = control.push(libc::SOL_ALG, kind, Source::from(data));
        done.then_some(()).ok_or_else(|| PyMemoryError::new_err(()))
    };
    ask(libc::ALG_SET_OP, &op.to_ne_bytes())?;
    if let Some(iv) = &iv {
        ask(libc::ALG_SET_IV, &length_and_bytes(iv)?)?;
    }
    if let Some(len) = assoclen {
        ask(libc::ALG_SET_AEAD_ASSOCLEN, &len.to_ne_bytes())?;
    }
    let objects = msg.get().map_or_else(|| Ok(Vec::new()), pieces)?;
    let mut slots = Slot::many(objects.len())?;
    let buffers = readable(&mut slots, &objects)?;
    let sources: Vec<Source<'_>> = buffers.iter().map(Readable::source).collect();
    socket.send_message(&Interpreter(py), &sources, &control, flags, None)
}

/// Read an argument that must be an int itself if it is given; -1 where that is too large.
#[cfg(target_os = "linux")]
fn whole(value: Given<'_, '_>, name: &str) -> PyResult<Option<i32>> {
    match value.get() {
        Some(value) if !value.is_instance_of::<PyInt>() => {
            let place = format!("sendmsg_afalg() argument '{name}'");
            Err(wrong_type(&place, "int", value))
        }
        value => Ok(value.map(|value| number::int(value).unwrap_or(-1))),
    }
}

/// Write down a `struct af_alg_iv`: the length, then the bytes.
#[cfg(target_os = "linux")]
fn length_and_bytes(iv: &Readable<'_, '_>) -> PyResult<Vec<u8>> {
    let bytes = iv.to_vec()?;
    let len = u32::try_from(bytes.len())
        .ok()
        .filter(|_| item_space(bytes.len() + size_of::<u32>()).is_some())
        .ok_or_else(|| PyOSError::new_err("ancillary data item too large"))?;
    Ok([len.to_ne_bytes().as_slice(), &bytes].concat())
}
