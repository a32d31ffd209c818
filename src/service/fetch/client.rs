//! The settings and connections that fetches share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::pool::Pool;
use super::tls::{Trust, Verify};
use crate::http::ConnectTo;

/// What all fetches of a client have in common.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose certificates are good.
    pub verify: Verify,
    /// Where to connect instead of where URLs say.
    pub connect_to: ConnectTo,
    /// How many connections are kept for later requests.
    pub max_idle: usize,
}

/// Fetches, and keeps connections for the next fetch. Many threads may use it.
#[derive(Debug)]
pub struct Client {
    pub(super) settings: Settings,
    pub(super) trust: Trust,
    pub(super) pool: Pool,
    pub(super) closed: Arc<AtomicBool>,
}

impl Client {
    /// Make a client. Nothing is read and nobody is asked until it fetches.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            trust: Trust::new(settings.verify.clone()),
            pool: Pool::new(settings.max_idle),
            settings,
            closed: Arc::default(),
        }
    }

    /// Return how many connections are kept.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.pool.len()
    }

    /// Return whether the client was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Close all connections; fetches under way end with [`Cause::Closed`](super::Cause::Closed),
    /// and so do later ones. Closing twice is no error.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.pool.close();
    }
}
