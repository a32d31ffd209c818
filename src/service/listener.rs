//! Where a server listens: addresses, paths, descriptors that somebody else opened.

use std::ffi::CString;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use socket2::{SockAddr, SockRef};

use crate::error::{Error, Result};
use crate::net::address::Address;
use crate::net::resolver;
use crate::sys;
use crate::sys::holder::{self, Ports};

/// Where a server listens.
#[derive(Debug)]
pub enum Place {
    /// A port of one of this machine's addresses. "" stands for all of them, and the port 0 for
    /// one that is free.
    Ip {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket in the file system.
    Path(PathBuf),
    /// A Unix socket with an abstract name, given without the NUL in front. Only Linux has them.
    Abstract(Vec<u8>),
    /// A socket that is bound already. It stays with its owner: a duplicate is used, which shares
    /// with it that calls no longer wait.
    Fd(OwnedFd),
    /// A socket that systemd opened for this process: the first, or the first of this name.
    Systemd(Option<String>),
}

/// How a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// How many clients may wait to be accepted.
    pub backlog: i32,
    /// Whether several processes may listen at the same port, and share its clients.
    pub reuse_port: bool,
    /// Whether "" and "::" stand for all IPv4 addresses as well.
    pub dualstack: bool,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            backlog: 128,
            reuse_port: false,
            dualstack: false,
        }
    }
}

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

    fn new(place: &Place, options: &ListenOptions, kind: i32) -> Result<Self> {
        let bound = match place {
            Place::Ip { host, port } => Self::ip(host, *port, options, kind)?,
            Place::Path(path) => Self::path(path, kind)?,
            Place::Abstract(name) => Self::abstract_name(name, kind)?,
            Place::Fd(fd) => Self::taken(sys::duplicate(fd.as_fd())?, kind)?,
            Place::Systemd(name) => Self::taken(activated(name.as_deref())?, kind)?,
        };
        sys::set_nonblocking(bound.fd(), true)?;
        Ok(bound)
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

    fn path(path: &Path, kind: i32) -> Result<Self> {
        // The working directory may change before the path is removed.
        let path = std::path::absolute(path)?;
        let name = Address::Unix(path.as_os_str().as_bytes()).to_sockaddr()?;
        let fd = sys::open(libc::AF_UNIX, kind, 0)?;
        let socket = SockRef::from(&fd);
        let outcome = match socket.bind(&name) {
            Err(error) if is_in_use(&error) && remove_stale(&path, &name, kind) => {
                socket.bind(&name)
            }
            outcome => outcome,
        };
        let own = outcome.and_then(|()| OwnPath::new(path.clone()));
        own.and_then(|own| named(fd, Some(own)))
            .map_err(|error| refused_path(&error, &path))
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

/// Where a server listens for streams.
#[derive(Debug)]
pub struct Listener {
    bound: Bound,
}

impl Listener {
    /// Bind a stream socket and listen.
    ///
    /// A Unix path where nobody listens any more is taken over. Errors: those of socket(2),
    /// bind(2) and listen(2); that of a port in use says who uses it.
    pub fn bind(place: &Place, options: &ListenOptions) -> Result<Self> {
        let bound = Bound::new(place, options, libc::SOCK_STREAM)?;
        // Of two sockets that may both be bound to a port only one may listen.
        SockRef::from(&bound.fd)
            .listen(options.backlog)
            .map_err(|error| match bound.address.as_socket() {
                Some(address) => refused(&error, address, libc::SOCK_STREAM),
                None => Error::Os(error),
            })?;
        Ok(Self { bound })
    }

    /// Accept a client, whose socket does not wait and is closed on exec; `None` if there is none.
    ///
    /// A client that gave up before is passed over. Errors: EMFILE and its like.
    pub fn accept(&self) -> io::Result<Option<(OwnedFd, SockAddr)>> {
        loop {
            match sys::accept_nonblocking(self.fd()) {
                Ok(accepted) => return Ok(Some(accepted)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if is_of_client(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Remove the path before the listener goes, so that nobody else finds the way to it.
    pub(super) fn unlink(&self) {
        self.bound.path.iter().for_each(OwnPath::remove);
    }

    /// Return the descriptor that becomes readable when a client comes.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.bound.fd()
    }

    /// Return where it listens, with the port that the kernel chose.
    #[must_use]
    pub fn address(&self) -> SockAddr {
        self.bound.address()
    }
}

/// Return whether what accept(2) says concerns the one client, or nobody.
fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::EINTR
                | libc::ECONNABORTED
                | libc::EPROTO
                | libc::EPERM
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ENOPROTOOPT
        )
    )
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

fn is_in_use(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EADDRINUSE)
}

fn is_without_ipv6(error: &Error) -> bool {
    matches!(
        error.errno(),
        Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)
    )
}

/// Say what went wrong at which address, and who is in the way.
fn refused(error: &io::Error, address: SocketAddr, kind: i32) -> Error {
    let errno = error.raw_os_error().unwrap_or(libc::EIO);
    let (ip, port) = (address.ip(), address.port());
    let reason = match errno {
        libc::EADDRINUSE => match holder::find(ports(kind), ip.to_canonical(), port) {
            Some(holder) if holder.pid == std::process::id() => {
                "; this process itself holds it: stop that server first, or take another port"
                    .to_owned()
            }
            Some(holder) => format!(
                "; {} (process {}) holds it: stop that one first, or take another port",
                holder.name, holder.pid
            ),
            None => "; take another port, or stop who holds it".to_owned(),
        },
        libc::EACCES if port < 1024 => "; ports below 1024 are for privileged programs".to_owned(),
        libc::EADDRNOTAVAIL => "; that is no address of this machine".to_owned(),
        _ => String::new(),
    };
    Error::System {
        errno,
        message: format!(
            "{}: port {port} of {}{reason}",
            sys::strerror(errno),
            shown(ip)
        ),
    }
}

fn shown(ip: IpAddr) -> String {
    if ip.is_unspecified() {
        "all interfaces".to_owned()
    } else {
        ip.to_string()
    }
}

fn ports(kind: i32) -> Ports {
    if kind == libc::SOCK_DGRAM {
        Ports::Udp
    } else {
        Ports::Tcp
    }
}

/// Say what went wrong at which path.
fn refused_path(error: &io::Error, path: &Path) -> Error {
    let errno = error.raw_os_error().unwrap_or(libc::EIO);
    let reason = match errno {
        libc::EADDRINUSE if is_socket(path) => "; another server listens there",
        libc::EADDRINUSE => "; there is a file that is no socket",
        libc::ENOENT => "; there is no such directory",
        _ => "",
    };
    Error::System {
        errno,
        message: format!("{}: {}{reason}", sys::strerror(errno), path.display()),
    }
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// Remove a socket file if nobody listens there any more, and return whether it is gone.
fn remove_stale(path: &Path, name: &SockAddr, kind: i32) -> bool {
    let Ok(found) = OwnPath::new(path.to_owned()) else {
        return false;
    };
    let nobody = is_socket(path)
        && sys::open(libc::AF_UNIX, kind, 0).is_ok_and(|probe| {
            // A full backlog is a server too: the probe must not wait for room in it.
            sys::set_nonblocking(probe.as_fd(), true).is_ok()
                && sys::connect(probe.as_fd(), name)
                    .is_err_and(|error| error.raw_os_error() == Some(libc::ECONNREFUSED))
        });
    if nobody {
        // Gone if it is still the file that was probed.
        drop(found);
    } else {
        found.leave();
    }
    nobody
}

/// A socket file that is removed when its server goes, if it is still the same file.
#[derive(Debug)]
struct OwnPath {
    path: PathBuf,
    file: (u64, u64),
    /// A forked child has the listener too, but the path belongs to the one that made it.
    process: u32,
}

impl OwnPath {
    fn new(path: PathBuf) -> io::Result<Self> {
        Ok(Self {
            file: identity(&path)?,
            process: std::process::id(),
            path,
        })
    }

    /// Leave the file where it is.
    fn leave(mut self) {
        self.process = 0;
    }

    /// Remove the file, if it is still the same and this process made it.
    fn remove(&self) {
        let ours = self.process == std::process::id()
            && identity(&self.path).is_ok_and(|file| file == self.file);
        if ours {
            // Somebody may have been faster; then there is nothing left to do.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for OwnPath {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Tell a file from every other one.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}
