//! Detours: connections for some hosts that go elsewhere, for a process that asked for it.
//!
//! Who asks for none pays the load of one flag, in calls that connect or look a name up.

use std::ffi::{CStr, CString};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use socket2::SockAddr;

use super::argument::connections;
use super::host::{address_of, idna};
use crate::http::ConnectTo;
use crate::net::Socket;
use crate::net::ip;

/// The ports that pages are asked for on.
const WEB: [u16; 3] = [80, 443, 8080];
/// How many names get a number of their own, all of the block that documents use (RFC 5737).
const NAMES: usize = 254;

static ON: AtomicBool = AtomicBool::new(false);
static DETOURS: RwLock<Option<Detours>> = RwLock::new(None);

struct Detours {
    rules: ConnectTo,
    /// The port on this machine that answers for the pages of all outside hosts.
    pages: Option<u16>,
    /// The names that were looked up, each of which got the next number.
    names: Vec<String>,
}

/// Send connections elsewhere from now on, by rules, and to the port of the pages.
#[pyfunction]
#[pyo3(signature = (rules, pages, /))]
pub(super) fn _detour(rules: Vec<Bound<'_, PyAny>>, pages: Option<u16>) -> PyResult<()> {
    let rules = connections(&rules)?;
    let wanted = !rules.is_empty() || pages.is_some();
    let mut place = DETOURS.write().unwrap_or_else(PoisonError::into_inner);
    *place = wanted.then(|| Detours {
        rules,
        pages,
        names: Vec::new(),
    });
    ON.store(wanted, Ordering::Release);
    Ok(())
}

impl Detours {
    fn of(&self, host: &str, port: u16) -> Option<(String, u16)> {
        let host = self.named(host).unwrap_or(host);
        if let Some(found) = self.rules.of(host, port) {
            return Some(found);
        }
        let pages = self.pages?;
        (WEB.contains(&port) && is_outside(host)).then(|| (Ipv4Addr::LOCALHOST.to_string(), pages))
    }

    /// Return the name that has this number.
    fn named(&self, host: &str) -> Option<&str> {
        let number = host.strip_prefix("192.0.2.")?.parse::<usize>().ok()?;
        Some(self.names.get(number.checked_sub(1)?)?.as_str())
    }

    /// Give a name a number, if connections for it may go elsewhere.
    fn number(&mut self, host: &str) -> Option<String> {
        let diverted = WEB.iter().any(|port| self.of(host, *port).is_some());
        if !diverted || ip::parse(host.as_bytes()).is_some() {
            return None;
        }
        let place = match self.names.iter().position(|name| name == host) {
            Some(place) => place,
            None if self.names.len() >= NAMES => NAMES - 1,
            None => {
                self.names.push(host.to_owned());
                self.names.len() - 1
            }
        };
        Some(format!("192.0.2.{}", place + 1))
    }
}

fn is_outside(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    match ip::parse(name.as_bytes()) {
        Some(IpAddr::V4(ip)) => !(ip.is_loopback() || ip.is_unspecified() || ip.is_broadcast()),
        Some(IpAddr::V6(ip)) => !(ip.is_loopback() || ip.is_unspecified()),
        None => !(name.is_empty() || name == "localhost" || name.ends_with(".localhost")),
    }
}

fn is_on() -> bool {
    ON.load(Ordering::Acquire)
}

fn of(host: &str, port: u16) -> Option<(String, u16)> {
    let place = DETOURS.read().unwrap_or_else(PoisonError::into_inner);
    place.as_ref()?.of(host, port)
}

/// Give a name a number that leads to where its connections go, if they go elsewhere.
pub(super) fn number(host: &[u8]) -> Option<String> {
    if !is_on() {
        return None;
    }
    let host = std::str::from_utf8(host).ok()?;
    let mut place = DETOURS.write().unwrap_or_else(PoisonError::into_inner);
    place.as_mut()?.number(host)
}

/// Find where a connection goes that was asked for this address, if it is not there.
pub(super) fn target(socket: &Socket, address: &Bound<'_, PyAny>) -> PyResult<Option<SockAddr>> {
    if !is_on() {
        return Ok(None);
    }
    let kind = socket.kind();
    let ip = matches!(kind.family, libc::AF_INET | libc::AF_INET6);
    if !ip || kind.kind & 0xf != libc::SOCK_STREAM {
        return Ok(None);
    }
    let Some((host, port)) = endpoint(address) else {
        return Ok(None);
    };
    let Some((host, port)) = of(&host, port) else {
        return Ok(None);
    };
    let host = in_family(host, kind.family);
    let mut found = address_of(address.py(), host.as_bytes(), kind.family)?
        .as_socket()
        .ok_or_else(|| PyValueError::new_err("the other host has no address"))?;
    found.set_port(port);
    Ok(Some(SocketAddr::into(found)))
}

/// Read an address; what is no host and port is left to those who refuse it.
fn endpoint(address: &Bound<'_, PyAny>) -> Option<(String, u16)> {
    let tuple = address.cast::<PyTuple>().ok()?;
    let host = tuple.get_item(0).ok()?;
    let host = idna(host.cast::<PyString>().ok()?).ok()?.into_owned();
    let port = tuple.get_item(1).ok()?.extract().ok()?;
    Some((String::from_utf8(host).ok()?, port))
}

/// Write an IPv4 address so that sockets of IPv6 can use it.
fn in_family(host: String, family: i32) -> String {
    match ip::parse(host.as_bytes()) {
        Some(IpAddr::V4(ip)) if family == libc::AF_INET6 => format!("::ffff:{ip}"),
        _ => host,
    }
}

/// Find what to look up in the place of a host and a port, if it is something else.
pub(super) fn look_up(
    host: Option<&CStr>,
    service: Option<&CStr>,
    family: i32,
    kind: i32,
) -> Option<(CString, Option<CString>)> {
    if !is_on() || (kind != 0 && kind != libc::SOCK_STREAM) {
        return None;
    }
    let host = host?.to_str().ok()?;
    let port = match service.map(CStr::to_bytes) {
        Some(b"http") => 80,
        Some(b"https") => 443,
        Some(text) => std::str::from_utf8(text).ok()?.parse().unwrap_or(0),
        None => 0,
    };
    if let Some((host, port)) = of(host, port) {
        let host = CString::new(in_family(host, family)).ok()?;
        return Some((host, Some(CString::new(port.to_string()).ok()?)));
    }
    let number = in_family(number(host.as_bytes())?, family);
    Some((CString::new(number).ok()?, service.map(CStr::to_owned)))
}
