//! Sending and receiving bytes.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::argument::{Given, wrong_type};
use super::buffer::{self, Readable, Slot, Writable};
use super::call::Interpreter;
use super::{address, number, raw};
use crate::net::Socket;

/// Refuse a size below 0, in the name of the method that was asked.
fn checked_size(size: isize, method: &str) -> PyResult<usize> {
    usize::try_from(size)
        .map_err(|_| PyValueError::new_err(format!("negative buffersize in {method}")))
}

/// Receive bytes. Who asks for none gets none: nothing is waited for, and no message is lost.
pub(super) fn recv<'py>(
    py: Python<'py>,
    socket: &Socket,
    bufsize: &Bound<'py, PyAny>,
    flags: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (size, flags) = (number::size(bufsize)?, flags.int_or(0)?);
    let size = checked_size(size, "recv")?;
    if size == 0 {
        // As in the standard module, nothing is done for nothing, not even on a closed socket.
        return Ok(PyBytes::new(py, b""));
    }
    let (bytes, ()) = buffer::receive(py, size, flags, |target| {
        Ok((socket.recv(&Interpreter(py), target, flags)?, ()))
    })?;
    Ok(bytes)
}

pub(super) fn recvfrom<'py>(
    py: Python<'py>,
    socket: &Socket,
    bufsize: &Bound<'py, PyAny>,
    flags: Given<'_, 'py>,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyAny>)> {
    let (size, flags) = (number::size(bufsize)?, flags.int_or(0)?);
    let size = checked_size(size, "recvfrom")?;
    address::known(socket)?;
    buffer::receive(py, size, flags, |target| {
        let (count, sender) = socket.recv_from(&Interpreter(py), target, flags)?;
        Ok((count, address::to_python(py, socket, &sender)?))
    })
}

/// Look at the buffer that a method is to fill.
fn writable<'s>(
    slot: &'s mut Slot,
    object: &Bound<'_, PyAny>,
    method: &str,
) -> PyResult<Writable<'s>> {
    Writable::new(slot, object, || {
        let place = format!("{method}() argument 1");
        wrong_type(&place, "read-write bytes-like object", object)
    })
}

/// Find out how much of a buffer to fill: all of it, unless the caller says less.
fn checked_room(buffer: &Writable<'_>, nbytes: isize, method: &str) -> PyResult<usize> {
    let asked = checked_size(nbytes, method)?;
    match asked {
        0 => Ok(buffer.len()),
        asked if asked <= buffer.len() => Ok(asked),
        _ if method == "recv_into" => Err(PyValueError::new_err(
            "buffer too small for requested bytes",
        )),
        _ => Err(PyValueError::new_err(
            "nbytes is greater than the length of the buffer",
        )),
    }
}

/// Receive into a buffer. Where there is no room, nothing happens, as in [`recv`].
pub(super) fn recv_into(
    py: Python<'_>,
    socket: &Socket,
    buffer: &Bound<'_, PyAny>,
    nbytes: Given<'_, '_>,
    flags: Given<'_, '_>,
) -> PyResult<usize> {
    let mut slot = Slot::empty();
    let mut buffer = writable(&mut slot, buffer, "recv_into")?;
    let (nbytes, flags) = (nbytes.size_or_zero()?, flags.int_or(0)?);
    let room = checked_room(&buffer, nbytes, "recv_into")?;
    if room == 0 {
        return Ok(0);
    }
    socket.recv(&Interpreter(py), &mut buffer.target().first(room), flags)
}

pub(super) fn recvfrom_into<'py>(
    py: Python<'py>,
    socket: &Socket,
    buffer: &Bound<'py, PyAny>,
    nbytes: Given<'_, 'py>,
    flags: Given<'_, 'py>,
) -> PyResult<(usize, Bound<'py, PyAny>)> {
    let mut slot = Slot::empty();
    let mut buffer = writable(&mut slot, buffer, "recvfrom_into")?;
    let (nbytes, flags) = (nbytes.size_or_zero()?, flags.int_or(0)?);
    let room = checked_room(&buffer, nbytes, "recvfrom_into")?;
    address::known(socket)?;
    let mut target = buffer.target().first(room);
    let (count, sender) = socket.recv_from(&Interpreter(py), &mut target, flags)?;
    Ok((count, address::to_python(py, socket, &sender)?))
}

pub(super) fn send(
    py: Python<'_>,
    socket: &Socket,
    data: &Bound<'_, PyAny>,
    flags: Given<'_, '_>,
) -> PyResult<usize> {
    let mut slot = Slot::empty();
    let data = Readable::new(&mut slot, data)?;
    socket.send(&Interpreter(py), data.source(), flags.int_or(0)?)
}

pub(super) fn sendall(
    py: Python<'_>,
    socket: &Socket,
    data: &Bound<'_, PyAny>,
    flags: Given<'_, '_>,
) -> PyResult<()> {
    let mut slot = Slot::empty();
    let data = Readable::new(&mut slot, data)?;
    socket.send_all(&Interpreter(py), data.source(), flags.int_or(0)?)
}

pub(super) fn sendto(
    slf: &Bound<'_, PyAny>,
    socket: &Socket,
    data: &Bound<'_, PyAny>,
    flags: Given<'_, '_>,
    to: &Bound<'_, PyAny>,
) -> PyResult<usize> {
    let mut slot = Slot::empty();
    let data = Readable::new(&mut slot, data)?;
    let flags = flags.int_or(0)?;
    let target = address::from_python(socket, to, "sendto")?;
    raw::audit_pair(c"socket.sendto", slf, to)?;
    socket.send_to(&Interpreter(slf.py()), data.source(), flags, &target)
}
