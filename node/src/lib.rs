//! Everything of Annona that touches the world.

pub mod atomic;
pub mod clock;
pub mod disk;
pub mod folder;
pub mod guard;
pub mod import;
pub mod keystore;
pub mod person;
pub mod sample;
pub mod seal;
pub mod vault;
