//! How long a call waits: as long as it was told, measured, and never a moment less.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use common::{assert_errno, assert_timed_out, bounded, limited, listener, pair, source, target};
use rsock::error::Error;
use rsock::net::blocking::Alone;
use rsock::net::{Deadline, Patience, Socket};

const SHORT: Duration = Duration::from_millis(60);
/// What a call that ends late has not taken, even on a machine that is busy.
const LATE: Duration = Duration::from_secs(8);

#[test]
fn a_deadline_without_a_limit_never_passes() {
    for patience in [Patience::Endless, Patience::None] {
        let mut deadline = Deadline::from(patience);
        assert!(!deadline.is_limited());
        assert!(matches!(deadline.remaining(), Ok(None)));
    }
}

#[test]
fn what_remains_only_shrinks() {
    let mut deadline = Deadline::from(Patience::Limited(LATE));
    let first = deadline.remaining().unwrap().unwrap();
    let second = deadline.remaining().unwrap().unwrap();
    assert!(
        second <= first && first <= LATE,
        "{second:?} after {first:?}"
    );
}

#[test]
fn the_clock_starts_at_the_first_wait() {
    let mut deadline = Deadline::from(Patience::Limited(LATE));
    assert_eq!(deadline.remaining().unwrap(), Some(LATE));
}

#[test]
fn a_limit_of_nothing_has_passed_at_once() {
    let mut deadline = Deadline::from(Patience::Limited(Duration::ZERO));
    assert!(deadline.is_limited());
    assert!(matches!(deadline.remaining(), Err(Error::TimedOut)));
}

#[test]
fn a_limit_beyond_the_clock_is_for_ever() {
    let mut deadline = Deadline::from(Patience::Limited(Duration::MAX));
    assert!(matches!(deadline.remaining(), Ok(None)));
}

#[test]
fn a_socket_keeps_its_patience_to_the_nanosecond() {
    let (one, _other) = pair();
    assert_eq!(one.patience(), Patience::Endless);
    let nanosecond = Duration::from_nanos(1);
    for patience in [
        Patience::None,
        Patience::Limited(nanosecond),
        Patience::Endless,
    ] {
        one.set_patience(patience).unwrap();
        assert_eq!(one.patience(), patience);
    }
}

#[test]
fn accept_gives_up_at_its_deadline() {
    bounded(|| {
        let (listener, _) = listener();
        times_out(&listener, |listener| listener.accept(&Alone).map(drop));
    });
}

#[test]
fn recv_gives_up_at_its_deadline() {
    bounded(|| {
        let (one, _other) = pair();
        times_out(&one, |one| {
            one.recv(&Alone, &mut target(&mut [0; 4]), 0).map(drop)
        });
        times_out(&one, |one| {
            one.recv_from(&Alone, &mut target(&mut [0; 4]), 0).map(drop)
        });
    });
}

#[test]
fn send_all_gives_up_when_nobody_reads() {
    bounded(|| {
        let (one, _other) = pair();
        let much = vec![7; 8 << 20];
        times_out(&one, |one| one.send_all(&Alone, source(&much), 0));
    });
}

#[test]
fn send_all_has_one_deadline_however_the_reader_goes_on() {
    bounded(|| {
        let (one, other) = pair();
        let (stop, stopped) = mpsc::channel::<()>();
        let reader = thread::spawn(move || {
            let mut some = vec![0; 4096];
            // At this pace the whole would take half a minute.
            while stopped.recv_timeout(Duration::from_millis(2)).is_err() {
                let _ = other.recv(&Alone, &mut target(&mut some), libc::MSG_DONTWAIT);
            }
        });
        let much = vec![7; 64 << 20];
        times_out(&one, |one| one.send_all(&Alone, source(&much), 0));
        stop.send(()).unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn send_all_sends_more_than_the_buffers_hold() {
    bounded(|| {
        for patience in [Patience::Endless, limited(15_000)] {
            let (one, other) = pair();
            one.set_patience(patience).unwrap();
            let much: Vec<u8> = (0..4_u32 << 20).map(|index| (index % 251) as u8).collect();
            let reader = thread::spawn(move || {
                let (mut whole, mut some) = (Vec::new(), [0; 1000]);
                loop {
                    match other.recv(&Alone, &mut target(&mut some), 0).unwrap() {
                        0 => return whole,
                        count => whole.extend_from_slice(&some[..count]),
                    }
                }
            });
            one.send_all(&Alone, source(&much), 0).unwrap();
            one.close().unwrap();
            assert!(
                reader.join().unwrap() == much,
                "what arrived is not what was sent"
            );
        }
    });
}

#[test]
fn a_call_that_may_not_wait_says_eagain() {
    bounded(|| {
        let (one, _other) = pair();
        one.set_patience(Patience::None).unwrap();
        assert_errno(one.recv(&Alone, &mut target(&mut [0; 4]), 0), libc::EAGAIN);
        let (listener, _) = listener();
        listener.set_patience(Patience::None).unwrap();
        assert_errno(listener.accept(&Alone), libc::EAGAIN);
    });
}

#[test]
fn what_is_there_is_read_whatever_the_deadline() {
    bounded(|| {
        let (one, other) = pair();
        for patience in [Patience::None, Patience::Limited(Duration::from_nanos(1))] {
            one.set_patience(patience).unwrap();
            other.send(&Alone, source(b"word"), 0).unwrap();
            assert_eq!(one.recv(&Alone, &mut target(&mut [0; 4]), 0).unwrap(), 4);
        }
    });
}

#[test]
fn a_deadline_that_poll_cannot_hold_is_waited_for() {
    bounded(|| {
        let (one, other) = pair();
        one.set_patience(Patience::Limited(Duration::from_secs(60 * 60 * 24 * 365)))
            .unwrap();
        let (asked, go) = mpsc::channel::<()>();
        let writer = thread::spawn(move || {
            go.recv().unwrap();
            other.send(&Alone, source(b"late"), 0).unwrap();
        });
        asked.send(()).unwrap();
        assert_eq!(one.recv(&Alone, &mut target(&mut [0; 8]), 0).unwrap(), 4);
        writer.join().unwrap();
    });
}

#[test]
fn the_change_of_patience_holds_on_a_closed_socket() {
    let socket = Socket::default();
    assert_errno(socket.set_patience(limited(5)), libc::EBADF);
    assert_eq!(socket.patience(), limited(5));
}

#[track_caller]
fn times_out(socket: &Socket, call: impl FnOnce(&Socket) -> Result<(), Error>) {
    socket.set_patience(Patience::Limited(SHORT)).unwrap();
    let start = Instant::now();
    assert_timed_out(call(socket));
    let elapsed = start.elapsed();
    assert!(
        SHORT <= elapsed && elapsed < LATE,
        "took {elapsed:?} of {SHORT:?}"
    );
}
