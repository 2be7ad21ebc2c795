//! Every decoder, in one program.
//!
//! ```text
//! DECODER=ticket cargo fuzz run decoder tests/fuzz/corpus/ticket -- -max_total_time=10       one, on the bytes as they are
//! cargo fuzz run decoder                                                                     the first byte picks one
//! ```

#![no_main]

use std::sync::LazyLock;

use annona_tests::hostile::{Decoder, any, decoder};

static ONE: LazyLock<Option<Decoder>> = LazyLock::new(|| {
    let name = std::env::var("DECODER").ok()?;
    Some(decoder(&name).unwrap_or_else(|| panic!("no decoder is called {name}")))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    match &*ONE {
        Some(decode) => drop(decode(bytes)),
        None => any(bytes),
    }
});
