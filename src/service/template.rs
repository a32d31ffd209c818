//! Answers that are made of a text with fields in it.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::sys::clock;

/// A text such as `Hello, {data}!`, ready to be filled in.
///
/// `{data}` is the message, byte for byte as it came: it is never decoded, so that a character that
/// was cut in two passes through unharmed. `{time}` is the time of day as `time.ctime()` writes it.
/// `{{` and `}}` are the braces themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The text without its fields.
    text: Vec<u8>,
    /// The fields, and where in the text each of them goes.
    fields: Vec<(usize, Field)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Data,
    Time,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A field that there is not.
    #[error("unknown field {{{0}}}: there are {{data}} and {{time}}, and {{{{ stands for a brace")]
    Unknown(String),
    /// A brace that is not closed.
    #[error("'{{' without '}}' at byte {0}: write {{{{ for the brace itself")]
    Unclosed(usize),
    /// A brace that was not opened.
    #[error("'}}' without '{{' at byte {0}: write }}}} for the brace itself")]
    Unopened(usize),
}

impl Template {
    /// Read a text.
    ///
    /// # Errors
    /// Fields other than `{data}` and `{time}`, and single braces.
    pub fn new(source: &[u8]) -> Result<Self, TemplateError> {
        let mut text = Vec::with_capacity(source.len());
        let mut fields = Vec::new();
        let mut at = 0;
        while let Some(&byte) = source.get(at) {
            let rest = &source[at + 1..];
            match byte {
                b'{' | b'}' if rest.first() == Some(&byte) => {
                    text.push(byte);
                    at += 2;
                }
                b'{' => {
                    let end = rest.iter().position(|byte| matches!(byte, b'{' | b'}'));
                    let end = end.filter(|end| rest[*end] == b'}');
                    let end = end.ok_or(TemplateError::Unclosed(at))?;
                    let field = match &rest[..end] {
                        b"data" => Field::Data,
                        b"time" => Field::Time,
                        name => {
                            let name = String::from_utf8_lossy(name).into_owned();
                            return Err(TemplateError::Unknown(name));
                        }
                    };
                    fields.push((text.len(), field));
                    at += end + 2;
                }
                b'}' => return Err(TemplateError::Unopened(at)),
                _ => {
                    text.push(byte);
                    at += 1;
                }
            }
        }
        Ok(Self { text, fields })
    }

    /// Append what stands around the one `{data}` of the text, and return where that belongs.
    ///
    /// Does nothing for a text that has it more than once or not at all.
    pub fn render_around(&self, out: &mut Vec<u8>) -> Option<usize> {
        let is_data = |&&(_, field): &&(usize, Field)| field == Field::Data;
        if self.fields.iter().filter(is_data).count() != 1 {
            return None;
        }
        let mut place = None;
        self.fill(out, |out| place = Some(out.len()));
        place
    }

    /// Append the text with its fields filled in. Allocates only if `out` has to grow.
    pub fn render(&self, data: &[u8], out: &mut Vec<u8>) {
        self.fill(out, |out| out.extend_from_slice(data));
    }

    /// Append the text with its fields filled in, `{data}` by whoever calls.
    fn fill(&self, out: &mut Vec<u8>, mut data: impl FnMut(&mut Vec<u8>)) {
        let mut from = 0;
        for (at, field) in &self.fields {
            out.extend_from_slice(&self.text[from..*at]);
            from = *at;
            match field {
                Field::Data => data(out),
                Field::Time => append_time(now(), out),
            }
        }
        out.extend_from_slice(&self.text[from..]);
    }
}

fn now() -> i64 {
    // A clock before 1970 is wrong anyway, and need not be told exactly.
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Append a moment as `time.ctime()` writes it; nothing at all past what the C library knows.
fn append_time(seconds: i64, out: &mut Vec<u8>) {
    const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];

    let Some(local) = clock::local(seconds) else {
        return;
    };
    let clock::Local {
        year,
        day,
        hour,
        minute,
        second,
        ..
    } = local;
    let weekday = WEEKDAYS.get(local.weekday).unwrap_or(&"???");
    let month = MONTHS.get(local.month).unwrap_or(&"???");
    // Writing to memory cannot fail.
    let _ = write!(
        out,
        "{weekday} {month}{day:3} {hour:02}:{minute:02}:{second:02} {year}"
    );
}
