//! Socket options between Python and the kernel.

use pyo3::exceptions::{PyOSError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::argument::Given;
use super::buffer::{Readable, Slot};
use super::number;
use crate::net::Socket;
use crate::sys::io::Source;
use crate::sys::{self, option};

/// The longest option that can be read as bytes.
const LONGEST: usize = 1024;

/// Set an option to an int (64 bits wide for AF_VSOCK), to bytes, or to None with a length.
pub(super) fn set(
    socket: &Socket,
    level: &Bound<'_, PyAny>,
    name: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
    optlen: Given<'_, '_>,
) -> PyResult<()> {
    let vsock = socket.kind().family == sys::AF_VSOCK;
    let place = || -> PyResult<_> { Ok((number::int(level)?, number::int(name)?)) };
    if let Some(optlen) = optlen.get() {
        let read = || Ok((place()?, number::wrapping_unsigned(optlen)?));
        // Whatever is wrong with four arguments, it is said of three that would be right.
        return match read() {
            Ok(((level, name), optlen)) if value.is_none() && !vsock => {
                Ok(socket.with(|fd| option::set_length(fd, level, name, optlen))?)
            }
            Ok(_) | Err::<_, PyErr>(_) => Err(PyTypeError::new_err(
                "setsockopt() takes exactly 3 arguments (4 given)",
            )),
        };
    }
    let (level, name) = place()?;
    let set = |value: Source<'_>| socket.with(|fd| option::set(fd, level, name, value));
    if vsock {
        let value = number::wrapping_unsigned_wide(value)?.to_ne_bytes();
        return Ok(set(Source::from(value.as_slice()))?);
    }
    match number::int(value) {
        Ok(value) => Ok(set(Source::from(value.to_ne_bytes().as_slice()))?),
        // What is no int may be a buffer; the error then speaks of buffers, as CPython's does.
        Err(_) => Ok(set(Readable::new(&mut Slot::empty(), value)?.source())?),
    }
}

/// Read an option as an int (64 bits wide for AF_VSOCK), or as bytes if a length is given.
pub(super) fn get<'py>(
    py: Python<'py>,
    socket: &Socket,
    level: &Bound<'py, PyAny>,
    name: &Bound<'py, PyAny>,
    len: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let (level, name, len) = (number::int(level)?, number::int(name)?, len.int_or(0)?);
    let get = |into: &mut [u8]| socket.with(|fd| option::get(fd, level, name, into));
    let vsock = socket.kind().family == sys::AF_VSOCK;
    match usize::try_from(len) {
        Ok(0) if vsock => {
            let mut value = [0; size_of::<u64>()];
            get(&mut value)?;
            Ok(u64::from_ne_bytes(value).into_pyobject(py)?.into_any())
        }
        Ok(0) => {
            let value = socket.with(|fd| option::get_int(fd, level, name))?;
            Ok(value.into_pyobject(py)?.into_any())
        }
        _ if vsock => Err(PyOSError::new_err("getsockopt string buffer not allowed")),
        Ok(len @ 1..=LONGEST) => {
            let mut value = [0; LONGEST];
            let count = get(&mut value[..len])?;
            Ok(PyBytes::new(py, &value[..count.min(len)]).into_any())
        }
        _ => Err(PyOSError::new_err("getsockopt buflen out of range")),
    }
}
