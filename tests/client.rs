//! Clients: what they keep, when they give up, and what they say then.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use common::{bounded, errno, limited, source};
use rsock::error::Error;
use rsock::net::blocking::Alone;
use rsock::net::{Caller, Patience};
use rsock::service::client::{Cause, Destination, Failure, TcpClient, UdpClient};
use socket2::{SockRef, Socket};

/// A deadline that a test is not to reach.
const LONG: Patience = limited(10_000);
/// One that it is.
const SHORT: Patience = limited(150);

/// Make a peer, and a client that is connected to it.
fn connected(patience: Patience) -> (TcpClient, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let to = Destination::Inet(listener.local_addr().unwrap());
    let client = TcpClient::connect(&Alone, &to, patience).unwrap();
    let (peer, _) = listener.accept().unwrap();
    peer.set_nodelay(true).unwrap();
    (client, peer)
}

fn ask_udp(patience: Patience, retries: u32) -> (UdpClient, UdpSocket) {
    let peer = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let to = Destination::Inet(peer.local_addr().unwrap());
    (
        UdpClient::connect(&Alone, &to, patience, retries).unwrap(),
        peer,
    )
}

/// Have the peer send pieces, each after the client may have taken the one before, until it is
/// told to stop or everything is sent; then give it back.
fn drip(
    mut peer: TcpStream,
    pieces: Vec<Vec<u8>>,
    pause: Duration,
) -> (mpsc::Sender<()>, JoinHandle<TcpStream>) {
    let (stop, stopped) = mpsc::channel::<()>();
    let sender = thread::spawn(move || {
        for piece in pieces {
            if peer.write_all(&piece).is_err()
                || stopped.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Disconnected)
            {
                break;
            }
        }
        peer
    });
    (stop, sender)
}

fn single(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.iter().map(|byte| vec![*byte]).collect()
}

#[track_caller]
fn failure<T: std::fmt::Debug, E>(outcome: Result<T, Failure<E>>) -> Failure<E> {
    match outcome {
        Err(failure) => failure,
        Ok(value) => panic!("expected a failure, got {value:?}"),
    }
}

#[track_caller]
fn assert_timed_out<T: std::fmt::Debug>(outcome: Result<T, Failure<Error>>) -> String {
    let failure = failure(outcome);
    assert!(
        matches!(failure.cause, Cause::Core(Error::TimedOut)),
        "{failure:?}"
    );
    failure.message
}

#[track_caller]
fn assert_errno<T: std::fmt::Debug>(outcome: Result<T, Failure<Error>>, expected: i32) -> String {
    let failure = failure(outcome);
    match &failure.cause {
        Cause::Core(error) => assert_eq!(errno(error), expected, "{failure:?}"),
        cause => panic!("{cause:?}"),
    }
    failure.message
}

/// Close a connection so that the other side is told that it was cut off.
fn reset(peer: TcpStream) {
    SockRef::from(&peer)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

#[test]
fn a_question_is_sent_and_its_answer_received() {
    bounded(|| {
        let (client, mut peer) = connected(LONG);
        let answering = thread::spawn(move || {
            let mut question = [0; 7];
            peer.read_exact(&mut question).unwrap();
            peer.write_all(b"Hello, Michael!").unwrap();
            (question, peer)
        });
        assert_eq!(
            client.ask(&Alone, source(b"Michael")).unwrap(),
            b"Hello, Michael!"
        );
        assert_eq!(&answering.join().unwrap().0, b"Michael");
    });
}

#[test]
fn pieces_are_put_together_and_what_follows_is_kept() {
    bounded(|| {
        let (client, peer) = connected(LONG);
        let text = b"one\r\ntwo\r\n12345rest";
        let (_stop, sender) = drip(peer, single(text), Duration::from_millis(1));
        assert_eq!(client.recv_until(&Alone, b"\r\n", 100).unwrap(), b"one\r\n");
        assert_eq!(client.recv_line(&Alone, 100).unwrap(), b"two\r\n");
        assert_eq!(client.recv_exactly(&Alone, 5).unwrap(), b"12345");
        drop(sender.join().unwrap());
        assert_eq!(client.recv_exactly(&Alone, 4).unwrap(), b"rest");
        assert_eq!(client.recv(&Alone, 100).unwrap(), b"");
        assert_eq!(client.recv_line(&Alone, 100).unwrap(), b"");
    });
}

#[test]
fn what_arrives_together_is_handed_out_one_by_one() {
    bounded(|| {
        let (client, mut peer) = connected(LONG);
        peer.write_all(b"a\nbb\nccc\nlast").unwrap();
        drop(peer);
        let line = || client.recv_line(&Alone, 4).unwrap();
        assert_eq!(
            [line(), line(), line()],
            [b"a\n".to_vec(), b"bb\n".to_vec(), b"ccc\n".to_vec()]
        );
        assert_eq!(client.buffered(), 4);
        assert_eq!(client.recv(&Alone, 2).unwrap(), b"la");
        assert_eq!(client.recv_line(&Alone, 4).unwrap(), b"st");
    });
}

#[test]
fn a_deadline_holds_for_the_whole_call_however_often_a_piece_arrives() {
    bounded(|| {
        type Call = fn(&TcpClient) -> Result<Vec<u8>, Failure<Error>>;
        let calls: [Call; 3] = [
            |client| client.recv_exactly(&Alone, 100_000),
            |client| client.recv_until(&Alone, b"\n", 100_000),
            |client| client.recv_line(&Alone, 100_000),
        ];
        for call in calls {
            let (client, peer) = connected(SHORT);
            let (stop, sender) = drip(peer, single(&[b'x'; 2000]), Duration::from_millis(5));
            let start = Instant::now();
            let message = assert_timed_out(call(&client));
            let took = start.elapsed();
            drop(stop);
            drop(sender.join().unwrap());
            assert!(took >= Duration::from_millis(150), "{took:?}");
            assert!(took < Duration::from_millis(1000), "{took:?}");
            assert!(message.contains("0.15 s"), "{message}");
            assert!(message.contains("bytes that came are kept"), "{message}");
        }
    });
}

#[test]
fn a_peer_that_never_makes_anybody_wait_does_not_hold_a_call_past_its_deadline() {
    bounded(|| {
        let (client, mut peer) = connected(SHORT);
        let flood = thread::spawn(move || while peer.write_all(&[b'x'; 65536]).is_ok() {});
        let start = Instant::now();
        assert_timed_out(client.recv_exactly(&Alone, usize::MAX));
        assert!(start.elapsed() < Duration::from_secs(3));
        client.close().unwrap();
        flood.join().unwrap();
    });
}

#[test]
fn what_came_before_a_deadline_passed_is_found_by_the_next_call() {
    bounded(|| {
        let (client, mut peer) = connected(SHORT);
        peer.write_all(b"Hel").unwrap();
        let message = assert_timed_out(client.recv_line(&Alone, 100));
        assert!(message.contains("3 bytes"), "{message}");
        assert_timed_out(client.recv_exactly(&Alone, 4));
        client.set_patience(LONG);
        peer.write_all(b"lo\n").unwrap();
        assert_eq!(client.recv_line(&Alone, 100).unwrap(), b"Hello\n");
    });
}

#[test]
fn the_end_in_the_middle_hands_over_what_came() {
    bounded(|| {
        type Call = fn(&TcpClient) -> Result<Vec<u8>, Failure<Error>>;
        let calls: [(Call, Option<usize>); 2] = [
            (|client| client.recv_exactly(&Alone, 10), Some(10)),
            (|client| client.recv_until(&Alone, b"\r\n", 10), None),
        ];
        for (call, wanted) in calls {
            let (client, mut peer) = connected(LONG);
            peer.write_all(b"half\r").unwrap();
            drop(peer);
            let failure = failure(call(&client));
            assert!(failure.message.contains("after 5"), "{failure}");
            match failure.cause {
                Cause::Ended { partial, expected } => {
                    assert_eq!((&partial[..], expected), (&b"half\r"[..], wanted));
                }
                cause => panic!("{cause:?}"),
            }
            assert_eq!(client.recv(&Alone, 10).unwrap(), b"");
        }
    });
}

#[test]
fn a_limit_is_an_error_that_loses_nothing() {
    bounded(|| {
        let (client, mut peer) = connected(LONG);
        peer.write_all(b"12345678\n").unwrap();
        for limit in [0, 1, 8] {
            let failure = failure(client.recv_line(&Alone, limit));
            assert!(matches!(failure.cause, Cause::TooLong { limit: told } if told == limit));
        }
        assert_eq!(client.recv_line(&Alone, 9).unwrap(), b"12345678\n");
    });
}

#[test]
fn a_flood_without_a_delimiter_is_received_no_further_than_the_limit() {
    bounded(|| {
        let (client, mut peer) = connected(LONG);
        let flood = thread::spawn(move || while peer.write_all(&[b'x'; 65536]).is_ok() {});
        let limit = 1 << 20;
        let failure = failure(client.recv_until(&Alone, b"\n", limit));
        assert!(matches!(failure.cause, Cause::TooLong { .. }), "{failure}");
        assert!(
            (limit..=3 * limit).contains(&client.buffered()),
            "{}",
            client.buffered()
        );
        client.close().unwrap();
        flood.join().unwrap();
    });
}

#[test]
fn much_goes_both_ways_unharmed() {
    bounded(|| {
        let all: Vec<u8> = (0..5_000_000u32)
            .map(|number| (number % 251) as u8)
            .collect();
        let (client, peer) = connected(LONG);
        let mut back = peer.try_clone().unwrap();
        let echo = thread::spawn(move || std::io::copy(&mut &peer, &mut back).unwrap());
        thread::scope(|scope| {
            // One thread sends while another receives, on the same client.
            let sending = scope.spawn(|| client.send_all(&Alone, source(&all)));
            let received = client.recv_exactly(&Alone, all.len()).unwrap();
            sending.join().unwrap().unwrap();
            assert!(received == all);
        });
        client.close().unwrap();
        assert_eq!(echo.join().unwrap(), 5_000_000);
    });
}

#[test]
fn a_peer_that_takes_nothing_ends_a_send_that_says_how_far_it_came() {
    bounded(|| {
        let (client, _peer) = connected(SHORT);
        let much = vec![0; 50_000_000];
        let message = assert_timed_out(client.send_all(&Alone, source(&much)));
        assert!(message.contains("of 50000000 bytes were sent"), "{message}");
        assert!(!message.contains("(0 of"), "{message}");
    });
}

#[test]
fn a_reset_is_told_with_the_address() {
    bounded(|| {
        let (client, peer) = connected(LONG);
        let address = peer.local_addr().unwrap().to_string();
        reset(peer);
        let message = assert_errno(client.recv(&Alone, 10), libc::ECONNRESET);
        assert!(message.contains(&address), "{message}");
        let message = assert_errno(client.send_all(&Alone, source(b"x")), libc::EPIPE);
        assert!(message.contains("connect again"), "{message}");
    });
}

#[test]
fn what_came_before_a_reset_is_still_handed_out() {
    bounded(|| {
        let (client, mut peer) = connected(LONG);
        peer.write_all(b"first\nsecond").unwrap();
        assert_eq!(client.recv_line(&Alone, 100).unwrap(), b"first\n");
        reset(peer);
        assert_errno(client.recv_line(&Alone, 100), libc::ECONNRESET);
        assert_eq!(client.recv(&Alone, 100).unwrap(), b"second");
    });
}

/// Return an address at which nobody listens, held so that nobody else takes it.
fn nobody() -> (SocketAddr, Socket) {
    let held = Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    held.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    (held.local_addr().unwrap().as_socket().unwrap(), held)
}

#[test]
fn a_refused_connection_names_the_address() {
    bounded(|| {
        let (address, _held) = nobody();
        let to = Destination::Inet(address);
        let message = assert_errno(TcpClient::connect(&Alone, &to, LONG), libc::ECONNREFUSED);
        assert!(
            message.contains(&format!("nobody listens at {address}")),
            "{message}"
        );
    });
}

#[test]
fn a_server_that_takes_no_connection_is_given_up_at_the_deadline() {
    bounded(|| {
        let listener = Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        listener
            .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
            .unwrap();
        listener.listen(0).unwrap();
        let to = Destination::Inet(listener.local_addr().unwrap().as_socket().unwrap());
        let start = Instant::now();
        let mut clients = Vec::new();
        let failure = loop {
            match TcpClient::connect(&Alone, &to, SHORT) {
                Ok(client) => clients.push(client),
                Err(failure) => break failure,
            }
        };
        assert!(
            matches!(failure.cause, Cause::Core(Error::TimedOut)),
            "{failure:?}"
        );
        assert!(failure.message.contains(&to.to_string()), "{failure}");
        assert!(start.elapsed() < Duration::from_secs(3));
    });
}

#[test]
fn a_name_is_looked_up_and_its_next_address_tried() {
    bounded(|| {
        // Only on IPv4: where the name stands for IPv6 as well, that address refuses.
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        for name in [&b"localhost"[..], b"", b"127.0.0.1"] {
            let to = Destination::Host(name.to_vec(), port);
            let client = TcpClient::connect(&Alone, &to, LONG).unwrap();
            assert_eq!(
                client.peer().as_socket(),
                Some(listener.local_addr().unwrap())
            );
        }
    });
}

#[test]
fn an_unknown_host_is_named() {
    bounded(|| {
        let to = Destination::Host(b"no such host".to_vec(), 9999);
        let failure = failure(TcpClient::connect(&Alone, &to, LONG));
        assert!(
            matches!(failure.cause, Cause::Core(Error::AddressInfo { .. })),
            "{failure:?}"
        );
        assert!(failure.message.contains("no such host:9999"), "{failure}");
    });
}

#[test]
fn a_close_wakes_whoever_waits() {
    bounded(|| {
        type Call = fn(&TcpClient, &Watcher) -> Result<(), Failure<Error>>;
        let calls: [Call; 4] = [
            |client, watcher| client.recv(watcher, 10).map(drop),
            |client, watcher| client.recv_exactly(watcher, 10).map(drop),
            |client, watcher| client.ask(watcher, source(b"?")).map(drop),
            |client, watcher| client.send_all(watcher, source(&vec![0; 50_000_000])),
        ];
        for call in calls {
            let (client, _peer) = connected(Patience::Endless);
            let (first, second) = (Watcher::default(), Watcher::default());
            thread::scope(|scope| {
                // One waits for the server, and the other for its turn.
                let calls = [
                    scope.spawn(|| call(&client, &first)),
                    scope.spawn(|| call(&client, &second)),
                ];
                while !(first.waits() && second.waits()) {
                    thread::yield_now();
                }
                client.close().unwrap();
                for call in calls {
                    let failure = failure(call.join().unwrap());
                    assert!(matches!(failure.cause, Cause::Closed), "{failure:?}");
                    assert!(failure.message.contains("is closed"), "{failure}");
                }
            });
            client.close().unwrap();
            let failure = failure(client.recv(&Alone, 1));
            assert!(matches!(failure.cause, Cause::Closed), "{failure:?}");
            assert!(client.describe().ends_with("[closed]"));
        }
    });
}

/// A caller that counts how often it lets others run, and how often it looks for signals.
#[derive(Clone, Default)]
struct Watcher {
    released: Arc<AtomicUsize>,
    interrupted: Arc<AtomicUsize>,
    gives_up: bool,
}

impl Watcher {
    /// Return whether the call let others run, which it does before it waits.
    fn waits(&self) -> bool {
        self.released.load(Ordering::SeqCst) > 0
    }
}

impl Caller for Watcher {
    type Error = Error;

    fn release<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.released.fetch_add(1, Ordering::SeqCst);
        work()
    }

    fn interrupted(&self) -> Result<(), Error> {
        self.interrupted.fetch_add(1, Ordering::SeqCst);
        match self.gives_up {
            true => Err(Error::Address("given up")),
            false => Ok(()),
        }
    }
}

#[test]
fn a_thread_that_waits_for_its_turn_gives_up_at_its_own_deadline() {
    bounded(|| {
        let (client, mut peer) = connected(Patience::Endless);
        let watcher = Watcher::default();
        thread::scope(|scope| {
            let first = scope.spawn(|| client.recv(&watcher, 10));
            while !watcher.waits() {
                thread::yield_now();
            }
            client.set_patience(SHORT);
            let failure = failure(client.ask(&Alone, source(b"x")));
            assert!(matches!(failure.cause, Cause::Busy), "{failure:?}");
            assert!(failure.message.contains("another thread"), "{failure}");
            peer.write_all(b"y").unwrap();
            assert_eq!(first.join().unwrap().unwrap(), b"y");
        });
    });
}

#[test]
fn a_wait_for_a_turn_can_be_interrupted() {
    bounded(|| {
        let (client, mut peer) = connected(Patience::Endless);
        let watcher = Watcher::default();
        thread::scope(|scope| {
            let first = scope.spawn(|| client.recv(&watcher, 10));
            while !watcher.waits() {
                thread::yield_now();
            }
            let hasty = Watcher {
                gives_up: true,
                ..Watcher::default()
            };
            let failure = failure(client.recv(&hasty, 10));
            assert!(matches!(failure.cause, Cause::Raised(_)), "{failure:?}");
            peer.write_all(b"y").unwrap();
            assert_eq!(first.join().unwrap().unwrap(), b"y");
        });
    });
}

#[test]
fn threads_that_share_a_client_get_the_answers_to_their_own_questions() {
    bounded(|| {
        let (client, peer) = connected(LONG);
        let mut back = peer.try_clone().unwrap();
        let echo = thread::spawn(move || std::io::copy(&mut &peer, &mut back).unwrap());
        thread::scope(|scope| {
            for number in 0..8 {
                let client = &client;
                scope.spawn(move || {
                    for round in 0..200 {
                        let question = format!("{number}:{round}");
                        let answer = client.ask(&Alone, source(question.as_bytes())).unwrap();
                        assert_eq!(String::from_utf8(answer).unwrap(), question);
                    }
                });
            }
        });
        client.close().unwrap();
        echo.join().unwrap();
    });
}

#[test]
fn a_path_is_an_address() {
    bounded(|| {
        let folder = std::env::temp_dir().join(format!("rsock-client-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("server");
        let listener = UnixListener::bind(&path).unwrap();
        let name = path.to_str().unwrap();
        let to = Destination::Unix(name.as_bytes().to_vec());
        let client = TcpClient::connect(&Alone, &to, LONG).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        peer.write_all(b"over a path").unwrap();
        assert_eq!(client.recv(&Alone, 100).unwrap(), b"over a path");
        assert_eq!(client.describe(), format!("-> {name}"));
        drop(listener);
        std::fs::remove_file(&path).unwrap();
        let message = assert_errno(TcpClient::connect(&Alone, &to, LONG), libc::ENOENT);
        assert!(message.contains(name), "{message}");

        let peer = UnixDatagram::bind(&path).unwrap();
        let client = UdpClient::connect(&Alone, &to, LONG, 0).unwrap();
        client.send(&Alone, source(b"ping")).unwrap();
        let mut question = [0; 10];
        let (count, from) = peer.recv_from(&mut question).unwrap();
        assert_eq!(&question[..count], b"ping");
        SockRef::from(&peer)
            .send_to(b"pong", &client.local().clone())
            .unwrap();
        assert!(from.as_pathname().is_none());
        assert_eq!(client.recv(&Alone, 100).unwrap(), b"pong");
        std::fs::remove_dir_all(&folder).unwrap();
    });
}

#[cfg(target_os = "linux")]
#[test]
fn an_abstract_name_is_an_address() {
    use std::os::linux::net::SocketAddrExt;
    bounded(|| {
        let name = format!("rsock-client-{}", std::process::id());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let to = Destination::Unix(format!("\0{name}").into_bytes());
        let client = TcpClient::connect(&Alone, &to, LONG).unwrap();
        drop(listener.accept().unwrap());
        assert_eq!(client.recv(&Alone, 100).unwrap(), b"");
        assert_eq!(client.describe(), format!("-> @{name}"));
    });
}

#[test]
fn a_question_without_an_answer_is_sent_again_as_often_as_was_said() {
    bounded(|| {
        for retries in [0, 1, 3] {
            let (client, peer) = ask_udp(limited(30), retries);
            let failure = failure(client.ask(&Alone, source(b"?")));
            assert!(matches!(failure.cause, Cause::Lost { tries } if tries == retries + 1));
            let text = &failure.message;
            assert!(
                text.contains(&peer.local_addr().unwrap().to_string()),
                "{text}"
            );
            assert!(
                text.contains(&format!("to {} datagram", retries + 1)),
                "{text}"
            );
            peer.set_nonblocking(true).unwrap();
            let on_the_wire = std::iter::from_fn(|| peer.recv(&mut [0; 10]).ok()).count();
            assert_eq!(on_the_wire, retries as usize + 1);
        }
    });
}

#[test]
fn an_answer_to_a_later_try_is_taken() {
    bounded(|| {
        let (client, peer) = ask_udp(SHORT, 5);
        let answering = thread::spawn(move || {
            let mut question = [0; 10];
            peer.recv_from(&mut question).unwrap();
            let (count, from) = peer.recv_from(&mut question).unwrap();
            peer.send_to(&question[..count], from).unwrap();
        });
        assert_eq!(client.ask(&Alone, source(b"again")).unwrap(), b"again");
        answering.join().unwrap();
    });
}

#[test]
fn a_late_answer_is_not_taken_for_that_to_the_next_question() {
    bounded(|| {
        let (client, peer) = ask_udp(limited(30), 0);
        let mut question = [0; 10];
        failure(client.ask(&Alone, source(b"1")));
        let (_, from) = peer.recv_from(&mut question).unwrap();
        peer.send_to(b"late", from).unwrap();
        peer.send_to(b"later", from).unwrap();
        client.set_patience(LONG);
        let answering = thread::spawn(move || {
            let (_, from) = peer.recv_from(&mut [0; 10]).unwrap();
            peer.send_to(b"two", from).unwrap();
        });
        assert_eq!(client.ask(&Alone, source(b"2")).unwrap(), b"two");
        answering.join().unwrap();
    });
}

#[test]
fn a_refusal_ends_a_question_at_once_and_only_that_one() {
    bounded(|| {
        let (client, peer) = ask_udp(LONG, 3);
        let address = peer.local_addr().unwrap();
        drop(peer);
        let message = assert_errno(client.ask(&Alone, source(b"?")), libc::ECONNREFUSED);
        assert!(message.contains(&address.to_string()), "{message}");
        // Its refusal is there when the server comes back.
        client.send(&Alone, source(b"lost")).unwrap();
        let peer = UdpSocket::bind(address).unwrap();
        let answering = thread::spawn(move || {
            let (_, from) = peer.recv_from(&mut [0; 10]).unwrap();
            peer.send_to(b"!", from).unwrap();
        });
        assert_eq!(client.ask(&Alone, source(b"?")).unwrap(), b"!");
        answering.join().unwrap();
    });
}

#[test]
fn datagrams_keep_their_ends_and_may_be_empty() {
    bounded(|| {
        let (client, peer) = ask_udp(LONG, 0);
        for piece in [&b"one"[..], b"", b"three"] {
            peer.send_to(piece, client.local().as_socket().unwrap())
                .unwrap();
        }
        assert_eq!(client.recv(&Alone, 2).unwrap(), b"on");
        assert_eq!(client.recv(&Alone, 100).unwrap(), b"");
        assert_eq!(client.recv(&Alone, usize::MAX).unwrap(), b"three");
        let message = assert_errno(client.send(&Alone, source(&[0; 70_000])), libc::EMSGSIZE);
        assert!(message.contains("too large for one datagram"), "{message}");
    });
}

#[test]
fn a_close_wakes_whoever_waits_for_a_datagram() {
    bounded(|| {
        let (client, _peer) = ask_udp(Patience::Endless, 0);
        let watcher = Watcher::default();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| client.ask(&watcher, source(b"?")));
            while !watcher.waits() {
                thread::yield_now();
            }
            client.close().unwrap();
            assert!(matches!(
                failure(waiting.join().unwrap()).cause,
                Cause::Closed
            ));
        });
    });
}
