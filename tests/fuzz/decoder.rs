//! Every decoder's fuzz target: its name is that of the binary, and says which one is tried.

#![no_main]

use annona_tests::hostile::decoder;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let decode = decoder(env!("CARGO_BIN_NAME")).expect("a target is named after a decoder");
    decode(bytes);
});
