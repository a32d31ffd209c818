//! Who gets an answer, and how servers that answer each other come to an end.
//!
//! Nothing in a datagram says whether it is a question or an answer, so two servers that once get
//! hold of each other's address could go on for ever. An answer therefore inherits the life of the
//! datagram that it answers, less one: what arrives with 64 networks still to pass (the TTL of IPv4,
//! the hop limit of IPv6) is answered with 63, and that with 62. A circle of servers ends as a
//! circle of routers does, after 64 rounds as a rule, whatever they say to each other; and a client
//! never notices, since its next question begins a life of its own.
//!
//! What arrives at the end of its life comes from such a circle, or from a neighbour who never
//! meant it to go further, as questions to a multicast group. It is answered, but only so often
//! that a circle runs dry at once, and with no more life than it had.
//!
//! A server that is not of this kind begins a new life with each answer. So whatever comes from the
//! ports of the old services that answer anything, such as echo and chargen, gets none.

use std::net::IpAddr;
use std::time::Instant;

use socket2::SockAddr;

/// The ports of services that answer whatever they get: echo, daytime, qotd, chargen and time.
const OLD_SERVICES: [u16; 5] = [7, 13, 17, 19, 37];

/// Return whether an address is one that may be answered.
pub(super) fn answerable(from: &SockAddr) -> bool {
    let Some(address) = from.as_socket() else {
        // A Unix socket without a name cannot be reached.
        return from.is_unix() && !from.is_unnamed();
    };
    let single = match address.ip().to_canonical() {
        IpAddr::V4(ip) => !(ip.is_broadcast() || ip.is_multicast() || ip.is_unspecified()),
        IpAddr::V6(ip) => !(ip.is_multicast() || ip.is_unspecified()),
    };
    single && address.port() != 0 && !OLD_SERVICES.contains(&address.port())
}

/// So many at once, and then so many a second.
pub(super) struct Allowance {
    left: f64,
    since: Instant,
}

impl Allowance {
    const AT_ONCE: f64 = 64.0;
    const A_SECOND: f64 = 16.0;

    pub(super) const fn new(now: Instant) -> Self {
        Self {
            left: Self::AT_ONCE,
            since: now,
        }
    }

    pub(super) fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        self.since = now;
        self.left = passed.mul_add(Self::A_SECOND, self.left).min(Self::AT_ONCE);
        let enough = self.left >= 1.0;
        if enough {
            self.left -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::{Duration, Instant};

    use socket2::SockAddr;

    use super::{Allowance, answerable};

    #[test]
    fn only_single_hosts_that_ask_are_answered() {
        let rows = [
            ("127.0.0.1:4000", true),
            ("192.0.2.1:53", true),
            ("[::1]:4000", true),
            ("[::ffff:192.0.2.1]:4000", true),
            ("127.0.0.1:0", false),
            ("[::1]:0", false),
            ("255.255.255.255:4000", false),
            ("224.0.0.1:4000", false),
            ("239.255.255.250:1900", false),
            ("0.0.0.0:4000", false),
            ("[::]:4000", false),
            ("[ff02::1]:4000", false),
            ("[::ffff:255.255.255.255]:4000", false),
            ("[::ffff:224.0.0.1]:4000", false),
            ("127.0.0.1:7", false),
            ("[::1]:19", false),
        ];
        for (address, expected) in rows {
            let parsed: SocketAddr = address.parse().unwrap();
            assert_eq!(answerable(&parsed.into()), expected, "{address}");
        }
        assert!(answerable(&SockAddr::unix("/tmp/somewhere").unwrap()));
        assert!(!answerable(&SockAddr::unix("").unwrap()));
    }

    #[test]
    fn an_allowance_runs_dry_and_comes_back() {
        let begun = Instant::now();
        let mut allowance = Allowance::new(begun);
        let at_once = (0..1_000).filter(|_| allowance.take(begun)).count();
        assert_eq!(at_once, 64);
        let later = begun + Duration::from_secs(1);
        assert_eq!((0..1_000).filter(|_| allowance.take(later)).count(), 16);
        let much_later = begun + Duration::from_secs(3_600);
        assert_eq!(
            (0..1_000).filter(|_| allowance.take(much_later)).count(),
            64
        );
    }
}
