//! What the server of pages answers: bytes in, bytes out, and no socket anywhere.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use rsock::http::answer::{Answer, date};
use rsock::http::asked::{Asked, AskedLimits, HeadEnd, Length};
use rsock::http::condition::{Verdict, Version, judge, part_fits, takes_gzip};
use rsock::http::range::{Part, part};
use rsock::http::refusal::AskedError;
use rsock::http::skip::Skip;
use rsock::http::target::{steps, with_slash};
use rsock::http::{Chunk, Chunked, Event, Limits, Reply, media};
use rsock::service::conversation::Post;
use rsock::service::pages::{Content, Manner, Page, PageError, Pages, Root, Site, Table};
use rsock::service::{Conversation, Remote, Service};

struct Nobody;

impl Post for Nobody {
    fn send(&self, _: Vec<u8>) -> bool {
        false
    }
    fn close(&self) {}
}

fn talk(pages: &Pages) -> Box<dyn Conversation> {
    let peer: SocketAddr = "127.0.0.1:1".parse().unwrap();
    pages.open(&peer.into(), Remote::new(Arc::new(Nobody)))
}

/// All that was answered, and whether the connection is closed.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    bytes: Vec<u8>,
    closed: bool,
    failed: bool,
    requests: u32,
    /// The most that was made at once.
    most: usize,
}

/// Hand over pieces as an engine does: nothing is received while there is more to say.
fn say(pages: &Pages, pieces: &[&[u8]]) -> Said {
    let mut talk = talk(pages);
    let mut said = Said {
        bytes: Vec::new(),
        closed: false,
        failed: false,
        requests: 0,
        most: 0,
    };
    for piece in pieces {
        let mut out = Vec::new();
        let mut flow = talk.received(piece, &mut out);
        loop {
            said.most = said.most.max(out.len());
            said.bytes.append(&mut out);
            said.requests += flow.messages;
            said.failed |= flow.failed;
            if flow.close || !flow.more {
                break;
            }
            flow = talk.resumed(&mut out);
        }
        if flow.close {
            said.closed = true;
            break;
        }
    }
    said
}

/// The replies, without the headers that tell the time and the program.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let kept = text.split_inclusive("\r\n").filter(|line| {
        let noise = ["Date: ", "Server: ", "ETag: ", "Vary: ", "Accept-Ranges: "];
        !noise.iter().any(|noise| line.starts_with(noise))
    });
    kept.collect()
}

fn page(path: &str, body: &[u8]) -> (Vec<u8>, Page) {
    let content = Content::Bytes(Arc::new(body.to_vec()));
    let page = Page::new(path.as_bytes(), 200, &[], content).unwrap();
    (path.as_bytes().to_vec(), page)
}

fn table(pages: &[(&str, &[u8])]) -> Table {
    let mut table = Table::default();
    for (path, body) in pages {
        let (path, page) = page(path, body);
        table.insert(&path, page);
    }
    table
}

fn site() -> Site {
    let mut site = Site {
        pages: table(&[
            ("", b"<h1>Hello</h1>"),
            ("/ten", b"0123456789"),
            ("/docs/", b"<p>docs"),
            ("/a b", b"space"),
            ("/q?x=1", b"query"),
            ("/empty", b""),
        ]),
        redirects: Table::default(),
        ..Site::default()
    };
    site.redirects
        .insert(b"/old", Page::redirect("/n\u{e9}w page").unwrap());
    site.add_host("www.Sina.com.cn", table(&[("/", b"<p>sina")]));
    site.add_host("host:81", table(&[("/", b"<p>81")]));
    // Nobody is sent there from "/": a location with two slashes names another host.
    site.add_host("slashes", table(&[("//", b"two")]));
    site
}

fn pages() -> Pages {
    Pages::new(site(), Manner::default(), None)
}

fn get(target: &str, headers: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: h\r\n{headers}\r\n").into_bytes()
}

/// Requests, and what is answered without the headers that [`plain`] leaves out.
const TALKS: &[(&str, &str)] = &[
    (
        "GET /ten HTTP/1.1\r\nHost: h\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 10\r\n\r\n0123456789",
    ),
    (
        "HEAD /ten HTTP/1.1\r\nHost: h\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 10\r\n\r\n",
    ),
    (
        "GET /ten HTTP/1.0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 10\r\nConnection: close\r\n\r\n0123456789",
    ),
    (
        "GET /ten HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 10\r\nConnection: keep-alive\r\n\r\n0123456789",
    ),
    (
        "GET /ten HTTP/1.1\r\nHost: h\r\nConnection: TE, Close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 10\r\nConnection: close\r\n\r\n0123456789",
    ),
    (
        "GET /ten?chunked=1 HTTP/1.1\r\nHost: h\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n",
    ),
    (
        "GET /empty?chunked=1 HTTP/1.1\r\nHost: h\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "GET /ten HTTP/1.1\r\nHost: h\r\nRange: bytes=2-4\r\n\r\n",
        "HTTP/1.1 206 Partial Content\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 2-4/10\r\nContent-Length: 3\r\n\r\n234",
    ),
    (
        "GET /ten HTTP/1.1\r\nHost: h\r\nRange: bytes=10-\r\n\r\n",
        "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 26\r\nContent-Range: bytes */10\r\n\r\n416 Range Not Satisfiable\n",
    ),
    // Ranges are defined for GET alone, and a server has to ignore the header of any other method
    // (RFC 9110, 14.2).
    (
        "HEAD /ten HTTP/1.1\r\nHost: h\r\nRange: bytes=10-\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 10\r\n\r\n",
    ),
    (
        "HEAD /ten HTTP/1.1\r\nHost: h\r\nRange: bytes=2-4\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 10\r\n\r\n",
    ),
    (
        "GET /old HTTP/1.1\r\nHost: h\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /n%C3%A9w%20page\r\nContent-Length: 0\r\n\r\n",
    ),
    (
        "HEAD /docs?a=b HTTP/1.1\r\nHost: h\r\n\r\n",
        "HTTP/1.1 301 Moved Permanently\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 20\r\nLocation: /docs/?a=b\r\n\r\n",
    ),
    (
        "POST /ten HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 37\r\nAllow: GET, HEAD\r\n\r\nPOST is not for pages: GET, HEAD are\n",
    ),
    (
        "GET /none HTTP/1.1\r\nHost: h\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 14\r\n\r\n404 Not Found\n",
    ),
];

#[test]
fn a_request_is_answered_however_it_arrives() {
    for (request, answer) in TALKS {
        let whole = say(&pages(), &[request.as_bytes()]);
        assert_eq!(plain(&whole.bytes), *answer, "{request}");
        assert_eq!((whole.requests, whole.failed), (1, false), "{request}");
        for size in [1, 2, 20] {
            let pieces: Vec<&[u8]> = request.as_bytes().chunks(size).collect();
            let said = say(&pages(), &pieces);
            assert_eq!(plain(&said.bytes), *answer, "{request} by {size}");
            assert_eq!(said.closed, whole.closed, "{request} by {size}");
        }
    }
}

#[test]
fn pipelined_requests_are_answered_in_order_and_each_once() {
    let mut requests = Vec::new();
    let mut answers = String::new();
    for (request, answer) in TALKS {
        let closes = answer.contains("Connection: close");
        if !closes {
            requests.extend_from_slice(request.as_bytes());
            answers.push_str(answer);
        }
    }
    for size in [1, 7, 20, requests.len()] {
        let pieces: Vec<&[u8]> = requests.chunks(size).collect();
        let said = say(&pages(), &pieces);
        assert_eq!(plain(&said.bytes), answers, "by {size}");
        assert!(!said.closed);
    }
}

/// Requests that are refused, with the status; the connection is closed then.
const REFUSED: &[(u16, &[u8])] = &[
    (400, b"\x16\x03\x01\x02\x00\x01"),
    (400, b"GET / HTTP/1.1\nHost: h\n\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\n\r\n"),
    (400, b"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET /\r\n\r\n"),
    (400, b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET / HTTP/1.1 \r\nHost: h\r\n\r\n"),
    (400, b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET /a\rb HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET /#f HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET ten HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET * HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET https://h/ HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET http:///ten HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"G(T / HTTP/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET / http/1.1\r\nHost: h\r\n\r\n"),
    (400, b"GET / HTTP/1.1x\r\nHost: h\r\n\r\n"),
    (400, b"GET / HTTP/11\r\nHost: h\r\n\r\n"),
    (505, b"GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
    (505, b"GET / HTTP/0.9\r\nHost: h\r\n\r\n"),
    (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"),
    (400, b"GET / HTTP/1.0\r\nHost: h\r\nHost: g\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h:x\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\xff\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost : h\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\n: h\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\n Host: h\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x7fb\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nX\0: a\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\na"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\na"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1 1\r\n\r\na"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\na"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\na"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na"),
    (400, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (400, b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (501, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na0\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n"),
    (400, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\r\n"),
    (413, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
    (413, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n"),
    (413, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n0123456789abcde\r\n2\r\n"),
    (413, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999999\r\n\r\n"),
    (417, b"POST / HTTP/1.1\r\nHost: h\r\nExpect: miracle\r\nContent-Length: 1\r\n\r\n"),
];

fn narrow() -> Pages {
    let limits = AskedLimits {
        head: 256,
        headers: 8,
        body: 16,
    };
    let manner = Manner {
        limits,
        ..Manner::default()
    };
    Pages::new(site(), manner, None)
}

#[test]
fn what_could_be_understood_in_two_ways_is_refused_and_ends_the_connection() {
    for (status, request) in REFUSED {
        let shown = String::from_utf8_lossy(request);
        let smuggled = [request, &b"GET /ten HTTP/1.1\r\nHost: h\r\n\r\n"[..]].concat();
        for size in [1, 20, smuggled.len()] {
            let pieces: Vec<&[u8]> = smuggled.chunks(size).collect();
            let said = say(&narrow(), &pieces);
            let text = String::from_utf8_lossy(&said.bytes).into_owned();
            assert!(
                text.starts_with(&format!("HTTP/1.1 {status} ")),
                "{shown:?} {text}"
            );
            assert!(
                text.contains("\r\nConnection: close\r\n"),
                "{shown:?} {text}"
            );
            // Once, that is: nothing of what came behind it is answered.
            assert_eq!(text.matches("\r\nDate: ").count(), 1, "{shown:?} {text}");
            assert!(said.closed && said.failed, "{shown:?}");
            assert!(!text.contains("0123456789"), "{shown:?}");
        }
    }
}

#[test]
fn a_head_and_its_lines_have_bounds() {
    let status = |request: Vec<u8>| {
        let said = say(&narrow(), &request.chunks(20).collect::<Vec<_>>());
        assert!(said.closed);
        String::from_utf8_lossy(&said.bytes)[9..12].to_owned()
    };
    assert_eq!(status(get(&format!("/{}", "a".repeat(300)), "")), "414");
    assert_eq!(
        status(get("/", &format!("X: {}\r\n", "a".repeat(300)))),
        "431"
    );
    assert_eq!(status(get("/", &"X: a\r\n".repeat(9))), "431");
    // One that never ends is refused all the same.
    assert_eq!(status(b"G".repeat(256)), "414");
}

#[test]
fn a_body_is_passed_over_and_the_next_request_found_behind_it() {
    let chunked = b"GET /ten HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n\
        3;a=\"b\"\r\nabc\r\n004 \r\nGET \r\n0\r\nTrailer: x\r\n\r\nGET /q?x=1 HTTP/1.1\r\nHost: h\r\n\r\n";
    let known = b"GET /ten HTTP/1.1\r\nHost: h\r\nContent-Length: 16\r\n\r\n\
        GET / HTTP/1.1\r\nGET /q?x=1 HTTP/1.1\r\nHost: h\r\n\r\n";
    for request in [&chunked[..], known] {
        for size in [1, 3, request.len()] {
            let said = say(&narrow(), &request.chunks(size).collect::<Vec<_>>());
            let text = String::from_utf8_lossy(&said.bytes).into_owned();
            assert_eq!(said.requests, 2, "{text}");
            assert!(
                text.contains("0123456789HTTP/1.1 200") && text.ends_with("query"),
                "{text}"
            );
        }
    }
}

#[test]
fn whoever_is_refused_is_heard_out_and_comes_to_read_why() {
    let mut out = Vec::new();
    let flow = talk(&narrow()).received(
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\nx",
        &mut out,
    );
    assert!(out.starts_with(b"HTTP/1.1 413 ") && flow.close && flow.hear_out);
    // Whoever wants the end itself sends nothing behind it.
    let flow = talk(&narrow()).received(&get("/ten", "Connection: close\r\n"), &mut out);
    assert!(flow.close && !flow.hear_out);
}

#[test]
fn a_client_that_waits_for_leave_gets_it_or_the_answer() {
    let head = b"GET /ten HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    let said = say(&pages(), &[head]);
    assert_eq!(said.bytes, b"HTTP/1.1 100 Continue\r\n\r\n");
    let said = say(&pages(), &[head, b"abc"]);
    assert!(said.bytes.ends_with(b"0123456789") && !said.closed);
    // Whoever did not wait needs no leave.
    let said = say(&pages(), &[&[&head[..], b"abc"].concat()]);
    assert!(said.bytes.starts_with(b"HTTP/1.1 200"));
    let post = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    let said = say(&pages(), &[post]);
    assert!(said.bytes.starts_with(b"HTTP/1.1 405") && said.closed);
    let long = b"GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 17\r\n\r\n";
    let said = say(&narrow(), &[long]);
    assert!(said.bytes.starts_with(b"HTTP/1.1 413") && said.closed);
}

#[test]
fn the_end_in_the_middle_of_a_request_is_a_failure_and_elsewhere_none() {
    for (piece, failed) in [
        (&b""[..], false),
        (b"GET / HT", true),
        (
            b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na",
            true,
        ),
    ] {
        let mut talk = talk(&pages());
        let mut out = Vec::new();
        assert!(!talk.received(piece, &mut out).close);
        let flow = talk.ended(&mut out);
        assert_eq!((flow.close, flow.failed), (true, failed));
        assert!(out.is_empty());
    }
}

#[test]
fn hosts_have_pages_of_their_own_and_all_others_the_common_ones() {
    let body = |target: &str, host: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let said = say(&pages(), &[request.as_bytes()]);
        let text = String::from_utf8(said.bytes).unwrap();
        text.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    assert_eq!(body("/", "www.sina.com.cn"), "<p>sina");
    assert_eq!(body("/", "WWW.sina.com.cn.:80"), "<p>sina");
    assert_eq!(body("http://www.sina.com.cn/", "else"), "<p>sina");
    assert_eq!(body("http://www.sina.com.cn", "else"), "<p>sina");
    assert_eq!(body("/", "host:81"), "<p>81");
    assert_eq!(body("/", "host:82"), "<h1>Hello</h1>");
    assert_eq!(body("/", "[::1]:82"), "<h1>Hello</h1>");
    assert_eq!(body("/ten", "www.sina.com.cn"), "404 Not Found\n");
    assert_eq!(body("/a%20b", "h"), "space");
    assert_eq!(body("/q?x=1", "h"), "query");
    assert_eq!(body("/q?x=2", "h"), "404 Not Found\n");
    assert_eq!(body("/", "slashes"), "404 Not Found\n");
    assert_eq!(
        body("/%zz", "h"),
        "the path is not encoded as it has to be\n"
    );
    assert_eq!(
        body("/%00", "h"),
        "the path is not encoded as it has to be\n"
    );
}

#[test]
fn a_range_is_read_as_it_is_meant() {
    let bytes = |start, end| Part::Bytes(start..end);
    for (value, len, expected) in [
        ("bytes=0-0", 10, bytes(0, 1)),
        ("bytes=0-9", 10, bytes(0, 10)),
        ("bytes=5-99", 10, bytes(5, 10)),
        ("Bytes= 5- ", 10, bytes(5, 10)),
        ("bytes=-3", 10, bytes(7, 10)),
        ("bytes=-30", 10, bytes(0, 10)),
        ("bytes=0-18446744073709551615", 10, bytes(0, 10)),
        ("bytes=0-99999999999999999999999", 10, bytes(0, 10)),
        ("bytes=10-", 10, Part::Nowhere),
        ("bytes=99999999999999999999999-", 10, Part::Nowhere),
        ("bytes=-0", 10, Part::Nowhere),
        ("bytes=0-", 0, Part::Nowhere),
        ("bytes=4-2", 10, Part::Whole),
        ("bytes=0-1,3-4", 10, Part::Whole),
        ("bytes=-", 10, Part::Whole),
        ("bytes=", 10, Part::Whole),
        ("bytes=a-b", 10, Part::Whole),
        ("bytes=+1-2", 10, Part::Whole),
        ("lines=0-1", 10, Part::Whole),
        ("", 10, Part::Whole),
    ] {
        assert_eq!(part(value.as_bytes(), len), expected, "{value}");
    }
}

fn asked(headers: &str) -> Asked {
    Asked::read(&get("/", headers), &AskedLimits::default()).unwrap()
}

#[test]
fn conditions_are_judged_in_their_order() {
    let version = Version {
        tag: b"\"v1\"".to_vec(),
        // Sun, 09 Sep 2001 01:46:40 GMT, and a bit.
        modified: Some(UNIX_EPOCH + Duration::from_millis(1_000_000_000_400)),
    };
    let then = "Sun, 09 Sep 2001 01:46:40 GMT";
    let before = "Sun, 09 Sep 2001 01:46:39 GMT";
    for (headers, expected) in [
        (String::new(), Verdict::Send),
        ("If-None-Match: \"v1\"\r\n".into(), Verdict::Same),
        ("If-None-Match: W/\"v1\"\r\n".into(), Verdict::Same),
        ("If-None-Match: \"v0\", \"v1\"\r\n".into(), Verdict::Same),
        ("If-None-Match: *\r\n".into(), Verdict::Same),
        ("If-None-Match: \"v2\"\r\n".into(), Verdict::Send),
        (
            format!("If-None-Match: \"v2\"\r\nIf-Modified-Since: {then}\r\n"),
            Verdict::Send,
        ),
        (format!("If-Modified-Since: {then}\r\n"), Verdict::Same),
        (format!("If-Modified-Since: {before}\r\n"), Verdict::Send),
        (
            "If-Modified-Since: Sunday, 09-Sep-01 01:46:40 GMT\r\n".into(),
            Verdict::Same,
        ),
        ("If-Modified-Since: yesterday\r\n".into(), Verdict::Send),
        ("If-Match: \"v1\"\r\n".into(), Verdict::Send),
        ("If-Match: *\r\n".into(), Verdict::Send),
        ("If-Match: W/\"v1\"\r\n".into(), Verdict::Other),
        (format!("If-Unmodified-Since: {before}\r\n"), Verdict::Other),
        (format!("If-Unmodified-Since: {then}\r\n"), Verdict::Send),
    ] {
        assert_eq!(judge(&asked(&headers), &version), expected, "{headers}");
    }
    for (headers, fits) in [
        (String::new(), true),
        ("If-Range: \"v1\"\r\n".into(), true),
        ("If-Range: W/\"v1\"\r\n".into(), false),
        ("If-Range: \"v2\"\r\n".into(), false),
        (format!("If-Range: {then}\r\n"), true),
        (format!("If-Range: {before}\r\n"), false),
        ("If-Range: \"v1\"\r\nIf-Range: \"v1\"\r\n".into(), false),
    ] {
        assert_eq!(part_fits(&asked(&headers), &version), fits, "{headers}");
    }
}

#[test]
fn tags_are_compared_as_strong_as_they_are() {
    for (tag, headers, expected) in [
        ("W/\"v1\"", "If-Match: W/\"v1\"\r\n", Verdict::Other),
        ("W/\"v1\"", "If-Match: \"v1\"\r\n", Verdict::Other),
        ("W/\"v1\"", "If-None-Match: W/\"v1\"\r\n", Verdict::Same),
        ("W/\"v1\"", "If-None-Match: \"v1\"\r\n", Verdict::Same),
        ("\"a,b\"", "If-Match: \"a,b\"\r\n", Verdict::Send),
        (
            "\"a,b\"",
            "If-None-Match: \"c\", \"a,b\"\r\n",
            Verdict::Same,
        ),
        ("\"a\"", "If-None-Match: \"c,\"a\",d\"\r\n", Verdict::Send),
    ] {
        let tag = tag.as_bytes().to_vec();
        let version = Version {
            tag,
            modified: None,
        };
        assert_eq!(judge(&asked(headers), &version), expected, "{headers}");
        let weak = asked("If-Range: W/\"v1\"\r\n");
        assert!(!part_fits(&weak, &version));
    }
}

/// The head of an answer, one header a line.
fn head_of(pages: &Pages, request: &[u8]) -> Vec<String> {
    let said = say(pages, &[request]);
    let text = String::from_utf8_lossy(&said.bytes);
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    head.lines().map(str::to_owned).collect()
}

#[test]
fn what_a_page_says_of_itself_goes_together_with_what_the_server_says() {
    let scratch = Scratch::new();
    let path = scratch.0.join("page.html");
    fs::write(&path, "<p>".repeat(20)).unwrap();
    let own = [
        ("Cache-Control", "max-age=9"),
        ("Set-Cookie", "a=1"),
        ("ETag", "\"own\""),
        ("Vary", "Cookie"),
        ("Last-Modified", "Sun, 09 Sep 2001 01:46:40 GMT"),
        ("Content-Type", "text/html"),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let bytes = Content::Bytes(Arc::new("<p>".repeat(20).into_bytes()));
    for content in [bytes, Content::File(path)] {
        let mut site = Site::default();
        let page = Page::new(b"/", 200, &own, content).unwrap();
        site.pages.insert(b"/", page);
        let pages = Pages::new(site, Manner::default(), None);
        let status = |headers: &str| head_of(&pages, &get("/", headers))[0][9..12].to_owned();
        for (headers, tag) in [
            ("", "ETag: \"own\""),
            // Compressed, the bytes are others.
            ("Accept-Encoding: gzip\r\n", "ETag: W/\"own\""),
        ] {
            let whole = head_of(&pages, &get("/", headers));
            assert_eq!(whole[0], "HTTP/1.1 200 OK");
            let again = format!("{headers}If-None-Match: \"own\"\r\n");
            let same = head_of(&pages, &get("/", &again));
            assert_eq!(same[0], "HTTP/1.1 304 Not Modified");
            for line in [
                "Cache-Control: max-age=9",
                "Vary: Cookie",
                "Vary: Accept-Encoding",
                "Last-Modified: Sun, 09 Sep 2001 01:46:40 GMT",
                tag,
            ] {
                let times = |head: &[String]| head.iter().filter(|it| *it == line).count();
                assert_eq!((times(&whole), times(&same)), (1, 1), "{line} {headers}");
            }
            let tags = |head: &[String]| head.iter().filter(|it| it.starts_with("ETag")).count();
            assert_eq!((tags(&whole), tags(&same)), (1, 1));
            let has = |head: &[String], name: &str| head.iter().any(|it| it.starts_with(name));
            assert!(has(&whole, "Content-Type") && !has(&same, "Content-"));
        }
        assert_eq!(status("If-Match: \"own\"\r\n"), "200");
        assert_eq!(status("If-Match: \"other\"\r\n"), "412");
        let since = "If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT\r\n";
        assert_eq!(status(since), "304");
        assert_eq!(status("Range: bytes=1-2\r\nIf-Range: \"own\"\r\n"), "206");
        let weak = "Range: bytes=1-2\r\nIf-Range: W/\"own\"\r\n";
        assert_eq!(status(weak), "200");
    }
}

#[test]
fn a_page_varies_once_by_what_it_says_itself() {
    for (own, expected) in [
        ("accept-encoding, Cookie", vec!["accept-encoding, Cookie"]),
        ("*", vec!["*"]),
        ("Cookie", vec!["Cookie", "Accept-Encoding"]),
    ] {
        let mut site = Site::default();
        let headers = [("Vary".to_owned(), own.as_bytes().to_vec())];
        let content = Content::Bytes(Arc::new(b"<p>".to_vec()));
        let page = Page::new(b"/", 200, &headers, content).unwrap();
        site.pages.insert(b"/", page);
        let head = head_of(&Pages::new(site, Manner::default(), None), &get("/", ""));
        let vary: Vec<&str> = head
            .iter()
            .filter_map(|it| it.strip_prefix("Vary: "))
            .collect();
        assert_eq!(vary, expected);
    }
}

#[test]
fn a_page_of_another_status_keeps_its_own_tag_and_gets_none() {
    for (headers, expected) in [
        (vec![("ETag".to_owned(), b"\"own\"".to_vec())], 1),
        (Vec::new(), 0),
    ] {
        let mut site = Site::default();
        let content = Content::Bytes(Arc::new(b"gone".to_vec()));
        let page = Page::new(b"/", 410, &headers, content).unwrap();
        site.pages.insert(b"/", page);
        let pages = Pages::new(site, Manner::default(), None);
        let head = head_of(&pages, &get("/", "If-None-Match: \"own\"\r\n"));
        assert_eq!(head[0], "HTTP/1.1 410 Gone");
        let tags = head.iter().filter(|it| *it == "ETag: \"own\"").count();
        assert_eq!(tags, expected);
        assert!(!head.iter().any(|it| it.starts_with("Last-Modified")));
    }
}

#[test]
fn gzip_goes_to_those_who_take_it() {
    for (value, takes) in [
        ("gzip", true),
        ("deflate, GZIP;q=0.5", true),
        ("x-gzip", true),
        ("*", true),
        ("gzip;q=0", false),
        ("gzip; q=0.000, *", false),
        ("*;q=0", false),
        ("br", false),
        ("identity", false),
        ("", false),
    ] {
        let asked = asked(&format!("Accept-Encoding: {value}\r\n"));
        assert_eq!(takes_gzip(&asked), takes, "{value}");
    }
}

#[test]
fn a_path_never_leads_upwards() {
    let names = |path: &str| steps(path.as_bytes()).map(|(names, _)| names.len());
    assert_eq!(names("/"), Some(0));
    assert_eq!(names("/a/./b//c/"), Some(3));
    assert_eq!(names("/..a/b..c/..."), Some(3));
    for path in [
        "/..", "/../", "/a/../b", "/a/..", "..", "/a\\b", "/a\0b", "/..\\a",
    ] {
        assert_eq!(names(path), None, "{path:?}");
    }
    let slash = |target: &str| {
        let request = format!("GET {target} HTTP/1.0\r\n\r\n");
        let limits = AskedLimits::default();
        with_slash(&Asked::read(request.as_bytes(), &limits).unwrap().target)
    };
    assert_eq!(slash("/docs?a=//b"), "/docs/?a=//b");
    // Two slashes would name another host, and a backslash is one to some.
    assert_eq!(slash("//evil.example"), "/evil.example/");
    assert_eq!(slash("/\\evil.example"), "/%5Cevil.example/");
}

#[test]
fn kinds_are_found_by_the_ending_or_by_a_look() {
    let kind = |path: &str| media::of_file(path.as_bytes(), b"text", true);
    assert_eq!(kind("/a/INDEX.HTML"), "text/html; charset=utf-8");
    assert_eq!(kind("a.tar.gz"), "application/gzip");
    assert_eq!(kind("a.d/none"), "application/octet-stream");
    assert_eq!(media::of_page(b"/", b" <p>"), "text/html; charset=utf-8");
    assert_eq!(media::of_page(b"/", b"<p>\xd0\xc2"), "text/html");
    assert_eq!(media::of_page(b"/a.txt", b"\xd0\xc2"), "text/plain");
    assert_eq!(
        media::of_page(b"/", b"\xd0\xc2"),
        "application/octet-stream"
    );
    assert_eq!(media::of_page(b"/a.json", b"{}"), "application/json");
    assert!(media::is_text(b"image/svg+xml") && media::is_text(b"Application/JSON; a=b"));
    assert!(!media::is_text(b"image/png"));
}

#[test]
fn only_text_in_utf_8_is_said_to_be_in_it() {
    let han = "\u{65b0}".as_bytes();
    for (start, is_whole, said) in [
        (&b""[..], true, true),
        (b"<p>plain", true, true),
        (han, true, true),
        // The look ended in the middle of a character.
        (&[b"<p>", &han[..2]].concat(), false, true),
        (&[b"<p>", &han[..2]].concat(), true, false),
        (b"<p>\xd0\xc2", false, false),
        (b"\xff\xfe<\0p\0>\0", true, false),
        // What comes behind the look, or shows in no byte.
        (b"<meta charset=gb2312>", false, false),
        (b"<meta charset=hz-gb-2312>~{PBAK~}", true, false),
        (b"<meta charset=utf-8>", false, true),
        // Whoever says so is wrong.
        (&[b"<meta charset=gb2312>", han].concat(), true, true),
    ] {
        let expected = ["text/html", "text/html; charset=utf-8"][usize::from(said)];
        let shown = String::from_utf8_lossy(start);
        let kind = media::of_file(b"a.html", start, is_whole);
        assert_eq!(kind, expected, "{shown:?} {is_whole}");
        if is_whole {
            assert_eq!(media::of_page(b"a.html", start), expected, "{shown:?}");
        }
    }
}

#[test]
fn a_page_that_would_break_the_protocol_is_none() {
    let bytes = |body: &[u8]| Content::Bytes(Arc::new(body.to_vec()));
    let with = |name: &str, value: &[u8]| {
        let headers = [(name.to_owned(), value.to_vec())];
        Page::new(b"/", 200, &headers, bytes(b"")).map(|_| ())
    };
    assert!(with("X-A", b"b\tc\xff").is_ok());
    assert!(matches!(with("X A", b""), Err(PageError::HeaderName(_))));
    assert!(matches!(with("", b""), Err(PageError::HeaderName(_))));
    assert!(matches!(
        with("X", b"a\r\nB: c"),
        Err(PageError::HeaderValue(_))
    ));
    assert!(matches!(with("X", b"\0"), Err(PageError::HeaderValue(_))));
    assert!(matches!(
        with("content-Length", b"1"),
        Err(PageError::OwnHeader(_))
    ));
    for status in [0, 99, 100, 199, 600, 999] {
        let page = Page::new(b"/", status, &[], bytes(b""));
        assert_eq!(page.map(|_| ()), Err(PageError::Status(status)));
    }
    let page = Page::new(b"/", 204, &[], bytes(b"a"));
    assert_eq!(page.map(|_| ()), Err(PageError::Body(204)));
    assert!(Page::redirect("/a\r\nX: b").is_err());
    let mut out = Vec::new();
    Answer::new(200).with("X", "a\r\nY: b").write(&mut out);
    assert_eq!(out, b"HTTP/1.1 200 OK\r\nX: aY: b\r\n\r\n");
}

#[test]
fn dates_have_bounds_as_well() {
    assert_eq!(date(UNIX_EPOCH), "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(
        date(UNIX_EPOCH - Duration::from_secs(9)),
        "Thu, 01 Jan 1970 00:00:00 GMT"
    );
    let late = UNIX_EPOCH + Duration::from_secs(1 << 40);
    assert_eq!(date(late), "Fri, 31 Dec 9999 23:59:59 GMT");
}

#[test]
fn a_long_answer_is_made_in_parts() {
    let body: Vec<u8> = (0..1_000_003_u32).map(|at| (at % 251) as u8).collect();
    let (path, page) = page("/long.txt", &body);
    let part = Manner::default().part;
    for (query, headers) in [
        ("", ""),
        ("?chunked=1", ""),
        ("", "Accept-Encoding: gzip\r\n"),
    ] {
        let mut site = Site::default();
        site.pages.insert(&path, page.clone());
        let pages = Pages::new(site, Manner::default(), None);
        let request = get(&format!("/long.txt{query}"), headers);
        let said = say(&pages, &[&[&request[..], &get("/long.txt", "")].concat()]);
        assert_eq!(said.requests, 2);
        assert!(said.most < 2 * part + 1024, "{}", said.most);
        let end = said
            .bytes
            .windows(4)
            .position(|it| it == b"\r\n\r\n")
            .unwrap()
            + 4;
        let (head, rest) = said.bytes.split_at(end);
        let head = String::from_utf8_lossy(head);
        let rest = if head.contains("chunked") {
            let mut decoder = Chunked::new(Limits::default());
            let (mut at, mut whole) = (0, Vec::new());
            loop {
                let (taken, chunk) = decoder.feed(&rest[at..]).unwrap();
                at += taken;
                match chunk {
                    Chunk::Data(data) => whole.extend_from_slice(data),
                    Chunk::End => break,
                    Chunk::More => panic!("cut off"),
                }
            }
            if head.contains("gzip") {
                let mut plain = Vec::new();
                let mut decoder = flate2::read::GzDecoder::new(&whole[..]);
                std::io::Read::read_to_end(&mut decoder, &mut plain).unwrap();
                whole = plain;
            }
            assert!(whole == body);
            &rest[at..]
        } else {
            assert!(rest[..body.len()] == body);
            &rest[body.len()..]
        };
        assert!(rest.starts_with(b"HTTP/1.1 200 OK") && rest.ends_with(&body));
    }
}

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rsock-pages-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_that_becomes_shorter_under_way_ends_the_connection() {
    let scratch = Scratch::new();
    let path = scratch.0.join("long.bin");
    fs::write(&path, vec![7; 200_000]).unwrap();
    let site = Site {
        directory: Some(Root::new(&scratch.0).unwrap()),
        ..Site::default()
    };
    let mut talk = talk(&Pages::new(site, Manner::default(), None));
    let mut out = Vec::new();
    assert!(talk.received(&get("/long.bin", ""), &mut out).more);
    fs::write(&path, b"short").unwrap();
    let sent = out.len();
    let flow = talk.resumed(&mut out);
    assert!(flow.close && flow.failed && out.len() == sent);
}

#[test]
fn a_directory_that_is_none_is_told_with_its_number() {
    let scratch = Scratch::new();
    fs::write(scratch.0.join("file"), b"").unwrap();
    let errno = |name: &str| Root::new(&scratch.0.join(name)).unwrap_err().errno();
    assert_eq!(errno("none"), Some(libc::ENOENT));
    assert_eq!(errno("file"), Some(libc::ENOTDIR));
}

#[test]
fn whoever_wants_to_is_told_of_each_request() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&told);
    let tell = Box::new(move |_: &_, line: &str| lines.lock().unwrap().push(line.to_owned()));
    let pages = Pages::new(site(), Manner::default(), Some(tell));
    say(&pages, &[&get("/ten", ""), b"HEAD /none HTTP/1.0\r\n\r\n"]);
    say(&pages, &[b"GET\r\n\r\n"]);
    let told = told.lock().unwrap();
    let expected = [
        "\"GET /ten HTTP/1.1\" 200",
        "\"HEAD /none HTTP/1.0\" 404",
        "bad request: 400",
    ];
    assert_eq!(told.as_slice(), expected);
}

#[test]
fn chunk_lines_and_trailers_have_bounds() {
    let pass = |bytes: &[u8]| Skip::new(Length::Chunked, 1 << 20).pass(bytes);
    let extension = [&b"1;"[..], &[b'x'; 5000], b"\r\n"].concat();
    assert_eq!(pass(&extension), Err(AskedError::Chunk));
    let trailers = [&b"0\r\n"[..], &b"A: b\r\n".repeat(5000)].concat();
    assert_eq!(pass(&trailers), Err(AskedError::HeadTooLong));
    let mut skip = Skip::new(Length::Chunked, 16);
    let flood = [&b"1;"[..], &[b'x'; 4000], b"\r\na\r\n"]
        .concat()
        .repeat(16);
    assert_eq!(skip.pass(&flood), Err(AskedError::Chunk));
}

#[test]
fn no_bytes_whatever_break_the_reading_of_requests() {
    let mut seed = 7_u64;
    let mut below = |limit: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % limit
    };
    const WORDS: &[&[u8]] = &[
        b"GET ",
        b"/",
        b" HTTP/1.1",
        b"\r\n",
        b"\n",
        b"\r",
        b"Host: h",
        b"Content-Length: ",
        b"5",
        b"Transfer-Encoding: chunked",
        b"0",
        b":",
        b" ",
        b"\0",
        b"%",
        b"..",
        b"?",
        b"http://",
        b"[",
        b"]",
        b"Range: bytes=",
        b"-",
        b"\xff",
        b"Expect: 100-continue",
        b"abcde",
        b";",
    ];
    let pages = narrow();
    for round in 0..20_000 {
        let bytes: Vec<u8> = (0..below(40))
            .flat_map(|_| WORDS[below(WORDS.len())])
            .copied()
            .collect();
        let begin: &[u8] = if round % 2 == 0 {
            b""
        } else {
            b"GET / HTTP/1.1\r\nHost: h\r\n"
        };
        let bytes = [begin, &bytes].concat();
        let pieces: Vec<&[u8]> = bytes.chunks(1 + below(30)).collect();
        let whole = say(&pages, &[&bytes]);
        let said = say(&pages, &pieces);
        let statuses = |said: &Said| {
            let text = plain(&said.bytes);
            text.replace("HTTP/1.1 100 Continue\r\n\r\n", "")
        };
        assert_eq!(
            statuses(&whole),
            statuses(&said),
            "{:?}",
            String::from_utf8_lossy(&bytes)
        );
    }
}

#[test]
fn the_end_of_a_head_is_found_once() {
    let head = get("/", "A: b\r\n");
    let mut end = HeadEnd::default();
    for len in 0..head.len() {
        assert_eq!(end.find(&head[..len], 1000), Ok(None));
    }
    assert_eq!(
        end.find(&[&head[..], b"GET"].concat(), 1000),
        Ok(Some(head.len()))
    );
    assert_eq!(
        HeadEnd::default().find(&head, head.len()),
        Ok(Some(head.len()))
    );
    assert!(HeadEnd::default().find(&head, head.len() - 1).is_err());
}

#[test]
fn the_reply_reader_of_the_client_finds_each_answer_whole() {
    let long = vec![b'x'; 300_000];
    for (method, version, closes) in [
        ("GET", "1.1", false),
        ("HEAD", "1.1", false),
        ("POST", "1.1", false),
        ("GET", "1.0", true),
    ] {
        for target in [
            "/",
            "/ten",
            "/empty",
            "/ten?chunked=1",
            "/old",
            "/docs",
            "/none",
            "/long.txt",
        ] {
            for header in [
                "",
                "Accept-Encoding: gzip\r\n",
                "Range: bytes=1-2\r\n",
                "If-None-Match: *\r\n",
            ] {
                let mut site = site();
                let (path, page) = page("/long.txt", &long);
                site.pages.insert(&path, page);
                let pages = Pages::new(site, Manner::default(), None);
                let request =
                    format!("{method} {target} HTTP/{version}\r\nHost: h\r\n{header}\r\n");
                let said = say(&pages, &[request.as_bytes()]);
                let mut reply = Reply::new(method, Limits::default());
                let (mut at, mut body) = (0, 0);
                let shown = format!("{request:?}");
                loop {
                    let (taken, event) = reply.feed(&said.bytes[at..]).expect(&shown);
                    at += taken;
                    match event {
                        Event::Body(bytes) => body += bytes.len(),
                        Event::End => break,
                        Event::More => {
                            reply.end_of_input().expect(&shown);
                            break;
                        }
                        Event::Head => {}
                    }
                }
                assert_eq!(at, said.bytes.len(), "{shown}");
                assert_eq!(said.closed, closes, "{shown}");
                assert_eq!(reply.reusable(), !closes, "{shown}");
                let has_body = method != "HEAD" && reply.head().unwrap().status != 304;
                assert!(has_body || body == 0, "{shown}");
            }
        }
    }
}
