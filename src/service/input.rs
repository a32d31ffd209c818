//! The room that a thread receives into, one piece after the other.

use super::Flow;

/// Two places in memory that are a multiple of it apart look alike to a processor at first.
const PAGE: usize = 4096;
/// How much room there is before a piece and behind it.
const MARGIN: usize = PAGE / 2;

/// Room for one piece at a time, with a margin on both sides for what is said around the piece.
///
/// A piece begins in the middle of a page. The kernel holds what arrived near the beginning of one,
/// and some processors take more than twice the time for a copy whose target lies a few bytes
/// further into its page than the source does (`rep movsb` on AMD's Zen 4; measured: 8 to 15 bytes
/// make a message of 64 KiB cost 2.4 times as much, 16 to 60 up to 1.3 times, more nothing). Where
/// a plain allocation begins is left to chance.
pub(super) struct Input {
    memory: Vec<u8>,
    /// Where a piece begins.
    start: usize,
    /// How long it may be.
    size: usize,
}

impl Input {
    /// Make room for pieces of up to so many bytes.
    pub(super) fn new(size: usize) -> Self {
        let size = size.max(1);
        let memory = vec![0; PAGE + MARGIN + size + MARGIN];
        let into_page = memory.as_ptr().addr() % PAGE;
        let start = PAGE - into_page + MARGIN;
        Self {
            memory,
            start,
            size,
        }
    }

    /// Return where to receive a piece.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..][..self.size]
    }

    /// Return the piece that was received, of so many bytes.
    pub(super) fn piece(&self, count: usize) -> &[u8] {
        &self.memory[self.start..][..count]
    }

    /// Return all that is to be sent: `out`, with the piece where the step wants it.
    ///
    /// A text that has room in the margins is put around the piece. Sent as one, it costs the
    /// kernel less than as a list of parts, and the piece is not moved.
    pub(super) fn answer<'a>(
        &'a mut self,
        count: usize,
        flow: &Flow,
        out: &'a mut Vec<u8>,
    ) -> &'a [u8] {
        let Some(at) = flow.piece_at else {
            return out;
        };
        let at = at.min(out.len());
        let (front, back) = out.split_at(at);
        if front.len().max(back.len()) > MARGIN {
            out.extend_from_slice(self.piece(count));
            out[at..].rotate_right(count);
            return out;
        }
        let (from, end) = (self.start - front.len(), self.start + count);
        self.memory[from..self.start].copy_from_slice(front);
        self.memory[end..][..back.len()].copy_from_slice(back);
        &self.memory[from..end + back.len()]
    }
}
