//! The headers of a message: a list of names and values in which order and repeats are kept.

use std::fmt;

use super::error::{Error, Result, excerpt};

/// A list of names and values. Names are compared without regard to case.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// Each name with its value right behind it, so that a head costs two allocations.
    text: Vec<u8>,
    fields: Vec<Field>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Field {
    start: usize,
    value: usize,
    end: usize,
}

impl Headers {
    /// Make an empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            text: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// Add a header at the end; white space around the value is dropped.
    ///
    /// Errors: [`Error::HeaderName`] if the name is no token, [`Error::HeaderValue`] if the value
    /// holds CR, LF or NUL.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        if !is_token(name) {
            return Err(Error::HeaderName(excerpt(name)));
        }
        if !is_value(value) {
            return Err(Error::HeaderValue {
                name: excerpt(name),
            });
        }
        self.add(name, trim(value));
        Ok(())
    }

    /// Add a header that was looked at already.
    pub(crate) fn add(&mut self, name: &[u8], value: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(value);
        self.fields.push(Field {
            start,
            value: start + name.len(),
            end: self.text.len(),
        });
    }

    /// Continue the last value with what stood on a line of its own.
    ///
    /// Returns false if there is no last value.
    pub(super) fn fold(&mut self, more: &[u8]) -> bool {
        let Some(last) = self.fields.last_mut() else {
            return false;
        };
        // The last field always ends where the text ends: `add` and `remove` see to it.
        if last.end > last.value && !more.is_empty() {
            self.text.push(b' ');
        }
        self.text.extend_from_slice(more);
        last.end = self.text.len();
        true
    }

    /// Return the first value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Return all values of this name, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Return whether there is a header of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Return the members of the lists that the headers of this name are, without the empty ones.
    pub fn members<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.get_all(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(trim)
            .filter(|member| !member.is_empty())
    }

    /// Return whether this is a member of the lists that the headers of this name are.
    #[must_use]
    pub fn has_member(&self, name: &str, member: &str) -> bool {
        self.members(name)
            .any(|known| known.eq_ignore_ascii_case(member.as_bytes()))
    }

    /// Remove all headers of this name, and return whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        if !self.contains(name) {
            return false;
        }
        let before = std::mem::take(self);
        for (known, value) in before.iter() {
            if !known.eq_ignore_ascii_case(name.as_bytes()) {
                self.add(known, value);
            }
        }
        true
    }

    /// Return all names and values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| {
            (
                &self.text[field.start..field.value],
                &self.text[field.value..field.end],
            )
        })
    }

    /// Return how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Return whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list()
            .entries(self.iter().map(|(name, value)| {
                (
                    String::from_utf8_lossy(name),
                    String::from_utf8_lossy(value),
                )
            }))
            .finish()
    }
}

/// Return whether these bytes are a token: what methods and the names of headers are made of.
#[must_use]
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| TOKEN[usize::from(*byte)])
}

/// Return whether a header may have this value. Other control characters than these do no harm,
/// and some servers send them.
pub(super) fn is_value(bytes: &[u8]) -> bool {
    !bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// Drop spaces and tabs at both ends.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    table
};
