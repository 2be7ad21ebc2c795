//! The simulator: a whole federation in one process, driven by one seed.
//!
//! A seed decides everything: who belongs, who issues and sends what, which bundle is lost, whose clock jumps and where
//! the power goes. After every step a naive second model must agree with the real rules, and the invariants of the
//! design must hold ([`check::Broken`] names them). One seed reproduces a run byte for byte.
//!
//! There is no randomness but [`rng::Rng`], no wall clock, and no map without an order in here.

pub mod bench;
pub mod cast;
pub mod check;
pub mod clock;
pub mod coverage;
pub mod disk;
pub mod exhaustive;
pub mod faults;
pub mod hostile;
pub mod memo;
pub mod model;
pub mod planted;
pub mod rng;
pub mod run;
pub mod site;
pub mod slow;
pub mod workload;
pub mod world;
