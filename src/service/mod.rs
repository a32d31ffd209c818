//! What runs: servers, the two ways of running them, and clients. No Python.
//!
//! | file           | holds                                                                  |
//! |----------------|------------------------------------------------------------------------|
//! | `conversation` | what a server says: bytes in, bytes out, no I/O                        |
//! | `settings`     | limits, and how a server is run                                        |
//! | `stats`        | what a server has done so far                                          |
//! | `engine`       | what an engine is to the server that it runs                            |
//! | `server`       | start, stop, wait: one handle for both engines                         |
//! | `listener`     | where a server listens: addresses, paths, descriptors                  |
//! | `events`       | the engine in which a few threads share all connections                |
//! | `threads`      | the engine with a thread for each connection                           |
//! | `mailbox`      | how other threads reach a connection                                   |

pub mod conversation;
mod engine;
mod events;
pub mod listener;
mod mailbox;
pub mod server;
pub mod settings;
pub mod stats;
mod threads;

pub use conversation::{Conversation, Flow, Notice, Remote, Service};
pub use listener::{Bound, ListenOptions, Listener, Place};
pub use server::Server;
pub use settings::{Concurrency, Settings};
pub use stats::{Snapshot, Stats};
