//! Writing JSON, a field at a time, as the slow way serializes it.

use std::fmt::Write as _;

/// An answer that is being written.
pub(super) struct Json {
    text: String,
}

impl Json {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            text: String::with_capacity(capacity),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// What is JSON already.
    pub(super) fn raw(&mut self, json: &str) {
        self.text.push_str(json);
    }

    pub(super) fn null(&mut self) {
        self.text.push_str("null");
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.text.push_str(if value { "true" } else { "false" });
    }

    pub(super) fn int(&mut self, value: i32) {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{value}");
    }

    /// What needs no escapes: an enum's name, a date, an id.
    pub(super) fn plain(&mut self, value: impl std::fmt::Display) {
        let _ = write!(self.text, "\"{value}\"");
    }

    pub(super) fn text(&mut self, value: &str) {
        self.text.push('"');
        push_escaped(&mut self.text, value);
        self.text.push('"');
    }

    /// A text, or null.
    pub(super) fn optional(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// A date or an instant, or null.
    pub(super) fn optional_plain(&mut self, value: Option<impl std::fmt::Display>) {
        match value {
            Some(value) => self.plain(value),
            None => self.null(),
        }
    }

    /// A list; `write` writes one entry.
    pub(super) fn list<T, E>(
        &mut self,
        entries: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), E>,
    ) -> Result<(), E> {
        self.text.push('[');
        for (place, entry) in entries.into_iter().enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            write(self, entry)?;
        }
        self.text.push(']');
        Ok(())
    }
}

/// Escapes what JSON wants escaped and nothing else. Nearly no text has any of it: then it is copied
/// whole.
fn push_escaped(json: &mut String, text: &str) {
    let mut copied = 0;
    for (place, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        json.push_str(&text[copied..place]);
        copied = place + 1;
        match byte {
            b'"' => json.push_str("\\\""),
            b'\\' => json.push_str("\\\\"),
            b'\n' => json.push_str("\\n"),
            b'\r' => json.push_str("\\r"),
            b'\t' => json.push_str("\\t"),
            0x08 => json.push_str("\\b"),
            0x0c => json.push_str("\\f"),
            control => {
                // Writing to a string cannot fail.
                let _ = write!(json, "\\u{control:04x}");
            }
        }
    }
    json.push_str(&text[copied..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str) {
        let mut json = Json::new(0);
        json.text(text);
        assert_eq!(json.into_text(), serde_json::to_string(text).unwrap());
    }

    #[test]
    fn every_ascii_character_is_written_as_the_serializer_writes_it() {
        for byte in 0..=127_u8 {
            check(&char::from(byte).to_string());
            check(&format!("a{}b", char::from(byte)));
        }
        check("");
        check("Grüße \u{2028} \u{10348}");
    }

    proptest! {
        #[test]
        fn every_text_is_written_as_the_serializer_writes_it(text in any::<String>()) {
            check(&text);
        }
    }
}
