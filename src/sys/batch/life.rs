//! How much further a datagram may go: told of what comes, set for what is sent.

use std::mem::size_of;
use std::os::fd::BorrowedFd;

use super::headers::Control;
use crate::sys::option;

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

/// Find out how far a datagram might have gone.
///
/// # Safety
/// The header leads to control data as the kernel left it.
pub(super) unsafe fn read(header: &libc::msghdr) -> Option<Life> {
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
pub(super) unsafe fn write(header: *mut libc::msghdr, control: *mut Control, life: Option<Life>) {
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
    let set = |level, name| option::set(fd, level, name, 1i32.to_ne_bytes()[..].into()).is_ok();
    // A socket of IPv6 has both, the older one for clients of IPv4.
    let older = set(libc::IPPROTO_IP, libc::IP_RECVTTL);
    set(libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT) || older
}
