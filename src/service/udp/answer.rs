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

    /// Append the answer to a datagram to `out`, which holds other answers, and return whether to
    /// send it.
    fn answer(&self, datagram: &[u8], from: &SockAddr, out: &mut Vec<u8>) -> bool;

    /// Hear that answering panicked; the server goes on. Called outside of [`Answer::batch`].
    fn panicked(&self) {}
}

/// Answers with a template filled in.
impl Answer for Template {
    fn answer(&self, datagram: &[u8], _: &SockAddr, out: &mut Vec<u8>) -> bool {
        self.render(datagram, out);
        true
    }
}

/// Only receives.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Answer for Silent {
    fn answer(&self, _: &[u8], _: &SockAddr, _: &mut Vec<u8>) -> bool {
        false
    }
}
