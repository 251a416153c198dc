//! Bytes as a page of Graph: the envelope, and each row as everything that rows can be.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| seatwise::msgraph::fuzzing::page(bytes));
