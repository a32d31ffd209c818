//! The text of a body, and the texts that say where connections go: never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rsock::http::{ConnectTo, Headers, Proxies, Proxy, Url, is_html, text};

fuzz_target!(|input: (&str, &[u8])| {
    let (label, body) = input;
    let mut headers = Headers::new();
    if headers.push(b"Content-Type", label.as_bytes()).is_ok() {
        let found = text(body, &headers);
        assert_eq!(found.encoding, found.encoding.to_lowercase());
        let _ = is_html(body, &headers);
    }
    let found = text(body, &Headers::new());
    if let Ok(plain) = std::str::from_utf8(body) {
        let is_plain = plain.is_ascii() && !plain.contains(['\0', '<', '\x1b']);
        assert!(!is_plain || found.text == plain);
    }
    let _ = Proxy::parse(label);
    let mut rules = ConnectTo::default();
    let _ = rules.push_text(label);
    let _ = rules.of("example.org", 80);
    let proxies = Proxies::from_environment(|name| match name {
        "http_proxy" => Some("p:1".to_owned()),
        "no_proxy" => Some(label.to_owned()),
        _ => None,
    });
    for url in [
        "http://example.org/",
        "http://127.0.0.1/",
        "http://[fe80::1]/",
    ] {
        let url = Url::parse(url).expect("a URL");
        assert!(proxies.of(&url).is_ok());
    }
});
