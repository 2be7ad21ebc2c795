//! Stamps outside what certified checkpoints say of their blocks: listed, and no sum is another.

use annona_ledger::charter::Charter;
use annona_ledger::checkpoint::{Page, Said};
use annona_ledger::clock::Bracket;
use annona_ledger::frontier::Frontier;
use annona_ledger::sync::blob;
use annona_ledger::sync::frame::{Known, PAGE};

use super::*;

/// A camp whose file carries checkpoints.
struct Vouched {
    camp: Camp,
    said: Vec<Frame>,
}

impl Ledger for Vouched {
    fn federation(&self) -> Result<FederationId, StoreFault> {
        self.camp.federation()
    }
    fn articles(&self) -> Result<Vec<SignedArticle>, StoreFault> {
        self.camp.articles()
    }
    fn notices(&self) -> Result<Vec<SignedNotice>, StoreFault> {
        self.camp.notices()
    }
    fn feeds(&self) -> Result<Vec<FeedId>, StoreFault> {
        self.camp.feeds()
    }
    fn checkpoints(&self) -> Result<Vec<Frame>, StoreFault> {
        Ok(self.said.clone())
    }
    fn blocks(
        &self,
        feed: &FeedId,
        each: &mut dyn FnMut(Block, Option<Evidence>) -> Result<(), ExportFault>,
    ) -> Result<(), ExportFault> {
        self.camp.blocks(feed, each)
    }
}

impl Vouched {
    /// A camp of one site whose redemptions stand a block each, at these minutes.
    fn new(stamps: &[u32]) -> Self {
        let mut camp = camp(1, 1, 0);
        let (feed, node) = (site(&camp), key(1_000));
        let old = camp.feeds.remove(&feed).expect("the site's feed");
        let mut pen = Pen::new(&node, camp.federation, Lane::Value, P);
        let placed = old[0].verify(&camp.federation, &feed).expect("it is good").entries().to_vec();
        let lot = Lot(placed.last().expect("an issue").index);
        for placed in placed {
            pen.write(placed.entry);
        }
        for stamp in stamps {
            pen.seal();
            let (amount, method) = (amount(5), Method::Pin);
            pen.write(Value::Redeem { lot, amount, merchant: 0, at: Minute(*stamp), method });
        }
        pen.done(&mut camp.feeds);
        for (org, seed) in [(1, 300), (2, 301)] {
            camp.notices.push(witness(camp.federation, org, seed));
        }
        camp.notices.sort_by_key(|signed| signed.notice.hash());
        Self { camp, said: Vec::new() }
    }

    /// The witnesses of both organisations, or of one alone, sign a checkpoint made at a minute that has so many of the
    /// site's blocks.
    fn sign(&mut self, time: u32, blocks: usize, witnesses: &[u16]) {
        let charter = Charter::found(&self.camp.article).expect("both signed");
        let site = site(&self.camp);
        let tip = |(feed, all): (&FeedId, &Vec<Block>)| {
            let blocks = if *feed == site { blocks } else { all.len() };
            Known { feed: *feed, blocks: blocks as u64, head: all[blocks - 1].header.end() }
        };
        let frontier = Frontier::new(self.camp.feeds.iter().map(tip).collect()).expect("tips");
        let page = Page::new(&charter, &frontier, Vec::new(), Vec::new(), Minute(time));
        let page = page.expect("no leaves");
        let name = page.checkpoint.hash();
        self.said.extend(blob::pieces(PAGE, name, &page.encode()));
        for seed in witnesses {
            let (leaves, holds) = (Bounded::empty(), Bounded::empty());
            let witness = key(*seed).public().short();
            let said = Said { checkpoint: name, witness, time: Minute(time), leaves, holds };
            let signed = said.sign(&self.camp.federation, &key(seed + 50));
            self.said.push(Frame::Cosignature(Box::new(signed)));
        }
    }

    fn verdict(&self) -> Verdict {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("camp.audit");
        export(self, &path).expect("exported");
        whole(&path)
    }
}

fn witness(federation: FederationId, org: u16, seed: u16) -> SignedNotice {
    let (node, transport, sealing) = (key(seed), key(seed + 50).public(), [9; 32]);
    let org = OrgId(org);
    let certificate = NodeCertificate {
        org,
        node: node.public(),
        transport,
        sealing,
        site: SiteId(seed),
        site_name: name("Office"),
        roles: Roles::WITNESS,
        programmes: many(vec![P]),
        ceilings: Bounded::empty(),
        issued: Minute(0),
        not_after: Minute(10_000_000),
        replaces: None,
        acceptance: NodeCertificate::accept(&node, &federation, org, &transport, &sealing),
    };
    Notice::Node(certificate).sign(&federation, &key(100 + org.0))
}

#[test]
fn s13_a_stamp_that_two_checkpoints_contradict_is_listed_and_moves_nothing() {
    // Blocks 1 to 4: each a redemption. One checkpoint at minute 500 has block 1, a later one at 900 block 2 as well.
    let stamps = [100, 450, 450, 2_000];
    let plain = Vouched::new(&stamps).verdict();
    assert!(plain.is_good() && plain.doubts.is_empty(), "{:?}", plain.findings);
    let mut camp = Vouched::new(&stamps);
    camp.sign(500, 2, &[300, 301]);
    camp.sign(900, 3, &[300, 301]);
    let told = camp.verdict();
    let feed = site(&camp.camp).short();
    let [doubt] = told.doubts[..] else { panic!("{:?}", told.doubts) };
    assert_eq!((doubt.feed, doubt.stamp), (feed, Minute(450)));
    let bracket = Bracket { after: Some(Minute(500)), before: Some(Minute(900)) };
    assert_eq!(doubt.bracket, bracket, "of the first that is outside");
    // Block 2 was stamped before a checkpoint that does not have it; block 3 before both; block 4 after all there are.
    assert_eq!((doubt.ahead, doubt.behind), (0, 2));
    assert_eq!((told.sums, told.findings), (plain.sums, plain.findings), "recourse only");
    assert_eq!(told.root, plain.root);

    // A clock that is ahead: the checkpoint of minute 500 has a block that says it is of minute 2000.
    let mut camp = Vouched::new(&[100, 2_000]);
    camp.sign(500, 3, &[300, 301]);
    let told = camp.verdict();
    let [doubt] = told.doubts[..] else { panic!("{:?}", told.doubts) };
    assert_eq!((doubt.stamp, doubt.ahead, doubt.behind), (Minute(2_000), 1, 0));

    // What one organisation alone has signed brackets nothing.
    let mut camp = Vouched::new(&[100, 2_000]);
    camp.sign(500, 3, &[300]);
    assert_eq!(camp.verdict().doubts, []);
}
