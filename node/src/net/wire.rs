//! What is on a link before the frames: the stream's name, what is hashed into the handshake, and the time each side says it
//! is (spec/network.md).

use std::io;

use annona_ledger::id::FederationId;
use futures::{AsyncRead, AsyncReadExt};

/// The name of the one stream of a link. Another version of the protocol is another name.
pub(super) const STREAM: &str = "/annona/1";
/// What both sides hash into the handshake before the federation: who is of another one does not get through it.
const PROLOGUE: &[u8] = b"annona link 1";

/// What is hashed into the handshake.
pub(super) fn prologue(federation: &FederationId) -> Vec<u8> {
    [PROLOGUE, &federation.0.0].concat()
}

/// What each side writes first: its clock, in milliseconds since 1970, big-endian.
pub(super) fn clock(millis: u64) -> Vec<u8> {
    millis.to_be_bytes().to_vec()
}

/// The other side's clock.
pub(super) async fn read_clock(from: &mut (impl AsyncRead + Unpin)) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes).await?;
    Ok(u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use annona_ledger::hash::Hash;
    use futures::executor::block_on;

    #[test]
    fn clocks_read_back_and_federations_differ() {
        let bytes = clock(1_795_354_800_999);
        assert_eq!(block_on(read_clock(&mut &bytes[..])).expect("a clock"), 1_795_354_800_999);
        let cut = block_on(read_clock(&mut &bytes[..7])).expect_err("cut");
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
        let of = |byte| prologue(&FederationId(Hash([byte; 32])));
        assert_eq!(of(1).len(), 45);
        assert_ne!(of(1), of(2));
    }
}
