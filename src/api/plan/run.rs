//! Answering from a plan.

use std::sync::Arc;

use async_graphql::ID;

use super::arguments::{Arguments, Given};
use super::fields::{
    AssignmentField, ConnectionField, EdgeField, GroupField, LicenseField, MoneyField, Object,
    PageInfoField, RootField, UserField,
};
use super::json::Json;
use super::read::Read;
use crate::api::error::Error;
use crate::api::ids::GlobalId;
use crate::api::query::find_user;
use crate::api::scalars::int;
use crate::api::types::order::UserOrderInput;
use crate::api::types::paging::PageArguments;
use crate::api::types::reading::Reading;
use crate::api::types::user_connection::{AskedOfGroups, UserConnection, UserListing};
use crate::api::types::user_inputs::{UserBy, UserFilterInput};
use crate::domain::ids::TenantKey;
use crate::domain::money::Money;
use crate::domain::user::LicenseAssignment;
use crate::engine::{LicenseEntry, LicenseText, UserRow};

/// Why a plan gives no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The request is not what it seemed, or something failed: async-graphql says what.
    Unanswered,
    /// The answer would be larger than it may be.
    TooLarge,
}

impl From<Error> for Stop {
    fn from(_: Error) -> Self {
        Self::Unanswered
    }
}

/// One answer under way.
pub(super) struct Run<'a> {
    pub(super) reading: &'a Arc<Reading>,
    pub(super) given: Given<'a>,
    pub(super) bytes_max: usize,
}

impl Run<'_> {
    pub(super) fn root(&self, json: &mut Json, fields: &Object<RootField>) -> Result<(), Stop> {
        object(json, fields, |json, field| match field {
            RootField::Users(arguments, fields) => {
                let users = self.open(arguments)?;
                self.connection(json, &users, fields)
            }
            RootField::User(arguments, fields) => {
                let by: UserBy = argument(arguments, "by", &self.given)?;
                let tenant: Option<ID> = argument(arguments, "tenant", &self.given)?;
                match find_user(self.reading, by, tenant.as_ref())? {
                    Some(row) => self.user(json, &row, fields),
                    None => {
                        json.null();
                        Ok(())
                    }
                }
            }
        })
    }

    fn open(&self, arguments: &Arguments) -> Result<UserConnection, Stop> {
        let given = &self.given;
        let filter: Option<UserFilterInput> = argument(arguments, "filter", given)?;
        let search: Option<String> = argument(arguments, "search", given)?;
        let order_by: Option<Vec<UserOrderInput>> = argument(arguments, "orderBy", given)?;
        let page = PageArguments {
            first: argument(arguments, "first", given)?,
            after: argument(arguments, "after", given)?,
            last: argument(arguments, "last", given)?,
            before: argument(arguments, "before", given)?,
        };
        let listing = UserListing::of_all(self.reading, filter, search.as_deref(), order_by, page)?;
        Ok(UserConnection::open(self.reading, listing)?)
    }

    fn connection(
        &self,
        json: &mut Json,
        users: &UserConnection,
        fields: &Object<ConnectionField>,
    ) -> Result<(), Stop> {
        object(json, fields, |json, field| {
            match field {
                ConnectionField::Nodes(fields) => {
                    let mut page = Read::new(&users.page().rows, fields);
                    let rows = users.page().rows.iter().enumerate();
                    json.list(rows, |json, (place, row)| {
                        self.read_user(json, row, fields, place, &mut page)
                    })?;
                }
                ConnectionField::Edges(fields) => {
                    json.list(&users.page().rows, |json, row| {
                        object(json, fields, |json, field| match field {
                            EdgeField::Cursor => {
                                json.word(&users.cursor(row)?);
                                Ok(())
                            }
                            EdgeField::Node(fields) => self.user(json, row, fields),
                        })
                    })?;
                }
                ConnectionField::PageInfo(fields) => page_info(json, users, fields)?,
                ConnectionField::TotalCount => json.int(users.count()),
                ConnectionField::Breakdown { by, first, fields } => {
                    let asked = AskedOfGroups {
                        costs: false,
                        activity: fields.entries.iter().any(|entry| {
                            let field = entry.field.as_ref();
                            field.is_some_and(GroupField::tells_activity)
                        }),
                    };
                    json.list(users.groups(*by, *first, asked), |json, group| {
                        object(json, fields, |json, field| {
                            match field {
                                GroupField::Key => json.optional(group.key.as_deref()),
                                GroupField::Label => json.text(&group.label),
                                GroupField::Count => json.int(group.count),
                                GroupField::ActiveCount => json.int(group.active_count),
                                GroupField::InactiveCount => json.int(group.inactive_count),
                                GroupField::UnknownCount => json.int(group.unknown_count),
                            }
                            Ok::<_, Stop>(())
                        })
                    })?;
                }
            }
            Ok(())
        })
    }

    fn user(&self, json: &mut Json, row: &UserRow, fields: &Object<UserField>) -> Result<(), Stop> {
        let mut read = Read::new(std::slice::from_ref(row), fields);
        self.read_user(json, row, fields, 0, &mut read)
    }

    /// One user of those that have been read.
    fn read_user<'r>(
        &self,
        json: &mut Json,
        row: &'r UserRow,
        fields: &Object<UserField>,
        place: usize,
        read: &mut Read<'r>,
    ) -> Result<(), Stop> {
        let mut field_place = 0;
        object(json, fields, |json, field| {
            match field {
                UserField::Id => {
                    let key = row.tenant().key().clone();
                    let id = read.object_id(place).ok_or(Stop::Unanswered)?;
                    json.word(&GlobalId::User(key, id).to_id());
                }
                UserField::ObjectId => {
                    json.guid(read.object_id(place).ok_or(Stop::Unanswered)?.0);
                }
                UserField::Text(_) => {
                    json.read(read.text(field_place, place).ok_or(Stop::Unanswered)?);
                    field_place += 1;
                }
                UserField::Flag(get) => json.bool(get(row)),
                UserField::Word(get) => match get(row) {
                    Some(word) => json.word(word),
                    None => json.null(),
                },
                UserField::Day(get) => json.optional_plain(get(row)),
                UserField::Time(get) => json.optional_plain(get(row)),
                UserField::LicenseNames => {
                    read.write_license_texts(json, row, place, LicenseText::Name);
                }
                UserField::LicenseValues => {
                    read.write_license_texts(json, row, place, LicenseText::Value);
                }
                UserField::MonthlyCost(fields) => match row.cost().monthly {
                    Some(cost) => money(json, cost, fields)?,
                    None => json.null(),
                },
                UserField::UnpricedLicenses => json.int(int(row.cost().unpriced_licenses)),
                UserField::Manager(fields) => match row.manager() {
                    Some(manager) => self.user(json, &manager, fields)?,
                    None => json.null(),
                },
                UserField::Licenses(fields) => {
                    json.list(&row.assignments(), |json, assignment| {
                        assigned(json, row, assignment, fields)
                    })?;
                }
            }
            Ok(())
        })?;
        match json.len() > self.bytes_max {
            true => Err(Stop::TooLarge),
            false => Ok(()),
        }
    }
}

/// Writes an object, field by field.
fn object<F>(
    json: &mut Json,
    object: &Object<F>,
    mut write: impl FnMut(&mut Json, &F) -> Result<(), Stop>,
) -> Result<(), Stop> {
    for entry in &object.entries {
        json.raw(&entry.start);
        if let Some(field) = &entry.field {
            write(json, field)?;
        }
    }
    json.raw("}");
    Ok(())
}

fn argument<T: async_graphql::InputType>(
    arguments: &Arguments,
    name: &str,
    given: &Given<'_>,
) -> Result<T, Stop> {
    arguments.get(name, given).ok_or(Stop::Unanswered)
}

fn page_info(
    json: &mut Json,
    users: &UserConnection,
    fields: &Object<PageInfoField>,
) -> Result<(), Stop> {
    let page = users.page();
    let cursor = |row: Option<&UserRow>| row.map(|row| users.cursor(row)).transpose();
    object(json, fields, |json, field| {
        match field {
            PageInfoField::HasNextPage => json.bool(page.has_next),
            PageInfoField::HasPreviousPage => json.bool(page.has_previous),
            PageInfoField::StartCursor => json.optional_plain(cursor(page.rows.first())?),
            PageInfoField::EndCursor => json.optional_plain(cursor(page.rows.last())?),
        }
        Ok(())
    })
}

fn money(json: &mut Json, money: Money, fields: &Object<MoneyField>) -> Result<(), Stop> {
    object(json, fields, |json, field| {
        match field {
            MoneyField::Amount => json.word(&money.amount_text()),
            MoneyField::Currency => json.word(money.currency().code()),
        }
        Ok(())
    })
}

fn assigned(
    json: &mut Json,
    row: &UserRow,
    assignment: &LicenseAssignment,
    fields: &Object<AssignmentField>,
) -> Result<(), Stop> {
    object(json, fields, |json, field| {
        match field {
            AssignmentField::License(fields) => {
                let tenant = row.tenant();
                let entry = tenant.license(assignment.sku_id).ok_or(Stop::Unanswered)?;
                license(json, tenant.key(), entry, fields)?;
            }
            AssignmentField::Error => json.optional(assignment.error.as_deref()),
            AssignmentField::Flag(get) => json.bool(get(assignment)),
            AssignmentField::Word(get) => json.word(get(assignment)),
            AssignmentField::Time(get) => json.optional_plain(get(assignment)),
        }
        Ok(())
    })
}

fn license(
    json: &mut Json,
    tenant: &TenantKey,
    entry: &LicenseEntry,
    fields: &Object<LicenseField>,
) -> Result<(), Stop> {
    object(json, fields, |json, field| {
        match field {
            LicenseField::Id => {
                let id = GlobalId::License(tenant.clone(), entry.license.sku_id);
                json.word(&id.to_id());
            }
            LicenseField::SkuId => json.guid(entry.license.sku_id.0),
            LicenseField::Text(get) => json.text(get(entry)),
            LicenseField::Flag(get) => json.bool(get(entry)),
            LicenseField::Word(get) => json.word(get(entry)),
        }
        Ok(())
    })
}
