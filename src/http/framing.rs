//! Where the body of a reply ends: RFC 9112 6.3, and what clients make of those who break it.

use super::error::{Error, Result, excerpt};
use super::head::Head;
use super::headers::{Headers, trim};

/// Where the body of a reply ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none, whatever the headers say.
    None,
    /// After so many bytes.
    Length(u64),
    /// Where its last chunk says.
    Chunked,
    /// Where the connection ends.
    UntilClose,
}

impl Framing {
    /// Find where the body of the reply with this head, to a request with this method, ends.
    ///
    /// - No body: to HEAD, a reply to CONNECT that succeeds, 1xx, 204, 304. What that of CONNECT
    ///   says of a length means nothing (RFC 9110 9.3.6), and everywhere else it has to be one.
    /// - `chunked`, on its own or again and again (some proxies add it a second time). Nothing
    ///   else was asked for, so any other coding is refused; `identity`, which once meant none,
    ///   is let pass.
    /// - Both framings at once are refused: one of two readers would be wrong.
    /// - The length has to be a number and nothing else, the same one where it is given again.
    pub fn of(head: &Head, method: &str) -> Result<Self> {
        if method == "CONNECT" && matches!(head.status, 200..=299) {
            return Ok(Self::None);
        }
        let length = content_length(&head.headers)?;
        if method == "HEAD" || matches!(head.status, 100..=199 | 204 | 304) {
            return Ok(Self::None);
        }
        if head.headers.contains("transfer-encoding") {
            if length.is_some() {
                return Err(Error::BothFramings);
            }
            return transfer_encoding(&head.headers);
        }
        Ok(length.map_or(Self::UntilClose, Self::Length))
    }
}

fn transfer_encoding(headers: &Headers) -> Result<Framing> {
    let mut framing = Framing::UntilClose;
    for coding in headers.members("transfer-encoding") {
        if coding.eq_ignore_ascii_case(b"chunked") {
            framing = Framing::Chunked;
        } else if !coding.eq_ignore_ascii_case(b"identity") {
            return Err(Error::TransferEncoding(excerpt(coding)));
        }
    }
    Ok(framing)
}

fn content_length(headers: &Headers) -> Result<Option<u64>> {
    let mut length = None;
    for value in headers.get_all("content-length") {
        for number in value.split(|byte| *byte == b',') {
            let bad = || Error::ContentLength(excerpt(value));
            let found = decimal(trim(number)).ok_or_else(bad)?;
            if length.is_some_and(|known| known != found) {
                return Err(bad());
            }
            length = Some(found);
        }
    }
    Ok(length)
}

/// Read digits, and nothing but digits. `None` for a number that does not fit, too.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}
