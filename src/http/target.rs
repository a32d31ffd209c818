//! What a request is for: path, query, host.

use super::refusal::AskedError;

/// What a request is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The path as it came, percent-encoded; `*` for the server itself.
    pub path: String,
    /// What comes after the question mark.
    pub query: Option<String>,
    /// The host and the port as they came, in small letters.
    pub host: String,
}

impl Target {
    /// Read a target of visible ASCII, with what the Host header says.
    ///
    /// A target with a host of its own is meant for that, as RFC 9112 §3.2.2 wants it.
    pub(super) fn read(method: &str, raw: &str, host: &str) -> Result<Self, AskedError> {
        let absolute = raw.get(..7).filter(|it| it.eq_ignore_ascii_case("http://"));
        let (host, rest) = match absolute {
            _ if raw.starts_with('/') => (host, raw),
            Some(scheme) => {
                let rest = &raw[scheme.len()..];
                let (host, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
                if host.is_empty() || !is_authority(host) {
                    return Err(AskedError::Target);
                }
                (host, rest)
            }
            None if raw == "*" && method == "OPTIONS" => (host, raw),
            None if method == "CONNECT" && is_authority(raw) => (raw, ""),
            None => return Err(AskedError::Target),
        };
        if rest.contains('#') {
            return Err(AskedError::Target);
        }
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        Ok(Self {
            path: if path.is_empty() { "/" } else { path }.to_owned(),
            query,
            host: host.to_ascii_lowercase(),
        })
    }

    /// Return the host without its port and the dot of a whole name.
    #[must_use]
    pub fn name(&self) -> &str {
        let end = match self.host.rfind(':') {
            // The colons of an IPv6 address stand in brackets.
            Some(colon) if !self.host[colon..].contains(']') => colon,
            _ => self.host.len(),
        };
        let name = &self.host[..end];
        name.strip_suffix('.').unwrap_or(name)
    }

    /// Return whether the query sets a name to a value, both written plainly.
    #[must_use]
    pub fn has(&self, name: &str, value: &str) -> bool {
        let mut pairs = self.query.iter().flat_map(|query| query.split('&'));
        pairs.any(|pair| pair.split_once('=') == Some((name, value)))
    }

    /// Return the path with its percent-encoding undone; `None` if that is broken, or hides a NUL.
    #[must_use]
    pub fn decoded(&self) -> Option<Vec<u8>> {
        let mut path = Vec::with_capacity(self.path.len());
        let mut rest = self.path.as_bytes();
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            if byte != b'%' {
                path.push(byte);
                continue;
            }
            let (digits, after) = rest.split_at_checked(2)?;
            let digit = |at: usize| char::from(digits[at]).to_digit(16);
            let value = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
            if value == 0 {
                return None;
            }
            path.push(value);
            rest = after;
        }
        Some(path)
    }
}

/// Return whether a text may be a host with a port, or nothing.
#[must_use]
pub fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rfind(':') {
        Some(colon) if !text[colon..].contains(']') => (&text[..colon], &text[colon + 1..]),
        _ => (text, ""),
    };
    let inner = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=%".contains(&byte);
    let is_host = match inner {
        Some(inner) => !inner.is_empty() && inner.bytes().all(|byte| plain(byte) || byte == b':'),
        None => host.bytes().all(plain),
    };
    is_host && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Take a decoded path apart for a look into a directory: the names on the way, and whether the
/// last one is to be a directory. `None` for one that would lead out, here or on another system.
#[must_use]
pub fn steps(path: &[u8]) -> Option<(Vec<&[u8]>, bool)> {
    if path.iter().any(|byte| matches!(byte, 0 | b'\\')) {
        return None;
    }
    let mut names = Vec::new();
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => return None,
            name => names.push(name),
        }
    }
    let is_directory = path.ends_with(b"/") || path.ends_with(b"/.") || names.is_empty();
    Some((names, is_directory))
}

/// Return the target that a browser is sent to for a directory without its slash.
///
/// A path that begins with two slashes would name another host.
#[must_use]
pub fn with_slash(target: &Target) -> String {
    let path = target.path.trim_start_matches('/');
    let query = target.query.as_deref().map(|query| format!("?{query}"));
    // Some take a backslash for a slash.
    let path = path.replace('\\', "%5C");
    format!("/{path}/{}", query.unwrap_or_default())
}
