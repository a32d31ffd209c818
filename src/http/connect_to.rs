//! Rules that send connections for one host and port to another one, as curl's `--connect-to`.
//!
//! Only where the connection goes changes: the request, the certificate that is asked for, and the
//! URL that is shown stay those of the host that was asked for.

use super::error::{Error, Result};
use super::url::Url;

/// Rules, of which the first that fits is the one that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectTo {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    host: Option<String>,
    port: Option<u16>,
    to_host: Option<String>,
    to_port: Option<u16>,
}

impl ConnectTo {
    /// The environment variable that holds rules for a whole program.
    pub const VARIABLE: &'static str = "RSOCK_CONNECT_TO";

    /// Add the rule that connections for `from` go to `to`; both are `HOST:PORT`.
    ///
    /// A part of `from` that is left out fits everything, one of `to` leaves what is there. An IPv6
    /// address stands in brackets.
    ///
    /// Errors: [`Error::ConnectTo`].
    pub fn push(&mut self, from: &str, to: &str) -> Result<()> {
        let rule = || format!("{from} -> {to}");
        let ((host, port), (to_host, to_port)) = end(from)
            .and_then(|from| Ok((from, end(to)?)))
            .map_err(|reason| Error::ConnectTo {
                rule: rule(),
                reason,
            })?;
        self.add(host, port, to_host, to_port);
        Ok(())
    }

    /// Add rules as curl writes them, `HOST:PORT:OTHER-HOST:OTHER-PORT`, with commas or spaces
    /// between.
    ///
    /// Errors: [`Error::ConnectTo`]; the rules in front of the wrong one are added.
    pub fn push_text(&mut self, text: &str) -> Result<()> {
        for rule in text.split([',', ' ', '\t', '\r', '\n']) {
            if !rule.is_empty() {
                self.push_rule(rule).map_err(|reason| Error::ConnectTo {
                    rule: rule.to_owned(),
                    reason,
                })?;
            }
        }
        Ok(())
    }

    fn push_rule(&mut self, text: &str) -> std::result::Result<(), &'static str> {
        const FORM: &str = "write HOST:PORT:OTHER-HOST:OTHER-PORT, with IPv6 addresses in brackets";
        let (host, rest) = split(text)?;
        let (port, rest) = rest.and_then(|rest| rest.split_once(':')).ok_or(FORM)?;
        let (to_host, to_port) = split(rest)?;
        let to_port = number(to_port.ok_or(FORM)?)?;
        self.add(host, number(port)?, to_host, to_port);
        Ok(())
    }

    fn add(&mut self, host: &str, port: Option<u16>, to_host: &str, to_port: Option<u16>) {
        self.rules.push(Rule {
            host: (!host.is_empty()).then(|| comparable(host)),
            port,
            to_host: (!to_host.is_empty()).then(|| to_host.to_owned()),
            to_port,
        });
    }

    /// Return whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Return where to connect for this host and port, or nothing if no rule fits.
    #[must_use]
    pub fn of(&self, host: &str, port: u16) -> Option<(String, u16)> {
        if self.rules.is_empty() {
            return None;
        }
        let asked = comparable(host);
        let fits = |rule: &&Rule| {
            rule.host.as_ref().is_none_or(|wanted| *wanted == asked)
                && rule.port.is_none_or(|wanted| wanted == port)
        };
        let rule = self.rules.iter().find(fits)?;
        let to_host = rule.to_host.clone().unwrap_or_else(|| host.to_owned());
        Some((to_host, rule.to_port.unwrap_or(port)))
    }
}

/// Read `HOST:PORT`, of which either may be left out.
fn end(text: &str) -> std::result::Result<(&str, Option<u16>), &'static str> {
    let (host, port) = split(text)?;
    Ok((host, number(port.unwrap_or_default())?))
}

/// Split a host, which may stand in brackets, from what follows its colon.
fn split(text: &str) -> std::result::Result<(&str, Option<&str>), &'static str> {
    if let Some(inner) = text.strip_prefix('[') {
        let (host, rest) = inner.split_once(']').ok_or("a bracket is not closed")?;
        return match rest.strip_prefix(':') {
            Some(rest) => Ok((host, Some(rest))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err("something stands between a bracket and a colon"),
        };
    }
    Ok(match text.split_once(':') {
        Some((host, rest)) => (host, Some(rest)),
        None => (text, None),
    })
}

fn number(port: &str) -> std::result::Result<Option<u16>, &'static str> {
    if port.is_empty() {
        return Ok(None);
    }
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| is_number && *port > 0);
    port.map(Some)
        .ok_or("a port is not a number from 1 to 65535")
}

/// Write a host as URLs have it, so that one host is written in one way.
fn comparable(host: &str) -> String {
    let bare = host.trim_end_matches('.');
    let text = match bare.contains(':') {
        true => format!("http://[{bare}]/"),
        false => format!("http://{bare}/"),
    };
    Url::parse(&text).map_or_else(|_| bare.to_ascii_lowercase(), |url| url.host())
}
