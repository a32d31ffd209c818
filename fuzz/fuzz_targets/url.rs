//! URLs: never a panic; a URL that is printed and read again is the same; and nothing gets into the
//! head of a request that could end a line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rsock::http::{Form, Headers, Request, Url, follow};

fn check(url: &Url) {
    let text = url.to_string();
    let again = Url::parse(&text);
    assert_eq!(again.as_ref(), Ok(url), "{text:?}");
    for part in [url.target(), &url.absolute(), &url.authority(), &url.host()] {
        assert!(part.bytes().all(|byte| byte.is_ascii_graphic()), "{part:?}");
    }
    assert!(url.target().starts_with('/') && !url.host().is_empty());
    assert!(matches!(url.scheme(), "http" | "https") && url.same_origin(url));
    let request = Request::new("GET", url.clone()).expect("a method");
    for form in [Form::Origin, Form::Absolute] {
        let head = request.head(form).expect("a head");
        let lines: Vec<&[u8]> = head.split(|byte| *byte == b'\n').collect();
        let user = usize::from(url.userinfo().is_some());
        assert_eq!(lines.len(), 4 + user, "{}", head.escape_ascii());
        assert_eq!(lines[0].iter().filter(|byte| **byte == b' ').count(), 2);
        assert!(
            head.iter()
                .all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n'))
        );
    }
}

fuzz_target!(|input: (&str, &[u8])| {
    let (text, location) = input;
    let Ok(base) = Url::parse(text) else { return };
    check(&base);
    if let Ok(found) = base.join(location) {
        check(&found);
    }
    let mut headers = Headers::new();
    if headers.push(b"Location", location).is_err() {
        return;
    }
    let mut request = Request::new("POST", base.clone()).expect("a method");
    request
        .headers
        .push(b"Cookie", b"secret")
        .expect("a header");
    if let Ok(Some(next)) = follow(&request, 307, &headers, false) {
        check(next.url());
        assert!(!base.is_https() || next.url().is_https());
        assert_eq!(
            next.headers.contains("cookie"),
            base.same_origin(next.url())
        );
    }
});
