//! `seatwise export LIST`: a whole list as a file, from the server that is running.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::exit::{Exit, Failure};
use super::progress::grouped;
use super::remote::Remote;
use super::whole_file::WholeFile;
use super::{ConfigArgs, Environment, block_on, output};

pub(super) const EXAMPLES: &str = "\
Examples:
  seatwise export users --filter '{activityState: {eq: INACTIVE}, accountEnabled: true}' \\
      --order-by 'lastActiveOn, displayName' --output idle.csv
  seatwise export licenses --columns name,value,seats.available --format jsonl | jq .name
  seatwise export findings --filter '{state: {eq: OPEN}, confidence: {eq: HIGH}}' -o waste.parquet

Formats:
  csv      RFC 4180, UTF-8, a header. What a spreadsheet would run gets an apostrophe in front;
           the texts of a list are parted by \"; \".
  jsonl    An object a line; absent values are null and lists are lists.
  parquet  Typed columns; the texts of a list are one text, as in CSV.

Columns are named as the fields of the GraphQL schema. Name a wrong one, and all are listed.
Those of prices are named as `seatwise prices import` takes them back; prices that have ended are
in `seatwise prices export` only.";

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Which list
    list: ListName,
    /// Only rows of which this is true: the filter of GraphQL, as JSON or as GraphQL writes it
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Only users in whose names each of these words begins one
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    /// Only prices that may count for the license of this id
    #[arg(long, value_name = "ID")]
    license: Option<String>,
    /// What to sort by, such as 'department, lastActiveOn desc'
    #[arg(long, value_name = "ORDERS")]
    order_by: Option<String>,
    /// Only these columns, in this order [default: all of them]
    #[arg(long, value_name = "NAME,...")]
    columns: Option<String>,
    /// How to write it [default: as the name of the file ends, else csv]
    #[arg(long)]
    format: Option<Format>,
    /// Begin a CSV file with a byte order mark, by which some spreadsheets know UTF-8
    #[arg(long)]
    bom: bool,
    /// Where to write it; - is standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ListName {
    Users,
    Licenses,
    Groups,
    Findings,
    Prices,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Jsonl,
    Parquet,
}

impl ListName {
    fn word(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Licenses => "licenses",
            Self::Groups => "groups",
            Self::Findings => "findings",
            Self::Prices => "prices",
        }
    }
}

impl Format {
    fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }

    /// By the end of a file's name.
    fn of_name(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

impl ExportArgs {
    fn format(&self) -> Format {
        let format = self.format.or_else(|| Format::of_name(&self.output));
        format.unwrap_or(Format::Csv)
    }

    /// As the server takes them.
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let said = [
            ("filter", &self.filter),
            ("search", &self.search),
            ("license", &self.license),
            ("orderBy", &self.order_by),
            ("columns", &self.columns),
        ];
        let said = said.into_iter();
        let said = said.filter_map(|(name, value)| Some((name, value.clone()?)));
        let mut parameters: Vec<_> = said.collect();
        parameters.push(("format", self.format().word().to_owned()));
        if self.bom {
            parameters.push(("bom", "true".to_owned()));
        }
        parameters
    }
}

pub(super) fn run(arguments: &ExportArgs, environment: &Environment) -> Result<(), Failure> {
    let config = arguments.config.load_quietly(environment)?;
    let is_to_output = arguments.output.as_os_str() == "-";
    if is_to_output && arguments.format() == Format::Parquet && io::stdout().is_terminal() {
        return Err(Failure::new(
            Exit::Failed,
            "Parquet is nothing to read on a terminal: name a file with --output",
        ));
    }
    block_on(async {
        let remote = Remote::new(&config, environment)?;
        let parameters = arguments.parameters();
        let response = remote.export(arguments.list.word(), &parameters).await?;
        if is_to_output {
            to_output(response).await
        } else {
            to_file(response, &arguments.output, arguments.list.word()).await
        }
    })
}

/// What is still to be read of an answer that stopped before its end.
fn broken_off() -> Failure {
    Failure::new(
        Exit::Failed,
        "the export broke off: the server stopped, or waited too long for this reader",
    )
}

async fn to_output(mut response: reqwest::Response) -> Result<(), Failure> {
    while let Some(chunk) = response.chunk().await.map_err(|_| broken_off())? {
        let mut output = io::stdout().lock();
        match output.write_all(&chunk).and_then(|()| output.flush()) {
            Ok(()) => {}
            // A reader that has seen enough (`| head`) is no failure of ours.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(Failure::new(Exit::Io, format!("standard output: {error}"))),
        }
    }
    Ok(())
}

async fn to_file(mut response: reqwest::Response, path: &Path, list: &str) -> Result<(), Failure> {
    let mut file = WholeFile::begin(path)?;
    let rows = response.headers().get("x-total-count");
    let rows = rows.and_then(|rows| rows.to_str().ok()?.parse::<u64>().ok());
    let progress = Progress::new(rows);
    let copying = async {
        let mut bytes: u64 = 0;
        while let Some(chunk) = response.chunk().await.map_err(|_| broken_off())? {
            file.write(&chunk)?;
            bytes = bytes.saturating_add(chunk.len() as u64);
            progress.show(bytes);
        }
        Ok(bytes)
    };
    let copied = tokio::select! {
        copied = copying => copied,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Failed, "stopped; nothing is written")),
    };
    progress.clear();
    let bytes = copied?;
    file.keep()?;
    output::print(&format!("{}\n", outcome(path, list, rows, bytes)));
    Ok(())
}

/// "users.csv: 2,000 users, 1.2 MiB".
fn outcome(path: &Path, list: &str, rows: Option<u64>, bytes: u64) -> String {
    let rows = rows.map(|rows| match rows {
        1 => format!("1 {}, ", list.trim_end_matches('s')),
        rows => format!("{} {list}, ", grouped(rows)),
    });
    let rows = rows.unwrap_or_default();
    format!("{}: {rows}{}", path.display(), HumanBytes(bytes))
}

/// How far it is, where standard error is a terminal. A server does not say how many bytes there will be.
struct Progress {
    bar: ProgressBar,
}

impl Progress {
    fn new(rows: Option<u64>) -> Self {
        let target = match io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let of = rows.map(|rows| format!("{} rows, ", grouped(rows)));
        bar.set_message(of.unwrap_or_default());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}{bytes}, {bytes_per_sec}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    fn show(&self, bytes: u64) {
        self.bar.set_position(bytes);
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_file_says_the_format() {
        let check = |name: &str, expected| assert_eq!(Format::of_name(Path::new(name)), expected);
        check("a/b.csv", Some(Format::Csv));
        check("b.jsonl", Some(Format::Jsonl));
        check("b.ndjson", Some(Format::Jsonl));
        check("b.parquet", Some(Format::Parquet));
        check("b.txt", None);
        check("-", None);
    }

    #[test]
    fn the_outcome_is_told_in_one_line() {
        let check = |rows, expected: &str| {
            assert_eq!(outcome(Path::new("x.csv"), "users", rows, 2048), expected);
        };
        check(Some(1), "x.csv: 1 user, 2.00 KiB");
        check(Some(12_000), "x.csv: 12,000 users, 2.00 KiB");
        check(None, "x.csv: 2.00 KiB");
    }
}
