//! What the thread of a connection does.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockAddr, SockRef};

use super::LONGEST;
use super::link::{Link, Poster};
use crate::service::engine::{HEARD_OUT, Shared};
use crate::service::input::Input;
use crate::service::{Conversation, Flow, Notice, Remote, Stats};
use crate::sys;
use crate::sys::io::Target;
use crate::sys::poll::{self, Readiness};

/// How much room for answers a connection keeps; what a larger one needed is given back.
const KEPT: usize = 64 << 10;

/// One conversation, in the thread that has it.
pub(super) struct Talk<'a> {
    link: &'a Arc<Link>,
    peer: &'a SockAddr,
    conversation: Option<Box<dyn Conversation>>,
    input: Input,
    /// What a step answers.
    out: Vec<u8>,
}

/// One step of a conversation: it is given the piece that was received, and where to answer.
type Step = fn(&mut dyn Conversation, &[u8], &mut Vec<u8>) -> Flow;

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

impl<'a> Talk<'a> {
    pub(super) fn new(link: &'a Arc<Link>, peer: &'a SockAddr) -> Self {
        Self {
            link,
            peer,
            conversation: None,
            input: Input::new(link.state.shared.settings.receive_size),
            out: Vec::new(),
        }
    }

    /// Serve the client from its greeting to its end.
    pub(super) fn run(&mut self) {
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
        loop {
            match next {
                Next::GoOn | Next::Resume => {}
                Next::HearOut => return self.hear_out(fd),
                Next::Close => return,
            }
            match sys::io::recv(fd, &mut Target::from(self.input.room()), 0) {
                // What comes after a close that was asked for is nobody's any more.
                Ok(_) if link.is_closing() => return,
                Ok(0) => return self.ended(idle),
                Ok(count) => {
                    Stats::add(&link.state.shared.stats.bytes_in, count as u64);
                    next = self.step(count, |conversation, piece, out| {
                        conversation.received(piece, out)
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
                    let conversation = conversation.insert(service.open(peer, remote));
                    flow = conversation.opened(out);
                    settle(&mut **conversation, &mut flow, out);
                }
            });
            flow
        });
        let next = self.follow(flow, 0);
        self.resume(next)
    }

    /// Take one step of the conversation, with a piece of so many bytes, and send all that it
    /// answers.
    fn step(&mut self, received: usize, work: Step) -> Next {
        let next = self.one_step(received, work);
        self.resume(next)
    }

    /// Go on for as long as the conversation has more to say.
    fn resume(&mut self, mut next: Next) -> Next {
        while next == Next::Resume {
            next = self.one_step(0, |conversation, _, out| conversation.resumed(out));
        }
        next
    }

    fn one_step(&mut self, received: usize, work: Step) -> Next {
        let Some(conversation) = &mut self.conversation else {
            return Next::Close;
        };
        let (piece, out) = (self.input.piece(received), &mut self.out);
        let service = &self.link.state.shared.service;
        let flow = caught(|| {
            let mut flow = Flow::FAIL;
            service.batch(&mut || {
                flow = work(&mut **conversation, piece, out);
                settle(&mut **conversation, &mut flow, out);
            });
            flow
        });
        self.follow(flow, received)
    }

    /// Do what a step asks for; `None` is a step that panicked.
    fn follow(&mut self, flow: Option<Flow>, received: usize) -> Next {
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
        let answer = self.input.answer(received, &flow, &mut self.out);
        if !(answer.is_empty() && flow.delay.is_zero()) {
            if let Err(error) = self.link.deliver(answer, flow.delay) {
                self.failed(&error);
                return Next::Close;
            }
            self.out.clear();
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
    fn hear_out(&mut self, fd: BorrowedFd<'_>) {
        let mut left = HEARD_OUT;
        let mut open = sys::shutdown(fd, libc::SHUT_WR).is_ok();
        while open && left > 0 {
            match sys::io::recv(fd, &mut Target::from(self.input.room()), 0) {
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
        if self.step(0, |conversation, _, out| conversation.ended(out)) == Next::GoOn {
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
    pub(super) fn end(&mut self) {
        // First what others have sent: nobody will be here to send it later.
        let _ = self.link.deliver(&[], Duration::ZERO);
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

/// Copy what a step lends: it has to be given back before the batch ends, and is sent after that.
fn settle(conversation: &mut dyn Conversation, flow: &mut Flow, out: &mut Vec<u8>) {
    if let Some(lent) = conversation.lend() {
        out.clear();
        out.extend_from_slice((*lent).as_ref());
        flow.piece_at = None;
    }
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
