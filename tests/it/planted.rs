//! Every planted bug is caught, by the name of the invariant it breaks.

use annona_tests::check::Broken;
use annona_tests::planted::Bug;
use annona_tests::run::run;
use annona_tests::world::{Malice, Options};

/// Seeds that are tried with a bug: what only a rare day brings is met within them.
const SEEDS: u64 = 600;

/// Runs seeds with the bug and without the naive verdict, which alone would catch most, until one is caught.
#[track_caller]
fn caught(bug: Bug, by: &[Broken]) {
    caught_among(bug, None, by);
}

/// The same, where each seed has a node that does this.
#[track_caller]
fn caught_among(bug: Bug, malice: Option<Malice>, by: &[Broken]) {
    let mut broken = Vec::new();
    for seed in 0..SEEDS {
        let options = Options { bug: Some(bug), malice, naive: false, ..Options::seed(seed) };
        if let Err(failed) = run(options) {
            assert!(by.contains(&failed.breach.broken), "{bug:?} was caught by another: {failed}");
            broken.push(failed.breach.broken);
            if broken.contains(&by[0]) {
                return;
            }
        }
    }
    panic!("{bug:?} was not caught as {:?} in {SEEDS} seeds", by[0]);
}

#[test]
fn a_claim_that_is_not_deduplicated() {
    caught(Bug::ClaimNotDeduplicated, &[Broken::ClaimedTwice]);
}

#[test]
fn a_sender_that_recalls_its_ticket() {
    caught(Bug::SenderRecalls, &[Broken::LotBelowZero]);
}

#[test]
fn a_ticket_accepted_at_the_wrong_site() {
    caught(Bug::WrongSiteAccepted, &[Broken::ClaimedElsewhere]);
}

#[test]
fn a_refund_given_twice() {
    caught(Bug::RefundTwice, &[Broken::RefundedTwice]);
}

#[test]
fn a_float_redemption_covered_twice() {
    caught(Bug::CoverTwice, &[Broken::CoveredTwice]);
}

#[test]
fn a_row_issued_twice() {
    caught(Bug::RowTwice, &[Broken::RowIssuedTwice]);
}

#[test]
fn a_cap_nobody_checks() {
    caught(Bug::CapsUnchecked, &[Broken::FloatCapPassed]);
}

#[test]
fn a_lease_taken_back_by_waiting() {
    caught(Bug::LeaseReclaim, &[Broken::LotBelowZero]);
}

#[test]
fn a_replica_that_decides() {
    // Either two orders of the same blocks give two states, or a feed stands still at one node, or what it passed over
    // it has said to keep, or goes on being told.
    let linked = [Broken::TakenUnkept, Broken::LinkBroughtLess];
    caught(
        Bug::ReplicaDecides,
        &[&[Broken::RootsDiffer, Broken::NotConverged], &linked[..]].concat(),
    );
}

#[test]
fn an_accumulator_nobody_checks() {
    caught(Bug::AccumulatorUnchecked, &[Broken::ForeignBlock]);
}

#[test]
fn a_signature_nobody_checks() {
    caught(Bug::SignatureUnchecked, &[Broken::ForeignBlock]);
}

#[test]
fn a_lease_taken_back_at_the_fence() {
    caught(Bug::ReclaimAtFence, &[Broken::LotBelowZero]);
}

#[test]
fn suspense_handed_back_to_a_purse() {
    caught(Bug::SuspenseToPurse, &[Broken::LotBelowZero, Broken::HonestAccused]);
}

#[test]
fn a_new_key_that_claims_what_was_sent_to_the_old_one() {
    caught(Bug::SuccessorClaims, &[Broken::ClaimedElsewhere]);
}

#[test]
fn a_release_before_the_end_that_nobody_is_charged_for() {
    caught(Bug::ReleaseUncharged, &[Broken::ExcessUncharged]);
}

#[test]
fn the_higher_of_two_cuts_believed() {
    caught(Bug::HigherCutWins, &[Broken::TaintedTaken]);
}

#[test]
fn a_shown_redemption_that_counts_beside_its_block() {
    caught(Bug::OrphanTwice, &[Broken::ShownTwice, Broken::HonestCharged]);
}

#[test]
fn a_statement_of_a_day_that_nobody_adds_up() {
    caught(Bug::DayUnchecked, &[Broken::DayDiffers]);
}

#[test]
fn a_settlement_that_goes_on_past_a_cut() {
    caught(Bug::SettlesPastCut, &[Broken::SettledPastCut]);
}

#[test]
fn an_entry_settled_again() {
    caught(Bug::SettlesAgain, &[Broken::SettledTwice, Broken::PaidTwice]);
}

#[test]
fn a_payer_that_goes_by_rows() {
    caught(Bug::PaysByRow, &[Broken::PaidTwice]);
}

#[test]
fn a_fork_that_nobody_holds_against_its_feed() {
    caught_among(Bug::ForkForgotten, Some(Malice::Fork), &[Broken::ForkUnproven]);
}

#[test]
fn what_came_over_a_link_said_to_be_kept_before_it_is() {
    // Where the link is not cut, what was said to be kept and was fit for nothing is missed at the end.
    caught(Bug::TakenUnkept, &[Broken::TakenUnkept, Broken::LinkBroughtLess]);
}

#[test]
fn a_proof_against_somebody_honest() {
    caught(Bug::Slanders, &[Broken::HonestAccused]);
}
