//! The server that sends back what it gets.

use socket2::SockAddr;

use super::framing::{Deframer, Framing};
use super::{Conversation, Flow, Remote, Service};

/// The server that sends back what it gets, until the client ends.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// What a message is.
    pub framing: Framing,
    /// How long a message may be.
    pub max_message: usize,
}

impl Service for Echo {
    fn open(&self, _: &SockAddr, _: Remote) -> Box<dyn Conversation> {
        match self.framing {
            Framing::Recv => Box::new(Mirror),
            framing => Box::new(Repeat(Deframer::new(framing, self.max_message))),
        }
    }
}

/// Pieces come back as they arrived.
struct Mirror;

impl Conversation for Mirror {
    fn received(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Flow {
        let flow = Flow {
            messages: 1,
            ..Flow::CONTINUE
        };
        if piece.len() >= Flow::LARGE {
            return Flow {
                piece_at: Some(out.len()),
                ..flow
            };
        }
        out.extend_from_slice(piece);
        flow
    }
}

/// Messages come back once they are whole.
struct Repeat(Deframer);

impl Conversation for Repeat {
    fn received(&mut self, mut piece: &[u8], out: &mut Vec<u8>) -> Flow {
        let framing = self.0.framing();
        let mut messages = 0;
        loop {
            let encoded = match self.0.next(&mut piece) {
                Ok(Some(message)) => framing.encode(message, out),
                Ok(None) => {
                    return Flow {
                        messages,
                        ..Flow::CONTINUE
                    };
                }
                Err(error) => Err(error),
            };
            if encoded.is_err() {
                return Flow {
                    messages,
                    ..Flow::FAIL
                };
            }
            messages += 1;
        }
    }

    fn ended(&mut self, out: &mut Vec<u8>) -> Flow {
        let framing = self.0.framing();
        match self.0.finish() {
            Ok(None) => Flow::CLOSE,
            Ok(Some(message)) if framing.encode(message, out).is_ok() => Flow {
                messages: 1,
                ..Flow::CLOSE
            },
            _ => Flow::FAIL,
        }
    }
}
