//! What is sent, and what follows a redirect.

mod http_common;

use std::collections::HashMap;
use std::sync::Arc;

use http_common::{headers, read, sha256, shared, unhex};
use rsock::http::{Error, Form, Kind, Request, Url, follow, is_redirect};
use serde_json::Value;

fn request(method: &str, url: &str, list: &[(&str, &str)], body: Option<&str>) -> Request {
    let url = Url::parse(url).expect("a URL");
    let mut request = Request::new(method, url).expect("a method");
    request.headers = headers(list);
    request.body = body.map(|body| Arc::new(body.as_bytes().to_vec()));
    request
}

fn text(request: &Request) -> String {
    String::from_utf8(request.head(Form::Origin).expect("a head")).expect("ASCII")
}

fn next(from: &Request, status: u16, location: &str) -> Request {
    follow(from, status, &headers(&[("Location", location)]), false)
        .expect("a good redirect")
        .expect("a redirect")
}

#[test]
fn a_request_on_the_wire() {
    for (request, wanted) in [
        (
            request("GET", "http://h/a?b#c", &[], None),
            "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n",
        ),
        (
            request(
                "GET",
                "http://[fe80::1%25eth0]:81",
                &[("A", "b"), ("a", "c")],
                None,
            ),
            "GET / HTTP/1.1\r\nHost: [fe80::1]:81\r\nA: b\r\na: c\r\n\r\n",
        ),
        (
            request("GET", "http://h/", &[("A", "b"), ("host", "other")], None),
            "GET / HTTP/1.1\r\nHost: other\r\nA: b\r\n\r\n",
        ),
        (
            request("POST", "http://h/", &[], Some("xyz")),
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n",
        ),
        (
            request("POST", "http://h/", &[("Content-Length", "3")], Some("xyz")),
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n",
        ),
        (
            request("PUT", "http://h/", &[], None),
            "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            request("GET", "http://Aladdin:open%20sesame@h/", &[], None),
            "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n",
        ),
        (
            request(
                "GET",
                "http://u:p@h/",
                &[("authorization", "Bearer x")],
                None,
            ),
            "GET / HTTP/1.1\r\nHost: h\r\nauthorization: Bearer x\r\n\r\n",
        ),
    ] {
        assert_eq!(text(&request), wanted);
    }
    let absolute = request("GET", "http://u:p@h:81/a?b#c", &[], None).head(Form::Absolute);
    let absolute = String::from_utf8(absolute.expect("a head")).expect("ASCII");
    assert!(
        absolute.starts_with("GET http://h:81/a?b HTTP/1.1\r\nHost: h:81\r\n"),
        "{absolute}"
    );
}

#[test]
fn what_would_split_a_request_is_refused() {
    let url = Url::parse("http://h/").expect("a URL");
    for method in [
        "",
        " ",
        "GE T",
        "GET ",
        "GET\r",
        "GET\n",
        "G\0",
        "GET\r\nX: y",
        "\u{e9}",
        "G:",
    ] {
        let error = Request::new(method, url.clone()).expect_err(method);
        assert!(matches!(error, Error::Method(_)), "{method:?}");
        assert_eq!(error.kind(), Kind::Argument);
    }
    let mut list = headers(&[]);
    for name in [
        "", " A", "A ", "A B", "A:", "A\r", "A\n", "A\0", "A\r\nB", "\u{e9}", "(A)",
    ] {
        let error = list.push(name.as_bytes(), b"x").expect_err(name);
        assert!(matches!(error, Error::HeaderName(_)), "{name:?}");
    }
    for value in ["\r", "\n", "\0", "a\r\nB: c", "a\nb", "a\r", "\r\n a"] {
        let error = list.push(b"A", value.as_bytes()).expect_err(value);
        assert!(matches!(error, Error::HeaderValue { .. }), "{value:?}");
    }
    assert!(list.is_empty());
}

#[test]
fn headers_that_lie_about_the_body_are_refused() {
    for (list, body) in [
        (vec![("Content-Length", "4")], Some("xyz")),
        (vec![("Content-Length", "3")], None),
        (
            vec![("Content-Length", "3"), ("content-length", "3")],
            Some("xyz"),
        ),
        (vec![("Content-Length", "3, 3")], Some("xyz")),
        (vec![("Transfer-Encoding", "chunked")], Some("xyz")),
        (vec![("transfer-encoding", "chunked")], None),
    ] {
        let head = request("POST", "http://h/", &list, body).head(Form::Origin);
        assert!(matches!(head, Err(Error::BodyHeader { .. })), "{list:?}");
    }
}

#[test]
fn headers_are_a_list_without_regard_to_case() {
    let mut list = headers(&[("A", "1"), ("b", "2, x ,,y"), ("a", "3"), ("B", "z")]);
    assert_eq!(list.get("a"), Some(b"1".as_slice()));
    assert_eq!(list.get_all("A").collect::<Vec<_>>(), [b"1", b"3"]);
    assert_eq!(
        list.members("B").collect::<Vec<_>>(),
        [b"2", b"x", b"y", b"z"]
    );
    assert!(list.has_member("b", "X") && !list.has_member("b", "2, x"));
    assert!(list.remove("a") && !list.remove("a"));
    assert_eq!((list.len(), list.get("A")), (2, None));
    assert!(list.push(b"C", b" \t d e \t").is_ok());
    let all: Vec<_> = list.iter().collect();
    let wanted: [(&[u8], &[u8]); 3] = [(b"b", b"2, x ,,y"), (b"B", b"z"), (b"C", b"d e")];
    assert_eq!(all, wanted);
}

#[test]
fn which_method_follows() {
    for (method, status, wanted) in [
        ("POST", 300, "POST"),
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("PUT", 301, "PUT"),
        ("PUT", 302, "PUT"),
        ("PUT", 303, "GET"),
        ("PUT", 307, "PUT"),
        ("DELETE", 303, "GET"),
        ("GET", 301, "GET"),
        ("GET", 303, "GET"),
        ("HEAD", 301, "HEAD"),
        ("HEAD", 302, "HEAD"),
        ("HEAD", 303, "HEAD"),
        ("HEAD", 308, "HEAD"),
    ] {
        let list = [("Content-Type", "text/plain"), ("X", "y")];
        let body = (!matches!(method, "GET" | "HEAD")).then_some("data");
        let next = next(&request(method, "http://h/a", &list, body), status, "/b");
        assert_eq!(next.method(), wanted, "{method} {status}");
        let keeps = wanted == method && (method, status) != ("GET", 303);
        assert_eq!(
            next.body.is_some(),
            keeps && body.is_some(),
            "{method} {status}"
        );
        assert_eq!(
            next.headers.contains("content-type"),
            keeps,
            "{method} {status}"
        );
        assert!(next.headers.contains("x"));
    }
}

#[test]
fn what_is_no_redirect() {
    let from = request("GET", "http://h/", &[], None);
    for status in [200, 201, 204, 304, 305, 306, 309, 399, 400, 404, 500] {
        assert!(!is_redirect(status));
        let found = follow(&from, status, &headers(&[("Location", "/x")]), false);
        assert!(matches!(found, Ok(None)), "{status}");
    }
    for list in [vec![], vec![("Location", "")], vec![("Location", "  ")]] {
        assert!(matches!(
            follow(&from, 302, &headers(&list), false),
            Ok(None)
        ));
    }
}

#[test]
fn the_first_location_that_says_something_counts() {
    let from = request("GET", "http://h/", &[], None);
    for list in [["/first", "/second"], ["", "/first"], ["/first", ""]] {
        let list = list.map(|location| ("Location", location));
        let found = follow(&from, 302, &headers(&list), false)
            .expect("good")
            .expect("a redirect");
        assert_eq!(found.url().path(), "/first", "{list:?}");
    }
}

#[test]
fn what_is_meant_for_one_server_stays_there() {
    let list = [
        ("Authorization", "Bearer x"),
        ("cookie", "a=b"),
        ("Proxy-Authorization", "Basic x"),
        ("Host", "virtual"),
        ("X", "y"),
    ];
    for (from, to, stays) in [
        ("http://h/a", "/b", true),
        ("http://h/a", "http://H:80/b", true),
        ("http://h/a", "http://h:81/b", false),
        ("http://h/a", "https://h/b", false),
        ("http://h/a", "//other/b", false),
        ("http://h/a", "http://sub.h/b", false),
        ("http://h/a", "http://h./b", false),
        ("https://h/a", "https://h:8443/b", false),
    ] {
        let next = next(&request("GET", from, &list, None), 302, to);
        let text = text(&next);
        for name in ["authorization", "cookie", "proxy-authorization"] {
            assert_eq!(next.headers.contains(name), stays, "{from} {to} {name}");
        }
        assert_eq!(text.contains("Host: virtual\r\n"), stays, "{from} {to}");
        assert!(text.contains("X: y\r\n"));
    }
    for (from, to, wanted) in [
        ("http://u:p@h/", "/b", "http://u:p@h/b"),
        ("http://u:p@h/", "http://h/b", "http://u:p@h/b"),
        ("http://u:p@h/", "http://v@h/b", "http://v@h/b"),
        ("http://u:p@h/", "http://other/b", "http://other/b"),
        ("http://u:p@h/", "//other/b", "http://other/b"),
        ("http://u:p@h/", "https://h/b", "https://h/b"),
        ("http://u:p@h/", "http://x:y@other/b", "http://x:y@other/b"),
    ] {
        let next = next(&request("GET", from, &[], None), 302, to);
        assert_eq!(next.url().to_string(), wanted, "{from} {to}");
    }
}

#[test]
fn redirects_that_are_not_followed() {
    let from = request("GET", "https://u:p@h/a", &[], None);
    let to = |location: &str, downgrade| {
        follow(&from, 302, &headers(&[("Location", location)]), downgrade)
    };
    assert!(matches!(
        to("http://h/a", false),
        Err(Error::Downgrade { .. })
    ));
    let down = to("http://h/a", true)
        .expect("asked for")
        .expect("a redirect");
    assert_eq!(down.url().to_string(), "http://h/a");
    for location in [
        "file:///etc/passwd",
        "ftp://h/",
        "javascript:alert(1)",
        "http:////h/",
    ] {
        let error = to(location, true).expect_err(location);
        assert!(matches!(error, Error::Location { .. }), "{location}");
        assert_eq!(error.kind(), Kind::Redirect);
    }
}

/// What a script of the data asks for.
struct Script {
    first: Request,
    most: usize,
}

fn script(case: &Value, port: &str) -> Script {
    let arguments: Vec<String> = case["args"]
        .as_array()
        .expect("arguments")
        .iter()
        .map(|text| text.as_str().expect("text").replace("{PORT}", port))
        .collect();
    let mut arguments = arguments.iter();
    let mut list: Vec<(String, String)> = Vec::new();
    let (mut url, mut body, mut most, mut user) = (None, None, 50, None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("a value").clone();
        match argument.as_str() {
            "-L" | "--location" => {}
            "-d" => body = Some(value()),
            "-u" => user = Some(value()),
            "-b" => list.push(("Cookie".to_owned(), value())),
            "-x" | "--proxy" => drop(value()),
            "--max-redirs" => most = value().parse().expect("a number"),
            "-H" => {
                let header = value();
                let (name, text) = header.split_once(':').expect("a header");
                list.push((name.to_owned(), text.trim().to_owned()));
            }
            text if !text.starts_with('-') => url = Some(text.to_owned()),
            other => panic!("an argument that is not known: {other}"),
        }
    }
    if let Some((user, password)) = user.as_ref().and_then(|user| user.split_once(':')) {
        let basic = rsock::http::basic(user.as_bytes(), password.as_bytes());
        list.push(("Authorization".to_owned(), basic));
    }
    let list: Vec<_> = list
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let method = if body.is_some() { "POST" } else { "GET" };
    let first = request(method, &url.expect("a URL"), &list, body.as_deref());
    Script { first, most }
}

/// Find the reply to a request, as the data's README says.
fn key_of(target: &str, before: Option<(usize, bool)>) -> Option<usize> {
    if let Some((key, true)) = before {
        return Some(key + 1);
    }
    let number: usize = target
        .split('/')
        .filter_map(|part| {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            part[..digits].parse().ok()
        })
        .next_back()?;
    (number > 10_000).then_some(number % 10_000)
}

#[test]
fn chains_of_redirects_are_followed_as_curl_follows_them() {
    let Some(cases) = shared("redirect_chains.json") else {
        return;
    };
    let port = "8990";
    let mut followed = 0;
    for case in &cases {
        let id = case["id"].as_str().expect("an id");
        let replies: HashMap<usize, Vec<u8>> = case["replies_hex"]
            .as_object()
            .expect("replies")
            .iter()
            .map(|(key, hex)| {
                let raw = unhex(hex.as_str().expect("hex"));
                let marker = b"{PORT}";
                let mut out = Vec::new();
                let mut rest = raw.as_slice();
                while let [first, tail @ ..] = rest {
                    if let Some(tail) = rest.strip_prefix(marker) {
                        out.extend_from_slice(port.as_bytes());
                        rest = tail;
                    } else {
                        out.push(*first);
                        rest = tail;
                    }
                }
                (key.parse().unwrap_or(0), out)
            })
            .collect();
        let seen = &case["observed_curl7881"];
        let wanted: Vec<String> = seen["requests"]
            .as_array()
            .expect("requests")
            .iter()
            .filter_map(|text| text.as_str()?.split(' ').nth(1))
            .map(|target| target.replace("{PORT}", port))
            .collect();
        let is_absolute = wanted
            .first()
            .is_some_and(|target| target.starts_with("http"));
        let Script { first, most } = script(case, port);
        let mut current = first;
        let mut targets = Vec::new();
        let mut before = None;
        let last = loop {
            let target = match is_absolute {
                true => current.url().absolute(),
                false => current.url().target().to_owned(),
            };
            let key = key_of(current.url().target(), before).unwrap_or(0);
            let raw = &replies[&key];
            targets.push(target);
            before = Some((key, raw.windows(9).any(|part| part == b"swsbounce")));
            let reply = read(current.method(), raw, 20).unwrap_or_else(|e| panic!("{id}: {e}"));
            match follow(&current, reply.status, &reply.headers, false) {
                Ok(Some(next)) if targets.len() <= most => current = next,
                Ok(Some(_)) => break (reply, 47),
                Ok(None) => break (reply, 0),
                Err(Error::Location { .. }) => break (reply, 3),
                Err(error) => panic!("{id}: {error}"),
            }
        };
        let (reply, exit) = last;
        assert_eq!(targets, wanted, "{id}");
        assert_eq!(seen["exit"].as_u64(), Some(exit), "{id}");
        assert_eq!(
            seen["final_status"].as_u64(),
            Some(u64::from(reply.status)),
            "{id}"
        );
        if exit == 0 {
            assert_eq!(
                seen["body_sha256"].as_str(),
                Some(&*sha256(&reply.body)),
                "{id}"
            );
        }
        followed += 1;
    }
    println!("{followed} chains of redirects");
}

#[test]
fn all_of_it_may_go_to_another_thread() {
    fn check<T: Send>() {}
    check::<Request>();
    check::<Error>();
    check::<rsock::http::Reply>();
    check::<rsock::http::Decoder>();
    check::<rsock::http::ConnectTo>();
    check::<rsock::http::Proxies>();
}
