//! Until when a certificate is good: the one field of it that is asked for, read from its DER bytes.

use std::time::{SystemTime, UNIX_EPOCH};

/// Tags of DER that lead to the field.
const SEQUENCE: u8 = 0x30;
const EXPLICIT_VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Seconds from now to the certificate's end; negative when it is over. `None` where the bytes are no certificate.
pub(super) fn seconds_left(der: &[u8], now: SystemTime) -> Option<i64> {
    let now = i64::try_from(now.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?;
    Some(not_after(der)? - now)
}

/// `notAfter` in seconds since 1970: `Certificate` → `TBSCertificate` → `validity` (RFC 5280 §4.1).
fn not_after(der: &[u8]) -> Option<i64> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut fields, _) = element(certificate, SEQUENCE)?;
    if fields.first() == Some(&EXPLICIT_VERSION) {
        fields = any(fields)?.2;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        fields = any(fields)?.2;
    }
    let (validity, _) = element(fields, SEQUENCE)?;
    let (_, _, after_not_before) = any(validity)?;
    let (tag, not_after, _) = any(after_not_before)?;
    time(tag, std::str::from_utf8(not_after).ok()?)
}

/// The contents of the first element, and what follows it.
fn element(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    any(der).filter(|(tag, ..)| *tag == wanted).map(|(_, inside, rest)| (inside, rest))
}

/// Tag and contents of the first element, and what follows it.
fn any(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, length, rest @ ..] = der else { return None };
    let (length, rest) = match length {
        0..=0x7F => (usize::from(*length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7F))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (inside, rest) = rest.split_at_checked(length)?;
    Some((*tag, inside, rest))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, the only forms that RFC 5280 allows.
fn time(tag: u8, text: &str) -> Option<i64> {
    let digits = text.strip_suffix('Z').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let short: i64 = digits[..2].parse().ok()?;
            (if short < 50 { 2000 + short } else { 1900 + short }, &digits[2..])
        }
        (GENERALIZED_TIME, 14) => (digits[..4].parse().ok()?, &digits[4..]),
        _ => return None,
    };
    let part = |at: usize| rest[at..at + 2].parse::<i64>().ok();
    let (month, day) = (part(0)?, part(2)?);
    Some(days(year, month, day) * 86_400 + part(4)? * 3_600 + part(6)? * 60 + part(8)?)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; years begin in March, so that a leap day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    #[test]
    fn the_end_of_a_certificate_is_read() {
        for (year, month, day, seconds) in [(2026, 3, 1, 1_772_323_200), (2028, 2, 29, 1_835_395_200), (2071, 12, 31, 3_218_745_600)] {
            let mut params = CertificateParams::new(vec!["shop.example".to_owned()]).unwrap();
            params.not_after = date_time_ymd(year, month, day);
            let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            assert_eq!(not_after(made.der()), Some(seconds), "{year}");
            let later = UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
            assert_eq!(seconds_left(made.der(), later), Some(seconds - 4_000_000_000), "what is over is negative");
        }
    }

    #[test]
    fn bytes_that_are_no_certificate_have_no_end() {
        let params = CertificateParams::new(vec!["shop.example".to_owned()]).unwrap();
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        for cut in 0..made.der().len() {
            assert_eq!(not_after(&made.der()[..cut]), None, "{cut}");
        }
        for bytes in [&[0x30, 0x85, 1, 1, 1, 1, 1][..], &[0x30, 0x80, 0], b"HTTP/1.1 200 OK"] {
            assert_eq!(not_after(bytes), None);
        }
    }
}
