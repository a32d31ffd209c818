//! Sending and receiving memory that may be shared with others.
//!
//! Python's buffers can be written by other threads while the kernel reads them, which a Rust
//! slice forbids. So these calls take a [`Source`] or a [`Target`]: an address and a length that
//! nobody here ever looks into. This is what socket2's `recv` and `send`, which take slices,
//! cannot offer.

use std::io::Result;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use socket2::{SockAddr, SockAddrStorage};

use super::check;

/// Memory that the kernel may read.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Source<'a>(libc::iovec, PhantomData<&'a [u8]>);

/// Memory that the kernel may write.
#[derive(Debug)]
#[repr(transparent)]
pub struct Target<'a>(libc::iovec, PhantomData<&'a mut [u8]>);

// SAFETY: an address and a length, which only the kernel follows.
unsafe impl Send for Source<'_> {}
// SAFETY: as above.
unsafe impl Sync for Source<'_> {}
// SAFETY: as above.
unsafe impl Send for Target<'_> {}
// SAFETY: as above.
unsafe impl Sync for Target<'_> {}

impl<'a> From<&'a [u8]> for Source<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(
            iovec(bytes.as_ptr().cast_mut().cast(), bytes.len()),
            PhantomData,
        )
    }
}

impl<'a> Source<'a> {
    /// Describe memory that others may write at the same time.
    ///
    /// # Safety
    /// `len` bytes from `start` on can be read for as long as `'a` lasts.
    #[must_use]
    pub const unsafe fn from_raw(start: *const u8, len: usize) -> Self {
        Self(iovec(start.cast_mut(), len), PhantomData)
    }

    /// Return how many bytes there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.iov_len
    }

    /// Return whether there are no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.iov_len == 0
    }

    /// Return where the memory begins, for the kernel to follow.
    pub(super) const fn start(&self) -> *const libc::c_void {
        self.0.iov_base
    }

    /// Copy the bytes, which may change meanwhile.
    ///
    /// # Safety
    /// There is room for [`Source::len`] bytes at `to`.
    pub(super) const unsafe fn copy_to(&self, to: *mut u8) {
        // SAFETY: the source is vouched for, the room is the caller's promise.
        unsafe { to.copy_from_nonoverlapping(self.0.iov_base.cast(), self.0.iov_len) }
    }

    /// Copy the bytes, as they are at this moment; `None` when there is no memory for it.
    #[must_use]
    pub fn to_vec(&self) -> Option<Vec<u8>> {
        let mut copy = Vec::new();
        copy.try_reserve_exact(self.len()).ok()?;
        // SAFETY: the copy has room for as many bytes, and they are all there afterwards.
        unsafe {
            self.copy_to(copy.as_mut_ptr());
            copy.set_len(self.len());
        }
        Some(copy)
    }

    /// Return what lies behind the first `count` bytes, or nothing at all.
    #[must_use]
    pub const fn skip(self, count: usize) -> Self {
        let count = if count < self.0.iov_len {
            count
        } else {
            self.0.iov_len
        };
        // SAFETY: never past the end.
        let start = unsafe { self.0.iov_base.byte_add(count) };
        Self(iovec(start.cast(), self.0.iov_len - count), PhantomData)
    }
}

impl<'a> From<&'a mut [MaybeUninit<u8>]> for Target<'a> {
    fn from(memory: &'a mut [MaybeUninit<u8>]) -> Self {
        Self(iovec(memory.as_mut_ptr().cast(), memory.len()), PhantomData)
    }
}

impl<'a> From<&'a mut [u8]> for Target<'a> {
    fn from(memory: &'a mut [u8]) -> Self {
        Self(iovec(memory.as_mut_ptr(), memory.len()), PhantomData)
    }
}

impl<'a> Target<'a> {
    /// Describe memory that others may read or write at the same time.
    ///
    /// # Safety
    /// `len` bytes from `start` on can be written for as long as `'a` lasts.
    #[must_use]
    pub const unsafe fn from_raw(start: *mut u8, len: usize) -> Self {
        Self(iovec(start, len), PhantomData)
    }

    /// Return how many bytes there is room for.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.iov_len
    }

    /// Return whether there is no room.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.iov_len == 0
    }

    /// Return what lies behind the first `count` bytes, or nothing at all.
    #[must_use]
    pub fn skip(&mut self, count: usize) -> Target<'_> {
        let count = count.min(self.0.iov_len);
        let start = self.0.iov_base.wrapping_byte_add(count);
        Target(iovec(start.cast(), self.0.iov_len - count), PhantomData)
    }

    /// Copy bytes to the beginning, as many as there is room for, and return how many.
    pub fn fill(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.0.iov_len);
        // SAFETY: whoever made the target vouches for its memory, which no slice can be a part of.
        unsafe {
            bytes
                .as_ptr()
                .copy_to_nonoverlapping(self.0.iov_base.cast(), count)
        };
        count
    }

    /// Leave out what lies behind the first `count` bytes.
    #[must_use]
    pub const fn first(mut self, count: usize) -> Self {
        if count < self.0.iov_len {
            self.0.iov_len = count;
        }
        self
    }
}

const fn iovec(start: *mut u8, len: usize) -> libc::iovec {
    libc::iovec {
        iov_base: start.cast(),
        iov_len: len,
    }
}

/// Receive into memory, as recv(2); 0 is the end of a stream.
pub fn recv(fd: BorrowedFd<'_>, into: &mut Target<'_>, flags: i32) -> Result<usize> {
    // SAFETY: whoever made the target vouches for its memory.
    let count = unsafe { libc::recv(fd.as_raw_fd(), into.0.iov_base, into.0.iov_len, flags) };
    check(count).map(|count| count as usize)
}

/// Send from memory, as send(2); it may take less than was offered.
pub fn send(fd: BorrowedFd<'_>, from: Source<'_>, flags: i32) -> Result<usize> {
    // SAFETY: whoever made the source vouches for its memory.
    let count = unsafe { libc::send(fd.as_raw_fd(), from.0.iov_base, from.0.iov_len, flags) };
    check(count).map(|count| count as usize)
}

/// Receive a message and who sent it, as recvfrom(2). A stream that is connected names nobody.
pub fn recv_from(
    fd: BorrowedFd<'_>,
    into: &mut Target<'_>,
    flags: i32,
) -> Result<(usize, SockAddr)> {
    address_from(|name, len| {
        // SAFETY: the target's memory is vouched for, and the address's is its own.
        let count = unsafe {
            libc::recvfrom(
                fd.as_raw_fd(),
                into.0.iov_base,
                into.0.iov_len,
                flags,
                name,
                len,
            )
        };
        check(count).map(|count| count as usize)
    })
}

/// Send a message to an address, as sendto(2).
pub fn send_to(
    fd: BorrowedFd<'_>,
    from: Source<'_>,
    flags: i32,
    address: &SockAddr,
) -> Result<usize> {
    // SAFETY: the source's memory is vouched for; an address knows its length.
    let count = unsafe {
        libc::sendto(
            fd.as_raw_fd(),
            from.0.iov_base,
            from.0.iov_len,
            flags,
            address.as_ptr().cast(),
            address.len(),
        )
    };
    check(count).map(|count| count as usize)
}

/// Run a call that writes an address down, and return the address with its outcome.
pub(super) fn address_from<T>(
    call: impl FnOnce(*mut libc::sockaddr, *mut libc::socklen_t) -> Result<T>,
) -> Result<(T, SockAddr)> {
    let mut storage = SockAddrStorage::zeroed();
    let mut len = storage.size_of();
    let outcome = call((&raw mut storage).cast(), &raw mut len)?;
    // The kernel names the true length of an address that it had to cut.
    let len = len.min(storage.size_of());
    // SAFETY: zeroed storage, of which the kernel filled as much as it says.
    Ok((outcome, unsafe { SockAddr::new(storage, len) }))
}
