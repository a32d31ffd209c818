//! The server of the tutorial: it greets, answers each message, and closes on the exit word.

use std::sync::Arc;
use std::time::Duration;

use socket2::SockAddr;

use super::framing::{Deframer, Framing, FramingError};
use super::template::Template;
use super::{Conversation, Flow, Remote, Service};

/// What the server says, and to what.
#[derive(Clone, Debug)]
pub struct Words {
    /// What is sent to whoever connects.
    pub greeting: Option<Vec<u8>>,
    /// What is sent for each message.
    pub reply: Template,
    /// The message on which the server closes without an answer.
    pub exit: Option<Vec<u8>>,
    /// How long the server waits after each message, and after the end of what a client sends.
    pub delay: Duration,
    /// What a message is.
    pub framing: Framing,
    /// How long a message may be.
    pub max_message: usize,
}

impl Words {
    /// Say what the tutorial says, with this reply.
    #[must_use]
    pub fn new(reply: Template) -> Self {
        Self {
            greeting: Some(b"Welcome!".to_vec()),
            reply,
            exit: Some(b"exit".to_vec()),
            delay: Duration::ZERO,
            framing: Framing::Recv,
            max_message: 1 << 20,
        }
    }
}

/// The server of the tutorial.
///
/// A greeting and a reply are framed as the messages are, so that a client finds their end.
#[derive(Clone, Debug)]
pub struct Hello(Arc<Words>);

impl Hello {
    /// Make a server that says this.
    #[must_use]
    pub fn new(words: Words) -> Self {
        Self(Arc::new(words))
    }
}

impl Service for Hello {
    fn open(&self, _: &SockAddr, _: Remote) -> Box<dyn Conversation> {
        let Words {
            framing,
            max_message,
            ..
        } = *self.0;
        Box::new(Talk {
            words: self.0.clone(),
            deframer: Deframer::new(framing, max_message),
        })
    }
}

struct Talk {
    words: Arc<Words>,
    deframer: Deframer,
}

impl Conversation for Talk {
    fn opened(&mut self, out: &mut Vec<u8>) -> Flow {
        match &self.words.greeting {
            None => Flow::CONTINUE,
            Some(greeting) => match self.words.framing.encode(greeting, out) {
                Ok(()) => Flow::CONTINUE,
                Err(_) => Flow::FAIL,
            },
        }
    }

    fn received(&mut self, mut piece: &[u8], out: &mut Vec<u8>) -> Flow {
        if let Some(flow) = self.words.answer_around(piece, out) {
            return flow;
        }
        let mut flow = Flow::CONTINUE;
        loop {
            match self.deframer.next(&mut piece) {
                Ok(Some(message)) => flow = self.words.answer(message, flow, out),
                Ok(None) => return flow,
                Err(_) => {
                    return Flow {
                        close: true,
                        failed: true,
                        ..flow
                    };
                }
            }
            if flow.close {
                return flow;
            }
        }
    }

    fn ended(&mut self, out: &mut Vec<u8>) -> Flow {
        let flow = match self.deframer.finish() {
            Ok(None) => Flow::CONTINUE,
            Ok(Some(message)) => self.words.answer(message, Flow::CONTINUE, out),
            Err(_) => Flow {
                failed: true,
                ..Flow::CONTINUE
            },
        };
        // The tutorial finds the end as it finds a message, and waits before it looks at either.
        // After the exit word it does not look for the end any more.
        let delay = if flow.close {
            Duration::ZERO
        } else {
            self.words.delay
        };
        Flow {
            close: true,
            delay: flow.delay.saturating_add(delay),
            ..flow
        }
    }
}

impl Words {
    /// Answer a large piece that is one message, and leave it where it is.
    fn answer_around(&self, piece: &[u8], out: &mut Vec<u8>) -> Option<Flow> {
        let whole = self.framing == Framing::Recv && piece.len() <= self.max_message;
        if !whole || piece.len() < Flow::LARGE || self.exit.as_deref() == Some(piece) {
            return None;
        }
        Some(Flow {
            piece_at: Some(self.reply.render_around(out)?),
            messages: 1,
            delay: self.delay,
            ..Flow::CONTINUE
        })
    }

    /// Answer one message of a step. An engine waits once a step, so it waits for all of them.
    fn answer(&self, message: &[u8], so_far: Flow, out: &mut Vec<u8>) -> Flow {
        let mut flow = Flow {
            messages: so_far.messages.saturating_add(1),
            delay: so_far.delay.saturating_add(self.delay),
            ..so_far
        };
        if self.exit.as_deref() == Some(message) {
            flow.close = true;
            return flow;
        }
        let written: Result<(), FramingError> = self
            .framing
            .encode_with(out, |out| self.reply.render(message, out));
        if written.is_err() {
            (flow.close, flow.failed) = (true, true);
        }
        flow
    }
}
