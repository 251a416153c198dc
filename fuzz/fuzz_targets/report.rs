//! Bytes as a usage report; the first one chooses which.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| seatwise::msgraph::fuzzing::report(bytes));
