//! Where a client is to connect to, read from what Python gives.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyInt, PyString, PyTuple};

use crate::net::ip;
use crate::py::argument::{file_system_name, wrong_type};
use crate::py::{host, number};
use crate::service::client::Destination;

/// Read where a client is to connect to.
pub(super) fn destination(address: &Bound<'_, PyAny>) -> PyResult<Destination> {
    if address.is_instance_of::<PyInt>() && !address.is_instance_of::<PyBool>() {
        return Ok(Destination::loopback(port(address)?));
    }
    if let Ok(tuple) = address.cast::<PyTuple>() {
        return inet(tuple);
    }
    let path = address.is_instance_of::<PyString>()
        || address.is_instance_of::<PyBytes>()
        || address.hasattr("__fspath__")?;
    if !path {
        let class = address.get_type();
        return Err(PyTypeError::new_err(format!(
            "address must be (host, port), a port of this machine, or the path of a Unix socket, \
             not {}; of a server take its .address",
            class.name()?
        )));
    }
    let path = match address.cast::<PyBytes>() {
        // An abstract name begins with a NUL, which no path may hold.
        Ok(name) if name.as_bytes().first() == Some(&0) => name.as_bytes().to_vec(),
        _ if is_abstract(address) => address.extract::<String>()?.into_bytes(),
        _ => file_system_name(address)?.into_bytes(),
    };
    if path.is_empty() {
        return Err(PyValueError::new_err("the path of a Unix socket is empty"));
    }
    Ok(Destination::Unix(path))
}

fn is_abstract(address: &Bound<'_, PyAny>) -> bool {
    let text = address.cast::<PyString>().ok();
    text.is_some_and(|text| text.to_str().is_ok_and(|text| text.starts_with('\0')))
}

/// Read `(host, port)`, or the four fields that IPv6 has.
fn inet(tuple: &Bound<'_, PyTuple>) -> PyResult<Destination> {
    if !matches!(tuple.len(), 2..=4) {
        return Err(PyTypeError::new_err(format!(
            "address must be (host, port), not a tuple of {}",
            tuple.len()
        )));
    }
    let port = port(&tuple.get_item(1)?)?;
    let name = tuple.get_item(0)?;
    let name = host::older_host(&name, "the host of an address")?;
    if tuple.len() == 2 {
        return Ok(match ip::parse(&name) {
            Some(ip) => Destination::Inet((ip, port).into()),
            None => Destination::Host(name.into_owned(), port),
        });
    }
    let Some(std::net::IpAddr::V6(ip)) = ip::parse(&name) else {
        return Err(PyValueError::new_err(
            "an address with flow information needs an IPv6 address as its host",
        ));
    };
    let flow = number::wrapping_unsigned(&tuple.get_item(2)?)?;
    let scope = match tuple.len() {
        4 => number::wrapping_unsigned(&tuple.get_item(3)?)?,
        _ => 0,
    };
    let address = std::net::SocketAddrV6::new(ip, port, flow.to_be(), scope);
    Ok(Destination::Inet(address.into()))
}

/// Read the port of a server.
fn port(value: &Bound<'_, PyAny>) -> PyResult<u16> {
    if !value.is_instance_of::<PyInt>() || value.is_instance_of::<PyBool>() {
        return Err(wrong_type("the port of an address", "int", value));
    }
    match value.extract::<u16>() {
        Ok(0) | Err(_) => Err(PyValueError::new_err(format!(
            "the port of a server is 1 to 65535, not {}; one that was started with port 0 says in \
             .address which it got",
            value.str()?
        ))),
        Ok(port) => Ok(port),
    }
}
