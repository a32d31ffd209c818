//! The chunked coding as tables.

mod http_common;

use http_common::{Outcome, read, read_within, same};
use rsock::http::{Chunk, Chunked, Error, Kind, Limits};

const HEAD: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn chunks(raw: &str) -> Result<Outcome, Error> {
    let raw = format!("{HEAD}{raw}");
    let whole = read("GET", raw.as_bytes(), usize::MAX);
    for piece in [1, 2, 3, 5, 20] {
        let pieces = read("GET", raw.as_bytes(), piece);
        assert!(same(&whole, &pieces), "{piece}: {whole:?} and {pieces:?}");
    }
    whole
}

#[test]
fn chunks_that_are_read() {
    for (raw, wanted) in [
        ("0\r\n\r\n", ""),
        ("000\r\n\r\n", ""),
        ("5\r\nHello\r\n0\r\n\r\n", "Hello"),
        ("1\r\nH\r\n4\r\nello\r\n0\r\n\r\n", "Hello"),
        ("0005\r\nHello\r\n0\r\n\r\n", "Hello"),
        ("000000000000000000000005\r\nHello\r\n0\r\n\r\n", "Hello"),
        (
            "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
            "01234567890123456789",
        ),
        ("5;\r\nHello\r\n0;\r\n\r\n", "Hello"),
        ("5;a=b\r\nHello\r\n0;c\r\n\r\n", "Hello"),
        ("5 \r\nHello\r\n0\t\r\n\r\n", "Hello"),
        ("5 ; a = \"b;c\"\r\nHello\r\n0\r\n\r\n", "Hello"),
        ("5;\u{e9}\r\nHello\r\n0\r\n\r\n", "Hello"),
        ("5;a\0\x01\x7f\r\nHello\r\n0\r\n\r\n", "Hello"),
        ("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"),
        ("5\r\nHello\r\n0\r\nA: b\r\n\r\n", "Hello"),
        ("5\r\nHello\r\n0\r\n\r\nHTTP/1.1 200 OK", "Hello"),
    ] {
        let outcome = chunks(raw).unwrap_or_else(|error| panic!("{raw:?}: {error}"));
        assert_eq!(outcome.body, wanted.as_bytes(), "{raw:?}");
        assert!(outcome.self_delimited && outcome.reusable);
    }
}

#[test]
fn chunks_that_are_refused() {
    for raw in [
        "\r\n",
        "x\r\n",
        "-1\r\n",
        "+5\r\nHello\r\n0\r\n\r\n",
        " 5\r\nHello\r\n0\r\n\r\n",
        "0x5\r\nHello\r\n0\r\n\r\n",
        "5x\r\nHello\r\n0\r\n\r\n",
        "5 5\r\nHello\r\n0\r\n\r\n",
        "5,5\r\nHello\r\n0\r\n\r\n",
        "1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
        ";a\r\nHello\r\n0\r\n\r\n",
        "\n5\r\nHello\r\n0\r\n\r\n",
        "5\nHello\r\n0\r\n\r\n",
        "5\rHello\r\n0\r\n\r\n",
        "5\r\rHello\r\n0\r\n\r\n",
        "5;a\nHello\r\n0\r\n\r\n",
        "5;a\rb\r\nHello\r\n0\r\n\r\n",
        "5 \nHello\r\n0\r\n\r\n",
        "5\r\nHello0\r\n\r\n",
        "5\r\nHello\n0\r\n\r\n",
        "5\r\nHello\r0\r\n\r\n",
        "5\r\nHello\r\n\r\n0\r\n\r\n",
        "5\r\nHelloo\r\n0\r\n\r\n",
        "4\r\nHello\r\n0\r\n\r\n",
        "10000000000000000\r\nHello",
        "FFFFFFFFFFFFFFFFF\r\nHello",
        "fffffffffffffffffffffffffffffff5\r\nHello\r\n0\r\n\r\n",
    ] {
        match chunks(raw) {
            Err(error @ Error::Chunk(_)) => assert_eq!(error.kind(), Kind::BadReply),
            other => panic!("{raw:?}: {other:?}"),
        }
    }
    for trailer in ["hello", " folded: x", ": x", "A : b", "A: \0", "A: b\rc"] {
        let raw = format!("0\r\n{trailer}\r\n\r\n");
        assert!(
            matches!(chunks(&raw), Err(Error::HeaderLine { .. })),
            "{trailer:?}"
        );
    }
}

#[test]
fn chunks_that_are_cut_off_are_no_success() {
    for raw in [
        "",
        "5",
        "5\r",
        "5\r\n",
        "5\r\nHel",
        "5\r\nHello",
        "5\r\nHello\r",
        "5\r\nHello\r\n",
        "5\r\nHello\r\n0",
        "5\r\nHello\r\n0\r",
        "5\r\nHello\r\n0\r\n",
        "5\r\nHello\r\n0\r\n\r",
        "5\r\nHello\r\n0\r\nA: b\r\n",
        "ffffffffffffffff\r\nHello",
    ] {
        match chunks(raw) {
            Err(error @ Error::IncompleteBody { expected: None, .. }) => {
                assert_eq!(error.kind(), Kind::Incomplete);
            }
            other => panic!("{raw:?}: {other:?}"),
        }
    }
}

#[test]
fn trailers_are_read_as_headers_are() {
    let outcome = chunks("1\r\nx\r\n0\r\nA: b\r\nC:d\n e\r\na: f\r\n\n").expect("a reply");
    let found: Vec<_> = outcome.trailers.iter().collect();
    let wanted: [(&[u8], &[u8]); 3] = [(b"A", b"b"), (b"C", b"d e"), (b"a", b"f")];
    assert_eq!(found, wanted);
    assert!(
        outcome.headers.get("A").is_none(),
        "they are not mixed with the headers"
    );
}

#[test]
fn floods_of_what_is_no_body_end_at_a_limit() {
    let limits = Limits {
        trailer_bytes: 1000,
        headers: 20,
        extension_bytes: 100,
        ..Limits::default()
    };
    let small_chunks = format!("1;{}\r\nx\r\n", "e".repeat(10)).repeat(100);
    for flood in [
        format!("0\r\n{}", "A: b\r\n".repeat(1000)),
        format!("0\r\nA: {}", "b".repeat(2000)),
        format!("5;{}", "e".repeat(200)),
        format!("5{}", " ".repeat(200)),
        "0".repeat(200),
        small_chunks,
    ] {
        let raw = format!("{HEAD}{flood}");
        for piece in [usize::MAX, 20, 1] {
            match read_within("GET", raw.as_bytes(), piece, limits) {
                Err(error @ Error::Limit { .. }) => assert_eq!(error.kind(), Kind::TooLarge),
                other => panic!("{other:?}"),
            }
        }
    }
    // Servers that sign each chunk write extensions as long as the body is.
    let signed = format!("40;{}\r\n{}\r\n", "e".repeat(60), "x".repeat(64)).repeat(100);
    let raw = format!("{HEAD}{signed}0\r\n\r\n");
    assert!(read_within("GET", raw.as_bytes(), 20, limits).is_ok());
}

#[test]
fn data_are_slices_of_the_input() {
    let mut decoder = Chunked::new(Limits::default());
    let input = b"8\r\n01234567\r\n0\r\n\r\nrest";
    let (taken, data) = decoder.feed(input).expect("data");
    assert_eq!((taken, data), (11, Chunk::Data(&input[3..11])));
    assert_eq!(decoder.feed(&input[taken..]), Ok((7, Chunk::End)));
    assert_eq!(decoder.feed(b"rest"), Ok((0, Chunk::End)));
}
