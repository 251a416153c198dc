//! Bodies: strict UTF-8, bounded nesting, then serde.

use serde::de::DeserializeOwned;

use crate::api::gate::{Fault, Refusal};

/// Reads JSON that came from outside.
///
/// Nesting is bounded before serde recurses. The refusal says where it went wrong, never what stood
/// there.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8], nesting_max: usize) -> Result<T, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Refusal::request(format!(
            "The body is not UTF-8 from byte {} on.",
            error.valid_up_to()
        ))
    })?;
    check_nesting(text, nesting_max)?;
    serde_json::from_str(text).map_err(|error| {
        let what = if error.is_eof() {
            "it ends too early"
        } else {
            "it is not what was expected there"
        };
        Refusal::request(format!(
            "The JSON cannot be read at line {}, column {}: {what}.",
            error.line(),
            error.column()
        ))
    })
}

fn check_nesting(text: &str, nesting_max: usize) -> Result<(), Refusal> {
    let mut depth = 0_usize;
    let mut is_string = false;
    let mut is_escaped = false;
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            b'{' | b'[' if !is_string => depth = depth.saturating_add(1),
            b'}' | b']' if !is_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > nesting_max {
            let message = format!("JSON may nest at most {nesting_max} deep.");
            return Err(Refusal::new(Fault::Limit, message, []));
        }
    }
    Ok(())
}
