//! A body on its way, in parts of a bounded size.

use std::fs::File;
use std::io::{self, Write};
use std::mem;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::http::answer::{LAST_CHUNK, chunk};

/// Where the bytes of a body are.
#[derive(Debug)]
pub(super) enum Source {
    Bytes(Arc<Vec<u8>>),
    File(File),
}

impl Source {
    /// Append the bytes from a place on. Errors: those of pread(2), and a file that has become
    /// shorter.
    fn read(&self, range: Range<u64>, out: &mut Vec<u8>) -> io::Result<()> {
        let count = (range.end - range.start) as usize;
        match self {
            Self::Bytes(bytes) => {
                let start = range.start as usize;
                out.extend_from_slice(&bytes[start..start + count]);
                Ok(())
            }
            Self::File(file) => {
                let start = out.len();
                out.resize(start + count, 0);
                file.read_exact_at(&mut out[start..], range.start)
            }
        }
    }
}

/// A body on its way.
#[derive(Debug)]
pub(super) struct Sending {
    source: Source,
    range: Range<u64>,
    gzip: Option<GzEncoder<Vec<u8>>>,
    chunked: bool,
    /// What was made already.
    ready: Vec<u8>,
}

impl Sending {
    /// Send a part of a source as it is.
    pub(super) fn new(source: Source, range: Range<u64>) -> Self {
        Self {
            source,
            range,
            gzip: None,
            chunked: false,
            ready: Vec::new(),
        }
    }

    /// Compress a source. The first part is made at once; if that is all, its length is known.
    pub(super) fn compressed(source: Source, len: u64, part: usize) -> io::Result<Self> {
        let mut sending = Self::new(source, 0..len);
        // The level that costs a fifth of the usual one and gains most of what that does.
        sending.gzip = Some(GzEncoder::new(Vec::new(), Compression::fast()));
        sending.ready = sending.make(part)?;
        Ok(sending)
    }

    /// Return how many bytes the whole body has, where that is known.
    pub(super) fn len(&self) -> Option<u64> {
        let left = self.range.end - self.range.start;
        match self.gzip {
            Some(_) => None,
            None => Some(left + self.ready.len() as u64),
        }
    }

    /// Send in chunks.
    pub(super) fn in_chunks(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// Append the next part, and return whether it was the last. Errors: what keeps the body from
    /// being whole; nothing is appended then.
    pub(super) fn fill(&mut self, part: usize, out: &mut Vec<u8>) -> io::Result<bool> {
        let start = out.len();
        let outcome = self.append(part, out);
        if outcome.is_err() {
            out.truncate(start);
        }
        outcome
    }

    fn append(&mut self, part: usize, out: &mut Vec<u8>) -> io::Result<bool> {
        let mut made = mem::take(&mut self.ready);
        if made.is_empty() {
            if self.gzip.is_none() && !self.chunked {
                // The common way, without a copy in between.
                let range = self.next(part);
                self.source.read(range, out)?;
                return Ok(self.range.is_empty());
            }
            made = self.make(part)?;
        }
        let over = self.range.is_empty() && self.gzip.is_none();
        if self.chunked {
            chunk(&made, out);
            if over {
                out.extend_from_slice(LAST_CHUNK);
            }
        } else {
            out.append(&mut made);
        }
        Ok(over)
    }

    /// Take the next part of what is left.
    fn next(&mut self, part: usize) -> Range<u64> {
        let start = self.range.start;
        self.range.start = start.saturating_add(part as u64).min(self.range.end);
        start..self.range.start
    }

    fn make(&mut self, part: usize) -> io::Result<Vec<u8>> {
        let mut made = Vec::new();
        let range = self.next(part);
        self.source.read(range, &mut made)?;
        let Some(gzip) = &mut self.gzip else {
            return Ok(made);
        };
        gzip.write_all(&made)?;
        if self.range.is_empty() {
            return self.gzip.take().map_or(Ok(Vec::new()), GzEncoder::finish);
        }
        Ok(mem::take(gzip.get_mut()))
    }
}
