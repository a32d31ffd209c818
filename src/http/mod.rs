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
