//! What the servers say: bytes in, bytes out, and no socket anywhere.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use common::Nobody;
use rsock::service::echo::Echo;
use rsock::service::framing::{Deframer, Framing, FramingError};
use rsock::service::hello::{Hello, Words};
use rsock::service::template::{Template, TemplateError};
use rsock::service::{Conversation, Flow, Remote, Service};
use rsock::sys::clock;

const TOO_LONG: FramingError = FramingError::TooLong { limit: 8 };
const SECOND: Duration = Duration::from_secs(1);

/// Take everything apart: the messages, and what was wrong in the end.
fn take_apart(
    framing: Framing,
    limit: usize,
    pieces: &[&[u8]],
) -> (Vec<Vec<u8>>, Result<(), FramingError>) {
    let mut deframer = Deframer::new(framing, limit);
    let mut messages = Vec::new();
    for mut piece in pieces.iter().copied() {
        loop {
            match deframer.next(&mut piece) {
                Ok(Some(message)) => messages.push(message.to_vec()),
                Ok(None) => break assert!(piece.is_empty(), "a piece is used up"),
                Err(error) => return (messages, Err(error)),
            }
        }
    }
    let end = deframer
        .finish()
        .map(|last| messages.extend(last.map(<[u8]>::to_vec)));
    (messages, end)
}

type Row = (
    Framing,
    &'static [u8],
    &'static [&'static [u8]],
    Result<(), FramingError>,
);

/// A stream, the messages in it, and how it ends, with messages of up to 8 bytes.
const STREAMS: &[Row] = &[
    (Framing::Line, b"", &[], Ok(())),
    (Framing::Line, b"a\n", &[b"a"], Ok(())),
    (Framing::Line, b"a\nb\n", &[b"a", b"b"], Ok(())),
    (Framing::Line, b"a\r\nb\r\n", &[b"a", b"b"], Ok(())),
    (Framing::Line, b"\n\r\n\n", &[b"", b"", b""], Ok(())),
    (Framing::Line, b"a\rb\n\r", &[b"a\rb", b"\r"], Ok(())),
    (Framing::Line, b"a\r\r\n", &[b"a\r"], Ok(())),
    (Framing::Line, b"a\nlast", &[b"a", b"last"], Ok(())),
    (
        Framing::Line,
        b"\xe5\x8f\n\xff\x00\n",
        &[b"\xe5\x8f", b"\xff\x00"],
        Ok(()),
    ),
    (
        Framing::Line,
        b"12345678\n12345678\r\n",
        &[b"12345678", b"12345678"],
        Ok(()),
    ),
    (Framing::Line, b"1234567\r\r\n", &[b"1234567\r"], Ok(())),
    (Framing::Line, b"12345678", &[b"12345678"], Ok(())),
    (Framing::Line, b"a\n123456789\n", &[b"a"], Err(TOO_LONG)),
    (Framing::Line, b"a\n123456789", &[b"a"], Err(TOO_LONG)),
    (Framing::Line, b"12345678\r\r\n", &[], Err(TOO_LONG)),
    (Framing::Line, b"12345678\r", &[], Err(TOO_LONG)),
    (Framing::Line, b"12345678\rb\n", &[], Err(TOO_LONG)),
    (Framing::Length, b"", &[], Ok(())),
    (
        Framing::Length,
        b"\0\0\0\x01a\0\0\0\x02bc",
        &[b"a", b"bc"],
        Ok(()),
    ),
    (Framing::Length, b"\0\0\0\0\0\0\0\0", &[b"", b""], Ok(())),
    (
        Framing::Length,
        b"\0\0\0\x0812345678\0\0\0\x01\n",
        &[b"12345678", b"\n"],
        Ok(()),
    ),
    (
        Framing::Length,
        b"\0\0\0\x01a\0\0\0\x09",
        &[b"a"],
        Err(TOO_LONG),
    ),
    (Framing::Length, b"\xff\xff\xff\xff", &[], Err(TOO_LONG)),
    (
        Framing::Length,
        b"\0\0\0\x01a\0\0",
        &[b"a"],
        Err(FramingError::Cut),
    ),
    (Framing::Length, b"\0\0\0\x02a", &[], Err(FramingError::Cut)),
];

#[test]
fn a_stream_is_taken_apart_however_it_arrives() {
    for (framing, stream, messages, end) in STREAMS {
        let check = |pieces: &[&[u8]]| {
            let (found, ended) = take_apart(*framing, 8, pieces);
            assert_eq!(
                (&found[..], ended),
                (&owned(messages)[..], *end),
                "{framing:?} {pieces:?}"
            );
        };
        check(&[stream]);
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        check(&bytes);
        for cut in 0..=stream.len() {
            let (front, rest) = stream.split_at(cut);
            check(&[front, rest]);
            for second in 0..=rest.len() {
                let (middle, back) = rest.split_at(second);
                check(&[front, middle, back]);
            }
        }
    }
}

fn owned(messages: &[&[u8]]) -> Vec<Vec<u8>> {
    messages.iter().map(|message| message.to_vec()).collect()
}

#[test]
fn a_piece_is_a_message_up_to_the_limit_where_nothing_else_was_agreed() {
    let (messages, end) = take_apart(Framing::Recv, 8, &[b"one\ntwo", b"", b"0123456789"]);
    assert_eq!(messages, owned(&[b"one\ntwo", b"01234567", b"89"]));
    assert_eq!(end, Ok(()));
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

#[test]
fn what_is_encoded_arrives_whatever_the_pieces() {
    let mut dice = Dice(7);
    for round in 0..2_000 {
        let framing = [Framing::Line, Framing::Length][round % 2];
        let count = dice.below(6);
        let mut stream = Vec::new();
        let mut sent = Vec::new();
        for _ in 0..count {
            let len = [0, 1, 5, 300, 3_000][dice.below(5)];
            // Neither end of a line, which a line cannot hold, nor a `\r`, which may belong to one.
            let message: Vec<u8> = (0..len)
                .map(|_| [0, b'a', 0xe5, 0xff][dice.below(4)])
                .collect();
            framing.encode(&message, &mut stream).unwrap();
            sent.push(message);
        }
        let mut pieces = Vec::new();
        let mut rest = &stream[..];
        while !rest.is_empty() {
            let (piece, back) = rest.split_at(1 + dice.below(rest.len().min(1 + round)));
            pieces.push(piece);
            rest = back;
        }
        assert_eq!(
            take_apart(framing, 3_000, &pieces),
            (sent, Ok(())),
            "round {round}"
        );
    }
}

#[test]
fn no_bytes_whatever_break_a_deframer_or_pass_its_limit() {
    let mut dice = Dice(11);
    for round in 0..5_000 {
        let framing = [Framing::Recv, Framing::Line, Framing::Length][round % 3];
        let len = dice.below(60);
        let bytes: Vec<u8> = (0..len)
            .map(|_| [0, 0, 0, 1, 2, b'\n', b'\r', b'a', 0xff][dice.below(9)])
            .collect();
        let cuts: Vec<&[u8]> = bytes.chunks(1 + dice.below(9)).collect();
        let (messages, end) = take_apart(framing, 8, &cuts);
        assert!(messages.iter().all(|message| message.len() <= 8));
        if framing != Framing::Recv {
            assert_eq!(
                take_apart(framing, 8, &[&bytes]),
                (messages, end),
                "{bytes:?}"
            );
        }
    }
}

#[test]
fn a_message_that_is_whole_in_a_piece_is_not_copied() {
    for (framing, piece, start) in [
        (Framing::Recv, &b"abc"[..], 0),
        (Framing::Line, b"abc\r\n", 0),
        (Framing::Length, b"\0\0\0\x03abc", 4),
    ] {
        let mut deframer = Deframer::new(framing, 8);
        let mut rest = piece;
        let message = deframer.next(&mut rest).unwrap().unwrap();
        assert_eq!(message.as_ptr(), piece[start..].as_ptr(), "{framing:?}");
    }
}

#[test]
fn an_endless_message_is_refused_before_it_is_kept() {
    let mut deframer = Deframer::new(Framing::Line, 100);
    let outcomes: Vec<bool> = (0..20)
        .map(|_| deframer.next(&mut &[b'x'; 10][..]).is_ok())
        .collect();
    assert_eq!(
        outcomes.iter().position(|fine| !fine),
        Some(10),
        "after the hundredth byte"
    );
    let error = deframer.next(&mut &b"x"[..]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a message is longer than max_message, which is 100 bytes"
    );
}

#[test]
fn a_template_is_filled_in_with_the_bytes_as_they_came() {
    let rows: &[(&[u8], &[u8], &[u8])] = &[
        (b"Hello, {data}!", b"Michael", b"Hello, Michael!"),
        (b"Hello, {data}", b"dbb", b"Hello, dbb"),
        (b"{data}", b"", b""),
        (b"{data}{data}", b"ab", b"abab"),
        (b"", b"x", b""),
        (b"pong", b"x", b"pong"),
        (b"{{{data}}}", b"x", b"{x}"),
        (b"{{data}}", b"x", b"{data}"),
        (b"Hello, {data}!", b"\xe5\x8f", b"Hello, \xe5\x8f!"),
        (b"\xff{data}\xfe", b"\0\xff", b"\xff\0\xff\xfe"),
        (b"<{data}>", b"{time}{data}", b"<{time}{data}>"),
        (
            "你好，{data}！".as_bytes(),
            "世界".as_bytes(),
            "你好，世界！".as_bytes(),
        ),
    ];
    for (source, data, expected) in rows {
        let mut out = b"before ".to_vec();
        Template::new(source).unwrap().render(data, &mut out);
        assert_eq!(out, [b"before ", *expected].concat(), "{source:?}");
    }
}

#[test]
fn a_template_with_anything_unknown_is_refused() {
    let unknown = |name: &str| TemplateError::Unknown(name.to_owned());
    let rows: &[(&[u8], TemplateError)] = &[
        (b"{name}", unknown("name")),
        (b"{}", unknown("")),
        (b"{ data }", unknown(" data ")),
        (b"{data!r}", unknown("data!r")),
        (b"{Data}", unknown("Data")),
        (b"Hello, {data", TemplateError::Unclosed(7)),
        (b"{", TemplateError::Unclosed(0)),
        (b"{da{data}", TemplateError::Unclosed(0)),
        (b"data}", TemplateError::Unopened(4)),
        (b"{data}}", TemplateError::Unopened(6)),
    ];
    for (source, expected) in rows {
        assert_eq!(Template::new(source).unwrap_err(), *expected, "{source:?}");
    }
    assert_eq!(
        unknown("name").to_string(),
        "unknown field {name}: there are {data} and {time}, and {{ stands for a brace"
    );
    assert_eq!(
        TemplateError::Unclosed(7).to_string(),
        "'{' without '}' at byte 7: write {{ for the brace itself"
    );
}

#[test]
fn filling_in_a_template_allocates_nothing_once_there_is_room() {
    let template = Template::new(b"Hi,you send me :[{time}] {data}").unwrap();
    let mut out = Vec::with_capacity(1024);
    let memory = out.as_ptr();
    template.render(&[b'x'; 500], &mut out);
    assert_eq!((out.as_ptr(), out.capacity()), (memory, 1024));
}

/// What a service says to pieces: what was sent after each step, and how it went on.
fn talk(service: &dyn Service, pieces: &[&[u8]]) -> Vec<(Vec<u8>, Flow)> {
    let peer: SocketAddr = ([127, 0, 0, 1], 4_000).into();
    let mut talk = service.open(&peer.into(), Remote::new(Arc::new(Nobody)));
    let mut steps = Vec::new();
    let mut step = |act: &mut dyn FnMut(&mut dyn Conversation, &mut Vec<u8>) -> Flow| {
        let mut out = Vec::new();
        let flow = act(&mut *talk, &mut out);
        steps.push((out, flow));
        flow.close
    };
    let mut closed = step(&mut |talk, out| talk.opened(out));
    for piece in pieces {
        assert!(!closed, "nothing is received once the server closes");
        closed = step(&mut |talk, out| talk.received(piece, out));
    }
    if !closed {
        assert!(step(&mut |talk, out| talk.ended(out)), "the end is the end");
    }
    steps
}

fn words(reply: &[u8]) -> Words {
    Words::new(Template::new(reply).unwrap())
}

const fn after(delay: u64, messages: u32) -> Flow {
    Flow {
        delay: Duration::from_secs(delay),
        messages,
        ..Flow::CONTINUE
    }
}

fn said(text: &str, flow: Flow) -> (Vec<u8>, Flow) {
    (text.as_bytes().to_vec(), flow)
}

const fn closing(flow: Flow) -> Flow {
    Flow {
        close: true,
        ..flow
    }
}

#[test]
fn hello_is_the_server_of_the_tutorial() {
    let rows: &[(&str, &str, &[&str])] = &[
        ("Welcome!", "Hello, {data}!", &["0.25", "0.5", "exit"]),
        ("Welcome", "Hello, {data}", &["dbb", "lily", "exit"]),
        (
            "Weclocme",
            "Hello, {data}!",
            &["Michael", "Tom", "Tracy", "Sarch", "exit"],
        ),
    ];
    for (greeting, reply, messages) in rows {
        let hello = Hello::new(Words {
            greeting: Some(greeting.as_bytes().to_vec()),
            delay: SECOND,
            ..words(reply.as_bytes())
        });
        let pieces: Vec<&[u8]> = messages.iter().map(|message| message.as_bytes()).collect();
        let mut expected = vec![said(greeting, after(0, 0))];
        expected.extend(messages.iter().map(|message| match *message {
            "exit" => said("", closing(after(1, 1))),
            name => said(&reply.replace("{data}", name), after(1, 1)),
        }));
        assert_eq!(talk(&hello, &pieces), expected);
    }
}

#[test]
fn hello_waits_before_it_closes_at_the_end_of_what_a_client_sends() {
    let hello = Hello::new(Words {
        delay: SECOND,
        ..words(b"Hello, {data}!")
    });
    let expected = [
        said("Welcome!", after(0, 0)),
        said("Hello, dbb!", after(1, 1)),
        said("", closing(after(1, 0))),
    ];
    assert_eq!(talk(&hello, &[b"dbb"]), expected);
}

#[test]
fn hello_without_greeting_and_exit_word_tells_the_time() {
    let hello = Hello::new(Words {
        greeting: None,
        exit: None,
        ..words(b"Hi,you send me :[{time}] {data}")
    });
    let steps = talk(&hello, &["exit".as_bytes(), "字".as_bytes()]);
    assert_eq!(steps[0], said("", after(0, 0)));
    for (step, word) in [(&steps[1], "exit"), (&steps[2], "字")] {
        let text = String::from_utf8(step.0.clone()).unwrap();
        let time = text.strip_prefix("Hi,you send me :[").unwrap();
        let time = time.strip_suffix(&format!("] {word}")).unwrap();
        assert_eq!(time.len(), "Mon Jan  5 09:01:05 2026".len(), "{time}");
        let bytes = time.as_bytes();
        assert_eq!(
            [bytes[3], bytes[7], bytes[13], bytes[16], bytes[19]],
            *b"  :: ",
            "{time}"
        );
        assert_eq!(step.1, after(0, 1));
    }
    assert_eq!(steps[3], said("", Flow::CLOSE));
}

#[test]
fn the_time_is_that_of_the_clock_on_the_wall() {
    // Wherever the zone of this machine is, these two days are the same there and in UTC or next.
    let noon = clock::local(1_767_614_400).unwrap();
    assert_eq!((noon.year, noon.month, noon.second), (2026, 0, 0));
    assert!((4..=6).contains(&noon.day) && noon.weekday == usize::from(noon.day - 4));
    assert_eq!(clock::local(i64::MAX), None);
}

#[test]
fn only_the_exit_word_itself_is_one() {
    let hello = Hello::new(words(b"<{data}>"));
    let steps = talk(&hello, &[b"Exit", b"exit\n", b"exitexit", b"exit"]);
    let answers: Vec<&[u8]> = steps.iter().map(|step| &step.0[..]).collect();
    assert_eq!(
        answers,
        [&b"Welcome!"[..], b"<Exit>", b"<exit\n>", b"<exitexit>", b""]
    );
    assert!(steps[4].1.close);
}

#[test]
fn messages_that_arrive_together_are_told_apart_by_a_framing() {
    let recv = Hello::new(words(b"Hello, {data}!"));
    assert_eq!(
        talk(&recv, &[b"dbblily"])[1],
        said("Hello, dbblily!", after(0, 1))
    );

    let line = Hello::new(Words {
        framing: Framing::Line,
        delay: SECOND,
        ..words(b"Hello, {data}!")
    });
    let expected = [
        said("Welcome!\n", after(0, 0)),
        said("Hello, dbb!\nHello, lily!\n", after(2, 2)),
        said("", after(0, 0)),
        said("Hello, Tom!\n", closing(after(2, 2))),
    ];
    assert_eq!(
        talk(&line, &[b"dbb\nlily\r\nT", b"o", b"m\nexit\nlate\n"]),
        expected
    );

    let length = Hello::new(Words {
        framing: Framing::Length,
        ..words(b"{data}.")
    });
    let expected = [
        said("\0\0\0\x08Welcome!", after(0, 0)),
        said("\0\0\0\x02a.\0\0\0\x03bc.", after(0, 2)),
        said("", closing(after(0, 1))),
    ];
    assert_eq!(
        talk(&length, &[b"\0\0\0\x01a\0\0\0\x02bc\0", b"\0\0\x04exit"]),
        expected
    );
}

#[test]
fn a_last_line_without_its_end_is_answered_too() {
    let hello = Hello::new(Words {
        framing: Framing::Line,
        delay: SECOND,
        ..words(b"Hi {data}")
    });
    assert_eq!(
        talk(&hello, &[b"Tom"])[2],
        said("Hi Tom\n", closing(after(2, 1)))
    );
    assert_eq!(talk(&hello, &[b"exit"])[2], said("", closing(after(1, 1))));
}

#[test]
fn what_is_wrong_in_a_stream_closes_it_after_the_answers_to_what_was_right() {
    let short = Words {
        max_message: 4,
        ..words(b"{data}")
    };
    let line = Hello::new(Words {
        framing: Framing::Line,
        ..short.clone()
    });
    let expected = said(
        "good\n",
        Flow {
            messages: 1,
            ..Flow::FAIL
        },
    );
    assert_eq!(talk(&line, &[b"good\nwrong\ngood\n"])[1], expected);

    let length = Hello::new(Words {
        framing: Framing::Length,
        ..short
    });
    assert_eq!(talk(&length, &[b"\0\0\0\x02a"])[2], said("", Flow::FAIL));
}

#[test]
fn bytes_that_are_no_text_and_cut_characters_come_back_as_they_are() {
    let hello = Hello::new(words(b"{data}"));
    let (first, second) = "字".as_bytes().split_at(1);
    let steps = talk(&hello, &[first, second, b"\xff\0\xfe"]);
    assert_eq!([&steps[1].0[..], &steps[2].0].concat(), "字".as_bytes());
    assert_eq!(steps[3].0, b"\xff\0\xfe");
}

#[test]
fn echo_sends_back_what_it_gets() {
    let echo = |framing| Echo {
        framing,
        max_message: 8,
    };
    let expected = [
        said("", after(0, 0)),
        said("exit", after(0, 1)),
        said("0123456789", after(0, 1)),
        said("", Flow::CLOSE),
    ];
    assert_eq!(
        talk(&echo(Framing::Recv), &[b"exit", b"0123456789"]),
        expected
    );

    let expected = [
        said("", after(0, 0)),
        said("a\nb\n", after(0, 2)),
        said("", after(0, 0)),
        said("cd\n", closing(after(0, 1))),
    ];
    assert_eq!(talk(&echo(Framing::Line), &[b"a\nb\r\nc", b"d"]), expected);

    let expected = [
        said("", after(0, 0)),
        said("\0\0\0\x01a", after(0, 1)),
        said("", Flow::FAIL),
    ];
    assert_eq!(talk(&echo(Framing::Length), &[b"\0\0\0\x01a\0"]), expected);
    let wrong = said(
        "a\n",
        Flow {
            messages: 1,
            ..Flow::FAIL
        },
    );
    assert_eq!(
        talk(&echo(Framing::Line), &[b"a\n123456789\nb\n"])[1],
        wrong
    );
}

#[test]
fn a_large_piece_is_answered_where_it_lies() {
    let piece = vec![b'x'; Flow::LARGE];
    for (reply, left) in [
        ("Hello, {data}!", true),
        ("[{time}] {data}", true),
        ("{data}{data}", false),
        ("no field", false),
    ] {
        let hello = Hello::new(words(reply.as_bytes()));
        let steps = talk(&hello, &[&piece]);
        let (out, flow) = steps
            .iter()
            .find(|(_, flow)| flow.messages == 1)
            .expect("a step that takes the message");
        assert_eq!(flow.piece_at.is_some(), left, "{reply}");
        let mut sent = out.clone();
        if let Some(at) = flow.piece_at {
            sent.splice(at..at, piece.iter().copied());
        }
        let times = reply.matches("{data}").count();
        let count = sent.iter().filter(|byte| **byte == b'x').count();
        assert_eq!(count, times * piece.len(), "{reply}");
        if reply.starts_with("Hello") {
            assert_eq!(sent, [b"Hello, ", &piece[..], b"!"].concat());
        }
    }
}
