//! A request, and the bytes that it is on the wire.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::{Error, Result, excerpt};
use super::headers::{Headers, is_token, trim};
use super::url::Url;

/// A request. What it is made of was looked at: nothing in it can end a line early.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    url: Url,
    /// The headers that the caller wants sent. `Host`, `Content-Length` and, for the user of the
    /// URL, `Authorization` are added if they are not among them.
    pub headers: Headers,
    /// The names of those that are not to be added, with empty values.
    pub left_out: Headers,
    /// The body; a redirect may send it again.
    pub body: Option<Arc<Vec<u8>>>,
}

/// In which form a request names what it asks for (RFC 9112 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Path and query: to the server itself.
    Origin,
    /// The whole URL: to a proxy.
    Absolute,
}

impl Request {
    /// Make a request without headers and body.
    ///
    /// Errors: [`Error::Method`] if the method is no token.
    pub fn new(method: &str, url: Url) -> Result<Self> {
        if !is_token(method.as_bytes()) {
            return Err(Error::Method(excerpt(method.as_bytes())));
        }
        Ok(Self {
            method: method.to_owned(),
            url,
            headers: Headers::new(),
            left_out: Headers::new(),
            body: None,
        })
    }

    /// Return the method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Return the URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Return the same request for another URL.
    #[must_use]
    pub fn with_url(mut self, url: Url) -> Self {
        self.url = url;
        self
    }

    /// Make it a GET without a body, and without the headers that speak of one.
    pub(super) fn drop_body(&mut self) {
        "GET".clone_into(&mut self.method);
        self.body = None;
        for name in [
            "content-type",
            "content-length",
            "content-encoding",
            "content-language",
            "content-location",
            "content-disposition",
            "content-md5",
            "digest",
            "expect",
            "transfer-encoding",
        ] {
            self.headers.remove(name);
        }
    }

    /// Write the head, up to and with its empty line.
    ///
    /// Errors: [`Error::BodyHeader`] if the headers say of the body what is not so.
    pub fn head(&self, form: Form) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(256);
        let target = match form {
            Form::Origin => self.url.target().to_owned(),
            Form::Absolute => self.url.absolute(),
        };
        out.extend_from_slice(self.method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(target.as_bytes());
        out.extend_from_slice(b" HTTP/1.1\r\n");
        match self.headers.get("host") {
            Some(host) => write(&mut out, b"Host", host),
            None if self.left_out.contains("host") => {}
            None => write(&mut out, b"Host", self.url.authority().as_bytes()),
        }
        for (name, value) in self.headers.iter() {
            if !name.eq_ignore_ascii_case(b"host") {
                write(&mut out, name, value);
            }
        }
        if let (false, Some(basic)) = (self.settles("authorization"), self.basic()) {
            write(&mut out, b"Authorization", basic.as_bytes());
        }
        if let Some(length) = self.length_to_say()? {
            write(&mut out, b"Content-Length", length.to_string().as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        Ok(out)
    }

    /// Return whether the caller said what becomes of this header.
    #[must_use]
    pub fn settles(&self, name: &str) -> bool {
        self.headers.contains(name) || self.left_out.contains(name)
    }

    fn basic(&self) -> Option<String> {
        let (user, password) = self.url.userinfo()?;
        Some(basic(&user, &password))
    }

    /// Return the length of the body if the head has to say it and the headers do not.
    fn length_to_say(&self) -> Result<Option<usize>> {
        if self.headers.contains("transfer-encoding") {
            return Err(Error::BodyHeader {
                name: "Transfer-Encoding",
            });
        }
        let length = self.body.as_ref().map_or(0, |body| body.len());
        if !self.headers.contains("content-length") {
            let expected = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH");
            return Ok((self.body.is_some() || expected).then_some(length));
        }
        let text = length.to_string();
        let mut said = self.headers.get_all("content-length");
        let fits = said
            .next()
            .is_some_and(|said| trim(said) == text.as_bytes());
        if fits && said.next().is_none() {
            return Ok(None);
        }
        Err(Error::BodyHeader {
            name: "Content-Length",
        })
    }
}

/// Write the value of `Authorization` for a user and a password (RFC 7617).
#[must_use]
pub fn basic(user: &[u8], password: &[u8]) -> String {
    format!("Basic {}", STANDARD.encode([user, b":", password].concat()))
}

fn write(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
