//! What an engine is to the server that it runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::{Notice, Service, Settings, Stats};

/// How many bytes are let go of at the end of a connection, see [`super::Flow::hear_out`].
pub(super) const HEARD_OUT: usize = 16 << 20;

/// What a server and its engine both hold.
pub(super) struct Shared {
    pub(super) service: Arc<dyn Service>,
    pub(super) settings: Settings,
    pub(super) stats: Stats,
}

impl Shared {
    /// Tell what happened to whoever runs the server, whose panic is not the engine's end.
    pub(super) fn tell(&self, notice: &Notice<'_>) {
        if catch_unwind(AssertUnwindSafe(|| self.service.notice(notice))).is_err() {
            Stats::add(&self.stats.errors, 1);
        }
    }
}

/// An engine that runs: it was started with a listener and a [`Shared`].
pub(super) trait Engine: Send + Sync {
    /// Return how many connections there are.
    fn connections(&self) -> usize;

    /// Begin to end: accept no more, close every connection, wake whoever waits. Does not wait.
    fn stop(&self);

    /// Wait until everything that the engine started has ended, and return whether it has.
    fn join(&self, deadline: Instant) -> bool;

    /// As the process ends: accept no more, and end whatever is not a connection's own, without a
    /// word to the clients. The kernel closes their connections and the listener with the process.
    /// Return whether it ended in time.
    fn leave(&self, deadline: Instant) -> bool;

    /// In a child process, where none of the threads are: close its copies of the descriptors, as
    /// far as they can be reached, and wait for nothing.
    fn abandon(&self);
}
