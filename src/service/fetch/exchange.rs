//! One request and its reply, on a connection that is there.

use std::ops::Range;
use std::time::Duration;

use super::clock::{Clock, Stop};
use super::dense::Dense;
use super::failure::{Cause, Doing};
use super::sink::Sink;
use super::stream::{Came, End, Stream};
use crate::http::{Decoder, Event, Framing, Limits, Reply};
use crate::sys::io::Target;
use crate::sys::poll::{Entry, Readiness};

/// How much is read at once from the beginning: few replies have more.
const SMALL: usize = 16 * 1024;

/// How much is read at once where there is much.
const LARGE: usize = 256 * 1024;

/// From this status on, a reply that comes before the request is sent says not to send the rest.
const REFUSED: u16 = 400;

/// One request and its reply. It can be left and taken up again wherever it stops.
#[derive(Debug)]
pub(super) struct Exchange {
    request: Vec<u8>,
    sent: usize,
    /// Whether what was to be sent is sent, or nobody wants it any more.
    done_sending: bool,
    pub(super) reply: Reply,
    inbox: Vec<u8>,
    /// What of the inbox was received and not looked at.
    fresh: Range<usize>,
    /// What of the inbox belongs to the body and was not decoded yet.
    body: Range<usize>,
    decoder: Option<Decoder>,
    dense: Dense,
    draining: bool,
    wanted: Wanted,
    /// Whether to read before waiting: there may be more where this came from.
    eager: bool,
    /// Every byte of the reply, where it was asked for.
    raw: Option<Vec<u8>>,
    first_byte: Option<Duration>,
    ended: Option<End>,
    /// Why sending failed: there may be a reply that says more.
    broken: Option<Box<Cause>>,
}

/// What an exchange is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) limits: Limits,
    pub(super) decode: bool,
    pub(super) keep_raw: bool,
}

impl Exchange {
    /// Begin with a request as it is sent.
    pub(super) fn new(method: &str, request: Vec<u8>, wanted: Wanted) -> Self {
        Self {
            request,
            sent: 0,
            done_sending: false,
            reply: Reply::new(method, wanted.limits),
            inbox: vec![0; SMALL],
            fresh: 0..0,
            body: 0..0,
            decoder: None,
            dense: Dense::default(),
            draining: false,
            wanted,
            eager: false,
            raw: wanted.keep_raw.then(Vec::new),
            first_byte: None,
            ended: None,
            broken: None,
        }
    }

    /// Return what it is about.
    pub(super) fn doing(&self) -> Doing {
        match (self.first_byte, self.done_sending) {
            (Some(_), _) => Doing::Receiving,
            (None, true) => Doing::Waiting,
            (None, false) => Doing::Sending,
        }
    }

    /// Return when the first byte came.
    pub(super) const fn first_byte(&self) -> Option<Duration> {
        self.first_byte
    }

    /// Return whether more came than belongs to the reply.
    pub(super) fn has_more(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Return how many bytes the body will have, if that is known.
    pub(super) fn total(&self) -> Option<u64> {
        match &self.decoder {
            Some(_) => None,
            None => self.reply.length(),
        }
    }

    /// Give back the request, and every byte of the reply where that was asked for.
    pub(super) fn into_parts(self) -> (Vec<u8>, Option<Vec<u8>>, Reply) {
        (self.request, self.raw, self.reply)
    }

    /// Return whether the connection can be used once more.
    pub(super) fn reusable(&self) -> bool {
        self.reply.reusable()
            && !self.has_more()
            && self.ended.is_none()
            && self.sent == self.request.len()
    }

    /// Go on until the head is there.
    pub(super) fn head(&mut self, stream: &mut Stream, clock: &mut Clock) -> Result<(), Stop> {
        while self.reply.head().is_none() {
            clock.tick()?;
            if !self.feed()? {
                self.more(stream, clock)?;
            }
        }
        Ok(())
    }

    /// Prepare for the body of the head that is there.
    pub(super) fn expect(&mut self, sink: &mut Sink) -> Result<(), Stop> {
        let Some(head) = self.reply.head() else {
            return Ok(());
        };
        if self.wanted.decode && self.reply.framing() != Some(Framing::None) {
            self.decoder = Decoder::of(&head.headers)?;
        }
        if let (None, Some(length)) = (&self.decoder, self.reply.length()) {
            sink.check(length)?;
        }
        Ok(())
    }

    /// Go on until the reply is whole, and its body moved on.
    pub(super) fn body(
        &mut self,
        stream: &mut Stream,
        sink: &mut Sink,
        clock: &mut Clock,
    ) -> Result<(), Stop> {
        loop {
            sink.settle(false, clock)?;
            clock.tick()?;
            if self.draining || !self.body.is_empty() {
                self.settle_piece(sink)?;
            } else if self.reply.is_whole() {
                break;
            } else if !self.feed()? {
                self.more(stream, clock)?;
            }
        }
        if let Some(decoder) = &self.decoder {
            decoder.finish()?;
        }
        if let (true, Some(head)) = (sink.counts(), self.reply.head()) {
            self.dense.again(&head.headers, sink, clock)?;
        }
        sink.settle(true, clock)
    }

    /// Return how much memory the body takes that can be received into it straight away: its
    /// length is known, and it is as it comes.
    pub(super) fn straight(&self, stream: &Stream) -> Option<usize> {
        match self.reply.framing() {
            Some(Framing::Length(length))
                if self.decoder.is_none() && self.raw.is_none() && !stream.is_secure() =>
            {
                usize::try_from(length)
                    .ok()
                    .filter(|length| *length >= LARGE / 4)
            }
            _ => None,
        }
    }

    /// As [`Exchange::body`], into memory for all of it, of which `filled` bytes are filled.
    pub(super) fn fill(
        &mut self,
        stream: &mut Stream,
        (into, filled): (&mut Target<'_>, &mut usize),
        sink: &mut Sink,
        clock: &mut Clock,
    ) -> Result<(), Stop> {
        loop {
            sink.settle(false, clock)?;
            clock.tick()?;
            if !self.body.is_empty() {
                let piece = &self.inbox[self.body.clone()];
                let count = into.skip(*filled).fill(piece);
                self.body.start = self.body.end;
                *filled += count;
                sink.pass(count);
            } else if self.reply.is_whole() {
                return Ok(());
            } else if !self.feed()? {
                if self.ended.is_none() && self.done_sending {
                    let count = self.receive_into(stream, &mut into.skip(*filled), clock)?;
                    *filled += self.reply.pass(count);
                    sink.pass(count);
                } else {
                    self.more(stream, clock)?;
                }
            }
        }
    }

    /// Make more room for reading, as nothing is waiting to be looked at.
    fn widen(&mut self) {
        if self.inbox.len() < LARGE {
            self.inbox.resize(LARGE, 0);
        }
    }
}

impl Exchange {
    /// Let the reply look at what was received, and return whether anything came of it.
    fn feed(&mut self) -> Result<bool, Stop> {
        let Range { start, end } = self.fresh;
        let (taken, event) = self.reply.feed(&self.inbox[start..end])?;
        let progress = taken > 0 || event != Event::More;
        let body = match event {
            Event::Body(piece) => piece.len(),
            _ => 0,
        };
        if let Some(raw) = &mut self.raw {
            raw.try_reserve(taken).map_err(|_| Cause::NoMemory)?;
            raw.extend_from_slice(&self.inbox[start..start + taken]);
        }
        self.fresh.start += taken;
        // A piece of the body is the last of what was taken.
        self.body = start + taken - body..start + taken;
        Ok(progress)
    }

    /// Move a piece of the body on, decoded.
    fn settle_piece(&mut self, sink: &mut Sink) -> Result<(), Stop> {
        let piece = &self.inbox[self.body.clone()];
        let Some(decoder) = &mut self.decoder else {
            self.body.start = self.body.end;
            return sink.take(piece);
        };
        sink.check_coded(self.reply.received())?;
        let (taken, made) = decoder.pull(piece)?;
        if sink.is_memory() {
            self.dense.keep(&piece[..taken], sink.counts())?;
            if self.dense.is_whole() && !sink.counts() && sink.is_dense(self.reply.received()) {
                sink.begin_counting();
            }
        }
        self.body.start += taken;
        // There may be more in what the decoder has already.
        self.draining = !made.is_empty();
        sink.take(made)
    }

    /// Get more to look at, or take in that there is no more.
    fn more(&mut self, stream: &mut Stream, clock: &mut Clock) -> Result<(), Stop> {
        match self.ended {
            Some(end) => self.end(end),
            None => self.transfer(stream, clock),
        }
    }

    /// Take in that no more comes.
    fn end(&mut self, end: End) -> Result<(), Stop> {
        let unsaid = end == End::Unsaid && self.reply.framing() == Some(Framing::UntilClose);
        match self.reply.end_of_input() {
            Ok(()) if unsaid => Err(Cause::Cut.into()),
            Ok(()) => Ok(()),
            // Nothing came because nothing got through.
            Err(_) if self.first_byte.is_none() && self.broken.is_some() => {
                Err(self.broken.take().map_or(Stop::Look, Stop::Failed))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Send and receive one step.
    fn transfer(&mut self, stream: &mut Stream, clock: &mut Clock) -> Result<(), Stop> {
        let refused = |status| status >= REFUSED;
        if self.reply.head().is_some_and(|head| refused(head.status)) {
            self.done_sending = true;
        }
        if self.done_sending {
            return self.receive(stream, clock);
        }
        match self.send(stream, clock) {
            Ok(true) => self.done_sending = true,
            Ok(false) => {
                if !self.read(stream, clock)? {
                    let readable = Entry::new(stream.fd(), Readiness::Read);
                    let writable = Entry::new(stream.fd(), Readiness::Write);
                    clock.wait_any(&mut [readable, writable])?;
                }
            }
            Err(Stop::Failed(cause)) if is_gone(&cause) => {
                self.broken = Some(cause);
                self.done_sending = true;
            }
            Err(stop) => return Err(stop),
        }
        Ok(())
    }

    /// Send what can be sent, and return whether that is all.
    fn send(&mut self, stream: &mut Stream, clock: &mut Clock) -> Result<bool, Stop> {
        while self.sent < self.request.len() {
            clock.tick()?;
            let count = stream.write(&self.request[self.sent..], clock)?;
            self.sent += count;
            if !stream.flush(clock)? || count == 0 {
                return Ok(false);
            }
        }
        stream.flush(clock)
    }

    /// Receive, and wait for it if nothing is there.
    fn receive(&mut self, stream: &mut Stream, clock: &mut Clock) -> Result<(), Stop> {
        if !self.eager && !stream.is_ahead() {
            clock.wait(stream.fd(), Readiness::Read)?;
        }
        match self.read(stream, clock) {
            Err(Stop::Failed(_)) if self.first_byte.is_none() && self.broken.is_some() => {
                Err(self.broken.take().map_or(Stop::Look, Stop::Failed))
            }
            outcome => outcome.map(drop),
        }
    }

    /// As [`Exchange::receive`], into memory of the caller's.
    fn receive_into(
        &mut self,
        stream: &mut Stream,
        into: &mut Target<'_>,
        clock: &mut Clock,
    ) -> Result<usize, Stop> {
        if !self.eager {
            clock.wait(stream.fd(), Readiness::Read)?;
        }
        let came = stream.read_plain(into, clock)?;
        self.eager = false;
        match came {
            Came::Bytes(count) => return Ok(count),
            Came::End(end) => self.ended = Some(end),
            Came::Nothing => {}
        }
        Ok(0)
    }

    /// Receive what is there, and return whether anything is.
    fn read(&mut self, stream: &mut Stream, clock: &mut Clock) -> Result<bool, Stop> {
        self.eager = false;
        match stream.read(&mut self.inbox, clock)? {
            Came::Nothing => return Ok(false),
            Came::Bytes(count) => {
                self.fresh = 0..count;
                let is_full = count == self.inbox.len();
                self.eager = is_full || stream.is_secure();
                if is_full && self.reply.head().is_some() {
                    // Grown here, where it is filled: what it holds stays.
                    self.widen();
                }
                self.first_byte.get_or_insert_with(|| clock.elapsed());
            }
            Came::End(end) => self.ended = Some(end),
        }
        Ok(true)
    }
}

/// Return whether the other side is gone.
pub(super) fn is_gone(cause: &Cause) -> bool {
    let Cause::Core(error) = cause else {
        return false;
    };
    matches!(
        error.errno(),
        Some(libc::EPIPE | libc::ECONNRESET | libc::ECONNABORTED | libc::ENOTCONN)
    )
}
