//! Addresses as Python writes them: tuples, paths and bytes, each family in its own way.

#[cfg(target_os = "linux")]
mod bluetooth;
mod fields;
#[cfg(target_os = "linux")]
mod linux;

use std::ffi::OsString;
use std::net::{SocketAddrV4, SocketAddrV6};
use std::os::unix::ffi::OsStringExt;

use pyo3::exceptions::{PyOSError, PyOverflowError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyString};
use socket2::SockAddr;

use self::fields::{Fields, Words};
use super::argument;
use super::error::settled;
use super::host::{host_address, ip_tuple};
use crate::net::Socket;
use crate::net::address::Address;

/// Read an address for a call of a socket; the socket's family says what it has to look like.
///
/// `caller` is the name of the call, for the texts of the errors.
pub(super) fn from_python(
    socket: &Socket,
    address: &Bound<'_, PyAny>,
    caller: &str,
) -> PyResult<SockAddr> {
    match socket.kind().family {
        libc::AF_INET => inet(address, caller),
        libc::AF_INET6 => inet6(address, caller),
        libc::AF_UNIX => unix(address),
        #[cfg(target_os = "linux")]
        libc::AF_RDS => inet(address, caller),
        #[cfg(target_os = "linux")]
        _ => linux::from_python(socket, address, caller),
        #[cfg(not(target_os = "linux"))]
        _ => Err(bad_family(caller)),
    }
}

/// Give an address to Python; what names nobody is None.
///
/// A family that nobody knows is no error: it becomes its number and the bytes.
pub(super) fn to_python<'py>(
    py: Python<'py>,
    socket: &Socket,
    address: &SockAddr,
) -> PyResult<Bound<'py, PyAny>> {
    if address.len() == 0 {
        return Ok(py.None().into_bound(py));
    }
    if let Some(tuple) = ip_tuple(py, address)? {
        return Ok(tuple);
    }
    #[cfg(target_os = "linux")]
    if i32::from(address.family()) != libc::AF_UNIX {
        return linux::to_python(py, socket, address);
    }
    match Address::from_sockaddr(address, socket.kind().protocol)? {
        Address::Unix(name) if name.first() == Some(&0) => Ok(PyBytes::new(py, name).into_any()),
        Address::Unix(path) => decode_path(py, path),
        Address::Other { family, data } => Ok((family, &data[..]).into_pyobject(py)?.into_any()),
        _ => Ok(py.None().into_bound(py)),
    }
}

/// Refuse to ask the kernel for an address of a form that nobody knows.
pub(super) fn known(socket: &Socket) -> PyResult<()> {
    match socket.kind().family {
        libc::AF_INET | libc::AF_INET6 | libc::AF_UNIX => Ok(()),
        #[cfg(target_os = "linux")]
        _ => linux::known(socket),
        #[cfg(not(target_os = "linux"))]
        _ => Err(PyOSError::new_err("getsockaddrlen: bad family")),
    }
}

fn bad_family(caller: &str) -> PyErr {
    PyOSError::new_err(format!("{caller}(): bad family"))
}

fn inet(address: &Bound<'_, PyAny>, caller: &str) -> PyResult<SockAddr> {
    let words = Words::Message("AF_INET address must be a pair (host, port)");
    let fields =
        Fields::of_tuple(address, format_args!("{caller}(): AF_INET"))?.counted(2..=2, words)?;
    let port = fields.int(1);
    let (host, port) = endpoint(fields.at(0), libc::AF_INET, port, caller)?;
    let port = checked_port(port, caller)?;
    let host = host.as_socket_ipv4().ok_or_else(|| bad_family(caller))?;
    Ok(SocketAddrV4::new(*host.ip(), port).into())
}

fn inet6(address: &Bound<'_, PyAny>, caller: &str) -> PyResult<SockAddr> {
    let words =
        Words::Message("AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])");
    let fields =
        Fields::of_tuple(address, format_args!("{caller}(): AF_INET6"))?.counted(2..=4, words)?;
    let numbers = || -> PyResult<_> {
        Ok((
            fields.int(1)?,
            fields.optional(2, Fields::mask)?,
            fields.optional(3, Fields::mask)?,
        ))
    };
    let (host, (port, flow, scope)) = endpoint(fields.at(0), libc::AF_INET6, numbers(), caller)?;
    let port = checked_port(port, caller)?;
    let flow = flow.unwrap_or(0);
    if flow > 0xf_ffff {
        let text = format!("{caller}(): flowinfo must be 0-1048575.");
        return Err(PyOverflowError::new_err(text));
    }
    let host = host.as_socket_ipv6().ok_or_else(|| bad_family(caller))?;
    // A scope that the host's text names counts for nothing here: the tuple has its own place.
    Ok(SocketAddrV6::new(*host.ip(), port, flow.to_be(), scope.unwrap_or(0)).into())
}

/// Look the host up, provided that the numbers beside it could be read.
///
/// The host's form is judged first and looked up last, so that of two mistakes the one is told
/// that the standard module tells, and no name is looked up for a call that fails anyway.
fn endpoint<T>(
    host: &Bound<'_, PyAny>,
    family: i32,
    numbers: PyResult<T>,
    caller: &str,
) -> PyResult<(SockAddr, T)> {
    match numbers {
        Ok(numbers) => Ok((host_address(host, family)?, numbers)),
        Err(error) => {
            if malformed(host) {
                host_address(host, family)?;
            }
            let error = settled(host.py(), error);
            if error.is_instance_of::<PyOverflowError>(host.py()) {
                return Err(port_out_of_range(caller));
            }
            Err(error)
        }
    }
}

/// Return whether a host is refused for its form, before anything is looked up.
fn malformed(host: &Bound<'_, PyAny>) -> bool {
    if let Ok(text) = host.cast::<PyString>() {
        let encoded = || host.call_method1("encode", ("idna",));
        return match text.to_str() {
            Ok(text) => text.contains('\0') || (!text.is_ascii() && encoded().is_err()),
            Err(_) => encoded().is_err(),
        };
    }
    let bytes = host.is_instance_of::<PyBytes>() || host.is_instance_of::<PyByteArray>();
    !bytes || host.contains(0).unwrap_or(true)
}

fn checked_port(port: i32, caller: &str) -> PyResult<u16> {
    u16::try_from(port).map_err(|_| port_out_of_range(caller))
}

fn port_out_of_range(caller: &str) -> PyErr {
    PyOverflowError::new_err(format!("{caller}(): port must be 0-65535."))
}

fn unix(address: &Bound<'_, PyAny>) -> PyResult<SockAddr> {
    let write = |path: &[u8]| Ok(Address::Unix(path).to_sockaddr()?);
    if let Ok(text) = address.cast::<PyString>() {
        return match text.to_str() {
            // Every encoding that a file system has agrees on these; nothing is copied.
            Ok(path) if path.is_ascii() => write(path.as_bytes()),
            _ => write(&encode_path(text)?),
        };
    }
    write(&argument::bytes(address)?)
}

/// Encode text as the names of files are; what was undecodable comes out as it went in.
fn encode_path(text: &Bound<'_, PyString>) -> PyResult<Vec<u8>> {
    Ok(text.extract::<OsString>()?.into_vec())
}

/// Decode the name of a file, or of what is named like one.
fn decode_path<'py>(py: Python<'py>, path: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match std::str::from_utf8(path) {
        Ok(text) if text.is_ascii() => Ok(PyString::new(py, text).into_any()),
        // The file system's encoding need not be UTF-8.
        _ => py
            .import("os")?
            .call_method1("fsdecode", (PyBytes::new(py, path),)),
    }
}
