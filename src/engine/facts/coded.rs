//! Facts as bits, and back. One fact has one code, so that codes can be compared instead of facts.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use super::bit_stream::{BitReader, BitWriter, Written, size_of_number};
use super::interned::Interned;
use crate::domain::audit::{DirectoryChange, DirectoryChangeKind};
use crate::domain::day;
use crate::domain::ids::{ApplicationId, ObjectId};
use crate::domain::sign_in::ApplicationUse;
use crate::domain::sync_run::Dataset;
use crate::domain::usage::{MailboxType, Metric, Seek, Usage, Values};

/// Days and instants are told from here, so that those of this decade are short: 2025-10-05.
const ORIGIN_DAY: i64 = 20_366;
const ORIGIN_SECOND: i64 = ORIGIN_DAY * 86_400;

/// Names and words that facts of many users have in common.
#[derive(Clone, Default)]
pub(super) struct Vocabulary {
    pub(super) applications: Interned<Uuid>,
    pub(super) texts: Interned<Arc<str>>,
}

impl Vocabulary {
    fn write_text(&mut self, writer: &mut BitWriter, text: &str) {
        let code = self.texts.code(text, |text| text.into());
        writer.number(u64::from(code));
    }

    fn read_text(&self, reader: &mut BitReader<'_>) -> Option<String> {
        let code = u32::try_from(reader.number()?).ok()?;
        self.texts.get(code).map(|text| text.to_string())
    }

    fn write_some_text(&mut self, writer: &mut BitWriter, text: Option<&str>) {
        writer.truth(text.is_some());
        if let Some(text) = text {
            self.write_text(writer, text);
        }
    }

    #[allow(
        clippy::option_option,
        reason = "the outer says whether the bits are valid, the inner whether there is a text"
    )]
    fn read_some_text(&self, reader: &mut BitReader<'_>) -> Option<Option<String>> {
        Some(match reader.truth()? {
            true => Some(self.read_text(reader)?),
            false => None,
        })
    }

    pub(super) fn code_applications(&mut self, uses: &[ApplicationUse]) -> Written {
        let mut writer = BitWriter::default();
        writer.number(uses.len() as u64);
        for entry in uses {
            let application = self.applications.code(&entry.application.0, |id| *id);
            writer.number(u64::from(application));
            self.write_some_text(&mut writer, entry.name.as_deref());
            write_instant(&mut writer, entry.succeeded_at);
            writer.number(u64::from(entry.successes));
        }
        writer.into_bytes()
    }

    pub(super) fn applications(&self, note: &[u8]) -> Option<Vec<ApplicationUse>> {
        let mut reader = BitReader::new(note);
        (0..reader.number()?)
            .map(|_| {
                let application = u32::try_from(reader.number()?).ok()?;
                Some(ApplicationUse {
                    application: ApplicationId(*self.applications.get(application)?),
                    name: self.read_some_text(&mut reader)?,
                    succeeded_at: read_instant(&mut reader)?,
                    successes: u32::try_from(reader.number()?).ok()?,
                })
            })
            .collect()
    }

    pub(super) fn code_changes(&mut self, changes: &[DirectoryChange]) -> Written {
        let mut writer = BitWriter::default();
        writer.number(changes.len() as u64);
        for change in changes {
            write_instant(&mut writer, change.at);
            writer.truth(change.kind == DirectoryChangeKind::Role);
            self.write_text(&mut writer, &change.activity);
            writer.truth(change.succeeded.is_some());
            writer.truth(change.succeeded == Some(true));
            writer.truth(change.by_user.is_some());
            if let Some(user) = change.by_user {
                writer.guid(user.0);
            }
            self.write_some_text(&mut writer, change.by_application.as_deref());
        }
        writer.into_bytes()
    }

    pub(super) fn changes(&self, note: &[u8]) -> Option<Vec<DirectoryChange>> {
        let mut reader = BitReader::new(note);
        (0..reader.number()?)
            .map(|_| {
                Some(DirectoryChange {
                    at: read_instant(&mut reader)?,
                    kind: match reader.truth()? {
                        true => DirectoryChangeKind::Role,
                        false => DirectoryChangeKind::License,
                    },
                    activity: self.read_text(&mut reader)?,
                    succeeded: {
                        let (is_said, succeeded) = (reader.truth()?, reader.truth()?);
                        is_said.then_some(succeeded)
                    },
                    by_user: match reader.truth()? {
                        true => Some(ObjectId(reader.guid()?)),
                        false => None,
                    },
                    by_application: self.read_some_text(&mut reader)?,
                })
            })
            .collect()
    }
}

/// The codes of groups; they must be sorted.
pub(super) fn code_groups(codes: &[u32]) -> Written {
    let mut writer = BitWriter::default();
    writer.number(codes.len() as u64);
    let mut next = 0;
    for code in codes {
        writer.number(u64::from(code.saturating_sub(next)));
        next = code.saturating_add(1);
    }
    writer.into_bytes()
}

pub(super) fn groups(note: &[u8]) -> Option<Vec<u32>> {
    let mut reader = BitReader::new(note);
    let mut next: u32 = 0;
    (0..reader.number()?)
        .map(|_| {
            let code = next.checked_add(u32::try_from(reader.number()?).ok()?)?;
            next = code.saturating_add(1);
            Some(code)
        })
        .collect()
}

pub(super) fn code_usage(usage: &Usage) -> Written {
    let mut writer = BitWriter::default();
    writer.truth(usage.last_active_on.is_some());
    if let Some(on) = usage.last_active_on {
        writer.signed(day::number(on) - ORIGIN_DAY);
    }
    writer.number(usage.mailbox_type.map_or(0, |own| own as u64 + 1));
    let mut rows = RowsWriter::of(usage.dataset);
    writer.truth(!usage.standing.is_empty());
    if !usage.standing.is_empty() {
        rows.write(&mut writer, &usage.standing);
    }
    for (sums, growth) in usage.sums.iter().zip(growth(usage.dataset)) {
        writer.truth(sums.is_some());
        rows.growth = growth;
        if let Some(sums) = sums {
            rows.write(&mut writer, sums);
        }
    }
    if usage.is_left_out {
        // Few are; for all others the zeros that fill up the last byte say so, or its end.
        writer.truth(true);
    }
    writer.into_bytes()
}

pub(super) fn usage(note: &[u8], object_id: ObjectId, dataset: Dataset) -> Option<Usage> {
    let mut reader = BitReader::new(note);
    let last_active_on = read_some_day(&mut reader)?;
    let mailbox_type = match reader.number()? {
        0 => None,
        code => MailboxType::ALL
            .get(usize::try_from(code - 1).ok()?)
            .copied(),
    };
    let mut rows = RowsReader::of(dataset);
    let mut usage = Usage {
        last_active_on,
        mailbox_type,
        ..Usage::nothing(dataset, object_id)
    };
    if reader.truth()? {
        usage.standing = rows.read(&mut reader)?;
    }
    for (sums, growth) in usage.sums.iter_mut().zip(growth(dataset)) {
        rows.growth = growth;
        if reader.truth()? {
            *sums = Some(rows.read(&mut reader)?);
        }
    }
    usage.is_left_out = reader.truth().unwrap_or(false);
    Some(usage)
}

/// The numbers without a period out of what [`code_usage`] made.
pub(super) fn standing(note: &[u8], dataset: Dataset) -> Option<Values> {
    let mut reader = BitReader::new(note);
    read_some_day(&mut reader)?;
    reader.number()?;
    match reader.truth()? {
        true => RowsReader::of(dataset).read(&mut reader),
        false => Some(Values::default()),
    }
}

/// What the mailbox is for, out of what [`code_usage`] made.
pub(super) fn mailbox_type(note: &[u8]) -> Option<MailboxType> {
    let mut reader = BitReader::new(note);
    read_some_day(&mut reader)?;
    let place = reader.number()?.checked_sub(1)?;
    MailboxType::ALL.get(usize::try_from(place).ok()?).copied()
}

/// The last day of activity out of what [`code_usage`] made.
pub(super) fn last_active_on(note: &[u8]) -> Option<Date> {
    read_some_day(&mut BitReader::new(note))?
}

#[allow(
    clippy::option_option,
    reason = "the outer says whether the bits are valid, the inner whether there is a day"
)]
fn read_some_day(reader: &mut BitReader<'_>) -> Option<Option<Date>> {
    Some(match reader.truth()? {
        true => Some(day::date(reader.signed()?.checked_add(ORIGIN_DAY)?)?),
        false => None,
    })
}

/// The rows of a report about one user, of which each is told by what differs from the one before.
struct RowsWriter<'a> {
    /// The metrics of the row before; at first those that the report has as a rule.
    metrics: Cow<'static, [Metric]>,
    before: Option<&'a Values>,
    growth: u32,
}

impl<'a> RowsWriter<'a> {
    fn of(dataset: Dataset) -> Self {
        Self {
            metrics: Cow::Borrowed(usual_metrics(dataset)),
            before: None,
            growth: 0,
        }
    }

    fn write(&mut self, writer: &mut BitWriter, values: &'a Values) {
        let metrics = || values.iter().map(|(metric, _)| metric);
        let is_usual = metrics().eq(self.metrics.iter().copied());
        writer.truth(is_usual);
        if !is_usual {
            self.metrics = metrics().collect();
            writer.number(self.metrics.len() as u64);
            for metric in &*self.metrics {
                writer.number(*metric as u64);
            }
        }
        let mut before = self.before.map(Values::seek);
        for (metric, value) in values.iter() {
            writer.guessed(value, guess(&mut before, metric, self.growth));
        }
        self.before = Some(values);
    }
}

/// Reads what [`RowsWriter`] wrote.
struct RowsReader {
    metrics: Cow<'static, [Metric]>,
    before: Values,
    growth: u32,
}

impl RowsReader {
    fn of(dataset: Dataset) -> Self {
        Self {
            metrics: Cow::Borrowed(usual_metrics(dataset)),
            before: Values::default(),
            growth: 0,
        }
    }

    fn read(&mut self, reader: &mut BitReader<'_>) -> Option<Values> {
        if !reader.truth()? {
            self.metrics = (0..reader.number()?)
                .map(|_| Metric::ALL.get(reader.number()? as usize).copied())
                .collect::<Option<_>>()?;
        }
        let (mut before, growth) = (Some(self.before.seek()), self.growth);
        let number = |metric: &Metric| {
            let guess = guess(&mut before, *metric, growth);
            Some((*metric, reader.guessed(guess)?))
        };
        let numbers = self.metrics.iter().map(number);
        let values = Values::new(numbers.collect::<Option<Vec<_>>>()?);
        self.before = values.clone();
        Some(values)
    }
}

/// How many bits a number will have: some more than over the period before.
fn guess(before: &mut Option<Seek<'_>>, metric: Metric, growth: u32) -> u32 {
    match before.as_mut().and_then(|before| before.get(metric)) {
        None | Some(0) => 0,
        Some(before) => size_of_number(before) + growth,
    }
}

/// How many bits longer numbers become from the period before to each: 30 days are four times 7, 90 are
/// three times 30. A flag stays one.
fn growth(dataset: Dataset) -> [u32; 4] {
    match dataset {
        Dataset::AppsUsage => [0; 4],
        _ => [0, 2, 2, 1],
    }
}

/// The metrics of a report's row as a rule, in order. Another row is right too, only longer.
fn usual_metrics(dataset: Dataset) -> &'static [Metric] {
    match dataset {
        Dataset::ActiveUsers => &[
            Metric::ExchangeOn,
            Metric::OneDriveOn,
            Metric::SharePointOn,
            Metric::TeamsOn,
        ],
        Dataset::EmailActivity => &[
            Metric::EmailsSent,
            Metric::EmailsReceived,
            Metric::EmailsRead,
            Metric::MeetingsCreated,
            Metric::MeetingsInteracted,
        ],
        Dataset::MailboxUsage => &[
            Metric::MailboxBytes,
            Metric::MailboxQuotaBytes,
            Metric::HasArchive,
        ],
        Dataset::TeamsActivity => &[
            Metric::ChannelMessages,
            Metric::ChatMessages,
            Metric::Calls,
            Metric::Meetings,
            Metric::MeetingsOrganized,
            Metric::MeetingsAttended,
            Metric::AudioSeconds,
            Metric::VideoSeconds,
            Metric::ScreenShareSeconds,
        ],
        Dataset::OneDriveActivity => &[
            Metric::ViewedOrEdited,
            Metric::Synced,
            Metric::SharedInternally,
            Metric::SharedExternally,
        ],
        Dataset::OneDriveUsage => &[Metric::StorageBytes],
        Dataset::SharePointActivity => &[
            Metric::ViewedOrEdited,
            Metric::Synced,
            Metric::SharedInternally,
            Metric::SharedExternally,
            Metric::VisitedPages,
        ],
        Dataset::VivaEngageActivity => &[Metric::Posted, Metric::Read, Metric::Liked],
        Dataset::AppsUsage => &[
            Metric::OnWindows,
            Metric::OnMac,
            Metric::OnMobile,
            Metric::OnWeb,
        ],
        Dataset::AppsActivations => &[
            Metric::ActivatedWindows,
            Metric::ActivatedMac,
            Metric::ActivatedWindowsMobile,
            Metric::ActivatedIos,
            Metric::ActivatedAndroid,
        ],
        _ => &[],
    }
}

fn write_instant(writer: &mut BitWriter, instant: Timestamp) {
    writer.signed(instant.as_second() - ORIGIN_SECOND);
    writer.signed(i64::from(instant.subsec_nanosecond()));
}

fn read_instant(reader: &mut BitReader<'_>) -> Option<Timestamp> {
    let second = reader.signed()?.checked_add(ORIGIN_SECOND)?;
    let nanosecond = i32::try_from(reader.signed()?).ok()?;
    Timestamp::new(second, nanosecond).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some_day() -> impl Strategy<Value = Option<Date>> {
        let days = prop_oneof![Just(Date::MIN), Just(Date::MAX), Just(Date::ZERO)];
        let near = (20_000..21_000i64).prop_map(|number| day::date(number).unwrap());
        prop::option::of(prop_oneof![1 => days, 5 => near])
    }

    fn instant() -> impl Strategy<Value = Timestamp> {
        prop_oneof![
            Just(Timestamp::MIN),
            Just(Timestamp::MAX),
            (1_500_000_000..1_900_000_000i64, 0..1_000_000_000)
                .prop_map(|(second, nanosecond)| Timestamp::new(second, nanosecond).unwrap()),
        ]
    }

    fn values() -> impl Strategy<Value = Values> {
        let metric = prop::sample::select(Metric::ALL.to_vec());
        let value = (any::<u64>(), 0..64u32).prop_map(|(value, shift)| value >> shift);
        prop::collection::vec((metric, value), 0..12).prop_map(Values::new)
    }

    /// A row as a report has it.
    fn usual(dataset: Dataset) -> impl Strategy<Value = Values> {
        let metrics = usual_metrics(dataset);
        prop::collection::vec(0..500u64, metrics.len())
            .prop_map(move |numbers| Values::new(metrics.iter().copied().zip(numbers)))
    }

    fn some_usage() -> impl Strategy<Value = Usage> {
        let dataset = prop::sample::select(Dataset::REPORTS.to_vec());
        let mailbox_type = prop::option::of(prop::sample::select(MailboxType::ALL.to_vec()));
        (dataset, some_day(), mailbox_type, any::<bool>()).prop_flat_map(
            |(dataset, last_active_on, mailbox_type, is_left_out)| {
                let row = move || prop_oneof![2 => usual(dataset), 1 => values()];
                let sums = prop::array::uniform4(prop::option::weighted(0.7, row()));
                let standing = prop_oneof![1 => Just(Values::default()), 1 => row()];
                (standing, sums).prop_map(move |(standing, sums)| Usage {
                    object_id: ObjectId(Uuid::from_u128(7)),
                    dataset,
                    last_active_on,
                    standing,
                    sums,
                    mailbox_type,
                    is_left_out,
                })
            },
        )
    }

    fn some_text() -> impl Strategy<Value = Option<String>> {
        let texts = ["", "Workday", "workday", "Zoë"];
        prop::option::of(prop::sample::select(texts.to_vec()).prop_map(str::to_owned))
    }

    fn application_use() -> impl Strategy<Value = ApplicationUse> {
        (0..5u128, some_text(), instant(), any::<u32>()).prop_map(
            |(number, name, succeeded_at, successes)| ApplicationUse {
                application: ApplicationId(Uuid::from_u128(number)),
                name,
                succeeded_at,
                successes,
            },
        )
    }

    fn directory_change() -> impl Strategy<Value = DirectoryChange> {
        let by_user = prop::option::of(any::<u128>());
        let texts = (some_text(), some_text());
        (
            instant(),
            any::<bool>(),
            texts,
            any::<Option<bool>>(),
            by_user,
        )
            .prop_map(
                |(at, is_role, (activity, by_application), succeeded, by_user)| DirectoryChange {
                    at,
                    kind: match is_role {
                        true => DirectoryChangeKind::Role,
                        false => DirectoryChangeKind::License,
                    },
                    activity: activity.unwrap_or_default(),
                    succeeded,
                    by_user: by_user.map(|number| ObjectId(Uuid::from_u128(number))),
                    by_application,
                },
            )
    }

    proptest! {
        #[test]
        fn usage_comes_back_as_it_was_told(told in some_usage()) {
            let note = code_usage(&told);
            prop_assert_eq!(last_active_on(&note), told.last_active_on);
            prop_assert_eq!(standing(&note, told.dataset), Some(told.standing.clone()));
            prop_assert_eq!(usage(&note, told.object_id, told.dataset), Some(told));
        }

        #[test]
        fn what_logs_tell_comes_back_and_has_one_code(
            uses in prop::collection::vec(prop::collection::vec(application_use(), 1..5), 1..4),
            changes in prop::collection::vec(prop::collection::vec(directory_change(), 1..5), 1..4),
        ) {
            let mut vocabulary = Vocabulary::default();
            let coded: Vec<_> = uses.iter().map(|uses| vocabulary.code_applications(uses)).collect();
            for (uses, note) in uses.iter().zip(coded) {
                prop_assert_eq!(vocabulary.applications(&note), Some(uses.clone()));
                prop_assert_eq!(vocabulary.code_applications(uses), note);
            }
            let coded: Vec<_> = changes.iter().map(|changes| vocabulary.code_changes(changes)).collect();
            for (changes, note) in changes.iter().zip(coded) {
                prop_assert_eq!(vocabulary.changes(&note), Some(changes.clone()));
                prop_assert_eq!(vocabulary.code_changes(changes), note);
            }
        }

        #[test]
        fn groups_come_back_in_order(codes in prop::collection::btree_set(prop_oneof![0..200u32, Just(u32::MAX)], 0..40)) {
            let codes: Vec<u32> = codes.into_iter().collect();
            prop_assert_eq!(groups(&code_groups(&codes)), Some(codes));
        }
    }

    #[test]
    fn a_usual_row_is_short() {
        let told = Usage {
            object_id: ObjectId(Uuid::nil()),
            dataset: Dataset::AppsUsage,
            last_active_on: Some(Date::constant(2026, 11, 20)),
            standing: Values::default(),
            sums: [1, 1, 1, 1].map(|windows| {
                let flags = [windows, 0, 0, 1];
                Some(Values::new(
                    usual_metrics(Dataset::AppsUsage).iter().copied().zip(flags),
                ))
            }),
            mailbox_type: None,
            is_left_out: false,
        };
        // 18 bits for the day, 2 for what it lacks, 12 for the first period and 6 for each other.
        assert_eq!(code_usage(&told).len(), 7);
        let unused = Usage {
            last_active_on: None,
            ..told
        };
        assert_eq!(code_usage(&unused).len(), 5);
    }
}
