//! What a server says on its connections, apart from any input and output.

use std::sync::Arc;
use std::time::Duration;

use socket2::SockAddr;

/// One connection's side of what is said. An engine calls it, never two threads at once.
pub trait Conversation: Send {
    /// Begin: what is put into `out` is sent before anything is received.
    fn opened(&mut self, out: &mut Vec<u8>) -> Flow {
        let _ = out;
        Flow::CONTINUE
    }

    /// Take a piece as it arrived; what is put into `out` is sent in answer.
    fn received(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Flow;

    /// Go on with an answer of which a step said [`Flow::more`]: all before it is sent.
    fn resumed(&mut self, out: &mut Vec<u8>) -> Flow {
        let _ = out;
        Flow::CONTINUE
    }

    /// Take the end of what the other side sends. What is left in `out` is sent before closing.
    fn ended(&mut self, out: &mut Vec<u8>) -> Flow {
        let _ = out;
        Flow::CLOSE
    }

    /// Give the answer of a step, if it lies in memory of somebody else's. An engine asks after each
    /// step, and sends what it gets in place of `out` and whatever the [`Flow`] says of the piece.
    fn lend(&mut self) -> Option<Lent> {
        None
    }

    /// The connection is gone, for whatever reason; called once, last.
    fn closed(&mut self) {}
}

/// Bytes that an engine sends or copies, and gives back before [`Service::batch`] ends.
pub type Lent = Box<dyn AsRef<[u8]> + Send>;

/// How a connection goes on after a step of its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Close once everything is sent.
    pub close: bool,
    /// Wait so long before sending, and meanwhile neither send nor receive here.
    pub delay: Duration,
    /// How many messages the step took.
    pub messages: u32,
    /// Whether the step found something wrong (too long a message, a failing handler).
    pub failed: bool,
    /// There is more to send than was put into `out`: call [`Conversation::resumed`] for it once
    /// the client has taken this, and receive nothing before. So an answer of any length needs no
    /// more memory than one part of it.
    pub more: bool,
    /// With `close`: the client may still be sending. Tell it that this is the end, and let go of
    /// what it sends until it ends as well. A connection that is closed while bytes are under way
    /// takes with it what the client has not read yet, the word about what was wrong.
    pub hear_out: bool,
    /// Send the piece that was received as well, at this place in `out`. If the text around it is
    /// short, the piece is not copied for that, which is worth it from a few KiB on.
    pub piece_at: Option<usize>,
}

impl Flow {
    /// Go on without having taken a message.
    pub const CONTINUE: Self = Self {
        close: false,
        delay: Duration::ZERO,
        messages: 0,
        failed: false,
        more: false,
        hear_out: false,
        piece_at: None,
    };
    /// Close once everything is sent.
    pub const CLOSE: Self = Self {
        close: true,
        ..Self::CONTINUE
    };
    /// Something is wrong: close once everything is sent, and count an error.
    pub const FAIL: Self = Self {
        failed: true,
        ..Self::CLOSE
    };

    /// From how many bytes on it is worth the trouble to leave them where they are.
    pub const LARGE: usize = 4096;
}

/// What a server offers: it begins a conversation with each client.
pub trait Service: Send + Sync + 'static {
    /// Begin a conversation. `remote` reaches the connection from any other thread.
    fn open(&self, peer: &SockAddr, remote: Remote) -> Box<dyn Conversation>;

    /// Run what an engine has to do for all connections that are ready at once. Whoever needs
    /// something around that (an interpreter) takes it here, once for all of them.
    fn batch(&self, work: &mut dyn FnMut()) {
        work();
    }

    /// Run a thread that drives many connections, an event loop, from its beginning to its end.
    /// Whoever needs something for as long as it lives (the interpreter's record of a thread) takes
    /// it here. A thread that has one connection runs without.
    fn thread(&self, run: &mut (dyn FnMut() + Send)) {
        run();
    }

    /// Return how many bytes of stack a thread of its own has for a conversation.
    ///
    /// The default holds a conversation in Rust many times over, and what a panic needs to say
    /// where it was. It is far below the size for which the kernel takes huge pages, which a
    /// thread would touch at one end only. An interpreter needs much more.
    fn stack_size(&self) -> usize {
        256 << 10
    }

    /// Hear what happens to the server. Called outside of [`Service::batch`]; must not panic.
    fn notice(&self, notice: &Notice<'_>) {
        let _ = notice;
    }
}

/// What happens to a server and is told to who runs it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// A client connected.
    Accepted(&'a SockAddr),
    /// A connection is closed, by either side.
    Closed(&'a SockAddr),
    /// A client was turned away: there are as many connections as may be.
    Refused(&'a SockAddr),
    /// There are no descriptors left to accept with. Told once, until it works again.
    Exhausted,
    /// A conversation panicked; its connection is closed, the server goes on.
    Panicked(&'a SockAddr),
}

/// How other threads reach one connection: to send on it, and to close it.
///
/// What is sent to a connection that is gone is dropped.
#[derive(Clone)]
pub struct Remote(Arc<dyn Post>);

impl Remote {
    /// Make a remote of whatever an engine takes posts with.
    pub fn new(post: Arc<dyn Post>) -> Self {
        Self(post)
    }

    /// Send bytes, after what was sent before; false if the connection is gone or holds
    /// `max_pending` bytes that the client has not taken yet.
    #[must_use]
    pub fn send(&self, bytes: Vec<u8>) -> bool {
        self.0.send(bytes)
    }

    /// Return whether [`Remote::send`] would take bytes if so many waited already beside those
    /// that do: whoever holds some back for a while asks before he takes more.
    #[must_use]
    pub fn takes(&self, beside: usize) -> bool {
        self.0.takes(beside)
    }

    /// Close the connection once everything is sent.
    pub fn close(&self) {
        self.0.close();
    }
}

/// What an engine takes posts to a connection with.
pub trait Post: Send + Sync {
    /// Take bytes to send.
    fn send(&self, bytes: Vec<u8>) -> bool;
    /// Return whether bytes would be taken if so many more waited.
    fn takes(&self, beside: usize) -> bool;
    /// Take the wish to close.
    fn close(&self);
}
