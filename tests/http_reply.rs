//! Replies as tables: what is read of them, however they are cut, and what is refused.

mod http_common;

use http_common::{Outcome, read, read_within, same};
use rsock::http::{Error, Event, Framing, Kind, Limits, Reply};

/// Read a reply whole and cut in every way that is quick, and see that all come to the same.
fn reply(method: &str, raw: &[u8]) -> Result<Outcome, Error> {
    let whole = read(method, raw, usize::MAX);
    for piece in [1, 2, 3, 7, 20] {
        let pieces = read(method, raw, piece);
        assert!(same(&whole, &pieces), "{piece}: {whole:?} and {pieces:?}");
    }
    whole
}

fn get(raw: &[u8]) -> Result<Outcome, Error> {
    reply("GET", raw)
}

/// Return the status and the body of a reply that is read.
fn body(raw: &[u8]) -> (u16, Vec<u8>) {
    let outcome = get(raw).unwrap_or_else(|error| panic!("{error}: {}", raw.escape_ascii()));
    (outcome.status, outcome.body)
}

fn refused(raw: &[u8]) -> Error {
    match get(raw) {
        Err(error) => error,
        Ok(outcome) => panic!("taken: {} as {outcome:?}", raw.escape_ascii()),
    }
}

#[test]
fn status_lines_that_are_read() {
    for (line, status, reason, minor) in [
        ("HTTP/1.1 200 OK", 200, "OK", "1.1"),
        ("HTTP/1.0 200 OK", 200, "OK", "1.0"),
        ("HTTP/1.1 200 ", 200, "", "1.1"),
        ("HTTP/1.1 200", 200, "", "1.1"),
        ("HTTP/1.1 404 Not Found", 404, "Not Found", "1.1"),
        ("HTTP/1.1 200 \tOK", 200, "OK", "1.1"),
        ("HTTP/1.1 200 funky chunky!", 200, "funky chunky!", "1.1"),
        ("HTTP/1.1 999 Odd", 999, "Odd", "1.1"),
        ("HTTP/1.1 600 Odd", 600, "Odd", "1.1"),
        ("HTTP/1.7 200 Newer", 200, "Newer", "1.1"),
        (
            "HTTP/1.1 200 \u{4f60}\u{597d}",
            200,
            "\u{4f60}\u{597d}",
            "1.1",
        ),
    ] {
        for end in ["\r\n", "\n"] {
            let raw = format!("{line}{end}Content-Length: 0{end}{end}");
            let outcome = get(raw.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(outcome.status, status, "{line}");
            assert_eq!(outcome.reason, reason.as_bytes(), "{line}");
            assert_eq!(outcome.raw_head, raw.as_bytes());
            let mut reply = Reply::new("GET", Limits::default());
            let head = reply.feed(raw.as_bytes()).map(|(taken, _)| taken);
            assert_eq!(head, Ok(raw.len()));
            assert_eq!(
                reply.head().map(rsock::http::Head::version),
                Some(minor.to_owned())
            );
        }
    }
}

#[test]
fn what_is_no_status_line_is_refused() {
    for line in [
        "",
        " ",
        "\r\nHTTP/1.1 200 OK",
        " HTTP/1.1 200 OK",
        "http/1.1 200 OK",
        "HTTPS/1.1 200 OK",
        "HTTP/1.1",
        "HTTP/1.1 ",
        "HTTP/1.1 2",
        "HTTP/1.1 20",
        "HTTP/1.1 99 Low",
        "HTTP/1.1 000 Low",
        "HTTP/1.1 099 Low",
        "HTTP/1.1 2000 High",
        "HTTP/1.1 131072 High",
        "HTTP/1.1 -200 OK",
        "HTTP/1.1 +20 OK",
        "HTTP/1.1 2x0 OK",
        "HTTP/1.1 200OK",
        "HTTP/1.1 200: OK",
        "HTTP/1.1 200\tOK",
        "HTTP/1.1\t200 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1: 200 OK",
        "HTTP/1.1 OK",
        "HTTP/1 200 OK",
        "HTTP/1. 200 OK",
        "HTTP/.1 200 OK",
        "HTTP/1.01 200 OK",
        "HTTP/1.10 200 OK",
        "HTTP/1.x 200 OK",
        "HTTP/11 200 OK",
        "HTTP/0.9 200 OK",
        "HTTP/2 200 OK",
        "HTTP/2.0 200 OK",
        "HTTP/1.1 200 O\rK",
        "HTTP/1.1 200 O\0K",
        "HTTP/1.1 200 OK\r",
        "HTTP\r/1.1 200 OK",
        "HTTP/1\0.1 200 OK",
        "ICY 200 OK",
        "<html>this is HTTP/0.9</html>",
        "SSH-2.0-OpenSSH_9.2",
        "220 mail.example ESMTP",
        "+OK POP3",
    ] {
        // A CR before LF is part of the line end.
        let ends: &[&str] = if line.ends_with('\r') {
            &["\r\n"]
        } else {
            &["\r\n", "\n"]
        };
        for end in ends {
            let raw = format!("{line}{end}Content-Length: 0{end}{end}");
            let error = refused(raw.as_bytes());
            assert!(matches!(error, Error::StatusLine(_)), "{line:?}: {error}");
            assert_eq!(error.kind(), Kind::BadReply);
        }
    }
}

#[test]
fn what_is_no_http_is_refused_with_its_first_wrong_byte() {
    for start in ["<", "\x16\x03\x01", "HTTQ", "HTTP/2", "\r", "\n", " "] {
        let mut reply = Reply::new("GET", Limits::default());
        let error = reply.feed(start.as_bytes()).expect_err("no HTTP");
        assert!(matches!(error, Error::StatusLine(_)));
        assert_eq!(
            reply.feed(b"HTTP/1.1 200 OK\r\n\r\n"),
            Err(error.clone()),
            "again"
        );
        assert_eq!(reply.end_of_input(), Err(error));
    }
}

#[test]
fn header_lines_that_are_read() {
    for (lines, wanted) in [
        ("A: b\r\n", vec![("A", "b")]),
        ("A:b\r\n", vec![("A", "b")]),
        ("A: \t b \t\r\n", vec![("A", "b")]),
        ("A:\r\n", vec![("A", "")]),
        ("A: \r\n", vec![("A", "")]),
        ("A: b: c\r\n", vec![("A", "b: c")]),
        (
            "A: b\nC: d\r\nE: f\n",
            vec![("A", "b"), ("C", "d"), ("E", "f")],
        ),
        (
            "a: 1\r\nA: 2\r\na: 3\r\n",
            vec![("a", "1"), ("A", "2"), ("a", "3")],
        ),
        (
            "!#$%&'*+-.^_`|~09azAZ: x\r\n",
            vec![("!#$%&'*+-.^_`|~09azAZ", "x")],
        ),
        ("A: \x01\x7f\r\n", vec![("A", "\x01\x7f")]),
        ("A: \u{e9}\r\n", vec![("A", "\u{e9}")]),
        ("A: b\r\n c\r\n\t  d \r\n", vec![("A", "b c d")]),
        ("A:\r\n b\r\n", vec![("A", "b")]),
        (
            "A: b\r\n \r\n c\r\nD: e\r\n",
            vec![("A", "b c"), ("D", "e")],
        ),
        ("", vec![]),
    ] {
        let raw = format!("HTTP/1.1 204 None\r\n{lines}\r\n");
        let outcome = get(raw.as_bytes()).unwrap_or_else(|error| panic!("{lines:?}: {error}"));
        let found: Vec<_> = outcome
            .headers
            .iter()
            .map(|(name, value)| {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
                (text(name), text(value))
            })
            .collect();
        let wanted: Vec<_> = wanted
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        assert_eq!(found, wanted, "{lines:?}");
    }
}

#[test]
fn what_is_no_header_line_is_refused() {
    for line in [
        "no colon",
        ": no name",
        " folded before any header: x",
        "\tfolded: x",
        "A : b",
        "A\t: b",
        "A B: c",
        "A(: b",
        "{}: b",
        "\u{e9}: b",
        "A\0: b",
        "A: b\0c",
        "A: b\rc",
        "A: b\r",
        "A\rB: c",
        "\rA: b",
        "\0A: b",
    ] {
        let ends: &[&str] = if line.ends_with('\r') {
            &["\r\n"]
        } else {
            &["\r\n", "\n"]
        };
        for end in ends {
            let raw = format!("HTTP/1.1 200 OK{end}{line}{end}Content-Length: 0{end}{end}");
            let error = refused(raw.as_bytes());
            assert!(
                matches!(error, Error::HeaderLine { .. }),
                "{line:?}: {error}"
            );
        }
    }
}

#[test]
fn where_a_body_ends() {
    for (headers, rest, wanted) in [
        ("Content-Length: 5", "HelloHTTP/1.1 200", "Hello"),
        ("Content-Length: 0", "Hello", ""),
        ("Content-Length: 05", "Hello, you", "Hello"),
        (
            "Content-Length: 0000000000000000000000000005",
            "Hello",
            "Hello",
        ),
        ("Content-Length:5", "Hello", "Hello"),
        ("content-length:\t5 ", "Hello", "Hello"),
        ("Content-Length: 5\r\nContent-Length: 5", "Hello!", "Hello"),
        ("Content-Length: 5, 5", "Hello!", "Hello"),
        (
            "Content-Length: 5,05\r\nContent-Length: 5",
            "Hello!",
            "Hello",
        ),
        ("Content-Length:\r\n 5", "Hello!", "Hello"),
        ("X: y", "Hello", "Hello"),
        ("Content-Length-X: 2", "Hello", "Hello"),
        ("Connection: keep-alive", "Hello", "Hello"),
        ("Transfer-Encoding: identity", "Hello", "Hello"),
        ("Transfer-Encoding:", "Hello", "Hello"),
        (
            "Transfer-Encoding: chunked",
            "5\r\nHello\r\n0\r\n\r\nx",
            "Hello",
        ),
        (
            "transfer-encoding: CHUNKED",
            "5\r\nHello\r\n0\r\n\r\n",
            "Hello",
        ),
        (
            "Transfer-Encoding:\r\n chunked",
            "5\r\nHello\r\n0\r\n\r\n",
            "Hello",
        ),
        (
            "Transfer-Encoding: , chunked ,",
            "5\r\nHello\r\n0\r\n\r\n",
            "Hello",
        ),
        (
            "Transfer-Encoding: chunked, chunked",
            "5\r\nHello\r\n0\r\n\r\n",
            "Hello",
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "5\r\nHello\r\n0\r\n\r\n",
            "Hello",
        ),
        (
            "Transfer-Encoding: identity, chunked",
            "5\r\nHello\r\n0\r\n\r\n",
            "Hello",
        ),
    ] {
        for version in ["1.0", "1.1"] {
            let raw = format!("HTTP/{version} 200 OK\r\n{headers}\r\n\r\n{rest}");
            assert_eq!(body(raw.as_bytes()), (200, wanted.into()), "{headers}");
        }
    }
}

#[test]
fn lengths_that_are_none_are_refused() {
    for length in [
        "",
        " ",
        "-1",
        "+1",
        "1 1",
        "1x",
        "x1",
        "0x10",
        "1e3",
        "1.0",
        "1,",
        ",1",
        "1,,1",
        "1;1",
        "1, 2",
        "5,6",
        "\"5\"",
        "\u{664}",
        "18446744073709551616",
        "99999999999999999999999",
        "%d",
        "aaaah, nah",
        "1_0",
        "\x0b5",
    ] {
        let raw = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nHello");
        let error = refused(raw.as_bytes());
        assert!(
            matches!(error, Error::ContentLength(_)),
            "{length:?}: {error}"
        );
    }
    let raw = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\nContent-Length: 6\r\n\r\nHello!";
    assert!(matches!(refused(raw.as_bytes()), Error::ContentLength(_)));
}

#[test]
fn a_length_of_any_size_is_only_a_number() {
    for length in [u64::MAX, i64::MAX as u64, 1 << 40] {
        let raw = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nHello");
        let error = refused(raw.as_bytes());
        let wanted = Error::IncompleteBody {
            received: 5,
            expected: Some(length),
        };
        assert_eq!(error, wanted);
        assert_eq!(error.kind(), Kind::Incomplete);
    }
}

#[test]
fn codings_that_were_not_asked_for_and_two_framings_are_refused() {
    for (headers, wants_both) in [
        ("Transfer-Encoding: gzip, chunked", false),
        ("Transfer-Encoding: gzip", false),
        ("Transfer-Encoding: yolo", false),
        ("Transfer-Encoding: chunked, gzip", false),
        ("Transfer-Encoding: chunked;q=1", false),
        ("Transfer-Encoding: \x0bchunked", false),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
            false,
        ),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", true),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", true),
        ("Content-Length: 5\r\nTransfer-Encoding: identity", true),
    ] {
        let raw = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n5\r\nHello\r\n0\r\n\r\n");
        match refused(raw.as_bytes()) {
            Error::BothFramings => assert!(wants_both, "{headers}"),
            Error::TransferEncoding(_) => assert!(!wants_both, "{headers}"),
            error => panic!("{headers}: {error}"),
        }
    }
}

#[test]
fn replies_without_a_body_have_none_whatever_they_say() {
    let framings = [
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "X: y",
    ];
    for headers in framings {
        for (method, status) in [
            ("HEAD", 200),
            ("HEAD", 404),
            ("GET", 204),
            ("GET", 304),
            ("GET", 101),
            ("CONNECT", 200),
        ] {
            let raw = format!("HTTP/1.1 {status} X\r\n{headers}\r\n\r\nHello");
            let outcome = reply(method, raw.as_bytes()).expect("a reply");
            assert_eq!(
                (outcome.status, outcome.body.len()),
                (status, 0),
                "{method} {headers}"
            );
            assert!(outcome.self_delimited, "{method} {headers}");
            assert_eq!(outcome.taken, raw.len() - 5);
        }
    }
    assert_eq!(
        body(b"HTTP/1.1 205 Reset\r\nContent-Length: 2\r\n\r\nok"),
        (205, b"ok".into())
    );
    let refusal = b"HTTP/1.1 407 Who\r\nContent-Length: 2\r\n\r\nno";
    assert_eq!(
        reply("CONNECT", refusal).map(|it| it.body),
        Ok(b"no".to_vec())
    );
}

#[test]
fn what_a_proxy_says_of_the_length_of_a_tunnel_is_not_looked_at() {
    for length in ["", "0, 5", "none", "-1"] {
        let head = format!("HTTP/1.1 200 Go on\r\nContent-Length: {length}\r\n\r\n");
        let tunnel = reply("CONNECT", head.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((tunnel.status, tunnel.taken), (200, head.len()));
        // Where there could be a body, or where a length could be true, it has to be one.
        for method in ["GET", "HEAD"] {
            let refused = reply(method, head.as_bytes());
            assert!(matches!(refused, Err(Error::ContentLength(_))), "{length}");
        }
        let refusal = head.replace("200", "407");
        let refused = reply("CONNECT", refusal.as_bytes());
        assert!(matches!(refused, Err(Error::ContentLength(_))), "{length}");
    }
}

#[test]
fn informational_replies_are_skipped_up_to_a_bound() {
    let one = "HTTP/1.1 103 Early\r\nLink: <x>\r\nContent-Length: 7\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for count in [0, 1, 64] {
        let raw = one.repeat(count) + last;
        assert_eq!(body(raw.as_bytes()), (200, b"ok".into()));
    }
    let error = refused((one.repeat(65) + last).as_bytes());
    assert_eq!(error.kind(), Kind::TooLarge, "{error}");
    for status in ["100 Continue", "102 Processing", "150 Odd", "199 Odd"] {
        let raw = format!("HTTP/1.1 {status}\r\n\r\n{last}");
        assert_eq!(body(raw.as_bytes()), (200, b"ok".into()));
        let alone = format!("HTTP/1.1 {status}\r\n\r\n");
        assert!(matches!(
            refused(alone.as_bytes()),
            Error::IncompleteHead { .. }
        ));
        let garbage = format!("HTTP/1.1 {status}\r\n\r\nData\n");
        assert!(matches!(refused(garbage.as_bytes()), Error::StatusLine(_)));
    }
}

#[test]
fn an_end_in_any_place_before_the_end_is_an_error() {
    let wholes = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nHello",
        "HTTP/1.1 200 OK\nContent-Length: 5\nX: y\n\nHello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nHel\r\n2\r\nlo\r\n0\r\nT: u\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 204 None\r\nA: b\r\n\r\n",
    ];
    for whole in wholes {
        assert!(get(whole.as_bytes()).is_ok());
        for end in 0..whole.len() {
            let error = refused(&whole.as_bytes()[..end]);
            assert_eq!(error.kind(), Kind::Incomplete, "{end}: {error}");
        }
    }
    let cut = &wholes[0].as_bytes()[..wholes[0].len() - 2];
    let text = refused(cut).to_string();
    assert!(text.contains("3 bytes came of 5"), "{text}");
}

#[test]
fn what_follows_the_end_is_left() {
    let next = "HTTP/1.1 404 Next\r\n\r\n";
    for first in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\n",
        "HTTP/1.1 204 None\r\n\r\n",
    ] {
        let outcome = get((first.to_owned() + next).as_bytes()).expect("a reply");
        assert_eq!(outcome.taken, first.len());
        assert!(outcome.self_delimited && outcome.reusable);
    }
}

#[test]
fn whether_a_connection_may_be_kept() {
    for (head, wanted) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0", true),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, Close",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\nConnection: close",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: something-close",
            true,
        ),
        ("HTTP/1.0 200 OK\r\nContent-Length: 0", false),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive",
            true,
        ),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive, close",
            false,
        ),
        ("HTTP/1.1 200 OK", false),
        ("HTTP/1.1 204 None", true),
        ("HTTP/1.1 101 Other", false),
        (
            "HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\nContent-Length: 3",
            false,
        ),
    ] {
        let outcome = get(format!("{head}\r\n\r\n").as_bytes()).expect("a reply");
        assert_eq!(outcome.reusable, wanted, "{head}");
    }
    let old =
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert!(!get(old).expect("a reply").reusable);
    let mut reply = Reply::new("GET", Limits::default());
    assert!(
        reply
            .feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
            .is_ok()
    );
    assert!(!reply.reusable(), "not before it is whole");
}

#[test]
fn limits_of_the_head_hold() {
    let limits = Limits {
        head_bytes: 1000,
        headers: 10,
        ..Limits::default()
    };
    let within = |raw: &str| {
        let whole = read_within("GET", raw.as_bytes(), usize::MAX, limits);
        for piece in [1, 20] {
            let pieces = read_within("GET", raw.as_bytes(), piece, limits);
            assert!(same(&whole, &pieces));
        }
        whole
    };
    let padded = |bytes: usize| {
        let start = "HTTP/1.1 204 None\r\nX: ";
        format!("{start}{}\r\n\r\n", "x".repeat(bytes - start.len() - 4))
    };
    assert!(within(&padded(1000)).is_ok());
    let error = within(&padded(1001)).expect_err("too large");
    assert_eq!(error.kind(), Kind::TooLarge);
    assert!(error.to_string().contains("1000"), "{error}");
    let many = |count: usize| format!("HTTP/1.1 204 None\r\n{}\r\n", "A: b\r\n".repeat(count));
    assert!(within(&many(10)).is_ok());
    assert!(matches!(within(&many(11)), Err(Error::Limit { .. })));
    // The heads before the head count, too, and a line without an end is not waited for.
    let two = padded(600).replace("204", "103") + &padded(600);
    assert!(matches!(within(&two), Err(Error::Limit { .. })));
    let mut reply = Reply::new("GET", limits);
    assert!(
        reply
            .feed(format!("HTTP/1.1 200 {}", "x".repeat(2000)).as_bytes())
            .is_err()
    );
}

#[test]
fn a_body_is_handed_out_without_a_copy() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    let mut reply = Reply::new("GET", Limits::default());
    assert_eq!(reply.feed(head), Ok((head.len(), Event::Head)));
    assert_eq!(reply.framing(), Some(Framing::Length(1_000_000)));
    assert_eq!(reply.length(), Some(1_000_000));
    assert_eq!(reply.left(), Some(1_000_000));
    let input = vec![b'x'; 1_500_000];
    match reply.feed(&input) {
        Ok((1_000_000, Event::Body(data))) => {
            assert_eq!(data.as_ptr(), input.as_ptr());
            assert_eq!(data.len(), 1_000_000);
        }
        other => panic!("{:?}", other.map(|(taken, _)| taken)),
    }
    assert_eq!((reply.left(), reply.received()), (Some(0), 1_000_000));
    assert_eq!(reply.feed(&input[1_000_000..]), Ok((0, Event::End)));
}

#[test]
fn a_bad_reply_still_shows_its_head() {
    let mut reply = Reply::new("GET", Limits::default());
    let raw = b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n";
    assert!(reply.feed(raw).is_err());
    assert_eq!(reply.head().map(|head| head.status), Some(200));
}
