//! What is logged on a request's way carries its id.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Mutex;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::harness::start;

/// Events of this process that have a `what`: their fields with those of their spans.
static EVENTS: Mutex<Vec<Fields>> = Mutex::new(Vec::new());

#[derive(Clone, Default)]
struct Fields(HashMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

struct Collector;

impl<S: Subscriber + for<'lookup> LookupSpan<'lookup>> Layer<S> for Collector {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flatten() {
            let outer = span.extensions().get::<Fields>().cloned();
            fields.0.extend(outer.unwrap_or_default().0);
        }
        event.record(&mut fields);
        if fields.0.contains_key("what") {
            EVENTS.lock().unwrap().push(fields);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_found_in_the_log_by_the_id_of_the_answer() {
    tracing_subscriber::registry().with(Collector).init();
    let server = start();
    for accept in ["application/json", "text/event-stream"] {
        let asked = server
            .post(r#"{"query":"{faulty}"}"#)
            .header("accept", accept);
        let answer = asked.send().await.unwrap();
        let id = answer.headers()["x-request-id"].to_str().unwrap();
        let events = EVENTS.lock().unwrap();
        let found = events.iter().filter(|event| {
            event
                .0
                .get("request_id")
                .is_some_and(|own| own.contains(id))
        });
        let whats: Vec<_> = found.map(|event| event.0["what"].as_str()).collect();
        assert_eq!(whats, ["\"a fault on purpose\""], "{accept}");
    }
}
