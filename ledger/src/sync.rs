//! What nodes hand each other, whatever carries it: a link, a stick, a file for an auditor.
//!
//! [`session::Session`] is one meeting of two nodes over a link, without the link: bytes in, bytes out (spec/sync.md).

pub mod blob;
mod credit;
pub mod frame;
pub mod index;
pub mod session;
pub mod split;
pub mod talk;
#[cfg(test)]
mod tests;
