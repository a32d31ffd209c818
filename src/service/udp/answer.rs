//! What a server says to datagrams.

use socket2::SockAddr;

use crate::service::template::Template;

/// What a server says to datagrams.
pub trait Answer: Send + Sync + 'static {
    /// Run what there is to do for all datagrams that have arrived. Whoever needs something around
    /// that (an interpreter) takes it here, once for all of them.
    fn batch(&self, work: &mut dyn FnMut()) {
        work();
    }

    /// Run the server's thread, as [`Service::thread`](crate::service::Service::thread) does.
    fn thread(&self, run: &mut (dyn FnMut() + Send)) {
        run();
    }

    /// Append the answer to a datagram to `out`, which holds other answers, and return what came
    /// of it.
    fn answer(&self, datagram: &[u8], from: &SockAddr, out: &mut Vec<u8>) -> Outcome;

    /// Hear that answering panicked; the server goes on. Called outside of [`Answer::batch`].
    fn panicked(&self) {}
}

/// What came of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer, to be sent.
    Answer,
    /// Nothing that is to be sent.
    Silence,
    /// Nothing, since something failed that was told already; it is counted.
    Failure,
}

/// Answers with a template filled in.
impl Answer for Template {
    fn answer(&self, datagram: &[u8], _: &SockAddr, out: &mut Vec<u8>) -> Outcome {
        self.render(datagram, out);
        Outcome::Answer
    }
}

/// Only receives.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Answer for Silent {
    fn answer(&self, _: &[u8], _: &SockAddr, _: &mut Vec<u8>) -> Outcome {
        Outcome::Silence
    }
}
