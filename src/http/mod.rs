//! Bytes to meaning and back, without I/O, clock or thread.
//!
//! | file         | holds                                                              |
//! |--------------|--------------------------------------------------------------------|
//! | `error`      | what can be wrong with a URL, a request or a reply                 |
//! | `headers`    | names and values, order and repeats kept                           |
//! | `url`        | URLs of http and https                                             |
//! | `head`       | the head of a reply, and the limits of what a reply may cost       |
//! | `framing`    | where the body of a reply ends                                     |
//! | `chunked`    | the chunked transfer coding                                        |
//! | `reply`      | a whole reply as a machine                                         |
//!
//! And what a server needs:
//!
//! | file         | holds                                                              |
//! |--------------|--------------------------------------------------------------------|
//! | `asked`      | the head of a request, from bytes                                  |
//! | `target`     | what a request is for: path, query, host                           |
//! | `skip`       | passing over the body of a request                                 |
//! | `answer`     | the head of a reply, to bytes                                      |
//! | `condition`  | whether a client has what it asks for already                      |
//! | `range`      | which part of it a client wants                                    |
//! | `media`      | what kind of thing a file is                                       |

pub mod answer;
pub mod asked;
pub mod condition;
pub mod media;
pub mod range;
pub mod skip;
pub mod target;

mod chunked;
mod error;
mod framing;
mod head;
mod headers;
mod reply;
mod url;

pub use chunked::{Chunk, Chunked};
pub use error::{Error, Kind, Result};
pub use framing::Framing;
pub use head::{Head, Limits};
pub use headers::{Headers, is_token};
pub use reply::{Event, Reply};
pub use url::Url;
