//! The conversation with one client: requests one after the other.

use std::sync::Arc;

use socket2::SockAddr;

use super::Served;
use super::reply::Reply;
use super::sending::Sending;
use crate::http::asked::{Asked, HeadEnd, Length};
use crate::http::refusal::AskedError;
use crate::http::skip::Skip;
use crate::service::{Conversation, Flow};

const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// One connection.
///
/// What it holds is bounded: of the input, one head and what came in one piece with it; of the
/// answers, two parts. A client that sends requests and reads no answers is not listened to.
pub(super) struct Talk {
    served: Arc<Served>,
    peer: SockAddr,
    /// What has come and is not understood yet.
    input: Vec<u8>,
    /// Where in it the head ends that is under way.
    end: HeadEnd,
    /// The request whose body is under way.
    asked: Option<(Asked, Skip)>,
    /// The answer that is under way.
    sending: Option<Sending>,
    /// Whether the answer that is under way is the last.
    last: bool,
    /// Whether the client may be sending something that nobody wants.
    refused: bool,
}

impl Talk {
    pub(super) fn new(served: Arc<Served>, peer: &SockAddr) -> Self {
        Self {
            served,
            peer: peer.clone(),
            input: Vec::new(),
            end: HeadEnd::default(),
            asked: None,
            sending: None,
            last: false,
            refused: false,
        }
    }

    /// Answer what can be answered, up to a bound.
    fn go_on(&mut self, out: &mut Vec<u8>) -> Flow {
        let mut flow = Flow::CONTINUE;
        let part = self.served.manner.part;
        let mut at = 0;
        loop {
            if let Some(sending) = &mut self.sending {
                match sending.fill(part, out) {
                    Ok(true) => self.sending = None,
                    Ok(false) => {
                        flow.more = true;
                        break;
                    }
                    // The client was promised more than there is: only the end can tell it.
                    Err(_) => {
                        (flow.close, flow.failed) = (true, true);
                        break;
                    }
                }
            }
            if self.last {
                (flow.close, flow.hear_out) = (true, self.refused);
                break;
            }
            if out.len() >= part && at < self.input.len() {
                flow.more = true;
                break;
            }
            match self.next_request(&mut at, out) {
                Ok(None) => break,
                Ok(Some(asked)) => {
                    flow.messages += 1;
                    let reply = Reply::to(&asked, &self.served);
                    self.answer(reply, Some(&asked), out);
                }
                Err(error) => {
                    (flow.failed, self.refused) = (true, true);
                    self.answer(Reply::refuse(error), None, out);
                }
            }
        }
        self.input.drain(..at);
        if self.input.is_empty() {
            // A connection that is idle holds no memory.
            self.input = Vec::new();
        }
        flow
    }

    /// Take the next request, body and all, from the input behind `at`.
    fn next_request(
        &mut self,
        at: &mut usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<Asked>, AskedError> {
        let limits = &self.served.manner.limits;
        let (asked, mut skip) = match self.asked.take() {
            Some(under_way) => under_way,
            None => {
                let rest = &self.input[*at..];
                let Some(len) = self.end.find(rest, limits.head)? else {
                    return Ok(None);
                };
                let asked = Asked::read(&rest[..len], limits)?;
                *at += len;
                self.end = HeadEnd::default();
                if matches!(asked.length, Length::Known(length) if length > limits.body) {
                    return Err(AskedError::BodyTooLong);
                }
                if asked.waits && *at == self.input.len() {
                    if !matches!(asked.method.as_str(), "GET" | "HEAD") {
                        // It is refused whatever its body is, which need not be sent then.
                        (self.last, self.refused) = (true, true);
                        return Ok(Some(asked));
                    }
                    out.extend_from_slice(GO_ON);
                }
                let skip = Skip::new(asked.length, limits.body);
                (asked, skip)
            }
        };
        *at += skip.pass(&self.input[*at..])?;
        if skip.is_over() {
            return Ok(Some(asked));
        }
        self.asked = Some((asked, skip));
        Ok(None)
    }

    fn answer(&mut self, reply: Reply, asked: Option<&Asked>, out: &mut Vec<u8>) {
        let keeps = asked.is_some_and(|asked| asked.keeps) && !(reply.closes || self.last);
        if let Some(tell) = &self.served.tell {
            let status = reply.head.status;
            let line = match asked {
                None => format!("bad request: {status}"),
                Some(Asked {
                    method,
                    raw,
                    is_1_1,
                    ..
                }) => {
                    let version = if *is_1_1 { "1.1" } else { "1.0" };
                    format!("\"{method} {raw} HTTP/{version}\" {status}")
                }
            };
            tell(&self.peer, &line);
        }
        self.last = !keeps;
        self.sending = reply.write(asked, keeps, out);
    }
}

impl Conversation for Talk {
    fn received(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Flow {
        self.input.extend_from_slice(piece);
        self.go_on(out)
    }

    fn resumed(&mut self, out: &mut Vec<u8>) -> Flow {
        self.go_on(out)
    }

    fn ended(&mut self, _: &mut Vec<u8>) -> Flow {
        if self.input.is_empty() && self.asked.is_none() {
            Flow::CLOSE
        } else {
            // A request that was cut off; whom it was from may be gone, too.
            Flow::FAIL
        }
    }
}
