//! Instructions of one step, and of each function in it.

use std::collections::BTreeMap;

/// Instructions of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// By function, without what it calls.
    pub(crate) functions: BTreeMap<String, u64>,
    /// Of all functions; of a baseline, of more than are listed there.
    pub(crate) all: u64,
}

/// Names of functions are cut here: generic ones can fill a page.
const NAME_CHARACTERS_MAX: usize = 110;

impl Counts {
    /// Reads what callgrind writes, leaving out libraries: those of another machine are others.
    pub(crate) fn of_callgrind(text: &str, program: &str) -> Result<Self, String> {
        let mut counts = Self::default();
        let mut is_ours = false;
        let mut function = String::new();
        // The line after `calls=` is what the called function took; that counts there.
        let mut is_of_call = false;
        for line in text.lines() {
            if let Some(object) = line.strip_prefix("ob=") {
                is_ours = object == program;
            } else if let Some(name) = line.strip_prefix("fn=") {
                function = name.chars().take(NAME_CHARACTERS_MAX).collect();
            } else if line.starts_with("calls=") {
                is_of_call = true;
            } else if line
                .starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first))
            {
                if std::mem::take(&mut is_of_call) || !is_ours {
                    continue;
                }
                let count = line.split(' ').nth(1).and_then(|count| count.parse().ok());
                let count: u64 = count.ok_or_else(|| format!("no count: {line}"))?;
                *counts.functions.entry(function.clone()).or_default() += count;
                counts.all += count;
            }
        }
        match counts.all {
            0 => Err(
                "nothing was counted: is the function still there that counting begins in?"
                    .to_owned(),
            ),
            _ => Ok(counts),
        }
    }

    /// The functions that take most, largest first.
    pub(crate) fn largest(&self, most: usize) -> Vec<(&str, u64)> {
        let functions = self.functions.iter();
        let mut functions: Vec<_> = functions
            .map(|(name, count)| (name.as_str(), *count))
            .collect();
        functions.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        functions.truncate(most);
        functions
    }
}
