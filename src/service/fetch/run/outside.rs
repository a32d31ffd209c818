//! Between the machine and whoever runs it.

use super::{Run, Stage};
use crate::service::fetch::client::Audience;
use crate::service::fetch::clock::Stop;
use crate::service::fetch::failure::{Cause, Doing, Failure, Scene};
use crate::service::fetch::sink::SAMPLE;
use crate::sys::io::Target;

impl Run<'_> {
    /// Receive the body into memory for all of it.
    pub(in crate::service::fetch) fn fill(
        &mut self,
        into: &mut Target<'_>,
        filled: &mut usize,
    ) -> Result<(), Stop> {
        match (&mut self.stage, &mut self.stream) {
            (Stage::Body(exchange), Some(stream)) => {
                exchange.fill(stream, (into, filled), &mut self.sink, &mut self.clock)
            }
            _ => Ok(()),
        }
    }

    /// Hand a piece of the body out.
    pub(in crate::service::fetch) fn deliver<A: Audience>(
        &mut self,
        audience: &mut A,
    ) -> Result<(), A::Error> {
        let piece = self.sink.hand_out();
        audience.take(&piece)?;
        self.sink.give_back(piece);
        Ok(())
    }

    /// Tell of progress.
    pub(in crate::service::fetch) fn tell<A: Audience>(
        &mut self,
        audience: &mut A,
    ) -> Result<(), A::Error> {
        let total = match &self.stage {
            Stage::Body(exchange) => exchange.total(),
            _ => None,
        };
        audience.hear(self.sink.total(), total)
    }

    /// Tell of the end.
    pub(in crate::service::fetch) fn last_word<A: Audience>(
        &mut self,
        audience: &mut A,
    ) -> Result<(), A::Error> {
        match self.order.tells {
            true => audience.hear(self.sink.total(), Some(self.sink.total())),
            false => Ok(()),
        }
    }

    /// Say why it failed, and what had come until then.
    pub(in crate::service::fetch) fn failure(mut self, cause: Cause) -> Box<Failure> {
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
