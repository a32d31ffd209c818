//! Replies, URLs and charsets that other projects test with, and what real clients make of them.

mod http_common;

use std::collections::BTreeMap;

use http_common::{Outcome, raw, read, same, sha256, shared};
use rsock::http::{Error, Url};
use serde_json::Value;

/// What a client made of a reply, as the data write it down.
fn is(outcome: &Outcome, wanted: &Value) -> bool {
    let sum = sha256(&outcome.body);
    wanted["status"].as_u64() == Some(u64::from(outcome.status))
        && wanted["body_sha256"]
            .as_str()
            .is_some_and(|wanted| !wanted.is_empty() && sum.starts_with(wanted))
}

fn is_right(case: &Value, outcome: &Result<Outcome, Error>) -> bool {
    let expected = &case["expected"];
    match (case["verdict"].as_str().expect("a verdict"), outcome) {
        ("must_accept" | "should_accept", Ok(outcome)) => is(outcome, expected),
        ("must_accept" | "should_accept", Err(_)) | ("must_reject" | "should_reject", Ok(_)) => {
            false
        }
        ("must_reject" | "should_reject", Err(_)) | ("either", Err(_)) => true,
        ("either", Ok(outcome)) => case["observed"]
            .as_object()
            .expect("clients")
            .values()
            .any(|seen| is(outcome, seen)),
        (verdict, _) => panic!("an unknown verdict: {verdict}"),
    }
}

fn same_headers(outcome: &Outcome, expected: &Value) -> bool {
    let latin = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| char::from(*byte))
            .collect::<String>()
    };
    let found: Vec<Value> = outcome
        .headers
        .iter()
        .map(|(name, value)| {
            let value = latin(value);
            Value::from(vec![latin(name).to_lowercase(), value.trim().to_owned()])
        })
        .collect();
    expected.as_array() == Some(&found)
}

#[test]
fn replies_are_read_as_real_clients_read_them() {
    let Some(cases) = shared("http_responses.json") else {
        return;
    };
    let mut score: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in &cases {
        let id = case["id"].as_str().expect("an id");
        let method = case["method"].as_str().expect("a method");
        let raw = raw(case);
        let whole = read(method, &raw, usize::MAX);
        let mut sizes = vec![20];
        if raw.len() <= 8 << 10 {
            sizes.push(1);
        }
        for piece in sizes {
            let pieces = read(method, &raw, piece);
            assert!(
                same(&whole, &pieces),
                "{id} in pieces of {piece}: {pieces:?}"
            );
        }
        let verdict = case["verdict"].as_str().expect("a verdict");
        let (right, all) = score.entry(verdict.to_owned()).or_default();
        *all += 1;
        let is_right = is_right(case, &whole);
        *right += usize::from(is_right);
        if !is_right {
            wrong.push(format!(
                "{verdict} {id}: {:?}",
                whole.as_ref().map(|it| it.status)
            ));
        }
        let Ok(outcome) = whole else { continue };
        let expected = &case["expected"];
        if expected["self_delimited"].as_bool() == Some(true) {
            assert!(
                outcome.self_delimited,
                "{id} waits for the end of the connection"
            );
        }
        if !expected["headers"].is_null() {
            assert!(
                same_headers(&outcome, &expected["headers"]),
                "{id}: {outcome:?}"
            );
        }
    }
    for (verdict, (right, all)) in &score {
        println!("{verdict:14} {right:5} of {all:5}");
    }
    println!("{wrong:#?}");
    for (verdict, least) in [
        ("must_accept", 100),
        ("must_reject", 100),
        ("should_accept", 98),
        ("should_reject", 90),
        ("either", 100),
    ] {
        let (right, all) = score[verdict];
        assert!(right * 100 >= all * least, "{verdict}: {right} of {all}");
    }
}

#[test]
fn texts_are_decoded_whatever_their_charset_is() {
    let Some(cases) = shared("charset_cjk.json") else {
        return;
    };
    for case in &cases {
        let outcome = read("GET", &raw(case), usize::MAX).expect("a reply");
        let text = rsock::http::text(&outcome.body, &outcome.headers);
        let wanted = http_common::unhex(case["expected_text_utf8_hex"].as_str().expect("text"));
        let wanted = String::from_utf8(wanted).expect("UTF-8");
        assert_eq!(text.text, wanted, "{} as {}", case["id"], text.encoding);
    }
    println!("{} charset cases", cases.len());
}

#[test]
fn urls_are_read_as_browsers_read_them_or_refused() {
    let Some(cases) = shared("urls_http.json") else {
        return;
    };
    let (mut same, mut refused) = (0, 0);
    for case in &cases {
        let id = &case["id"];
        let input = case["input"].as_str().expect("an input");
        let mut outcomes = vec![Url::parse(input)];
        if let Some(base) = case["base"].as_str() {
            let base = Url::parse(base).expect("a base");
            outcomes.push(base.join(input.as_bytes()));
        }
        // Alone and as a reference: where there is a base, only the latter is what is expected,
        // unless the input has a host of its own.
        let is_alone = case["base"].is_null() || input.contains("//");
        for (place, outcome) in outcomes.into_iter().enumerate() {
            let Ok(url) = outcome else {
                if place == 0 && case["failure"].is_null() && is_alone {
                    println!("refused: {id} {input:?}");
                }
                refused += 1;
                continue;
            };
            if place == 0 && !is_alone {
                continue;
            }
            assert!(
                case["failure"].as_bool() != Some(true),
                "{id} was taken: {url}"
            );
            let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
            assert_eq!(url.authority(), text("host"), "{id}");
            assert_eq!(url.path(), text("pathname"), "{id}");
            assert_eq!(url.scheme(), text("protocol").trim_end_matches(':'), "{id}");
            let search = url.query().filter(|query| !query.is_empty());
            let search = search.map_or_else(String::new, |query| format!("?{query}"));
            assert_eq!(search, text("search"), "{id}");
            if case["href"].as_str().is_some_and(|href| href.contains('#')) || place == 0 {
                assert_eq!(url.to_string(), text("href"), "{id}");
            }
            same += 1;
        }
    }
    println!(
        "{same} URLs as expected, {refused} refused, of {} rows",
        cases.len()
    );
}
