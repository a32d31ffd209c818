//! Content codings: gzip, deflate, br, one after the other, in small pieces.
//!
//! Nothing here grows with the input: each coding has a buffer of [`PIECE`] bytes and its window,
//! and what it makes is handed on piece by piece, so that whoever takes the pieces can stop a bomb.

use std::fmt;
use std::ops::Range;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};

use super::error::{Error, Result, excerpt};
use super::headers::Headers;

/// Codings that one body may have, one around the other.
const CODINGS: usize = 5;

/// Bytes that come out at once, at most.
const PIECE: usize = 32 << 10;

/// What a request says in `Accept-Encoding` for all that is decoded here.
pub const ACCEPTED: &str = "gzip, deflate, br";

/// Takes the pieces of the body.
type Sink<'a, E> = &'a mut dyn FnMut(&[u8]) -> std::result::Result<(), E>;

/// Undoes the content codings of a body.
pub struct Decoder {
    /// In the order in which they are undone: the last one that was applied comes first.
    stages: Vec<Stage>,
}

impl Decoder {
    /// Find what undoes the codings that the headers name; nothing if they name none.
    ///
    /// A word that is no coding, as the `UTF-8` that some servers put there, is passed over.
    ///
    /// Errors: [`Error::UnknownCoding`] for one that is registered and not known here, and [`Error::Limit`] for more than five, or for `br` twice:
    /// its window may be 16 MiB large.
    pub fn of(headers: &Headers) -> Result<Option<Self>> {
        let mut stages = Vec::new();
        for name in headers.members("content-encoding") {
            let is_second_br =
                |stage: &Stage| stage.name == "br" && name.eq_ignore_ascii_case(b"br");
            if stages.iter().any(is_second_br) {
                return Err(Error::Limit {
                    what: "more codings of large windows",
                    limit: 1,
                });
            }
            let stage = match name.to_ascii_lowercase().as_slice() {
                b"identity" => continue,
                b"gzip" | b"x-gzip" => Stage::gzip(),
                b"deflate" => Stage::deflate(),
                b"br" => Stage::brotli(),
                b"zstd" | b"compress" | b"x-compress" | b"dcb" | b"dcz" | b"exi" | b"aes128gcm"
                | b"pack200-gzip" => return Err(Error::UnknownCoding(excerpt(name))),
                _ => continue,
            };
            if stages.len() == CODINGS {
                return Err(Error::Limit {
                    what: "more content codings",
                    limit: CODINGS as u64,
                });
            }
            stages.push(stage);
        }
        stages.reverse();
        Ok((!stages.is_empty()).then_some(Self { stages }))
    }

    /// Take some of the input, and return how much, and a piece of what comes of it.
    ///
    /// More may come of what was taken before: ask again, if need be with no input, until nothing
    /// is taken and nothing comes. Errors: [`Error::Coding`].
    pub fn pull(&mut self, input: &[u8]) -> Result<(usize, &[u8])> {
        let mut taken = 0;
        let mut progress = true;
        while progress {
            progress = false;
            // From the last stage on: what it has is handed out before anything else is made.
            for place in (0..self.stages.len()).rev() {
                let (before, rest) = self.stages.split_at_mut(place);
                let Some(stage) = rest.first_mut().filter(|stage| stage.ready.is_empty()) else {
                    break;
                };
                let from = match before.last_mut() {
                    None => {
                        let count = stage.feed(&input[taken..])?;
                        taken += count;
                        count
                    }
                    Some(before) => {
                        let count = stage.feed(&before.buffer[before.ready.clone()])?;
                        before.ready.start += count;
                        count
                    }
                };
                progress |= from > 0 || !stage.ready.is_empty();
            }
            if self
                .stages
                .last()
                .is_some_and(|last| !last.ready.is_empty())
            {
                break;
            }
        }
        let Some(last) = self.stages.last_mut() else {
            return Ok((input.len(), &[]));
        };
        let ready = std::mem::take(&mut last.ready);
        Ok((taken, &last.buffer[ready]))
    }

    /// Decode a piece of the body; what comes of it goes to `sink`, in pieces.
    ///
    /// Errors: [`Error::Coding`], and whatever `sink` fails with, which ends the call.
    pub fn feed<E: From<Error>>(
        &mut self,
        mut input: &[u8],
        sink: Sink<'_, E>,
    ) -> std::result::Result<(), E> {
        loop {
            let (taken, made) = self.pull(input)?;
            if taken == 0 && made.is_empty() {
                return Ok(());
            }
            if !made.is_empty() {
                sink(made)?;
            }
            input = &input[taken..];
        }
    }

    /// Tell it that the body is whole.
    ///
    /// Errors: [`Error::IncompleteCoding`] if it ends before the compressed data do. A body without
    /// a single byte is let pass: it is what servers answer to HEAD, and some to everything.
    pub fn finish(&self) -> Result<()> {
        match self.stages.iter().find(|stage| !stage.may_end()) {
            Some(stage) => Err(Error::IncompleteCoding { coding: stage.name }),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.stages.iter().map(|stage| stage.name);
        out.debug_list().entries(names).finish()
    }
}

struct Stage {
    name: &'static str,
    coder: Coder,
    state: State,
    buffer: Vec<u8>,
    /// What of the buffer nobody took yet.
    ready: Range<usize>,
}

enum Coder {
    Gzip(Decompress),
    /// Zlib or raw: its first two bytes say which.
    Deflate(Option<Decompress>),
    Brotli(Box<Brotli>),
}

type Brotli = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

/// Where in its input a coding is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing came yet.
    Start,
    /// This is the first byte, and the second one has to be known, too.
    First(u8),
    /// In the compressed data.
    Within,
    /// Behind the end of a member, where another one may begin.
    Between,
    /// Behind that, and this byte begins another one, perhaps.
    Again(u8),
    /// Behind the end. What comes is no part of it: servers pad with zeros, or worse, and curl
    /// takes no offence.
    End,
}

enum Step {
    More,
    End,
}

impl Stage {
    fn new(name: &'static str, coder: Coder) -> Self {
        Self {
            name,
            coder,
            state: State::Start,
            buffer: Vec::new(),
            ready: 0..0,
        }
    }

    fn gzip() -> Self {
        Self::new("gzip", Coder::Gzip(Decompress::new_gzip(15)))
    }

    fn deflate() -> Self {
        Self::new("deflate", Coder::Deflate(None))
    }

    fn brotli() -> Self {
        let state = Brotli::new_strict(
            StandardAlloc::default(),
            StandardAlloc::default(),
            StandardAlloc::default(),
        );
        Self::new("br", Coder::Brotli(Box::new(state)))
    }

    fn may_end(&self) -> bool {
        matches!(
            self.state,
            State::Start | State::Between | State::Again(_) | State::End
        )
    }

    /// Take some of the input, and return how much; what comes of it is ready then.
    fn feed(&mut self, input: &[u8]) -> Result<usize> {
        let mut taken = 0;
        loop {
            let rest = &input[taken..];
            match (self.state, &mut self.coder, rest.first()) {
                (State::Within, ..) => return Ok(taken + self.work(rest)?),
                (_, _, None) => return Ok(taken),
                (State::Start, Coder::Deflate(_), Some(&first)) => {
                    self.state = State::First(first);
                    taken += 1;
                }
                (State::Start, ..) => self.state = State::Within,
                (State::First(first), coder, Some(&second)) => {
                    if let Coder::Deflate(coder) = coder {
                        *coder = Some(Decompress::new(is_zlib(first, second)));
                    }
                    self.again(first)?;
                }
                (State::Between, Coder::Gzip(_), Some(&first @ 0x1f)) => {
                    self.state = State::Again(first);
                    taken += 1;
                }
                (State::Again(before), Coder::Gzip(coder), Some(0x8b)) => {
                    *coder = Decompress::new_gzip(15);
                    self.again(before)?;
                }
                (State::Between | State::Again(_) | State::End, ..) => {
                    self.state = State::End;
                    return Ok(input.len());
                }
            }
        }
    }

    /// Take in the byte that had to wait for the next one; nothing comes of a single byte.
    fn again(&mut self, first: u8) -> Result<()> {
        self.state = State::Within;
        self.work(&[first]).map(drop)
    }

    /// Decode once, and return how much was taken.
    fn work(&mut self, input: &[u8]) -> Result<usize> {
        self.buffer.resize(PIECE, 0);
        let outcome = self.coder.step(input, &mut self.buffer);
        let (taken, made, step) = outcome.ok_or(Error::Coding {
            coding: self.name,
            reason: "its data are corrupt",
        })?;
        self.ready = 0..made;
        if let Step::End = step {
            self.state = State::Between;
        }
        Ok(taken)
    }
}

impl Coder {
    /// Decode once: return how much was taken and made, or nothing if the data are corrupt.
    fn step(&mut self, input: &[u8], buffer: &mut [u8]) -> Option<(usize, usize, Step)> {
        match self {
            Self::Gzip(coder) => inflate(coder, input, buffer),
            Self::Deflate(coder) => inflate(coder.as_mut()?, input, buffer),
            Self::Brotli(coder) => {
                let (mut available, mut taken) = (input.len(), 0);
                let (mut room, mut made, mut total) = (buffer.len(), 0, 0);
                let result = BrotliDecompressStream(
                    &mut available,
                    &mut taken,
                    input,
                    &mut room,
                    &mut made,
                    buffer,
                    &mut total,
                    coder,
                );
                match result {
                    BrotliResult::ResultSuccess => Some((taken, made, Step::End)),
                    BrotliResult::ResultFailure => None,
                    BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {
                        Some((taken, made, Step::More))
                    }
                }
            }
        }
    }
}

fn inflate(
    coder: &mut Decompress,
    input: &[u8],
    buffer: &mut [u8],
) -> Option<(usize, usize, Step)> {
    let (before_in, before_out) = (coder.total_in(), coder.total_out());
    let status = coder
        .decompress(input, buffer, FlushDecompress::None)
        .ok()?;
    let count = |now: u64, before: u64| usize::try_from(now - before).ok();
    let taken = count(coder.total_in(), before_in)?;
    let made = count(coder.total_out(), before_out)?;
    match status {
        Status::StreamEnd => Some((taken, made, Step::End)),
        // No progress with input and room at hand would be for ever.
        _ if taken == 0 && made == 0 && !input.is_empty() => None,
        Status::Ok | Status::BufError => Some((taken, made, Step::More)),
    }
}

/// Return whether these are the first two bytes of zlib's form (RFC 1950 2.2).
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && (u16::from(first) << 8 | u16::from(second)) % 31 == 0
}
