//! A connection as all threads see it: who sends, what waits to be sent, how it ends.

use std::io::{self, ErrorKind};
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{LONGEST, State};
use crate::service::Stats;
use crate::service::conversation::Post;
use crate::sys;
use crate::sys::descriptor::Descriptor;
use crate::sys::io::Source;

/// A connection as all threads see it.
pub(super) struct Link {
    pub(super) descriptor: Descriptor,
    outgoing: Mutex<Outgoing>,
    changed: Condvar,
    /// As in [`Outgoing`], to be looked at in passing.
    closing: AtomicBool,
    pub(super) state: Arc<State>,
}

/// What waits to be sent, and who sends.
#[derive(Default)]
struct Outgoing {
    pending: Vec<u8>,
    /// Somebody is sending, or holds everything back for a while: what comes is left to them.
    busy: bool,
    /// To be closed when all is sent.
    closing: bool,
    /// Nothing is sent any more.
    dead: bool,
    /// When somebody else than the connection's own thread last sent something.
    posted: Option<Instant>,
    /// How many threads wait for a change: to tell nobody is a system call saved.
    waiting: usize,
}

impl Link {
    pub(super) fn new(fd: OwnedFd, state: Arc<State>) -> Self {
        Self {
            descriptor: Descriptor::from(fd),
            outgoing: Mutex::default(),
            changed: Condvar::new(),
            closing: AtomicBool::new(false),
            state,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Wait for a change while a condition holds, at most so long.
    fn wait_while<'a>(
        &'a self,
        mut outgoing: MutexGuard<'a, Outgoing>,
        limit: Option<Duration>,
        mut condition: impl FnMut(&mut Outgoing) -> bool,
    ) -> MutexGuard<'a, Outgoing> {
        outgoing.waiting += 1;
        let mut outgoing = match limit {
            None => self
                .changed
                .wait_while(outgoing, &mut condition)
                .unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                let limit = limit.min(LONGEST);
                let waited = self.changed.wait_timeout_while(outgoing, limit, condition);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        outgoing.waiting -= 1;
        outgoing
    }

    /// Return whether others may still send, with so many bytes beside those that wait.
    fn takes(&self, outgoing: &Outgoing, beside: usize) -> bool {
        let limit = self.state.shared.settings.max_pending;
        !outgoing.dead && !outgoing.closing && outgoing.pending.len() + beside < limit
    }

    fn notify(&self, outgoing: &Outgoing) {
        if outgoing.waiting > 0 {
            self.changed.notify_all();
        }
    }

    /// Send the answer of a step, after a delay, and what others left behind meanwhile.
    ///
    /// Errors: those of send(2); EAGAIN when the client takes nothing for as long as it may be
    /// idle.
    pub(super) fn deliver(&self, bytes: &[u8], delay: Duration) -> io::Result<()> {
        let mut outgoing = self.lock();
        if outgoing.busy {
            outgoing = self.wait_while(outgoing, None, |now| now.busy && !now.dead);
        }
        if !outgoing.dead {
            outgoing.busy = true;
            if !delay.is_zero() {
                outgoing = self.wait_while(outgoing, Some(delay), |now| !now.dead);
            }
        }
        if outgoing.dead {
            return Err(ErrorKind::BrokenPipe.into());
        }
        drop(outgoing);
        self.send_pending(bytes)
    }

    /// Send bytes and then all that is pending, as the one who has the turn, and give it back.
    fn send_pending(&self, bytes: &[u8]) -> io::Result<()> {
        let mut sent = self.send_all(bytes);
        loop {
            let mut outgoing = self.lock();
            if sent.is_ok() && !outgoing.pending.is_empty() {
                let pending = mem::take(&mut outgoing.pending);
                drop(outgoing);
                sent = self.send_all(&pending);
                continue;
            }
            outgoing.busy = false;
            outgoing.dead |= sent.is_err();
            if outgoing.closing || outgoing.dead {
                outgoing.pending = Vec::new();
                self.shut();
            }
            self.notify(&outgoing);
            return sent;
        }
    }

    fn send_all(&self, bytes: &[u8]) -> io::Result<()> {
        let descriptor = self.descriptor.borrow()?;
        let mut left = Source::from(bytes);
        while !left.is_empty() {
            // Counted before: who has the answer finds it counted.
            let counter = &self.state.shared.stats.bytes_out;
            Stats::add(counter, left.len() as u64);
            let outcome = sys::io::send(descriptor.as_fd(), left, libc::MSG_NOSIGNAL);
            let sent = outcome.as_ref().map_or(0, |count| *count);
            counter.fetch_sub((left.len() - sent) as u64, Ordering::Relaxed);
            match outcome {
                Ok(count) => left = left.skip(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Send as much as the client takes at once.
    fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        let descriptor = self.descriptor.borrow()?;
        let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
        match sys::io::send(descriptor.as_fd(), Source::from(bytes), flags) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            outcome => outcome,
        }
    }

    /// Return how long the connection may still be idle; `None` if it was for long enough.
    pub(super) fn idle_left(&self, idle: Option<Duration>) -> Option<Duration> {
        let Some(idle) = idle else {
            return Some(LONGEST);
        };
        let since = self.lock().posted?.elapsed();
        idle.checked_sub(since).filter(|left| !left.is_zero())
    }

    /// Wait until somebody asks for the close, or nobody sends for as long as that may be.
    pub(super) fn wait_for_close(&self, idle: Option<Duration>) {
        let mut left = idle;
        loop {
            let outgoing = self.lock();
            let outgoing = self.wait_while(outgoing, left, |now| !now.closing && !now.dead);
            if outgoing.closing || outgoing.dead {
                return;
            }
            drop(outgoing);
            left = self.idle_left(idle);
            if left.is_none() {
                return;
            }
        }
    }

    /// Shut the connection down, which wakes whoever waits in it.
    fn shut(&self) {
        self.closing.store(true, Ordering::Relaxed);
        if let Ok(descriptor) = self.descriptor.borrow() {
            // ENOTCONN: the client was faster.
            let _ = sys::shutdown(descriptor.as_fd(), libc::SHUT_RDWR);
        }
    }

    /// Send nothing any more.
    pub(super) fn retire(&self) {
        let mut outgoing = self.lock();
        outgoing.dead = true;
        outgoing.pending = Vec::new();
        self.notify(&outgoing);
    }

    /// End the connection at once, whatever waits to be sent.
    pub(super) fn cut(&self) {
        self.retire();
        self.shut();
    }

    /// Close the descriptor, after the last use.
    pub(super) fn finish(&self) {
        self.retire();
        let _ = self.descriptor.close();
    }
}

/// A link in the hands of other threads.
pub(super) struct Poster(pub(super) Arc<Link>);

impl Post for Poster {
    fn send(&self, bytes: Vec<u8>) -> bool {
        let mut outgoing = self.0.lock();
        if !self.0.takes(&outgoing, 0) {
            return false;
        }
        outgoing.posted = Some(Instant::now());
        if outgoing.busy {
            outgoing.pending.extend_from_slice(&bytes);
            return true;
        }
        // Under the lock: it does not wait, and nobody may come between.
        match self.0.send_now(&bytes) {
            Ok(count) => {
                Stats::add(&self.0.state.shared.stats.bytes_out, count as u64);
                if count == bytes.len() {
                    return true;
                }
                outgoing.pending.extend_from_slice(&bytes[count..]);
                outgoing.busy = true;
                drop(outgoing);
                send_later(&self.0)
            }
            // The connection's own thread finds out by itself.
            Err(_) => false,
        }
    }

    fn takes(&self, beside: usize) -> bool {
        self.0.takes(&self.0.lock(), beside)
    }

    fn close(&self) {
        let mut outgoing = self.0.lock();
        outgoing.closing = true;
        if !outgoing.busy {
            self.0.shut();
        }
        self.0.notify(&outgoing);
    }
}

/// Start a thread that sends what is pending, as the one who has the turn.
fn send_later(link: &Arc<Link>) -> bool {
    let sender = Arc::clone(link);
    let started = link.state.spawn("rsock-sender", None, move || {
        // Whoever has the connection finds out by itself.
        let _ = sender.send_pending(&[]);
    });
    if started.is_err() {
        link.cut();
    }
    started.is_ok()
}
