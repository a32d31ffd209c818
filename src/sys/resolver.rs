//! Names and numbers of hosts, services and protocols, as the C library knows them.
//!
//! Only the forms that write into the caller's memory are used here: the older ones answer in
//! memory that all threads share, and a lock of ours would not hold the other callers in the
//! process back.

use std::ffi::{CStr, CString, OsString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::ffi::OsStringExt;
use std::ptr;

use libc::{hostent, protoent, servent, size_t};
use socket2::{SockAddr, SockAddrStorage};

use super::check;
use crate::error::{Error, Result};

// What the libc crate leaves out.
unsafe extern "C" {
    fn gethostbyname_r(
        name: *const c_char,
        entry: *mut hostent,
        memory: *mut c_char,
        len: size_t,
        found: *mut *mut hostent,
        code: *mut c_int,
    ) -> c_int;
    fn gethostbyaddr_r(
        address: *const c_void,
        address_len: libc::socklen_t,
        family: c_int,
        entry: *mut hostent,
        memory: *mut c_char,
        len: size_t,
        found: *mut *mut hostent,
        code: *mut c_int,
    ) -> c_int;
    fn getservbyname_r(
        name: *const c_char,
        protocol: *const c_char,
        entry: *mut servent,
        memory: *mut c_char,
        len: size_t,
        found: *mut *mut servent,
    ) -> c_int;
    fn getservbyport_r(
        port: c_int,
        protocol: *const c_char,
        entry: *mut servent,
        memory: *mut c_char,
        len: size_t,
        found: *mut *mut servent,
    ) -> c_int;
    fn getprotobyname_r(
        name: *const c_char,
        entry: *mut protoent,
        memory: *mut c_char,
        len: size_t,
        found: *mut *mut protoent,
    ) -> c_int;
    fn inet_aton(text: *const c_char, address: *mut libc::in_addr) -> c_int;
}

/// What a look-up of addresses is asked for; 0 stands for whatever there is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints {
    /// The address family, `AF_*`.
    pub family: i32,
    /// The type of socket, `SOCK_*`.
    pub kind: i32,
    /// The protocol.
    pub protocol: i32,
    /// `AI_*` flags.
    pub flags: i32,
}

/// The answer of getaddrinfo(3).
#[derive(Debug)]
pub struct AddressList(*mut libc::addrinfo);

// SAFETY: memory that belongs to the list alone, and that nobody changes.
unsafe impl Send for AddressList {}
// SAFETY: as above.
unsafe impl Sync for AddressList {}

/// One address of an [`AddressList`], and the socket that reaches it.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The address family, `AF_*`.
    pub family: i32,
    /// The type of socket, `SOCK_*`.
    pub kind: i32,
    /// The protocol.
    pub protocol: i32,
    /// The host's true name, which only the first entry has, and only if it was asked for.
    pub canonical_name: Option<&'a CStr>,
    /// The address itself.
    pub address: SockAddr,
}

impl AddressList {
    /// Look a host and a service up, as getaddrinfo(3). This may wait for other machines.
    ///
    /// Errors carry an `EAI_*` number, or that of the system call that failed.
    pub fn look_up(host: Option<&CStr>, service: Option<&CStr>, hints: Hints) -> Result<Self> {
        // SAFETY: all fields are numbers or pointers, for which zero stands for "not given".
        let mut wanted: libc::addrinfo = unsafe { MaybeUninit::zeroed().assume_init() };
        wanted.ai_family = hints.family;
        wanted.ai_socktype = hints.kind;
        wanted.ai_protocol = hints.protocol;
        wanted.ai_flags = hints.flags;
        let mut first = ptr::null_mut();
        // SAFETY: strings that end in NUL or none; the list that is made is owned at once.
        let code =
            unsafe { libc::getaddrinfo(start(host), start(service), &wanted, &raw mut first) };
        if code == 0 {
            Ok(Self(first))
        } else {
            Err(address_error(code))
        }
    }

    /// Go through the addresses, in the order in which they should be tried.
    #[must_use]
    pub fn iter(&self) -> Entries<'_> {
        Entries {
            next: self.0,
            list: PhantomData,
        }
    }
}

impl<'a> IntoIterator for &'a AddressList {
    type Item = Entry<'a>;
    type IntoIter = Entries<'a>;

    fn into_iter(self) -> Entries<'a> {
        self.iter()
    }
}

impl Drop for AddressList {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: the list came from getaddrinfo, and is given back once.
            unsafe { libc::freeaddrinfo(self.0) };
        }
    }
}

/// Goes through an [`AddressList`].
#[derive(Debug)]
pub struct Entries<'a> {
    next: *const libc::addrinfo,
    list: PhantomData<&'a AddressList>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        // SAFETY: null, or a link of the list, which outlives this iterator.
        let entry = unsafe { self.next.as_ref() }?;
        self.next = entry.ai_next;
        let mut storage = SockAddrStorage::zeroed();
        let len = entry.ai_addrlen.min(storage.size_of());
        // SAFETY: the address has the length that its entry says, cut to what there is room for;
        // a name ends in NUL and lives as long as the list.
        unsafe {
            let into = (&raw mut storage).cast::<u8>();
            ptr::copy_nonoverlapping(entry.ai_addr.cast::<u8>().cast_const(), into, len as usize);
            Some(Entry {
                family: entry.ai_family,
                kind: entry.ai_socktype,
                protocol: entry.ai_protocol,
                canonical_name: text(entry.ai_canonname),
                address: SockAddr::new(storage, len),
            })
        }
    }
}

/// Find the names of an address's host and service, as getnameinfo(3), with `NI_*` flags.
///
/// This may wait for other machines.
pub fn name_info(address: &SockAddr, flags: i32) -> Result<(CString, CString)> {
    let mut host = [0u8; 1025];
    let mut service = [0u8; 32];
    // SAFETY: an address knows its length, and so do the buffers that are written.
    let code = unsafe {
        libc::getnameinfo(
            address.as_ptr().cast(),
            address.len(),
            host.as_mut_ptr().cast(),
            host.len() as _,
            service.as_mut_ptr().cast(),
            service.len() as _,
            flags,
        )
    };
    if code == 0 {
        Ok((until_nul(&host), until_nul(&service)))
    } else {
        Err(address_error(code))
    }
}

/// What the older look-ups say of a host.
#[derive(Debug)]
pub struct Host {
    /// Its true name.
    pub name: CString,
    /// Its other names.
    pub aliases: Vec<CString>,
    /// Its addresses, all of one family.
    pub addresses: Vec<IpAddr>,
}

/// Look an IPv4 host up by its name, as gethostbyname(3). This may wait for other machines.
pub fn host_by_name(name: &CStr) -> Result<Host> {
    host(|entry, memory, len, found, code| {
        // SAFETY: a string that ends in NUL; `answer` vouches for the rest.
        unsafe { gethostbyname_r(name.as_ptr(), entry, memory, len, found, code) }
    })
}

/// Look a host up by its address, as gethostbyaddr(3). This may wait for other machines.
pub fn host_by_address(address: IpAddr) -> Result<Host> {
    let (v4, v6);
    let (octets, family): (&[u8], c_int) = match address {
        IpAddr::V4(address) => {
            v4 = address.octets();
            (&v4, libc::AF_INET)
        }
        IpAddr::V6(address) => {
            v6 = address.octets();
            (&v6, libc::AF_INET6)
        }
    };
    host(|entry, memory, len, found, code| {
        let (start, size) = (octets.as_ptr().cast(), octets.len() as libc::socklen_t);
        // SAFETY: as many octets as we say; `answer` vouches for the rest.
        unsafe { gethostbyaddr_r(start, size, family, entry, memory, len, found, code) }
    })
}

/// Find the port of a service, as getservbyname(3); any protocol will do if none is named.
#[must_use]
pub fn service_port(name: &CStr, protocol: Option<&CStr>) -> Option<u16> {
    answer(
        |entry, memory, len, found| {
            // SAFETY: strings that end in NUL, or none; `answer` vouches for the rest.
            unsafe { getservbyname_r(name.as_ptr(), start(protocol), entry, memory, len, found) }
        },
        |entry: &servent| u16::from_be(entry.s_port as u16),
    )
}

/// Find the service at a port, as getservbyport(3); any protocol will do if none is named.
#[must_use]
pub fn service_name(port: u16, protocol: Option<&CStr>) -> Option<CString> {
    let port = c_int::from(port.to_be());
    answer(
        |entry, memory, len, found| {
            // SAFETY: a string that ends in NUL, or none; `answer` vouches for the rest.
            unsafe { getservbyport_r(port, start(protocol), entry, memory, len, found) }
        },
        // SAFETY: a name in an entry ends in NUL.
        |entry: &servent| unsafe { text(entry.s_name) }.map(CStr::to_owned),
    )?
}

/// Find the number of a protocol, as getprotobyname(3).
#[must_use]
pub fn protocol_number(name: &CStr) -> Option<i32> {
    answer(
        |entry, memory, len, found| {
            // SAFETY: a string that ends in NUL; `answer` vouches for the rest.
            unsafe { getprotobyname_r(name.as_ptr(), entry, memory, len, found) }
        },
        |entry: &protoent| entry.p_proto,
    )
}

/// Read an IPv4 address in any of the older forms too, as inet_aton(3).
#[must_use]
pub fn loose_ipv4(text: &CStr) -> Option<Ipv4Addr> {
    let mut address = libc::in_addr { s_addr: 0 };
    // SAFETY: a string that ends in NUL, and an address of ours.
    let understood = unsafe { inet_aton(text.as_ptr(), &raw mut address) } != 0;
    understood.then(|| Ipv4Addr::from(u32::from_be(address.s_addr)))
}

/// Return the name of this machine, as gethostname(2).
pub fn machine_name() -> Result<OsString> {
    let mut name = [0u8; 1024];
    // SAFETY: the last byte is kept back, so that the name ends in NUL even if it was cut.
    check(unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) })?;
    Ok(OsString::from_vec(until_nul(&name).into_bytes()))
}

/// Give this machine another name, as sethostname(2), which takes privileges.
pub fn set_machine_name(name: &[u8]) -> Result<()> {
    // SAFETY: as many bytes as we say.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len() as _) })?;
    Ok(())
}

/// How many bytes an entry's strings may take before a look-up is given up.
const MEMORY_LIMIT: usize = 1 << 20;

/// Ask one of the functions that write an entry and its strings into the caller's memory.
///
/// `call` gets an entry, memory and its length, and where to say what was found.
fn answer<E, T>(
    mut call: impl FnMut(*mut E, *mut c_char, size_t, *mut *mut E) -> c_int,
    read: impl FnOnce(&E) -> T,
) -> Option<T> {
    // Words, since some of these functions put pointers at the start of what they get.
    let mut memory = vec![0usize; 256];
    loop {
        let mut entry = MaybeUninit::<E>::uninit();
        let mut found = ptr::null_mut();
        let len = size_of_val(memory.as_slice());
        let code = call(
            entry.as_mut_ptr(),
            memory.as_mut_ptr().cast(),
            len,
            &raw mut found,
        );
        if code == libc::ERANGE && len < MEMORY_LIMIT {
            memory.resize(memory.len() * 4, 0);
            continue;
        }
        // SAFETY: null, or the entry, whose strings lie in the memory that still stands.
        return unsafe { found.as_ref() }.map(read);
    }
}

fn host(
    mut call: impl FnMut(*mut hostent, *mut c_char, size_t, *mut *mut hostent, *mut c_int) -> c_int,
) -> Result<Host> {
    let mut code = 0;
    let ask = |entry: *mut hostent, memory: *mut c_char, len, found: *mut *mut hostent| {
        call(entry, memory, len, found, &raw mut code)
    };
    // SAFETY: the entry was filled by the look-up, and its memory still stands.
    let host = answer(ask, |entry| unsafe { read_host(entry) });
    host.ok_or_else(|| {
        // SAFETY: a constant text for every number.
        let message = unsafe { text(libc::hstrerror(code)) };
        Error::Host {
            code,
            message: lossy(message),
        }
    })
}

/// # Safety
/// The entry's lists end in null, its strings in NUL, and its addresses have the length it says.
unsafe fn read_host(entry: &hostent) -> Host {
    // SAFETY: as the caller vouches.
    unsafe {
        let names = items(entry.h_aliases)
            .filter_map(|name| text(name))
            .map(CStr::to_owned);
        let addresses = items(entry.h_addr_list).filter_map(|octets| match entry.h_length {
            4 => Some(IpAddr::from(octets.cast::<[u8; 4]>().read())),
            16 => Some(IpAddr::from(octets.cast::<[u8; 16]>().read())),
            _ => None,
        });
        Host {
            name: text(entry.h_name).map(CStr::to_owned).unwrap_or_default(),
            aliases: names.collect(),
            addresses: addresses.collect(),
        }
    }
}

/// Go through a list of pointers that ends in null; the list may be missing altogether.
///
/// # Safety
/// The list does end in null, and outlives the iterator.
unsafe fn items(mut list: *mut *mut c_char) -> impl Iterator<Item = *const c_char> {
    std::iter::from_fn(move || {
        if list.is_null() {
            return None;
        }
        // SAFETY: the end was not reached yet. Some libraries do not align their lists.
        let item = unsafe { list.read_unaligned() };
        list = list.wrapping_add(1);
        (!item.is_null()).then_some(item.cast_const())
    })
}

fn address_error(code: c_int) -> Error {
    if code == libc::EAI_SYSTEM {
        return Error::Os(std::io::Error::last_os_error());
    }
    // SAFETY: a constant text for every number.
    let message = unsafe { text(libc::gai_strerror(code)) };
    Error::AddressInfo {
        code,
        message: lossy(message),
    }
}

fn start(text: Option<&CStr>) -> *const c_char {
    text.map_or(ptr::null(), CStr::as_ptr)
}

/// # Safety
/// The text is null, or ends in NUL and lives as long as `'a`.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: as the caller vouches.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

fn lossy(text: Option<&CStr>) -> String {
    text.map(|text| text.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn until_nul(buffer: &[u8]) -> CString {
    CStr::from_bytes_until_nul(buffer)
        .map(CStr::to_owned)
        .unwrap_or_default()
}
