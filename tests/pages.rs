//! What the server of pages answers: bytes in, bytes out, and no socket anywhere.
#![allow(clippy::unwrap_used)]

mod common;
mod site;

use std::fs;
use std::sync::{Arc, Mutex};

use rsock::http::answer::Answer;
use rsock::http::{Chunk, Chunked, Event, Limits, Reply};
use rsock::service::pages::{Content, Manner, Page, PageError, Pages, Root, Site};
use site::{Scratch, get, head_of, page, pages, plain, say, site, talk};

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
