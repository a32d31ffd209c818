//! From the name of a host to its addresses, without waiting longer than the fetch may.
//!
//! getaddrinfo(3) cannot be cut short, so it runs in a thread of its own. Where the fetch gives up
//! before, the thread is left to itself and ends when the C library lets it.

use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::clock::{Clock, Stop};
use crate::error::{Error, Result};
use crate::net::ip;
use crate::sys::interface;
use crate::sys::resolver::{AddressList, Hints};

/// How many look-ups may be under way in the process, those that were left to themselves included.
const MOST: usize = 512;

/// What a thread needs that calls the C library's resolver, with its modules.
const STACK: usize = 512 * 1024;

static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// A look-up, under way or done.
#[derive(Debug)]
pub(super) enum LookUp {
    /// The addresses are known.
    Done(Vec<SocketAddr>),
    /// A thread is asking.
    Asking(Receiver<Result<Vec<SocketAddr>>>),
}

impl LookUp {
    /// Begin to look a host up; numbers, and names that stand for this machine, are known.
    pub(super) fn start(host: &str, port: u16) -> Result<Self> {
        if let Some(address) = numeric(host, port)? {
            return Ok(Self::Done(vec![address]));
        }
        if is_local(host) {
            let (six, four) = (Ipv6Addr::LOCALHOST, Ipv4Addr::LOCALHOST);
            return Ok(Self::Done(vec![(six, port).into(), (four, port).into()]));
        }
        ask(host, port).map(Self::Asking)
    }

    /// Wait for the addresses, in the order in which they should be tried.
    pub(super) fn wait(&mut self, clock: &mut Clock) -> std::result::Result<Vec<SocketAddr>, Stop> {
        match self {
            Self::Done(addresses) => Ok(std::mem::take(addresses)),
            Self::Asking(answer) => Ok(clock.hear(answer)??),
        }
    }
}

/// Read a host that is an address; one of IPv6 may name its interface, by number or name.
fn numeric(host: &str, port: u16) -> Result<Option<SocketAddr>> {
    if let Some(ip) = ip::parse(host.as_bytes()) {
        return Ok(Some(SocketAddr::new(ip, port)));
    }
    let Some((address, zone)) = host.split_once('%') else {
        return Ok(None);
    };
    let Some(IpAddr::V6(ip)) = ip::parse(address.as_bytes()) else {
        return Ok(None);
    };
    let scope = match zone.parse() {
        Ok(number) => number,
        Err(_) => {
            let name = CString::new(zone).unwrap_or_default();
            interface::index(&name)?
        }
    };
    Ok(Some(SocketAddrV6::new(ip, port, 0, scope).into()))
}

/// Return whether a name stands for this machine whatever a resolver says (RFC 6761).
fn is_local(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let tail = host.len().checked_sub("localhost".len());
    tail.and_then(|start| host.get(start..))
        .is_some_and(|end| end.eq_ignore_ascii_case("localhost"))
        && tail.is_none_or(|start| start == 0 || host.as_bytes()[start - 1] == b'.')
}

/// One of the look-ups that are under way.
struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Have a thread look a name up.
fn ask(host: &str, port: u16) -> Result<Receiver<Result<Vec<SocketAddr>>>> {
    let name = CString::new(host).map_err(|_| Error::Address("a host name cannot hold NUL"))?;
    let before = UNDER_WAY.fetch_add(1, Ordering::Relaxed);
    let counted = Counted;
    if before >= MOST {
        return Err(Error::AddressInfo {
            code: libc::EAI_AGAIN,
            message: format!("{MOST} names are being looked up already"),
        });
    }
    let (answer, question) = sync_channel(1);
    let thread = thread::Builder::new()
        .name("rsock look-up".into())
        .stack_size(STACK);
    let thread = thread.spawn(move || {
        let found = look_up(&name, port);
        // Counted out before it is heard of, so that whoever hears finds it done.
        drop(counted);
        // Nobody may be left to hear it.
        let _ = answer.send(found);
    });
    // What the system says, EAGAIN, would be taken for a socket's.
    thread.map_err(|error| Error::AddressInfo {
        code: libc::EAI_AGAIN,
        message: format!("no thread could be started to look the name up ({error})"),
    })?;
    Ok(question)
}

fn look_up(name: &CString, port: u16) -> Result<Vec<SocketAddr>> {
    let hints = Hints {
        kind: libc::SOCK_STREAM,
        ..Hints::default()
    };
    let found = AddressList::look_up(Some(name), None, hints)?;
    let mut addresses = Vec::new();
    for mut address in found.iter().filter_map(|entry| entry.address.as_socket()) {
        address.set_port(port);
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_localhost_and_what_is_below_it_is_this_machine() {
        for name in ["localhost", "LOCALHOST", "a.localhost", "localhost."] {
            assert!(is_local(name), "{name}");
        }
        for name in [
            "",
            "alocalhost",
            "localhost.com",
            "localhos",
            "é",
            ".",
            "xélocalhost",
        ] {
            assert!(!is_local(name), "{name}");
        }
    }

    #[test]
    fn an_address_may_name_its_interface() {
        let read = |host| numeric(host, 80);
        let expected = SocketAddrV6::new("fe80::1".parse().expect("an address"), 80, 0, 7);
        assert_eq!(read("fe80::1%7").expect("a number"), Some(expected.into()));
        assert!(read("fe80::1%no such interface").is_err());
        assert_eq!(read("example.com").expect("a name"), None);
        assert_eq!(read("exam%ple").expect("a name"), None);
    }
}
