//! Limits of a server, and how it is run.

use std::time::Duration;

/// Who runs the connections of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// A few threads share all connections through the kernel's readiness queue.
    Events,
    /// Each connection has a thread of its own.
    Threads,
}

/// How a server is run, and what it puts up with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who runs the connections.
    pub concurrency: Concurrency,
    /// How many threads share the connections, if they are shared.
    pub event_threads: usize,
    /// How many connections there may be; a further client is accepted and closed at once.
    pub max_connections: usize,
    /// How long a connection may go without a byte in either direction; `None` is for ever.
    pub idle_timeout: Option<Duration>,
    /// How many bytes may wait for a client that does not take them. Then nothing more is received
    /// from it until it has; a single answer may go beyond.
    pub max_pending: usize,
    /// How many bytes are received at once.
    ///
    /// Whoever receives as much looks again for more, which is a system call for nothing if there
    /// is none: let it not be the size of a message, as powers of two are.
    pub receive_size: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrency: Concurrency::Events,
            event_threads: 1,
            max_connections: 16_384,
            idle_timeout: Some(Duration::from_secs(600)),
            max_pending: 1 << 20,
            receive_size: 68 << 10,
        }
    }
}
