//! `seatwise prices export|import FILE|-`: the price book to a spreadsheet and back.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use crate::app::{StartError, open_offline};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::domain::prices::table::{self, TABLE_BYTES_MAX};
use crate::store::OpenError;
use crate::sync::ImportedPrices;

use super::exit::{Exit, Failure};
use super::progress::grouped;
use super::remote::Remote;
use super::{ConfigArgs, Environment, block_on, output};

#[derive(Debug, Args)]
pub(super) struct PricesArgs {
    #[command(subcommand)]
    action: PricesAction,
}

#[derive(Debug, Subcommand)]
enum PricesAction {
    /// Write the whole price book as CSV
    ///
    /// One line a price, with those that have ended: edit them in a spreadsheet and import the file
    /// again. Texts that a spreadsheet would run as a formula begin with an apostrophe. A running
    /// server is asked: give its token in `SEATWISE_TOKEN`.
    Export {
        /// The file, which is replaced; standard output when unsaid or "-"
        #[arg(default_value = "-", hide_default_value = true)]
        file: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Take prices from CSV: all of them, or none and what is wrong in which line
    ///
    /// The first line names the columns, in any order: skuId, amount, currency and validFrom must be
    /// there; id, tenant, subscription, segment, per, validTo and source may be. Columns are parted by
    /// commas or semicolons.
    ///
    ///   skuId,amount,currency,per,validFrom,source
    ///   05e9a617-0261-4cee-bb44-138d3ef5d965,39.00,EUR,MONTH,2026-07-01,price list of July
    ///
    /// A line with the id of a price takes its place; one without an id is a new price; prices that the
    /// file does not have stay. Without a tenant (its name in the configuration) a price is for all.
    /// `licenses { nodes { name skuId } }` tells the skuId of each license. A running server is asked:
    /// give its token in `SEATWISE_TOKEN`.
    #[command(verbatim_doc_comment)]
    Import {
        /// The file; "-" reads standard input
        file: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub(super) fn run(arguments: &PricesArgs, environment: &Environment) -> Result<(), Failure> {
    match &arguments.action {
        PricesAction::Export { file, config } => {
            let config = config.load_quietly(environment)?;
            let table = block_on(export(&config, environment))?;
            write(file, &table)
        }
        PricesAction::Import { file, config } => {
            let config = config.load_quietly(environment)?;
            let table = read(file)?;
            let imported = block_on(import(&config, environment, table))?;
            output::print(&report(imported));
            Ok(())
        }
    }
}

async fn export(config: &Config, environment: &Environment) -> Result<String, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        price_table: String,
    }
    match open_offline(config, Arc::new(SystemClock)).await {
        Ok(core) => {
            let (world, _) = core.coordinator.moment();
            let prices = &world.declared().prices;
            Ok(table::print(prices.entries().map(|price| &**price)))
        }
        Err(StartError::Store(OpenError::InUse { .. })) => {
            let remote = Remote::new(config, environment)?;
            let answer: Answer = remote.ask("{ priceTable }", json!({})).await?;
            Ok(answer.price_table)
        }
        Err(error) => Err(error.into()),
    }
}

async fn import(
    config: &Config,
    environment: &Environment,
    table: String,
) -> Result<ImportedPrices, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        import_prices: Imported,
    }
    #[derive(Deserialize)]
    struct Imported {
        added: usize,
        replaced: usize,
        total: usize,
    }
    match open_offline(config, Arc::new(SystemClock)).await {
        Ok(core) => Ok(core.coordinator.import_prices(table).await?),
        Err(StartError::Store(OpenError::InUse { .. })) => {
            let remote = Remote::new(config, environment)?;
            let query = "mutation($table: String!) { importPrices(table: $table) \
                { added replaced total } }";
            let answer: Answer = remote.ask(query, json!({ "table": table })).await?;
            let imported = answer.import_prices;
            Ok(ImportedPrices {
                added: imported.added,
                replaced: imported.replaced,
                total: imported.total,
            })
        }
        Err(error) => Err(error.into()),
    }
}

fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

fn write(path: &Path, table: &str) -> Result<(), Failure> {
    if is_standard(path) {
        output::print(table);
        return Ok(());
    }
    std::fs::write(path, table).map_err(|error| unusable(path, "written", &error))
}

fn read(path: &Path) -> Result<String, Failure> {
    if is_standard(path) {
        return read_text(path, std::io::stdin().lock());
    }
    let file = std::fs::File::open(path).map_err(|error| unusable(path, "read", &error))?;
    read_text(path, file)
}

fn read_text(path: &Path, from: impl Read) -> Result<String, Failure> {
    let mut text = String::new();
    // One byte more than is allowed is enough to be refused for it.
    let mut bounded = from.take(TABLE_BYTES_MAX as u64 + 1);
    let read = bounded.read_to_string(&mut text);
    read.map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Failure::new(
            Exit::Failed,
            format!(
                "{}: is no text in UTF-8; a spreadsheet saves it as \"CSV UTF-8\"",
                path.display()
            ),
        ),
        _ => unusable(path, "read", &error),
    })?;
    Ok(text)
}

fn unusable(path: &Path, what: &str, error: &std::io::Error) -> Failure {
    let message = format!("{}: cannot be {what}: {error}", path.display());
    Failure::new(Exit::Io, message)
}

fn report(imported: ImportedPrices) -> String {
    let count = |number: usize| grouped(number as u64);
    format!(
        "{} prices: {} added, {} replaced\n",
        count(imported.total),
        count(imported.added),
        count(imported.replaced)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_says_what_it_did() {
        let imported = ImportedPrices {
            added: 2,
            replaced: 1,
            total: 1_619,
        };
        assert_eq!(report(imported), "1,619 prices: 2 added, 1 replaced\n");
    }

    #[test]
    fn a_table_that_is_no_text_says_how_to_save_it() {
        let failure = read_text(Path::new("prices.csv"), &b"\xff\xfe"[..]).unwrap_err();
        assert_eq!(failure.exit, Exit::Failed);
        assert!(failure.message.contains("UTF-8"), "{}", failure.message);
    }
}
