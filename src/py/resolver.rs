//! Names of hosts, services, protocols and interfaces, as functions of the module.

use std::borrow::Cow;
use std::ffi::{CStr, CString, OsString, c_ulong};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use pyo3::exceptions::{PyOSError, PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyList, PyString, PyTuple};
use socket2::SockAddr;

use super::argument::{Given, LEFT_OUT, c_string, file_system_name};
use super::{detour, enums, host, number, raw};
use crate::error::Error;
use crate::net::ip::{self, IpText};
use crate::net::resolver;
use crate::sys::interface;
use crate::sys::resolver::{self as library, AddressList, Entry, Hints, Host};

/// The flags of `getnameinfo` that ask for no name.
const NUMBERS: i32 = libc::NI_NUMERICHOST | libc::NI_NUMERICSERV;

/// The largest flow information of an IPv6 address.
const FLOW_LIMIT: u32 = 0xf_ffff;

/// Resolve host and port into addrinfo struct.
///
/// Returns a list of (family, type, proto, canonname, sockaddr).
#[pyfunction]
#[pyo3(
    signature = (host, port, family=LEFT_OUT, r#type=LEFT_OUT, proto=LEFT_OUT, flags=LEFT_OUT),
    text_signature = "(host, port, family=0, type=0, proto=0, flags=0)"
)]
pub(super) fn getaddrinfo<'py>(
    host: &Bound<'py, PyAny>,
    port: &Bound<'py, PyAny>,
    family: Given<'_, 'py>,
    r#type: Given<'_, 'py>,
    proto: Given<'_, 'py>,
    flags: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyList>> {
    let py = host.py();
    let hints = Hints {
        family: family.int_or(0)?,
        kind: r#type.int_or(0)?,
        protocol: proto.int_or(0)?,
        flags: flags.int_or(0)?,
    };
    let name = host_name(host)?;
    let service = service_name(port)?;
    let event = (host, port, hints.family, hints.kind, hints.protocol).into_pyobject(py)?;
    raw::audit(c"socket.getaddrinfo", &event)?;
    let elsewhere = detour::look_up(
        name.as_deref(),
        service.as_deref(),
        hints.family,
        hints.kind,
    );
    let (name, service) = match elsewhere {
        Some((name, service)) => (Some(name), service),
        None => (name, service),
    };
    let look_up = || AddressList::look_up(name.as_deref(), service.as_deref(), hints);
    // Numbers alone never make the library wait, and other threads need not be let in for them.
    let found = if is_numeric(name.as_deref()) && is_numeric_port(service.as_deref()) {
        look_up()
    } else {
        py.detach(look_up)
    };
    let list = PyList::empty(py);
    for entry in &found? {
        list.append(address_info(py, &entry)?)?;
    }
    Ok(list)
}

/// Read the host of `getaddrinfo`; the C library sees no further than the first NUL.
fn host_name(host: &Bound<'_, PyAny>) -> PyResult<Option<CString>> {
    if host.is_none() {
        return Ok(None);
    }
    if let Ok(text) = host.cast::<PyString>() {
        return Ok(Some(until_nul(&host::idna(text)?)));
    }
    match host.cast::<PyBytes>() {
        Ok(bytes) => Ok(Some(until_nul(bytes.as_bytes()))),
        Err(_) => Err(PyTypeError::new_err(
            "getaddrinfo() argument 1 must be string or None",
        )),
    }
}

/// Read the port of `getaddrinfo`; the C library sees no further than the first NUL.
fn service_name(port: &Bound<'_, PyAny>) -> PyResult<Option<CString>> {
    let name = if port.is_none() {
        return Ok(None);
    } else if let Ok(number) = port.cast_exact::<PyInt>() {
        port_text(number)?
    } else if let Ok(text) = port.cast::<PyString>() {
        Cow::Borrowed(text.to_str()?)
    } else if let Ok(bytes) = port.cast::<PyBytes>() {
        return Ok(Some(until_nul(bytes.as_bytes())));
    } else {
        return Err(PyOSError::new_err("Int or String expected"));
    };
    Ok(Some(until_nul(name.as_bytes())))
}

fn port_text<'a>(port: &Bound<'_, PyInt>) -> PyResult<Cow<'a, str>> {
    match number::long(port) {
        Ok(number) => Ok(Cow::Owned(number.to_string())),
        // From here on it is the library that says that there is no such port.
        Err(_) if cfg!(Py_3_12) => Ok(Cow::Owned(port.str()?.to_str()?.to_owned())),
        Err(error) => Err(error),
    }
}

fn until_nul(name: &[u8]) -> CString {
    let end = name
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(name.len());
    CString::new(&name[..end]).unwrap_or_default()
}

fn is_numeric(host: Option<&CStr>) -> bool {
    host.is_some_and(|host| ip::parse(host.to_bytes()).is_some())
}

fn is_numeric_port(service: Option<&CStr>) -> bool {
    service.is_none_or(|service| service.to_bytes().iter().all(u8::is_ascii_digit))
}

fn address_info<'py>(py: Python<'py>, entry: &Entry<'_>) -> PyResult<Bound<'py, PyTuple>> {
    let address =
        host::ip_tuple(py, &entry.address)?.ok_or(Error::Address("unsupported address family"))?;
    let name = match entry.canonical_name {
        Some(name) => decoded(py, name)?,
        None => PyString::new(py, ""),
    };
    let (family, kind) = (
        enums::family(py, entry.family)?,
        enums::kind(py, entry.kind)?,
    );
    (family, kind, entry.protocol, name, address).into_pyobject(py)
}

/// Decode a name that came over the network: UTF-8, or UnicodeDecodeError.
fn decoded<'py>(py: Python<'py>, name: &CStr) -> PyResult<Bound<'py, PyString>> {
    PyString::from_bytes(py, name.to_bytes())
}

/// Get host and port for a sockaddr.
#[pyfunction]
#[pyo3(signature = (sockaddr, flags, /))]
pub(super) fn getnameinfo<'py>(
    sockaddr: &Bound<'py, PyAny>,
    flags: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyString>, Bound<'py, PyString>)> {
    let py = sockaddr.py();
    let flags = number::int(flags)?;
    let Ok(sockaddr) = sockaddr.cast::<PyTuple>() else {
        return Err(PyTypeError::new_err(
            "getnameinfo() argument 1 must be a tuple",
        ));
    };
    let NameQuery {
        host,
        port,
        flow,
        scope,
    } = NameQuery::read(sockaddr)?;
    if flow > FLOW_LIMIT {
        return Err(PyOverflowError::new_err(
            "getnameinfo(): flowinfo must be 0-1048575.",
        ));
    }
    raw::audit(c"socket.getnameinfo", &PyTuple::new(py, [sockaddr])?)?;
    // An address in numbers is read on the spot.
    let address = resolver::numeric_address(&host, port)?;
    let address = match address.as_socket() {
        Some(SocketAddr::V4(_)) if sockaddr.len() != 2 => {
            return Err(PyOSError::new_err("IPv4 sockaddr must be 2 tuple"));
        }
        Some(SocketAddr::V6(ip)) => {
            SockAddr::from(SocketAddrV6::new(*ip.ip(), ip.port(), flow.to_be(), scope))
        }
        _ => address,
    };
    let ask = || library::name_info(&address, flags);
    // Numbers alone never make the library wait, and other threads need not be let in for them.
    let (host, service) = if flags & NUMBERS == NUMBERS {
        ask()?
    } else {
        py.detach(ask)?
    };
    Ok((decoded(py, &host)?, decoded(py, &service)?))
}

/// What `getnameinfo` is asked about.
struct NameQuery {
    host: CString,
    port: i32,
    flow: u32,
    scope: u32,
}

impl NameQuery {
    fn read(sockaddr: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let illegal = || PyTypeError::new_err("getnameinfo(): illegal sockaddr argument");
        if !(2..=4).contains(&sockaddr.len()) {
            return Err(illegal());
        }
        let host = sockaddr.get_item(0)?;
        if !host.is_instance_of::<PyString>() {
            return Err(illegal());
        }
        let optional = |place| {
            if place < sockaddr.len() {
                number::wrapping_unsigned(&sockaddr.get_item(place)?)
            } else {
                Ok(0)
            }
        };
        Ok(Self {
            host: c_string(&host, "getnameinfo() argument 1")?,
            port: number::int(&sockaddr.get_item(1)?)?,
            flow: optional(2)?,
            scope: optional(3)?,
        })
    }
}

/// Return the IP address (a string of the form '255.255.255.255') for a host.
#[pyfunction]
#[pyo3(signature = (host, /))]
pub(super) fn gethostbyname<'py>(host: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    let py = host.py();
    let name = host::older_host(host, "gethostbyname() argument 1")?;
    raw::audit(c"socket.gethostbyname", &PyTuple::new(py, [host])?)?;
    if let Some(number) = detour::number(&name) {
        return Ok(PyString::new(py, &number));
    }
    let address = ip_of(&host::address_of(py, &name, libc::AF_INET)?)?;
    Ok(PyString::new(py, IpText::from(address).as_str()))
}

/// The names and addresses of a host, as the older look-ups give them.
type HostTuple<'py> = (Bound<'py, PyString>, Bound<'py, PyList>, Bound<'py, PyList>);

/// Return the true host name, a list of aliases, and a list of IP addresses, for a host.
///
/// The host argument is a string giving a host name or IP number.
#[pyfunction]
#[pyo3(signature = (host, /))]
pub(super) fn gethostbyname_ex<'py>(host: &Bound<'py, PyAny>) -> PyResult<HostTuple<'py>> {
    let py = host.py();
    let name = host::older_host(host, "gethostbyname_ex() argument 1")?;
    raw::audit(c"socket.gethostbyname", &PyTuple::new(py, [host])?)?;
    // An unknown name is an error of this first look-up, and with it a gaierror.
    host::address_of(py, &name, libc::AF_INET)?;
    let name = until_nul(&name);
    host_tuple(py, &py.detach(|| library::host_by_name(&name))?)
}

/// Return the true host name, a list of aliases, and a list of IP addresses, for a host.
///
/// The host argument is a string giving a host name or IP number.
#[pyfunction]
#[pyo3(signature = (host, /), text_signature = "(ip_address, /)")]
pub(super) fn gethostbyaddr<'py>(host: &Bound<'py, PyAny>) -> PyResult<HostTuple<'py>> {
    let py = host.py();
    let name = host::older_host(host, "gethostbyaddr() argument 1")?;
    raw::audit(c"socket.gethostbyaddr", &PyTuple::new(py, [host])?)?;
    let address = ip_of(&host::address_of(py, &name, libc::AF_UNSPEC)?)?;
    host_tuple(py, &py.detach(|| library::host_by_address(address))?)
}

fn ip_of(address: &SockAddr) -> PyResult<IpAddr> {
    let address = address
        .as_socket()
        .ok_or(Error::Address("unsupported address family"))?;
    Ok(address.ip())
}

fn host_tuple<'py>(py: Python<'py>, found: &Host) -> PyResult<HostTuple<'py>> {
    let aliases = PyList::empty(py);
    for alias in &found.aliases {
        aliases.append(decoded(py, alias)?)?;
    }
    let addresses = found
        .addresses
        .iter()
        .map(|ip| PyString::new(py, IpText::from(*ip).as_str()));
    let addresses = PyList::new(py, addresses.collect::<Vec<_>>())?;
    Ok((decoded(py, &found.name)?, aliases, addresses))
}

/// Return the current host name.
#[pyfunction]
pub(super) fn gethostname(py: Python<'_>) -> PyResult<OsString> {
    raw::audit(c"socket.gethostname", &PyTuple::empty(py))?;
    // The kernel knows it by heart: other threads need not be let in.
    Ok(library::machine_name()?)
}

/// Sets the hostname to name.
#[pyfunction]
#[pyo3(signature = (name, /))]
pub(super) fn sethostname(name: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = name.py();
    let name = match name.cast::<PyBytes>() {
        Ok(bytes) => bytes.clone(),
        Err(_) => PyBytes::new(py, file_system_name(name)?.as_bytes()),
    };
    raw::audit(c"socket.sethostname", &PyTuple::new(py, [&name])?)?;
    Ok(library::set_machine_name(name.as_bytes())?)
}

/// Return a port number from a service name and protocol name.
///
/// The optional protocol name, if given, should be 'tcp' or 'udp', otherwise any protocol will
/// match.
#[pyfunction]
#[pyo3(signature = (servicename, protocolname=LEFT_OUT, /), text_signature = None)]
pub(super) fn getservbyname<'py>(
    servicename: &Bound<'py, PyAny>,
    protocolname: Given<'_, 'py>,
) -> PyResult<u16> {
    let py = servicename.py();
    let name = c_string(servicename, "getservbyname() argument 1")?;
    let protocol = protocol(&protocolname, "getservbyname() argument 2")?;
    raw::audit(
        c"socket.getservbyname",
        &(servicename, protocolname.get()).into_pyobject(py)?,
    )?;
    py.detach(|| library::service_port(&name, protocol.as_deref()))
        .ok_or_else(|| PyOSError::new_err("service/proto not found"))
}

/// Return the service name from a port number and protocol name.
///
/// The optional protocol name, if given, should be 'tcp' or 'udp', otherwise any protocol will
/// match.
#[pyfunction]
#[pyo3(signature = (port, protocolname=LEFT_OUT, /), text_signature = None)]
pub(super) fn getservbyport<'py>(
    port: &Bound<'py, PyAny>,
    protocolname: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyString>> {
    let py = port.py();
    let number = number::int(port)?;
    let protocol = protocol(&protocolname, "getservbyport() argument 2")?;
    let number = u16::try_from(number)
        .map_err(|_| PyOverflowError::new_err("getservbyport: port must be 0-65535."))?;
    raw::audit(
        c"socket.getservbyport",
        &(number, protocolname.get()).into_pyobject(py)?,
    )?;
    let name = py.detach(|| library::service_name(number, protocol.as_deref()));
    decoded(
        py,
        &name.ok_or_else(|| PyOSError::new_err("port/proto not found"))?,
    )
}

fn protocol(name: &Given<'_, '_>, place: &str) -> PyResult<Option<CString>> {
    name.get()
        .as_ref()
        .map(|name| c_string(name, place))
        .transpose()
}

/// Return the protocol number for the named protocol.  (Rarely used.)
#[pyfunction]
#[pyo3(signature = (name, /), text_signature = "(protocolname, /)")]
pub(super) fn getprotobyname(name: &Bound<'_, PyAny>) -> PyResult<i32> {
    let protocol = c_string(name, "getprotobyname() argument 1")?;
    let number = name.py().detach(|| library::protocol_number(&protocol));
    number.ok_or_else(|| PyOSError::new_err("protocol not found"))
}

/// Returns a list of network interface information (index, name) tuples.
#[pyfunction]
pub(super) fn if_nameindex(py: Python<'_>) -> PyResult<Vec<(u32, OsString)>> {
    // The C library asks the kernel over a socket, and waits for the answer.
    Ok(py.detach(interface::list).map_err(Error::Os)?)
}

/// Returns the interface index corresponding to the interface name if_name.
#[pyfunction]
#[pyo3(signature = (oname, /))]
pub(super) fn if_nametoindex(oname: &Bound<'_, PyAny>) -> PyResult<u32> {
    interface::index(&file_system_name(oname)?).map_err(|error| {
        if cfg!(Py_3_14) {
            Error::Os(error).into()
        } else {
            PyOSError::new_err("no interface with this name")
        }
    })
}

/// Returns the interface name corresponding to the interface index if_index.
#[pyfunction]
#[pyo3(signature = (if_index, /), text_signature = "(index, /)")]
pub(super) fn if_indextoname(if_index: &Bound<'_, PyAny>) -> PyResult<OsString> {
    Ok(interface::name(interface_index(if_index)?).map_err(Error::Os)?)
}

fn interface_index(value: &Bound<'_, PyAny>) -> PyResult<u32> {
    if cfg!(Py_3_14) {
        return number::unsigned(value, u32::MAX, "unsigned int");
    }
    let wide = number::unsigned_long(value)?;
    // The older Pythons took the lowest bits of what was too large.
    let index = wide as u32;
    if cfg!(Py_3_13) && c_ulong::from(index) != wide {
        return Err(PyOverflowError::new_err("index is too large"));
    }
    Ok(index)
}
