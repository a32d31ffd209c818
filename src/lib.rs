//! Sockets as Python knows them, on a Rust core.
//!
//! The layers, from the ground up, and what each may import:
//!
//! | layer     | holds                                                 | imports                       |
//! |-----------|-------------------------------------------------------|-------------------------------|
//! | `error`   | the error of the whole core                           | nothing                       |
//! | `sys`     | the calls into libc that socket2 has no method for    | `error`                       |
//! | `net`     | what a socket is: address, deadline, waiting, options | `sys`, `error`                |
//! | `http`    | bytes to meaning and back, without I/O                | nothing                       |
//! | `service` | what runs: servers and clients                        | `http`, `net`, `sys`, `error` |
//! | `py`      | the only place that knows Python                      | all of them                   |

pub mod error;
pub mod http;
pub mod net;
#[cfg(feature = "python")]
mod py;
pub mod service;
pub mod sys;
