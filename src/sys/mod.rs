//! Every call into libc that socket2 has no method for, and nothing else.
//!
//! With `py/buffer.rs` and `py/raw.rs` this is where `unsafe` lives.
#![allow(unsafe_code)]

pub mod control;
pub mod descriptor;
pub mod interface;
pub mod io;
pub mod poll;
pub mod resolver;

use std::io::{Error, Result};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

/// The family of the kernel's cryptography, or a number that no family has.
#[cfg(target_os = "linux")]
pub const AF_ALG: i32 = libc::AF_ALG;
#[cfg(not(target_os = "linux"))]
#[allow(missing_docs)]
pub const AF_ALG: i32 = -1;

/// Turn the -1 of a system call into the error that `errno` holds.
fn check<T: PartialEq + From<i8>>(outcome: T) -> Result<T> {
    if outcome == T::from(-1) { Err(Error::last_os_error()) } else { Ok(outcome) }
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
    let (domain, kind, protocol) =
        (Domain::from(family), Type::from(kind), Protocol::from(protocol));
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
    io::address_from(|mut name, mut len| {
        // SAFETY: the address's memory is its own, or none; the new number is owned at once.
        unsafe {
            if !named {
                *len = 0;
                (name, len) = (std::ptr::null_mut(), std::ptr::null_mut());
            }
            let new = check(libc::accept4(fd.as_raw_fd(), name, len, libc::SOCK_CLOEXEC))?;
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
