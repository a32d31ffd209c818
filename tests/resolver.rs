//! Names of hosts, without Python and without a network.

#![allow(clippy::unwrap_used)]

use std::ffi::{CStr, CString, c_void};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use rsock::error::{Error, Result};
use rsock::net::ip::{self, IpText};
use rsock::net::resolver::{host_address, known_address, numeric_address};
use rsock::sys::resolver::{self, AddressList, Hints};
use rsock::sys::{interface, message};

fn found(host: &CStr, family: i32) -> IpAddr {
    let address = host_address(host, family).expect("an address");
    let address = address.as_socket().expect("an IP address");
    assert_eq!(address.port(), 0);
    address.ip()
}

fn message<T>(outcome: Result<T>) -> String {
    outcome.err().expect("an error").to_string()
}

#[test]
fn a_numeric_host_is_its_own_address() {
    for (host, family, ip) in [
        (c"127.0.0.1", libc::AF_INET, "127.0.0.1"),
        (c"1.2.3.4", libc::AF_UNSPEC, "1.2.3.4"),
        (c"::1", libc::AF_INET6, "::1"),
        (c"fe80::1:2", libc::AF_UNSPEC, "fe80::1:2"),
    ] {
        assert!(
            known_address(host.to_bytes(), family).is_some(),
            "{host:?} was looked up"
        );
        assert_eq!(found(host, family), ip.parse::<IpAddr>().unwrap());
    }
}

#[test]
fn the_older_forms_of_an_address_are_left_to_the_library() {
    assert!(known_address(b"127.1", libc::AF_INET).is_none());
    assert_eq!(found(c"127.1", libc::AF_INET), Ipv4Addr::LOCALHOST);
}

#[test]
fn a_scope_is_kept() {
    let address = host_address(c"fe80::1%lo", libc::AF_INET6).expect("an address");
    let lo = interface::index(c"lo").expect("a loopback interface");
    assert_eq!(
        address.as_socket_ipv6().map(|address| address.scope_id()),
        Some(lo)
    );
}

#[test]
fn no_name_is_the_address_of_all_interfaces() {
    assert_eq!(found(c"", libc::AF_INET), Ipv4Addr::UNSPECIFIED);
    assert_eq!(found(c"", libc::AF_INET6), Ipv6Addr::UNSPECIFIED);
    let both = host_address(c"", libc::AF_UNSPEC);
    assert_eq!(message(both), "wildcard resolved to multiple address");
    assert!(matches!(
        host_address(c"", libc::AF_UNIX),
        Err(Error::AddressInfo { .. })
    ));
}

#[test]
fn broadcast_is_for_ipv4_only() {
    for host in [c"<broadcast>", c"255.255.255.255"] {
        assert_eq!(found(host, libc::AF_INET), Ipv4Addr::BROADCAST);
        assert_eq!(found(host, libc::AF_UNSPEC), Ipv4Addr::BROADCAST);
        assert_eq!(
            message(host_address(host, libc::AF_INET6)),
            "address family mismatched"
        );
    }
}

#[test]
fn a_host_of_another_family_keeps_the_number_of_its_error() {
    let Err(Error::AddressInfo { code, message }) = host_address(c"::1", libc::AF_INET) else {
        panic!("an IPv6 address is no IPv4 host");
    };
    assert!(code < 0 && !message.is_empty(), "{code} {message}");
}

#[test]
fn what_is_no_name_is_unknown() {
    let hints = Hints {
        flags: libc::AI_NUMERICHOST,
        ..Hints::default()
    };
    let Err(Error::AddressInfo { code, .. }) = AddressList::look_up(Some(c"no name"), None, hints)
    else {
        panic!("a name with a space in it");
    };
    assert_eq!(code, libc::EAI_NONAME);
}

#[test]
fn a_look_up_lists_each_kind_of_socket() {
    let hints = Hints {
        protocol: libc::IPPROTO_TCP,
        ..Hints::default()
    };
    let list = AddressList::look_up(Some(c"127.0.0.1"), Some(c"80"), hints).expect("an address");
    let [entry] = list
        .iter()
        .collect::<Vec<_>>()
        .try_into()
        .expect("one address");
    assert_eq!(
        (entry.family, entry.kind),
        (libc::AF_INET, libc::SOCK_STREAM)
    );
    assert_eq!(
        entry.address.as_socket(),
        Some(SocketAddr::from(([127, 0, 0, 1], 80)))
    );
    assert_eq!(entry.canonical_name, None);
}

#[test]
fn an_address_has_a_numeric_name() {
    let address = numeric_address(c"::1", 443).expect("an address");
    let flags = libc::NI_NUMERICHOST | libc::NI_NUMERICSERV;
    let (host, service) = resolver::name_info(&address, flags).expect("names");
    assert_eq!((host.as_c_str(), service.as_c_str()), (c"::1", c"443"));
    assert!(numeric_address(c"localhost", 1).is_err());
}

#[test]
fn services_and_protocols_are_found_both_ways() {
    if !["/etc/services", "/etc/protocols"]
        .iter()
        .all(|path| Path::new(path).exists())
    {
        return; // A machine without these tables knows none.
    }
    assert_eq!(resolver::protocol_number(c"tcp"), Some(6));
    assert_eq!(resolver::protocol_number(c"no such protocol"), None);
    assert_eq!(resolver::service_port(c"http", Some(c"tcp")), Some(80));
    assert_eq!(
        resolver::service_name(80, Some(c"tcp")).as_deref(),
        Some(c"http")
    );
    assert_eq!(
        resolver::service_port(c"http", Some(c"no such protocol")),
        None
    );
}

#[test]
fn a_numeric_host_has_itself_as_its_name() {
    let host = resolver::host_by_name(c"127.0.0.1").expect("a host");
    assert_eq!(host.name.as_c_str(), c"127.0.0.1");
    assert_eq!(host.addresses, [IpAddr::from(Ipv4Addr::LOCALHOST)]);
}

#[test]
fn an_interface_is_found_both_ways() {
    for (index, name) in interface::list().expect("interfaces") {
        assert_eq!(interface::name(index).ok().as_ref(), Some(&name));
        let name = CString::new(name.into_encoded_bytes()).unwrap();
        assert_eq!(interface::index(&name).unwrap(), index);
    }
    let missing = interface::index(c"no such one").unwrap_err();
    assert_eq!(missing.raw_os_error(), Some(libc::ENODEV));
    assert!(interface::name(u32::MAX).is_err());
}

#[test]
fn ancillary_items_have_a_largest_size() {
    assert_eq!(message::item_length(0x7fff_ffff - 16), Some(0x7fff_ffff));
    assert_eq!(message::item_length(0x7fff_ffff - 15), None);
    assert_eq!(message::item_space(1), Some(24));
    assert_eq!(message::item_space(0x7fff_ffff - 23), None);
}

/// Write an address in the words of the C library.
#[allow(unsafe_code)]
fn library_text(octets: [u8; 16]) -> String {
    unsafe extern "C" {
        fn inet_ntop(family: i32, from: *const c_void, to: *mut u8, len: u32) -> *const u8;
    }
    let mut text = [0u8; 64];
    // SAFETY: sixteen octets, and a buffer that knows its length.
    let made = unsafe {
        inet_ntop(
            libc::AF_INET6,
            octets.as_ptr().cast(),
            text.as_mut_ptr(),
            64,
        )
    };
    assert!(!made.is_null());
    let text = CStr::from_bytes_until_nul(&text).expect("a NUL");
    text.to_string_lossy().into_owned()
}

/// Read an address as the C library does.
#[allow(unsafe_code)]
fn library_address(family: i32, text: &CStr) -> Option<[u8; 16]> {
    unsafe extern "C" {
        fn inet_pton(family: i32, from: *const std::ffi::c_char, to: *mut c_void) -> i32;
    }
    let mut octets = [0u8; 16];
    // SAFETY: a string that ends in NUL, and room for the longer of the two forms.
    let read = unsafe { inet_pton(family, text.as_ptr(), octets.as_mut_ptr().cast()) };
    (read == 1).then_some(octets)
}

/// Make numbers that look random and are the same each time.
fn numbers(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    }
}

#[test]
fn addresses_are_written_as_the_library_writes_them() {
    let mut next = numbers(1);
    for _ in 0..50_000 {
        let octets: [u8; 16] = std::array::from_fn(|_| match next(6) {
            0..=2 => 0,
            3 => 0xff,
            _ => next(256) as u8,
        });
        // Whole groups of zeros, and the prefixes under which IPv4 addresses are written.
        let zeros = [0, 2, 4, 8, 10, 12, 14][next(7) as usize];
        let octets = std::array::from_fn(|place| if place < zeros { 0 } else { octets[place] });
        let ip = Ipv6Addr::from(octets);
        assert_eq!(IpText::from(ip).as_str(), library_text(octets));
        let ip = Ipv4Addr::from([octets[12], octets[13], octets[14], octets[15]]);
        assert_eq!(IpText::from(ip).as_str(), ip.to_string());
    }
}

#[test]
fn addresses_are_read_as_the_library_reads_them() {
    let mut next = numbers(2);
    let pieces = [
        ":", "::", ".", "0", "1", "00", "255", "256", "ffff", "00001", "g", "%1", " ", "1.2.3.4",
        ":1", ":0:0", ".0", ".10", "-", "+1", "0x1", "é",
    ];
    for _ in 0..300_000 {
        let text: String = (0..=next(9))
            .map(|_| pieces[next(pieces.len() as u64) as usize])
            .collect();
        let expected = CString::new(text.as_str()).unwrap();
        let v4 = library_address(libc::AF_INET, &expected)
            .map(|octets| IpAddr::from([octets[0], octets[1], octets[2], octets[3]]));
        let expected = v4.or_else(|| library_address(libc::AF_INET6, &expected).map(IpAddr::from));
        assert_eq!(ip::parse(text.as_bytes()), expected, "{text:?}");
    }
}
