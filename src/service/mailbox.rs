//! How other threads reach a connection that an event loop looks after.
//!
//! Each connection has a [`Line`], on which bytes collect; each loop has a [`Mailbox`], which says
//! on which lines there is something. However much is posted while the loop is busy or before it
//! has woken, it is woken once, and a connection's bytes are sent together.

use std::io;
use std::mem;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mio::Waker;
use socket2::{SockAddr, Socket};

use super::conversation::Post;

/// Lock what no panic can leave half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which connection of a loop is meant. A slot is used again, a key never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// A client that was accepted and nobody has greeted yet.
pub(super) struct Arrival {
    pub(super) socket: Socket,
    pub(super) peer: SockAddr,
}

/// What a loop finds in its mailbox.
pub(super) enum Item {
    /// A client that another loop has accepted.
    Arrived(Box<Arrival>),
    /// There is something on the line of a connection.
    Attend(Key),
}

/// The loop sleeps, or is about to.
const ASLEEP: u8 = 0;
/// The loop works, and looks into the mailbox before it sleeps.
const AWAKE: u8 = 1;
/// There is something in the mailbox, and the loop is awake or being woken.
const POSTED: u8 = 2;

#[derive(Default)]
struct Posts {
    items: Vec<Item>,
    /// The loop has ended.
    closed: bool,
}

/// Where a loop takes what other threads want of it.
pub(super) struct Mailbox {
    posts: Mutex<Posts>,
    state: AtomicU8,
    waker: Waker,
}

impl Mailbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self {
            posts: Mutex::default(),
            state: AtomicU8::new(AWAKE),
            waker,
        }
    }

    /// Put something in, and wake the loop if it sleeps. Errors: the thing itself, if the loop has
    /// ended.
    pub(super) fn post(&self, item: Item) -> Result<(), Item> {
        let mut posts = lock(&self.posts);
        if posts.closed {
            return Err(item);
        }
        posts.items.push(item);
        drop(posts);
        self.nudge();
        Ok(())
    }

    /// Take no more.
    pub(super) fn close(&self) {
        lock(&self.posts).closed = true;
    }

    /// Let the loop look around soon.
    pub(super) fn nudge(&self) {
        if self.state.swap(POSTED, Ordering::SeqCst) == ASLEEP {
            // The only error is that of a full counter, which has then woken the loop.
            let _: io::Result<()> = self.waker.wake();
        }
    }

    /// Return whether there is something to take.
    pub(super) fn has_posts(&self) -> bool {
        self.state.load(Ordering::Acquire) == POSTED
    }

    /// Take all there is; `items` is empty, and its room is used for what comes next.
    pub(super) fn take(&self, items: &mut Vec<Item>) {
        // In this order: what is posted between the two is taken now, and looked for once more.
        self.state.store(AWAKE, Ordering::SeqCst);
        mem::swap(&mut lock(&self.posts).items, items);
    }

    /// Return whether the loop may sleep: nothing has been posted since it last looked.
    pub(super) fn fall_asleep(&self) -> bool {
        self.change(AWAKE, ASLEEP)
    }

    /// Spare whoever posts from now on the wake-up.
    pub(super) fn wake_up(&self) {
        self.change(ASLEEP, AWAKE);
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.state
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }
}

/// What waits on a line.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    close: bool,
    /// The loop has been told.
    told: bool,
    gone: bool,
}

/// One connection, as other threads reach it.
pub(super) struct Line {
    mailbox: Arc<Mailbox>,
    key: Key,
    limit: usize,
    waiting: Mutex<Waiting>,
    /// How many bytes the connection keeps since the kernel does not take them yet.
    kept: AtomicUsize,
}

impl Line {
    pub(super) fn new(mailbox: Arc<Mailbox>, key: Key, limit: usize) -> Self {
        Self {
            mailbox,
            key,
            limit,
            waiting: Mutex::default(),
            kept: AtomicUsize::new(0),
        }
    }

    /// Say how many bytes the connection keeps.
    pub(super) fn set_kept(&self, kept: usize) {
        self.kept.store(kept, Ordering::Relaxed);
    }

    /// Take what is to be sent, and whether to close afterwards.
    pub(super) fn take(&self) -> (Vec<u8>, bool) {
        let mut waiting = lock(&self.waiting);
        waiting.told = false;
        // Never uncounted, or who sends right now would find more room than there is.
        self.kept.fetch_add(waiting.bytes.len(), Ordering::Relaxed);
        (mem::take(&mut waiting.bytes), waiting.close)
    }

    /// Take no more posts: the connection is gone.
    pub(super) fn hang_up(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.gone = true;
        waiting.bytes = Vec::new();
    }

    /// Return whether less waits than may. At a limit of 0, too, one answer may go beyond.
    fn has_room(&self, waiting: &Waiting, beside: usize) -> bool {
        let held = waiting.bytes.len() + self.kept.load(Ordering::Relaxed);
        held + beside < self.limit.max(1)
    }

    fn tell(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let told = mem::replace(&mut waiting.told, true);
        drop(waiting);
        if !told {
            // A loop that has ended has closed its connections.
            let _ = self.mailbox.post(Item::Attend(self.key));
        }
    }
}

impl Post for Line {
    fn send(&self, bytes: Vec<u8>) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiting.gone || waiting.close {
            return false;
        }
        if bytes.is_empty() {
            return true;
        }
        if !self.has_room(&waiting, 0) {
            return false;
        }
        if waiting.bytes.is_empty() {
            waiting.bytes = bytes;
        } else {
            waiting.bytes.extend_from_slice(&bytes);
        }
        self.tell(waiting);
        true
    }

    fn takes(&self, beside: usize) -> bool {
        let waiting = lock(&self.waiting);
        !waiting.gone && !waiting.close && self.has_room(&waiting, beside)
    }

    fn close(&self) {
        let mut waiting = lock(&self.waiting);
        if !waiting.gone && !mem::replace(&mut waiting.close, true) {
            self.tell(waiting);
        }
    }
}
