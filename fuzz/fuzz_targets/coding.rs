//! Content codings: never a panic, the same however it is cut, and what was packed comes out.

#![no_main]

mod common;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use libfuzzer_sys::fuzz_target;
use rsock::http::{Decoder, Error, Headers};

/// So much is made of an input at most; what makes more is a bomb, and is stopped.
const MOST: usize = 256 << 10;

fn decode(codings: &str, pieces: &[&[u8]]) -> Result<Vec<u8>, std::mem::Discriminant<Error>> {
    let mut headers = Headers::new();
    headers
        .push(b"Content-Encoding", codings.as_bytes())
        .expect("a header");
    let mut decoder = Decoder::of(&headers).expect("known").expect("coded");
    let mut out = Vec::new();
    for piece in pieces {
        let outcome = decoder.feed::<Error>(piece, &mut |data| {
            out.extend_from_slice(data);
            match out.len() > MOST {
                true => Err(Error::Limit {
                    what: "more",
                    limit: MOST as u64,
                }),
                false => Ok(()),
            }
        });
        outcome.map_err(|error| std::mem::discriminant(&error))?;
    }
    decoder
        .finish()
        .map_err(|error| std::mem::discriminant(&error))?;
    Ok(out)
}

fuzz_target!(|input: (u8, &[u8], &[u8])| {
    let (choice, cuts, data) = input;
    let codings = ["gzip", "deflate", "br", "gzip, deflate", "br, gzip"][usize::from(choice % 5)];
    let whole = decode(codings, &[data]);
    let cut = decode(codings, &common::pieces(data, cuts));
    // In corrupt data of br the decoder finds more where it gets less at once: what it then says
    // may differ. What comes whole may not.
    if !codings.contains("br") || (whole.is_ok() && cut.is_ok()) {
        assert_eq!(whole, cut, "{codings}");
    }

    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
    for encoder in [&mut gzip as &mut dyn std::io::Write, &mut zlib, &mut raw] {
        encoder.write_all(data).expect("memory");
    }
    for (coding, packed) in [
        ("gzip", gzip.finish()),
        ("deflate", zlib.finish()),
        ("deflate", raw.finish()),
    ] {
        let packed = packed.expect("memory");
        let found = decode(coding, &common::pieces(&packed, cuts));
        assert_eq!(found.as_deref(), Ok(data), "{coding}");
    }
});
