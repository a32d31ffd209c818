//! The error of the whole core. It keeps its number until the edge.

use std::io;

/// What can go wrong below Python.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call failed; the number is kept.
    #[error(transparent)]
    Os(#[from] io::Error),

    /// A system call failed, and there is more to say of it than its number does.
    #[error("{message}")]
    System {
        /// The number that the call gave.
        errno: i32,
        /// What happened, to which address, and what to do about it.
        message: String,
    },

    /// The deadline passed before the socket was ready.
    #[error("timed out")]
    TimedOut,

    /// `getaddrinfo` or `getnameinfo` failed, with an `EAI_*` number.
    #[error("{message}")]
    AddressInfo {
        /// The `EAI_*` number.
        code: i32,
        /// What `gai_strerror` says of it.
        message: String,
    },

    /// The older look-ups (`gethostbyname`) failed, with an `h_errno` number.
    #[error("{message}")]
    Host {
        /// The `h_errno` number.
        code: i32,
        /// What `hstrerror` says of it.
        message: String,
    },

    /// The address cannot be written down in the form that the kernel reads.
    #[error("{0}")]
    Address(&'static str),
}

impl Error {
    /// Make the error that a system call with this number would have given.
    #[must_use]
    pub fn from_errno(errno: i32) -> Self {
        Self::Os(io::Error::from_raw_os_error(errno))
    }

    /// Return the number of the system call that failed, if it was one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Os(error) => error.raw_os_error(),
            Self::System { errno, .. } => Some(*errno),
            _ => None,
        }
    }
}

/// A result of the core.
pub type Result<T> = std::result::Result<T, Error>;
