//! How a fault is said: where it strikes, when, and what happens then.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Effect;
use super::Occurrence;
use super::RetryAfter;
use super::Target;
use super::rows::RowFault;

/// Where and when, before it is said what: see [`Fault::on`].
#[derive(Debug, Clone)]
pub struct FaultPoint {
    pub(super) target: Target,
    pub(super) occurrence: Occurrence,
}

/// Something that goes wrong: `Fault::on("/v1.0/users").nth(3).throttle(RetryAfter::Seconds(1))`.
#[derive(Clone)]
pub struct Fault {
    pub(super) point: FaultPoint,
    pub(super) effect: Effect,
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fault").field(&self.point).finish()
    }
}

impl Fault {
    /// Strikes requests to this path of Graph and to all below it: "/v1.0/users" is also
    /// "/v1.0/users/$count". Of a function, it strikes every call, whatever its arguments.
    pub fn on(prefix: &str) -> FaultPoint {
        FaultPoint::new(Target::Below(prefix.to_owned()))
    }

    /// Strikes requests to exactly this path of Graph, whatever their query.
    pub fn at(path: &str) -> FaultPoint {
        FaultPoint::new(Target::Path(path.to_owned()))
    }

    /// Strikes requests for a report to the host that Graph sends to.
    pub fn at_download() -> FaultPoint {
        FaultPoint::new(Target::Download)
    }

    /// Strikes requests there for the report of this function, such as "getMailboxUsageDetail".
    pub fn at_download_of(function: &str) -> FaultPoint {
        FaultPoint::new(Target::DownloadOf(function.to_owned()))
    }

    /// Strikes requests to the token endpoint of the login service.
    pub fn at_token() -> FaultPoint {
        FaultPoint::new(Target::Token)
    }

    /// Strikes browsers that come to the sign-in page.
    pub fn at_authorize() -> FaultPoint {
        FaultPoint::new(Target::Authorize)
    }
}

/// When.
impl FaultPoint {
    fn new(target: Target) -> Self {
        let occurrence = Occurrence {
            after: 0,
            times: u64::MAX,
            every: 1,
        };
        Self { target, occurrence }
    }

    /// The `n`-th request only, counted from 1.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        self.occurrence.after = n.saturating_sub(1);
        self.occurrence.times = 1;
        self
    }

    /// The first `count` requests; with [`after`](Self::after), the first ones of the rest.
    #[must_use]
    pub fn first(mut self, count: u64) -> Self {
        self.occurrence.times = count;
        self
    }

    /// All requests after `count` that go well.
    #[must_use]
    pub fn after(mut self, count: u64) -> Self {
        self.occurrence.after = count;
        self
    }

    /// Every `m`-th request.
    #[must_use]
    pub fn every(mut self, m: u64) -> Self {
        self.occurrence.every = m.max(1);
        self
    }

    fn with(self, effect: Effect) -> Fault {
        Fault {
            point: self,
            effect,
        }
    }
}

/// Refusals.
impl FaultPoint {
    /// 429.
    pub fn throttle(self, retry_after: RetryAfter) -> Fault {
        self.with(Effect::Refuse {
            status: 429,
            retry_after,
        })
    }

    /// 503.
    pub fn unavailable(self, retry_after: RetryAfter) -> Fault {
        self.with(Effect::Refuse {
            status: 503,
            retry_after,
        })
    }

    /// This status with a body in Microsoft's shape: 500, 502, 504, 401, 403, 404 …
    pub fn status(self, status: u16) -> Fault {
        let retry_after = RetryAfter::Missing;
        self.with(Effect::Refuse {
            status,
            retry_after,
        })
    }

    /// The login service's refusal of this number, in its shape.
    pub fn aadsts(self, number: u32) -> Fault {
        self.with(Effect::Login(number))
    }

    /// Any answer at all.
    pub fn respond(
        self,
        status: u16,
        content_type: &'static str,
        body: impl Into<Vec<u8>>,
    ) -> Fault {
        let body = Arc::new(body.into());
        self.with(Effect::Respond {
            status,
            content_type,
            body,
        })
    }

    /// 200 with a page for people.
    pub fn html(self) -> Fault {
        let page = "<!DOCTYPE html><html><head><title>Sign in to the proxy</title></head><body>Access to this network is restricted.</body></html>";
        self.respond(200, "text/html; charset=utf-8", page)
    }

    /// 200 with nothing in it.
    pub fn empty_body(self) -> Fault {
        self.respond(200, "application/json", Vec::new())
    }

    /// 200 with lists nested this deep.
    pub fn deep_nesting(self, depth: usize) -> Fault {
        let body = format!("{{\"value\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        self.respond(200, "application/json", body)
    }
}

/// The way over the wire.
impl FaultPoint {
    /// The right answer, this much later.
    pub fn delay(self, delay: Duration) -> Fault {
        self.with(Effect::Delay(delay))
    }

    /// Never an answer; the connection stays open.
    pub fn hang(self) -> Fault {
        self.with(Effect::Hang)
    }

    /// The right answer, a byte at a time with this pause between.
    pub fn drip(self, pause: Duration) -> Fault {
        self.with(Effect::Drip(pause))
    }

    /// Content-Length announces the whole body; half of it comes before the connection closes.
    pub fn cut_body(self) -> Fault {
        self.with(Effect::CutBody)
    }

    /// Half of a chunked body comes before the connection closes.
    pub fn cut_chunk(self) -> Fault {
        self.with(Effect::CutChunk)
    }

    /// The connection closes without an answer.
    pub fn close_connection(self) -> Fault {
        self.with(Effect::CloseConnection)
    }

    /// The right answer behind a UTF-8 byte order mark.
    pub fn byte_order_mark(self) -> Fault {
        self.with(Effect::ByteOrderMark)
    }

    /// The right answer with a byte in it that UTF-8 does not allow.
    pub fn invalid_utf8(self) -> Fault {
        self.with(Effect::InvalidUtf8)
    }

    /// 200 with an empty list in so many bytes, uncompressed.
    pub fn huge_body(self, bytes: usize) -> Fault {
        self.with(Effect::HugeBody(bytes))
    }

    /// 200, compressed, that unpacks to so many bytes; gzip whether asked for or not.
    pub fn gzip_bomb(self, bytes: usize) -> Fault {
        self.with(Effect::GzipBomb(bytes))
    }
}

/// Usage reports.
impl FaultPoint {
    /// 302 to any address at all, whatever the right answer is: `http:`, another host, another port …
    pub fn redirect_to(self, url: &str) -> Fault {
        self.with(Effect::Redirect(Some(url.to_owned())))
    }

    /// 302 to the address that was asked for. At a download, `first(1)` makes it a second redirect
    /// behind which the report is, and without that it never ends.
    pub fn redirect_to_itself(self) -> Fault {
        self.with(Effect::Redirect(None))
    }

    /// What a download answers whose link is too old.
    pub fn expired_link(self) -> Fault {
        self.with(Effect::ExpiredLink)
    }

    /// The report without its byte order mark.
    pub fn no_byte_order_mark(self) -> Fault {
        self.rewrite_bytes(|body| {
            if body.starts_with(b"\xEF\xBB\xBF") {
                body.drain(..3);
            }
        })
    }

    /// Line `line` of the report, the header being 0, is this text.
    pub fn report_line(self, line: usize, text: &str) -> Fault {
        let text = text.to_owned();
        self.change_line(line, move |_| text.clone())
    }

    /// Line `line` of the report has only so many fields.
    pub fn short_line(self, line: usize, fields: usize) -> Fault {
        self.change_line(line, move |text| {
            let kept: Vec<&str> = text.split(',').take(fields).collect();
            kept.join(",")
        })
    }

    /// The first field of line `line` of the report has quotes in it, as nobody should write them.
    pub fn bare_quotes_in_line(self, line: usize) -> Fault {
        self.change_line(line, |text| match text.split_once(',') {
            Some((first, rest)) => format!("{first} \"so called\",{rest}"),
            None => text.to_owned(),
        })
    }

    /// The header of the report and at most so many lines.
    pub fn keep_lines(self, count: usize) -> Fault {
        self.rewrite_bytes(move |body| {
            let ends = body.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            if let Some(end) = ends.map(|(place, _)| place).nth(count) {
                body.truncate(end + 1);
            }
        })
    }

    /// Any change to the bytes of the right answer, if it went well.
    pub fn rewrite_bytes(self, change: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) -> Fault {
        self.with(Effect::RewriteBytes(Arc::new(change)))
    }

    fn change_line(
        self,
        line: usize,
        change: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Fault {
        self.rewrite_bytes(move |body| {
            let text = String::from_utf8_lossy(body).into_owned();
            let mut lines: Vec<String> = text.split("\r\n").map(str::to_owned).collect();
            // What stands behind the last end of a line is no line.
            let lines_count = lines.len() - 1;
            if let Some(own) = lines.iter_mut().take(lines_count).nth(line) {
                *own = change(own);
            }
            *body = lines.join("\r\n").into_bytes();
        })
    }
}

/// Lists that lie.
impl FaultPoint {
    /// 400 to every `$top` above `size`, and to none at all if `size` is below 100.
    pub fn page_size_max(self, size: u64) -> Fault {
        self.with(Effect::PageSizeMax(size))
    }

    /// No rows, and a link under which they are; always a new one, so `every(1)` never ends.
    pub fn empty_page(self) -> Fault {
        self.with(Effect::EmptyPage)
    }

    /// The right rows with this link to more: a foreign origin, `http:`, another port …
    pub fn next_link(self, link: &str) -> Fault {
        self.with(Effect::NextLink(link.to_owned()))
    }

    /// The right rows with a link to the same page.
    pub fn next_link_to_itself(self) -> Fault {
        self.with(Effect::NextLinkToItself)
    }

    /// No rows and no more pages.
    pub fn drop_rows(self) -> Fault {
        self.keep_rows(0)
    }

    /// So many rows at most and no more pages.
    pub fn keep_rows(self, count: usize) -> Fault {
        self.rewrite(move |body| {
            if let Some(rows) = body["value"].as_array_mut() {
                rows.truncate(count);
            }
            if let Some(body) = body.as_object_mut() {
                body.remove("@odata.nextLink");
            }
        })
    }

    /// `/users/$count` and `@odata.count` say this.
    pub fn count(self, count: u64) -> Fault {
        self.with(Effect::Count(count))
    }

    /// `/organization` answers for somebody else.
    pub fn organization_id(self, id: &str) -> Fault {
        let id = id.to_owned();
        self.rewrite(move |body| body["value"][0]["id"] = Value::from(id.as_str()))
    }

    /// Any change to the JSON of the right answer. `value` must be a list for lists of Graph.
    pub fn rewrite(self, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Fault {
        self.with(Effect::Rewrite(Arc::new(change)))
    }
}

/// Rows that lie. `row` counts from 0 and begins anew beyond the last row of a page.
impl FaultPoint {
    /// A number where a text belongs: `userPrincipalName`, or `skuId`.
    pub fn wrong_type_in_row(self, row: usize) -> Fault {
        self.with(Effect::Row {
            row,
            fault: RowFault::WrongType,
        })
    }

    /// `id` is null, and so is `skuId`.
    pub fn null_id_in_row(self, row: usize) -> Fault {
        self.with(Effect::Row {
            row,
            fault: RowFault::NullId,
        })
    }

    /// The row has the id of its neighbor before it; the first has that of the second.
    pub fn duplicate_id_in_row(self, row: usize) -> Fault {
        self.with(Effect::Row {
            row,
            fault: RowFault::DuplicateId,
        })
    }

    /// `displayName`, or `skuPartNumber`, is this long.
    pub fn huge_text_in_row(self, row: usize, bytes: usize) -> Fault {
        self.with(Effect::Row {
            row,
            fault: RowFault::HugeText(bytes),
        })
    }

    /// Enumerations with words that nobody knows yet.
    pub fn unknown_enum_in_row(self, row: usize) -> Fault {
        self.with(Effect::Row {
            row,
            fault: RowFault::UnknownEnum,
        })
    }

    /// The row says only that it was removed.
    pub fn removed_row(self, row: usize) -> Fault {
        self.with(Effect::Row {
            row,
            fault: RowFault::Removed,
        })
    }

    /// Another row than an object: the text "row".
    pub fn no_object_in_row(self, row: usize) -> Fault {
        self.with(Effect::Row {
            row,
            fault: RowFault::NoObject,
        })
    }

    /// `displayName`, or `skuPartNumber`, is a list of lists this deep.
    pub fn deep_nesting_in_row(self, row: usize, depth: usize) -> Fault {
        self.with(Effect::Row {
            row,
            fault: RowFault::DeepNesting(depth),
        })
    }

    /// `field` is this text of JSON, well formed or not: `NaN`, `1e400`, `"\ud800"`.
    pub fn raw_in_row(self, row: usize, field: &str, json: &str) -> Fault {
        let (field, json) = (field.to_owned(), json.to_owned());
        self.with(Effect::Row {
            row,
            fault: RowFault::Raw { field, json },
        })
    }
}
