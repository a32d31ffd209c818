//! What a socket is, without Python.

pub mod address;
pub mod blocking;
pub mod deadline;
pub mod ip;
pub mod resolver;
pub mod socket;

pub use blocking::Caller;
pub use deadline::{Deadline, Patience};
pub use socket::Socket;
