//! What all clients share: connecting, closing while calls are under way, the words of errors.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{SockAddr, SockRef};

use super::destination::{self, Destination};
use super::failure::{Cause, Failure, Keep};
use crate::error::Error;
use crate::net::address::Address;
use crate::net::blocking::{Order, perform};
use crate::net::socket::Kind;
use crate::net::{Caller, Deadline, Patience, Socket};
use crate::sys;
use crate::sys::io::{Source, Target};
use crate::sys::poll::Readiness;

/// What a client was about when a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Connecting,
    Sending,
    Receiving,
}

/// A connected socket, and what has to be known of it beyond the kernel.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) socket: Socket,
    /// Where the client was told to connect, as people write it.
    to: String,
    local: SockAddr,
    peer: SockAddr,
    /// As [`Patience::nanos`] writes it.
    patience: AtomicI64,
    closed: AtomicBool,
    /// How many calls are under way.
    calls: AtomicUsize,
    /// The process that connected: only there does a close end the connection for everybody.
    owner: u32,
}

/// A call under way.
pub(super) struct Call<'a>(&'a Link);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Start the clock of a call that may take so long. To wait for ever, too, is to poll: then the
/// descriptor never has to change.
fn deadline(patience: Patience) -> Deadline {
    Deadline::from(match patience {
        Patience::Endless => Patience::Limited(Duration::MAX),
        limited => limited,
    })
}

impl Link {
    /// Connect to the first address that takes the connection, all under one deadline.
    ///
    /// An address that does not answer has its share of the time and no more, so that the next
    /// has one too. Looking a name up counts, though it cannot be cut short.
    pub(super) fn connect<C: Caller>(
        caller: &C,
        to: &Destination,
        kind: i32,
        patience: Patience,
    ) -> Result<Self, Failure<C::Error>> {
        let name = to.to_string();
        let outcome = Self::dial(&Keep(caller), to, kind, patience);
        let (socket, local, peer) = outcome.map_err(|cause| Failure {
            message: explain(&cause, Doing::Connecting, &name, patience),
            cause,
        })?;
        Ok(Self {
            socket,
            to: name,
            local,
            peer,
            patience: AtomicI64::new(patience.nanos()),
            closed: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
            owner: std::process::id(),
        })
    }

    fn dial<C: Caller>(
        caller: &Keep<'_, C>,
        to: &Destination,
        kind: i32,
        patience: Patience,
    ) -> Result<(Socket, SockAddr, SockAddr), Cause<C::Error>> {
        let mut deadline = deadline(patience);
        deadline.remaining()?;
        let addresses = caller.release(|| to.addresses(kind))?;
        let mut failure = Cause::Core(Error::Address("the host has no address"));
        for (done, address) in addresses.iter().enumerate() {
            let others = u32::try_from(addresses.len() - done).unwrap_or(u32::MAX);
            let share = deadline
                .remaining()?
                .map_or(Duration::MAX, |left| left / others);
            match dial_one(caller, address, kind, share) {
                Err(Cause::Core(error)) => failure = Cause::Core(error),
                outcome => return outcome,
            }
        }
        Err(failure)
    }

    /// Count a call in. Errors: [`Cause::Closed`].
    pub(super) fn enter<E>(&self) -> Result<Call<'_>, Cause<E>> {
        // Counted before the look, so that either we see the close or it sees us.
        self.calls.fetch_add(1, Ordering::SeqCst);
        let call = Call(self);
        if self.is_closed() {
            return Err(Cause::Closed);
        }
        Ok(call)
    }

    /// Start the clock of a call.
    pub(super) fn deadline(&self) -> Deadline {
        deadline(self.patience())
    }

    /// Receive once: a piece of a stream, or a datagram; 0 is an end, or an empty datagram.
    pub(super) fn receive<C: Caller>(
        &self,
        caller: &C,
        deadline: &mut Deadline,
        order: Order,
        room: &mut [u8],
    ) -> Result<usize, Cause<C::Error>> {
        let how = (Readiness::Read, order);
        let count = perform(&Keep(caller), &self.socket, deadline, how, |fd| {
            // Whoever has a copy of the descriptor, a child process too, may let its calls wait.
            sys::io::recv(fd, &mut Target::from(&mut *room), libc::MSG_DONTWAIT)
        })?;
        if count == 0 && self.is_closed() {
            return Err(Cause::Closed);
        }
        Ok(count)
    }

    /// Send once, and return how much was taken.
    pub(super) fn send<C: Caller>(
        &self,
        caller: &C,
        deadline: &mut Deadline,
        order: Order,
        data: Source<'_>,
    ) -> Result<usize, Cause<C::Error>> {
        let how = (Readiness::Write, order);
        perform(&Keep(caller), &self.socket, deadline, how, |fd| {
            sys::io::send(fd, data, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT)
        })
    }

    pub(super) fn patience(&self) -> Patience {
        Patience::from_nanos(self.patience.load(Ordering::Relaxed))
    }

    pub(super) fn set_patience(&self, patience: Patience) {
        self.patience.store(patience.nanos(), Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(super) fn local(&self) -> &SockAddr {
        &self.local
    }

    pub(super) fn peer(&self) -> &SockAddr {
        &self.peer
    }

    /// Close the connection; whoever waits in a call is woken and gets [`Cause::Closed`].
    ///
    /// In a forked child only the child's descriptor is closed.
    pub(super) fn close(&self) -> io::Result<()> {
        if self.closed.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        if self.calls.load(Ordering::SeqCst) > 0 && self.owner == std::process::id() {
            // Wakes whoever polls. That the other side may be gone already is no matter.
            let _ = self.socket.with(|fd| sys::shutdown(fd, libc::SHUT_RDWR));
        }
        self.socket.close()
    }

    /// Say why a call failed. Whatever comes of a call during which the client is closed, the
    /// close is the reason.
    pub(super) fn failure<E>(&self, cause: Cause<E>, doing: Doing, note: &str) -> Failure<E> {
        let cause = match cause {
            Cause::Raised(error) => Cause::Raised(error),
            _ if self.is_closed() => Cause::Closed,
            cause => cause,
        };
        let mut message = explain(&cause, doing, &self.to, self.patience());
        if !matches!(cause, Cause::Closed) {
            message.push_str(note);
        }
        Failure { cause, message }
    }

    /// Write down both ends, as in "127.0.0.1:51234 -> 127.0.0.1:9999".
    pub(super) fn describe(&self) -> String {
        let mut text = destination::text(&self.local);
        if !text.is_empty() {
            text.push(' ');
        }
        let peer = destination::text(&self.peer);
        text.push_str("-> ");
        text.push_str(if peer.is_empty() { &self.to } else { &peer });
        if self.is_closed() {
            text.push_str(" [closed]");
        }
        text
    }
}

/// Connect to one address, and say where both ends are.
fn dial_one<C: Caller>(
    caller: &Keep<'_, C>,
    address: &SockAddr,
    kind: i32,
    share: Duration,
) -> Result<(Socket, SockAddr, SockAddr), Cause<C::Error>> {
    let family = i32::from(address.family());
    let protocol = 0;
    let opened = Socket::open(Kind {
        family,
        kind,
        protocol,
    });
    let socket = opened.map_err(Error::Os)?;
    socket.set_patience(Patience::Limited(share))?;
    if family == libc::AF_UNIX {
        if kind == libc::SOCK_DGRAM {
            // Without a name of its own nobody could answer it. Linux picks one.
            let nameless = Address::Unix(b"").to_sockaddr()?;
            socket.with(|fd| SockRef::from(&fd).bind(&nameless))?;
        }
    } else if kind == libc::SOCK_STREAM {
        // Questions are short and wait for their answers: nothing is gained by collecting them.
        socket.with(|fd| SockRef::from(&fd).set_tcp_nodelay(true))?;
    }
    socket.connect(caller, address)?;
    let (local, peer) = {
        let fd = socket.borrow().map_err(Error::Os)?;
        let fd = fd.as_fd();
        let end = SockRef::from(&fd);
        let local = end.local_addr().map_err(Error::Os)?;
        (local, end.peer_addr().map_err(Error::Os)?)
    };
    // Where nobody listens, a port that the system picks for us may be the very one that we
    // connect to; then TCP connects a socket to itself.
    if kind == libc::SOCK_STREAM && family != libc::AF_UNIX && local == peer {
        return Err(Error::from_errno(libc::ECONNREFUSED).into());
    }
    Ok((socket, local, peer))
}

/// Say what happened, to which address, and what to do next.
fn explain<E>(cause: &Cause<E>, doing: Doing, to: &str, patience: Patience) -> String {
    match cause {
        Cause::Core(Error::TimedOut) => timed_out(doing, to, patience),
        Cause::Core(error) => system(error, doing, to),
        Cause::Raised(_) => format!("interrupted while talking to {to}"),
        Cause::Ended { partial, expected } => {
            let got = partial.len();
            let of = expected.map_or(String::new(), |all| format!(" of {all}"));
            format!("{to} closed the connection after {got}{of} bytes of what was waited for")
        }
        Cause::TooLong { limit } => format!(
            "{to} sent more than {limit} bytes without what was waited for; take them with \
             recv(), or allow a larger limit"
        ),
        Cause::Busy => format!(
            "the client for {to} is in use by another thread{}; use a client for each thread, or \
             allow a longer timeout",
            within(patience)
        ),
        Cause::Closed => format!("the client for {to} is closed; connect a new one"),
        Cause::Lost { tries } => {
            let (s, each) = if *tries == 1 {
                ("", "")
            } else {
                ("s", " each")
            };
            format!(
                "no answer from {to} to {tries} datagram{s}{}{each}; datagrams can get lost: is \
                 the server running? Allow more retries or a longer timeout",
                within(patience)
            )
        }
    }
}

/// Say how long it took, as in " within 5 s".
fn within(patience: Patience) -> String {
    match patience {
        Patience::Limited(limit) => format!(" within {} s", limit.as_secs_f64()),
        _ => String::new(),
    }
}

fn timed_out(doing: Doing, to: &str, patience: Patience) -> String {
    let within = within(patience);
    match doing {
        Doing::Connecting => format!(
            "timed out: {to} took no connection{within}; check the address, or allow a longer \
             timeout"
        ),
        Doing::Sending => {
            format!("timed out: {to} did not take what was sent{within}; is it still reading?")
        }
        Doing::Receiving => format!(
            "timed out: what was waited for did not come from {to}{within}; ask again, or allow \
             a longer timeout"
        ),
    }
}

/// Say what the system's error means for a client.
fn system(error: &Error, doing: Doing, to: &str) -> String {
    let errno = error.errno();
    let words = errno.map_or_else(|| error.to_string(), sys::strerror);
    let what = match errno.unwrap_or(0) {
        libc::ECONNREFUSED => {
            format!("nobody listens at {to}; start the server, or check the address")
        }
        libc::ENOENT => format!("there is no socket at {to}; start the server, or check the path"),
        libc::EAGAIN if doing == Doing::Connecting => {
            format!("too many clients wait for {to}; try again")
        }
        libc::ECONNRESET => format!("{to} ended the connection abruptly; connect again"),
        libc::EPIPE => format!("{to} has closed the connection; connect again"),
        libc::EMSGSIZE => {
            format!("the message to {to} is too large for one datagram; send it in parts")
        }
        libc::EMFILE => format!("{} {to}; close some clients first", verb(doing)),
        _ => match error {
            Error::AddressInfo { .. } => {
                format!("the host of {to} cannot be found; check its name")
            }
            _ => format!("{} {to}", verb(doing)),
        },
    };
    format!("{words}: {what}")
}

const fn verb(doing: Doing) -> &'static str {
    match doing {
        Doing::Connecting => "connecting to",
        Doing::Sending => "sending to",
        Doing::Receiving => "receiving from",
    }
}
