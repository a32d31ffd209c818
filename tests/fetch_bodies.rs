//! Fetching: where a body goes, and how large it may be.

#![allow(clippy::unwrap_used)]

mod common;
mod fetch_common;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

use common::bounded;
use fetch_common::{client, failure, fetch, fetch_with, one, order};
use flate2::{Compression, write::GzEncoder};
use rsock::error::Error;
use rsock::http::{self, Proxies};
use rsock::net::blocking::Alone;
use rsock::service::fetch::{Audience, Cause, Ended, Fill, Order, To};
use rsock::sys::io::Target;

/// Hears of everything and keeps it.
#[derive(Default)]
struct Notes {
    body: Vec<u8>,
    pieces: usize,
    largest: usize,
    progress: Vec<(u64, Option<u64>)>,
    /// After so many bytes it has enough.
    most: Option<usize>,
}

impl Audience for Notes {
    type Error = Error;

    fn take(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.body.extend_from_slice(piece);
        self.pieces += 1;
        self.largest = self.largest.max(piece.len());
        match self.most {
            Some(most) if self.body.len() > most => Err(Error::Address("enough")),
            _ => Ok(()),
        }
    }

    fn hear(&mut self, done: u64, total: Option<u64>) -> Result<(), Error> {
        self.progress.push((done, total));
        Ok(())
    }
}

fn gzipped(data: &[u8]) -> Vec<u8> {
    let mut coder = GzEncoder::new(Vec::new(), Compression::best());
    coder.write_all(data).unwrap();
    coder.finish().unwrap()
}

fn reply_of(coding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[test]
fn bodies_have_a_bound_before_and_after_decoding() {
    bounded(|| {
        let coded = reply_of("gzip", &gzipped(&vec![0; 3_000_000]));
        let mut plain = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        plain.resize(2_000_000, b'x');
        let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n".to_vec();
        for (reply, came) in [(&coded, 1_000_000), (&plain, 1_000_000), (&announced, 0)] {
            let (address, _server) = one(reply);
            let mut bounded = order(&format!("http://{address}"));
            bounded.max_body = Some(1_000_000);
            let ended = failure(fetch(&client(), bounded));
            assert!(matches!(ended.cause, Cause::TooLarge(1_000_000)), "{ended}");
            assert_eq!(ended.reply.unwrap().body.len(), came);
        }
        let (address, _server) = one(&coded);
        let fetched = fetch(&client(), order(&format!("http://{address}"))).unwrap();
        assert_eq!(fetched.body.len(), 3_000_000);
        let (address, _server) = one(&coded);
        let mut as_it_is = order(&format!("http://{address}"));
        as_it_is.decode = false;
        let fetched = fetch(&client(), as_it_is).unwrap();
        assert!(coded.ends_with(&fetched.body) && fetched.body.starts_with(b"\x1f\x8b"));
        assert!(
            !String::from_utf8(fetched.request)
                .unwrap()
                .contains("Accept-Encoding")
        );
    });
}

/// Has memory of its own for long bodies.
#[derive(Default)]
struct Holder {
    body: Vec<u8>,
    told: Vec<(u64, Option<u64>)>,
}

impl Audience for Holder {
    type Error = Error;

    fn take(&mut self, _: &[u8]) -> Result<(), Error> {
        Err(Error::Address("nothing is handed out in pieces"))
    }

    fn hold(&mut self, length: usize, fill: Fill<'_, Self>) -> Result<(), Error> {
        let mut memory = vec![0; length];
        let filled = fill(self, &mut Target::from(&mut memory[..]))?;
        memory.truncate(filled);
        self.body = memory;
        Ok(())
    }

    fn hear(&mut self, done: u64, total: Option<u64>) -> Result<(), Error> {
        self.told.push((done, total));
        Ok(())
    }
}

#[test]
fn a_long_body_is_received_straight_into_memory_for_it() {
    bounded(|| {
        let size = 3_000_000_u32;
        let text: Vec<u8> = (0..size).map(|number| (number % 251) as u8).collect();
        let mut reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
        reply.extend_from_slice(&text);
        for cut in [0, 1, 1_000_000] {
            let length = reply.len() - cut;
            let (address, _server) = one(&reply[..length]);
            let asked = Order {
                tells: true,
                ..order(&format!("http://{address}"))
            };
            let mut holder = Holder::default();
            match client().fetch(&Alone, asked, &Proxies::default(), &mut holder) {
                Ok(fetched) => {
                    assert!(fetched.body.is_empty() && cut == 0);
                    let all = u64::from(size);
                    assert_eq!(holder.told.last(), Some(&(all, Some(all))));
                }
                Err(Ended::Failed(failure)) => {
                    let Cause::Http(error) = &failure.cause else {
                        panic!("{failure}")
                    };
                    assert_eq!(error.kind(), http::Kind::Incomplete);
                    assert!(cut > 0);
                }
                Err(Ended::Raised(error)) => panic!("{error}"),
            }
            assert!(holder.body == text[..text.len() - cut]);
        }
    });
}

#[test]
fn a_body_that_is_handed_out_comes_in_small_pieces_however_much_it_decodes_to() {
    bounded(|| {
        let reply = reply_of("gzip, gzip", &gzipped(&gzipped(&vec![0; 4_000_000])));
        let (address, _server) = one(&reply);
        let mut handed = order(&format!("http://{address}"));
        (handed.to, handed.tells) = (To::Caller, true);
        let mut notes = Notes::default();
        let fetched = fetch_with(&client(), handed, &Proxies::default(), &mut notes).unwrap();
        assert!(fetched.body.is_empty());
        assert!(notes.body == vec![0; 4_000_000]);
        assert!(notes.largest <= 1280 * 1024, "{}", notes.largest);
        assert_eq!(notes.progress.last(), Some(&(4_000_000, Some(4_000_000))));
    });
}

#[test]
fn whoever_takes_the_body_can_end_the_fetch() {
    bounded(|| {
        let mut reply = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        reply.resize(5_000_000, b'x');
        let (address, _server) = one(&reply);
        let mut handed = order(&format!("http://{address}"));
        handed.to = To::Caller;
        let mut notes = Notes {
            most: Some(1_000_000),
            ..Notes::default()
        };
        match client().fetch(&Alone, handed, &Proxies::default(), &mut notes) {
            Err(Ended::Raised(Error::Address("enough"))) => {}
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_body_goes_into_a_file_or_a_stream() {
    bounded(|| {
        let text: Vec<u8> = (0..2_000_000u32)
            .map(|number| (number % 251) as u8)
            .collect();
        let mut reply =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len()).into_bytes();
        reply.extend_from_slice(&text);

        let path = std::env::temp_dir().join(format!("rsock-fetch-{}", std::process::id()));
        let file = std::fs::File::create(&path).unwrap();
        let (address, _server) = one(&reply);
        let mut filed = order(&format!("http://{address}"));
        filed.to = To::File(file.into());
        let fetched = fetch(&client(), filed).unwrap();
        let written = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(fetched.body.is_empty() && written == text);

        let (mut reader, writer) = UnixStream::pair().unwrap();
        let reading = thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all
        });
        let (address, _server) = one(&reply);
        let mut piped = order(&format!("http://{address}"));
        piped.to = To::File(writer.into());
        fetch(&client(), piped).unwrap();
        assert!(reading.join().unwrap() == text);
    });
}
