//! Where a server listens: addresses, paths, descriptors that somebody else opened.
//!
//! | file      | holds                                                                  |
//! |-----------|------------------------------------------------------------------------|
//! | `bound`   | a socket that is bound to such a place                                 |
//! | `path`    | a Unix socket's file: taken over when it is stale, removed at the end  |
//! | `refusal` | why an address cannot be had, and who is in the way                    |

mod bound;
mod path;
mod refusal;

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;

use socket2::{SockAddr, SockRef};

pub use self::bound::Bound;
use self::refusal::refused;
use crate::error::{Error, Result};
use crate::sys;

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
        SockRef::from(&bound.fd())
            .listen(options.backlog)
            .map_err(|error| match bound.address().as_socket() {
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
        self.bound.unlink();
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

/// Return whether what accept(2) says is that there is nothing left to accept with, which passes.
pub(super) fn is_exhausted(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
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
