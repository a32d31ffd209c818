//! What is asked for.

use std::sync::Arc;
use std::time::Duration;

use super::sink::To;
use crate::http::{ACCEPTED, Limits, Request, Result, Url};

/// What servers are told of who asks.
const AGENT: &str = concat!("rsock/", env!("CARGO_PKG_VERSION"));

/// What a fetch is asked for, and what it may cost.
#[derive(Debug)]
pub struct Order {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// Headers; those that every request has are added where they are not among them. One without
    /// a value is not sent, not even where every request has it.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// How long all of it may take.
    pub timeout: Option<Duration>,
    /// How long each wait for the other side may take.
    pub read_timeout: Option<Duration>,
    /// How many redirects are followed; with none, the redirect itself comes back.
    pub redirects: usize,
    /// How many bytes the body may have, decoded.
    pub max_body: Option<u64>,
    /// How many bytes the head may have.
    pub max_head: usize,
    /// Whether the content coding is undone.
    pub decode: bool,
    /// Whether every byte of the reply is kept as it came.
    pub keep_raw: bool,
    /// Whether redirects from https to http are followed.
    pub downgrade: bool,
    /// Where the body goes.
    pub to: To,
    /// Whether progress is told.
    pub tells: bool,
}

impl Order {
    /// Ask for a URL, with everything else as it is by default.
    #[must_use]
    pub fn get(url: &str) -> Self {
        Self {
            method: "GET".into(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
            timeout: Some(Duration::from_secs(30)),
            read_timeout: None,
            redirects: 20,
            max_body: Some(64 << 20),
            max_head: 256 << 10,
            decode: true,
            keep_raw: false,
            downgrade: false,
            to: To::Memory,
            tells: false,
        }
    }

    /// Make the first request of it. Errors: what cannot be asked for.
    pub(super) fn request(&mut self) -> Result<Request> {
        let mut request = Request::new(&self.method, Url::parse(&self.url)?)?;
        for (name, value) in &self.headers {
            match value {
                Some(value) => request.headers.push(name, value)?,
                None => request.left_out.push(name, b"")?,
            }
        }
        let always = [("User-Agent", AGENT), ("Accept", "*/*")].into_iter();
        let codings = self.decode.then_some(("Accept-Encoding", ACCEPTED));
        for (name, value) in always.chain(codings) {
            if !request.settles(name) {
                request.headers.push(name.as_bytes(), value.as_bytes())?;
            }
        }
        request.body = self.body.take().map(Arc::new);
        Ok(request)
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            head_bytes: self.max_head,
            ..Limits::default()
        }
    }
}
