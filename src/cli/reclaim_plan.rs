//! `seatwise reclaim-plan`: what to do so that seats come free, as a list or as a script.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::export::read_argument;
use crate::domain::ids::TenantKey;

use super::exit::{Exit, Failure};
use super::progress::grouped;
use super::remote::Remote;
use super::whole_file::WholeFile;
use super::{ConfigArgs, Environment, block_on, output};

pub(super) const EXAMPLES: &str = "\
Examples:
  seatwise reclaim-plan --filter '{confidence: {eq: HIGH}}' --output plan.csv
  seatwise reclaim-plan --filter '{kind: {in: [DISABLED_ACCOUNT, INACTIVE]},
      user: {department: {eq: \"Sales\"}}}' --output free-seats.ps1
  pwsh ./free-seats.ps1            says what it would do
  pwsh ./free-seats.ps1 -Apply     does it, but takes nobody out of a group

Formats:
  csv         A line a seat: who, which license, why, by which path it is held, which groups would
              have to be left and what else that takes away.
  json        The same as an array of objects.
  powershell  A script for Microsoft Graph PowerShell. It signs in as its user, looks each seat up
              again, and changes nothing without -Apply; nobody leaves a group without -LeaveGroups.";

#[derive(Debug, Args)]
pub(super) struct ReclaimPlanArgs {
    /// Whose seats, as its section in config.toml is called [default: the only tenant]
    #[arg(long, value_name = "NAME", value_parser = TenantKey::parse)]
    tenant: Option<TenantKey>,
    /// Only findings of which this is true: the `FindingFilter` of GraphQL, as JSON or as GraphQL
    /// writes it
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// How to write it [default: as the name of the file ends, else csv]
    #[arg(long)]
    format: Option<Format>,
    /// Where to write it; - is standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Json,
    Powershell,
}

impl Format {
    /// As the schema spells it.
    fn word(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Json => "JSON",
            Self::Powershell => "POWERSHELL",
        }
    }

    /// By the end of a file's name.
    fn of_name(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "ps1" => Some(Self::Powershell),
            _ => None,
        }
    }

    /// What a file begins with: without it PowerShell 5.1 reads UTF-8 as another encoding.
    fn mark(self) -> &'static str {
        match self {
            Self::Powershell => "\u{feff}",
            Self::Csv | Self::Json => "",
        }
    }
}

const QUESTION: &str = "query ($tenant: ID, $filter: FindingFilter, $format: ReclaimFormat!) {
    reclaimPlan(tenant: $tenant, filter: $filter, first: 1) {
        totalCount unpricedSeats monthlySavings {amount currency} file(format: $format)}}";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    reclaim_plan: Plan,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    total_count: u64,
    unpriced_seats: u64,
    monthly_savings: Vec<Money>,
    file: String,
}

#[derive(Deserialize)]
struct Money {
    amount: String,
    currency: String,
}

pub(super) fn run(arguments: &ReclaimPlanArgs, environment: &Environment) -> Result<(), Failure> {
    let config = arguments.config.load_quietly(environment)?;
    let format = arguments
        .format
        .or_else(|| Format::of_name(&arguments.output));
    let format = format.unwrap_or(Format::Csv);
    let filter = filter(arguments.filter.as_deref())?;
    let plan = block_on(async {
        let remote = Remote::new(&config, environment)?;
        let tenant = match &arguments.tenant {
            Some(key) => Some(remote.tenant(key).await?.id),
            None => None,
        };
        let asked = json!({"tenant": tenant, "filter": filter, "format": format.word()});
        let answer: Answer = remote.ask(QUESTION, asked).await?;
        Ok(answer.reclaim_plan)
    })?;
    if arguments.output.as_os_str() == "-" {
        output::print(&plan.file);
        return Ok(());
    }
    let mut file = WholeFile::begin(&arguments.output)?;
    file.write(format.mark().as_bytes())?;
    file.write(plan.file.as_bytes())?;
    file.keep()?;
    output::print(&format!(
        "{}: {}\n",
        arguments.output.display(),
        plan.outcome()
    ));
    Ok(())
}

fn filter(text: Option<&str>) -> Result<Value, Failure> {
    let Some(text) = text else {
        return Ok(Value::Null);
    };
    read_argument("--filter", text, "{kind: {eq: INACTIVE}}")
        .map_err(|refusal| Failure::new(Exit::Failed, refusal))
}

impl Plan {
    /// "320 seats, 4711.00 EUR a month; 12 more have no price".
    fn outcome(&self) -> String {
        let seats = match self.total_count {
            1 => "1 seat".to_owned(),
            seats => format!("{} seats", grouped(seats)),
        };
        let savings = self.monthly_savings.iter();
        let savings: Vec<String> = savings
            .map(|money| format!("{} {}", money.amount, money.currency))
            .collect();
        let savings = match savings.is_empty() {
            true => String::new(),
            false => format!(", {} a month", savings.join(" and ")),
        };
        let unpriced = match self.unpriced_seats {
            0 => String::new(),
            seats => format!("; {} without a price", grouped(seats)),
        };
        format!("{seats}{savings}{unpriced}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_file_says_the_format() {
        let check = |name: &str, expected| assert_eq!(Format::of_name(Path::new(name)), expected);
        check("plan.csv", Some(Format::Csv));
        check("plan.json", Some(Format::Json));
        check("plan.ps1", Some(Format::Powershell));
        check("plan.txt", None);
        check("-", None);
    }

    #[test]
    fn the_outcome_is_told_in_one_line() {
        let money = |amount: &str, currency: &str| Money {
            amount: amount.to_owned(),
            currency: currency.to_owned(),
        };
        let check = |total_count, unpriced_seats, monthly_savings, expected: &str| {
            let plan = Plan {
                total_count,
                unpriced_seats,
                monthly_savings,
                file: String::new(),
            };
            assert_eq!(plan.outcome(), expected);
        };
        check(1, 0, Vec::new(), "1 seat");
        check(0, 0, Vec::new(), "0 seats");
        let both = vec![money("39.00", "EUR"), money("7.50", "USD")];
        check(
            1_200,
            3,
            both,
            "1,200 seats, 39.00 EUR and 7.50 USD a month; 3 without a price",
        );
    }
}
