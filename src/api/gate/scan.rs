//! The document token by token, in one loop, before a parser that recurses sees it.

use std::collections::HashSet;

use async_graphql::Pos;

use crate::api::gate::Refusal;
use crate::api::settings::Limits;

/// Refuses what is too long, too deep or not even made of tokens, and input objects that name a field
/// twice: the parser keeps the last of them and nobody could tell later.
pub(super) fn scan(text: &str, limits: &Limits) -> Result<(), Refusal> {
    let mut scan = Scan {
        text,
        limits,
        at: 0,
        tokens: 0,
        open: Vec::new(),
        last: Last::Other,
    };
    while let Some(token) = scan.next_token()? {
        scan.count(token.at)?;
        scan.follow(&token)?;
    }
    match scan.open.last() {
        None => Ok(()),
        Some(bracket) => Err(scan.refuse(
            bracket.at,
            format!("this `{}` is never closed", char::from(bracket.byte)),
        )),
    }
}

struct Scan<'a> {
    text: &'a str,
    limits: &'a Limits,
    /// Bytes read so far; always at the start of a character.
    at: usize,
    tokens: usize,
    open: Vec<Bracket<'a>>,
    last: Last<'a>,
}

/// A bracket that waits for its other half.
struct Bracket<'a> {
    byte: u8,
    at: usize,
    /// Names of an input object's fields so far; `None` for every other bracket.
    fields: Option<HashSet<&'a str>>,
}

/// The token before this one, as far as it decides what a `{` or a `:` means.
#[derive(Clone, Copy)]
enum Last<'a> {
    Name(&'a str),
    /// A value must follow: after `:` and `=`.
    BeforeValue,
    Other,
}

struct Token<'a> {
    at: usize,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Name(&'a str),
    Punctuator(u8),
    /// A number, a string or `...`.
    Whole,
}

impl<'a> Scan<'a> {
    fn count(&mut self, at: usize) -> Result<(), Refusal> {
        self.tokens = self.tokens.saturating_add(1);
        if self.tokens > self.limits.tokens_max {
            let most = self.limits.tokens_max;
            let message =
                format!("A document may have at most {most} tokens; ask for less in one request.");
            return Err(Refusal::limit(message, [position(self.text, at)]));
        }
        Ok(())
    }

    fn follow(&mut self, token: &Token<'a>) -> Result<(), Refusal> {
        self.last = match token.kind {
            Kind::Name(name) => Last::Name(name),
            Kind::Whole => Last::Other,
            Kind::Punctuator(byte) => {
                match byte {
                    b'{' | b'[' | b'(' => self.open(byte, token.at)?,
                    b'}' | b']' | b')' => self.close(byte, token.at)?,
                    b':' => self.name_field(token.at)?,
                    _ => {}
                }
                if matches!(byte, b':' | b'=') {
                    Last::BeforeValue
                } else {
                    Last::Other
                }
            }
        };
        Ok(())
    }

    fn open(&mut self, byte: u8, at: usize) -> Result<(), Refusal> {
        if self.open.len() >= self.limits.nesting_max {
            let most = self.limits.nesting_max;
            let message = format!("Brackets of a document may nest at most {most} deep.");
            return Err(Refusal::limit(message, [position(self.text, at)]));
        }
        // A brace opens an input object where a value stands, and a selection set everywhere else.
        let in_list = self.open.last().is_some_and(|bracket| bracket.byte == b'[');
        let is_object = byte == b'{' && (in_list || matches!(self.last, Last::BeforeValue));
        self.open.push(Bracket {
            byte,
            at,
            fields: is_object.then(HashSet::new),
        });
        Ok(())
    }

    fn close(&mut self, byte: u8, at: usize) -> Result<(), Refusal> {
        let closes = match byte {
            b'}' => b'{',
            b']' => b'[',
            _ => b'(',
        };
        match self.open.pop() {
            Some(bracket) if bracket.byte == closes => Ok(()),
            _ => Err(self.refuse(
                at,
                format!("no open bracket matches this `{}`", char::from(byte)),
            )),
        }
    }

    fn name_field(&mut self, at: usize) -> Result<(), Refusal> {
        if let Last::Name(name) = self.last
            && let Some(Bracket {
                fields: Some(fields),
                ..
            }) = self.open.last_mut()
            && !fields.insert(name)
        {
            return Err(Refusal::document(
                "An input object names one of its fields twice.",
                [position(self.text, at)],
            ));
        }
        Ok(())
    }

    fn next_token(&mut self) -> Result<Option<Token<'a>>, Refusal> {
        self.skip_ignored();
        let at = self.at;
        let Some(byte) = self.byte() else {
            return Ok(None);
        };
        let kind = match byte {
            b'{' | b'}' | b'[' | b']' | b'(' | b')' | b':' | b'=' | b'!' | b'$' | b'&' | b'@'
            | b'|' => {
                self.at += 1;
                Kind::Punctuator(byte)
            }
            b'.' if self.rest().starts_with("...") => {
                self.at += 3;
                Kind::Whole
            }
            b'"' if self.rest().starts_with("\"\"\"") => self.block_string()?,
            b'"' => self.string()?,
            b'-' | b'0'..=b'9' => self.number()?,
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                self.skip_while(is_name_byte);
                Kind::Name(self.text.get(at..self.at).unwrap_or_default())
            }
            _ => return Err(self.refuse(at, "this character has no meaning here".to_owned())),
        };
        Ok(Some(Token { at, kind }))
    }

    fn skip_ignored(&mut self) {
        loop {
            match self.byte() {
                Some(b' ' | b'\t' | b'\n' | b'\r' | b',') => self.at += 1,
                Some(b'#') => self.skip_while(|byte| !matches!(byte, b'\n' | b'\r')),
                Some(_) if self.rest().starts_with('\u{feff}') => self.at += '\u{feff}'.len_utf8(),
                _ => return,
            }
        }
    }

    /// A string on one line; its escapes are those that the parser knows.
    fn string(&mut self) -> Result<Kind<'a>, Refusal> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Kind::Whole);
                }
                None | Some(b'\n' | b'\r') => {
                    return Err(
                        self.refuse(start, "this string does not end on its line".to_owned())
                    );
                }
                Some(b'\\') => self.escape()?,
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), Refusal> {
        let start = self.at;
        self.at += 1;
        let known = match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 1,
            Some(b'u') if self.is_scalar_escape() => 5,
            _ => return Err(self.refuse(start, "this escape is not one of a string".to_owned())),
        };
        self.at += known;
        Ok(())
    }

    /// Whether `uXXXX` follows and names a character (halves of surrogate pairs do not).
    fn is_scalar_escape(&self) -> bool {
        let digits = self
            .text
            .get(self.at.saturating_add(1)..self.at.saturating_add(5));
        digits
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .is_some_and(|number| char::from_u32(number).is_some())
    }

    fn block_string(&mut self) -> Result<Kind<'a>, Refusal> {
        let start = self.at;
        self.at += 3;
        loop {
            let rest = self.rest();
            if rest.starts_with("\"\"\"") {
                self.at += 3;
                return Ok(Kind::Whole);
            }
            match self.byte() {
                None => return Err(self.refuse(start, "this block string never ends".to_owned())),
                Some(b'\\') if rest.starts_with("\\\"\"\"") => self.at += 4,
                Some(_) => self.at += 1,
            }
        }
    }

    fn number(&mut self) -> Result<Kind<'a>, Refusal> {
        let start = self.at;
        self.skip_while(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'_')
        });
        if is_number(self.text.get(start..self.at).unwrap_or_default()) {
            Ok(Kind::Whole)
        } else {
            Err(self.refuse(
                start,
                "this is not a number, and a name cannot begin like one".to_owned(),
            ))
        }
    }

    /// The byte to read next. Inside a character of several bytes `rest` would be empty, so the loops
    /// above step over such bytes one by one and look at ASCII only.
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_while(&mut self, keep: impl Fn(u8) -> bool) {
        while self.byte().is_some_and(&keep) {
            self.at += 1;
        }
    }

    fn refuse(&self, at: usize, what: String) -> Refusal {
        let place = position(self.text, at);
        let message = format!(
            "Syntax error at line {}, column {}: {what}.",
            place.line, place.column
        );
        Refusal::document(message, [place])
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    is_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(is_digits)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Line and column of a byte, both from 1, columns in characters.
fn position(text: &str, at: usize) -> Pos {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end.saturating_add(1));
    Pos {
        line: before.matches('\n').count().saturating_add(1),
        column: before
            .get(line_start..)
            .unwrap_or_default()
            .chars()
            .count()
            .saturating_add(1),
    }
}
