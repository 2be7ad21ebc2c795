//! The rules of Annona: pure. No file, socket, clock, thread or randomness.

pub mod hash;
