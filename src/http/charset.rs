//! The text of a body: whatever its label says and its bytes are, there is one.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, ISO_2022_JP, REPLACEMENT, SHIFT_JIS, UTF_8,
    UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED,
};

use super::asian::{eight_bits_of_hz, eight_bits_of_kr, with_syllables};
use super::headers::{Headers, trim};

/// In so many bytes a page has to name its charset (HTML, 4.2.5.4).
const PRESCAN: usize = 1024;

/// Out of so many bytes a charset is guessed.
const SAMPLE: usize = 256 << 10;

/// The text of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text; U+FFFD stands for what is none.
    pub text: String,
    /// The name of the charset, in lower case.
    pub encoding: String,
}

/// Decode a body: by its byte order mark, the charset of `Content-Type`, the one that the page
/// names, or a guess, in this order.
///
/// GB2312 and GBK are read as GB18030, which holds both, as browsers do.
#[must_use]
pub fn text(body: &[u8], headers: &Headers) -> Text {
    if let Some((encoding, mark)) = Encoding::for_bom(body) {
        return decode(Charset::Known(encoding), &body[mark..]);
    }
    let media = headers.get("content-type").unwrap_or_default();
    let charset = parameter(media)
        .and_then(Charset::for_label)
        .or_else(|| declared(body, media))
        .unwrap_or_else(|| guess(body, media));
    decode(charset, body)
}

/// Return whether a body is a page: by its `Content-Type`, or by how it begins if there is none.
#[must_use]
pub fn is_html(body: &[u8], headers: &Headers) -> bool {
    match headers.get("content-type") {
        Some(media) => is_media(media, "text/html") || is_media(media, "application/xhtml+xml"),
        None => {
            let start = body.trim_ascii_start();
            let begins = |with: &[u8]| {
                start
                    .get(..with.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(with))
            };
            begins(b"<!doctype html") || begins(b"<html")
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Charset {
    Known(&'static Encoding),
    /// GB2312 in seven bits (RFC 1843).
    Hz,
    /// KS X 1001 in seven bits (RFC 1557).
    Iso2022Kr,
}

impl Charset {
    fn for_label(label: &[u8]) -> Option<Self> {
        let label = String::from_utf8_lossy(trim(label)).to_ascii_lowercase();
        match label.replace('_', "-").as_str() {
            "hz" | "hz-gb-2312" | "hz-gb2312" => return Some(Self::Hz),
            "iso-2022-kr" | "csiso2022kr" | "iso2022-kr" => return Some(Self::Iso2022Kr),
            _ => {}
        }
        let encoding = Encoding::for_label(label.as_bytes())
            .or_else(|| Encoding::for_label(label.replace('_', "-").as_bytes()))
            .or_else(|| by_other_name(&label))?;
        // The replacement encoding is what browsers show for charsets that are dangerous to them:
        // one character for a whole page. A guess is better.
        (encoding != REPLACEMENT).then_some(Self::Known(encoding))
    }
}

/// Find the charset by a name that browsers do not know, and Python or servers do.
fn by_other_name(label: &str) -> Option<&'static Encoding> {
    Some(match label.replace(['_', '-', ' '], "").as_str() {
        "utf8" | "u8" | "cp65001" => UTF_8,
        "gb18030" | "gb180302000" | "cp936" | "ms936" | "936" | "euccn" | "gb23121980" => GB18030,
        "big5" | "big5hkscs" | "hkscs" | "cp950" | "ms950" | "950" => BIG5,
        "cp949" | "ms949" | "949" | "uhc" | "euckr" | "ksx1001" => EUC_KR,
        "cp932" | "932" | "mskanji" | "shiftjisx0213" | "shiftjis2004" | "sjis" => SHIFT_JIS,
        "eucjp" | "ujis" | "eucjisx0213" | "eucjis2004" => EUC_JP,
        "iso2022jp" => ISO_2022_JP,
        "latin" | "latin1" | "iso88591" | "8859" | "cp1252" | "ascii" => WINDOWS_1252,
        "utf16" | "utf16le" => UTF_16LE,
        "utf16be" => UTF_16BE,
        _ => return None,
    })
}

fn decode(charset: Charset, body: &[u8]) -> Text {
    let (encoding, name, bytes) = match charset {
        Charset::Known(encoding) if encoding == GBK => (GB18030, "gb18030", Cow::Borrowed(body)),
        Charset::Known(encoding) => (encoding, encoding.name(), Cow::Borrowed(body)),
        Charset::Hz => (GB18030, "hz", Cow::Owned(eight_bits_of_hz(body))),
        Charset::Iso2022Kr => (EUC_KR, "iso-2022-kr", Cow::Owned(eight_bits_of_kr(body))),
    };
    let (text, _) = encoding.decode_without_bom_handling(&bytes);
    let text = match encoding == EUC_KR {
        true => with_syllables(text),
        false => text,
    };
    Text {
        text: text.into_owned(),
        encoding: name.to_ascii_lowercase(),
    }
}

/// Return the charset of a `Content-Type`.
fn parameter(media: &[u8]) -> Option<&[u8]> {
    media.split(|byte| *byte == b';').skip(1).find_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (trim(&pair[..equals]), trim(&pair[equals + 1..]));
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        let value = value.strip_suffix(b"\"").unwrap_or(value);
        let value = value.strip_prefix(b"'").unwrap_or(value);
        let value = value.strip_suffix(b"'").unwrap_or(value);
        let is_charset = name.eq_ignore_ascii_case(b"charset") && !value.is_empty();
        is_charset.then_some(value)
    })
}

fn is_media(media: &[u8], wanted: &str) -> bool {
    let name = media.split(|byte| *byte == b';').next().unwrap_or_default();
    trim(name).eq_ignore_ascii_case(wanted.as_bytes())
}

/// Return whether a page names a charset in its first bytes, and it is not UTF-8.
pub(super) fn names_another(page: &[u8], media: &[u8]) -> bool {
    match declared(page, media) {
        None => false,
        Some(Charset::Known(encoding)) => encoding != UTF_8,
        Some(Charset::Hz | Charset::Iso2022Kr) => true,
    }
}

/// Return the charset that a page names in its first bytes.
fn declared(body: &[u8], media: &[u8]) -> Option<Charset> {
    let media = media.to_ascii_lowercase();
    let has = |word: &[u8]| media.windows(word.len()).any(|part| part == word);
    if !(media.is_empty() || has(b"html") || has(b"xml")) {
        return None;
    }
    let start = body[..body.len().min(PRESCAN)].to_ascii_lowercase();
    let label = match start.trim_ascii_start().strip_prefix(b"<?xml") {
        Some(declaration) => {
            let end = find(declaration, b"?>").unwrap_or(declaration.len());
            value_after(&declaration[..end], b"encoding").or_else(|| in_meta(&start))
        }
        None => in_meta(&start),
    };
    match Charset::for_label(label?)? {
        // Who can read the label as ASCII does not read UTF-16.
        Charset::Known(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => {
            Some(Charset::Known(UTF_8))
        }
        Charset::Known(encoding) if encoding == X_USER_DEFINED => {
            Some(Charset::Known(WINDOWS_1252))
        }
        charset => Some(charset),
    }
}

/// Return the charset of the first `<meta>` that has one; the page is in lower case.
fn in_meta(page: &[u8]) -> Option<&[u8]> {
    let mut rest = page;
    while let Some(at) = rest.iter().position(|byte| *byte == b'<') {
        rest = &rest[at..];
        if rest.starts_with(b"<!--") {
            let end = find(&rest[2..], b"-->")?;
            rest = &rest[2 + end + 3..];
            continue;
        }
        if let Some(tag) = rest.strip_prefix(b"<meta") {
            let end = tag.iter().position(|byte| *byte == b'>');
            if let Some(label) = value_after(&tag[..end.unwrap_or(tag.len())], b"charset") {
                return Some(label);
            }
        }
        rest = &rest[1..];
    }
    None
}

/// Return what stands behind a name and an equals sign, in quotes or without.
fn value_after<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = text;
    loop {
        rest = &rest[find(rest, name)? + name.len()..];
        let Some(value) = rest.trim_ascii_start().strip_prefix(b"=") else {
            continue;
        };
        let value = value.trim_ascii_start();
        let value = match value {
            [b'"' | b'\'', value @ ..] => value,
            value => value,
        };
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"';>/".contains(byte);
        let end = value.iter().position(ends).unwrap_or(value.len());
        return Some(&value[..end]).filter(|value| !value.is_empty());
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|part| part == wanted)
}

fn guess(body: &[u8], media: &[u8]) -> Charset {
    let sample = &body[..body.len().min(SAMPLE)];
    if let Some(encoding) = without_mark(sample) {
        return Charset::Known(encoding);
    }
    if find(sample, b"\x1b$)C").is_some() && sample.is_ascii() {
        return Charset::Iso2022Kr;
    }
    let is_utf8 = std::str::from_utf8(body).is_ok();
    let may_shift = sample.contains(&0x1b) && sample.is_ascii();
    if (is_utf8 && !may_shift) || is_media(media, "application/json") {
        return Charset::Known(UTF_8);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(sample, sample.len() == body.len());
    match detector.guess(None, Utf8Detection::Allow) {
        encoding if is_utf8 && encoding != ISO_2022_JP => Charset::Known(UTF_8),
        encoding => Charset::Known(encoding),
    }
}

/// Find UTF-16 by the NULs of its ASCII: at every other byte, and nowhere else.
fn without_mark(sample: &[u8]) -> Option<&'static Encoding> {
    let pairs = sample.chunks_exact(2);
    let nuls = |place: usize| pairs.clone().filter(|pair| pair[place] == 0).count();
    match (nuls(0), nuls(1)) {
        (0, low) if low * 5 > pairs.len() * 2 => Some(UTF_16LE),
        (high, 0) if high * 5 > pairs.len() * 2 => Some(UTF_16BE),
        _ => None,
    }
}
