//! Fetching over HTTP: what runs. What the bytes mean is the affair of `http`.
//!
//! | file          | holds                                                              |
//! |---------------|--------------------------------------------------------------------|
//! | `clock`       | how long a fetch may take, and what it stops for on its way        |
//! | `lookup`      | from a name to addresses, in a thread of its own                   |
//! | `dial`        | connecting: all addresses of a host, one shortly after the other   |
//! | `tls`         | what is trusted, and the settings of TLS                           |
//! | `trust`       | who looks at certificates                                          |
//! | `certificate` | what a certificate says, and what is wrong with it, in words       |
//! | `stream`      | a connection, plain or over TLS                                    |
//! | `pool`        | connections that are kept for the next request                     |
//! | `route`       | which way a request goes                                           |
//! | `exchange`    | one request and its reply                                          |
//! | `sink`        | where the bytes of a body go                                       |
//! | `dense`       | bodies that decode to very much out of very little                 |
//! | `order`       | what is asked for                                                  |
//! | `run`         | one fetch, from redirect to redirect, as a machine; `run/outside`: how it is run |
//! | `client`      | the settings and connections that fetches share                    |
//! | `fetched`     | what a fetch brings                                                |
//! | `failure`     | what it fails with, and the words for it                           |
//!
//! A fetch is a machine that never waits for long: whenever it has to look for signals, or to hand
//! out what came, it stops, and is called again to go on where it was. So others run during all of
//! it, and it can be ended in each of its phases.

mod certificate;
mod client;
mod clock;
mod dense;
mod dial;
mod exchange;
mod failure;
mod fetched;
mod lookup;
mod order;
mod pool;
mod route;
mod run;
mod sink;
mod stream;
mod tls;
mod trust;

pub use client::{Client, Settings};
pub use failure::{Cause, Ended, Failure};
pub use fetched::{Fetched, Timings};
pub use order::Order;
pub use run::{Audience, Fill};
pub use sink::To;
pub use tls::Verify;
