//! What there is to be served: pages, hosts, redirects, a directory.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

use super::files::Root;
use crate::http::asked::is_plain;
use crate::http::condition::{Version, moment};
use crate::http::media;
use crate::http::target::Target;
use crate::http::{self, Headers};

/// What a page is made of.
#[derive(Clone, Debug)]
pub enum Content {
    /// These bytes.
    Bytes(Arc<Vec<u8>>),
    /// What the file of this path holds when it is asked for.
    File(PathBuf),
}

/// One page.
#[derive(Clone, Debug)]
pub struct Page {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) content: Content,
    /// Of a file, what the page itself says of it.
    pub(super) version: Version,
}

/// Why something is no page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// A status that no page has.
    #[error("a page has a status from 200 to 599, not {0}")]
    Status(u16),
    /// A name that no header has.
    #[error("a header's name is letters, digits and hyphens, not {0:?}")]
    HeaderName(String),
    /// A value that no header has.
    #[error("the value of the header {0} has control characters, CR or LF perhaps")]
    HeaderValue(String),
    /// A header that says how the body is sent.
    #[error("the header {0} is for the server to set")]
    OwnHeader(String),
    /// A body where there can be none.
    #[error("a page with the status {0} has no body")]
    Body(u16),
}

/// Headers of which only the server knows what is in them.
const OWN: &[&str] = &["connection", "content-length", "transfer-encoding"];

impl Page {
    /// Make a page for a path.
    ///
    /// # Errors
    /// A status or headers that would break the protocol.
    pub fn new(
        path: &[u8],
        status: u16,
        own: &[(String, Vec<u8>)],
        content: Content,
    ) -> Result<Self, PageError> {
        if !(200..600).contains(&status) {
            return Err(PageError::Status(status));
        }
        let mut headers = Headers::new();
        for (name, value) in own {
            if !http::is_token(name.as_bytes()) {
                return Err(PageError::HeaderName(name.clone()));
            }
            if !is_plain(value) || headers.push(name.as_bytes(), value).is_err() {
                return Err(PageError::HeaderValue(name.clone()));
            }
            if OWN.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                return Err(PageError::OwnHeader(name.clone()));
            }
        }
        let mut version = own_version(&mut headers);
        // What a file holds, and is, shows when it is asked for.
        if let Content::Bytes(bytes) = &content {
            if !bytes.is_empty() && matches!(status, 204 | 205 | 304) {
                return Err(PageError::Body(status));
            }
            if status == 200 && version.tag.is_empty() {
                version.tag = tag_of(bytes);
            }
            if !bytes.is_empty() && !headers.contains("content-type") {
                let kind = media::of_page(path, bytes);
                headers.add(b"Content-Type", kind.as_bytes());
            }
        }
        Ok(Self {
            status,
            headers,
            content,
            version,
        })
    }

    /// Make a page that sends the client elsewhere, for now.
    ///
    /// # Errors
    /// A location with control characters.
    pub fn redirect(location: &str) -> Result<Self, PageError> {
        let headers = [("Location".to_owned(), located(location))];
        Self::new(b"", 302, &headers, Content::Bytes(Arc::default()))
    }
}

/// Write a location as a header may have it.
fn located(location: &str) -> Vec<u8> {
    let mut value = Vec::with_capacity(location.len());
    for byte in location.bytes() {
        if byte == b' ' || !byte.is_ascii() {
            value.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            value.push(byte);
        }
    }
    value
}

/// Make the entity tag of bytes: other bytes, another tag.
fn tag_of(bytes: &[u8]) -> Vec<u8> {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("\"{:x}-{:016x}\"", bytes.len(), hasher.finish()).into_bytes()
}

/// Take out of the headers what they say of the page's state, to be compared with what a client
/// has, and told in the way that goes with each answer.
fn own_version(headers: &mut Headers) -> Version {
    let mut own = Version::default();
    if let Some(tag) = headers.get("etag") {
        own.tag = tag.to_vec();
        headers.remove("etag");
    }
    own.modified = headers.get("last-modified").and_then(moment);
    if own.modified.is_some() {
        headers.remove("last-modified");
    }
    own
}

/// Pages by their paths.
#[derive(Clone, Debug, Default)]
pub struct Table(HashMap<Vec<u8>, Arc<Page>>);

impl Table {
    /// Put a page at a path, which is plain (not percent-encoded) and may have a query.
    pub fn insert(&mut self, path: &[u8], page: Page) {
        self.0.insert(rooted(path), Arc::new(page));
    }

    fn find(&self, target: &Target, path: &[u8]) -> Option<Found> {
        if let Some(query) = &target.query {
            let whole = [path, b"?", query.as_bytes()].concat();
            if let Some(page) = self.0.get(&whole) {
                return Some(Found::Page(Arc::clone(page)));
            }
        }
        if let Some(page) = self.0.get(path) {
            return Some(Found::Page(Arc::clone(page)));
        }
        if path.ends_with(b"/") {
            return None;
        }
        let slashed = [path, b"/"].concat();
        self.0.contains_key(&slashed).then_some(Found::Slash)
    }
}

/// A path with its slash in front.
fn rooted(path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") {
        path.to_vec()
    } else {
        [b"/", path].concat()
    }
}

/// What there is at a path.
pub(super) enum Found {
    Page(Arc<Page>),
    /// It is there with a slash at its end.
    Slash,
    /// Perhaps a file of the directory.
    Look,
    Nothing,
}

/// All that a server has.
#[derive(Debug, Default)]
pub struct Site {
    /// What there is for every host that has no pages of its own.
    pub pages: Table,
    /// The pages of single hosts.
    pub hosts: HashMap<String, Table>,
    /// Where clients are sent on to.
    pub redirects: Table,
    /// Where everything else is looked for.
    pub directory: Option<Root>,
}

impl Site {
    /// Give a host pages of its own: a name, or a name with a port.
    pub fn add_host(&mut self, host: &str, pages: Table) {
        let host = host.to_ascii_lowercase();
        self.hosts
            .insert(host.strip_suffix('.').unwrap_or(&host).to_owned(), pages);
    }

    pub(super) fn find(&self, target: &Target, path: &[u8]) -> Found {
        let named = self.hosts.get(&target.host);
        let named = named.or_else(|| self.hosts.get(target.name()));
        let found = named.unwrap_or(&self.pages).find(target, path);
        let found = found.or_else(|| self.redirects.find(target, path));
        match found {
            Some(found) => found,
            None if named.is_none() && self.directory.is_some() => Found::Look,
            None => Found::Nothing,
        }
    }
}
