//! Everything of Annona that touches the world.

pub mod seal;
