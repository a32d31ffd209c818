//! What a certificate says, and what is wrong with it, in words.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error};

/// A certificate whose issuer is not trusted because it is its own.
#[derive(Debug, thiserror::Error)]
#[error("the certificate is self-signed")]
pub(super) struct SelfSigned;

/// One item of DER: its tag, what it holds, and what follows it.
fn item(data: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = data.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut len = usize::from(first);
    if first >= 0x80 {
        let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        len = digits
            .iter()
            .fold(0, |len, digit| (len << 8) | usize::from(*digit));
        rest = after;
    }
    let (inside, after) = rest.split_at_checked(len)?;
    Some((tag, inside, after))
}

/// Return the issuer, the validity and the subject, as they are encoded.
fn fields(certificate: &[u8]) -> Option<[&[u8]; 3]> {
    let (_, signed, _) = item(certificate)?;
    let (_, mut rest, _) = item(signed)?;
    if rest.first() == Some(&0xa0) {
        // The version, which the first one does not have.
        rest = item(rest)?.2;
    }
    let mut found = [&[][..]; 5];
    for field in &mut found {
        let (_, inside, after) = item(rest)?;
        *field = inside;
        rest = after;
    }
    let [_serial, _algorithm, issuer, validity, subject] = found;
    Some([issuer, validity, subject])
}

/// Return whether a certificate names itself as its issuer.
pub(super) fn is_self_signed(certificate: &[u8]) -> bool {
    fields(certificate).is_some_and(|[issuer, _, subject]| issuer == subject)
}

/// Return from when to when a certificate is good, in seconds after 1970.
pub(super) fn validity(certificate: &[u8]) -> Option<(u64, u64)> {
    let [_, validity, _] = fields(certificate)?;
    let (tag, from, rest) = item(validity)?;
    let from = seconds(tag, from)?;
    let (tag, to, _) = item(rest)?;
    Some((from, seconds(tag, to)?))
}

/// Read a time: `YYMMDDhhmmssZ`, of 1950 to 2049, or with four digits for the year.
fn seconds(tag: u8, text: &[u8]) -> Option<u64> {
    let digits = text.strip_suffix(b"Z")?;
    let (year, rest) = match tag {
        0x17 => digits.split_at_checked(2)?,
        0x18 => digits.split_at_checked(4)?,
        _ => return None,
    };
    let number = |digits: &[u8]| -> Option<u64> {
        let text = std::str::from_utf8(digits).ok()?;
        text.parse().ok()
    };
    let mut year = number(year)?;
    if tag == 0x17 {
        year += if year < 50 { 2000 } else { 1900 };
    }
    let mut parts = [0; 5];
    if rest.len() != 10 {
        return None;
    }
    for (part, digits) in parts.iter_mut().zip(rest.chunks(2)) {
        *part = number(digits)?;
    }
    let [month, day, hour, minute, second] = parts;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_before(year, month).checked_add(day - 1)?;
    // What was good before 1970 counts from there.
    let days = days.saturating_sub(days_before(1970, 1));
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

/// Count the days from March of the year 0 to the first of a month.
const fn days_before(year: u64, month: u64) -> u64 {
    // A year that begins in March has its odd day at its end.
    let (year, month) = if month < 3 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5
}

/// Write a moment as a date, as in 2024-02-29.
fn date(time: UnixTime) -> String {
    let days = time.as_secs() / 86_400 + days_before(1970, 1);
    // No more than a day too early: there are at most this many days in so many years.
    let mut year = days * 400 / 146_097;
    while days_before(year + 1, 3) <= days {
        year += 1;
    }
    let mut month = 3;
    let of = |month: u64| match month {
        ..=12 => days_before(year, month),
        _ => days_before(year + 1, month - 12),
    };
    while of(month + 1) <= days {
        month += 1;
    }
    let day = days - of(month) + 1;
    let (year, month) = if month > 12 {
        (year + 1, month - 12)
    } else {
        (year, month)
    };
    format!("{year}-{month:02}-{day:02}")
}

/// Say what is wrong with a connection to a host over TLS, and what to do about it.
pub(super) fn words(error: &Error, host: &str) -> String {
    match error {
        Error::InvalidCertificate(error) => {
            format!(
                "the certificate of {host} is not good: {}",
                certificate(error, host)
            )
        }
        Error::AlertReceived(alert) => format!("{host} ended TLS: {}", alert_words(*alert)),
        Error::InvalidMessage(_) => {
            format!("{host} does not speak TLS at this port; is it http:// rather than https://?")
        }
        Error::PeerIncompatible(error) => format!(
            "{host} has no way of speaking TLS that is still safe ({error:?}); TLS 1.2 and 1.3 are"
        ),
        other => format!("TLS with {host} failed: {other}"),
    }
}

fn alert_words(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired | AlertDescription::BadCertificate => {
            "it wants a certificate of the client, which cannot be given here".into()
        }
        AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion => {
            "it has no way of speaking TLS that is still safe; TLS 1.2 and 1.3 are".into()
        }
        AlertDescription::UnrecognisedName => "it does not know the host by this name".into(),
        AlertDescription::NoApplicationProtocol => "it does not speak HTTP/1.1".into(),
        other => format!("{other:?}"),
    }
}

fn certificate(error: &CertificateError, host: &str) -> String {
    match error {
        CertificateError::ExpiredContext { not_after, .. } => format!(
            "it has expired on {}; is the clock of this machine right?",
            date(*not_after)
        ),
        CertificateError::Expired => "it has expired".into(),
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "it is not valid yet, but from {} on; is the clock of this machine right?",
            date(*not_before)
        ),
        CertificateError::NotValidYet => "it is not valid yet".into(),
        CertificateError::NotValidForNameContext { presented, .. } => {
            format!("it is for another host: {}", names(presented, host))
        }
        CertificateError::NotValidForName => format!("it is for another host than {host}"),
        CertificateError::UnknownIssuer => "its issuer is unknown; if you trust it, name the file \
             of its certificate: verify=\"ca.pem\""
            .into(),
        CertificateError::Other(other) if other.0.is::<SelfSigned>() => {
            "it is self-signed, and nobody else vouches for it; if you trust it, name its file: \
             verify=\"cert.pem\""
                .into()
        }
        CertificateError::BadSignature => "its signature is wrong".into(),
        CertificateError::BadEncoding => "it cannot be read".into(),
        CertificateError::Revoked => "it has been revoked".into(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not meant for a server".into()
        }
        other => other.to_string(),
    }
}

/// How many names are listed.
const NAMES: usize = 8;

fn names(presented: &[String], host: &str) -> String {
    if presented.is_empty() {
        return format!("it names none at all, and {host} would have to be among them");
    }
    let mut listed: Vec<String> = presented
        .iter()
        .take(NAMES)
        .map(|name| plain(name).to_owned())
        .collect();
    if presented.len() > NAMES {
        listed.push(format!("and {} more", presented.len() - NAMES));
    }
    format!("{}, not {host}", listed.join(", "))
}

/// Take a name out of what webpki calls it, as in `DnsName("example.com")`.
fn plain(name: &str) -> &str {
    let inside = name.split_once('(').map_or(name, |(_, inside)| inside);
    inside.trim_end_matches(')').trim_matches('"')
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn times_are_read_and_written() {
        for (tag, text, expected, day) in [
            (0x17, &b"700101000000Z"[..], 0, "1970-01-01"),
            (0x17, b"240229235959Z", 1_709_251_199, "2024-02-29"),
            (0x17, b"491231235959Z", 2_524_607_999, "2049-12-31"),
            (0x18, b"20000301000000Z", 951_868_800, "2000-03-01"),
            (0x18, b"21000228120000Z", 4_107_499_200, "2100-02-28"),
            (0x18, b"99991231235959Z", 253_402_300_799, "9999-12-31"),
            (0x17, b"500101000000Z", 0, "1970-01-01"),
        ] {
            let read = seconds(tag, text).expect("a time");
            assert_eq!((read, date(at(read)).as_str()), (expected, day));
        }
        for day in 0..800_000 {
            let text = date(at(day * 86_400)).replace('-', "") + "000000Z";
            assert_eq!(seconds(0x18, text.as_bytes()), Some(day * 86_400), "{text}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        for data in [
            &b""[..],
            b"\x30",
            b"\x30\x84\xff\xff\xff\xff",
            b"\x30\x80",
            &[0x30; 40],
        ] {
            assert!(!is_self_signed(data));
            assert_eq!(validity(data), None);
        }
        for text in [
            &b""[..],
            b"Z",
            b"2402292359Z",
            b"24022923595xZ",
            b"241329235959Z",
        ] {
            assert_eq!(seconds(0x17, text), None);
        }
    }
}
