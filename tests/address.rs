//! Addresses against the bytes that the kernel reads, and back.

use rsock::error::Error;
use rsock::net::address::{Address, bytes};
use socket2::{Domain, Socket, Type};

/// Write an address down, hold it against its bytes, and read it again.
#[track_caller]
fn assert_bytes(address: Address<'_>, protocol: i32, expected: &str) {
    let raw = address.to_sockaddr().expect("the address can be written");
    let hex: String = bytes(&raw)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hex, expected.replace(' ', ""), "{address:?}");
    let again = Address::from_sockaddr(&raw, protocol).expect("the address can be read");
    assert_eq!(again, address);
}

#[track_caller]
fn assert_refused(address: Address<'_>, message: &str) {
    match address.to_sockaddr() {
        Err(Error::Address(text)) => assert_eq!(text, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_nobodys_address() {
    assert_bytes(Address::None, 0, "");
}

#[test]
fn internet_addresses_keep_host_and_port() {
    let inet = "1.2.3.4:20576".parse().unwrap();
    let raw = Address::Inet(inet).to_sockaddr().unwrap();
    assert_eq!(
        Address::from_sockaddr(&raw, 0).unwrap(),
        Address::Inet(inet)
    );
    let mut inet6: std::net::SocketAddrV6 = "[2001:db8::5%7]:443".parse().unwrap();
    inet6.set_flowinfo(0x12345_u32.to_be());
    let raw = Address::Inet6(inet6).to_sockaddr().unwrap();
    assert_eq!(
        Address::from_sockaddr(&raw, 0).unwrap(),
        Address::Inet6(inet6)
    );
}

#[test]
fn the_name_of_an_unbound_unix_socket_is_empty() {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    let name = socket.local_addr().unwrap();
    assert_eq!(
        Address::from_sockaddr(&name, 0).unwrap(),
        Address::Unix(b"")
    );
}

#[test]
fn a_unix_path_that_leaves_no_room_for_its_nul_is_refused() {
    let path = [b'x'; 200];
    assert_refused(Address::Unix(&path), "AF_UNIX path too long");
}

#[test]
fn a_unix_path_ends_at_its_first_nul() {
    let raw = Address::Unix(b"/tmp/a\0b").to_sockaddr().unwrap();
    assert_eq!(
        Address::from_sockaddr(&raw, 0).unwrap(),
        Address::Unix(b"/tmp/a")
    );
}

#[cfg(all(target_os = "linux", target_endian = "little"))]
mod linux {
    use std::os::fd::AsFd;

    use rsock::net::address::{
        BluetoothAddress, Packet, TipcName, can_interface, interface_index, interface_name,
    };

    use super::*;

    const CAN_RAW: i32 = 1;
    const CAN_ISOTP: i32 = 6;
    const CAN_J1939: i32 = 7;
    const L2CAP: i32 = 0;
    const HCI: i32 = 1;
    const SCO: i32 = 2;
    const RFCOMM: i32 = 3;

    #[test]
    fn internet() {
        let inet = Address::Inet("1.2.3.4:20576".parse().unwrap());
        assert_bytes(inet, 0, "0200 5060 01020304 0000000000000000");
        let mut inet6: std::net::SocketAddrV6 = "[2001:db8::5%7]:443".parse().unwrap();
        inet6.set_flowinfo(0x12345_u32.to_be());
        let expected = "0a00 01bb 00012345 20010db8000000000000000000000005 07000000";
        assert_bytes(Address::Inet6(inet6), 0, expected);
    }

    #[test]
    fn unix() {
        assert_bytes(Address::Unix(b"/tmp/x"), 0, "0100 2f746d702f78 00");
        assert_bytes(Address::Unix(b"\0abc"), 0, "0100 00616263");
        assert_bytes(Address::Unix(b""), 0, "0100");
    }

    #[test]
    fn unix_names_may_fill_all_the_room_that_they_have() {
        assert_bytes(
            Address::Unix(&[0; 108]),
            0,
            &format!("0100 {}", "00".repeat(108)),
        );
        assert_refused(Address::Unix(&[0; 109]), "AF_UNIX path too long");
        assert_bytes(
            Address::Unix(&[b'x'; 107]),
            0,
            &format!("0100 {} 00", "78".repeat(107)),
        );
        assert_refused(Address::Unix(&[b'x'; 108]), "AF_UNIX path too long");
    }

    #[test]
    fn an_abstract_name_comes_back_from_the_kernel_whole() {
        let socket = Socket::new(Domain::UNIX, Type::DGRAM, None).unwrap();
        socket
            .bind(&Address::Unix(b"").to_sockaddr().unwrap())
            .unwrap();
        let name = socket.local_addr().unwrap();
        match Address::from_sockaddr(&name, 0).unwrap() {
            Address::Unix(name) => assert!(name.len() == 6 && name[0] == 0, "{name:?}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn netlink() {
        let address = Address::Netlink {
            pid: 0x0102_0304,
            groups: 5,
        };
        assert_bytes(address, 0, "1000 0000 04030201 05000000");
    }

    #[test]
    fn packet() {
        let packet = Packet {
            interface: 1,
            protocol: 0x0800,
            kind: 4,
            hardware_kind: 0x0102,
            hardware: b"\x01\x02\x03\x04\x05\x06",
        };
        let expected = "1100 0800 01000000 0201 04 06 0102030405060000";
        assert_bytes(Address::Packet(packet), 0, expected);
        let packet = Packet {
            hardware: b"123456789",
            ..packet
        };
        assert_refused(
            Address::Packet(packet),
            "Hardware address must be 8 bytes or less",
        );
    }

    #[test]
    fn can() {
        let rest = "00".repeat(16);
        assert_bytes(
            Address::Can { interface: 1 },
            CAN_RAW,
            &format!("1d00 0000 01000000 {rest}"),
        );
        assert_bytes(
            Address::CanIsotp {
                interface: 1,
                receive: 0x123,
                send: 0x8000_0456,
            },
            CAN_ISOTP,
            "1d00 0000 01000000 23010000 56040080 0000000000000000",
        );
        assert_bytes(
            Address::CanJ1939 {
                interface: 1,
                name: 0x1122_3344_5566_7788,
                group: 0x3ff00,
                address: 0x20,
            },
            CAN_J1939,
            "1d00 0000 01000000 8877665544332211 00ff0300 20 000000",
        );
    }

    #[test]
    fn vsock() {
        assert_bytes(
            Address::Vsock { cid: 3, port: 1024 },
            0,
            "2800 0000 00040000 03000000 00000000",
        );
    }

    #[test]
    fn alg() {
        let address = |kind, name| Address::Alg {
            kind,
            name,
            features: 1,
            mask: 2,
        };
        let expected = format!(
            "2600 68617368{} 01000000 02000000 736861323536{}",
            "00".repeat(10),
            "00".repeat(58)
        );
        assert_bytes(address(b"hash", b"sha256"), 0, &expected);
        assert_refused(address(&[b'x'; 14], b""), "AF_ALG type too long.");
        assert_refused(address(b"", &[b'x'; 64]), "AF_ALG name too long.");
    }

    #[test]
    fn tipc() {
        let cases = [
            (
                TipcName::Range {
                    kind: 2,
                    lower: 3,
                    upper: 4,
                },
                3,
                "1e00 01 03 02000000 03000000 04000000",
            ),
            (
                TipcName::Service {
                    kind: 2,
                    instance: 3,
                },
                2,
                "1e00 02 02 02000000 03000000 00000000",
            ),
            (
                TipcName::Socket {
                    node: 2,
                    reference: 3,
                },
                -1,
                "1e00 03 ff 03000000 02000000 00000000",
            ),
        ];
        for (name, scope, expected) in cases {
            assert_bytes(Address::Tipc { name, scope }, 0, expected);
        }
        let mut data = [0; 14];
        data[0] = 9;
        let raw = Address::Other { family: 30, data }.to_sockaddr().unwrap();
        let error = Address::from_sockaddr(&raw, 0).unwrap_err();
        assert_eq!(error.to_string(), "Invalid address type");
    }

    #[test]
    fn qipcrtr() {
        let address = Address::Qipcrtr {
            node: 9,
            port: 0x4000,
        };
        assert_bytes(address, 0, "2a00 0000 09000000 00400000");
    }

    #[test]
    fn bluetooth() {
        let address: BluetoothAddress = "01:23:45:67:89:AB".parse().unwrap();
        let cases = [
            (
                Address::L2cap {
                    address,
                    psm: 0x1001,
                    channel: 0,
                    kind: 0,
                },
                L2CAP,
                "1f00 0110 ab8967452301 0000 00 00",
            ),
            (
                Address::L2cap {
                    address,
                    psm: 0x1001,
                    channel: 4,
                    kind: 2,
                },
                L2CAP,
                "1f00 0110 ab8967452301 0400 02 00",
            ),
            (
                Address::Rfcomm {
                    address,
                    channel: 7,
                },
                RFCOMM,
                "1f00 ab8967452301 07 00",
            ),
            (
                Address::Hci {
                    device: 1,
                    channel: 3,
                },
                HCI,
                "1f00 0100 0300",
            ),
            (Address::Sco(address), SCO, "1f00 ab8967452301"),
        ];
        for (address, protocol, expected) in cases {
            assert_bytes(address, protocol, expected);
        }
        let raw = Address::Sco(address).to_sockaddr().unwrap();
        let error = Address::from_sockaddr(&raw, 99).unwrap_err();
        assert_eq!(error.to_string(), "Unknown Bluetooth protocol");
    }

    #[test]
    fn bluetooth_text_is_read_leniently_and_written_strictly() {
        let read = |text: &str| text.parse::<BluetoothAddress>().map(|it| it.to_string());
        for text in ["1:2:3:4:5:ff", "01:02:03:04:05:FF", " 0x1: 2:+3:004:5:fF"] {
            assert_eq!(read(text).unwrap(), "01:02:03:04:05:FF", "{text:?}");
        }
        for text in [
            "",
            "1:2:3:4:5",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:100",
            "1:2:3:4:5:6 ",
            "x:2:3:4:5:6",
        ] {
            assert_eq!(
                read(text).unwrap_err().to_string(),
                "bad bluetooth address",
                "{text:?}"
            );
        }
    }

    #[test]
    fn an_unknown_family_keeps_its_number_and_bytes() {
        let data = *b"abcdefghijklmn";
        assert_bytes(
            Address::Other { family: 99, data },
            0,
            "6300 6162636465666768696a6b6c6d6e",
        );
    }

    #[test]
    fn interfaces_are_found_by_name_and_by_index() {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        let fd = socket.as_fd();
        let index = interface_index(fd, b"lo").unwrap();
        assert_eq!(interface_name(fd, index).unwrap(), b"lo");
        assert_eq!(can_interface(fd, b"lo").unwrap(), index);
        assert_eq!(can_interface(fd, b"").unwrap(), 0);
        let missing = interface_index(fd, b"there-is-none").unwrap_err();
        assert_eq!(missing.raw_os_error(), Some(libc::ENODEV));
        let error = can_interface(fd, &[b'x'; 16]).unwrap_err();
        assert_eq!(error.to_string(), "AF_CAN interface name too long");
    }
}
