//! Why a server refuses a request.

/// Why a request is refused. Each says what to send instead, and [`AskedError::status`] its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each has its sentence")]
pub enum AskedError {
    #[error("what came is no request: it begins with a method such as GET")]
    NoRequest,
    #[error("a line of the head does not end with CR LF")]
    LineEnd,
    #[error("a request line is a method, a target and HTTP/1.1, with one space in between")]
    RequestLine,
    #[error("a target is visible ASCII: encode all else as %XX")]
    Target,
    #[error("only HTTP/1.0 and HTTP/1.1 are understood")]
    Version,
    #[error("a header line is a name, a colon and a value, with no space before the colon")]
    HeaderName,
    #[error("a header value has no control characters")]
    HeaderValue,
    #[error("a header line does not go on in the next one")]
    Folded,
    #[error("a request of HTTP/1.1 has exactly one Host header")]
    Host,
    #[error("a Content-Length is given once, as a number")]
    Length,
    #[error("a request has either Content-Length or Transfer-Encoding")]
    BothFramings,
    #[error("Transfer-Encoding ends with chunked, in a request of HTTP/1.1")]
    TransferEncoding,
    #[error("of transfer codings only chunked is understood")]
    TransferCoding,
    #[error("of expectations only 100-continue is understood")]
    Expectation,
    #[error("the body is not made of chunks as it has to be")]
    Chunk,
    #[error("the target is too long")]
    TargetTooLong,
    #[error("the head is too long")]
    HeadTooLong,
    #[error("the body is too long")]
    BodyTooLong,
}

impl AskedError {
    /// Return the status of the reply that says so.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BodyTooLong => 413,
            Self::TargetTooLong => 414,
            Self::Expectation => 417,
            Self::HeadTooLong => 431,
            Self::TransferCoding => 501,
            Self::Version => 505,
            _ => 400,
        }
    }
}
