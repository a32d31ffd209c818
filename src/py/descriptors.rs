//! The functions that take descriptors by their numbers.

use std::os::fd::{IntoRawFd, OwnedFd};

use pyo3::prelude::*;

use super::argument::{Given, LEFT_OUT};
use super::lifecycle::{self, forgive_reset};
use super::socket::PySocket;
use super::{number, raw};
use crate::error::Error;
use crate::net::socket::Kind;
use crate::sys;

/// Close a descriptor by its number, as close(2).
#[pyfunction]
#[pyo3(signature = (fd, /))]
pub(super) fn close(py: Python<'_>, fd: &Bound<'_, PyAny>) -> PyResult<()> {
    let fd = checked(number::sole_int(fd)?)?;
    forgive_reset(py.detach(|| sys::close(raw::adopt(fd))))
}

/// Duplicate a descriptor by its number, as dup(2); the new one is not inherited.
#[pyfunction]
#[pyo3(signature = (fd, /))]
pub(super) fn dup(fd: &Bound<'_, PyAny>) -> PyResult<i32> {
    Ok(duplicate(number::sole_int(fd)?)?.into_raw_fd())
}

/// Make a second descriptor of one that Python names by its number.
pub(super) fn duplicate(number: i32) -> Result<OwnedFd, Error> {
    Ok(sys::duplicate(raw::lend(checked(number)?))?)
}

/// Make two sockets that are connected, as socketpair(2); AF_UNIX streams if nothing is said.
#[pyfunction]
#[pyo3(signature = (family = LEFT_OUT, r#type = LEFT_OUT, proto = LEFT_OUT, /), text_signature = "(family=1, type=1, proto=0, /)")]
pub(super) fn socketpair(
    py: Python<'_>,
    family: Given<'_, '_>,
    r#type: Given<'_, '_>,
    proto: Given<'_, '_>,
) -> PyResult<(Py<PySocket>, Py<PySocket>)> {
    let kind = Kind {
        family: family.int_or(libc::AF_UNIX)?,
        kind: r#type.int_or(libc::SOCK_STREAM)?,
        protocol: proto.int_or(0)?,
    };
    let (one, other) = py
        .detach(|| sys::pair(kind.family, kind.kind, kind.protocol))
        .map_err(Error::Os)?;
    let socket = |fd| {
        let socket = PySocket::default();
        lifecycle::settle(&socket.socket, fd, kind)?;
        Py::new(py, socket)
    };
    Ok((socket(one)?, socket(other)?))
}

/// Refuse what cannot be a descriptor, as the kernel would.
fn checked(number: i32) -> Result<i32, Error> {
    if number < 0 {
        Err(Error::from_errno(libc::EBADF))
    } else {
        Ok(number)
    }
}
