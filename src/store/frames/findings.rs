//! What is remembered of findings, a row a user.

use prost::Message;

use crate::domain::day::Day;
use crate::domain::finding::{
    Confidence, Fact as Evidence, Finding, FindingKey, FindingKind, FindingsPast, PastFinding,
    Placed, Realized, Rule, Saving,
};
use crate::domain::ids::{ObjectId, SkuId, SubscriptionId};
use crate::domain::money::Money;
use crate::store::Error;
use crate::store::records::{damaged, guid};

#[derive(Clone, PartialEq, Message)]
pub(super) struct FindingsRecord {
    /// None: about licenses and purchases.
    #[prost(bytes = "vec", optional, tag = "1")]
    about: Option<Vec<u8>>,
    #[prost(message, repeated, tag = "2")]
    findings: Vec<PastRecord>,
    /// By number; None: it was not seen disabled.
    #[prost(uint32, optional, tag = "3")]
    disabled_on: Option<u32>,
    /// Seats of which Microsoft tells a later day than they are held since.
    #[prost(message, repeated, tag = "4")]
    held_since: Vec<HeldRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct HeldRecord {
    #[prost(bytes = "vec", tag = "1")]
    sku_id: Vec<u8>,
    /// By number.
    #[prost(uint32, tag = "2")]
    since: u32,
}

#[derive(Clone, PartialEq, Message)]
struct PastRecord {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(bytes = "vec", optional, tag = "2")]
    sku_id: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    subscription: Option<Vec<u8>>,
    /// By number.
    #[prost(uint32, tag = "4")]
    first_seen_on: u32,
    #[prost(message, optional, tag = "5")]
    realized: Option<RealizedRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct RealizedRecord {
    #[prost(uint32, tag = "1")]
    on: u32,
    #[prost(uint32, tag = "2")]
    rule: u32,
    #[prost(uint32, tag = "3")]
    confidence: u32,
    #[prost(uint32, tag = "4")]
    seats: u32,
    #[prost(bool, tag = "5")]
    is_primary: bool,
    /// What it saved a month, where a price was known.
    #[prost(bytes = "vec", optional, tag = "6")]
    monthly: Option<Vec<u8>>,
    /// It saved money, and nobody knew how much.
    #[prost(bool, tag = "7")]
    is_unpriced: bool,
    /// See [`Evidence::put`].
    #[prost(bytes = "vec", tag = "8")]
    facts: Vec<u8>,
}

impl From<&FindingsPast> for FindingsRecord {
    fn from(past: &FindingsPast) -> Self {
        Self {
            about: past.about.map(|user| user.0.as_bytes().to_vec()),
            findings: past.findings.iter().map(PastRecord::from).collect(),
            disabled_on: past.disabled_on.map(number),
            held_since: past.held_since.iter().map(HeldRecord::from).collect(),
        }
    }
}

impl FindingsRecord {
    pub(super) fn into_past(self) -> Result<FindingsPast, Error> {
        let about = self.about.as_deref().map(guid).transpose()?.map(ObjectId);
        let findings = self.findings.into_iter();
        Ok(FindingsPast {
            about,
            disabled_on: self.disabled_on.map(day).transpose()?,
            held_since: self
                .held_since
                .into_iter()
                .map(HeldRecord::into_held)
                .collect::<Result<_, _>>()?,
            findings: findings
                .map(|record| record.into_past(about))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl From<&(SkuId, Day)> for HeldRecord {
    fn from((sku_id, since): &(SkuId, Day)) -> Self {
        Self {
            sku_id: sku_id.0.as_bytes().to_vec(),
            since: number(*since),
        }
    }
}

impl HeldRecord {
    fn into_held(self) -> Result<(SkuId, Day), Error> {
        Ok((SkuId(guid(&self.sku_id)?), day(self.since)?))
    }
}

impl From<&PastFinding> for PastRecord {
    fn from(past: &PastFinding) -> Self {
        let FindingKey {
            kind,
            user: _,
            sku,
            subscription,
        } = past.key;
        Self {
            kind: kind.place().into(),
            sku_id: sku.map(|id| id.0.as_bytes().to_vec()),
            subscription: subscription.map(|id| id.0.as_bytes().to_vec()),
            first_seen_on: number(past.first_seen_on),
            realized: past.realized.as_ref().map(RealizedRecord::from),
        }
    }
}

impl PastRecord {
    fn into_past(self, user: Option<ObjectId>) -> Result<PastFinding, Error> {
        let sku = self.sku_id.as_deref().map(guid).transpose()?;
        let subscription = self.subscription.as_deref().map(guid).transpose()?;
        let key = FindingKey {
            kind: placed::<FindingKind>(self.kind)?,
            user,
            sku: sku.map(SkuId),
            subscription: subscription.map(SubscriptionId),
        };
        let realized = self.realized.map(|record| record.into_realized(key));
        Ok(PastFinding {
            key,
            first_seen_on: day(self.first_seen_on)?,
            realized: realized.transpose()?,
        })
    }
}

impl From<&Realized> for RealizedRecord {
    fn from(realized: &Realized) -> Self {
        let Finding {
            key: _,
            rule,
            confidence,
            seats,
            saving,
            is_primary,
            facts,
        } = &realized.finding;
        let mut bytes = Vec::new();
        facts.iter().for_each(|fact| fact.put(&mut bytes));
        Self {
            on: number(realized.on),
            rule: rule.place().into(),
            confidence: confidence.place().into(),
            seats: *seats,
            is_primary: *is_primary,
            monthly: match saving {
                Saving::Monthly(money) => Some(money.to_bytes().to_vec()),
                Saving::Nothing | Saving::Unpriced => None,
            },
            is_unpriced: *saving == Saving::Unpriced,
            facts: bytes,
        }
    }
}

impl RealizedRecord {
    fn into_realized(self, key: FindingKey) -> Result<Realized, Error> {
        let saving = match (self.monthly, self.is_unpriced) {
            (Some(bytes), _) => {
                let bytes = bytes.as_slice().try_into().ok();
                let money = bytes.and_then(Money::from_bytes);
                Saving::Monthly(money.ok_or_else(|| damaged("what a finding saved"))?)
            }
            (None, true) => Saving::Unpriced,
            (None, false) => Saving::Nothing,
        };
        Ok(Realized {
            on: day(self.on)?,
            finding: Finding {
                key,
                rule: placed::<Rule>(self.rule)?,
                confidence: placed::<Confidence>(self.confidence)?,
                seats: self.seats,
                saving,
                is_primary: self.is_primary,
                facts: Evidence::take_all(&self.facts),
            },
        })
    }
}

/// Days have numbers of 16 bits.
fn number(on: Day) -> u32 {
    u32::try_from(on.number()).unwrap_or_default()
}

fn day(number: u32) -> Result<Day, Error> {
    Day::numbered(number.into()).ok_or_else(|| damaged("the day of a finding"))
}

fn placed<T: Placed>(place: u32) -> Result<T, Error> {
    T::at(place.into()).ok_or_else(|| damaged("the word of a finding is unknown"))
}
