//! The rules of Annona: pure. No file, socket, clock, thread or randomness.

pub mod amount;
pub mod charter;
pub mod entry;
pub mod feed;
pub mod hash;
pub mod id;
pub mod key;
pub mod limits;
pub mod list;
pub mod merkle;
pub mod notice;
pub mod ticket;
pub mod time;
pub mod wire;
