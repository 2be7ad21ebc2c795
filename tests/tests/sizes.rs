//! The sizes of `spec/bench.md`, which are the same on every machine.

use annona_tests::bench::Sizes;

#[test]
fn what_travels_is_as_small_as_promised() {
    let sizes = Sizes::weigh().expect("a block, a promise, a ticket, a receipt");
    let check = |what: &str, bytes: usize, most: usize| {
        assert!(bytes <= most, "{what}: {bytes} bytes, at most {most}");
    };
    check("256 redemptions", sizes.body, 12 * 256);
    check("256 redemptions with header and signature", sizes.body + sizes.seal, 12 * 256);
    check("receipt", sizes.receipt, 520);
    check("promise", sizes.promise, 150);
    check("ticket", sizes.ticket, 200);
    check("ticket of a cover", sizes.cover, 200);
    check("hop", sizes.hop, 160);
}
