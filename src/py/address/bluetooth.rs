//! The addresses of Bluetooth.

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use socket2::SockAddr;

use super::fields::{Fields, plain_text};
use super::linux::nameless;
use crate::net::Socket;
use crate::net::address::{Address, BluetoothAddress};
use crate::py::number;
use crate::sys::sockaddr as raw;

/// Write the address of a device, and what goes with it in its protocol.
pub(super) fn to_python<'py>(py: Python<'py>, address: Address<'_>) -> PyResult<Bound<'py, PyAny>> {
    let tuple = match address {
        Address::L2cap {
            address,
            psm,
            channel,
            kind,
        } => {
            let address = address.to_string();
            // As short as can be; before 3.14 there were never more than two fields.
            match (channel, kind) {
                (0, 0) => (address, psm).into_pyobject(py),
                _ if cfg!(not(Py_3_14)) => (address, psm).into_pyobject(py),
                (_, 0) => (address, psm, channel).into_pyobject(py),
                _ => (address, psm, channel, kind).into_pyobject(py),
            }
        }
        Address::Rfcomm { address, channel } => (address.to_string(), channel).into_pyobject(py),
        Address::Hci { device, channel } if cfg!(Py_3_14) && channel != 0 => {
            (device, channel).into_pyobject(py)
        }
        Address::Hci { device, .. } => return Ok(device.into_pyobject(py)?.into_any()),
        Address::Sco(address) => return Ok(address.to_string().into_pyobject(py)?.into_any()),
        _ => return Ok(py.None().into_bound(py)),
    };
    Ok(tuple?.into_any())
}

/// Read what is an address in the protocol of this socket.
pub(super) fn from_python(
    socket: &Socket,
    address: &Bound<'_, PyAny>,
    caller: &str,
) -> PyResult<SockAddr> {
    let wrong = || PyOSError::new_err(format!("{caller}(): wrong format"));
    let fields = |count| nameless(address, count).map_err(|_| wrong());
    let value = match socket.kind().protocol {
        raw::BTPROTO_L2CAP => {
            let fields = fields(2..=if cfg!(Py_3_14) { 4 } else { 2 })?;
            let (address, psm) = device_and_number(&fields).map_err(|_| wrong())?;
            let more = |index| fields.optional(index, Fields::mask).map_err(|_| wrong());
            let (channel, kind) = (more(2)?, more(3)?);
            Address::L2cap {
                address: device(address)?,
                psm: psm as u16,
                channel: channel.unwrap_or_default() as u16,
                kind: kind.unwrap_or_default() as u8,
            }
        }
        raw::BTPROTO_RFCOMM => {
            let (address, channel) = device_and_number(&fields(2..=2)?).map_err(|_| wrong())?;
            Address::Rfcomm {
                address: device(address)?,
                channel: channel as u8,
            }
        }
        // Since 3.14 the number may stand alone, as it comes out.
        raw::BTPROTO_HCI if cfg!(Py_3_14) && number::is_index(address) => Address::Hci {
            device: number::wrapping_unsigned(address)? as u16,
            channel: 0,
        },
        raw::BTPROTO_HCI => {
            let fields = fields(1..=if cfg!(Py_3_14) { 2 } else { 1 })?;
            let number = bluetooth_number(&fields, 0).map_err(|_| wrong())?;
            // Before 3.13 a whole int was read, whose upper half fell upon the channel.
            let channel = match fields.optional(1, Fields::mask).map_err(|_| wrong())? {
                Some(channel) => channel,
                None if cfg!(Py_3_13) => 0,
                None => number >> 16,
            };
            Address::Hci {
                device: number as u16,
                channel: channel as u16,
            }
        }
        raw::BTPROTO_SCO => Address::Sco(device(sco_text(address)?.ok_or_else(wrong)?)?),
        _ => {
            let text = format!("{caller}(): unknown Bluetooth protocol");
            return Err(PyOSError::new_err(text));
        }
    };
    Ok(value.to_sockaddr()?)
}

fn device(text: &str) -> PyResult<BluetoothAddress> {
    Ok(text.parse::<BluetoothAddress>()?)
}

fn device_and_number<'a>(fields: &Fields<'a, '_>) -> PyResult<(&'a str, u32)> {
    Ok((fields.text(0)?, bluetooth_number(fields, 1)?))
}

/// Read a number of which the low bits count; before 3.13 it had to be a C int.
fn bluetooth_number(fields: &Fields<'_, '_>, index: usize) -> PyResult<u32> {
    if cfg!(Py_3_13) {
        fields.mask(index)
    } else {
        Ok(fields.int(index)? as u32)
    }
}

/// Read the whole address of SCO: bytes, and from 3.13 on also text.
fn sco_text<'a>(address: &'a Bound<'_, PyAny>) -> PyResult<Option<&'a str>> {
    if let Ok(bytes) = address.cast::<PyBytes>() {
        let bytes = bytes.as_bytes();
        if cfg!(Py_3_13) && bytes.contains(&0) {
            return Err(PyValueError::new_err("embedded null byte"));
        }
        // What is not text is no address either.
        return Ok(Some(std::str::from_utf8(bytes).unwrap_or_default()));
    }
    match address.cast::<PyString>() {
        Ok(text) if cfg!(Py_3_13) => plain_text(text).map(Some),
        _ => Ok(None),
    }
}
