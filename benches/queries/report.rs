//! Tables of what was seen, beside what is wanted. They are Markdown, and read as well on a terminal.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::filters::FilterTimes;
use crate::load::Load;
use crate::questions::Question;

/// Everything of one benchmark.
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) versions: Vec<String>,
    pub(crate) seconds: u64,
    /// Bytes of a server without users.
    pub(crate) empty: u64,
    /// From the smallest organization to the largest.
    pub(crate) sizes: Vec<Size>,
}

/// What was seen of an organization of one size.
pub(crate) struct Size {
    pub(crate) users: u64,
    /// Users whom Q1 and Q2 find, on average.
    pub(crate) matches: f64,
    pub(crate) answered: Vec<Answered>,
    /// The bytes of an answer to Q1, as they are.
    pub(crate) fixed: Load,
    /// Q1 where answers are kept.
    pub(crate) cached: Option<Load>,
    /// Q1 while everything is published anew.
    pub(crate) publishing: Option<Load>,
    pub(crate) inside: Inside,
    pub(crate) few: Few,
}

/// What is seen where users, licenses and the use of mail, Teams, OneDrive and SharePoint are read, and
/// neither history nor anything else.
pub(crate) struct Few {
    /// From the start of the process to the first answer.
    pub(crate) start: f64,
    pub(crate) resident_after_start: u64,
    /// By the read model's own account.
    pub(crate) heap: u64,
    pub(crate) disk_first: u64,
    /// After 30 syncs that each change a hundredth.
    pub(crate) disk_after_syncs: u64,
}

/// How a question was answered.
pub(crate) struct Answered {
    pub(crate) question: Question,
    pub(crate) seatwise: Load,
    /// PostGraphile, by the way in which it was asked.
    pub(crate) peer: Vec<(&'static str, Load)>,
}

/// What is not seen by asking. Times in seconds.
pub(crate) struct Inside {
    pub(crate) first_sync: f64,
    pub(crate) resident_after_sync: u64,
    pub(crate) resident_after_start: u64,
    /// By the read model's own account.
    pub(crate) heap: u64,
    pub(crate) filters: FilterTimes,
    /// From the start of the process to the first answer.
    pub(crate) start: f64,
    /// Of it, opening and loading.
    pub(crate) loading: f64,
    /// 100 changes that are there already.
    pub(crate) small_publish: f64,
    /// 100 changes that Microsoft is asked for.
    pub(crate) small_sync: f64,
    /// A change of everybody, under load.
    pub(crate) full_publish: f64,
    /// A sync that changes a hundredth.
    pub(crate) one_percent_sync: f64,
    pub(crate) disk_first: u64,
    /// After 30 syncs that each change a hundredth.
    pub(crate) disk_after_syncs: u64,
    /// Tables and indexes of PostgreSQL.
    pub(crate) peer_bytes: Option<u64>,
}

/// What is wanted of a question, at the largest organization.
struct Wanted {
    /// Times the requests of PostGraphile, by the way in which it is asked.
    peer: fn(&str) -> f64,
    /// Share of the requests of fixed bytes.
    fixed: Option<f64>,
    /// Milliseconds of p99, and times the p99 of fixed bytes.
    p99: Option<(f64, f64)>,
}

fn wanted(question: Question) -> Wanted {
    let (peer, fixed): (fn(&str) -> f64, _) = match question {
        Question::Q1 => (|_| 150.0, Some(0.35)),
        Question::Q2 => (|_| 200.0, None),
        Question::Q3 => (|_| 500.0, None),
        Question::Q4 => (|_| 7.0, None),
        Question::Q5 => (|way| if way == "by offset" { 1_000.0 } else { 20.0 }, None),
        Question::Q6 => (|_| 150.0, None),
    };
    Wanted {
        peer,
        fixed,
        p99: (question != Question::Q6).then_some((10.0, 1.5)),
    }
}

const KEPT_WANTED: f64 = 0.80;
const PUBLISHING_P99_WANTED: f64 = 3.0;

impl Report {
    /// All of it, to be kept.
    pub(crate) fn text(&self) -> String {
        let versions = self.versions.join(", ");
        let mut text = format!(
            "# How fast Seatwise answers\n\n\
             Printed by `bench/run --save`; see `bench/run --help` for what it does.\n\n\
             - Machine: {}\n- Date: {}\n- Versions: {versions}\n- Seatwise: {}\n\
             - Load: wrk, 1 thread, 16 connections on loopback, {} s each after a warm-up; server, database and wrk share the cores\n\n\
             Compare figures of one run only: ratios count. What is wanted is wanted of a million users.\n",
            self.machine,
            Timestamp::now().strftime("%Y-%m-%d"),
            env!("CARGO_PKG_VERSION"),
            self.seconds,
        );
        for size in &self.sizes {
            text += &self.size_text(size);
        }
        text += &self.growth_text();
        text
    }

    /// The tables of one size.
    pub(crate) fn size_text(&self, size: &Size) -> String {
        let mut text = format!("\n## {} users\n\n", grouped(size.users));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "Q1 and Q2 find {:.0} users on average.\n",
            size.matches
        );
        text += &loads(size).markdown();
        text += "\n";
        text += &ratios(size).markdown();
        text += "\n";
        text += &self.inside(size).markdown();
        text += "\n";
        text += &self.few(size).markdown();
        text
    }

    /// How everything grows with the number of users.
    pub(crate) fn growth_text(&self) -> String {
        let users = self.sizes.iter().map(|size| grouped(size.users));
        let heads = std::iter::once("grows with users".to_owned()).chain(users);
        let mut table = Table::new(heads.chain(["exponent".to_owned()]).collect());
        let mut row = |name: String, figure: &dyn Fn(&Size) -> Option<f64>| {
            let figures: Vec<_> = self.sizes.iter().map(figure).collect();
            if figures.iter().all(Option::is_none) {
                return;
            }
            let cells = figures
                .iter()
                .map(|figure| figure.map_or_else(none, number));
            let points = self.sizes.iter().zip(&figures);
            let points = points.filter_map(|(size, figure)| Some((size.users as f64, (*figure)?)));
            let exponent = exponent(&points.collect::<Vec<_>>());
            let exponent = exponent.map_or_else(none, |exponent| format!("{exponent:.2}"));
            table.row(
                std::iter::once(name)
                    .chain(cells)
                    .chain([exponent])
                    .collect(),
            );
        };
        for question in Question::ALL {
            row(format!("{question:?}, µs a request"), &|size| {
                Some(1e6 / find(size, question)?.seatwise.rate)
            });
            row(format!("{question:?}, bytes an answer"), &|size| {
                Some(find(size, question)?.seatwise.bytes)
            });
            for way in ["", "by offset", "by keyset"] {
                row(
                    format!("{question:?} at PostGraphile {way}, µs a request").replace(" ,", ","),
                    &|size| {
                        let mut ways = find(size, question)?.peer.iter();
                        Some(1e6 / ways.find(|(name, _)| *name == way)?.1.rate)
                    },
                );
            }
        }
        row("users found by Q1".to_owned(), &|size| Some(size.matches));
        row("random filter, median µs".to_owned(), &|size| {
            Some(size.inside.filters.plain.median)
        });
        row("random filter, worst µs".to_owned(), &|size| {
            Some(size.inside.filters.plain.worst)
        });
        row("resident MiB after the first sync".to_owned(), &|size| {
            Some(mebibytes(size.inside.resident_after_sync))
        });
        row("start, s".to_owned(), &|size| Some(size.inside.start));
        row("100 changes published, ms".to_owned(), &|size| {
            Some(1e3 * size.inside.small_publish)
        });
        row("sync of 100 changes, s".to_owned(), &|size| {
            Some(size.inside.small_sync)
        });
        row("first sync, s".to_owned(), &|size| {
            Some(size.inside.first_sync)
        });
        row("disk MiB".to_owned(), &|size| {
            Some(mebibytes(size.inside.disk_first))
        });
        format!("\n## Growth\n\n{}", table.markdown())
    }

    /// What is wanted is wanted of these datasets.
    fn few(&self, size: &Size) -> Table {
        let few = &size.few;
        let each = |bytes: u64| bytes as f64 / size.users as f64;
        let heads = [
            "users, licenses and four workloads, no history",
            "seen",
            "wanted",
            "reached",
        ];
        let mut table = Table::new(heads.map(str::to_owned).into());
        let rows = [
            ("process start to first answer", few.start, "s", Some(3.0)),
            (
                "resident after a start",
                each(few.resident_after_start),
                "B/user",
                Some(350.0),
            ),
            (
                "read model by its own account",
                each(few.heap),
                "B/user",
                None,
            ),
            (
                "disk after the first sync",
                each(few.disk_first),
                "B/user",
                None,
            ),
            (
                "disk after 30 syncs of 1 %",
                each(few.disk_after_syncs),
                "B/user",
                Some(150.0),
            ),
        ];
        for (name, seen, unit, most) in rows {
            table.row(vec![
                name.to_owned(),
                format!("{} {unit}", number(seen)),
                most.map_or_else(none, |most| format!("at most {} {unit}", number(most))),
                most.map_or_else(none, |most| yes(seen <= most)),
            ]);
        }
        table
    }

    fn inside(&self, size: &Size) -> Table {
        let inside = &size.inside;
        let each = |bytes: u64| bytes as f64 / size.users as f64;
        let mut table = Table::new(
            ["inside", "seen", "wanted", "reached"]
                .map(str::to_owned)
                .into(),
        );
        let mut row = |name: &str, seen: f64, unit: &str, most: Option<f64>| {
            table.row(vec![
                name.to_owned(),
                format!("{} {unit}", number(seen)),
                most.map_or_else(none, |most| format!("at most {} {unit}", number(most))),
                most.map_or_else(none, |most| yes(seen <= most)),
            ]);
        };
        row(
            "random filters, median",
            inside.filters.plain.median,
            "µs",
            Some(300.0),
        );
        row(
            "random filters, worst",
            inside.filters.plain.worst,
            "µs",
            Some(5_000.0),
        );
        row(
            "random filters with a search, median",
            inside.filters.with_search.median,
            "µs",
            None,
        );
        row(
            "random filters with a search, worst",
            inside.filters.with_search.worst,
            "µs",
            None,
        );
        row(
            "resident after the first sync, all datasets",
            each(inside.resident_after_sync),
            "B/user",
            None,
        );
        row(
            "resident after a start, all datasets",
            each(inside.resident_after_start),
            "B/user",
            None,
        );
        row(
            "of these, a server without users",
            each(self.empty),
            "B/user",
            None,
        );
        row(
            "read model by its own account",
            each(inside.heap),
            "B/user",
            None,
        );
        row(
            "process start to first answer, all datasets",
            inside.start,
            "s",
            None,
        );
        row("of it, until it listens", inside.loading, "s", None);
        row(
            "100 changes in hand until served",
            1e3 * inside.small_publish,
            "ms",
            None,
        );
        row(
            "sync of 100 changes until served",
            1e3 * inside.small_sync,
            "ms",
            Some(100.0),
        );
        row(
            "publishing a change of everybody, under load",
            inside.full_publish,
            "s",
            None,
        );
        if let Some((publishing, normal)) = size.publishing.zip(find(size, Question::Q1)) {
            let times = publishing.p99 / normal.seatwise.p99;
            row("Q1 p99 while publishing", publishing.p99, "ms", None);
            row(
                "to Q1 p99 otherwise",
                times,
                "times",
                Some(PUBLISHING_P99_WANTED),
            );
        }
        row(
            "first sync, Microsoft answering at once",
            inside.first_sync,
            "s",
            None,
        );
        row("sync that changes 1 %", inside.one_percent_sync, "s", None);
        row(
            "disk after the first sync, all datasets",
            each(inside.disk_first),
            "B/user",
            None,
        );
        row(
            "disk after 30 syncs of 1 %, all datasets",
            each(inside.disk_after_syncs),
            "B/user",
            None,
        );
        if let Some(bytes) = inside.peer_bytes {
            row(
                "PostgreSQL's tables and indexes",
                each(bytes),
                "B/user",
                None,
            );
        }
        table
    }
}

/// Requests a second and how long they took.
fn loads(size: &Size) -> Table {
    let heads = ["question", "of", "req/s", "p50 ms", "p99 ms", "bytes"];
    let mut table = Table::new(heads.map(str::to_owned).into());
    let mut row = |what: String, of: &str, load: &Load| {
        table.row(vec![
            what,
            of.to_owned(),
            number(load.rate),
            number(load.p50),
            number(load.p99),
            number(load.bytes),
        ]);
    };
    for answered in &size.answered {
        let question = answered.question;
        row(
            format!("{question:?} {}", question.meaning()),
            "Seatwise",
            &answered.seatwise,
        );
        for (way, load) in &answered.peer {
            row(
                format!("{question:?} {way}").trim_end().to_owned(),
                "PostGraphile",
                load,
            );
        }
    }
    if let Some(load) = &size.cached {
        row("Q1 from kept answers".to_owned(), "Seatwise", load);
    }
    if let Some(load) = &size.publishing {
        row("Q1 while publishing".to_owned(), "Seatwise", load);
    }
    row(
        "the bytes of Q1 as they are".to_owned(),
        "actix-web",
        &size.fixed,
    );
    table
}

/// What the one is to the other, and what it should be.
fn ratios(size: &Size) -> Table {
    let mut table = Table::new(
        ["ratio", "seen", "wanted", "reached"]
            .map(str::to_owned)
            .into(),
    );
    let mut row = |name: String, seen: String, wanted: String, is_reached: bool| {
        table.row(vec![name, seen, wanted, yes(is_reached)]);
    };
    let times = |times: f64| format!("{} x", number(times));
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    for answered in &size.answered {
        let (question, load) = (answered.question, &answered.seatwise);
        let wanted = wanted(question);
        for (way, peer) in &answered.peer {
            let (seen, least) = (load.rate / peer.rate, (wanted.peer)(way));
            let name = format!("{question:?} to PostGraphile {way}")
                .trim_end()
                .to_owned();
            row(
                name,
                times(seen),
                format!("at least {}", times(least)),
                seen >= least,
            );
        }
        if let Some(least) = wanted.fixed {
            let seen = load.rate / size.fixed.rate;
            let name = format!("{question:?} to fixed bytes");
            row(
                name,
                percent(seen),
                format!("at least {}", percent(least)),
                seen >= least,
            );
        }
        if let Some((most, most_times)) = wanted.p99 {
            let name = format!("{question:?} p99");
            let milliseconds = |value| format!("{} ms", number(value));
            row(
                name,
                milliseconds(load.p99),
                format!("under {}", milliseconds(most)),
                load.p99 < most,
            );
            let seen = load.p99 / size.fixed.p99;
            let name = format!("{question:?} p99 to that of fixed bytes");
            row(
                name,
                times(seen),
                format!("at most {}", times(most_times)),
                seen <= most_times,
            );
        }
    }
    if let Some(cached) = size.cached {
        let seen = cached.rate / size.fixed.rate;
        let least = format!("at least {}", percent(KEPT_WANTED));
        row(
            "Q1 from kept answers to fixed bytes".to_owned(),
            percent(seen),
            least,
            seen >= KEPT_WANTED,
        );
    }
    table
}

fn find(size: &Size, question: Question) -> Option<&Answered> {
    size.answered
        .iter()
        .find(|answered| answered.question == question)
}

/// The slope of a line through the logarithms: 1 is in step with the users, 0 not at all. Zero has no
/// logarithm and is left out.
fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let points = points.iter().filter(|(x, y)| *x > 0.0 && *y > 0.0);
    let points: Vec<_> = points.map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let rise: f64 = points
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum();
    let run: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    (points.len() > 1 && run > 0.0).then(|| rise / run)
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "NO" }.to_owned()
}

fn none() -> String {
    "-".to_owned()
}

/// With as many digits as mean anything.
fn number(value: f64) -> String {
    match value.abs() {
        1_000.0.. => grouped(value.round() as u64),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// With a comma between thousands.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Rows under a head, padded so that columns stand.
struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(head: Vec<String>) -> Self {
        Self { rows: vec![head] }
    }

    fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    fn markdown(&self) -> String {
        let width_of = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let columns = self.rows.first().map_or(0, Vec::len);
        let widths: Vec<usize> = (0..columns).map(width_of).collect();
        let mut text = String::new();
        for (place, row) in self.rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(&widths) {
                let _ = write!(text, "| {cell:width$} ");
            }
            text.push_str("|\n");
            if place == 0 {
                for width in &widths {
                    let _ = write!(text, "| {} ", "-".repeat(*width));
                }
                text.push_str("|\n");
            }
        }
        text
    }
}
