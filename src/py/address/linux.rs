//! The addresses of the families that only Linux has.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::os::fd::AsFd;

use pyo3::exceptions::{PyOSError, PyOverflowError, PySystemError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};
use socket2::SockAddr;

use super::fields::{Fields, Words};
use super::{bad_family, bluetooth, decode_path, encode_path};
use crate::error::Error;
use crate::net::Socket;
use crate::net::address::{
    Address, Packet, TipcName, can_interface, interface_index, interface_name,
};
use crate::py::argument;
use crate::py::error::settled;
use crate::sys::sockaddr as raw;

/// Read an address of one of these families.
pub(super) fn from_python(
    socket: &Socket,
    address: &Bound<'_, PyAny>,
    caller: &str,
) -> PyResult<SockAddr> {
    match socket.kind().family {
        libc::AF_NETLINK => netlink(address, caller),
        libc::AF_PACKET => packet(socket, address, caller),
        libc::AF_CAN => can(socket, address, caller),
        libc::AF_VSOCK => vsock(address),
        libc::AF_ALG => alg(address, caller),
        libc::AF_TIPC => tipc(address, caller),
        raw::AF_QIPCRTR => qipcrtr(address),
        libc::AF_BLUETOOTH => bluetooth::from_python(socket, address, caller),
        _ => Err(bad_family(caller)),
    }
}

/// Refuse to ask the kernel for an address of a form that nobody knows.
pub(super) fn known(socket: &Socket) -> PyResult<()> {
    let kind = socket.kind();
    let unknown = match kind.family {
        libc::AF_BLUETOOTH => match kind.protocol {
            raw::BTPROTO_L2CAP | raw::BTPROTO_HCI | raw::BTPROTO_SCO | raw::BTPROTO_RFCOMM => {
                return Ok(());
            }
            _ => "unknown BT protocol",
        },
        libc::AF_ALG
        | libc::AF_CAN
        | libc::AF_NETLINK
        | libc::AF_PACKET
        | raw::AF_QIPCRTR
        | libc::AF_RDS
        | libc::AF_TIPC
        | libc::AF_VSOCK => return Ok(()),
        _ => "bad family",
    };
    Err(PyOSError::new_err(format!("getsockaddrlen: {unknown}")))
}

/// Give an address of one of these families, or of none that is known, to Python.
pub(super) fn to_python<'py>(
    py: Python<'py>,
    socket: &Socket,
    address: &SockAddr,
) -> PyResult<Bound<'py, PyAny>> {
    let value = Address::from_sockaddr(address, socket.kind().protocol).map_err(meaningless)?;
    let tuple = match value {
        Address::Netlink { pid, groups } => (pid, groups).into_pyobject(py),
        Address::Vsock { cid, port } => (cid, port).into_pyobject(py),
        Address::Qipcrtr { node, port } => (node, port).into_pyobject(py),
        Address::Packet(packet) => {
            let name = name_of(socket, packet.interface);
            let name = PyString::from_bytes(py, &name)?;
            let hardware = PyBytes::new(py, packet.hardware);
            (
                name,
                packet.protocol,
                packet.kind,
                packet.hardware_kind,
                hardware,
            )
                .into_pyobject(py)
        }
        Address::Can { interface } => {
            (decode_path(py, &name_of(socket, interface))?,).into_pyobject(py)
        }
        Address::CanIsotp {
            interface,
            receive,
            send,
        } => (decode_path(py, &name_of(socket, interface))?, receive, send).into_pyobject(py),
        Address::CanJ1939 {
            interface,
            name,
            group,
            address,
        } => {
            let interface = decode_path(py, &name_of(socket, interface))?;
            (interface, name, group, address).into_pyobject(py)
        }
        Address::Alg {
            kind,
            name,
            features,
            mask,
        } => {
            let kind = PyString::from_bytes(py, kind)?;
            (kind, PyString::from_bytes(py, name)?, features, mask).into_pyobject(py)
        }
        Address::Tipc { name, scope } => {
            let (kind, first, second, third) = tipc_words(name);
            // A scope below 0 comes out as the unsigned number that it is in C.
            (kind, first, second, third, i32::from(scope) as u32).into_pyobject(py)
        }
        value @ (Address::L2cap { .. }
        | Address::Rfcomm { .. }
        | Address::Hci { .. }
        | Address::Sco(_)) => {
            return bluetooth::to_python(py, value);
        }
        Address::Other { family, data } => (family, PyBytes::new(py, &data)).into_pyobject(py),
        Address::None | Address::Inet(_) | Address::Inet6(_) | Address::Unix(_) => {
            return Ok(py.None().into_bound(py));
        }
    };
    Ok(tuple?.into_any())
}

/// Call what these families cannot express a bad value.
fn meaningless(error: Error) -> PyErr {
    match error {
        Error::Address(message) => PyValueError::new_err(message),
        error => error.into(),
    }
}

/// Find the name of an interface; one that is gone has none.
fn name_of(socket: &Socket, interface: i32) -> Vec<u8> {
    let name = |interface| interface_name(socket.borrow()?.as_fd(), interface);
    if interface == 0 {
        Vec::new()
    } else {
        name(interface).unwrap_or_default()
    }
}

fn netlink(address: &Bound<'_, PyAny>, caller: &str) -> PyResult<SockAddr> {
    let words = Words::Message("AF_NETLINK address must be a pair (pid, groups)");
    let fields =
        Fields::of_tuple(address, format_args!("{caller}(): AF_NETLINK"))?.counted(2..=2, words)?;
    let value = Address::Netlink {
        pid: fields.mask(0)?,
        groups: fields.mask(1)?,
    };
    Ok(value.to_sockaddr()?)
}

fn qipcrtr(address: &Bound<'_, PyAny>) -> PyResult<SockAddr> {
    let (node, port) = pair(address, "AF_QIPCRTR")?;
    Ok(Address::Qipcrtr { node, port }.to_sockaddr()?)
}

fn vsock(address: &Bound<'_, PyAny>) -> PyResult<SockAddr> {
    let (cid, port) = pair(address, "AF_VSOCK")?;
    Ok(Address::Vsock { cid, port }.to_sockaddr()?)
}

/// Read two numbers, for the families whose errors name no call.
fn pair(address: &Bound<'_, PyAny>, family: &str) -> PyResult<(u32, u32)> {
    const NAME: &str = "getsockaddrarg";
    let fields = Fields::of_tuple(address, format_args!("{NAME}: {family}"))?;
    let fields = fields.counted(2..=2, Words::Function(NAME))?;
    Ok((fields.mask(0)?, fields.mask(1)?))
}

fn packet(socket: &Socket, address: &Bound<'_, PyAny>, caller: &str) -> PyResult<SockAddr> {
    let words = Words::Message("AF_PACKET address must be a tuple of two to five elements");
    let fields =
        Fields::of_tuple(address, format_args!("{caller}(): AF_PACKET"))?.counted(2..=5, words)?;
    let read = || -> PyResult<_> {
        Ok((
            fields.text(0)?,
            fields.int(1)?,
            fields.optional(2, Fields::int)?,
            fields.optional(3, Fields::int)?,
            fields.optional(4, |fields, index| argument::bytes(fields.at(index)))?,
        ))
    };
    let (interface, protocol, kind, hardware_kind, hardware) = read().map_err(|error| {
        let error = settled(address.py(), error);
        if error.is_instance_of::<PyOverflowError>(address.py()) {
            let text = format!("{caller}(): address argument out of range");
            return PyOverflowError::new_err(text);
        }
        error
    })?;
    let find = || interface_index(socket.borrow()?.as_fd(), interface.as_bytes());
    let interface = find().map_err(Error::from)?;
    let mut packet = Packet {
        interface,
        protocol: 0,
        kind: kind.unwrap_or(libc::PACKET_HOST.into()) as u8,
        hardware_kind: hardware_kind.unwrap_or(0) as u16,
        hardware: hardware.as_deref().unwrap_or_default(),
    };
    // Too long an address counts before a protocol out of range.
    Address::Packet(packet).to_sockaddr().map_err(meaningless)?;
    packet.protocol = u16::try_from(protocol)
        .map_err(|_| PyOverflowError::new_err(format!("{caller}(): proto must be 0-65535.")))?;
    Ok(Address::Packet(packet).to_sockaddr()?)
}

fn can(socket: &Socket, address: &Bound<'_, PyAny>, caller: &str) -> PyResult<SockAddr> {
    let resolve = |name: &[u8]| -> PyResult<i32> {
        if name.is_empty() {
            return Ok(0);
        }
        let descriptor = socket.borrow().map_err(Error::from)?;
        Ok(can_interface(descriptor.as_fd(), name)?)
    };
    let value = match socket.kind().protocol {
        libc::CAN_RAW | libc::CAN_BCM => {
            let words = Words::Message("AF_CAN address must be a tuple (interface, )");
            let fields = Fields::of_tuple(address, format_args!("{caller}(): AF_CAN"))?
                .counted(1..=1, words)?;
            Address::Can {
                interface: resolve(&path(fields.at(0))?)?,
            }
        }
        libc::CAN_ISOTP => {
            let fields = nameless(address, 3..=3)?;
            let interface = path(fields.at(0))?;
            let (receive, send) = (fields.strict_mask(1)? as u32, fields.strict_mask(2)? as u32);
            Address::CanIsotp {
                interface: resolve(&interface)?,
                receive,
                send,
            }
        }
        libc::CAN_J1939 => {
            let fields = nameless(address, 4..=4)?;
            let interface = path(fields.at(0))?;
            let (name, group) = (fields.strict_mask(1)?, fields.mask(2)?);
            let address = fields.mask(3)? as u8;
            Address::CanJ1939 {
                interface: resolve(&interface)?,
                name,
                group,
                address,
            }
        }
        _ => {
            let text = format!("{caller}(): unsupported CAN protocol");
            return Err(PyOSError::new_err(text));
        }
    };
    Ok(value.to_sockaddr()?)
}

/// Read the fields of an address for which the standard module has no words of its own.
pub(super) fn nameless<'a, 'py>(
    address: &'a Bound<'py, PyAny>,
    count: RangeInclusive<usize>,
) -> PyResult<Fields<'a, 'py>> {
    if !address.is_instance_of::<PyTuple>() {
        let text = "new style getargs format but argument is not a tuple";
        return Err(PySystemError::new_err(text));
    }
    Fields::of_tuple(address, "")?.counted(count, Words::Nameless)
}

/// Read what is named like a file: text, bytes, or an object that has a path.
fn path<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    let path = match value.cast::<PyBytes>() {
        Ok(bytes) => Cow::Borrowed(bytes.as_bytes()),
        Err(_) => {
            let path = value.py().import("os")?.call_method1("fspath", (value,))?;
            Cow::Owned(match path.cast::<PyString>() {
                Ok(text) => encode_path(text)?,
                Err(_) => path.extract()?,
            })
        }
    };
    if path.contains(&0) {
        Err(PyValueError::new_err("embedded null byte"))
    } else {
        Ok(path)
    }
}

fn alg(address: &Bound<'_, PyAny>, caller: &str) -> PyResult<SockAddr> {
    let words = Words::Message("AF_ALG address must be a tuple (type, name[, feat[, mask]])");
    let fields =
        Fields::of_tuple(address, format_args!("{caller}(): AF_ALG"))?.counted(2..=4, words)?;
    // Python offers the low half of either number only.
    let half = |index| -> PyResult<u32> {
        Ok(fields.optional(index, Fields::mask)?.unwrap_or(0) & 0xffff)
    };
    let value = Address::Alg {
        kind: fields.text(0)?.as_bytes(),
        name: fields.text(1)?.as_bytes(),
        features: half(2)?,
        mask: half(3)?,
    };
    value.to_sockaddr().map_err(meaningless)
}

fn tipc(address: &Bound<'_, PyAny>, caller: &str) -> PyResult<SockAddr> {
    const CLUSTER: u32 = 2;
    let words = Words::Message("AF_TIPC address must be a tuple (addr_type, v1, v2, v3[, scope])");
    let fields =
        Fields::of_tuple(address, format_args!("{caller}(): AF_TIPC"))?.counted(4..=5, words)?;
    let kind = fields.mask(0)?;
    let (first, second, third) = (fields.mask(1)?, fields.mask(2)?, fields.mask(3)?);
    let scope = fields.optional(4, Fields::mask)?.unwrap_or(CLUSTER) as i8;
    let name = match u8::try_from(kind) {
        Ok(raw::TIPC_ADDR_NAMESEQ) => TipcName::Range {
            kind: first,
            lower: second,
            upper: third,
        },
        Ok(raw::TIPC_ADDR_NAME) => TipcName::Service {
            kind: first,
            instance: second,
        },
        Ok(raw::TIPC_ADDR_ID) => TipcName::Socket {
            node: first,
            reference: second,
        },
        _ => return Err(PyTypeError::new_err("Invalid address type")),
    };
    Ok(Address::Tipc { name, scope }.to_sockaddr()?)
}

fn tipc_words(name: TipcName) -> (u8, u32, u32, u32) {
    match name {
        TipcName::Range { kind, lower, upper } => (raw::TIPC_ADDR_NAMESEQ, kind, lower, upper),
        TipcName::Service { kind, instance } => (raw::TIPC_ADDR_NAME, kind, instance, instance),
        TipcName::Socket { node, reference } => (raw::TIPC_ADDR_ID, node, reference, 0),
    }
}
