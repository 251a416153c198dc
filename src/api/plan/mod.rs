//! Plans: the short way to an answer, for lists of users and what hangs on them.
//!
//! async-graphql runs a future for every field and builds a tree of values before the first byte is
//! written. That is the price of answering anything; lists of users are asked for far more than
//! anything else, and come with thousands of fields. So a document that was answered once without an
//! error is compiled, and the same document is answered from then on by a walk over its plan that
//! writes JSON straight from the columns.
//!
//! Nothing is decided twice. async-graphql has judged the document and the shape of its variables
//! before a plan is kept, arguments are read by the types of the schema, and lists are opened by the
//! same code. Whatever a plan does not know (another field, a directive, an argument that is refused)
//! is left to async-graphql, whose answer is the only one that tells errors.
//!
//! A plan runs on the thread that holds the connection: handing it to another costs as much as a small
//! answer. There it is out of reach of the deadline, of the bound on running operations and of whoever
//! stops what nobody waits for; so only short work takes this way. A document of more than
//! [`COST_MAX`] gets no plan, and a plan that would look at everybody too often (see `glances`) is left
//! alone while there are so many users.
//!
//! A plan reads nothing but the world of the engine, which has the prices of the day too, so that its
//! answer stays right as long as that world does: what is asked again is kept, within a budget of bytes.

mod answers;
mod arguments;
mod compile;
mod fields;
mod glances;
mod json;
mod read;
mod run;
mod shape;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::parser::parse_query;
use async_graphql::{Name, Value};
use bytes::Bytes;
use moka::sync::Cache;

use self::arguments::Given;
use self::fields::{Object, RootField};
use self::json::Json;
use self::run::{Run, Stop};
use super::caller::{Caller, Role};
use super::http::Parameters;
use super::metrics;
use super::settings::Limits;
use super::types::reading::{Reading, Rooms};

use self::answers::Answers;

/// What all plans take of memory, with the documents that they are found by. A plan takes about ten times
/// the bytes of its document.
const PLAN_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The cost of a document, as the gate prices it, beyond which there is no plan. Of rows it is some ten
/// milliseconds, worked out from what one takes: a page of 500 users may have 100 fields, those of managers and licenses among them.
const COST_MAX: usize = 50_000;

/// Compiles documents and answers from the plans. Cloning it is cheap.
#[derive(Clone)]
pub struct Planner {
    rooms: Arc<Rooms>,
    /// By document, operation and shape of the variables; `None` where there is no plan.
    plans: Cache<String, Option<Arc<Plan>>>,
    answers: Answers,
    counts: Arc<metrics::Plans>,
    /// Of this process alone: versions begin anew in the next one.
    tag_key: [u8; 32],
    answer_bytes_max: usize,
}

/// How one operation is answered.
struct Plan {
    root: Object<RootField>,
    /// The defaults of its variables.
    defaults: Vec<(Name, Value)>,
    /// How often it looks at everybody.
    glances: u64,
    /// What it takes of memory, about.
    bytes: usize,
    /// Bytes of the latest answer: about what the next one takes.
    length: AtomicUsize,
}

/// A request as it came, and whose it is: all that an answer depends on but the world.
pub(in crate::api) struct Question {
    bytes: Vec<u8>,
    /// It was asked before, so that its answer is worth keeping.
    is_repeated: bool,
}

/// An answer by plan, and the version of the world that it holds for.
#[derive(Clone)]
pub(in crate::api) struct Answer {
    pub(in crate::api) json: Bytes,
    pub(in crate::api) version: u64,
}

/// Why there is no answer by plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Unplanned {
    /// The answer is larger than it may be.
    TooLarge,
    /// The request was not seen before. If async-graphql answers it without an error, there may be a
    /// plan.
    Unknown,
    /// async-graphql has to answer.
    Not,
}

impl Planner {
    /// A planner that answers from what `rooms` hold, within limits.
    pub(in crate::api) fn new(rooms: Arc<Rooms>, limits: &Limits) -> Self {
        let weight = |key: &String, plan: &Option<Arc<Plan>>| {
            let bytes = key.len() + plan.as_ref().map_or(0, |plan| plan.bytes);
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self {
            rooms,
            plans: Cache::builder()
                .weigher(weight)
                .max_capacity(PLAN_BYTES_MAX)
                .build(),
            answers: Answers::new(limits.answers_kept_bytes_max),
            counts: Arc::new(metrics::Plans::new()),
            tag_key: tag_key(),
            answer_bytes_max: limits.answer_bytes_max,
        }
    }

    /// A question that came; `kind` tells apart the ways in which a request can be written.
    pub(in crate::api) fn question(&self, caller: &Caller, kind: u8, asked: &[u8]) -> Question {
        let sees = match caller.role {
            Role::Admin => b'A',
        };
        let bytes = [&[sees, kind], asked].concat();
        let is_repeated = self.answers.is_worth(&bytes);
        Question { bytes, is_repeated }
    }

    /// The version of the world that is answered from now.
    pub(in crate::api) fn version(&self) -> u64 {
        self.rooms.coordinator.moment().0.version()
    }

    /// What names the answer to a question in a version of the world. Nobody can make it up, and no
    /// other process makes the same.
    pub(in crate::api) fn tag(&self, question: &Question, media: &str, version: u64) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.tag_key);
        hasher.update(&version.to_le_bytes());
        hasher.update(&(media.len() as u64).to_le_bytes());
        hasher.update(media.as_bytes());
        hasher.update(&question.bytes);
        hasher.finalize().to_hex()[..32].to_owned()
    }

    /// The answer that is kept.
    pub(in crate::api) fn kept(&self, question: &Question) -> Option<Answer> {
        let is_looked_for = question.is_repeated.then_some(&question.bytes);
        let answer = is_looked_for.and_then(|bytes| self.answers.get(bytes, self.version()));
        self.counts.count_kept(answer.is_some());
        answer
    }

    /// Answers a request, where there is a plan for it, and keeps the answer if it was asked before.
    pub(in crate::api) fn answer(
        &self,
        question: &Question,
        parameters: &Parameters,
    ) -> Result<Answer, Unplanned> {
        let key = key(parameters).ok_or(Unplanned::Not)?;
        let plan = self.plans.get(&key).ok_or(Unplanned::Unknown)?;
        let plan = plan.ok_or(Unplanned::Not)?;
        let reading = Reading::now(Arc::clone(&self.rooms));
        if plan.glances.saturating_mul(reading.user_count()) > glances::GLANCES_MAX {
            return Err(Unplanned::Not);
        }
        let answer = match plan.answer(&reading, parameters, self.answer_bytes_max) {
            Ok(json) => Answer {
                json: json.into(),
                version: reading.version(),
            },
            Err(Stop::TooLarge) => return Err(Unplanned::TooLarge),
            Err(Stop::Unanswered) => return Err(Unplanned::Not),
        };
        self.counts.count_planned();
        if question.is_repeated {
            self.answers.keep(&question.bytes, &answer);
        }
        Ok(answer)
    }

    /// Shows how much memory it takes.
    pub(in crate::api) fn show_memory(&self) {
        metrics::show_kept_bytes(self.answers.bytes());
        // Sums are brought up to date from time to time only.
        self.plans.run_pending_tasks();
        metrics::show_plan_bytes(self.plans.weighted_size());
    }

    /// Makes a plan of a request of such a cost that async-graphql has answered without an error. It is rare, and kept
    /// apart for the benchmark that counts its instructions.
    #[inline(never)]
    pub(in crate::api) fn learn(&self, parameters: &Parameters, cost: usize) {
        let Some(key) = key(parameters) else {
            return;
        };
        let query = (cost <= COST_MAX).then_some(&parameters.query);
        let document = query.and_then(|query| parse_query(query).ok());
        let plan = document.and_then(|document| {
            let name = parameters.operation_name.as_deref();
            compile::compile(&document, name, &parameters.variables)
        });
        self.plans.insert(key, plan.map(Arc::new));
    }
}

fn tag_key() -> [u8; 32] {
    let random = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    blake3::derive_key(
        "seatwise 2026-11-23 entity tags",
        &random.map(uuid::Uuid::into_bytes).concat(),
    )
}

fn key(parameters: &Parameters) -> Option<String> {
    let name = parameters.operation_name.as_deref();
    shape::key(&parameters.query, name, &parameters.variables)
}

impl Plan {
    fn new(
        root: Object<RootField>,
        defaults: Vec<(Name, Value)>,
        glances: u64,
        bytes: usize,
    ) -> Self {
        Self {
            root,
            defaults,
            glances,
            bytes,
            length: AtomicUsize::new(0),
        }
    }

    fn answer(
        &self,
        reading: &Arc<Reading>,
        parameters: &Parameters,
        bytes_max: usize,
    ) -> Result<String, Stop> {
        let run = Run {
            reading,
            given: Given {
                variables: &parameters.variables,
                defaults: &self.defaults,
            },
            bytes_max,
        };
        let length = self.length.load(Ordering::Relaxed);
        let mut json = Json::new(length + length / 8 + 256);
        json.raw("{\"data\":");
        run.root(&mut json, &self.root)?;
        json.raw("}");
        if json.len() > bytes_max {
            return Err(Stop::TooLarge);
        }
        self.length.store(json.len(), Ordering::Relaxed);
        Ok(json.into_text())
    }
}
