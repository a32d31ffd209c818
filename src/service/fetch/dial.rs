//! Connecting to a host: all of its addresses, one shortly after the other (RFC 8305).

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::clock::{Clock, Stop};
use super::lookup::LookUp;
use crate::error::{Error, Result};
use crate::sys;
use crate::sys::poll::{Entry, Readiness};

/// How long an address is waited for before the next one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// How many addresses of one host are tried at most.
const MOST: usize = 16;

/// The first port that the system may choose for a connection of ours.
const EPHEMERAL: u16 = 1024;

/// A connection that is being made.
#[derive(Debug)]
pub(super) struct Dial {
    look_up: Option<LookUp>,
    /// What is yet to be tried.
    addresses: VecDeque<SocketAddr>,
    /// What is being tried.
    attempts: Vec<(Socket, SocketAddr)>,
    /// When the next address is tried, if none has answered.
    next: Option<Instant>,
    /// The most telling of the failures so far.
    failure: Option<Error>,
    /// How long it took to find the addresses.
    looked_up: Option<Duration>,
}

impl Dial {
    /// Begin to connect to a host by its name or number.
    pub(super) fn start(host: &str, port: u16) -> Result<Self> {
        Ok(Self {
            look_up: Some(LookUp::start(host, port)?),
            addresses: VecDeque::new(),
            attempts: Vec::new(),
            next: None,
            failure: None,
            looked_up: None,
        })
    }

    /// Return after how long the addresses were known.
    pub(super) fn looked_up(&self) -> Option<Duration> {
        self.looked_up
    }

    /// Go on until there is a connection. Errors: the most telling one, when no address answers.
    pub(super) fn advance(&mut self, clock: &mut Clock) -> std::result::Result<Socket, Stop> {
        if let Some(look_up) = &mut self.look_up {
            self.addresses = interleaved(look_up.wait(clock)?);
            self.look_up = None;
            self.looked_up = Some(clock.elapsed());
        }
        loop {
            let due = self.next.is_none_or(|next| Instant::now() >= next);
            if self.attempts.is_empty() || due {
                if let Some(socket) = self.try_next() {
                    return Ok(socket);
                }
            }
            if self.attempts.is_empty() {
                if !self.addresses.is_empty() {
                    continue;
                }
                let none = Error::Address("the host has no address");
                return Err(self.failure.take().unwrap_or(none).into());
            }
            if let Some(socket) = self.wait(clock)? {
                return Ok(socket);
            }
        }
    }

    /// Try the next address, if there is one.
    fn try_next(&mut self) -> Option<Socket> {
        let address = self.addresses.pop_front()?;
        self.next = (!self.addresses.is_empty()).then(|| Instant::now() + HEAD_START);
        match begin(address) {
            Ok((socket, true)) => return Some(socket),
            Ok((socket, false)) => self.attempts.push((socket, address)),
            Err(error) => self.fail(error, address),
        }
        None
    }

    /// Wait until one of the attempts has an outcome, or the next address is due.
    fn wait(&mut self, clock: &mut Clock) -> std::result::Result<Option<Socket>, Stop> {
        let mut entries: Vec<Entry<'_>> = self
            .attempts
            .iter()
            .map(|(socket, _)| Entry::new(socket.as_fd(), Readiness::Connect))
            .collect();
        if !clock.wait_until(&mut entries, self.next)? {
            return Ok(None);
        }
        let Some(place) = entries.iter().position(Entry::is_ready) else {
            return Ok(None);
        };
        let failed = entries[place].has_failed();
        drop(entries);
        let (socket, address) = self.attempts.swap_remove(place);
        // The kernel tells the error once, and costs a call: it is asked where there is one.
        let outcome = match failed {
            true => sys::connected(socket.as_fd()),
            false => Ok(()),
        };
        match outcome.and_then(|()| stranger(&socket, address)) {
            Ok(()) => Ok(Some(socket)),
            Err(error) => {
                self.fail(error, address);
                // There is no reason to wait for whoever is next.
                self.next = None;
                Ok(None)
            }
        }
    }

    /// Note a failure; one that says something of the host counts more than one that says that
    /// this machine has no way to such addresses.
    fn fail(&mut self, error: io::Error, address: SocketAddr) {
        let errno = error.raw_os_error().unwrap_or(0);
        let no_way = matches!(
            errno,
            libc::ENETUNREACH | libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT | libc::EHOSTUNREACH
        );
        if self.failure.is_none() || !no_way {
            let message = format!("{} ({address})", sys::strerror(errno));
            self.failure = Some(Error::System { errno, message });
        }
    }
}

/// Begin to connect to one address, and say whether that is done already.
fn begin(address: SocketAddr) -> io::Result<(Socket, bool)> {
    let kind = Type::STREAM.nonblocking();
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    match socket.connect(&address.into()) {
        Ok(()) => stranger(&socket, address).map(|()| (socket, true)),
        Err(error) => match error.raw_os_error() {
            // Interrupted, a connect goes on by itself.
            Some(libc::EINPROGRESS | libc::EINTR) => Ok((socket, false)),
            _ => Err(error),
        },
    }
}

/// Refuse a connection to itself: where nobody listens, the port that the system picks for us may
/// be the very one that we connect to.
fn stranger(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    if address.port() >= EPHEMERAL
        && address.ip().is_loopback()
        && socket.local_addr()?.as_socket() == Some(address)
    {
        return Err(io::Error::from_raw_os_error(libc::ECONNREFUSED));
    }
    Ok(())
}

/// Let the families take turns, beginning with that of the first address.
fn interleaved(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_four = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (first, second): (VecDeque<_>, VecDeque<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv4() == first_is_four);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut turns = VecDeque::new();
    loop {
        match (first.next(), second.next()) {
            (None, None) => break,
            (one, other) => turns.extend(one.into_iter().chain(other)),
        }
    }
    turns.truncate(MOST);
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(addresses: &[&str]) -> Vec<String> {
        let parsed = addresses
            .iter()
            .map(|text| text.parse().expect("an address"));
        let turns = interleaved(parsed.collect());
        turns.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn families_take_turns_from_the_first_address_on() {
        assert_eq!(
            order(&["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1", "10.0.0.2:1"]),
            ["[::1]:1", "10.0.0.1:1", "[::2]:1", "10.0.0.2:1", "[::3]:1"]
        );
        assert_eq!(order(&["10.0.0.1:1", "[::1]:1"]), ["10.0.0.1:1", "[::1]:1"]);
        assert!(order(&[]).is_empty());
    }
}
