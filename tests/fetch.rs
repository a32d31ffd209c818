//! Fetching: what comes, what it fails with, and when it gives up, against scripted peers.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::{Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use common::bounded;
use flate2::{Compression, write::GzEncoder};
use rsock::error::Error;
use rsock::http::{self, ConnectTo, Proxies};
use rsock::net::Caller;
use rsock::net::blocking::Alone;
use rsock::service::fetch::{
    Audience, Cause, Client, Ended, Failure, Fetched, Fill, Order, Settings, To, Verify,
};
use rsock::sys::io::Target;
use socket2::{Domain, SockRef, Socket, Type};

/// Hears of everything and keeps it.
#[derive(Default)]
struct Notes {
    body: Vec<u8>,
    pieces: usize,
    largest: usize,
    progress: Vec<(u64, Option<u64>)>,
    /// After so many bytes it has enough.
    most: Option<usize>,
}

impl Audience for Notes {
    type Error = Error;

    fn take(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.body.extend_from_slice(piece);
        self.pieces += 1;
        self.largest = self.largest.max(piece.len());
        match self.most {
            Some(most) if self.body.len() > most => Err(Error::Address("enough")),
            _ => Ok(()),
        }
    }

    fn hear(&mut self, done: u64, total: Option<u64>) -> Result<(), Error> {
        self.progress.push((done, total));
        Ok(())
    }
}

fn settings() -> Settings {
    Settings {
        verify: Verify::System,
        connect_to: ConnectTo::default(),
        max_idle: 8,
    }
}

fn client() -> Client {
    Client::new(settings())
}

type Outcome = Result<Fetched, Box<Failure>>;

fn fetch_with(client: &Client, order: Order, proxies: &Proxies, notes: &mut Notes) -> Outcome {
    match client.fetch(&Alone, order, proxies, notes) {
        Ok(fetched) => Ok(fetched),
        Err(Ended::Failed(failure)) => Err(failure),
        Err(Ended::Raised(error)) => panic!("{error}"),
    }
}

fn fetch(client: &Client, order: Order) -> Outcome {
    let proxies = Proxies::default();
    fetch_with(client, order, &proxies, &mut Notes::default())
}

/// Ask for something that is to come within the time a test has.
fn order(url: &str) -> Order {
    Order {
        timeout: Some(Duration::from_secs(10)),
        ..Order::get(url)
    }
}

/// Read a request up to the end of its head.
fn head_of(peer: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && peer.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Run a server whose connections are handled, one after the other, by this.
fn serve<T: Send + 'static>(
    script: impl FnOnce(TcpListener) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (address, thread::spawn(move || script(listener)))
}

/// Run a server that answers each connection with the next of these replies, and closes it; it
/// returns the heads that it got.
fn replies(replies: Vec<Vec<u8>>) -> (SocketAddr, JoinHandle<Vec<String>>) {
    serve(move |listener| {
        replies
            .into_iter()
            .map(|reply| {
                let (mut peer, _) = listener.accept().unwrap();
                let head = head_of(&mut peer);
                let _ = peer.write_all(&reply);
                let _ = peer.shutdown(Shutdown::Write);
                // Until the client has closed: an early close would reset what it did not read.
                let _ = peer.read_to_end(&mut Vec::new());
                head
            })
            .collect()
    })
}

fn one(reply: &[u8]) -> (SocketAddr, JoinHandle<Vec<String>>) {
    replies(vec![reply.to_vec()])
}

#[track_caller]
fn failure(outcome: Outcome) -> Box<Failure> {
    match outcome {
        Err(failure) => failure,
        Ok(fetched) => panic!("expected a failure, got {:?}", fetched.head),
    }
}

#[test]
fn a_page_comes_with_all_that_is_known_of_it() {
    bounded(|| {
        let (address, server) =
            one(b"HTTP/1.1 200 Fine\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 5\r\n\r\nHello");
        let mut asked = order(&format!("http://user:word@{address}/path?q#f"));
        asked.keep_raw = true;
        let fetched = fetch(&client(), asked).unwrap();
        assert_eq!(
            (fetched.head.status, &fetched.head.reason[..]),
            (200, &b"Fine"[..])
        );
        assert_eq!(fetched.head.headers.get_all("x-a").count(), 2);
        assert_eq!(fetched.body, b"Hello");
        assert_eq!(fetched.url, format!("http://{address}/path?q#f"));
        assert!(fetched.raw.unwrap().ends_with(b"\r\n\r\nHello"));
        let request = String::from_utf8(fetched.request).unwrap();
        assert_eq!(server.join().unwrap(), std::slice::from_ref(&request));
        let expected = format!(
            "GET /path?q HTTP/1.1\r\nHost: {address}\r\nUser-Agent: rsock/{}\r\nAccept: */*\r\n\
             Accept-Encoding: gzip, deflate, br\r\nAuthorization: Basic dXNlcjp3b3Jk\r\n\r\n",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(request, expected);
        let times = fetched.timings;
        assert!(times.lookup <= times.connect && times.connect <= times.first_byte);
        assert!(times.first_byte <= times.total && times.total.is_some());
        assert_eq!(times.tls, None);
    });
}

#[test]
fn a_body_that_ends_with_the_connection_is_whole() {
    bounded(|| {
        let (address, _server) = one(b"HTTP/1.0 200 OK\r\n\r\nuntil the end");
        let fetched = fetch(&client(), order(&format!("http://{address}"))).unwrap();
        assert_eq!(fetched.body, b"until the end");
    });
}

#[test]
fn a_reply_that_says_where_it_ends_is_not_waited_for_any_longer() {
    bounded(|| {
        for reply in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nT: 1\r\n\r\n",
        ] {
            let (done, wait) = mpsc::channel::<()>();
            let (address, server) = serve(move |listener| {
                let (mut peer, _) = listener.accept().unwrap();
                head_of(&mut peer);
                for byte in reply {
                    peer.write_all(&[*byte]).unwrap();
                }
                // The connection stays open for as long as the client runs.
                let _ = wait.recv();
            });
            let fetched = fetch(&client(), order(&format!("http://{address}"))).unwrap();
            assert_eq!(fetched.body, b"ab");
            drop(done);
            server.join().unwrap();
        }
    });
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    bounded(|| {
        let (address, server) = serve(|listener| {
            let (mut peer, _) = listener.accept().unwrap();
            let mut count = 0;
            while !head_of(&mut peer).is_empty() {
                peer.write_all(b"HTTP/1.1 204 None\r\n\r\n").unwrap();
                count += 1;
            }
            count
        });
        let client = client();
        for _ in 0..3 {
            let fetched = fetch(&client, order(&format!("http://{address}"))).unwrap();
            assert_eq!(fetched.head.status, 204);
            assert_eq!(client.idle(), 1);
        }
        client.close();
        assert_eq!((server.join().unwrap(), client.idle()), (3, 0));
        let failure = failure(fetch(&client, order(&format!("http://{address}"))));
        assert!(matches!(failure.cause, Cause::Closed), "{failure}");
    });
}

#[test]
fn a_kept_connection_that_the_server_has_closed_is_made_anew() {
    bounded(|| {
        let keep = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx".to_vec();
        let (address, server) = replies(vec![keep.clone(), keep]);
        let client = client();
        for _ in 0..2 {
            let fetched = fetch(&client, order(&format!("http://{address}"))).unwrap();
            assert_eq!(fetched.body, b"x");
        }
        client.close();
        assert_eq!(server.join().unwrap().len(), 2);
    });
}

#[test]
fn a_request_that_dies_on_a_kept_connection_is_repeated_only_if_that_does_no_harm() {
    bounded(|| {
        for (method, repeated) in [("GET", true), ("POST", false)] {
            let (address, server) = serve(move |listener| {
                let (mut peer, _) = listener.accept().unwrap();
                head_of(&mut peer);
                peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    .unwrap();
                // It takes the second request and answers nothing.
                head_of(&mut peer);
                drop(peer);
                if repeated {
                    let (mut peer, _) = listener.accept().unwrap();
                    head_of(&mut peer);
                    peer.write_all(b"HTTP/1.1 201 Anew\r\nContent-Length: 0\r\n\r\n")
                        .unwrap();
                }
            });
            let client = client();
            fetch(&client, order(&format!("http://{address}"))).unwrap();
            let mut second = order(&format!("http://{address}"));
            second.method = method.into();
            match fetch(&client, second) {
                Ok(fetched) => assert_eq!((fetched.head.status, repeated), (201, true)),
                Err(failure) => assert!(!repeated, "{failure}"),
            }
            server.join().unwrap();
        }
    });
}

#[test]
fn redirects_are_followed_and_remembered() {
    bounded(|| {
        let (address, server) = replies(vec![
            b"HTTP/1.1 302 Found\r\nLocation: /two\r\nContent-Length: 3\r\n\r\none".to_vec(),
            b"HTTP/1.1 301 Moved\r\nLocation: three?x\r\n\r\n".to_vec(),
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast".to_vec(),
        ]);
        let mut first = order(&format!("http://{address}/"));
        (first.method, first.body) = ("POST".into(), Some(b"data".to_vec()));
        let fetched = fetch(&client(), first).unwrap();
        assert_eq!(fetched.body, b"last");
        assert_eq!(fetched.url, format!("http://{address}/three?x"));
        let statuses: Vec<u16> = fetched.history.iter().map(|old| old.head.status).collect();
        assert_eq!(statuses, [302, 301]);
        assert_eq!(fetched.history[0].body, b"one");
        let lines: Vec<String> = server
            .join()
            .unwrap()
            .iter()
            .map(|head| head.lines().next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(
            lines,
            [
                "POST / HTTP/1.1",
                "GET /two HTTP/1.1",
                "GET /three?x HTTP/1.1"
            ]
        );
    });
}

/// Serve connections one after the other, and requests on each of them by this; return how many
/// requests came on each.
fn counted(
    connections: usize,
    reply: impl Fn(usize, &str) -> Option<Vec<u8>> + Send + 'static,
) -> (SocketAddr, JoinHandle<Vec<usize>>) {
    serve(move |listener| {
        let mut all = 0;
        let mut serve_one = || {
            let (mut peer, _) = listener.accept().unwrap();
            let mut count = 0;
            loop {
                let head = head_of(&mut peer);
                if head.is_empty() {
                    return count;
                }
                (count, all) = (count + 1, all + 1);
                match reply(all, &head) {
                    Some(reply) => peer.write_all(&reply).unwrap(),
                    None => return count,
                }
            }
        };
        (0..connections).map(|_| serve_one()).collect()
    })
}

#[test]
fn redirects_within_a_server_take_one_connection_even_where_none_is_kept() {
    bounded(|| {
        let (address, server) = counted(1, |count, _| match count {
            1..=4 => Some(b"HTTP/1.1 302 On\r\nLocation: /x\r\nContent-Length: 2\r\n\r\non".into()),
            _ => Some(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast".into()),
        });
        let client = client_of(0);
        let fetched = fetch(&client, order(&format!("http://{address}/"))).unwrap();
        assert_eq!(
            (fetched.body.as_slice(), fetched.history.len()),
            (&b"last"[..], 4)
        );
        assert_eq!(client.idle(), 0);
        // Closed when the fetch was over, though the client lives on.
        assert_eq!(server.join().unwrap(), [5]);
        drop(client);
    });
}

#[test]
fn what_follows_a_redirect_comes_though_its_connection_ends_without_a_word() {
    bounded(|| {
        for (method, requests) in [("GET", vec![2, 1]), ("POST", vec![1, 1])] {
            let redirect = b"HTTP/1.1 307 On\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n";
            let (address, server) = serve(move |listener| {
                let (mut first, _) = listener.accept().unwrap();
                head_of(&mut first);
                first.write_all(redirect).unwrap();
                let mut count = 1;
                if method == "GET" {
                    // It takes the second request and answers nothing.
                    head_of(&mut first);
                    count += 1;
                    drop(first);
                }
                let (mut second, _) = listener.accept().unwrap();
                head_of(&mut second);
                second
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    .unwrap();
                vec![count, 1]
            });
            let mut asked = order(&format!("http://{address}/"));
            asked.method = method.into();
            let fetched = fetch(&client_of(0), asked).unwrap();
            assert_eq!(fetched.head.status, 200);
            assert_eq!(server.join().unwrap(), requests);
        }
    });
}

#[test]
fn redirects_have_an_end_and_lead_to_pages_only() {
    bounded(|| {
        let on = |place: &str| {
            format!("HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n")
        };
        let (address, _server) = replies(vec![on("/again").into_bytes(); 4]);
        let mut limited = order(&format!("http://{address}/"));
        limited.redirects = 3;
        let ended = failure(fetch(&client(), limited));
        assert!(matches!(
            ended.cause,
            Cause::Http(http::Error::Redirects { limit: 3, .. })
        ));
        let reply = ended.reply.unwrap();
        assert_eq!((reply.head.status, reply.history.len()), (302, 3));

        for place in ["file:///etc/passwd", "ftp://127.0.0.1/", "javascript:1"] {
            let (address, _server) = one(on(place).as_bytes());
            let ended = failure(fetch(&client(), order(&format!("http://{address}/"))));
            let Cause::Http(error) = ended.cause else {
                panic!("{ended}")
            };
            assert_eq!(error.kind(), http::Kind::Redirect);
        }

        let (address, _server) = one(on("/elsewhere").as_bytes());
        let mut none = order(&format!("http://{address}/"));
        none.redirects = 0;
        assert_eq!(fetch(&client(), none).unwrap().head.status, 302);
    });
}

#[test]
fn a_redirect_is_followed_whatever_is_wrong_with_its_body() {
    bounded(|| {
        let page = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage";
        for (fields, body, came) in [
            ("Content-Encoding: gzip\r\nContent-Length: 6", "<html>", ""),
            ("Content-Encoding: gzip", "<html>", ""),
            (
                "Content-Encoding: zstd\r\nContent-Length: 6",
                "<html>",
                "<html>",
            ),
            ("Content-Length: 10", "half", "half"),
            ("Transfer-Encoding: chunked", "8\r\nhalf", "half"),
            ("Transfer-Encoding: chunked", "half", ""),
        ] {
            let redirect = format!("HTTP/1.1 301 On\r\nLocation: /page\r\n{fields}\r\n\r\n{body}");
            let (address, server) = replies(vec![redirect.into_bytes(), page.to_vec()]);
            let client = client();
            let fetched = fetch(&client, order(&format!("http://{address}/"))).unwrap();
            assert_eq!(fetched.body, b"page", "{fields}");
            assert_eq!(fetched.history[0].body, came.as_bytes(), "{fields}");
            client.close();
            assert_eq!(server.join().unwrap().len(), 2);
        }

        // Where a server does not go on, or resets, nobody knows what else it would have said.
        let (address, stop) = dripping(
            b"HTTP/1.1 301 On\r\nLocation: /page\r\nContent-Length: 10\r\n\r\n",
            None,
        );
        let mut patient = order(&format!("http://{address}"));
        patient.read_timeout = Some(Duration::from_millis(50));
        let ended = failure(fetch(&client(), patient));
        drop(stop);
        assert!(matches!(ended.cause, Cause::Quiet), "{ended}");
    });
}

#[test]
fn a_body_that_is_cut_off_is_an_error_that_brings_what_came() {
    bounded(|| {
        for (reply, came) in [
            (
                &b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"[..],
                &b"half"[..],
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
                b"half",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
                b"half",
            ),
        ] {
            let (address, _server) = one(reply);
            let ended = failure(fetch(&client(), order(&format!("http://{address}"))));
            let Cause::Http(error) = &ended.cause else {
                panic!("{ended}")
            };
            assert_eq!(error.kind(), http::Kind::Incomplete, "{ended}");
            assert_eq!(ended.reply.unwrap().body, came);
        }
        let (address, _server) = one(b"HTTP/1.1 200 O");
        let ended = failure(fetch(&client(), order(&format!("http://{address}"))));
        assert!(ended.reply.is_none());
        assert!(ended.message.contains(&address.to_string()), "{ended}");
    });
}

#[test]
fn a_reset_keeps_its_number_and_what_came() {
    bounded(|| {
        let (address, server) = serve(|listener| {
            let (mut peer, _) = listener.accept().unwrap();
            head_of(&mut peer);
            peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                .unwrap();
            peer
        });
        // The reset goes out when the client has had time to take what came before it.
        let (ready, told) = mpsc::channel::<()>();
        let resetting = thread::spawn(move || {
            let peer = server.join().unwrap();
            let _ = told.recv_timeout(Duration::from_millis(200));
            SockRef::from(&peer)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
        });
        let ended = failure(fetch(&client(), order(&format!("http://{address}"))));
        drop(ready);
        resetting.join().unwrap();
        let Cause::Core(error) = &ended.cause else {
            panic!("{ended:?}")
        };
        assert_eq!(error.errno(), Some(libc::ECONNRESET));
        assert_eq!(ended.reply.unwrap().body, b"half");
    });
}

fn gzipped(data: &[u8]) -> Vec<u8> {
    let mut coder = GzEncoder::new(Vec::new(), Compression::best());
    coder.write_all(data).unwrap();
    coder.finish().unwrap()
}

fn reply_of(coding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[test]
fn bodies_have_a_bound_before_and_after_decoding() {
    bounded(|| {
        let coded = reply_of("gzip", &gzipped(&vec![0; 3_000_000]));
        let mut plain = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        plain.resize(2_000_000, b'x');
        let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n".to_vec();
        for (reply, came) in [(&coded, 1_000_000), (&plain, 1_000_000), (&announced, 0)] {
            let (address, _server) = one(reply);
            let mut bounded = order(&format!("http://{address}"));
            bounded.max_body = Some(1_000_000);
            let ended = failure(fetch(&client(), bounded));
            assert!(matches!(ended.cause, Cause::TooLarge(1_000_000)), "{ended}");
            assert_eq!(ended.reply.unwrap().body.len(), came);
        }
        let (address, _server) = one(&coded);
        let fetched = fetch(&client(), order(&format!("http://{address}"))).unwrap();
        assert_eq!(fetched.body.len(), 3_000_000);
        let (address, _server) = one(&coded);
        let mut as_it_is = order(&format!("http://{address}"));
        as_it_is.decode = false;
        let fetched = fetch(&client(), as_it_is).unwrap();
        assert!(coded.ends_with(&fetched.body) && fetched.body.starts_with(b"\x1f\x8b"));
        assert!(
            !String::from_utf8(fetched.request)
                .unwrap()
                .contains("Accept-Encoding")
        );
    });
}

/// Has memory of its own for long bodies.
#[derive(Default)]
struct Holder {
    body: Vec<u8>,
    told: Vec<(u64, Option<u64>)>,
}

impl Audience for Holder {
    type Error = Error;

    fn take(&mut self, _: &[u8]) -> Result<(), Error> {
        Err(Error::Address("nothing is handed out in pieces"))
    }

    fn hold(&mut self, length: usize, fill: Fill<'_, Self>) -> Result<(), Error> {
        let mut memory = vec![0; length];
        let filled = fill(self, &mut Target::from(&mut memory[..]))?;
        memory.truncate(filled);
        self.body = memory;
        Ok(())
    }

    fn hear(&mut self, done: u64, total: Option<u64>) -> Result<(), Error> {
        self.told.push((done, total));
        Ok(())
    }
}

#[test]
fn a_long_body_is_received_straight_into_memory_for_it() {
    bounded(|| {
        let size = 3_000_000_u32;
        let text: Vec<u8> = (0..size).map(|number| (number % 251) as u8).collect();
        let mut reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
        reply.extend_from_slice(&text);
        for cut in [0, 1, 1_000_000] {
            let length = reply.len() - cut;
            let (address, _server) = one(&reply[..length]);
            let asked = Order {
                tells: true,
                ..order(&format!("http://{address}"))
            };
            let mut holder = Holder::default();
            match client().fetch(&Alone, asked, &Proxies::default(), &mut holder) {
                Ok(fetched) => {
                    assert!(fetched.body.is_empty() && cut == 0);
                    let all = u64::from(size);
                    assert_eq!(holder.told.last(), Some(&(all, Some(all))));
                }
                Err(Ended::Failed(failure)) => {
                    let Cause::Http(error) = &failure.cause else {
                        panic!("{failure}")
                    };
                    assert_eq!(error.kind(), http::Kind::Incomplete);
                    assert!(cut > 0);
                }
                Err(Ended::Raised(error)) => panic!("{error}"),
            }
            assert!(holder.body == text[..text.len() - cut]);
        }
    });
}

#[test]
fn a_body_that_is_handed_out_comes_in_small_pieces_however_much_it_decodes_to() {
    bounded(|| {
        let reply = reply_of("gzip, gzip", &gzipped(&gzipped(&vec![0; 4_000_000])));
        let (address, _server) = one(&reply);
        let mut handed = order(&format!("http://{address}"));
        (handed.to, handed.tells) = (To::Caller, true);
        let mut notes = Notes::default();
        let fetched = fetch_with(&client(), handed, &Proxies::default(), &mut notes).unwrap();
        assert!(fetched.body.is_empty());
        assert!(notes.body == vec![0; 4_000_000]);
        assert!(notes.largest <= 1280 * 1024, "{}", notes.largest);
        assert_eq!(notes.progress.last(), Some(&(4_000_000, Some(4_000_000))));
    });
}

#[test]
fn whoever_takes_the_body_can_end_the_fetch() {
    bounded(|| {
        let mut reply = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        reply.resize(5_000_000, b'x');
        let (address, _server) = one(&reply);
        let mut handed = order(&format!("http://{address}"));
        handed.to = To::Caller;
        let mut notes = Notes {
            most: Some(1_000_000),
            ..Notes::default()
        };
        match client().fetch(&Alone, handed, &Proxies::default(), &mut notes) {
            Err(Ended::Raised(Error::Address("enough"))) => {}
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_body_goes_into_a_file_or_a_stream() {
    bounded(|| {
        let text: Vec<u8> = (0..2_000_000u32)
            .map(|number| (number % 251) as u8)
            .collect();
        let mut reply =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len()).into_bytes();
        reply.extend_from_slice(&text);

        let path = std::env::temp_dir().join(format!("rsock-fetch-{}", std::process::id()));
        let file = std::fs::File::create(&path).unwrap();
        let (address, _server) = one(&reply);
        let mut filed = order(&format!("http://{address}"));
        filed.to = To::File(file.into());
        let fetched = fetch(&client(), filed).unwrap();
        let written = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(fetched.body.is_empty() && written == text);

        let (mut reader, writer) = UnixStream::pair().unwrap();
        let reading = thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all
        });
        let (address, _server) = one(&reply);
        let mut piped = order(&format!("http://{address}"));
        piped.to = To::File(writer.into());
        fetch(&client(), piped).unwrap();
        assert!(reading.join().unwrap() == text);
    });
}

#[test]
fn a_stream_that_nobody_reads_does_not_hold_a_fetch_past_its_deadline() {
    bounded(|| {
        let mut reply = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        reply.resize(1_000_000, b'x');
        let (address, _server) = one(&reply);
        let (_reader, writer) = UnixStream::pair().unwrap();
        let mut piped = order(&format!("http://{address}"));
        (piped.to, piped.timeout) = (To::File(writer.into()), Some(Duration::from_millis(200)));
        let start = Instant::now();
        assert!(matches!(
            failure(fetch(&client(), piped)).cause,
            Cause::TimedOut
        ));
        assert!(start.elapsed() < Duration::from_secs(2));
    });
}

/// A server that sends this at once, then a byte for each pause, until the client is gone.
fn dripping(begin: &'static [u8], pause: Option<Duration>) -> (SocketAddr, mpsc::Sender<()>) {
    let (stop, stopped) = mpsc::channel::<()>();
    let (address, _) = serve(move |listener| {
        let (mut peer, _) = listener.accept().unwrap();
        head_of(&mut peer);
        peer.write_all(begin).unwrap();
        let pause = pause.unwrap_or(Duration::from_secs(15));
        while stopped.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
            if peer.write_all(b"x").is_err() {
                break;
            }
        }
    });
    (address, stop)
}

#[test]
fn a_deadline_holds_in_every_phase_however_often_something_comes() {
    bounded(|| {
        let some = Some(Duration::from_millis(5));
        let limit = Duration::from_millis(300);
        for (begin, pause) in [
            (&b""[..], None),
            (b"HTTP/1.1 200 OK\r\nX: ", some),
            (b"HTTP/1.1 200 OK\r\n\r\n", some),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", None),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", some),
        ] {
            let (address, stop) = dripping(begin, pause);
            let mut hasty = order(&format!("http://{address}"));
            hasty.timeout = Some(limit);
            let start = Instant::now();
            let ended = failure(fetch(&client(), hasty));
            let took = start.elapsed();
            drop(stop);
            assert!(matches!(ended.cause, Cause::TimedOut), "{ended}");
            assert!(ended.message.contains("0.3 s"), "{ended}");
            assert!(took >= limit && took < limit * 3, "{took:?}");
        }
    });
}

#[test]
fn a_read_timeout_is_for_each_wait() {
    bounded(|| {
        let (address, stop) = dripping(b"HTTP/1.1 200 OK\r\n\r\n", None);
        let mut patient = order(&format!("http://{address}"));
        patient.read_timeout = Some(Duration::from_millis(150));
        let ended = failure(fetch(&client(), patient));
        drop(stop);
        assert!(matches!(ended.cause, Cause::Quiet), "{ended}");
        assert_eq!(ended.reply.unwrap().head.status, 200);

        // What keeps coming, if slowly, is waited for.
        let pause = Some(Duration::from_millis(40));
        let (address, stop) = dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", pause);
        let mut patient = order(&format!("http://{address}"));
        patient.read_timeout = Some(Duration::from_secs(2));
        assert_eq!(fetch(&client(), patient).unwrap().body, b"xxxxxxxxxx");
        drop(stop);
    });
}

/// Takes pieces for longer than a server may be silent, while that server goes on.
struct Slow {
    go_on: mpsc::Sender<()>,
    sent: mpsc::Receiver<()>,
    body: Vec<u8>,
}

impl Audience for Slow {
    type Error = Error;

    fn take(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.body.extend_from_slice(piece);
        let _ = self.go_on.send(());
        // The rest is there, and then nobody has anything more to say.
        let _ = self.sent.recv();
        let _ = self.sent.recv_timeout(Duration::from_millis(400));
        Ok(())
    }

    fn hear(&mut self, _: u64, _: Option<u64>) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn a_read_timeout_does_not_count_how_long_the_body_is_taken() {
    bounded(|| {
        let (go_on, told) = mpsc::channel::<()>();
        let (say, sent) = mpsc::channel::<()>();
        let (address, server) = serve(move |listener| {
            let (mut peer, _) = listener.accept().unwrap();
            head_of(&mut peer);
            let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none";
            peer.write_all(reply).unwrap();
            // What came is handed out, since nothing more does.
            told.recv().unwrap();
            peer.write_all(b"two").unwrap();
            say.send(()).unwrap();
            while told.recv().is_ok() {
                let _ = say.send(());
            }
        });
        let mut patient = order(&format!("http://{address}"));
        (patient.to, patient.read_timeout) = (To::Caller, Some(Duration::from_millis(200)));
        let mut slow = Slow {
            go_on,
            sent,
            body: Vec::new(),
        };
        match client().fetch(&Alone, patient, &Proxies::default(), &mut slow) {
            Ok(_) => assert_eq!(slow.body, b"onetwo"),
            Err(error) => panic!("{error:?}"),
        }
        drop(slow);
        server.join().unwrap();
    });
}

#[test]
fn a_flood_that_never_makes_anybody_wait_ends_at_the_deadline() {
    bounded(|| {
        let (address, server) = serve(|listener| {
            let (mut peer, _) = listener.accept().unwrap();
            head_of(&mut peer);
            let _ = peer.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while peer.write_all(&[0; 65536]).is_ok() {}
        });
        let mut flooded = order(&format!("http://{address}"));
        flooded.max_body = None;
        flooded.timeout = Some(Duration::from_millis(200));
        flooded.to = To::Caller;
        struct Nobody;
        impl Audience for Nobody {
            type Error = Error;
            fn take(&mut self, _: &[u8]) -> Result<(), Error> {
                Ok(())
            }
            fn hear(&mut self, _: u64, _: Option<u64>) -> Result<(), Error> {
                Ok(())
            }
        }
        let start = Instant::now();
        match client().fetch(&Alone, flooded, &Proxies::default(), &mut Nobody) {
            Err(Ended::Failed(failure)) => assert!(matches!(failure.cause, Cause::TimedOut)),
            other => panic!("{other:?}"),
        }
        assert!(start.elapsed() < Duration::from_secs(2));
        server.join().unwrap();
    });
}

/// A caller that is interrupted from a time on.
struct Impatient(Instant);

impl Caller for Impatient {
    type Error = Error;

    fn release<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        work()
    }

    fn interrupted(&self) -> Result<(), Error> {
        match Instant::now() >= self.0 {
            true => Err(Error::Address("interrupted")),
            false => Ok(()),
        }
    }
}

#[test]
fn every_wait_can_be_interrupted() {
    bounded(|| {
        for begin in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"] {
            let (address, stop) = dripping(begin, None);
            let start = Instant::now();
            let caller = Impatient(start + Duration::from_millis(100));
            let endless = Order {
                timeout: None,
                ..Order::get(&format!("http://{address}"))
            };
            let mut notes = Notes::default();
            match client().fetch(&caller, endless, &Proxies::default(), &mut notes) {
                Err(Ended::Raised(Error::Address("interrupted"))) => {}
                other => panic!("{other:?}"),
            }
            drop(stop);
            assert!(start.elapsed() < Duration::from_millis(1000));
        }
    });
}

#[test]
fn closing_a_client_ends_what_it_is_about() {
    bounded(|| {
        let (address, stop) = dripping(b"HTTP/1.1 200 OK\r\n\r\n", None);
        let client = client();
        thread::scope(|scope| {
            let endless = Order {
                timeout: None,
                ..Order::get(&format!("http://{address}"))
            };
            let fetching = scope.spawn(|| fetch(&client, endless));
            client.close();
            let ended = failure(fetching.join().unwrap());
            assert!(matches!(ended.cause, Cause::Closed), "{ended}");
        });
        drop(stop);
    });
}

#[test]
fn what_cannot_be_asked_for_is_refused_before_anybody_is_asked() {
    bounded(|| {
        let (address, server) = serve(|listener| {
            listener.set_nonblocking(true).unwrap();
            listener
        });
        let listener = server.join().unwrap();
        let good = format!("http://{address}/");
        let mut bad = vec![
            order(&format!("{good}a b")),
            order(&format!("{good}a\r\nb")),
            order("ftp://127.0.0.1/"),
            order(""),
        ];
        for method in ["", "GET /", "G\r\nET", "GE\0T"] {
            bad.push(Order {
                method: method.into(),
                ..order(&good)
            });
        }
        for (name, value) in [("a b", "x"), ("", "x"), ("a", "x\r\ny: z"), ("a", "x\0")] {
            bad.push(Order {
                headers: vec![(name.into(), Some(value.into()))],
                ..order(&good)
            });
        }
        for bad in bad {
            let Cause::Http(error) = failure(fetch(&client(), bad)).cause else {
                panic!("another cause")
            };
            assert_eq!(error.kind(), http::Kind::Argument);
        }
        let nobody = listener.accept().unwrap_err();
        assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    });
}

#[test]
fn a_refused_connection_names_the_address() {
    bounded(|| {
        let held = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = held.local_addr().unwrap();
        drop(held);
        for host in ["127.0.0.1", "localhost"] {
            let url = format!("http://{host}:{}/", address.port());
            let ended = failure(fetch(&client(), order(&url)));
            let Cause::Core(error) = &ended.cause else {
                panic!("{ended:?}")
            };
            assert_eq!(error.errno(), Some(libc::ECONNREFUSED), "{ended}");
            assert!(ended.message.contains(&address.to_string()), "{ended}");
        }
    });
}

#[test]
fn an_unknown_host_is_named() {
    bounded(|| {
        let ended = failure(fetch(&client(), order("http://no.such.host.invalid/")));
        let Cause::Core(Error::AddressInfo { .. }) = &ended.cause else {
            panic!("{ended:?}")
        };
        assert!(ended.message.contains("no.such.host.invalid:80"), "{ended}");
    });
}

#[test]
fn a_host_that_listens_on_one_of_its_addresses_is_reached() {
    bounded(|| {
        // Only on IPv4: the name stands for IPv6 as well, and that address refuses.
        let (address, _server) = one(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let url = format!("http://localhost:{}/", address.port());
        assert_eq!(fetch(&client(), order(&url)).unwrap().head.status, 200);
    });
}

/// Listen with this port on both kinds of loopback: on IPv6 so that nobody gets through.
fn silent_and_speaking() -> Option<(Vec<TcpStream>, Socket, TcpListener)> {
    for _ in 0..20 {
        let silent = Socket::new(Domain::IPV6, Type::STREAM, None).ok()?;
        let here = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
        silent.bind(&here.into()).ok()?;
        silent.listen(0).unwrap();
        let address = silent.local_addr().unwrap().as_socket().unwrap();
        let Ok(speaking) = TcpListener::bind(("127.0.0.1", address.port())) else {
            continue;
        };
        let short = Duration::from_millis(100);
        let queue =
            std::iter::from_fn(|| TcpStream::connect_timeout(&address, short).ok()).collect();
        return Some((queue, silent, speaking));
    }
    None
}

#[test]
fn an_address_that_does_not_answer_holds_the_next_one_up_for_a_quarter_of_a_second() {
    bounded(|| {
        let Some((_queue, _silent, speaking)) = silent_and_speaking() else {
            println!("skipped: there is no IPv6 on the loopback here");
            return;
        };
        let port = speaking.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut peer, _) = speaking.accept().unwrap();
            head_of(&mut peer);
            peer.write_all(b"HTTP/1.1 204 Here\r\n\r\n").unwrap();
            peer
        });
        let fetched = fetch(&client(), order(&format!("http://localhost:{port}/"))).unwrap();
        assert_eq!(fetched.head.status, 204);
        let took = fetched.timings.connect.unwrap();
        assert!(took >= Duration::from_millis(250), "{took:?}");
        assert!(took < Duration::from_millis(900), "{took:?}");
        drop(server.join().unwrap());
    });
}

#[test]
fn connections_go_where_a_rule_says() {
    bounded(|| {
        let (address, server) = one(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let mut mapped = settings();
        mapped
            .connect_to
            .push("www.sina.com.cn:80", &address.to_string())
            .unwrap();
        // Where a rule says where to go, no proxy is asked.
        let proxies =
            Proxies::from_schemes(|name| (name == "http").then(|| "127.0.0.1:1".to_owned()));
        let client = Client::new(mapped);
        let asked = order("http://www.sina.com.cn/");
        let fetched = fetch_with(&client, asked, &proxies, &mut Notes::default()).unwrap();
        assert_eq!(fetched.url, "http://www.sina.com.cn/");
        client.close();
        assert!(server.join().unwrap()[0].contains("\r\nHost: www.sina.com.cn\r\n"));
    });
}

#[test]
fn a_proxy_is_asked_in_its_own_way() {
    bounded(|| {
        let (address, server) = one(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let proxy = format!("http://me:secret@{address}");
        let proxies = Proxies::from_schemes(|name| (name == "all").then(|| proxy.clone()));
        let client = client();
        let asked = order("http://example.com:81/x");
        let fetched = fetch_with(&client, asked, &proxies, &mut Notes::default()).unwrap();
        assert_eq!(fetched.body, b"ok");
        client.close();
        let head = server.join().unwrap().remove(0);
        assert!(
            head.starts_with("GET http://example.com:81/x HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(
            head.contains("\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n"),
            "{head}"
        );

        let (address, server) = one(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n");
        let proxy = address.to_string();
        let proxies = Proxies::from_schemes(|name| (name == "https").then(|| proxy.clone()));
        let asked = order("https://example.com/");
        let outcome = fetch_with(&client_of(8), asked, &proxies, &mut Notes::default());
        let ended = failure(outcome);
        assert!(matches!(ended.cause, Cause::Proxy(_)), "{ended}");
        assert!(ended.message.contains("407 Who are you"), "{ended}");
        let head = server.join().unwrap().remove(0);
        assert!(
            head.starts_with("CONNECT example.com:443 HTTP/1.1\r\n"),
            "{head}"
        );
    });
}

fn client_of(max_idle: usize) -> Client {
    Client::new(Settings {
        max_idle,
        ..settings()
    })
}

#[test]
fn a_server_that_refuses_a_large_body_is_heard() {
    bounded(|| {
        let (address, _server) = serve(|listener| {
            let (mut peer, _) = listener.accept().unwrap();
            head_of(&mut peer);
            let reply = b"HTTP/1.1 413 Too much\r\nContent-Length: 2\r\n\r\nno";
            peer.write_all(reply).unwrap();
            // It reads no more, and says so only when the client has gone.
            let _ = peer.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = peer.shutdown(Shutdown::Write);
            let (mut byte, mut count) = ([0; 65536], 0);
            while let Ok(more @ 1..) = peer.read(&mut byte) {
                count += more;
                if count > 1_000_000 {
                    break;
                }
            }
        });
        let mut large = order(&format!("http://{address}/"));
        (large.method, large.body) = ("POST".into(), Some(vec![b'x'; 50_000_000]));
        let fetched = fetch(&client(), large).unwrap();
        assert_eq!((fetched.head.status, &fetched.body[..]), (413, &b"no"[..]));
    });
}

#[test]
fn a_server_that_answers_while_it_is_told_gets_everything() {
    bounded(|| {
        let (address, server) = serve(|listener| {
            let (mut peer, _) = listener.accept().unwrap();
            head_of(&mut peer);
            let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n";
            peer.write_all(reply).unwrap();
            let mut back = peer.try_clone().unwrap();
            std::io::copy(&mut Read::by_ref(&mut peer).take(20_000_000), &mut back).unwrap()
        });
        let body: Vec<u8> = (0..20_000_000u32)
            .map(|number| (number % 253) as u8)
            .collect();
        let mut echoed = order(&format!("http://{address}/"));
        (echoed.method, echoed.body) = ("POST".into(), Some(body.clone()));
        let fetched = fetch(&client(), echoed).unwrap();
        assert!(fetched.body == body);
        assert_eq!(server.join().unwrap(), 20_000_000);
    });
}

#[test]
fn many_threads_fetch_with_one_client() {
    bounded(|| {
        let (address, _server) = serve(|listener| {
            for peer in listener.incoming() {
                let mut peer = peer.unwrap();
                thread::spawn(move || {
                    loop {
                        let head = head_of(&mut peer);
                        let Some(path) = head.split(' ').nth(1).map(str::to_owned) else {
                            return;
                        };
                        let length = path.len();
                        let reply =
                            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{path}");
                        peer.write_all(reply.as_bytes()).unwrap();
                    }
                });
            }
        });
        let client = client_of(2);
        thread::scope(|scope| {
            for name in 0..8 {
                let client = &client;
                scope.spawn(move || {
                    for turn in 0..20 {
                        let path = format!("/{name}/{turn}");
                        let url = format!("http://{address}{path}");
                        let fetched = fetch(client, order(&url)).unwrap();
                        assert_eq!(fetched.body, path.as_bytes());
                    }
                });
            }
        });
        assert!(client.idle() <= 2);
    });
}
