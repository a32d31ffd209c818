//! What a server of datagrams has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a server of datagrams has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpStats {
    /// Datagrams received.
    pub messages: u64,
    /// Answers sent.
    pub answers: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Answers withheld: to broadcast and multicast addresses, and to other servers.
    pub refused: u64,
    /// Datagrams longer than may be.
    pub oversize: u64,
    /// Answers dropped since there was no room to send them.
    pub dropped: u64,
    /// Calls that failed, and answers that panicked or could not be sent.
    pub errors: u64,
}

macro_rules! counters {
    ($($name:ident),+) => {
        #[derive(Debug, Default)]
        pub(super) struct Counters { $($name: AtomicU64),+ }

        impl Counters {
            pub(super) fn add(&self, seen: &UdpStats) {
                // Only one thread writes, so that this need not be one step.
                $(if seen.$name > 0 {
                    let before = self.$name.load(Ordering::Relaxed);
                    self.$name.store(before + seen.$name, Ordering::Relaxed);
                })+
            }

            pub(super) fn snapshot(&self) -> UdpStats {
                UdpStats { $($name: self.$name.load(Ordering::Relaxed)),+ }
            }
        }
    };
}
counters!(
    messages, answers, bytes_in, bytes_out, refused, oversize, dropped, errors
);
