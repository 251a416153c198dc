//! Logs, metrics and what a panic says.
//!
//! One line an event, to standard error, pretty or JSON. Whatever stands in a field, it stays one
//! line, shows no control characters and is cut at 4 kB: names from a directory are not trusted to
//! be names. Libraries only warn, at any level: at TRACE some of them would log headers.

use std::fmt::{self, Write as _};
use std::io::{IsTerminal as _, Write as _};

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use serde::Deserialize;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::clock::SharedClock;

/// The most bytes that one field takes in a line.
const FIELD_BYTES_MAX: usize = 4_096;

/// Upper bounds of the buckets of every duration, in seconds.
const DURATION_BUCKETS_SECONDS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0,
];

/// What is logged, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSettings {
    /// For people or for machines.
    pub format: LogFormat,
    /// What Seatwise itself tells.
    pub level: LogLevel,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// From what weight on an event is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What failed.
    Error,
    /// What will fail unless somebody looks at it, too.
    Warn,
    /// What happens in the life of a server, too.
    Info,
    /// What helps to find a fault, too.
    Debug,
    /// Every step.
    Trace,
}

/// Logs from here on, for the whole process; panics too. Called once, by `main`'s command: a second
/// call changes nothing.
pub fn start_logging(settings: LogSettings, clock: SharedClock) {
    let style = match settings.format {
        LogFormat::Json => Style::Json,
        LogFormat::Pretty if std::io::stderr().is_terminal() => Style::Colored,
        LogFormat::Pretty => Style::Plain,
    };
    let lines = Lines {
        style,
        clock,
        write: |line: &str| {
            // Nobody is left to tell when standard error is gone.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        },
    };
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter(settings.level)));
    if subscriber.try_init().is_ok() {
        log_panics();
    }
}

/// Records the metrics of the whole process; the handle renders them. Fails when they are recorded
/// already.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    recorder()?.install_recorder()
}

fn recorder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets(&DURATION_BUCKETS_SECONDS)
}

fn filter(level: LogLevel) -> Targets {
    let own = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new()
        .with_target(env!("CARGO_CRATE_NAME"), own)
        .with_default(own.min(LevelFilter::WARN))
}

/// A panic's words may hold whatever was at hand, a name or a token: only its place is logged.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        tracing::error!(
            place,
            thread,
            "a fault of this program stopped what it was doing"
        );
    }));
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Json,
    Plain,
    Colored,
}

/// Turns events into lines.
struct Lines<W> {
    style: Style,
    clock: SharedClock,
    write: W,
}

/// The fields of a span or an event, in order, each already fit for a line.
#[derive(Default)]
struct Fields {
    message: String,
    named: Vec<(&'static str, Value)>,
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    W: Fn(&str) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        // The outermost span first: who asks stands before what is done for them.
        for span in context
            .event_scope(event)
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .iter()
            .rev()
        {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.named.extend(outer.named.iter().cloned());
            }
        }
        event.record(&mut fields);
        let metadata = event.metadata();
        let at = self.clock.now();
        let line = match self.style {
            Style::Json => json_line(&at.to_string(), metadata.level(), metadata.target(), fields),
            style => pretty_line(
                &at.to_string(),
                metadata.level(),
                metadata.target(),
                &fields,
                style,
            ),
        };
        (self.write)(&line);
    }
}

fn json_line(at: &str, level: &Level, target: &str, fields: Fields) -> String {
    let mut object = Map::new();
    // Fields first: none may pass for one of the four that every line has.
    for (name, value) in fields.named {
        object.insert(name.to_owned(), value);
    }
    for (name, value) in [
        ("at", at),
        ("level", level.as_str()),
        ("target", target),
        ("message", &fields.message),
    ] {
        object.insert(name.to_owned(), Value::from(value));
    }
    format!("{}\n", Value::Object(object))
}

fn pretty_line(at: &str, level: &Level, target: &str, fields: &Fields, style: Style) -> String {
    let (color, reset) = match (style, *level) {
        (Style::Colored, Level::ERROR) => ("\u{1b}[31m", "\u{1b}[0m"),
        (Style::Colored, Level::WARN) => ("\u{1b}[33m", "\u{1b}[0m"),
        (Style::Colored, Level::INFO) => ("\u{1b}[32m", "\u{1b}[0m"),
        (Style::Colored, _) => ("\u{1b}[2m", "\u{1b}[0m"),
        _ => ("", ""),
    };
    let mut line = format!("{at} {color}{level:>5}{reset} {target}: {}", fields.message);
    for (name, value) in &fields.named {
        // Writing to a String cannot fail.
        let _ = write!(line, " {name}={value}");
    }
    line.push('\n');
    line
}

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        match self
            .named
            .iter_mut()
            .find(|(name, _)| *name == field.name())
        {
            Some((_, old)) => *old = value,
            None => self.named.push((field.name(), value)),
        }
    }

    fn set_text(&mut self, field: &Field, text: &str) {
        let text = fit_for_a_line(text);
        match field.name() {
            "message" => self.message = text,
            _ => self.set(field, Value::from(text)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set_text(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, Value::from(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Bounded(String::new());
        // It fails when it is full, and then it has all that is shown.
        let _ = write!(text, "{value:?}");
        self.set_text(field, &text.0);
    }
}

/// A text that takes no more than a field shows, and a byte to tell that there was more.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = (FIELD_BYTES_MAX + 1).saturating_sub(self.0.len());
        let end = text.floor_char_boundary(room);
        self.0.push_str(&text[..end]);
        if end < text.len() {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

/// The text on one line: control characters, and those that reorder or break lines, as escapes; cut
/// at [`FIELD_BYTES_MAX`].
fn fit_for_a_line(text: &str) -> String {
    let mut fit = String::with_capacity(text.len().min(FIELD_BYTES_MAX));
    for character in text.chars() {
        let is_harmful = character.is_control()
            || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let bytes_before = fit.len();
        if is_harmful {
            fit.extend(character.escape_default());
        } else {
            fit.push(character);
        }
        if fit.len() > FIELD_BYTES_MAX {
            fit.truncate(bytes_before);
            fit.push('…');
            break;
        }
    }
    fit
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use jiff::Timestamp;

    use super::*;
    use crate::clock::Clock;

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            "2026-11-23T12:00:00Z".parse().unwrap()
        }
    }

    /// The lines that `act` logs.
    fn logged(style: Style, level: LogLevel, act: impl FnOnce()) -> String {
        let written = Arc::new(Mutex::new(String::new()));
        let sink = written.clone();
        let lines = Lines {
            style,
            clock: Arc::new(Noon),
            write: move |line: &str| sink.lock().unwrap().push_str(line),
        };
        let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter(level)));
        tracing::subscriber::with_default(subscriber, act);
        let written = written.lock().unwrap();
        written.clone()
    }

    #[test]
    fn a_pretty_line_has_time_level_target_message_and_fields() {
        let line = logged(Style::Plain, LogLevel::Info, || {
            tracing::info!(tenant = "contoso", rows = 12, "synced {}", 1);
        });
        assert_eq!(
            line,
            "2026-11-23T12:00:00Z  INFO seatwise::telemetry::tests: synced 1 tenant=\"contoso\" rows=12\n"
        );
    }

    #[test]
    fn a_json_line_is_one_object_with_the_fields_of_its_spans() {
        let line = logged(Style::Json, LogLevel::Info, || {
            let span = tracing::info_span!("run", run = "r1", rows = tracing::field::Empty);
            span.record("rows", 3);
            span.in_scope(|| tracing::warn!(level = "mine", is_late = true, "slow"));
        });
        let object: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            object,
            serde_json::json!({
                "at": "2026-11-23T12:00:00Z", "level": "WARN", "target": "seatwise::telemetry::tests",
                "message": "slow", "run": "r1", "rows": 3, "is_late": true,
            })
        );
    }

    #[test]
    fn a_hostile_name_cannot_forge_a_line_or_move_the_cursor() {
        for style in [Style::Plain, Style::Json] {
            let line = logged(style, LogLevel::Info, || {
                tracing::info!(
                    name = "a\n2026 ERROR \u{1b}[2J\u{202e}\u{9b}",
                    "hello\r\nthere"
                );
            });
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            let body = line.trim_end_matches('\n');
            assert!(
                !body.contains(|c: char| c.is_control() || c == '\u{202e}'),
                "{line}"
            );
        }
    }

    #[test]
    fn a_long_field_is_cut() {
        let check = |length: usize, kept: usize| {
            let fit = fit_for_a_line(&"é".repeat(length));
            assert_eq!(fit.chars().filter(|c| *c == 'é').count(), kept);
            assert_eq!(fit.ends_with('…'), kept < length);
        };
        check(2_048, 2_048);
        check(2_049, 2_048);
        let line = logged(Style::Plain, LogLevel::Info, || {
            tracing::info!(name = ?"x".repeat(1_000_000), "long");
        });
        assert!(line.len() < FIELD_BYTES_MAX + 100, "{}", line.len());
        assert!(line.ends_with("…\"\n"), "cut visibly");
    }

    #[test]
    fn libraries_only_warn_at_any_level() {
        let line = logged(Style::Plain, LogLevel::Trace, || {
            tracing::debug!(target: "hyper", "authorization: Bearer x");
            tracing::warn!(target: "hyper", "odd");
            tracing::trace!("step");
        });
        assert!(!line.contains("Bearer"), "{line}");
        assert!(line.contains("odd") && line.contains("step"), "{line}");
        let quiet = logged(Style::Plain, LogLevel::Error, || {
            tracing::warn!(target: "hyper", "odd");
            tracing::warn!("ours");
        });
        assert_eq!(quiet, "");
    }

    #[test]
    fn durations_are_counted_in_buckets() {
        let recorder = recorder().unwrap().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("seatwise_test_total").increment(2);
            metrics::histogram!("seatwise_test_seconds").record(0.02);
        });
        let text = recorder.handle().render();
        assert!(text.contains("seatwise_test_total 2"), "{text}");
        assert!(
            text.contains("seatwise_test_seconds_bucket{le=\"0.025\"} 1"),
            "{text}"
        );
    }
}
