//! What the targets share: input that comes in pieces, cut where the fuzzer says.

#![allow(dead_code, reason = "each target uses a part")]

use rsock::http::{Error, Event, Head, Headers, Limits, Reply};

/// Small limits, so that they are reached.
pub const LIMITS: Limits = Limits {
    head_bytes: 600,
    headers: 12,
    informational: 3,
    trailer_bytes: 100,
    extension_bytes: 40,
};

/// Cut input into pieces whose sizes are those of `cuts`, again and again.
pub fn pieces<'a>(mut input: &'a [u8], cuts: &[u8]) -> Vec<&'a [u8]> {
    let mut sizes = cuts.iter().cycle();
    let mut pieces = Vec::new();
    while !input.is_empty() {
        let size = sizes.next().map_or(usize::MAX, |size| usize::from(*size));
        let (piece, rest) = input.split_at(size.min(input.len()));
        // An empty piece is a read of nothing, which has to change nothing; not for ever, though.
        pieces.push(piece);
        if size == 0 {
            sizes.next();
            let (byte, rest) = rest.split_at(1);
            pieces.push(byte);
            input = rest;
        } else {
            input = rest;
        }
    }
    pieces
}

/// What a reply comes to.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub head: Option<Head>,
    pub trailers: Headers,
    pub body: Vec<u8>,
    pub taken: usize,
    pub reusable: bool,
}

/// Read a reply from pieces; what is in error is known by its class and by what came.
pub fn read(
    method: &str,
    pieces: &[&[u8]],
) -> Result<Outcome, (std::mem::Discriminant<Error>, Vec<u8>)> {
    let mut reply = Reply::new(method, LIMITS);
    let mut body = Vec::new();
    let mut taken = 0;
    let outcome = feed(&mut reply, pieces, &mut body, &mut taken);
    if let Err(error) = outcome {
        assert_eq!(reply.feed(b"x"), Err(error.clone()), "an error stays");
        assert!(!reply.is_whole() && !reply.reusable());
        assert!(!error.to_string().is_empty());
        return Err((std::mem::discriminant(&error), body));
    }
    assert_eq!(reply.received(), body.len() as u64);
    assert!(
        reply
            .length()
            .is_none_or(|length| length == reply.received())
    );
    let reusable = reply.reusable();
    let (head, trailers) = reply.into_parts();
    Ok(Outcome {
        head,
        trailers,
        body,
        taken,
        reusable,
    })
}

fn feed(
    reply: &mut Reply,
    pieces: &[&[u8]],
    body: &mut Vec<u8>,
    all: &mut usize,
) -> Result<(), Error> {
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let (taken, event) = reply.feed(rest)?;
            rest = &rest[taken..];
            *all += taken;
            match event {
                Event::More => {
                    assert!(rest.is_empty());
                    break;
                }
                Event::Body(data) => body.extend_from_slice(data),
                Event::Head => assert!(reply.head().is_some()),
                Event::End => return Ok(()),
            }
        }
    }
    reply.end_of_input()
}
