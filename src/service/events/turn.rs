//! What an event loop does between two waits.

mod answer;

use std::mem;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Token};
use socket2::SockAddr;

use super::Common;
use super::connection::{Connection, Received};
use super::door::Door;
use super::registry::Registry;
use super::timers::{Rounds, Timers};
use crate::service::engine::Shared;
use crate::service::input::Input;
use crate::service::mailbox::{Arrival, Item, Key, Line, Mailbox};
use crate::service::{Notice, Remote, Stats};

/// The mailbox has something.
pub(super) const WAKE: Token = Token(0);
/// The listener has something.
pub(super) const DOOR: Token = Token(1);
/// The first connection.
const FIRST: usize = 2;

/// How many full buffers are received from one connection before the others get their turn.
const PIECES: usize = 4;
/// What a conversation is told.
#[derive(Clone, Copy)]
enum Step {
    Opened,
    Received(usize),
    Resumed,
    Ended,
}

/// What to tell when no batch is under way.
enum Told {
    Closed(SockAddr),
    Panicked(SockAddr),
}

/// All that one event loop has, but for what it waits with.
pub(super) struct Turn {
    shared: Arc<Shared>,
    common: Arc<Common>,
    /// Which of the loops it is.
    number: usize,
    poll: mio::Registry,
    pub(super) door: Option<Door>,
    pub(super) registry: Registry,
    mailbox: Arc<Mailbox>,
    timers: Timers,
    rounds: Rounds,
    /// When this turn began: the clock is not read for each message.
    now: Instant,
    moment: u32,
    arrivals: Vec<Arrival>,
    /// Which loop gets the next client.
    next_loop: usize,
    /// Those with more to receive than one turn allows.
    again: Vec<Key>,
    /// Those of the turn before.
    before: Vec<Key>,
    idle: Vec<Key>,
    items: Vec<Item>,
    told: Vec<Told>,
    /// What is received, by whichever connection it is.
    input: Input,
    /// What a conversation answers.
    out: Vec<u8>,
}

impl Turn {
    pub(super) fn new(
        shared: Arc<Shared>,
        common: Arc<Common>,
        number: usize,
        poll: mio::Registry,
        door: Option<Door>,
    ) -> Self {
        Self {
            number,
            poll,
            door,
            registry: Registry::default(),
            mailbox: Arc::clone(&common.mailboxes[number]),
            timers: Timers::default(),
            rounds: Rounds::new(shared.settings.idle_timeout),
            now: Instant::now(),
            moment: 0,
            arrivals: Vec::new(),
            next_loop: 0,
            again: Vec::new(),
            before: Vec::new(),
            idle: Vec::new(),
            items: Vec::new(),
            told: Vec::new(),
            input: Input::new(shared.settings.receive_size),
            out: Vec::new(),
            shared,
            common,
        }
    }

    /// Return how long there is nothing to do unless something happens; `None` is for ever.
    pub(super) fn patience(&self) -> Option<Duration> {
        let door = self.door.as_ref();
        let busy = !self.again.is_empty() || !self.arrivals.is_empty();
        if busy || door.is_some_and(Door::is_open) {
            return Some(Duration::ZERO);
        }
        let rounds = if self.registry.len() > 0 {
            self.rounds.next()
        } else {
            None
        };
        let retry = door.and_then(Door::retry);
        let next = [self.timers.next(), rounds, retry]
            .into_iter()
            .flatten()
            .min()?;
        // Held against the turn's moment: a clock read less, and late by a turn at most.
        Some(next.saturating_duration_since(self.now))
    }

    /// Do all that is to be done now.
    pub(super) fn take(&mut self, events: &Events) {
        let now = Instant::now();
        (self.now, self.moment) = (now, self.rounds.moment(now));
        let shared = Arc::clone(&self.shared);
        self.accept(now, events);
        if self.registry.len() > 0 && self.rounds.begin(now) {
            let idle = self.registry.iter().filter(|(_, connection)| {
                !connection.delayed && self.rounds.is_idle(connection.last, self.moment)
            });
            self.idle.extend(idle.map(|(key, _)| key));
        }
        if self.has_work(now, events) {
            let mut work = || self.work(now, events);
            let batch = AssertUnwindSafe(|| shared.service.batch(&mut work));
            if catch_unwind(batch).is_err() {
                Stats::add(&shared.stats.errors, 1);
            }
        }
        self.tell();
    }

    /// Close everything.
    pub(super) fn finish(&mut self) {
        let shared = Arc::clone(&self.shared);
        self.door = None;
        self.mailbox.close();
        let mut work = || {
            self.attend();
            // They are counted as any others, though nobody has greeted them.
            for arrival in mem::take(&mut self.arrivals) {
                self.forget(arrival.peer);
            }
            let all: Vec<Key> = self.registry.iter().map(|(key, _)| key).collect();
            for key in all {
                self.close(key);
            }
        };
        if catch_unwind(AssertUnwindSafe(|| shared.service.batch(&mut work))).is_err() {
            Stats::add(&shared.stats.errors, 1);
        }
        // What is left if the batch never ran.
        self.registry = Registry::default();
        self.tell();
    }

    fn has_work(&self, now: Instant, events: &Events) -> bool {
        !self.arrivals.is_empty()
            || !self.again.is_empty()
            || !self.idle.is_empty()
            || self.mailbox.has_posts()
            || self.timers.next().is_some_and(|next| next <= now)
            || events.iter().any(|event| event.token().0 >= FIRST)
    }

    fn accept(&mut self, now: Instant, events: &Events) {
        let Some(door) = &mut self.door else { return };
        if !door.ready {
            door.ready = events.iter().any(|event| event.token() == DOOR);
        }
        let mailboxes = &self.common.mailboxes;
        door.accept(now, &self.shared, &self.common, |arrival| {
            self.next_loop = (self.next_loop + 1) % mailboxes.len();
            if self.next_loop == self.number {
                self.arrivals.push(arrival);
                return;
            }
            let item = Item::Arrived(Box::new(arrival));
            if let Err(Item::Arrived(arrival)) = mailboxes[self.next_loop].post(item) {
                // That loop has ended: the server stops, and this one is about to.
                self.arrivals.push(*arrival);
            }
        });
    }

    fn work(&mut self, now: Instant, events: &Events) {
        self.welcome();
        mem::swap(&mut self.again, &mut self.before);
        for event in events.iter().filter(|event| event.token().0 >= FIRST) {
            self.happened(event);
        }
        let mut before = mem::take(&mut self.before);
        for key in before.drain(..) {
            if let Some(connection) = self.registry.get(key) {
                connection.queued = false;
                self.drive(key);
            }
        }
        self.before = before;
        while let Some(key) = self.timers.due(now) {
            if let Some(connection) = self.registry.get(key) {
                connection.delayed = false;
                connection.last = self.moment;
                self.flush(key);
                self.drive(key);
            }
        }
        for key in mem::take(&mut self.idle) {
            self.close(key);
        }
        if self.mailbox.has_posts() {
            self.attend();
            self.welcome();
        }
        self.registry.end_turn();
        self.timers
            .tidy(self.registry.len(), |key| self.registry.contains(key));
    }

    /// Tell what happened, now that no batch is under way.
    fn tell(&mut self) {
        for told in self.told.drain(..) {
            let notice = match &told {
                Told::Closed(peer) => Notice::Closed(peer),
                Told::Panicked(peer) => Notice::Panicked(peer),
            };
            self.shared.tell(&notice);
        }
    }

    /// Take what other threads want.
    fn attend(&mut self) {
        let mut items = mem::take(&mut self.items);
        self.mailbox.take(&mut items);
        for item in items.drain(..) {
            match item {
                Item::Arrived(arrival) => self.arrivals.push(*arrival),
                Item::Attend(key) => {
                    let Some(connection) = self.registry.get(key) else {
                        continue;
                    };
                    let (bytes, close) = connection.line.take();
                    connection.kept.push_owned(bytes);
                    connection.line.set_kept(connection.kept.len());
                    connection.closing |= close;
                    self.flush(key);
                }
            }
        }
        self.items = items;
    }

    /// Begin with those who came.
    fn welcome(&mut self) {
        for arrival in mem::take(&mut self.arrivals) {
            self.open(arrival);
        }
    }

    fn open(&mut self, arrival: Arrival) {
        let Arrival { socket, peer } = arrival;
        let key = self.registry.reserve();
        let limit = self.shared.settings.max_pending;
        let line = Arc::new(Line::new(Arc::clone(&self.mailbox), key, limit));
        let remote = Remote::new(line.clone());
        let open = AssertUnwindSafe(|| self.shared.service.open(&peer, remote));
        let Ok(conversation) = catch_unwind(open) else {
            self.registry.remove(key);
            Stats::add(&self.shared.stats.errors, 1);
            self.told.push(Told::Panicked(peer.clone()));
            return self.forget(peer);
        };
        let connection = Connection::new(socket, conversation, line, peer, self.moment);
        let fd = connection.socket.as_raw_fd();
        let token = Token(key.index as usize + FIRST);
        self.registry.fill(key, connection);
        match self.poll.register(&mut SourceFd(&fd), token, interest()) {
            Ok(()) => {
                self.step(key, Step::Opened);
                self.drive(key);
            }
            Err(_) => self.fail(key),
        }
    }

    /// Take what the kernel tells of a connection.
    fn happened(&mut self, event: &Event) {
        let Some(key) = self.registry.key(event.token().0 - FIRST) else {
            return;
        };
        let Some(connection) = self.registry.get(key) else {
            return;
        };
        connection.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        connection.hung |= event.is_read_closed();
        connection.thorough |= event.is_priority();
        if event.is_writable() && connection.refused {
            connection.refused = false;
            self.flush(key);
        }
        let max_pending = self.shared.settings.max_pending;
        match self.registry.get(key) {
            // Nothing that is received now would tell of it.
            Some(connection) if event.is_error() && !connection.wants_input(max_pending) => {
                self.fail(key);
            }
            Some(_) => self.drive(key),
            None => {}
        }
    }

    /// Receive and answer, and go on with long answers, up to a bound.
    fn drive(&mut self, key: Key) {
        let max_pending = self.shared.settings.max_pending;
        for _ in 0..PIECES {
            let Some(connection) = self.registry.get(key) else {
                return;
            };
            if connection.resumes() {
                self.step(key, Step::Resumed);
                continue;
            }
            if !connection.wants_input(max_pending) {
                return;
            }
            match connection.receive(self.input.room()) {
                Ok(Received::Nothing) => return,
                Ok(Received::Piece(count)) => {
                    connection.last = self.moment;
                    Stats::add(&self.shared.stats.bytes_in, count as u64);
                    if connection.deaf {
                        if connection.let_go(count) {
                            continue;
                        }
                        return self.close(key);
                    }
                    self.step(key, Step::Received(count));
                }
                Ok(Received::End) | Err(_) if connection.deaf => return self.close(key),
                Ok(Received::End) => self.step(key, Step::Ended),
                Err(_) => return self.fail(key),
            }
        }
        let Some(connection) = self.registry.get(key) else {
            return;
        };
        let busy = connection.resumes() || connection.wants_input(max_pending);
        if busy && !mem::replace(&mut connection.queued, true) {
            self.again.push(key);
        }
    }

    /// Let the conversation go on, and send what it answers.
    fn step(&mut self, key: Key, step: Step) {
        let Some(connection) = self.registry.get(key) else {
            return;
        };
        self.out.clear();
        let (input, out) = (&self.input, &mut self.out);
        let conversation = &mut connection.conversation;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let flow = match step {
                Step::Opened => conversation.opened(out),
                Step::Received(count) => conversation.received(input.piece(count), out),
                Step::Resumed => conversation.resumed(out),
                Step::Ended => conversation.ended(out),
            };
            (flow, conversation.lend())
        }));
        let Ok((flow, lent)) = outcome else {
            self.told.push(Told::Panicked(connection.peer.clone()));
            return self.fail(key);
        };
        if flow.messages > 0 {
            Stats::add(&self.shared.stats.messages, flow.messages.into());
        }
        if flow.failed {
            Stats::add(&self.shared.stats.errors, 1);
        }
        if self.mailbox.has_posts() {
            // What the conversation itself has posted goes before what it returned.
            connection.delayed = true;
            self.attend();
            let Some(connection) = self.registry.get(key) else {
                return;
            };
            connection.delayed = false;
        }
        let received = match step {
            Step::Received(count) => count,
            Step::Opened | Step::Resumed | Step::Ended => 0,
        };
        self.answer(key, flow, received, lent);
    }
}

/// What the kernel is asked to tell of a connection.
fn interest() -> Interest {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return Interest::READABLE | Interest::PRIORITY;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    return Interest::READABLE;
}
