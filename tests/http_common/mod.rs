//! What the tests of `http` share: replies in pieces, and data collected from other projects.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::print_stdout, reason = "what is skipped has to be seen")]

use std::path::PathBuf;

use rsock::http::{Error, Event, Headers, Limits, Reply};
use serde_json::Value;

/// What a client makes of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    pub(crate) reason: Vec<u8>,
    pub(crate) headers: Headers,
    pub(crate) trailers: Headers,
    pub(crate) raw_head: Vec<u8>,
    pub(crate) body: Vec<u8>,
    /// Whether it was whole without the end of the connection.
    pub(crate) self_delimited: bool,
    pub(crate) reusable: bool,
    /// How many bytes were taken.
    pub(crate) taken: usize,
}

/// Read a reply that comes in pieces of this size, and then the connection ends.
pub(crate) fn read(method: &str, raw: &[u8], piece: usize) -> Result<Outcome, Error> {
    read_within(method, raw, piece, Limits::default())
}

pub(crate) fn read_within(
    method: &str,
    raw: &[u8],
    piece: usize,
    limits: Limits,
) -> Result<Outcome, Error> {
    let mut reply = Reply::new(method, limits);
    let mut body = Vec::new();
    let mut total = 0;
    'input: for piece in raw.chunks(piece.max(1)) {
        let mut rest = piece;
        loop {
            let (taken, event) = reply.feed(rest)?;
            total += taken;
            rest = &rest[taken..];
            match event {
                Event::More => {
                    assert!(rest.is_empty(), "more is asked for while some is left");
                    break;
                }
                Event::Body(data) => {
                    assert!(!data.is_empty());
                    body.extend_from_slice(data);
                }
                Event::Head => {}
                Event::End => break 'input,
            }
        }
    }
    let self_delimited = reply.is_whole() || matches!(reply.feed(b"")?, (0, Event::End));
    reply.end_of_input()?;
    assert!(reply.is_whole());
    assert_eq!(reply.received(), body.len() as u64);
    let reusable = reply.reusable();
    let (head, trailers) = reply.into_parts();
    let head = head.expect("a whole reply has a head");
    Ok(Outcome {
        status: head.status,
        reason: head.reason,
        headers: head.headers,
        trailers,
        raw_head: head.raw,
        body,
        self_delimited,
        reusable,
        taken: total,
    })
}

/// Return whether a reply was read alike; the text of an error may show more or less of the input.
pub(crate) fn same(one: &Result<Outcome, Error>, other: &Result<Outcome, Error>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one == other,
        (Err(one), Err(other)) => std::mem::discriminant(one) == std::mem::discriminant(other),
        _ => false,
    }
}

/// Read a file of the data that lie beside the project, if they do.
pub(crate) fn shared(name: &str) -> Option<Vec<Value>> {
    let folder = std::env::var_os("RSOCK_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let path = folder.join("http").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!(
            "skipped: there is no {} (RSOCK_SHARED says where)",
            path.display()
        );
        return None;
    };
    let value: Value = serde_json::from_str(&text).expect("the data are JSON");
    let cases = value["cases"].as_array().expect("the data have cases");
    Some(cases.clone())
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).expect("hex")).expect("hex");
    text.as_bytes()
        .chunks(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

/// Return the bytes of a reply of the data.
pub(crate) fn raw(case: &Value) -> Vec<u8> {
    use base64::Engine as _;
    use std::io::Read as _;
    if let Some(hex) = case["raw_response_hex"].as_str() {
        return unhex(hex);
    }
    let text = case["raw_response_gz_b64"].as_str().expect("a reply");
    let packed = base64::engine::general_purpose::STANDARD
        .decode(text)
        .expect("base64");
    let mut raw = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice())
        .read_to_end(&mut raw)
        .expect("gzip");
    raw
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Make headers of text.
pub(crate) fn headers(list: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in list {
        headers
            .push(name.as_bytes(), value.as_bytes())
            .expect("good headers");
    }
    headers
}
