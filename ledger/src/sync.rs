//! What nodes hand each other, whatever carries it: a link, a stick, a file for an auditor.

pub mod blob;
pub mod frame;
