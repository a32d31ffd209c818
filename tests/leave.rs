//! How servers come to rest when the process is about to end.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, process};

use common::bounded;
use rsock::service::echo::Echo;
use rsock::service::framing::Framing;
use rsock::service::{Concurrency, ListenOptions, Listener, Place, Server, Settings};

/// How long something must not happen, to be taken for not happening.
const A_WHILE: Duration = Duration::from_millis(100);

fn nobody_hears_of_it(concurrency: Concurrency) {
    bounded(move || {
        let name = format!("rsock-leave-{}-{concurrency:?}", process::id());
        let path = env::temp_dir().join(name);
        let place = Place::Path(path.clone());
        let listener = Listener::bind(&place, &ListenOptions::default()).unwrap();
        let echo = Echo {
            framing: Framing::Recv,
            max_message: 1024,
        };
        let settings = Settings {
            concurrency,
            event_threads: 2,
            ..Settings::default()
        };
        let server = Arc::new(Server::start(listener, Arc::new(echo), settings).unwrap());
        let mut clients: Vec<_> = (0..3)
            .map(|_| UnixStream::connect(&path).unwrap())
            .collect();
        let mut answer = [0; 8];
        for client in &mut clients {
            client.write_all(b"hello").unwrap();
            assert_eq!(client.read(&mut answer).unwrap(), 5);
            client.set_read_timeout(Some(A_WHILE)).unwrap();
        }

        let begun = Instant::now();
        assert!(Arc::clone(&server).leave(Duration::from_secs(10)));
        assert!(begun.elapsed() < Duration::from_secs(2));

        assert!(!server.is_running());
        assert!(server.wait(None));
        assert!(fs::symlink_metadata(&path).is_err());
        for client in &mut clients {
            let error = client.read(&mut answer).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
        }
    });
}

#[test]
fn nobody_hears_of_the_rest_of_event_loops() {
    nobody_hears_of_it(Concurrency::Events);
}

#[test]
fn nobody_hears_of_the_rest_of_threads() {
    nobody_hears_of_it(Concurrency::Threads);
}
