//! Content codings, from whole bodies and from pieces, good and bad.

mod http_common;

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http_common::{headers, unhex};
use rsock::http::{Decoder, Error, Kind};

const TEXT: &[u8] = b"Hello, world! Hello, world! Hello, world!";

/// `hello` in brotli.
const HELLO_BR: &str = "0b028068656c6c6f03";

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).expect("memory");
    encoder.finish().expect("memory")
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).expect("memory");
    encoder.finish().expect("memory")
}

fn raw_deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).expect("memory");
    encoder.finish().expect("memory")
}

/// Decode a body that comes in pieces of this size.
fn decode_in(codings: &str, body: &[u8], piece: usize) -> Result<Vec<u8>, Error> {
    let list = headers(&[("Content-Encoding", codings)]);
    let Some(mut decoder) = Decoder::of(&list)? else {
        return Ok(body.to_vec());
    };
    let mut out = Vec::new();
    for piece in body.chunks(piece) {
        decoder.feed::<Error>(piece, &mut |data| {
            assert!(!data.is_empty() && data.len() <= 32 << 10);
            out.extend_from_slice(data);
            Ok(())
        })?;
    }
    decoder.finish()?;
    Ok(out)
}

/// Decode a body whole and in pieces, and see that it comes to the same.
fn decode(codings: &str, body: &[u8]) -> Result<Vec<u8>, Error> {
    let whole = decode_in(codings, body, usize::MAX);
    for piece in [1, 2, 7] {
        assert_eq!(
            decode_in(codings, body, piece),
            whole,
            "{codings} in pieces of {piece}"
        );
    }
    whole
}

#[test]
fn codings_are_undone() {
    let twice = [gzip(TEXT), gzip(TEXT)].concat();
    let br = unhex(HELLO_BR);
    for (codings, body, wanted) in [
        ("gzip", gzip(TEXT), TEXT.to_vec()),
        ("GZip", gzip(TEXT), TEXT.to_vec()),
        ("x-gzip", gzip(TEXT), TEXT.to_vec()),
        ("gzip", gzip(b""), Vec::new()),
        ("gzip", twice, TEXT.repeat(2)),
        ("deflate", zlib(TEXT), TEXT.to_vec()),
        ("deflate", raw_deflate(TEXT), TEXT.to_vec()),
        ("deflate", raw_deflate(b""), Vec::new()),
        ("br", br.clone(), b"hello".to_vec()),
        ("identity", TEXT.to_vec(), TEXT.to_vec()),
        ("", TEXT.to_vec(), TEXT.to_vec()),
        ("UTF-8", TEXT.to_vec(), TEXT.to_vec()),
        ("none, gzip, binary", gzip(TEXT), TEXT.to_vec()),
        ("identity, gzip", gzip(TEXT), TEXT.to_vec()),
        ("deflate, gzip", gzip(&zlib(TEXT)), TEXT.to_vec()),
        ("br, gzip", gzip(&br), b"hello".to_vec()),
        (
            "gzip,gzip,gzip,gzip,gzip",
            gzip(&gzip(&gzip(&gzip(&gzip(TEXT))))),
            TEXT.to_vec(),
        ),
    ] {
        assert_eq!(decode(codings, &body), Ok(wanted), "{codings}");
    }
    let large: Vec<u8> = (0..50_000u32).flat_map(u32::to_le_bytes).collect();
    for (codings, body) in [("gzip", gzip(&large)), ("deflate", zlib(&large))] {
        for piece in [1000, usize::MAX] {
            assert_eq!(decode_in(codings, &body, piece).as_ref(), Ok(&large));
        }
    }
}

#[test]
fn a_gzip_header_may_hold_a_name_a_comment_and_a_checksum() {
    let mut crc = flate2::Crc::new();
    let mut head = vec![0x1f, 0x8b, 8, 0b1_1110, 1, 2, 3, 4, 0, 3];
    head.extend_from_slice(b"\x03\0xyz");
    head.extend_from_slice(b"name\0comment\0");
    crc.update(&head);
    let sum = crc.sum().to_le_bytes();
    let rest = &gzip(TEXT)[10..];
    let good = [&head, &sum[..2], rest].concat();
    assert_eq!(decode("gzip", &good), Ok(TEXT.to_vec()));
    let bad = [&head, &[sum[0] ^ 1, sum[1]][..], rest].concat();
    assert!(matches!(decode("gzip", &bad), Err(Error::Coding { .. })));
}

#[test]
fn what_follows_the_end_is_ignored() {
    let br = unhex(HELLO_BR);
    for garbage in [
        &b"\0"[..],
        b"\0\0\0\0\0\0\0\0",
        b"garbage",
        b"\x1f",
        b"\x1f\x8a",
        b"\x1fx",
    ] {
        for (codings, body, wanted) in [
            ("gzip", gzip(TEXT), TEXT),
            ("deflate", zlib(TEXT), TEXT),
            ("deflate", raw_deflate(TEXT), TEXT),
            ("br", br.clone(), b"hello"),
        ] {
            let body = [&body, garbage].concat();
            assert_eq!(
                decode(codings, &body),
                Ok(wanted.to_vec()),
                "{codings} {garbage:?}"
            );
        }
    }
}

#[test]
fn a_body_that_is_cut_off_is_an_error() {
    for (codings, body) in [
        ("gzip", gzip(TEXT)),
        ("deflate", zlib(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("br", unhex(HELLO_BR)),
        ("deflate, gzip", gzip(&zlib(TEXT))),
    ] {
        for end in 1..body.len() {
            for piece in [1, usize::MAX] {
                let error = decode_in(codings, &body[..end], piece).expect_err("it is cut off");
                assert_eq!(error.kind(), Kind::Incomplete, "{codings} {end}: {error}");
            }
        }
        assert_eq!(
            decode(codings, b""),
            Ok(Vec::new()),
            "nothing at all is let pass"
        );
    }
    let inner = zlib(TEXT);
    let error = decode("deflate, gzip", &gzip(&inner[..inner.len() - 1]));
    assert_eq!(error.map_err(|error| error.kind()), Err(Kind::Incomplete));
    let two = [gzip(TEXT), gzip(TEXT)].concat();
    let error = decode("gzip", &two[..two.len() - 1]);
    assert_eq!(error.map_err(|error| error.kind()), Err(Kind::Incomplete));
}

#[test]
fn a_body_that_is_corrupt_is_an_error() {
    let flipped = |mut body: Vec<u8>, from_end: usize| {
        let place = body.len() - from_end;
        body[place] ^= 0xff;
        body
    };
    for (codings, body) in [
        ("gzip", flipped(gzip(TEXT), 8)),
        ("gzip", flipped(gzip(TEXT), 1)),
        ("deflate", flipped(zlib(TEXT), 1)),
        ("gzip", TEXT.to_vec()),
        ("gzip", zlib(TEXT)),
        ("gzip", vec![0x1f]),
        ("br", b"\xff\xff\xff\xff\xff\xff".to_vec()),
        ("deflate", b"\x78\x9caaaaaaaaaaaa".to_vec()),
        ("deflate", b"\xff\xff\xff\xff".to_vec()),
        ("deflate, gzip", gzip(b"\xff\xff\xff\xff")),
        ("gzip", [gzip(TEXT), b"\x1f\x8bgarbage".to_vec()].concat()),
    ] {
        let error = decode(codings, &body).expect_err("it is corrupt");
        let fits = matches!(error, Error::Coding { .. } | Error::IncompleteCoding { .. });
        assert!(fits, "{codings}: {error}");
    }
}

#[test]
fn codings_that_are_not_known_or_too_many_are_refused() {
    for name in ["zstd", "ZSTD", "compress", "gzip, dcb"] {
        let error = decode(name, TEXT).expect_err(name);
        assert!(matches!(error, Error::UnknownCoding(_)), "{name}");
    }
    for many in ["gzip,gzip,gzip,gzip,gzip,gzip", "br, br", "br, gzip, BR"] {
        let error = decode(many, TEXT).expect_err(many);
        assert_eq!(error.kind(), Kind::TooLarge, "{many}");
    }
}

#[test]
fn a_bomb_can_be_stopped_at_any_piece() {
    let zeros = vec![0; 2 << 20];
    let bomb = gzip(&gzip(&zeros));
    assert!(bomb.len() < 500, "a small cause: {}", bomb.len());
    let list = headers(&[("Content-Encoding", "gzip, gzip")]);
    let mut decoder = Decoder::of(&list).expect("known").expect("coded");
    let (mut got, limit) = (0, 100_000);
    let outcome = decoder.feed::<Error>(&bomb, &mut |data| {
        got += data.len();
        if got > limit {
            return Err(Error::Limit {
                what: "more bytes of body",
                limit: limit as u64,
            });
        }
        Ok(())
    });
    assert!(matches!(outcome, Err(Error::Limit { .. })));
    assert!(got <= limit + (32 << 10), "{got}");
}
