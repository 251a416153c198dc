//! The schema's own scalars, how counts become `Int`, and how enums are spelled.

use async_graphql::resolver_utils::EnumType;
use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use jiff::Timestamp;
use jiff::civil;

use super::error::Error;

/// The scalar `DateTime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DateTime(pub(crate) Timestamp);

/// An instant, as RFC 3339 writes it: `2026-11-23T02:00:00Z`. Answers are always in UTC and end in
/// `Z`; an argument may carry another offset and means the same instant.
#[Scalar(
    name = "DateTime",
    specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6"
)]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = value else {
            return Err(InputValueError::expected_type(value));
        };
        match parse_instant(&text) {
            Some(instant) => Ok(Self(instant)),
            None => Err(InputValueError::custom(
                "an RFC 3339 instant is wanted, such as \"2026-11-23T02:00:00Z\"",
            )),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if parse_instant(text).is_some())
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// The library reads more than RFC 3339: hours alone, a space for the `T`, a time zone in brackets.
fn parse_instant(text: &str) -> Option<Timestamp> {
    let has_seconds = text.len() >= "2026-11-23T02:00:00Z".len();
    let has_t = matches!(text.as_bytes().get(10), Some(b'T' | b't'));
    let has_zone_name = text.contains('[');
    if !has_seconds || !has_t || has_zone_name {
        return None;
    }
    text.parse().ok()
}

/// The scalar `Date`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date(pub(crate) civil::Date);

/// A calendar day in UTC, as RFC 3339 writes it: `2026-11-23`.
#[Scalar(
    name = "Date",
    specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6"
)]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = value else {
            return Err(InputValueError::expected_type(value));
        };
        match parse_day(&text) {
            Some(day) => Ok(Self(day)),
            None => Err(InputValueError::custom(
                "a calendar day is wanted, such as \"2026-11-23\"",
            )),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if parse_day(text).is_some())
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// The library would take a time behind the day and drop it.
fn parse_day(text: &str) -> Option<civil::Date> {
    if text.len() == "2026-11-23".len() {
        text.parse().ok()
    } else {
        None
    }
}

/// The scalar `BigInt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BigInt(pub(crate) u64);

/// A whole number that `Int` may be too small for, such as bytes or seconds; as a string: "5000000000".
#[Scalar(name = "BigInt")]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        let number = match &value {
            Value::String(text) => parse_number(text),
            Value::Number(number) => number.as_u64(),
            _ => None,
        };
        number.map(Self).ok_or_else(|| {
            InputValueError::custom("a whole number is wanted, such as \"5000000000\"")
        })
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// The library would take a sign.
fn parse_number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

/// The scalar `Decimal`: a number as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal(pub(crate) String);

/// The longest decimal number that is read, in bytes.
const DECIMAL_BYTES_MAX: usize = 40;

/// An exact decimal number, as a string with a point: "36.00". A whole number may be written without
/// quotes; any other would lose digits on its way through JSON.
#[Scalar(name = "Decimal")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = match &value {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| is_decimal(text)),
            Value::Number(number) => number.as_i64().map(|number| number.to_string()),
            _ => None,
        };
        text.map(Self).ok_or_else(|| {
            InputValueError::custom("a decimal number in quotes is wanted, such as \"36.00\"")
        })
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

impl Decimal {
    /// The number, where it has no more digits than can be kept.
    pub(crate) fn exact(&self) -> Result<rust_decimal::Decimal, Error> {
        let number = rust_decimal::Decimal::from_str_exact(&self.0);
        number.map_err(|_| Error::bad_input("That number has more digits than can be kept."))
    }
}

/// Digits, and perhaps a sign before and a point between them.
fn is_decimal(text: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let plain = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, "0"));
    text.len() <= DECIMAL_BYTES_MAX && is_digits(whole) && is_digits(fraction)
}

/// A count as `Int`, which ends at 2,147,483,647: more than any tenant has of anything, and a larger
/// number is answered as that.
pub(crate) fn int(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

/// A difference of counts as `Int`, ending at its bounds on either side.
pub(crate) fn signed_int(number: i64) -> i32 {
    let within = number.clamp(i32::MIN.into(), i32::MAX.into());
    within.try_into().unwrap_or(i32::MAX)
}

/// A value of an enum as the schema spells it.
pub(crate) fn word<E: EnumType>(value: E) -> &'static str {
    let mut items = E::items().iter();
    let found = items.find(|item| item.value == value);
    // An enum lists all its values.
    found.map_or("", |item| item.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_instant(text: &str, shown: Option<&str>) {
        let value = Value::String(text.into());
        let shown = shown.map(|shown| Value::String(shown.into()));
        assert_eq!(DateTime::is_valid(&value), shown.is_some(), "{text}");
        assert_eq!(
            DateTime::parse(value)
                .ok()
                .map(|instant| instant.to_value()),
            shown,
            "{text}"
        );
    }

    #[test]
    fn an_instant_is_read_with_any_offset_and_shown_in_utc() {
        check_instant("2026-11-23T02:00:00Z", Some("2026-11-23T02:00:00Z"));
        check_instant("2026-11-23T02:00:00.5Z", Some("2026-11-23T02:00:00.5Z"));
        check_instant("2026-11-23T03:00:00+01:00", Some("2026-11-23T02:00:00Z"));
        check_instant("2026-11-22T20:30:00-05:30", Some("2026-11-23T02:00:00Z"));
    }

    #[test]
    fn what_is_no_rfc_3339_instant_is_refused() {
        check_instant("", None);
        check_instant("2026-11-23", None);
        check_instant("2026-11-23T02:00:00", None);
        check_instant("2026-11-23T02Z", None);
        check_instant("2026-11-23 02:00:00Z", None);
        check_instant("2026-11-23T03:00:00+01:00[Europe/Berlin]", None);
        check_instant("2026-13-23T02:00:00Z", None);
        check_instant("yesterday, about noon", None);
        assert!(DateTime::parse(Value::from(1)).is_err() && !DateTime::is_valid(&Value::from(1)));
    }

    #[track_caller]
    fn check_day(text: &str, valid: bool) {
        let value = Value::String(text.into());
        assert_eq!(Date::is_valid(&value), valid, "{text}");
        assert_eq!(
            Date::parse(value.clone()).ok().map(|day| day.to_value()),
            valid.then_some(value)
        );
    }

    #[test]
    fn a_day_is_ten_characters_of_the_calendar() {
        check_day("2024-02-29", true);
        check_day("2026-02-29", false);
        check_day("2026-11-23T00:00:00", false);
        check_day("20261123", false);
        check_day("2026-1-1", false);
    }

    #[track_caller]
    fn check_big(value: Value, number: Option<u64>) {
        assert_eq!(BigInt::is_valid(&value), number.is_some(), "{value}");
        assert_eq!(BigInt::parse(value).ok(), number.map(BigInt));
    }

    #[test]
    fn a_big_number_is_a_string_of_digits() {
        assert_eq!(
            BigInt(u64::MAX).to_value(),
            Value::String("18446744073709551615".into())
        );
        check_big(Value::String("18446744073709551615".into()), Some(u64::MAX));
        check_big(Value::String("18446744073709551616".into()), None);
        check_big(Value::String("+7".into()), None);
        check_big(Value::String("-7".into()), None);
        check_big(Value::String(String::new()), None);
        check_big(Value::from(7), Some(7));
        check_big(Value::from(-7), None);
        check_big(Value::Null, None);
    }

    #[track_caller]
    fn check_decimal(value: Value, text: Option<&str>) {
        assert_eq!(Decimal::is_valid(&value), text.is_some(), "{value}");
        let parsed = Decimal::parse(value).ok().map(|decimal| decimal.0);
        assert_eq!(parsed.as_deref(), text);
    }

    #[test]
    fn a_decimal_number_keeps_its_digits_and_is_not_read_from_a_binary_one() {
        check_decimal(Value::from("36.00"), Some("36.00"));
        check_decimal(Value::from(" -0.5 "), Some("-0.5"));
        check_decimal(Value::from(36), Some("36"));
        check_decimal(Value::from(36.5), None);
        check_decimal(Value::from("1e3"), None);
        check_decimal(Value::from("1,5"), None);
        check_decimal(Value::from(".5"), None);
        check_decimal(Value::from("9".repeat(41)), None);
        check_decimal(Value::from(true), None);
    }

    #[test]
    fn a_count_beyond_int_is_the_largest_int() {
        assert_eq!(int(7_u64), 7);
        assert_eq!(int(u64::MAX), i32::MAX);
        assert_eq!(int(u32::MAX), i32::MAX);
        assert_eq!(signed_int(-7), -7);
        assert_eq!(signed_int(i64::MIN), i32::MIN);
        assert_eq!(signed_int(i64::MAX), i32::MAX);
    }
}
