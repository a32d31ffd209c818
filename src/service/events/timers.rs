//! What a loop has to do at some time: delayed answers, and the look for idle clients.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use crate::service::mailbox::Key;

/// Connections that wait for their time, the earliest first.
#[derive(Default)]
pub(super) struct Timers(BinaryHeap<Reverse<(Instant, Key)>>);

impl Timers {
    pub(super) fn add(&mut self, at: Instant, key: Key) {
        self.0.push(Reverse((at, key)));
    }

    /// Return when the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// Take one that is due.
    pub(super) fn due(&mut self, now: Instant) -> Option<Key> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse((_, key))| key)
    }

    /// Forget connections that are gone, once they are most of what is here: a client that
    /// connects over and over does not make a long delay pile up.
    pub(super) fn tidy(&mut self, connections: usize, is_there: impl Fn(Key) -> bool) {
        if self.0.len() > 2 * connections + 64 {
            self.0.retain(|Reverse((_, key))| is_there(*key));
        }
    }
}

/// The rounds in which a loop looks for idle clients.
///
/// Looking at each connection now and then is cheaper than a timer for each, which every message
/// would have to move. So an idle client stays up to an eighth longer than it may.
pub(super) struct Rounds {
    start: Instant,
    limit: Duration,
    next: Instant,
}

impl Rounds {
    pub(super) fn new(limit: Option<Duration>) -> Self {
        let start = Instant::now();
        Self {
            start,
            limit: limit.unwrap_or(Duration::MAX),
            next: start,
        }
    }

    /// Return a moment in milliseconds, to be held against others by [`Rounds::is_idle`].
    pub(super) fn moment(&self, now: Instant) -> u32 {
        now.saturating_duration_since(self.start).as_millis() as u32
    }

    /// Return when the next round is, while there is anybody to look for.
    pub(super) fn next(&self) -> Option<Instant> {
        (self.limit != Duration::MAX).then_some(self.next)
    }

    /// Return whether it is time for a round, and begin it.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        if self.limit == Duration::MAX || now < self.next {
            return false;
        }
        self.next =
            now + (self.limit / 8).clamp(Duration::from_millis(10), Duration::from_secs(30));
        true
    }

    /// Return whether nothing has happened for too long.
    pub(super) fn is_idle(&self, last: u32, now: u32) -> bool {
        Duration::from_millis(now.wrapping_sub(last).into()) >= self.limit
    }
}
