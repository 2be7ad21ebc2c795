//! What is issued, held against the lists it is issued by.

use super::*;
use crate::list::{Draft, Total};

/// Two rows of four, and the list of them frozen as often as it is said, on the first node's control feed.
fn frozen(times: u64) -> World {
    let mut world = World::new();
    let totals = many(vec![Total { commodity: CASH, amount: amount(8) }]);
    let (node, root) = (world.nodes[0].public().short(), Hash([7; 32]));
    let draft =
        Draft { node, programme: P, cycle: CycleId(1), root, rows: 2, totals, at: Minute(9) };
    let approval = |seed| draft.approve(&world.federation, &key(seed));
    let list = draft.clone().approved(approval(90), approval(91));
    let control = world.chain(0, Lane::Control, ProgrammeId::NONE);
    for _ in 0..times {
        world.write(control, Control::List(Box::new(list.clone())).into());
    }
    world.seal(control);
    let ticket = Ticket::Budget { epoch: 0, act: 3, line: 0 };
    world.write(0, Value::Claim { ticket: Box::new(ticket), at: Minute(9) }.into());
    world
}

fn exceeded(mut world: World, rows: &[(u64, u32)]) -> Vec<u64> {
    let (from, purse, at, expires) = (Lot(0), Purse([1; 16]), Minute(9), Minute(900_000));
    for (list, row) in rows {
        let (list, row) = (*list, *row);
        let issue = Value::Issue { from, list, row, purse, amount: amount(4), expires, at };
        world.write(0, issue.into());
    }
    world.seal(0);
    let verdict = run(&world.source(), &Options::default());
    let of = |finding: &Finding| match finding.problem {
        Problem::ListExceeded { list } | Problem::NoList { list } => Some(list),
        _ => None,
    };
    verdict.findings.iter().filter_map(of).collect()
}

#[test]
fn a_list_that_is_frozen_again_gives_no_more_than_once() {
    assert_eq!(exceeded(frozen(2), &[(0, 0), (0, 1)]), []);
    // Each its own half: as one of them would.
    assert_eq!(exceeded(frozen(2), &[(0, 0), (1, 1)]), []);
    assert_eq!(exceeded(frozen(2), &[(0, 0), (0, 1), (1, 0)]), [1]);
    assert_eq!(exceeded(frozen(2), &[(1, 0), (1, 1), (0, 0), (0, 1)]), [1]);
    assert_eq!(exceeded(frozen(1), &[(0, 0), (0, 2)]), [0], "no such row");
    assert_eq!(exceeded(frozen(1), &[(0, 0), (1, 0)]), [1], "no such list");
}
