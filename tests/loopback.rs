//! Sockets that talk to each other on this machine: TCP, UDP and Unix.

#![allow(clippy::unwrap_used)]

mod common;

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::thread;

use common::{
    TCP, UDP, assert_errno, bounded, descriptor_flags, limited, listener, pair, source, target,
};
use rsock::net::blocking::Alone;
use rsock::net::{Patience, Socket};
use socket2::{SockAddr, SockRef};

/// Every way of waiting for what is bound to come.
const PATIENT: [Patience; 2] = [Patience::Endless, limited(10_000)];

#[test]
fn tcp_carries_bytes_both_ways() {
    bounded(|| {
        for patience in PATIENT {
            let (listener, address) = listener();
            listener.set_patience(patience).unwrap();
            let server = thread::spawn(move || {
                let (fd, _) = listener.accept(&Alone).unwrap();
                let server = Socket::new(fd, TCP);
                let mut word = [0; 16];
                let count = server.recv(&Alone, &mut target(&mut word), 0).unwrap();
                server.send_all(&Alone, source(&word[..count]), 0).unwrap();
            });
            let client = Socket::open(TCP).unwrap();
            client.set_patience(patience).unwrap();
            client.connect(&Alone, &address).unwrap();
            client.send_all(&Alone, source(b"hello"), 0).unwrap();
            let mut answer = [0; 16];
            let count = client.recv(&Alone, &mut target(&mut answer), 0).unwrap();
            assert_eq!(&answer[..count], b"hello");
            server.join().unwrap();
            assert_eq!(client.recv(&Alone, &mut target(&mut answer), 0).unwrap(), 0);
        }
    });
}

#[test]
fn accept_says_who_connected() {
    bounded(|| {
        let (listener, address) = listener();
        let client = Socket::open(TCP).unwrap();
        client.connect(&Alone, &address).unwrap();
        let name = SockRef::from(&client.borrow().unwrap().as_fd())
            .local_addr()
            .unwrap();
        let (_, from) = listener.accept(&Alone).unwrap();
        assert_eq!(from.as_socket(), name.as_socket());
    });
}

#[test]
fn accepted_sockets_are_closed_on_exec() {
    bounded(|| {
        let (listener, address) = listener();
        let client = Socket::open(TCP).unwrap();
        client.connect(&Alone, &address).unwrap();
        let (fd, _) = listener.accept(&Alone).unwrap();
        for fd in [fd.as_fd(), client.borrow().unwrap().as_fd()] {
            assert_eq!(descriptor_flags(fd.as_raw_fd()).unwrap(), libc::FD_CLOEXEC);
        }
    });
}

#[test]
fn udp_says_who_sent_a_message() {
    bounded(|| {
        for patience in PATIENT {
            let (one, one_address) = datagram();
            let (other, other_address) = datagram();
            one.set_patience(patience).unwrap();
            other.set_patience(patience).unwrap();
            assert_eq!(
                one.send_to(&Alone, source(b"ping"), 0, &other_address)
                    .unwrap(),
                4
            );
            let mut word = [0; 16];
            let (count, from) = other.recv_from(&Alone, &mut target(&mut word), 0).unwrap();
            assert_eq!(&word[..count], b"ping");
            assert_eq!(from.as_socket(), one_address.as_socket());
        }
    });
}

#[test]
fn an_empty_message_is_a_message() {
    bounded(|| {
        let (one, _) = datagram();
        let (other, address) = datagram();
        assert_eq!(one.send_to(&Alone, source(b""), 0, &address).unwrap(), 0);
        let (count, _) = other
            .recv_from(&Alone, &mut target(&mut [0; 4]), 0)
            .unwrap();
        assert_eq!(count, 0);
    });
}

#[test]
fn a_pair_of_unix_sockets_is_connected() {
    bounded(|| {
        let (one, other) = pair();
        let mut word = [0; 8];
        for (from, to) in [(&one, &other), (&other, &one)] {
            assert_eq!(from.send(&Alone, source(b"word"), 0).unwrap(), 4);
            assert_eq!(to.recv(&Alone, &mut target(&mut word), 0).unwrap(), 4);
            assert_eq!(&word[..4], b"word");
        }
    });
}

#[test]
fn flags_reach_the_kernel() {
    bounded(|| {
        let (one, other) = pair();
        one.send(&Alone, source(b"word"), 0).unwrap();
        let mut word = [0; 4];
        for _ in 0..2 {
            other
                .recv(&Alone, &mut target(&mut word), libc::MSG_PEEK)
                .unwrap();
            assert_eq!(&word, b"word");
        }
    });
}

#[test]
fn a_target_takes_no_more_than_it_holds() {
    bounded(|| {
        let (one, other) = pair();
        one.send(&Alone, source(b"twelve bytes"), 0).unwrap();
        let mut memory = [b'.'; 8];
        let count = other
            .recv(&Alone, &mut target(&mut memory).first(6), 0)
            .unwrap();
        assert_eq!((count, &memory), (6, b"twelve.."));
    });
}

#[test]
fn connect_refused_keeps_its_number() {
    bounded(|| {
        for patience in PATIENT {
            // Bound, so that nobody else gets the port, but not listening.
            let closed = Socket::open(TCP).unwrap();
            let any: SockAddr = SocketAddr::from(([127, 0, 0, 1], 0)).into();
            let borrowed = closed.borrow().unwrap();
            let fd = borrowed.as_fd();
            let name = SockRef::from(&fd);
            name.bind(&any).unwrap();
            let client = Socket::open(TCP).unwrap();
            client.set_patience(patience).unwrap();
            let outcome = client.connect(&Alone, &name.local_addr().unwrap());
            assert_errno(outcome, libc::ECONNREFUSED);
        }
    });
}

#[test]
fn a_connect_that_may_not_wait_says_that_it_is_under_way() {
    bounded(|| {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let client = Socket::open(TCP).unwrap();
        client.set_patience(Patience::None).unwrap();
        let address = listener.local_addr().unwrap().into();
        assert_errno(client.connect(&Alone, &address), libc::EINPROGRESS);
    });
}

#[test]
fn a_reset_by_the_other_side_keeps_its_number() {
    bounded(|| {
        let (one, other) = pair();
        drop(other);
        assert_errno(
            one.send(&Alone, source(b"word"), libc::MSG_NOSIGNAL),
            libc::EPIPE,
        );
    });
}

fn datagram() -> (Socket, SockAddr) {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let address = socket.local_addr().unwrap();
    (Socket::new(socket.into(), UDP), address.into())
}
