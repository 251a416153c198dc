//! Sign-in activity and uses of applications of a frame, by column.

use jiff::Timestamp;
use prost::Message;

use super::FactRef;
use super::by_id::{Columns, ReadFact};
use super::columns::{Codes, TimeColumn, TimeReader, cut, resolve, small};
use crate::domain::ids::ApplicationId;
use crate::domain::sign_in::{ApplicationUse, ApplicationUses, SignInActivity};
use crate::domain::user_fact::UserFact;
use crate::store::collection::Collection;
use crate::store::records::guid;
use crate::store::{Error, Fact};

/// The columns of sign-in activity.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SignInsRecord {
    #[prost(message, optional, tag = "1")]
    succeeded_at: Option<TimeColumn>,
    /// Absent, too, where it is the same instant.
    #[prost(message, optional, tag = "2")]
    attempted_at: Option<TimeColumn>,
    /// Whether the last attempt is the last success, a number a row.
    #[prost(uint32, repeated, tag = "3")]
    are_same: Vec<u32>,
}

/// Builds a [`SignInsRecord`].
#[derive(Default)]
pub(super) struct SignInColumns {
    succeeded_at: Vec<Option<Timestamp>>,
    attempted_at: Vec<Option<Timestamp>>,
    are_same: Vec<u32>,
}

impl Columns for SignInColumns {
    type Record = SignInsRecord;

    fn push(&mut self, fact: FactRef<'_>) -> bool {
        let FactRef::UserFact(UserFact::SignInActivity(fact)) = fact else {
            return false;
        };
        let SignInActivity {
            object_id: _,
            succeeded_at,
            attempted_at,
        } = *fact;
        let is_same = succeeded_at == attempted_at;
        self.succeeded_at.push(succeeded_at);
        self.attempted_at.push(attempted_at.filter(|_| !is_same));
        self.are_same.push(u32::from(is_same));
        true
    }

    fn bytes(&self) -> usize {
        self.are_same.len().saturating_mul(12)
    }

    fn take(&mut self, _ids: &[u8]) -> SignInsRecord {
        SignInsRecord {
            succeeded_at: Some(TimeColumn::new(&std::mem::take(&mut self.succeeded_at))),
            attempted_at: Some(TimeColumn::new(&std::mem::take(&mut self.attempted_at))),
            are_same: std::mem::take(&mut self.are_same),
        }
    }

    fn reader<'a>(
        _: Collection,
        record: &'a SignInsRecord,
        _ids: &'a [[u8; 16]],
    ) -> Result<ReadFact<'a>, Error> {
        let mut succeeded_at = TimeReader::new(&record.succeeded_at);
        let mut attempted_at = TimeReader::new(&record.attempted_at);
        let mut are_same = record.are_same.iter();
        Ok(Box::new(move |object_id| {
            let succeeded_at = succeeded_at.read()?;
            let other = attempted_at.read()?;
            let is_same = *are_same.next().ok_or_else(cut)? != 0;
            let fact = SignInActivity {
                object_id,
                succeeded_at,
                attempted_at: if is_same { succeeded_at } else { other },
            };
            Ok(Fact::UserFact(UserFact::SignInActivity(fact)))
        }))
    }
}

/// The columns of uses of applications.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ApplicationsRecord {
    /// How many applications each row has.
    #[prost(uint32, repeated, tag = "1")]
    counts: Vec<u32>,
    /// A code a use.
    #[prost(uint32, repeated, tag = "2")]
    codes: Vec<u32>,
    /// A tenant has some dozens.
    #[prost(message, repeated, tag = "3")]
    applications: Vec<ApplicationRecord>,
    #[prost(message, optional, tag = "4")]
    succeeded_at: Option<TimeColumn>,
    #[prost(uint32, repeated, tag = "5")]
    successes: Vec<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct ApplicationRecord {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(string, optional, tag = "2")]
    name: Option<String>,
}

/// Builds an [`ApplicationsRecord`].
#[derive(Default)]
pub(super) struct ApplicationColumns {
    counts: Vec<u32>,
    codes: Vec<u32>,
    known: Codes,
    applications: Vec<ApplicationRecord>,
    application_bytes: usize,
    succeeded_at: Vec<Option<Timestamp>>,
    successes: Vec<u32>,
}

impl Columns for ApplicationColumns {
    type Record = ApplicationsRecord;

    fn push(&mut self, fact: FactRef<'_>) -> bool {
        let FactRef::UserFact(UserFact::ApplicationUses(fact)) = fact else {
            return false;
        };
        let ApplicationUses {
            object_id: _,
            applications,
        } = fact;
        self.counts.push(small(applications.len()));
        for used in applications {
            let ApplicationUse {
                application,
                name,
                succeeded_at,
                successes,
            } = used;
            let record = ApplicationRecord {
                id: application.0.as_bytes().to_vec(),
                name: name.clone(),
            };
            let bytes = record.encode_to_vec();
            let (code, is_new) = self.known.code(&bytes);
            self.codes.push(code);
            self.succeeded_at.push(Some(*succeeded_at));
            self.successes.push(*successes);
            if is_new {
                self.applications.push(record);
                self.application_bytes = self.application_bytes.saturating_add(bytes.len());
            }
        }
        true
    }

    fn bytes(&self) -> usize {
        let uses = self.codes.len().saturating_mul(12);
        let rows = uses.saturating_add(self.counts.len());
        rows.saturating_add(self.application_bytes)
    }

    fn take(&mut self, _ids: &[u8]) -> ApplicationsRecord {
        self.known.clear();
        self.application_bytes = 0;
        ApplicationsRecord {
            counts: std::mem::take(&mut self.counts),
            codes: std::mem::take(&mut self.codes),
            applications: std::mem::take(&mut self.applications),
            succeeded_at: Some(TimeColumn::new(&std::mem::take(&mut self.succeeded_at))),
            successes: std::mem::take(&mut self.successes),
        }
    }

    fn reader<'a>(
        _: Collection,
        record: &'a ApplicationsRecord,
        _ids: &'a [[u8; 16]],
    ) -> Result<ReadFact<'a>, Error> {
        let mut counts = record.counts.iter();
        let mut codes = record.codes.iter();
        let mut next = 0;
        let mut succeeded_at = TimeReader::new(&record.succeeded_at);
        let mut successes = record.successes.iter();
        Ok(Box::new(move |object_id| {
            let count = *counts.next().ok_or_else(cut)?;
            let mut applications = Vec::new();
            for _ in 0..count {
                let place = resolve(codes.next(), &mut next)?;
                let application = place.and_then(|place| record.applications.get(place));
                let application = application.ok_or_else(cut)?;
                applications.push(ApplicationUse {
                    application: ApplicationId(guid(&application.id)?),
                    name: application.name.clone(),
                    succeeded_at: succeeded_at.read()?.ok_or_else(cut)?,
                    successes: *successes.next().ok_or_else(cut)?,
                });
            }
            let fact = ApplicationUses {
                object_id,
                applications,
            };
            Ok(Fact::UserFact(UserFact::ApplicationUses(fact)))
        }))
    }
}
