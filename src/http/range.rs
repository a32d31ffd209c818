//! Which part of a thing a client wants.

use std::ops::Range;

use super::asked::number;

/// What a Range header asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it. That is also the answer to a header that is not understood.
    Whole,
    /// These bytes.
    Bytes(Range<u64>),
    /// Bytes that there are not.
    Nowhere,
}

/// Read a Range header for a thing of so many bytes. Of several ranges none is taken.
#[must_use]
pub fn part(value: &[u8], len: u64) -> Part {
    let value = value.trim_ascii();
    let unit = value.get(..6);
    if !unit.is_some_and(|unit| unit.eq_ignore_ascii_case(b"bytes=")) {
        return Part::Whole;
    }
    let range = value[6..].trim_ascii();
    let Some(dash) = range.iter().position(|byte| *byte == b'-') else {
        return Part::Whole;
    };
    let (first, last) = (&range[..dash], &range[dash + 1..]);
    let bytes = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(len),
        (Some(first), None) if last.is_empty() => first..len,
        (None, Some(count)) if first.is_empty() => len - count.min(len)..len,
        _ => return Part::Whole,
    };
    if bytes.is_empty() {
        Part::Nowhere
    } else {
        Part::Bytes(bytes)
    }
}
