//! Hosts: from what Python calls them to addresses, and from addresses to Python's tuples.

use std::borrow::Cow;
use std::ffi::CString;
use std::net::SocketAddr;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyString, PyTuple};
use socket2::SockAddr;

use super::argument::{bytes, wrong_type};
use super::raw;
use crate::net::ip::IpText;
use crate::net::resolver;

/// The longest label that a host name may have.
const LABEL_LIMIT: usize = 63;

/// Find an address, with the port 0, for the host of an address tuple.
///
/// An address in numbers is read on the spot; other threads run while a name is looked up.
pub(super) fn host_address(host: &Bound<'_, PyAny>, family: i32) -> PyResult<SockAddr> {
    address_of(host.py(), &address_host(host)?, family)
}

/// Find an address, with the port 0, for the name of a host.
pub(super) fn address_of(py: Python<'_>, name: &[u8], family: i32) -> PyResult<SockAddr> {
    if let Some(known) = resolver::known_address(name, family) {
        return Ok(known?);
    }
    let name = CString::new(name).map_err(|_| null_in_name())?;
    Ok(py.detach(|| resolver::host_address(&name, family))?)
}

/// Read the host of an address tuple: text in IDNA unless it is ASCII, or bytes.
fn address_host<'a>(host: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    let name = if let Some(name) = name_in_bytes(host)? {
        name
    } else if let Ok(text) = host.cast::<PyString>() {
        match text.to_str() {
            // ASCII is taken as it is, whatever IDNA would say of its labels, except in a
            // subclass of str.
            Ok(text) if text.is_ascii() && host.is_exact_instance_of::<PyString>() => {
                Cow::Borrowed(text.as_bytes())
            }
            _ => encoded(text).map_err(|_| PyTypeError::new_err("encoding of hostname failed"))?,
        }
    } else {
        let name = raw::type_name(host);
        let message = format!("str, bytes or bytearray expected, not {name}");
        return Err(PyTypeError::new_err(message));
    };
    if name.contains(&0) {
        Err(null_in_name())
    } else {
        Ok(name)
    }
}

fn null_in_name() -> PyErr {
    PyTypeError::new_err("host name must not contain null character")
}

/// Read the host of one of the older look-ups: text in IDNA, or bytes; `place` names the argument.
pub(super) fn older_host<'a>(host: &'a Bound<'_, PyAny>, place: &str) -> PyResult<Cow<'a, [u8]>> {
    let name = if let Some(name) = name_in_bytes(host)? {
        name
    } else if let Ok(text) = host.cast::<PyString>() {
        idna(text)?
    } else {
        return Err(wrong_type(place, "str, bytes or bytearray", host));
    };
    if name.contains(&0) {
        return Err(wrong_type(place, "encoded string without null bytes", host));
    }
    Ok(name)
}

fn name_in_bytes<'a>(host: &'a Bound<'_, PyAny>) -> PyResult<Option<Cow<'a, [u8]>>> {
    if host.is_instance_of::<PyBytes>() || host.is_instance_of::<PyByteArray>() {
        bytes(host).map(Some)
    } else {
        Ok(None)
    }
}

/// Encode a host name in IDNA, which leaves most names as they are.
pub(super) fn idna<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, [u8]>> {
    match text.to_str() {
        Ok(text) if text.is_ascii() && labels_are_good(text.as_bytes()) => {
            Ok(Cow::Borrowed(text.as_bytes()))
        }
        _ => encoded(text),
    }
}

/// Return whether Python's codec would take the labels of an ASCII name: only the last is empty.
fn labels_are_good(name: &[u8]) -> bool {
    let mut labels = name.rsplit(|byte| *byte == b'.');
    labels.next().is_none_or(|label| label.len() <= LABEL_LIMIT)
        && labels.all(|label| !label.is_empty() && label.len() <= LABEL_LIMIT)
}

/// Leave a name to Python's codec, and to the errors it raises.
fn encoded<'a>(text: &Bound<'_, PyString>) -> PyResult<Cow<'a, [u8]>> {
    let encode = text.py().get_type::<PyString>().getattr("encode")?;
    let name = encode.call1((text, "idna"))?;
    Ok(Cow::Owned(name.cast::<PyBytes>()?.as_bytes().to_vec()))
}

/// Write an IPv4 or IPv6 address as Python shows it; nothing if it is of another family.
pub(super) fn ip_tuple<'py>(
    py: Python<'py>,
    address: &SockAddr,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(match address.as_socket() {
        Some(SocketAddr::V4(address)) => {
            let host = IpText::from(*address.ip());
            Some(
                (host.as_str(), address.port())
                    .into_pyobject(py)?
                    .into_any(),
            )
        }
        Some(SocketAddr::V6(address)) => {
            let host = IpText::from(*address.ip());
            // The kernel and socket2 keep the flow in the order of the network.
            let flow = u32::from_be(address.flowinfo());
            let tuple: Bound<'py, PyTuple> =
                (host.as_str(), address.port(), flow, address.scope_id()).into_pyobject(py)?;
            Some(tuple.into_any())
        }
        None => None,
    })
}
