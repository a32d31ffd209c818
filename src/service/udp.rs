//! The server of datagrams.
//!
//! One thread receives what is there and answers all of it, in two system calls.
//! What keeps servers from answering each other for ever is told in `peer`.

mod peer;

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{SockAddr, SockRef};

use self::peer::{Allowance, answerable};
use super::template::Template;
use crate::error::Result;
use crate::sys::batch::{self, Batch, Datagram, Outgoing};

/// What a server says to datagrams.
pub trait Answer: Send + Sync + 'static {
    /// Run what there is to do for all datagrams that have arrived. Whoever needs something around
    /// that (an interpreter) takes it here, once for all of them.
    fn batch(&self, work: &mut dyn FnMut()) {
        work();
    }

    /// Run the server's thread, as [`Service::thread`](super::Service::thread) does.
    fn thread(&self, run: &mut (dyn FnMut() + Send)) {
        run();
    }

    /// Append the answer to a datagram to `out`, which holds other answers, and return whether to
    /// send it.
    fn answer(&self, datagram: &[u8], from: &SockAddr, out: &mut Vec<u8>) -> bool;

    /// Hear that answering panicked; the server goes on. Called outside of [`Answer::batch`].
    fn panicked(&self) {}
}

/// Answers with a template filled in.
impl Answer for Template {
    fn answer(&self, datagram: &[u8], _: &SockAddr, out: &mut Vec<u8>) -> bool {
        self.render(datagram, out);
        true
    }
}

/// Only receives.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Answer for Silent {
    fn answer(&self, _: &[u8], _: &SockAddr, _: &mut Vec<u8>) -> bool {
        false
    }
}

/// How a server of datagrams is run.
#[derive(Clone, Debug)]
pub struct UdpSettings {
    /// How long a datagram may be; a longer one is counted and not answered.
    pub max_message: usize,
    /// How many datagrams are received at once.
    pub batch: usize,
    /// Whether nobody else uses the socket. Then the server waits in the call that receives, and
    /// shuts the socket down to stop, which others who use it would notice.
    pub exclusive: bool,
}

impl Default for UdpSettings {
    fn default() -> Self {
        Self {
            max_message: 65_535,
            batch: 64,
            exclusive: true,
        }
    }
}

/// What a server of datagrams has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpStats {
    /// Datagrams received.
    pub messages: u64,
    /// Answers sent.
    pub answers: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Answers withheld: to broadcast and multicast addresses, and to other servers.
    pub refused: u64,
    /// Datagrams longer than may be.
    pub oversize: u64,
    /// Answers dropped since there was no room to send them.
    pub dropped: u64,
    /// Calls that failed, and answers that panicked or could not be sent.
    pub errors: u64,
}

macro_rules! counters {
    ($($name:ident),+) => {
        #[derive(Debug, Default)]
        struct Counters { $($name: AtomicU64),+ }

        impl Counters {
            fn add(&self, seen: &UdpStats) {
                // Only one thread writes, so that this need not be one step.
                $(if seen.$name > 0 {
                    let before = self.$name.load(Ordering::Relaxed);
                    self.$name.store(before + seen.$name, Ordering::Relaxed);
                })+
            }

            fn snapshot(&self) -> UdpStats {
                UdpStats { $($name: self.$name.load(Ordering::Relaxed)),+ }
            }
        }
    };
}
counters!(
    messages, answers, bytes_in, bytes_out, refused, oversize, dropped, errors
);

/// A server of datagrams that runs, until it is stopped or dropped.
#[derive(Debug)]
pub struct UdpServer {
    address: SockAddr,
    shared: Arc<Shared>,
    thread: thread::ThreadId,
    handle: Mutex<Option<JoinHandle<()>>>,
    /// The process that has the thread; a child of it has not.
    process: u32,
}

#[derive(Debug)]
struct Shared {
    counters: Counters,
    stopping: AtomicBool,
    /// Written to in order to wake a server that waits for this too.
    waker: UnixStream,
    /// Shut down in order to wake a server that waits for its socket only.
    twin: Mutex<Option<OwnedFd>>,
    /// How the server ended, once it has.
    ended: Mutex<Option<Option<i32>>>,
    end: Condvar,
}

impl UdpServer {
    /// Serve on a socket that is bound.
    ///
    /// The socket is made to refuse to send to broadcast addresses, and to tell the life of what it
    /// receives.
    ///
    /// # Errors
    /// Those of getsockname(2), of making a thread and what wakes it.
    pub fn start(socket: OwnedFd, answer: Arc<dyn Answer>, settings: UdpSettings) -> Result<Self> {
        let socket_ref = SockRef::from(&socket);
        let address = socket_ref.local_addr()?;
        let inet = address.is_ipv4() || address.is_ipv6();
        if inet {
            socket_ref.set_broadcast(false)?;
            batch::tell_life(socket.as_fd());
        }
        // Only Linux wakes whoever waits for a datagram on a socket that is shut down.
        let exclusive = settings.exclusive && inet && cfg!(target_os = "linux");
        if exclusive {
            socket_ref.set_nonblocking(false)?;
        }
        let twin = if exclusive {
            Some(socket.try_clone()?)
        } else {
            None
        };
        let (waker, woken) = UnixStream::pair()?;
        waker.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            counters: Counters::default(),
            stopping: AtomicBool::new(false),
            waker,
            twin: Mutex::new(twin),
            ended: Mutex::new(None),
            end: Condvar::new(),
        });
        let worker = Worker {
            socket,
            woken,
            exclusive,
            answer,
            batch: Batch::new(settings.batch, settings.max_message),
            answers: Vec::with_capacity(settings.batch),
            bytes: Vec::new(),
            last_rites: Allowance::new(Instant::now()),
            troubles: 0,
            shared: shared.clone(),
        };
        let handle = thread::Builder::new().name("rsock-udp".into()).spawn(|| {
            let (answer, mut worker) = (Arc::clone(&worker.answer), Some(worker));
            answer.thread(&mut || worker.take().into_iter().for_each(Worker::run));
        })?;
        Ok(Self {
            address,
            shared,
            thread: handle.thread().id(),
            handle: Mutex::new(Some(handle)),
            process: process::id(),
        })
    }

    /// Return where the server receives.
    #[must_use]
    pub const fn address(&self) -> &SockAddr {
        &self.address
    }

    /// Return what the server has done so far.
    #[must_use]
    pub fn stats(&self) -> UdpStats {
        self.shared.counters.snapshot()
    }

    /// Return whether the server serves.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.is_here()
            && !self.shared.stopping.load(Ordering::Acquire)
            && lock(&self.shared.ended).is_none()
    }

    /// Return the number of the error that ended the server, if one did.
    #[must_use]
    pub fn failure(&self) -> Option<i32> {
        lock(&self.shared.ended).flatten()
    }

    /// Begin to end, without waiting. A forked child has nothing to end: the socket that it
    /// inherited is its parent's as well.
    pub fn shut(&self) {
        if !self.is_here() {
            return;
        }
        self.shared.stopping.store(true, Ordering::Release);
        // A waker that takes no more has been written to before.
        let _ = io::Write::write(&mut &self.shared.waker, b"!");
        if let Some(twin) = lock(&self.shared.twin).take() {
            // Says that the socket is not connected, and wakes whoever waits nevertheless.
            let _ = SockRef::from(&twin).shutdown(Shutdown::Read);
        }
    }

    /// Stop, and return whether the server has ended within the time.
    ///
    /// An answer that is being made is waited for. Called by that answer itself, it does not wait.
    pub fn stop(&self, timeout: Duration) -> bool {
        self.shut();
        self.wait(Some(timeout))
    }

    /// Wait until the server has ended, and return whether it has within the time.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        // In a child the locks may be held by a thread that is not there.
        if !self.is_here() {
            return true;
        }
        if thread::current().id() == self.thread {
            return false;
        }
        let guard = lock(&self.shared.ended);
        let running = |ended: &mut Option<_>| ended.is_none();
        let ended = match timeout {
            None => self.shared.end.wait_while(guard, running).is_ok(),
            Some(time) => match self.shared.end.wait_timeout_while(guard, time, running) {
                Ok((ended, _)) => ended.is_some(),
                Err(_) => true,
            },
        };
        if ended {
            if let Some(handle) = lock(&self.handle).take() {
                // It caught its panics, and has nothing left to do.
                let _ = handle.join();
            }
        }
        ended
    }

    /// Return whether this is the process that started the server.
    fn is_here(&self) -> bool {
        process::id() == self.process
    }
}

impl Drop for UdpServer {
    fn drop(&mut self) {
        if self.is_here() {
            self.stop(Duration::from_secs(5));
        } else if let Ok(handle) = self.handle.get_mut() {
            // To let go of a thread that is not there would be a call about memory in other use.
            std::mem::forget(handle.take());
        }
    }
}

/// The numbers and flags that these hold are whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Worker {
    socket: OwnedFd,
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

/// After so many troubles in a row, the server pauses before it tries again.
const PATIENCE: u32 = 16;
const PAUSE: Duration = Duration::from_millis(10);

impl Worker {
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
                batch::wait_either(self.woken.as_fd(), self.woken.as_fd(), Some(PAUSE))?;
            } else if !self.exclusive && !full {
                batch::wait_either(self.socket.as_fd(), self.woken.as_fd(), None)?;
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
    if !answer.answer(datagram.data, &datagram.from, bytes) {
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
