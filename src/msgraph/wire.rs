//! Graph's JSON as it is on the wire. Nothing here is believed yet: `into_domain` does that.
//!
//! Unknown keys are skipped, whatever is in them and however deep: the parser does not recurse into
//! what it skips, and what it keeps is flat.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use serde_path_to_error::Segment;
use uuid::Uuid;

/// A text, borrowed from the body unless it holds escapes.
#[derive(Debug)]
pub(super) struct Text<'json>(pub(super) Cow<'json, str>);

impl<'de: 'json, 'json> Deserialize<'de> for Text<'json> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

impl From<Text<'_>> for String {
    fn from(text: Text<'_>) -> Self {
        text.0.into_owned()
    }
}

/// One page of a collection.
#[derive(serde::Deserialize)]
pub(super) struct Envelope<'json> {
    #[serde(borrow)]
    value: Vec<&'json RawValue>,
    #[serde(borrow, rename = "@odata.nextLink")]
    pub(super) next_link: Option<Text<'json>>,
    #[serde(borrow, rename = "@odata.deltaLink")]
    pub(super) delta_link: Option<Text<'json>>,
    #[serde(borrow, rename = "@odata.count")]
    count: Option<&'json RawValue>,
}

impl<'json> Envelope<'json> {
    /// Reads a whole body; the error ends the sentence "it answered 200, but ...".
    pub(super) fn read(body: &'json str) -> Result<Self, &'static str> {
        const NO_PAGE: &str = "its JSON is not a page with rows in `value`";
        match body.trim_start().chars().next() {
            Some('<') => return Err("with HTML instead of JSON"),
            // serde would take the fields from a list as well.
            Some('[') => return Err(NO_PAGE),
            _ => {}
        }
        serde_json::from_str(body).map_err(|error| {
            if error.is_data() {
                NO_PAGE
            } else {
                "its JSON is cut or damaged"
            }
        })
    }

    /// How many rows all pages have together, if it says so in a way that can be read.
    pub(super) fn count(&self) -> Option<u64> {
        self.count.and_then(|count| count.get().parse().ok())
    }

    /// Where in `body` each row lies.
    pub(super) fn rows(&self, body: &str) -> Vec<Range<usize>> {
        let start = body.as_ptr().addr();
        self.value
            .iter()
            .map(|row| {
                let at = row.get().as_ptr().addr().saturating_sub(start);
                at..at.saturating_add(row.get().len())
            })
            .collect()
    }
}

/// `organization`
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Organization<'json> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) display_name: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) country_letter_code: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) verified_domains: Option<Vec<VerifiedDomain<'json>>>,
}

/// `verifiedDomain`
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerifiedDomain<'json> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'json>>,
    pub(super) is_default: Option<bool>,
}

/// `user`, with the properties that are selected.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User<'json> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) user_principal_name: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) display_name: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) mail: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) employee_id: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) employee_type: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) job_title: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) department: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) company_name: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) office_location: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) country: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) usage_location: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) user_type: Option<Text<'json>>,
    pub(super) is_resource_account: Option<bool>,
    pub(super) account_enabled: Option<bool>,
    #[serde(borrow)]
    pub(super) created_date_time: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) employee_hire_date: Option<Text<'json>>,
    pub(super) on_premises_sync_enabled: Option<bool>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub(super) manager: Option<DirectoryObject<'json>>,
    #[serde(borrow)]
    pub(super) assigned_licenses: Option<Vec<AssignedLicense<'json>>>,
    #[serde(borrow)]
    pub(super) license_assignment_states: Option<Vec<LicenseAssignmentState<'json>>>,
    /// Stands on objects that are gone.
    #[serde(rename = "@removed")]
    pub(super) removed: Option<IgnoredAny>,
}

/// An object or null. By itself serde would take the fields from a list as well.
fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    struct ObjectVisitor<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
        type Value = Option<T>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, properties: A) -> Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(properties)).map(Some)
        }
    }

    deserializer.deserialize_any(ObjectVisitor(PhantomData))
}

/// `directoryObject`
#[derive(serde::Deserialize)]
pub(super) struct DirectoryObject<'json> {
    #[serde(borrow, rename = "@odata.type")]
    pub(super) odata_type: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) id: Option<Text<'json>>,
}

/// `assignedLicense`
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AssignedLicense<'json> {
    #[serde(borrow)]
    pub(super) sku_id: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) disabled_plans: Option<Vec<Option<Text<'json>>>>,
}

/// `licenseAssignmentState`: one path by which a product reaches a user.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LicenseAssignmentState<'json> {
    #[serde(borrow)]
    pub(super) sku_id: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) assigned_by_group: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) disabled_plans: Option<Vec<Option<Text<'json>>>>,
    #[serde(borrow)]
    pub(super) state: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) error: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) last_updated_date_time: Option<Text<'json>>,
}

/// `subscribedSku`. Its numbers are declared as numbers, not as integers.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubscribedSku<'json> {
    #[serde(borrow)]
    pub(super) sku_id: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) sku_part_number: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) applies_to: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) capability_status: Option<Text<'json>>,
    pub(super) consumed_units: Option<f64>,
    pub(super) prepaid_units: Option<LicenseUnitsDetail>,
    #[serde(borrow)]
    pub(super) service_plans: Option<Vec<ServicePlanInfo<'json>>>,
}

/// `licenseUnitsDetail`
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LicenseUnitsDetail {
    pub(super) enabled: Option<f64>,
    pub(super) warning: Option<f64>,
    pub(super) suspended: Option<f64>,
    pub(super) locked_out: Option<f64>,
}

/// `servicePlanInfo`
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServicePlanInfo<'json> {
    #[serde(borrow)]
    pub(super) service_plan_id: Option<Text<'json>>,
    #[serde(borrow)]
    pub(super) service_plan_name: Option<Text<'json>>,
}

/// Reads one row; the error names the property and the kind of what is there, never the value.
pub(super) fn read<'json, T: serde::Deserialize<'json>>(json: &'json str) -> Result<T, String> {
    if json.starts_with('[') {
        // serde would take the fields from it, in order.
        return Err("the row is a list".to_owned());
    }
    // The path is tracked only on the second try: it costs more than the reading.
    serde_json::from_str(json).or_else(|_| {
        let deserializer = &mut serde_json::Deserializer::from_str(json);
        serde_path_to_error::deserialize(deserializer)
            .map_err(|error| reason(json, error.path(), error.inner()))
    })
}

/// The id of a row that cannot be read as what it should be; `None` also for one that says itself
/// that it was removed.
pub(super) fn row_id(json: &str, property: &str) -> Option<Uuid> {
    let properties: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_str(json).ok()?;
    if properties.contains_key("@removed") {
        return None;
    }
    let id: Cow<'_, str> = serde_json::from_str(properties.get(property)?.get()).ok()?;
    Uuid::try_parse(&id).ok()
}

fn reason(json: &str, path: &serde_path_to_error::Path, error: &serde_json::Error) -> String {
    let name = match path.to_string() {
        top if top == "." => "the row".to_owned(),
        name => name,
    };
    // serde's own sentence holds the value, except for this one.
    if error.to_string().starts_with("duplicate field") {
        return format!("{name} holds a property twice");
    }
    match serde_json::from_str::<Value>(json)
        .ok()
        .and_then(|row| kind_at(&row, path))
    {
        Some(kind) => format!("{name} is {kind}"),
        None => format!("{name} cannot be read"),
    }
}

/// What kind of value stands at a path.
fn kind_at(row: &Value, path: &serde_path_to_error::Path) -> Option<&'static str> {
    let mut value = row;
    for segment in path.iter() {
        value = match segment {
            Segment::Map { key } => value.get(key)?,
            Segment::Seq { index } => value.get(index)?,
            Segment::Enum { .. } | Segment::Unknown => return None,
        };
    }
    Some(match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    })
}

/// The row with U+FFFD for each half of a surrogate pair that stands alone; `None` if there is none.
///
/// A service that cuts names by UTF-16 units leaves half an emoji behind. That is no reason to lose
/// the user.
pub(super) fn without_lone_surrogates(json: &str) -> Option<String> {
    const ESCAPE_LEN: usize = "\\uD83D".len();
    let mut mended = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = json.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        match (surrogate(json, at), surrogate(json, at + ESCAPE_LEN)) {
            (None, _) => at += 2, // another escape, of two characters or more
            (Some(Surrogate::High), Some(Surrogate::Low)) => at += 2 * ESCAPE_LEN,
            (Some(_), _) => {
                mended.push_str(json.get(copied..at)?);
                mended.push_str("\\uFFFD");
                at += ESCAPE_LEN;
                copied = at;
            }
        }
    }
    if copied == 0 {
        return None;
    }
    mended.push_str(json.get(copied..)?);
    Some(mended)
}

enum Surrogate {
    High,
    Low,
}

/// The surrogate that is written as `\uXXXX` at a place.
fn surrogate(json: &str, at: usize) -> Option<Surrogate> {
    let digits = json.get(at..)?.strip_prefix("\\u")?.get(..4)?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xD800..=0xDBFF => Some(Surrogate::High),
        0xDC00..=0xDFFF => Some(Surrogate::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_envelope(body: &str, expected: Result<(&[&str], Option<&str>), &str>) {
        let envelope = Envelope::read(body);
        let read = envelope.as_ref().map_err(|what| *what).map(|envelope| {
            let rows: Vec<_> = envelope
                .rows(body)
                .into_iter()
                .map(|range| &body[range])
                .collect();
            (
                rows,
                envelope.next_link.as_ref().map(|link| link.0.as_ref()),
            )
        });
        let expected = expected.map(|(rows, link)| (rows.to_vec(), link));
        assert_eq!(read, expected, "{body:.200}");
    }

    #[test]
    fn a_page_is_rows_and_perhaps_a_link() {
        check_envelope(r#"{"value":[]}"#, Ok((&[], None)));
        check_envelope(
            r#" {"value": [ {"a":1} , 2,"é"], "x":[{}]} "#,
            Ok((&[r#"{"a":1}"#, "2", r#""é""#], None)),
        );
        check_envelope(
            r#"{"@odata.nextLink":"https://a/\u0062","value":[]}"#,
            Ok((&[], Some("https://a/b"))),
        );
        check_envelope(r#"{"@odata.nextLink":null,"value":[]}"#, Ok((&[], None)));
    }

    #[test]
    fn what_is_no_page_is_named() {
        let damaged = Err("its JSON is cut or damaged");
        let other = Err("its JSON is not a page with rows in `value`");
        check_envelope("", damaged);
        check_envelope(r#"{"value":[{"a":1}"#, damaged);
        check_envelope(r#"{"value":[NaN]}"#, damaged);
        check_envelope("\u{feff}{\"value\":[]}", damaged);
        check_envelope(r#"{"value":[]}x"#, damaged);
        check_envelope(&"[".repeat(100_000), other);
        check_envelope(
            "<!DOCTYPE html><html></html>",
            Err("with HTML instead of JSON"),
        );
        check_envelope("[]", other);
        check_envelope("{}", other);
        check_envelope(r#"{"value":null}"#, other);
        check_envelope(r#"{"value":{"a":1}}"#, other);
        check_envelope(r#"{"value":[],"@odata.nextLink":5}"#, other);
        check_envelope(r#"{"value":[],"value":[]}"#, other);
    }

    #[test]
    fn depth_is_skipped_without_recursion() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let body = format!(r#"{{"x":{deep},"value":[{{"y":{deep}}}]}}"#);
        let envelope = Envelope::read(&body).unwrap();
        let row = envelope.rows(&body).remove(0);
        assert!(read::<User<'_>>(&body[row]).is_ok());
    }

    #[track_caller]
    fn check_reason(row: &str, reason: &str) {
        assert_eq!(
            read::<User<'_>>(row).err().as_deref(),
            Some(reason),
            "{row:.200}"
        );
    }

    #[test]
    fn a_reason_names_the_property_and_never_its_value() {
        check_reason(
            r#"{"userPrincipalName":5}"#,
            "userPrincipalName is a number",
        );
        check_reason(r#"{"displayName":["ann"]}"#, "displayName is a list");
        check_reason(r#"{"accountEnabled":"ann"}"#, "accountEnabled is a text");
        check_reason(r#"{"manager":true}"#, "manager is a boolean");
        check_reason(r#"{"manager":[null,"ann"]}"#, "manager is a list");
        check_reason(
            r#"{"assignedLicenses":[{},{"skuId":{"ann":1}}]}"#,
            "assignedLicenses[1].skuId is an object",
        );
        check_reason(
            r#"{"assignedLicenses":[null]}"#,
            "assignedLicenses[0] is null",
        );
        check_reason(r#"{"id":"a","id":"b"}"#, "the row holds a property twice");
        check_reason(r#""ann""#, "the row is a text");
        check_reason(
            r#"{"accountEnabled":1e400}"#,
            "accountEnabled cannot be read",
        );
    }

    #[track_caller]
    fn check_mended(json: &str, mended: Option<&str>) {
        assert_eq!(without_lone_surrogates(json).as_deref(), mended);
    }

    #[test]
    fn half_a_surrogate_pair_becomes_a_replacement_character() {
        check_mended(r#""plain""#, None);
        check_mended(r#""\ud83d\ude00""#, None);
        check_mended(r#""\\ud83d""#, None);
        check_mended(r#""\ud83d""#, Some(r#""\uFFFD""#));
        check_mended(r#""a\uDE00b""#, Some(r#""a\uFFFDb""#));
        check_mended(r#""\ud83d\ud83d\ude00""#, Some(r#""\uFFFD\ud83d\ude00""#));
        check_mended(r#""\ud83d\n\ude00""#, Some(r#""\uFFFD\n\uFFFD""#));
        check_mended(r#""\ud8""#, None);
    }
}
