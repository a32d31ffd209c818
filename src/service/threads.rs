//! The engine with a thread for each connection.
//!
//! A thread waits inside recv(2), so that a message costs two system calls: recv and send. How
//! long either may wait is an option of the socket, set once; whoever wants the thread back shuts
//! the connection down. What other threads send is sent by them, as far as the client takes it;
//! for the rest a second thread is started, since the first may be waiting to receive.
//!
//! Every thread is a member of a [`Crew`], which knows them all and joins them.

use std::io::{self, ErrorKind};
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::Builder;
use std::time::{Duration, Instant};

use socket2::{SockAddr, SockRef};

use super::engine::{Engine, HEARD_OUT, Shared};
use super::{Conversation, Flow, Listener, Notice, Remote, Stats};
use crate::error::Result;
use crate::sys;
use crate::sys::descriptor::bury;
use crate::sys::io::Target;
use crate::sys::poll::{self, Readiness};

mod crew;
mod link;

use crew::Crew;
use link::{Link, Poster};

/// How long to wait before trying to accept again without descriptors or memory.
const RECOVERY: Duration = Duration::from_millis(100);

/// How much room for answers a connection keeps; what a larger one needed is given back.
const KEPT: usize = 64 << 10;

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
                Err(_) => {
                    self.tell_exhausted(exhausted);
                    exhausted = true;
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
    let mut talk = Talk {
        link,
        peer,
        conversation: None,
        out: Vec::new(),
    };
    talk.run();
    talk.end();
    // A client that sees the end may connect again at once, and finds its place free.
    state.active.fetch_sub(1, Ordering::Relaxed);
    Stats::add(&state.shared.stats.closed, 1);
    link.finish();
    state.shared.tell(&Notice::Closed(peer));
}

/// One conversation, in the thread that has it.
struct Talk<'a> {
    link: &'a Arc<Link>,
    peer: &'a SockAddr,
    conversation: Option<Box<dyn Conversation>>,
    out: Vec<u8>,
}

/// How the work on a connection goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    /// The conversation has more to say.
    Resume,
    /// Close, and let the client end first.
    HearOut,
    Close,
}

impl Talk<'_> {
    fn run(&mut self) {
        let link = Arc::clone(self.link);
        let Ok(descriptor) = link.descriptor.borrow() else {
            return;
        };
        let fd = descriptor.as_fd();
        let idle = link.state.shared.settings.idle_timeout;
        if let Err(error) = set_blocking(fd, idle) {
            return self.failed(&error);
        }
        let mut next = self.open();
        let mut room = vec![0; link.state.shared.settings.receive_size.max(1)];
        loop {
            match next {
                Next::GoOn | Next::Resume => {}
                Next::HearOut => return self.hear_out(fd, &mut room),
                Next::Close => return,
            }
            match sys::io::recv(fd, &mut Target::from(&mut room[..]), 0) {
                // What comes after a close that was asked for is nobody's any more.
                Ok(_) if link.is_closing() => return,
                Ok(0) => return self.ended(idle),
                Ok(count) => {
                    let piece = &room[..count];
                    Stats::add(&link.state.shared.stats.bytes_in, count as u64);
                    next = self.step(|conversation, out| {
                        let flow = conversation.received(piece, out);
                        flow.put(piece, out);
                        flow
                    });
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !is_alive(&link, fd, idle) {
                        return;
                    }
                }
                Err(error) => return self.failed(&error),
            }
        }
    }

    /// Begin the conversation.
    fn open(&mut self) -> Next {
        let service = Arc::clone(&self.link.state.shared.service);
        let remote = Remote::new(Arc::new(Poster(Arc::clone(self.link))));
        let (peer, conversation, out) = (self.peer, &mut self.conversation, &mut self.out);
        let flow = caught(|| {
            let mut remote = Some(remote);
            let mut flow = Flow::FAIL;
            service.batch(&mut || {
                if let Some(remote) = remote.take() {
                    flow = conversation.insert(service.open(peer, remote)).opened(out);
                }
            });
            flow
        });
        let next = self.follow(flow);
        self.resume(next)
    }

    /// Take one step of the conversation, and send all that it answers.
    fn step(&mut self, work: impl FnOnce(&mut dyn Conversation, &mut Vec<u8>) -> Flow) -> Next {
        let next = self.one_step(work);
        self.resume(next)
    }

    /// Go on for as long as the conversation has more to say.
    fn resume(&mut self, mut next: Next) -> Next {
        while next == Next::Resume {
            next = self.one_step(|conversation, out| conversation.resumed(out));
        }
        next
    }

    fn one_step(&mut self, work: impl FnOnce(&mut dyn Conversation, &mut Vec<u8>) -> Flow) -> Next {
        let Some(conversation) = &mut self.conversation else {
            return Next::Close;
        };
        let out = &mut self.out;
        let service = &self.link.state.shared.service;
        let flow = caught(|| {
            let mut work = Some(work);
            let mut flow = Flow::FAIL;
            service.batch(&mut || {
                if let Some(work) = work.take() {
                    flow = work(&mut **conversation, out);
                }
            });
            flow
        });
        self.follow(flow)
    }

    /// Do what a step asks for; `None` is a step that panicked.
    fn follow(&mut self, flow: Option<Flow>) -> Next {
        let stats = &self.link.state.shared.stats;
        let Some(flow) = flow else {
            Stats::add(&stats.errors, 1);
            self.link.state.shared.tell(&Notice::Panicked(self.peer));
            return Next::Close;
        };
        if flow.messages > 0 {
            Stats::add(&stats.messages, flow.messages.into());
        }
        if flow.failed {
            Stats::add(&stats.errors, 1);
        }
        if !(self.out.is_empty() && flow.delay.is_zero()) {
            if let Err(error) = self.link.deliver(&mut self.out, flow.delay) {
                self.failed(&error);
                return Next::Close;
            }
            if self.out.capacity() > KEPT {
                self.out = Vec::new();
            }
        }
        match flow {
            Flow {
                close: true,
                hear_out: true,
                ..
            } => Next::HearOut,
            Flow { close: true, .. } => Next::Close,
            Flow { more: true, .. } => Next::Resume,
            _ => Next::GoOn,
        }
    }

    /// Tell the client that this is the end, and let go of what it still sends.
    fn hear_out(&self, fd: BorrowedFd<'_>, room: &mut [u8]) {
        let mut left = HEARD_OUT;
        let mut open = sys::shutdown(fd, libc::SHUT_WR).is_ok();
        while open && left > 0 {
            match sys::io::recv(fd, &mut Target::from(&mut room[..]), 0) {
                Ok(count) => {
                    let bytes_in = &self.link.state.shared.stats.bytes_in;
                    Stats::add(bytes_in, count as u64);
                    open = count > 0;
                    left = left.saturating_sub(count);
                }
                // Whoever is silent for too long has been heard out, too.
                Err(error) => open = error.kind() == ErrorKind::Interrupted,
            }
        }
    }

    /// The client sends no more. It may still receive, if that is what the conversation wants.
    fn ended(&mut self, idle: Option<Duration>) {
        if self.step(|conversation, out| conversation.ended(out)) == Next::GoOn {
            self.link.wait_for_close(idle);
        }
    }

    /// Count a connection that broke, unless we broke it, or the client only took too long.
    fn failed(&self, error: &io::Error) {
        if error.kind() != ErrorKind::WouldBlock && !self.link.is_closing() {
            Stats::add(&self.link.state.shared.stats.errors, 1);
        }
    }

    /// End the conversation, and let it go where it may need an interpreter for that.
    fn end(&mut self) {
        // First what others have sent: nobody will be here to send it later.
        let _ = self.link.deliver(&mut Vec::new(), Duration::ZERO);
        self.link.retire();
        let Shared { stats, service, .. } = &*self.link.state.shared;
        let conversation = &mut self.conversation;
        let outcome = caught(|| {
            service.batch(&mut || {
                if let Some(mut conversation) = conversation.take() {
                    conversation.closed();
                }
            });
        });
        if outcome.is_none() {
            Stats::add(&stats.errors, 1);
            self.link.state.shared.tell(&Notice::Panicked(self.peer));
        }
    }
}

/// Wait for a client that sent nothing for long, if others sent something to it meanwhile; return
/// whether it said something in time.
fn is_alive(link: &Link, fd: BorrowedFd<'_>, idle: Option<Duration>) -> bool {
    while let Some(left) = link.idle_left(idle) {
        if poll::wait(fd, Readiness::Read, Some(left)).unwrap_or(false) {
            return true;
        }
    }
    false
}

/// Run what may panic, which is told by `None`.
fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    // What a conversation may have left half done is only closed and dropped afterwards.
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Let the kernel do the waiting, and end it.
fn set_blocking(fd: BorrowedFd<'_>, idle: Option<Duration>) -> io::Result<()> {
    sys::set_nonblocking(fd, false)?;
    // Zero would be for ever.
    let idle = idle.map(|idle| idle.clamp(Duration::from_millis(1), LONGEST));
    let socket = SockRef::from(&fd);
    socket.set_read_timeout(idle)?;
    socket.set_write_timeout(idle)
}
