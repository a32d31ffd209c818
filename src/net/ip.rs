//! IP addresses as text: read as inet_pton(3) reads them, written as inet_ntop(3) does.
//!
//! The standard library of Rust reads the same texts, but takes twice as long for them, and for
//! programs that know their peers by number this is what most calls spend their time on. It also
//! writes some IPv6 addresses in another way than C libraries do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Read an IPv4 or IPv6 address in its strict form.
#[must_use]
pub fn parse(text: &[u8]) -> Option<IpAddr> {
    match parse_v4(text) {
        Some(ip) => Some(IpAddr::V4(ip)),
        None => parse_v6(text).map(IpAddr::V6),
    }
}

/// Read an IPv4 address: four decimal numbers without leading zeros.
#[must_use]
pub fn parse_v4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let (mut place, mut value, mut digits) = (0, 0u32, 0);
    for &byte in text {
        match byte {
            b'0'..=b'9' if digits == 0 || value != 0 => {
                value = value * 10 + u32::from(byte - b'0');
                digits += 1;
                if value > 255 {
                    return None;
                }
            }
            b'.' if digits > 0 && place < 3 => {
                octets[place] = value as u8;
                (place, value, digits) = (place + 1, 0, 0);
            }
            _ => return None,
        }
    }
    octets[place] = value as u8;
    (place == 3 && digits > 0).then(|| octets.into())
}

/// Read an IPv6 address, without a scope.
#[must_use]
pub fn parse_v6(text: &[u8]) -> Option<Ipv6Addr> {
    let mut groups = [0u16; 8];
    let mut count = 0;
    let mut gap = None;
    let mut at = 0;
    if text.starts_with(b"::") {
        (gap, at) = (Some(0), 2);
    }
    while at < text.len() {
        let (value, end) = hexadecimal(text, at)?;
        let group = groups.get_mut(count)?;
        if text.get(end) == Some(&b'.') {
            let tail = u32::from(parse_v4(&text[at..])?);
            *group = (tail >> 16) as u16;
            *groups.get_mut(count + 1)? = tail as u16;
            count += 2;
            break;
        }
        *group = value;
        count += 1;
        match text.get(end..) {
            Some([]) => break,
            Some([b':', b':', ..]) if gap.is_none() => (gap, at) = (Some(count), end + 2),
            Some([b':', next, ..]) if *next != b':' => at = end + 1,
            _ => return None,
        }
    }
    match gap {
        None if count == 8 => {}
        // "::" stands for at least one group.
        Some(gap) if count < 8 => {
            groups.copy_within(gap..count, 8 + gap - count);
            groups[gap..8 + gap - count].fill(0);
        }
        _ => return None,
    }
    Some(groups.into())
}

/// Read up to four hexadecimal digits, and say where they end; nothing if there are none.
fn hexadecimal(text: &[u8], start: usize) -> Option<(u16, usize)> {
    let mut value = 0;
    let mut end = start;
    while let Some(&byte) = text.get(end).filter(|_| end < start + 4) {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => break,
        };
        value = (value << 4) | u16::from(digit);
        end += 1;
    }
    (end > start).then_some((value, end))
}

/// The text of an IP address, made without allocation.
#[derive(Clone, Copy, Debug)]
pub struct IpText {
    text: [u8; Self::ROOM],
    len: usize,
}

impl IpText {
    /// More than the longest address takes.
    const ROOM: usize = 46;

    const fn new() -> Self {
        Self {
            text: [0; Self::ROOM],
            len: 0,
        }
    }

    /// Return the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..self.len]).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        self.text[self.len] = byte;
        self.len += 1;
    }

    fn push_v4(&mut self, ip: Ipv4Addr) {
        for (place, octet) in ip.octets().into_iter().enumerate() {
            if place > 0 {
                self.push(b'.');
            }
            if octet > 99 {
                self.push(b'0' + octet / 100);
            }
            if octet > 9 {
                self.push(b'0' + octet / 10 % 10);
            }
            self.push(b'0' + octet % 10);
        }
    }

    fn push_group(&mut self, group: u16) {
        let digits = (16 - group.leading_zeros()).div_ceil(4).max(1);
        for place in (0..digits).rev() {
            let digit = (group >> (4 * place)) as usize & 15;
            self.push(b"0123456789abcdef"[digit]);
        }
    }

    fn push_v6(&mut self, ip: Ipv6Addr) {
        let groups = ip.segments();
        let (gap, end) = longest_zeros(&groups);
        // Addresses that stand for IPv4 ones show them: ::1.2.3.4 and ::ffff:1.2.3.4.
        let holds_v4 = gap == 0 && (end == 6 || (end == 5 && groups[5] == 0xffff));
        let mut place = 0;
        while place < 8 {
            if place == gap && end > gap {
                self.push(b':');
                if end == 8 {
                    self.push(b':');
                }
                place = end;
                continue;
            }
            if place > 0 {
                self.push(b':');
            }
            if holds_v4 && place == 6 {
                let [.., high, low] = groups;
                self.push_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
                return;
            }
            self.push_group(groups[place]);
            place += 1;
        }
    }
}

/// Find the first of the longest runs of zeros: from where to where, empty if none is worth it.
fn longest_zeros(groups: &[u16; 8]) -> (usize, usize) {
    let mut best = (0, 0);
    let mut start = 0;
    for (place, group) in groups.iter().enumerate() {
        if *group != 0 {
            start = place + 1;
        } else if place + 1 - start > (best.1 - best.0).max(1) {
            best = (start, place + 1);
        }
    }
    best
}

impl From<Ipv4Addr> for IpText {
    fn from(ip: Ipv4Addr) -> Self {
        let mut text = Self::new();
        text.push_v4(ip);
        text
    }
}

impl From<Ipv6Addr> for IpText {
    fn from(ip: Ipv6Addr) -> Self {
        let mut text = Self::new();
        text.push_v6(ip);
        text
    }
}

impl From<IpAddr> for IpText {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => ip.into(),
            IpAddr::V6(ip) => ip.into(),
        }
    }
}
