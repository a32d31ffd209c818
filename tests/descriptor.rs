//! Closing what others use: nobody meets a stranger, and no number is lost.

#![allow(unsafe_code, clippy::unwrap_used)]

mod common;

use std::fs::{self, File};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use common::{assert_errno, bounded, descriptor_flags, limited, pair, source, target};
use rsock::error::Error;
use rsock::net::blocking::{Alone, Order, perform};
use rsock::net::{Deadline, Patience, Socket};
use rsock::sys::descriptor::Descriptor;
use rsock::sys::io;
use rsock::sys::poll::Readiness;

/// These tests look at the numbers of the whole process, so one runs at a time.
static NUMBERS: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    NUMBERS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn is_open(number: RawFd) -> bool {
    descriptor_flags(number).is_ok()
}

fn null() -> OwnedFd {
    File::open("/dev/null").unwrap().into()
}

/// Open enough files that every number that is free gets one.
fn strangers() -> Vec<File> {
    (0..64).map(|_| File::open("/dev/zero").unwrap()).collect()
}

#[track_caller]
fn assert_closed(descriptor: &Descriptor) {
    assert_eq!(descriptor.number(), -1);
    assert_errno(descriptor.borrow().map_err(Error::from), libc::EBADF);
    assert!(descriptor.take().is_none());
    descriptor.close().unwrap();
}

#[test]
fn none_is_closed() {
    let _alone = alone();
    assert_closed(&Descriptor::default());
}

#[test]
fn closing_sets_the_number_free_at_once() {
    let _alone = alone();
    let descriptor = Descriptor::from(null());
    let number = descriptor.number();
    assert_eq!(descriptor.borrow().unwrap().as_raw_fd(), number);
    descriptor.close().unwrap();
    assert!(!is_open(number));
    assert_closed(&descriptor);
}

#[test]
fn closing_a_number_that_others_closed_says_ebadf() {
    let _alone = alone();
    let descriptor = Descriptor::from(null());
    // SAFETY: the descriptor will find its number closed, and nobody opens files meanwhile.
    drop(unsafe { OwnedFd::from_raw_fd(descriptor.number()) });
    assert_errno(descriptor.close().map_err(Error::from), libc::EBADF);
    assert_closed(&descriptor);
}

#[test]
fn dropping_closes() {
    let _alone = alone();
    let descriptor = Descriptor::from(null());
    let number = descriptor.number();
    drop(descriptor);
    assert!(!is_open(number));
}

#[test]
fn a_number_in_use_goes_to_nobody_else_when_closed() {
    let _alone = alone();
    let before = open_files();
    let descriptor = Descriptor::from(null());
    let first = descriptor.borrow().unwrap();
    let second = descriptor.borrow().unwrap();
    let number = first.as_raw_fd();
    descriptor.close().unwrap();
    assert_closed(&descriptor);
    for guard in [first, second] {
        assert!(is_open(number), "the number is free while it is in use");
        assert!(strangers().iter().all(|file| file.as_raw_fd() != number));
        assert_dead(guard.as_raw_fd());
        drop(guard);
    }
    assert!(!is_open(number));
    assert_eq!(open_files(), before);
}

#[test]
fn dropping_closes_also_what_a_lost_user_held() {
    let _alone = alone();
    // As in a child that was forked while another thread was in a call.
    let descriptor = Descriptor::from(null());
    std::mem::forget(descriptor.borrow().unwrap());
    let first = descriptor.number();
    descriptor.replace(null());
    let second = descriptor.number();
    descriptor.close().unwrap();
    descriptor.close().unwrap();
    assert!(is_open(first) && is_open(second));
    drop(descriptor);
    assert!(!is_open(first) && !is_open(second));
}

#[test]
fn replacing_closes_what_was_there_when_its_last_user_leaves() {
    let _alone = alone();
    let before = open_files();
    let descriptor = Descriptor::from(null());
    let old = descriptor.borrow().unwrap();
    descriptor.replace(null());
    let new = descriptor.borrow().unwrap();
    assert_eq!(new.as_raw_fd(), descriptor.number());
    assert_ne!(new.as_raw_fd(), old.as_raw_fd());
    assert_dead(old.as_raw_fd());
    let number = old.as_raw_fd();
    drop((old, new));
    assert!(!is_open(number));
    assert!(is_open(descriptor.number()));
    drop(descriptor);
    assert_eq!(open_files(), before);
}

#[test]
fn replacing_by_itself_changes_nothing() {
    let _alone = alone();
    let descriptor = Descriptor::from(null());
    let number = descriptor.number();
    // SAFETY: the second owner of the number is given back to the first at once.
    descriptor.replace(unsafe { OwnedFd::from_raw_fd(number) });
    assert_eq!(descriptor.number(), number);
    assert!(is_open(number));
}

#[test]
fn what_was_closed_can_stand_for_another_file() {
    let _alone = alone();
    let descriptor = Descriptor::default();
    descriptor.replace(null());
    assert!(is_open(descriptor.number()));
    assert!(descriptor.borrow().is_ok());
}

#[test]
fn taking_hands_the_number_over() {
    let _alone = alone();
    let descriptor = Descriptor::from(null());
    let number = descriptor.number();
    let taken = descriptor.take().unwrap();
    assert_closed(&descriptor);
    drop(descriptor);
    assert_eq!(taken.as_raw_fd(), number);
    assert!(is_open(number));
}

#[test]
fn taking_leaves_the_users_their_file() {
    let _alone = alone();
    let descriptor = Descriptor::from(null());
    let guard = descriptor.borrow().unwrap();
    let taken = descriptor.take().unwrap();
    assert_eq!(kind_of(guard.as_raw_fd()), Kind::Null);
    drop(guard);
    assert!(is_open(taken.as_raw_fd()));
}

#[test]
fn only_one_of_many_takes_the_number() {
    let _alone = alone();
    bounded(|| {
        for _ in 0..200 {
            let descriptor = Descriptor::from(null());
            let (start, taken) = (Barrier::new(4), AtomicUsize::new(0));
            thread::scope(|scope| {
                for index in 0..4 {
                    let (descriptor, start, taken) = (&descriptor, &start, &taken);
                    scope.spawn(move || {
                        start.wait();
                        if index == 0 {
                            descriptor.close().unwrap();
                        } else if descriptor.take().is_some() {
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
            });
            assert!(taken.into_inner() <= 1);
            assert_closed(&descriptor);
        }
    });
}

#[test]
fn many_threads_meet_no_stranger_and_lose_no_number() {
    let _alone = alone();
    bounded(|| {
        let before = open_files();
        let descriptor = Descriptor::from(null());
        let (done, met) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| use_until(&done, &met, &descriptor));
            }
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    drop(strangers());
                }
            });
            let mut rounds = 0;
            while rounds < 4_000 || met.load(Ordering::Relaxed) < 1_000 {
                rounds += 1;
                if rounds % 3 == 0 {
                    descriptor.close().unwrap();
                } else {
                    descriptor.replace(null());
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        descriptor.close().unwrap();
        assert_eq!(open_files(), before);
    });
}

#[test]
fn a_reader_about_to_call_reads_no_stranger() {
    let _alone = alone();
    bounded(|| {
        for patience in [Patience::Endless, limited(10_000)] {
            let before = open_files();
            let (one, other) = pair();
            one.set_patience(patience).unwrap();
            let number = one.number();
            let mut deadline = Deadline::from(patience);
            let how = (Readiness::Read, Order::TryFirst);
            let outcome = perform(&Alone, &one, &mut deadline, how, |fd| {
                // What another thread may do between the look at the number and the call.
                one.close()?;
                let strangers = strangers();
                assert!(strangers.iter().all(|file| file.as_raw_fd() != number));
                io::recv(fd, &mut target(&mut [0; 8]), 0)
            });
            assert_errno(outcome, libc::EBADF);
            assert!(!is_open(number));
            drop((one, other));
            assert_eq!(open_files(), before);
        }
    });
}

#[test]
fn a_reader_in_its_call_keeps_the_number_until_it_is_done() {
    let _alone = alone();
    bounded(|| {
        for patience in [Patience::Endless, limited(10_000)] {
            let before = open_files();
            let (one, other) = pair();
            one.set_patience(patience).unwrap();
            let number = one.number();
            let (reading, is_reading) = mpsc::channel();
            thread::scope(|scope| {
                let one = &one;
                let reader = scope.spawn(move || {
                    let mut memory = [0; 8];
                    let first = recv_and_tell(one, patience, &mut memory, &reading);
                    (first, one.recv(&Alone, &mut target(&mut [0; 8]), 0), memory)
                });
                is_reading.recv().unwrap();
                // The reader may find the socket closed before it is in its call, and leave.
                let guard = one.borrow().unwrap();
                one.close().unwrap();
                assert_eq!(one.number(), -1);
                assert!(strangers().iter().all(|file| file.as_raw_fd() != number));
                drop(guard);
                let _ = other.send(&Alone, source(b"word"), libc::MSG_NOSIGNAL);
                let (first, second, memory) = reader.join().unwrap();
                match first {
                    Ok(count) => assert_eq!(&memory[..count], b"word"),
                    Err(error) => assert_errno::<()>(Err(error), libc::EBADF),
                }
                assert_errno(second, libc::EBADF);
            });
            assert!(!is_open(number));
            drop((one, other));
            assert_eq!(open_files(), before);
        }
    });
}

#[test]
fn every_call_on_a_closed_socket_says_ebadf() {
    let _alone = alone();
    bounded(|| {
        let (one, _other) = pair();
        one.close().unwrap();
        for patience in [Patience::Endless, Patience::None, limited(10_000)] {
            one.note_patience(patience);
            let mut memory = [0; 4];
            assert_errno(one.recv(&Alone, &mut target(&mut memory), 0), libc::EBADF);
            assert_errno(
                one.recv_from(&Alone, &mut target(&mut memory), 0),
                libc::EBADF,
            );
            assert_errno(one.send(&Alone, source(b"word"), 0), libc::EBADF);
            assert_errno(one.send_all(&Alone, source(b"word"), 0), libc::EBADF);
            assert_errno(one.accept(&Alone), libc::EBADF);
            let (_, address) = common::listener();
            assert_errno(one.connect(&Alone, &address), libc::EBADF);
            assert_errno(
                one.send_to(&Alone, source(b"word"), 0, &address),
                libc::EBADF,
            );
        }
        one.close().unwrap();
    });
}

#[test]
fn failing_calls_lose_no_number() {
    let _alone = alone();
    bounded(|| {
        let before = open_files();
        let (listener, address) = common::listener();
        listener.set_patience(Patience::None).unwrap();
        let (one, other) = pair();
        for _ in 0..1_000 {
            assert_errno(listener.accept(&Alone), libc::EAGAIN);
            assert_errno(one.accept(&Alone), libc::EINVAL);
            assert!(one.connect(&Alone, &address).is_err());
            assert_errno(
                rsock::sys::open(-1, 0, 0).map_err(Error::from),
                libc::EAFNOSUPPORT,
            );
        }
        drop((listener, one, other));
        assert_eq!(open_files(), before);
    });
}

/// Receive through the one blocking call, and tell when the descriptor is in use.
fn recv_and_tell(
    socket: &Socket,
    patience: Patience,
    memory: &mut [u8],
    reading: &mpsc::Sender<()>,
) -> Result<usize, Error> {
    let mut into = target(memory);
    let flags = if patience == Patience::Endless {
        0
    } else {
        libc::MSG_DONTWAIT
    };
    let how = (Readiness::Read, Order::TryFirst);
    perform(&Alone, socket, &mut Deadline::from(patience), how, |fd| {
        let _ = reading.send(());
        io::recv(fd, &mut into, flags)
    })
}

/// Use the descriptor again and again, and count how often it was open.
fn use_until(done: &AtomicBool, met: &AtomicUsize, descriptor: &Descriptor) {
    while !done.load(Ordering::Relaxed) {
        if let Ok(guard) = descriptor.borrow() {
            let kind = kind_of(guard.as_raw_fd());
            assert!(matches!(kind, Kind::Null | Kind::Dead), "met {kind:?}");
            met.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Null,
    /// What closing puts in place of a file that is in use.
    Dead,
    Closed,
    Stranger,
}

fn kind_of(number: RawFd) -> Kind {
    match fs::read_link(format!("/proc/self/fd/{number}")) {
        Ok(path) if path.as_os_str() == "/dev/null" => Kind::Null,
        Ok(path) if path.as_os_str() == "/" => Kind::Dead,
        Ok(_) => Kind::Stranger,
        Err(_) => Kind::Closed,
    }
}

#[track_caller]
fn assert_dead(number: RawFd) {
    // SAFETY: the number is in use by the caller, who keeps it.
    let file = unsafe { File::from_raw_fd(number) };
    let outcome = std::io::Read::read(&mut &file, &mut [0]);
    let _ = file.into_raw_fd();
    assert_errno(outcome.map_err(Error::from), libc::EBADF);
}
