//! The client of a stream.

use std::io;

use socket2::SockAddr;

use super::destination::Destination;
use super::failure::{Cause, Failure};
use super::inbox::{Inbox, PIECE};
use super::link::{Doing, Link};
use super::turns::{Turn, Turns};
use crate::net::blocking::Order;
use crate::net::{Caller, Deadline, Patience};
use crate::sys::io::Source;

/// How many bytes [`TcpClient::ask`] takes for an answer.
const ANSWER: usize = 64 * 1024;

/// What is sent without letting others run first: it takes the kernel no longer than they would.
const BRIEF: usize = 16 * 1024;

type Outcome<T, C> = Result<T, Failure<<C as Caller>::Error>>;

/// A connection to a server, over TCP or a Unix socket, with a buffer of its own.
///
/// Each call has one deadline, however many pieces it is made of. What came before a deadline
/// passed stays in the buffer, and the next call finds it.
#[derive(Debug)]
pub struct TcpClient {
    link: Link,
    inbox: Turns<Inbox>,
    outbox: Turns<()>,
}

impl TcpClient {
    /// Connect to a server; `patience` then holds for each call.
    pub fn connect<C: Caller>(
        caller: &C,
        to: &Destination,
        patience: Patience,
    ) -> Outcome<Self, C> {
        Ok(Self {
            link: Link::connect(caller, to, libc::SOCK_STREAM, patience)?,
            inbox: Turns::default(),
            outbox: Turns::default(),
        })
    }

    /// Send some of the bytes, and return how many were taken.
    pub fn send<C: Caller>(&self, caller: &C, data: Source<'_>) -> Outcome<usize, C> {
        let work = || {
            let _call = self.link.enter()?;
            let mut deadline = self.link.deadline();
            let _turn = self.outbox.take(caller, &mut deadline)?;
            self.push(caller, data, &mut deadline)
        };
        work().map_err(|cause| self.link.failure(cause, Doing::Sending, ""))
    }

    /// Send all bytes. The message of a failure says how many were sent.
    pub fn send_all<C: Caller>(&self, caller: &C, data: Source<'_>) -> Outcome<(), C> {
        let call = self.link.enter();
        let mut deadline = self.link.deadline();
        match call {
            Ok(_call) => self.send_until(caller, data, &mut deadline),
            Err(cause) => Err(self.link.failure(cause, Doing::Sending, "")),
        }
    }

    /// Receive up to `most` bytes: what is in the buffer, else one piece; none at the end.
    pub fn recv<C: Caller>(&self, caller: &C, most: usize) -> Outcome<Vec<u8>, C> {
        self.receiving(caller, |inbox, deadline| {
            if inbox.len() == 0 && most > 0 {
                self.pull(caller, inbox, deadline, Order::TryHeld)?;
            }
            Ok(inbox.take(most))
        })
    }

    /// Receive exactly `count` bytes.
    ///
    /// Errors: [`Cause::Ended`], with what did come, if the stream ends before.
    pub fn recv_exactly<C: Caller>(&self, caller: &C, count: usize) -> Outcome<Vec<u8>, C> {
        self.receiving(caller, |inbox, deadline| {
            while inbox.len() < count {
                if self.more(caller, inbox, deadline)? == 0 {
                    let (partial, expected) = (inbox.take(usize::MAX), Some(count));
                    return Err(Cause::Ended { partial, expected });
                }
            }
            Ok(inbox.take(count))
        })
    }

    /// Receive up to and with the first `delimiter`, in all no more than `limit` bytes.
    ///
    /// Errors: [`Cause::TooLong`], with everything still in the buffer; [`Cause::Ended`], with
    /// what did come, if the stream ends before. An empty delimiter is found at once.
    pub fn recv_until<C: Caller>(
        &self,
        caller: &C,
        delimiter: &[u8],
        limit: usize,
    ) -> Outcome<Vec<u8>, C> {
        self.receiving(caller, |inbox, deadline| {
            match self.seek(caller, inbox, deadline, (delimiter, limit))? {
                Some(count) => Ok(inbox.take(count)),
                None => Err(Cause::Ended {
                    partial: inbox.take(usize::MAX),
                    expected: None,
                }),
            }
        })
    }

    /// Receive a line with its newline, no longer than `limit` bytes.
    ///
    /// As with files, the last line of a stream may lack its newline, and after it come empty
    /// ones. Errors: [`Cause::TooLong`], with everything still in the buffer.
    pub fn recv_line<C: Caller>(&self, caller: &C, limit: usize) -> Outcome<Vec<u8>, C> {
        self.receiving(caller, |inbox, deadline| {
            let found = self.seek(caller, inbox, deadline, (b"\n", limit))?;
            Ok(inbox.take(found.unwrap_or(usize::MAX)))
        })
    }

    /// Send all bytes, then receive once, under one deadline. Nobody else sends or receives in
    /// between. No bytes say that the server closed the connection instead.
    ///
    /// What is in the buffer, or arrived unasked before, counts as the answer.
    pub fn ask<C: Caller>(&self, caller: &C, data: Source<'_>) -> Outcome<Vec<u8>, C> {
        let mut deadline = self.link.deadline();
        let receive = |cause| self.link.failure(cause, Doing::Receiving, "");
        let _call = self.link.enter().map_err(receive)?;
        let mut inbox = self.inbox.take(caller, &mut deadline).map_err(receive)?;
        self.send_until(caller, data, &mut deadline)?;
        if inbox.len() == 0 {
            // The answer cannot be there yet: to try first would be a call in vain.
            self.pull(caller, &mut inbox, &mut deadline, Order::WaitFirst)
                .map_err(receive)?;
        }
        Ok(inbox.take(ANSWER))
    }

    /// Return how many bytes were received and not taken yet; none while a thread receives.
    #[must_use]
    pub fn buffered(&self) -> usize {
        let mut now = Deadline::from(Patience::Limited(std::time::Duration::ZERO));
        let inbox = self.inbox.take(&crate::net::blocking::Alone, &mut now);
        inbox.map_or(0, |inbox| inbox.len())
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

    /// Return how long each call may take.
    #[must_use]
    pub fn patience(&self) -> Patience {
        self.link.patience()
    }

    /// Set how long each call may take, from the next one on.
    pub fn set_patience(&self, patience: Patience) {
        self.link.set_patience(patience);
    }

    /// Return the number of the descriptor, or -1 when closed.
    #[must_use]
    pub fn number(&self) -> i32 {
        self.link.socket.number()
    }

    /// Close the connection; calls under way end with [`Cause::Closed`]. Closing twice is no
    /// error, and in a forked child the parent's connection stays.
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

    /// Run a call that receives, with the buffer for itself.
    fn receiving<C: Caller>(
        &self,
        caller: &C,
        work: impl FnOnce(&mut Inbox, &mut Deadline) -> Result<Vec<u8>, Cause<C::Error>>,
    ) -> Outcome<Vec<u8>, C> {
        let mut deadline = self.link.deadline();
        let mut kept = 0;
        let run = || {
            let _call = self.link.enter()?;
            let mut inbox: Turn<'_, Inbox> = self.inbox.take(caller, &mut deadline)?;
            let outcome = work(&mut inbox, &mut deadline);
            kept = inbox.len();
            outcome
        };
        run().map_err(|cause| {
            let note = match kept {
                0 => String::new(),
                kept => format!(" ({kept} bytes that came are kept for the next call)"),
            };
            self.link.failure(cause, Doing::Receiving, &note)
        })
    }

    /// Look for a delimiter, receiving as long as it is missing, and say where it ends; nowhere
    /// if the stream ends first.
    fn seek<C: Caller>(
        &self,
        caller: &C,
        inbox: &mut Inbox,
        deadline: &mut Deadline,
        (delimiter, limit): (&[u8], usize),
    ) -> Result<Option<usize>, Cause<C::Error>> {
        let mut searched = 0;
        if delimiter.is_empty() {
            return Ok(Some(0));
        }
        loop {
            let found = inbox.find(delimiter, searched);
            searched = inbox.len();
            match found {
                Some(count) if count <= limit => return Ok(Some(count)),
                None if searched < limit => {}
                _ => return Err(Cause::TooLong { limit }),
            }
            if self.more(caller, inbox, deadline)? == 0 {
                return Ok(None);
            }
        }
    }

    /// Receive a piece of something that takes several. The clock is looked at before each, since
    /// pieces that are always there make nobody wait.
    fn more<C: Caller>(
        &self,
        caller: &C,
        inbox: &mut Inbox,
        deadline: &mut Deadline,
    ) -> Result<usize, Cause<C::Error>> {
        deadline.remaining()?;
        self.pull(caller, inbox, deadline, Order::TryHeld)
    }

    /// Receive a piece into the buffer; 0 is the end.
    fn pull<C: Caller>(
        &self,
        caller: &C,
        inbox: &mut Inbox,
        deadline: &mut Deadline,
        order: Order,
    ) -> Result<usize, Cause<C::Error>> {
        let room = inbox.room();
        let order = match order {
            Order::TryHeld if room.len() > PIECE => Order::TryFirst,
            order => order,
        };
        let count = self.link.receive(caller, deadline, order, room)?;
        inbox.filled(count);
        Ok(count)
    }

    /// Send all bytes in a turn.
    fn send_until<C: Caller>(
        &self,
        caller: &C,
        data: Source<'_>,
        deadline: &mut Deadline,
    ) -> Outcome<(), C> {
        let mut rest = data;
        let mut run = || {
            let _turn = self.outbox.take(caller, deadline)?;
            while !rest.is_empty() {
                let count = self.push(caller, rest, deadline)?;
                rest = rest.skip(count);
                if !rest.is_empty() {
                    // A send that a signal cuts short counts as done.
                    caller.interrupted().map_err(Cause::Raised)?;
                    deadline.remaining()?;
                }
            }
            Ok(())
        };
        run().map_err(|cause| {
            let (all, sent) = (data.len(), data.len() - rest.len());
            let note = format!(" ({sent} of {all} bytes were sent)");
            self.link.failure(cause, Doing::Sending, &note)
        })
    }

    fn push<C: Caller>(
        &self,
        caller: &C,
        data: Source<'_>,
        deadline: &mut Deadline,
    ) -> Result<usize, Cause<C::Error>> {
        let order = match data.len() {
            ..=BRIEF => Order::TryHeld,
            _ => Order::TryFirst,
        };
        self.link.send(caller, deadline, order, data)
    }
}
