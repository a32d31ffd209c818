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
//! | `coding`     | the content codings                                                |
//! | `charset`    | the text of a body                                                 |
//! | `asian`      | charsets that only East Asia knows                                 |
//! | `request`    | a request, and the bytes that it is                                |
//! | `redirect`   | what follows a redirect                                            |
//! | `proxy`      | which proxy a URL goes through                                     |
//! | `connect_to` | rules that send connections elsewhere                              |
//!
//! And what a server needs:
//!
//! | file         | holds                                                              |
//! |--------------|--------------------------------------------------------------------|
//! | `asked`      | the head of a request, from bytes                                  |
//! | `refusal`    | why a request is refused                                           |
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

mod asian;
mod charset;
mod chunked;
mod coding;
mod connect_to;
mod error;
mod framing;
mod head;
mod headers;
mod proxy;
mod redirect;
pub mod refusal;
mod reply;
mod request;
mod url;

pub use charset::{Text, is_html, text};
pub use chunked::{Chunk, Chunked};
pub use coding::{ACCEPTED, Decoder};
pub use connect_to::ConnectTo;
pub use error::{Error, Kind, Result};
pub use framing::Framing;
pub use head::{Head, Limits};
pub use headers::{Headers, is_token};
pub use proxy::{Proxies, Proxy};
pub use redirect::{follow, is_redirect};
pub use reply::{Event, Reply};
pub use request::{Form, Request, basic};
pub use url::Url;
