//! One fetch, from redirect to redirect, as a machine.

mod outside;

pub use outside::{Audience, Fill};

use std::sync::Arc;
use std::time::Duration;

use super::client::Client;
use super::clock::{Clock, Stop};
use super::dial::Dial;
use super::exchange::{Exchange, Wanted, is_gone};
use super::failure::Cause;
use super::fetched::{Fetched, Timings};
use super::order::Order;
use super::pool::{Key, Pool};
use super::route::Route;
use super::sink::{Sink, To};
use super::stream::Stream;
use crate::http::{self, Proxies, Request, follow};

/// How much of the body of a redirect is kept; whatever is longer is not even received.
const ASIDE: u64 = 64 * 1024;

/// How many connections of redirects are kept for what follows them, where the client keeps none.
const OWN: usize = 4;

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
    /// Connections that served redirects, where the client keeps none.
    own: Pool,
    /// Whether kept connections are not to be used any more.
    anew: bool,
    /// When this request was begun.
    begun: Duration,
    timings: Timings,
    sink: Sink,
    /// Whether memory for the body was asked for.
    asked: bool,
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
        looks: bool,
    ) -> http::Result<Self> {
        let closed = Arc::clone(&client.closed);
        // Whoever takes pieces is to have them soon, though nothing more comes.
        let looks = looks || matches!(order.to, To::Caller) || order.tells;
        let clock = Clock::start(order.timeout, order.read_timeout, looks, closed);
        let request = order.request()?;
        let route = Route::of(request.url(), &client.settings, proxies)?;
        // What cannot be written is found before anybody is asked anything.
        route.head(&request)?;
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
            own: Pool::new(OWN),
            anew: false,
            begun: Duration::ZERO,
            timings: Timings::default(),
            sink: Sink::new(to, order.max_body, order.tells),
            asked: false,
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
        match (&mut self.stage, &mut self.stream) {
            (Stage::Start, _) => self.start()?,
            (Stage::Dial(dial), _) => {
                let outcome = dial.advance(&mut self.clock);
                self.timings.lookup = dial.looked_up().map(|at| at - self.begun);
                let stream = Stream::plain(outcome?);
                self.timings.connect = Some(self.elapsed());
                self.connected(stream)?;
            }
            (_, None) => return Err(Cause::Closed.into()),
            (Stage::Tunnel(exchange), Some(stream)) => {
                exchange.head(stream, &mut self.clock)?;
                self.route.through(exchange)?;
                self.secure()?;
            }
            (Stage::Secure, Some(stream)) => {
                stream.handshake(&mut self.clock)?;
                self.timings.tls = Some(self.elapsed());
                self.talk()?;
            }
            (Stage::Head(exchange), Some(stream)) => {
                exchange.head(stream, &mut self.clock)?;
                self.receive()?;
            }
            (Stage::Body(exchange), Some(stream)) => {
                if !self.asked && self.sink.is_memory() {
                    self.asked = true;
                    if let Some(length) = exchange.straight(stream) {
                        return Err(Stop::Room(length));
                    }
                }
                exchange.body(stream, &mut self.sink, &mut self.clock)?;
                return self.done().map(Some);
            }
            (Stage::Aside(exchange, sink, _), Some(stream)) => {
                unwanted(exchange.body(stream, sink, &mut self.clock))?;
                self.redirect()?;
            }
        }
        Ok(None)
    }
}

/// From one stage to the next.
impl Run<'_> {
    fn elapsed(&self) -> Duration {
        self.clock.elapsed() - self.begun
    }

    /// Take a kept connection, or begin to make one.
    fn start(&mut self) -> Result<(), Stop> {
        self.clock.check_open()?;
        let kept = match self.anew {
            true => None,
            // On one that was kept for redirects alone nothing is risked.
            false => (self.client.pool.take(&self.key)).or_else(|| match self.is_repeatable() {
                true => self.own.take(&self.key),
                false => None,
            }),
        };
        self.reused = kept.is_some();
        if kept.is_some() {
            self.stream = kept;
            return self.talk();
        }
        let dial = Dial::start(&self.route.host, self.route.port)?;
        self.stage = Stage::Dial(Box::new(dial));
        Ok(())
    }

    /// Go on with a connection that was just made.
    fn connected(&mut self, stream: Stream) -> Result<(), Stop> {
        self.stream = Some(stream);
        if let Some(head) = self.route.tunnel(self.request.url()) {
            let wanted = Wanted {
                limits: self.order.limits(),
                decode: false,
                keep_raw: false,
            };
            self.stage = Stage::Tunnel(Box::new(Exchange::new("CONNECT", head, wanted)));
            return Ok(());
        }
        match self.route.secure {
            true => self.secure(),
            false => self.talk(),
        }
    }

    /// Begin with TLS.
    fn secure(&mut self) -> Result<(), Stop> {
        let server = &self.route.server;
        let session = self.client.trust.connect(server).map_err(Cause::Tls)?;
        if let Some(stream) = &mut self.stream {
            stream.secure(session, server)?;
        }
        self.stage = Stage::Secure;
        Ok(())
    }

    /// Begin with the request.
    fn talk(&mut self) -> Result<(), Stop> {
        let wanted = Wanted {
            limits: self.order.limits(),
            decode: self.order.decode,
            keep_raw: self.order.keep_raw,
        };
        let bytes = self.route.write(&self.request)?;
        let exchange = Exchange::new(self.request.method(), bytes, wanted);
        self.stage = Stage::Head(Box::new(exchange));
        Ok(())
    }

    /// Decide what becomes of the body of the head that is there.
    fn receive(&mut self) -> Result<(), Stop> {
        let Stage::Head(mut exchange) = std::mem::replace(&mut self.stage, Stage::Start) else {
            return Ok(());
        };
        let next = match exchange.reply.head() {
            Some(head) if self.order.redirects > 0 => {
                let downgrade = self.order.downgrade;
                follow(&self.request, head.status, &head.headers, downgrade)
            }
            _ => Ok(None),
        };
        match next {
            Ok(None) => {
                let outcome = exchange.expect(&mut self.sink);
                self.stage = Stage::Body(exchange);
                outcome
            }
            // The head is there to be shown with the error.
            Err(error) => {
                self.stage = Stage::Body(exchange);
                Err(error.into())
            }
            Ok(Some(next)) => {
                let most = self.order.max_body.map_or(ASIDE, |most| most.min(ASIDE));
                let mut sink = Sink::new(To::Memory, Some(most), false);
                let outcome = unwanted(exchange.expect(&mut sink));
                self.stage = Stage::Aside(exchange, Box::new(sink), Some(Box::new(next)));
                outcome
            }
        }
    }

    /// Note a redirect, and begin with what follows it.
    fn redirect(&mut self) -> Result<(), Stop> {
        let next = match &mut self.stage {
            Stage::Aside(_, _, next) => next.take(),
            _ => None,
        };
        let Some(next) = next else { return Ok(()) };
        if self.history.len() >= self.order.redirects {
            return Err(http::Error::Redirects {
                limit: self.order.redirects,
                location: next.url().clone().without_userinfo().to_string(),
            }
            .into());
        }
        self.keep(true);
        let fetched = self.fetched();
        self.history.extend(fetched);
        self.request = *next;
        self.stage = Stage::Start;
        self.route = Route::of(self.request.url(), &self.client.settings, self.proxies)?;
        self.key = self.route.key(self.request.url());
        self.begun = self.clock.elapsed();
        self.timings = Timings::default();
        self.anew = false;
        Ok(())
    }

    /// Return the reply that is whole.
    fn done(&mut self) -> Result<Fetched, Stop> {
        self.keep(false);
        self.whole().ok_or_else(|| Cause::Closed.into())
    }

    /// Keep the connection, if it can be used once more: where there is `more` to ask for, in any
    /// case for that.
    fn keep(&mut self, more: bool) {
        let reusable = match &self.stage {
            Stage::Body(exchange) | Stage::Aside(exchange, ..) => exchange.reusable(),
            _ => false,
        };
        if let Some(stream) = self.stream.take() {
            match reusable {
                true if more && !self.client.pool.keeps() => {
                    self.own.put(self.key.clone(), stream);
                }
                true => self.client.pool.put(self.key.clone(), stream),
                false => stream.close(),
            }
        }
        if !more {
            self.own.close();
        }
    }

    /// Put together what came of the reply, if its head did.
    fn fetched(&mut self) -> Option<Fetched> {
        let (exchange, body) = match std::mem::replace(&mut self.stage, Stage::Start) {
            Stage::Body(exchange) => (exchange, self.sink.hand_out()),
            Stage::Aside(exchange, mut sink, _) => (exchange, sink.hand_out()),
            Stage::Head(exchange) => (exchange, Vec::new()),
            _ => return None,
        };
        self.timings.first_byte = exchange.first_byte().map(|at| at - self.begun);
        self.timings.total = Some(self.elapsed());
        let (request, raw, reply) = exchange.into_parts();
        let (head, trailers) = reply.into_parts();
        Some(Fetched {
            head: head?,
            raw,
            body,
            trailers,
            url: self.url(),
            history: Vec::new(),
            timings: self.timings,
            request,
        })
    }

    /// As [`Run::fetched`], with the redirects that led there.
    fn whole(&mut self) -> Option<Fetched> {
        let mut fetched = self.fetched()?;
        fetched.history = std::mem::take(&mut self.history);
        Some(fetched)
    }

    fn url(&self) -> String {
        self.request.url().clone().without_userinfo().to_string()
    }

    /// Return whether a request can be sent again that failed: it went out on a kept connection
    /// that the server had closed meanwhile, and that does no harm.
    fn may_repeat(&self, cause: &Cause) -> bool {
        let Stage::Head(exchange) = &self.stage else {
            return false;
        };
        let is_closed =
            is_gone(cause) || matches!(cause, Cause::Http(http::Error::IncompleteHead { .. }));
        self.reused
            && !self.anew
            && is_closed
            && exchange.first_byte().is_none()
            && self.is_repeatable()
    }

    /// Return whether doing it twice does no more than doing it once.
    fn is_repeatable(&self) -> bool {
        matches!(
            self.request.method(),
            "GET" | "HEAD" | "PUT" | "DELETE" | "OPTIONS" | "TRACE"
        )
    }
}

/// Let pass what is wrong with a body that nobody wants: that of a redirect. What says nothing of
/// the body ends the fetch, as it does everywhere.
fn unwanted(outcome: Result<(), Stop>) -> Result<(), Stop> {
    match outcome {
        Err(Stop::Failed(cause))
            if matches!(*cause, Cause::TooLarge(_) | Cause::Cut | Cause::Http(_)) =>
        {
            Ok(())
        }
        outcome => outcome,
    }
}
