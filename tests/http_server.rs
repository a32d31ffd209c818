//! What a server reads and writes of HTTP, piece by piece: tables of bytes and what they mean.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, UNIX_EPOCH};

use rsock::http::answer::date;
use rsock::http::asked::{Asked, AskedLimits, HeadEnd, Length};
use rsock::http::condition::{Verdict, Version, judge, part_fits, takes_gzip};
use rsock::http::media;
use rsock::http::range::{Part, part};
use rsock::http::refusal::AskedError;
use rsock::http::skip::Skip;
use rsock::http::target::{steps, with_slash};

#[test]
fn the_end_of_a_head_is_found_once() {
    let head = head("A: b\r\n");
    let mut end = HeadEnd::default();
    for len in 0..head.len() {
        assert_eq!(end.find(&head[..len], 1000), Ok(None));
    }
    assert_eq!(
        end.find(&[&head[..], b"GET"].concat(), 1000),
        Ok(Some(head.len()))
    );
    assert_eq!(
        HeadEnd::default().find(&head, head.len()),
        Ok(Some(head.len()))
    );
    assert!(HeadEnd::default().find(&head, head.len() - 1).is_err());
}

#[test]
fn chunk_lines_and_trailers_have_bounds() {
    let pass = |bytes: &[u8]| Skip::new(Length::Chunked, 1 << 20).pass(bytes);
    let extension = [&b"1;"[..], &[b'x'; 5000], b"\r\n"].concat();
    assert_eq!(pass(&extension), Err(AskedError::Chunk));
    let trailers = [&b"0\r\n"[..], &b"A: b\r\n".repeat(5000)].concat();
    assert_eq!(pass(&trailers), Err(AskedError::HeadTooLong));
    let mut skip = Skip::new(Length::Chunked, 16);
    let flood = [&b"1;"[..], &[b'x'; 4000], b"\r\na\r\n"]
        .concat()
        .repeat(16);
    assert_eq!(skip.pass(&flood), Err(AskedError::Chunk));
}

#[test]
fn a_path_never_leads_upwards() {
    let names = |path: &str| steps(path.as_bytes()).map(|(names, _)| names.len());
    assert_eq!(names("/"), Some(0));
    assert_eq!(names("/a/./b//c/"), Some(3));
    assert_eq!(names("/..a/b..c/..."), Some(3));
    for path in [
        "/..", "/../", "/a/../b", "/a/..", "..", "/a\\b", "/a\0b", "/..\\a",
    ] {
        assert_eq!(names(path), None, "{path:?}");
    }
    let slash = |target: &str| {
        let request = format!("GET {target} HTTP/1.0\r\n\r\n");
        let limits = AskedLimits::default();
        with_slash(&Asked::read(request.as_bytes(), &limits).unwrap().target)
    };
    assert_eq!(slash("/docs?a=//b"), "/docs/?a=//b");
    // Two slashes would name another host, and a backslash is one to some.
    assert_eq!(slash("//evil.example"), "/evil.example/");
    assert_eq!(slash("/\\evil.example"), "/%5Cevil.example/");
}

#[test]
fn a_range_is_read_as_it_is_meant() {
    let bytes = |start, end| Part::Bytes(start..end);
    for (value, len, expected) in [
        ("bytes=0-0", 10, bytes(0, 1)),
        ("bytes=0-9", 10, bytes(0, 10)),
        ("bytes=5-99", 10, bytes(5, 10)),
        ("Bytes= 5- ", 10, bytes(5, 10)),
        ("bytes=-3", 10, bytes(7, 10)),
        ("bytes=-30", 10, bytes(0, 10)),
        ("bytes=0-18446744073709551615", 10, bytes(0, 10)),
        ("bytes=0-99999999999999999999999", 10, bytes(0, 10)),
        ("bytes=10-", 10, Part::Nowhere),
        ("bytes=99999999999999999999999-", 10, Part::Nowhere),
        ("bytes=-0", 10, Part::Nowhere),
        ("bytes=0-", 0, Part::Nowhere),
        ("bytes=4-2", 10, Part::Whole),
        ("bytes=0-1,3-4", 10, Part::Whole),
        ("bytes=-", 10, Part::Whole),
        ("bytes=", 10, Part::Whole),
        ("bytes=a-b", 10, Part::Whole),
        ("bytes=+1-2", 10, Part::Whole),
        ("lines=0-1", 10, Part::Whole),
        ("", 10, Part::Whole),
    ] {
        assert_eq!(part(value.as_bytes(), len), expected, "{value}");
    }
}

fn head(headers: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: h\r\n{headers}\r\n").into_bytes()
}

fn asked(headers: &str) -> Asked {
    Asked::read(&head(headers), &AskedLimits::default()).unwrap()
}

#[test]
fn conditions_are_judged_in_their_order() {
    let version = Version {
        tag: b"\"v1\"".to_vec(),
        // Sun, 09 Sep 2001 01:46:40 GMT, and a bit.
        modified: Some(UNIX_EPOCH + Duration::from_millis(1_000_000_000_400)),
    };
    let then = "Sun, 09 Sep 2001 01:46:40 GMT";
    let before = "Sun, 09 Sep 2001 01:46:39 GMT";
    for (headers, expected) in [
        (String::new(), Verdict::Send),
        ("If-None-Match: \"v1\"\r\n".into(), Verdict::Same),
        ("If-None-Match: W/\"v1\"\r\n".into(), Verdict::Same),
        ("If-None-Match: \"v0\", \"v1\"\r\n".into(), Verdict::Same),
        ("If-None-Match: *\r\n".into(), Verdict::Same),
        ("If-None-Match: \"v2\"\r\n".into(), Verdict::Send),
        (
            format!("If-None-Match: \"v2\"\r\nIf-Modified-Since: {then}\r\n"),
            Verdict::Send,
        ),
        (format!("If-Modified-Since: {then}\r\n"), Verdict::Same),
        (format!("If-Modified-Since: {before}\r\n"), Verdict::Send),
        (
            "If-Modified-Since: Sunday, 09-Sep-01 01:46:40 GMT\r\n".into(),
            Verdict::Same,
        ),
        ("If-Modified-Since: yesterday\r\n".into(), Verdict::Send),
        ("If-Match: \"v1\"\r\n".into(), Verdict::Send),
        ("If-Match: *\r\n".into(), Verdict::Send),
        ("If-Match: W/\"v1\"\r\n".into(), Verdict::Other),
        (format!("If-Unmodified-Since: {before}\r\n"), Verdict::Other),
        (format!("If-Unmodified-Since: {then}\r\n"), Verdict::Send),
    ] {
        assert_eq!(judge(&asked(&headers), &version), expected, "{headers}");
    }
    for (headers, fits) in [
        (String::new(), true),
        ("If-Range: \"v1\"\r\n".into(), true),
        ("If-Range: W/\"v1\"\r\n".into(), false),
        ("If-Range: \"v2\"\r\n".into(), false),
        (format!("If-Range: {then}\r\n"), true),
        (format!("If-Range: {before}\r\n"), false),
        ("If-Range: \"v1\"\r\nIf-Range: \"v1\"\r\n".into(), false),
    ] {
        assert_eq!(part_fits(&asked(&headers), &version), fits, "{headers}");
    }
}

#[test]
fn tags_are_compared_as_strong_as_they_are() {
    for (tag, headers, expected) in [
        ("W/\"v1\"", "If-Match: W/\"v1\"\r\n", Verdict::Other),
        ("W/\"v1\"", "If-Match: \"v1\"\r\n", Verdict::Other),
        ("W/\"v1\"", "If-None-Match: W/\"v1\"\r\n", Verdict::Same),
        ("W/\"v1\"", "If-None-Match: \"v1\"\r\n", Verdict::Same),
        ("\"a,b\"", "If-Match: \"a,b\"\r\n", Verdict::Send),
        (
            "\"a,b\"",
            "If-None-Match: \"c\", \"a,b\"\r\n",
            Verdict::Same,
        ),
        ("\"a\"", "If-None-Match: \"c,\"a\",d\"\r\n", Verdict::Send),
    ] {
        let tag = tag.as_bytes().to_vec();
        let version = Version {
            tag,
            modified: None,
        };
        assert_eq!(judge(&asked(headers), &version), expected, "{headers}");
        let weak = asked("If-Range: W/\"v1\"\r\n");
        assert!(!part_fits(&weak, &version));
    }
}

#[test]
fn gzip_goes_to_those_who_take_it() {
    for (value, takes) in [
        ("gzip", true),
        ("deflate, GZIP;q=0.5", true),
        ("x-gzip", true),
        ("*", true),
        ("gzip;q=0", false),
        ("gzip; q=0.000, *", false),
        ("*;q=0", false),
        ("br", false),
        ("identity", false),
        ("", false),
    ] {
        let asked = asked(&format!("Accept-Encoding: {value}\r\n"));
        assert_eq!(takes_gzip(&asked), takes, "{value}");
    }
}

#[test]
fn kinds_are_found_by_the_ending_or_by_a_look() {
    let kind = |path: &str| media::of_file(path.as_bytes(), b"text", true);
    assert_eq!(kind("/a/INDEX.HTML"), "text/html; charset=utf-8");
    assert_eq!(kind("a.tar.gz"), "application/gzip");
    assert_eq!(kind("a.d/none"), "application/octet-stream");
    assert_eq!(media::of_page(b"/", b" <p>"), "text/html; charset=utf-8");
    assert_eq!(media::of_page(b"/", b"<p>\xd0\xc2"), "text/html");
    assert_eq!(media::of_page(b"/a.txt", b"\xd0\xc2"), "text/plain");
    assert_eq!(
        media::of_page(b"/", b"\xd0\xc2"),
        "application/octet-stream"
    );
    assert_eq!(media::of_page(b"/a.json", b"{}"), "application/json");
    assert!(media::is_text(b"image/svg+xml") && media::is_text(b"Application/JSON; a=b"));
    assert!(!media::is_text(b"image/png"));
}

#[test]
fn only_text_in_utf_8_is_said_to_be_in_it() {
    let han = "\u{65b0}".as_bytes();
    for (start, is_whole, said) in [
        (&b""[..], true, true),
        (b"<p>plain", true, true),
        (han, true, true),
        // The look ended in the middle of a character.
        (&[b"<p>", &han[..2]].concat(), false, true),
        (&[b"<p>", &han[..2]].concat(), true, false),
        (b"<p>\xd0\xc2", false, false),
        (b"\xff\xfe<\0p\0>\0", true, false),
        // What comes behind the look, or shows in no byte.
        (b"<meta charset=gb2312>", false, false),
        (b"<meta charset=hz-gb-2312>~{PBAK~}", true, false),
        (b"<meta charset=utf-8>", false, true),
        // Whoever says so is wrong.
        (&[b"<meta charset=gb2312>", han].concat(), true, true),
    ] {
        let expected = ["text/html", "text/html; charset=utf-8"][usize::from(said)];
        let shown = String::from_utf8_lossy(start);
        let kind = media::of_file(b"a.html", start, is_whole);
        assert_eq!(kind, expected, "{shown:?} {is_whole}");
        if is_whole {
            assert_eq!(media::of_page(b"a.html", start), expected, "{shown:?}");
        }
    }
}

#[test]
fn dates_have_bounds_as_well() {
    assert_eq!(date(UNIX_EPOCH), "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(
        date(UNIX_EPOCH - Duration::from_secs(9)),
        "Thu, 01 Jan 1970 00:00:00 GMT"
    );
    let late = UNIX_EPOCH + Duration::from_secs(1 << 40);
    assert_eq!(date(late), "Fri, 31 Dec 9999 23:59:59 GMT");
}
