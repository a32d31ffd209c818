//! One fetch, from redirect to redirect, as a machine.

use std::sync::Arc;
use std::time::Duration;

use super::client::{Audience, Client};
use super::clock::{Clock, Stop};
use super::dial::Dial;
use super::exchange::{Exchange, Wanted, is_gone};
use super::failure::{Cause, Doing, Failure, Scene};
use super::fetched::{Fetched, Timings};
use super::order::Order;
use super::pool::Key;
use super::route::Route;
use super::sink::{Sink, To};
use super::stream::Stream;
use crate::http::{self, Proxies, Request, follow};

/// How much of the body of a redirect is kept; whatever is longer is not even received.
const ASIDE: u64 = 64 * 1024;

/// One fetch.
#[derive(Debug)]
pub(super) struct Run<'a> {
    client: &'a Client,
    proxies: &'a Proxies,
    order: Order,
    clock: Clock,
    request: Request,
    route: Route,
    key: Key,
    stage: Stage,
    stream: Option<Stream>,
    /// Whether the connection served another request before.
    reused: bool,
    /// Whether kept connections are not to be used any more.
    anew: bool,
    /// When this request was begun.
    begun: Duration,
    timings: Timings,
    sink: Sink,
    history: Vec<Fetched>,
}

/// How far a request is.
#[derive(Debug)]
enum Stage {
    Start,
    Dial(Box<Dial>),
    /// Asking the proxy for a tunnel.
    Tunnel(Box<Exchange>),
    Secure,
    Head(Box<Exchange>),
    Body(Box<Exchange>),
    /// The body of a redirect, and what follows it.
    Aside(Box<Exchange>, Box<Sink>, Option<Box<Request>>),
}

impl<'a> Run<'a> {
    /// Begin a fetch, of which nothing is sent yet. Errors: what cannot be asked for.
    pub(super) fn begin(
        client: &'a Client,
        mut order: Order,
        proxies: &'a Proxies,
    ) -> Result<Self, Cause> {
        let closed = Arc::clone(&client.closed);
        let clock = Clock::start(order.timeout, order.read_timeout, closed);
        let request = order.request()?;
        let route = Route::of(request.url(), &client.settings, proxies)?;
        // What cannot be written is found before anybody is asked anything.
        route.write(&request)?;
        let to = std::mem::replace(&mut order.to, To::Memory);
        Ok(Self {
            client,
            proxies,
            clock,
            key: route.key(request.url()),
            route,
            request,
            stage: Stage::Start,
            stream: None,
            reused: false,
            anew: false,
            begun: Duration::ZERO,
            timings: Timings::default(),
            sink: Sink::new(to, order.max_body, order.tells),
            history: Vec::new(),
            order,
        })
    }

    /// Go on until it is done, or has to stop.
    pub(super) fn advance(&mut self) -> Result<Fetched, Stop> {
        loop {
            match self.step() {
                Ok(Some(fetched)) => return Ok(fetched),
                Ok(None) => {}
                Err(Stop::Failed(cause)) if self.may_repeat(&cause) => {
                    self.stream = None;
                    self.anew = true;
                    self.stage = Stage::Start;
                }
                Err(stop) => return Err(stop),
            }
        }
    }

    fn step(&mut self) -> Result<Option<Fetched>, Stop> {
        match &mut self.stage {
            Stage::Start => self.start()?,
            Stage::Dial(dial) => {
                let outcome = dial.advance(&mut self.clock);
                self.timings.lookup = dial.looked_up().map(|at| at - self.begun);
                let stream = Stream::plain(outcome?);
                self.timings.connect = Some(self.elapsed());
                self.connected(stream)?;
            }
            Stage::Tunnel(exchange) => {
                let Some(stream) = &mut self.stream else {
                    return Err(Cause::Closed.into());
                };
                exchange.head(stream, &mut self.clock)?;
                through(exchange, &self.route)?;
                self.secure()?;
            }
            Stage::Secure => {
                let Some(stream) = &mut self.stream else {
                    return Err(Cause::Closed.into());
                };
                stream.handshake(&mut self.clock)?;
                self.timings.tls = Some(self.elapsed());
                self.talk()?;
            }
            Stage::Head(exchange) => {
                let Some(stream) = &mut self.stream else {
                    return Err(Cause::Closed.into());
                };
                exchange.head(stream, &mut self.clock)?;
                self.receive()?;
            }
            Stage::Body(exchange) => {
                let Some(stream) = &mut self.stream else {
                    return Err(Cause::Closed.into());
                };
                exchange.body(stream, &mut self.sink, &mut self.clock)?;
                return self.done().map(Some);
            }
            Stage::Aside(exchange, sink, _) => {
                let Some(stream) = &mut self.stream else {
                    return Err(Cause::Closed.into());
                };
                match exchange.body(stream, sink, &mut self.clock) {
                    // More than anybody wants to know of a redirect.
                    Err(Stop::Failed(cause)) if matches!(*cause, Cause::TooLarge(_)) => {}
                    outcome => outcome?,
                }
                self.redirect()?;
            }
        }
        Ok(None)
    }
}
