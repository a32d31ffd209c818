//! The head of a reply, to bytes, as a server writes it.

use std::io::Write;
use std::mem;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::headers::Headers;

/// The last second that an HTTP date can tell: that of the year 9999.
const LAST: u64 = 253_402_300_799;

/// The head of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    headers: Headers,
}

impl Answer {
    /// Make a head that has nothing but a status.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Headers::new(),
        }
    }

    /// Add a header, unless there is one of that name: what was given first is right.
    #[must_use]
    pub fn with(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if self.headers.contains(name) {
            self
        } else {
            self.and(name, value)
        }
    }

    /// Add a header, whether or not there is one of that name.
    #[must_use]
    pub fn and(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.add(name.as_bytes(), value.as_ref());
        self
    }

    /// Add headers, in which a name may come several times.
    #[must_use]
    pub fn with_all<'a>(mut self, headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        for (name, value) in headers {
            self.headers.add(name, value);
        }
        self
    }

    /// Put headers before all others, but none of which there is one already.
    #[must_use]
    pub fn before(mut self, first: &[(&str, &str)]) -> Self {
        let others = mem::take(&mut self.headers);
        for (name, value) in first {
            if !others.contains(name) {
                self.headers.add(name.as_bytes(), value.as_bytes());
            }
        }
        self.with_all(others.iter())
    }

    /// Append the head as bytes.
    ///
    /// Line ends within a value, which nobody should have let in, are left out: they would end it.
    pub fn write(&self, out: &mut Vec<u8>) {
        // Writing to memory cannot fail.
        let _ = write!(out, "HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in self.headers.iter() {
            out.extend_from_slice(name);
            out.extend_from_slice(b": ");
            out.extend(value.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')));
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Append a chunk; nothing at all for no bytes, which would end the body.
pub fn chunk(bytes: &[u8], out: &mut Vec<u8>) {
    if !bytes.is_empty() {
        let _ = write!(out, "{:x}\r\n", bytes.len());
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\r\n");
    }
}

/// The end of a body in chunks.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Write a moment as HTTP does, which knows the years from 1970 to 9999.
#[must_use]
pub fn date(moment: SystemTime) -> String {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(since.as_secs().min(LAST)))
}

/// Return the words that go with a status.
#[must_use]
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a Teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Unknown",
    }
}
