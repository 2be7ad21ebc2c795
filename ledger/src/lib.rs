//! The rules of Annona: pure. No file, socket, clock, thread or randomness.

pub mod admit;
pub mod amount;
pub mod audit;
pub mod block;
pub mod charge;
pub mod charter;
pub mod entry;
pub mod feed;
#[cfg(test)]
mod fixtures;
pub mod fold;
pub mod fork;
pub mod hash;
pub mod id;
pub mod insolvency;
pub mod key;
pub mod limits;
pub mod list;
pub mod merkle;
pub mod notice;
pub mod receipt;
pub mod rejection;
pub mod state;
pub mod sync;
#[cfg(test)]
mod testing;
pub mod ticket;
pub mod time;
pub mod view;
pub mod wire;
