//! Fetching: which way a request goes: addresses, rules, proxies.

#![allow(clippy::unwrap_used)]

mod common;
mod fetch_common;

use std::io::Write;
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use common::bounded;
use fetch_common::{
    Nobody, client, client_of, failure, fetch, fetch_with, head_of, one, order, settings,
};
use rsock::error::Error;
use rsock::http::Proxies;
use rsock::service::fetch::{Cause, Client};
use socket2::{Domain, Socket, Type};

#[test]
fn a_refused_connection_names_the_address() {
    bounded(|| {
        let held = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = held.local_addr().unwrap();
        drop(held);
        for host in ["127.0.0.1", "localhost"] {
            let url = format!("http://{host}:{}/", address.port());
            let ended = failure(fetch(&client(), order(&url)));
            let Cause::Core(error) = &ended.cause else {
                panic!("{ended:?}")
            };
            assert_eq!(error.errno(), Some(libc::ECONNREFUSED), "{ended}");
            assert!(ended.message.contains(&address.to_string()), "{ended}");
        }
    });
}

#[test]
fn an_unknown_host_is_named() {
    bounded(|| {
        let ended = failure(fetch(&client(), order("http://no.such.host.invalid/")));
        let Cause::Core(Error::AddressInfo { .. }) = &ended.cause else {
            panic!("{ended:?}")
        };
        assert!(ended.message.contains("no.such.host.invalid:80"), "{ended}");
    });
}

#[test]
fn a_host_that_listens_on_one_of_its_addresses_is_reached() {
    bounded(|| {
        // Only on IPv4: the name stands for IPv6 as well, and that address refuses.
        let (address, _server) = one(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let url = format!("http://localhost:{}/", address.port());
        assert_eq!(fetch(&client(), order(&url)).unwrap().head.status, 200);
    });
}

/// Listen with this port on both kinds of loopback: on IPv6 so that nobody gets through.
fn silent_and_speaking() -> Option<(Vec<TcpStream>, Socket, TcpListener)> {
    for _ in 0..20 {
        let silent = Socket::new(Domain::IPV6, Type::STREAM, None).ok()?;
        let here = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
        silent.bind(&here.into()).ok()?;
        silent.listen(0).unwrap();
        let address = silent.local_addr().unwrap().as_socket().unwrap();
        let Ok(speaking) = TcpListener::bind(("127.0.0.1", address.port())) else {
            continue;
        };
        let short = Duration::from_millis(100);
        let queue =
            std::iter::from_fn(|| TcpStream::connect_timeout(&address, short).ok()).collect();
        return Some((queue, silent, speaking));
    }
    None
}

#[test]
fn an_address_that_does_not_answer_holds_the_next_one_up_for_a_quarter_of_a_second() {
    bounded(|| {
        let Some((_queue, _silent, speaking)) = silent_and_speaking() else {
            println!("skipped: there is no IPv6 on the loopback here");
            return;
        };
        let port = speaking.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut peer, _) = speaking.accept().unwrap();
            head_of(&mut peer);
            peer.write_all(b"HTTP/1.1 204 Here\r\n\r\n").unwrap();
            peer
        });
        let fetched = fetch(&client(), order(&format!("http://localhost:{port}/"))).unwrap();
        assert_eq!(fetched.head.status, 204);
        let took = fetched.timings.connect.unwrap();
        assert!(took >= Duration::from_millis(250), "{took:?}");
        assert!(took < Duration::from_millis(900), "{took:?}");
        drop(server.join().unwrap());
    });
}

#[test]
fn connections_go_where_a_rule_says() {
    bounded(|| {
        let (address, server) = one(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let mut mapped = settings();
        mapped
            .connect_to
            .push("www.sina.com.cn:80", &address.to_string())
            .unwrap();
        // Where a rule says where to go, no proxy is asked.
        let proxies =
            Proxies::from_schemes(|name| (name == "http").then(|| "127.0.0.1:1".to_owned()));
        let client = Client::new(mapped);
        let asked = order("http://www.sina.com.cn/");
        let fetched = fetch_with(&client, asked, &proxies, &mut Nobody).unwrap();
        assert_eq!(fetched.url, "http://www.sina.com.cn/");
        client.close();
        assert!(server.join().unwrap()[0].contains("\r\nHost: www.sina.com.cn\r\n"));
    });
}

#[test]
fn a_proxy_is_asked_in_its_own_way() {
    bounded(|| {
        let (address, server) = one(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let proxy = format!("http://me:secret@{address}");
        let proxies = Proxies::from_schemes(|name| (name == "all").then(|| proxy.clone()));
        let client = client();
        let asked = order("http://example.com:81/x");
        let fetched = fetch_with(&client, asked, &proxies, &mut Nobody).unwrap();
        assert_eq!(fetched.body, b"ok");
        client.close();
        let head = server.join().unwrap().remove(0);
        assert!(
            head.starts_with("GET http://example.com:81/x HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(
            head.contains("\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n"),
            "{head}"
        );

        let (address, server) = one(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n");
        let proxy = address.to_string();
        let proxies = Proxies::from_schemes(|name| (name == "https").then(|| proxy.clone()));
        let asked = order("https://example.com/");
        let outcome = fetch_with(&client_of(8), asked, &proxies, &mut Nobody);
        let ended = failure(outcome);
        assert!(matches!(ended.cause, Cause::Proxy(_)), "{ended}");
        assert!(ended.message.contains("407 Who are you"), "{ended}");
        let head = server.join().unwrap().remove(0);
        assert!(
            head.starts_with("CONNECT example.com:443 HTTP/1.1\r\n"),
            "{head}"
        );
    });
}
