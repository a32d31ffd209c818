//! The server of pages and requests that are no requests, too long, or cut off.
#![allow(clippy::unwrap_used)]

mod common;
mod site;

use site::{Said, get, narrow, pages, plain, say, talk};

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
