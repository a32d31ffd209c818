//! Requests as a server reads them: never a panic, the same however they are cut, and no answer
//! that leads elsewhere.
//!
//! The input begins with a line whose bytes are the sizes of the cuts, so that a seed is readable.

#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use rsock::http::asked::{Asked, AskedLimits, HeadEnd, Length};
use rsock::http::condition::{Verdict, Version, judge, part_fits, takes_gzip};
use rsock::http::is_token;
use rsock::http::range::{Part, part};
use rsock::http::refusal::AskedError;
use rsock::http::skip::Skip;
use rsock::http::target::{is_authority, steps, with_slash};

/// Small limits, so that they are reached.
const LIMITS: AskedLimits = AskedLimits {
    head: 300,
    headers: 8,
    body: 40,
};

fuzz_target!(|input: &[u8]| {
    let line = input.iter().position(|byte| *byte == b'\n');
    let (cuts, raw) = line.map_or((&b""[..], input), |at| (&input[..at], &input[at + 1..]));
    let whole = read(&[raw]);
    let cut = read(&common::pieces(raw, cuts));
    assert_eq!(whole, cut);
    for asked in &whole.requests {
        check(asked);
    }
});

/// What a connection comes to: its requests, and what ended it or how much it left.
#[derive(Debug, PartialEq)]
struct Outcome {
    requests: Vec<Asked>,
    end: Result<usize, AskedError>,
}

fn read(pieces: &[&[u8]]) -> Outcome {
    let mut talk = Talk::default();
    let mut requests = Vec::new();
    for piece in pieces {
        talk.input.extend_from_slice(piece);
        loop {
            match talk.next() {
                Ok(None) => break,
                Ok(Some(asked)) => requests.push(asked),
                Err(error) => {
                    assert!((400..600).contains(&error.status()));
                    let end = Err(error);
                    return Outcome { requests, end };
                }
            }
        }
    }
    let end = Ok(talk.input.len());
    Outcome { requests, end }
}

/// A connection, as `service::pages` keeps it.
#[derive(Default)]
struct Talk {
    input: Vec<u8>,
    end: HeadEnd,
    under_way: Option<(Asked, Skip)>,
}

impl Talk {
    fn next(&mut self) -> Result<Option<Asked>, AskedError> {
        let (asked, mut skip) = match self.under_way.take() {
            Some(under_way) => under_way,
            None => {
                let Some(len) = self.end.find(&self.input, LIMITS.head)? else {
                    assert!(self.input.len() < LIMITS.head, "a head has a bound");
                    return Ok(None);
                };
                assert!(len <= LIMITS.head && self.input[..len].ends_with(b"\r\n\r\n"));
                let asked = Asked::read(&self.input[..len], &LIMITS)?;
                self.input.drain(..len);
                self.end = HeadEnd::default();
                let skip = Skip::new(asked.length, LIMITS.body);
                (asked, skip)
            }
        };
        let passed = skip.pass(&self.input)?;
        self.input.drain(..passed);
        if skip.is_over() {
            return Ok(Some(asked));
        }
        assert!(self.input.is_empty(), "a body takes all until its end");
        self.under_way = Some((asked, skip));
        Ok(None)
    }
}

fn check(asked: &Asked) {
    assert!(is_token(asked.method.as_bytes()));
    assert!(asked.raw.bytes().all(|byte| byte.is_ascii_graphic()));
    if let Length::Known(length) = asked.length {
        assert!(length <= LIMITS.body, "what is longer is not passed over");
    }
    let target = &asked.target;
    assert!(is_authority(&target.host) && target.host.starts_with(target.name()));
    assert!(!target.path.contains(['?', '#']));
    if !target.path.ends_with('/') {
        let slashed = with_slash(target);
        assert!(slashed.starts_with('/') && !slashed[1..].starts_with(['/', '\\']));
    }
    if let Some(path) = target.decoded() {
        assert!(path.len() <= target.path.len() && !path.contains(&0));
        let (names, _) = steps(&path).unwrap_or_default();
        for name in names {
            assert!(!name.is_empty() && name != b"." && name != b"..");
            assert!(!name.iter().any(|byte| b"/\\\0".contains(byte)));
        }
    }
    for len in [0, 1, 10, u64::MAX] {
        for value in asked.all("range") {
            if let Part::Bytes(bytes) = part(value, len) {
                assert!(bytes.start < bytes.end && bytes.end <= len);
            }
        }
    }
    let version = Version {
        tag: b"W/\"1\"".to_vec(),
        modified: None,
    };
    let has = |name: &str| asked.all(name).next().is_some();
    // Nothing fits what is weak and has no date.
    assert!(part_fits(asked, &version) != has("if-range"));
    assert!(has("accept-encoding") || !takes_gzip(asked));
    match judge(asked, &version) {
        Verdict::Send => {}
        Verdict::Same => assert!(has("if-none-match")),
        Verdict::Other => assert!(has("if-match")),
    }
}
