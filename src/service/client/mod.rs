//! Clients: one connection each, whose calls end at a deadline.
//!
//! | file          | holds                                                             |
//! |---------------|-------------------------------------------------------------------|
//! | `tcp`         | the client of a stream: pieces, lines, questions and answers      |
//! | `udp`         | the client that asks with datagrams, and asks again               |
//! | `destination` | where a client connects to, by name, number or path               |
//! | `link`        | what both share: connecting, closing under use, the words of errors |
//! | `failure`     | what a call fails with                                            |
//! | `inbox`       | what was received and not taken yet; no I/O                       |
//! | `turns`       | threads that want the same thing, one after the other             |
//!
//! All calls take a [`Caller`](crate::net::Caller), so that an interpreter runs others meanwhile
//! and signals are noticed. A client may be used from many threads: one at a time sends, one at a
//! time receives, and the others wait for their turn until their own deadline.

mod destination;
mod failure;
mod inbox;
mod link;
mod tcp;
mod turns;
mod udp;

pub use destination::Destination;
pub use failure::{Cause, Failure};
pub use tcp::TcpClient;
pub use udp::UdpClient;
