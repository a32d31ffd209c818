//! From the name of a host to an address, and from an address to its text.

use std::ffi::CStr;
use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::SockAddr;

use crate::error::{Error, Result};
use crate::sys::resolver::{AddressList, Hints};

/// Find an address for a host, with the port 0.
///
/// "" is the address that stands for all of this machine's, "<broadcast>" the one that stands for
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
        _ => match ip_address(host)? {
            ip @ IpAddr::V4(_) if any || family == libc::AF_INET => ip,
            ip @ IpAddr::V6(_) if any || family == libc::AF_INET6 => ip,
            _ => return None,
        },
    };
    Some(Ok(SocketAddr::new(found, 0).into()))
}

/// Read an IPv4 or IPv6 address in its strict form, as inet_pton(3).
#[must_use]
pub fn ip_address(text: &[u8]) -> Option<IpAddr> {
    // Names are told apart from addresses at the first glance, nearly always.
    if !text
        .first()
        .is_some_and(|first| first.is_ascii_hexdigit() || *first == b':')
    {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Read an address as it is given to getnameinfo: no name, and with any number as the port.
pub fn numeric_address(host: &CStr, port: &CStr) -> Result<SockAddr> {
    // Datagrams, so that a port that is a number needs no look-up.
    let hints = Hints {
        kind: libc::SOCK_DGRAM,
        flags: libc::AI_NUMERICHOST,
        ..Hints::default()
    };
    let found = AddressList::look_up(Some(host), Some(port), hints)?;
    let mut addresses = found.iter().map(|entry| entry.address);
    match (addresses.next(), addresses.next()) {
        (Some(address), None) => Ok(address),
        _ => Err(Error::Address("sockaddr resolved to multiple addresses")),
    }
}

/// The text of an IP address, made without allocation.
#[derive(Clone, Copy, Debug)]
pub struct IpText {
    text: [u8; Self::ROOM],
    len: usize,
}

impl IpText {
    /// As long as the longest IPv6 address.
    const ROOM: usize = 45;

    /// Return the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..self.len]).unwrap_or_default()
    }
}

impl Write for IpText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let into = self.text.get_mut(self.len..end).ok_or(fmt::Error)?;
        into.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

impl From<Ipv4Addr> for IpText {
    fn from(ip: Ipv4Addr) -> Self {
        let mut made = Self {
            text: [0; Self::ROOM],
            len: 0,
        };
        let mut push = |byte| {
            made.text[made.len] = byte;
            made.len += 1;
        };
        for (place, octet) in ip.octets().into_iter().enumerate() {
            if place > 0 {
                push(b'.');
            }
            if octet > 99 {
                push(b'0' + octet / 100);
            }
            if octet > 9 {
                push(b'0' + octet / 10 % 10);
            }
            push(b'0' + octet % 10);
        }
        made
    }
}

impl From<Ipv6Addr> for IpText {
    /// Write the address as inet_ntop(3) does: also ::1.2.3.4, which Rust writes in hexadecimal.
    fn from(ip: Ipv6Addr) -> Self {
        let mut made = Self {
            text: [0; Self::ROOM],
            len: 0,
        };
        let outcome = match ip.segments() {
            [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
                let tail = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
                write!(made, "::{}", Self::from(tail).as_str())
            }
            _ => write!(made, "{ip}"),
        };
        debug_assert!(outcome.is_ok(), "there is room for the longest address");
        made
    }
}

impl From<IpAddr> for IpText {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => ip.into(),
            IpAddr::V6(ip) => ip.into(),
        }
    }
}
