//! URLs of http and https, and what a request needs of them.
//!
//! The reading is that of the `url` crate, which is that of browsers. Three things are added: what
//! people type without a scheme, as curl guesses it; zone ids of IPv6 addresses, which browsers do
//! not know; and a refusal of white space and control characters, which browsers drop or encode,
//! and which in a program are a mistake or an attack.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use super::error::{Error, Result};

/// A URL of http or https.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    inner: url::Url,
    /// The zone of an IPv6 address, as in `fe80::1%eth0`.
    zone: Option<String>,
}

impl Url {
    /// Read a URL. Without a scheme it is taken for one of http, if it cannot be anything else.
    ///
    /// Errors: [`Error::Url`], and [`Error::Scheme`] for the URL of another scheme.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = |reason: &str| Error::Url {
            url: shorten(text),
            reason: reason.to_owned(),
        };
        if let Some(found) = text.chars().find(|char| *char <= ' ' || *char == '\x7f') {
            return Err(refuse(&format!(
                "it holds the character {found:?}; write it as %{:02X}",
                u32::from(found)
            )));
        }
        match scheme_of(text) {
            Some("http" | "https") => Self::resolve(text, None).map_err(|why| refuse(&why)),
            Some(_) => Err(Error::Scheme { url: shorten(text) }),
            None if text.is_empty() || text.starts_with(['/', '?', '#', '\\']) => Err(refuse(
                "it names no host; begin it with http:// or https://",
            )),
            None => Self::resolve(&format!("http://{text}"), None).map_err(|why| refuse(&why)),
        }
    }

    /// Follow a reference from this URL, as a `Location` is one.
    ///
    /// It is read as curl reads it: spaces are written as `%20`, after a question mark as `+`, and
    /// all other bytes that a URL cannot hold are written as `%` and their number. A fragment is
    /// inherited if the reference has none (RFC 9110 10.2.2). A slash too many is let pass, and no
    /// more.
    ///
    /// Errors: [`Error::Location`], also for schemes other than http and https.
    pub fn join(&self, reference: &[u8]) -> Result<Self> {
        let text = encode(trim(reference));
        let refuse = |reason: &str| Error::Location {
            location: shorten(&String::from_utf8_lossy(trim(reference))),
            reason: reason.to_owned(),
        };
        let is_strange = scheme_of(&text).is_some_and(|scheme| !is_spoken(scheme));
        if is_strange {
            return Err(refuse("only http and https URLs are fetched"));
        }
        let after = text.split_once(':').map_or("", |(_, after)| after);
        if scheme_of(&text).is_some() && after.starts_with("////") {
            return Err(refuse("it has more slashes than anybody can explain"));
        }
        let slashes = after.trim_start_matches('/');
        if scheme_of(&text).is_some() && slashes.starts_with("%5C") {
            return Err(refuse("it has a backslash where its host should begin"));
        }
        let mut found = Self::resolve(&text, Some(self)).map_err(|why| refuse(&why))?;
        if found.inner.fragment().is_none() {
            found.inner.set_fragment(self.inner.fragment());
        }
        Ok(found)
    }

    fn resolve(text: &str, base: Option<&Self>) -> std::result::Result<Self, String> {
        let (text, zone) = split_zone(text)?;
        let inner = url::Url::options()
            .base_url(base.map(|base| &base.inner))
            .parse(&text)
            .map_err(|error| error.to_string())?;
        if !is_spoken(inner.scheme()) || inner.host_str().is_none_or(str::is_empty) {
            return Err("only http and https URLs are fetched".to_owned());
        }
        let inherits = |base: &Self| inner.host() == base.inner.host();
        let zone = match (zone, base) {
            (Some(zone), _) => Some(zone),
            // A reference that names no host has that of its base, zone and all.
            (None, Some(base)) if inherits(base) && authority_of(&text).is_none() => {
                base.zone.clone()
            }
            (None, _) => None,
        };
        if zone.is_some() && !matches!(inner.host(), Some(url::Host::Ipv6(_))) {
            return Err("a zone belongs to an IPv6 address".to_owned());
        }
        Ok(Self { inner, zone })
    }

    /// Return `"http"` or `"https"`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.inner.scheme()
    }

    /// Return whether it is to be fetched over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme() == "https"
    }

    /// Return the host as a look-up takes it: a name in ASCII, or an address without brackets and
    /// with its zone.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.bare_host();
        match &self.zone {
            Some(zone) => format!("{host}%{zone}"),
            None => host.to_owned(),
        }
    }

    /// Return the host without brackets and zone, as TLS and rules name it.
    #[must_use]
    pub fn bare_host(&self) -> &str {
        let host = self.inner.host_str().unwrap_or_default();
        host.strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host)
    }

    /// Return the host as an address, if it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self.inner.host()? {
            url::Host::Ipv4(address) => Some(address.into()),
            url::Host::Ipv6(address) => Some(address.into()),
            url::Host::Domain(_) => None,
        }
    }

    /// Return the port, that of the scheme if none is given.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.inner.port_or_known_default().unwrap_or(80)
    }

    /// Return what the `Host` header says: the host, and the port if it is not that of the scheme.
    /// A zone means something on this machine only, and is not sent.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.inner.host_str().unwrap_or_default();
        match self.inner.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Return what a request asks the server for: path and query.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.inner[url::Position::BeforePath..url::Position::AfterQuery]
    }

    /// Return what a request asks a proxy for: the URL without user and fragment.
    #[must_use]
    pub fn absolute(&self) -> String {
        format!("{}://{}{}", self.scheme(), self.authority(), self.target())
    }

    /// Return the path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.inner.path()
    }

    /// Return the query, without its question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.inner.query()
    }

    /// Return user and password, percent-decoded, if one of them is given.
    #[must_use]
    pub fn userinfo(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let (user, password) = (self.inner.username(), self.inner.password());
        if user.is_empty() && password.is_none() {
            return None;
        }
        Some((decode(user), decode(password.unwrap_or_default())))
    }

    /// Return it with the user and password of another one.
    #[must_use]
    pub fn with_userinfo_of(mut self, other: &Self) -> Self {
        // Both are http or https and have a host, which is all that the setters ask for.
        let _ = self.inner.set_username(other.inner.username());
        let _ = self.inner.set_password(other.inner.password());
        self
    }

    /// Return it without user and password.
    #[must_use]
    pub fn without_userinfo(mut self) -> Self {
        let _ = self.inner.set_username("");
        let _ = self.inner.set_password(None);
        self
    }

    /// Return whether both have the same scheme, host and port.
    #[must_use]
    pub fn same_origin(&self, other: &Self) -> bool {
        self.scheme() == other.scheme()
            && self.inner.host() == other.inner.host()
            && self.zone == other.zone
            && self.port() == other.port()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(zone) = &self.zone else {
            return out.write_str(self.inner.as_str());
        };
        let before = &self.inner[..url::Position::AfterHost];
        let before = before.strip_suffix(']').unwrap_or(before);
        write!(out, "{before}%25")?;
        for byte in zone.bytes() {
            match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                    write!(out, "{}", char::from(byte))?;
                }
                _ => write!(out, "%{byte:02X}")?,
            }
        }
        write!(out, "]{}", &self.inner[url::Position::AfterHost..])
    }
}

fn is_spoken(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// Return the scheme of a URL, in lower case if it is one of ours. `None` if there is none:
/// `host:port` is taken for what it is.
fn scheme_of(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let is_name = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.'));
    if !is_name {
        return None;
    }
    let port = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    for spoken in ["http", "https"] {
        if scheme.eq_ignore_ascii_case(spoken) {
            return Some(spoken);
        }
    }
    Some(scheme)
}

/// Return where a reference names user, host and port, if it does: behind `//`, with a scheme
/// before that or none.
fn authority_of(text: &str) -> Option<Range<usize>> {
    let slashes = match scheme_of(text) {
        Some(_) => text.find(':')? + 1,
        None => 0,
    };
    let named = text[slashes..].strip_prefix("//")?;
    let start = slashes + 2;
    let length = named.find(['/', '\\', '?', '#']).unwrap_or(named.len());
    Some(start..start + length)
}

/// Take the zone out of an address in brackets: `%25` and its name (RFC 6874), or, as people write
/// it, `%` and its name.
fn split_zone(text: &str) -> std::result::Result<(String, Option<String>), String> {
    let none = || Ok((text.to_owned(), None));
    let Some(Range { start, end }) = authority_of(text) else {
        return none();
    };
    // The user and the password may hold anything but the host begins after the last @.
    let host = start + text[start..end].rfind('@').map_or(0, |at| at + 1);
    let Some(close) = text[host..end].find(']').map(|close| host + close) else {
        return none();
    };
    let Some(percent) = text[host..close].find('%').map(|percent| host + percent) else {
        return none();
    };
    if !text[host..].starts_with('[') {
        return none();
    }
    let zone = &text[percent + 1..close];
    let is_number = |text: &str| {
        let digits = text.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let zone = match zone.strip_prefix("25") {
        Some(zone) => zone,
        // Anything else with a number is no zone, but a host in disguise.
        None if is_number(zone) => return none(),
        None => zone,
    };
    let zone = String::from_utf8(decode(zone)).unwrap_or_default();
    let is_zone = !zone.is_empty()
        && zone.len() <= 64
        && zone.chars().all(|char| {
            char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_' | '~' | ':')
        });
    if !is_zone {
        return Err("the zone of the address is no name".to_owned());
    }
    Ok((
        format!("{}{}", &text[..percent], &text[close..]),
        Some(zone),
    ))
}

/// Write what a URL cannot hold as `%` and its number.
fn encode(reference: &[u8]) -> String {
    let mut text = String::with_capacity(reference.len());
    let mut in_query = false;
    for byte in reference {
        match byte {
            b' ' if in_query => text.push('+'),
            // To a browser a backslash is a slash, and `/\host` another host. Not so to curl.
            0..=b' ' | b'\\' | 0x7f.. => text.push_str(&format!("%{byte:02X}")),
            byte => text.push(char::from(*byte)),
        }
        in_query |= *byte == b'?';
    }
    text
}

/// Read `%` and a number as the byte that it stands for.
fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |digit: &u8| char::from(*digit).to_digit(16);
        rest = tail;
        if let (b'%', [high, low, after @ ..]) = (first, tail) {
            if let Some((high, low)) = hex(high).zip(hex(low)) {
                bytes.extend(u8::try_from(high * 16 + low));
                rest = after;
                continue;
            }
        }
        bytes.push(*first);
    }
    bytes
}

fn trim(reference: &[u8]) -> &[u8] {
    reference.trim_ascii()
}

/// Cut a URL for a message.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
