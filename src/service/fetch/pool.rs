//! Connections that are kept for the next request.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::stream::Stream;
use crate::http::Proxy;

/// What a connection is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Whether it speaks TLS.
    pub(super) secure: bool,
    /// The server that requests are for; none with a proxy that takes them for any.
    pub(super) host: String,
    /// Its port.
    pub(super) port: u16,
    /// Where it leads in fact, and the proxy that is there.
    pub(super) by: (String, Option<Proxy>),
}

/// Connections nobody uses, those used last at the end.
#[derive(Debug)]
pub(super) struct Pool {
    kept: Mutex<Kept>,
    most: usize,
    /// The process that made them: a forked child must not talk on its parent's connections.
    owner: AtomicU32,
}

#[derive(Debug, Default)]
struct Kept {
    idle: VecDeque<(Key, Stream)>,
    closed: bool,
}

impl Pool {
    pub(super) fn new(most: usize) -> Self {
        Self {
            kept: Mutex::default(),
            most,
            owner: AtomicU32::new(std::process::id()),
        }
    }

    /// Return whether it keeps any.
    pub(super) const fn keeps(&self) -> bool {
        self.most > 0
    }

    /// Take the connection that was used last of those that are good for this, and still quiet.
    pub(super) fn take(&self, key: &Key) -> Option<Stream> {
        if self.most == 0 {
            return None;
        }
        loop {
            let mut stream = {
                let mut kept = self.kept()?;
                let place = kept.idle.iter().rposition(|(other, _)| other == key)?;
                kept.idle.remove(place)?.1
            };
            if stream.is_quiet() {
                return Some(stream);
            }
        }
    }

    /// Keep a connection; the one that was used least recently makes room for it.
    pub(super) fn put(&self, key: Key, stream: Stream) {
        if self.most == 0 {
            return stream.close();
        }
        let leaving = match self.kept() {
            Some(mut kept) if !kept.closed => {
                kept.idle.push_back((key, stream));
                match kept.idle.len() > self.most {
                    true => kept.idle.pop_front().map(|(_, stream)| stream),
                    false => None,
                }
            }
            _ => Some(stream),
        };
        leaving.into_iter().for_each(Stream::close);
    }

    /// Return how many connections are kept.
    pub(super) fn len(&self) -> usize {
        self.kept().map_or(0, |kept| kept.idle.len())
    }

    /// Close all of them, and keep none from here on.
    pub(super) fn close(&self) {
        let idle = match self.kept() {
            Some(mut kept) => {
                kept.closed = true;
                std::mem::take(&mut kept.idle)
            }
            None => return,
        };
        idle.into_iter().for_each(|(_, stream)| stream.close());
    }

    /// Lock the connections; in a forked child there are none at first.
    ///
    /// There only the descriptors of the parent's are closed: a word of farewell would end them
    /// for the parent too. And a lock that was held at the fork is never let go: then the child
    /// does without.
    fn kept(&self) -> Option<MutexGuard<'_, Kept>> {
        let process = std::process::id();
        if self.owner.load(Ordering::Relaxed) == process {
            return Some(self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        }
        let mut kept = self.kept.try_lock().ok()?;
        kept.idle.clear();
        self.owner.store(process, Ordering::Relaxed);
        Some(kept)
    }
}
