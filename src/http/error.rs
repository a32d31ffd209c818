//! What can be wrong with a URL, a request or a reply.

/// A result of this layer.
pub type Result<T> = std::result::Result<T, Error>;

/// What kind of fault an error is, for those who make exceptions of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What the caller gave cannot be sent; nothing was sent.
    Argument,
    /// The other side broke the protocol.
    BadReply,
    /// The reply ended before it was whole.
    Incomplete,
    /// A limit was reached.
    TooLarge,
    /// A redirect that is not followed.
    Redirect,
}

/// What can be wrong with a URL, a request or a reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL cannot be read.
    #[error("bad URL {url:?}: {reason}")]
    Url {
        /// The URL as it was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The URL is of a scheme that is not spoken here.
    #[error("cannot fetch {url:?}: only http and https URLs are fetched")]
    Scheme {
        /// The URL as it was given.
        url: String,
    },
    /// The method is no token.
    #[error("bad method {0:?}: letters, digits and some punctuation only, as in \"GET\"")]
    Method(String),
    /// The name of a header is no token.
    #[error("bad header name {0:?}: letters, digits and some punctuation only, no spaces")]
    HeaderName(String),
    /// The value of a header holds a line end or NUL.
    #[error("bad value of header {name:?}: it holds a line end or NUL")]
    HeaderValue {
        /// Whose value it is.
        name: String,
    },
    /// A header of the request says of the body what is not so.
    #[error("header {name:?} does not fit the body: leave it out, it is made from the body")]
    BodyHeader {
        /// Which header.
        name: &'static str,
    },
    /// A rule that maps one host and port to another cannot be read.
    #[error("{rule:?} is no rule of connect_to: {reason}")]
    ConnectTo {
        /// The rule as it was given.
        rule: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The URL of a proxy cannot be used.
    #[error("bad proxy {proxy:?}: {reason}")]
    Proxy {
        /// The proxy as it was given.
        proxy: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The reply does not begin with a status line.
    #[error("the reply does not begin with an HTTP/1 status line, but with {0:?}")]
    StatusLine(String),
    /// A line of the head or of the trailers is no header.
    #[error("the reply has a bad header line: {line:?} ({reason})")]
    HeaderLine {
        /// The line, cut if it is long.
        line: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The length that the reply gives for its body is none, or there are several.
    #[error("the reply has a bad Content-Length: {0:?}")]
    ContentLength(String),
    /// The reply is in a transfer coding that was not asked for.
    #[error("the reply has a Transfer-Encoding that is not understood: {0:?}")]
    TransferEncoding(String),
    /// The reply has two ways to say where its body ends.
    #[error("the reply has both Transfer-Encoding and Content-Length, which nobody should trust")]
    BothFramings,
    /// The chunks of the body are malformed.
    #[error("the reply has a bad chunk: {0}")]
    Chunk(&'static str),
    /// The body cannot be decoded.
    #[error("the body is not the {coding} that the reply says it is: {reason}")]
    Coding {
        /// The content coding.
        coding: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The content coding is not known.
    #[error(
        "the body has the content coding {0:?}, which is not known; decode=False leaves it as it is"
    )]
    UnknownCoding(String),

    /// The other side closed the connection in the head.
    #[error(
        "the connection was closed before the head of the reply was whole ({received} bytes came)"
    )]
    IncompleteHead {
        /// How many bytes of heads came.
        received: usize,
    },
    /// The other side closed the connection in the body.
    #[error("the connection was closed in the middle of the body: {received} bytes came{}", of(*.expected))]
    IncompleteBody {
        /// How many bytes of the body came.
        received: u64,
        /// How many were announced, if any number was.
        expected: Option<u64>,
    },
    /// The compressed body ends too early.
    #[error("the {coding} body ends before its end: it was cut off")]
    IncompleteCoding {
        /// The content coding.
        coding: &'static str,
    },

    /// A limit was reached.
    #[error("the reply has {what} than the limit of {limit} allows")]
    Limit {
        /// What there is too much of, as "more header bytes".
        what: &'static str,
        /// The limit.
        limit: u64,
    },

    /// A redirect leads to what cannot be fetched.
    #[error("the reply redirects to {location:?}, which is not followed: {reason}")]
    Location {
        /// Where to.
        location: String,
        /// Why not.
        reason: String,
    },
    /// A redirect leads from https to http.
    #[error(
        "the reply redirects from https to {location:?}, which is not followed unless asked for (downgrade=True)"
    )]
    Downgrade {
        /// Where to.
        location: String,
    },
    /// One redirect too many.
    #[error("more redirects than the limit of {limit} allows; the last led to {location:?}")]
    Redirects {
        /// The limit.
        limit: usize,
        /// Where the last one led to.
        location: String,
    },
}

impl Error {
    /// Return what kind of fault it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Url { .. }
            | Self::Scheme { .. }
            | Self::Method(_)
            | Self::HeaderName(_)
            | Self::HeaderValue { .. }
            | Self::BodyHeader { .. }
            | Self::ConnectTo { .. }
            | Self::Proxy { .. } => Kind::Argument,
            Self::StatusLine(_)
            | Self::HeaderLine { .. }
            | Self::ContentLength(_)
            | Self::TransferEncoding(_)
            | Self::BothFramings
            | Self::Chunk(_)
            | Self::Coding { .. }
            | Self::UnknownCoding(_) => Kind::BadReply,
            Self::IncompleteHead { .. }
            | Self::IncompleteBody { .. }
            | Self::IncompleteCoding { .. } => Kind::Incomplete,
            Self::Limit { .. } => Kind::TooLarge,
            Self::Location { .. } | Self::Downgrade { .. } | Self::Redirects { .. } => {
                Kind::Redirect
            }
        }
    }
}

fn of(expected: Option<u64>) -> String {
    expected.map_or_else(String::new, |all| format!(" of {all}"))
}

/// Write bytes of the other side as text for a message: short, and whatever they are.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    const LONGEST: usize = 80;
    let mut text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]).into_owned();
    if bytes.len() > LONGEST {
        text.push_str("...");
    }
    text
}
