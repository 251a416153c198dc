//! Names of what is counted and measured, and the guards that count.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use foldhash::fast::RandomState;
use metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

use crate::api::error::Code;

const REQUESTS: &str = "seatwise_http_requests_total";
const REQUEST_SECONDS: &str = "seatwise_http_request_duration_seconds";
const REFUSALS: &str = "seatwise_graphql_refusals_total";
const RUNNING: &str = "seatwise_graphql_operations_running";
const SUBSCRIPTIONS: &str = "seatwise_graphql_subscriptions_open";
const PLANNED: &str = "seatwise_graphql_answers_planned_total";
const ANSWERS_KEPT_BYTES: &str = "seatwise_graphql_answers_kept_bytes";
const PLANS_BYTES: &str = "seatwise_graphql_plans_bytes";
const ANSWERS_KEPT: &str = "seatwise_graphql_answers_kept_total";
const EXPORTS_RUNNING: &str = "seatwise_exports_running";
const EXPORTS: &str = "seatwise_exports_total";
const EXPORTED_ROWS: &str = "seatwise_exported_rows_total";
const EXPORTED_BYTES: &str = "seatwise_exported_bytes_total";
const CONNECTIONS_REFUSED: &str = "seatwise_http_connections_refused_total";

/// Tells the recorder what the names mean; once, after the recorder is installed.
pub(super) fn describe() {
    describe_counter!(
        REQUESTS,
        "HTTP requests answered, by route, method and status"
    );
    describe_histogram!(
        REQUEST_SECONDS,
        Unit::Seconds,
        "From a request's head to its answer's head, by route"
    );
    describe_counter!(REFUSALS, "Requests without a result, by code");
    describe_gauge!(RUNNING, "Operations running now");
    describe_gauge!(SUBSCRIPTIONS, "Subscriptions open now");
    describe_counter!(
        PLANNED,
        "Requests answered by a plan that was made of an earlier one"
    );
    describe_gauge!(
        ANSWERS_KEPT_BYTES,
        Unit::Bytes,
        "Memory of answers that are kept for whoever asks the same again"
    );
    describe_gauge!(
        PLANS_BYTES,
        Unit::Bytes,
        "Memory of plans and of the documents that they are found by"
    );
    describe_counter!(
        ANSWERS_KEPT,
        "Requests whose answer was looked for among those kept, by whether it was there"
    );
    describe_gauge!(EXPORTS_RUNNING, "Exports of lists running now");
    describe_counter!(
        EXPORTS,
        "Exports of lists that ended, by list, format and how they ended"
    );
    describe_counter!(EXPORTED_ROWS, "Rows written by exports of lists");
    describe_counter!(
        EXPORTED_BYTES,
        Unit::Bytes,
        "Bytes that exports of lists handed to their readers"
    );
    describe_counter!(
        CONNECTIONS_REFUSED,
        "Connections closed because their address held too many"
    );
}

/// Counts answered requests. To look up what counts costs more than to count, so that is done once for each
/// route, method and status.
#[derive(Default)]
pub(super) struct Requests {
    counted: RwLock<HashMap<Label, Counted, RandomState>>,
}

/// Route, method and status; the first two come from fixed lists, so labels are bounded.
type Label = (&'static str, &'static str, u16);

#[derive(Clone)]
struct Counted {
    answered: Counter,
    seconds: Histogram,
}

impl Requests {
    /// Counts one.
    pub(super) fn count(
        &self,
        route: &'static str,
        method: &'static str,
        status: u16,
        took: Duration,
    ) {
        let label = (route, method, status);
        let counted = self.counted.read().unwrap_or_else(PoisonError::into_inner);
        let counted = match counted.get(&label).cloned() {
            Some(counted) => counted,
            None => {
                drop(counted);
                let status = status.to_string();
                let new = Counted {
                    answered: counter!(REQUESTS, "route" => route, "method" => method, "status" => status),
                    seconds: histogram!(REQUEST_SECONDS, "route" => route),
                };
                let mut counted = self.counted.write().unwrap_or_else(PoisonError::into_inner);
                counted.insert(label, new.clone());
                new
            }
        };
        counted.answered.increment(1);
        counted.seconds.record(took.as_secs_f64());
    }
}

/// Counts a request that got no result: refused, too slow or failed.
pub(super) fn count_refusal(code: Code) {
    counter!(REFUSALS, "code" => code.as_str()).increment(1);
}

/// Counts what plans do; looked up once, since it is done for nearly every request.
pub(super) struct Plans {
    planned: Counter,
    kept: Counter,
    not_kept: Counter,
}

impl Plans {
    /// What counts from now on.
    pub(super) fn new() -> Self {
        Self {
            planned: counter!(PLANNED),
            kept: counter!(ANSWERS_KEPT, "result" => "hit"),
            not_kept: counter!(ANSWERS_KEPT, "result" => "miss"),
        }
    }

    /// Counts an answer by plan.
    pub(super) fn count_planned(&self) {
        self.planned.increment(1);
    }

    /// Counts a look for an answer among those that are kept.
    pub(super) fn count_kept(&self, is_there: bool) {
        match is_there {
            true => self.kept.increment(1),
            false => self.not_kept.increment(1),
        }
    }
}

/// Shows the memory of the answers that are kept.
pub(super) fn show_kept_bytes(bytes: u64) {
    // Exact to 2^53 bytes.
    gauge!(ANSWERS_KEPT_BYTES).set(bytes as f64);
}

/// Shows the memory of the plans.
pub(super) fn show_plan_bytes(bytes: u64) {
    // Exact to 2^53 bytes.
    gauge!(PLANS_BYTES).set(bytes as f64);
}

/// Counts a connection that was closed because its address held too many.
pub(super) fn count_refused_connection() {
    counter!(CONNECTIONS_REFUSED).increment(1);
}

/// Counts an export that ended. All three come from fixed lists.
pub(super) fn count_export(list: &'static str, format: &'static str, end: &'static str) {
    counter!(EXPORTS, "list" => list, "format" => format, "end" => end).increment(1);
}

/// Counts rows that an export has written.
pub(super) fn count_exported_rows(rows: u64) {
    counter!(EXPORTED_ROWS).increment(rows);
}

/// Counts bytes that the reader of an export has taken.
pub(super) fn count_exported_bytes(bytes: u64) {
    counter!(EXPORTED_BYTES).increment(bytes);
}

/// Something counted in a gauge while it lives.
pub(super) struct Running(&'static str);

impl Running {
    /// An operation that runs.
    pub(super) fn operation() -> Self {
        Self::in_gauge(RUNNING)
    }

    /// A subscription that is open.
    pub(super) fn subscription() -> Self {
        Self::in_gauge(SUBSCRIPTIONS)
    }

    /// An export that runs.
    pub(super) fn export() -> Self {
        Self::in_gauge(EXPORTS_RUNNING)
    }

    fn in_gauge(name: &'static str) -> Self {
        gauge!(name).increment(1.0);
        Self(name)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        gauge!(self.0).decrement(1.0);
    }
}
