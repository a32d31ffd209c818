//! The head of a reply: never a panic, and the same however it is cut.

#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use rsock::http::is_token;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (cuts, head) = input;
    let raw = [b"HTTP/1.1 2".as_slice(), head].concat();
    let whole = common::read("HEAD", &[&raw]);
    let cut = common::read("HEAD", &common::pieces(&raw, cuts));
    assert_eq!(whole, cut);
    let Ok(outcome) = whole else { return };
    let head = outcome.head.expect("a whole reply has a head");
    assert!((200..300).contains(&head.status) && outcome.body.is_empty());
    assert!(raw.starts_with(&head.raw) && head.raw.ends_with(b"\n"));
    for (name, value) in head.headers.iter() {
        assert!(is_token(name));
        assert!(!value.iter().any(|byte| b"\r\n\0".contains(byte)));
    }
});
