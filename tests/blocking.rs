//! The one blocking call: what it tries, when it waits, and what a signal does to it.

#![allow(unsafe_code, clippy::unwrap_used)]

mod common;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Once, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use common::{TCP, bounded, errno, limited, listener, pair, source, target};
use rsock::error::Error;
use rsock::net::blocking::{Alone, Order, perform};
use rsock::net::{Caller, Deadline, Patience, Socket};
use rsock::sys::poll::Readiness;

/// What a call of a [`Watcher`] fails with.
#[derive(Debug)]
enum Failure {
    Core(Error),
    /// What a signal handler ended the call with.
    Handler,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

/// A caller that counts what happens to it, and may end the call when it is interrupted.
#[derive(Default)]
struct Watcher {
    released: AtomicUsize,
    interrupted: AtomicUsize,
    gives_up: bool,
}

impl Watcher {
    fn interruptions(&self) -> usize {
        self.interrupted.load(Ordering::SeqCst)
    }
}

impl Caller for Watcher {
    type Error = Failure;

    fn release<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.released.fetch_add(1, Ordering::SeqCst);
        work()
    }

    fn interrupted(&self) -> Result<(), Failure> {
        self.interrupted.fetch_add(1, Ordering::SeqCst);
        if self.gives_up {
            Err(Failure::Handler)
        } else {
            Ok(())
        }
    }
}

/// Run a call in a thread of its own, and send signals to it until it has noticed one.
///
/// Then `afterwards` happens, which may be what the call waits for.
fn interrupt<T: Send>(
    watcher: &Watcher,
    call: impl FnOnce() -> T + Send,
    afterwards: impl FnOnce(),
) -> T {
    install_handler();
    let (ready, started) = mpsc::channel();
    let (done, finished) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let caller = scope.spawn(move || {
            let _done = done;
            // SAFETY: asks who we are, no more.
            ready.send(unsafe { libc::pthread_self() }).unwrap();
            call()
        });
        let thread = started.recv().unwrap();
        let pause = Duration::from_millis(2);
        while watcher.interruptions() == 0
            && finished.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout)
        {
            // SAFETY: a thread that is not joined yet, and a signal that has a handler.
            assert_eq!(unsafe { libc::pthread_kill(thread, libc::SIGUSR1) }, 0);
        }
        afterwards();
        caller.join().unwrap()
    })
}

/// Let SIGUSR1 do nothing but interrupt system calls, which are not started again.
fn install_handler() {
    extern "C" fn nothing(_signal: libc::c_int) {}

    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: zeroes are an empty mask and no flags, so no SA_RESTART; the handler is safe
        // at any moment.
        let outcome = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = nothing as *const () as libc::sighandler_t;
            libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut())
        };
        assert_eq!(outcome, 0);
    });
}

#[test]
fn what_can_be_done_at_once_is_one_attempt() {
    bounded(|| {
        // A call that may wait in the kernel lets others run; one that cannot, and is brief, has
        // no reason to.
        for (patience, released) in [
            (Patience::Endless, 1),
            (Patience::None, 0),
            (limited(10_000), 0),
        ] {
            let (one, other) = pair();
            one.set_patience(patience).unwrap();
            other.send(&Alone, source(b"word"), 0).unwrap();
            let watcher = Watcher::default();
            assert_eq!(one.recv(&watcher, &mut target(&mut [0; 4]), 0).unwrap(), 4);
            assert_eq!(watcher.released.into_inner(), released);
        }
    });
}

#[test]
fn what_is_not_brief_lets_others_run() {
    bounded(|| {
        let (one, other) = pair();
        one.set_patience(limited(10_000)).unwrap();
        other.send(&Alone, source(b"word"), 0).unwrap();
        let watcher = Watcher::default();
        let mut room = vec![0; 1 << 20];
        assert_eq!(one.recv(&watcher, &mut target(&mut room), 0).unwrap(), 4);
        assert_eq!(watcher.released.into_inner(), 1);
    });
}

#[test]
fn what_has_to_wait_lets_others_run() {
    bounded(|| {
        let (one, _other) = pair();
        one.set_patience(limited(5)).unwrap();
        let watcher = Watcher::default();
        let outcome = one.recv(&watcher, &mut target(&mut [0; 4]), 0);
        assert!(matches!(outcome, Err(Failure::Core(Error::TimedOut))));
        assert_eq!(watcher.released.into_inner(), 1);
    });
}

#[test]
fn every_attempt_is_made_while_others_may_go_on() {
    bounded(|| {
        let (one, other) = pair();
        one.set_patience(limited(10_000)).unwrap();
        let mut deadline = Deadline::from(one.patience());
        let watcher = Watcher::default();
        let mut attempts = 0;
        let how = (Readiness::Write, Order::TryFirst);
        let outcome = perform(&watcher, &one, &mut deadline, how, |_| {
            attempts += 1;
            // The kernel says so when another thread was faster.
            if attempts < 4 {
                Err(io::ErrorKind::WouldBlock.into())
            } else {
                Ok("done")
            }
        });
        assert_eq!(outcome.unwrap(), "done");
        assert_eq!((attempts, watcher.released.into_inner()), (4, 1));
        drop(other);
    });
}

#[test]
fn waiting_first_tries_nothing_until_it_is_ready() {
    bounded(|| {
        let (one, _other) = pair();
        let mut deadline = Deadline::from(limited(30));
        let how = (Readiness::Read, Order::WaitFirst);
        let outcome = perform(&Alone, &one, &mut deadline, how, |_| -> io::Result<()> {
            panic!("tried, with nothing to read")
        });
        assert!(matches!(outcome, Err(Error::TimedOut)), "{outcome:?}");
    });
}

#[test]
fn an_error_ends_the_call_and_keeps_its_number() {
    bounded(|| {
        let (one, _other) = pair();
        let mut deadline = Deadline::from(limited(10_000));
        let how = (Readiness::Read, Order::TryFirst);
        let outcome = perform(&Alone, &one, &mut deadline, how, |_| -> io::Result<()> {
            Err(io::Error::from_raw_os_error(libc::ENOTCONN))
        });
        assert_eq!(errno(&outcome.unwrap_err()), libc::ENOTCONN);
    });
}

#[test]
fn a_signal_does_not_end_a_recv() {
    bounded(|| {
        for patience in [Patience::Endless, limited(15_000)] {
            let (one, other) = pair();
            one.set_patience(patience).unwrap();
            let watcher = Watcher::default();
            let mut memory = [0; 8];
            let mut into = target(&mut memory);
            let outcome = interrupt(
                &watcher,
                || one.recv(&watcher, &mut into, 0),
                || drop(other.send(&Alone, source(b"late"), 0)),
            );
            assert_eq!(outcome.unwrap(), 4);
            assert_eq!(&memory[..4], b"late");
            assert!(watcher.interruptions() > 0);
        }
    });
}

#[test]
fn a_signal_does_not_end_an_accept() {
    bounded(|| {
        for patience in [Patience::Endless, limited(15_000)] {
            let (listener, address) = listener();
            listener.set_patience(patience).unwrap();
            let client = Socket::open(TCP).unwrap();
            let watcher = Watcher::default();
            let outcome = interrupt(
                &watcher,
                || listener.accept(&watcher),
                || client.connect(&Alone, &address).unwrap(),
            );
            assert!(outcome.is_ok(), "{outcome:?}");
            assert!(watcher.interruptions() > 0);
        }
    });
}

#[test]
fn after_a_signal_a_call_waits_for_what_is_left_of_its_time() {
    bounded(|| {
        let limit = Duration::from_millis(400);
        let (one, _other) = pair();
        one.set_patience(Patience::Limited(limit)).unwrap();
        let watcher = Watcher::default();
        let start = Instant::now();
        let outcome = interrupt(
            &watcher,
            || one.recv(&watcher, &mut target(&mut [0; 4]), 0),
            || (),
        );
        let elapsed = start.elapsed();
        assert!(
            matches!(outcome, Err(Failure::Core(Error::TimedOut))),
            "{outcome:?}"
        );
        assert!(watcher.interruptions() > 0);
        assert!(
            limit <= elapsed && elapsed < limit * 20,
            "took {elapsed:?} of {limit:?}"
        );
    });
}

#[test]
fn signals_that_keep_coming_do_not_prolong_a_call() {
    bounded(|| {
        install_handler();
        let limit = Duration::from_millis(200);
        let (one, _other) = pair();
        one.set_patience(Patience::Limited(limit)).unwrap();
        // Every turn of a clock that started anew would be shorter than the limit.
        let (stop, stopped) = mpsc::channel::<()>();
        // SAFETY: asks who we are, no more.
        let caller = unsafe { libc::pthread_self() };
        let elapsed = thread::scope(|scope| {
            scope.spawn(move || {
                let pause = Duration::from_millis(20);
                while stopped.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
                    // SAFETY: the thread waits for us, and the signal has a handler.
                    unsafe { libc::pthread_kill(caller, libc::SIGUSR1) };
                }
            });
            let start = Instant::now();
            common::assert_timed_out(one.recv(&Alone, &mut target(&mut [0; 4]), 0));
            drop(stop);
            start.elapsed()
        });
        assert!(
            limit <= elapsed && elapsed < limit * 40,
            "took {elapsed:?} of {limit:?}"
        );
    });
}

#[test]
fn what_a_handler_raises_ends_the_call() {
    bounded(|| {
        for patience in [Patience::Endless, limited(15_000)] {
            let (one, _other) = pair();
            one.set_patience(patience).unwrap();
            let watcher = Watcher {
                gives_up: true,
                ..Watcher::default()
            };
            let outcome = interrupt(
                &watcher,
                || one.recv(&watcher, &mut target(&mut [0; 4]), 0),
                || (),
            );
            assert!(matches!(outcome, Err(Failure::Handler)), "{outcome:?}");
            assert_eq!(watcher.interruptions(), 1);
        }
    });
}

#[test]
fn what_a_handler_raises_ends_a_send_of_much() {
    bounded(|| {
        for patience in [Patience::Endless, limited(15_000)] {
            let (one, _other) = pair();
            one.set_patience(patience).unwrap();
            let much = vec![7; 8 << 20];
            let watcher = Watcher {
                gives_up: true,
                ..Watcher::default()
            };
            let outcome = interrupt(&watcher, || one.send_all(&watcher, source(&much), 0), || ());
            assert!(matches!(outcome, Err(Failure::Handler)), "{outcome:?}");
        }
    });
}

#[test]
fn a_call_that_may_not_wait_is_never_interrupted() {
    bounded(|| {
        let (one, _other) = pair();
        one.set_patience(Patience::None).unwrap();
        let watcher = Watcher::default();
        let outcome = one.recv(&watcher, &mut target(&mut [0; 4]), 0);
        assert!(
            matches!(&outcome, Err(Failure::Core(error)) if errno(error) == libc::EAGAIN),
            "{outcome:?}"
        );
        assert_eq!(watcher.interruptions(), 0);
    });
}

#[test]
fn a_connect_that_a_signal_interrupts_is_waited_for() {
    bounded(|| {
        for patience in [Patience::Endless, limited(15_000)] {
            let (listener, address, waiting) = full_listener();
            let client = Socket::open(TCP).unwrap();
            client.set_patience(patience).unwrap();
            let watcher = Watcher::default();
            let outcome = interrupt(
                &watcher,
                || client.connect(&watcher, &address),
                // Room for one: the kernel asks again after a second.
                || drop(listener.accept(&Alone).unwrap()),
            );
            outcome.unwrap();
            assert!(watcher.interruptions() > 0);
            client.send_all(&Alone, source(b"hello"), 0).unwrap();
            drop(waiting);
        }
    });
}

#[test]
fn what_a_handler_raises_ends_a_connect() {
    bounded(|| {
        let (_listener, address, _waiting) = full_listener();
        let client = Socket::open(TCP).unwrap();
        let watcher = Watcher {
            gives_up: true,
            ..Watcher::default()
        };
        let outcome = interrupt(&watcher, || client.connect(&watcher, &address), || ());
        assert!(matches!(outcome, Err(Failure::Handler)), "{outcome:?}");
    });
}

/// Make a listener with which no further connection can be made before it accepts one.
fn full_listener() -> (Socket, socket2::SockAddr, Vec<Socket>) {
    let (listener, address) = listener();
    {
        let borrowed = listener.borrow().unwrap();
        socket2::SockRef::from(&borrowed).listen(0).unwrap();
    }
    let mut waiting = Vec::new();
    loop {
        let client = Socket::open(TCP).unwrap();
        client.set_patience(limited(150)).unwrap();
        match client.connect(&Alone, &address) {
            Ok(()) => waiting.push(client),
            Err(Error::TimedOut) => return (listener, address, waiting),
            Err(error) => panic!("{error}"),
        }
    }
}
