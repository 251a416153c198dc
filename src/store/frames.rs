//! Frames: some thousand changed rows of one dataset as one compressed piece of bytes.
//!
//! A row is a fact that was put or the id of one that was removed; within a dataset the later row of
//! an id wins. Users are kept by column, licenses and the organization, which are few, row by row.

use prost::Message;
use uuid::Uuid;
use zstd::bulk::{Compressor, Decompressor};

use super::columns::{cut, small};
use super::records::{damaged, decode, guid};
use super::users::{UserColumns, UsersRecord};
use super::{Error, Fact};
use crate::domain::ids::{OrganizationId, PlanId, SkuId};
use crate::domain::license::{License, SeatCounts, ServicePlan};
use crate::domain::sync_run::Dataset;
use crate::domain::tenant::Organization;
use crate::domain::user::User;

/// A frame is closed at so many rows. Of 20,000 users as real directories have them, one took 58
/// bytes so, 74 in frames of 1,024 rows, 54 in frames of 32,768, and 57 at level 9; larger frames
/// cost memory while staging and loading.
const ROWS_MAX: usize = 8_192;
/// ... or about so many bytes, before compression.
const BYTES_MAX: usize = 4 << 20;
/// The most that a frame may unfold to: `BYTES_MAX` and one enormous row.
const UNFOLDED_BYTES_MAX: usize = 128 << 20;
const LEVEL: i32 = 3;

/// What happened to one fact.
#[derive(Debug, Clone, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every row is the large one: a box each would slow loading down"
)]
pub(super) enum Row {
    /// It is so now.
    Put(Fact),
    /// It is gone.
    Removed(Uuid),
}

impl Row {
    /// Which fact. There is one organization, so its id does not tell it apart.
    pub(super) fn id(&self) -> Uuid {
        match self {
            Self::Put(Fact::Organization(_)) => Uuid::nil(),
            Self::Put(Fact::License(license)) => license.sku_id.0,
            Self::Put(Fact::User(user)) => user.object_id.0,
            Self::Put(_) => todo!(),
            Self::Removed(id) => *id,
        }
    }
}

/// A fact on its way to disk.
#[derive(Clone, Copy)]
pub(super) enum FactRef<'a> {
    Organization(&'a Organization),
    License(&'a License),
    User(&'a User),
}

impl FactRef<'_> {
    /// Which dataset it is of.
    pub(super) fn dataset(self) -> Dataset {
        match self {
            Self::Organization(_) => Dataset::Organization,
            Self::License(_) => Dataset::Licenses,
            Self::User(_) => Dataset::Users,
        }
    }
}

impl<'a> From<&'a Fact> for FactRef<'a> {
    fn from(fact: &'a Fact) -> Self {
        match fact {
            Fact::Organization(fact) => Self::Organization(fact),
            Fact::License(fact) => Self::License(fact),
            Fact::User(fact) => Self::User(fact),
            _ => todo!(),
        }
    }
}

/// The rows of a frame that is being filled.
pub(super) enum FrameWriter {
    /// Row by row.
    Few(FewRecord),
    /// By column.
    Users(Box<UserColumns>),
}

impl FrameWriter {
    /// An empty frame.
    pub(super) fn new(dataset: Dataset) -> Self {
        match dataset {
            Dataset::Organization | Dataset::Licenses => Self::Few(FewRecord::default()),
            Dataset::Users => Self::Users(Box::new(UserColumns::new())),
            _ => todo!(),
        }
    }

    /// Adds a fact of the frame's dataset.
    pub(super) fn put(&mut self, fact: FactRef<'_>) {
        match (self, fact) {
            (Self::Few(few), FactRef::Organization(fact)) => {
                few.rows.push(FewRow::of_organization(fact));
            }
            (Self::Few(few), FactRef::License(fact)) => few.rows.push(FewRow::of_license(fact)),
            (Self::Users(users), FactRef::User(fact)) => users.put(fact),
            (_, fact) => debug_assert!(false, "{:?} in another frame", fact.dataset()),
        }
    }

    /// Adds the removal of a fact.
    pub(super) fn remove(&mut self, id: Uuid) {
        match self {
            Self::Few(few) => few.rows.push(FewRow::of_removal(id)),
            Self::Users(users) => users.remove(id),
        }
    }

    /// How many rows it has.
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Few(few) => few.rows.len(),
            Self::Users(users) => users.rows(),
        }
    }

    /// Whether it ought to be closed.
    pub(super) fn is_full(&self) -> bool {
        self.rows() >= ROWS_MAX
            || match self {
                Self::Few(_) => false,
                Self::Users(users) => users.bytes() >= BYTES_MAX,
            }
    }

    /// The frame's bytes; the writer is empty afterwards.
    pub(super) fn take(&mut self, compressor: &mut Compressor<'_>) -> Result<Vec<u8>, Error> {
        let unfolded = match self {
            Self::Few(few) => std::mem::take(few).encode_to_vec(),
            Self::Users(users) => users.take().encode_to_vec(),
        };
        let packed = compressor.compress(&unfolded);
        let packed = packed.map_err(|error| Error::Io(error.to_string()))?;
        let mut bytes = small(unfolded.len()).to_le_bytes().to_vec();
        bytes.extend_from_slice(&packed);
        Ok(bytes)
    }
}

/// What compresses frames.
pub(super) fn compressor() -> Result<Compressor<'static>, Error> {
    Compressor::new(LEVEL).map_err(|error| Error::Io(error.to_string()))
}

/// What unfolds them.
pub(super) fn decompressor() -> Result<Decompressor<'static>, Error> {
    Decompressor::new().map_err(|error| Error::Io(error.to_string()))
}

/// The rows of a frame, in the order in which they were added.
pub(super) fn read_frame(
    dataset: Dataset,
    bytes: &[u8],
    decompressor: &mut Decompressor<'_>,
) -> Result<Vec<Row>, Error> {
    let (length, packed) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > UNFOLDED_BYTES_MAX {
        return Err(damaged("a frame of an impossible length"));
    }
    let unfolded = decompressor.decompress(packed, length);
    let unfolded = unfolded.map_err(|_| damaged("a frame does not decompress"))?;
    match dataset {
        Dataset::Organization | Dataset::Licenses => {
            let few: FewRecord = decode(&unfolded)?;
            few.rows.into_iter().map(FewRow::into_row).collect()
        }
        Dataset::Users => decode::<UsersRecord>(&unfolded)?.rows(),
        _ => todo!(),
    }
}

/// Licenses, or the organization.
#[derive(Clone, PartialEq, Message)]
pub(super) struct FewRecord {
    #[prost(message, repeated, tag = "1")]
    rows: Vec<FewRow>,
}

/// One of the three.
#[derive(Clone, PartialEq, Message)]
struct FewRow {
    #[prost(bytes = "vec", optional, tag = "1")]
    removed: Option<Vec<u8>>,
    #[prost(message, optional, tag = "2")]
    license: Option<LicenseRecord>,
    #[prost(message, optional, tag = "3")]
    organization: Option<OrganizationRecord>,
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

impl FewRow {
    fn of_removal(id: Uuid) -> Self {
        Self {
            removed: Some(id.as_bytes().to_vec()),
            ..Self::default()
        }
    }

    fn of_organization(organization: &Organization) -> Self {
        let Organization {
            id,
            display_name,
            domains,
            country,
        } = organization;
        let record = OrganizationRecord {
            id: id.0.as_bytes().to_vec(),
            display_name: display_name.clone(),
            domains: domains.clone(),
            country: country.clone(),
        };
        Self {
            organization: Some(record),
            ..Self::default()
        }
    }

    fn of_license(license: &License) -> Self {
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
        let record = LicenseRecord {
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
        };
        Self {
            license: Some(record),
            ..Self::default()
        }
    }

    fn into_row(self) -> Result<Row, Error> {
        match self {
            Self {
                removed: Some(id), ..
            } => Ok(Row::Removed(guid(&id)?)),
            Self {
                license: Some(license),
                ..
            } => Ok(Row::Put(Fact::License(license.into_license()?))),
            Self {
                organization: Some(record),
                ..
            } => Ok(Row::Put(Fact::Organization(Organization {
                id: OrganizationId(guid(&record.id)?),
                display_name: record.display_name,
                domains: record.domains,
                country: record.country,
            }))),
            _ => Err(damaged("a row of nothing")),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::samples;

    fn round_trip(dataset: Dataset, rows: &[Row]) -> Vec<Row> {
        let mut frame = FrameWriter::new(dataset);
        for row in rows {
            match row {
                Row::Put(fact) => frame.put(fact.into()),
                Row::Removed(id) => frame.remove(*id),
            }
        }
        assert_eq!(frame.rows(), rows.len());
        let bytes = frame.take(&mut compressor().unwrap()).unwrap();
        assert_eq!(frame.rows(), 0);
        read_frame(dataset, &bytes, &mut decompressor().unwrap()).unwrap()
    }

    fn any_rows(fact: impl Strategy<Value = Fact>) -> impl Strategy<Value = Vec<Row>> {
        let removed = any::<u128>().prop_map(|id| Row::Removed(Uuid::from_u128(id)));
        prop::collection::vec(
            prop_oneof![4 => fact.prop_map(Row::Put), 1 => removed],
            0..12,
        )
    }

    proptest! {
        #[test]
        fn users_read_back_as_they_were(rows in any_rows(samples::any_user().prop_map(Fact::User))) {
            prop_assert_eq!(round_trip(Dataset::Users, &rows), rows);
        }

        #[test]
        fn licenses_read_back_as_they_were(rows in any_rows(samples::any_license().prop_map(Fact::License))) {
            prop_assert_eq!(round_trip(Dataset::Licenses, &rows), rows);
        }

        #[test]
        fn organizations_read_back_as_they_were(rows in any_rows(samples::any_organization().prop_map(Fact::Organization))) {
            prop_assert_eq!(round_trip(Dataset::Organization, &rows), rows);
        }

        #[test]
        fn no_bytes_make_a_frame_panic(bytes: Vec<u8>, length in 0..5_000_u32) {
            let mut frame = length.to_le_bytes().to_vec();
            frame.extend(zstd::bulk::compress(&bytes, 1).unwrap());
            for dataset in Dataset::ALL {
                let _ = read_frame(dataset, &bytes, &mut decompressor().unwrap());
                let _ = read_frame(dataset, &frame, &mut decompressor().unwrap());
            }
        }
    }

    #[test]
    fn realistic_users_read_back_as_they_were() {
        let rows: Vec<_> = samples::users(3_000)
            .into_iter()
            .map(|user| Row::Put(Fact::User(user)))
            .collect();
        assert_eq!(round_trip(Dataset::Users, &rows), rows);
    }

    #[test]
    fn a_frame_is_full_by_rows_and_by_bytes() {
        let mut frame = FrameWriter::new(Dataset::Users);
        for _ in 0..ROWS_MAX {
            assert!(!frame.is_full());
            frame.remove(Uuid::nil());
        }
        assert!(frame.is_full());
        let mut user = samples::users(1).swap_remove(0);
        user.display_name = Some("x".repeat(BYTES_MAX));
        let mut frame = FrameWriter::new(Dataset::Users);
        frame.put(FactRef::User(&user));
        assert!(frame.is_full());
    }
}
