//! Fetching: when it gives up, and what ends it before.

#![allow(clippy::unwrap_used)]

mod common;
mod fetch_common;

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use common::bounded;
use fetch_common::{Nobody, client, dripping, failure, fetch, head_of, one, order, serve};
use rsock::error::Error;
use rsock::http::Proxies;
use rsock::net::Caller;
use rsock::net::blocking::Alone;
use rsock::service::fetch::{Audience, Cause, Ended, Order, To};

#[test]
fn a_deadline_holds_in_every_phase_however_often_something_comes() {
    bounded(|| {
        let some = Some(Duration::from_millis(5));
        let limit = Duration::from_millis(300);
        for (begin, pause) in [
            (&b""[..], None),
            (b"HTTP/1.1 200 OK\r\nX: ", some),
            (b"HTTP/1.1 200 OK\r\n\r\n", some),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", None),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", some),
        ] {
            let (address, stop) = dripping(begin, pause);
            let mut hasty = order(&format!("http://{address}"));
            hasty.timeout = Some(limit);
            let start = Instant::now();
            let ended = failure(fetch(&client(), hasty));
            let took = start.elapsed();
            drop(stop);
            assert!(matches!(ended.cause, Cause::TimedOut), "{ended}");
            assert!(ended.message.contains("0.3 s"), "{ended}");
            assert!(took >= limit && took < limit * 3, "{took:?}");
        }
    });
}

#[test]
fn a_stream_that_nobody_reads_does_not_hold_a_fetch_past_its_deadline() {
    bounded(|| {
        let mut reply = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        reply.resize(1_000_000, b'x');
        let (address, _server) = one(&reply);
        let (_reader, writer) = UnixStream::pair().unwrap();
        let mut piped = order(&format!("http://{address}"));
        (piped.to, piped.timeout) = (To::File(writer.into()), Some(Duration::from_millis(200)));
        let start = Instant::now();
        assert!(matches!(
            failure(fetch(&client(), piped)).cause,
            Cause::TimedOut
        ));
        assert!(start.elapsed() < Duration::from_secs(2));
    });
}

#[test]
fn a_flood_that_never_makes_anybody_wait_ends_at_the_deadline() {
    bounded(|| {
        let (address, server) = serve(|listener| {
            let (mut peer, _) = listener.accept().unwrap();
            head_of(&mut peer);
            let _ = peer.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while peer.write_all(&[0; 65536]).is_ok() {}
        });
        let mut flooded = order(&format!("http://{address}"));
        flooded.max_body = None;
        flooded.timeout = Some(Duration::from_millis(200));
        flooded.to = To::Caller;
        let start = Instant::now();
        match client().fetch(&Alone, flooded, &Proxies::default(), &mut Nobody) {
            Err(Ended::Failed(failure)) => assert!(matches!(failure.cause, Cause::TimedOut)),
            other => panic!("{other:?}"),
        }
        assert!(start.elapsed() < Duration::from_secs(2));
        server.join().unwrap();
    });
}

#[test]
fn a_read_timeout_is_for_each_wait() {
    bounded(|| {
        let (address, stop) = dripping(b"HTTP/1.1 200 OK\r\n\r\n", None);
        let mut patient = order(&format!("http://{address}"));
        patient.read_timeout = Some(Duration::from_millis(150));
        let ended = failure(fetch(&client(), patient));
        drop(stop);
        assert!(matches!(ended.cause, Cause::Quiet), "{ended}");
        assert_eq!(ended.reply.unwrap().head.status, 200);

        // What keeps coming, if slowly, is waited for.
        let pause = Some(Duration::from_millis(40));
        let (address, stop) = dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", pause);
        let mut patient = order(&format!("http://{address}"));
        patient.read_timeout = Some(Duration::from_secs(2));
        assert_eq!(fetch(&client(), patient).unwrap().body, b"xxxxxxxxxx");
        drop(stop);
    });
}

/// Takes pieces for longer than a server may be silent, while that server goes on.
struct Slow {
    go_on: mpsc::Sender<()>,
    sent: mpsc::Receiver<()>,
    body: Vec<u8>,
}

impl Audience for Slow {
    type Error = Error;

    fn take(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.body.extend_from_slice(piece);
        let _ = self.go_on.send(());
        // The rest is there, and then nobody has anything more to say.
        let _ = self.sent.recv();
        let _ = self.sent.recv_timeout(Duration::from_millis(400));
        Ok(())
    }

    fn hear(&mut self, _: u64, _: Option<u64>) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn a_read_timeout_does_not_count_how_long_the_body_is_taken() {
    bounded(|| {
        let (go_on, told) = mpsc::channel::<()>();
        let (say, sent) = mpsc::channel::<()>();
        let (address, server) = serve(move |listener| {
            let (mut peer, _) = listener.accept().unwrap();
            head_of(&mut peer);
            let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none";
            peer.write_all(reply).unwrap();
            // What came is handed out, since nothing more does.
            told.recv().unwrap();
            peer.write_all(b"two").unwrap();
            say.send(()).unwrap();
            while told.recv().is_ok() {
                let _ = say.send(());
            }
        });
        let mut patient = order(&format!("http://{address}"));
        (patient.to, patient.read_timeout) = (To::Caller, Some(Duration::from_millis(200)));
        let mut slow = Slow {
            go_on,
            sent,
            body: Vec::new(),
        };
        match client().fetch(&Alone, patient, &Proxies::default(), &mut slow) {
            Ok(_) => assert_eq!(slow.body, b"onetwo"),
            Err(error) => panic!("{error:?}"),
        }
        drop(slow);
        server.join().unwrap();
    });
}

/// A caller that is interrupted from a time on.
struct Impatient(Instant);

impl Caller for Impatient {
    type Error = Error;

    fn release<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        work()
    }

    fn interrupted(&self) -> Result<(), Error> {
        match Instant::now() >= self.0 {
            true => Err(Error::Address("interrupted")),
            false => Ok(()),
        }
    }
}

#[test]
fn every_wait_can_be_interrupted() {
    bounded(|| {
        for begin in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"] {
            let (address, stop) = dripping(begin, None);
            let start = Instant::now();
            let caller = Impatient(start + Duration::from_millis(100));
            let endless = Order {
                timeout: None,
                ..Order::get(&format!("http://{address}"))
            };
            match client().fetch(&caller, endless, &Proxies::default(), &mut Nobody) {
                Err(Ended::Raised(Error::Address("interrupted"))) => {}
                other => panic!("{other:?}"),
            }
            drop(stop);
            assert!(start.elapsed() < Duration::from_millis(1000));
        }
    });
}

#[test]
fn closing_a_client_ends_what_it_is_about() {
    bounded(|| {
        let (address, stop) = dripping(b"HTTP/1.1 200 OK\r\n\r\n", None);
        let client = client();
        thread::scope(|scope| {
            let endless = Order {
                timeout: None,
                ..Order::get(&format!("http://{address}"))
            };
            let fetching = scope.spawn(|| fetch(&client, endless));
            client.close();
            let ended = failure(fetching.join().unwrap());
            assert!(matches!(ended.cause, Cause::Closed), "{ended}");
        });
        drop(stop);
    });
}
