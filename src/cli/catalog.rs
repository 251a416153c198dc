//! `seatwise catalog update FILE`: newer product names without a newer release.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use crate::app::{StartError, open_offline};
use crate::clock::SystemClock;
use crate::domain::catalog::CatalogChanges;
use crate::store::OpenError;
use crate::sync::catalog_csv::{FILE_BYTES_MAX, read_catalog};

use super::exit::{Exit, Failure};
use super::progress::grouped;
use super::remote::Remote;
use super::{ConfigArgs, Environment, block_on, output};

#[derive(Debug, Args)]
pub(super) struct CatalogArgs {
    #[command(subcommand)]
    action: CatalogAction,
}

#[derive(Debug, Subcommand)]
enum CatalogAction {
    /// Take product names from a file, and say what they change
    ///
    /// FILE is Microsoft's CSV ("Product names and service plan identifiers for licensing"), a CSV
    /// with the columns `product_name`, `string_id` and `guid`, or a catalog in Seatwise's own format.
    /// Products that the file does not list keep their names. A running server is asked to do it:
    /// give its token in `SEATWISE_TOKEN`.
    Update {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub(super) fn run(arguments: &CatalogArgs, environment: &Environment) -> Result<(), Failure> {
    let CatalogAction::Update { file, config } = &arguments.action;
    let config = config.load_quietly(environment)?;
    let bytes = read(file)?;
    let read = read_catalog(&bytes)
        .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", file.display())))?;
    if read.skipped_rows > 0 {
        output::complain(&format!(
            "{} rows were left out: no GUID or no name",
            read.skipped_rows
        ));
    }
    block_on(async {
        let (product_count, changes) = match open_offline(&config, Arc::new(SystemClock)).await {
            Ok(core) => {
                let changes = core.coordinator.update_catalog(read.catalog).await?;
                (core.coordinator.catalog().product_count(), changes)
            }
            Err(StartError::Store(OpenError::InUse { .. })) => {
                let remote = Remote::new(&config, environment)?;
                ask(&remote, &read.catalog.to_text()).await?
            }
            Err(error) => return Err(error.into()),
        };
        output::print(&report(product_count, &changes));
        Ok(())
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| {
        Failure::new(
            Exit::Io,
            format!("{}: cannot be read: {error}", path.display()),
        )
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // One byte more than is allowed is enough to be refused for it.
    let mut bounded = file.take(FILE_BYTES_MAX as u64 + 1);
    bounded.read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

async fn ask(remote: &Remote, catalog: &str) -> Result<(usize, CatalogChanges), Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        update_catalog: Updated,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Updated {
        product_count: usize,
        added: Vec<String>,
        renamed: Vec<Renamed>,
        missing: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Renamed {
        from: String,
        to: String,
    }
    let query = "mutation($catalog: String!) { updateCatalog(catalog: $catalog) \
        { productCount added renamed { from to } missing } }";
    let answer: Answer = remote.ask(query, json!({ "catalog": catalog })).await?;
    let updated = answer.update_catalog;
    let renamed = updated
        .renamed
        .into_iter()
        .map(|names| (names.from, names.to));
    let changes = CatalogChanges {
        added: updated.added,
        renamed: renamed.collect(),
        missing: updated.missing,
    };
    Ok((updated.product_count, changes))
}

fn report(product_count: usize, changes: &CatalogChanges) -> String {
    let count = |number: usize| grouped(number as u64);
    // Writing to a String cannot fail.
    let mut text = String::new();
    for name in &changes.added {
        let _ = writeln!(text, "added    {name}");
    }
    for (from, to) in &changes.renamed {
        let _ = writeln!(text, "renamed  {from} -> {to}");
    }
    for name in &changes.missing {
        let _ = writeln!(text, "kept     {name} (not in the file)");
    }
    let _ = writeln!(
        text,
        "{} products: {} added, {} renamed, {} kept that the file does not list",
        count(product_count),
        count(changes.added.len()),
        count(changes.renamed.len()),
        count(changes.missing.len())
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_says_what_it_changed() {
        let changes = CatalogChanges {
            added: vec!["Agent 365".into()],
            renamed: vec![("Office 365 E3".into(), "Microsoft 365 E3".into())],
            missing: vec!["Old".into(), "Older".into()],
        };
        assert_eq!(
            report(1_619, &changes),
            "added    Agent 365\n\
             renamed  Office 365 E3 -> Microsoft 365 E3\n\
             kept     Old (not in the file)\n\
             kept     Older (not in the file)\n\
             1,619 products: 1 added, 1 renamed, 2 kept that the file does not list\n"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let failure = read(Path::new("/nowhere/list.csv")).unwrap_err();
        assert_eq!(
            failure,
            Failure::new(
                Exit::Io,
                "/nowhere/list.csv: cannot be read: No such file or directory (os error 2)"
            )
        );
    }
}
