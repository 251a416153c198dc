//! What the rules find, with what it rests on.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};

use super::license::License;
use super::money::Money;
use super::reading::Reading;
use super::tenant::Tenant;
use super::tenant_subscription::TenantSubscription;
use super::user::User;
use crate::api::error::Error;
use crate::api::ids::GlobalId;
use crate::api::scalars::Date;
use crate::domain::finding;
use crate::domain::ids::SkuId;
use crate::engine::FindingRow;

/// A finding of one index. The schema's description is on its `Object`.
#[derive(Clone)]
pub(crate) struct Finding {
    reading: Arc<Reading>,
    row: FindingRow,
}

impl Finding {
    pub(crate) fn new(reading: Arc<Reading>, row: FindingRow) -> Self {
        Self { reading, row }
    }

    /// Where it is, and all that is known of it.
    pub(crate) fn row(&self) -> &FindingRow {
        &self.row
    }

    /// One sentence for a person.
    pub(crate) fn sentence(&self) -> String {
        self.found().summary(&|id| self.name_of(id))
    }

    /// Every fact that it rests on, in words.
    pub(crate) fn shown_facts(&self) -> Vec<finding::ShownFact> {
        let facts = self.found().facts.iter();
        facts
            .map(|fact| fact.shown(&|id| self.name_of(id)))
            .collect()
    }

    fn found(&self) -> &finding::Finding {
        &self.row.known().finding
    }

    fn name_of(&self, id: SkuId) -> String {
        self.reading.product_name(self.row.tenant(), id)
    }
}

/// What costs money and does no good, or wants looking at. Its `id` stays the same from sync to sync while
/// it holds. What the data cannot tell is no finding: stale, concealed or missing reports find nobody
/// inactive.
#[Object]
impl Finding {
    /// Opaque and unique among all types; `node(id:)` takes it.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::Finding(self.row.tenant().key().clone(), self.found().key).to_id()
    }

    /// Whose it is.
    async fn tenant(&self) -> Result<Tenant, Error> {
        self.reading.tenant_of_node(self.row.tenant().key())
    }

    /// What is wrong.
    async fn kind(&self) -> FindingKind {
        self.found().key.kind.into()
    }

    /// Whether somebody may act on it.
    async fn state(&self) -> FindingState {
        self.row.known().state.into()
    }

    /// How sure it is.
    async fn confidence(&self) -> Confidence {
        self.found().confidence.into()
    }

    /// Who holds the seat; null where it is about a whole license, and where the user is gone.
    async fn user(&self) -> Option<User> {
        let user = self.found().key.user?;
        self.reading.user(self.row.tenant().key(), user)
    }

    /// The license that it is about.
    async fn license(&self) -> Option<License> {
        let sku = self.found().key.sku?;
        License::find(&self.reading, self.row.tenant(), sku)
    }

    /// The purchase, where it is about one.
    async fn subscription(&self) -> Option<TenantSubscription> {
        let subscription = self.found().key.subscription?;
        TenantSubscription::find(&self.reading, self.row.tenant(), subscription)
    }

    /// One sentence for a person. It names nobody.
    async fn summary(&self) -> String {
        self.sentence()
    }

    /// Every fact that the verdict rests on: dates, thresholds, and where each came from.
    async fn evidence(&self) -> Vec<Evidence> {
        let facts = self.shown_facts().into_iter();
        facts.map(Evidence::from).collect()
    }

    /// How many seats it is about: 1 of a user's, 0 of a whole purchase.
    async fn seats(&self) -> i32 {
        crate::api::scalars::int(self.found().seats)
    }

    /// What following it would save a month, at the prices of today: 0 where another finding already frees
    /// the seat, or where it costs nothing; null where the price is not known.
    async fn monthly_savings(&self) -> Option<Money> {
        self.row.monthly_savings().map(Money::from)
    }

    /// Since when it holds without a break, or held until it was realized: the day of the sync that showed
    /// it first.
    async fn first_seen_on(&self) -> Date {
        Date(self.row.known().first_seen_on.date())
    }

    /// Since when its seat is gone; null unless it is `REALIZED`.
    async fn realized_on(&self) -> Option<Date> {
        let on = self.row.known().realized_on?;
        Some(Date(on.date()))
    }

    /// Why it is left, and until when; null unless it is `EXEMPT`.
    async fn exemption(&self) -> Option<Exemption> {
        let exemption = self.row.known().exemption.as_ref()?;
        Some(Exemption {
            reason: exemption.reason.clone(),
            owner: exemption.owner.clone(),
            until: Date(exemption.until.date()),
        })
    }
}

/// One fact, in words.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Evidence {
    /// What it is about: "last activity in Teams".
    fact: String,
    /// What is so: "2026-03-01", "90 days", "never".
    value: String,
    /// Who says it: one of Microsoft's datasets, "policy", "price book", or "Seatwise" for what follows from
    /// others.
    source: String,
    /// The day up to which the source tells, such as a report's refresh date; null for what has none.
    as_of: Option<Date>,
}

impl From<finding::ShownFact> for Evidence {
    fn from(shown: finding::ShownFact) -> Self {
        Self {
            fact: shown.fact.to_owned(),
            value: shown.value,
            source: shown.source.to_owned(),
            as_of: shown.as_of.map(Date),
        }
    }
}

/// That somebody decided to leave a finding for a time.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Exemption {
    /// Why.
    reason: String,
    /// Who answers for it.
    owner: String,
    /// The last day on which it counts; on the next the finding is open again by itself.
    until: Date,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "finding::FindingKind")]
pub(crate) enum FindingKind {
    /// Somebody who was in use once, and shows nothing since, holds a paid seat.
    Inactive,
    /// Somebody who was never seen holds a paid seat.
    NeverActive,
    /// An account that nobody can sign in to holds a paid seat.
    DisabledAccount,
    /// Somebody invited from elsewhere holds a paid seat.
    Guest,
    /// A room, a device or a shared mailbox holds a seat meant for a person.
    ResourceAccount,
    /// The user's other licenses give everything that this one gives, or a bundle costs less.
    Overlap,
    /// One seat is assigned directly and by a group. It costs nothing twice.
    DuplicateAssignment,
    /// A cheaper license would be enough.
    Downgrade,
    /// Every service that shows use is switched off.
    EmptyLicense,
    /// A Copilot license that is used little (confidence `MEDIUM`) or not at all.
    CopilotUnused,
    /// An add-on that is not used.
    AddonUnused,
    /// More seats are paid for than anybody holds, beyond those in reserve.
    UnassignedSeats,
    /// More seats are in use than are paid for.
    OverConsumed,
    /// An assignment that failed.
    AssignmentError,
    /// A purchase changes its state soon, or did.
    SubscriptionChange,
    /// A trial ends soon.
    TrialEnding,
}

/// Where a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "finding::FindingState")]
pub(crate) enum FindingState {
    /// Somebody may act on it.
    Open,
    /// Somebody decided to leave it for a time.
    Exempt,
    /// A later sync showed its seat gone: what it cost is saved.
    Realized,
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "finding::Confidence")]
pub(crate) enum Confidence {
    /// Everything that could show otherwise was read, and shows nothing.
    High,
    /// Likely; something that could show otherwise is not there to be read.
    Medium,
    /// For somebody to review.
    Low,
}
