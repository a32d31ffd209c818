//! Messages in many pieces, with control data beside them.
#![allow(
    clippy::unnecessary_cast,
    reason = "C libraries differ in the width of these lengths"
)]

use std::alloc::{Layout, alloc_zeroed};
use std::io::Result;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;

use socket2::SockAddr;

use super::check;
use super::io::{Source, Target, address_from};

/// The unit in which control data is kept, so that its headers are aligned.
type Word = u64;
const HEADER: usize = size_of::<libc::cmsghdr>();

/// The longest that control data may be: some systems keep the length in a signed int.
pub const CONTROL_LIMIT: usize = 0x7fff_ffff;

/// Return how long an item with so much data says that it is, as CMSG_LEN; `None` past the limit.
#[must_use]
pub fn item_length(data: usize) -> Option<usize> {
    (data <= CONTROL_LIMIT - data_offset()).then(|| data_offset() + data)
}

/// Return how much room an item with so much data takes, as CMSG_SPACE; `None` past the limit.
#[must_use]
pub fn item_space(data: usize) -> Option<usize> {
    // SAFETY: arithmetic.
    let space = |data| unsafe { libc::CMSG_SPACE(data) as usize };
    (data <= CONTROL_LIMIT - space(1)).then(|| space(data as u32))
}

/// The control data of one message: to be sent, or as it was received.
#[derive(Debug, Default)]
pub struct Control {
    memory: Vec<Word>,
    /// How many bytes of the memory count.
    len: usize,
}

/// One item of control data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The protocol level, `SOL_*`.
    pub level: i32,
    /// The type within the level, such as `SCM_RIGHTS`.
    pub kind: i32,
    /// The data, as much of it as there was room for.
    pub data: &'a [u8],
    /// Whether the item says that it is longer than what is there.
    pub cut: bool,
}

impl Control {
    /// Make room for receiving so many bytes; `None` when there is no memory for it.
    #[must_use]
    pub fn with_room(len: usize) -> Option<Self> {
        let words = len.div_ceil(size_of::<Word>());
        if words == 0 {
            return Some(Self::default());
        }
        let layout = Layout::array::<Word>(words).ok()?;
        // The kernel has zeros at hand, and gives no memory for those that nobody looks at: room
        // for 2 GiB costs as little as the messages that come.
        // SAFETY: the layout is that of a vector of so many words, and zeros are words.
        let memory = unsafe {
            let start = NonNull::new(alloc_zeroed(layout))?;
            Vec::from_raw_parts(start.as_ptr().cast(), words, words)
        };
        Some(Self { memory, len })
    }

    /// Add an item to send; its data is copied. Return whether there was memory for it: there is
    /// none for items that [`item_space`] refuses.
    #[must_use]
    pub fn push(&mut self, level: i32, kind: i32, data: Source<'_>) -> bool {
        let (Some(length), Some(space)) = (item_length(data.len()), item_space(data.len())) else {
            return false;
        };
        let start = self.len;
        let words = (start + space).div_ceil(size_of::<Word>());
        let more = words.saturating_sub(self.memory.len());
        if self.memory.try_reserve(more).is_err() {
            return false;
        }
        self.len += space;
        self.memory.resize(words, 0);
        // SAFETY: all zeros are a header.
        let mut header: libc::cmsghdr = unsafe { std::mem::zeroed() };
        header.cmsg_len = length as _;
        header.cmsg_level = level;
        header.cmsg_type = kind;
        // SAFETY: the memory was made long enough, and CMSG_SPACE keeps the starts aligned.
        unsafe {
            let at = self.memory.as_mut_ptr().byte_add(start);
            at.cast::<libc::cmsghdr>().write(header);
            data.copy_to(at.byte_add(data_offset()).cast());
        }
        true
    }

    /// Return whether there is no control data.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Go through the items, up to the first whose header cannot be right.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let rest = self.bytes().get(start..)?;
            let header = read_header(rest)?;
            let length = header.cmsg_len as usize;
            let padded = length.checked_next_multiple_of(align_of::<usize>())?;
            // As CMSG_NXTHDR has it: what follows the first counts only whole, padding included.
            if length < data_offset() || (start > 0 && padded > rest.len()) {
                return None;
            }
            start += padded;
            let cut = length > rest.len();
            let data = &rest[data_offset().min(rest.len())..length.min(rest.len())];
            Some(Item {
                level: header.cmsg_level,
                kind: header.cmsg_type,
                data,
                cut,
            })
        })
    }

    /// Take the descriptors that came along: for a message that nobody will get to see.
    #[must_use]
    pub fn take_descriptors(self) -> Vec<OwnedFd> {
        let rights =
            |item: &Item<'_>| item.level == libc::SOL_SOCKET && item.kind == libc::SCM_RIGHTS;
        let numbers = self
            .items()
            .filter(rights)
            .flat_map(|item| item.data.chunks_exact(size_of::<RawFd>()));
        let owned = numbers
            .filter_map(|number| number.try_into().ok())
            .map(|number| {
                // SAFETY: the kernel has just opened these for us, and nobody else was told.
                unsafe { OwnedFd::from_raw_fd(RawFd::from_ne_bytes(number)) }
            });
        owned.collect()
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: initialised memory of ours, of which at most all counts.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr().cast(), self.len) }
    }
}

fn data_offset() -> usize {
    // SAFETY: arithmetic.
    unsafe { libc::CMSG_LEN(0) as usize }
}

fn read_header(bytes: &[u8]) -> Option<libc::cmsghdr> {
    // SAFETY: there are enough bytes, of which any make a header; they need not be aligned.
    (bytes.len() >= HEADER)
        .then(|| unsafe { bytes.as_ptr().cast::<libc::cmsghdr>().read_unaligned() })
}

/// What came with a message besides its bytes.
#[derive(Debug)]
pub struct Received {
    /// How many bytes were received.
    pub count: usize,
    /// The flags of the message, such as `MSG_TRUNC`.
    pub flags: i32,
    /// Who sent it; empty if the kernel does not say.
    pub address: SockAddr,
}

/// Receive a message, as recvmsg(2). Of `control` as much counts afterwards as was filled.
pub fn recv_message(
    fd: BorrowedFd<'_>,
    into: &mut [Target<'_>],
    control: &mut Control,
    flags: i32,
) -> Result<Received> {
    let room = control.len;
    let ((count, flags, filled), address) = address_from(|name, len| {
        let mut header = header(into.as_mut_ptr().cast(), into.len());
        header.msg_control = control.pointer();
        header.msg_controllen = room as _;
        header.msg_name = name.cast();
        // SAFETY: `len` is the length of `name`; the targets' memory is vouched for, the control
        // data's is ours.
        unsafe {
            header.msg_namelen = *len;
            let count = check(libc::recvmsg(fd.as_raw_fd(), &raw mut header, flags))?;
            *len = header.msg_namelen;
            Ok((
                count as usize,
                header.msg_flags,
                header.msg_controllen as usize,
            ))
        }
    })?;
    control.len = filled.min(room);
    Ok(Received {
        count,
        flags,
        address,
    })
}

/// Send a message, as sendmsg(2).
pub fn send_message(
    fd: BorrowedFd<'_>,
    from: &[Source<'_>],
    control: &Control,
    flags: i32,
    address: Option<&SockAddr>,
) -> Result<usize> {
    let mut header = header(from.as_ptr().cast_mut().cast(), from.len());
    if !control.is_empty() {
        header.msg_control = control.memory.as_ptr().cast_mut().cast();
        header.msg_controllen = control.len as _;
    }
    if let Some(address) = address {
        header.msg_name = address.as_ptr().cast_mut().cast();
        header.msg_namelen = address.len();
    }
    // SAFETY: the sources' memory is vouched for; sendmsg writes to nothing in the header.
    let count = unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const header, flags) };
    check(count).map(|count| count as usize)
}

impl Control {
    fn pointer(&mut self) -> *mut libc::c_void {
        if self.len == 0 {
            std::ptr::null_mut()
        } else {
            self.memory.as_mut_ptr().cast()
        }
    }
}

/// Make the header of a message in so many pieces.
fn header(pieces: *mut libc::iovec, count: usize) -> libc::msghdr {
    // SAFETY: all zeros are a header without anything.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = pieces;
    header.msg_iovlen = count as _;
    header
}
