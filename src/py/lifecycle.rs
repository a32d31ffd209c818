//! How a socket object begins and how it ends.

use std::io;
use std::os::fd::OwnedFd;

use pyo3::exceptions::{PyValueError, PyWarning};
use pyo3::prelude::*;
use socket2::SockRef;

use super::argument::Given;
use super::{number, raw, timeout};
use crate::error::{Error, Result};
use crate::net::socket::Kind;
use crate::net::{Patience, Socket};
use crate::sys;

/// What a caller leaves to the socket to find out.
pub(super) const UNKNOWN: i32 = -1;

/// Read what kind of socket a caller wants, as far as he says.
pub(super) fn asked(
    py: Python<'_>,
    family: Given<'_, '_>,
    kind: Given<'_, '_>,
    protocol: Given<'_, '_>,
) -> PyResult<Kind> {
    let read = |number: Given<'_, '_>| {
        number.int_or(UNKNOWN).map_err(|error| match () {
            () if cfg!(Py_3_11) => number::plainly(py, error),
            () => error,
        })
    };
    Ok(Kind {
        family: read(family)?,
        kind: read(kind)?,
        protocol: read(protocol)?,
    })
}

/// Open a new socket, or take over a descriptor.
pub(super) fn begin(
    slf: &Bound<'_, PyAny>,
    socket: &Socket,
    asked: Kind,
    fileno: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    raw::audit_new(slf, asked.family, asked.kind, asked.protocol)?;
    let (fd, kind) = match fileno {
        Some(fileno) => take_over(number::int(fileno)?, asked)?,
        None => open(slf.py(), asked)?,
    };
    settle(socket, fd, kind)
}

/// Let a socket stand for a descriptor, with the default timeout for new sockets.
pub(super) fn settle(socket: &Socket, fd: OwnedFd, asked: Kind) -> PyResult<()> {
    let kind = Kind {
        kind: asked.kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC),
        ..asked
    };
    socket.replace(fd, kind);
    if asked.kind & libc::SOCK_NONBLOCK != 0 {
        socket.note_patience(Patience::None);
    } else if timeout::default() != Patience::Endless {
        socket.set_patience(timeout::default())?;
    }
    Ok(())
}

/// Ask the kernel for a new socket.
fn open(py: Python<'_>, asked: Kind) -> PyResult<(OwnedFd, Kind)> {
    let kind = with_defaults(asked);
    let fd = py
        .detach(|| sys::open(kind.family, kind.kind, kind.protocol))
        .map_err(Error::Os)?;
    Ok((fd, kind))
}

/// Fill in what the caller of a new socket left open.
pub(super) fn with_defaults(asked: Kind) -> Kind {
    let or = |value: i32, default: i32| if value == UNKNOWN { default } else { value };
    Kind {
        family: or(asked.family, libc::AF_INET),
        kind: or(asked.kind, libc::SOCK_STREAM),
        protocol: or(asked.protocol, 0),
    }
}

/// Take a descriptor over that is there already, and ask it what it is.
fn take_over(fileno: i32, asked: Kind) -> PyResult<(OwnedFd, Kind)> {
    if fileno < 0 {
        return Err(PyValueError::new_err("negative file descriptor"));
    }
    let kind = inspect(fileno, asked)?;
    Ok((raw::adopt(fileno), kind))
}

/// Find out what kind of socket a descriptor is, as far as the caller did not say.
fn inspect(fileno: i32, asked: Kind) -> Result<Kind> {
    let fd = raw::lend(fileno);
    let ask = |known: i32, option: i32| match known {
        UNKNOWN => sys::option::get_int(fd, libc::SOL_SOCKET, option),
        known => Ok(known),
    };
    let family = match SockRef::from(&fd).local_addr() {
        Ok(name) if asked.family == UNKNOWN => name.family().into(),
        Ok(_) => asked.family,
        // The kernel's cryptography has no names: what is given must do.
        Err(error)
            if asked.family != UNKNOWN
                && !matches!(error.raw_os_error(), Some(libc::EBADF | libc::ENOTSOCK)) =>
        {
            asked.family
        }
        Err(error) => return Err(Error::Os(error)),
    };
    Ok(Kind {
        family,
        kind: ask(asked.kind, libc::SO_TYPE)?,
        protocol: ask(asked.protocol, sys::SO_PROTOCOL)?,
    })
}

/// Leave out that the other side had already reset the connection: it is closed, as was asked.
pub(super) fn forgive_reset(closed: io::Result<()>) -> PyResult<()> {
    match closed {
        Err(error) if error.raw_os_error() != Some(libc::ECONNRESET) => {
            Err(Error::Os(error).into())
        }
        _ => Ok(()),
    }
}

/// Close a socket that nobody closed, and say so: what the finalizer of every socket does.
pub(super) fn finalize(slf: &Bound<'_, PyAny>, socket: &Socket) {
    let py = slf.py();
    let shown = slf
        .repr()
        .map_or_else(|_| low_level_repr(socket), |repr| repr.to_string());
    warn_unclosed(py, &shown, Some(slf));
    // Closed only now, so that whoever shows the warning could still ask the socket for its name.
    let _ = py.detach(|| socket.close());
}

/// Show a socket as the low-level class does.
pub(super) fn low_level_repr(socket: &Socket) -> String {
    let Kind {
        family,
        kind,
        protocol,
    } = socket.kind();
    let fd = socket.number();
    format!("<socket object, fd={fd}, family={family}, type={kind}, proto={protocol}>")
}

/// Say that a socket was left open.
pub(super) fn warn_unclosed(py: Python<'_>, repr: &str, source: Option<&Bound<'_, PyAny>>) {
    if let Err(error) = raw::resource_warning(py, &format!("unclosed {repr}"), source) {
        // At the end of the interpreter there may be no warnings left to warn with.
        if error.is_instance_of::<PyWarning>(py) {
            raw::unraisable(py, error, source);
        }
    }
}
