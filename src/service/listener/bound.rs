//! A socket that is bound to the place where a server listens.

use std::ffi::CString;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use socket2::{SockAddr, SockRef};

use super::path::{self, OwnPath};
use super::refusal::refused;
use super::{ListenOptions, Place};
use crate::error::{Error, Result};
use crate::net::address::Address;
use crate::net::resolver;
use crate::sys;

/// A socket with an address. Calls on it do not wait, and its path goes when it does.
#[derive(Debug)]
pub struct Bound {
    /// Goes before the descriptor: while that is open, nobody takes the path for a stale one.
    path: Option<OwnPath>,
    fd: OwnedFd,
    address: SockAddr,
}

impl Bound {
    /// Bind a datagram socket, which receives from then on.
    ///
    /// Errors: those of socket(2) and bind(2); that of a port in use says who uses it.
    pub fn datagram(place: &Place, options: &ListenOptions) -> Result<Self> {
        Self::new(place, options, libc::SOCK_DGRAM)
    }

    /// Return the descriptor.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Return where it is bound, with the port that the kernel chose.
    #[must_use]
    pub fn address(&self) -> SockAddr {
        self.address.clone()
    }

    pub(super) fn new(place: &Place, options: &ListenOptions, kind: i32) -> Result<Self> {
        let bound = match place {
            Place::Ip { host, port } => Self::ip(host, *port, options, kind)?,
            Place::Path(path) => {
                let (fd, own) = path::bind(path, kind)?;
                named(fd, Some(own))?
            }
            Place::Abstract(name) => Self::abstract_name(name, kind)?,
            Place::Fd(fd) => Self::taken(sys::duplicate(fd.as_fd())?, kind)?,
            Place::Systemd(name) => Self::taken(activated(name.as_deref())?, kind)?,
        };
        sys::set_nonblocking(bound.fd(), true)?;
        Ok(bound)
    }

    /// Remove the path, and leave the socket as it is.
    pub(super) fn unlink(&self) {
        self.path.iter().for_each(OwnPath::remove);
    }

    fn ip(host: &str, port: u16, options: &ListenOptions, kind: i32) -> Result<Self> {
        match Self::ip_at(resolve(host, port, options)?, options, kind) {
            // "All addresses" on a machine without IPv6 are those of IPv4.
            Err(error) if host.is_empty() && is_without_ipv6(&error) => {
                Self::ip_at(SocketAddr::from(([0, 0, 0, 0], port)), options, kind)
            }
            outcome => outcome,
        }
    }

    fn ip_at(address: SocketAddr, options: &ListenOptions, kind: i32) -> Result<Self> {
        let name = SockAddr::from(address);
        let fd = sys::open(i32::from(name.family()), kind, 0)?;
        let socket = SockRef::from(&fd);
        if kind == libc::SOCK_STREAM {
            // What a client that is still about to go holds does not stop a server that is run
            // again. With datagrams the same option would let two servers share a port unnoticed.
            socket.set_reuse_address(true)?;
            // An answer is sent in one piece, and need not wait for the acknowledgement of the
            // one before. Connections take this over from their listener.
            socket.set_tcp_nodelay(true)?;
        }
        if options.reuse_port {
            socket.set_reuse_port(true)?;
        }
        if address.is_ipv6() {
            // Not left to the system's setting: the same program means the same everywhere.
            socket.set_only_v6(!options.dualstack)?;
        }
        socket
            .bind(&name)
            .and_then(|()| named(fd, None))
            .map_err(|error| refused(&error, address, kind))
    }

    fn abstract_name(name: &[u8], kind: i32) -> Result<Self> {
        let mut bytes = Vec::with_capacity(name.len() + 1);
        bytes.push(0);
        bytes.extend_from_slice(name);
        let address = Address::Unix(&bytes).to_sockaddr()?;
        let fd = sys::open(libc::AF_UNIX, kind, 0)?;
        SockRef::from(&fd).bind(&address)?;
        Ok(named(fd, None)?)
    }

    /// Use a socket that somebody else opened, of the right kind.
    fn taken(fd: OwnedFd, kind: i32) -> Result<Self> {
        if sys::option::get_int(fd.as_fd(), libc::SOL_SOCKET, libc::SO_TYPE)? != kind {
            let message = match kind {
                libc::SOCK_STREAM => "the descriptor is no stream socket",
                _ => "the descriptor is no datagram socket",
            };
            return Err(Error::System {
                errno: libc::EINVAL,
                message: message.to_owned(),
            });
        }
        Ok(named(fd, None)?)
    }
}

/// Ask a socket for its address.
fn named(fd: OwnedFd, path: Option<OwnPath>) -> io::Result<Bound> {
    let address = SockRef::from(&fd).local_addr()?;
    Ok(Bound { path, fd, address })
}

/// Find the address to bind to. A name is asked for IPv4 first, as Python's own servers do.
fn resolve(host: &str, port: u16, options: &ListenOptions) -> Result<SocketAddr> {
    if host.is_empty() {
        let all = if options.dualstack {
            SocketAddr::from(([0u16; 8], port))
        } else {
            SocketAddr::from(([0u8; 4], port))
        };
        return Ok(all);
    }
    let name = CString::new(host).map_err(|_| Error::Address("a host has no NUL in its name"))?;
    let found = if host.contains(':') {
        resolver::host_address(&name, libc::AF_INET6)
    } else {
        resolver::host_address(&name, libc::AF_INET)
            .or_else(|_| resolver::host_address(&name, libc::AF_UNSPEC))
    };
    let mut address = found?
        .as_socket()
        .ok_or(Error::Address("unsupported address family"))?;
    address.set_port(port);
    Ok(address)
}

/// Use the socket of this name, or the first, of those that systemd opened: sd_listen_fds(3).
///
/// They stay open, closed on exec: a server that is started again finds them again.
fn activated(name: Option<&str>) -> Result<OwnedFd> {
    const FIRST: RawFd = 3;
    let variable = |name| std::env::var(name).ok();
    let number = |name| variable(name).and_then(|text| text.parse::<u32>().ok());
    let count = if number("LISTEN_PID") == Some(std::process::id()) {
        number("LISTEN_FDS").unwrap_or(0)
    } else {
        0
    };
    let place = match name {
        None => 0,
        Some(name) => variable("LISTEN_FDNAMES")
            .and_then(|names| names.split(':').position(|known| known == name))
            .unwrap_or(usize::MAX),
    };
    match RawFd::try_from(place) {
        Ok(place) if place.unsigned_abs() < count => Ok(sys::inherited(FIRST + place)?),
        _ => {
            let which = name
                .map(|name| format!(" named {name}"))
                .unwrap_or_default();
            Err(Error::System {
                errno: libc::EBADF,
                message: format!(
                    "systemd passed no socket{which} to this process (see LISTEN_PID, LISTEN_FDS \
                     and LISTEN_FDNAMES)"
                ),
            })
        }
    }
}

fn is_without_ipv6(error: &Error) -> bool {
    matches!(
        error.errno(),
        Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)
    )
}
