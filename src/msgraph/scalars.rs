//! Texts, times, ids and numbers as Graph writes them: where Microsoft's spellings of "nothing" end.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use uuid::Uuid;

use super::wire::Text;

/// The longest text of a row. Microsoft's own limits are a few hundred characters.
const TEXT_CHARS_MAX: usize = 4_096;

/// Why a row is not taken, in words that name the property and not its value.
pub(super) type Reason = String;

/// A text without surrounding space and without characters that are not meant to be seen; `None`
/// for one that is then empty.
pub(super) fn text(field: &str, text: Option<Text<'_>>) -> Result<Option<String>, Reason> {
    let Some(Text(text)) = text else {
        return Ok(None);
    };
    if text.len() > TEXT_CHARS_MAX && text.chars().count() > TEXT_CHARS_MAX {
        return Err(format!(
            "{field} is longer than {TEXT_CHARS_MAX} characters"
        ));
    }
    if has_invisible(&text) {
        let visible: String = text.chars().filter_map(visible).collect();
        return Ok(Some(visible.trim().to_owned()).filter(|text| !text.is_empty()));
    }
    if has_plain_ends(&text) {
        return Ok(Some(text.into_owned()));
    }
    let trimmed = text.trim();
    Ok(if trimmed.is_empty() {
        None
    } else if trimmed.len() == text.len() {
        Some(text.into_owned())
    } else {
        Some(trimmed.to_owned())
    })
}

/// Whether there is nothing to trim, as it is with nearly every text.
fn has_plain_ends(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    ends.iter().all(|end| end.is_some_and(u8::is_ascii_graphic))
}

fn has_invisible(text: &str) -> bool {
    // Most texts are ASCII, and bytes are looked at faster than characters; without an early end, many
    // at a time.
    if text.is_ascii() {
        text.bytes()
            .fold(false, |found, byte| found | byte.is_ascii_control())
    } else {
        text.contains(is_invisible)
    }
}

/// Control characters, and those that turn the direction of what follows: with them one name can be
/// made to look like another.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// What of a character is kept: a line break or tab parts two words, so it stays a space.
fn visible(character: char) -> Option<char> {
    match character {
        '\t' | '\n' | '\r' => Some(' '),
        character if is_invisible(character) => None,
        character => Some(character),
    }
}

/// An instant. Microsoft writes "none" as nothing, as a blank, as year 1 and as the end of year 9999.
pub(super) fn time(field: &str, text: Option<&Text<'_>>) -> Result<Option<Timestamp>, Reason> {
    let Some(text) = text.map(|text| text.0.trim()) else {
        return Ok(None);
    };
    if text.is_empty() || text.starts_with("0001-01-0") || text.starts_with("9999-12-31") {
        return Ok(None);
    }
    match plain_time(text).map_or_else(|| text.parse(), Ok) {
        Ok(at) => Ok(Some(at)),
        Err(_) => Err(format!("{field} is not a time")),
    }
}

/// An instant as Graph writes nearly all of them, "2020-03-13T19:15:41Z": a user has one for each
/// license, so it is read without trying other spellings. `None` is for the parser to judge.
fn plain_time(text: &str) -> Option<Timestamp> {
    let bytes: &[u8; 20] = text.as_bytes().try_into().ok()?;
    if [4, 7, 10, 13, 16, 19].map(|at| bytes[at]) != *b"--T::Z" {
        return None;
    }
    let two = |at: usize| {
        let digits = [bytes[at], bytes[at + 1]];
        let [tens, ones] = digits.map(|digit| digit.wrapping_sub(b'0'));
        // Below 100.
        (tens < 10 && ones < 10).then(|| (tens * 10 + ones).cast_signed())
    };
    let year = i16::from(two(0)?) * 100 + i16::from(two(2)?);
    let at = DateTime::new(year, two(5)?, two(8)?, two(11)?, two(14)?, two(17)?, 0).ok()?;
    Offset::UTC.to_timestamp(at).ok()
}

pub(super) fn guid(field: &str, text: Option<&Text<'_>>) -> Result<Option<Uuid>, Reason> {
    let Some(text) = text
        .map(|text| text.0.trim())
        .filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    match Uuid::try_parse(text) {
        Ok(id) => Ok(Some(id)),
        Err(_) => Err(format!("{field} is not a GUID")),
    }
}

pub(super) fn required_guid(field: &str, text: Option<&Text<'_>>) -> Result<Uuid, Reason> {
    guid(field, text)?.ok_or_else(|| format!("{field} is missing"))
}

/// A number of seats. None and fewer than none are none.
pub(super) fn count(number: Option<f64>) -> u32 {
    // A cast from float to integer saturates.
    number.map_or(0, |number| number as u32)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check_text(json: &str, expected: Option<&str>) {
        let read = text("department", Some(Text(Cow::Borrowed(json)))).unwrap();
        assert_eq!(read.as_deref(), expected, "{json:?}");
    }

    #[test]
    fn a_text_is_trimmed_and_shows_what_it_is() {
        check_text("", None);
        check_text(" \u{a0}\t", None);
        check_text("\u{0}\u{202e}", None);
        check_text(" Sales ", Some("Sales"));
        check_text("Sa\u{0}les\u{7f}", Some("Sales"));
        check_text("Sales\r\nNorth", Some("Sales  North"));
        check_text("Sales\u{202e}htroN", Some("SaleshtroN"));
        check_text("\u{2066}Sales\u{2069}\u{feff}", Some("Sales"));
        check_text("Søren 🦀 مبيعات", Some("Søren 🦀 مبيعات"));
        check_text(&"x".repeat(4_096), Some(&"x".repeat(4_096)));
        check_text(&"ø".repeat(4_096), Some(&"ø".repeat(4_096)));
    }

    proptest! {
        #[test]
        fn a_plain_time_is_what_any_parser_makes_of_it(
            text in "(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z"
        ) {
            if let Some(at) = plain_time(&text) {
                prop_assert_eq!(text.parse().ok(), Some(at));
            } else {
                prop_assert!(text.contains(":60Z") || text.parse::<Timestamp>().is_err(), "{}", text);
            }
        }
    }

    #[test]
    fn what_is_no_plain_time_is_left_to_the_parser() {
        for text in [
            "2020-03-13t19:15:41z",
            "2020-03-13 19:15:41Z",
            "2020-03-13T19:15:4aZ",
            "-020-03-13T19:15:41Z",
            "2020-03-13T19:15:60Z",
            "2020-03-13T19:15:411Z",
            "2020-03-13T19:15:4é",
        ] {
            assert_eq!(plain_time(text), None, "{text}");
        }
    }

    #[track_caller]
    fn check_time(json: &str, expected: Result<Option<&str>, &str>) {
        let read = time("createdDateTime", Some(&Text(Cow::Borrowed(json))));
        let expected = expected
            .map(|text| text.map(|text| text.parse().unwrap()))
            .map_err(str::to_owned);
        assert_eq!(read, expected, "{json}");
    }

    #[test]
    fn a_time_has_up_to_seven_digits_and_many_ways_to_be_none() {
        check_time("2020-03-13T19:15:41Z", Ok(Some("2020-03-13T19:15:41Z")));
        check_time("2020-03-13T19:15:41.6Z", Ok(Some("2020-03-13T19:15:41.6Z")));
        check_time(
            "2020-03-13T19:15:41.6195833Z",
            Ok(Some("2020-03-13T19:15:41.6195833Z")),
        );
        check_time(
            "2020-03-13T21:15:41+02:00",
            Ok(Some("2020-03-13T19:15:41Z")),
        );
        check_time("2038-01-20T00:00:00Z", Ok(Some("2038-01-20T00:00:00Z")));
        check_time("2024-02-29T00:00:00Z", Ok(Some("2024-02-29T00:00:00Z")));
        check_time("", Ok(None));
        check_time("0001-01-01T00:00:00Z", Ok(None));
        check_time("9999-12-31T23:59:59.9999999Z", Ok(None));
        check_time("yesterday", Err("createdDateTime is not a time"));
        check_time("2020-13-01T00:00:00Z", Err("createdDateTime is not a time"));
        check_time("2020-03-13", Err("createdDateTime is not a time"));
    }
}
