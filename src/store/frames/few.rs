//! Facts that are kept row by row: those of which a tenant has few, or of which few change.

use prost::{Message, Oneof};
use uuid::Uuid;

use super::findings::FindingsRecord;
use super::history::UsageDayRecord;
use super::standing::StandingRecord;
use super::user_changes::RunChangesRecord;
use super::{FactRef, Row, Rows, TakeRow};
use crate::domain::group::Group;
use crate::domain::ids::{ObjectId, OrganizationId, PlanId, SkuId, SubscriptionId};
use crate::domain::license::{License, SeatCounts, ServicePlan};
use crate::domain::subscription::Subscription;
use crate::domain::tenant::Organization;
use crate::store::records::{TimeRecord, damaged, guid};
use crate::store::{Error, Fact};

/// The rows of a frame.
#[derive(Default)]
pub(super) struct FewRows {
    record: FewRecord,
    bytes: usize,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct FewRecord {
    #[prost(message, repeated, tag = "1")]
    rows: Vec<FewRow>,
}

#[derive(Clone, PartialEq, Message)]
struct FewRow {
    #[prost(oneof = "Few", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9")]
    few: Option<Few>,
}

/// What a row may be.
#[derive(Clone, PartialEq, Oneof)]
#[allow(
    clippy::large_enum_variant,
    reason = "there are few of them, and frames are short-lived"
)]
enum Few {
    #[prost(bytes = "vec", tag = "1")]
    Removed(Vec<u8>),
    #[prost(message, tag = "2")]
    License(LicenseRecord),
    #[prost(message, tag = "3")]
    Organization(OrganizationRecord),
    #[prost(message, tag = "4")]
    Group(GroupRecord),
    #[prost(message, tag = "5")]
    Subscription(SubscriptionRecord),
    #[prost(message, tag = "6")]
    Standing(StandingRecord),
    #[prost(message, tag = "7")]
    UsageDay(UsageDayRecord),
    #[prost(message, tag = "8")]
    Findings(FindingsRecord),
    #[prost(message, tag = "9")]
    UserChanges(RunChangesRecord),
}

#[derive(Clone, PartialEq, Message)]
struct OrganizationRecord {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(string, optional, tag = "2")]
    display_name: Option<String>,
    #[prost(string, repeated, tag = "3")]
    domains: Vec<String>,
    #[prost(string, optional, tag = "4")]
    country: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct LicenseRecord {
    #[prost(bytes = "vec", tag = "1")]
    sku_id: Vec<u8>,
    #[prost(string, tag = "2")]
    part_number: String,
    #[prost(string, tag = "3")]
    status: String,
    #[prost(bool, tag = "4")]
    is_company_wide: bool,
    #[prost(uint32, tag = "5")]
    enabled: u32,
    #[prost(uint32, tag = "6")]
    warning: u32,
    #[prost(uint32, tag = "7")]
    suspended: u32,
    #[prost(uint32, tag = "8")]
    locked_out: u32,
    #[prost(uint32, tag = "9")]
    consumed: u32,
    #[prost(message, repeated, tag = "10")]
    service_plans: Vec<PlanRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct PlanRecord {
    #[prost(bytes = "vec", tag = "1")]
    plan_id: Vec<u8>,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct GroupRecord {
    #[prost(bytes = "vec", tag = "1")]
    object_id: Vec<u8>,
    #[prost(string, optional, tag = "2")]
    display_name: Option<String>,
    #[prost(string, optional, tag = "3")]
    mail: Option<String>,
    #[prost(bool, tag = "4")]
    is_dynamic: bool,
    #[prost(bool, tag = "5")]
    is_synced_from_on_premises: bool,
    /// 16 bytes a product.
    #[prost(bytes = "vec", tag = "6")]
    assigns: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct SubscriptionRecord {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(string, optional, tag = "2")]
    commerce_id: Option<String>,
    #[prost(bytes = "vec", tag = "3")]
    sku_id: Vec<u8>,
    #[prost(string, tag = "4")]
    part_number: String,
    #[prost(string, tag = "5")]
    status: String,
    #[prost(uint32, optional, tag = "6")]
    seats: Option<u32>,
    #[prost(bool, optional, tag = "7")]
    is_trial: Option<bool>,
    #[prost(message, optional, tag = "8")]
    created_at: Option<TimeRecord>,
    #[prost(message, optional, tag = "9")]
    next_change_at: Option<TimeRecord>,
}

impl FewRows {
    fn push(&mut self, few: Few) {
        let row = FewRow { few: Some(few) };
        self.bytes = self.bytes.saturating_add(row.encoded_len());
        self.record.rows.push(row);
    }
}

impl Rows for FewRows {
    fn put(&mut self, fact: FactRef<'_>) -> bool {
        self.push(match fact {
            FactRef::Organization(fact) => Few::Organization(fact.into()),
            FactRef::License(fact) => Few::License(fact.into()),
            FactRef::Group(fact) => Few::Group(fact.into()),
            FactRef::Subscription(fact) => Few::Subscription(fact.into()),
            FactRef::Standing(fact) => Few::Standing(fact.into()),
            FactRef::UsageDay(fact) => Few::UsageDay(fact.into()),
            FactRef::Findings(fact) => Few::Findings(fact.into()),
            FactRef::UserChanges(fact) => Few::UserChanges(fact.into()),
            FactRef::User(_) | FactRef::UserFact(_) | FactRef::HistoryUser(_) => return false,
        });
        true
    }

    fn remove(&mut self, id: Uuid) {
        self.push(Few::Removed(id.as_bytes().to_vec()));
    }

    fn rows(&self) -> usize {
        self.record.rows.len()
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn take(&mut self) -> Vec<u8> {
        self.bytes = 0;
        std::mem::take(&mut self.record).encode_to_vec()
    }
}

impl FewRecord {
    /// Reads the rows, in order.
    pub(super) fn rows(self, take: &mut TakeRow<'_>) -> Result<(), Error> {
        let mut rows = self.rows.into_iter();
        rows.try_for_each(|row| take(row.into_row()?))
    }
}

impl FewRow {
    fn into_row(self) -> Result<Row, Error> {
        let few = self.few.ok_or_else(|| damaged("a row of nothing"))?;
        Ok(Row::Put(match few {
            Few::Removed(id) => return Ok(Row::Removed(guid(&id)?)),
            Few::License(record) => Fact::License(record.into_license()?),
            Few::Organization(record) => Fact::Organization(record.into_organization()?),
            Few::Group(record) => Fact::Group(record.into_group()?),
            Few::Subscription(record) => Fact::Subscription(record.into_subscription()?),
            Few::Standing(record) => Fact::Standing(record.into_standing()?),
            Few::UsageDay(record) => Fact::UsageDay(record.into_day()?),
            Few::Findings(record) => Fact::Findings(record.into_past()?),
            Few::UserChanges(record) => Fact::UserChanges(record.into_changes()?),
        }))
    }
}

impl From<&Organization> for OrganizationRecord {
    fn from(organization: &Organization) -> Self {
        let Organization {
            id,
            display_name,
            domains,
            country,
        } = organization;
        Self {
            id: id.0.as_bytes().to_vec(),
            display_name: display_name.clone(),
            domains: domains.clone(),
            country: country.clone(),
        }
    }
}

impl OrganizationRecord {
    fn into_organization(self) -> Result<Organization, Error> {
        Ok(Organization {
            id: OrganizationId(guid(&self.id)?),
            display_name: self.display_name,
            domains: self.domains,
            country: self.country,
        })
    }
}

impl From<&License> for LicenseRecord {
    fn from(license: &License) -> Self {
        let License {
            sku_id,
            part_number,
            status,
            is_company_wide,
            seats,
            service_plans,
        } = license;
        let plan = |plan: &ServicePlan| PlanRecord {
            plan_id: plan.plan_id.0.as_bytes().to_vec(),
            value: plan.value.clone(),
        };
        let SeatCounts {
            enabled,
            warning,
            suspended,
            locked_out,
            consumed,
        } = *seats;
        Self {
            sku_id: sku_id.0.as_bytes().to_vec(),
            part_number: part_number.clone(),
            status: status.clone(),
            is_company_wide: *is_company_wide,
            enabled,
            warning,
            suspended,
            locked_out,
            consumed,
            service_plans: service_plans.iter().map(plan).collect(),
        }
    }
}

impl LicenseRecord {
    fn into_license(self) -> Result<License, Error> {
        let plan = |record: PlanRecord| -> Result<ServicePlan, Error> {
            Ok(ServicePlan {
                plan_id: PlanId(guid(&record.plan_id)?),
                value: record.value,
            })
        };
        Ok(License {
            sku_id: SkuId(guid(&self.sku_id)?),
            part_number: self.part_number,
            status: self.status,
            is_company_wide: self.is_company_wide,
            seats: SeatCounts {
                enabled: self.enabled,
                warning: self.warning,
                suspended: self.suspended,
                locked_out: self.locked_out,
                consumed: self.consumed,
            },
            service_plans: self
                .service_plans
                .into_iter()
                .map(plan)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl From<&Group> for GroupRecord {
    fn from(group: &Group) -> Self {
        let Group {
            object_id,
            display_name,
            mail,
            is_dynamic,
            is_synced_from_on_premises,
            assigns,
        } = group;
        Self {
            object_id: object_id.0.as_bytes().to_vec(),
            display_name: display_name.clone(),
            mail: mail.clone(),
            is_dynamic: *is_dynamic,
            is_synced_from_on_premises: *is_synced_from_on_premises,
            assigns: assigns.iter().flat_map(|id| id.0.into_bytes()).collect(),
        }
    }
}

impl GroupRecord {
    fn into_group(self) -> Result<Group, Error> {
        let (assigns, []) = self.assigns.as_chunks::<16>() else {
            return Err(damaged("a group's licenses are cut short"));
        };
        let sku = |id: &[u8; 16]| SkuId(Uuid::from_bytes(*id));
        Ok(Group {
            object_id: ObjectId(guid(&self.object_id)?),
            display_name: self.display_name,
            mail: self.mail,
            is_dynamic: self.is_dynamic,
            is_synced_from_on_premises: self.is_synced_from_on_premises,
            assigns: assigns.iter().map(sku).collect(),
        })
    }
}

impl From<&Subscription> for SubscriptionRecord {
    fn from(subscription: &Subscription) -> Self {
        let Subscription {
            id,
            commerce_id,
            sku_id,
            part_number,
            status,
            seats,
            is_trial,
            created_at,
            next_change_at,
        } = subscription;
        Self {
            id: id.0.as_bytes().to_vec(),
            commerce_id: commerce_id.clone(),
            sku_id: sku_id.0.as_bytes().to_vec(),
            part_number: part_number.clone(),
            status: status.clone(),
            seats: *seats,
            is_trial: *is_trial,
            created_at: created_at.map(TimeRecord::from),
            next_change_at: next_change_at.map(TimeRecord::from),
        }
    }
}

impl SubscriptionRecord {
    fn into_subscription(self) -> Result<Subscription, Error> {
        let next_change_at = self.next_change_at.map(TimeRecord::into_time);
        Ok(Subscription {
            id: SubscriptionId(guid(&self.id)?),
            commerce_id: self.commerce_id,
            sku_id: SkuId(guid(&self.sku_id)?),
            part_number: self.part_number,
            status: self.status,
            seats: self.seats,
            is_trial: self.is_trial,
            created_at: self.created_at.map(TimeRecord::into_time).transpose()?,
            next_change_at: next_change_at.transpose()?,
        })
    }
}
