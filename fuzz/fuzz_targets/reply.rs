//! A whole reply: never a panic, and the same however it is cut.

#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8], &[u8])| {
    let (choice, cuts, raw) = input;
    let method = ["GET", "HEAD", "CONNECT", "POST"][usize::from(choice % 4)];
    let whole = common::read(method, &[raw]);
    let cut = common::read(method, &common::pieces(raw, cuts));
    assert_eq!(whole, cut);
});
