//! From a document to a plan.
//!
//! The document was judged valid before, so nothing is checked here but whether a plan can answer it.
//! What selections of one key ask for is gathered as the specification says; async-graphql merges
//! their answers instead, which comes to the same for a valid document.

use std::cell::Cell;
use std::collections::HashMap;

use async_graphql::parser::types::{
    ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{Name, Positioned, Variables};
use async_graphql_value::Value as Written;

use super::Plan;
use super::arguments::{Arguments, Given};
use super::fields::{
    AssignmentField, ConnectionField, EdgeField, Entry, GroupField, LicenseField, MoneyField,
    Object, PageInfoField, RootField, UserField,
};
use super::glances;
use crate::api::scalars::word;
use crate::api::settings::Limits;
use crate::api::types::activity::{ActivityState, MailboxType};
use crate::api::types::license::NameSource;
use crate::api::types::license_assignment::AssignmentState;
use crate::api::types::paging::rows;
use crate::api::types::user::UserType;
use crate::api::types::user_inputs::UserDimension;
use crate::domain::filter::UserText;
use crate::engine::UserRow;

/// How many groups a breakdown has unless it says so.
const GROUPS_UNSAID: i32 = 20;

/// The interface that users and licenses implement.
const NODE: &str = "Node";

/// The plan of an operation, for all requests whose variables have the shape of these; `None` where it
/// asks for something that plans do not answer.
pub(super) fn compile(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    variables: &Variables,
) -> Option<Plan> {
    let mut operations = document.operations.iter();
    let (_, operation) = operations
        .find(|(name, _)| operation_name.is_none() || name.map(Name::as_str) == operation_name)?;
    let operation = &operation.node;
    if operation.ty != OperationType::Query || !operation.directives.is_empty() {
        return None;
    }
    let defaults = defaults(operation);
    let compiler = Compiler {
        fragments: &document.fragments,
        given: Given {
            variables,
            defaults: &defaults,
        },
        glances: Cell::new(0),
        bytes: Cell::new(0),
    };
    let root = compiler.object(
        &[&operation.selection_set.node],
        &["Query"],
        |name, fields| compiler.root_field(name, fields),
    )?;
    let (glances, bytes) = (compiler.glances.get(), compiler.bytes.get());
    Some(Plan::new(root, defaults, glances, bytes))
}

fn defaults(operation: &OperationDefinition) -> Vec<(Name, async_graphql::Value)> {
    let definitions = operation.variable_definitions.iter();
    let defaults = definitions.filter_map(|definition| {
        let default = definition.node.default_value.as_ref()?;
        Some((definition.node.name.node.clone(), default.node.clone()))
    });
    defaults.collect()
}

struct Compiler<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    given: Given<'a>,
    /// How often everybody is looked at by what was compiled so far.
    glances: Cell<u64>,
    /// What it takes of memory. A fragment takes it wherever it is spread.
    bytes: Cell<usize>,
}

/// The selections that one key of an answer has: the same field, maybe several times.
struct Gathered<'a> {
    key: &'a str,
    fields: Vec<&'a Field>,
}

impl<'a> Compiler<'a> {
    /// The plan of an object of a type: `names` are its own and those of its interfaces.
    fn object<F>(
        &self,
        sets: &[&'a SelectionSet],
        names: &[&str],
        mut plan: impl FnMut(&str, &[&'a Field]) -> Option<F>,
    ) -> Option<Object<F>> {
        let mut gathered = Vec::new();
        for set in sets {
            self.gather(set, names, &mut gathered)?;
        }
        let mut entries: Vec<Entry<F>> = Vec::with_capacity(gathered.len());
        for Gathered { key, fields } in gathered {
            let opening = if entries.is_empty() { '{' } else { ',' };
            let start = format!("{opening}\"{key}\":");
            let name = fields.first()?.name.node.as_str();
            entries.push(match name {
                "__typename" => Entry {
                    start: format!("{start}\"{}\"", names.first()?),
                    field: None,
                },
                _ => Entry {
                    start,
                    field: Some(plan(name, &fields)?),
                },
            });
        }
        let keys: usize = entries.iter().map(|entry| entry.start.capacity()).sum();
        self.take(keys + entries.capacity() * size_of::<Entry<F>>());
        (!entries.is_empty()).then_some(Object { entries })
    }

    /// Gathers what a set selects, by key, in the order in which keys come first.
    fn gather(
        &self,
        set: &'a SelectionSet,
        names: &[&str],
        gathered: &mut Vec<Gathered<'a>>,
    ) -> Option<()> {
        for selection in &set.items {
            if !selection.node.directives().is_empty() {
                return None;
            }
            let (condition, inner) = match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let key = field.response_key().node.as_str();
                    match gathered.iter_mut().find(|one| one.key == key) {
                        Some(one) => one.fields.push(field),
                        None => gathered.push(Gathered {
                            key,
                            fields: vec![field],
                        }),
                    }
                    continue;
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    (condition, &inline.node.selection_set)
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.fragments.get(&spread.node.fragment_name.node)?;
                    if !fragment.node.directives.is_empty() {
                        return None;
                    }
                    let condition = Some(&fragment.node.type_condition);
                    (condition, &fragment.node.selection_set)
                }
            };
            let condition = condition.map(|condition| condition.node.on.node.as_str());
            if condition.is_some_and(|condition| !names.contains(&condition)) {
                return None;
            }
            self.gather(&inner.node, names, gathered)?;
        }
        Some(())
    }

    fn glance(&self, times: u64) {
        self.glances.set(self.glances.get().saturating_add(times));
    }

    fn take(&self, bytes: usize) {
        self.bytes.set(self.bytes.get().saturating_add(bytes));
    }

    fn root_field(&self, name: &str, fields: &[&'a Field]) -> Option<RootField> {
        match name {
            "users" => {
                let arguments = arguments(fields)?;
                if let Some(filter) = arguments.value("filter", &self.given) {
                    self.glance(glances::of_filter(&filter));
                }
                if arguments.written("search").is_some() {
                    self.glance(glances::OF_SEARCH);
                }
                self.take(arguments.bytes());
                let connection = self.connection(&sets(fields))?;
                Some(RootField::Users(arguments, connection))
            }
            "user" => {
                let arguments = arguments(fields)?;
                self.take(arguments.bytes());
                Some(RootField::User(arguments, self.user(&sets(fields))?))
            }
            _ => None,
        }
    }

    fn connection(&self, sets_of: &[&'a SelectionSet]) -> Option<Object<ConnectionField>> {
        self.object(sets_of, &["UserConnection"], |name, fields| {
            let inner = sets(fields);
            Some(match name {
                "nodes" => ConnectionField::Nodes(self.user(&inner)?),
                "edges" => {
                    ConnectionField::Edges(self.object(&inner, &["UserEdge"], |name, fields| {
                        match name {
                            "cursor" => Some(EdgeField::Cursor),
                            "node" => Some(EdgeField::Node(self.user(&sets(fields))?)),
                            _ => None,
                        }
                    })?)
                }
                "pageInfo" => {
                    ConnectionField::PageInfo(
                        self.object(&inner, &["PageInfo"], |name, _| page_info_field(name))?,
                    )
                }
                "totalCount" => ConnectionField::TotalCount,
                "breakdown" => {
                    let arguments = arguments(fields)?;
                    let first = match arguments.written("first") {
                        None => GROUPS_UNSAID,
                        Some(_) => arguments.get("first", &self.given)?,
                    };
                    // What counting costs depends on the property, so it must not be in a variable.
                    let Written::Enum(_) = arguments.written("by")? else {
                        return None;
                    };
                    let by: UserDimension = arguments.get("by", &self.given)?;
                    self.glance(glances::OF_BREAKDOWN);
                    ConnectionField::Breakdown {
                        by: by.into(),
                        first: rows("first", first, Limits::PAGE_ROWS_MOST).ok()?,
                        fields: self.object(&inner, &["UserGroup"], |name, _| group_field(name))?,
                    }
                }
                _ => return None,
            })
        })
    }

    fn user(&self, sets_of: &[&'a SelectionSet]) -> Option<Object<UserField>> {
        self.object(sets_of, &["User", NODE], |name, fields| match name {
            "manager" => Some(UserField::Manager(self.user(&sets(fields))?)),
            "monthlyCost" => {
                let money = self.object(&sets(fields), &["Money"], |name, _| match name {
                    "amount" => Some(MoneyField::Amount),
                    "currency" => Some(MoneyField::Currency),
                    _ => None,
                });
                Some(UserField::MonthlyCost(money?))
            }
            "licenses" => {
                let assignment = self.assignment(&sets(fields))?;
                Some(UserField::Licenses(assignment))
            }
            name => user_field(name),
        })
    }

    fn assignment(&self, sets_of: &[&'a SelectionSet]) -> Option<Object<AssignmentField>> {
        self.object(sets_of, &["LicenseAssignment"], |name, fields| {
            Some(match name {
                "license" => AssignmentField::License(self.object(
                    &sets(fields),
                    &["License", NODE],
                    |name, _| license_field(name),
                )?),
                "state" => AssignmentField::Word(|one| word(AssignmentState::from(one.state))),
                "error" => AssignmentField::Error,
                "assignedDirectly" => AssignmentField::Flag(|one| one.assigned_directly),
                "lastUpdatedAt" => AssignmentField::Time(|one| one.last_updated_at),
                _ => return None,
            })
        })
    }
}

/// The arguments of a field; where it is selected several times, they are the same each time.
fn arguments(fields: &[&Field]) -> Option<Arguments> {
    let written = fields.first()?.arguments.iter();
    let written = written.map(|(name, value)| (name.node.clone(), value.node.clone()));
    Some(Arguments::new(written.collect()))
}

fn sets<'a>(fields: &[&'a Field]) -> Vec<&'a SelectionSet> {
    let sets = fields.iter().map(|field| &field.selection_set.node);
    sets.collect()
}

fn page_info_field(name: &str) -> Option<PageInfoField> {
    Some(match name {
        "hasNextPage" => PageInfoField::HasNextPage,
        "hasPreviousPage" => PageInfoField::HasPreviousPage,
        "startCursor" => PageInfoField::StartCursor,
        "endCursor" => PageInfoField::EndCursor,
        _ => return None,
    })
}

fn group_field(name: &str) -> Option<GroupField> {
    Some(match name {
        "key" => GroupField::Key,
        "label" => GroupField::Label,
        "count" => GroupField::Count,
        "activeCount" => GroupField::ActiveCount,
        "inactiveCount" => GroupField::InactiveCount,
        "unknownCount" => GroupField::UnknownCount,
        _ => return None,
    })
}

fn user_field(name: &str) -> Option<UserField> {
    Some(match name {
        "id" => UserField::Id,
        "objectId" => UserField::ObjectId,
        "userPrincipalName" => UserField::Text(UserText::UserPrincipalName),
        "displayName" => UserField::Text(UserText::DisplayName),
        "mail" => UserField::Text(UserText::Mail),
        "employeeId" => UserField::Text(UserText::EmployeeId),
        "employeeType" => UserField::Text(UserText::EmployeeType),
        "jobTitle" => UserField::Text(UserText::JobTitle),
        "department" => UserField::Text(UserText::Department),
        "companyName" => UserField::Text(UserText::CompanyName),
        "officeLocation" => UserField::Text(UserText::OfficeLocation),
        "country" => UserField::Text(UserText::Country),
        "usageLocation" => UserField::Text(UserText::UsageLocation),
        "userType" => UserField::Word(|row| Some(word(UserType::from(row.user_type())))),
        "isResourceAccount" => UserField::Flag(UserRow::is_resource_account),
        "accountEnabled" => UserField::Flag(UserRow::account_enabled),
        "isSyncedFromOnPremises" => UserField::Flag(UserRow::is_synced_from_on_premises),
        "mailboxType" => {
            UserField::Word(|row| row.mailbox_type().map(|kind| word(MailboxType::from(kind))))
        }
        "activityState" => {
            UserField::Word(|row| Some(word(ActivityState::from(row.activity_state()))))
        }
        "hiredOn" => UserField::Day(UserRow::hired_on),
        "lastActiveOn" => UserField::Day(UserRow::last_active_on),
        "createdAt" => UserField::Time(UserRow::created_at),
        "lastSignInAt" => UserField::Time(|row| row.sign_in_activity()?.succeeded_at),
        "lastSignInAttemptAt" => UserField::Time(|row| row.sign_in_activity()?.attempted_at),
        "licenseNames" => UserField::LicenseNames,
        "licenseValues" => UserField::LicenseValues,
        "unpricedLicenses" => UserField::UnpricedLicenses,
        _ => return None,
    })
}

fn license_field(name: &str) -> Option<LicenseField> {
    Some(match name {
        "id" => LicenseField::Id,
        "skuId" => LicenseField::SkuId,
        "name" => LicenseField::Text(|entry| &entry.name.text),
        "value" => LicenseField::Text(|entry| &entry.license.part_number),
        "status" => LicenseField::Text(|entry| &entry.license.status),
        "nameSource" => LicenseField::Word(|entry| word(NameSource::from(entry.name.source))),
        "isCompanyWide" => LicenseField::Flag(|entry| entry.license.is_company_wide),
        _ => return None,
    })
}
