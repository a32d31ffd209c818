//! A site of pages without a socket, which the tests of its server share.
#![allow(dead_code, clippy::unwrap_used)]

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rsock::http::asked::AskedLimits;
use rsock::service::pages::{Content, Manner, Page, Pages, Site, Table};
use rsock::service::{Conversation, Remote, Service};

use crate::common::Nobody;

pub(crate) fn talk(pages: &Pages) -> Box<dyn Conversation> {
    let peer: SocketAddr = "127.0.0.1:1".parse().unwrap();
    pages.open(&peer.into(), Remote::new(Arc::new(Nobody)))
}

/// All that was answered, and whether the connection is closed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) bytes: Vec<u8>,
    pub(crate) closed: bool,
    pub(crate) failed: bool,
    pub(crate) requests: u32,
    /// The most that was made at once.
    pub(crate) most: usize,
}

/// Hand over pieces as an engine does: nothing is received while there is more to say.
pub(crate) fn say(pages: &Pages, pieces: &[&[u8]]) -> Said {
    let mut talk = talk(pages);
    let mut said = Said {
        bytes: Vec::new(),
        closed: false,
        failed: false,
        requests: 0,
        most: 0,
    };
    for piece in pieces {
        let mut out = Vec::new();
        let mut flow = talk.received(piece, &mut out);
        loop {
            said.most = said.most.max(out.len());
            said.bytes.append(&mut out);
            said.requests += flow.messages;
            said.failed |= flow.failed;
            if flow.close || !flow.more {
                break;
            }
            flow = talk.resumed(&mut out);
        }
        if flow.close {
            said.closed = true;
            break;
        }
    }
    said
}

/// The replies, without the headers that tell the time and the program.
pub(crate) fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let kept = text.split_inclusive("\r\n").filter(|line| {
        let noise = ["Date: ", "Server: ", "ETag: ", "Vary: ", "Accept-Ranges: "];
        !noise.iter().any(|noise| line.starts_with(noise))
    });
    kept.collect()
}

pub(crate) fn page(path: &str, body: &[u8]) -> (Vec<u8>, Page) {
    let content = Content::Bytes(Arc::new(body.to_vec()));
    let page = Page::new(path.as_bytes(), 200, &[], content).unwrap();
    (path.as_bytes().to_vec(), page)
}

pub(crate) fn table(pages: &[(&str, &[u8])]) -> Table {
    let mut table = Table::default();
    for (path, body) in pages {
        let (path, page) = page(path, body);
        table.insert(&path, page);
    }
    table
}

pub(crate) fn site() -> Site {
    let mut site = Site {
        pages: table(&[
            ("", b"<h1>Hello</h1>"),
            ("/ten", b"0123456789"),
            ("/docs/", b"<p>docs"),
            ("/a b", b"space"),
            ("/q?x=1", b"query"),
            ("/empty", b""),
        ]),
        redirects: Table::default(),
        ..Site::default()
    };
    site.redirects
        .insert(b"/old", Page::redirect("/n\u{e9}w page").unwrap());
    site.add_host("www.Sina.com.cn", table(&[("/", b"<p>sina")]));
    site.add_host("host:81", table(&[("/", b"<p>81")]));
    // Nobody is sent there from "/": a location with two slashes names another host.
    site.add_host("slashes", table(&[("//", b"two")]));
    site
}

pub(crate) fn pages() -> Pages {
    Pages::new(site(), Manner::default(), None)
}

pub(crate) fn narrow() -> Pages {
    let limits = AskedLimits {
        head: 256,
        headers: 8,
        body: 16,
    };
    let manner = Manner {
        limits,
        ..Manner::default()
    };
    Pages::new(site(), manner, None)
}

pub(crate) fn get(target: &str, headers: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: h\r\n{headers}\r\n").into_bytes()
}

/// The head of an answer, one header a line.
pub(crate) fn head_of(pages: &Pages, request: &[u8]) -> Vec<String> {
    let said = say(pages, &[request]);
    let text = String::from_utf8_lossy(&said.bytes);
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    head.lines().map(str::to_owned).collect()
}

/// A directory that goes with the test.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rsock-pages-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
