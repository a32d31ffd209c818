//! Which proxy a URL goes through, by the variables that curl knows.

use std::net::IpAddr;

use super::error::{Error, Result};
use super::request::basic;
use super::url::Url;

/// The port of a proxy that is named without one, as with curl.
const PORT: u16 = 1080;

/// A proxy that speaks HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Proxy {
    /// Its host, a name or an address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What it wants to see in `Proxy-Authorization`.
    pub authorization: Option<String>,
}

impl Proxy {
    /// Read the URL of a proxy; the scheme and the port may be left out.
    ///
    /// Errors: [`Error::Proxy`].
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = |reason: &str| Error::Proxy {
            proxy: without_user(text).to_owned(),
            reason: reason.to_owned(),
        };
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        if scheme.is_some_and(|scheme| !scheme.eq_ignore_ascii_case("http")) {
            return Err(refuse("only proxies with http:// URLs are supported"));
        }
        let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
        let url = Url::parse(&format!("http://{authority}"))
            .map_err(|error| refuse(&reason_of(error)))?;
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        });
        Ok(Self {
            host: url.host(),
            port: if has_port { url.port() } else { PORT },
            authorization: url
                .userinfo()
                .map(|(user, password)| basic(&user, &password)),
        })
    }

    /// Write the head that asks it for a tunnel to the host and port of a URL.
    #[must_use]
    pub fn connect_head(&self, url: &Url) -> Vec<u8> {
        let host = match url.ip() {
            Some(IpAddr::V6(address)) => format!("[{address}]"),
            _ => url.bare_host().to_owned(),
        };
        let port = url.port();
        let mut head = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
        if let Some(authorization) = &self.authorization {
            head.push_str(&format!("Proxy-Authorization: {authorization}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

/// Which URLs go through which proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<String>,
    https: Option<String>,
    exempt: Vec<String>,
}

impl Proxies {
    /// Read the variables of an environment; `get` gives the value of one.
    ///
    /// `http_proxy` counts in lower case only: a web server that runs CGI programs sets
    /// `HTTP_PROXY` to what a client sends as the header `Proxy`. Empty is as good as not there.
    pub fn from_environment(get: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| {
            let mut values = names.iter().filter_map(|name| get(name));
            values.find(|value| !value.is_empty())
        };
        let exempt = first(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
        Self {
            http: first(&["http_proxy", "all_proxy", "ALL_PROXY"]),
            https: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            exempt: exempt
                .split([',', ' '])
                .filter(|entry| !entry.is_empty())
                .map(str::to_ascii_lowercase)
                .collect(),
        }
    }

    /// Read a map of schemes to proxies: `http`, `https`, `all`, and `no` for the exceptions.
    pub fn from_schemes(get: impl Fn(&str) -> Option<String>) -> Self {
        Self::from_environment(|name| {
            let scheme = name.strip_suffix("_proxy")?;
            get(scheme)
        })
    }

    /// Return the proxy that a URL goes through, if it does not go straight.
    ///
    /// Errors: [`Error::Proxy`] if it cannot be used.
    pub fn of(&self, url: &Url) -> Result<Option<Proxy>> {
        let proxy = if url.is_https() {
            &self.https
        } else {
            &self.http
        };
        match proxy {
            Some(proxy) if !self.is_exempt(url) => Proxy::parse(proxy).map(Some),
            _ => Ok(None),
        }
    }

    fn is_exempt(&self, url: &Url) -> bool {
        let host = url.bare_host().trim_end_matches('.').to_ascii_lowercase();
        self.exempt
            .iter()
            .any(|entry| exempts(entry, &host, url.ip(), url.port()))
    }
}

/// Return whether an entry of `no_proxy` means this host: `*`, a name and all below it, an address,
/// a network, each of the last three with a port or without.
fn exempts(entry: &str, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    let (name, wanted) = split_port(entry);
    if wanted.is_some_and(|wanted| wanted != port) {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if let Some(ip) = ip {
        return is_within(ip, name);
    }
    let name = name.trim_start_matches('.').trim_end_matches('.');
    let Some(above) = host.strip_suffix(name).filter(|_| !name.is_empty()) else {
        return false;
    };
    above.is_empty() || above.ends_with('.')
}

fn split_port(entry: &str) -> (&str, Option<u16>) {
    let is_bare_v6 = entry.matches(':').count() > 1 && !entry.starts_with('[');
    match entry.rsplit_once(':') {
        Some((name, port)) if !is_bare_v6 => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

/// Return whether an address is this one, or in this network, as `10.0.0.0/8`.
fn is_within(ip: IpAddr, network: &str) -> bool {
    let (address, bits) = match network.split_once('/') {
        Some((address, bits)) => (address, bits.parse::<u32>().ok()),
        None => (network, Some(128)),
    };
    let Some((address, bits)) = address.parse::<IpAddr>().ok().zip(bits) else {
        return false;
    };
    match (ip, address) {
        (IpAddr::V4(ip), IpAddr::V4(address)) => {
            let differing = ip.to_bits() ^ address.to_bits();
            differing.leading_zeros() >= bits.min(32)
        }
        (IpAddr::V6(ip), IpAddr::V6(address)) => {
            let differing = ip.to_bits() ^ address.to_bits();
            differing.leading_zeros() >= bits.min(128)
        }
        _ => false,
    }
}

fn reason_of(error: Error) -> String {
    match error {
        Error::Url { reason, .. } => reason,
        other => other.to_string(),
    }
}

/// Leave the user and the password out of what is shown to people.
fn without_user(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, rest)| rest)
}
