//! Fetching: connections that are kept for the next request.

#![allow(clippy::unwrap_used)]

mod common;
mod fetch_common;

use std::io::Write;
use std::thread;

use common::bounded;
use fetch_common::{client, client_of, failure, fetch, head_of, order, replies, serve};
use rsock::service::fetch::Cause;

#[test]
fn a_connection_is_kept_for_the_next_request() {
    bounded(|| {
        let (address, server) = serve(|listener| {
            let (mut peer, _) = listener.accept().unwrap();
            let mut count = 0;
            while !head_of(&mut peer).is_empty() {
                peer.write_all(b"HTTP/1.1 204 None\r\n\r\n").unwrap();
                count += 1;
            }
            count
        });
        let client = client();
        for _ in 0..3 {
            let fetched = fetch(&client, order(&format!("http://{address}"))).unwrap();
            assert_eq!(fetched.head.status, 204);
            assert_eq!(client.idle(), 1);
        }
        client.close();
        assert_eq!((server.join().unwrap(), client.idle()), (3, 0));
        let failure = failure(fetch(&client, order(&format!("http://{address}"))));
        assert!(matches!(failure.cause, Cause::Closed), "{failure}");
    });
}

#[test]
fn a_kept_connection_that_the_server_has_closed_is_made_anew() {
    bounded(|| {
        let keep = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx".to_vec();
        let (address, server) = replies(vec![keep.clone(), keep]);
        let client = client();
        for _ in 0..2 {
            let fetched = fetch(&client, order(&format!("http://{address}"))).unwrap();
            assert_eq!(fetched.body, b"x");
        }
        client.close();
        assert_eq!(server.join().unwrap().len(), 2);
    });
}

#[test]
fn a_request_that_dies_on_a_kept_connection_is_repeated_only_if_that_does_no_harm() {
    bounded(|| {
        for (method, repeated) in [("GET", true), ("POST", false)] {
            let (address, server) = serve(move |listener| {
                let (mut peer, _) = listener.accept().unwrap();
                head_of(&mut peer);
                peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    .unwrap();
                // It takes the second request and answers nothing.
                head_of(&mut peer);
                drop(peer);
                if repeated {
                    let (mut peer, _) = listener.accept().unwrap();
                    head_of(&mut peer);
                    peer.write_all(b"HTTP/1.1 201 Anew\r\nContent-Length: 0\r\n\r\n")
                        .unwrap();
                }
            });
            let client = client();
            fetch(&client, order(&format!("http://{address}"))).unwrap();
            let mut second = order(&format!("http://{address}"));
            second.method = method.into();
            match fetch(&client, second) {
                Ok(fetched) => assert_eq!((fetched.head.status, repeated), (201, true)),
                Err(failure) => assert!(!repeated, "{failure}"),
            }
            server.join().unwrap();
        }
    });
}

#[test]
fn many_threads_fetch_with_one_client() {
    bounded(|| {
        let (address, _server) = serve(|listener| {
            for peer in listener.incoming() {
                let mut peer = peer.unwrap();
                thread::spawn(move || {
                    loop {
                        let head = head_of(&mut peer);
                        let Some(path) = head.split(' ').nth(1).map(str::to_owned) else {
                            return;
                        };
                        let length = path.len();
                        let reply =
                            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{path}");
                        peer.write_all(reply.as_bytes()).unwrap();
                    }
                });
            }
        });
        let client = client_of(2);
        thread::scope(|scope| {
            for name in 0..8 {
                let client = &client;
                scope.spawn(move || {
                    for turn in 0..20 {
                        let path = format!("/{name}/{turn}");
                        let url = format!("http://{address}{path}");
                        let fetched = fetch(client, order(&url)).unwrap();
                        assert_eq!(fetched.body, path.as_bytes());
                    }
                });
            }
        });
        assert!(client.idle() <= 2);
    });
}
