//! The threads that a server started: who they are, and how to be rid of them.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, Builder, JoinHandle};
use std::time::Instant;

use super::link::Link;

/// All threads of one engine.
///
/// Each that ends joins the one that ended before it, so that no stack is kept for long, and the
/// last is joined by whoever joins the crew.
#[derive(Default)]
pub(super) struct Crew {
    members: Mutex<Members>,
    /// Hardly anybody is left, or one less who serves no connection.
    few: Condvar,
}

#[derive(Default)]
struct Members {
    known: HashMap<u64, Member>,
    next: u64,
    ended: Option<JoinHandle<()>>,
    dismissed: bool,
}

struct Member {
    handle: JoinHandle<()>,
    link: Option<Arc<Link>>,
}

impl Members {
    /// Return whether there are threads that serve no connection.
    fn has_unlinked(&self) -> bool {
        self.known.values().any(|member| member.link.is_none())
    }
}

impl Crew {
    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Start a thread that is told its number. It has to make a [`Leaving`] of that, to be
    /// dropped last.
    ///
    /// Errors: EAGAIN when there may be no more threads; ECANCELED when the crew is dismissed.
    pub(super) fn spawn(
        &self,
        builder: Builder,
        link: Option<Arc<Link>>,
        work: impl FnOnce(u64) + Send + 'static,
    ) -> io::Result<()> {
        // Held until the handle is in its place: the thread looks for it there when it ends.
        let mut members = self.lock();
        if members.dismissed {
            return Err(io::Error::from_raw_os_error(libc::ECANCELED));
        }
        let number = members.next;
        members.next += 1;
        let handle = builder.spawn(move || work(number))?;
        members.known.insert(number, Member { handle, link });
        Ok(())
    }

    /// Return the guard with which a thread leaves.
    pub(super) fn leaving(&self, number: u64) -> Leaving<'_> {
        Leaving { crew: self, number }
    }

    /// Return whether the crew was dismissed.
    pub(super) fn is_dismissed(&self) -> bool {
        self.lock().dismissed
    }

    /// Let nobody join any more, and return the connections that are still served.
    pub(super) fn dismiss(&self) -> Vec<Arc<Link>> {
        let mut members = self.lock();
        members.dismissed = true;
        let links = members.known.values();
        links.filter_map(|member| member.link.clone()).collect()
    }

    /// Return the connections, in a child process that has none of the threads, if a thread did
    /// not happen to be looking at them when it was forked.
    pub(super) fn abandoned(&self) -> Vec<Arc<Link>> {
        let members = match self.members.try_lock() {
            Ok(members) => members,
            Err(TryLockError::Poisoned(members)) => members.into_inner(),
            Err(TryLockError::WouldBlock) => return Vec::new(),
        };
        let links = members.known.values();
        links.filter_map(|member| member.link.clone()).collect()
    }

    /// Wait until all have left but those who serve a connection, and return whether they have.
    pub(super) fn join_unlinked(&self, deadline: Instant) -> bool {
        let time = deadline.saturating_duration_since(Instant::now());
        let waited = self
            .few
            .wait_timeout_while(self.lock(), time, |members| members.has_unlinked());
        let members = waited.unwrap_or_else(PoisonError::into_inner).0;
        !members.has_unlinked()
    }

    /// Wait until everybody has left, and return whether they have. A member that asks does not
    /// wait for itself, and is told that it has not.
    pub(super) fn join(&self, deadline: Instant) -> bool {
        let time = deadline.saturating_duration_since(Instant::now());
        let members = self.lock();
        let me = thread::current().id();
        let threads = members.known.values();
        let remaining = threads
            .filter(|member| member.handle.thread().id() == me)
            .count();
        let mut members = self
            .few
            .wait_timeout_while(members, time, |members| members.known.len() > remaining)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        let ended = members.ended.take();
        let complete = members.known.is_empty();
        drop(members);
        join(ended);
        complete
    }
}

/// Join a thread that does nothing any more.
fn join(ended: Option<JoinHandle<()>>) {
    if let Some(ended) = ended {
        // What it may have panicked with was told when it happened.
        let _ = ended.join();
    }
}

/// A thread that is about to end.
pub(super) struct Leaving<'a> {
    crew: &'a Crew,
    number: u64,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut members = self.crew.lock();
        let own = members.known.remove(&self.number);
        let (own, link) = own.map(|member| (member.handle, member.link)).unzip();
        let link = link.flatten();
        let before = std::mem::replace(&mut members.ended, own);
        // One may be left that waits for the others.
        if members.known.len() < 2 || link.is_none() {
            self.crew.few.notify_all();
        }
        drop(members);
        drop(link);
        join(before);
    }
}
