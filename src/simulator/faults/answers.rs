//! The answer to a request that a fault strikes, or does not.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::Effect;
use super::RetryAfter;
use super::Strike;
use super::rows::poisoned;
use crate::simulator::graph;
use crate::simulator::graph::error::GraphError;
use crate::simulator::graph::error::identified;
use crate::simulator::graph::reports::downloads;
use crate::simulator::graph::skip_token::SkipToken;
use crate::simulator::login;
use crate::simulator::login::error::LoginError;
use crate::simulator::message::Answer;
use crate::simulator::message::Delivery;
use crate::simulator::message::Host;
use crate::simulator::message::JSON;
use crate::simulator::message::Request;
use crate::simulator::message::TEXT;
use crate::simulator::world::World;
use crate::simulator::world::http_date;

/// Answers a request, with what strikes it.
pub(crate) fn answer(
    world: &World,
    host: Host,
    request: &Request,
    strike: Option<&Strike>,
) -> Answer {
    let right = || match host {
        Host::Login => login::answer(world, request),
        Host::Graph => graph::answer(world, request),
        Host::Downloads => downloads::answer(world, request),
    };
    let Some(strike) = strike else { return right() };
    match &strike.effect {
        Effect::Delay(_) | Effect::Hang => right(),
        Effect::Refuse {
            status,
            retry_after,
        } => refusal(world, host, request, *status, retry_after),
        Effect::Login(number) => LoginError::by_number(*number).answer(world, request),
        Effect::Respond {
            status,
            content_type,
            body,
        } => identified(
            Answer::new(*status, content_type, body.as_slice()),
            world,
            request,
        ),
        Effect::Drip(pause) => delivered(right(), Delivery::Dripped(*pause)),
        Effect::CutBody => delivered(right(), Delivery::Cut),
        Effect::CutChunk => delivered(right(), Delivery::CutChunk),
        Effect::CloseConnection => delivered(right(), Delivery::Closed),
        Effect::ByteOrderMark => {
            with_body(right(), |body| body.splice(..0, *b"\xEF\xBB\xBF").count())
        }
        Effect::InvalidUtf8 => with_body(right(), spoil_a_byte),
        Effect::HugeBody(bytes) => {
            identified(delivered(huge(*bytes), Delivery::AsIs), world, request)
        }
        Effect::GzipBomb(bytes) => identified(bomb(*bytes), world, request),
        Effect::PageSizeMax(size) if asked_page_size(request) > *size => {
            let words = format!("Cannot query data for more than {size} users at a time.");
            GraphError::bad_request(words).answer(world, request)
        }
        Effect::PageSizeMax(_) => right(),
        Effect::EmptyPage => empty_page(world, request, right(), strike.number),
        Effect::NextLink(link) => linked(right(), link),
        Effect::NextLinkToItself => {
            let link = format!("{}{}", world.graph_url, request.target);
            linked(right(), &link)
        }
        Effect::Count(count) => counted(right(), *count),
        Effect::Row { row, fault } => changed(right(), |page| poisoned(page, *row, fault)),
        Effect::Rewrite(change) => rewritten(right(), |body| change(body)),
        Effect::RewriteBytes(change) => match right() {
            answer if answer.status == 200 => with_body(answer, |body| change(body)),
            answer => answer,
        },
        Effect::Redirect(url) => redirected(world, host, request, right(), url.as_deref()),
        Effect::ExpiredLink => identified(downloads::expired(), world, request),
    }
}

fn refusal(
    world: &World,
    host: Host,
    request: &Request,
    status: u16,
    retry_after: &RetryAfter,
) -> Answer {
    let answer = match host {
        Host::Login => login::trouble(world, request, status),
        Host::Graph | Host::Downloads => {
            GraphError::by_status(world, status).answer(world, request)
        }
    };
    match retry_after {
        RetryAfter::Missing => answer,
        RetryAfter::Seconds(seconds) => answer.with("retry-after", seconds.to_string()),
        RetryAfter::Date(ahead) => {
            let at = world
                .now()
                .checked_add(*ahead)
                .unwrap_or(jiff::Timestamp::MAX);
            answer.with("retry-after", http_date(at))
        }
        RetryAfter::Text(text) => answer.with("retry-after", text.as_str()),
    }
}

fn redirected(
    world: &World,
    host: Host,
    request: &Request,
    mut answer: Answer,
    url: Option<&str>,
) -> Answer {
    let own = match host {
        Host::Login => &world.login_url,
        Host::Graph => &world.graph_url,
        Host::Downloads => &world.download_url,
    };
    let url = url.map_or_else(|| format!("{own}{}", request.target), str::to_owned);
    answer.status = 302;
    answer.body.clear();
    answer.headers.retain(|(name, _)| *name != "location");
    answer.with("location", url)
}

fn delivered(mut answer: Answer, delivery: Delivery) -> Answer {
    answer.delivery = delivery;
    answer
}

fn with_body<T>(mut answer: Answer, change: impl FnOnce(&mut Vec<u8>) -> T) -> Answer {
    change(&mut answer.body);
    answer
}

/// Puts a stray byte into the first text that is a value; into the middle of what is not JSON.
fn spoil_a_byte(body: &mut Vec<u8>) {
    let quote = body.windows(2).position(|pair| pair == b":\"");
    body.insert(quote.map_or(body.len() / 2, |quote| quote + 2), 0xFF);
}

fn huge(bytes: usize) -> Answer {
    let (before, after) = ("{\"value\":[],\"padding\":\"", "\"}");
    let padding = "x".repeat(bytes.saturating_sub(before.len() + after.len()));
    Answer::new(200, JSON, [before, &padding, after].concat())
}

fn bomb(bytes: usize) -> Answer {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let block = [b' '; 64 * 1024];
    let mut left = bytes;
    // Writing to a Vec cannot fail.
    while left > 0 {
        let part = left.min(block.len());
        let _ = encoder.write_all(block.get(..part).unwrap_or_default());
        left -= part;
    }
    let _ = encoder.write_all(b"{\"value\":[]}");
    let body = encoder.finish().unwrap_or_default();
    delivered(
        Answer::new(200, JSON, body).with("content-encoding", "gzip"),
        Delivery::AsIs,
    )
}

fn asked_page_size(request: &Request) -> u64 {
    request
        .option("$top")
        .map_or(100, |top| top.parse().unwrap_or(u64::MAX))
}

/// The body, changed as text, if the answer is JSON and went well.
fn changed(mut answer: Answer, change: impl FnOnce(Value) -> String) -> Answer {
    if answer.status == 200
        && let Ok(body) = serde_json::from_slice(&answer.body)
    {
        answer.body = change(body).into_bytes();
    }
    answer
}

/// The body, changed as a tree.
fn rewritten(answer: Answer, change: impl FnOnce(&mut Value)) -> Answer {
    changed(answer, |mut body| {
        change(&mut body);
        body.to_string()
    })
}

fn linked(answer: Answer, link: &str) -> Answer {
    rewritten(answer, |page| page["@odata.nextLink"] = Value::from(link))
}

fn counted(answer: Answer, count: u64) -> Answer {
    if answer.content_type == TEXT {
        return with_body(answer, |body| *body = count.to_string().into_bytes());
    }
    rewritten(answer, |page| page["@odata.count"] = Value::from(count))
}

/// The page without its rows, which are still to be had under another link.
fn empty_page(world: &World, request: &Request, answer: Answer, number: u64) -> Answer {
    let token = request
        .option("$skiptoken")
        .and_then(|token| SkipToken::open(token, world.organization.seed))
        .unwrap_or_default();
    let turn = u32::try_from(number).unwrap_or(u32::MAX);
    let link = if request.path.ends_with("/delta") {
        graph::delta_link_again(world, request, turn)
    } else {
        graph::link(world, request, SkipToken { turn, ..token })
    };
    rewritten(answer, |page| {
        if let Some(page) = page.as_object_mut() {
            page.remove("@odata.deltaLink"); // Never both.
        }
        page["value"] = Value::Array(Vec::new());
        page["@odata.nextLink"] = Value::from(link);
    })
}
