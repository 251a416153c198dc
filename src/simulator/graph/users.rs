//! `GET /users`: everybody, or those that a filter names, page by page.

use std::sync::Arc;

use url::form_urlencoded::Serializer;

use super::Call;
use super::Endpoint;
use super::error::GraphError;
use super::json;
use super::json_answer;
use super::options::check_encoded;
use super::options::check_known;
use super::options::page_size;
use super::options::wants_count;
use super::row_cache::Rows;
use super::skip_token::SkipToken;
use super::user_fields::Card;
use super::user_fields::Selection;
use super::user_filter::UserFilter;
use crate::simulator::message::Answer;
use crate::simulator::message::Request;
use crate::simulator::organization::View;
use crate::simulator::organization::person::Person;
use crate::simulator::organization::user_id;
use crate::simulator::world::World;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/users",
    permissions: &["User.Read.All", "Directory.Read.All"],
    cost: 2,
    answer,
};

/// The most rows of a page that shows or asks for sign-ins.
const SIGN_IN_PAGE_MAX: usize = 500;

/// What a page needs for an account and its manager.
struct Page {
    fields: Selection,
    manager: Option<Selection>,
    filter: UserFilter,
    size: usize,
    shows_count: bool,
    token: Option<SkipToken>,
    /// Seconds since 1970.
    now: i64,
    /// Rows that were written before, where they are kept.
    kept: Option<Arc<Rows>>,
}

fn answer(call: &Call) -> Result<Answer, GraphError> {
    let page = parse(call)?;
    let view = call.world.organization.view();
    let graph_url = &call.world.graph_url;
    let mut out = Vec::with_capacity(page.size * 1024 + 512);
    out.extend_from_slice(b"{\"@odata.context\":");
    json::text(
        &mut out,
        &format!("{graph_url}/v1.0/$metadata#users{}", page.fields.context()),
    );
    if page.shows_count && page.token.is_none() {
        out.extend_from_slice(
            format!(",\"@odata.count\":{}", page.filter.count(&view, page.now)).as_bytes(),
        );
    }
    let mut rows = Vec::with_capacity(page.size * 1024);
    let next = write_rows(&mut rows, &view, &page);
    if let Some(from) = next {
        out.extend_from_slice(b",\"@odata.nextLink\":");
        json::text(
            &mut out,
            &link(call.world, call.request, SkipToken { from, turn: 0 }),
        );
    }
    out.extend_from_slice(b",\"value\":[");
    out.append(&mut rows);
    out.extend_from_slice(b"]}");
    Ok(json_answer(out))
}

/// The request again, with another `$skiptoken`: the link to another page of it.
pub(crate) fn link(world: &World, request: &Request, token: SkipToken) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in request
        .query
        .iter()
        .filter(|(name, _)| name != "$skiptoken")
    {
        query.append_pair(name, value);
    }
    query.append_pair("$skiptoken", &token.seal(world.organization.seed));
    format!(
        "{}{}?{}",
        world.graph_url,
        request.path,
        query.finish().replace("%24", "$")
    )
}

fn parse(call: &Call) -> Result<Page, GraphError> {
    let request = call.request;
    check_known(
        request,
        &[
            "$select",
            "$top",
            "$expand",
            "$count",
            "$filter",
            "$skiptoken",
        ],
    )?;
    check_encoded(request)?;
    let is_advanced = wants_count(request)? && call.is_eventual();
    let token = request.option("$skiptoken").map(|text| {
        SkipToken::open(text, call.world.organization.seed)
            .ok_or_else(|| GraphError::new(400, "Directory_ExpiredPageToken", "The specified page token value has expired or is not valid and cannot be included in your request."))
    });
    let fields = Selection::parse(request.option("$select"))?;
    let filter = request
        .option("$filter")
        .map(|filter| UserFilter::parse(filter, is_advanced));
    let filter = filter.transpose()?.unwrap_or_default();
    let mut size = page_size(request)?;
    let shows_sign_ins = fields.has("signInActivity");
    if shows_sign_ins || filter.is_about_sign_ins() {
        check_sign_ins_told(call)?;
        size = sign_in_page_size(call, size)?;
    }
    let manager = request
        .option("$expand")
        .map(|expand| manager(expand, is_advanced))
        .transpose()?;
    let cache = call.world.row_cache.as_ref().filter(|_| !shows_sign_ins);
    let kept = cache.map(|cache| {
        let of_manager = manager.as_ref().map(Selection::context);
        cache.rows(&format!("{} {of_manager:?}", fields.context()))
    });
    Ok(Page {
        fields,
        manager,
        filter,
        size,
        shows_count: is_advanced,
        token: token.transpose()?,
        now: call.world.now().as_second(),
        kept,
    })
}

/// Fails, and the whole page with it, where sign-ins are not told.
pub(super) fn check_sign_ins_told(call: &Call) -> Result<(), GraphError> {
    if !call.may(&["AuditLog.Read.All"]) {
        return Err(GraphError::new(
            403,
            "Authentication_MSGraphPermissionMissing",
            "The principal does not have required Microsoft Graph permission(s): AuditLog.Read.All to call this API. For more information about Microsoft Graph permissions, please visit https://learn.microsoft.com/graph/permissions-overview.",
        ));
    }
    if !call.world.tenancy().has_premium() {
        return Err(GraphError::new(
            403,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
            "Neither tenant is B2C or tenant doesn't have premium license",
        ));
    }
    Ok(())
}

fn sign_in_page_size(call: &Call, asked: usize) -> Result<usize, GraphError> {
    match call.world.tenancy().sign_in_page_max {
        Some(most) if asked > most => Err(GraphError::bad_request(format!(
            "Cannot query data for more than {most} users at a time."
        ))),
        _ => Ok(asked.min(SIGN_IN_PAGE_MAX)),
    }
}

/// What `$expand` wants to know of the manager.
fn manager(expand: &str, is_advanced: bool) -> Result<Selection, GraphError> {
    let (name, options) = match expand.trim().split_once('(') {
        Some((name, options)) => (name, options.strip_suffix(')')),
        None => (expand.trim(), Some("")),
    };
    let Some(options) = options.filter(|_| name == "manager") else {
        return Err(GraphError::new(
            400,
            "BadRequest",
            format!("Parsing OData Select and Expand failed: '{expand}' cannot be expanded."),
        ));
    };
    let (mut levels, mut select) = (None, None);
    for option in options
        .split(';')
        .map(str::trim)
        .filter(|option| !option.is_empty())
    {
        match option.split_once('=') {
            Some(("$levels", value)) => levels = Some(value),
            Some(("$select", value)) => select = Some(value),
            _ => {
                return Err(GraphError::new(
                    400,
                    "BadRequest",
                    format!("Parsing OData Select and Expand failed: '{option}' is not known."),
                ));
            }
        }
    }
    match levels {
        Some("1") if is_advanced => Selection::parse(select),
        Some("1") => Err(GraphError::unsupported(
            "'$levels' needs the header ConsistencyLevel: eventual and $count=true.",
        )),
        Some(levels) => Err(GraphError::unsupported(format!(
            "'$levels={levels}' is not supported here."
        ))),
        None if select.is_some() => Err(GraphError::unsupported(
            "'$select' within '$expand=manager' needs '$levels'.",
        )),
        None if is_advanced => Err(GraphError::unsupported(
            "'$expand' is not supported in advanced queries.",
        )),
        None => Selection::parse(None),
    }
}

/// Writes the rows of a page; returns where the next one begins.
fn write_rows(out: &mut Vec<u8>, view: &View, page: &Page) -> Option<u64> {
    let mut left = page.size;
    let from = page.token.unwrap_or_default().from;
    for index in page.filter.accounts(view, from, page.now) {
        if left == 0 {
            return Some(page.filter.cursor(index));
        }
        if left < page.size {
            out.push(b',');
        }
        left -= 1;
        write_account(out, view, index, page);
    }
    None
}

fn write_account(out: &mut Vec<u8>, view: &View, index: u64, page: &Page) {
    if let Some(kept) = &page.kept
        && kept.write(out, view, index)
    {
        return;
    }
    let start = out.len();
    let manager = match view.person(index) {
        Some(person) => {
            write_row(out, view, &person, page);
            person.manager
        }
        None => return write_remains(out, view, index, page),
    };
    if let Some(kept) = &page.kept {
        let row = out.get(start..).unwrap_or_default();
        kept.keep(view, index, manager, row);
    }
}

/// Of an account that is gone, only the sign-ins are left.
fn write_remains(out: &mut Vec<u8>, view: &View, index: u64, page: &Page) {
    out.push(b'{');
    if let Some(person) = view.person_or_remains(index) {
        let now = page.now;
        let fields = page.fields.only(&["id", "signInActivity"]);
        fields.write(
            out,
            &Card {
                view,
                person: &person,
                now,
            },
        );
    }
    out.push(b'}');
}

fn write_row(out: &mut Vec<u8>, view: &View, person: &Person, page: &Page) {
    let now = page.now;
    out.push(b'{');
    page.fields.write(out, &Card { view, person, now });
    let manager = page
        .manager
        .as_ref()
        .zip(person.manager.and_then(|manager| view.person(manager)));
    if let Some((fields, manager)) = manager {
        let card = Card {
            view,
            person: &manager,
            now,
        };
        write_manager(out, &card, fields);
    }
    out.push(b'}');
}

fn write_manager(out: &mut Vec<u8>, card: &Card, fields: &Selection) {
    out.extend_from_slice(
        b",\"manager\":{\"@odata.type\":\"#microsoft.graph.user\",\"@odata.id\":",
    );
    let organization = card.view.organization();
    let id = user_id(organization.seed, card.person.index);
    let tenant_id = organization.tenant_id;
    json::text(
        out,
        &format!(
            "https://graph.microsoft.com/v2/{tenant_id}/directoryObjects/{id}/Microsoft.DirectoryServices.User"
        ),
    );
    out.push(b',');
    fields.write(out, card);
    out.push(b'}');
}
