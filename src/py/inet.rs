//! IP addresses as text and as bytes, the order of bytes, and the room for ancillary data.

use std::ffi::CString;
use std::net::IpAddr;

use pyo3::exceptions::{PyOSError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString};

use super::argument::{bytes, embedded_null, text};
use super::{number, raw};
use crate::error::Error;
use crate::net::ip::{self, IpText};
use crate::sys;

/// Convert an IP address in string format (123.45.67.89) to the 32-bit packed binary format.
#[pyfunction]
#[pyo3(signature = (ip_addr, /))]
pub(super) fn inet_aton<'py>(ip_addr: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let place = if cfg!(Py_3_13) {
        "inet_aton() argument"
    } else {
        "inet_aton() argument 1"
    };
    let text = text(ip_addr, place)?;
    let ip = match ip::parse_v4(text.as_bytes()) {
        Some(ip) => Some(ip),
        // The older forms have fewer numbers, in other bases.
        None => {
            let text = CString::new(text).map_err(|_| embedded_null())?;
            sys::resolver::loose_ipv4(&text)
        }
    };
    match ip {
        Some(ip) => Ok(PyBytes::new(ip_addr.py(), &ip.octets())),
        None => Err(PyOSError::new_err(
            "illegal IP address string passed to inet_aton",
        )),
    }
}

/// Convert an IP address from 32-bit packed binary format to string format.
#[pyfunction]
#[pyo3(signature = (packed_ip, /))]
pub(super) fn inet_ntoa<'py>(packed_ip: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    match <[u8; 4]>::try_from(&*bytes(packed_ip)?) {
        Ok(octets) => Ok(ip_text(packed_ip.py(), octets)),
        Err(_) => Err(PyOSError::new_err("packed IP wrong length for inet_ntoa")),
    }
}

/// Convert an IP address from string format to a packed string for low-level functions.
#[pyfunction]
#[pyo3(signature = (af, ip, /), text_signature = "(address_family, ip_string, /)")]
pub(super) fn inet_pton<'py>(
    af: &Bound<'py, PyAny>,
    ip: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let family = number::int(af)?;
    let text = text(ip, "inet_pton() argument 2")?;
    let packed = match family {
        libc::AF_INET => {
            ip::parse_v4(text.as_bytes()).map(|ip| PyBytes::new(af.py(), &ip.octets()))
        }
        libc::AF_INET6 => {
            ip::parse_v6(text.as_bytes()).map(|ip| PyBytes::new(af.py(), &ip.octets()))
        }
        _ => None,
    };
    if let Some(packed) = packed {
        return Ok(packed);
    }
    if text.contains('\0') {
        return Err(embedded_null());
    }
    match family {
        libc::AF_INET | libc::AF_INET6 => Err(PyOSError::new_err(
            "illegal IP address string passed to inet_pton",
        )),
        _ => Err(Error::from_errno(libc::EAFNOSUPPORT).into()),
    }
}

/// Convert a packed IP address of the given family to string format.
#[pyfunction]
#[pyo3(signature = (af, packed_ip, /), text_signature = "(address_family, packed_ip, /)")]
pub(super) fn inet_ntop<'py>(
    af: &Bound<'py, PyAny>,
    packed_ip: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyString>> {
    let family = number::int(af)?;
    let octets = bytes(packed_ip)?;
    let made = match family {
        libc::AF_INET => <[u8; 4]>::try_from(&*octets).map(|ip| ip_text(af.py(), ip)),
        libc::AF_INET6 => <[u8; 16]>::try_from(&*octets).map(|ip| ip_text(af.py(), ip)),
        _ => {
            return Err(PyValueError::new_err(format!(
                "unknown address family {family}"
            )));
        }
    };
    made.map_err(|_| PyValueError::new_err("invalid length of packed IP address string"))
}

fn ip_text(py: Python<'_>, ip: impl Into<IpAddr>) -> Bound<'_, PyString> {
    PyString::new(py, IpText::from(ip.into()).as_str())
}

/// Convert a 16-bit unsigned integer from network to host byte order.
#[pyfunction]
#[pyo3(signature = (x, /))]
pub(super) fn ntohs(x: &Bound<'_, PyAny>) -> PyResult<u16> {
    short(x, "ntohs").map(u16::from_be)
}

/// Convert a 16-bit unsigned integer from host to network byte order.
#[pyfunction]
#[pyo3(signature = (x, /))]
pub(super) fn htons(x: &Bound<'_, PyAny>) -> PyResult<u16> {
    short(x, "htons").map(u16::to_be)
}

/// Convert a 32-bit integer from network to host byte order.
#[pyfunction]
#[pyo3(signature = (x, /))]
pub(super) fn ntohl(x: &Bound<'_, PyAny>) -> PyResult<u32> {
    word(x).map(u32::from_be)
}

/// Convert a 32-bit integer from host to network byte order.
#[pyfunction]
#[pyo3(signature = (x, /))]
pub(super) fn htonl(x: &Bound<'_, PyAny>) -> PyResult<u32> {
    word(x).map(u32::to_be)
}

fn short(value: &Bound<'_, PyAny>, function: &str) -> PyResult<u16> {
    if cfg!(Py_3_14) {
        return number::unsigned(value, u16::MAX.into(), "uint16_t").map(|number| number as u16);
    }
    let number = int_argument(value)?;
    if let Ok(number) = u16::try_from(number) {
        return Ok(number);
    }
    if number < 0 {
        return Err(PyOverflowError::new_err(format!(
            "{function}: can't convert negative Python int to C 16-bit unsigned integer"
        )));
    }
    too_long(value.py(), number, function)
}

/// Read a C int in the words that the only argument of a function is refused with.
fn int_argument(value: &Bound<'_, PyAny>) -> PyResult<i32> {
    number::int(value).map_err(|error| {
        if cfg!(Py_3_13) {
            number::plainly(value.py(), error)
        } else {
            error
        }
    })
}

#[cfg(Py_3_10)]
fn too_long(_py: Python<'_>, _number: i32, function: &str) -> PyResult<u16> {
    Err(PyOverflowError::new_err(format!(
        "{function}: Python int too large to convert to C 16-bit unsigned integer"
    )))
}

/// Warn that only the lowest bits are taken, as was done up to Python 3.9.
#[cfg(not(Py_3_10))]
fn too_long(py: Python<'_>, number: i32, function: &str) -> PyResult<u16> {
    let message = format!(
        "{function}: Python int too large to convert to C 16-bit unsigned integer (The silent \
         truncation is deprecated)"
    );
    let message = CString::new(message)?;
    let category = py.get_type::<pyo3::exceptions::PyDeprecationWarning>();
    PyErr::warn(py, &category, &message, 1)?;
    Ok(number as u16)
}

fn word(value: &Bound<'_, PyAny>) -> PyResult<u32> {
    if cfg!(Py_3_14) {
        return number::unsigned(value, u32::MAX, "uint32_t");
    }
    if !value.is_instance_of::<PyInt>() {
        let name = raw::type_name(value);
        return Err(PyTypeError::new_err(format!("expected int, {name} found")));
    }
    let number = number::unsigned_long(value)?;
    u32::try_from(number).map_err(|_| PyOverflowError::new_err("int larger than 32 bits"))
}

/// Return the length, without trailing padding, of an ancillary item with data of this length.
///
/// It can often serve as the buffer size with which `recvmsg` receives a single item, but
/// portable programs use `CMSG_SPACE`, whose room includes the padding. Raises OverflowError when
/// the length is out of range.
#[pyfunction(name = "CMSG_LEN")]
#[pyo3(signature = (length, /))]
pub(super) fn cmsg_len(length: &Bound<'_, PyAny>) -> PyResult<usize> {
    let length = usize::try_from(number::size(length)?).ok();
    length
        .and_then(sys::message::item_length)
        .ok_or_else(|| PyOverflowError::new_err("CMSG_LEN() argument out of range"))
}

/// Return the buffer size with which `recvmsg` receives an ancillary item with data of this
/// length, its padding included.
///
/// For several items, add up their sizes. Raises OverflowError when the length is out of range.
#[pyfunction(name = "CMSG_SPACE")]
#[pyo3(signature = (length, /))]
pub(super) fn cmsg_space(length: &Bound<'_, PyAny>) -> PyResult<usize> {
    let length = usize::try_from(number::size(length)?).ok();
    length
        .and_then(sys::message::item_space)
        .ok_or_else(|| PyOverflowError::new_err("CMSG_SPACE() argument out of range"))
}
