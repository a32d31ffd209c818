//! Texts: what counts of what a reply says of its charset, and what is guessed.

mod http_common;

use encoding_rs::{BIG5, EUC_JP, EUC_KR, GBK, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};
use http_common::headers;
use rsock::http::{is_html, text};

const CHINESE: &str = "\u{65b0}\u{6d6a}\u{9996}\u{9875}";

fn gbk(text: &str) -> Vec<u8> {
    GBK.encode(text).0.into_owned()
}

fn page(body: &[u8], media: &str) -> (String, String) {
    let list = match media {
        "" => headers(&[]),
        media => headers(&[("Content-Type", media)]),
    };
    let text = text(body, &list);
    (text.text, text.encoding)
}

#[test]
fn the_label_of_the_header_counts() {
    for (label, encoding) in [
        ("gb2312", "gb18030"),
        ("GB2312", "gb18030"),
        ("gbk", "gb18030"),
        ("gb18030", "gb18030"),
        ("x-gbk", "gb18030"),
        ("cp936", "gb18030"),
        ("\"gbk\"", "gb18030"),
        ("'gbk'", "gb18030"),
        (" gbk ", "gb18030"),
    ] {
        for media in [
            format!("text/html; charset={label}"),
            format!("text/html;CHARSET={label}; x=y"),
            format!("text/plain; x=y;charset={label}"),
        ] {
            let found = page(&gbk(CHINESE), &media);
            assert_eq!(found, (CHINESE.to_owned(), encoding.to_owned()), "{media}");
        }
    }
    let beyond = "\u{20ac}\u{2e81}\u{1f600}";
    let four: &[u8] = &encoding_rs::GB18030.encode(beyond).0;
    assert_eq!(page(four, "text/html; charset=gb2312").0, beyond);
}

#[test]
fn other_charsets_are_known_by_many_names() {
    let japanese = "\u{65e5}\u{672c}\u{8a9e}";
    let korean = "\u{d55c}\u{ad6d}\u{c5b4}";
    let russian = "\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}";
    for (text, encoding, labels) in [
        (
            japanese,
            SHIFT_JIS,
            &["shift_jis", "sjis", "Shift-JIS", "cp932", "windows-31j"][..],
        ),
        (japanese, EUC_JP, &["euc-jp", "euc_jp", "ujis"]),
        (
            korean,
            EUC_KR,
            &["euc-kr", "cp949", "uhc", "ks_c_5601-1987"],
        ),
        ("\u{6f22}\u{5b57}", BIG5, &["big5", "Big5-HKSCS", "cp950"]),
        (russian, WINDOWS_1251, &["windows-1251", "cp1251"]),
        (
            "caf\u{e9}",
            WINDOWS_1252,
            &["iso-8859-1", "latin1", "latin-1", "cp1252"],
        ),
    ] {
        let body = encoding.encode(text).0;
        for label in labels {
            let found = page(&body, &format!("text/plain; charset={label}"));
            assert_eq!(found.0, text, "{label}");
        }
    }
}

#[test]
fn charsets_of_seven_bits_are_read() {
    let hz = b"ASCII ~~ ~{<:Ky2;\x80~}.~\n joined ~{ND\nback";
    let found = page(hz, "text/plain; charset=hz-gb-2312");
    assert!(
        found.0.starts_with("ASCII ~ \u{5df1}\u{6240}\u{4e0d}"),
        "{}",
        found.0
    );
    assert!(found.0.ends_with(" joined \u{6587}\nback"), "{}", found.0);
    let kr = b"\x1b$)CHi \x0eGQ19\x0f!\n";
    assert_eq!(
        page(kr, "text/plain; charset=iso-2022-kr").0,
        "Hi \u{d55c}\u{ad6d}!\n"
    );
    assert_eq!(
        page(kr, "text/plain"),
        (
            "Hi \u{d55c}\u{ad6d}!\n".to_owned(),
            "iso-2022-kr".to_owned()
        )
    );
    let jp = b"\x1b$BF|K\\\x1b(B";
    assert_eq!(
        page(jp, "text/plain; charset=iso-2022-jp").0,
        "\u{65e5}\u{672c}"
    );
}

#[test]
fn korean_syllables_may_be_spelt_letter_by_letter() {
    for (body, wanted) in [
        (&b"a\xa4\xd4\xa4\xb6\xa4\xd0\xa4\xd4b"[..], "a\u{c4d4}b"),
        (b"\xa4\xd4\xa4\xb6\xa4\xd0\xa4\xb1", "\u{c4e4}"),
        (b"\xa4\xd4\xa4\xb6", "\u{3164}\u{3146}"),
        (
            b"\xa4\xd4\xa4\xd4\xa4\xa1\xa4\xbf\xa4\xd4",
            "\u{3164}\u{ac00}",
        ),
        (b"\xa4\xd4abc", "\u{3164}abc"),
    ] {
        assert_eq!(
            page(body, "text/plain; charset=euc-kr").0,
            wanted,
            "{}",
            body.escape_ascii()
        );
    }
}

#[test]
fn a_byte_order_mark_counts_more_than_all_labels() {
    for (body, wanted) in [
        (&b"\xef\xbb\xbf\xe4\xbd\xa0"[..], "utf-8"),
        (b"\xff\xfe\x60\x4f", "utf-16le"),
        (b"\xfe\xff\x4f\x60", "utf-16be"),
    ] {
        let found = page(body, "text/html; charset=gbk");
        assert_eq!(found, ("\u{4f60}".to_owned(), wanted.to_owned()));
    }
}

#[test]
fn the_label_of_the_page_counts_where_the_header_has_none() {
    for meta in [
        "<meta charset=gb2312>",
        "<META CHARSET=\"GB2312\">",
        "<meta charset = 'gbk' />",
        "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=gb2312\">",
        "<meta content='text/html;charset=gb2312' http-equiv=content-type>",
        "<!-- <meta charset=utf-8> --><meta charset=gb2312>",
        "<meta name=charset content=x><meta charset=gb2312>",
        "<?xml version=\"1.0\" encoding=\"gb2312\"?>",
    ] {
        for media in [
            "text/html",
            "application/xhtml+xml",
            "",
            "text/html; charset=",
            "text/html; charset=nonsense",
        ] {
            let page_text = format!("{meta}{CHINESE}");
            let found = page(&gbk(&page_text), media);
            assert_eq!(found, (page_text, "gb18030".to_owned()), "{meta} {media}");
        }
    }
    let utf16 = page("<meta charset=utf-16>\u{4f60}".as_bytes(), "text/html");
    assert_eq!(utf16.1, "utf-8");
    let late = format!("{}<meta charset=koi8-r>\u{4f60}", " ".repeat(1024));
    assert_eq!(page(late.as_bytes(), "text/html").1, "utf-8");
    assert_eq!(page(b"<meta charset=koi8-r>", "text/plain").1, "utf-8");
}

#[test]
fn without_a_label_it_is_guessed() {
    let long =
        "\u{65b0}\u{6d6a}\u{9996}\u{9875}\u{ff0c}\u{4eca}\u{5929}\u{7684}\u{65b0}\u{95fb}\u{3002}"
            .repeat(20);
    assert_eq!(
        page(long.as_bytes(), "text/html"),
        (long.clone(), "utf-8".to_owned())
    );
    let guessed = page(&gbk(&long), "text/html");
    assert_eq!(guessed.0, long);
    assert_eq!(guessed.1, "gb18030");
    assert_eq!(
        page(b"\x1b[31mred\x1b[0m", "").1,
        "utf-8",
        "colours of a terminal are no shift"
    );
    assert_eq!(page(b"plain", ""), ("plain".to_owned(), "utf-8".to_owned()));
    assert_eq!(page(b"", ""), (String::new(), "utf-8".to_owned()));
    let wide: Vec<u8> = "{\"a\": 1}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(page(&wide, "text/plain").0, "{\"a\": 1}");
    assert_eq!(
        page(b"caf\xe9 cr\xe8me", "text/plain").0,
        "caf\u{e9} cr\u{e8}me"
    );
}

#[test]
fn a_wrong_label_never_fails() {
    let every_byte: Vec<u8> = (0..=255).collect();
    for label in [
        "utf-8",
        "gbk",
        "big5",
        "shift_jis",
        "euc-jp",
        "euc-kr",
        "iso-2022-jp",
        "iso-2022-kr",
        "iso-2022-cn",
        "hz",
        "utf-16",
        "utf-16be",
        "utf-7",
        "utf-32",
        "x-user-defined",
        "replacement",
        "koi8-r",
        "macintosh",
        "",
        "\u{e9}",
        "none",
    ] {
        for body in [
            &every_byte[..],
            &every_byte[128..],
            b"",
            b"\xff",
            b"~",
            b"~{",
            b"\x1b$",
        ] {
            let found = page(body, &format!("text/html; charset={label}"));
            assert!(body.len() < 100 || !found.0.is_empty(), "{label}");
            assert_eq!(found.1, found.1.to_lowercase());
        }
    }
}

#[test]
fn what_is_a_page() {
    for (media, body, wanted) in [
        ("text/html", "", true),
        ("Text/HTML; charset=x", "", true),
        ("application/xhtml+xml", "", true),
        ("text/plain", "<html>", false),
        ("", "<!DOCTYPE html>", true),
        ("", "\r\n <HTML lang=x>", true),
        ("", "hello", false),
    ] {
        let list = match media {
            "" => headers(&[]),
            media => headers(&[("Content-Type", media)]),
        };
        assert_eq!(is_html(body.as_bytes(), &list), wanted, "{media} {body}");
    }
}
