//! The head of a request, from bytes, as a server reads it.
//!
//! It reads what RFC 9112 lets a client send and nothing else. Whatever two readers could
//! understand in two ways is refused, so that nobody in front of the server can be led to see other
//! requests than it does.

use super::headers::{Headers, is_token};
use super::refusal::AskedError;
use super::target::{self, Target};

/// How much of a head is put up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedLimits {
    /// How many bytes it may have, its end included.
    pub head: usize,
    /// How many header lines it may have.
    pub headers: usize,
    /// How many bytes the body may have.
    pub body: u64,
}

impl Default for AskedLimits {
    fn default() -> Self {
        Self {
            head: 64 << 10,
            headers: 128,
            body: 1 << 20,
        }
    }
}

/// How the body of a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// After so many bytes.
    Known(u64),
    /// With the last chunk.
    Chunked,
}

/// Where a head ends, looked for while it arrives: no byte is looked at twice.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadEnd {
    seen: usize,
    line: usize,
    started: bool,
    blank: bool,
}

impl HeadEnd {
    /// Look at what has come since the last call, and return how long the head is once it is whole.
    ///
    /// # Errors
    /// What can be refused before the whole head is here.
    pub fn find(&mut self, bytes: &[u8], limit: usize) -> Result<Option<usize>, AskedError> {
        if let (0, Some(&first)) = (self.seen, bytes.first()) {
            // Somebody who talks TLS here would otherwise wait for an answer, and we for a line.
            if !is_token(&[first]) && first != b'\r' {
                return Err(AskedError::NoRequest);
            }
        }
        while let Some(found) = bytes[self.seen..].iter().position(|byte| *byte == b'\n') {
            let (end, line) = (self.seen + found, self.line);
            (self.seen, self.line) = (end + 1, end + 1);
            if end + 1 > limit {
                return Err(self.too_long());
            }
            if end == line || bytes[end - 1] != b'\r' {
                return Err(AskedError::LineEnd);
            }
            let empty = end == line + 1;
            match (empty, self.started) {
                (true, true) => return Ok(Some(end + 1)),
                (true, false) if self.blank => return Err(AskedError::NoRequest),
                // Some clients end a body with a line end that does not belong to it.
                (true, false) => self.blank = true,
                (false, _) => self.started = true,
            }
        }
        self.seen = bytes.len();
        if bytes.len() >= limit {
            return Err(self.too_long());
        }
        Ok(None)
    }

    fn too_long(self) -> AskedError {
        if self.started {
            AskedError::HeadTooLong
        } else {
            AskedError::TargetTooLong
        }
    }
}

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The target as it came.
    pub raw: String,
    /// What it means, together with the Host header.
    pub target: Target,
    /// Whether it is of HTTP/1.1, or of 1.0.
    pub is_1_1: bool,
    /// How the body ends.
    pub length: Length,
    /// Whether the client keeps the connection for its next request.
    pub keeps: bool,
    /// Whether the client waits to be told that it may send the body.
    pub waits: bool,
    headers: Headers,
}

impl Asked {
    /// Read a whole head, as [`HeadEnd`] found it.
    ///
    /// # Errors
    /// Whatever is not as it has to be.
    pub fn read(head: &[u8], limits: &AskedLimits) -> Result<Self, AskedError> {
        let mut lines = head.split(|byte| *byte == b'\n').map(|line| {
            // The look for the end has seen to it that all lines end with both.
            line.strip_suffix(b"\r").unwrap_or(line)
        });
        let first = lines.by_ref().find(|line| !line.is_empty());
        let (method, raw, is_1_1) = request_line(first.unwrap_or_default())?;
        let mut headers = Headers::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            if headers.len() == limits.headers {
                return Err(AskedError::HeadTooLong);
            }
            let (name, value) = header(line)?;
            headers.add(name, value);
        }
        let mut asked = Self {
            method,
            target: Target::default(),
            raw,
            is_1_1,
            length: Length::Known(0),
            keeps: is_1_1,
            waits: false,
            headers,
        };
        asked.target = Target::read(&asked.method, &asked.raw, asked.host()?)?;
        asked.length = asked.framing()?;
        asked.keeps = !asked.headers.has_member("connection", "close")
            && (is_1_1 || asked.headers.has_member("connection", "keep-alive"));
        asked.waits = asked.expectation()?;
        Ok(asked)
    }

    /// Return the values of all headers of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.get_all(name)
    }

    /// Return the value of a header that there is exactly once.
    #[must_use]
    pub fn only<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        let mut all = self.all(name);
        let first = all.next();
        first.filter(|_| all.next().is_none())
    }

    /// Return the items of a header that is a list.
    pub fn items<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.members(name)
    }

    fn host(&self) -> Result<&str, AskedError> {
        let mut all = self.all("host");
        let host = match (all.next(), all.next()) {
            (Some(host), None) => host,
            (None, None) if !self.is_1_1 => b"",
            _ => return Err(AskedError::Host),
        };
        let host = std::str::from_utf8(host).map_err(|_| AskedError::Host)?;
        if target::is_authority(host) {
            Ok(host)
        } else {
            Err(AskedError::Host)
        }
    }

    fn framing(&self) -> Result<Length, AskedError> {
        let mut lengths = self.all("content-length");
        let (length, another) = (lengths.next(), lengths.next());
        if self.all("transfer-encoding").next().is_some() {
            if length.is_some() {
                return Err(AskedError::BothFramings);
            }
            return self.transfer_encoding();
        }
        match length {
            None => Ok(Length::Known(0)),
            Some(_) if another.is_some() => Err(AskedError::Length),
            Some(digits) => number(digits).map(Length::Known).ok_or(AskedError::Length),
        }
    }

    fn transfer_encoding(&self) -> Result<Length, AskedError> {
        let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
        let codings: Vec<&[u8]> = self.items("transfer-encoding").collect();
        match codings.as_slice() {
            // Of 1.0 nobody knows what another reader makes of it.
            _ if !self.is_1_1 => Err(AskedError::TransferEncoding),
            [only] if is_chunked(only) => Ok(Length::Chunked),
            [others @ .., last] if is_chunked(last) && !others.iter().any(|it| is_chunked(it)) => {
                Err(AskedError::TransferCoding)
            }
            _ => Err(AskedError::TransferEncoding),
        }
    }

    fn expectation(&self) -> Result<bool, AskedError> {
        let mut expected = self.items("expect").peekable();
        let waits = self.is_1_1 && expected.peek().is_some();
        if waits && !expected.all(|it| it.eq_ignore_ascii_case(b"100-continue")) {
            return Err(AskedError::Expectation);
        }
        Ok(waits && self.length != Length::Known(0))
    }
}

fn request_line(line: &[u8]) -> Result<(String, String, bool), AskedError> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(AskedError::RequestLine);
    };
    if !is_token(method) {
        return Err(AskedError::RequestLine);
    }
    let is_1_1 = match version {
        b"HTTP/1.0" => false,
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor] if minor.is_ascii_digit() => true,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(AskedError::Version);
        }
        _ => return Err(AskedError::RequestLine),
    };
    if target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
        return Err(AskedError::Target);
    }
    let text = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect();
    Ok((text(method), text(target), is_1_1))
}

fn header(line: &[u8]) -> Result<(&[u8], &[u8]), AskedError> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(AskedError::Folded);
    }
    let colon = line.iter().position(|byte| *byte == b':');
    let (name, value) = line.split_at(colon.ok_or(AskedError::HeaderName)?);
    if !is_token(name) {
        return Err(AskedError::HeaderName);
    }
    // Looked at before the white space around it goes, or a carriage return would go with that.
    let value = &value[1..];
    if !is_plain(value) {
        return Err(AskedError::HeaderValue);
    }
    Ok((name, value.trim_ascii()))
}

/// Read digits and nothing but digits. More than there can be stays more than any limit.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |sum: u64, digit| {
        sum.saturating_mul(10).saturating_add((digit - b'0').into())
    }))
}

/// Return whether the value of a header has no control characters.
#[must_use]
pub fn is_plain(value: &[u8]) -> bool {
    value
        .iter()
        .all(|byte| *byte == b'\t' || !byte.is_ascii_control())
}
