//! The settings and connections that fetches share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::clock::Stop;
use super::failure::{Cause, Ended, Failure};
use super::fetched::Fetched;
use super::order::Order;
use super::pool::Pool;
use super::run::Run;
use super::tls::{Trust, Verify};
use crate::http::{ConnectTo, Proxies};
use crate::net::Caller;
use crate::net::blocking;
use crate::sys::io::Target;

/// What all fetches of a client have in common.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose certificates are good.
    pub verify: Verify,
    /// Where to connect instead of where URLs say.
    pub connect_to: ConnectTo,
    /// How many connections are kept for later requests.
    pub max_idle: usize,
}

/// Fills memory, and returns how much of it is filled.
pub type Fill<'a, A> =
    &'a mut dyn FnMut(&mut A, &mut Target<'_>) -> Result<usize, <A as Audience>::Error>;

/// Whoever hears of a fetch while it runs.
pub trait Audience {
    /// What ends the fetch.
    type Error;

    /// Take a piece of the body.
    fn take(&mut self, piece: &[u8]) -> Result<(), Self::Error>;

    /// Make memory for a body of this length, have it filled, and keep what was filled as the
    /// body; `fill` returns how many bytes that are. Whoever does not call it has the body come
    /// with the reply, as shorter ones do.
    fn hold(&mut self, _length: usize, _fill: Fill<'_, Self>) -> Result<(), Self::Error>
    where
        Self: Sized,
    {
        Ok(())
    }

    /// Hear how many bytes of the body came, and of how many, if that is known.
    fn hear(&mut self, done: u64, total: Option<u64>) -> Result<(), Self::Error>;
}

/// Fetches, and keeps connections for the next fetch. Many threads may use it.
#[derive(Debug)]
pub struct Client {
    pub(super) settings: Settings,
    pub(super) trust: Trust,
    pub(super) pool: Pool,
    pub(super) closed: Arc<AtomicBool>,
}

impl Client {
    /// Make a client. Nothing is read and nobody is asked until it fetches.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            trust: Trust::new(settings.verify.clone()),
            pool: Pool::new(settings.max_idle),
            settings,
            closed: Arc::default(),
        }
    }

    /// Fetch, and return when the reply is whole and its body has gone where it should.
    ///
    /// `proxies` says which proxy to go through. Errors: [`Ended::Raised`] with whatever the caller
    /// or the audience ended it with; [`Ended::Failed`] for everything else.
    pub fn fetch<C, A>(
        &self,
        caller: &C,
        order: Order,
        proxies: &Proxies,
        audience: &mut A,
    ) -> Result<Fetched, Ended<C::Error>>
    where
        C: Caller,
        A: Audience<Error = C::Error>,
    {
        let mut run = Run::begin(self, order, proxies, caller.looks()).map_err(|error| {
            Ended::Failed(Box::new(Failure {
                message: error.to_string(),
                cause: Cause::Http(error),
                url: String::new(),
                reply: None,
            }))
        })?;
        let outcome = loop {
            match drive(caller, audience, &mut run, Run::advance) {
                Ok(Err(Stop::Room(length))) => {
                    let held = hold(caller, audience, &mut run, length);
                    match held.map_err(Ended::Raised)? {
                        Ok(()) => {}
                        Err(cause) => break Err(cause),
                    }
                }
                Ok(Err(Stop::Failed(cause))) => break Err(cause),
                Ok(Ok(fetched)) => break Ok(fetched),
                // Taken care of where it is driven.
                Ok(Err(_)) => {}
                Err(error) => return Err(Ended::Raised(error)),
            }
        };
        match outcome {
            Ok(fetched) => {
                run.last_word(audience).map_err(Ended::Raised)?;
                Ok(fetched)
            }
            Err(cause) => Err(Ended::Failed(run.failure(*cause))),
        }
    }

    /// Return how many connections are kept.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.pool.len()
    }

    /// Return whether the client was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Close all connections; fetches under way end with [`Cause::Closed`], and so do later ones.
    /// Closing twice is no error.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.pool.close();
    }
}

/// Go on with a fetch, and do what it stops for, until it is done or wants something else.
fn drive<'r, C, A, T: Send>(
    caller: &C,
    audience: &mut A,
    run: &mut Run<'r>,
    mut step: impl FnMut(&mut Run<'r>) -> Result<T, Stop> + Send,
) -> Result<Result<T, Stop>, C::Error>
where
    C: Caller,
    A: Audience<Error = C::Error>,
{
    loop {
        let outcome = blocking::resume(caller, || match step(run) {
            Err(Stop::Look) => None,
            outcome => Some(outcome),
        });
        match outcome? {
            Err(Stop::Deliver) => run.deliver(audience)?,
            Err(Stop::Tell) => run.tell(audience)?,
            outcome => return Ok(outcome),
        }
    }
}

/// Have the body received straight into memory of the audience.
fn hold<C, A>(
    caller: &C,
    audience: &mut A,
    run: &mut Run<'_>,
    length: usize,
) -> Result<Result<(), Box<Cause>>, C::Error>
where
    C: Caller,
    A: Audience<Error = C::Error>,
{
    let mut failed = None;
    audience.hold(length, &mut |audience, memory| {
        let mut filled = 0;
        let outcome = drive(caller, audience, run, |run| run.fill(memory, &mut filled))?;
        if let Err(Stop::Failed(cause)) = outcome {
            failed = Some(cause);
        }
        Ok(filled)
    })?;
    Ok(failed.map_or(Ok(()), Err))
}
