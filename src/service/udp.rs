//! The server of datagrams.
//!
//! One thread receives what is there and answers all of it, in two system calls.
//!
//! | file     | holds                                                                 |
//! |----------|-----------------------------------------------------------------------|
//! | `answer` | what a server says to datagrams                                       |
//! | `peer`   | who gets an answer, and how servers that answer each other fall silent |
//! | `stats`  | what a server has done so far                                         |
//! | `worker` | the thread that receives and answers                                  |

mod answer;
mod peer;
mod stats;
mod worker;

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{SockAddr, SockRef};

pub use self::answer::{Answer, Outcome, Silent};
use self::stats::Counters;
pub use self::stats::UdpStats;
use self::worker::Worker;
use super::mailbox::lock;
use crate::error::Result;
use crate::sys::batch;
use crate::sys::descriptor::bury;

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
    /// Belongs to the thread that receives, and goes with it.
    socket: Weak<OwnedFd>,
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
        let socket = Arc::new(socket);
        let shared = Arc::new(Shared {
            counters: Counters::default(),
            stopping: AtomicBool::new(false),
            waker,
            socket: Arc::downgrade(&socket),
            twin: Mutex::new(twin),
            ended: Mutex::new(None),
            end: Condvar::new(),
        });
        let worker = Worker::new(socket, woken, exclusive, answer, &settings, shared.clone());
        let handle = thread::Builder::new()
            .name("rsock-udp".into())
            .spawn(|| worker.run_in_thread())?;
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

    /// Begin to end, without waiting. A forked child only closes its copies of the socket, which
    /// is its parent's as well.
    pub fn shut(&self) {
        if !self.is_here() {
            return self.abandon();
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

    /// Let go of the socket in a child process, so that the port is free when the parent has stopped.
    fn abandon(&self) {
        // The thread that owns it is in the parent: it can only be put out of the way.
        if let Some(socket) = self.shared.socket.upgrade() {
            let _ = bury(socket.as_fd());
        }
        // A lock that a thread of the parent held stays locked here.
        if let Ok(mut twin) = self.shared.twin.try_lock() {
            drop(twin.take());
        }
    }

    /// Return whether this is the process that started the server.
    fn is_here(&self) -> bool {
        process::id() == self.process
    }
}

impl Drop for UdpServer {
    fn drop(&mut self) {
        if self.is_here() {
            // Who stopped it has waited for as long as he wanted.
            if !self.shared.stopping.load(Ordering::Acquire) {
                self.stop(Duration::from_secs(5));
            }
        } else {
            self.abandon();
            if let Ok(handle) = self.handle.get_mut() {
                // To let go of a thread that is not there would be a call about memory in other
                // use.
                std::mem::forget(handle.take());
            }
        }
    }
}
