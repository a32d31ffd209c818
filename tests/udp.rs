//! The server of datagrams, and datagrams in batches, on real sockets.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{bounded, until};
use rsock::service::template::Template;
use rsock::service::udp::{Answer, Outcome, Silent, UdpServer, UdpSettings, UdpStats};
use rsock::sys::batch::{self, Batch, Outgoing};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

const LONG: Duration = Duration::from_secs(10);

fn template(reply: &str) -> Arc<dyn Answer> {
    Arc::new(Template::new(reply.as_bytes()).unwrap())
}

fn local() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    socket
}

fn serve(answer: Arc<dyn Answer>, settings: UdpSettings) -> (UdpServer, SocketAddr) {
    let server = UdpServer::start(local().into(), answer, settings).unwrap();
    let address = server.address().as_socket().unwrap();
    (server, address)
}

/// The two ways in which a server waits.
fn both_ways() -> [UdpSettings; 2] {
    [true, false].map(|exclusive| UdpSettings {
        exclusive,
        ..UdpSettings::default()
    })
}

fn ask(client: &UdpSocket, server: SocketAddr, question: &[u8]) -> Vec<u8> {
    client.send_to(question, server).unwrap();
    let mut answer = vec![0; 65_536];
    let (len, from) = client.recv_from(&mut answer).unwrap();
    assert_eq!(from, server);
    answer.truncate(len);
    answer
}

#[test]
fn it_answers_as_the_server_of_the_tutorial() {
    bounded(|| {
        for settings in both_ways() {
            let (server, address) = serve(template("Hello, {data}!"), settings);
            assert!(server.is_running());
            let client = local();
            for name in ["Michael", "Tracy", "Sarah", "", "字"] {
                let expected = format!("Hello, {name}!");
                assert_eq!(ask(&client, address, name.as_bytes()), expected.as_bytes());
            }
            assert_eq!(ask(&client, address, b"\xe5\xff\0"), b"Hello, \xe5\xff\0!");
            assert!(server.stop(LONG));
            let expected = UdpStats {
                messages: 6,
                answers: 6,
                bytes_in: 7 + 5 + 5 + 3 + 3,
                bytes_out: 23 + 6 * 8,
                ..UdpStats::default()
            };
            assert_eq!((server.stats(), server.failure()), (expected, None));
        }
    });
}

#[test]
fn it_answers_each_of_many_that_arrive_together() {
    bounded(|| {
        for settings in both_ways() {
            let socket = local();
            let address = socket.local_addr().unwrap();
            let clients: Vec<UdpSocket> = (0..3).map(|_| local()).collect();
            // More than fit into a batch, and all of them there before the server is.
            for number in 0..50 {
                for client in &clients {
                    client
                        .send_to(format!("{number}").as_bytes(), address)
                        .unwrap();
                }
            }
            let settings = UdpSettings {
                batch: 16,
                ..settings
            };
            let server = UdpServer::start(socket.into(), template("<{data}>"), settings).unwrap();
            for client in &clients {
                for number in 0..50 {
                    let mut answer = [0; 16];
                    let len = client.recv(&mut answer).unwrap();
                    assert_eq!(&answer[..len], format!("<{number}>").as_bytes());
                }
            }
            assert!(server.stop(LONG));
            assert_eq!(server.stats().answers, 150);
        }
    });
}

#[test]
fn a_silent_server_only_receives() {
    bounded(|| {
        let (server, address) = serve(Arc::new(Silent), UdpSettings::default());
        let client = local();
        client.send_to(b"abc", address).unwrap();
        until(|| server.stats().messages == 1);
        assert!(server.stop(LONG));
        client.set_nonblocking(true).unwrap();
        assert_eq!(
            client.recv(&mut [0]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        assert_eq!((server.stats().answers, server.stats().bytes_in), (0, 3));
    });
}

#[test]
fn stopping_wakes_it_at_once_and_frees_the_port() {
    bounded(|| {
        for settings in both_ways() {
            let (server, address) = serve(Arc::new(Silent), settings);
            let begun = Instant::now();
            assert!(server.stop(LONG));
            assert!(
                begun.elapsed() < Duration::from_secs(1),
                "{:?}",
                begun.elapsed()
            );
            assert!(!server.is_running());
            assert!(server.stop(Duration::ZERO), "twice is fine");
            assert!(server.wait(None));
            drop(UdpSocket::bind(address).expect("the port is free again"));
        }
    });
}

#[test]
fn dropping_a_server_stops_it() {
    bounded(|| {
        let (server, address) = serve(template("{data}"), UdpSettings::default());
        drop(server);
        drop(UdpSocket::bind(address).expect("the port is free again"));
    });
}

#[test]
fn a_socket_that_others_use_too_is_theirs_again_after_the_server() {
    bounded(|| {
        let socket = local();
        let settings = UdpSettings {
            exclusive: false,
            ..UdpSettings::default()
        };
        let copy = socket.try_clone().unwrap();
        let server = UdpServer::start(copy.into(), template("{data}"), settings).unwrap();
        let client = local();
        let address = socket.local_addr().unwrap();
        assert_eq!(ask(&client, address, b"served"), b"served");
        assert!(server.stop(LONG));
        client.send_to(b"mine", address).unwrap();
        let mut data = [0; 8];
        assert_eq!(socket.recv(&mut data).unwrap(), 4);
    });
}

#[test]
fn waiting_ends_when_the_time_is_over_or_the_server_has_ended() {
    bounded(|| {
        let (server, _) = serve(Arc::new(Silent), UdpSettings::default());
        assert!(!server.wait(Some(Duration::from_millis(1))));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| server.wait(None));
            server.shut();
            assert!(waiting.join().unwrap());
        });
    });
}

#[test]
fn a_socket_that_somebody_shuts_down_ends_the_server_with_an_error() {
    bounded(|| {
        let socket = local();
        let copy = Socket::from(socket.try_clone().unwrap());
        let server =
            UdpServer::start(socket.into(), Arc::new(Silent), UdpSettings::default()).unwrap();
        let _ = copy.shutdown(std::net::Shutdown::Read);
        assert!(server.wait(Some(LONG)));
        assert_eq!(server.failure(), Some(libc::ENOTCONN));
        assert!(!server.is_running());
    });
}

#[test]
fn a_datagram_that_is_too_long_is_counted_and_not_answered() {
    bounded(|| {
        let settings = UdpSettings {
            max_message: 4,
            ..UdpSettings::default()
        };
        let (server, address) = serve(template("{data}"), settings);
        let client = local();
        client.send_to(b"12345", address).unwrap();
        assert_eq!(ask(&client, address, b"1234"), b"1234");
        assert!(server.stop(LONG));
        let expected = UdpStats {
            messages: 2,
            answers: 1,
            bytes_in: 4 + 4,
            bytes_out: 4,
            oversize: 1,
            ..UdpStats::default()
        };
        assert_eq!(server.stats(), expected);
    });
}

#[test]
fn the_longest_datagram_there_is_comes_back_and_a_longer_answer_is_an_error() {
    bounded(|| {
        let (echo, address) = serve(template("{data}"), UdpSettings::default());
        let client = local();
        let longest = vec![b'x'; 65_507];
        assert!(ask(&client, address, &longest) == longest);
        assert!(echo.stop(LONG));

        let (hello, address) = serve(template("Hello, {data}!"), UdpSettings::default());
        client.send_to(&longest, address).unwrap();
        assert_eq!(ask(&client, address, b"you"), b"Hello, you!", "it goes on");
        assert!(hello.stop(LONG));
        assert_eq!((hello.stats().errors, hello.stats().answers), (1, 1));
    });
}

#[test]
fn a_client_that_is_gone_does_not_end_the_server() {
    bounded(|| {
        for settings in both_ways() {
            let (server, address) = serve(template("{data}"), settings);
            for _ in 0..100 {
                local().send_to(b"gone", address).unwrap();
            }
            assert_eq!(ask(&local(), address, b"here"), b"here");
            assert!(server.stop(LONG));
            assert_eq!(server.failure(), None);
        }
    });
}

#[test]
fn a_refusal_that_the_socket_is_told_of_does_not_end_the_server() {
    bounded(|| {
        for settings in both_ways() {
            let socket = local();
            let gone = local().local_addr().unwrap();
            // Only a connected socket hears of refusals; the server gets it with two of them waiting.
            socket.connect(gone).unwrap();
            socket.send(b"anybody?").unwrap();
            until(|| {
                SockRef::from(&socket)
                    .take_error()
                    .is_ok_and(|error| error.is_some())
            });
            socket.send(b"anybody?").unwrap();
            let address = socket.local_addr().unwrap();
            let server = UdpServer::start(socket.into(), template("{data}"), settings).unwrap();
            let peer = UdpSocket::bind(gone).unwrap();
            peer.set_read_timeout(Some(LONG)).unwrap();
            assert_eq!(ask(&peer, address, b"here"), b"here");
            assert!(server.stop(LONG));
            assert_eq!(server.stats().errors, 1, "it was told");
        }
    });
}

/// Answers as told by the datagram.
struct Moody;

impl Answer for Moody {
    fn answer(&self, datagram: &[u8], _: &SockAddr, out: &mut Vec<u8>) -> Outcome {
        out.extend_from_slice(datagram);
        assert!(datagram != b"panic", "as was asked");
        match datagram {
            b"hush" => Outcome::Silence,
            b"fail" => Outcome::Failure,
            _ => Outcome::Answer,
        }
    }
}

#[test]
fn an_answer_that_panics_or_fails_costs_that_answer_only() {
    bounded(|| {
        let socket = local();
        let address = socket.local_addr().unwrap();
        let client = local();
        let questions: [&[u8]; 8] = [b"a", b"panic", b"b", b"hush", b"c", b"fail", b"panic", b"d"];
        for question in questions {
            client.send_to(question, address).unwrap();
        }
        let server =
            UdpServer::start(socket.into(), Arc::new(Moody), UdpSettings::default()).unwrap();
        for expected in [b"a", b"b", b"c", b"d"] {
            let mut answer = [0; 8];
            assert_eq!(client.recv(&mut answer).unwrap(), 1);
            assert_eq!(&answer[..1], expected);
        }
        assert!(server.stop(LONG));
        assert_eq!((server.stats().errors, server.stats().messages), (3, 8));
    });
}

/// Stops its own server.
struct Last(Mutex<Option<Arc<UdpServer>>>, Sender<bool>);

impl Answer for Last {
    fn answer(&self, _: &[u8], _: &SockAddr, _: &mut Vec<u8>) -> Outcome {
        let server = self.0.lock().unwrap().take().unwrap();
        self.1.send(server.stop(LONG)).unwrap();
        Outcome::Silence
    }
}

#[test]
fn an_answer_may_stop_its_own_server() {
    bounded(|| {
        let (told, outcome) = mpsc::channel();
        let last = Arc::new(Last(Mutex::new(None), told));
        let (server, address) = serve(last.clone(), UdpSettings::default());
        let server = Arc::new(server);
        *last.0.lock().unwrap() = Some(server.clone());
        local().send_to(b"stop", address).unwrap();
        assert_eq!(outcome.recv(), Ok(false), "it cannot wait for itself");
        assert!(server.wait(Some(LONG)));
    });
}

/// Waits inside of an answer until it is let go.
struct Slow(AtomicBool, Mutex<mpsc::Receiver<()>>);

impl Answer for Slow {
    fn answer(&self, _: &[u8], _: &SockAddr, _: &mut Vec<u8>) -> Outcome {
        self.0.store(true, Ordering::Release);
        let _ = self.1.lock().unwrap().recv();
        Outcome::Answer
    }
}

#[test]
fn stopping_takes_no_longer_than_its_time() {
    bounded(|| {
        let (go, gate) = mpsc::channel();
        let slow = Arc::new(Slow(AtomicBool::new(false), Mutex::new(gate)));
        let (server, address) = serve(slow.clone(), UdpSettings::default());
        local().send_to(b"wait", address).unwrap();
        until(|| slow.0.load(Ordering::Acquire));
        assert!(
            !server.stop(Duration::from_millis(5)),
            "an answer is being made"
        );
        go.send(()).unwrap();
        assert!(server.stop(LONG));
    });
}

#[test]
fn servers_that_answer_each_other_come_to_an_end() {
    bounded(|| {
        let replies = [
            ("{data}", "{data}"),
            ("Hello, {data}!", "Hello, {data}!"),
            ("pong", "pong"),
            ("{data}", "{time}"),
        ];
        for (reply, other_reply) in replies {
            let (socket, other_socket) = (local(), local());
            let address = socket.local_addr().unwrap();
            let other_address = other_socket.local_addr().unwrap();
            // The one seems to have asked the other.
            socket.send_to(b"x", other_address).unwrap();
            let start = |socket: UdpSocket, reply| {
                UdpServer::start(socket.into(), template(reply), UdpSettings::default()).unwrap()
            };
            let servers = [start(socket, reply), start(other_socket, other_reply)];
            let both = |count: fn(UdpStats) -> u64| {
                servers
                    .iter()
                    .map(|server| count(server.stats()))
                    .sum::<u64>()
            };
            // Each round is an answer, until the first that is withheld.
            until(|| both(|stats| stats.refused) == 1);
            let rounds = both(|stats| stats.messages);
            assert!((2..=255 + 64).contains(&rounds), "{rounds} rounds");

            let client = local();
            for _ in 0..300 {
                let expected = reply.replace("{data}", "you");
                assert_eq!(
                    ask(&client, address, b"you"),
                    expected.as_bytes(),
                    "a client is served"
                );
                if other_reply == reply {
                    assert_eq!(ask(&client, other_address, b"you"), expected.as_bytes());
                }
            }
            assert_eq!(both(|stats| stats.refused), 1, "and nothing else goes on");
            assert!(servers.iter().all(|server| server.stop(LONG)));
        }
    });
}

#[test]
fn a_client_with_an_answer_as_its_next_question_is_served_for_ever() {
    bounded(|| {
        let (server, address) = serve(template("{data}"), UdpSettings::default());
        let client = local();
        let mut words = b"the same".to_vec();
        for _ in 0..1_000 {
            words = ask(&client, address, &words);
        }
        assert_eq!(words, b"the same");
        assert!(server.stop(LONG));
        assert_eq!(server.stats().refused, 0);
    });
}

#[test]
fn an_answer_goes_one_network_less_far_than_the_question() {
    bounded(|| {
        let (server, address) = serve(template("{data}"), UdpSettings::default());
        let client = local();
        assert!(batch::tell_life(client.as_fd()));
        let mut batch = Batch::new(1, 16);
        for (life, answer) in [(64, 63), (255, 254), (2, 1), (1, 1)] {
            client.set_ttl(life).unwrap();
            client.send_to(b"x", address).unwrap();
            assert_eq!(batch.receive(client.as_fd(), true).unwrap(), 1);
            assert_eq!(batch.datagram(0).life.unwrap().left, answer);
        }
        assert!(server.stop(LONG));
    });
}

#[test]
fn neighbours_who_ask_nobody_further_away_are_answered_so_often() {
    bounded(|| {
        let (server, address) = serve(template("{data}"), UdpSettings::default());
        let client = local();
        client.set_ttl(1).unwrap();
        for _ in 0..64 {
            assert_eq!(ask(&client, address, b"group?"), b"group?");
        }
        until(|| {
            client.send_to(b"group?", address).unwrap();
            server.stats().refused > 0
        });
        client.set_ttl(64).unwrap();
        let asker = local();
        assert_eq!(
            ask(&asker, address, b"you"),
            b"you",
            "the others are served"
        );
        assert!(server.stop(LONG));
    });
}

#[test]
fn both_kinds_of_client_are_answered_on_a_socket_for_both() {
    bounded(|| {
        let Ok(socket) = Socket::new(Domain::IPV6, Type::DGRAM, None) else {
            return;
        };
        socket.set_only_v6(false).unwrap();
        let any: SocketAddr = (Ipv6Addr::UNSPECIFIED, 0).into();
        if socket.bind(&any.into()).is_err() {
            return; // There is no IPv6 here.
        }
        let settings = UdpSettings::default();
        let server = UdpServer::start(OwnedFd::from(socket), template("{data}"), settings).unwrap();
        let port = server.address().as_socket().unwrap().port();
        assert_eq!(
            ask(&local(), (Ipv4Addr::LOCALHOST, port).into(), b"four"),
            b"four"
        );
        let client = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
        client.set_read_timeout(Some(LONG)).unwrap();
        assert!(batch::tell_life(client.as_fd()));
        client.send_to(b"six", (Ipv6Addr::LOCALHOST, port)).unwrap();
        let mut batch = Batch::new(1, 16);
        assert_eq!(batch.receive(client.as_fd(), true).unwrap(), 1);
        let answer = batch.datagram(0);
        assert_eq!((answer.data, answer.life.unwrap().left), (&b"six"[..], 63));
        assert!(server.stop(LONG));
    });
}

#[test]
fn a_server_on_a_path_answers_whoever_has_a_name() {
    bounded(|| {
        let dir = std::env::temp_dir().join(format!("rsock-udp-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let socket = UnixDatagram::bind(dir.join("server")).unwrap();
        let server =
            UdpServer::start(socket.into(), template("{data}"), UdpSettings::default()).unwrap();
        let nobody = UnixDatagram::unbound().unwrap();
        nobody.send_to(b"who?", dir.join("server")).unwrap();
        let client = UnixDatagram::bind(dir.join("client")).unwrap();
        client.set_read_timeout(Some(LONG)).unwrap();
        client.send_to(b"me", dir.join("server")).unwrap();
        let mut answer = [0; 8];
        let len = client.recv(&mut answer).unwrap();
        assert_eq!(&answer[..len], b"me");
        assert!(server.stop(LONG));
        assert_eq!((server.stats().refused, server.stats().answers), (1, 1));
        std::fs::remove_dir_all(&dir).unwrap();
    });
}

#[test]
fn a_client_that_does_not_take_its_answers_loses_them_and_nobody_else_does() {
    bounded(|| {
        // A Unix socket is full when its reader is; those of the Internet just lose what comes.
        let dir = std::env::temp_dir().join(format!("rsock-udp-full-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let path = dir.join("server");
        let socket = UnixDatagram::bind(&path).unwrap();
        let server =
            UdpServer::start(socket.into(), template("{data}"), UdpSettings::default()).unwrap();
        let lazy = UnixDatagram::bind(dir.join("lazy")).unwrap();
        until(|| {
            lazy.send_to(b"more", &path).unwrap();
            server.stats().dropped > 0
        });
        let client = UnixDatagram::bind(dir.join("client")).unwrap();
        client.set_read_timeout(Some(LONG)).unwrap();
        client.send_to(b"me", &path).unwrap();
        assert_eq!(client.recv(&mut [0; 8]).unwrap(), 2);
        assert!(server.stop(LONG));
        std::fs::remove_dir_all(&dir).unwrap();
    });
}

#[test]
fn datagrams_are_received_and_answered_alike_together_and_one_by_one() {
    bounded(|| {
        for together in [true, false] {
            let (server, client) = (local(), local());
            assert!(batch::tell_life(server.as_fd()));
            let address = server.local_addr().unwrap();
            let mut batch = Batch::new(4, 5);
            if !together {
                batch = batch.one_by_one();
            }
            let fd = server.as_fd();
            assert_eq!(
                batch.receive(fd, false).unwrap_err().kind(),
                ErrorKind::WouldBlock
            );
            for round in 0..3 {
                for data in [&b"one"[..], b"", b"three", b"toolong", b"five"] {
                    client.send_to(data, address).unwrap();
                }
                assert_eq!(batch.receive(fd, true).unwrap(), 4, "round {round}");
                let seen: Vec<(&[u8], bool)> = (0..4)
                    .map(|index| batch.datagram(index))
                    .map(|datagram| (datagram.data, datagram.cut))
                    .collect();
                let expected: [(&[u8], bool); 4] = [
                    (b"one", false),
                    (b"", false),
                    (b"three", false),
                    (b"toolo", true),
                ];
                assert_eq!(seen, expected);
                let from = batch.datagram(3).from.as_socket();
                assert_eq!(from, Some(client.local_addr().unwrap()));
                assert_eq!(batch.datagram(2).life.unwrap().left, 64);

                let answers = [(2, 0..2), (0, 2..3)].map(|(to, bytes)| Outgoing {
                    to,
                    bytes,
                    life: batch.datagram(0).life,
                });
                assert_eq!(batch.send(fd, &answers, b"abc").unwrap(), 2);
                let mut answer = [0; 8];
                for expected in [&b"ab"[..], b"c"] {
                    let len = client.recv(&mut answer).unwrap();
                    assert_eq!(&answer[..len], expected);
                }
                assert_eq!(batch.receive(fd, true).unwrap(), 1);
                assert_eq!(batch.datagram(0).data, b"five");
            }
        }
    });
}
