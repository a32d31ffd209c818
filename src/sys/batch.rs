//! Many datagrams in one call: recvmmsg(2) and sendmmsg(2), or one by one where there are none.
//!
//! | file      | holds                                                                  |
//! |-----------|------------------------------------------------------------------------|
//! | `headers` | the headers, and the memory that they lead to                          |
//! | `life`    | how much further a datagram may go                                     |
//! | `system`  | the two calls, and what stands for them on systems that have them not  |
#![allow(
    clippy::unnecessary_cast,
    reason = "C libraries differ in the width of these lengths"
)]

mod headers;
mod life;
mod system;

use std::io::Result;
use std::mem::size_of;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

use socket2::{SockAddr, SockAddrStorage};

use self::headers::{Control, Messages, Table};
pub use self::life::{Life, tell_life};
use super::check;

const NAME_ROOM: libc::socklen_t = size_of::<libc::sockaddr_storage>() as libc::socklen_t;

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
            // SAFETY: so many headers, which describe memory of ours, as `new` and `reset` set it up.
            unsafe { system::receive(fd, self.received.heads.start(), room, flags) }
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
                life: life::read(header),
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
                life::write(header, message.control, answer.life);
            }
        }
        let now = libc::MSG_DONTWAIT;
        if self.together && count > 1 {
            // SAFETY: so many headers, which describe data that is borrowed, and memory of ours.
            return unsafe { system::send(fd, self.sent.heads.start(), count, now) };
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
}
