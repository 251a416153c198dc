//! `GET /users`: everybody, page by page.

use url::form_urlencoded::Serializer;

use super::Call;
use super::Endpoint;
use super::error::GraphError;
use super::json;
use super::json_answer;
use super::options::check_known;
use super::options::page_size;
use super::options::wants_count;
use super::skip_token::SkipToken;
use super::user_fields::Card;
use super::user_fields::Selection;
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

/// What a page needs for an account and its manager.
struct Page {
    fields: Selection,
    manager: Option<Selection>,
    size: usize,
    shows_count: bool,
    token: Option<SkipToken>,
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
        out.extend_from_slice(format!(",\"@odata.count\":{}", view.count()).as_bytes());
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
        &["$select", "$top", "$expand", "$count", "$skiptoken"],
    )?;
    let is_advanced = wants_count(request)? && call.is_eventual();
    let token = request.option("$skiptoken").map(|text| {
        SkipToken::open(text, call.world.organization.seed)
            .ok_or_else(|| GraphError::new(400, "Directory_ExpiredPageToken", "The specified page token value has expired or is not valid and cannot be included in your request."))
    });
    Ok(Page {
        fields: Selection::parse(request.option("$select"))?,
        manager: request
            .option("$expand")
            .map(|expand| manager(expand, is_advanced))
            .transpose()?,
        size: page_size(request)?,
        shows_count: is_advanced,
        token: token.transpose()?,
    })
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
    for index in page.token.unwrap_or_default().from..view.end() {
        let Some(person) = view.person(index) else {
            continue;
        };
        if left == 0 {
            return Some(index);
        }
        if left < page.size {
            out.push(b',');
        }
        left -= 1;
        write_row(out, view, &person, page);
    }
    None
}

fn write_row(out: &mut Vec<u8>, view: &View, person: &Person, page: &Page) {
    out.push(b'{');
    page.fields.write(out, &Card { view, person });
    let manager = page
        .manager
        .as_ref()
        .zip(person.manager.and_then(|manager| view.person(manager)));
    if let Some((fields, manager)) = manager {
        write_manager(out, view, &manager, fields);
    }
    out.push(b'}');
}

fn write_manager(out: &mut Vec<u8>, view: &View, person: &Person, fields: &Selection) {
    out.extend_from_slice(
        b",\"manager\":{\"@odata.type\":\"#microsoft.graph.user\",\"@odata.id\":",
    );
    let organization = view.organization();
    let id = user_id(organization.seed, person.index);
    let tenant_id = organization.tenant_id;
    json::text(
        out,
        &format!(
            "https://graph.microsoft.com/v2/{tenant_id}/directoryObjects/{id}/Microsoft.DirectoryServices.User"
        ),
    );
    out.push(b',');
    fields.write(out, &Card { view, person });
    out.push(b'}');
}
