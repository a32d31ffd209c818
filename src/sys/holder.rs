//! Who holds a port. Only Linux tells, under `/proc`.

use std::net::IpAddr;

/// A process that holds a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The number of the process.
    pub pid: u32,
    /// Its name; the kernel keeps 15 bytes of it.
    pub name: String,
}

/// Which table of ports is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Those of streams.
    Tcp,
    /// Those of datagrams.
    Udp,
}

/// Find who listens at a port of an address, as far as we may look into other processes.
///
/// Ours is looked at first: it is the most common one.
#[cfg(target_os = "linux")]
#[must_use]
pub fn find(ports: Ports, ip: IpAddr, port: u16) -> Option<Holder> {
    let links = linux::sockets(ports, ip.to_canonical(), port);
    if links.is_empty() {
        return None;
    }
    linux::holder(std::process::id(), &links).or_else(|| {
        let processes = std::fs::read_dir("/proc").ok()?;
        let mut numbers = processes
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .take(linux::PROCESSES);
        numbers.find_map(|pid| linux::holder(pid, &links))
    })
}

/// Find who listens at a port of an address: nobody can tell here.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn find(_ports: Ports, _ip: IpAddr, _port: u16) -> Option<Holder> {
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::{Holder, Ports};

    /// How many processes, and descriptors of each, are looked at: a hint is not worth more.
    pub(super) const PROCESSES: usize = 32_768;
    const DESCRIPTORS: usize = 65_536;

    /// The states in the kernel's tables: a stream that listens, a datagram socket that is bound.
    const LISTEN: &str = "0A";
    const CLOSE: &str = "07";

    /// Find the sockets that stand in the way, by what the links to them read.
    pub(super) fn sockets(ports: Ports, ip: IpAddr, port: u16) -> Vec<String> {
        let (tables, state) = match ports {
            Ports::Tcp => (["/proc/net/tcp", "/proc/net/tcp6"], LISTEN),
            Ports::Udp => (["/proc/net/udp", "/proc/net/udp6"], CLOSE),
        };
        let mut found = Vec::new();
        for table in tables {
            let Ok(text) = fs::read_to_string(table) else {
                continue;
            };
            found.extend(text.lines().skip(1).filter_map(|line| {
                let mut fields = line.split_ascii_whitespace().skip(1);
                let (held_ip, held_port) = fields.next().and_then(address)?;
                let same_state = fields.nth(1)? == state;
                let inode = fields.nth(5)?;
                let collides = held_ip == ip || held_ip.is_unspecified() || ip.is_unspecified();
                (same_state && held_port == port && collides).then(|| format!("socket:[{inode}]"))
            }));
        }
        found
    }

    /// Read `0100007F:270F`: words as the machine holds them in memory, each in hexadecimal.
    fn address(text: &str) -> Option<(IpAddr, u16)> {
        let (ip, port) = text.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let word = |at: usize| u32::from_str_radix(ip.get(at..at + 8)?, 16).ok();
        let ip = match ip.len() {
            8 => IpAddr::from(Ipv4Addr::from(word(0)?.to_ne_bytes())),
            32 => {
                let mut bytes = [0; 16];
                for (place, at) in bytes.chunks_exact_mut(4).zip([0, 8, 16, 24]) {
                    place.copy_from_slice(&word(at)?.to_ne_bytes());
                }
                IpAddr::from(Ipv6Addr::from(bytes)).to_canonical()
            }
            _ => return None,
        };
        Some((ip, port))
    }

    /// Describe a process if it has one of the sockets open.
    pub(super) fn holder(pid: u32, links: &[String]) -> Option<Holder> {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
        let mut targets = descriptors
            .take(DESCRIPTORS)
            .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        targets.find(|target| links.iter().any(|link| target.as_os_str() == link.as_str()))?;
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        Some(Holder {
            pid,
            name: name.trim_end().to_owned(),
        })
    }
}
