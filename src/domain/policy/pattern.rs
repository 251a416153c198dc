//! A pattern that the operator names accounts or products by.

/// Characters of a pattern: the longest user principal name has 113.
pub const PATTERN_CHARACTERS_MAX: usize = 128;

/// A name with `*` for any characters or none, compared without regard to case (of ASCII).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

/// Why a text is not a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pattern has 1 to {PATTERN_CHARACTERS_MAX} characters, * for any of them, and one at least that is not *"
)]
pub struct InvalidPattern;

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let text = text.trim();
        let is_short = text.chars().count() <= PATTERN_CHARACTERS_MAX;
        match is_short && text.chars().any(|character| character != '*') {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => Err(InvalidPattern),
        }
    }

    /// The pattern, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a whole text is like this.
    pub fn matches(&self, text: &str) -> bool {
        matches(self.0.as_bytes(), text.as_bytes())
    }

    /// Whether a user principal name is like this: the part before the `@` where the pattern has none.
    pub fn matches_account(&self, user_principal_name: &str) -> bool {
        let name = match user_principal_name.split_once('@') {
            Some((name, _)) if !self.0.contains('@') => name,
            _ => user_principal_name,
        };
        self.matches(name)
    }
}

/// Goes through the text once; where it stops fitting, the last `*` takes in one byte more.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(read) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(own) if own.eq_ignore_ascii_case(byte) => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((own, taken)) = &mut star else {
                    return false;
                };
                *taken += 1;
                (at, read) = (*own + 1, *taken);
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, holds: bool) {
        let pattern = Pattern::parse(pattern).unwrap();
        assert_eq!(pattern.matches(text), holds, "{pattern:?} {text}");
    }

    #[track_caller]
    fn check_account(pattern: &str, name: &str, holds: bool) {
        let pattern = Pattern::parse(pattern).unwrap();
        assert_eq!(pattern.matches_account(name), holds, "{pattern:?} {name}");
    }

    #[test]
    fn a_star_stands_for_any_characters_or_none() {
        check("MCOCAP*", "mcocap_faculty", true);
        check("MCOCAP*", "MCOCAP", true);
        check("MCOCAP", "MCOCAP_FACULTY", false);
        check("*room*", "MEETING_ROOM_NOAUDIOCONF", true);
        check("a*b*c", "axxbyybzzc", true);
        check("a*b*c", "axxbyybzz", false);
        check("a**c", "ac", true);
        check("ab", "a", false);
    }

    #[test]
    fn a_pattern_without_an_at_sign_is_of_the_part_before_it() {
        check_account("adm-*", "ADM-ada@contoso.com", true);
        check_account("*-adm", "ada-adm@contoso.com", true);
        check_account("*-adm", "ada@contoso-adm.com", false);
        check_account("*@rooms.contoso.com", "blue@Rooms.Contoso.com", true);
        check_account("*@rooms.contoso.com", "blue@contoso.com", false);
    }

    #[test]
    fn what_would_match_everything_or_is_endless_is_refused() {
        for text in ["", "  ", "*", "***", &"a".repeat(129)] {
            assert_eq!(Pattern::parse(text), Err(InvalidPattern), "{text}");
        }
        assert!(Pattern::parse(&"a".repeat(128)).is_ok());
    }

    fn matches_simply(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, rest) => rest.is_none(),
            (Some((b'*', less)), rest) => {
                matches_simply(less, text)
                    || rest.is_some_and(|(_, text)| matches_simply(pattern, text))
            }
            (Some(_), None) => false,
            (Some((own, less)), Some((byte, text))) => own == byte && matches_simply(less, text),
        }
    }

    proptest! {
        #[test]
        fn matching_is_what_the_plain_definition_says(pattern in "[ab*]{1,8}", text in "[ab]{0,10}") {
            prop_assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                matches_simply(pattern.as_bytes(), text.as_bytes())
            );
        }
    }
}
