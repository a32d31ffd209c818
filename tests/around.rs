//! Answers that do not lie in the answers' buffer: pieces that both engines send back within a text,
//! where such a piece lies, and bytes that a conversation lends.
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::{on_both, serve_by, until};
use rsock::service::{Concurrency, Conversation, Flow, Lent, Remote, Server, Service, Snapshot};
use socket2::SockAddr;

/// Sends each piece back with a text around it, and notes the pieces.
#[derive(Clone, Default)]
struct Around {
    front: usize,
    back: usize,
    delay: Duration,
    pieces: Arc<Mutex<Vec<Piece>>>,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Where it begins in its page of memory.
    place: usize,
    size: usize,
}

impl Around {
    fn with(front: usize, back: usize) -> Self {
        Self {
            front,
            back,
            ..Self::default()
        }
    }

    fn pieces(&self) -> Vec<Piece> {
        self.pieces.lock().unwrap().clone()
    }

    /// Return what is sent for a message, by the pieces in which it arrived.
    fn answer(&self, mut message: &[u8]) -> Vec<u8> {
        let mut answer = Vec::new();
        for Piece { size, .. } in self.pieces() {
            let (piece, rest) = message.split_at(size);
            answer.resize(answer.len() + self.front, b'<');
            answer.extend_from_slice(piece);
            answer.resize(answer.len() + self.back, b'>');
            message = rest;
        }
        assert!(message.is_empty());
        answer
    }
}

impl Service for Around {
    fn open(&self, _: &SockAddr, _: Remote) -> Box<dyn Conversation> {
        Box::new(self.clone())
    }
}

impl Conversation for Around {
    fn received(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Flow {
        self.pieces.lock().unwrap().push(Piece {
            place: piece.as_ptr().addr() % 4096,
            size: piece.len(),
        });
        out.resize(self.front, b'<');
        out.resize(self.front + self.back, b'>');
        Flow {
            piece_at: Some(self.front),
            delay: self.delay,
            ..Flow::CONTINUE
        }
    }
}

/// Bytes of which none is like its neighbours.
fn message(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8).collect()
}

/// More than what the kernel holds for a client that does not read.
const MUCH: usize = 16 << 20;

/// Wait until an event loop keeps what the kernel does not take.
fn until_kept(server: &Server, concurrency: Concurrency) {
    let kept = |now: Snapshot| now.bytes_in > now.bytes_out + (1 << 19);
    until(|| concurrency != Concurrency::Events || kept(server.stats()));
}

/// Send all of a message, wait, and return all that comes.
fn talk(mut client: TcpStream, message: &[u8], wait: impl FnOnce()) -> Vec<u8> {
    let mut writer = client.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(message).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        wait();
        let mut received = Vec::new();
        client.read_to_end(&mut received).unwrap();
        received
    })
}

fn check(around: Around, size: usize) {
    on_both(move |concurrency| {
        around.pieces.lock().unwrap().clear();
        let (server, client) = serve_by(concurrency, Arc::new(around.clone()));
        let message = message(size);
        let received = talk(client, &message, || {
            if size >= MUCH {
                until_kept(&server, concurrency);
            }
        });
        // Not `assert_eq`, which would print all of it.
        assert!(
            received == around.answer(&message),
            "{concurrency:?}, {} and {} around {:?}",
            around.front,
            around.back,
            around.pieces()
        );
        assert!(server.stop(Duration::from_secs(5)));
    });
}

#[test]
fn a_piece_is_sent_back_within_a_text_of_any_length() {
    // Texts that fit beside the piece, that just do, and that do not.
    for (front, back) in [
        (0, 0),
        (1, 0),
        (0, 1),
        (7, 1),
        (2048, 2048),
        (2049, 0),
        (0, 2049),
        (5000, 70_000),
    ] {
        for size in [1, 5000, 200_000] {
            check(Around::with(front, back), size);
        }
    }
}

#[test]
fn a_piece_waits_for_its_time_with_the_text_around_it() {
    let delay = Duration::from_millis(1);
    for (front, back) in [(0, 0), (7, 1), (5000, 5000)] {
        let around = Around {
            delay,
            ..Around::with(front, back)
        };
        check(around, 200_000);
    }
}

#[test]
fn what_a_slow_client_does_not_take_is_kept_with_the_text_around_it() {
    for delay in [Duration::ZERO, Duration::from_millis(1)] {
        let around = Around {
            delay,
            ..Around::with(7, 1)
        };
        check(around, MUCH);
    }
}

#[test]
fn a_piece_begins_far_from_the_beginning_of_a_page() {
    on_both(|concurrency| {
        let around = Around::default();
        let (_server, mut client) = serve_by(concurrency, Arc::new(around.clone()));
        client.write_all(b"piece").unwrap();
        client.read_exact(&mut [0; 5]).unwrap();
        let places: Vec<usize> = around.pieces().iter().map(|piece| piece.place).collect();
        assert_eq!(places, [2048], "{concurrency:?}");
    });
}

/// Lends what it sends, first of all for the greeting, and notes what it got back.
#[derive(Clone, Default)]
struct Lender {
    next: Option<Vec<u8>>,
    returned: Arc<Mutex<Vec<Returned>>>,
}

#[derive(Clone, Copy)]
struct Returned {
    size: usize,
    in_batch: bool,
}

thread_local! {
    static IN_BATCH: Cell<bool> = const { Cell::new(false) };
}

struct Loan {
    bytes: Vec<u8>,
    of: Lender,
}

impl AsRef<[u8]> for Loan {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.of.returned.lock().unwrap().push(Returned {
            size: self.bytes.len(),
            in_batch: IN_BATCH.get(),
        });
    }
}

impl Service for Lender {
    fn open(&self, _: &SockAddr, _: Remote) -> Box<dyn Conversation> {
        Box::new(self.clone())
    }

    fn batch(&self, work: &mut dyn FnMut()) {
        IN_BATCH.set(true);
        work();
        IN_BATCH.set(false);
    }
}

impl Conversation for Lender {
    fn opened(&mut self, _: &mut Vec<u8>) -> Flow {
        self.next = Some(b"lent!".to_vec());
        Flow::CONTINUE
    }

    fn received(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Flow {
        self.next = Some(piece.to_vec());
        // Not looked at, as what is lent goes in place of it.
        out.extend_from_slice(b"unsaid");
        Flow {
            piece_at: Some(1),
            ..Flow::CONTINUE
        }
    }

    fn lend(&mut self) -> Option<Lent> {
        let bytes = self.next.take()?;
        let of = self.clone();
        Some(Box::new(Loan { bytes, of }))
    }
}

#[test]
fn what_is_lent_is_sent_and_given_back() {
    on_both(|concurrency| {
        let lender = Lender::default();
        let (server, client) = serve_by(concurrency, Arc::new(lender.clone()));
        let message = message(MUCH);
        let received = talk(client, &message, || until_kept(&server, concurrency));
        assert_eq!(received[..5], *b"lent!");
        assert!(received[5..] == message, "{concurrency:?}");
        assert!(server.stop(Duration::from_secs(5)));
        let returned = lender.returned.lock().unwrap();
        assert!(returned.iter().all(|loan| loan.in_batch));
        let sizes: usize = returned.iter().map(|loan| loan.size).sum();
        assert_eq!(sizes, received.len());
    });
}
