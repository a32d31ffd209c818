//! One connection of an event loop: its socket, its conversation, and what could not be sent yet.

use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::sync::Arc;

use socket2::{SockAddr, Socket};

use crate::service::Conversation;
use crate::service::mailbox::Line;

/// Do not let the kernel raise SIGPIPE for a client that is gone.
#[cfg(not(target_vendor = "apple"))]
const QUIET: i32 = libc::MSG_NOSIGNAL;
#[cfg(target_vendor = "apple")]
const QUIET: i32 = 0;

/// Bytes that the kernel has not taken yet. Without any, no memory is held.
#[derive(Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    start: usize,
}

impl Kept {
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        // Only once as much is sent as is left to move: each byte is moved once at most.
        if self.start > self.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        // Not twice the room each time: what waits has a bound, and the memory should be near it.
        if self.bytes.capacity() - self.bytes.len() < bytes.len() {
            self.bytes
                .reserve_exact(bytes.len().max(self.bytes.len() / 8));
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn push_owned(&mut self, bytes: Vec<u8>) {
        if self.is_empty() {
            *self = Self { bytes, start: 0 };
        } else {
            self.push(&bytes);
        }
    }

    fn sent(&mut self, count: usize) {
        self.start += count;
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

/// What came of an attempt to receive.
pub(super) enum Received {
    Piece(usize),
    Nothing,
    End,
}

/// One connection. It has no buffer: ten thousand of them that are idle cost next to nothing.
pub(super) struct Connection {
    pub(super) socket: Socket,
    pub(super) conversation: Box<dyn Conversation>,
    pub(super) line: Arc<Line>,
    pub(super) peer: SockAddr,
    pub(super) kept: Kept,
    /// When bytes last went either way, as [`super::timers::Rounds::moment`] counts.
    pub(super) last: u32,
    /// There may be something to receive.
    pub(super) readable: bool,
    /// The kernel has announced the end of input: it comes after what is to be received.
    pub(super) hung: bool,
    /// A short receive does not mean that there is no more.
    pub(super) thorough: bool,
    /// The end of input was received.
    pub(super) ended: bool,
    /// Close once everything is sent.
    pub(super) closing: bool,
    /// How many bytes to let go of after the close, until the client closes as well.
    pub(super) hears_out: usize,
    /// The conversation is over; the client knows, and is being heard out.
    pub(super) deaf: bool,
    /// The conversation has more to say, once the client has taken what was said.
    pub(super) more: bool,
    /// Neither send nor receive for now.
    pub(super) delayed: bool,
    /// The kernel took less than it was given, and has not said since that there is room.
    pub(super) refused: bool,
    /// The kernel is asked to say when there is room.
    pub(super) watched: bool,
    /// Stands in the list of those with more to receive.
    pub(super) queued: bool,
}

impl Connection {
    pub(super) fn new(
        socket: Socket,
        conversation: Box<dyn Conversation>,
        line: Arc<Line>,
        peer: SockAddr,
        last: u32,
    ) -> Self {
        Self {
            socket,
            conversation,
            line,
            peer,
            kept: Kept::default(),
            last,
            readable: false,
            hung: false,
            thorough: false,
            ended: false,
            closing: false,
            hears_out: 0,
            deaf: false,
            more: false,
            delayed: false,
            refused: false,
            watched: false,
            queued: false,
        }
    }

    /// Return whether to receive, with so many bytes allowed to wait for the client.
    pub(super) fn wants_input(&self, max_pending: usize) -> bool {
        self.readable
            && !(self.ended || self.closing || self.delayed || self.more)
            && self.kept.len() <= max_pending
    }

    /// Tell the client that this is the end, and return whether it may still have something to
    /// send that is to be let go of.
    pub(super) fn begin_to_hear_out(&mut self) -> bool {
        if self.hears_out == 0 || self.ended || self.deaf {
            return false;
        }
        self.line.hang_up();
        (self.deaf, self.closing) = (true, false);
        self.socket.shutdown(Shutdown::Write).is_ok()
    }

    /// Let go of so many bytes, and return whether there may be more of them.
    pub(super) fn let_go(&mut self, count: usize) -> bool {
        self.hears_out = self.hears_out.saturating_sub(count);
        self.hears_out > 0
    }

    /// Return whether the conversation is to say more now.
    pub(super) fn resumes(&self) -> bool {
        self.more && !(self.closing || self.delayed) && self.kept.is_empty()
    }

    /// Receive what fits.
    ///
    /// Less than fits means that there was no more, so nobody has to ask once again and hear
    /// EAGAIN. That is not so at the end of input, where the end itself is still to come; for
    /// urgent data, before which a receive stops; and for Unix sockets, where it stops at passed
    /// descriptors.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        loop {
            return match (&self.socket).read(buffer) {
                Ok(0) => {
                    self.readable = false;
                    self.ended = true;
                    Ok(Received::End)
                }
                Ok(count) => {
                    let more = self.hung || self.thorough || self.peer.is_unix();
                    self.readable = more || count == buffer.len();
                    Ok(Received::Piece(count))
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readable = false;
                    self.thorough = false;
                    Ok(Received::Nothing)
                }
                Err(error) => Err(error),
            };
        }
    }

    /// Send what the kernel takes, and keep the rest. Return how much the kernel took.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = transmit(&self.socket, bytes)?;
        if count < bytes.len() {
            self.refused = true;
            self.keep(&bytes[count..]);
        }
        Ok(count)
    }

    /// Send of what is kept as much as the kernel takes, and return how much it was.
    pub(super) fn send_kept(&mut self) -> io::Result<usize> {
        let rest = &self.kept.bytes[self.kept.start..];
        let count = transmit(&self.socket, rest)?;
        self.refused = count < rest.len();
        self.kept.sent(count);
        self.line.set_kept(self.kept.len());
        Ok(count)
    }

    /// Keep bytes until they can be sent.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        self.kept.push(bytes);
        self.line.set_kept(self.kept.len());
    }
}

/// Return how much the kernel takes right now.
fn transmit(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match socket.send_with_flags(bytes, QUIET) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            outcome => return outcome,
        }
    }
}
