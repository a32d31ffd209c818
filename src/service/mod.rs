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
//! | `input`        | the room that both of them receive into                                |
//! | `mailbox`      | how other threads reach a connection                                   |
//! | `framing`      | where one message ends and the next begins                             |
//! | `template`     | answers that are made of a text with fields in it                      |
//! | `hello`        | the server of the tutorial                                             |
//! | `echo`         | the server that sends back what it gets                                |
//! | `pages`        | the server of a site, by HTTP                                          |
//! | `udp`          | the server of datagrams                                                |
//! | `client`       | clients, with deadlines                                                |
//! | `fetch`        | fetching over HTTP                                                     |

pub mod client;
pub mod conversation;
pub mod echo;
mod engine;
mod events;
pub mod fetch;
pub mod framing;
pub mod hello;
mod input;
pub mod listener;
mod mailbox;
pub mod pages;
pub mod server;
pub mod settings;
pub mod stats;
pub mod template;
mod threads;
pub mod udp;

pub use conversation::{Conversation, Flow, Lent, Notice, Remote, Service};
pub use listener::{Bound, ListenOptions, Listener, Place};
pub use server::Server;
pub use settings::{Concurrency, Settings};
pub use stats::{Snapshot, Stats};
