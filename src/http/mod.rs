//! HTTP as values: bytes in, meaning out, and back. No input and output, no clock, no thread.
//!
//! | file        | holds                                                    |
//! |-------------|----------------------------------------------------------|
//! | `asked`     | the head of a request, from bytes, as a server reads it  |
//! | `target`    | what a request is for: path, query, host                 |
//! | `skip`      | passing over the body of a request                       |
//! | `answer`    | the head of a reply, to bytes, as a server writes it     |
//! | `condition` | whether a client has what it asks for already            |
//! | `range`     | which part of it a client wants                          |
//! | `media`     | what kind of thing a file is                             |

pub mod answer;
pub mod asked;
pub mod condition;
pub mod media;
pub mod range;
pub mod skip;
pub mod target;
