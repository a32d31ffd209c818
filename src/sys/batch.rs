//! Many datagrams in one call: recvmmsg(2) and sendmmsg(2), or one by one where there are none.
#![allow(
    clippy::unnecessary_cast,
    reason = "C libraries differ in the width of these lengths"
)]

use std::io::{Error, ErrorKind, Result};
use std::mem::size_of;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use socket2::{SockAddr, SockAddrStorage};

use super::check;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    pub(super) use libc::{mmsghdr as Head, recvmmsg, sendmmsg};
    pub(super) const TOGETHER: bool = true;
    pub(super) const WAIT_FOR_ONE: i32 = libc::MSG_WAITFORONE;
}
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    #[derive(Clone, Copy)]
    #[repr(C)]
    pub(super) struct Head {
        pub(super) msg_hdr: libc::msghdr,
        pub(super) msg_len: libc::c_uint,
    }
    pub(super) const TOGETHER: bool = false;
    pub(super) const WAIT_FOR_ONE: i32 = 0;
}
use system::Head;

/// Room for what the kernel says beside a datagram, in the units that its headers are aligned to.
type Control = [u64; 16];

const NAME_ROOM: libc::socklen_t = size_of::<libc::sockaddr_storage>() as libc::socklen_t;

/// How many more networks a datagram may pass: the TTL of IPv4, the hop limit of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// The option that tells, which is the one that sets it too.
    option: (i32, i32),
    /// How many.
    pub left: i32,
}

impl Life {
    /// Make a life of another length for a datagram of the same kind.
    #[must_use]
    pub const fn with_left(self, left: i32) -> Self {
        Self { left, ..self }
    }
}

/// One datagram, as it was received.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// What it holds, as much of it as there was room for.
    pub data: &'a [u8],
    /// Who sent it; an address of no length if nobody is named.
    pub from: SockAddr,
    /// Whether there was more of it.
    pub cut: bool,
    /// How much further it might have gone, if the socket was asked to tell.
    pub life: Option<Life>,
}

/// One datagram to send in answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Which of the received datagrams it answers.
    pub to: usize,
    /// Where its data is among all that is sent.
    pub bytes: Range<usize>,
    /// How far it may go, if that is not left to the socket.
    pub life: Option<Life>,
}

/// Room for some datagrams that are received at once, and answered at once.
#[derive(Debug)]
pub struct Batch {
    together: bool,
    /// How long a datagram may be, and how far apart they lie.
    size: usize,
    stride: usize,
    memory: Table<u8>,
    received: Messages,
    sent: Messages,
    /// How many headers the kernel wrote to, which are to be reset.
    used: usize,
    /// How many times in a row there was one datagram only.
    alone: u32,
}

impl Batch {
    /// Make room for `count` datagrams of up to `size` bytes. What is never used takes no memory.
    #[must_use]
    pub fn new(count: usize, size: usize) -> Self {
        let count = count.clamp(1, 1024);
        // Were the distance a power of two, all datagrams would compete for the same few lines of
        // the processor's cache. So it is an odd number of lines.
        let stride = (size.div_ceil(64) | 1) * 64;
        let batch = Self {
            together: system::TOGETHER,
            size,
            stride,
            memory: Table::zeroed(count * stride),
            received: Messages::new(count),
            sent: Messages::new(count),
            used: count,
            alone: 0,
        };
        for index in 0..count {
            let message = batch.received.at(index);
            // SAFETY: the tables have `count` entries each, and never move.
            unsafe {
                *message.piece = libc::iovec {
                    iov_base: batch.memory.at(index * stride).cast(),
                    iov_len: size,
                };
                let header = &raw mut (*message.head).msg_hdr;
                (*header).msg_name = message.name.cast();
                (*header).msg_control = message.control.cast();
                (*header).msg_iov = message.piece;
                (*header).msg_iovlen = 1;
                let header = &raw mut (*batch.sent.heads.at(index)).msg_hdr;
                (*header).msg_iov = batch.sent.pieces.at(index);
                (*header).msg_iovlen = 1;
            }
        }
        batch
    }

    /// Make system calls for one datagram each, as systems without the others have to.
    #[must_use]
    pub fn one_by_one(mut self) -> Self {
        self.together = false;
        self
    }

    /// Return how many datagrams there is room for.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.received.count
    }

    /// Receive what is there, and return how many datagrams; `wait` for one if there is none.
    ///
    /// Errors: those of recvmsg(2), if they came before any datagram.
    pub fn receive(&mut self, fd: BorrowedFd<'_>, wait: bool) -> Result<usize> {
        self.reset();
        let room = self.room();
        let count = if self.together && room > 1 {
            let flags = if wait {
                system::WAIT_FOR_ONE
            } else {
                libc::MSG_DONTWAIT
            };
            self.receive_together(fd, flags)
        } else {
            self.received.each(room, |index, head| {
                let wait = wait && index == 0;
                let flags = if wait { 0 } else { libc::MSG_DONTWAIT };
                // SAFETY: the header describes memory of ours, as `new` and `reset` set it up, and
                // nobody else looks at it meanwhile.
                unsafe {
                    let len = libc::recvmsg(fd.as_raw_fd(), &raw mut (*head).msg_hdr, flags);
                    (*head).msg_len = check(len)? as libc::c_uint;
                }
                Ok(())
            })
        };
        self.alone = match count {
            Ok(1) => self.alone.wrapping_add(1),
            _ => 0,
        };
        self.used = *count.as_ref().unwrap_or(&1);
        count
    }

    /// Look at one of the datagrams that were received last.
    ///
    /// # Panics
    /// If there were not so many.
    #[must_use]
    pub fn datagram(&self, index: usize) -> Datagram<'_> {
        assert!(index < self.used, "one of the datagrams that were received");
        let message = self.received.at(index);
        // SAFETY: the kernel has filled in this header, and what it leads to; nothing is written to
        // while the batch is borrowed. It names the true length of an address that it had to cut.
        unsafe {
            let header = &(*message.head).msg_hdr;
            let len = self.size.min((*message.head).msg_len as usize);
            let mut storage = SockAddrStorage::zeroed();
            let named = header.msg_namelen.min(NAME_ROOM);
            (&raw mut storage)
                .cast::<u8>()
                .copy_from_nonoverlapping(message.name.cast::<u8>(), named as usize);
            Datagram {
                data: std::slice::from_raw_parts(self.memory.at(index * self.stride), len),
                from: SockAddr::new(storage, named),
                cut: header.msg_flags & libc::MSG_TRUNC != 0,
                life: life(header),
            }
        }
    }

    /// Send answers to datagrams that were received last, without waiting, and return how many.
    ///
    /// Errors: those of sendmsg(2) for the first of them.
    ///
    /// # Panics
    /// If an answer is to none of these datagrams, or not within `bytes`.
    pub fn send(
        &mut self,
        fd: BorrowedFd<'_>,
        answers: &[Outgoing],
        bytes: &[u8],
    ) -> Result<usize> {
        let count = answers.len().min(self.capacity());
        for (index, answer) in answers[..count].iter().enumerate() {
            assert!(
                answer.to < self.used,
                "an answer to a datagram that was received"
            );
            let data = &bytes[answer.bytes.clone()];
            let (question, message) = (self.received.at(answer.to), self.sent.at(index));
            // SAFETY: entries of tables of ours, as above; the kernel only reads from the data.
            unsafe {
                *message.piece = libc::iovec {
                    iov_base: data.as_ptr().cast_mut().cast(),
                    iov_len: data.len(),
                };
                let header = &raw mut (*message.head).msg_hdr;
                (*header).msg_name = question.name.cast();
                (*header).msg_namelen = (*question.head).msg_hdr.msg_namelen.min(NAME_ROOM);
                set_life(header, message.control, answer.life);
            }
        }
        let now = libc::MSG_DONTWAIT;
        if self.together && count > 1 {
            return self.send_together(fd, count, now);
        }
        self.sent.each(count, |_, head| {
            // SAFETY: the header describes data that is borrowed, and memory of ours.
            check(unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const (*head).msg_hdr, now) })
                .map(drop)
        })
    }

    /// Return how many datagrams to receive now.
    ///
    /// Where each one waits for the answer to the one before, looking for a second is in vain, and
    /// costs a tenth of the whole. So it is left out for most, until a second one is there.
    const fn room(&self) -> usize {
        let in_vain = self.together && self.alone >= 4 && self.alone % 8 != 0;
        if in_vain { 1 } else { self.capacity() }
    }

    /// Set back what the kernel changed in the headers.
    fn reset(&mut self) {
        for index in 0..self.used {
            // SAFETY: a header of ours.
            unsafe {
                let header = &raw mut (*self.received.heads.at(index)).msg_hdr;
                (*header).msg_namelen = NAME_ROOM;
                (*header).msg_controllen = size_of::<Control>() as _;
                (*header).msg_flags = 0;
            }
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn receive_together(&self, fd: BorrowedFd<'_>, flags: i32) -> Result<usize> {
        let (heads, count) = (self.received.heads.start, self.capacity() as u32);
        let none = std::ptr::null_mut();
        // SAFETY: so many headers, which describe memory of ours. C libraries differ in the type
        // of the flags.
        let count = unsafe { system::recvmmsg(fd.as_raw_fd(), heads, count, flags as _, none) };
        check(count).map(|count| count as usize)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn send_together(&self, fd: BorrowedFd<'_>, count: usize, flags: i32) -> Result<usize> {
        // SAFETY: so many headers, which describe data that is borrowed, and memory of ours.
        let count = unsafe {
            system::sendmmsg(
                fd.as_raw_fd(),
                self.sent.heads.start,
                count as u32,
                flags as _,
            )
        };
        check(count).map(|count| count as usize)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn receive_together(&self, _: BorrowedFd<'_>, _: i32) -> Result<usize> {
        Err(ErrorKind::Unsupported.into())
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn send_together(&self, _: BorrowedFd<'_>, _: usize, _: i32) -> Result<usize> {
        Err(ErrorKind::Unsupported.into())
    }
}

/// Headers, and what each of them leads to.
#[derive(Debug)]
struct Messages {
    count: usize,
    heads: Table<Head>,
    pieces: Table<libc::iovec>,
    names: Table<libc::sockaddr_storage>,
    controls: Table<Control>,
}

/// Where the parts of one message are.
struct Message {
    head: *mut Head,
    piece: *mut libc::iovec,
    name: *mut libc::sockaddr_storage,
    control: *mut Control,
}

impl Messages {
    fn new(count: usize) -> Self {
        Self {
            count,
            heads: Table::zeroed(count),
            pieces: Table::zeroed(count),
            names: Table::zeroed(count),
            controls: Table::zeroed(count),
        }
    }

    fn at(&self, index: usize) -> Message {
        Message {
            head: self.heads.at(index),
            piece: self.pieces.at(index),
            name: self.names.at(index),
            control: self.controls.at(index),
        }
    }

    /// Do something with each message until it fails, and return with how many it did not.
    fn each(
        &self,
        count: usize,
        mut act: impl FnMut(usize, *mut Head) -> Result<()>,
    ) -> Result<usize> {
        for index in 0..count {
            match act(index, self.heads.at(index)) {
                Ok(()) => {}
                Err(error) if index == 0 => return Err(error),
                Err(_) => return Ok(index),
            }
        }
        Ok(count)
    }
}

/// Memory of the kernel's types that is reached through one pointer only, so that what the kernel
/// was told of it once stays true.
#[derive(Debug)]
struct Table<T> {
    start: *mut T,
    len: usize,
}

// SAFETY: memory that is owned, as a vector's. It holds numbers, and addresses of other tables, which
// are owned by the same batch.
unsafe impl<T> Send for Table<T> {}

impl<T> Table<T> {
    /// Make a table of zeros, which are a value of all types that are used here.
    fn zeroed(len: usize) -> Self {
        let layout = Self::layout(len);
        // SAFETY: no table is empty.
        let start = unsafe { std::alloc::alloc_zeroed(layout) }.cast::<T>();
        if start.is_null() {
            std::alloc::handle_alloc_error(layout);
        }
        Self { start, len }
    }

    fn layout(len: usize) -> std::alloc::Layout {
        assert!(len > 0 && size_of::<T>() > 0, "a table holds something");
        std::alloc::Layout::array::<T>(len).expect("a table fits into the address space")
    }

    fn at(&self, index: usize) -> *mut T {
        assert!(index < self.len, "an entry of the table");
        // SAFETY: within the table.
        unsafe { self.start.add(index) }
    }
}

impl<T> Drop for Table<T> {
    fn drop(&mut self) {
        // SAFETY: allocated with the same layout; the types have nothing to drop.
        unsafe { std::alloc::dealloc(self.start.cast(), Self::layout(self.len)) }
    }
}

/// Find out how far a datagram might have gone.
///
/// # Safety
/// The header leads to control data as the kernel left it.
unsafe fn life(header: &libc::msghdr) -> Option<Life> {
    // SAFETY: the macros stay within the control data, whose items are as long as they say.
    unsafe {
        let mut item = libc::CMSG_FIRSTHDR(header);
        while let Some(found) = item.as_ref() {
            let option = match (found.cmsg_level, found.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_TTL | libc::IP_RECVTTL) => Some(libc::IP_TTL),
                (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => Some(libc::IPV6_HOPLIMIT),
                _ => None,
            };
            if let Some(option) = option {
                if found.cmsg_len as usize >= libc::CMSG_LEN(size_of::<i32>() as u32) as usize {
                    let left = libc::CMSG_DATA(item).cast::<i32>().read_unaligned();
                    return Some(Life {
                        option: (found.cmsg_level, option),
                        left,
                    });
                }
            }
            item = libc::CMSG_NXTHDR(header, item);
        }
    }
    None
}

/// Say how far a message may go.
///
/// # Safety
/// Both pointers lead to memory that nobody else looks at.
unsafe fn set_life(header: *mut libc::msghdr, control: *mut Control, life: Option<Life>) {
    let room = size_of::<i32>() as u32;
    // SAFETY: one item with one int is shorter than the room for control data.
    unsafe {
        let Some(Life {
            option: (level, kind),
            left,
        }) = life
        else {
            (*header).msg_control = std::ptr::null_mut();
            (*header).msg_controllen = 0;
            return;
        };
        (*header).msg_control = control.cast();
        (*header).msg_controllen = libc::CMSG_SPACE(room) as _;
        let item = control.cast::<libc::cmsghdr>();
        (*item).cmsg_level = level;
        (*item).cmsg_type = kind;
        (*item).cmsg_len = libc::CMSG_LEN(room) as _;
        libc::CMSG_DATA(item).cast::<i32>().write_unaligned(left);
    }
}

/// Ask a socket to tell how far its datagrams might have gone, and return whether it will.
pub fn tell_life(fd: BorrowedFd<'_>) -> bool {
    let set =
        |level, name| super::option::set(fd, level, name, 1i32.to_ne_bytes()[..].into()).is_ok();
    // A socket of IPv6 has both, the older one for clients of IPv4.
    let older = set(libc::IPPROTO_IP, libc::IP_RECVTTL);
    set(libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT) || older
}

/// Wait with poll(2) until one of two descriptors has something to read, and return which has.
///
/// Returns neither when the time is over. An interruption is neither, too.
pub fn wait_either(
    one: BorrowedFd<'_>,
    other: BorrowedFd<'_>,
    time: Option<Duration>,
) -> Result<(bool, bool)> {
    let entry = |fd: BorrowedFd<'_>| libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let mut entries = [entry(one), entry(other)];
    let time = time.map_or(-1, |time| {
        i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
    });
    // SAFETY: two entries, ours.
    match check(unsafe { libc::poll(entries.as_mut_ptr(), 2, time) }) {
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok((false, false)),
        Err(error) => Err::<_, Error>(error),
        Ok(_) => Ok((entries[0].revents != 0, entries[1].revents != 0)),
    }
}
