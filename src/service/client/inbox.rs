//! What was received and not taken yet.

/// How many bytes are asked for at once, as a rule.
pub(super) const PIECE: usize = 64 * 1024;
/// And at most, where much is under way.
const LARGEST_PIECE: usize = 1024 * 1024;
/// Memory beyond this is given back once nothing is in it.
const KEPT: usize = 256 * 1024;

/// Bytes in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// Memory, of which what lies between the two ends is filled.
    memory: Vec<u8>,
    start: usize,
    end: usize,
}

impl Inbox {
    /// Return what is there.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    /// Return how much is there.
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Make room behind what is there: a good piece, and more where there is much already.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.memory.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let piece = self.end.clamp(PIECE, LARGEST_PIECE);
        if self.memory.is_empty() {
            // Zeroes that the system has ready cost nothing until they are touched.
            self.memory = vec![0; piece];
        } else if self.memory.len() - self.end < PIECE / 4 {
            self.memory.resize(self.end + piece, 0);
        }
        &mut self.memory[self.end..]
    }

    /// Count what was put into the room.
    pub(super) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.memory.len());
    }

    /// Take so many bytes out, or all if there are fewer.
    pub(super) fn take(&mut self, count: usize) -> Vec<u8> {
        let count = count.min(self.len());
        if self.start == 0 && count == self.end && count > KEPT {
            let mut all = std::mem::take(&mut self.memory);
            all.truncate(count);
            self.end = 0;
            return all;
        }
        let taken = self.memory[self.start..self.start + count].to_vec();
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.memory.len() > KEPT {
                self.memory = Vec::new();
            }
        }
        taken
    }

    /// Find where the first `delimiter` ends. Nothing before `searched` needs to be looked at
    /// again: there a whole one would have been found.
    pub(super) fn find(&self, delimiter: &[u8], searched: usize) -> Option<usize> {
        let (first, rest) = delimiter.split_first()?;
        let bytes = self.bytes();
        let mut at = searched.saturating_sub(rest.len());
        while let Some(next) = bytes.get(at..)?.iter().position(|byte| byte == first) {
            at += next + 1;
            if bytes[at..].starts_with(rest) {
                return Some(at + rest.len());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(inbox: &mut Inbox, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE / 8) {
            inbox.room()[..piece.len()].copy_from_slice(piece);
            inbox.filled(piece.len());
        }
    }

    #[test]
    fn what_is_put_in_comes_out_in_order_however_it_is_cut() {
        let all: Vec<u8> = (0..3_000_000u32)
            .map(|number| (number % 251) as u8)
            .collect();
        for cut in [1000, 70_000, 400_000, 3_000_000] {
            let mut inbox = Inbox::default();
            let mut out = Vec::new();
            for piece in all.chunks(cut) {
                put(&mut inbox, piece);
                out.extend(inbox.take(cut - 1));
            }
            out.extend(inbox.take(usize::MAX));
            assert!(out == all, "cut into {cut}");
        }
    }

    #[test]
    fn memory_is_given_back_after_much_was_there() {
        let mut inbox = Inbox::default();
        put(&mut inbox, &vec![1; 3_000_000]);
        inbox.take(2_999_999);
        assert!(inbox.memory.len() > KEPT);
        inbox.take(1);
        assert!(inbox.memory.len() <= KEPT);
    }

    #[test]
    fn a_delimiter_is_found_wherever_the_search_left_off() {
        let mut inbox = Inbox::default();
        put(&mut inbox, b"ab\r\r\ncd\r\n");
        for searched in 0..5 {
            assert_eq!(inbox.find(b"\r\n", searched), Some(5), "{searched}");
        }
        assert_eq!(inbox.find(b"\r\n", 6), Some(9));
        assert_eq!(inbox.find(b"\n\n", 0), None);
        assert_eq!(inbox.find(b"cd\r\nx", 0), None);
        assert_eq!(inbox.find(b"x", 1000), None);
    }
}
