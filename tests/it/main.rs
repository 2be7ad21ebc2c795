//! Everything that is tried across crates, in one binary.

mod corpus;
mod tidy;
