//! The tables of constants: their order, which look-ups rely on, and numbers known by heart.

use std::collections::HashSet;

use rsock::sys::constants::{TABLES, TEXTS, number};

#[test]
fn no_name_comes_twice() {
    let mut seen = HashSet::new();
    for (name, _) in TABLES.iter().flat_map(|table| table.iter()) {
        assert!(seen.insert(*name), "{name} is in the tables twice");
    }
}

#[test]
fn rows_are_in_the_order_of_their_names() {
    for table in TABLES {
        for pair in table.windows(2) {
            assert!(
                pair[0].0 < pair[1].0,
                "{} stands before {}",
                pair[0].0,
                pair[1].0
            );
        }
    }
}

#[test]
fn every_row_is_found_by_its_name() {
    for &(name, value) in TABLES.iter().flat_map(|table| table.iter()) {
        assert_eq!(number(name), Some(value), "{name}");
    }
}

#[test]
fn names_that_no_table_has_are_not_found() {
    for name in ["", "AF_", "AF_INET_", "ZZZ", "has_ipv6"] {
        assert_eq!(number(name), None, "{name:?}");
    }
}

#[test]
fn addresses_are_unsigned() {
    assert_eq!(number("INADDR_BROADCAST"), Some(0xffff_ffff));
    assert_eq!(number("INADDR_ALLHOSTS_GROUP"), Some(0xe000_0001));
}

#[test]
fn texts_are_bluetooth_addresses() {
    for (name, text) in TEXTS {
        let octets: Vec<_> = text
            .split(':')
            .map(|octet| u8::from_str_radix(octet, 16))
            .collect();
        assert!(
            octets.len() == 6 && octets.iter().all(Result::is_ok),
            "{name} is {text}"
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn numbers_are_those_of_linux() {
    let known = [
        ("AF_UNSPEC", 0),
        ("AF_UNIX", 1),
        ("AF_INET", 2),
        ("AF_INET6", 10),
        ("AF_CAN", 29),
        ("AF_BLUETOOTH", 31),
        ("AF_QIPCRTR", 42),
        ("SHUT_RDWR", 2),
        ("IPPROTO_TCP", 6),
        ("IPPROTO_MPTCP", 262),
        ("IPV6_V6ONLY", 26),
        ("IPV6_JOIN_GROUP", 20),
        ("MSG_DONTWAIT", 0x40),
        ("MSG_CMSG_CLOEXEC", 0x4000_0000),
        ("EAI_NONAME", -2),
        ("NI_MAXHOST", 1025),
        ("CAN_EFF_FLAG", 0x8000_0000),
        ("CAN_BCM_CAN_FD_FRAME", 0x800),
        ("TIPC_WAIT_FOREVER", -1),
        ("VMADDR_CID_ANY", 0xffff_ffff),
        ("TCP_TX_DELAY", 37),
        ("BTPROTO_RFCOMM", 3),
        ("BDADDR_LE_RANDOM", 2),
    ];
    for (name, value) in known {
        assert_eq!(number(name), Some(value), "{name}");
    }
}
