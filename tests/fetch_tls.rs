//! Fetching over TLS: who is trusted, what is said of who is not, and where a reply ends.

#![allow(clippy::unwrap_used)]

mod common;
mod fetch_common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use common::bounded;
use fetch_common::{Nobody, Outcome, fetch_with, head_of, order};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType,
    date_time_ymd,
};
use rsock::http::{ConnectTo, Proxies};
use rsock::net::blocking::Alone;
use rsock::service::fetch::{Cause, Client, Ended, Order, Settings, Verify};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;

/// An authority, and a file with its certificate that goes when this does.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

/// Write a certificate into a file of its own.
fn filed(name: &str, pem: &str) -> PathBuf {
    let name = format!("rsock-{}-{name}.pem", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, pem).unwrap();
    path
}

/// Begin a certificate for somebody: issuers are found by their names.
fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = filed(name, &issuer.pem());
        Self { issuer, file }
    }

    fn trusted(&self) -> Verify {
        Verify::File(self.file.clone())
    }

    /// Make the settings of a server with a certificate of this authority.
    fn certify(&self, change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let mut params = named("a server");
        params.subject_alt_names = vec![
            SanType::IpAddress([127, 0, 0, 1].into()),
            SanType::DnsName("localhost".try_into().unwrap()),
        ];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        server_of(certificate.der().clone(), &key)
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

fn server_of(
    certificate: rustls::pki_types::CertificateDer<'static>,
    key: &KeyPair,
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    Arc::new(config)
}

type Peer = StreamOwned<ServerConnection, TcpStream>;

fn secured(config: Arc<ServerConfig>, socket: TcpStream) -> Peer {
    StreamOwned::new(ServerConnection::new(config).unwrap(), socket)
}

/// Run a server that takes one connection.
fn serve<T: Send + 'static>(
    config: Arc<ServerConfig>,
    script: impl FnOnce(Peer) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        script(secured(config, socket))
    });
    (address, server)
}

/// Answer one request and say that this is all.
fn answer(reply: &'static [u8]) -> impl FnOnce(Peer) + Send {
    move |mut peer| {
        head_of(&mut peer);
        let _ = peer.write_all(reply);
        peer.conn.send_close_notify();
        let _ = peer.flush();
        let _ = peer.sock.read_to_end(&mut Vec::new());
    }
}

const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn client(verify: Verify) -> Client {
    Client::new(Settings {
        verify,
        connect_to: ConnectTo::default(),
        max_idle: 2,
    })
}

fn fetch_by(client: &Client, url: &str, proxies: &Proxies) -> Outcome {
    fetch_with(client, order(url), proxies, &mut Nobody)
}

fn fetch(client: &Client, url: &str) -> Outcome {
    fetch_by(client, url, &Proxies::default())
}

#[track_caller]
fn refused(verify: Verify, config: Arc<ServerConfig>) -> String {
    let (address, server) = serve(config, answer(REPLY));
    let failure = fetch(&client(verify), &format!("https://{address}/")).unwrap_err();
    assert!(matches!(failure.cause, Cause::Tls(_)), "{failure:?}");
    server.join().unwrap();
    failure.message
}

#[test]
fn a_server_is_known_by_its_authority_under_each_of_its_names() {
    bounded(|| {
        let authority = Authority::new("names");
        for host in ["127.0.0.1", "localhost"] {
            let client = client(authority.trusted());
            let (address, server) = serve(authority.certify(|_| ()), answer(REPLY));
            let url = format!("https://{host}:{}/", address.port());
            let fetched = fetch(&client, &url).unwrap();
            assert_eq!(fetched.body, b"ok");
            let times = fetched.timings;
            assert!(times.connect <= times.tls && times.tls <= times.first_byte);
            assert!(times.tls.is_some());
            client.close();
            server.join().unwrap();
        }
    });
}

#[test]
fn what_is_wrong_with_a_certificate_is_said() {
    bounded(|| {
        let authority = Authority::new("wrong");
        let trusted = || authority.trusted();

        let other = authority.certify(|params| {
            params.subject_alt_names = vec![SanType::DnsName("example.org".try_into().unwrap())];
        });
        let words = refused(trusted(), other);
        assert!(
            words.contains("another host: example.org, not 127.0.0.1"),
            "{words}"
        );

        let old = authority.certify(|params| {
            params.not_before = date_time_ymd(2000, 1, 1);
            params.not_after = date_time_ymd(2001, 2, 3);
        });
        let words = refused(trusted(), old);
        assert!(words.contains("has expired on 2001-02-03"), "{words}");

        let young = authority.certify(|params| params.not_before = date_time_ymd(3000, 4, 5));
        let words = refused(trusted(), young);
        assert!(
            words.contains("not valid yet, but from 3000-04-05 on"),
            "{words}"
        );

        let words = refused(
            Authority::new("stranger").trusted(),
            authority.certify(|_| ()),
        );
        assert!(words.contains("its issuer is unknown"), "{words}");
    });
}

#[test]
fn a_certificate_that_signs_itself_is_good_only_if_its_own_file_says_so() {
    bounded(|| {
        for is_authority in [false, true] {
            let mut params = named("itself");
            params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
            if is_authority {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }
            let key = KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            let config = server_of(certificate.der().clone(), &key);

            let words = refused(Authority::new("nobody").trusted(), Arc::clone(&config));
            assert!(words.contains("self-signed"), "{words}");

            let file = filed(&format!("self-{is_authority}"), &certificate.pem());
            let (address, server) = serve(config, answer(REPLY));
            let client = client(Verify::File(file.clone()));
            let fetched = fetch(&client, &format!("https://{address}/"));
            std::fs::remove_file(file).unwrap();
            assert_eq!(fetched.unwrap().body, b"ok");
            client.close();
            server.join().unwrap();
        }
    });
}

#[test]
fn everybody_is_trusted_where_nobody_is_verified() {
    bounded(|| {
        let config = Authority::new("blind").certify(|params| {
            params.not_after = date_time_ymd(2001, 2, 3);
            params.subject_alt_names.clear();
        });
        let (address, server) = serve(config, answer(REPLY));
        let client = client(Verify::Nobody);
        assert_eq!(
            fetch(&client, &format!("https://{address}/")).unwrap().body,
            b"ok"
        );
        client.close();
        server.join().unwrap();
    });
}

#[test]
fn a_file_without_certificates_is_named() {
    bounded(|| {
        let empty = filed("empty", "nothing");
        for file in [empty.clone(), PathBuf::from("/no/such/file.pem")] {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let url = format!("https://{}/", listener.local_addr().unwrap());
            let failure = fetch(&client(Verify::File(file.clone())), &url).unwrap_err();
            assert!(matches!(failure.cause, Cause::Tls(_)), "{failure:?}");
            assert!(
                failure.message.contains(&*file.to_string_lossy()),
                "{failure}"
            );
        }
        std::fs::remove_file(empty).unwrap();
    });
}

#[test]
fn a_connection_that_is_cut_is_an_end_only_where_the_reply_says_so() {
    bounded(|| {
        let authority = Authority::new("cut");
        let cut = |reply: &'static [u8]| {
            let (address, _server) = serve(authority.certify(|_| ()), move |mut peer| {
                head_of(&mut peer);
                let _ = peer.write_all(reply);
                // The socket is closed, and TLS is not.
            });
            fetch(&client(authority.trusted()), &format!("https://{address}/"))
        };
        assert_eq!(cut(REPLY).unwrap().body, b"ok");
        let failure = cut(b"HTTP/1.1 200 OK\r\n\r\nperhaps all").unwrap_err();
        assert!(matches!(failure.cause, Cause::Cut), "{failure:?}");
        assert_eq!(failure.reply.unwrap().body, b"perhaps all");

        let (address, server) = serve(
            authority.certify(|_| ()),
            answer(b"HTTP/1.1 200 OK\r\n\r\nall of it"),
        );
        let client = client(authority.trusted());
        let fetched = fetch(&client, &format!("https://{address}/")).unwrap();
        assert_eq!(fetched.body, b"all of it");
        server.join().unwrap();
    });
}

#[test]
fn a_redirect_is_followed_though_its_connection_is_cut() {
    bounded(|| {
        let authority = Authority::new("moved");
        let (there, last) = serve(authority.certify(|_| ()), answer(REPLY));
        let (address, first) = serve(authority.certify(|_| ()), move |mut peer| {
            head_of(&mut peer);
            let redirect = format!("HTTP/1.1 301 On\r\nLocation: https://{there}/\r\n\r\nmoved");
            let _ = peer.write_all(redirect.as_bytes());
            // The socket is closed, and TLS is not.
        });
        let client = client(authority.trusted());
        let fetched = fetch(&client, &format!("https://{address}/")).unwrap();
        assert_eq!(
            (&fetched.body[..], &fetched.history[0].body[..]),
            (&b"ok"[..], &b"moved"[..])
        );
        client.close();
        first.join().unwrap();
        last.join().unwrap();
    });
}

#[test]
fn a_kept_connection_that_was_reset_meanwhile_is_not_used() {
    bounded(|| {
        let authority = Authority::new("reset");
        let config = authority.certify(|_| ());
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (go, told) = mpsc::sync_channel(0);
        let server = thread::spawn(move || {
            let accept = || secured(Arc::clone(&config), listener.accept().unwrap().0);
            let mut peer = accept();
            head_of(&mut peer);
            peer.write_all(REPLY).unwrap();
            // The client has to have it before the reset takes it away.
            told.recv().unwrap();
            let socket = SockRef::from(&peer.sock);
            socket.set_linger(Some(Duration::ZERO)).unwrap();
            drop(peer);
            told.recv().unwrap();
            let mut peer = accept();
            let head = head_of(&mut peer);
            peer.write_all(REPLY).unwrap();
            head
        });
        let client = client(authority.trusted());
        let url = format!("https://{address}/");
        assert_eq!(fetch(&client, &url).unwrap().body, b"ok");
        assert_eq!(client.idle(), 1);
        go.send(()).unwrap();
        // Heard when the reset is out.
        go.send(()).unwrap();
        let order = Order {
            method: "POST".into(),
            timeout: Some(Duration::from_secs(10)),
            ..Order::get(&url)
        };
        let fetched = client.fetch(&Alone, order, &Proxies::default(), &mut Nobody);
        assert_eq!(fetched.unwrap().body, b"ok");
        let head = server.join().unwrap();
        assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
    });
}

#[test]
fn a_reply_that_comes_with_the_end_of_the_handshake_is_seen() {
    bounded(|| {
        let authority = Authority::new("hasty");
        let mut config = ServerConfig::clone(&authority.certify(|_| ()));
        config.send_half_rtt_data = true;
        let (done, wait) = mpsc::channel::<()>();
        let (address, server) = serve(Arc::new(config), move |mut peer| {
            let (session, socket) = (&mut peer.conn, &mut peer.sock);
            session.read_tls(socket).unwrap();
            session.process_new_packets().unwrap();
            let reply = b"HTTP/1.1 503 Too many\r\nContent-Length: 2\r\n\r\nno";
            session.writer().write_all(reply).unwrap();
            session.write_tls(socket).unwrap();
            // It says no more, and the connection stays open.
            let _ = wait.recv();
        });
        let client = client(authority.trusted());
        let fetched = fetch(&client, &format!("https://{address}/")).unwrap();
        assert_eq!((fetched.head.status, &fetched.body[..]), (503, &b"no"[..]));
        drop(done);
        server.join().unwrap();
    });
}

#[test]
fn a_server_that_speaks_no_tls_is_told_apart() {
    bounded(|| {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            for reply in [&b"HTTP/1.1 400 What\r\n\r\n"[..], b""] {
                let (mut peer, _) = listener.accept().unwrap();
                let _ = peer.read(&mut [0; 1]);
                let _ = peer.write_all(reply);
                let _ = peer.shutdown(std::net::Shutdown::Write);
                let _ = peer.read_to_end(&mut Vec::new());
            }
        });
        let words = [
            "does not speak TLS",
            "closed the connection during the TLS handshake",
        ];
        for expected in words {
            let outcome = fetch(&client(Verify::Nobody), &format!("https://{address}/"));
            let failure = outcome.unwrap_err();
            assert!(failure.message.contains(expected), "{failure}");
        }
        server.join().unwrap();
    });
}

#[test]
fn a_handshake_that_never_ends_is_given_up() {
    bounded(|| {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let order = Order {
            timeout: Some(Duration::from_millis(200)),
            ..Order::get(&format!("https://{address}/"))
        };
        let client = client(Verify::Nobody);
        match client.fetch(&Alone, order, &Proxies::default(), &mut Nobody) {
            Err(Ended::Failed(failure)) => {
                assert!(matches!(failure.cause, Cause::TimedOut), "{failure:?}");
                assert!(failure.message.contains("TLS handshake"), "{failure}");
            }
            other => panic!("{other:?}"),
        }
        drop(listener);
    });
}

#[test]
fn a_tunnel_through_a_proxy_is_kept_as_connections_are() {
    bounded(|| {
        let authority = Authority::new("tunnel");
        let config = authority.certify(|params| {
            params.subject_alt_names = vec![SanType::DnsName("example.com".try_into().unwrap())];
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let proxy = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let asked = head_of(&mut socket);
            socket.write_all(b"HTTP/1.1 200 Go on\r\n\r\n").unwrap();
            let mut peer = secured(config, socket);
            let mut count = 0;
            while !head_of(&mut peer).is_empty() {
                peer.write_all(REPLY).unwrap();
                count += 1;
            }
            (asked, count)
        });
        let proxies = Proxies::from_schemes(|name| (name == "https").then(|| proxy.clone()));
        let client = client(authority.trusted());
        for _ in 0..2 {
            let fetched = fetch_by(&client, "https://example.com/", &proxies).unwrap();
            assert_eq!(fetched.body, b"ok");
        }
        assert_eq!(client.idle(), 1);
        client.close();
        let (asked, count) = server.join().unwrap();
        assert!(
            asked.starts_with("CONNECT example.com:443 HTTP/1.1\r\n"),
            "{asked}"
        );
        assert_eq!(count, 2);
    });
}

#[test]
fn much_comes_over_tls_unharmed_both_ways() {
    bounded(|| {
        let authority = Authority::new("much");
        let body: Vec<u8> = (0..3_000_000u32)
            .map(|number| (number % 249) as u8)
            .collect();
        let expected = body.clone();
        let (address, server) = serve(authority.certify(|_| ()), move |mut peer| {
            let head = head_of(&mut peer);
            let mut came = vec![0; expected.len()];
            peer.read_exact(&mut came).unwrap();
            let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", came.len());
            peer.write_all(reply.as_bytes()).unwrap();
            peer.write_all(&came).unwrap();
            peer.flush().unwrap();
            (head, came == expected)
        });
        let client = client(authority.trusted());
        let order = Order {
            method: "POST".into(),
            body: Some(body.clone()),
            ..Order::get(&format!("https://{address}/"))
        };
        let fetched = client.fetch(&Alone, order, &Proxies::default(), &mut Nobody);
        assert!(fetched.unwrap().body == body);
        let (head, same) = server.join().unwrap();
        assert!(
            same && head.contains("\r\nContent-Length: 3000000\r\n"),
            "{head}"
        );
    });
}
