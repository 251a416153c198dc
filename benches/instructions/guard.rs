//! Counts, compares, and says what grew.

use std::collections::BTreeSet;
use std::process::Command;

use clap::ValueEnum as _;

use crate::Outcome;
use crate::baseline::Baseline;
use crate::callgrind;
use crate::counts::Counts;
use crate::steps::Step;

/// A step may change by this share: what is random in a process moves it by far less.
const TOLERANCE: f64 = 0.05;
/// Functions that are named where a step grew.
const NAMED: usize = 8;
/// Where a tool that is missing fails, instead of being told.
const REQUIRED: &str = "SEATWISE_TEST_ALL";

const RENEW: &str = "cargo bench --bench instructions -- --renew";

/// Whether no step takes more than it may, or fewer than is written down.
pub(crate) fn guard(renews: bool) -> Outcome<bool> {
    if let Some(missing) = callgrind::missing() {
        if renews || std::env::var_os(REQUIRED).is_some() {
            return Err(missing.into());
        }
        println!("no instructions are counted: {missing}");
        return Ok(true);
    }
    let counted = counted()?;
    let compiler = compiler();
    if renews {
        let steps = counted.into_iter();
        let steps = steps.map(|(step, counts)| (step.name(), counts)).collect();
        Baseline { compiler, steps }.save()?;
        return Ok(true);
    }
    let baseline = Baseline::load()?;
    println!("{:10}{:>14}{:>14}{:>9}", "step", "before", "now", "change");
    let mut is_same = true;
    for (step, now) in &counted {
        let name = step.name();
        let before = baseline.steps.get(&name);
        let before = before.ok_or_else(|| format!("{name} is not in the baseline: {RENEW}"))?;
        is_same &= compared(&name, before, now);
    }
    if !is_same && compiler != baseline.compiler {
        println!(
            "\nThe baseline is of {}, this is {compiler}: if the compiler is why, renew it alone, before \
             any change.",
            baseline.compiler
        );
    }
    Ok(is_same)
}

/// All steps, on as many cores as there are: instructions are the same on a busy machine.
fn counted() -> Outcome<Vec<(Step, Counts)>> {
    let steps = Step::value_variants();
    let cores = std::thread::available_parallelism()?.get();
    let mut counted = Vec::with_capacity(steps.len());
    for some in steps.chunks(cores) {
        let counts = std::thread::scope(|scope| {
            let runs: Vec<_> = some
                .iter()
                .map(|step| scope.spawn(|| callgrind::count(*step)))
                .collect();
            let runs = runs.into_iter().map(|run| match run.join() {
                Ok(counts) => counts,
                Err(_) => Err("counting panicked".into()),
            });
            runs.collect::<Outcome<Vec<_>>>()
        })?;
        counted.extend(some.iter().copied().zip(counts));
    }
    Ok(counted)
}

fn compiler() -> String {
    let version = Command::new("rustc").arg("--version").output();
    let version = version.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    version.unwrap_or_default()
}

/// Whether a step takes what it took; if not, in which functions it does not.
fn compared(name: &str, before: &Counts, now: &Counts) -> bool {
    let change = now.all as f64 / before.all as f64 - 1.0;
    println!(
        "{name:10}{:>14}{:>14}{:>8.1}%",
        before.all,
        now.all,
        change * 100.0
    );
    if change.abs() <= TOLERANCE {
        return true;
    }
    match change > 0.0 {
        true => println!("  {name} takes over 5 % more instructions. Where, most first:"),
        false => println!(
            "  {name} takes over 5 % fewer; so that they stay so, renew the baseline: {RENEW}"
        ),
    }
    for (function, before, now) in differences(before, now) {
        println!(
            "  {:>+14} {before:>14} {now:>14}  {function}",
            now.cast_signed() - before.cast_signed()
        );
    }
    false
}

/// The functions that changed most. Of those that were not written down it is known that they took at
/// most as much as the least one that was.
fn differences<'a>(before: &'a Counts, now: &'a Counts) -> Vec<(&'a str, u64, u64)> {
    let least = before.functions.values().min().copied().unwrap_or(0);
    let names: BTreeSet<_> = before
        .functions
        .keys()
        .chain(now.functions.keys())
        .collect();
    let mut all: Vec<_> = names
        .into_iter()
        .map(|name| {
            let now = now.functions.get(name).copied().unwrap_or(0);
            let unsaid = || now.min(least);
            let before = before.functions.get(name).copied();
            (name.as_str(), before.unwrap_or_else(unsaid), now)
        })
        .collect();
    all.sort_by_key(|(name, before, now)| (std::cmp::Reverse(before.abs_diff(*now)), *name));
    all.truncate(NAMED);
    all.retain(|(_, before, now)| before != now);
    all
}
