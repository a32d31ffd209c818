//! The shapes of addresses, and the interfaces that some of them name.
//!
//! An address is a `sockaddr_storage` of zeros in which a family fills in its own shape. Shapes
//! that libc lacks, or offers as a union, are declared here as the kernel lays them out.

use std::mem::{align_of, offset_of, size_of};

use socket2::{SockAddr, SockAddrStorage};

/// A shape that an address can have.
///
/// # Safety
/// It holds numbers and bytes only, so that every pattern of bits is a value, and is neither
/// larger nor more strictly aligned than `sockaddr_storage`.
pub(crate) unsafe trait Shape: Copy {}

macro_rules! shapes {
    ($($shape:ty),+ $(,)?) => {$(
        const _: () = assert!(size_of::<$shape>() <= size_of::<libc::sockaddr_storage>());
        const _: () = assert!(align_of::<$shape>() <= align_of::<libc::sockaddr_storage>());
        // SAFETY: numbers and bytes, and the sizes are as asserted.
        unsafe impl Shape for $shape {}
    )+};
}

shapes!(libc::sockaddr, libc::sockaddr_un);

/// Make an address by filling in a shape of zeros.
pub(crate) fn build<T: Shape>(fill: impl FnOnce(&mut T)) -> SockAddr {
    build_cut(size_of::<T>(), fill)
}

/// Make an address of which only the first `len` bytes count, by filling in a shape of zeros.
fn build_cut<T: Shape>(len: usize, fill: impl FnOnce(&mut T)) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: a shape fits into the storage, and zeros are a value of it.
    fill(unsafe { storage.view_as::<T>() });
    let len = len.min(size_of::<libc::sockaddr_storage>());
    // SAFETY: all of the storage holds something, and `len` is within it.
    unsafe { SockAddr::new(storage, len as libc::socklen_t) }
}

/// Make an address of no length, which names nobody.
pub(crate) fn nowhere() -> SockAddr {
    build_cut(0, |_: &mut libc::sockaddr| ())
}

/// Look at an address as a shape; what lies behind its length reads as the kernel left it, zero.
pub(crate) fn view<T: Shape>(address: &SockAddr) -> &T {
    // SAFETY: the pointer leads to a whole storage, into which a shape fits, of whatever bits.
    unsafe { &*address.as_ptr().cast::<T>() }
}

/// Look at all the memory that an address has, also behind its length.
pub(crate) fn memory(address: &SockAddr) -> &[u8] {
    let start = address.as_ptr().cast::<u8>();
    // SAFETY: the pointer leads to a whole storage, which socket2 never leaves uninitialised.
    unsafe { std::slice::from_raw_parts(start, size_of::<libc::sockaddr_storage>()) }
}

/// How many bytes the path of a Unix socket has room for.
pub(crate) const PATH_ROOM: usize =
    size_of::<libc::sockaddr_un>() - offset_of!(libc::sockaddr_un, sun_path);

/// Make the address of a Unix socket, of which the first `len` bytes of the path count.
pub(crate) fn unix(path: &[u8], len: usize) -> SockAddr {
    let start = offset_of!(libc::sockaddr_un, sun_path);
    build_cut(start + len, |raw: &mut libc::sockaddr_un| {
        raw.sun_family = libc::AF_UNIX as libc::sa_family_t;
        for (to, from) in raw.sun_path.iter_mut().zip(path) {
            *to = *from as libc::c_char;
        }
    })
}

/// Return what the kernel says of the path of a Unix socket.
pub(crate) fn unix_path(address: &SockAddr) -> &[u8] {
    let start = offset_of!(libc::sockaddr_un, sun_path);
    memory(address)
        .get(start..address.len() as usize)
        .unwrap_or_default()
}

#[cfg(target_os = "linux")]
pub use linux::*;

#[cfg(target_os = "linux")]
mod linux {
    use std::io::Result;
    use std::mem::{MaybeUninit, size_of};
    use std::os::fd::{AsRawFd, BorrowedFd};

    use super::Shape;
    use crate::sys::check;

    shapes!(
        libc::sockaddr_nl,
        libc::sockaddr_ll,
        libc::sockaddr_vm,
        libc::sockaddr_alg
    );
    shapes!(CanIsotp, CanJ1939, Tipc, Qipcrtr, L2cap, Rfcomm, Hci, Sco);

    /// `AF_QIPCRTR`, which libc lacks.
    pub(crate) const AF_QIPCRTR: i32 = 42;

    /// How many bytes an address of `AF_ALG` has for the type and the name, with their NUL.
    pub(crate) const ALG_KIND_ROOM: usize = 14;
    pub(crate) const ALG_NAME_ROOM: usize = 64;

    /// The protocols of `AF_BLUETOOTH`, which libc lacks.
    pub(crate) const BTPROTO_L2CAP: i32 = 0;
    pub(crate) const BTPROTO_HCI: i32 = 1;
    pub(crate) const BTPROTO_SCO: i32 = 2;
    pub(crate) const BTPROTO_RFCOMM: i32 = 3;

    /// The kinds of address that `AF_TIPC` knows, which libc lacks.
    pub(crate) const TIPC_ADDR_NAMESEQ: u8 = 1;
    pub(crate) const TIPC_ADDR_NAME: u8 = 2;
    pub(crate) const TIPC_ADDR_ID: u8 = 3;

    /// `struct sockaddr_can` for isotp, and with zeros for raw and bcm.
    #[derive(Clone, Copy)]
    #[repr(C)]
    pub(crate) struct CanIsotp {
        pub(crate) family: u16,
        pub(crate) interface: i32,
        pub(crate) receive: u32,
        pub(crate) send: u32,
        unused: [u32; 2],
    }

    /// `struct sockaddr_can` for j1939.
    #[derive(Clone, Copy)]
    #[repr(C)]
    pub(crate) struct CanJ1939 {
        pub(crate) family: u16,
        pub(crate) interface: i32,
        pub(crate) name: u64,
        pub(crate) group: u32,
        pub(crate) address: u8,
    }

    const _: () = assert!(size_of::<CanIsotp>() == size_of::<libc::sockaddr_can>());
    const _: () = assert!(size_of::<CanJ1939>() == size_of::<libc::sockaddr_can>());

    /// `struct sockaddr_tipc`; what the words mean depends on the kind.
    #[derive(Clone, Copy)]
    #[repr(C)]
    pub(crate) struct Tipc {
        pub(crate) family: u16,
        pub(crate) kind: u8,
        pub(crate) scope: i8,
        pub(crate) words: [u32; 3],
    }

    /// `struct sockaddr_qrtr`.
    #[derive(Clone, Copy)]
    #[repr(C)]
    pub(crate) struct Qipcrtr {
        pub(crate) family: u16,
        pub(crate) node: u32,
        pub(crate) port: u32,
    }

    /// `struct sockaddr_l2`.
    #[derive(Clone, Copy)]
    #[repr(C)]
    pub(crate) struct L2cap {
        pub(crate) family: u16,
        pub(crate) psm: u16,
        pub(crate) address: [u8; 6],
        pub(crate) channel: u16,
        pub(crate) kind: u8,
    }

    /// `struct sockaddr_rc`.
    #[derive(Clone, Copy)]
    #[repr(C)]
    pub(crate) struct Rfcomm {
        pub(crate) family: u16,
        pub(crate) address: [u8; 6],
        pub(crate) channel: u8,
    }

    /// `struct sockaddr_hci`.
    #[derive(Clone, Copy)]
    #[repr(C)]
    pub(crate) struct Hci {
        pub(crate) family: u16,
        pub(crate) device: u16,
        pub(crate) channel: u16,
    }

    /// `struct sockaddr_sco`.
    #[derive(Clone, Copy)]
    #[repr(C)]
    pub(crate) struct Sco {
        pub(crate) family: u16,
        pub(crate) address: [u8; 6],
    }

    /// Find the index of an interface, with SIOCGIFINDEX; a name that is too long is cut.
    pub fn interface_index(fd: BorrowedFd<'_>, name: &[u8]) -> Result<i32> {
        // SAFETY: numbers and bytes, of which zeros are a value.
        let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
        for (to, from) in request.ifr_name[..libc::IFNAMSIZ - 1].iter_mut().zip(name) {
            *to = *from as libc::c_char;
        }
        // SAFETY: the request is ours; where it succeeds, the kernel has put the index there.
        unsafe {
            check(libc::ioctl(
                fd.as_raw_fd(),
                libc::SIOCGIFINDEX as _,
                &raw mut request,
            ))?;
            Ok(request.ifr_ifru.ifru_ifindex)
        }
    }

    /// Find the name of an interface, with SIOCGIFNAME.
    pub fn interface_name(fd: BorrowedFd<'_>, index: i32) -> Result<Vec<u8>> {
        // SAFETY: numbers and bytes, of which zeros are a value.
        let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
        request.ifr_ifru.ifru_ifindex = index;
        // SAFETY: the request is ours.
        check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::SIOCGIFNAME as _, &raw mut request) })?;
        let name = request.ifr_name.iter().take_while(|byte| **byte != 0);
        Ok(name.map(|byte| *byte as u8).collect())
    }
}
