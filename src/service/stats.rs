//! What a server has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that the engines keep, and anybody may read.
#[derive(Debug, Default)]
pub struct Stats {
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Connections closed again.
    pub closed: AtomicU64,
    /// Messages taken.
    pub messages: AtomicU64,
    /// Bytes received.
    pub bytes_in: AtomicU64,
    /// Bytes sent.
    pub bytes_out: AtomicU64,
    /// Clients turned away.
    pub refused: AtomicU64,
    /// Connections and conversations that failed.
    pub errors: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of Stats")]
pub struct Snapshot {
    pub accepted: u64,
    pub active: u64,
    pub closed: u64,
    pub messages: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub refused: u64,
    pub errors: u64,
}

impl Stats {
    /// Count up by so many.
    pub fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }

    /// Read all counters; those of connections under way may be a moment apart.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let closed = read(&self.closed);
        let accepted = read(&self.accepted);
        Snapshot {
            accepted,
            active: accepted.saturating_sub(closed),
            closed,
            messages: read(&self.messages),
            bytes_in: read(&self.bytes_in),
            bytes_out: read(&self.bytes_out),
            refused: read(&self.refused),
            errors: read(&self.errors),
        }
    }
}
