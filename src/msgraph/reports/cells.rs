//! What stands in one cell of a report. A blank is nothing: never zero, never the first of January.

use jiff::civil::{Date, date};
use jiff::{Span, SpanRelativeTo, Unit};
use uuid::Uuid;

use crate::domain::usage::MailboxType;

/// A reason that follows the name of a column.
pub(super) type What = &'static str;

/// A day. Microsoft writes "none" as a blank, and elsewhere as the first or last day of its calendar.
pub(super) fn day(cell: &str) -> Result<Option<Date>, What> {
    if cell.is_empty() || cell.starts_with("0001-01-0") || cell.starts_with("9999-12-31") {
        return Ok(None);
    }
    // The parser would take other spellings as well, and a time after the day.
    match cell.len() {
        10 => cell.parse().map(Some).map_err(|_| "is not a day"),
        _ => Err("is not a day"),
    }
}

/// A day as days since 1970-01-01.
pub(super) fn day_number(cell: &str) -> Result<Option<u64>, What> {
    let Some(day) = day(cell)? else {
        return Ok(None);
    };
    let since = day.duration_since(date(1970, 1, 1)).as_hours() / 24;
    match u64::try_from(since) {
        Ok(days) => Ok(Some(days)),
        Err(_) => Err("is a day before 1970"),
    }
}

/// A count or a size.
pub(super) fn number(cell: &str) -> Result<Option<u64>, What> {
    if cell.is_empty() {
        return Ok(None);
    }
    // The parser would take a plus sign.
    if !cell.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("is not a number");
    }
    cell.parse().map(Some).map_err(|_| "is too large")
}

/// Reports have both kinds of words, some of them in the same row.
pub(super) fn flag(cell: &str) -> Result<Option<bool>, What> {
    match cell.to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "true" | "yes" => Ok(Some(true)),
        "false" | "no" => Ok(Some(false)),
        _ => Err("is neither true nor false"),
    }
}

/// An ISO 8601 duration in seconds.
pub(super) fn duration(cell: &str) -> Result<Option<u64>, What> {
    const NO_DURATION: What = "is not a duration";
    if cell.is_empty() {
        return Ok(None);
    }
    // The parser would take "1 hour" as well.
    if !cell.starts_with('P') {
        return Err(NO_DURATION);
    }
    let span: Span = cell.parse().map_err(|_| NO_DURATION)?;
    let seconds = span
        .total((Unit::Second, SpanRelativeTo::days_are_24_hours()))
        .map_err(|_| NO_DURATION)?;
    if seconds < 0.0 {
        return Err("is a negative duration");
    }
    // A cast from float to integer saturates.
    Ok(Some(seconds as u64))
}

/// An object id; `None` where it is blank or concealed.
pub(super) fn object_id(cell: &str) -> Result<Option<Uuid>, What> {
    if cell.is_empty() {
        return Ok(None);
    }
    match Uuid::try_parse(cell) {
        Ok(id) => Ok(Some(id).filter(|id| !id.is_nil())),
        Err(_) => Err("is not a GUID"),
    }
}

/// Whether this is what Microsoft puts in the place of a name that it conceals: 32 digits, upper case.
/// No principal name looks like that, since each has an @.
pub(super) fn is_concealed(name: &str) -> bool {
    name.len() == 32
        && name
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'A'..=b'F'))
}

/// `User` or `UserMailbox`, and so on.
pub(super) fn mailbox_type(cell: &str) -> Option<MailboxType> {
    let word = cell.to_ascii_lowercase();
    match word.strip_suffix("mailbox").unwrap_or(&word).trim_end() {
        "" => None,
        "user" => Some(MailboxType::User),
        "shared" => Some(MailboxType::Shared),
        "room" => Some(MailboxType::Room),
        "equipment" => Some(MailboxType::Equipment),
        "scheduling" => Some(MailboxType::Scheduling),
        _ => Some(MailboxType::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_day(cell: &str, expected: Result<Option<Date>, What>) {
        assert_eq!(day(cell), expected, "{cell:?}");
    }

    #[test]
    fn a_day_is_year_month_and_day() {
        let no_day = Err("is not a day");
        check_day("2026-11-01", Ok(Some(date(2026, 11, 1))));
        check_day("2024-02-29", Ok(Some(date(2024, 2, 29))));
        check_day("", Ok(None));
        check_day("0001-01-01", Ok(None));
        check_day("9999-12-31", Ok(None));
        check_day("2023-02-29", no_day);
        check_day("2026-11-31", no_day);
        check_day("11/01/2026", no_day);
        check_day("20261101", no_day);
        check_day("2026-11-01T00:00:00", no_day);
        check_day("yesterday!", no_day);
        check_day("-002026-11-01", no_day);
    }

    #[track_caller]
    fn check_day_number(cell: &str, expected: Result<Option<u64>, What>) {
        assert_eq!(day_number(cell), expected, "{cell:?}");
    }

    #[test]
    fn a_day_is_counted_from_1970() {
        check_day_number("1970-01-01", Ok(Some(0)));
        check_day_number("1970-01-02", Ok(Some(1)));
        check_day_number("2026-11-01", Ok(Some(20_758)));
        check_day_number("1969-12-31", Err("is a day before 1970"));
        check_day_number("", Ok(None));
    }

    #[track_caller]
    fn check_number(cell: &str, expected: Result<Option<u64>, What>) {
        assert_eq!(number(cell), expected, "{cell:?}");
    }

    #[test]
    fn a_number_is_digits_and_a_blank_is_none() {
        check_number("0", Ok(Some(0)));
        check_number("017", Ok(Some(17)));
        check_number("18446744073709551615", Ok(Some(u64::MAX)));
        check_number("", Ok(None));
        check_number("18446744073709551616", Err("is too large"));
        check_number("-1", Err("is not a number"));
        check_number("+1", Err("is not a number"));
        check_number("1.5", Err("is not a number"));
        check_number("1e5", Err("is not a number"));
        check_number("NaN", Err("is not a number"));
        check_number("٣", Err("is not a number"));
    }

    #[track_caller]
    fn check_flag(cell: &str, expected: Result<Option<bool>, What>) {
        assert_eq!(flag(cell), expected, "{cell:?}");
    }

    #[test]
    fn a_flag_is_true_or_yes_in_any_case() {
        check_flag("True", Ok(Some(true)));
        check_flag("TRUE", Ok(Some(true)));
        check_flag("Yes", Ok(Some(true)));
        check_flag("False", Ok(Some(false)));
        check_flag("no", Ok(Some(false)));
        check_flag("", Ok(None));
        check_flag("maybe", Err("is neither true nor false"));
    }

    #[track_caller]
    fn check_duration(cell: &str, expected: Result<Option<u64>, What>) {
        assert_eq!(duration(cell), expected, "{cell:?}");
    }

    #[test]
    fn a_duration_is_seconds() {
        check_duration("PT1H2M3S", Ok(Some(3_723)));
        check_duration("PT0S", Ok(Some(0)));
        check_duration("PT36H", Ok(Some(129_600)));
        check_duration("P1DT1S", Ok(Some(86_401)));
        check_duration("PT1.9S", Ok(Some(1)));
        check_duration("", Ok(None));
        check_duration("-PT1S", Err("is not a duration"));
        check_duration("PT-1S", Err("is not a duration"));
        check_duration("P1M", Err("is not a duration"));
        check_duration("1 hour", Err("is not a duration"));
        check_duration("3723", Err("is not a duration"));
        check_duration("PT99999999999999999999H", Err("is not a duration"));
    }

    #[track_caller]
    fn check_concealed(name: &str, concealed: bool) {
        assert_eq!(is_concealed(name), concealed, "{name:?}");
    }

    #[test]
    fn a_concealed_name_is_32_digits_in_upper_case() {
        check_concealed("0123456789ABCDEF0123456789ABCDEF", true);
        check_concealed("00000000000000000000000000000000", true);
        check_concealed("0123456789abcdef0123456789abcdef", false);
        check_concealed("0123456789ABCDEF0123456789ABCDE", false);
        check_concealed("0123456789ABCDEF0123456789ABCDEF0", false);
        check_concealed("0123456789ABCDEF0123456789ABCDEG", false);
        check_concealed("0123456789ABCDEF@contoso.com.xyz", false);
        check_concealed("", false);
    }

    #[track_caller]
    fn check_mailbox(cell: &str, expected: Option<MailboxType>) {
        assert_eq!(mailbox_type(cell), expected, "{cell:?}");
    }

    #[test]
    fn a_mailbox_is_for_what_its_word_says() {
        check_mailbox("User", Some(MailboxType::User));
        check_mailbox("UserMailbox", Some(MailboxType::User));
        check_mailbox("Shared", Some(MailboxType::Shared));
        check_mailbox("sharedmailbox", Some(MailboxType::Shared));
        check_mailbox("RoomMailbox", Some(MailboxType::Room));
        check_mailbox("EquipmentMailbox", Some(MailboxType::Equipment));
        check_mailbox("SchedulingMailbox", Some(MailboxType::Scheduling));
        check_mailbox("GroupMailbox", Some(MailboxType::Unknown));
        check_mailbox("", None);
    }

    #[test]
    fn an_object_id_of_zeros_is_concealed() {
        let id = "05e9a617-0261-4cee-bb44-138d3ef5d965";
        assert_eq!(object_id(id), Ok(Some(Uuid::try_parse(id).unwrap())));
        assert_eq!(object_id("00000000-0000-0000-0000-000000000000"), Ok(None));
        assert_eq!(object_id(""), Ok(None));
        assert_eq!(object_id("ann"), Err("is not a GUID"));
    }
}
