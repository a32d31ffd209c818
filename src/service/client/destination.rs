//! Where a client connects to.

use std::ffi::CString;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::SockAddr;

use crate::error::{Error, Result};
use crate::net::address::Address;
use crate::net::ip;
use crate::sys::resolver::{AddressList, Hints};

/// Where a client connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A host by its name, which may have several addresses, and a port. No name is loopback.
    Host(Vec<u8>, u16),
    /// An address in numbers.
    Inet(SocketAddr),
    /// A path, or with a NUL in front an abstract name.
    Unix(Vec<u8>),
}

impl Destination {
    /// Name a port of this machine.
    #[must_use]
    pub const fn loopback(port: u16) -> Self {
        Self::Inet(SocketAddr::new(
            std::net::IpAddr::V4(Ipv4Addr::LOCALHOST),
            port,
        ))
    }

    /// Find the addresses to try, in order, for sockets of this type. A name is looked up, which
    /// may wait for other machines.
    ///
    /// A datagram to a wrong address is lost without a word, so for datagrams IPv4, which most
    /// servers have, comes before IPv6.
    pub(super) fn addresses(&self, kind: i32) -> Result<Vec<SockAddr>> {
        match self {
            Self::Inet(address) => Ok(vec![(*address).into()]),
            Self::Unix(path) => Ok(vec![Address::Unix(path).to_sockaddr()?]),
            Self::Host(name, port) if name.is_empty() => Self::loopback(*port).addresses(kind),
            Self::Host(name, port) => match ip::parse(name) {
                Some(ip) => Ok(vec![SocketAddr::new(ip, *port).into()]),
                None => look_up(name, *port, kind),
            },
        }
    }
}

fn look_up(name: &[u8], port: u16, kind: i32) -> Result<Vec<SockAddr>> {
    let host = CString::new(name).map_err(|_| Error::Address("a host name cannot hold NUL"))?;
    let port = CString::new(port.to_string()).unwrap_or_default();
    let hints = Hints {
        kind,
        ..Hints::default()
    };
    let found = AddressList::look_up(Some(&host), Some(&port), hints)?;
    let mut addresses: Vec<SockAddr> = found.iter().map(|entry| entry.address).collect();
    if kind == libc::SOCK_DGRAM {
        addresses.sort_by_key(|address| !address.is_ipv4());
    }
    Ok(addresses)
}

impl fmt::Display for Destination {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name, port) if name.contains(&b':') => {
                write!(out, "[{}]:{port}", String::from_utf8_lossy(name))
            }
            Self::Host(name, port) => write!(out, "{}:{port}", String::from_utf8_lossy(name)),
            Self::Inet(address) => write!(out, "{address}"),
            Self::Unix(path) => out.write_str(&path_text(path)),
        }
    }
}

/// Write a path as people do; an abstract name has an @ in front.
fn path_text(path: &[u8]) -> String {
    match path.split_first() {
        Some((0, name)) => format!("@{}", String::from_utf8_lossy(name)),
        _ => String::from_utf8_lossy(path).into_owned(),
    }
}

/// Write an address as people do; nothing for one without a name.
pub(super) fn text(address: &SockAddr) -> String {
    if let Some(inet) = address.as_socket() {
        return inet.to_string();
    }
    match Address::from_sockaddr(address, 0) {
        Ok(Address::Unix(path)) => path_text(path),
        _ => String::new(),
    }
}
