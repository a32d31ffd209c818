//! The half of a turn that sends, and closes once that is done.

use std::io;
use std::mem;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::Instant;

use mio::unix::SourceFd;
use mio::{Interest, Token};
use socket2::SockAddr;

use super::{FIRST, Told, Turn, interest};
use crate::service::engine::HEARD_OUT;
use crate::service::events::connection::Connection;
use crate::service::mailbox::Key;
use crate::service::{Flow, Lent, Stats};

/// How much room the answers' buffer keeps from one answer to the next.
const ROOM: usize = 1 << 20;

impl Turn {
    /// Send what a step has put into `out`, and of the input what it wants sent, or what it lends.
    pub(super) fn answer(&mut self, key: Key, flow: Flow, received: usize, lent: Option<Lent>) {
        let Some(connection) = self.registry.get(key) else {
            return;
        };
        connection.closing |= flow.close;
        connection.more = flow.more;
        if flow.hear_out {
            connection.hears_out = HEARD_OUT;
        }
        let answer = match &lent {
            Some(lent) => (**lent).as_ref(),
            None => self.input.answer(received, &flow, &mut self.out),
        };
        if !flow.delay.is_zero() || !connection.kept.is_empty() {
            connection.keep(answer);
            if !flow.delay.is_zero() {
                connection.delayed = true;
                // Not from the turn's moment on, which may be a while ago.
                if let Some(at) = Instant::now().checked_add(flow.delay) {
                    self.timers.add(at, key);
                }
            }
            self.flush(key);
        } else {
            let (len, counter) = (answer.len(), &self.shared.stats.bytes_out);
            let mut outcome = Ok(0);
            if len > 0 {
                // Counted before: who has the answer finds it counted.
                Stats::add(counter, len as u64);
                outcome = connection.send(answer);
                let unsent = len - outcome.as_ref().copied().unwrap_or(0);
                if unsent > 0 {
                    counter.fetch_sub(unsent as u64, Ordering::Relaxed);
                }
            }
            self.sent(key, outcome);
        }
        if self.out.capacity() > ROOM {
            self.out = Vec::new();
        }
    }

    /// Send what is kept, unless it is known that it cannot be sent.
    pub(super) fn flush(&mut self, key: Key) {
        let Some(connection) = self.registry.get(key) else {
            return;
        };
        if connection.delayed || connection.refused {
            return;
        }
        let (len, counter) = (connection.kept.len(), &self.shared.stats.bytes_out);
        let outcome = if len > 0 {
            Stats::add(counter, len as u64);
            let outcome = connection.send_kept();
            let unsent = len - outcome.as_ref().copied().unwrap_or(0);
            counter.fetch_sub(unsent as u64, Ordering::Relaxed);
            outcome
        } else {
            Ok(0)
        };
        self.sent(key, outcome);
    }

    /// Go on after an attempt to send.
    fn sent(&mut self, key: Key, outcome: io::Result<usize>) {
        let Some(connection) = self.registry.get(key) else {
            return;
        };
        match outcome {
            Err(_) => return self.fail(key),
            Ok(0) => {}
            Ok(_) => connection.last = self.moment,
        }
        if connection.refused && !mem::replace(&mut connection.watched, true) {
            // From here on the kernel tells of room as well. Not from the beginning: a Unix socket
            // tells of it after each message.
            let fd = connection.socket.as_raw_fd();
            let token = Token(key.index as usize + FIRST);
            let interest = interest() | Interest::WRITABLE;
            if self
                .poll
                .reregister(&mut SourceFd(&fd), token, interest)
                .is_err()
            {
                self.fail(key);
            }
        } else if connection.closing && connection.kept.is_empty() {
            if !connection.begin_to_hear_out() {
                self.close(key);
            } else if !mem::replace(&mut connection.queued, true) {
                self.again.push(key);
            }
        }
    }

    /// Close a connection with which something is wrong.
    pub(super) fn fail(&mut self, key: Key) {
        Stats::add(&self.shared.stats.errors, 1);
        self.close(key);
    }

    pub(super) fn close(&mut self, key: Key) {
        let Some(connection) = self.registry.remove(key) else {
            return;
        };
        let Connection {
            socket,
            mut conversation,
            line,
            peer,
            ..
        } = connection;
        line.hang_up();
        let farewell = AssertUnwindSafe(move || {
            conversation.closed();
            drop(conversation);
        });
        if catch_unwind(farewell).is_err() {
            Stats::add(&self.shared.stats.errors, 1);
            self.told.push(Told::Panicked(peer.clone()));
        }
        self.forget(peer);
        // Said, and not left to the closing of the descriptor: a child process may have a copy. Then
        // the kernel would go on telling of it, too, in the name of who has the slot by then.
        let _: io::Result<()> = socket.shutdown(Shutdown::Write);
        let _: io::Result<()> = self.poll.deregister(&mut SourceFd(&socket.as_raw_fd()));
        drop(socket);
        if let Some(door) = &mut self.door {
            door.unblock();
        }
    }

    /// Count a connection as gone, before the client can see it.
    pub(super) fn forget(&mut self, peer: SockAddr) {
        self.common.connections.fetch_sub(1, Ordering::Relaxed);
        Stats::add(&self.shared.stats.closed, 1);
        self.told.push(Told::Closed(peer));
    }
}
