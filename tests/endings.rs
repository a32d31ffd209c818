//! How both engines end what they say: a long answer goes on once the client has taken what there
//! is, and not before; whoever is refused comes to read it.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{connect, on_both, serve_by};
use rsock::service::{Concurrency, Conversation, Flow, Remote, Server, Service};
use socket2::SockAddr;

const PART: usize = 64 << 10;

/// Says so many parts of a byte for each byte that it hears, one for the beginning, and one for
/// the end.
struct Long {
    parts: usize,
    made: Arc<AtomicUsize>,
}

impl Service for Long {
    fn open(&self, _: &SockAddr, _: Remote) -> Box<dyn Conversation> {
        Box::new(Telling {
            parts: self.parts,
            left: 0,
            byte: 0,
            waiting: Vec::new(),
            ended: false,
            made: Arc::clone(&self.made),
        })
    }
}

struct Telling {
    parts: usize,
    left: usize,
    byte: u8,
    waiting: Vec<u8>,
    ended: bool,
    made: Arc<AtomicUsize>,
}

impl Telling {
    fn tell(&mut self, out: &mut Vec<u8>) -> Flow {
        if self.left == 0 && !self.waiting.is_empty() {
            self.byte = self.waiting.remove(0);
            self.left = self.parts;
        }
        if self.left > 0 {
            self.left -= 1;
            out.resize(PART, self.byte);
            self.made.fetch_add(1, Ordering::SeqCst);
        }
        let more = self.left > 0 || !self.waiting.is_empty();
        Flow {
            more,
            close: self.ended && !more,
            ..Flow::CONTINUE
        }
    }
}

impl Conversation for Telling {
    fn opened(&mut self, out: &mut Vec<u8>) -> Flow {
        self.waiting.push(b'<');
        self.tell(out)
    }

    fn received(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Flow {
        assert_eq!(
            self.left, 0,
            "nothing is received while there is more to say"
        );
        self.waiting.extend_from_slice(piece);
        self.tell(out)
    }

    fn resumed(&mut self, out: &mut Vec<u8>) -> Flow {
        assert!(out.is_empty());
        self.tell(out)
    }

    fn ended(&mut self, out: &mut Vec<u8>) -> Flow {
        self.waiting.push(b'>');
        self.ended = true;
        self.tell(out)
    }
}

fn serve(concurrency: Concurrency, parts: usize) -> (Server, TcpStream, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let long = Long {
        parts,
        made: Arc::clone(&made),
    };
    let (server, client) = serve_by(concurrency, Arc::new(long));
    (server, client, made)
}

#[test]
fn all_parts_arrive_in_order() {
    on_both(|concurrency| {
        let (server, mut client, made) = serve(concurrency, 40);
        client.write_all(b"ab").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut received = Vec::new();
        client.read_to_end(&mut received).unwrap();
        let runs: Vec<(u8, usize)> = received
            .chunk_by(|one, next| one == next)
            .map(|run| (run[0], run.len()))
            .collect();
        let expected = [b'<', b'a', b'b', b'>'].map(|byte| (byte, 40 * PART));
        assert_eq!(runs, expected);
        assert_eq!(made.load(Ordering::SeqCst), 160);
        assert!(server.stop(Duration::from_secs(5)));
    });
}

/// Says no to whatever it hears.
struct No;

impl Service for No {
    fn open(&self, _: &SockAddr, _: Remote) -> Box<dyn Conversation> {
        Box::new(No)
    }
}

impl Conversation for No {
    fn received(&mut self, _: &[u8], out: &mut Vec<u8>) -> Flow {
        out.extend_from_slice(b"no");
        Flow {
            hear_out: true,
            ..Flow::FAIL
        }
    }
}

#[test]
fn a_client_that_is_still_sending_comes_to_read_the_answer() {
    on_both(|concurrency| {
        let (server, mut client) = serve_by(concurrency, Arc::new(No));
        // Much more than fits into what the kernel holds, so that somebody takes it.
        client.write_all(&vec![b'x'; 15 << 20]).unwrap();
        let mut received = String::new();
        client.read_to_string(&mut received).unwrap();
        assert_eq!(received, "no");
        assert_eq!(server.stats().messages, 0);
        drop(client);
        let mut endless = connect(&server);
        // It is not heard out for ever.
        let piece = vec![b'x'; 1 << 20];
        let sent = (0..1 << 10).position(|_| endless.write_all(&piece).is_err());
        assert!(sent.is_some_and(|sent| sent >= 15), "{sent:?} MiB");
        assert!(server.stop(Duration::from_secs(5)));
        assert_eq!(server.stats().active, 0);
    });
}

#[test]
fn no_more_is_made_than_a_client_takes() {
    on_both(|concurrency| {
        let (server, mut client, made) = serve(concurrency, 1 << 20);
        let mut room = vec![0; PART];
        for taken in 1..=2000 {
            client.read_exact(&mut room).unwrap();
            // The kernel holds some MiB for a client, and nobody else holds more than a part.
            let ahead = made.load(Ordering::SeqCst) - taken;
            assert!(ahead < 512, "{ahead} parts");
        }
        // Nobody has to wait for the rest.
        assert!(server.stop(Duration::from_secs(5)));
        assert_eq!(server.stats().active, 0);
    });
}
