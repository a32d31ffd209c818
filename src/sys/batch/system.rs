//! The two calls for many datagrams, and what stands for them on systems that have them not.

pub(super) use self::calls::{Head, TOGETHER, WAIT_FOR_ONE, receive, send};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod calls {
    use std::io::Result;
    use std::os::fd::{AsRawFd, BorrowedFd};

    pub(in super::super) use libc::mmsghdr as Head;

    use crate::sys::check;

    /// Whether there are these calls.
    pub(in super::super) const TOGETHER: bool = true;
    /// Wait for the first datagram, and for no other.
    pub(in super::super) const WAIT_FOR_ONE: i32 = libc::MSG_WAITFORONE;

    /// Receive up to `count` datagrams with recvmmsg(2), and return how many.
    ///
    /// # Safety
    /// There are so many headers, and they describe memory that nobody else looks at.
    pub(in super::super) unsafe fn receive(
        fd: BorrowedFd<'_>,
        heads: *mut Head,
        count: usize,
        flags: i32,
    ) -> Result<usize> {
        let none = std::ptr::null_mut();
        // SAFETY: as the caller says. C libraries differ in the type of the flags.
        let count =
            unsafe { libc::recvmmsg(fd.as_raw_fd(), heads, count as u32, flags as _, none) };
        check(count).map(|count| count as usize)
    }

    /// Send `count` datagrams with sendmmsg(2), and return how many were sent.
    ///
    /// # Safety
    /// There are so many headers, and they describe data that nobody writes to.
    pub(in super::super) unsafe fn send(
        fd: BorrowedFd<'_>,
        heads: *mut Head,
        count: usize,
        flags: i32,
    ) -> Result<usize> {
        // SAFETY: as the caller says. C libraries differ in the type of the flags.
        let count = unsafe { libc::sendmmsg(fd.as_raw_fd(), heads, count as u32, flags as _) };
        check(count).map(|count| count as usize)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod calls {
    use std::io::{ErrorKind, Result};
    use std::os::fd::BorrowedFd;

    #[derive(Clone, Copy, Debug)]
    #[repr(C)]
    pub(in super::super) struct Head {
        pub(in super::super) msg_hdr: libc::msghdr,
        pub(in super::super) msg_len: libc::c_uint,
    }

    pub(in super::super) const TOGETHER: bool = false;
    pub(in super::super) const WAIT_FOR_ONE: i32 = 0;

    /// Fail: nobody asks where the calls are not.
    pub(in super::super) unsafe fn receive(
        _: BorrowedFd<'_>,
        _: *mut Head,
        _: usize,
        _: i32,
    ) -> Result<usize> {
        Err(ErrorKind::Unsupported.into())
    }

    /// Fail: nobody asks where the calls are not.
    pub(in super::super) unsafe fn send(
        _: BorrowedFd<'_>,
        _: *mut Head,
        _: usize,
        _: i32,
    ) -> Result<usize> {
        Err(ErrorKind::Unsupported.into())
    }
}
