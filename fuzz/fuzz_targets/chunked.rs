//! A chunked body: never a panic, the same however it is cut, and what was put in comes out.

#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fuzz_target!(|input: (&[u8], &[u8])| {
    let (cuts, raw) = input;
    let hostile = [HEAD, raw].concat();
    let whole = common::read("GET", &[&hostile]);
    let cut = common::read("GET", &common::pieces(&hostile, cuts));
    assert_eq!(whole, cut);

    let mut good = HEAD.to_vec();
    for piece in common::pieces(raw, cuts) {
        if !piece.is_empty() {
            good.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            good.extend_from_slice(piece);
            good.extend_from_slice(b"\r\n");
        }
    }
    good.extend_from_slice(b"0\r\n\r\n");
    let outcome = common::read("GET", &common::pieces(&good, cuts)).expect("a good body");
    assert_eq!(outcome.body, raw);
    assert!(outcome.reusable && outcome.taken == good.len());
});
