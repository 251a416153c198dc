//! What a whole report says: CSV from bytes that may be anything.

use std::borrow::Cow;
use std::collections::HashMap;

use csv::StringRecord;
use jiff::civil::{Date, date};
use uuid::Uuid;

use super::cells;
use super::records::without_open_quotes;
use super::table::{
    self, Column, Content, Gone, LastActive, Layout, OBJECT_ID, OtherPeriods, PERIOD,
    RECIPIENT_TYPE, REFRESHED, Repeats,
};
use super::{Report, ReportKey, ReportRow};
use crate::domain::ids::ObjectId;
use crate::domain::standing::Fetched;
use crate::domain::sync_run::Dataset;
use crate::domain::text::fold;
use crate::domain::usage::{Period, Values};
use crate::msgraph::paging::Quarantined;
use crate::msgraph::scalars::text;
use crate::msgraph::wire::Text;

/// Reads a report. The error ends the sentence "it answered 200, but ..."; it and the reasons of
/// quarantined rows name columns and never a value.
///
/// Each row of the text becomes a row, a part of an earlier one, or a quarantined one, except where a
/// report tells all periods: rows of the others are left out.
pub(in crate::msgraph) fn read_report(
    dataset: Dataset,
    what: Fetched,
    bytes: &[u8],
) -> Result<Report, String> {
    let layout = table::layout(dataset).ok_or("it is no usage report")?;
    let period = match what {
        Fetched::Period(period) => Some(period),
        Fetched::Day(_) | Fetched::Whole => None,
    };
    let decoded = decoded(bytes)?;
    let (text, open_quotes) = without_open_quotes(&decoded)?;
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|_| "it is not CSV")?;
    let columns = Columns::find(layout, header)?;
    let mut reading = Reading::new(layout);
    for _ in 0..open_quotes {
        reading.quarantine("a quote opens and is not closed".to_owned(), None);
    }
    let mut record = StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|_| "it is not CSV")?
    {
        match columns.read(&record, period) {
            Ok(Some((refreshed_on, row))) => reading.take(refreshed_on, row),
            Ok(None) => reading.other_periods += 1,
            Err(reason) => reading.quarantine(reason, columns.id_of(&record)),
        }
    }
    reading.report()
}

/// The text of a report, without its byte order mark. A byte that is no UTF-8 spoils its own cell.
fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match bytes.trim_ascii_start() {
        [] => Err("with nothing at all, not even a header"),
        [b'<', ..] => Err("with HTML instead of a report"),
        [b'{' | b'[', ..] => Err("with JSON instead of CSV"),
        [0x1f, 0x8b, ..] => Err("with compressed bytes that no header announces"),
        _ => Ok(String::from_utf8_lossy(bytes)),
    }
}

/// Where in the rows of one report the columns are that are read.
struct Columns {
    layout: &'static Layout,
    /// How many columns there are.
    width: usize,
    key: usize,
    refreshed: usize,
    object_id: Option<usize>,
    /// Where the layout names one.
    last_active: Option<usize>,
    gone: Option<usize>,
    period: Option<usize>,
    mailbox_type: Option<usize>,
    values: Vec<(usize, &'static Column)>,
}

impl Columns {
    fn find(layout: &'static Layout, header: &StringRecord) -> Result<Self, String> {
        let find = |name: &str| {
            let is_named = |cell: &str| cell.trim().eq_ignore_ascii_case(name);
            header.iter().position(is_named)
        };
        let require = |name: &'static str| {
            find(name).ok_or_else(|| format!("its report has no column \"{name}\""))
        };
        let values = layout.columns.iter();
        Ok(Self {
            layout,
            width: header.len(),
            refreshed: require(REFRESHED)?,
            key: require(layout.key)?,
            object_id: find(OBJECT_ID),
            last_active: match layout.last_active {
                // Taken for blank, it would say that nobody was ever active.
                LastActive::Column(name) => Some(require(name)?),
                LastActive::Latest | LastActive::Untold => None,
            },
            gone: match layout.gone {
                Gone::Flag(name) | Gone::State(name) => find(name),
                Gone::Untold => None,
            },
            period: find(PERIOD),
            mailbox_type: find(RECIPIENT_TYPE),
            values: values
                .filter_map(|column| Some((find(column.name)?, column)))
                .collect(),
        })
    }

    /// Reads one row and its refresh date, `None` if it is left out; the error names the column.
    fn read(
        &self,
        record: &StringRecord,
        period: Option<Period>,
    ) -> Result<Option<(Option<Date>, ReportRow)>, String> {
        let surplus = record.iter().skip(self.width);
        if surplus.into_iter().any(|cell| !cell.trim().is_empty()) {
            // A comma that should have been quoted: nobody knows which cells it moved.
            return Err("it has more cells than there are columns".to_owned());
        }
        if record.len() <= self.key {
            return Err(format!("it ends before {}", self.layout.key));
        }
        if let Some(asked) = period
            && let told = cell(record, self.period)
            && !told.is_empty()
            && table::is_other_period(told, asked)
        {
            return match self.layout.other_periods {
                OtherPeriods::LeftOut => Ok(None),
                OtherPeriods::Fault => Err(format!("{PERIOD} is not the one asked for")),
            };
        }
        let of = |column: &'static str| move |what: cells::What| format!("{column} {what}");
        let values = self.values(record)?;
        let last_active_on = match self.layout.last_active {
            LastActive::Column(name) => {
                cells::day(cell(record, self.last_active)).map_err(of(name))?
            }
            LastActive::Latest => values.iter().map(|(_, days)| days).max().and_then(day_of),
            LastActive::Untold => None,
        };
        let refreshed_on = cells::day(cell(record, Some(self.refreshed))).map_err(of(REFRESHED))?;
        let row = ReportRow {
            who: self.owner(record)?,
            is_deleted: self.is_deleted(record)?,
            last_active_on,
            values,
            mailbox_type: cells::mailbox_type(cell(record, self.mailbox_type)),
        };
        Ok(Some((refreshed_on, row)))
    }

    fn values(&self, record: &StringRecord) -> Result<Values, String> {
        let mut values = Values::default();
        for (place, column) in &self.values {
            if column.content == Content::Duration && values.get(column.metric).is_some() {
                continue;
            }
            let cell = cell(record, Some(*place));
            let number = match column.content {
                Content::Number => cells::number(cell),
                Content::Day => cells::day_number(cell),
                Content::Flag => cells::flag(cell).map(|flag| flag.map(u64::from)),
                Content::Duration => cells::duration(cell),
            };
            if let Some(number) = number.map_err(|what| format!("{} {what}", column.name))? {
                values.set(column.metric, number);
            }
        }
        Ok(values)
    }

    fn owner(&self, record: &StringRecord) -> Result<ReportKey, String> {
        let id_cell = cell(record, self.object_id);
        let id = cells::object_id(id_cell).map_err(|what| format!("{OBJECT_ID} {what}"))?;
        if let Some(id) = id {
            return Ok(ReportKey::Id(ObjectId(id)));
        }
        let name_cell = cell(record, Some(self.key));
        if name_cell.contains(char::REPLACEMENT_CHARACTER) {
            return Err(format!("{} is not UTF-8", self.layout.key));
        }
        let name = text(self.layout.key, Some(Text(Cow::Borrowed(name_cell))))?;
        Ok(match name {
            Some(name) if cells::is_concealed(&name) => ReportKey::Concealed,
            Some(name) => ReportKey::PrincipalName(name),
            // An id that is all zeros and no name beside it.
            None if !id_cell.is_empty() => ReportKey::Concealed,
            None => ReportKey::Nobody,
        })
    }

    fn is_deleted(&self, record: &StringRecord) -> Result<bool, String> {
        let cell = cell(record, self.gone);
        match self.layout.gone {
            Gone::Flag(name) => {
                let flag = cells::flag(cell).map_err(|what| format!("{name} {what}"))?;
                Ok(flag.unwrap_or(false))
            }
            Gone::State(_) => Ok(cell.eq_ignore_ascii_case("deleted")),
            Gone::Untold => Ok(false),
        }
    }

    /// The object id of a row that cannot be read as a whole.
    fn id_of(&self, record: &StringRecord) -> Option<Uuid> {
        cells::object_id(cell(record, self.object_id)).ok()?
    }
}

/// A cell; a column that is not there and a cell that the row is too short for are blank.
fn cell(record: &StringRecord, place: Option<usize>) -> &str {
    let cell = place.and_then(|place| record.get(place));
    cell.unwrap_or_default().trim()
}

fn day_of(days: u64) -> Option<Date> {
    let hours = i64::try_from(days).ok()?.checked_mul(24)?;
    date(1970, 1, 1)
        .checked_add(jiff::SignedDuration::from_hours(hours))
        .ok()
}

/// What makes two rows those of one user.
#[derive(PartialEq, Eq, Hash)]
enum OwnerKey {
    Id(ObjectId),
    /// Folded.
    Name(String),
}

impl OwnerKey {
    fn new(key: &ReportKey) -> Option<Self> {
        match key {
            ReportKey::Id(id) => Some(Self::Id(*id)),
            ReportKey::PrincipalName(name) => Some(Self::Name(fold(name))),
            ReportKey::Concealed | ReportKey::Nobody => None,
        }
    }
}

/// What was read so far.
struct Reading {
    layout: &'static Layout,
    report: Report,
    /// Where the rows are to which other parts may come; people who have gone may share a name.
    places: HashMap<OwnerKey, usize>,
    known: usize,
    concealed: usize,
    other_periods: usize,
}

impl Reading {
    fn new(layout: &'static Layout) -> Self {
        Self {
            layout,
            report: Report::default(),
            places: HashMap::new(),
            known: 0,
            concealed: 0,
            other_periods: 0,
        }
    }

    fn take(&mut self, refreshed_on: Option<Date>, row: ReportRow) {
        self.report.reported_on = self.report.reported_on.max(refreshed_on);
        match row.who {
            ReportKey::Id(_) | ReportKey::PrincipalName(_) => self.known += 1,
            ReportKey::Concealed => self.concealed += 1,
            ReportKey::Nobody => {}
        }
        let rows = &mut self.report.rows;
        let key = match self.layout.repeats {
            Repeats::Parts => OwnerKey::new(&row.who).filter(|_| !row.is_deleted),
            Repeats::Rows => None,
        };
        let Some(key) = key else {
            rows.push(row);
            return;
        };
        let place = *self.places.entry(key).or_insert(rows.len());
        match rows.get_mut(place) {
            Some(whole) => add(whole, &row),
            None => rows.push(row),
        }
    }

    fn quarantine(&mut self, reason: String, id: Option<Uuid>) {
        self.report.quarantined.push(Quarantined { reason, id });
    }

    fn report(mut self) -> Result<Report, String> {
        let is_empty = self.report.rows.is_empty() && self.report.quarantined.is_empty();
        if is_empty && self.other_periods > 0 {
            return Err("its report is of another period than the one asked for".to_owned());
        }
        // Where most names are told, the report is still one of people.
        self.report.is_concealed = self.concealed > self.known;
        Ok(self.report)
    }
}

/// Adds another part of the same user.
fn add(whole: &mut ReportRow, part: &ReportRow) {
    whole.last_active_on = whole.last_active_on.max(part.last_active_on);
    for (metric, number) in part.values.iter() {
        let sum = whole.values.get(metric).unwrap_or(0).saturating_add(number);
        whole.values.set(metric, sum);
    }
}
