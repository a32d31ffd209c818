//! Where servers listen, and what becomes of ports, paths and passed descriptors.

#![allow(unsafe_code, clippy::unwrap_used)]

mod common;

use std::env;
use std::fs;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Stdio, id};
use std::time::Duration;

use common::{bounded, descriptor_flags};
use rsock::error::Error;
use rsock::service::{Bound, ListenOptions, Listener, Place};
use rsock::sys::option;
use rsock::sys::poll::{self, Readiness};
use socket2::SockAddr;

const PLAIN: ListenOptions = ListenOptions {
    backlog: 16,
    reuse_port: false,
    dualstack: false,
};

fn ip(host: &str, port: u16) -> Place {
    Place::Ip {
        host: host.to_owned(),
        port,
    }
}

fn local() -> Listener {
    Listener::bind(&ip("127.0.0.1", 0), &PLAIN).unwrap()
}

fn inet(address: &SockAddr) -> SocketAddr {
    address.as_socket().unwrap()
}

fn accept(listener: &Listener) -> (OwnedFd, SockAddr) {
    let limit = Some(Duration::from_secs(10));
    assert!(poll::wait(listener.fd(), Readiness::Read, limit).unwrap());
    listener.accept().unwrap().unwrap()
}

/// A directory of its own for each test, removed afterwards.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("rsock-{name}-{}", id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("s")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn refusal(outcome: Result<Listener, Error>, errno: i32) -> String {
    let error = outcome.unwrap_err();
    assert_eq!(error.errno(), Some(errno), "{error}");
    error.to_string()
}

#[test]
fn the_port_0_is_one_that_is_free() {
    let listener = local();
    let address = inet(&listener.address());
    assert_ne!(address.port(), 0);
    assert_eq!(address.ip(), IpAddr::from([127, 0, 0, 1]));
}

#[test]
fn accept_does_not_wait_and_neither_do_the_sockets_it_gives() {
    bounded(|| {
        let listener = local();
        assert!(listener.accept().unwrap().is_none());
        let client = TcpStream::connect(inet(&listener.address())).unwrap();
        let (fd, peer) = accept(&listener);
        assert_eq!(inet(&peer), client.local_addr().unwrap());
        assert_eq!(
            descriptor_flags(fd.as_raw_fd()).unwrap() & libc::FD_CLOEXEC,
            libc::FD_CLOEXEC
        );
        // SAFETY: asks about an open number.
        let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
        assert_eq!(flags & libc::O_NONBLOCK, libc::O_NONBLOCK);
        let nodelay = option::get_int(fd.as_fd(), libc::IPPROTO_TCP, libc::TCP_NODELAY);
        assert_ne!(nodelay.unwrap(), 0);
    });
}

#[test]
fn a_name_is_looked_up_for_ipv4_first() {
    bounded(|| {
        let listener = Listener::bind(&ip("localhost", 0), &PLAIN).unwrap();
        assert!(inet(&listener.address()).ip().is_loopback());
        assert!(inet(&listener.address()).is_ipv4());
    });
}

#[test]
fn all_interfaces_are_those_of_ipv4_or_with_dualstack_of_both() {
    bounded(|| {
        let plain = Listener::bind(&ip("", 0), &PLAIN).unwrap();
        assert_eq!(inet(&plain.address()).ip(), IpAddr::from([0, 0, 0, 0]));
        let both = ListenOptions {
            dualstack: true,
            ..PLAIN
        };
        let listener = Listener::bind(&ip("", 0), &both).unwrap();
        let port = inet(&listener.address()).port();
        let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (_fd, peer) = accept(&listener);
        // On a machine without IPv6 it is IPv4 alone.
        let expected = match inet(&listener.address()).ip() {
            IpAddr::V6(_) => "::ffff:127.0.0.1",
            IpAddr::V4(_) => "127.0.0.1",
        };
        assert_eq!(inet(&peer).ip().to_string(), expected);
    });
}

#[test]
fn without_dualstack_all_of_ipv6_leaves_the_port_of_ipv4_free() {
    bounded(|| {
        let Ok(listener) = Listener::bind(&ip("::", 0), &PLAIN) else {
            assert!(TcpListener::bind("[::1]:0").is_err());
            return;
        };
        let port = inet(&listener.address()).port();
        let refused = TcpStream::connect(("127.0.0.1", port)).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::ECONNREFUSED));
    });
}

#[test]
fn a_port_that_this_process_holds_says_so() {
    bounded(|| {
        let first = local();
        let port = inet(&first.address()).port();
        let text = refusal(
            Listener::bind(&ip("127.0.0.1", port), &PLAIN),
            libc::EADDRINUSE,
        );
        assert!(text.starts_with("Address already in use"), "{text}");
        assert!(
            text.contains(&format!("port {port} of 127.0.0.1")),
            "{text}"
        );
        if cfg!(target_os = "linux") {
            assert!(text.contains("this process itself"), "{text}");
        }
    });
}

#[test]
fn a_port_that_another_process_holds_names_it() {
    bounded(|| {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = held.local_addr().unwrap().port();
        let mut other = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::from(OwnedFd::from(held)))
            .spawn()
            .unwrap();
        let outcome = Listener::bind(&ip("127.0.0.1", port), &PLAIN);
        other.kill().unwrap();
        other.wait().unwrap();
        let text = refusal(outcome, libc::EADDRINUSE);
        assert!(text.contains(&format!("port {port}")), "{text}");
        if cfg!(target_os = "linux") {
            let holder = format!("(process {})", other.id());
            assert!(text.contains(&holder), "{text}");
        }
    });
}

#[test]
fn an_address_of_another_machine_is_refused_by_name() {
    let text = refusal(
        Listener::bind(&ip("192.0.2.1", 0), &PLAIN),
        libc::EADDRNOTAVAIL,
    );
    assert!(text.contains("192.0.2.1"), "{text}");
}

#[test]
fn a_server_that_is_run_again_gets_its_port() {
    bounded(|| {
        let listener = local();
        let address = inet(&listener.address());
        let client = TcpStream::connect(address).unwrap();
        // Closed here first, the connection stays behind for a minute.
        drop(accept(&listener));
        drop(listener);
        drop(client);
        Listener::bind(&ip("127.0.0.1", address.port()), &PLAIN).unwrap();
    });
}

#[test]
fn a_port_is_shared_by_those_who_all_want_to() {
    let shared = ListenOptions {
        reuse_port: true,
        ..PLAIN
    };
    let first = Listener::bind(&ip("127.0.0.1", 0), &shared).unwrap();
    let place = ip("127.0.0.1", inet(&first.address()).port());
    Listener::bind(&place, &shared).unwrap();
    refusal(Listener::bind(&place, &PLAIN), libc::EADDRINUSE);
}

#[test]
fn a_path_goes_with_its_listener() {
    bounded(|| {
        let directory = Directory::new("path");
        let path = directory.socket();
        let listener = Listener::bind(&Place::Path(path.clone()), &PLAIN).unwrap();
        UnixStream::connect(&path).unwrap();
        drop(accept(&listener));
        drop(listener);
        assert!(!path.exists());
    });
}

#[test]
fn a_path_where_a_server_listens_stays_its_own() {
    bounded(|| {
        let directory = Directory::new("live");
        let path = directory.socket();
        let place = Place::Path(path.clone());
        let listener = Listener::bind(&place, &PLAIN).unwrap();
        let text = refusal(Listener::bind(&place, &PLAIN), libc::EADDRINUSE);
        assert!(text.contains(path.to_str().unwrap()), "{text}");
        UnixStream::connect(&path).unwrap();
        drop(listener);
    });
}

#[test]
fn a_path_where_nobody_listens_any_more_is_taken_over() {
    bounded(|| {
        let directory = Directory::new("stale");
        let path = directory.socket();
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let _listener = Listener::bind(&Place::Path(path.clone()), &PLAIN).unwrap();
        UnixStream::connect(&path).unwrap();
    });
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    bounded(|| {
        let directory = Directory::new("file");
        let path = directory.socket();
        fs::write(&path, "words").unwrap();
        let place = Place::Path(path.clone());
        let text = refusal(Listener::bind(&place, &PLAIN), libc::EADDRINUSE);
        assert!(text.contains("no socket"), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "words");
    });
}

#[test]
fn a_path_that_somebody_else_took_meanwhile_is_left_to_them() {
    bounded(|| {
        let directory = Directory::new("taken");
        let path = directory.socket();
        let first = Listener::bind(&Place::Path(path.clone()), &PLAIN).unwrap();
        // Under another name the first file stays, so that the new one is surely another.
        fs::rename(&path, directory.0.join("old")).unwrap();
        let second = Listener::bind(&Place::Path(path.clone()), &PLAIN).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    });
}

#[cfg(target_os = "linux")]
#[test]
fn an_abstract_name_needs_no_file() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    bounded(|| {
        let name = format!("rsock-test-{}", id()).into_bytes();
        let listener = Listener::bind(&Place::Abstract(name.clone()), &PLAIN).unwrap();
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let _client = UnixStream::connect_addr(&address).unwrap();
        drop(accept(&listener));
    });
}

#[test]
fn a_socket_that_is_bound_already_stays_with_its_owner() {
    bounded(|| {
        let own = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = own.local_addr().unwrap();
        let place = Place::Fd(own.try_clone().unwrap().into());
        let listener = Listener::bind(&place, &PLAIN).unwrap();
        assert_eq!(inet(&listener.address()), address);
        let _client = TcpStream::connect(address).unwrap();
        drop(accept(&listener));
        drop((listener, place));
        let _client = TcpStream::connect(address).unwrap();
        let limit = Some(Duration::from_secs(10));
        assert!(poll::wait(own.as_fd(), Readiness::Read, limit).unwrap());
        own.accept().unwrap();
    });
}

#[test]
fn a_socket_of_the_wrong_kind_is_refused() {
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let place = Place::Fd(datagrams.into());
    refusal(Listener::bind(&place, &PLAIN), libc::EINVAL);
    Bound::datagram(&place, &PLAIN).unwrap();
}

#[test]
fn datagrams_are_received_where_they_are_bound() {
    bounded(|| {
        let bound = Bound::datagram(&ip("127.0.0.1", 0), &PLAIN).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.send_to(b"word", inet(&bound.address())).unwrap();
        let limit = Some(Duration::from_secs(10));
        assert!(poll::wait(bound.fd(), Readiness::Read, limit).unwrap());
        let place = ip("127.0.0.1", inet(&bound.address()).port());
        let error = Bound::datagram(&place, &PLAIN).unwrap_err();
        assert_eq!(error.errno(), Some(libc::EADDRINUSE));
        if cfg!(target_os = "linux") {
            assert!(error.to_string().contains("this process itself"), "{error}");
        }
    });
}

/// Set in the process that plays the service which systemd starts.
const ACTIVATED: &str = "RSOCK_TEST_ACTIVATED";

#[test]
fn sockets_that_systemd_passes_are_found_by_place_and_by_name() {
    if env::var_os(ACTIVATED).is_some() {
        return activated();
    }
    bounded(|| {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let second = TcpListener::bind("127.0.0.1:0").unwrap();
        let ports = [&first, &second].map(|known| known.local_addr().unwrap().port().to_string());
        // The shell puts them where systemd would, and becomes the service with its own number.
        let script = "exec 3<&0 4>&1 </dev/null >/dev/null; LISTEN_PID=$$ exec \"$0\" \"$@\"";
        let test = "sockets_that_systemd_passes_are_found_by_place_and_by_name";
        let output = Command::new("sh")
            .args(["-c", script])
            .arg(env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(ACTIVATED, ports.join(","))
            .env("LISTEN_FDS", "2")
            .env("LISTEN_FDNAMES", "web:admin")
            .stdin(Stdio::from(OwnedFd::from(first)))
            .stdout(Stdio::from(OwnedFd::from(second)))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words}");
    });
}

/// What the service does with what it was passed.
fn activated() {
    let ports = env::var(ACTIVATED).unwrap();
    let ports: Vec<u16> = ports.split(',').map(|port| port.parse().unwrap()).collect();
    let port = |name: Option<&str>| {
        let place = Place::Systemd(name.map(str::to_owned));
        let listener = Listener::bind(&place, &PLAIN)?;
        Ok::<u16, Error>(inet(&listener.address()).port())
    };
    assert_eq!(port(None).unwrap(), ports[0]);
    assert_eq!(port(Some("web")).unwrap(), ports[0]);
    assert_eq!(port(Some("admin")).unwrap(), ports[1]);
    assert_eq!(port(Some("nobody")).unwrap_err().errno(), Some(libc::EBADF));
    // Programs that this one starts do not get them.
    assert_eq!(descriptor_flags(3).unwrap(), libc::FD_CLOEXEC);
    std::io::stderr().flush().unwrap();
}

#[test]
fn without_systemd_there_is_a_word_about_it() {
    if env::var_os("LISTEN_PID").is_some() {
        return;
    }
    let text = refusal(Listener::bind(&Place::Systemd(None), &PLAIN), libc::EBADF);
    assert!(text.contains("LISTEN_FDS"), "{text}");
}
