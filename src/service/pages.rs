//! The server of pages: HTTP/1.1 for a site in memory or in a directory.
//!
//! | file      | holds                                                    |
//! |-----------|----------------------------------------------------------|
//! | `site`    | what there is: pages, hosts, redirects, a directory      |
//! | `files`   | a directory out of which no path leads                   |
//! | `reply`   | what is answered to a request                            |
//! | `sending` | a body on its way, in parts of a bounded size            |
//! | `talk`    | the conversation: requests one after the other           |

mod files;
mod reply;
mod sending;
mod site;
mod talk;

use std::sync::Arc;

use socket2::SockAddr;

use super::{Conversation, Remote, Service};
use crate::http::asked::AskedLimits;

pub use files::Root;
pub use site::{Content, Page, PageError, Site, Table};

/// How a site is served, and what is put up with.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Whether a body goes in chunks even where its length is known.
    pub chunked: bool,
    /// Whether text is compressed for clients that take it so.
    pub gzip: bool,
    /// How much of a request is put up with.
    pub limits: AskedLimits,
    /// How many bytes of an answer are made at once.
    pub part: usize,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            chunked: false,
            gzip: true,
            limits: AskedLimits::default(),
            part: 64 << 10,
        }
    }
}

/// Who is told of each request: the client, and a line about it.
pub type Tell = Box<dyn Fn(&SockAddr, &str) + Send + Sync>;

/// The server of a site.
pub struct Pages {
    served: Arc<Served>,
}

/// What all conversations of a server share.
struct Served {
    site: Site,
    manner: Manner,
    tell: Option<Tell>,
}

impl Pages {
    /// Make a server of a site.
    #[must_use]
    pub fn new(site: Site, manner: Manner, tell: Option<Tell>) -> Self {
        Self {
            served: Arc::new(Served { site, manner, tell }),
        }
    }
}

impl Service for Pages {
    fn open(&self, peer: &SockAddr, _: Remote) -> Box<dyn Conversation> {
        Box::new(talk::Talk::new(Arc::clone(&self.served), peer))
    }
}
