//! The event engine, as a server on the loopback: what it answers, what it bounds, how it ends.
#![allow(unsafe_code, clippy::unwrap_used)]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{alone, bounded, limit_files, more_files, processor_time};
use rsock::service::{
    Conversation, Flow, ListenOptions, Listener, Notice, Place, Remote, Server, Service, Settings,
    Snapshot,
};
use socket2::{SockAddr, SockRef, Socket};

/// How long a test waits for one thing.
const SOON: Duration = Duration::from_secs(10);
/// The files of the two tests with a thousand connections, which may run at once.
const FILES: u64 = 4500;
/// How long something must not happen, to be taken for not happening.
const A_WHILE: Duration = Duration::from_millis(100);

/// A service whose conversations are one function: step and bytes in, flow and bytes out.
struct Script<F> {
    said: F,
    remotes: Mutex<Sender<Remote>>,
    notices: Mutex<Sender<&'static str>>,
    batches: Arc<AtomicUsize>,
}

/// What a script hears.
#[derive(Clone, Copy)]
enum Heard<'a> {
    Opened,
    Piece(&'a [u8]),
    Ended,
    Closed,
}

struct Line<F>(Arc<Script<F>>, Remote);

trait Said: Fn(Heard<'_>, &mut Vec<u8>, &Remote) -> Flow + Send + Sync + 'static {}
impl<F: Fn(Heard<'_>, &mut Vec<u8>, &Remote) -> Flow + Send + Sync + 'static> Said for F {}

impl<F: Said> Conversation for Line<F> {
    fn opened(&mut self, out: &mut Vec<u8>) -> Flow {
        (self.0.said)(Heard::Opened, out, &self.1)
    }

    fn received(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Flow {
        (self.0.said)(Heard::Piece(piece), out, &self.1)
    }

    fn ended(&mut self, out: &mut Vec<u8>) -> Flow {
        (self.0.said)(Heard::Ended, out, &self.1)
    }

    fn closed(&mut self) {
        (self.0.said)(Heard::Closed, &mut Vec::new(), &self.1);
    }
}

struct Host<F>(Arc<Script<F>>);

impl<F: Said> Service for Host<F> {
    fn open(&self, _peer: &SockAddr, remote: Remote) -> Box<dyn Conversation> {
        // Nobody listens in most tests.
        let _ = self.0.remotes.lock().unwrap().send(remote.clone());
        Box::new(Line(Arc::clone(&self.0), remote))
    }

    fn batch(&self, work: &mut dyn FnMut()) {
        self.0.batches.fetch_add(1, Ordering::Relaxed);
        work();
    }

    fn notice(&self, notice: &Notice<'_>) {
        let name = match notice {
            Notice::Accepted(_) => "accepted",
            Notice::Closed(_) => "closed",
            Notice::Refused(_) => "refused",
            Notice::Exhausted => "exhausted",
            Notice::Panicked(_) => "panicked",
            _ => "other",
        };
        let _ = self.0.notices.lock().unwrap().send(name);
    }
}

/// A server, and what its service sees.
struct Running {
    server: Arc<Server>,
    remotes: Receiver<Remote>,
    notices: Receiver<&'static str>,
    batches: Arc<AtomicUsize>,
}

fn start_at(place: &Place, settings: Settings, said: impl Said) -> Running {
    let options = ListenOptions {
        backlog: 1024,
        ..ListenOptions::default()
    };
    let listener = Listener::bind(place, &options).unwrap();
    let (remote, remotes) = mpsc::channel();
    let (notice, notices) = mpsc::channel();
    let batches = Arc::new(AtomicUsize::new(0));
    let script = Script {
        said,
        remotes: Mutex::new(remote),
        notices: Mutex::new(notice),
        batches: Arc::clone(&batches),
    };
    let server = Server::start(listener, Arc::new(Host(Arc::new(script))), settings).unwrap();
    Running {
        server: Arc::new(server),
        remotes,
        notices,
        batches,
    }
}

fn start(settings: Settings, said: impl Said) -> Running {
    start_at(
        &Place::Ip {
            host: "127.0.0.1".to_owned(),
            port: 0,
        },
        settings,
        said,
    )
}

fn settings() -> Settings {
    Settings::default()
}

fn echo(heard: Heard<'_>, out: &mut Vec<u8>, _remote: &Remote) -> Flow {
    match heard {
        Heard::Piece(piece) => {
            out.extend_from_slice(piece);
            Flow {
                messages: 1,
                ..Flow::CONTINUE
            }
        }
        Heard::Ended => Flow::CLOSE,
        _ => Flow::CONTINUE,
    }
}

impl Running {
    fn connect(&self) -> TcpStream {
        let address: SocketAddr = self.server.address().as_socket().unwrap();
        let client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(SOON)).unwrap();
        client.set_write_timeout(Some(SOON)).unwrap();
        client.set_nodelay(true).unwrap();
        client
    }

    /// Wait for counters that a loop brings up to date in its own time.
    #[track_caller]
    fn until(&self, holds: impl Fn(Snapshot) -> bool) -> Snapshot {
        let limit = Instant::now() + SOON;
        loop {
            let now = self.server.stats();
            if holds(now) {
                return now;
            }
            assert!(Instant::now() < limit, "{now:?}");
            thread::yield_now();
        }
    }

    #[track_caller]
    fn notice(&self) -> &'static str {
        self.notices.recv_timeout(SOON).unwrap()
    }
}

#[track_caller]
fn ask(client: &mut TcpStream, message: &[u8]) {
    client.write_all(message).unwrap();
    expect(client, message);
}

#[track_caller]
fn expect(client: &mut impl Read, expected: &[u8]) {
    let mut got = vec![0; expected.len()];
    client.read_exact(&mut got).unwrap();
    assert!(got == expected, "{} bytes differ", got.len());
}

#[track_caller]
fn expect_end(client: &mut impl Read) {
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
}

/// Return whether the other side has closed, by end or reset, waiting as long as the client does.
fn is_closed(client: &mut TcpStream) -> bool {
    match client.read(&mut [0; 64]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[test]
fn messages_of_all_sizes_come_back_whole() {
    bounded(|| {
        for receive_size in [1, 1000, 64 << 10] {
            let running = start(
                Settings {
                    receive_size,
                    ..settings()
                },
                echo,
            );
            let mut client = running.connect();
            for size in [1, 15, 1000, 1001, 65_535, 65_536, 65_537, 300_000] {
                if size / receive_size > 100_000 {
                    continue;
                }
                let message = pattern(size);
                let mut writer = client.try_clone().unwrap();
                let sent = message.clone();
                let sender = thread::spawn(move || {
                    for piece in sent.chunks(7919) {
                        writer.write_all(piece).unwrap();
                    }
                });
                expect(&mut client, &message);
                sender.join().unwrap();
            }
            let stats = running.server.stats();
            assert_eq!(stats.bytes_in, stats.bytes_out);
            assert!(stats.messages > 8);
        }
    });
}

#[test]
fn a_thousand_connections_are_served_by_one_thread_and_by_several() {
    if !more_files(FILES) {
        return;
    }
    bounded(|| {
        for event_threads in [1, 3] {
            let running = start(
                Settings {
                    event_threads,
                    ..settings()
                },
                echo,
            );
            let mut clients: Vec<_> = (0..1000).map(|_| running.connect()).collect();
            for round in 0u32..3 {
                for client in &mut clients {
                    client.write_all(&round.to_be_bytes()).unwrap();
                }
                for client in &mut clients {
                    expect(client, &round.to_be_bytes());
                }
            }
            assert_eq!(running.server.connections(), 1000);
            let stats = running.server.stats();
            assert_eq!(
                (stats.accepted, stats.active, stats.errors),
                (1000, 1000, 0)
            );
            assert_eq!((stats.bytes_in, stats.bytes_out), (12_000, 12_000));
            drop(clients);
            running.until(|stats| stats.closed == 1000);
            assert_eq!(running.server.connections(), 0);
        }
    });
}

#[test]
fn a_reader_that_never_reads_is_no_longer_received_from() {
    bounded(|| {
        let max_pending = 100_000;
        let running = start(
            Settings {
                max_pending,
                ..settings()
            },
            echo,
        );
        let mut client = running.connect();
        client.set_nonblocking(true).unwrap();
        let piece = pattern(1 << 16);
        let mut sent = 0;
        let mut quiet = Instant::now();
        // Until nothing has gone for a while: all buffers on the way are full.
        while quiet.elapsed() < A_WHILE {
            match client.write(&piece[sent % piece.len()..]) {
                Ok(count) => {
                    sent += count;
                    quiet = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
            assert!(sent < 1 << 30, "nothing holds the client up");
        }
        let stats = running.server.stats();
        let kept = stats.bytes_in - stats.bytes_out;
        assert!(kept > max_pending as u64, "{stats:?}");
        assert!(
            kept <= (max_pending + settings().receive_size) as u64,
            "{stats:?}"
        );
        // The others are served, and this one too as soon as it reads.
        ask(&mut running.connect(), b"others");
        client.set_nonblocking(false).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        assert_eq!(got.len(), sent);
        assert!(
            got.chunks(piece.len())
                .all(|chunk| *chunk == piece[..chunk.len()])
        );
    });
}

#[test]
fn what_is_left_is_sent_after_the_end_of_input() {
    bounded(|| {
        let running = start(settings(), |heard, out, _| {
            if let Heard::Ended = heard {
                out.extend(pattern(8 << 20));
            }
            Flow {
                close: matches!(heard, Heard::Ended),
                ..Flow::CONTINUE
            }
        });
        let mut client = running.connect();
        client.write_all(b"and that is all").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        expect(&mut client, &pattern(8 << 20));
        expect_end(&mut client);
        let stats = running.until(|stats| stats.closed == 1);
        assert_eq!((stats.bytes_in, stats.errors), (15, 0));
    });
}

#[test]
fn data_and_end_that_arrive_together_are_both_taken() {
    bounded(|| {
        let running = start(settings(), echo);
        for _ in 0..50 {
            let mut client = running.connect();
            client.write_all(b"last words").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            expect(&mut client, b"last words");
            expect_end(&mut client);
        }
    });
}

#[test]
fn what_follows_urgent_data_is_not_left_lying() {
    bounded(|| {
        let running = start(settings(), echo);
        let mut client = running.connect();
        let socket = Socket::from(client.try_clone().unwrap());
        for _ in 0..20 {
            socket.send(b"before").unwrap();
            socket.send_out_of_band(b"!").unwrap();
            socket.send(b"after").unwrap();
            expect(&mut client, b"beforeafter");
        }
    });
}

#[test]
fn a_reset_costs_its_own_connection_only() {
    bounded(|| {
        let running = start(settings(), echo);
        let mut other = running.connect();
        let mut client = running.connect();
        ask(&mut client, b"here");
        SockRef::from(&client)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(client);
        let stats = running.until(|stats| stats.closed == 1);
        assert_eq!((stats.active, stats.errors), (1, 1));
        ask(&mut other, b"still here");
    });
}

#[test]
fn an_idle_client_is_closed_and_a_slow_one_is_not() {
    bounded(|| {
        let idle_timeout = Some(Duration::from_millis(400));
        let running = start(
            Settings {
                idle_timeout,
                ..settings()
            },
            echo,
        );
        let mut drip = running.connect();
        let mut idle = running.connect();
        let begin = Instant::now();
        idle.set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        while !is_closed(&mut idle) {
            ask(&mut drip, b".");
        }
        let took = begin.elapsed();
        assert!(
            took >= Duration::from_millis(390) && took < Duration::from_secs(3),
            "{took:?}"
        );
        ask(&mut drip, b"still here");
        assert_eq!(running.server.connections(), 1);
        // And once it is as idle, it goes the same way.
        expect_end(&mut drip);
    });
}

#[test]
fn a_delay_holds_up_its_own_connection_only() {
    bounded(|| {
        const DELAY: Duration = Duration::from_millis(300);
        let idle_timeout = Some(Duration::from_millis(100));
        let running = start(
            Settings {
                idle_timeout,
                ..settings()
            },
            |heard, out, remote| {
                let mut flow = echo(heard, out, remote);
                if matches!(heard, Heard::Piece(piece) if piece.starts_with(b"slow")) {
                    flow.delay = DELAY;
                }
                flow
            },
        );
        let mut slow = running.connect();
        let mut quick = running.connect();
        let begin = Instant::now();
        slow.write_all(b"slow").unwrap();
        running.until(|stats| stats.messages == 1);
        slow.write_all(b"next").unwrap();
        ask(&mut quick, b"quick");
        assert!(begin.elapsed() < DELAY, "{:?}", begin.elapsed());
        expect(&mut slow, b"slownext");
        assert!(begin.elapsed() >= DELAY, "{:?}", begin.elapsed());
    });
}

#[test]
fn a_farewell_may_be_delayed() {
    bounded(|| {
        let running = start(settings(), |heard, out, _| {
            if let Heard::Piece(_) = heard {
                out.extend_from_slice(b"bye");
                return Flow {
                    delay: Duration::from_millis(50),
                    ..Flow::CLOSE
                };
            }
            Flow::CONTINUE
        });
        let mut client = running.connect();
        client.write_all(b"exit").unwrap();
        expect(&mut client, b"bye");
        expect_end(&mut client);
    });
}

#[test]
fn one_who_never_stops_sending_leaves_room_for_the_others() {
    bounded(|| {
        let running = start(settings(), |heard, out, remote| match heard {
            Heard::Piece(piece) if piece.len() > 100 => Flow::CONTINUE,
            heard => echo(heard, out, remote),
        });
        let mut flood = running.connect();
        let stop = flood.try_clone().unwrap();
        let sender = thread::spawn(move || {
            let piece = pattern(1 << 20);
            while flood.write_all(&piece).is_ok() {}
        });
        running.until(|stats| stats.bytes_in > 10 << 20);
        let mut client = running.connect();
        let begin = Instant::now();
        for _ in 0..100 {
            ask(&mut client, b"a word");
        }
        assert!(
            begin.elapsed() < Duration::from_secs(5),
            "{:?}",
            begin.elapsed()
        );
        stop.shutdown(Shutdown::Both).unwrap();
        sender.join().unwrap();
    });
}

#[test]
fn stop_is_quick_with_a_thousand_connections() {
    if !more_files(FILES) {
        return;
    }
    bounded(|| {
        let running = start(settings(), echo);
        let mut clients: Vec<_> = (0..1000).map(|_| running.connect()).collect();
        running.until(|stats| stats.active == 1000);
        let begin = Instant::now();
        assert!(running.server.stop(SOON));
        let took = begin.elapsed();
        // Other tests run meanwhile; benches/stopping.py holds it to 200 ms.
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert!(clients.iter_mut().all(is_closed));
        assert!(TcpStream::connect(running.server.address().as_socket().unwrap()).is_err());
        let stats = running.server.stats();
        assert_eq!((stats.active, stats.closed), (0, 1000));
        assert!(!running.server.is_running());
    });
}

#[test]
fn stop_may_be_called_again_and_by_several_at_once() {
    bounded(|| {
        for _ in 0..20 {
            let running = start(
                Settings {
                    event_threads: 2,
                    ..settings()
                },
                echo,
            );
            ask(&mut running.connect(), b"here");
            let barrier = Arc::new(Barrier::new(4));
            let threads: Vec<_> = (0..4)
                .map(|number| {
                    let (server, barrier) = (Arc::clone(&running.server), Arc::clone(&barrier));
                    thread::spawn(move || {
                        barrier.wait();
                        if number == 0 {
                            server.wait(Some(SOON))
                        } else {
                            server.stop(SOON)
                        }
                    })
                })
                .collect();
            assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
            assert!(running.server.stop(Duration::ZERO));
            assert!(running.server.wait(None));
        }
    });
}

#[test]
fn waiting_ends_at_its_time_and_with_the_server() {
    bounded(|| {
        let running = start(settings(), echo);
        assert!(!running.server.wait(Some(Duration::from_millis(10))));
        let server = Arc::clone(&running.server);
        let waiter = thread::spawn(move || server.wait(None));
        assert!(running.server.stop(SOON));
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn a_conversation_may_stop_its_server_and_does_not_wait_for_itself() {
    bounded(|| {
        let here: Arc<Mutex<Option<Arc<Server>>>> = Arc::default();
        let (told, outcome) = mpsc::channel();
        let (place, told) = (Arc::clone(&here), Mutex::new(told));
        let running = start(settings(), move |heard, _, _| {
            if let Heard::Piece(_) = heard {
                let server = place.lock().unwrap().take().unwrap();
                told.lock().unwrap().send(server.stop(SOON)).unwrap();
            }
            Flow::CONTINUE
        });
        *here.lock().unwrap() = Some(Arc::clone(&running.server));
        let mut client = running.connect();
        client.write_all(b"stop").unwrap();
        assert!(!outcome.recv_timeout(SOON).unwrap());
        expect_end(&mut client);
        assert!(running.server.stop(SOON));
    });
}

#[test]
fn a_server_that_is_dropped_has_stopped() {
    bounded(|| {
        let running = start(settings(), echo);
        let mut client = running.connect();
        ask(&mut client, b"here");
        let Running { server, .. } = running;
        let address = server.address().as_socket().unwrap();
        drop(server);
        expect_end(&mut client);
        assert!(TcpStream::connect(address).is_err());
    });
}

#[test]
fn a_panic_in_a_conversation_closes_its_connection_only() {
    bounded(|| {
        let running = start(settings(), |heard, out, remote| {
            assert!(
                !matches!(heard, Heard::Piece(b"panic")),
                "a panic that belongs to the test"
            );
            echo(heard, out, remote)
        });
        let mut other = running.connect();
        ask(&mut other, b"before");
        let mut client = running.connect();
        client.write_all(b"panic").unwrap();
        expect_end(&mut client);
        ask(&mut other, b"after");
        let stats = running.server.stats();
        assert_eq!((stats.active, stats.closed, stats.errors), (1, 1, 1));
        let told: Vec<_> = (0..4).map(|_| running.notice()).collect();
        assert_eq!(told, ["accepted", "accepted", "panicked", "closed"]);
    });
}

#[test]
fn a_failing_conversation_is_counted_and_its_last_words_are_sent() {
    bounded(|| {
        let running = start(settings(), |heard, out, _| match heard {
            Heard::Piece(_) => {
                out.extend_from_slice(b"too long");
                Flow::FAIL
            }
            _ => Flow::CONTINUE,
        });
        let mut client = running.connect();
        client.write_all(b"something").unwrap();
        expect(&mut client, b"too long");
        expect_end(&mut client);
        assert_eq!(running.server.stats().errors, 1);
    });
}

#[test]
fn one_client_too_many_is_turned_away() {
    bounded(|| {
        let settings = Settings {
            max_connections: 2,
            event_threads: 2,
            ..settings()
        };
        let running = start(settings, echo);
        let mut first = running.connect();
        let mut second = running.connect();
        ask(&mut first, b"one");
        ask(&mut second, b"two");
        assert!(is_closed(&mut running.connect()));
        let stats = running.server.stats();
        assert_eq!((stats.accepted, stats.refused, stats.errors), (2, 1, 0));
        let told: Vec<_> = (0..3).map(|_| running.notice()).collect();
        assert_eq!(told, ["accepted", "accepted", "refused"]);
        drop(first);
        running.until(|stats| stats.active == 1);
        ask(&mut running.connect(), b"three");
    });
}

#[test]
fn without_descriptors_it_waits_and_recovers() {
    alone("alone_without_descriptors");
}

#[test]
#[ignore = "run by without_descriptors_it_waits_and_recovers"]
fn alone_without_descriptors() {
    bounded(|| {
        let running = start(settings(), echo);
        let mut first = running.connect();
        ask(&mut first, b"here");
        assert_eq!(running.notice(), "accepted");
        let waiting = Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        // Take every descriptor that is left: the next client comes, and nothing accepts it.
        let mut taken: Vec<_> = Vec::new();
        limit_files(64);
        while let Ok(copy) = first.try_clone() {
            taken.push(copy);
        }
        waiting.connect(running.server.address()).unwrap();
        assert_eq!(running.notice(), "exhausted");
        let (begin, before) = (Instant::now(), processor_time());
        // It is told once, however often it is tried again.
        assert!(
            running
                .notices
                .recv_timeout(Duration::from_secs(1))
                .is_err()
        );
        let spent = processor_time() - before;
        assert!(spent < begin.elapsed() / 10, "{spent:?}");
        ask(&mut first, b"still here");
        taken.clear();
        let freed = Instant::now();
        let mut client = TcpStream::from(waiting);
        client.set_read_timeout(Some(SOON)).unwrap();
        ask(&mut client, b"at last");
        assert!(
            freed.elapsed() < Duration::from_secs(1),
            "{:?}",
            freed.elapsed()
        );
        assert_eq!(running.notice(), "accepted");
    });
}

#[test]
fn other_threads_send_and_close() {
    bounded(|| {
        let running = start(settings(), echo);
        let mut client = running.connect();
        let remote = running.remotes.recv_timeout(SOON).unwrap();
        let sender = remote.clone();
        thread::spawn(move || {
            for number in 0u32..1000 {
                assert!(sender.send(number.to_be_bytes().to_vec()));
            }
            sender.close();
            assert!(!sender.send(b"too late".to_vec()));
        })
        .join()
        .unwrap();
        let expected: Vec<u8> = (0u32..1000).flat_map(u32::to_be_bytes).collect();
        expect(&mut client, &expected);
        expect_end(&mut client);
        running.until(|stats| stats.closed == 1);
        assert!(!remote.send(b"gone".to_vec()));
        remote.close();
    });
}

#[test]
fn other_threads_are_told_when_a_client_does_not_read() {
    bounded(|| {
        let max_pending = 100_000;
        let running = start(
            Settings {
                max_pending,
                ..settings()
            },
            echo,
        );
        let mut client = running.connect();
        let remote = running.remotes.recv_timeout(SOON).unwrap();
        let piece = pattern(10_000);
        let mut sent = 0;
        let mut quiet = Instant::now();
        while quiet.elapsed() < A_WHILE {
            if remote.send(piece.clone()) {
                sent += piece.len();
                quiet = Instant::now();
            } else {
                thread::yield_now();
            }
            assert!(sent < 1 << 30, "nothing holds the sender up");
        }
        let kept = sent as u64 - running.server.stats().bytes_out;
        assert!(kept <= (max_pending + piece.len()) as u64, "{kept}");
        remote.close();
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        assert_eq!(got.len(), sent);
    });
}

#[test]
fn what_a_conversation_posts_to_itself_comes_before_what_it_returns() {
    bounded(|| {
        let running = start(settings(), |heard, out, remote| {
            if let Heard::Piece(_) = heard {
                assert!(remote.send(b"first, ".to_vec()));
                remote.close();
                out.extend_from_slice(b"second");
            }
            Flow::CONTINUE
        });
        let mut client = running.connect();
        client.write_all(b"go").unwrap();
        expect(&mut client, b"first, second");
        expect_end(&mut client);
    });
}

#[test]
fn a_conversation_may_go_on_after_the_end_of_input() {
    bounded(|| {
        let running = start(settings(), |_, _, _| Flow::CONTINUE);
        let mut client = running.connect();
        let remote = running.remotes.recv_timeout(SOON).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert!(remote.send(b"later".to_vec()));
        expect(&mut client, b"later");
        remote.close();
        expect_end(&mut client);
    });
}

#[test]
fn a_path_is_served_like_a_port() {
    bounded(|| {
        let path = std::env::temp_dir().join(format!("rsock-events-{}", std::process::id()));
        let running = start_at(&Place::Path(path.clone()), settings(), echo);
        let mut client = UnixStream::connect(&path).unwrap();
        client.set_read_timeout(Some(SOON)).unwrap();
        for size in [1, 1000, 100_000] {
            let message = pattern(size);
            client.write_all(&message).unwrap();
            expect(&mut client, &message);
        }
        client.shutdown(Shutdown::Write).unwrap();
        expect_end(&mut client);
        assert!(running.server.stop(SOON));
        assert!(!path.exists());
    });
}

#[test]
fn every_conversation_hears_of_its_end_once() {
    bounded(|| {
        let closed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&closed);
        let running = start(settings(), move |heard, out, remote| {
            if let Heard::Closed = heard {
                count.fetch_add(1, Ordering::Relaxed);
            }
            echo(heard, out, remote)
        });
        for _ in 0..20 {
            ask(&mut running.connect(), b"in and out");
        }
        let staying: Vec<_> = (0..20).map(|_| running.connect()).collect();
        running.until(|stats| stats.accepted == 40 && stats.closed == 20);
        assert!(running.server.stop(SOON));
        drop(staying);
        assert_eq!(closed.load(Ordering::Relaxed), 40);
    });
}

#[test]
fn a_child_process_stops_its_copy_at_once_and_the_parent_serves_on() {
    bounded(|| {
        let running = start(settings(), echo);
        let mut client = running.connect();
        ask(&mut client, b"before");
        // SAFETY: the child only stops its copy of the server, and goes.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let stopped = !running.server.is_running() && running.server.stop(SOON);
            // SAFETY: ends the child, which must not run the parent's destructors.
            unsafe { libc::_exit(i32::from(!stopped)) };
        }
        let mut status = -1;
        // SAFETY: waits for our own child.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
        ask(&mut client, b"after");
        ask(&mut running.connect(), b"and others");
    });
}

#[test]
fn many_posts_take_one_turn() {
    bounded(|| {
        let (go, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let running = start(settings(), move |heard, _, _| {
            if let Heard::Piece(_) = heard {
                gate.lock().unwrap().recv_timeout(SOON).unwrap();
            }
            Flow {
                messages: 1,
                ..Flow::CONTINUE
            }
        });
        let mut clients: Vec<_> = (0..10).map(|_| running.connect()).collect();
        let remotes: Vec<_> = (0..10)
            .map(|_| running.remotes.recv_timeout(SOON).unwrap())
            .collect();
        // Each begins with a step, and from then on the loop has nothing to do.
        running.until(|stats| stats.messages == 10);
        clients[0].write_all(b"hold the loop up").unwrap();
        running.until(|stats| stats.bytes_in > 0);
        let before = running.batches.load(Ordering::Relaxed);
        for number in 0..1000u32 {
            assert!(remotes[number as usize % 10].send(vec![b'.'; 10]));
        }
        go.send(()).unwrap();
        for client in &mut clients {
            expect(client, &[b'.'; 1000]);
        }
        let turns = running.batches.load(Ordering::Relaxed) - before;
        assert!(turns <= 2, "{turns}");
    });
}
