//! Where a value was written, and how a refusal says so.

use std::fmt;
use std::path::PathBuf;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// In the compiled-in defaults, which no operator can have got wrong: it is not told.
    Shipped,
    /// In the operator's file.
    File { path: PathBuf, line: usize },
    /// In an environment variable.
    Environment { name: String },
}

/// What is wrong with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Where it was written; unknown until the reading has come back up to the value's table.
    pub(super) origin: Option<Origin>,
    /// The key with its sections, such as "sync.schedule"; empty where the text names it.
    pub(super) key: String,
    /// What is wrong and what would be right. Never a secret.
    pub(super) text: String,
}

impl Problem {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            origin: None,
            key: String::new(),
            text: text.into(),
        }
    }

    /// Says where, unless something closer has said so already.
    pub(super) fn at(self, origin: &Origin, key: &str) -> Self {
        match self.origin {
            Some(_) => self,
            None => Self {
                origin: Some(origin.clone()),
                key: key.to_owned(),
                text: self.text,
            },
        }
    }
}

/// With what separates it from the words that follow.
impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shipped => Ok(()),
            Self::File { path, line } => write!(formatter, "{}:{line}: ", path.display()),
            Self::Environment { name } => write!(formatter, "{name}: "),
        }
    }
}

/// `config.toml:12: sync.schedule: …`, or `SEATWISE_SYNC__SCHEDULE: …`, which names the key itself.
impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(formatter, "{origin}")?;
        }
        let is_named =
            matches!(self.origin, Some(Origin::Environment { .. })) || self.key.is_empty();
        if !is_named {
            write!(formatter, "{}: ", self.key)?;
        }
        formatter.write_str(&self.text)
    }
}

/// "; did you mean "schedule"?" where one of the choices is near enough to `word`.
pub(super) fn suggestion(word: &str, choices: &[&str]) -> String {
    let nearest = choices
        .iter()
        .map(|choice| (strsim::damerau_levenshtein(word, choice), choice))
        .min();
    match nearest {
        Some((distance, choice)) if distance * 3 <= choice.len().max(3) => {
            format!("; did you mean \"{choice}\"?")
        }
        _ => ".".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_word_is_suggested() {
        let check = |word, expected: &str| {
            assert_eq!(suggestion(word, &["schedule", "timezone"]), expected);
        };
        check("shedule", "; did you mean \"schedule\"?");
        check("tiemzone", "; did you mean \"timezone\"?");
        check("interval", ".");
        assert_eq!(suggestion("x", &[]), ".");
    }
}
