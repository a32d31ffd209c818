//! Whether a client has what it asks for already, and in which form it takes it.

use std::time::{SystemTime, UNIX_EPOCH};

use super::asked::Asked;

/// What tells one state of a thing from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// An entity tag, with its quotes, and `W/` if it is weak; nothing where there is none. It
    /// holds for the bytes as they are; encoded ones have the same one, but weak.
    pub tag: Vec<u8>,
    /// When it was last changed, if that is known.
    pub modified: Option<SystemTime>,
}

impl Version {
    /// Take from another version what this one does not tell.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        if self.tag.is_empty() {
            self.tag = other.tag;
        }
        self.modified = self.modified.or(other.modified);
        self
    }
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
    let tag = &version.tag[..];
    let mut strong = tags(asked, "if-match").peekable();
    if strong.peek().is_some() {
        // A weak tag is like no other, not even like itself.
        let same = |given: &[u8]| given == b"*" || (given == tag && !is_weak(tag));
        if !strong.any(same) {
            return Verdict::Other;
        }
    } else if let Some(since) = given(asked, "if-unmodified-since") {
        if seconds(version.modified).is_some_and(|modified| modified > since) {
            return Verdict::Other;
        }
    }
    let mut weak = tags(asked, "if-none-match").peekable();
    if weak.peek().is_some() {
        let known = |given: &[u8]| given == b"*" || opaque(given) == opaque(tag);
        if weak.any(known) {
            return Verdict::Same;
        }
    } else if let Some(since) = given(asked, "if-modified-since") {
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
        Some(given) if given.starts_with(b"\"") => given == version.tag,
        Some(_) => {
            let modified = seconds(version.modified);
            modified.is_some() && given(asked, "if-range") == modified
        }
    }
}

/// Return the entity tags of a list, or its asterisk. Within the quotes of a tag a comma is like any
/// other character.
fn tags<'a>(asked: &'a Asked, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    asked
        .all(name)
        .flat_map(|value| {
            let mut quoted = false;
            value.split(move |byte| {
                quoted ^= *byte == b'"';
                *byte == b',' && !quoted
            })
        })
        .map(<[u8]>::trim_ascii)
        .filter(|tag| !tag.is_empty())
}

/// Return whether an entity tag is weak: of bytes that may differ where the meaning does not.
#[must_use]
pub fn is_weak(tag: &[u8]) -> bool {
    tag.starts_with(b"W/")
}

/// Return an entity tag without the word on how strong it is.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
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

/// Read the date that a header has; one that is none is as good as no header.
#[must_use]
pub fn moment(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()
}

/// Read a date that a request gives once.
fn given(asked: &Asked, name: &str) -> Option<u64> {
    seconds(moment(asked.only(name)?))
}

/// Headers tell whole seconds.
fn seconds(moment: Option<SystemTime>) -> Option<u64> {
    let since = moment?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(since.as_secs())
}
