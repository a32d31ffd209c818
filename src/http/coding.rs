//! Content codings: gzip, deflate, br, one after the other, in small pieces.
//!
//! Nothing here grows with the input: each coding has a buffer of [`PIECE`] bytes and its window,
//! and what it makes is handed on piece by piece, so that whoever takes the pieces can stop a bomb.

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
    /// Errors: [`Error::UnknownCoding`], and [`Error::Limit`] for more than five.
    pub fn of(headers: &Headers) -> Result<Option<Self>> {
        let mut stages = Vec::new();
        for name in headers.members("content-encoding") {
            let stage = match name.to_ascii_lowercase().as_slice() {
                b"identity" => continue,
                b"gzip" | b"x-gzip" => Stage::gzip(),
                b"deflate" => Stage::deflate(),
                b"br" => Stage::brotli(),
                _ => return Err(Error::UnknownCoding(excerpt(name))),
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

    /// Decode a piece of the body; what comes of it goes to `sink`, in pieces.
    ///
    /// Errors: [`Error::Coding`], and whatever `sink` fails with, which ends the call.
    pub fn feed<E: From<Error>>(
        &mut self,
        input: &[u8],
        sink: Sink<'_, E>,
    ) -> std::result::Result<(), E> {
        run(&mut self.stages, input, sink)
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

fn run<E: From<Error>>(
    stages: &mut [Stage],
    input: &[u8],
    sink: Sink<'_, E>,
) -> std::result::Result<(), E> {
    match stages {
        [] if input.is_empty() => Ok(()),
        [] => sink(input),
        [stage, rest @ ..] => stage.feed(input, &mut |piece| run(rest, piece, sink)),
    }
}

struct Stage {
    name: &'static str,
    coder: Coder,
    state: State,
    buffer: Vec<u8>,
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

    fn feed<E: From<Error>>(
        &mut self,
        mut input: &[u8],
        sink: Sink<'_, E>,
    ) -> std::result::Result<(), E> {
        while let Some((&first, rest)) = input.split_first() {
            match (self.state, &mut self.coder) {
                (State::Start, Coder::Deflate(_)) => {
                    self.state = State::First(first);
                    input = rest;
                }
                (State::Start | State::First(_) | State::Within, _) => {
                    input = self.work(input, sink)?;
                }
                (State::Between, Coder::Gzip(_)) if first == 0x1f => {
                    self.state = State::Again(first);
                    input = rest;
                }
                (State::Again(before), Coder::Gzip(coder)) if first == 0x8b => {
                    *coder = Decompress::new_gzip(15);
                    self.state = State::Within;
                    self.work(&[before], sink)?;
                }
                (State::Between | State::Again(_) | State::End, _) => {
                    self.state = State::End;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Decode until the input is used up or the data end, and return what is left.
    fn work<'a, E: From<Error>>(
        &mut self,
        mut input: &'a [u8],
        sink: Sink<'_, E>,
    ) -> std::result::Result<&'a [u8], E> {
        if let (State::First(first), Coder::Deflate(coder)) = (self.state, &mut self.coder) {
            let is_zlib = is_zlib(first, input[0]);
            *coder = Some(Decompress::new(is_zlib));
            self.state = State::Within;
            self.work(&[first], sink)?;
        }
        self.state = State::Within;
        self.buffer.resize(PIECE, 0);
        loop {
            let (taken, made, step) =
                self.coder
                    .step(input, &mut self.buffer)
                    .ok_or(Error::Coding {
                        coding: self.name,
                        reason: "its data are corrupt",
                    })?;
            input = &input[taken..];
            if made > 0 {
                sink(&self.buffer[..made])?;
            }
            if let Step::End = step {
                self.state = State::Between;
                return Ok(input);
            }
            // With room left in the buffer, nothing more can be made of nothing.
            if input.is_empty() && made < self.buffer.len() {
                return Ok(input);
            }
        }
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
