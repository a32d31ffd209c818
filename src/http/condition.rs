//! Whether a client has what it asks for already, and in which form it takes it.

use std::time::{SystemTime, UNIX_EPOCH};

use super::asked::Asked;

/// What tells one state of a thing from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// An entity tag, with its quotes. It holds for the bytes as they are; encoded ones have the
    /// same one, but weak.
    pub tag: String,
    /// When it was last changed, if that is known.
    pub modified: Option<SystemTime>,
}

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it.
    Send,
    /// The client has it: 304.
    Same,
    /// The client wants another state of it: 412.
    Other,
}

/// Judge the conditions of a GET or HEAD, in the order of RFC 9110 §13.2.2.
#[must_use]
pub fn judge(asked: &Asked, version: &Version) -> Verdict {
    let tag = version.tag.as_bytes();
    let mut strong = asked.items("if-match").peekable();
    if strong.peek().is_some() {
        if !strong.any(|given| given == b"*" || given == tag) {
            return Verdict::Other;
        }
    } else if let Some(since) = moment(asked, "if-unmodified-since") {
        if seconds(version.modified).is_some_and(|modified| modified > since) {
            return Verdict::Other;
        }
    }
    let mut weak = asked.items("if-none-match").peekable();
    if weak.peek().is_some() {
        let known =
            |given: &[u8]| given == b"*" || given.strip_prefix(b"W/").unwrap_or(given) == tag;
        if weak.any(known) {
            return Verdict::Same;
        }
    } else if let Some(since) = moment(asked, "if-modified-since") {
        if seconds(version.modified).is_some_and(|modified| modified <= since) {
            return Verdict::Same;
        }
    }
    Verdict::Send
}

/// Return whether a part of the thing fits what the client has of it: If-Range.
#[must_use]
pub fn part_fits(asked: &Asked, version: &Version) -> bool {
    match asked.only("if-range") {
        None => asked.all("if-range").next().is_none(),
        Some(given) if given.starts_with(b"\"") => given == version.tag.as_bytes(),
        Some(_) => {
            let modified = seconds(version.modified);
            modified.is_some() && moment(asked, "if-range") == modified
        }
    }
}

/// Return whether the client takes gzip, as Accept-Encoding says.
#[must_use]
pub fn takes_gzip(asked: &Asked) -> bool {
    let (mut named, mut any) = (None, None);
    for item in asked.items("accept-encoding") {
        let mut parts = item.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let coding = parts.next().unwrap_or_default();
        let refused = parts.any(|part| {
            let weight = part.strip_prefix(b"q=").or(part.strip_prefix(b"Q="));
            weight.is_some_and(|weight| weight.iter().all(|byte| matches!(byte, b'0' | b'.')))
        });
        if coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip") {
            named = Some(!refused);
        } else if coding == b"*" {
            any = Some(!refused);
        }
    }
    named.or(any).unwrap_or(false)
}

/// Read a date; one that is none is as good as no header.
fn moment(asked: &Asked, name: &str) -> Option<u64> {
    let text = std::str::from_utf8(asked.only(name)?).ok()?;
    seconds(httpdate::parse_http_date(text).ok())
}

/// Headers tell whole seconds.
fn seconds(moment: Option<SystemTime>) -> Option<u64> {
    let since = moment?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(since.as_secs())
}
