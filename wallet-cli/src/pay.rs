//! `annona pay`: what happens at a counter. Every answer is printed after the commit that made it durable, never before.

pub(crate) mod allowance;
mod bill;
mod charge;
mod claim;
mod day;
mod float;
mod give_back;
pub(crate) mod hold;
mod known;
mod list;
mod orphan;
pub(crate) mod pin;
mod place;
mod promise;
mod queue;
mod reader;
pub(crate) mod receipt;
mod refund;
mod short;
pub(crate) mod slip;
mod ticket;
pub(crate) mod till;
pub(crate) mod turned;
mod voucher;

use clap::{Args, Subcommand};

pub(crate) use charge::gone;
pub(crate) use slip::vouched;

use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona pay charge --card 7K3M-9QXD-2VHN --item Rice=10
  $ annona pay charge --from queue.jsonl --json
  $ annona pay list --by merchant";

/// Hands out goods, takes them back, and moves entitlements between sites.
#[derive(Args)]
#[command(before_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Pay {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Charge(charge::Charge),
    Refund(refund::Refund),
    List(list::List),
    Receipt(receipt::Receipt),
    Ticket(ticket::Ticket),
    Supply(ticket::Supply),
    Return(give_back::Return),
    Claim(claim::Claim),
    Decline(claim::Decline),
    Float(float::Float),
    Cover(float::Cover),
    OpenDay(day::OpenDay),
    CloseDay(day::CloseDay),
    Orphan(orphan::Orphan),
    Hold(hold::Hold),
    Post(hold::Post),
    Drop(hold::Drop),
    Promise(promise::Promise),
    Voucher(voucher::Voucher),
    Challenge(reader::Challenge),
    Bill(bill::Bill),
    Attest(reader::Attest),
}

impl Pay {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self.command {
            Command::Charge(command) => command.run(session),
            Command::Refund(command) => command.run(session),
            Command::List(command) => command.run(session),
            Command::Receipt(command) => command.run(session),
            Command::Ticket(command) => command.run(session),
            Command::Supply(command) => command.run(session),
            Command::Return(command) => command.run(session),
            Command::Claim(command) => command.run(session),
            Command::Decline(command) => command.run(session),
            Command::Float(command) => command.run(session),
            Command::Cover(command) => command.run(session),
            Command::OpenDay(command) => command.run(session),
            Command::CloseDay(command) => command.run(session),
            Command::Orphan(command) => command.run(session),
            Command::Hold(command) => command.run(session),
            Command::Post(command) => command.run(session),
            Command::Drop(command) => command.run(session),
            Command::Promise(command) => command.run(session),
            Command::Voucher(command) => command.run(session),
            Command::Challenge(command) => command.run(session),
            Command::Bill(command) => command.run(session),
            Command::Attest(command) => command.run(session),
        }
    }
}
