//! How a folded text is cut in pieces.
//!
//! Where a cut is follows from the characters beside it and, among digits, from where their run
//! begins. So the pieces of a part of a text are those of the text, but for the first and the last.

/// The most digits of a piece. Longer numbers differ from row to row; their pieces do not.
const DIGITS_MAX: usize = 3;

/// Where a piece stands. As a byte, in front of each piece; no text has such bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(super) enum Kind {
    /// At the beginning of a word, or between words.
    Start = 0xF8,
    /// Inside a word.
    Inner,
    /// From the first "@" to the end: few addresses differ in their domain.
    Domain,
}

impl Kind {
    pub(super) fn byte(self) -> u8 {
        self as u8
    }

    /// Whether a byte is that of a kind and not of a text.
    pub(super) fn is_byte(byte: u8) -> bool {
        byte >= Self::Start.byte()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    /// Not of a word.
    Other,
}

impl Class {
    fn of(character: char) -> Self {
        if character.is_ascii_digit() {
            Self::Digit
        } else if character.is_ascii_alphabetic()
            || (!character.is_ascii() && character.is_alphanumeric())
        {
            Self::Letter
        } else {
            Self::Other
        }
    }
}

/// The pieces of a text, one behind the other.
#[derive(Clone)]
pub(super) struct Pieces<'a> {
    rest: &'a str,
    before: Class,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(folded: &'a str) -> Self {
        Self {
            rest: folded,
            before: Class::Other,
        }
    }

    /// Every way in which a part of a text may begin in the middle of a piece: the end of that piece,
    /// and the pieces behind it. Without those that lie in one piece.
    pub(super) fn across(part: &'a str) -> impl Iterator<Item = (&'a str, Self)> {
        let first = part.chars().next().filter(|first| *first != '@');
        let before = first.map_or(Class::Other, Class::of);
        let run = run_length(part);
        let ends = match before {
            _ if first.is_none() => 0..0,
            Class::Digit => 1..run.min(DIGITS_MAX) + 1,
            Class::Letter | Class::Other => run..run + 1,
        };
        ends.filter_map(move |end| {
            let (end, rest) = part.split_at_checked(end)?;
            (!rest.is_empty()).then_some((end, Self { rest, before }))
        })
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = (Kind, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.rest.chars().next()?;
        let class = Class::of(first);
        let (kind, length) = match class {
            _ if first == '@' => (Kind::Domain, self.rest.len()),
            Class::Digit if self.before != Class::Other => {
                (Kind::Inner, run_length(self.rest).min(DIGITS_MAX))
            }
            Class::Digit => (Kind::Start, run_length(self.rest).min(DIGITS_MAX)),
            Class::Letter if self.before != Class::Other => (Kind::Inner, run_length(self.rest)),
            Class::Letter | Class::Other => (Kind::Start, run_length(self.rest)),
        };
        let (piece, rest) = self.rest.split_at_checked(length)?;
        *self = Self {
            rest,
            before: class,
        };
        Some((kind, piece))
    }
}

/// The bytes at the beginning that are of one class. What an "@" begins is not among them.
fn run_length(text: &str) -> usize {
    let mut characters = text.char_indices();
    let Some((_, first)) = characters.next() else {
        return 0;
    };
    let class = Class::of(first);
    characters
        .find(|(_, other)| *other == '@' || Class::of(*other) != class)
        .map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(Kind, &str)]) {
        assert_eq!(Pieces::new(text).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn a_text_is_cut_where_classes_change_and_behind_three_digits() {
        use Kind::{Domain, Inner, Start};
        check("", &[]);
        check("ann lee", &[(Start, "ann"), (Start, " "), (Start, "lee")]);
        check("zoë, 42", &[(Start, "zoë"), (Start, ", "), (Start, "42")]);
        check(
            "a1007b",
            &[(Start, "a"), (Inner, "100"), (Inner, "7"), (Inner, "b")],
        );
        check("1234567", &[(Start, "123"), (Inner, "456"), (Inner, "7")]);
        check(
            "a.b@c.d@e",
            &[(Start, "a"), (Start, "."), (Start, "b"), (Domain, "@c.d@e")],
        );
        check(".@x", &[(Start, "."), (Domain, "@x")]);
    }

    #[track_caller]
    fn check_across(part: &str, expected: &[(&str, &[&str])]) {
        let across: Vec<(&str, Vec<&str>)> = Pieces::across(part)
            .map(|(end, rest)| (end, rest.map(|(_, piece)| piece).collect()))
            .collect();
        let expected: Vec<(&str, Vec<&str>)> = expected
            .iter()
            .map(|(end, rest)| (*end, rest.to_vec()))
            .collect();
        assert_eq!(across, expected, "{part}");
    }

    #[test]
    fn a_part_of_a_text_may_begin_in_the_middle_of_a_piece() {
        check_across("", &[]);
        check_across("ann", &[]);
        check_across("@x.y", &[]);
        check_across("7", &[]);
        check_across("n l", &[("n", &[" ", "l"])]);
        check_across("12", &[("1", &["2"])]);
        check_across(
            "12345",
            &[("1", &["234", "5"]), ("12", &["345"]), ("123", &["45"])],
        );
        check_across("12.", &[("1", &["2", "."]), ("12", &["."])]);
        check_across("h@x", &[("h", &["@x"])]);
    }
}
