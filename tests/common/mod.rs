//! What the tests of the core share. Each test file uses its part of it.
#![allow(dead_code, unsafe_code, clippy::unwrap_used)]

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{OwnedFd, RawFd};
use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rsock::error::Error;
use rsock::net::socket::Kind;
use rsock::net::{Patience, Socket};
use rsock::sys;
use rsock::sys::io::{Source, Target};
use socket2::SockAddr;

/// How long a test may take at all.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) const TCP: Kind = Kind {
    family: libc::AF_INET,
    kind: libc::SOCK_STREAM,
    protocol: 0,
};
pub(crate) const UDP: Kind = Kind {
    family: libc::AF_INET,
    kind: libc::SOCK_DGRAM,
    protocol: 0,
};
pub(crate) const UNIX: Kind = Kind {
    family: libc::AF_UNIX,
    kind: libc::SOCK_STREAM,
    protocol: 0,
};

/// Run a test that fails when it hangs, instead of hanging with it.
pub(crate) fn bounded(body: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel::<()>();
    let runner = thread::spawn(move || {
        // Dropped when the body is done, and when it panics too.
        let _done = done;
        body();
    });
    match finished.recv_timeout(LIMIT) {
        Err(RecvTimeoutError::Timeout) => panic!("not done within {LIMIT:?}"),
        _ => runner.join().unwrap_or_else(|panic| resume_unwind(panic)),
    }
}

/// Make two connected stream sockets.
pub(crate) fn pair() -> (Socket, Socket) {
    let (one, other) = sys::pair(UNIX.family, UNIX.kind, UNIX.protocol).unwrap();
    (Socket::new(one, UNIX), Socket::new(other, UNIX))
}

/// Make a TCP listener on a free port, and say where it listens.
pub(crate) fn listener() -> (Socket, SockAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    (Socket::new(OwnedFd::from(listener), TCP), address.into())
}

pub(crate) const fn limited(millis: u64) -> Patience {
    Patience::Limited(Duration::from_millis(millis))
}

pub(crate) fn source(bytes: &[u8]) -> Source<'_> {
    Source::from(bytes)
}

pub(crate) fn target(bytes: &mut [u8]) -> Target<'_> {
    // SAFETY: the memory is borrowed for as long as the target lives.
    unsafe { Target::from_raw(bytes.as_mut_ptr(), bytes.len()) }
}

/// Return what fcntl(2) says of a number; EBADF if it stands for no file.
pub(crate) fn descriptor_flags(number: RawFd) -> io::Result<i32> {
    // SAFETY: asks about a number, and touches no memory.
    match unsafe { libc::fcntl(number, libc::F_GETFD) } {
        -1 => Err(io::Error::last_os_error()),
        flags => Ok(flags),
    }
}

/// Return the number of an error of the system, or 0 for every other error.
pub(crate) fn errno(error: &Error) -> i32 {
    match error {
        Error::Os(error) => error.raw_os_error().unwrap_or(0),
        _ => 0,
    }
}

#[track_caller]
pub(crate) fn assert_errno<T: std::fmt::Debug>(outcome: Result<T, Error>, expected: i32) {
    match outcome {
        Err(error) => assert_eq!(errno(&error), expected, "{error}"),
        Ok(value) => panic!("expected {}, got {value:?}", sys::strerror(expected)),
    }
}

#[track_caller]
pub(crate) fn assert_timed_out<T: std::fmt::Debug>(outcome: Result<T, Error>) {
    assert!(
        matches!(outcome, Err(Error::TimedOut)),
        "expected a timeout, got {outcome:?}"
    );
}
