//! Where clients come in.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use socket2::Socket;

use super::Common;
use crate::service::engine::Shared;
use crate::service::listener::is_exhausted;
use crate::service::mailbox::Arrival;
use crate::service::{Listener, Notice, Stats};

/// How long the listener is left alone when there is nothing to accept with.
const PAUSE: Duration = Duration::from_millis(100);
/// How many clients are let in before those that are in get their turn.
const AT_ONCE: usize = 256;

/// The listener, and whether there is any use in asking it.
pub(super) struct Door {
    listener: Listener,
    /// There may be clients. The kernel says so once, so it is remembered.
    pub(super) ready: bool,
    /// Leave the listener alone until then.
    retry: Option<Instant>,
    /// It was told that there are no descriptors.
    told: bool,
}

impl Door {
    pub(super) fn new(listener: Listener) -> Self {
        Self {
            listener,
            ready: true,
            retry: None,
            told: false,
        }
    }

    /// Return when to come back, if the listener is left alone.
    pub(super) fn retry(&self) -> Option<Instant> {
        self.retry
    }

    /// Return whether there may be somebody to let in right now.
    pub(super) fn is_open(&self) -> bool {
        self.ready && self.retry.is_none()
    }

    /// Take the way to the listener away, which itself stays as it is.
    pub(super) fn unlink(&self) {
        self.listener.unlink();
    }

    /// A descriptor is free again.
    pub(super) fn unblock(&mut self) {
        self.retry = None;
    }

    /// Let in who waits, up to a bound, and hand them to `greet`.
    pub(super) fn accept(
        &mut self,
        now: Instant,
        shared: &Shared,
        common: &Common,
        mut greet: impl FnMut(Arrival),
    ) {
        if self.retry.is_some_and(|retry| retry <= now) {
            self.retry = None;
        }
        if !self.is_open() {
            return;
        }
        for _ in 0..AT_ONCE {
            let (fd, peer) = match self.listener.accept() {
                Ok(Some(accepted)) => accepted,
                Ok(None) => {
                    self.ready = false;
                    self.told = false;
                    return;
                }
                Err(error) => return self.pause(now, shared, &error),
            };
            let socket = Socket::from(fd);
            if common.connections.load(Ordering::Relaxed) >= shared.settings.max_connections {
                Stats::add(&shared.stats.refused, 1);
                drop(socket);
                shared.tell(&Notice::Refused(&peer));
                continue;
            }
            common.connections.fetch_add(1, Ordering::Relaxed);
            Stats::add(&shared.stats.accepted, 1);
            shared.tell(&Notice::Accepted(&peer));
            greet(Arrival { socket, peer });
        }
    }

    /// Leave the listener alone: asking again at once would only burn the processor.
    fn pause(&mut self, now: Instant, shared: &Shared, error: &io::Error) {
        self.retry = Some(now + PAUSE);
        if !is_exhausted(error) {
            Stats::add(&shared.stats.errors, 1);
        } else if !self.told {
            self.told = true;
            shared.tell(&Notice::Exhausted);
        }
    }
}
