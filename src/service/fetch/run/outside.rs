//! Between the machine and whoever runs it.

use super::{Run, Stage};
use crate::http::Proxies;
use crate::net::Caller;
use crate::net::blocking;
use crate::service::fetch::client::Client;
use crate::service::fetch::clock::Stop;
use crate::service::fetch::failure::{Cause, Doing, Ended, Failure, Scene};
use crate::service::fetch::fetched::Fetched;
use crate::service::fetch::order::Order;
use crate::service::fetch::sink::SAMPLE;
use crate::sys::io::Target;

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

impl Client {
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

impl Run<'_> {
    /// Receive the body into memory for all of it.
    fn fill(&mut self, into: &mut Target<'_>, filled: &mut usize) -> Result<(), Stop> {
        match (&mut self.stage, &mut self.stream) {
            (Stage::Body(exchange), Some(stream)) => {
                exchange.fill(stream, (into, filled), &mut self.sink, &mut self.clock)
            }
            _ => Ok(()),
        }
    }

    /// Hand a piece of the body out.
    fn deliver<A: Audience>(&mut self, audience: &mut A) -> Result<(), A::Error> {
        let piece = self.sink.hand_out();
        audience.take(&piece)?;
        self.sink.give_back(piece);
        Ok(())
    }

    /// Tell of progress.
    fn tell<A: Audience>(&mut self, audience: &mut A) -> Result<(), A::Error> {
        let total = match &self.stage {
            Stage::Body(exchange) => exchange.total(),
            _ => None,
        };
        audience.hear(self.sink.total(), total)
    }

    /// Tell of the end.
    fn last_word<A: Audience>(&mut self, audience: &mut A) -> Result<(), A::Error> {
        match self.order.tells {
            true => audience.hear(self.sink.total(), Some(self.sink.total())),
            false => Ok(()),
        }
    }

    /// Say why it failed, and what had come until then.
    fn failure(mut self, cause: Cause) -> Box<Failure> {
        let doing = match &self.stage {
            Stage::Dial(dial) if dial.looked_up().is_none() => Doing::LookingUp,
            Stage::Start | Stage::Dial(_) => Doing::Connecting,
            Stage::Secure => Doing::Securing,
            Stage::Tunnel(exchange)
            | Stage::Head(exchange)
            | Stage::Body(exchange)
            | Stage::Aside(exchange, ..) => exchange.doing(),
        };
        let scene = Scene {
            doing,
            place: &self.route.place(),
            total: self.order.timeout,
            patience: self.order.read_timeout,
            received: self.sink.total(),
        };
        let message = scene.explain(&cause);
        let url = self.url();
        let mut reply = self.whole().map(Box::new);
        if let (Some(reply), Cause::TooLarge(_)) = (&mut reply, &cause) {
            // Whoever did not want so much does not want it with the error, either.
            reply.body.truncate(SAMPLE);
            reply.body.shrink_to_fit();
        }
        Box::new(Failure {
            cause,
            message,
            url,
            reply,
        })
    }
}
