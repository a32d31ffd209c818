//! What the tests of fetching share: whom they fetch with, and servers that follow a script.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rsock::error::Error;
use rsock::http::{ConnectTo, Proxies};
use rsock::net::blocking::Alone;
use rsock::service::fetch::{Audience, Client, Ended, Failure, Fetched, Order, Settings, Verify};

/// Hears of a fetch, and is interested in nothing.
pub(crate) struct Nobody;

impl Audience for Nobody {
    type Error = Error;

    fn take(&mut self, _: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn hear(&mut self, _: u64, _: Option<u64>) -> Result<(), Error> {
        Ok(())
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        verify: Verify::System,
        connect_to: ConnectTo::default(),
        max_idle: 8,
    }
}

pub(crate) fn client() -> Client {
    Client::new(settings())
}

pub(crate) fn client_of(max_idle: usize) -> Client {
    Client::new(Settings {
        max_idle,
        ..settings()
    })
}

pub(crate) type Outcome = Result<Fetched, Box<Failure>>;

/// Fetch through these proxies, with somebody who hears of it.
pub(crate) fn fetch_with(
    client: &Client,
    order: Order,
    proxies: &Proxies,
    audience: &mut impl Audience<Error = Error>,
) -> Outcome {
    match client.fetch(&Alone, order, proxies, audience) {
        Ok(fetched) => Ok(fetched),
        Err(Ended::Failed(failure)) => Err(failure),
        Err(Ended::Raised(error)) => panic!("{error}"),
    }
}

pub(crate) fn fetch(client: &Client, order: Order) -> Outcome {
    fetch_with(client, order, &Proxies::default(), &mut Nobody)
}

/// Ask for something that is to come within the time a test has.
pub(crate) fn order(url: &str) -> Order {
    Order {
        timeout: Some(Duration::from_secs(10)),
        ..Order::get(url)
    }
}

/// Read a request up to the end of its head.
pub(crate) fn head_of(peer: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && peer.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Run a server whose connections are handled, one after the other, by this.
pub(crate) fn serve<T: Send + 'static>(
    script: impl FnOnce(TcpListener) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (address, thread::spawn(move || script(listener)))
}

/// Run a server that answers each connection with the next of these replies, and closes it; it
/// returns the heads that it got.
pub(crate) fn replies(replies: Vec<Vec<u8>>) -> (SocketAddr, JoinHandle<Vec<String>>) {
    serve(move |listener| {
        replies
            .into_iter()
            .map(|reply| {
                let (mut peer, _) = listener.accept().unwrap();
                let head = head_of(&mut peer);
                let _ = peer.write_all(&reply);
                let _ = peer.shutdown(Shutdown::Write);
                // Until the client has closed: an early close would reset what it did not read.
                let _ = peer.read_to_end(&mut Vec::new());
                head
            })
            .collect()
    })
}

pub(crate) fn one(reply: &[u8]) -> (SocketAddr, JoinHandle<Vec<String>>) {
    replies(vec![reply.to_vec()])
}

#[track_caller]
pub(crate) fn failure(outcome: Outcome) -> Box<Failure> {
    match outcome {
        Err(failure) => failure,
        Ok(fetched) => panic!("expected a failure, got {:?}", fetched.head),
    }
}

/// A server that sends this at once, then a byte for each pause, until the client is gone.
pub(crate) fn dripping(
    begin: &'static [u8],
    pause: Option<Duration>,
) -> (SocketAddr, mpsc::Sender<()>) {
    let (stop, stopped) = mpsc::channel::<()>();
    let (address, _) = serve(move |listener| {
        let (mut peer, _) = listener.accept().unwrap();
        head_of(&mut peer);
        peer.write_all(begin).unwrap();
        let pause = pause.unwrap_or(Duration::from_secs(15));
        while stopped.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
            if peer.write_all(b"x").is_err() {
                break;
            }
        }
    });
    (address, stop)
}
