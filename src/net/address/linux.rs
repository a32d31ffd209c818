//! The families that only Linux has.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::str::FromStr;

use socket2::SockAddr;

use super::Address;
use crate::error::{Error, Result};
use crate::sys::sockaddr as raw;

pub use crate::sys::sockaddr::{interface_index, interface_name};

/// An address of `AF_PACKET`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The index of the interface.
    pub interface: i32,
    /// The protocol, `ETH_P_*`.
    pub protocol: u16,
    /// For whom the packet is, `PACKET_*`.
    pub kind: u8,
    /// The kind of hardware, `ARPHRD_*`.
    pub hardware_kind: u16,
    /// The address of the hardware; at most 8 bytes can be written.
    pub hardware: &'a [u8],
}

/// Who is meant by an address of `AF_TIPC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TipcName {
    /// A range of services.
    Range {
        /// The type of the service.
        kind: u32,
        /// The first instance.
        lower: u32,
        /// The last instance.
        upper: u32,
    },
    /// One service.
    Service {
        /// The type of the service.
        kind: u32,
        /// The instance.
        instance: u32,
    },
    /// One socket.
    Socket {
        /// The node.
        node: u32,
        /// The reference on that node.
        reference: u32,
    },
}

/// The address of a Bluetooth device, the last byte first as the kernel holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BluetoothAddress(pub [u8; 6]);

impl fmt::Display for BluetoothAddress {
    fn fmt(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [f, e, d, c, b, a] = self.0;
        write!(into, "{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{f:02X}")
    }
}

impl FromStr for BluetoothAddress {
    type Err = Error;

    /// Read six numbers as scanf(3) reads `%X`: blanks, a plus and a 0x may stand before each.
    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::Address("bad bluetooth address");
        let mut numbers = text.split(':');
        let mut bytes = [0; 6];
        for byte in bytes.iter_mut().rev() {
            let number = numbers.next().ok_or_else(bad)?;
            let number = number.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
            let digits = number
                .strip_prefix("0x")
                .or_else(|| number.strip_prefix("0X"));
            let digits = digits
                .filter(|rest| !rest.starts_with('+'))
                .unwrap_or(number);
            *byte = u8::from_str_radix(digits, 16).map_err(|_| bad())?;
        }
        if numbers.next().is_some() {
            Err(bad())
        } else {
            Ok(Self(bytes))
        }
    }
}

impl<'a> Address<'a> {
    /// Read an address of a family that only Linux has; `None` when it is of another.
    pub(super) fn from_linux(
        address: &'a SockAddr,
        family: i32,
        protocol: i32,
    ) -> Result<Option<Self>> {
        Ok(Some(match family {
            libc::AF_NETLINK => {
                let raw = raw::view::<libc::sockaddr_nl>(address);
                Self::Netlink {
                    pid: raw.nl_pid,
                    groups: raw.nl_groups,
                }
            }
            libc::AF_PACKET => Self::Packet(packet(address)),
            libc::AF_CAN => can(address, protocol),
            libc::AF_VSOCK => {
                let raw = raw::view::<libc::sockaddr_vm>(address);
                Self::Vsock {
                    cid: raw.svm_cid,
                    port: raw.svm_port,
                }
            }
            libc::AF_ALG => {
                let raw = raw::view::<libc::sockaddr_alg>(address);
                Self::Alg {
                    kind: until_nul(&raw.salg_type),
                    name: until_nul(&raw.salg_name),
                    features: raw.salg_feat,
                    mask: raw.salg_mask,
                }
            }
            libc::AF_TIPC => tipc(raw::view(address))?,
            raw::AF_QIPCRTR => {
                let raw = raw::view::<raw::Qipcrtr>(address);
                Self::Qipcrtr {
                    node: raw.node,
                    port: raw.port,
                }
            }
            libc::AF_BLUETOOTH => bluetooth(address, protocol)?,
            _ => return Ok(None),
        }))
    }

    /// Write an address of a family that only Linux has down.
    pub(super) fn to_linux(self) -> Result<SockAddr> {
        Ok(match self {
            Self::Netlink { pid, groups } => raw::build(|raw: &mut libc::sockaddr_nl| {
                raw.nl_family = libc::AF_NETLINK as u16;
                raw.nl_pid = pid;
                raw.nl_groups = groups;
            }),
            Self::Packet(packet) => return from_packet(packet),
            Self::Can { interface } => from_isotp(interface, 0, 0),
            Self::CanIsotp {
                interface,
                receive,
                send,
            } => from_isotp(interface, receive, send),
            Self::CanJ1939 {
                interface,
                name,
                group,
                address,
            } => raw::build(|raw: &mut raw::CanJ1939| {
                raw.family = libc::AF_CAN as u16;
                raw.interface = interface;
                raw.name = name;
                raw.group = group;
                raw.address = address;
            }),
            Self::Vsock { cid, port } => raw::build(|raw: &mut libc::sockaddr_vm| {
                raw.svm_family = libc::AF_VSOCK as u16;
                raw.svm_cid = cid;
                raw.svm_port = port;
            }),
            Self::Alg {
                kind,
                name,
                features,
                mask,
            } => {
                return from_alg(kind, name, features, mask);
            }
            Self::Tipc { name, scope } => from_tipc(name, scope),
            Self::Qipcrtr { node, port } => raw::build(|raw: &mut raw::Qipcrtr| {
                raw.family = raw::AF_QIPCRTR as u16;
                raw.node = node;
                raw.port = port;
            }),
            Self::L2cap {
                address,
                psm,
                channel,
                kind,
            } => raw::build(|raw: &mut raw::L2cap| {
                raw.family = libc::AF_BLUETOOTH as u16;
                raw.psm = psm;
                raw.address = address.0;
                raw.channel = channel;
                raw.kind = kind;
            }),
            Self::Rfcomm { address, channel } => raw::build(|raw: &mut raw::Rfcomm| {
                raw.family = libc::AF_BLUETOOTH as u16;
                raw.address = address.0;
                raw.channel = channel;
            }),
            Self::Hci { device, channel } => raw::build(|raw: &mut raw::Hci| {
                raw.family = libc::AF_BLUETOOTH as u16;
                raw.device = device;
                raw.channel = channel;
            }),
            Self::Sco(address) => raw::build(|raw: &mut raw::Sco| {
                raw.family = libc::AF_BLUETOOTH as u16;
                raw.address = address.0;
            }),
            Self::None | Self::Inet(_) | Self::Inet6(_) | Self::Unix(_) | Self::Other { .. } => {
                return self.to_sockaddr();
            }
        })
    }
}

fn packet(address: &SockAddr) -> Packet<'_> {
    let raw = raw::view::<libc::sockaddr_ll>(address);
    // Some hardware has addresses longer than the shape says; the kernel writes them all the same.
    let hardware = &raw::memory(address)[std::mem::offset_of!(libc::sockaddr_ll, sll_addr)..];
    Packet {
        interface: raw.sll_ifindex,
        protocol: u16::from_be(raw.sll_protocol),
        kind: raw.sll_pkttype,
        hardware_kind: raw.sll_hatype,
        hardware: &hardware[..hardware.len().min(raw.sll_halen.into())],
    }
}

fn from_packet(packet: Packet<'_>) -> Result<SockAddr> {
    if packet.hardware.len() > 8 {
        return Err(Error::Address("Hardware address must be 8 bytes or less"));
    }
    Ok(raw::build(|raw: &mut libc::sockaddr_ll| {
        raw.sll_family = libc::AF_PACKET as u16;
        raw.sll_protocol = packet.protocol.to_be();
        raw.sll_ifindex = packet.interface;
        raw.sll_pkttype = packet.kind;
        raw.sll_hatype = packet.hardware_kind;
        raw.sll_halen = packet.hardware.len() as u8;
        raw.sll_addr[..packet.hardware.len()].copy_from_slice(packet.hardware);
    }))
}

fn can(address: &SockAddr, protocol: i32) -> Address<'_> {
    let isotp = raw::view::<raw::CanIsotp>(address);
    let interface = isotp.interface;
    match protocol {
        libc::CAN_ISOTP => Address::CanIsotp {
            interface,
            receive: isotp.receive,
            send: isotp.send,
        },
        libc::CAN_J1939 => {
            let raw::CanJ1939 {
                name,
                group,
                address,
                ..
            } = *raw::view(address);
            Address::CanJ1939 {
                interface,
                name,
                group,
                address,
            }
        }
        _ => Address::Can { interface },
    }
}

fn from_isotp(interface: i32, receive: u32, send: u32) -> SockAddr {
    raw::build(|raw: &mut raw::CanIsotp| {
        raw.family = libc::AF_CAN as u16;
        raw.interface = interface;
        raw.receive = receive;
        raw.send = send;
    })
}

fn from_alg(kind: &[u8], name: &[u8], features: u32, mask: u32) -> Result<SockAddr> {
    // A NUL has to follow either.
    if kind.len() >= raw::ALG_KIND_ROOM {
        return Err(Error::Address("AF_ALG type too long."));
    }
    if name.len() >= raw::ALG_NAME_ROOM {
        return Err(Error::Address("AF_ALG name too long."));
    }
    Ok(raw::build(|raw: &mut libc::sockaddr_alg| {
        raw.salg_family = libc::AF_ALG as u16;
        raw.salg_type[..kind.len()].copy_from_slice(kind);
        raw.salg_name[..name.len()].copy_from_slice(name);
        raw.salg_feat = features;
        raw.salg_mask = mask;
    }))
}

fn tipc(raw: &raw::Tipc) -> Result<Address<'static>> {
    let [first, second, third] = raw.words;
    let name = match raw.kind {
        raw::TIPC_ADDR_NAMESEQ => TipcName::Range {
            kind: first,
            lower: second,
            upper: third,
        },
        raw::TIPC_ADDR_NAME => TipcName::Service {
            kind: first,
            instance: second,
        },
        raw::TIPC_ADDR_ID => TipcName::Socket {
            reference: first,
            node: second,
        },
        _ => return Err(Error::Address("Invalid address type")),
    };
    Ok(Address::Tipc {
        name,
        scope: raw.scope,
    })
}

fn from_tipc(name: TipcName, scope: i8) -> SockAddr {
    raw::build(|raw: &mut raw::Tipc| {
        raw.family = libc::AF_TIPC as u16;
        raw.scope = scope;
        (raw.kind, raw.words) = match name {
            TipcName::Range { kind, lower, upper } => {
                (raw::TIPC_ADDR_NAMESEQ, [kind, lower, upper])
            }
            TipcName::Service { kind, instance } => (raw::TIPC_ADDR_NAME, [kind, instance, 0]),
            TipcName::Socket { node, reference } => (raw::TIPC_ADDR_ID, [reference, node, 0]),
        };
    })
}

fn bluetooth(address: &SockAddr, protocol: i32) -> Result<Address<'_>> {
    Ok(match protocol {
        raw::BTPROTO_L2CAP => {
            let raw = raw::view::<raw::L2cap>(address);
            Address::L2cap {
                address: BluetoothAddress(raw.address),
                psm: raw.psm,
                channel: raw.channel,
                kind: raw.kind,
            }
        }
        raw::BTPROTO_RFCOMM => {
            let raw = raw::view::<raw::Rfcomm>(address);
            Address::Rfcomm {
                address: BluetoothAddress(raw.address),
                channel: raw.channel,
            }
        }
        raw::BTPROTO_HCI => {
            let raw = raw::view::<raw::Hci>(address);
            Address::Hci {
                device: raw.device,
                channel: raw.channel,
            }
        }
        raw::BTPROTO_SCO => Address::Sco(BluetoothAddress(raw::view::<raw::Sco>(address).address)),
        _ => return Err(Error::Address("Unknown Bluetooth protocol")),
    })
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Find the index of an interface of `AF_CAN`, where no name stands for all interfaces.
///
/// Errors: those of the ioctl, and [`Error::Address`] for a name that is too long.
pub fn can_interface(fd: BorrowedFd<'_>, name: &[u8]) -> Result<i32> {
    match name.len() {
        0 => Ok(0),
        1..libc::IFNAMSIZ => Ok(interface_index(fd, name)?),
        _ => Err(Error::Address("AF_CAN interface name too long")),
    }
}
