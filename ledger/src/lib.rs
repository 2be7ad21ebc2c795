//! The rules of Annona: pure. No file, socket, clock, thread or randomness.

pub mod amount;
pub mod entry;
pub mod feed;
pub mod hash;
pub mod id;
pub mod key;
pub mod limits;
pub mod ticket;
pub mod time;
pub mod wire;
