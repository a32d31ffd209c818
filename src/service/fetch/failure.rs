//! What a fetch fails with.

use std::fmt;
use std::time::Duration;

use super::fetched::Fetched;
use crate::error::Error;
use crate::http;
use crate::sys;

/// Why a fetch failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The system said no.
    Core(Error),
    /// The deadline of the whole fetch passed.
    TimedOut,
    /// The other side was waited for longer than it may let us wait.
    Quiet,
    /// The client was closed meanwhile.
    Closed,
    /// What was asked for cannot be asked for, or what came is no reply.
    Http(http::Error),
    /// There is no trust, or no TLS; in words.
    Tls(String),
    /// The reply may have been cut off: TLS did not end as it should.
    Cut,
    /// The body is larger than this.
    TooLarge(u64),
    /// A proxy did not let us through; in words.
    Proxy(String),
    /// What was received could not be written.
    Sink(Error),
    /// There is no memory for the body.
    NoMemory,
}

impl From<Error> for Cause {
    fn from(error: Error) -> Self {
        match error {
            Error::TimedOut => Self::TimedOut,
            error => Self::Core(error),
        }
    }
}

impl From<std::io::Error> for Cause {
    fn from(error: std::io::Error) -> Self {
        Self::Core(Error::Os(error))
    }
}

impl From<http::Error> for Cause {
    fn from(error: http::Error) -> Self {
        Self::Http(error)
    }
}

/// What a fetch is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    LookingUp,
    Connecting,
    Securing,
    Sending,
    Waiting,
    Receiving,
}

/// Why a fetch failed, what to tell people about it, and what had come until then.
#[derive(Debug)]
pub struct Failure {
    /// Why.
    pub cause: Cause,
    /// What happened, with which server, and what to do next.
    pub message: String,
    /// What was fetched then, which differs from what was asked for after a redirect.
    pub url: String,
    /// What had come of the reply, if its head had.
    pub reply: Option<Box<Fetched>>,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// How a fetch ended that brought nothing; `E` is what its caller ends calls with.
#[derive(Debug)]
pub enum Ended<E> {
    /// The caller ended it, when it was interrupted or did not take what came.
    Raised(E),
    /// It failed.
    Failed(Box<Failure>),
}

/// What the words of a failure are made of.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) doing: Doing,
    /// Where the connection leads, as "example.com:80".
    pub(super) place: &'a str,
    pub(super) total: Option<Duration>,
    pub(super) patience: Option<Duration>,
    pub(super) received: u64,
}

impl Scene<'_> {
    /// Say what happened, with whom, and what to do next.
    pub(super) fn explain(&self, cause: &Cause) -> String {
        let place = self.place;
        match cause {
            Cause::Core(error) => self.system(error),
            Cause::TimedOut => format!(
                "timed out: {}{}; allow a longer timeout",
                self.so_far(),
                within(self.total)
            ),
            Cause::Quiet => format!(
                "timed out: {}, and nothing more came{}; allow a longer read_timeout",
                self.so_far(),
                within(self.patience)
            ),
            Cause::Closed => "the client was closed; make a new one".into(),
            Cause::Http(error) if error.kind() == http::Kind::Argument => error.to_string(),
            Cause::Http(error) => format!("{place}: {error}"),
            Cause::Tls(words) | Cause::Proxy(words) => words.clone(),
            Cause::Cut => format!(
                "{place} ended the connection without saying that this is all: {} bytes came, and \
                 there may be more",
                self.received
            ),
            Cause::TooLarge(most) => format!(
                "the body from {place} is larger than the {most} bytes that max_body allows"
            ),
            Cause::Sink(error) => format!("what came from {place} cannot be written: {error}"),
            Cause::NoMemory => format!("there is no memory for what came from {place}"),
        }
    }

    fn so_far(&self) -> String {
        let place = self.place;
        match self.doing {
            Doing::LookingUp => format!("the name of {place} could not be looked up"),
            Doing::Connecting => format!("{place} took no connection"),
            Doing::Securing => format!("{place} did not finish the TLS handshake"),
            Doing::Sending => format!("{place} did not take the request"),
            Doing::Waiting => format!("{place} sent no reply"),
            Doing::Receiving => format!(
                "the reply of {place} was not complete ({} bytes of its body came)",
                self.received
            ),
        }
    }

    /// Say what the system's error means for a fetch.
    fn system(&self, error: &Error) -> String {
        let place = self.place;
        let words = match error {
            Error::Os(error) => match error.raw_os_error() {
                Some(errno) => sys::strerror(errno),
                None => error.to_string(),
            },
            other => other.to_string(),
        };
        let errno = error.errno().unwrap_or(0);
        let what = match (errno, error) {
            (libc::ECONNREFUSED, _) => {
                format!("nobody listens at {place}; check the address, or start the server")
            }
            (libc::ECONNRESET | libc::EPIPE, _) => {
                format!("{place} ended the connection abruptly; {}", self.so_far())
            }
            (libc::EMFILE, _) => "close some files or connections first".into(),
            (_, Error::AddressInfo { code, .. }) if *code == libc::EAI_AGAIN => {
                format!("the host of {place} cannot be looked up now; try again later")
            }
            (_, Error::AddressInfo { .. }) => {
                format!("the host of {place} cannot be found; check its name")
            }
            _ => match self.doing {
                Doing::LookingUp | Doing::Connecting | Doing::Securing => {
                    format!("connecting to {place}")
                }
                Doing::Sending => format!("sending to {place}"),
                Doing::Waiting | Doing::Receiving => format!("receiving from {place}"),
            },
        };
        format!("{words}: {what}")
    }
}

/// Say how long it took, as in " within 5 s".
fn within(limit: Option<Duration>) -> String {
    limit.map_or(String::new(), |limit| {
        format!(" within {} s", limit.as_secs_f64())
    })
}
