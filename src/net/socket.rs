//! A socket: a descriptor, what kind it is, and how long its calls may wait.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicI32, AtomicI64, Ordering};

use socket2::SockAddr;

use super::blocking::{Caller, Order, perform};
use super::{Deadline, Patience};
use crate::sys;
use crate::sys::descriptor::{Borrowed, Descriptor};
use crate::sys::io::{Source, Target};
use crate::sys::message::{Control, Received};
use crate::sys::poll::Readiness;

/// What kind of socket a descriptor is, in the kernel's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The address family, `AF_*`.
    pub family: i32,
    /// The type, `SOCK_*`, without flags.
    pub kind: i32,
    /// The protocol.
    pub protocol: i32,
}

/// A socket that many threads may use, and any of them close.
///
/// Nothing in it needs a lock: what changes is atomic, and closing under use is safe (see
/// [`Descriptor`]).
#[derive(Debug)]
pub struct Socket {
    descriptor: Descriptor,
    family: AtomicI32,
    kind: AtomicI32,
    protocol: AtomicI32,
    /// As [`Patience::nanos`] writes it.
    patience: AtomicI64,
}

impl Default for Socket {
    /// Make a socket that is closed.
    fn default() -> Self {
        Self {
            descriptor: Descriptor::default(),
            family: AtomicI32::new(0),
            kind: AtomicI32::new(0),
            protocol: AtomicI32::new(0),
            patience: AtomicI64::new(-1),
        }
    }
}

/// What the kernel moves in about the time that it takes to let other threads run and come back.
const BRIEF: usize = 16 * 1024;

// A server mostly waits for the next client, so that trying first would only add a system call.
// And accept(2) has no MSG_DONTWAIT: if another process made the shared listener blocking, it
// would hang past the deadline.
const ACCEPT: (Readiness, Order) = (Readiness::Read, Order::WaitFirst);
const CONNECT: (Readiness, Order) = (Readiness::Connect, Order::WaitFirst);

impl Socket {
    /// Make a socket around an open descriptor.
    #[must_use]
    pub fn new(fd: OwnedFd, kind: Kind) -> Self {
        let socket = Self {
            descriptor: Descriptor::from(fd),
            ..Self::default()
        };
        socket.set_kind(kind);
        socket
    }

    /// Ask the kernel for a new socket, as socket(2), closed on exec.
    pub fn open(kind: Kind) -> io::Result<Self> {
        Ok(Self::new(
            sys::open(kind.family, kind.kind, kind.protocol)?,
            kind,
        ))
    }

    /// Let the socket stand for another descriptor; the one it had is closed.
    pub fn replace(&self, fd: OwnedFd, kind: Kind) {
        self.set_kind(kind);
        self.patience.store(-1, Ordering::Relaxed);
        self.descriptor.replace(fd);
    }

    /// Return the number of the descriptor, or -1 when closed.
    #[must_use]
    pub fn number(&self) -> i32 {
        self.descriptor.number()
    }

    /// Use the descriptor; EBADF when closed.
    pub fn borrow(&self) -> io::Result<Borrowed<'_>> {
        self.descriptor.borrow()
    }

    /// Make a system call with the descriptor; EBADF when closed.
    pub fn with<T>(
        &self,
        call: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>,
    ) -> crate::error::Result<T> {
        Ok(call(self.borrow()?.as_fd())?)
    }

    /// Close the socket, as close(2). Closing twice is no error.
    pub fn close(&self) -> io::Result<()> {
        self.descriptor.close()
    }

    /// Give the descriptor away; the socket is closed from here on.
    pub fn take(&self) -> Option<OwnedFd> {
        self.descriptor.take()
    }

    /// Return what kind of socket it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind {
            family: self.family.load(Ordering::Relaxed),
            kind: self.kind.load(Ordering::Relaxed),
            protocol: self.protocol.load(Ordering::Relaxed),
        }
    }

    /// Note what kind of socket it is, as the user says.
    pub fn set_kind(&self, kind: Kind) {
        self.family.store(kind.family, Ordering::Relaxed);
        self.kind.store(kind.kind, Ordering::Relaxed);
        self.protocol.store(kind.protocol, Ordering::Relaxed);
    }

    /// Return how long a call may wait.
    #[must_use]
    pub fn patience(&self) -> Patience {
        Patience::from_nanos(self.patience.load(Ordering::Relaxed))
    }

    /// Set how long a call may wait. Below, only a socket that waits for ever is a blocking one.
    ///
    /// The change holds even when the descriptor cannot be told: EBADF when closed.
    pub fn set_patience(&self, patience: Patience) -> crate::error::Result<()> {
        self.note_patience(patience);
        let endless = patience == Patience::Endless;
        self.with(|fd| sys::set_nonblocking(fd, !endless))
    }

    /// Set how long a call may wait on a descriptor that already is as it should be.
    pub fn note_patience(&self, patience: Patience) {
        self.patience.store(patience.nanos(), Ordering::Relaxed);
    }

    /// Start the clock of one call that moves up to `size` bytes, and decide how it goes about it.
    ///
    /// If it has a limit the flags gain MSG_DONTWAIT: the descriptor does not block, but another
    /// process that shares it may have made it so.
    fn begin(&self, size: usize, flags: i32) -> (Deadline, Order, i32) {
        let patience = self.patience();
        let (order, flags) = match patience {
            Patience::Endless => (Order::TryFirst, flags),
            _ if size <= BRIEF => (Order::TryHeld, flags | libc::MSG_DONTWAIT),
            _ => (Order::TryFirst, flags | libc::MSG_DONTWAIT),
        };
        (Deadline::from(patience), order, flags)
    }

    /// Receive bytes, as recv(2); 0 is the end of a stream.
    pub fn recv<C: Caller>(
        &self,
        caller: &C,
        into: &mut Target<'_>,
        flags: i32,
    ) -> Result<usize, C::Error> {
        let (mut deadline, order, flags) = self.begin(into.len(), flags);
        perform(
            caller,
            self,
            &mut deadline,
            (Readiness::Read, order),
            |fd| sys::io::recv(fd, into, flags),
        )
    }

    /// Receive a message and who sent it, as recvfrom(2).
    pub fn recv_from<C: Caller>(
        &self,
        caller: &C,
        into: &mut Target<'_>,
        flags: i32,
    ) -> Result<(usize, SockAddr), C::Error> {
        let (mut deadline, order, flags) = self.begin(into.len(), flags);
        perform(
            caller,
            self,
            &mut deadline,
            (Readiness::Read, order),
            |fd| sys::io::recv_from(fd, into, flags),
        )
    }

    /// Send bytes, as send(2); it may take less than was offered.
    pub fn send<C: Caller>(
        &self,
        caller: &C,
        from: Source<'_>,
        flags: i32,
    ) -> Result<usize, C::Error> {
        let (mut deadline, order, flags) = self.begin(from.len(), flags);
        perform(
            caller,
            self,
            &mut deadline,
            (Readiness::Write, order),
            |fd| sys::io::send(fd, from, flags),
        )
    }

    /// Send all bytes under one deadline. After an error nobody knows how many went out.
    pub fn send_all<C: Caller>(
        &self,
        caller: &C,
        mut from: Source<'_>,
        flags: i32,
    ) -> Result<(), C::Error> {
        let (mut deadline, order, flags) = self.begin(from.len(), flags);
        loop {
            let send = |fd: BorrowedFd<'_>| sys::io::send(fd, from, flags);
            let count = perform(caller, self, &mut deadline, (Readiness::Write, order), send)?;
            from = from.skip(count);
            if from.is_empty() {
                return Ok(());
            }
            // A send that a signal cuts short counts as done, so EINTR alone does not tell.
            caller.interrupted()?;
        }
    }

    /// Send a message to an address, as sendto(2).
    pub fn send_to<C: Caller>(
        &self,
        caller: &C,
        from: Source<'_>,
        flags: i32,
        to: &SockAddr,
    ) -> Result<usize, C::Error> {
        let (mut deadline, order, flags) = self.begin(from.len(), flags);
        perform(
            caller,
            self,
            &mut deadline,
            (Readiness::Write, order),
            |fd| sys::io::send_to(fd, from, flags, to),
        )
    }

    /// Receive a message in pieces, with control data, as recvmsg(2).
    pub fn recv_message<C: Caller>(
        &self,
        caller: &C,
        into: &mut [Target<'_>],
        control: &mut Control,
        flags: i32,
    ) -> Result<Received, C::Error> {
        let room = into.iter().map(Target::len).fold(0, usize::saturating_add);
        let (mut deadline, order, flags) = self.begin(room, flags);
        perform(
            caller,
            self,
            &mut deadline,
            (Readiness::Read, order),
            |fd| sys::message::recv_message(fd, into, control, flags),
        )
    }

    /// Send a message in pieces, with control data, as sendmsg(2).
    pub fn send_message<C: Caller>(
        &self,
        caller: &C,
        from: &[Source<'_>],
        control: &Control,
        flags: i32,
        to: Option<&SockAddr>,
    ) -> Result<usize, C::Error> {
        let size = from.iter().map(Source::len).fold(0, usize::saturating_add);
        let (mut deadline, order, flags) = self.begin(size, flags);
        perform(
            caller,
            self,
            &mut deadline,
            (Readiness::Write, order),
            |fd| sys::message::send_message(fd, from, control, flags, to),
        )
    }

    /// Accept a connection, as accept(2), and say who it is from; closed on exec.
    pub fn accept<C: Caller>(&self, caller: &C) -> Result<(OwnedFd, SockAddr), C::Error> {
        let mut deadline = Deadline::from(self.patience());
        let named = self.kind().family != sys::AF_ALG;
        perform(caller, self, &mut deadline, ACCEPT, |fd| {
            sys::accept(fd, named)
        })
    }

    /// Connect to an address, as connect(2), and wait until it is done.
    ///
    /// A connect that a signal interrupts goes on by itself: it is waited for, not made again.
    pub fn connect<C: Caller>(&self, caller: &C, address: &SockAddr) -> Result<(), C::Error> {
        let patience = self.patience();
        let first = caller.release(|| sys::connect(self.borrow()?.as_fd(), address));
        let Err(error) = first else { return Ok(()) };
        let under_way = match error.raw_os_error() {
            Some(libc::EINTR) => {
                caller.interrupted()?;
                patience != Patience::None
            }
            Some(libc::EINPROGRESS) => matches!(patience, Patience::Limited(_)),
            _ => false,
        };
        if !under_way {
            return Err(crate::error::Error::Os(error).into());
        }
        perform(
            caller,
            self,
            &mut Deadline::from(patience),
            CONNECT,
            sys::connected,
        )
    }
}
