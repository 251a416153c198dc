//! What is known of a dataset besides its rows.
//!
//! A standing is written with every run that changes it, so its lists are bounded: what is beyond a
//! bound is the oldest, and forgotten.

use prost::Message;
use uuid::Uuid;

use super::columns::cut;
use super::days::{day, day_number};
use crate::domain::group::Memberships;
use crate::domain::ids::ObjectId;
use crate::domain::standing::{AbsentMember, Fetch, Fetched, FormerName, Span, Standing};
use crate::domain::sync_run::Dataset;
use crate::domain::usage::Period;
use crate::store::Error;
use crate::store::numbers::Numbered;
use crate::store::records::{TimeRecord, guid, known};

/// So many answers of a report are kept: four periods, and more than half a year of days.
pub(in crate::store) const FETCHES_MAX: usize = 200;
/// So many spans of a log are kept. A log has a new span only after a gap.
pub(in crate::store) const COVERED_MAX: usize = 200;
/// So many hashes are kept: half a megabyte.
pub(in crate::store) const RECENT_MAX: usize = 65_536;
/// So many former names are kept: when a company changes its domain, most people have one.
pub const FORMER_NAMES_MAX: usize = 65_536;
/// So many members who are no users are kept: a megabyte or two where each is in ten groups.
pub(in crate::store) const ABSENT_MEMBERS_MAX: usize = 16_384;

#[derive(Clone, PartialEq, Message)]
pub(super) struct StandingRecord {
    #[prost(uint32, tag = "1")]
    dataset: u32,
    #[prost(message, optional, tag = "2")]
    as_of: Option<TimeRecord>,
    #[prost(uint64, tag = "3")]
    rows: u64,
    #[prost(message, optional, tag = "4")]
    whole_at: Option<TimeRecord>,
    #[prost(string, optional, tag = "5")]
    delta_link: Option<String>,
    #[prost(bool, tag = "6")]
    is_concealed: bool,
    #[prost(message, repeated, tag = "7")]
    fetches: Vec<FetchRecord>,
    #[prost(message, repeated, tag = "8")]
    covered: Vec<SpanRecord>,
    #[prost(fixed64, repeated, tag = "9")]
    recent: Vec<u64>,
    #[prost(message, repeated, tag = "10")]
    former_names: Vec<FormerNameRecord>,
    #[prost(bool, tag = "11")]
    has_gaps: bool,
    #[prost(message, repeated, tag = "12")]
    absent_members: Vec<AbsentMemberRecord>,
    /// See `days::day_number`.
    #[prost(uint32, tag = "13")]
    reaches: u32,
    #[prost(message, optional, tag = "14")]
    names_since: Option<TimeRecord>,
}

/// Of a period, of a day, or of neither: then of the whole.
#[derive(Clone, PartialEq, Message)]
struct FetchRecord {
    #[prost(uint32, tag = "1")]
    period: u32,
    /// See `days::day_number`.
    #[prost(uint32, tag = "2")]
    day: u32,
    #[prost(message, optional, tag = "3")]
    at: Option<TimeRecord>,
    /// See `days::day_number`.
    #[prost(uint32, tag = "4")]
    reported_on: u32,
    #[prost(string, optional, tag = "5")]
    etag: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct SpanRecord {
    #[prost(message, optional, tag = "1")]
    from: Option<TimeRecord>,
    #[prost(message, optional, tag = "2")]
    until: Option<TimeRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct FormerNameRecord {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes = "vec", tag = "2")]
    object_id: Vec<u8>,
    #[prost(message, optional, tag = "3")]
    until: Option<TimeRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct AbsentMemberRecord {
    #[prost(bytes = "vec", tag = "1")]
    object_id: Vec<u8>,
    /// 16 bytes each.
    #[prost(bytes = "vec", tag = "2")]
    groups: Vec<u8>,
    #[prost(message, optional, tag = "3")]
    since: Option<TimeRecord>,
}

impl From<&Standing> for StandingRecord {
    fn from(standing: &Standing) -> Self {
        // Every field is named: a new one does not compile until it is kept.
        let Standing {
            dataset,
            as_of,
            rows,
            whole_at,
            has_gaps,
            delta_link,
            is_concealed,
            fetches,
            reaches,
            covered,
            recent,
            former_names,
            absent_members,
            names_since,
        } = standing;
        let former_names = former_names.iter().take(FORMER_NAMES_MAX);
        let absent_members = absent_members.iter().take(ABSENT_MEMBERS_MAX);
        Self {
            dataset: dataset.number(),
            as_of: as_of.map(TimeRecord::from),
            rows: *rows,
            whole_at: whole_at.map(TimeRecord::from),
            delta_link: delta_link.clone(),
            is_concealed: *is_concealed,
            fetches: fetches.iter().take(FETCHES_MAX).map(Into::into).collect(),
            covered: covered.iter().take(COVERED_MAX).map(Into::into).collect(),
            recent: recent.iter().copied().take(RECENT_MAX).collect(),
            former_names: former_names.map(Into::into).collect(),
            has_gaps: *has_gaps,
            absent_members: absent_members.map(Into::into).collect(),
            reaches: day_number(*reaches),
            names_since: names_since.map(TimeRecord::from),
        }
    }
}

impl StandingRecord {
    /// The standing.
    pub(super) fn into_standing(self) -> Result<Standing, Error> {
        let fetches = self.fetches.into_iter().map(FetchRecord::into_fetch);
        let covered = self.covered.into_iter().map(SpanRecord::into_span);
        let former_names = self.former_names.into_iter();
        let former_names = former_names.map(FormerNameRecord::into_name);
        let absent_members = self.absent_members.into_iter();
        let absent_members = absent_members.map(AbsentMemberRecord::into_member);
        Ok(Standing {
            dataset: known::<Dataset>(self.dataset, "dataset")?,
            as_of: self.as_of.map(TimeRecord::into_time).transpose()?,
            rows: self.rows,
            whole_at: self.whole_at.map(TimeRecord::into_time).transpose()?,
            has_gaps: self.has_gaps,
            delta_link: self.delta_link,
            is_concealed: self.is_concealed,
            fetches: fetches.collect::<Result<_, _>>()?,
            reaches: day(self.reaches)?,
            covered: covered.collect::<Result<_, _>>()?,
            recent: self.recent,
            former_names: former_names.collect::<Result<_, _>>()?,
            absent_members: absent_members.collect::<Result<_, _>>()?,
            names_since: self.names_since.map(TimeRecord::into_time).transpose()?,
        })
    }
}

impl From<&Fetch> for FetchRecord {
    fn from(fetch: &Fetch) -> Self {
        let Fetch {
            what,
            at,
            reported_on,
            etag,
        } = fetch;
        let (period, day) = match *what {
            Fetched::Period(period) => (period.number(), 0),
            Fetched::Day(day) => (0, day_number(Some(day))),
            Fetched::Whole => (0, 0),
        };
        Self {
            period,
            day,
            at: Some((*at).into()),
            reported_on: day_number(*reported_on),
            etag: etag.clone(),
        }
    }
}

impl FetchRecord {
    fn into_fetch(self) -> Result<Fetch, Error> {
        let what = match (self.period, day(self.day)?) {
            (0, None) => Fetched::Whole,
            (0, Some(day)) => Fetched::Day(day),
            (period, _) => Fetched::Period(known::<Period>(period, "period")?),
        };
        Ok(Fetch {
            what,
            at: self.at.ok_or_else(cut)?.into_time()?,
            reported_on: day(self.reported_on)?,
            etag: self.etag,
        })
    }
}

impl From<&Span> for SpanRecord {
    fn from(span: &Span) -> Self {
        let Span { from, until } = *span;
        Self {
            from: Some(from.into()),
            until: Some(until.into()),
        }
    }
}

impl SpanRecord {
    fn into_span(self) -> Result<Span, Error> {
        Ok(Span {
            from: self.from.ok_or_else(cut)?.into_time()?,
            until: self.until.ok_or_else(cut)?.into_time()?,
        })
    }
}

impl From<&FormerName> for FormerNameRecord {
    fn from(former: &FormerName) -> Self {
        let FormerName {
            name,
            object_id,
            until,
        } = former;
        Self {
            name: name.clone(),
            object_id: object_id.0.as_bytes().to_vec(),
            until: Some((*until).into()),
        }
    }
}

impl FormerNameRecord {
    fn into_name(self) -> Result<FormerName, Error> {
        Ok(FormerName {
            name: self.name,
            object_id: ObjectId(guid(&self.object_id)?),
            until: self.until.ok_or_else(cut)?.into_time()?,
        })
    }
}

impl From<&AbsentMember> for AbsentMemberRecord {
    fn from(member: &AbsentMember) -> Self {
        let AbsentMember { memberships, since } = member;
        let Memberships { object_id, groups } = memberships;
        Self {
            object_id: object_id.0.as_bytes().to_vec(),
            groups: groups.iter().flat_map(|id| id.0.into_bytes()).collect(),
            since: Some((*since).into()),
        }
    }
}

impl AbsentMemberRecord {
    fn into_member(self) -> Result<AbsentMember, Error> {
        let (groups, []) = self.groups.as_chunks::<16>() else {
            return Err(cut());
        };
        let groups = groups.iter().map(|id| ObjectId(Uuid::from_bytes(*id)));
        Ok(AbsentMember {
            memberships: Memberships {
                object_id: ObjectId(guid(&self.object_id)?),
                groups: groups.collect(),
            },
            since: self.since.ok_or_else(cut)?.into_time()?,
        })
    }
}
