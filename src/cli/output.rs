//! The one door to standard output.

use std::io::Write as _;

/// Prints a text as it is. A reader that went away (`| head`) is no failure of ours.
pub(super) fn print(text: &str) {
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(text.as_bytes());
    let _ = output.flush();
}

/// Says on standard error why the command failed.
pub(super) fn complain(message: &str) {
    let mut error = std::io::stderr().lock();
    for line in message.lines() {
        let _ = writeln!(error, "seatwise: {line}");
    }
}
