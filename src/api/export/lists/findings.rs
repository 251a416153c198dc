//! Findings, each with its sentence, its evidence and what it would save.

use std::cell::OnceCell;
use std::sync::Arc;

use async_graphql::Variables;

use super::{Listed, OfTenant, argument, tenant_key_column, tenant_name_column};
use crate::api::error::Error;
use crate::api::export::cell::{Cell, Kind};
use crate::api::export::column::Column;
use crate::api::ids::GlobalId;
use crate::api::scalars::{int, word};
use crate::api::types::finding::{Confidence, Finding, FindingKind, FindingState};
use crate::api::types::finding_inputs::{FindingFilterInput, FindingOrderInput, finding_orders};
use crate::api::types::nesting::FilterInput as _;
use crate::api::types::reading::Reading;
use crate::domain::day::Day;
use crate::domain::finding::{FindingKey, KnownFinding, ShownFact};
use crate::domain::money::Money;
use crate::engine::{FindingSelection, LicenseEntry, TenantIndex, UserRow, select_findings};

/// The selected findings, behind those that were read.
pub(super) struct Findings {
    reading: Arc<Reading>,
    selection: FindingSelection,
    read: usize,
}

/// A finding, and whose seat it is about.
pub(super) struct Row {
    finding: Finding,
    user: Option<UserRow>,
    /// Written once a column asks for it.
    evidence: OnceCell<Vec<ShownFact>>,
    saved: OnceCell<Option<Money>>,
}

impl Row {
    fn new(finding: Finding) -> Self {
        let row = finding.row();
        let user = row.known().finding.key.user;
        Self {
            user: user.and_then(|id| row.tenant().find(id)),
            evidence: OnceCell::new(),
            saved: OnceCell::new(),
            finding,
        }
    }

    fn known(&self) -> &KnownFinding {
        self.finding.row().known()
    }

    fn key(&self) -> FindingKey {
        self.known().finding.key
    }

    fn license(&self) -> Option<&LicenseEntry> {
        self.finding.row().tenant().license(self.key().sku?)
    }

    fn evidence(&self) -> impl Iterator<Item = &ShownFact> {
        let facts = self.evidence.get_or_init(|| self.finding.shown_facts());
        facts.iter()
    }

    fn saved(&self) -> Option<Money> {
        *self
            .saved
            .get_or_init(|| self.finding.row().monthly_savings())
    }
}

impl Listed for Findings {
    type Row = Row;

    const NAME: &'static str = "findings";
    const QUESTION: &'static str = "query ($filter: FindingFilter, $orderBy: [FindingOrder!]) \
         {findings(filter: $filter, orderBy: $orderBy) {__typename}}";
    const TAKES: &'static [&'static str] = &["filter", "orderBy"];
    const EXAMPLE: &'static str = "{kind: {eq: INACTIVE}, state: {eq: OPEN}}";
    const COLUMNS: &'static [Column<Row>] = &[
        tenant_key_column(),
        tenant_name_column(),
        Column::each("id", Kind::Text, |row| {
            let id = GlobalId::Finding(row.tenant().key().clone(), row.key());
            Cell::text(id.to_id().0)
        }),
        Column::each("kind", Kind::Text, |row| {
            Cell::text(word(FindingKind::from(row.key().kind)))
        }),
        Column::each("state", Kind::Text, |row| {
            Cell::text(word(FindingState::from(row.known().state)))
        }),
        Column::each("confidence", Kind::Text, |row| {
            Cell::text(word(Confidence::from(row.known().finding.confidence)))
        }),
        Column::each("user.id", Kind::Text, |row| {
            let user = row.user.as_ref();
            let id = user.map(|user| GlobalId::User(row.tenant().key().clone(), user.object_id()));
            id.map(|id| id.to_id().0).into()
        }),
        Column::each("user.objectId", Kind::Text, |row| {
            let user = row.user.as_ref();
            user.map(|user| user.object_id().to_string()).into()
        }),
        Column::each("user.userPrincipalName", Kind::Text, |row| {
            let user = row.user.as_ref();
            user.map(UserRow::user_principal_name).into()
        }),
        Column::each("user.displayName", Kind::Text, |row| {
            row.user.as_ref().and_then(UserRow::display_name).into()
        }),
        Column::each("user.department", Kind::Text, |row| {
            row.user.as_ref().and_then(UserRow::department).into()
        }),
        Column::each("license.skuId", Kind::Text, |row| {
            let license = row.license();
            license.map(|own| own.license.sku_id.to_string()).into()
        }),
        Column::each("license.name", Kind::Text, |row| {
            row.license().map(|own| own.name.text.as_str()).into()
        }),
        Column::each("license.value", Kind::Text, |row| {
            let license = row.license();
            license.map(|own| own.license.part_number.as_str()).into()
        }),
        Column::each("subscription.subscriptionId", Kind::Text, |row| {
            let id = row.key().subscription;
            let listed = id.and_then(|id| row.tenant().subscription(id));
            listed.map(|own| own.id.to_string()).into()
        }),
        Column::each("summary", Kind::Text, |row| {
            Cell::text(row.finding.sentence())
        }),
        Column::each("evidence.fact", Kind::Texts, |row| {
            Cell::Texts(row.evidence().map(|own| own.fact).collect())
        }),
        Column::each("evidence.value", Kind::Texts, |row| {
            Cell::Texts(row.evidence().map(|own| own.value.as_str()).collect())
        }),
        Column::each("evidence.source", Kind::Texts, |row| {
            Cell::Texts(row.evidence().map(|own| own.source).collect())
        }),
        Column::each("seats", Kind::Number, |row| {
            int(row.known().finding.seats).into()
        }),
        Column::each("monthlySavings.amount", Kind::Text, |row| {
            row.saved().map(|saved| saved.amount_text()).into()
        }),
        Column::each("monthlySavings.currency", Kind::Text, |row| {
            row.saved().map(|saved| saved.currency().to_string()).into()
        }),
        Column::each("firstSeenOn", Kind::Day, |row| {
            Some(row.known().first_seen_on.date()).into()
        }),
        Column::each("realizedOn", Kind::Day, |row| {
            row.known().realized_on.map(Day::date).into()
        }),
        Column::each("exemption.reason", Kind::Text, |row| {
            let exemption = row.known().exemption.as_ref();
            exemption.map(|own| own.reason.as_str()).into()
        }),
        Column::each("exemption.owner", Kind::Text, |row| {
            let exemption = row.known().exemption.as_ref();
            exemption.map(|own| own.owner.as_str()).into()
        }),
        Column::each("exemption.until", Kind::Day, |row| {
            let exemption = row.known().exemption.as_ref();
            exemption.map(|own| own.until.date()).into()
        }),
    ];

    fn open(
        reading: &Arc<Reading>,
        arguments: &Variables,
        _is_wanted: &dyn Fn() -> bool,
    ) -> Result<Self, Error> {
        let filter: Option<FindingFilterInput> = argument(arguments, "filter")?;
        let filter = filter.unwrap_or_default().into_filter()?;
        let orders: Option<Vec<FindingOrderInput>> = argument(arguments, "orderBy")?;
        let orders = finding_orders(orders);
        Ok(Self {
            reading: Arc::clone(reading),
            selection: select_findings(reading.indexes(), &filter, &orders),
            read: 0,
        })
    }

    fn count(&self) -> u64 {
        self.selection.count() as u64
    }

    fn next(&mut self, most: usize) -> Vec<Row> {
        let end = self.selection.count().min(self.read.saturating_add(most));
        let places = std::mem::replace(&mut self.read, end)..end;
        let rows = places.filter_map(|place| self.selection.row(place));
        let finding = |row| Finding::new(Arc::clone(&self.reading), row);
        rows.map(|row| Row::new(finding(row))).collect()
    }
}

impl OfTenant for Row {
    fn tenant(&self) -> &TenantIndex {
        self.finding.row().tenant()
    }
}
