//! The thread that receives and answers.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::peer::{Allowance, answerable};
use super::{Answer, Outcome, Shared, UdpSettings, UdpStats};
use crate::service::mailbox::lock;
use crate::sys::batch::{Batch, Datagram, Outgoing};
use crate::sys::poll::{self, Readiness};

/// After so many troubles in a row, the server pauses before it tries again.
const PATIENCE: u32 = 16;
const PAUSE: Duration = Duration::from_millis(10);

/// The thread's own half of a server.
pub(super) struct Worker {
    socket: Arc<OwnedFd>,
    woken: UnixStream,
    exclusive: bool,
    answer: Arc<dyn Answer>,
    batch: Batch,
    answers: Vec<Outgoing>,
    /// The data of all answers.
    bytes: Vec<u8>,
    last_rites: Allowance,
    /// How many times in a row receiving led to nothing.
    troubles: u32,
    shared: Arc<Shared>,
}

impl Worker {
    pub(super) fn new(
        socket: Arc<OwnedFd>,
        woken: UnixStream,
        exclusive: bool,
        answer: Arc<dyn Answer>,
        settings: &UdpSettings,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            socket,
            woken,
            exclusive,
            answer,
            batch: Batch::new(settings.batch, settings.max_message),
            answers: Vec::with_capacity(settings.batch),
            bytes: Vec::new(),
            last_rites: Allowance::new(Instant::now()),
            troubles: 0,
            shared,
        }
    }

    /// Serve until the server is stopped, with what the answer wants around that.
    pub(super) fn run_in_thread(self) {
        let (answer, mut worker) = (Arc::clone(&self.answer), Some(self));
        answer.thread(&mut || worker.take().into_iter().for_each(Self::run));
    }

    fn run(mut self) {
        let served = catch_unwind(AssertUnwindSafe(|| self.serve()));
        let failure = match served {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.raw_os_error().unwrap_or(libc::EIO)),
            Err(_) => Some(libc::EIO),
        };
        let Self {
            socket,
            shared,
            answer,
            ..
        } = self;
        // The port is free before anybody hears that the server has ended.
        drop(lock(&shared.twin).take());
        drop(socket);
        drop(answer);
        *lock(&shared.ended) = Some(failure);
        shared.end.notify_all();
    }

    fn serve(&mut self) -> io::Result<()> {
        let mut full = false;
        while !self.shared.stopping.load(Ordering::Acquire) {
            if self.troubles >= PATIENCE {
                uninterrupted(poll::wait(self.woken.as_fd(), Readiness::Read, Some(PAUSE)))?;
            } else if !self.exclusive && !full {
                uninterrupted(poll::wait_either(self.socket.as_fd(), self.woken.as_fd()))?;
            }
            full = false;
            match self.batch.receive(self.socket.as_fd(), self.exclusive) {
                Ok(count) => {
                    if self.shared.stopping.load(Ordering::Acquire) {
                        break;
                    }
                    full = count == self.batch.capacity();
                    self.take(count)?;
                }
                Err(error) => self.survive(error)?,
            }
        }
        Ok(())
    }

    /// Go on after an error, unless it is one that will not pass.
    fn survive(&mut self, error: io::Error) -> io::Result<()> {
        use io::ErrorKind::{Interrupted, WouldBlock};
        match error.raw_os_error() {
            Some(libc::EBADF | libc::ENOTSOCK | libc::EFAULT | libc::EINVAL | libc::ENOTCONN) => {
                return Err(error);
            }
            _ if error.kind() == Interrupted => return Ok(()),
            // Told of something to read that is not there, or is there for somebody else.
            _ if error.kind() == WouldBlock => {}
            // What an earlier answer met, such as a client that is gone.
            _ => self.shared.counters.add(&UdpStats {
                errors: 1,
                ..UdpStats::default()
            }),
        }
        self.troubles = self.troubles.saturating_add(1);
        Ok(())
    }

    /// Answer what was received.
    fn take(&mut self, count: usize) -> io::Result<()> {
        let mut seen = UdpStats::default();
        self.answers.clear();
        self.bytes.clear();
        let mut next = 0;
        while next < count {
            let (answer, batch) = (&*self.answer, &self.batch);
            let (answers, bytes) = (&mut self.answers, &mut self.bytes);
            let (seen, allowance) = (&mut seen, &mut self.last_rites);
            let before = next;
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                answer.batch(&mut || {
                    while next < count {
                        let datagram = batch.datagram(next);
                        next += 1;
                        let allowed = || allowance.take(Instant::now());
                        if let Some(mut made) = make(answer, &datagram, bytes, seen, allowed) {
                            made.to = next - 1;
                            answers.push(made);
                        }
                    }
                });
            }));
            if outcome.is_err() {
                seen.errors += 1;
                bytes.truncate(answers.last().map_or(0, |last: &Outgoing| last.bytes.end));
                if next == before {
                    next = count;
                }
                // Whoever listens must not end the server either.
                let _ = catch_unwind(AssertUnwindSafe(|| answer.panicked()));
            } else if next < count {
                // Nobody ran the work: the datagrams are lost, as datagrams may be.
                seen.errors += 1;
                next = count;
            }
        }
        self.troubles = 0;
        self.send(&mut seen);
        self.shared.counters.add(&seen);
        // A datagram of the Internet has a sender. One without is what a socket gives that
        // somebody has shut down.
        let gone = count > 0 && {
            let first = self.batch.datagram(0);
            first.from.len() == 0 && first.data.is_empty() && self.exclusive
        };
        if gone {
            Err(io::Error::from_raw_os_error(libc::ENOTCONN))
        } else {
            Ok(())
        }
    }

    fn send(&mut self, seen: &mut UdpStats) {
        let mut rest = &self.answers[..];
        let mut again = true;
        while !rest.is_empty() {
            match self.batch.send(self.socket.as_fd(), rest, &self.bytes) {
                Ok(count) if count > 0 => {
                    let (sent, left) = rest.split_at(count.min(rest.len()));
                    seen.answers += count as u64;
                    seen.bytes_out += sent.iter().map(|sent| sent.bytes.len() as u64).sum::<u64>();
                    (rest, again) = (left, true);
                    continue;
                }
                Ok(_) => seen.dropped += 1,
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => continue,
                    // May be what an earlier answer met, and was only told now.
                    Some(libc::ECONNREFUSED) if again => {
                        again = false;
                        continue;
                    }
                    Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => seen.dropped += 1,
                    // The kernel knows which addresses are for broadcast.
                    Some(libc::EACCES) => seen.refused += 1,
                    _ => seen.errors += 1,
                },
            }
            (rest, again) = (&rest[1..], true);
        }
    }
}

/// Take an interruption for the end of a wait: whoever waits looks for himself what there is.
fn uninterrupted<T>(waited: io::Result<T>) -> io::Result<()> {
    match waited {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

/// Make the answer to a datagram, unless it gets none.
fn make(
    answer: &dyn Answer,
    datagram: &Datagram<'_>,
    bytes: &mut Vec<u8>,
    seen: &mut UdpStats,
    allowed: impl FnOnce() -> bool,
) -> Option<Outgoing> {
    if datagram.from.len() == 0 && datagram.data.is_empty() {
        return None;
    }
    seen.messages += 1;
    seen.bytes_in += datagram.data.len() as u64;
    if datagram.cut {
        seen.oversize += 1;
        return None;
    }
    let start = bytes.len();
    let outcome = answer.answer(datagram.data, &datagram.from, bytes);
    if outcome != Outcome::Answer {
        seen.errors += u64::from(outcome == Outcome::Failure);
        bytes.truncate(start);
        return None;
    }
    let life = match datagram.life {
        _ if !answerable(&datagram.from) => None,
        Some(life) if life.left > 1 => Some(Some(life.with_left(life.left - 1))),
        Some(life) => allowed().then_some(Some(life.with_left(1))),
        None => Some(None),
    };
    let Some(life) = life else {
        seen.refused += 1;
        bytes.truncate(start);
        return None;
    };
    Some(Outgoing {
        to: 0,
        bytes: start..bytes.len(),
        life,
    })
}
