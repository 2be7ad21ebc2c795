//! The fixed workload of `spec/bench.md`: a federation of forty sites, and ledgers of any size written through it by
//! the real writer. Benchmarks and the tests of sizes use the same one.

mod federation;
mod mix;
mod newcomer;
mod sizes;
mod written;

pub use federation::{
    CASH, COMMODITIES, CYCLES, Federation, MERCHANTS, OPERATORS, RICE, SITES, USD,
};
pub(crate) use federation::{certificate, organisation, passphrase};
pub use mix::{Chance, Shares};
pub use newcomer::{newcomer, opened_at};
pub use sizes::Sizes;
pub use written::{Written, lots_for, opened};

/// What building or measuring may meet: it is told, and ends the run.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;
