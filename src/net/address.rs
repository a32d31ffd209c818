//! Addresses as values: what the kernel's bytes mean, one variant a family.

use std::net::{SocketAddrV4, SocketAddrV6};

use socket2::SockAddr;

use crate::error::{Error, Result};
use crate::sys::sockaddr as raw;

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub use linux::{
    BluetoothAddress, Packet, TipcName, can_interface, interface_index, interface_name,
};

/// Where a socket is, or where it sends to. Text and bytes are borrowed from whoever has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address<'a> {
    /// Nowhere: what the kernel says of the other side of a connected stream.
    None,
    /// `AF_INET`, and with the same shape `AF_RDS`.
    Inet(SocketAddrV4),
    /// `AF_INET6`; the flow information is in network byte order, as socket2 passes it on.
    Inet6(SocketAddrV6),
    /// `AF_UNIX`: a path, or with a NUL in front an abstract name, or nothing when unnamed.
    Unix(&'a [u8]),
    /// `AF_NETLINK`.
    #[cfg(target_os = "linux")]
    Netlink {
        /// The port, mostly the number of the process.
        pid: u32,
        /// The multicast groups, one a bit.
        groups: u32,
    },
    /// `AF_PACKET`.
    #[cfg(target_os = "linux")]
    Packet(Packet<'a>),
    /// `AF_CAN` with the protocols raw and bcm.
    #[cfg(target_os = "linux")]
    Can {
        /// The index of the interface; 0 is any.
        interface: i32,
    },
    /// `AF_CAN` with the protocol isotp.
    #[cfg(target_os = "linux")]
    CanIsotp {
        /// The index of the interface; 0 is any.
        interface: i32,
        /// The identifier that is received.
        receive: u32,
        /// The identifier that is sent.
        send: u32,
    },
    /// `AF_CAN` with the protocol j1939.
    #[cfg(target_os = "linux")]
    CanJ1939 {
        /// The index of the interface; 0 is any.
        interface: i32,
        /// The name of the control unit.
        name: u64,
        /// The parameter group number.
        group: u32,
        /// The address on the bus.
        address: u8,
    },
    /// `AF_VSOCK`.
    #[cfg(target_os = "linux")]
    Vsock {
        /// The context: which machine.
        cid: u32,
        /// The port.
        port: u32,
    },
    /// `AF_ALG`.
    #[cfg(target_os = "linux")]
    Alg {
        /// The type of the algorithm, at most 13 bytes.
        kind: &'a [u8],
        /// The name of the algorithm, at most 63 bytes.
        name: &'a [u8],
        /// The wanted features.
        features: u32,
        /// Which features count.
        mask: u32,
    },
    /// `AF_TIPC`.
    #[cfg(target_os = "linux")]
    Tipc {
        /// Who is meant.
        name: TipcName,
        /// How far the name reaches.
        scope: i8,
    },
    /// `AF_QIPCRTR`.
    #[cfg(target_os = "linux")]
    Qipcrtr {
        /// The node.
        node: u32,
        /// The port.
        port: u32,
    },
    /// `AF_BLUETOOTH` with the protocol L2CAP.
    #[cfg(target_os = "linux")]
    L2cap {
        /// The device.
        address: BluetoothAddress,
        /// The service multiplexer.
        psm: u16,
        /// The channel of Low Energy, else 0.
        channel: u16,
        /// What kind of address the device has, `BDADDR_*`.
        kind: u8,
    },
    /// `AF_BLUETOOTH` with the protocol RFCOMM.
    #[cfg(target_os = "linux")]
    Rfcomm {
        /// The device.
        address: BluetoothAddress,
        /// The channel.
        channel: u8,
    },
    /// `AF_BLUETOOTH` with the protocol HCI.
    #[cfg(target_os = "linux")]
    Hci {
        /// The number of the adapter.
        device: u16,
        /// The channel.
        channel: u16,
    },
    /// `AF_BLUETOOTH` with the protocol SCO.
    #[cfg(target_os = "linux")]
    Sco(BluetoothAddress),
    /// A family that nobody here knows.
    Other {
        /// The number of the family.
        family: i32,
        /// The first bytes of what follows it.
        data: [u8; 14],
    },
}

impl<'a> Address<'a> {
    /// Read an address that the kernel wrote.
    ///
    /// What CAN and Bluetooth addresses hold depends on the protocol of the socket. Errors: what
    /// has no meaning in its family, as [`Error::Address`].
    pub fn from_sockaddr(address: &'a SockAddr, protocol: i32) -> Result<Self> {
        if address.len() == 0 {
            return Ok(Self::None);
        }
        if let Some(inet) = address.as_socket_ipv4() {
            return Ok(Self::Inet(inet));
        }
        if let Some(inet6) = address.as_socket_ipv6() {
            return Ok(Self::Inet6(inet6));
        }
        let family = i32::from(address.family());
        if family == libc::AF_UNIX {
            return Ok(Self::Unix(named(raw::unix_path(address))));
        }
        #[cfg(target_os = "linux")]
        if let Some(known) = Self::from_linux(address, family, protocol)? {
            return Ok(known);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = protocol;
        let data = raw::view::<libc::sockaddr>(address)
            .sa_data
            .map(|byte| byte as u8);
        Ok(Self::Other { family, data })
    }

    /// Write the address down as the kernel reads it. Errors: [`Error::Address`] for what does
    /// not fit.
    pub fn to_sockaddr(&self) -> Result<SockAddr> {
        match *self {
            Self::None => Ok(raw::nowhere()),
            Self::Inet(inet) => Ok(inet.into()),
            Self::Inet6(inet6) => Ok(inet6.into()),
            Self::Unix(path) => unix(path),
            Self::Other { family, data } => Ok(raw::build(|raw: &mut libc::sockaddr| {
                raw.sa_family = family as libc::sa_family_t;
                raw.sa_data = data.map(|byte| byte as libc::c_char);
            })),
            #[cfg(target_os = "linux")]
            linux => linux.to_linux(),
        }
    }
}

/// Return the bytes of an address as the kernel reads them.
#[must_use]
pub fn bytes(address: &SockAddr) -> &[u8] {
    let memory = raw::memory(address);
    &memory[..memory.len().min(address.len() as usize)]
}

/// Write the address of a Unix socket down.
///
/// Nothing at all asks Linux for a name of its choice. An abstract name is as long as it is and
/// fills all the room; a path needs its NUL.
fn unix(path: &[u8]) -> Result<SockAddr> {
    let abstract_name = cfg!(target_os = "linux") && path.first().is_none_or(|byte| *byte == 0);
    let len = if abstract_name {
        path.len()
    } else {
        path.len() + 1
    };
    if len > raw::PATH_ROOM {
        return Err(Error::Address("AF_UNIX path too long"));
    }
    Ok(raw::unix(path, len))
}

/// Cut what the kernel says of a path at its NUL; an abstract name is whole as it is.
fn named(path: &[u8]) -> &[u8] {
    if cfg!(target_os = "linux") && path.first() == Some(&0) {
        return path;
    }
    path.split(|byte| *byte == 0).next().unwrap_or_default()
}
