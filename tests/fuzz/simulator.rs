//! Bytes become steps of the simulator; a broken invariant is a crash.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| annona_tests::hostile::simulator(bytes));
