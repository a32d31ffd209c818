//! Who holds a port.

use std::net::IpAddr;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::sys::holder::{self, Ports};

/// Find who holds a port of an address: the number and the name of the process.
///
/// None where the system does not tell, or tells only others.
#[pyfunction]
#[pyo3(signature = (host, port, datagrams, /))]
pub(super) fn _port_holder(
    py: Python<'_>,
    host: &str,
    port: u16,
    datagrams: bool,
) -> PyResult<Option<(u32, String)>> {
    let ip: IpAddr = host
        .parse()
        .map_err(|_| PyValueError::new_err(format!("{host:?} is no address")))?;
    let ports = if datagrams { Ports::Udp } else { Ports::Tcp };
    let found = py.detach(|| holder::find(ports, ip, port));
    Ok(found.map(|holder| (holder.pid, holder.name)))
}
