//! The engine with a thread for each connection.
//!
//! A thread waits inside recv(2), so that a message costs two system calls: recv and send. How
//! long either may wait is an option of the socket, set once; whoever wants the thread back shuts
//! the connection down. What other threads send is sent by them, as far as the client takes it;
//! for the rest a second thread is started, since the first may be waiting to receive.
//!
//! | file   | holds                                                              |
//! |--------|--------------------------------------------------------------------|
//! | `crew` | all threads of an engine, and their end                            |
//! | `link` | a connection, as all threads see it                                |
//! | `talk` | what the thread of a connection does                               |

use std::io;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::Builder;
use std::time::{Duration, Instant};

use socket2::SockAddr;

use super::engine::{Engine, Shared};
use super::listener::is_exhausted;
use super::{Listener, Notice, Stats};
use crate::error::Result;
use crate::sys;
use crate::sys::descriptor::bury;
use crate::sys::poll::{self, Readiness};

mod crew;
mod link;
mod talk;

use crew::Crew;
use link::Link;
use talk::Talk;

/// How long to wait before trying to accept again without descriptors or memory.
const RECOVERY: Duration = Duration::from_millis(100);

/// A time to wait that the kernel takes; longer than anybody will.
const LONGEST: Duration = Duration::from_secs(1 << 31);

/// Serve each client of a listener in a thread of its own.
///
/// Errors: EMFILE, and EAGAIN when there may be no more threads.
pub(super) fn start(listener: Listener, shared: Arc<Shared>) -> Result<Box<dyn Engine>> {
    let (bell, ringer) = sys::pair(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    let listener = Arc::new(listener);
    let state = Arc::new(State {
        shared,
        crew: Crew::default(),
        active: AtomicUsize::new(0),
        listener: Arc::downgrade(&listener),
        ringer,
        process: std::process::id(),
    });
    let acceptor = Arc::clone(&state);
    state.spawn("rsock-accept", None, move || {
        acceptor.accept_all(&listener, bell.as_fd());
    })?;
    Ok(Box::new(Threads(state)))
}

/// The handle of the engine.
struct Threads(Arc<State>);

impl Threads {
    /// Return whether this is a forked child, which has the locks but not the threads, and whose
    /// shutdown would end the connections of its parent.
    fn is_forked(&self) -> bool {
        self.0.process != std::process::id()
    }

    /// Let nobody in any more, and return the connections that are still served.
    fn close_the_door(&self) -> Vec<Arc<Link>> {
        // Before the bell, which finds its hearer asking at once whether that was for him.
        let links = self.0.crew.dismiss();
        // The other end reads as at its end from now on, whenever it is looked at.
        let _ = sys::shutdown(self.0.ringer.as_fd(), libc::SHUT_RDWR);
        links
    }
}

impl Engine for Threads {
    fn connections(&self) -> usize {
        self.0.active.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        if self.is_forked() {
            return;
        }
        for link in self.close_the_door() {
            link.cut();
        }
    }

    fn join(&self, deadline: Instant) -> bool {
        self.is_forked() || self.0.crew.join(deadline)
    }

    fn leave(&self, deadline: Instant) -> bool {
        if self.is_forked() {
            return true;
        }
        if let Some(listener) = self.0.listener.upgrade() {
            listener.unlink();
            // Or it would be closed with the thread that accepts, and who waits there be refused.
            mem::forget(listener);
        }
        // A thread that waits for its client waits on, in Rust, until there is no process.
        self.close_the_door();
        self.0.crew.join_unlinked(deadline)
    }

    fn abandon(&self) {
        // The threads that own these are in the parent: they can only be put out of the way.
        if let Some(listener) = self.0.listener.upgrade() {
            let _ = bury(listener.fd());
        }
        for link in self.0.crew.abandoned() {
            let _ = link.descriptor.borrow().and_then(|fd| bury(fd.as_fd()));
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What all threads of an engine share.
struct State {
    shared: Arc<Shared>,
    crew: Crew,
    active: AtomicUsize,
    /// Belongs to the thread that accepts, and goes with it.
    listener: Weak<Listener>,
    /// Shutting it down wakes the thread that accepts.
    ringer: OwnedFd,
    process: u32,
}

impl State {
    /// Start a thread of the crew, with a stack of the service's choice.
    fn spawn(
        self: &Arc<Self>,
        name: &str,
        link: Option<Arc<Link>>,
        work: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let builder = Builder::new()
            .name(name.to_owned())
            .stack_size(self.shared.service.stack_size());
        let state = Arc::clone(self);
        self.crew.spawn(builder, link, move |number| {
            let _leaving = state.crew.leaving(number);
            work();
        })
    }

    /// Accept clients until the crew is dismissed.
    fn accept_all(self: &Arc<Self>, listener: &Listener, bell: BorrowedFd<'_>) {
        let mut exhausted = false;
        while !self.crew.is_dismissed() {
            match listener.accept() {
                Ok(Some((fd, peer))) => {
                    exhausted = !self.admit(fd, peer, exhausted);
                }
                // A signal, or a readiness that another process was faster to use.
                Ok(None) => drop(poll::wait_either(listener.fd(), bell)),
                Err(error) => {
                    if is_exhausted(&error) {
                        self.tell_exhausted(exhausted);
                        exhausted = true;
                    } else {
                        Stats::add(&self.shared.stats.errors, 1);
                    }
                    // The listener stays readable: only the bell, or time, ends this wait.
                    let _ = poll::wait(bell, Readiness::Read, Some(RECOVERY));
                }
            }
        }
    }

    /// Start to serve a client, or turn it away, and return false if there was no thread for it.
    fn admit(self: &Arc<Self>, fd: OwnedFd, peer: SockAddr, exhausted: bool) -> bool {
        let Shared {
            settings, stats, ..
        } = &*self.shared;
        if self.active.load(Ordering::Relaxed) >= settings.max_connections {
            self.refuse(fd, &peer);
            return true;
        }
        self.active.fetch_add(1, Ordering::Relaxed);
        Stats::add(&stats.accepted, 1);
        let link = Arc::new(Link::new(fd, Arc::clone(self)));
        let serving = Arc::clone(&link);
        let name = peer.clone();
        let started = self.spawn("rsock-client", Some(Arc::clone(&link)), move || {
            serve(&serving, &name);
        });
        if started.is_err() {
            self.active.fetch_sub(1, Ordering::Relaxed);
            stats.accepted.fetch_sub(1, Ordering::Relaxed);
            Stats::add(&stats.refused, 1);
            link.finish();
            if !self.crew.is_dismissed() {
                self.tell_exhausted(exhausted);
                self.shared.tell(&Notice::Refused(&peer));
            }
        }
        started.is_ok()
    }

    fn refuse(&self, fd: OwnedFd, peer: &SockAddr) {
        Stats::add(&self.shared.stats.refused, 1);
        drop(fd);
        self.shared.tell(&Notice::Refused(peer));
    }

    fn tell_exhausted(&self, known: bool) {
        if !known {
            self.shared.tell(&Notice::Exhausted);
        }
    }
}

/// Serve one client from beginning to end.
fn serve(link: &Arc<Link>, peer: &SockAddr) {
    let state = &link.state;
    state.shared.tell(&Notice::Accepted(peer));
    let mut talk = Talk::new(link, peer);
    talk.run();
    talk.end();
    // A client that sees the end may connect again at once, and finds its place free.
    state.active.fetch_sub(1, Ordering::Relaxed);
    Stats::add(&state.shared.stats.closed, 1);
    link.finish();
    state.shared.tell(&Notice::Closed(peer));
}
