//! URLs as tables: what is read of them, what is refused, and where a reference leads.

use rsock::http::{Error, Url};

fn url(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn parts_of_a_url() {
    for (text, host, port, authority, target) in [
        (
            "http://www.sina.com.cn/",
            "www.sina.com.cn",
            80,
            "www.sina.com.cn",
            "/",
        ),
        (
            "http://www.sina.com.cn",
            "www.sina.com.cn",
            80,
            "www.sina.com.cn",
            "/",
        ),
        (
            "HTTPS://EXAMPLE.org:443/A?B#C",
            "example.org",
            443,
            "example.org",
            "/A?B",
        ),
        (
            "http://example.org:8080/a/../b",
            "example.org",
            8080,
            "example.org:8080",
            "/b",
        ),
        (
            "https://example.org:80",
            "example.org",
            80,
            "example.org:80",
            "/",
        ),
        (
            "http://example.org?q",
            "example.org",
            80,
            "example.org",
            "/?q",
        ),
        (
            "http://u:p@127.0.0.1:1/x",
            "127.0.0.1",
            1,
            "127.0.0.1:1",
            "/x",
        ),
        ("http://0x7f.1/", "127.0.0.1", 80, "127.0.0.1", "/"),
        ("http://[::1]:8080/", "::1", 8080, "[::1]:8080", "/"),
        ("http://[0:0::1]", "::1", 80, "[::1]", "/"),
        (
            "http://[fe80::1%25eth0]:81/x",
            "fe80::1%eth0",
            81,
            "[fe80::1]:81",
            "/x",
        ),
        (
            "http://[fe80::1%eth0]/",
            "fe80::1%eth0",
            80,
            "[fe80::1]",
            "/",
        ),
        ("http://[fe80::1%251]/", "fe80::1%1", 80, "[fe80::1]", "/"),
        (
            "http://b\u{fc}cher.example/\u{e9}?\u{e9}",
            "xn--bcher-kva.example",
            80,
            "xn--bcher-kva.example",
            "/%C3%A9?%C3%A9",
        ),
        (
            "http://\u{4f8b}\u{5b50}.\u{6d4b}\u{8bd5}/",
            "xn--fsqu00a.xn--0zwm56d",
            80,
            "xn--fsqu00a.xn--0zwm56d",
            "/",
        ),
        (
            "http://example.org/%7Efoo/%zz",
            "example.org",
            80,
            "example.org",
            "/%7Efoo/%zz",
        ),
    ] {
        let url = url(text);
        assert_eq!(url.host(), host, "{text}");
        assert_eq!(url.port(), port, "{text}");
        assert_eq!(url.authority(), authority, "{text}");
        assert_eq!(url.target(), target, "{text}");
        let whole = format!("{}://{authority}{target}", url.scheme());
        assert_eq!(url.absolute(), whole, "{text}");
    }
}

#[test]
fn a_scheme_may_be_left_out_where_it_can_be_nothing_else() {
    for (text, wanted) in [
        ("www.sina.com.cn", "http://www.sina.com.cn/"),
        ("127.0.0.1:8080/want/45", "http://127.0.0.1:8080/want/45"),
        ("localhost:8080", "http://localhost:8080/"),
        ("localhost:8080/a?b:c", "http://localhost:8080/a?b:c"),
        ("http:8080", "http://http:8080/"),
        ("HTTPS:443/a", "http://https:443/a"),
        ("[::1]:80/", "http://[::1]/"),
        ("example.org?http://a", "http://example.org/?http://a"),
        ("HTTP:example.org", "http://example.org/"),
    ] {
        assert_eq!(url(text).to_string(), wanted, "{text}");
    }
}

#[test]
fn urls_of_other_schemes_are_refused() {
    for text in [
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://example.org/",
        "javascript:alert(1)",
        "data:text/plain,x",
        "mailto:a@b",
        "httpx://example.org",
        "http+unix://x",
        "localhost:x/",
        "ws://example.org",
    ] {
        let error = Url::parse(text).expect_err(text);
        assert!(matches!(error, Error::Scheme { .. }), "{text}: {error}");
    }
}

#[test]
fn what_would_split_a_request_is_refused() {
    for bad in ['\r', '\n', '\0', ' ', '\t', '\x0b', '\x7f', '\x1b'] {
        for text in [
            format!("{bad}http://example.org/"),
            format!("http://example.org/{bad}"),
            format!("http://exam{bad}ple.org/"),
            format!("http://example.org/a{bad}b"),
            format!("http://example.org/?a{bad}HTTP/1.1"),
            format!("http://example.org/#a{bad}b"),
            format!("http://us{bad}er@example.org/"),
            format!("http://example.org:8{bad}0/"),
        ] {
            let error = Url::parse(&text).expect_err(&text);
            assert!(matches!(error, Error::Url { .. }), "{text:?}: {error}");
        }
    }
}

#[test]
fn what_is_no_url_is_refused() {
    for text in [
        "",
        "/path",
        "?query",
        "#fragment",
        "//example.org/",
        "http:",
        "http://",
        "http:///",
        "http://:80/",
        "http://u@/",
        "http://example.org:99999/",
        "http://example.org:x/",
        "http://example.org:-1/",
        "http://[::1/",
        "http://[::1]x/",
        "http://[::g]/",
        "http://[fe80::1%25]/",
        "http://[fe80::1%]/",
        "http://[fe80::1%25a/b]/",
        "http://[::%31]/",
        "http://[127.0.0.1%25eth0]/",
        "http://a%00b/",
        "http://a%0d%0ab/",
        "http://a%20b/",
        "http://a<b/",
        "http://256.0.0.1/",
        "http://a..xn--/",
    ] {
        let error = Url::parse(text).expect_err(text);
        assert!(matches!(error, Error::Url { .. }), "{text:?}: {error}");
    }
}

#[test]
fn users_are_decoded() {
    for (text, wanted) in [
        ("http://h/", None),
        ("http://@h/", None),
        ("http://u@h/", Some(("u", ""))),
        ("http://u:@h/", Some(("u", ""))),
        ("http://:p@h/", Some(("", "p"))),
        ("http://u:p:q@h/", Some(("u", "p:q"))),
        ("http://a%40b:%3a%2F%25@h/", Some(("a@b", ":/%"))),
        ("http://a@b@h/", Some(("a@b", ""))),
        (
            "http://%E4%BD%A0:\u{597d}@h/",
            Some(("\u{4f60}", "\u{597d}")),
        ),
    ] {
        let found = url(text).userinfo();
        let wanted = wanted.map(|(user, password)| (user.into(), password.into()));
        assert_eq!(found, wanted, "{text}");
    }
    assert_eq!(
        url("http://u:p@h/").without_userinfo().to_string(),
        "http://h/"
    );
}

#[test]
fn a_url_is_the_same_when_it_is_read_again() {
    for text in [
        "http://u:p%40@example.org:81/a%20b?c#d",
        "http://[fe80::1%25eth0]:81/x?y#z",
        "https://[fe80::1%eth0.1]/",
        "http://u@[fe80::1%25a-b_c~d]/",
    ] {
        let once = url(text);
        assert_eq!(url(&once.to_string()), once, "{text}");
    }
}

#[test]
fn where_a_reference_leads() {
    let base = "http://u:p@h.example:81/a/b?c#f";
    for (reference, wanted) in [
        ("/x", "http://u:p@h.example:81/x#f"),
        ("x", "http://u:p@h.example:81/a/x#f"),
        ("../x", "http://u:p@h.example:81/x#f"),
        ("../../../x", "http://u:p@h.example:81/x#f"),
        ("?x", "http://u:p@h.example:81/a/b?x#f"),
        ("#x", "http://u:p@h.example:81/a/b?c#x"),
        ("", "http://u:p@h.example:81/a/b?c#f"),
        ("//o/x", "http://o/x#f"),
        ("https://o", "https://o/#f"),
        ("https://o/#g", "https://o/#g"),
        ("  /x \t", "http://u:p@h.example:81/x#f"),
        ("/m o o", "http://u:p@h.example:81/m%20o%20o#f"),
        ("/x?n=d a niel", "http://u:p@h.example:81/x?n=d+a+niel#f"),
        ("/\\evil/x", "http://u:p@h.example:81/%5Cevil/x#f"),
        ("\\\\evil/x", "http://u:p@h.example:81/a/%5C%5Cevil/x#f"),
        ("/a\tb", "http://u:p@h.example:81/a%09b#f"),
        ("/\u{e5}", "http://u:p@h.example:81/%C3%A5#f"),
        ("/a%20b", "http://u:p@h.example:81/a%20b#f"),
        (
            "http://\u{e5}\u{e4}\u{f6}.se:8990/1",
            "http://xn--4cab6c.se:8990/1#f",
        ),
        ("http://[fe80::1%25eth0]/x", "http://[fe80::1%25eth0]/x#f"),
        (
            "x?moo=http://&/1",
            "http://u:p@h.example:81/a/x?moo=http://&/1#f",
        ),
    ] {
        let found = url(base).join(reference.as_bytes());
        assert_eq!(
            found.map(|url| url.to_string()),
            Ok(wanted.to_owned()),
            "{reference:?}"
        );
    }
    let raw = url(base)
        .join(b"/\xff\x80?\xff")
        .map(|url| url.target().to_owned());
    assert_eq!(raw, Ok("/%FF%80?%FF".to_owned()));
}

#[test]
fn a_zone_stays_until_a_reference_names_a_host() {
    let base = "http://[fe80::1%25eth0]/a";
    for (reference, wanted) in [
        ("b", "http://[fe80::1%25eth0]/b"),
        ("/list?a[]=1", "http://[fe80::1%25eth0]/list?a[]=1"),
        ("/list[1]", "http://[fe80::1%25eth0]/list[1]"),
        ("/list//[1]", "http://[fe80::1%25eth0]/list//[1]"),
        ("/list//[a%b]", "http://[fe80::1%25eth0]/list//[a%b]"),
        ("?to=//[::1]/", "http://[fe80::1%25eth0]/a?to=//[::1]/"),
        ("#[1]", "http://[fe80::1%25eth0]/a#[1]"),
        ("//[fe80::1]/b", "http://[fe80::1]/b"),
        ("http://[fe80::1]/b", "http://[fe80::1]/b"),
        ("http:///[fe80::1]/b", "http://[fe80::1]/b"),
        ("//u@[fe80::1%25eth1]/b", "http://u@[fe80::1%25eth1]/b"),
    ] {
        let found = url(base).join(reference.as_bytes());
        let found = found.map(|url| url.to_string());
        assert_eq!(found, Ok(wanted.to_owned()), "{reference}");
    }
}

#[test]
fn references_that_lead_nowhere() {
    let base = url("http://h.example/");
    for reference in [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "ftp://h.example/",
        "javascript:alert(1)",
        "ht3p://localhost/",
        "localhost:x",
        "http://",
        "http://h:99999/",
        "http://a b/",
        "http://a%0d%0ab/",
        "http:\\\\a\\b",
        "http:/\\a",
    ] {
        let error = base.join(reference.as_bytes()).expect_err(reference);
        assert!(
            matches!(error, Error::Location { .. }),
            "{reference}: {error}"
        );
    }
}

#[test]
fn an_origin_is_scheme_host_and_port() {
    for (one, other, wanted) in [
        ("http://a/x", "http://u:p@A:80/y", true),
        ("http://a", "https://a", false),
        ("http://a", "http://a:81", false),
        ("http://a", "http://b", false),
        ("http://a:443", "https://a", false),
        ("http://[::1]", "http://[0::1]", true),
        ("http://[fe80::1%25a]", "http://[fe80::1%25b]", false),
    ] {
        assert_eq!(url(one).same_origin(&url(other)), wanted, "{one} {other}");
    }
}
