//! A whole reply as a machine: bytes in, and what they mean out. It keeps no byte of the body.

use super::chunked::{Chunk, Chunked};
use super::error::{Error, Result};
use super::framing::Framing;
use super::head::{Head, HeadReader, Limits};
use super::headers::Headers;

/// What came of a piece of input.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// All of it was taken, and more is needed.
    More,
    /// The head is whole: [`Reply::head`] has it.
    Head,
    /// Bytes of the body, without the framing, still encoded.
    Body(&'a [u8]),
    /// The reply is whole; what is left of the input does not belong to it.
    End,
}

/// Reads one reply.
///
/// ```
/// use rsock::http::{Event, Limits, Reply};
///
/// let mut input: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello";
/// let mut reply = Reply::new("GET", Limits::default());
/// let mut body = Vec::new();
/// loop {
///     let (taken, event) = reply.feed(input)?;
///     input = &input[taken..];
///     match event {
///         Event::Head => assert_eq!(reply.head().map(|head| head.status), Some(200)),
///         Event::Body(piece) => body.extend_from_slice(piece),
///         Event::More => break, // get more input, or call end_of_input()
///         Event::End => break,
///     }
/// }
/// assert_eq!(body, b"Hello");
/// assert!(reply.is_whole() && reply.reusable());
/// # Ok::<(), rsock::http::Error>(())
/// ```
#[derive(Debug)]
pub struct Reply {
    method: String,
    limits: Limits,
    state: State,
    reader: HeadReader,
    head: Option<Head>,
    framing: Framing,
    trailers: Headers,
    informational: usize,
    /// Bytes of the informational heads before this one.
    before: usize,
    received: u64,
}

#[derive(Debug)]
enum State {
    Head,
    Length { left: u64 },
    Chunked(Box<Chunked>),
    UntilClose,
    End,
    Failed(Box<Error>),
}

impl Reply {
    /// Begin a reply to a request with this method.
    #[must_use]
    pub fn new(method: &str, limits: Limits) -> Self {
        Self {
            method: method.to_owned(),
            limits,
            state: State::Head,
            reader: HeadReader::default(),
            head: None,
            framing: Framing::None,
            trailers: Headers::new(),
            informational: 0,
            before: 0,
            received: 0,
        }
    }

    /// Take bytes, and return how many, and what came of them; ask again with the rest, which may
    /// be nothing, until the answer is [`Event::More`] or [`Event::End`].
    ///
    /// Bytes of the body are slices of the input. After an error comes the same error again.
    ///
    /// Errors: those that are of the kinds `BadReply` and `TooLarge`.
    pub fn feed<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>)> {
        let outcome = self.advance(input);
        if let Err(error) = &outcome {
            self.state = State::Failed(Box::new(error.clone()));
        }
        outcome
    }

    fn advance<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>)> {
        match &mut self.state {
            State::Head => self.feed_head(input),
            State::Length { left } => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let data = &input[..input.len().min(most)];
                *left -= data.len() as u64;
                if *left == 0 && data.is_empty() {
                    self.state = State::End;
                    return Ok((0, Event::End));
                }
                Ok(self.body(data.len(), data))
            }
            State::UntilClose => Ok(self.body(input.len(), input)),
            State::Chunked(chunks) => match chunks.feed(input)? {
                (taken, Chunk::Data(data)) => Ok(self.body(taken, data)),
                (taken, Chunk::More) => Ok((taken, Event::More)),
                (taken, Chunk::End) => {
                    self.trailers = chunks.take_trailers();
                    self.state = State::End;
                    Ok((taken, Event::End))
                }
            },
            State::End => Ok((0, Event::End)),
            State::Failed(error) => Err((**error).clone()),
        }
    }

    fn body<'a>(&mut self, taken: usize, data: &'a [u8]) -> (usize, Event<'a>) {
        self.received += data.len() as u64;
        match data {
            [] => (taken, Event::More),
            data => (taken, Event::Body(data)),
        }
    }

    fn feed_head<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>)> {
        let mut taken = 0;
        loop {
            let room = self.limits.head_bytes.saturating_sub(self.before);
            let (step, head) = self.reader.feed(&input[taken..], room, &self.limits)?;
            taken += step;
            let Some(head) = head else {
                return Ok((taken, Event::More));
            };
            if !head.is_informational() {
                self.begin_body(head)?;
                return Ok((taken, Event::Head));
            }
            self.before += head.raw.len();
            self.informational += 1;
            if self.informational > self.limits.informational {
                return Err(Error::Limit {
                    what: "more informational (1xx) replies before it",
                    limit: self.limits.informational as u64,
                });
            }
        }
    }

    fn begin_body(&mut self, head: Head) -> Result<()> {
        let framing = Framing::of(&head, &self.method);
        // Kept first: whoever reports a bad reply wants to show its head.
        self.head = Some(head);
        self.framing = framing?;
        self.state = match self.framing {
            Framing::None => State::End,
            Framing::Length(left) => State::Length { left },
            Framing::Chunked => State::Chunked(Box::new(Chunked::new(self.limits))),
            Framing::UntilClose => State::UntilClose,
        };
        Ok(())
    }

    /// Take in that so many bytes of a body of known length came, and went elsewhere; return how
    /// many of them belong to it.
    pub fn pass(&mut self, count: usize) -> usize {
        let State::Length { left } = &mut self.state else {
            return 0;
        };
        let count = (*left).min(count as u64);
        *left -= count;
        self.received += count;
        // No more than was passed.
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// Tell it that no more input comes.
    ///
    /// Errors: [`Error::IncompleteHead`] or [`Error::IncompleteBody`] if that was too early, or the
    /// error that there was before.
    pub fn end_of_input(&mut self) -> Result<()> {
        let error = match &self.state {
            State::End => return Ok(()),
            State::UntilClose => {
                self.state = State::End;
                return Ok(());
            }
            State::Length { left: 0 } => {
                self.state = State::End;
                return Ok(());
            }
            State::Head => Error::IncompleteHead {
                received: self.before + self.reader.received(),
            },
            State::Length { left } => Error::IncompleteBody {
                received: self.received,
                expected: Some(self.received.saturating_add(*left)),
            },
            State::Chunked(_) => Error::IncompleteBody {
                received: self.received,
                expected: None,
            },
            State::Failed(error) => (**error).clone(),
        };
        self.state = State::Failed(Box::new(error.clone()));
        Err(error)
    }

    /// Return whether the reply is whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self.state, State::End)
    }

    /// Return whether another request may follow on the same connection: the reply is whole, its
    /// end was not the end of the connection, and the server keeps it.
    ///
    /// Bytes behind the end say no, too, and only the caller knows of them.
    #[must_use]
    pub fn reusable(&self) -> bool {
        let Some(head) = &self.head else {
            return false;
        };
        let is_coded = head.headers.contains("transfer-encoding");
        self.is_whole()
            && self.framing != Framing::UntilClose
            && head.keeps_alive()
            && head.status != 101
            && self.method != "CONNECT"
            // RFC 9112 6.1: whoever sends such a thing is not to be believed a second time.
            && !(is_coded && (head.minor == 0 || head.headers.contains("content-length")))
    }

    /// Return the head, once it is whole.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Take the head and the trailers out.
    #[must_use]
    pub fn into_parts(self) -> (Option<Head>, Headers) {
        (self.head, self.trailers)
    }

    /// Return where the body ends, once the head is whole.
    #[must_use]
    pub fn framing(&self) -> Option<Framing> {
        self.head.as_ref().map(|_| self.framing)
    }

    /// Return how many bytes the body has, if the head said so.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match self.framing()? {
            Framing::Length(length) => Some(length),
            Framing::None => Some(0),
            Framing::Chunked | Framing::UntilClose => None,
        }
    }

    /// Return how many bytes of input still belong to the reply, if that is known.
    ///
    /// So many may be read and no more where what follows belongs to somebody else.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        match self.state {
            State::Length { left } => Some(left),
            State::End => Some(0),
            _ => None,
        }
    }

    /// Return how many bytes of the body came, without the framing.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }
}
