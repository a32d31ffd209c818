//! Passing over the body of a request, to find the next one behind it.
//!
//! Nothing of it is kept, trailers included, and nothing is forgiven that another reader might take
//! for the beginning of another request.

use super::asked::Length;
use super::refusal::AskedError;

/// How many bytes a chunk's size and its extensions may have, and each line of a trailer.
const LINE: usize = 4096;
/// How many bytes all trailers may have.
const TRAILERS: usize = 16 << 10;

/// A body that is passed over as it arrives. Nothing of it is kept.
#[derive(Clone, Debug)]
pub struct Skip {
    state: State,
    /// How many bytes it may still have.
    left: u64,
    /// How many bytes all around the chunks may still have.
    around: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// So many bytes, and then the end.
    Known(u64),
    /// A line with the size of the next chunk, of which so much has come.
    Size(Line),
    /// A chunk of which so many bytes are to come.
    Data(u64),
    /// The line end after a chunk.
    DataEnd(bool),
    /// A line after the last chunk, and how many bytes they all may have.
    Trailer(Line, usize),
    Over,
}

/// A line as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Line {
    /// Only a chunk's size is kept, not what comes after it.
    size: Option<u64>,
    len: usize,
    /// What is behind the digits: spaces, or an extension.
    tail: Tail,
    cr: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tail {
    #[default]
    Digits,
    Spaces,
    Extension,
}

impl Skip {
    /// Begin with a body that ends so, and may have so many bytes.
    #[must_use]
    pub fn new(length: Length, limit: u64) -> Self {
        let state = match length {
            Length::Known(0) => State::Over,
            Length::Known(count) => State::Known(count),
            Length::Chunked => State::Size(Line::default()),
        };
        // Enough for chunks of one byte each, and not for an extension with each of them.
        let around = limit.saturating_mul(8).saturating_add(TRAILERS as u64);
        Self {
            state,
            left: limit,
            around,
        }
    }

    /// Return whether the body has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Pass over what belongs to the body, and return how many bytes that are.
    ///
    /// # Errors
    /// A body that is too long, or is not made of chunks as it has to be.
    pub fn pass(&mut self, bytes: &[u8]) -> Result<usize, AskedError> {
        let mut at = 0;
        while at < bytes.len() && !self.is_over() {
            let many = (bytes.len() - at) as u64;
            match &mut self.state {
                State::Known(count) | State::Data(count) => {
                    let taken = many.min(*count);
                    self.left = self
                        .left
                        .checked_sub(taken)
                        .ok_or(AskedError::BodyTooLong)?;
                    *count -= taken;
                    at += taken as usize;
                    if *count == 0 {
                        self.state = match self.state {
                            State::Known(_) => State::Over,
                            _ => State::DataEnd(false),
                        };
                    }
                }
                _ => {
                    self.byte(bytes[at])?;
                    at += 1;
                }
            }
        }
        Ok(at)
    }

    fn byte(&mut self, byte: u8) -> Result<(), AskedError> {
        self.around = self.around.checked_sub(1).ok_or(AskedError::Chunk)?;
        let next = match &mut self.state {
            State::Size(line) => {
                if !line.size(byte)? {
                    return Ok(());
                }
                match line.size.ok_or(AskedError::Chunk)? {
                    0 => State::Trailer(Line::default(), TRAILERS),
                    size if size > self.left => return Err(AskedError::BodyTooLong),
                    size => State::Data(size),
                }
            }
            State::DataEnd(false) if byte == b'\r' => State::DataEnd(true),
            State::DataEnd(true) if byte == b'\n' => State::Size(Line::default()),
            State::Trailer(line, left) => {
                *left = left.checked_sub(1).ok_or(AskedError::HeadTooLong)?;
                if !line.end(byte)? {
                    line.len += 1;
                    return Ok(());
                }
                match line.len {
                    // The carriage return.
                    1 => State::Over,
                    _ => State::Trailer(Line::default(), *left),
                }
            }
            _ => return Err(AskedError::Chunk),
        };
        self.state = next;
        Ok(())
    }
}

impl Line {
    /// Take a byte, and return whether it ends the line. Errors: a line end of one byte, and
    /// control characters.
    fn end(&mut self, byte: u8) -> Result<bool, AskedError> {
        match (self.cr, byte) {
            (true, b'\n') => Ok(true),
            (false, b'\r') => {
                self.cr = true;
                Ok(false)
            }
            (false, b'\t') => Ok(false),
            (false, byte) if !byte.is_ascii_control() => Ok(false),
            _ => Err(AskedError::Chunk),
        }
    }

    /// Take a byte of the line with a chunk's size.
    fn size(&mut self, byte: u8) -> Result<bool, AskedError> {
        self.len += 1;
        if self.len > LINE {
            return Err(AskedError::Chunk);
        }
        if self.end(byte)? {
            return Ok(true);
        }
        if byte == b'\r' || self.tail == Tail::Extension {
            return Ok(false);
        }
        match (byte, char::from(byte).to_digit(16)) {
            (_, Some(digit)) if self.tail == Tail::Digits => {
                let size = self.size.unwrap_or(0);
                let size = size
                    .checked_mul(16)
                    .and_then(|it| it.checked_add(digit.into()));
                self.size = Some(size.ok_or(AskedError::BodyTooLong)?);
            }
            (b' ' | b'\t', _) if self.size.is_some() => self.tail = Tail::Spaces,
            (b';', _) if self.size.is_some() => self.tail = Tail::Extension,
            _ => return Err(AskedError::Chunk),
        }
        Ok(false)
    }
}
