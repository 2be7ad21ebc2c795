//! Everything of Annona that touches the world.

pub mod person;
pub mod seal;
