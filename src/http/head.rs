//! The head of a reply, and the limits of what a reply may cost.
//!
//! The parser is our own and not httparse: a line is looked at once, when it is whole, so that a
//! head that comes byte by byte costs as much as one that comes whole; header lines that go on in
//! the next line (obs-fold), which old servers send and httparse takes from nobody, are joined
//! as RFC 9112 5.2 has it; and what is wrong can be said with the line that it is wrong in.

use std::ops::Range;

use super::error::{Error, Result, excerpt};
use super::headers::{Headers, is_token, is_value, trim};

/// What a reply may cost. Reaching a limit is [`Error::Limit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the head, with those of the informational replies (1xx) before it.
    pub head_bytes: usize,
    /// Headers in the head, and as many again in the trailers.
    pub headers: usize,
    /// Informational replies before the real one.
    pub informational: usize,
    /// Bytes of the trailers.
    pub trailer_bytes: usize,
    /// Bytes of chunk extensions and the like; a body may have one more for each of its bytes.
    pub extension_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 256 << 10,
            headers: 4096,
            informational: 64,
            trailer_bytes: 64 << 10,
            extension_bytes: 16 << 10,
        }
    }
}

/// The head of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The minor version: 0 of HTTP/1.0, 1 of HTTP/1.1.
    pub minor: u8,
    /// The status, of three digits.
    pub status: u16,
    /// What the server says of the status; may be empty.
    pub reason: Vec<u8>,
    /// The headers.
    pub headers: Headers,
    /// The head as it came, with the empty line at its end.
    pub raw: Vec<u8>,
}

impl Head {
    /// Return the version as people write it.
    #[must_use]
    pub fn version(&self) -> String {
        format!("1.{}", self.minor)
    }

    /// Return whether it is a reply before the real one.
    #[must_use]
    pub fn is_informational(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }

    /// Return whether the server keeps the connection, as far as the head says.
    #[must_use]
    pub fn keeps_alive(&self) -> bool {
        if self.minor == 0 {
            self.headers.has_member("connection", "keep-alive")
                && !self.headers.has_member("connection", "close")
        } else {
            !self.headers.has_member("connection", "close")
        }
    }
}

/// Collects lines out of pieces.
#[derive(Debug, Default)]
pub(super) struct Lines {
    raw: Vec<u8>,
    start: usize,
}

impl Lines {
    /// Take bytes up to a line end, and return how many, and the line if it is whole.
    ///
    /// A line ends with LF, and a CR before that belongs to the end. `room` is how many bytes all
    /// lines together may have; `None` comes back in place of a line that is longer.
    fn take(&mut self, input: &[u8], room: usize) -> Option<(usize, Option<Range<usize>>)> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(input.len(), |end| end + 1);
        if taken > room.saturating_sub(self.raw.len()) {
            return None;
        }
        self.raw.extend_from_slice(&input[..taken]);
        if end.is_none() {
            return Some((taken, None));
        }
        let mut line = self.start..self.raw.len() - 1;
        if self.raw[line.clone()].last() == Some(&b'\r') {
            line.end -= 1;
        }
        self.start = self.raw.len();
        Some((taken, Some(line)))
    }
}

/// Reads header lines up to the empty line.
#[derive(Debug, Default)]
pub(super) struct FieldReader {
    lines: Lines,
    pub(super) headers: Headers,
}

impl FieldReader {
    /// Read one line if it is whole, and return how many bytes that took, and whether it was the
    /// empty line.
    pub(super) fn feed(
        &mut self,
        input: &[u8],
        room: usize,
        count: usize,
    ) -> Result<Option<(usize, bool)>> {
        let Some((taken, line)) = self.lines.take(input, room) else {
            return Ok(None);
        };
        let Some(line) = line else {
            return Ok(Some((taken, false)));
        };
        let line = &self.lines.raw[line];
        if line.is_empty() {
            return Ok(Some((taken, true)));
        }
        read_field(line, &mut self.headers)?;
        if self.headers.len() > count {
            return Err(Error::Limit {
                what: "more headers",
                limit: count as u64,
            });
        }
        Ok(Some((taken, false)))
    }
}

fn read_field(line: &[u8], headers: &mut Headers) -> Result<()> {
    let bad = |reason| Error::HeaderLine {
        line: excerpt(line),
        reason,
    };
    if !is_value(line) {
        return Err(bad("it holds a lone CR or NUL"));
    }
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return match headers.fold(trim(line)) {
            true => Ok(()),
            false => Err(bad("it continues a line, and there is none before it")),
        };
    }
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return Err(bad("it has no colon"));
    };
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if !is_token(name) {
        return Err(bad("its name is not one"));
    }
    headers.add(name, trim(value));
    Ok(())
}

/// Reads the head of a reply out of pieces.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    fields: FieldReader,
    status: Option<(u8, u16, Vec<u8>)>,
}

impl HeadReader {
    /// Return how many bytes of this head came.
    pub(super) fn received(&self) -> usize {
        self.fields.lines.raw.len()
    }

    /// Take bytes of the head, and return how many, and the head if it is whole.
    ///
    /// `room` is how many bytes this head may have.
    pub(super) fn feed(
        &mut self,
        input: &[u8],
        room: usize,
        limits: &Limits,
    ) -> Result<(usize, Option<Head>)> {
        let too_large = || Error::Limit {
            what: "more bytes of headers",
            limit: limits.head_bytes as u64,
        };
        let mut taken = 0;
        if self.status.is_none() {
            self.check_start(input)?;
            let (step, line) = self.fields.lines.take(input, room).ok_or_else(too_large)?;
            let Some(line) = line else {
                return Ok((step, None));
            };
            self.status = Some(read_status(&self.fields.lines.raw[line])?);
            taken = step;
        }
        while taken < input.len() {
            let (step, is_end) = self
                .fields
                .feed(&input[taken..], room, limits.headers)?
                .ok_or_else(too_large)?;
            taken += step;
            if is_end {
                return Ok((taken, self.finish()));
            }
        }
        Ok((taken, None))
    }

    /// Refuse what is no HTTP/1 from its first bytes on, without waiting for a line end.
    fn check_start(&self, input: &[u8]) -> Result<()> {
        const START: &[u8] = b"HTTP/1.";
        let seen = &self.fields.lines.raw;
        if seen.len() >= START.len() {
            return Ok(());
        }
        let begins = START
            .iter()
            .zip(seen.iter().chain(input))
            .all(|(wanted, found)| wanted == found);
        if begins {
            return Ok(());
        }
        let start: Vec<u8> = seen.iter().chain(input).copied().take(100).collect();
        let line = start.split(|byte| *byte == b'\n').next();
        Err(Error::StatusLine(excerpt(line.unwrap_or_default())))
    }

    fn finish(&mut self) -> Option<Head> {
        let (minor, status, reason) = self.status.take()?;
        let fields = std::mem::take(&mut self.fields);
        Some(Head {
            minor,
            status,
            reason,
            headers: fields.headers,
            raw: fields.lines.raw,
        })
    }
}

/// Read `HTTP/1.x SP ddd [SP reason]`.
///
/// A higher minor version is taken for the highest that is known (RFC 9110 2.5).
fn read_status(line: &[u8]) -> Result<(u8, u16, Vec<u8>)> {
    let bad = || Error::StatusLine(excerpt(line));
    let [
        b'H',
        b'T',
        b'T',
        b'P',
        b'/',
        b'1',
        b'.',
        minor @ b'0'..=b'9',
        b' ',
        first @ b'1'..=b'9',
        second @ b'0'..=b'9',
        third @ b'0'..=b'9',
        rest @ ..,
    ] = line
    else {
        return Err(bad());
    };
    let reason = match rest {
        [] => rest,
        [b' ', reason @ ..] => reason,
        _ => return Err(bad()),
    };
    if !is_value(reason) {
        return Err(bad());
    }
    let digit = |byte: &u8| u16::from(byte - b'0');
    let status = digit(first) * 100 + digit(second) * 10 + digit(third);
    Ok(((minor - b'0').min(1), status, trim(reason).to_vec()))
}
