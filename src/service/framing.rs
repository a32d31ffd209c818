//! Where one message ends and the next begins. No I/O.
//!
//! A stream is bytes without borders: two messages that were sent one after the other may arrive
//! as one piece, and one message as several. A framing is what both sides agree on to find the
//! borders again.

use std::io::BufRead;

/// How messages are told apart in a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// A message is a piece as it arrived, which is right only by luck.
    #[default]
    Recv,
    /// A message ends with `\n`. A `\r` right before it is no part of the message, so that clients
    /// that send `\r\n` are understood; what is sent ends with `\n` alone.
    Line,
    /// A message comes after its length, as four bytes, the highest first.
    Length,
}

/// Why a stream cannot be taken apart any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// A message is longer than may be.
    #[error("a message is longer than max_message, which is {limit} bytes")]
    TooLong {
        /// How long it may be.
        limit: usize,
    },
    /// The stream ended before a message did.
    #[error("the stream ended in the middle of a message")]
    Cut,
}

const PREFIX: usize = 4;

/// How much memory is kept for the next message that arrives in parts.
const KEPT: usize = 1024;

impl Framing {
    /// Append a message to what is sent. A line feed within a line is not looked for.
    pub fn encode(self, message: &[u8], out: &mut Vec<u8>) -> Result<(), FramingError> {
        self.encode_with(out, |out| out.extend_from_slice(message))
    }

    /// Append the message that `write` appends, so that it need not be made elsewhere first.
    ///
    /// Nothing is appended if it is too long for its length to be written down.
    pub fn encode_with(
        self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), FramingError> {
        match self {
            Self::Recv => write(out),
            Self::Line => {
                write(out);
                out.push(b'\n');
            }
            Self::Length => {
                let start = out.len();
                out.extend_from_slice(&[0; PREFIX]);
                write(out);
                let Ok(len) = u32::try_from(out.len() - start - PREFIX) else {
                    out.truncate(start);
                    return Err(FramingError::TooLong {
                        limit: u32::MAX as usize,
                    });
                };
                out[start..start + PREFIX].copy_from_slice(&len.to_be_bytes());
            }
        }
        Ok(())
    }
}

/// Finds the messages in what arrives.
///
/// It keeps no more than the beginning of one message, and that only as far as it has arrived: a
/// client that announces a long message gets no memory for it before it sends it.
#[derive(Debug)]
pub struct Deframer {
    framing: Framing,
    limit: usize,
    /// The beginning of a message, with the length before it if there is one.
    begun: Vec<u8>,
    /// Whether `begun` was handed out, and is to be forgotten.
    done: bool,
}

impl Deframer {
    /// Begin a stream whose messages are no longer than `max_message` bytes, at least one.
    ///
    /// What [`Framing::Recv`] finds longer than that is several messages, as `recv(max_message)`
    /// would have it.
    #[must_use]
    pub const fn new(framing: Framing, max_message: usize) -> Self {
        let limit = if max_message == 0 { 1 } else { max_message };
        Self {
            framing,
            limit,
            begun: Vec::new(),
            done: false,
        }
    }

    /// Return how messages are told apart.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        self.framing
    }

    /// Take the next message out of a piece, and leave the rest of the piece in it.
    ///
    /// `None` means that the piece is used up. To be called until then, or until an error, after
    /// which nothing that follows has a meaning. A message that is whole in the piece is not copied.
    ///
    /// # Errors
    /// [`FramingError::TooLong`], as soon as it is known.
    pub fn next<'a, 'p: 'a>(
        &'a mut self,
        piece: &mut &'p [u8],
    ) -> Result<Option<&'a [u8]>, FramingError> {
        self.forget();
        if piece.is_empty() {
            return Ok(None);
        }
        match self.framing {
            Framing::Recv => Ok(Some(take(piece, self.limit))),
            Framing::Line => self.next_line(piece),
            Framing::Length => self.next_counted(piece),
        }
    }

    /// Take what is left at the end of the stream: a last line may lack its end.
    ///
    /// # Errors
    /// [`FramingError::Cut`] if a message was announced and did not arrive.
    pub fn finish(&mut self) -> Result<Option<&[u8]>, FramingError> {
        self.forget();
        match self.framing {
            _ if self.begun.is_empty() => Ok(None),
            Framing::Length => Err(FramingError::Cut),
            _ if self.begun.len() > self.limit => Err(self.too_long()),
            _ => {
                self.done = true;
                Ok(Some(&self.begun))
            }
        }
    }

    fn next_line<'a, 'p: 'a>(
        &'a mut self,
        piece: &mut &'p [u8],
    ) -> Result<Option<&'a [u8]>, FramingError> {
        // Reading from a slice never fails, and looks for the byte as fast as the C library can.
        let mut rest = *piece;
        let len = rest.skip_until(b'\n').unwrap_or(piece.len());
        let found = take(piece, len);
        let Some(line) = found.strip_suffix(b"\n") else {
            // One more than the limit may be there, if it is a `\r` that will turn out to be an end.
            let len = self.begun.len() + found.len();
            if len > self.limit + usize::from(found.ends_with(b"\r")) {
                return Err(self.too_long());
            }
            self.begun.extend_from_slice(found);
            return Ok(None);
        };
        let line = if self.begun.is_empty() {
            line
        } else {
            // A line that is too long is not copied to find that out.
            if self.begun.len() + line.len() > self.limit + 1 {
                return Err(self.too_long());
            }
            self.begun.extend_from_slice(line);
            self.done = true;
            &self.begun
        };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.limit {
            return Err(FramingError::TooLong { limit: self.limit });
        }
        Ok(Some(line))
    }

    fn next_counted<'a, 'p: 'a>(
        &'a mut self,
        piece: &mut &'p [u8],
    ) -> Result<Option<&'a [u8]>, FramingError> {
        if self.begun.is_empty() {
            if let Some((prefix, rest)) = piece.split_first_chunk() {
                let len = self.announced(*prefix)?;
                if rest.len() >= len {
                    *piece = rest;
                    return Ok(Some(take(piece, len)));
                }
            }
        }
        let missing = PREFIX.saturating_sub(self.begun.len());
        self.begun.extend_from_slice(take(piece, missing));
        let Some(prefix) = self.begun.first_chunk() else {
            return Ok(None);
        };
        let whole = PREFIX + self.announced(*prefix)?;
        self.begun
            .extend_from_slice(take(piece, whole - self.begun.len()));
        if self.begun.len() < whole {
            return Ok(None);
        }
        self.done = true;
        Ok(Some(&self.begun[PREFIX..]))
    }

    fn announced(&self, prefix: [u8; PREFIX]) -> Result<usize, FramingError> {
        match usize::try_from(u32::from_be_bytes(prefix)) {
            Ok(len) if len <= self.limit => Ok(len),
            _ => Err(self.too_long()),
        }
    }

    const fn too_long(&self) -> FramingError {
        FramingError::TooLong { limit: self.limit }
    }

    fn forget(&mut self) {
        if self.done {
            self.done = false;
            self.begun.clear();
            // An idle connection is to be small, whatever it once received.
            if self.begun.capacity() > KEPT {
                self.begun = Vec::new();
            }
        }
    }
}

/// Take so many bytes from the front, or as many as there are.
fn take<'a>(piece: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (front, rest) = piece.split_at(count.min(piece.len()));
    *piece = rest;
    front
}
