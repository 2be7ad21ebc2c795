//! What was signed of one branch says nothing of another, and what is not wholly here is not exact.

use super::*;

const AT: Minute = Minute(9);

/// A source whose checkpoints say something of its feeds.
struct Signed(Memory, Cosigned);

impl Source for Signed {
    fn said(&self, each: &mut dyn FnMut(u64, Said)) {
        self.0.said(each);
    }

    fn feeds(&self) -> Vec<FeedId> {
        self.0.feeds()
    }

    fn items(&self, feed: &FeedId, each: &mut dyn FnMut(u64, Item) -> bool) {
        self.0.items(feed, each);
    }

    fn block(&self, place: u64) -> Option<Block> {
        self.0.block(place)
    }

    fn cosigned(&self) -> Cosigned {
        self.1.clone()
    }

    fn end(&self) -> End {
        self.0.end()
    }
}

fn redeem(world: &mut World, chain: usize, units: u64) {
    let (lot, merchant, method) = (Lot(2), 0, Method::Pin);
    let redeem = Value::Redeem { lot, amount: amount(units), merchant, at: AT, method };
    world.write(chain, redeem.into());
    world.seal(chain);
}

/// A counter that handed out once, and then once more on each of two branches.
fn forked() -> (World, usize) {
    let mut world = World::new();
    let ticket = Box::new(Ticket::Budget { epoch: 0, act: 3, line: 0 });
    world.write(0, Value::Claim { ticket, at: AT }.into());
    world.write(0, Value::Merchant { merchant: MerchantId([1; 16]) }.into());
    let (purse, expires) = (Purse([1; 16]), Minute(900_000));
    let (from, amount, at) = (Lot(0), amount(90), AT);
    world.write(0, Value::Issue { from, list: 0, row: 0, purse, amount, expires, at }.into());
    redeem(&mut world, 0, 1);
    world.fork(0);
    let branch = world.chains.len() - 1;
    redeem(&mut world, 0, 2);
    redeem(&mut world, branch, 3);
    (world, branch)
}

#[test]
fn a_signature_of_one_branch_makes_no_hand_out_of_the_other_final() {
    let (world, branch) = forked();
    for chain in [0, branch] {
        let last = world.chains[chain].blocks.last().expect("sealed").header;
        let upto = (last.end().next, Cut { seq: last.seq + 1, head: last.hash() });
        let of = BTreeMap::from([(world.chains[0].feed.short(), upto)]);
        let cosigned = Cosigned { certified: of.clone(), seen: of, ..Cosigned::default() };
        let verdict = run(&Signed(world.source(), cosigned), &Options::default());
        let shares = verdict.finality[&P];
        assert_eq!((shares.certified, shares.accepted), (2, 1), "what is shared, and its own");
    }
}

#[test]
fn suspense_of_a_feed_that_has_ended_is_exact_only_where_all_of_it_is_here() {
    let (mut world, branch) = forked();
    let feed = world.chains[0].feed.short();
    world.write(0, Value::End { at: AT }.into());
    world.seal(0);
    redeem(&mut world, branch, 4);
    let cut = Cut::NOTHING;
    world.vote(Act::Fence { feed, cut, reason: Reason::Lost });
    let gap = world.chains[branch].blocks[0].header.hash();
    let exact = |keep: &dyn Fn(&Block) -> bool| {
        let mut source = world.source();
        let blocks = source.feeds.values_mut().flat_map(std::mem::take).collect::<Vec<_>>();
        let id = world.chains[0].feed;
        source.feeds.insert(id, blocks.into_iter().filter(|block| keep(block)).collect());
        let verdict = run(&source, &Options::default());
        // One pool for each line of its budget.
        let mut exact: Vec<bool> = verdict.suspense.iter().map(|held| held.exact).collect();
        exact.dedup();
        exact
    };
    let of_branch = |block: &Block| world.chains[branch].blocks.contains(block);
    assert_eq!(exact(&|block| !of_branch(block)), [true], "one chain, with its end");
    assert_eq!(
        exact(&|block| block.header.hash() != gap),
        [false],
        "what begins nowhere may be more"
    );
}
