//! The engine in which a few threads share all connections.
//!
//! | file         | holds                                                              |
//! |--------------|--------------------------------------------------------------------|
//! | `turn`       | what a loop does between two waits                                 |
//! | `connection` | one connection: receive, send, what could not be sent yet          |
//! | `door`       | where clients come in                                              |
//! | `registry`   | the connections of a loop, by their numbers                        |
//! | `timers`     | delayed answers, and the look for idle clients                     |
//!
//! The kernel tells each change once (edge-triggered), so that a message costs one wait, one
//! receive and one send, as in the barest of loops. All that a loop needs for that, the connections
//! share: one buffer to receive into, one that answers are written to.
//!
//! With several loops the first one accepts, and hands the clients round. If all of them listened,
//! each new client would wake all of them, and who is quickest would take most.

mod connection;
mod door;
mod registry;
mod timers;
mod turn;

use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Waker};

use super::Listener;
use super::engine::{Engine, Shared};
use super::mailbox::{Mailbox, lock};
use crate::error::Result;
use connection::Connection;
use door::Door;
use turn::{DOOR, Turn, WAKE};

/// How many things the kernel tells at once.
const AT_ONCE: usize = 1024;

/// What all loops of a server, and whoever holds it, know.
struct Common {
    mailboxes: Vec<Arc<Mailbox>>,
    connections: AtomicUsize,
    stopping: AtomicBool,
    /// Whether the connections stay as they are when the loops end.
    leaving: AtomicBool,
    /// How many loops still run.
    running: Mutex<usize>,
    ended: Condvar,
}

/// The loops of a server.
struct Loops {
    common: Arc<Common>,
    turns: Vec<Arc<Mutex<Turn>>>,
    ids: Vec<ThreadId>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Start the threads that serve a listener. Errors: what the system lacks for it.
pub(super) fn start(listener: Listener, shared: Arc<Shared>) -> Result<Box<dyn Engine>> {
    let count = shared.settings.event_threads.max(1);
    let polls = (0..count)
        .map(|_| Poll::new())
        .collect::<io::Result<Vec<_>>>()?;
    // All that the system may refuse comes before the first thread, but for the threads themselves.
    let registries = polls
        .iter()
        .map(|poll| poll.registry().try_clone())
        .collect::<io::Result<Vec<_>>>()?;
    let mailbox = |poll: &Poll| Ok(Arc::new(Mailbox::new(Waker::new(poll.registry(), WAKE)?)));
    let common = Arc::new(Common {
        mailboxes: polls.iter().map(mailbox).collect::<io::Result<_>>()?,
        connections: AtomicUsize::new(0),
        stopping: AtomicBool::new(false),
        leaving: AtomicBool::new(false),
        running: Mutex::new(0),
        ended: Condvar::new(),
    });
    let fd = listener.fd().as_raw_fd();
    polls[0]
        .registry()
        .register(&mut SourceFd(&fd), DOOR, Interest::READABLE)?;
    let mut door = Some(Door::new(listener));
    let mut loops = Loops {
        common: Arc::clone(&common),
        turns: Vec::new(),
        ids: Vec::new(),
        threads: Mutex::default(),
    };
    for (number, (poll, registry)) in polls.into_iter().zip(registries).enumerate() {
        let (shared, common) = (Arc::clone(&shared), Arc::clone(&common));
        let service = Arc::clone(&shared.service);
        let turn = Turn::new(shared, Arc::clone(&common), number, registry, door.take());
        let turn = Arc::new(Mutex::new(turn));
        loops.turns.push(Arc::clone(&turn));
        *lock(&loops.common.running) += 1;
        let thread = thread::Builder::new()
            .name(format!("rsock-events-{number}"))
            .spawn(move || {
                let mut poll = Some(poll);
                service.thread(&mut || {
                    if let Some(poll) = poll.take() {
                        run(number, poll, &turn, &common);
                    }
                });
            })
            .inspect_err(|_| {
                *lock(&loops.common.running) -= 1;
                // Those that run already. They end by themselves: to wait for them could be to wait
                // for ever, if the caller holds what they need for it.
                loops.stop();
            })?;
        loops.ids.push(thread.thread().id());
        lock(&loops.threads).push(thread);
    }
    Ok(Box::new(loops))
}

/// A loop that runs; whoever waits for its end hears of it, however it ends.
struct Running<'a>(&'a Common);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        *lock(&self.0.running) -= 1;
        self.0.ended.notify_all();
    }
}

/// Run one loop until the server stops.
fn run(number: usize, mut poll: Poll, turn: &Mutex<Turn>, common: &Common) {
    let _running = Running(common);
    let mailbox = &common.mailboxes[number];
    let mut events = Events::with_capacity(AT_ONCE);
    while !common.stopping.load(Ordering::Acquire) {
        // The lock is for a child process alone: there it says whether the loop was at work.
        let mut patience = lock(turn).patience();
        if !mailbox.fall_asleep() {
            patience = Some(Duration::ZERO);
        }
        let outcome = poll.poll(&mut events, patience);
        mailbox.wake_up();
        if outcome.is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
            break;
        }
        lock(turn).take(&events);
    }
    let mut turn = lock(turn);
    if common.leaving.load(Ordering::Acquire) {
        turn.door.iter().for_each(Door::unlink);
    } else {
        turn.finish();
    }
}

impl Loops {
    /// Stop, and wait for all threads.
    fn end(&self) {
        self.stop();
        for thread in lock(&self.threads).drain(..) {
            // Its panic was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Engine for Loops {
    fn connections(&self) -> usize {
        self.common.connections.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        self.common.stopping.store(true, Ordering::Release);
        for mailbox in &self.common.mailboxes {
            mailbox.nudge();
        }
    }

    fn join(&self, deadline: Instant) -> bool {
        if self.ids.contains(&thread::current().id()) {
            return false;
        }
        let mut running = lock(&self.common.running);
        while *running > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.common.ended.wait_timeout(running, left);
            running = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(running);
        self.end();
        true
    }

    fn leave(&self, deadline: Instant) -> bool {
        self.common.leaving.store(true, Ordering::Release);
        self.stop();
        self.join(deadline)
    }

    fn abandon(&self) {
        for turn in &self.turns {
            // A loop that was at work in the parent holds the lock here for ever.
            let Ok(mut turn) = turn.try_lock() else {
                continue;
            };
            turn.door = None;
            for Connection {
                socket,
                conversation,
                ..
            } in mem::take(&mut turn.registry)
            {
                drop(socket);
                // It is the parent's: here, nothing of it may run.
                mem::forget(conversation);
            }
        }
        if let Ok(mut threads) = self.threads.try_lock() {
            mem::forget(mem::take(&mut *threads));
        }
    }
}
