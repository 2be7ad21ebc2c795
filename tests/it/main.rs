//! Everything that is tried across crates, in one binary.

mod corpus;
mod decoders;
mod exhaustive;
mod holes;
mod mutants;
mod planted;
mod records;
mod scenarios;
mod seeds;
mod shapes;
mod tidy;
mod wire;
