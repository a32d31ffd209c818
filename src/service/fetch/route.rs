//! Which way a request goes: straight, to where a rule says, or through a proxy.

use super::client::Settings;
use super::exchange::Exchange;
use super::failure::Cause;
use super::pool::Key;
use crate::http::{Form, Proxies, Proxy, Request, Result, Url};

/// Which way a request goes.
#[derive(Debug)]
pub(super) struct Route {
    /// Where to connect to.
    pub(super) host: String,
    pub(super) port: u16,
    /// The proxy that is there.
    proxy: Option<Proxy>,
    /// Whether there is TLS with the server.
    pub(super) secure: bool,
    /// The name of the server, for its certificate: without the zone of an address, which means
    /// something on this machine only.
    pub(super) server: String,
}

impl Route {
    /// Find the way. Where a rule says where to connect, no proxy is asked.
    pub(super) fn of(url: &Url, settings: &Settings, proxies: &Proxies) -> Result<Self> {
        let (host, port) = (url.host(), url.port());
        let (secure, server) = (url.is_https(), url.bare_host().to_owned());
        let straight = |host, port| Self {
            host,
            port,
            proxy: None,
            secure,
            server,
        };
        if let Some((host, port)) = settings.connect_to.of(&host, port) {
            return Ok(straight(host, port));
        }
        Ok(match proxies.of(url)? {
            None => straight(host, port),
            Some(proxy) => Self {
                proxy: Some(proxy.clone()),
                ..straight(proxy.host, proxy.port)
            },
        })
    }

    /// Name where the connection leads, as "example.com:80".
    pub(super) fn place(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// Return what a connection of this route is good for.
    pub(super) fn key(&self, url: &Url) -> Key {
        // A proxy takes plain requests for whatever server; a tunnel leads to one.
        let (host, port) = match &self.proxy {
            Some(_) if !self.secure => (String::new(), 0),
            _ => (url.host(), url.port()),
        };
        Key {
            secure: self.secure,
            host,
            port,
            by: (self.place(), self.proxy.clone()),
        }
    }

    /// Return the request for a tunnel, where one is needed.
    pub(super) fn tunnel(&self, url: &Url) -> Option<Vec<u8>> {
        let proxy = self.proxy.as_ref().filter(|_| self.secure)?;
        Some(proxy.connect_head(url))
    }

    /// Look at what a proxy says to the wish for a tunnel.
    pub(super) fn through(&self, exchange: &Exchange) -> std::result::Result<(), Cause> {
        let (place, server) = (self.place(), &self.server);
        let Some(head) = exchange.reply.head() else {
            return Ok(());
        };
        if !(200..300).contains(&head.status) {
            let hint = match head.status {
                407 => "; give user and password in its URL",
                _ => "",
            };
            return Err(Cause::Proxy(format!(
                "the proxy {place} opened no tunnel to {server}: {} {}{hint}",
                head.status,
                String::from_utf8_lossy(&head.reason)
            )));
        }
        if exchange.has_more() {
            return Err(Cause::Proxy(format!(
                "the proxy {place} sent something before the tunnel to {server} was used"
            )));
        }
        Ok(())
    }

    /// Write the head of a request down as it is sent this way.
    pub(super) fn head(&self, request: &Request) -> Result<Vec<u8>> {
        let Some(proxy) = self.proxy.as_ref().filter(|_| !self.secure) else {
            return request.head(Form::Origin);
        };
        match &proxy.authorization {
            Some(authorization) if !request.settles("proxy-authorization") => {
                let mut request = request.clone();
                let value = authorization.as_bytes();
                request.headers.push(b"Proxy-Authorization", value)?;
                request.head(Form::Absolute)
            }
            _ => request.head(Form::Absolute),
        }
    }

    /// Write a request down as it is sent this way, body and all.
    pub(super) fn write(&self, request: &Request) -> Result<Vec<u8>> {
        let mut bytes = self.head(request)?;
        if let Some(body) = &request.body {
            bytes.extend_from_slice(body);
        }
        Ok(bytes)
    }
}
