//! From the name of a host to an address.

use std::ffi::{CStr, CString};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::SockAddr;

use super::ip;
use crate::error::{Error, Result};
use crate::sys::resolver::{AddressList, Hints};

/// Find an address for a host, with the port 0.
///
/// "" is the address that stands for all of this machine's, `<broadcast>` the one that stands for
/// all machines, which only IPv4 has. Any other name that is no address is looked up, which may
/// wait for other machines; of several addresses the first is taken.
pub fn host_address(host: &CStr, family: i32) -> Result<SockAddr> {
    let name = host.to_bytes();
    if let Some(address) = known_address(name, family) {
        return address;
    }
    let found = if name.is_empty() {
        let (kind, flags) = (libc::SOCK_DGRAM, libc::AI_PASSIVE);
        AddressList::look_up(
            None,
            Some(c"0"),
            Hints {
                family,
                kind,
                flags,
                ..Hints::default()
            },
        )?
    } else {
        AddressList::look_up(
            Some(host),
            None,
            Hints {
                family,
                ..Hints::default()
            },
        )?
    };
    let mut addresses = found.iter().map(|entry| entry.address);
    match addresses.next() {
        Some(_) if name.is_empty() && addresses.next().is_some() => {
            Err(Error::Address("wildcard resolved to multiple address"))
        }
        Some(address) if address.as_socket().is_some() => Ok(address),
        _ if name.is_empty() => Err(Error::Address("unsupported address family")),
        _ => Err(Error::Address("unknown address family")),
    }
}

/// Find the address of a host that needs no look-up, as [`host_address`], or nothing.
#[must_use]
pub fn known_address(host: &[u8], family: i32) -> Option<Result<SockAddr>> {
    let any = family == libc::AF_UNSPEC;
    let found = match host {
        b"" => match family {
            libc::AF_INET => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            libc::AF_INET6 => IpAddr::from(Ipv6Addr::UNSPECIFIED),
            _ => return None,
        },
        b"255.255.255.255" | b"<broadcast>" => {
            if !any && family != libc::AF_INET {
                return Some(Err(Error::Address("address family mismatched")));
            }
            IpAddr::from(Ipv4Addr::BROADCAST)
        }
        _ => match ip::parse(host)? {
            ip @ IpAddr::V4(_) if any || family == libc::AF_INET => ip,
            ip @ IpAddr::V6(_) if any || family == libc::AF_INET6 => ip,
            _ => return None,
        },
    };
    Some(Ok(SocketAddr::new(found, 0).into()))
}

/// Read an address as it is given to getnameinfo: no name, and with any number as the port.
pub fn numeric_address(host: &CStr, port: i32) -> Result<SockAddr> {
    if let (Some(ip), Ok(port)) = (ip::parse(host.to_bytes()), u16::try_from(port)) {
        return Ok(SocketAddr::new(ip, port).into());
    }
    let port = CString::new(port.to_string()).unwrap_or_default();
    // Datagrams, so that a port that is a number needs no look-up.
    let hints = Hints {
        kind: libc::SOCK_DGRAM,
        flags: libc::AI_NUMERICHOST,
        ..Hints::default()
    };
    let found = AddressList::look_up(Some(host), Some(&port), hints)?;
    let mut addresses = found.iter().map(|entry| entry.address);
    match (addresses.next(), addresses.next()) {
        (Some(address), None) => Ok(address),
        _ => Err(Error::Address("sockaddr resolved to multiple addresses")),
    }
}
