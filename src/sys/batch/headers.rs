//! The headers that the kernel reads and writes, and the memory that they lead to.

use std::io::Result;
use std::mem::size_of;

use super::system::Head;

/// Room for what the kernel says beside a datagram, in the units that its headers are aligned to.
pub(super) type Control = [u64; 16];

/// Headers, and what each of them leads to.
#[derive(Debug)]
pub(super) struct Messages {
    pub(super) count: usize,
    pub(super) heads: Table<Head>,
    pub(super) pieces: Table<libc::iovec>,
    pub(super) names: Table<libc::sockaddr_storage>,
    pub(super) controls: Table<Control>,
}

/// Where the parts of one message are.
pub(super) struct Message {
    pub(super) head: *mut Head,
    pub(super) piece: *mut libc::iovec,
    pub(super) name: *mut libc::sockaddr_storage,
    pub(super) control: *mut Control,
}

impl Messages {
    pub(super) fn new(count: usize) -> Self {
        Self {
            count,
            heads: Table::zeroed(count),
            pieces: Table::zeroed(count),
            names: Table::zeroed(count),
            controls: Table::zeroed(count),
        }
    }

    pub(super) fn at(&self, index: usize) -> Message {
        Message {
            head: self.heads.at(index),
            piece: self.pieces.at(index),
            name: self.names.at(index),
            control: self.controls.at(index),
        }
    }

    /// Do something with each message until it fails, and return with how many it did not.
    pub(super) fn each(
        &self,
        count: usize,
        mut act: impl FnMut(usize, *mut Head) -> Result<()>,
    ) -> Result<usize> {
        for index in 0..count {
            match act(index, self.heads.at(index)) {
                Ok(()) => {}
                Err(error) if index == 0 => return Err(error),
                Err(_) => return Ok(index),
            }
        }
        Ok(count)
    }
}

/// Memory of the kernel's types that is reached through one pointer only, so that what the kernel
/// was told of it once stays true.
#[derive(Debug)]
pub(super) struct Table<T> {
    start: *mut T,
    len: usize,
}

// SAFETY: memory that is owned, as a vector's. It holds numbers, and addresses of other tables, which
// are owned by the same batch.
unsafe impl<T> Send for Table<T> {}

impl<T> Table<T> {
    /// Make a table of zeros, which are a value of all types that are used here.
    pub(super) fn zeroed(len: usize) -> Self {
        let layout = Self::layout(len);
        // SAFETY: no table is empty.
        let start = unsafe { std::alloc::alloc_zeroed(layout) }.cast::<T>();
        if start.is_null() {
            std::alloc::handle_alloc_error(layout);
        }
        Self { start, len }
    }

    /// Return where the table begins.
    pub(super) const fn start(&self) -> *mut T {
        self.start
    }

    fn layout(len: usize) -> std::alloc::Layout {
        assert!(len > 0 && size_of::<T>() > 0, "a table holds something");
        std::alloc::Layout::array::<T>(len).expect("a table fits into the address space")
    }

    pub(super) fn at(&self, index: usize) -> *mut T {
        assert!(index < self.len, "an entry of the table");
        // SAFETY: within the table.
        unsafe { self.start.add(index) }
    }
}

impl<T> Drop for Table<T> {
    fn drop(&mut self) {
        // SAFETY: allocated with the same layout; the types have nothing to drop.
        unsafe { std::alloc::dealloc(self.start.cast(), Self::layout(self.len)) }
    }
}
