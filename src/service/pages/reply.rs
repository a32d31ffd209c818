//! What is answered to a request.

use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::SystemTime;

use super::files::{self, Opened};
use super::sending::{Sending, Source};
use super::site::{Content, Found, Page};
use super::{Manner, Served};
use crate::http::answer::{Answer, date, reason};
use crate::http::asked::Asked;
use crate::http::condition::{self, Verdict, Version};
use crate::http::range::{self, Part};
use crate::http::refusal::AskedError;
use crate::http::target::{steps, with_slash};
use crate::http::{Headers, media};

const SERVER: &str = concat!("rsock/", env!("CARGO_PKG_VERSION"));
const ALLOWED: &str = "GET, HEAD";

/// What a 304 repeats of a page's own headers (RFC 9110, 15.4.5); what is on its state comes anew.
const KEPT: &[&str] = &["cache-control", "content-location", "expires", "vary"];

/// Shorter pages are not compressed, as with nginx: gzip adds about as much as they have.
const SMALLEST: u64 = 20;

/// An answer, and how it goes on behind its head.
pub(super) struct Reply {
    pub(super) head: Answer,
    pub(super) body: Option<Sending>,
    /// Its end is the end of the connection.
    pub(super) closes: bool,
}

/// What a request leads to.
struct Thing {
    status: u16,
    headers: Headers,
    source: Source,
    len: u64,
    version: Version,
}

impl Reply {
    /// Answer a request.
    pub(super) fn to(asked: &Asked, served: &Served) -> Self {
        if !matches!(asked.method.as_str(), "GET" | "HEAD") {
            let text = format!("{} is not for pages: {ALLOWED} are\n", asked.method);
            let reply = Self::plain(405, &text);
            return Self {
                head: reply.head.with("Allow", ALLOWED),
                ..reply
            };
        }
        match find(asked, served) {
            Ok(Ok(thing)) => thing.reply(asked, &served.manner),
            Ok(Err(reply)) => reply,
            Err(error) => Self::failure(&error),
        }
    }

    /// Refuse what is no request, and say why.
    pub(super) fn refuse(error: AskedError) -> Self {
        let status = error.status();
        let reply = Self::plain(status, &format!("{} {}: {error}\n", status, reason(status)));
        Self {
            closes: true,
            ..reply
        }
    }

    /// Answer with a line of text.
    pub(super) fn plain(status: u16, text: &str) -> Self {
        let body = Arc::new(text.as_bytes().to_vec());
        let len = body.len() as u64;
        let head = Answer::new(status)
            .with("Content-Type", "text/plain; charset=utf-8")
            .with("Content-Length", len.to_string());
        Self {
            head,
            body: Some(Sending::new(Source::Bytes(body), 0..len)),
            closes: false,
        }
    }

    fn status(status: u16) -> Self {
        Self::plain(status, &format!("{status} {}\n", reason(status)))
    }

    fn moved(location: &str) -> Self {
        let reply = Self::plain(301, &format!("moved to {location}\n"));
        Self {
            head: reply.head.with("Location", location),
            ..reply
        }
    }

    /// Tell what kept a file from being sent, as far as that is the client's business.
    fn failure(error: &io::Error) -> Self {
        let status = match error.raw_os_error() {
            Some(
                libc::ENOENT
                | libc::ENOTDIR
                | libc::ENAMETOOLONG
                | libc::ELOOP
                | libc::EXDEV
                | libc::EISDIR,
            ) => 404,
            Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM) => 503,
            _ => match error.kind() {
                ErrorKind::PermissionDenied => 403,
                ErrorKind::ResourceBusy => 503,
                _ => 500,
            },
        };
        Self::status(status)
    }

    /// Append the head, with what all answers have.
    pub(super) fn write(
        self,
        asked: Option<&Asked>,
        keeps: bool,
        out: &mut Vec<u8>,
    ) -> Option<Sending> {
        let connection = match asked {
            _ if !keeps => Some("close"),
            Some(Asked { is_1_1: false, .. }) => Some("keep-alive"),
            _ => None,
        };
        let now = date(SystemTime::now());
        let mut head = self.head.before(&[("Date", &now), ("Server", SERVER)]);
        if let Some(connection) = connection {
            head = head.with("Connection", connection);
        }
        head.write(out);
        let is_head = asked.is_some_and(|asked| asked.method == "HEAD");
        self.body.filter(|_| !is_head)
    }
}

/// Find what a request is for, or what to answer in its place.
fn find(asked: &Asked, served: &Served) -> io::Result<Result<Thing, Reply>> {
    let target = &asked.target;
    let Some(path) = target.decoded() else {
        return Ok(Err(Reply::plain(
            400,
            "the path is not encoded as it has to be\n",
        )));
    };
    match served.site.find(target, &path) {
        Found::Page(page) => Thing::of_page(&page).map(Ok),
        Found::Slash => Ok(Err(Reply::moved(&with_slash(target)))),
        Found::Nothing => Ok(Err(Reply::status(404))),
        Found::Look => {
            let (Some(root), Some((mut names, wants_directory))) =
                (&served.site.directory, steps(&path))
            else {
                return Ok(Err(Reply::status(404)));
            };
            match root.open(&names)? {
                files::Found::File(_) if wants_directory => Ok(Err(Reply::status(404))),
                files::Found::File(opened) => Thing::of_file(opened, &names).map(Ok),
                files::Found::Directory if !wants_directory => {
                    Ok(Err(Reply::moved(&with_slash(target))))
                }
                files::Found::Directory => {
                    names.push(b"index.html");
                    match root.open(&names)? {
                        files::Found::File(opened) => Thing::of_file(opened, &names).map(Ok),
                        files::Found::Directory => Ok(Err(Reply::status(404))),
                    }
                }
            }
        }
    }
}

impl Thing {
    fn of_file(opened: Opened, names: &[&[u8]]) -> io::Result<Self> {
        let kind = opened.kind(names.last().copied().unwrap_or_default())?;
        let mut headers = Headers::new();
        headers.add(b"Content-Type", kind.as_bytes());
        Ok(Self {
            status: 200,
            headers,
            source: Source::File(opened.file),
            len: opened.len,
            version: opened.version,
        })
    }

    fn of_page(page: &Page) -> io::Result<Self> {
        let mut headers = page.headers.clone();
        let mut version = page.version.clone();
        let (source, len) = match &page.content {
            Content::Bytes(bytes) => (Source::Bytes(Arc::clone(bytes)), bytes.len() as u64),
            Content::File(path) => {
                let opened = files::open_named(path)?;
                if !headers.contains("content-type") {
                    let kind = opened.kind(path.as_os_str().as_bytes())?;
                    headers.add(b"Content-Type", kind.as_bytes());
                }
                if page.status == 200 {
                    version = version.or(opened.version);
                }
                (Source::File(opened.file), opened.len)
            }
        };
        Ok(Self {
            status: page.status,
            headers,
            source,
            len,
            version,
        })
    }

    fn reply(self, asked: &Asked, manner: &Manner) -> Reply {
        let is_text = self.headers.get("content-type").is_some_and(media::is_text);
        let encodes = manner.gzip && is_text && !self.headers.contains("content-encoding");
        let encoded = encodes && self.len >= SMALLEST && condition::takes_gzip(asked);
        if self.status != 200 {
            return self.whole(asked, manner, encodes, encoded);
        }
        match condition::judge(asked, &self.version) {
            Verdict::Send => {}
            Verdict::Other => return Reply::status(412),
            Verdict::Same => {
                let kept = self.headers.iter().filter(|(name, _)| {
                    let is_name = |kept: &&str| name.eq_ignore_ascii_case(kept.as_bytes());
                    KEPT.iter().any(is_name)
                });
                let head = Answer::new(304).with_all(kept);
                return Reply {
                    head: self.described(head, encodes, encoded),
                    body: None,
                    closes: false,
                };
            }
        }
        // Parts are for GET alone: with any other method the header means nothing.
        let wanted = asked
            .only("range")
            .filter(|_| asked.method == "GET" && condition::part_fits(asked, &self.version));
        match wanted.map_or(Part::Whole, |value| range::part(value, self.len)) {
            Part::Whole => self.whole(asked, manner, encodes, encoded),
            Part::Nowhere => {
                let reply = Reply::status(416);
                Reply {
                    head: reply
                        .head
                        .with("Content-Range", format!("bytes */{}", self.len)),
                    ..reply
                }
            }
            Part::Bytes(bytes) => {
                let content = format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, self.len);
                let head = Answer::new(206).with_all(self.headers.iter());
                let head = self
                    .described(head, encodes, false)
                    .with("Content-Range", content)
                    .with("Content-Length", (bytes.end - bytes.start).to_string());
                Reply {
                    head,
                    body: Some(Sending::new(self.source, bytes)),
                    closes: false,
                }
            }
        }
    }

    /// Say which state of the thing it is. `encodes` is whether some clients get it compressed, and
    /// `encoded` whether this one does.
    fn described(&self, mut head: Answer, encodes: bool, encoded: bool) -> Answer {
        let varies = |by: &str| self.headers.has_member("vary", by);
        if encodes && !varies("*") && !varies("accept-encoding") {
            head = head.and("Vary", "Accept-Encoding");
        }
        let tag = &self.version.tag[..];
        if !tag.is_empty() {
            // Compressed anew each time, the bytes need not be the same.
            let weak: &[u8] = match encoded && !condition::is_weak(tag) {
                true => b"W/",
                false => b"",
            };
            head = head.with("ETag", [weak, tag].concat());
        }
        match self.version.modified {
            Some(modified) => head.with("Last-Modified", date(modified)),
            None => head,
        }
    }

    /// Send all of it.
    fn whole(self, asked: &Asked, manner: &Manner, encodes: bool, encoded: bool) -> Reply {
        let head = Answer::new(self.status).with_all(self.headers.iter());
        let mut head = self.described(head, encodes, encoded);
        if self.status == 200 {
            head = head.with("Accept-Ranges", "bytes");
        }
        if matches!(self.status, 204 | 304) {
            return Reply {
                head,
                body: None,
                closes: false,
            };
        }
        let sending = if encoded {
            head = head.with("Content-Encoding", "gzip");
            match Sending::compressed(self.source, self.len, manner.part) {
                Ok(sending) => sending,
                Err(error) => return Reply::failure(&error),
            }
        } else {
            Sending::new(self.source, 0..self.len)
        };
        let wants_chunks = manner.chunked || asked.target.has("chunked", "1");
        let len = sending.len().filter(|_| !(wants_chunks && asked.is_1_1));
        let (head, body, closes) = match len {
            Some(len) => (head.with("Content-Length", len.to_string()), sending, false),
            None if asked.is_1_1 => {
                let head = head.with("Transfer-Encoding", "chunked");
                (head, sending.in_chunks(), false)
            }
            // Before there were chunks, the end of the connection was the end.
            None => (head, sending, true),
        };
        Reply {
            head,
            body: Some(body),
            closes,
        }
    }
}
