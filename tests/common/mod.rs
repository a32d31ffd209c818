//! What the tests of the core share. Each test file uses its part of it.
#![allow(dead_code, unsafe_code, clippy::print_stdout, clippy::unwrap_used)]

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{OwnedFd, RawFd};
use std::panic::resume_unwind;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rsock::error::Error;
use rsock::net::socket::Kind;
use rsock::net::{Patience, Socket};
use rsock::service::conversation::Post;
use rsock::service::{Concurrency, ListenOptions, Listener, Place, Server, Service, Settings};
use rsock::sys;
use rsock::sys::io::{Source, Target};
use socket2::SockAddr;

/// How long a test may take at all.
const LIMIT: Duration = Duration::from_secs(20);
/// How long one wait of a test may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const TCP: Kind = Kind {
    family: libc::AF_INET,
    kind: libc::SOCK_STREAM,
    protocol: 0,
};
pub(crate) const UDP: Kind = Kind {
    family: libc::AF_INET,
    kind: libc::SOCK_DGRAM,
    protocol: 0,
};
pub(crate) const UNIX: Kind = Kind {
    family: libc::AF_UNIX,
    kind: libc::SOCK_STREAM,
    protocol: 0,
};

/// The client of a conversation that is held without a socket: nothing reaches it by itself.
pub(crate) struct Nobody;

impl Post for Nobody {
    fn send(&self, _: Vec<u8>) -> bool {
        false
    }
    fn takes(&self, _: usize) -> bool {
        false
    }
    fn close(&self) {}
}

/// Run a test that fails when it hangs, instead of hanging with it.
pub(crate) fn bounded(body: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel::<()>();
    let runner = thread::spawn(move || {
        // Dropped when the body is done, and when it panics too.
        let _done = done;
        body();
    });
    match finished.recv_timeout(LIMIT) {
        Err(RecvTimeoutError::Timeout) => panic!("not done within {LIMIT:?}"),
        _ => runner.join().unwrap_or_else(|panic| resume_unwind(panic)),
    }
}

/// Look again and again until something has come about.
pub(crate) fn until(mut fine: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !fine() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}");
        thread::yield_now();
    }
}

/// Run a test with each of the two ways to run a server.
pub(crate) fn on_both(test: impl Fn(Concurrency) + Send + Sync + 'static) {
    bounded(move || {
        test(Concurrency::Events);
        test(Concurrency::Threads);
    });
}

/// Start a server, and connect to it.
pub(crate) fn serve_by(concurrency: Concurrency, service: Arc<dyn Service>) -> (Server, TcpStream) {
    let place = Place::Ip {
        host: "127.0.0.1".to_owned(),
        port: 0,
    };
    let listener = Listener::bind(&place, &ListenOptions::default()).unwrap();
    let settings = Settings {
        concurrency,
        ..Settings::default()
    };
    let server = Server::start(listener, service, settings).unwrap();
    let client = connect(&server);
    (server, client)
}

/// Connect to a server, with a limit on each wait.
pub(crate) fn connect(server: &Server) -> TcpStream {
    let client = TcpStream::connect(server.address().as_socket().unwrap()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.set_write_timeout(Some(PATIENCE)).unwrap();
    client
}

/// Run an ignored test, which changes what holds for a whole process, in a process of its own.
#[track_caller]
pub(crate) fn alone(test: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Let this process have no more than so many files open.
pub(crate) fn limit_files(count: u64) {
    let limit = libc::rlimit {
        rlim_cur: count,
        rlim_max: count,
    };
    // SAFETY: reads the limit, which is ours.
    let outcome = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    assert_eq!(outcome, 0);
}

/// Let this process have so many files open, and tell whether it may.
pub(crate) fn more_files(count: u64) -> bool {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: writes the limit, which is ours, and then reads it.
    let outcome = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_cur.max(count.min(limit.rlim_max));
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit)
    };
    let enough = outcome == 0 && limit.rlim_cur >= count;
    if !enough {
        println!("skipped: no more than {} files may be open", limit.rlim_max);
    }
    enough
}

/// Return the time that processors have spent on this process.
pub(crate) fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes the time, which is ours.
    let outcome = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(outcome, 0);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Make two connected stream sockets.
pub(crate) fn pair() -> (Socket, Socket) {
    let (one, other) = sys::pair(UNIX.family, UNIX.kind, UNIX.protocol).unwrap();
    (Socket::new(one, UNIX), Socket::new(other, UNIX))
}

/// Make a TCP listener on a free port, and say where it listens.
pub(crate) fn listener() -> (Socket, SockAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    (Socket::new(OwnedFd::from(listener), TCP), address.into())
}

pub(crate) const fn limited(millis: u64) -> Patience {
    Patience::Limited(Duration::from_millis(millis))
}

pub(crate) fn source(bytes: &[u8]) -> Source<'_> {
    Source::from(bytes)
}

pub(crate) fn target(bytes: &mut [u8]) -> Target<'_> {
    // SAFETY: the memory is borrowed for as long as the target lives.
    unsafe { Target::from_raw(bytes.as_mut_ptr(), bytes.len()) }
}

/// Return what fcntl(2) says of a number; EBADF if it stands for no file.
pub(crate) fn descriptor_flags(number: RawFd) -> io::Result<i32> {
    // SAFETY: asks about a number, and touches no memory.
    match unsafe { libc::fcntl(number, libc::F_GETFD) } {
        -1 => Err(io::Error::last_os_error()),
        flags => Ok(flags),
    }
}

/// Return the number of an error of the system, or 0 for every other error.
pub(crate) fn errno(error: &Error) -> i32 {
    match error {
        Error::Os(error) => error.raw_os_error().unwrap_or(0),
        _ => 0,
    }
}

#[track_caller]
pub(crate) fn assert_errno<T: std::fmt::Debug>(outcome: Result<T, Error>, expected: i32) {
    match outcome {
        Err(error) => assert_eq!(errno(&error), expected, "{error}"),
        Ok(value) => panic!("expected {}, got {value:?}", sys::strerror(expected)),
    }
}

#[track_caller]
pub(crate) fn assert_timed_out<T: std::fmt::Debug>(outcome: Result<T, Error>) {
    assert!(
        matches!(outcome, Err(Error::TimedOut)),
        "expected a timeout, got {outcome:?}"
    );
}
