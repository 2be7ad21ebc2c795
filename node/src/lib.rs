//! Everything of Annona that touches the world.

pub mod atomic;
pub mod audit;
pub mod backup;
pub mod bundle;
pub mod checkpoint;
pub mod clock;
pub mod cycle_key;
pub mod disk;
pub mod envelope;
pub mod folder;
pub mod guard;
pub mod import;
pub mod keystore;
pub mod member;
pub mod node;
pub mod person;
pub mod receipt;
pub mod sample;
pub mod seal;
pub mod serve;
pub mod store;
pub mod sync;
mod taking;
pub mod tlog;
pub mod vault;
pub mod writer;
