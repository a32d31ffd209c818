//! Every call into libc that socket2 has no method for, and nothing else.
//!
//! With four files of `py` (`buffer`, `raw`, `class`, `fast`) this is where `unsafe` lives.
#![allow(unsafe_code)]

pub mod batch;
pub mod clock;
pub mod constants;
pub mod descriptor;
pub mod holder;
pub mod interface;
pub mod io;
pub mod message;
pub mod option;
pub mod poll;
pub mod resolver;
pub(crate) mod sockaddr;

use std::io::{Error, Result};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

/// Names that only Linux has, with numbers elsewhere that nothing has.
#[cfg(target_os = "linux")]
mod linux_only {
    pub use libc::{AF_ALG, AF_VSOCK, SO_PROTOCOL};
}
#[cfg(not(target_os = "linux"))]
#[allow(missing_docs)]
mod linux_only {
    pub const AF_ALG: i32 = -1;
    pub const AF_VSOCK: i32 = -1;
    pub const SO_PROTOCOL: i32 = -1;
}
pub use linux_only::*;

/// Turn the -1 of a system call into the error that `errno` holds.
fn check<T: PartialEq + From<i8>>(outcome: T) -> Result<T> {
    if outcome == T::from(-1) {
        Err(Error::last_os_error())
    } else {
        Ok(outcome)
    }
}

/// Describe an error number in the words of the C library.
#[must_use]
pub fn strerror(errno: i32) -> String {
    let mut text = [0u8; 256];
    // SAFETY: the buffer is ours and its length is passed along; the XSI form terminates it.
    let failed = unsafe { libc::strerror_r(errno, text.as_mut_ptr().cast(), text.len()) };
    match std::ffi::CStr::from_bytes_until_nul(&text) {
        Ok(words) if failed == 0 || !words.is_empty() => words.to_string_lossy().into_owned(),
        _ => format!("Unknown error {errno}"),
    }
}

/// Ask the kernel for a socket, as socket(2); closed on exec.
pub fn open(family: i32, kind: i32, protocol: i32) -> Result<OwnedFd> {
    // The protocol 0 is the family's own choice.
    let socket = Socket::new(family.into(), kind.into(), Some(protocol.into()));
    socket.map(OwnedFd::from)
}

/// Ask the kernel for two sockets that are connected, as socketpair(2); closed on exec.
pub fn pair(family: i32, kind: i32, protocol: i32) -> Result<(OwnedFd, OwnedFd)> {
    let (domain, kind, protocol) = (
        Domain::from(family),
        Type::from(kind),
        Protocol::from(protocol),
    );
    let (one, other) = Socket::pair(domain, kind, Some(protocol))?;
    Ok((one.into(), other.into()))
}

/// Say whether calls on a descriptor return when they would have to wait.
///
/// One FIONBIO, where fcntl(2), which socket2 uses, takes two system calls.
pub fn set_nonblocking(fd: BorrowedFd<'_>, nonblocking: bool) -> Result<()> {
    let mut flag = libc::c_int::from(nonblocking);
    // SAFETY: FIONBIO reads one int, which is ours.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONBIO, &raw mut flag) }).map(drop)
}

/// Accept a connection, as accept(2); closed on exec.
///
/// `named` asks for the address of the other side, which AF_ALG refuses to tell.
pub fn accept(fd: BorrowedFd<'_>, named: bool) -> Result<(OwnedFd, SockAddr)> {
    accept_with(fd, named, libc::SOCK_CLOEXEC)
}

/// Accept a connection whose calls return when they would have to wait, as accept4(2); closed on
/// exec.
pub fn accept_nonblocking(fd: BorrowedFd<'_>) -> Result<(OwnedFd, SockAddr)> {
    accept_with(fd, true, libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK)
}

fn accept_with(fd: BorrowedFd<'_>, named: bool, flags: i32) -> Result<(OwnedFd, SockAddr)> {
    io::address_from(|mut name, mut len| {
        // SAFETY: the address's memory is its own, or none; the new number is owned at once.
        unsafe {
            if !named {
                *len = 0;
                (name, len) = (std::ptr::null_mut(), std::ptr::null_mut());
            }
            let new = check(libc::accept4(fd.as_raw_fd(), name, len, flags))?;
            Ok(OwnedFd::from_raw_fd(new))
        }
    })
}

/// Begin to connect, as connect(2).
pub fn connect(fd: BorrowedFd<'_>, address: &SockAddr) -> Result<()> {
    SockRef::from(&fd).connect(address)
}

/// Tell how a connect ended.
pub fn connected(fd: BorrowedFd<'_>) -> Result<()> {
    match SockRef::from(&fd).take_error()? {
        Some(error) if error.raw_os_error() != Some(libc::EISCONN) => Err(error),
        _ => Ok(()),
    }
}

/// End one direction of a connection or both, as shutdown(2).
pub fn shutdown(fd: BorrowedFd<'_>, how: i32) -> Result<()> {
    // SAFETY: a plain call; the kernel judges the number.
    check(unsafe { libc::shutdown(fd.as_raw_fd(), how) }).map(drop)
}

/// Close a descriptor, as close(2), and say what went wrong, which dropping it would not.
pub fn close(fd: OwnedFd) -> Result<()> {
    // SAFETY: owned until here, and given up.
    check(unsafe { libc::close(std::os::fd::IntoRawFd::into_raw_fd(fd)) }).map(drop)
}

/// Return whether this is the first thread of the process, to which signals go if it takes them.
#[cfg(target_os = "linux")]
#[must_use]
pub fn is_first_thread() -> bool {
    // SAFETY: plain calls without arguments; the C library has no name for the first everywhere.
    unsafe { libc::syscall(libc::SYS_gettid) == libc::c_long::from(libc::getpid()) }
}

/// Where there is no way to tell, it may be.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn is_first_thread() -> bool {
    true
}

/// Make a second descriptor for the same file, as dup(2); closed on exec.
pub fn duplicate(fd: BorrowedFd<'_>) -> Result<OwnedFd> {
    // SAFETY: a plain call; the new number is owned at once.
    unsafe {
        let new = check(libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 0))?;
        Ok(OwnedFd::from_raw_fd(new))
    }
}

/// Make a second descriptor for a file that was open before this program began, known by its
/// number. Both are closed on exec. Errors: EBADF if there is none.
pub fn inherited(number: RawFd) -> Result<OwnedFd> {
    // SAFETY: plain calls that judge the number; the new one is owned at once.
    unsafe {
        let new = check(libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 0))?;
        let new = OwnedFd::from_raw_fd(new);
        check(libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC))?;
        Ok(new)
    }
}

/// Return whether a descriptor lives on in programs that this one starts.
pub fn inheritable(fd: BorrowedFd<'_>) -> Result<bool> {
    // SAFETY: a plain call.
    let flags = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) })?;
    Ok(flags & libc::FD_CLOEXEC == 0)
}

/// Say whether a descriptor lives on in programs that this one starts.
pub fn set_inheritable(fd: BorrowedFd<'_>, inheritable: bool) -> Result<()> {
    let flags = if inheritable { 0 } else { libc::FD_CLOEXEC };
    // SAFETY: a plain call.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, flags) }).map(drop)
}
