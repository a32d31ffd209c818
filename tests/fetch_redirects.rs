//! Fetching: from redirect to redirect.

#![allow(clippy::unwrap_used)]

mod common;
mod fetch_common;

use std::io::Write;
use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use common::bounded;
use fetch_common::{
    client, client_of, dripping, failure, fetch, head_of, one, order, replies, serve,
};
use rsock::http;
use rsock::service::fetch::Cause;

#[test]
fn redirects_are_followed_and_remembered() {
    bounded(|| {
        let (address, server) = replies(vec![
            b"HTTP/1.1 302 Found\r\nLocation: /two\r\nContent-Length: 3\r\n\r\none".to_vec(),
            b"HTTP/1.1 301 Moved\r\nLocation: three?x\r\n\r\n".to_vec(),
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast".to_vec(),
        ]);
        let mut first = order(&format!("http://{address}/"));
        (first.method, first.body) = ("POST".into(), Some(b"data".to_vec()));
        let fetched = fetch(&client(), first).unwrap();
        assert_eq!(fetched.body, b"last");
        assert_eq!(fetched.url, format!("http://{address}/three?x"));
        let statuses: Vec<u16> = fetched.history.iter().map(|old| old.head.status).collect();
        assert_eq!(statuses, [302, 301]);
        assert_eq!(fetched.history[0].body, b"one");
        let lines: Vec<String> = server
            .join()
            .unwrap()
            .iter()
            .map(|head| head.lines().next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(
            lines,
            [
                "POST / HTTP/1.1",
                "GET /two HTTP/1.1",
                "GET /three?x HTTP/1.1"
            ]
        );
    });
}

/// Serve connections one after the other, and requests on each of them by this; return how many
/// requests came on each.
fn counted(
    connections: usize,
    reply: impl Fn(usize, &str) -> Option<Vec<u8>> + Send + 'static,
) -> (SocketAddr, JoinHandle<Vec<usize>>) {
    serve(move |listener| {
        let mut all = 0;
        let mut serve_one = || {
            let (mut peer, _) = listener.accept().unwrap();
            let mut count = 0;
            loop {
                let head = head_of(&mut peer);
                if head.is_empty() {
                    return count;
                }
                (count, all) = (count + 1, all + 1);
                match reply(all, &head) {
                    Some(reply) => peer.write_all(&reply).unwrap(),
                    None => return count,
                }
            }
        };
        (0..connections).map(|_| serve_one()).collect()
    })
}

#[test]
fn redirects_within_a_server_take_one_connection_even_where_none_is_kept() {
    bounded(|| {
        let (address, server) = counted(1, |count, _| match count {
            1..=4 => Some(b"HTTP/1.1 302 On\r\nLocation: /x\r\nContent-Length: 2\r\n\r\non".into()),
            _ => Some(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast".into()),
        });
        let client = client_of(0);
        let fetched = fetch(&client, order(&format!("http://{address}/"))).unwrap();
        assert_eq!(
            (fetched.body.as_slice(), fetched.history.len()),
            (&b"last"[..], 4)
        );
        assert_eq!(client.idle(), 0);
        // Closed when the fetch was over, though the client lives on.
        assert_eq!(server.join().unwrap(), [5]);
        drop(client);
    });
}

#[test]
fn what_follows_a_redirect_comes_though_its_connection_ends_without_a_word() {
    bounded(|| {
        for (method, requests) in [("GET", vec![2, 1]), ("POST", vec![1, 1])] {
            let redirect = b"HTTP/1.1 307 On\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n";
            let (address, server) = serve(move |listener| {
                let (mut first, _) = listener.accept().unwrap();
                head_of(&mut first);
                first.write_all(redirect).unwrap();
                let mut count = 1;
                if method == "GET" {
                    // It takes the second request and answers nothing.
                    head_of(&mut first);
                    count += 1;
                    drop(first);
                }
                let (mut second, _) = listener.accept().unwrap();
                head_of(&mut second);
                second
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    .unwrap();
                vec![count, 1]
            });
            let mut asked = order(&format!("http://{address}/"));
            asked.method = method.into();
            let fetched = fetch(&client_of(0), asked).unwrap();
            assert_eq!(fetched.head.status, 200);
            assert_eq!(server.join().unwrap(), requests);
        }
    });
}

#[test]
fn redirects_have_an_end_and_lead_to_pages_only() {
    bounded(|| {
        let on = |place: &str| {
            format!("HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n")
        };
        let (address, _server) = replies(vec![on("/again").into_bytes(); 4]);
        let mut limited = order(&format!("http://{address}/"));
        limited.redirects = 3;
        let ended = failure(fetch(&client(), limited));
        assert!(matches!(
            ended.cause,
            Cause::Http(http::Error::Redirects { limit: 3, .. })
        ));
        let reply = ended.reply.unwrap();
        assert_eq!((reply.head.status, reply.history.len()), (302, 3));

        for place in ["file:///etc/passwd", "ftp://127.0.0.1/", "javascript:1"] {
            let (address, _server) = one(on(place).as_bytes());
            let ended = failure(fetch(&client(), order(&format!("http://{address}/"))));
            let Cause::Http(error) = ended.cause else {
                panic!("{ended}")
            };
            assert_eq!(error.kind(), http::Kind::Redirect);
        }

        let (address, _server) = one(on("/elsewhere").as_bytes());
        let mut none = order(&format!("http://{address}/"));
        none.redirects = 0;
        assert_eq!(fetch(&client(), none).unwrap().head.status, 302);
    });
}

#[test]
fn a_redirect_is_followed_whatever_is_wrong_with_its_body() {
    bounded(|| {
        let page = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage";
        for (fields, body, came) in [
            ("Content-Encoding: gzip\r\nContent-Length: 6", "<html>", ""),
            ("Content-Encoding: gzip", "<html>", ""),
            (
                "Content-Encoding: zstd\r\nContent-Length: 6",
                "<html>",
                "<html>",
            ),
            ("Content-Length: 10", "half", "half"),
            ("Transfer-Encoding: chunked", "8\r\nhalf", "half"),
            ("Transfer-Encoding: chunked", "half", ""),
        ] {
            let redirect = format!("HTTP/1.1 301 On\r\nLocation: /page\r\n{fields}\r\n\r\n{body}");
            let (address, server) = replies(vec![redirect.into_bytes(), page.to_vec()]);
            let client = client();
            let fetched = fetch(&client, order(&format!("http://{address}/"))).unwrap();
            assert_eq!(fetched.body, b"page", "{fields}");
            assert_eq!(fetched.history[0].body, came.as_bytes(), "{fields}");
            client.close();
            assert_eq!(server.join().unwrap().len(), 2);
        }

        // Where a server does not go on, or resets, nobody knows what else it would have said.
        let (address, stop) = dripping(
            b"HTTP/1.1 301 On\r\nLocation: /page\r\nContent-Length: 10\r\n\r\n",
            None,
        );
        let mut patient = order(&format!("http://{address}"));
        patient.read_timeout = Some(Duration::from_millis(50));
        let ended = failure(fetch(&client(), patient));
        drop(stop);
        assert!(matches!(ended.cause, Cause::Quiet), "{ended}");
    });
}
