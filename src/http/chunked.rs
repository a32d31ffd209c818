//! The chunked transfer coding (RFC 9112 7.1), as a machine that hands out slices of its input.
//!
//! Lines of chunks end with CRLF and nothing less: two readers that differ there see two different
//! bodies. Trailers are header lines, and are read as those of the head are.

use super::error::{Error, Result};
use super::head::{FieldReader, Limits};
use super::headers::Headers;

/// What came of a piece of input.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// All of it was taken, and more is needed.
    More,
    /// Bytes of the body.
    Data(&'a [u8]),
    /// The body is whole, trailers and all.
    End,
}

/// Reads a chunked body.
#[derive(Debug)]
pub struct Chunked {
    state: State,
    limits: Limits,
    /// Bytes of lines of chunks that are neither a size of usual length nor a line end.
    overhead: u64,
    /// Bytes of the body that came.
    received: u64,
    trailers: FieldReader,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the digits of a size; so many came.
    Size {
        size: u64,
        digits: u64,
    },
    /// In the white space behind a size, which some servers pad it with.
    Padding {
        size: u64,
    },
    /// In an extension.
    Extension {
        size: u64,
    },
    /// Between CR and LF of a size line.
    SizeEnd {
        size: u64,
    },
    /// In the data; so many bytes are left.
    Data {
        left: u64,
    },
    /// Before the CR behind the data.
    DataCr,
    /// Before the LF behind the data.
    DataLf,
    Trailers,
    End,
}

const START: State = State::Size { size: 0, digits: 0 };

/// So many digits a size has at most if it is not padded with zeros.
const USUAL_DIGITS: u64 = 16;

impl Chunked {
    /// Begin a body.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            state: START,
            limits,
            overhead: 0,
            received: 0,
            trailers: FieldReader::default(),
        }
    }

    /// Take bytes, and return how many, and what came of them.
    ///
    /// Errors: [`Error::Chunk`], [`Error::HeaderLine`] for a trailer, [`Error::Limit`].
    pub fn feed<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Chunk<'a>)> {
        let mut taken = 0;
        loop {
            let rest = &input[taken..];
            match self.state {
                State::End => return Ok((taken, Chunk::End)),
                _ if rest.is_empty() => return Ok((taken, Chunk::More)),
                State::Data { left } => {
                    let most = usize::try_from(left).unwrap_or(usize::MAX);
                    let data = &rest[..rest.len().min(most)];
                    self.received += data.len() as u64;
                    self.state = match left - data.len() as u64 {
                        0 => State::DataCr,
                        left => State::Data { left },
                    };
                    return Ok((taken + data.len(), Chunk::Data(data)));
                }
                State::Trailers => taken += self.trailer(rest)?,
                _ => {
                    self.state = self.step(rest[0])?;
                    taken += 1;
                }
            }
        }
    }

    /// Take the trailers out; they are all there when the body is whole.
    pub(super) fn take_trailers(&mut self) -> Headers {
        std::mem::take(&mut self.trailers.headers)
    }

    fn trailer(&mut self, rest: &[u8]) -> Result<usize> {
        let Limits {
            trailer_bytes,
            headers,
            ..
        } = self.limits;
        let line = self.trailers.feed(rest, trailer_bytes, headers)?;
        let (taken, is_end) = line.ok_or(Error::Limit {
            what: "more bytes of trailers",
            limit: trailer_bytes as u64,
        })?;
        if is_end {
            self.state = State::End;
        }
        Ok(taken)
    }

    fn step(&mut self, byte: u8) -> Result<State> {
        Ok(match (self.state, byte) {
            (State::Size { size, digits }, _) if byte.is_ascii_hexdigit() => {
                if digits >= USUAL_DIGITS {
                    self.spend()?;
                }
                State::Size {
                    size: append(size, byte)?,
                    digits: digits + 1,
                }
            }
            (State::Size { digits: 0, .. }, _) => {
                return Err(Error::Chunk("its size is missing"));
            }
            (State::Size { size, .. } | State::Padding { size }, b' ' | b'\t') => {
                self.spend()?;
                State::Padding { size }
            }
            (State::Size { size, .. } | State::Padding { size }, b';') => {
                self.spend()?;
                State::Extension { size }
            }
            (
                State::Size { size, .. } | State::Padding { size } | State::Extension { size },
                b'\r',
            ) => State::SizeEnd { size },
            (State::Extension { .. }, b'\n') => {
                return Err(Error::Chunk("its line does not end with CRLF"));
            }
            // It is of no interest, and nobody reads a line end into any other byte.
            (State::Extension { size }, _) => {
                self.spend()?;
                State::Extension { size }
            }
            (State::SizeEnd { size: 0 }, b'\n') => State::Trailers,
            (State::SizeEnd { size }, b'\n') => State::Data { left: size },
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => START,
            (State::DataCr | State::DataLf, _) => {
                return Err(Error::Chunk("its data are longer than its size says"));
            }
            (State::Size { .. } | State::Padding { .. } | State::SizeEnd { .. }, _) => {
                return Err(Error::Chunk(
                    "its size is not a hexadecimal number and CRLF",
                ));
            }
            (state, _) => state,
        })
    }

    fn spend(&mut self) -> Result<()> {
        self.overhead += 1;
        let limit = self.limits.extension_bytes as u64;
        if self.overhead > limit.saturating_add(self.received) {
            return Err(Error::Limit {
                what: "more bytes of chunk extensions",
                limit,
            });
        }
        Ok(())
    }
}

fn append(size: u64, digit: u8) -> Result<u64> {
    let digit = char::from(digit).to_digit(16).map(u64::from);
    size.checked_mul(16)
        .zip(digit)
        .map(|(size, digit)| size | digit)
        .ok_or(Error::Chunk("its size is too large for any body"))
}
