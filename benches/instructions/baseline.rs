//! What the steps took when somebody last looked: a table in the repository.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::Outcome;
use crate::counts::Counts;

/// Functions of each step that are written down, to say later in which of them it grew.
const FUNCTIONS: usize = 15;

/// Counts by step.
pub(crate) struct Baseline {
    /// The compiler that they are of.
    pub(crate) compiler: String,
    pub(crate) steps: BTreeMap<String, Counts>,
}

const HEAD: &str = "\
# Instructions of each step from a request to its answer, and of the functions that take most of them.
# `cargo bench --bench instructions` compares with these; with `-- --renew` it writes them anew.
";
const COMPILER: &str = "compiler: ";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions/baseline.txt")
}

impl Baseline {
    pub(crate) fn load() -> Outcome<Self> {
        Self::parse(&std::fs::read_to_string(path())?)
    }

    pub(crate) fn save(&self) -> Outcome<()> {
        let mut text = format!("{HEAD}{COMPILER}{}\n", self.compiler);
        for (step, counts) in &self.steps {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\n{step} {}", counts.all);
            for (name, count) in counts.largest(FUNCTIONS) {
                let _ = writeln!(text, "  {count} {name}");
            }
        }
        Ok(std::fs::write(path(), text)?)
    }

    fn parse(text: &str) -> Outcome<Self> {
        let mut compiler = String::new();
        let mut steps: BTreeMap<String, Counts> = BTreeMap::new();
        let mut step = String::new();
        for line in text.lines() {
            let wrong = || format!("baseline.txt: {line:?} is no count");
            if let Some(version) = line.strip_prefix(COMPILER) {
                version.clone_into(&mut compiler);
            } else if let Some(function) = line.strip_prefix("  ") {
                let (count, name) = function.split_once(' ').ok_or_else(wrong)?;
                let counts = steps.get_mut(&step).ok_or_else(wrong)?;
                counts.functions.insert(name.to_owned(), count.parse()?);
            } else if !line.is_empty() && !line.starts_with('#') {
                let (name, count) = line.split_once(' ').ok_or_else(wrong)?;
                name.clone_into(&mut step);
                let counts = steps.entry(step.clone()).or_default();
                counts.all = count.parse()?;
            }
        }
        Ok(Self { compiler, steps })
    }
}
