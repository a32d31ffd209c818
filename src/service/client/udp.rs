//! The client that asks with datagrams, which may get lost.

use std::io;

use socket2::SockAddr;

use super::destination::Destination;
use super::failure::{Cause, Failure};
use super::link::{Doing, Link};
use super::turns::Turns;
use crate::error::Error;
use crate::net::blocking::Order;
use crate::net::{Caller, Deadline, Patience};
use crate::sys::io::Source;

/// The largest datagram that IP has room for; over Unix sockets there are larger ones.
const LARGEST: usize = 65_535;

/// No system has room for a larger datagram, whatever is asked for.
const MOST: usize = 1024 * 1024;

/// How many late answers are thrown away at most before a question.
const LATE: usize = 1024;

type Outcome<T, C> = Result<T, Failure<<C as Caller>::Error>>;

/// A socket that is connected to one server, and hears of no other.
#[derive(Debug)]
pub struct UdpClient {
    link: Link,
    desk: Turns<Desk>,
    retries: u32,
}

/// What whoever receives has for himself.
#[derive(Debug, Default)]
struct Desk {
    memory: Vec<u8>,
    /// Whether a question was sent whose answer may still come.
    open: bool,
}

impl UdpClient {
    /// Connect to a server, which sends nothing yet. `patience` then holds for each wait, and so
    /// for each of the `1 + retries` tries of a question.
    pub fn connect<C: Caller>(
        caller: &C,
        to: &Destination,
        patience: Patience,
        retries: u32,
    ) -> Outcome<Self, C> {
        Ok(Self {
            link: Link::connect(caller, to, libc::SOCK_DGRAM, patience)?,
            desk: Turns::default(),
            retries,
        })
    }

    /// Send a datagram and receive one; if none comes in time send it again, as often as there
    /// are retries.
    ///
    /// Answers do not say what they answer: one to an earlier try is as good as one to the last.
    /// After a question that was sent more than once, or had no answer, what has come in the
    /// meantime is thrown away before the next is sent; what comes even later is taken for the
    /// next answer, and only a number in the messages themselves can tell.
    ///
    /// Errors: [`Cause::Lost`] when all tries were in vain; ECONNREFUSED when the other machine
    /// says that nobody listens.
    pub fn ask<C: Caller>(&self, caller: &C, data: Source<'_>) -> Outcome<Vec<u8>, C> {
        let run = || {
            let _call = self.link.enter()?;
            let mut desk = self.desk.take(caller, &mut self.link.deadline())?;
            if desk.open {
                self.clear(caller, &mut desk)?;
            }
            desk.open = true;
            let tries = self.retries.saturating_add(1);
            for number in 0..tries {
                self.put_question(caller, data, number == 0)?;
                let mut deadline = self.link.deadline();
                match self.pull(caller, &mut desk, &mut deadline, LARGEST) {
                    Err(Cause::Core(Error::TimedOut)) => {}
                    outcome => {
                        desk.open = number > 0 || outcome.is_err();
                        return outcome;
                    }
                }
            }
            Err(Cause::Lost { tries })
        };
        run().map_err(|cause| self.link.failure(cause, Doing::Receiving, ""))
    }

    /// Send a datagram, whole or not at all, and return its size.
    pub fn send<C: Caller>(&self, caller: &C, data: Source<'_>) -> Outcome<usize, C> {
        let run = || {
            let _call = self.link.enter()?;
            self.push(caller, data)
        };
        run().map_err(|cause| self.link.failure(cause, Doing::Sending, ""))
    }

    /// Receive a datagram, of which no more than `most` bytes are kept.
    pub fn recv<C: Caller>(&self, caller: &C, most: usize) -> Outcome<Vec<u8>, C> {
        let run = || {
            let _call = self.link.enter()?;
            let mut deadline = self.link.deadline();
            let mut desk = self.desk.take(caller, &mut deadline)?;
            self.pull(caller, &mut desk, &mut deadline, most)
        };
        run().map_err(|cause| self.link.failure(cause, Doing::Receiving, ""))
    }

    /// Return how often a question is sent again.
    #[must_use]
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// Return where the client is.
    #[must_use]
    pub fn local(&self) -> &SockAddr {
        self.link.local()
    }

    /// Return where the server is.
    #[must_use]
    pub fn peer(&self) -> &SockAddr {
        self.link.peer()
    }

    /// Return how long each wait may take.
    #[must_use]
    pub fn patience(&self) -> Patience {
        self.link.patience()
    }

    /// Set how long each wait may take, from the next call on.
    pub fn set_patience(&self, patience: Patience) {
        self.link.set_patience(patience);
    }

    /// Return the number of the descriptor, or -1 when closed.
    #[must_use]
    pub fn number(&self) -> i32 {
        self.link.socket.number()
    }

    /// Close the socket; calls under way end with [`Cause::Closed`]. Closing twice is no error.
    pub fn close(&self) -> io::Result<()> {
        self.link.close()
    }

    /// Return whether the client was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.link.is_closed()
    }

    /// Write down both ends, as in "127.0.0.1:51234 -> 127.0.0.1:9999".
    #[must_use]
    pub fn describe(&self) -> String {
        self.link.describe()
    }

    /// Send a question. What the system has to say of an earlier datagram, that nobody took it,
    /// is no answer to a new one: the first refusal is passed over.
    fn put_question<C: Caller>(
        &self,
        caller: &C,
        data: Source<'_>,
        first: bool,
    ) -> Result<(), Cause<C::Error>> {
        match self.push(caller, data) {
            Err(Cause::Core(Error::Os(error)))
                if first && error.kind() == io::ErrorKind::ConnectionRefused =>
            {
                self.push(caller, data).map(drop)
            }
            outcome => outcome.map(drop),
        }
    }

    fn push<C: Caller>(&self, caller: &C, data: Source<'_>) -> Result<usize, Cause<C::Error>> {
        let mut deadline = self.link.deadline();
        self.link.send(caller, &mut deadline, Order::TryHeld, data)
    }

    fn pull<C: Caller>(
        &self,
        caller: &C,
        desk: &mut Desk,
        deadline: &mut Deadline,
        most: usize,
    ) -> Result<Vec<u8>, Cause<C::Error>> {
        let most = most.min(MOST);
        if desk.memory.len() < most {
            desk.memory = vec![0; most.max(LARGEST)];
        }
        let room = &mut desk.memory[..most];
        let count = self.link.receive(caller, deadline, Order::TryHeld, room)?;
        Ok(desk.memory[..count].to_vec())
    }

    /// Throw away what has come in.
    fn clear<C: Caller>(&self, caller: &C, desk: &mut Desk) -> Result<(), Cause<C::Error>> {
        for _ in 0..LATE {
            let mut now = Deadline::from(Patience::None);
            match self.pull(caller, desk, &mut now, 1) {
                Ok(_) => {}
                Err(Cause::Core(Error::Os(error)))
                    if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(Cause::Core(Error::Os(error))) if error.kind() == io::ErrorKind::WouldBlock => {
                    break;
                }
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }
}
