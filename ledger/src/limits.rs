//! Every limit of the format, once. Each stands as one line in spec/limits.md; a test compares the two.

/// Bytes of one core entry.
pub const ENTRY_BYTES: usize = 512;
/// Bytes of an entry that carries a ticket or a receipt, or closes a day.
pub const CARRYING_ENTRY_BYTES: usize = 2_048;
/// Days after the last minute of a closed cycle's entitlements at which sites destroy its key.
pub const CYCLE_KEY_DAYS: u32 = 90;
/// Bytes of an entry of a later version's kind, after its kind and length.
pub const LATER_ENTRY_BYTES: usize = 2_045;
/// Bytes of evidence beside one entry.
pub const EVIDENCE_BYTES: usize = 2_048;
/// Entries of one block.
pub const BLOCK_ENTRIES: usize = 256;
/// Bytes of one block's core body: what 256 carrying entries could need is refused, a writer seals earlier.
pub const BODY_BYTES: usize = 60 * 1024;
/// Bytes of one block's evidence.
pub const BLOCK_EVIDENCE_BYTES: usize = 1024 * 1024;
/// Minutes after which an open tail is sealed.
pub const SEAL_AFTER_MINUTES: u32 = 10;
/// Hops of provenance a ticket or receipt may carry; beyond, the site syncs first.
pub const HOPS: usize = 6;
/// Entries one basket may bind, not counting the basket itself.
pub const BASKET_ENTRIES: u8 = 32;
/// Bytes of a name in a charter (organisation, site, programme, commodity).
pub const NAME_BYTES: usize = 64;
/// Organisations in a federation.
pub const ORGANISATIONS: usize = 64;
/// Acts in one article.
pub const ACTS: usize = 64;
/// Commodities of one programme.
pub const COMMODITIES: usize = 64;
/// Lines of one budget.
pub const BUDGET_LINES: usize = 64;
/// Programmes a certificate may list.
pub const CERTIFICATE_PROGRAMMES: usize = 32;
/// Bytes of one signed article.
pub const ARTICLE_BYTES: usize = 32 * 1024;
/// Bytes of one notice (certificate, cycle).
pub const NOTICE_BYTES: usize = 2_048;
/// The largest amount: fits a signed 64-bit column of every database.
pub const AMOUNT: u64 = i64::MAX as u64;
/// Branches of one feed that are kept: past it the fault is long proven and nothing is gained by more.
pub const BRANCHES: u8 = 64;
/// Rows of one distribution list: 2²⁴, 70 times the largest federation's households.
pub const LIST_ROWS: u32 = 1 << 24;
/// Bytes of one frame of a bundle or stream, its length prefix not counted.
pub const FRAME_BYTES: usize = 64 * 1024;
/// Merchants one feed may name.
pub const MERCHANTS: u32 = 1 << 14;
/// Days a writer's clock may run ahead of the newest stamp it holds from others before an operator is asked.
pub const CLOCK_AHEAD_DAYS: u32 = 35;
/// Days the clock of a node that hands out or registers may leap past every stamp here, its own among them, before somebody is asked:
/// longer than a shop is shut over a holiday, shorter than a month typed wrong.
pub const CLOCK_LEAP_DAYS: u32 = 5;
/// Hashes of one path in a tree: enough for 2³² leaves.
pub const PATH_HASHES: usize = 32;
/// Ceilings one node certificate may list; [`NOTICE_BYTES`] usually ends it sooner.
pub const CERTIFICATE_CEILINGS: usize = 64;
/// Feeds whose cut one `Close` may name; a larger federation closes a cycle with several.
pub const CLOSE_CUTS: usize = 512;
/// Articles kept that a charter does not follow: each was signed by a quorum, so somebody broke their word for each.
pub const ARTICLES_ASIDE: usize = 256;
/// Bytes of a signed article that heals a fork: it holds the article given up, whole.
pub const HEAL_BYTES: usize = 48 * 1024;
/// Commodities of one distribution list.
pub const LIST_TOTALS: usize = 8;
/// Commodities of one settlement: as many as fit [`ENTRY_BYTES`] and [`ROW_BYTES`] whatever they come to. What waits of a
/// programme with more is settled in several.
pub const SETTLE_TOTALS: usize = 20;
/// Tips of one frontier: ten times the feeds of the largest federation.
pub const FRONTIER_TIPS: usize = 16_384;
/// Feeds of programmes that the charter does not have, kept of the nodes of one organisation: those of a branch of the
/// charter that was given up, or of whoever would fill every frontier.
pub const UNKNOWN_FEEDS: usize = 512;
/// Bytes of one sketch of a frontier.
pub const SKETCH_BYTES: usize = 512 * 1024;
/// Leaves of one state root: sixteen programmes for twenty years of months.
pub const STATE_LEAVES: usize = 4_096;
/// Bytes of one checkpoint with its leaves and the sketch of its frontier.
pub const CHECKPOINT_BYTES: usize = 1024 * 1024;
/// Rows of one chunk of state.
pub const CHUNK_ROWS: usize = 64;
/// Bytes of one row of state.
pub const ROW_BYTES: usize = 768;
/// Entries one `Orphan` may show; `CARRYING_ENTRY_BYTES` usually ends it sooner.
pub const SHOWN: usize = 8;
/// Rows that stand by themselves in one line of a settlement.
pub const SETTLE_ROWS: usize = 6;
/// Entries one stretch of a settlement may leave out.
pub const SETTLE_EXCEPT: usize = 32;
/// Lines one settlement may have.
pub const SETTLE_LINES: usize = 65_536;
/// Minutes after a feed's cut before a promise that is not kept counts as broken: 14 days.
pub const PROMISE_GRACE_MINUTES: u32 = 20_160;
/// Organisations, beside the node that prunes, whose nodes hold the bodies that go.
pub const MIRRORS: usize = 2;
/// Checkpoints kept that no quorum has cosigned.
pub const OPEN_PAGES: usize = 64;
/// Cosignatures of one checkpoint kept of one organisation.
pub const ORG_COSIGNATURES: usize = 16;
/// Bytes of content that one side of a link may have sent and the other not yet taken in.
pub const WINDOW_BYTES: usize = 128 * 1024;
/// Bytes of one letter: one frame carries it whole.
pub const LETTER_BYTES: usize = 64_000;
/// Bytes of one frame before the other side has said who it is and what it will take.
pub const GREETING_BYTES: usize = 4 * 1024;
/// Days one consent counts for: twelve months.
pub const CONSENT_DAYS: u32 = 366;
/// Bytes of the record of one consent, or of one disclosure.
pub const GRANT_BYTES: usize = 512;
/// Days a complaint, or an appeal, may be given to be decided in.
pub const GRIEVANCE_DAYS: u32 = 90;
/// Notices, fork proofs, checkpoints and cosignatures that are compared on a link.
pub const LOOSE: usize = 65_536;
/// Words beside one hand-out.
pub const VOUCHED: usize = 3;
/// Hand-outs of one node and programme that two of staff may make in a day where nothing else tells who somebody is.
pub const DESK_A_DAY: u32 = 40;
/// Days a collector's paper counts for at most.
pub const MANDATE_DAYS: u32 = 366;
/// Days an emergency voucher counts for at most.
pub const VOUCHER_DAYS: u32 = 14;
/// Days a wallet's key counts for a purse at most.
pub const HOLDER_DAYS: u32 = 366;
