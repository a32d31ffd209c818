//! Where the bytes of a body go.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::clock::{Clock, Stop};
use super::failure::Cause;
use crate::sys::poll::{Entry, Readiness};

/// How much is collected at most before it is handed out.
const PIECE: usize = 1024 * 1024;

/// How long something is kept at most before it is handed out.
const HOLD: Duration = Duration::from_millis(50);

/// A body in memory that is longer than this and ...
const DENSE: u64 = 10 * 1024 * 1024;

/// ... more than so many times as long as before decoding is counted first. Pages are some 10 times
/// as long.
const RATIO: u64 = 100;

/// How much of a body that is too large comes with the error.
pub(super) const SAMPLE: usize = 1024 * 1024;

/// What a pipe takes without making anybody wait, once it has room.
const ATOMIC: usize = 4096;

/// How often progress is told at most.
const TELL: Duration = Duration::from_millis(50);

/// Where the bytes of a body go.
#[derive(Debug)]
pub enum To {
    /// Into memory.
    Memory,
    /// To whoever asked, piece by piece.
    Caller,
    /// Into a file, a pipe or the like.
    File(OwnedFd),
}

/// Takes the bytes of a body.
#[derive(Debug)]
pub(super) struct Sink {
    kind: Kind,
    /// What was taken and is kept here.
    held: Vec<u8>,
    /// How much of it is written.
    written: usize,
    /// How many bytes came in all.
    total: u64,
    /// How many may.
    most: Option<u64>,
    /// Whether bytes are counted only.
    counts: bool,
    /// When something was handed out last.
    handed: Instant,
    /// When progress was told last, where it is.
    told: Option<Instant>,
}

#[derive(Debug)]
enum Kind {
    Memory,
    Caller,
    /// With whether writing to it never waits for anybody.
    File(File, bool),
}

impl Sink {
    /// Make a sink that takes at most so many bytes, and tells of progress or not.
    pub(super) fn new(to: To, most: Option<u64>, tells: bool) -> Self {
        let kind = match to {
            To::Memory => Kind::Memory,
            To::Caller => Kind::Caller,
            To::File(fd) => {
                let file = File::from(fd);
                let regular = file.metadata().is_ok_and(|about| about.is_file());
                Kind::File(file, regular)
            }
        };
        Self {
            kind,
            held: Vec::new(),
            written: 0,
            total: 0,
            most,
            counts: false,
            handed: Instant::now(),
            told: tells.then(Instant::now),
        }
    }

    /// Return how many bytes came so far.
    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// Return how many more may come; more than fits into memory is as much as that.
    pub(super) fn room(&self) -> usize {
        let room = self
            .most
            .map_or(u64::MAX, |most| most.saturating_sub(self.total));
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    /// Look whether a body of this length may come. Errors: [`Cause::TooLarge`].
    pub(super) fn check(&self, bytes: u64) -> Result<(), Stop> {
        match self.most {
            Some(most) if bytes > most => Err(Cause::TooLarge(most).into()),
            _ => Ok(()),
        }
    }

    /// Look whether so many bytes before decoding are too many: what decodes to little or nothing
    /// has an end, too. Errors: [`Cause::TooLarge`].
    pub(super) fn check_coded(&self, bytes: u64) -> Result<(), Stop> {
        match self.most {
            // What cannot be compressed grows a little.
            Some(most) if bytes > most.saturating_add(most / 8).saturating_add(4096) => {
                Err(Cause::TooLarge(most).into())
            }
            _ => Ok(()),
        }
    }

    /// Take bytes. Errors: [`Cause::TooLarge`] for more than there is room for, of which what fits
    /// is taken.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let fits = bytes.len().min(self.room());
        self.total += fits as u64;
        if self.counts {
            // The beginning of it is here.
        } else if let (Kind::File(file, true), true) = (&mut self.kind, self.held.is_empty()) {
            // A file takes it from where it is.
            file.write_all(&bytes[..fits])
                .map_err(|error| Cause::Sink(error.into()))?;
        } else {
            self.put(&bytes[..fits])?;
        }
        match fits < bytes.len() {
            true => Err(Cause::TooLarge(self.most.unwrap_or(u64::MAX)).into()),
            false => Ok(()),
        }
    }

    /// Keep bytes that are counted already.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Cause> {
        let room = self.held.try_reserve(bytes.len());
        room.map_err(|_| Cause::NoMemory)?;
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    /// Return whether what came in memory is very much, for so many bytes before decoding.
    pub(super) const fn is_dense(&self, bytes: u64) -> bool {
        self.is_memory() && self.total > DENSE && self.total / RATIO > bytes
    }

    /// Only count what comes, from here on; of what came, the beginning stays.
    pub(super) fn begin_counting(&mut self) {
        self.counts = true;
        self.held.truncate(SAMPLE);
        self.held.shrink_to_fit();
    }

    /// Return whether bytes are counted only.
    pub(super) const fn counts(&self) -> bool {
        self.counts
    }

    /// Make room for all that was counted, and begin anew with nothing.
    pub(super) fn make_room(&mut self) -> Result<(), Cause> {
        self.held.clear();
        let total = usize::try_from(self.total).map_err(|_| Cause::NoMemory)?;
        let room = self.held.try_reserve_exact(total);
        room.map_err(|_| Cause::NoMemory)
    }

    /// Take what comes as it is meant again.
    pub(super) fn end_counting(&mut self) {
        self.counts = false;
    }

    /// Return whether the body is to be in memory.
    pub(super) const fn is_memory(&self) -> bool {
        matches!(self.kind, Kind::Memory)
    }

    /// Count bytes that went into memory without coming by.
    pub(super) fn pass(&mut self, count: usize) {
        self.total += count as u64;
    }

    /// Move on what was taken, where there is enough of it, or all where it is the `last`.
    pub(super) fn settle(&mut self, last: bool, clock: &mut Clock) -> Result<(), Stop> {
        match &mut self.kind {
            Kind::Memory => {}
            Kind::Caller => {
                let is_due =
                    |held: &[u8]| last || held.len() >= PIECE || self.handed.elapsed() >= HOLD;
                if !self.held.is_empty() && is_due(&self.held) {
                    self.handed = Instant::now();
                    return Err(Stop::Deliver);
                }
            }
            Kind::File(file, _) => {
                while let Some(rest) = self
                    .held
                    .get(self.written..)
                    .filter(|rest| !rest.is_empty())
                {
                    clock.wait_sink(Entry::new(file.as_fd(), Readiness::Write))?;
                    match file.write(&rest[..rest.len().min(ATOMIC)]) {
                        Ok(count) => self.written += count,
                        Err(error) => clock.mends_sink(error)?,
                    }
                }
                self.held.clear();
                self.written = 0;
            }
        }
        if let Some(told) = &mut self.told {
            let now = Instant::now();
            if now.saturating_duration_since(*told) >= TELL {
                *told = now;
                return Err(Stop::Tell);
            }
        }
        Ok(())
    }

    /// Hand out what was taken, and begin anew with memory that is given back.
    pub(super) fn hand_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    /// Take memory back that was handed out.
    pub(super) fn give_back(&mut self, mut memory: Vec<u8>) {
        memory.clear();
        self.held = memory;
    }
}
