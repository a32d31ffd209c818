//! What a fetch brings.

use std::time::Duration;

use crate::http::{Head, Headers};

/// A reply, and all that is known of how it came.
#[derive(Debug)]
pub struct Fetched {
    /// Its head.
    pub head: Head,
    /// Every byte of it as it came, where that was asked for.
    pub raw: Option<Vec<u8>>,
    /// Its body, without framing and decoded, unless it went elsewhere.
    pub body: Vec<u8>,
    /// What came behind a chunked body.
    pub trailers: Headers,
    /// Where it came from, without user and password.
    pub url: String,
    /// The redirects that led there.
    pub history: Vec<Fetched>,
    /// How long each step took.
    pub timings: Timings,
    /// The request as it was sent.
    pub request: Vec<u8>,
}

/// After how long each step was done, counted from when the request was begun, as curl counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// The name was looked up; not on a connection that was kept.
    pub lookup: Option<Duration>,
    /// There was a connection; not on one that was kept.
    pub connect: Option<Duration>,
    /// TLS was agreed upon, where there is TLS; not on a connection that was kept.
    pub tls: Option<Duration>,
    /// The first byte of the reply was there.
    pub first_byte: Option<Duration>,
    /// The reply was whole.
    pub total: Option<Duration>,
}
