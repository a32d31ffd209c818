//! Fetching: what comes, and what it fails with, against scripted peers.

#![allow(clippy::unwrap_used)]

mod common;
mod fetch_common;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::bounded;
use fetch_common::{client, failure, fetch, head_of, one, order, serve};
use rsock::http;
use rsock::service::fetch::{Cause, Order};
use socket2::SockRef;

#[test]
fn a_page_comes_with_all_that_is_known_of_it() {
    bounded(|| {
        let (address, server) =
            one(b"HTTP/1.1 200 Fine\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 5\r\n\r\nHello");
        let mut asked = order(&format!("http://user:word@{address}/path?q#f"));
        asked.keep_raw = true;
        let fetched = fetch(&client(), asked).unwrap();
        assert_eq!(
            (fetched.head.status, &fetched.head.reason[..]),
            (200, &b"Fine"[..])
        );
        assert_eq!(fetched.head.headers.get_all("x-a").count(), 2);
        assert_eq!(fetched.body, b"Hello");
        assert_eq!(fetched.url, format!("http://{address}/path?q#f"));
        assert!(fetched.raw.unwrap().ends_with(b"\r\n\r\nHello"));
        let request = String::from_utf8(fetched.request).unwrap();
        assert_eq!(server.join().unwrap(), std::slice::from_ref(&request));
        let expected = format!(
            "GET /path?q HTTP/1.1\r\nHost: {address}\r\nUser-Agent: rsock/{}\r\nAccept: */*\r\n\
             Accept-Encoding: gzip, deflate, br\r\nAuthorization: Basic dXNlcjp3b3Jk\r\n\r\n",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(request, expected);
        let times = fetched.timings;
        assert!(times.lookup <= times.connect && times.connect <= times.first_byte);
        assert!(times.first_byte <= times.total && times.total.is_some());
        assert_eq!(times.tls, None);
    });
}

#[test]
fn a_body_that_ends_with_the_connection_is_whole() {
    bounded(|| {
        let (address, _server) = one(b"HTTP/1.0 200 OK\r\n\r\nuntil the end");
        let fetched = fetch(&client(), order(&format!("http://{address}"))).unwrap();
        assert_eq!(fetched.body, b"until the end");
    });
}

#[test]
fn a_reply_that_says_where_it_ends_is_not_waited_for_any_longer() {
    bounded(|| {
        for reply in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nT: 1\r\n\r\n",
        ] {
            let (done, wait) = mpsc::channel::<()>();
            let (address, server) = serve(move |listener| {
                let (mut peer, _) = listener.accept().unwrap();
                head_of(&mut peer);
                for byte in reply {
                    peer.write_all(&[*byte]).unwrap();
                }
                // The connection stays open for as long as the client runs.
                let _ = wait.recv();
            });
            let fetched = fetch(&client(), order(&format!("http://{address}"))).unwrap();
            assert_eq!(fetched.body, b"ab");
            drop(done);
            server.join().unwrap();
        }
    });
}

#[test]
fn a_body_that_is_cut_off_is_an_error_that_brings_what_came() {
    bounded(|| {
        for (reply, came) in [
            (
                &b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"[..],
                &b"half"[..],
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
                b"half",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
                b"half",
            ),
        ] {
            let (address, _server) = one(reply);
            let ended = failure(fetch(&client(), order(&format!("http://{address}"))));
            let Cause::Http(error) = &ended.cause else {
                panic!("{ended}")
            };
            assert_eq!(error.kind(), http::Kind::Incomplete, "{ended}");
            assert_eq!(ended.reply.unwrap().body, came);
        }
        let (address, _server) = one(b"HTTP/1.1 200 O");
        let ended = failure(fetch(&client(), order(&format!("http://{address}"))));
        assert!(ended.reply.is_none());
        assert!(ended.message.contains(&address.to_string()), "{ended}");
    });
}

#[test]
fn a_reset_keeps_its_number_and_what_came() {
    bounded(|| {
        let (address, server) = serve(|listener| {
            let (mut peer, _) = listener.accept().unwrap();
            head_of(&mut peer);
            peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                .unwrap();
            peer
        });
        // The reset goes out when the client has had time to take what came before it.
        let (ready, told) = mpsc::channel::<()>();
        let resetting = thread::spawn(move || {
            let peer = server.join().unwrap();
            let _ = told.recv_timeout(Duration::from_millis(200));
            SockRef::from(&peer)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
        });
        let ended = failure(fetch(&client(), order(&format!("http://{address}"))));
        drop(ready);
        resetting.join().unwrap();
        let Cause::Core(error) = &ended.cause else {
            panic!("{ended:?}")
        };
        assert_eq!(error.errno(), Some(libc::ECONNRESET));
        assert_eq!(ended.reply.unwrap().body, b"half");
    });
}

#[test]
fn what_cannot_be_asked_for_is_refused_before_anybody_is_asked() {
    bounded(|| {
        let (address, server) = serve(|listener| {
            listener.set_nonblocking(true).unwrap();
            listener
        });
        let listener = server.join().unwrap();
        let good = format!("http://{address}/");
        let mut bad = vec![
            order(&format!("{good}a b")),
            order(&format!("{good}a\r\nb")),
            order("ftp://127.0.0.1/"),
            order(""),
        ];
        for method in ["", "GET /", "G\r\nET", "GE\0T"] {
            bad.push(Order {
                method: method.into(),
                ..order(&good)
            });
        }
        for (name, value) in [("a b", "x"), ("", "x"), ("a", "x\r\ny: z"), ("a", "x\0")] {
            bad.push(Order {
                headers: vec![(name.into(), Some(value.into()))],
                ..order(&good)
            });
        }
        for bad in bad {
            let Cause::Http(error) = failure(fetch(&client(), bad)).cause else {
                panic!("another cause")
            };
            assert_eq!(error.kind(), http::Kind::Argument);
        }
        let nobody = listener.accept().unwrap_err();
        assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    });
}

#[test]
fn a_server_that_refuses_a_large_body_is_heard() {
    bounded(|| {
        let (address, _server) = serve(|listener| {
            let (mut peer, _) = listener.accept().unwrap();
            head_of(&mut peer);
            let reply = b"HTTP/1.1 413 Too much\r\nContent-Length: 2\r\n\r\nno";
            peer.write_all(reply).unwrap();
            // It reads no more, and says so only when the client has gone.
            let _ = peer.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = peer.shutdown(Shutdown::Write);
            let (mut byte, mut count) = ([0; 65536], 0);
            while let Ok(more @ 1..) = peer.read(&mut byte) {
                count += more;
                if count > 1_000_000 {
                    break;
                }
            }
        });
        let mut large = order(&format!("http://{address}/"));
        (large.method, large.body) = ("POST".into(), Some(vec![b'x'; 50_000_000]));
        let fetched = fetch(&client(), large).unwrap();
        assert_eq!((fetched.head.status, &fetched.body[..]), (413, &b"no"[..]));
    });
}

#[test]
fn a_server_that_answers_while_it_is_told_gets_everything() {
    bounded(|| {
        let (address, server) = serve(|listener| {
            let (mut peer, _) = listener.accept().unwrap();
            head_of(&mut peer);
            let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n";
            peer.write_all(reply).unwrap();
            let mut back = peer.try_clone().unwrap();
            std::io::copy(&mut Read::by_ref(&mut peer).take(20_000_000), &mut back).unwrap()
        });
        let body: Vec<u8> = (0..20_000_000u32)
            .map(|number| (number % 253) as u8)
            .collect();
        let mut echoed = order(&format!("http://{address}/"));
        (echoed.method, echoed.body) = ("POST".into(), Some(body.clone()));
        let fetched = fetch(&client(), echoed).unwrap();
        assert!(fetched.body == body);
        assert_eq!(server.join().unwrap(), 20_000_000);
    });
}
