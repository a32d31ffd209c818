//! What `encoding_rs` leaves out of the charsets of East Asia, because browsers do.

use std::borrow::Cow;

/// Write HZ as GB2312 in eight bits: `~{` and `~}` switch, and a line end switches back.
pub(super) fn eight_bits_of_hz(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut is_double = false;
    let mut rest = body;
    loop {
        rest = match (rest, is_double) {
            ([], _) => return out,
            ([b'~', b'{', rest @ ..], false) => {
                is_double = true;
                rest
            }
            ([b'~', b'}', rest @ ..], true) => {
                is_double = false;
                rest
            }
            ([b'~', b'~', rest @ ..], false) => {
                out.push(b'~');
                rest
            }
            ([b'~', b'\n', rest @ ..] | [b'~', b'\r', b'\n', rest @ ..], false) => rest,
            ([b'\n', rest @ ..], _) => {
                is_double = false;
                out.push(b'\n');
                rest
            }
            ([first @ 0x21..=0x7e, second @ 0x21..=0x7e, rest @ ..], true) => {
                out.extend_from_slice(&[first | 0x80, second | 0x80]);
                rest
            }
            ([byte, rest @ ..], _) => {
                out.push(*byte);
                rest
            }
        };
    }
}

/// Write ISO-2022-KR as EUC-KR: SO and SI switch, and a line end switches back.
pub(super) fn eight_bits_of_kr(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut is_double = false;
    let mut rest = body;
    loop {
        rest = match (rest, is_double) {
            ([], _) => return out,
            ([0x1b, b'$', b')', b'C', rest @ ..], _) => rest,
            ([0x0e, rest @ ..], _) => {
                is_double = true;
                rest
            }
            ([0x0f, rest @ ..], _) => {
                is_double = false;
                rest
            }
            ([b'\n', rest @ ..], _) => {
                is_double = false;
                out.push(b'\n');
                rest
            }
            ([byte @ 0x21..=0x7e, rest @ ..], true) => {
                out.push(byte | 0x80);
                rest
            }
            ([byte, rest @ ..], _) => {
                out.push(*byte);
                rest
            }
        };
    }
}

/// The consonant that a syllable begins with, in the order of Unicode's syllables.
const FIRST: &str = "\u{3131}\u{3132}\u{3134}\u{3137}\u{3138}\u{3139}\u{3141}\u{3142}\u{3143}\
    \u{3145}\u{3146}\u{3147}\u{3148}\u{3149}\u{314a}\u{314b}\u{314c}\u{314d}\u{314e}";

/// The one that it ends with; the filler stands for none.
const LAST: &str = "\u{3164}\u{3131}\u{3132}\u{3133}\u{3134}\u{3135}\u{3136}\u{3137}\u{3139}\
    \u{313a}\u{313b}\u{313c}\u{313d}\u{313e}\u{313f}\u{3140}\u{3141}\u{3142}\u{3144}\u{3145}\
    \u{3146}\u{3147}\u{3148}\u{314a}\u{314b}\u{314c}\u{314d}\u{314e}";

const FILLER: char = '\u{3164}';

/// Join the letters of syllables that KS X 1001 has no code for, and writes as a filler and three
/// letters (its annex 3).
pub(super) fn with_syllables(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains(FILLER) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        let mut ahead = rest.clone();
        let letters = || Some((ahead.next()?, ahead.next()?, ahead.next()?));
        match (char == FILLER).then(letters).flatten().and_then(syllable) {
            Some(syllable) => {
                out.push(syllable);
                rest = ahead;
            }
            None => out.push(char),
        }
    }
    Cow::Owned(out)
}

fn syllable((first, middle, last): (char, char, char)) -> Option<char> {
    let place = |letters: &str, letter| {
        let found = letters.chars().position(|known| known == letter);
        found.and_then(|place| u32::try_from(place).ok())
    };
    let middle = u32::from(middle)
        .checked_sub(0x314f)
        .filter(|middle| *middle < 21)?;
    let (first, last) = (place(FIRST, first)?, place(LAST, last)?);
    char::from_u32(0xac00 + (first * 21 + middle) * 28 + last)
}
