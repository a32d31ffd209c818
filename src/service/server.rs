//! One handle for a server that runs, whichever engine runs it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use std::{mem, process};

use socket2::SockAddr;

use super::engine::{Engine, Shared};
use super::listener::Listener;
use super::mailbox::lock;
use super::{Concurrency, Service, Settings, Snapshot, Stats, events, threads};
use crate::error::Result;

/// How long a server that is dropped waits for what it started.
const DROPPED: Duration = Duration::from_secs(5);
/// As good as for ever, and no instant overflows by it.
const AGES: Duration = Duration::from_secs(3600 * 24 * 365);

/// A server that runs from [`Server::start`] until [`Server::stop`], at the latest until it is
/// dropped.
pub struct Server {
    shared: Arc<Shared>,
    engine: Box<dyn Engine>,
    address: SockAddr,
    /// The process that has the threads; a child of it has not.
    process: u32,
    running: AtomicBool,
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Server {
    /// Serve whoever connects to a listener. Errors: what the system lacks for it.
    pub fn start(
        listener: Listener,
        service: Arc<dyn Service>,
        settings: Settings,
    ) -> Result<Self> {
        let address = listener.address();
        let shared = Arc::new(Shared {
            service,
            settings,
            stats: Stats::default(),
        });
        let engine = match shared.settings.concurrency {
            Concurrency::Events => events::start(listener, Arc::clone(&shared))?,
            Concurrency::Threads => threads::start(listener, Arc::clone(&shared))?,
        };
        Ok(Self {
            shared,
            engine,
            address,
            process: process::id(),
            running: AtomicBool::new(true),
            stopped: Mutex::new(false),
            changed: Condvar::new(),
        })
    }

    /// Return where the server listens.
    #[must_use]
    pub fn address(&self) -> &SockAddr {
        &self.address
    }

    /// Return how many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        if self.is_here() {
            self.engine.connections()
        } else {
            0
        }
    }

    /// Return what the server has done so far.
    #[must_use]
    pub fn stats(&self) -> Snapshot {
        self.shared.stats.snapshot()
    }

    /// Return whether nobody has begun to stop the server.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire) && self.is_here()
    }

    /// Close the listener and every connection, and wait until all threads have ended; return
    /// whether they have.
    ///
    /// May be called again, from several threads at once, and from a conversation, which then does
    /// not wait for its own thread and returns false. In a child process it only closes that
    /// process's copies of the descriptors: the parent goes on serving.
    pub fn stop(&self, timeout: Duration) -> bool {
        let first = self.running.swap(false, Ordering::AcqRel);
        if !self.is_here() {
            if first {
                self.engine.abandon();
            }
            return true;
        }
        self.engine.stop();
        let ended = self.engine.join(after(timeout));
        self.tell_stopped();
        ended
    }

    fn tell_stopped(&self) {
        *lock(&self.stopped) = true;
        self.changed.notify_all();
    }

    /// As the process ends: come to rest, and leave the connections to the kernel; return whether
    /// everything that needs a service has ended.
    ///
    /// Clients hear of the end when there is one. Those that are in this process would otherwise
    /// hear of it while it ends, and complain.
    pub fn leave(self: Arc<Self>, timeout: Duration) -> bool {
        self.running.store(false, Ordering::Release);
        let ended = !self.is_here() || self.engine.leave(after(timeout));
        self.tell_stopped();
        // Whatever it still holds is not to be closed.
        mem::forget(self);
        ended
    }

    /// Wait until somebody has stopped the server; `None` is for ever. Return whether it has
    /// stopped.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        if !self.is_here() {
            return true;
        }
        let deadline = after(timeout.unwrap_or(AGES));
        let mut stopped = lock(&self.stopped);
        while !*stopped {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            stopped = match self.changed.wait_timeout(stopped, left) {
                Ok((stopped, _)) => stopped,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        true
    }

    /// Return whether this is the process that started the server.
    fn is_here(&self) -> bool {
        process::id() == self.process
    }
}

/// Return the instant that lies so far ahead, or as far as makes a difference.
fn after(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(AGES)
}

impl Drop for Server {
    /// Stop, unless somebody has: who stopped it has waited for as long as he wanted, and may hold
    /// by now what the rest of it needs to end.
    fn drop(&mut self) {
        if self.running.load(Ordering::Acquire) {
            self.stop(DROPPED);
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("running", &self.is_running())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
