//! What kind of thing a file is.

use super::charset::names_another;

/// Endings of names and what they stand for, in the order of endings.
const KINDS: &[(&str, &str)] = &[
    ("aac", "audio/aac"),
    ("avif", "image/avif"),
    ("bin", "application/octet-stream"),
    ("bmp", "image/bmp"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ico", "image/vnd.microsoft.icon"),
    ("ipynb", "application/x-ipynb+json"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("md", "text/markdown"),
    ("mjs", "text/javascript"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("ogg", "audio/ogg"),
    ("otf", "font/otf"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("py", "text/x-python"),
    ("rst", "text/x-rst"),
    ("rtf", "application/rtf"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("toml", "application/toml"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain"),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xhtml", "application/xhtml+xml"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];

/// What is not known.
const UNKNOWN: &str = "application/octet-stream";

/// Find the kind of a file by the ending of its name.
fn by_ending(path: &[u8]) -> Option<&'static str> {
    let name = path.rsplit(|byte| *byte == b'/').next()?;
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    let ending = name[dot + 1..].to_ascii_lowercase();
    let found = KINDS.binary_search_by(|(known, _)| known.as_bytes().cmp(&ending));
    found.ok().map(|at| KINDS[at].1)
}

/// Of a file [`of_file`] wants to see so many bytes.
pub const LOOK: usize = 8 << 10;

/// Return the Content-Type of a file, by its name and, for text, by its first bytes: all of them, or
/// as many as were looked at.
#[must_use]
pub fn of_file(path: &[u8], start: &[u8], is_whole: bool) -> String {
    labelled(by_ending(path).unwrap_or(UNKNOWN), start, is_whole)
}

/// Return the Content-Type of a page in memory, by its path and, where that says nothing, by what
/// it is.
#[must_use]
pub fn of_page(path: &[u8], body: &[u8]) -> String {
    let is_markup = body.trim_ascii_start().starts_with(b"<");
    let kind = match by_ending(path) {
        Some(kind) => kind,
        None if is_markup => "text/html",
        None if !body.contains(&0) && std::str::from_utf8(body).is_ok() => "text/plain",
        None => UNKNOWN,
    };
    labelled(kind, body, true)
}

/// Say of text in UTF-8 that it is. Other text keeps its charset to itself: a page may say it in a
/// `<meta>`, and the header would have precedence over that.
fn labelled(kind: &str, start: &[u8], is_whole: bool) -> String {
    let is_utf8 = match std::str::from_utf8(start) {
        // ASCII says nothing of what comes behind it, nor does a charset of seven bits show in it.
        Ok(_) => !(start.is_ascii() && names_another(start, kind.as_bytes())),
        // The look may have ended in the middle of a character.
        Err(error) => !is_whole && error.error_len().is_none(),
    };
    if kind.starts_with("text/") && is_utf8 {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_owned()
    }
}

/// Return whether a thing of this Content-Type is worth being compressed.
#[must_use]
pub fn is_text(kind: &[u8]) -> bool {
    let end = kind.iter().position(|byte| *byte == b';');
    let kind = kind[..end.unwrap_or(kind.len())]
        .trim_ascii()
        .to_ascii_lowercase();
    kind.starts_with(b"text/")
        || kind.ends_with(b"+xml")
        || kind.ends_with(b"json")
        || [
            &b"application/xml"[..],
            b"application/javascript",
            b"application/toml",
        ]
        .contains(&&kind[..])
}
