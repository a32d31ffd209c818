//! What follows a redirect: curl's rules, as a function of the request and the reply's head.

use super::error::{Error, Result};
use super::headers::Headers;
use super::request::Request;

/// Headers that are meant for one server and for no other.
const PRIVATE: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "host"];

/// Return whether a reply with this status sends the client elsewhere, if it has a `Location`.
#[must_use]
pub fn is_redirect(status: u16) -> bool {
    matches!(status, 300..=303 | 307 | 308)
}

/// Return the request that follows a reply, or nothing if it is no redirect.
///
/// - 301 and 302 make a GET of a POST, and 303 of everything but HEAD; the body goes, and the
///   headers that speak of it. Everything else is asked again as it was, body and all.
/// - Of several `Location` headers the first one counts; an empty one is none.
/// - What is meant for one server (credentials, cookies, `Host`) is dropped when scheme, host or
///   port changes. Within one server, the user of the URL is kept if the new URL names none.
/// - From https to http only if `downgrade`.
///
/// Errors: [`Error::Location`], [`Error::Downgrade`].
pub fn follow(
    request: &Request,
    status: u16,
    headers: &Headers,
    downgrade: bool,
) -> Result<Option<Request>> {
    let location = headers.get_all("location").find(|value| !value.is_empty());
    let Some(location) = location.filter(|_| is_redirect(status)) else {
        return Ok(None);
    };
    let from = request.url();
    let mut url = from.join(location)?;
    if from.is_https() && !url.is_https() && !downgrade {
        return Err(Error::Downgrade {
            location: url.without_userinfo().to_string(),
        });
    }
    let is_same = from.same_origin(&url);
    if is_same && url.userinfo().is_none() {
        url = url.with_userinfo_of(from);
    }
    let mut next = request.clone().with_url(url);
    if !is_same {
        for name in PRIVATE {
            next.headers.remove(name);
        }
    }
    let becomes_get = match status {
        301 | 302 => request.method() == "POST",
        303 => request.method() != "HEAD",
        _ => false,
    };
    if becomes_get {
        next.drop_body();
    }
    Ok(Some(next))
}
