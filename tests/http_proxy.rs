//! Where connections go: proxies, and rules that send them elsewhere.

use rsock::http::{ConnectTo, Error, Proxies, Proxy, Url};

fn url(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn proxies(variables: &[(&str, &str)]) -> Proxies {
    Proxies::from_environment(|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

fn goes_through(variables: &[(&str, &str)], to: &str) -> Option<String> {
    let proxy = proxies(variables).of(&url(to)).expect("a good proxy")?;
    Some(format!("{}:{}", proxy.host, proxy.port))
}

#[test]
fn which_variable_counts() {
    let all = ("all_proxy", "a:1");
    for (variables, to, wanted) in [
        (vec![("http_proxy", "p:1")], "http://h/", Some("p:1")),
        (vec![("http_proxy", "p:1")], "https://h/", None),
        (vec![("https_proxy", "p:1")], "https://h/", Some("p:1")),
        (vec![("HTTPS_PROXY", "p:1")], "https://h/", Some("p:1")),
        (vec![("HTTP_PROXY", "p:1")], "http://h/", None),
        (vec![("HTTP_PROXY", "p:1"), all], "http://h/", Some("a:1")),
        (vec![("http_proxy", "p:1"), all], "http://h/", Some("p:1")),
        (vec![("http_proxy", "p:1"), all], "https://h/", Some("a:1")),
        (vec![("http_proxy", ""), all], "http://h/", Some("a:1")),
        (vec![("ALL_PROXY", "A:1")], "http://h/", Some("a:1")),
        (
            vec![("https_proxy", "p:1"), ("HTTPS_PROXY", "q:1")],
            "https://h/",
            Some("p:1"),
        ),
        (vec![], "http://h/", None),
    ] {
        assert_eq!(
            goes_through(&variables, to).as_deref(),
            wanted,
            "{variables:?} {to}"
        );
    }
    let map = Proxies::from_schemes(|name| (name == "http").then(|| "p:1".to_owned()));
    assert!(map.of(&url("http://h/")).is_ok_and(|proxy| proxy.is_some()));
    assert!(
        map.of(&url("https://h/"))
            .is_ok_and(|proxy| proxy.is_none())
    );
}

#[test]
fn which_hosts_are_exempt() {
    for (list, to, wanted) in [
        ("*", "http://h/", true),
        ("h", "http://h/", true),
        ("h", "http://H./", true),
        ("h.example", "http://h.example/", true),
        ("example", "http://h.example/", true),
        (".example", "http://h.example/", true),
        (".example", "http://example/", true),
        ("ample", "http://h.example/", false),
        ("h.example", "http://example/", false),
        ("other, example", "http://h.example/", true),
        ("other example", "http://h.example/", true),
        ("EXAMPLE.", "http://h.example/", true),
        ("example:80", "http://h.example/", true),
        ("example:81", "http://h.example/", false),
        ("127.0.0.1", "http://127.0.0.1/", true),
        ("127.0.0.0/8", "http://127.1.2.3/", true),
        ("10.0.0.0/8", "http://127.1.2.3/", false),
        ("0.0.0.0/0", "http://127.1.2.3/", true),
        ("192.168.1.0/25", "http://192.168.1.127/", true),
        ("192.168.1.0/25", "http://192.168.1.128/", false),
        ("0.0.1", "http://127.0.0.1/", false),
        ("::1", "http://[::1]/", true),
        ("[::1]", "http://[::1]/", true),
        ("[::1]:80", "http://[::1]/", true),
        ("fe80::/10", "http://[fe80::1%25eth0]/", true),
        ("fe80::/10", "http://[::1]/", false),
        ("", "http://h/", false),
        (",, ,", "http://h/", false),
        (".", "http://h/", false),
        ("127.0.0.0/x", "http://127.0.0.1/", false),
    ] {
        let variables = [("http_proxy", "p:1"), ("no_proxy", list)];
        assert_eq!(
            goes_through(&variables, to).is_none(),
            wanted,
            "{list} {to}"
        );
    }
    let upper = [("http_proxy", "p:1"), ("NO_PROXY", "h")];
    assert_eq!(goes_through(&upper, "http://h/"), None);
}

#[test]
fn how_a_proxy_is_named() {
    for (text, host, port, authorization) in [
        ("p", "p", 1080, None),
        ("p:3128", "p", 3128, None),
        ("p:80", "p", 80, None),
        ("http://p", "p", 1080, None),
        ("HTTP://p:80/", "p", 80, None),
        ("http://u:p%40@p:8080", "p", 8080, Some("Basic dTpwQA==")),
        ("u:p@p", "p", 1080, Some("Basic dTpw")),
        ("[::1]:8080", "::1", 8080, None),
        ("[::1]", "::1", 1080, None),
    ] {
        let proxy = Proxy::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((&*proxy.host, proxy.port), (host, port), "{text}");
        assert_eq!(proxy.authorization.as_deref(), authorization, "{text}");
    }
    for text in [
        "",
        "socks5://p:1",
        "https://p",
        "http://",
        "p:99999",
        "a b",
        "http://u:secret@p p",
    ] {
        let error = Proxy::parse(text).expect_err(text);
        assert!(matches!(error, Error::Proxy { .. }), "{text}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn a_tunnel_is_asked_for() {
    let text = |proxy: &str, to: &str| {
        let proxy = Proxy::parse(proxy).expect("a proxy");
        String::from_utf8(proxy.connect_head(&url(to))).expect("ASCII")
    };
    assert_eq!(
        text("p:1", "https://u:p@h/a"),
        "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"
    );
    assert_eq!(
        text("u:p@p:1", "https://[::1]:8443/"),
        "CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
    );
}

#[test]
fn rules_that_send_connections_elsewhere() {
    let read = |text: &str| {
        let mut rules = ConnectTo::default();
        rules.push_text(text).map(|()| rules)
    };
    for (rule, host, port, wanted) in [
        ("h:80:o:81", "h", 80, Some(("o", 81))),
        ("h:80:o:81", "H.", 80, Some(("o", 81))),
        ("h:80:o:81", "h", 81, None),
        ("h:80:o:81", "x", 80, None),
        ("h::o:81", "h", 7, Some(("o", 81))),
        (":80:o:81", "x", 80, Some(("o", 81))),
        ("::o:81", "x", 7, Some(("o", 81))),
        ("h:80:o:", "h", 80, Some(("o", 80))),
        ("h:80::81", "h", 80, Some(("h", 81))),
        ("h:80::", "h", 80, Some(("h", 80))),
        (
            "[::1]:80:[fe80::1%eth0]:81",
            "::1",
            80,
            Some(("fe80::1%eth0", 81)),
        ),
        ("h:80:a:1,h:80:b:2", "h", 80, Some(("a", 1))),
        ("g:80:a:1 h:80:b:2", "h", 80, Some(("b", 2))),
        (
            "b\u{fc}cher.example:80:o:1",
            "xn--bcher-kva.example",
            80,
            Some(("o", 1)),
        ),
        ("", "h", 80, None),
    ] {
        let rules = read(rule).unwrap_or_else(|error| panic!("{rule}: {error}"));
        let wanted = wanted.map(|(host, port)| (host.to_owned(), port));
        assert_eq!(rules.of(host, port), wanted, "{rule} {host}:{port}");
    }
    for rule in [
        "h",
        "h:80",
        "h:80:o",
        "h:x:o:81",
        "h:80:o:x",
        "h:80:o:99999",
        "h:0:o:1",
        "[::1:80:o:1",
        "h:+80:o:1",
        "[::1]x:80:o:1",
    ] {
        let error = read(rule).expect_err(rule);
        assert!(matches!(error, Error::ConnectTo { .. }), "{rule}");
    }
}

#[test]
fn rules_as_pairs() {
    for (from, to, wanted) in [
        (
            "www.sina.com.cn:80",
            "127.0.0.1:8080",
            Some(("127.0.0.1", 8080)),
        ),
        (
            "www.sina.com.cn",
            "127.0.0.1:8080",
            Some(("127.0.0.1", 8080)),
        ),
        ("www.sina.com.cn:80", "127.0.0.1", Some(("127.0.0.1", 80))),
        (
            "www.sina.com.cn:80",
            ":8080",
            Some(("www.sina.com.cn", 8080)),
        ),
        ("", "[::1]:1", Some(("::1", 1))),
        (":", "[::1]", Some(("::1", 80))),
        (":443", "o:1", None),
    ] {
        let mut rules = ConnectTo::default();
        rules
            .push(from, to)
            .unwrap_or_else(|error| panic!("{from} {to}: {error}"));
        let wanted = wanted.map(|(host, port)| (host.to_owned(), port));
        assert_eq!(rules.of("www.sina.com.cn", 80), wanted, "{from} {to}");
    }
    let mut rules = ConnectTo::default();
    for (from, to) in [
        ("h:x", "o:1"),
        ("h:1", "o:x"),
        ("h:1", "o:0"),
        ("a:1:b", "o:1"),
    ] {
        assert!(rules.push(from, to).is_err(), "{from} {to}");
    }
    assert!(rules.is_empty());
}
