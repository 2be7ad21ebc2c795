//! Everything of Annona that touches the world.

pub mod atomic;
pub mod disk;
pub mod person;
pub mod seal;
pub mod vault;
