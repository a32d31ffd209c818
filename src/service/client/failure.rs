//! What a call of a client fails with.

use std::fmt;

use crate::error::Error;
use crate::net::Caller;

/// Why a call failed; `E` is what its caller ends calls with.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause<E> {
    /// The system said no, or the deadline passed.
    Core(Error),
    /// The caller ended the call when it was interrupted.
    Raised(E),
    /// The other side closed the connection before everything that was waited for had come.
    Ended {
        /// What did come; it is taken out of the client.
        partial: Vec<u8>,
        /// How much was waited for, if that is known.
        expected: Option<usize>,
    },
    /// More bytes came than the call was ready to take; they stay in the client.
    TooLong {
        /// How many it would have taken.
        limit: usize,
    },
    /// Other threads kept the client busy until the deadline.
    Busy,
    /// The client is closed, perhaps during the call.
    Closed,
    /// No datagram was answered.
    Lost {
        /// How many were sent.
        tries: u32,
    },
}

impl<E> From<Error> for Cause<E> {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

/// Why a call failed, and what to tell people about it.
#[derive(Debug)]
pub struct Failure<E> {
    /// Why.
    pub cause: Cause<E>,
    /// What happened, to which address, and what to do next.
    pub message: String,
}

impl<E> fmt::Display for Failure<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl<E: fmt::Debug> std::error::Error for Failure<E> {}

/// A caller as another, whose errors are kept apart from the core's.
pub(super) struct Keep<'a, C>(pub(super) &'a C);

impl<C: Caller> Caller for Keep<'_, C> {
    type Error = Cause<C::Error>;

    fn release<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.release(work)
    }

    fn interrupted(&self) -> Result<(), Self::Error> {
        self.0.interrupted().map_err(Cause::Raised)
    }
}
