//! Two and three machines against each other, over a link that is nothing but bytes.

mod cuts;
mod figures;
mod forks;
mod hostile;
mod letters;
mod link;
mod meetings;
mod order;
mod shelf;
mod things;
