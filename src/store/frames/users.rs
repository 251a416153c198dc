//! Users of a frame, by column.

use std::borrow::Cow;

use jiff::Timestamp;
use prost::Message;
use uuid::Uuid;

use super::columns::{
    Codes, GuidColumn, GuidReader, TextColumn, TextReader, TextWriter, TimeColumn, TimeReader, cut,
    resolve, small,
};
use super::days::{day, day_number};
use super::places::{Id, Places, PlacesRecord};
use super::{FactRef, Row, Rows, TakeRow};
use crate::domain::ids::{ObjectId, PlanId, SkuId};
use crate::domain::user::{AssignmentState, LicenseAssignment, User, UserType};
use crate::store::numbers::Numbered;
use crate::store::records::guid;
use crate::store::{Error, Fact};

// Bits of a row's flags.
const REMOVED: u32 = 1;
const ENABLED: u32 = 1 << 1;
const RESOURCE: u32 = 1 << 2;
const SYNCED: u32 = 1 << 3;
/// The mail address is the principal name, letter by letter; as for most people.
const MAIL_IS_NAME: u32 = 1 << 4;
/// The user type's number stands in the bits from here on.
const USER_TYPE_SHIFT: u32 = 5;

/// The columns on disk. A removed row has an id and flags and is in no other column.
#[derive(Clone, PartialEq, Message)]
pub(super) struct UsersRecord {
    /// 16 bytes a row; with places, only of those that have none.
    #[prost(bytes = "vec", tag = "1")]
    object_ids: Vec<u8>,
    #[prost(uint32, repeated, tag = "2")]
    flags: Vec<u32>,
    #[prost(message, optional, tag = "3")]
    user_principal_name: Option<TextColumn>,
    #[prost(message, optional, tag = "4")]
    display_name: Option<TextColumn>,
    #[prost(message, optional, tag = "5")]
    mail: Option<TextColumn>,
    #[prost(message, optional, tag = "6")]
    employee_id: Option<TextColumn>,
    #[prost(message, optional, tag = "7")]
    employee_type: Option<TextColumn>,
    #[prost(message, optional, tag = "8")]
    job_title: Option<TextColumn>,
    #[prost(message, optional, tag = "9")]
    department: Option<TextColumn>,
    #[prost(message, optional, tag = "10")]
    company_name: Option<TextColumn>,
    #[prost(message, optional, tag = "11")]
    office_location: Option<TextColumn>,
    #[prost(message, optional, tag = "12")]
    country: Option<TextColumn>,
    #[prost(message, optional, tag = "13")]
    usage_location: Option<TextColumn>,
    #[prost(message, optional, tag = "14")]
    created_at: Option<TimeColumn>,
    /// A number a row; see `days::day_number`.
    #[prost(uint32, repeated, tag = "15")]
    hired_on: Vec<u32>,
    #[prost(message, optional, tag = "16")]
    manager: Option<GuidColumn>,
    /// How many assignments each row has.
    #[prost(uint32, repeated, tag = "17")]
    assignment_counts: Vec<u32>,
    /// A code an assignment.
    #[prost(uint32, repeated, tag = "18")]
    assignment_codes: Vec<u32>,
    /// What many assignments have in common; a frame has a few hundred.
    #[prost(message, repeated, tag = "19")]
    shapes: Vec<ShapeRecord>,
    #[prost(message, optional, tag = "20")]
    assignment_updated_at: Option<TimeColumn>,
    #[prost(message, optional, tag = "21")]
    places: Option<PlacesRecord>,
}

/// An assignment but for its time.
#[derive(Clone, PartialEq, Message)]
struct ShapeRecord {
    #[prost(bytes = "vec", tag = "1")]
    sku_id: Vec<u8>,
    #[prost(uint32, tag = "2")]
    state: u32,
    #[prost(string, optional, tag = "3")]
    error: Option<String>,
    #[prost(bool, tag = "4")]
    assigned_directly: bool,
    /// 16 bytes a group.
    #[prost(bytes = "vec", tag = "5")]
    groups: Vec<u8>,
    /// 16 bytes a plan.
    #[prost(bytes = "vec", tag = "6")]
    disabled_plans: Vec<u8>,
}

/// Builds a [`UsersRecord`].
pub(super) struct UserColumns {
    object_ids: Vec<u8>,
    flags: Vec<u32>,
    user_principal_name: TextWriter,
    display_name: TextWriter,
    mail: TextWriter,
    employee_id: TextWriter,
    employee_type: TextWriter,
    job_title: TextWriter,
    department: TextWriter,
    company_name: TextWriter,
    office_location: TextWriter,
    country: TextWriter,
    usage_location: TextWriter,
    created_at: Vec<Option<Timestamp>>,
    hired_on: Vec<u32>,
    manager: Vec<Option<Uuid>>,
    assignment_counts: Vec<u32>,
    assignment_codes: Vec<u32>,
    shapes: Vec<ShapeRecord>,
    /// Filled anew for every assignment: most have a shape that was there before.
    shape: ShapeRecord,
    shape_codes: Codes,
    shape_bytes: usize,
    assignment_updated_at: Vec<Option<Timestamp>>,
    /// What stands for the ids, once they were listed.
    listed: Option<(PlacesRecord, Vec<u8>)>,
}

impl UserColumns {
    /// No rows.
    pub(super) fn new() -> Self {
        Self {
            object_ids: Vec::new(),
            flags: Vec::new(),
            user_principal_name: TextWriter::distinct(),
            display_name: TextWriter::distinct(),
            mail: TextWriter::distinct(),
            employee_id: TextWriter::distinct(),
            employee_type: TextWriter::shared(),
            job_title: TextWriter::shared(),
            department: TextWriter::shared(),
            company_name: TextWriter::shared(),
            office_location: TextWriter::shared(),
            country: TextWriter::shared(),
            usage_location: TextWriter::shared(),
            created_at: Vec::new(),
            hired_on: Vec::new(),
            manager: Vec::new(),
            assignment_counts: Vec::new(),
            assignment_codes: Vec::new(),
            shapes: Vec::new(),
            shape: ShapeRecord::default(),
            shape_codes: Codes::default(),
            shape_bytes: 0,
            assignment_updated_at: Vec::new(),
            listed: None,
        }
    }

    /// Adds a row.
    fn put_user(&mut self, user: &User) {
        // Every field is named: a new one does not compile until it is kept.
        let User {
            object_id,
            user_principal_name,
            display_name,
            mail,
            employee_id,
            employee_type,
            job_title,
            department,
            company_name,
            office_location,
            country,
            usage_location,
            user_type,
            is_resource_account,
            account_enabled,
            created_at,
            hired_on,
            is_synced_from_on_premises,
            manager,
            assignments,
        } = user;
        let mail_is_name = mail.as_ref() == Some(user_principal_name);
        let flag = |bit: u32, is_set: bool| if is_set { bit } else { 0 };
        self.object_ids.extend_from_slice(object_id.0.as_bytes());
        self.flags.push(
            flag(ENABLED, *account_enabled)
                | flag(RESOURCE, *is_resource_account)
                | flag(SYNCED, *is_synced_from_on_premises)
                | flag(MAIL_IS_NAME, mail_is_name)
                | user_type.number() << USER_TYPE_SHIFT,
        );
        self.user_principal_name.push(Some(user_principal_name));
        self.display_name.push(display_name.as_deref());
        self.mail.push(mail.as_deref().filter(|_| !mail_is_name));
        self.employee_id.push(employee_id.as_deref());
        self.employee_type.push(employee_type.as_deref());
        self.job_title.push(job_title.as_deref());
        self.department.push(department.as_deref());
        self.company_name.push(company_name.as_deref());
        self.office_location.push(office_location.as_deref());
        self.country.push(country.as_deref());
        self.usage_location.push(usage_location.as_deref());
        self.created_at.push(*created_at);
        self.hired_on.push(day_number(*hired_on));
        self.manager.push(manager.map(|manager| manager.0));
        self.assignment_counts.push(small(assignments.len()));
        for assignment in assignments {
            self.put_assignment(assignment);
        }
    }

    fn put_assignment(&mut self, assignment: &LicenseAssignment) {
        self.shape.fill(assignment);
        let bytes = self.shape.encode_to_vec();
        let (code, is_new) = self.shape_codes.code(&bytes);
        self.assignment_codes.push(code);
        self.assignment_updated_at.push(assignment.last_updated_at);
        if is_new {
            self.shapes.push(self.shape.clone());
            self.shape_bytes = self.shape_bytes.saturating_add(bytes.len());
        }
    }

    /// The record of all rows; none are left.
    fn take_record(&mut self) -> UsersRecord {
        self.shape_codes.clear();
        self.shape_bytes = 0;
        let created_at = std::mem::take(&mut self.created_at);
        let manager = std::mem::take(&mut self.manager);
        let updated_at = std::mem::take(&mut self.assignment_updated_at);
        let own = std::mem::take(&mut self.object_ids);
        let manager = GuidColumn::new(&manager, &own);
        let (places, object_ids) = match self.listed.take() {
            Some((places, rest)) => (Some(places), rest),
            None => (None, own),
        };
        UsersRecord {
            manager: Some(manager),
            object_ids,
            places,
            flags: std::mem::take(&mut self.flags),
            user_principal_name: Some(self.user_principal_name.take()),
            display_name: Some(self.display_name.take()),
            mail: Some(self.mail.take()),
            employee_id: Some(self.employee_id.take()),
            employee_type: Some(self.employee_type.take()),
            job_title: Some(self.job_title.take()),
            department: Some(self.department.take()),
            company_name: Some(self.company_name.take()),
            office_location: Some(self.office_location.take()),
            country: Some(self.country.take()),
            usage_location: Some(self.usage_location.take()),
            created_at: Some(TimeColumn::new(&created_at)),
            hired_on: std::mem::take(&mut self.hired_on),
            assignment_counts: std::mem::take(&mut self.assignment_counts),
            assignment_codes: std::mem::take(&mut self.assignment_codes),
            shapes: std::mem::take(&mut self.shapes),
            assignment_updated_at: Some(TimeColumn::new(&updated_at)),
        }
    }
}

impl Rows for UserColumns {
    fn put(&mut self, fact: FactRef<'_>) -> bool {
        match fact {
            FactRef::User(user) => self.put_user(user),
            _ => return false,
        }
        true
    }

    fn remove(&mut self, id: Uuid) {
        self.object_ids.extend_from_slice(id.as_bytes());
        self.flags.push(REMOVED);
    }

    fn rows(&self) -> usize {
        self.flags.len()
    }

    fn bytes(&self) -> usize {
        let texts = [
            &self.user_principal_name,
            &self.display_name,
            &self.mail,
            &self.employee_id,
            &self.employee_type,
            &self.job_title,
            &self.department,
            &self.company_name,
            &self.office_location,
            &self.country,
            &self.usage_location,
        ];
        let texts: usize = texts.iter().map(|column| column.bytes()).sum();
        // An id, a manager and some numbers a row; a code and a time an assignment.
        let rest = [
            self.flags.len().saturating_mul(40),
            self.assignment_codes.len().saturating_mul(8),
            self.shape_bytes,
        ];
        rest.iter()
            .fold(texts, |sum, part| sum.saturating_add(*part))
    }

    fn list_ids(&mut self, places: &mut dyn Places) -> usize {
        let (record, rest) = PlacesRecord::of(&self.object_ids, places);
        let unlisted = rest.len() / 16;
        self.listed = Some((record, rest));
        unlisted
    }

    fn take(&mut self) -> Vec<u8> {
        self.take_record().encode_to_vec()
    }
}

impl UsersRecord {
    /// Reads the rows, in order.
    pub(super) fn rows(&self, list: &[Id], take: &mut TakeRow<'_>) -> Result<(), Error> {
        let listed = match &self.places {
            Some(places) => Cow::Owned(places.ids(&self.object_ids, list)?),
            None => Cow::Borrowed(self.object_ids.as_slice()),
        };
        let (ids, []) = listed.as_chunks::<16>() else {
            return Err(cut());
        };
        if ids.len() != self.flags.len() {
            return Err(cut());
        }
        let mut columns = Columns::new(self, ids)?;
        for (id, flags) in ids.iter().zip(&self.flags) {
            let id = Uuid::from_bytes(*id);
            take(if flags & REMOVED == 0 {
                Row::Put(Fact::User(columns.read(ObjectId(id), *flags)?))
            } else {
                Row::Removed(id)
            })?;
        }
        Ok(())
    }
}

/// Reads all columns side by side.
struct Columns<'a> {
    user_principal_name: TextReader<'a>,
    display_name: TextReader<'a>,
    mail: TextReader<'a>,
    employee_id: TextReader<'a>,
    employee_type: TextReader<'a>,
    job_title: TextReader<'a>,
    department: TextReader<'a>,
    company_name: TextReader<'a>,
    office_location: TextReader<'a>,
    country: TextReader<'a>,
    usage_location: TextReader<'a>,
    created_at: TimeReader<'a>,
    hired_on: std::slice::Iter<'a, u32>,
    manager: GuidReader<'a>,
    assignment_counts: std::slice::Iter<'a, u32>,
    assignment_codes: std::slice::Iter<'a, u32>,
    shapes: Vec<LicenseAssignment>,
    next_shape: usize,
    assignment_updated_at: TimeReader<'a>,
}

impl<'a> Columns<'a> {
    fn new(record: &'a UsersRecord, ids: &'a [[u8; 16]]) -> Result<Self, Error> {
        let shapes = record.shapes.iter().map(ShapeRecord::to_assignment);
        Ok(Self {
            user_principal_name: TextReader::new(&record.user_principal_name)?,
            display_name: TextReader::new(&record.display_name)?,
            mail: TextReader::new(&record.mail)?,
            employee_id: TextReader::new(&record.employee_id)?,
            employee_type: TextReader::new(&record.employee_type)?,
            job_title: TextReader::new(&record.job_title)?,
            department: TextReader::new(&record.department)?,
            company_name: TextReader::new(&record.company_name)?,
            office_location: TextReader::new(&record.office_location)?,
            country: TextReader::new(&record.country)?,
            usage_location: TextReader::new(&record.usage_location)?,
            created_at: TimeReader::new(&record.created_at),
            hired_on: record.hired_on.iter(),
            manager: GuidReader::new(&record.manager, ids),
            assignment_counts: record.assignment_counts.iter(),
            assignment_codes: record.assignment_codes.iter(),
            shapes: shapes.collect::<Result<_, _>>()?,
            next_shape: 0,
            assignment_updated_at: TimeReader::new(&record.assignment_updated_at),
        })
    }

    fn read(&mut self, object_id: ObjectId, flags: u32) -> Result<User, Error> {
        let name = self.user_principal_name.read_owned()?.ok_or_else(cut)?;
        let display_name = self.display_name.read_owned()?;
        let other_mail = self.mail.read_owned()?;
        let mail = if flags & MAIL_IS_NAME == 0 {
            other_mail
        } else {
            Some(name.clone())
        };
        Ok(User {
            object_id,
            user_principal_name: name,
            display_name,
            mail,
            employee_id: self.employee_id.read_owned()?,
            employee_type: self.employee_type.read_owned()?,
            job_title: self.job_title.read_owned()?,
            department: self.department.read_owned()?,
            company_name: self.company_name.read_owned()?,
            office_location: self.office_location.read_owned()?,
            country: self.country.read_owned()?,
            usage_location: self.usage_location.read_owned()?,
            user_type: UserType::from_number(flags >> USER_TYPE_SHIFT).unwrap_or(UserType::Unknown),
            is_resource_account: flags & RESOURCE != 0,
            account_enabled: flags & ENABLED != 0,
            created_at: self.created_at.read()?,
            hired_on: day(*self.hired_on.next().ok_or_else(cut)?)?,
            is_synced_from_on_premises: flags & SYNCED != 0,
            manager: self.manager.read()?.map(ObjectId),
            assignments: self.read_assignments()?,
        })
    }

    fn read_assignments(&mut self) -> Result<Vec<LicenseAssignment>, Error> {
        let count = *self.assignment_counts.next().ok_or_else(cut)?;
        // The count is only true where the codes follow.
        let room = self.assignment_codes.len();
        let room = usize::try_from(count).map_or(room, |count| count.min(room));
        let mut assignments = Vec::with_capacity(room);
        for _ in 0..count {
            let place = resolve(self.assignment_codes.next(), &mut self.next_shape)?;
            let shape = place
                .and_then(|place| self.shapes.get(place))
                .ok_or_else(cut)?;
            assignments.push(LicenseAssignment {
                last_updated_at: self.assignment_updated_at.read()?,
                ..shape.clone()
            });
        }
        Ok(assignments)
    }
}

impl ShapeRecord {
    /// Becomes the shape of an assignment.
    fn fill(&mut self, assignment: &LicenseAssignment) {
        // Every field is named: a new one does not compile until it is kept.
        let LicenseAssignment {
            sku_id,
            state,
            error,
            assigned_directly,
            assigned_by_groups,
            disabled_plans,
            last_updated_at: _,
        } = assignment;
        self.sku_id.clear();
        self.sku_id.extend_from_slice(sku_id.0.as_bytes());
        self.state = state.number();
        self.error.clone_from(error);
        self.assigned_directly = *assigned_directly;
        self.groups.clear();
        for id in assigned_by_groups {
            self.groups.extend_from_slice(id.0.as_bytes());
        }
        self.disabled_plans.clear();
        for id in disabled_plans {
            self.disabled_plans.extend_from_slice(id.0.as_bytes());
        }
    }

    /// The assignment, without its time.
    fn to_assignment(&self) -> Result<LicenseAssignment, Error> {
        let (groups, []) = self.groups.as_chunks::<16>() else {
            return Err(cut());
        };
        let (plans, []) = self.disabled_plans.as_chunks::<16>() else {
            return Err(cut());
        };
        Ok(LicenseAssignment {
            sku_id: SkuId(guid(&self.sku_id)?),
            state: AssignmentState::from_number(self.state).unwrap_or(AssignmentState::Unknown),
            error: self.error.clone(),
            assigned_directly: self.assigned_directly,
            assigned_by_groups: groups
                .iter()
                .map(|id| ObjectId(Uuid::from_bytes(*id)))
                .collect(),
            disabled_plans: plans
                .iter()
                .map(|id| PlanId(Uuid::from_bytes(*id)))
                .collect(),
            last_updated_at: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(record: &UsersRecord) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        let mut take = |row| {
            rows.push(row);
            Ok(())
        };
        record.rows(&[], &mut take)?;
        Ok(rows)
    }

    #[test]
    fn a_user_type_and_a_state_that_this_version_does_not_know_are_unknown() {
        let mut columns = UserColumns::new();
        let mut user = crate::store::samples::users(3).swap_remove(2);
        user.assignments.truncate(1);
        assert_eq!(user.assignments.len(), 1);
        columns.put_user(&user);
        let mut record = columns.take_record();
        record.flags[0] |= 31 << USER_TYPE_SHIFT;
        record.shapes[0].state = 77;
        let rows = read(&record).unwrap();
        user.user_type = UserType::Unknown;
        user.assignments[0].state = AssignmentState::Unknown;
        assert_eq!(rows, [Row::Put(Fact::User(user))]);
    }

    #[test]
    fn a_column_that_is_too_short_is_damage() {
        let mut columns = UserColumns::new();
        for user in crate::store::samples::users(5) {
            columns.put_user(&user);
        }
        let whole = columns.take_record();
        let check = |cut: &dyn Fn(&mut UsersRecord)| {
            let mut record = whole.clone();
            cut(&mut record);
            assert!(matches!(read(&record), Err(Error::Damaged(_))));
        };
        check(&|record| record.object_ids.truncate(70));
        check(&|record| record.object_ids.truncate(64));
        check(&|record| record.flags.truncate(4));
        check(&|record| record.hired_on.truncate(4));
        check(&|record| record.assignment_counts.truncate(4));
        check(&|record| record.assignment_codes.truncate(1));
        check(&|record| record.shapes.truncate(1));
        check(&|record| record.department = Some(TextColumn::default()));
        check(&|record| record.manager = Some(GuidColumn::default()));
    }
}
