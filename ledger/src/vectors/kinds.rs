//! An entry of every kind, and what a writer answers to drafts of those that stop something or start again.

use super::rules::{Given, claim, decides, founded, operator, said, signed};
use super::stops::{fence, release};
use super::{Made, Vector};
use crate::block;
use crate::charter::Act;
use crate::consent::People;
use crate::cut::{Cut, Reason};
use crate::day::Day;
use crate::entry::{Control, CycleKey, Entry, Later, Registry, Value, Wrapped};
use crate::entry::{FloatCover, Lot};
use crate::feed::Head;
use crate::hash::Hash;
use crate::id::{CycleId, EntryName, FeedId, FeedRef, Lane, ProgrammeId};
use crate::notice::{NodeCertificate, Notice, OperatorRoles, Roles, SignedNotice};
use crate::orphan::Shown;
use crate::shape::samples;
use crate::state::State;
use crate::statement::Statement;
use crate::testing::*;
use crate::ticket::{Moved, Ticket};
use crate::time::{Hlc, Minute};
use crate::wire::{self, Bytes};

pub(super) fn all() -> Made {
    [kinds(), drafts(), later()].into_iter().flatten().collect()
}

/// `CarrierBound` as files are named: `carrier_bound`.
fn in_words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// What a kind is called: its variant, and of one that holds variants, which.
fn called(entry: &Entry) -> String {
    let text = match entry {
        Entry::Value(Value::Orphan(orphan)) => {
            let sealed = matches!(orphan.shown.first(), Some(Shown::Sealed { .. }));
            return if sealed { "orphan_sealed" } else { "orphan_promised" }.to_owned();
        }
        Entry::Value(Value::DayClose { day, .. }) => {
            let open = matches!(**day, Day::Open);
            return if open { "day_open" } else { "day_close" }.to_owned();
        }
        Entry::Value(Value::Settle { settling, .. }) => format!("Settle{settling:?}"),
        Entry::Value(Value::Claim { ticket, .. }) => {
            let sent = |moved: &Moved| matches!(moved, Moved::Cover(_));
            let of = match &**ticket {
                Ticket::Sent(ticket, _) if sent(&ticket.moved) => "cover",
                Ticket::Sent(..) => "sent",
                Ticket::Budget { .. } => "budget",
                Ticket::Release { .. } => "release",
            };
            return format!("claim_of_{of}");
        }
        Entry::Value(value) => format!("{value:?}"),
        Entry::Registry(Registry::People(People::Grievance { step, .. })) => {
            format!("Grievance{step:?}")
        }
        Entry::Registry(Registry::People(people)) => format!("{people:?}"),
        Entry::Registry(registry) => format!("{registry:?}"),
        Entry::Control(control) => format!("{control:?}"),
        Entry::Later(later) => format!("{later:?}"),
    };
    let name = text.split([' ', '(']).next().unwrap_or_default();
    in_words(name)
}

fn kinds() -> Made {
    let cover = FloatCover {
        from: Lot(0),
        float: EntryName { feed: feed_of(B), index: 0, accumulator: Hash::ZERO },
        cycle: MAY,
        commodity: RICE,
        amount: units(1),
        at: NOW,
    };
    let start = Head { next: 0, accumulator: Hash::ZERO };
    let cover = ticket(&charter().federation(), A, start, Moved::Cover(cover));
    let cover = claim(Ticket::Sent(cover, bounded([])));
    let mut made = Made::new();
    for entry in samples::entries().into_iter().chain([cover]) {
        let (name, good, lane) = (called(&entry), entry.encode(), entry.lane());
        let longer = [&[good[0] | 0x80, 0][..], &good[1..]].concat();
        let rows = [
            ("", "good", lane, good.clone()),
            ("_cut_short", "Malformed", lane, good[..good.len() - 1].to_vec()),
            ("_trailing_byte", "Trailing(1)", lane, [&good[..], &[0]].concat()),
            ("_with_its_kind_spelt_longer", "NotCanonical", lane, longer),
            ("_on_the_access_lane", "Malformed", Lane::Access, good.clone()),
        ];
        made.extend(rows.map(|(wrong, answer, lane, bytes)| {
            let name: &'static str = format!("kind/{name}{wrong}").leak();
            let given = vec![("lane", vec![lane as u8]), ("bytes", bytes)];
            (name, Vector::new("entry", answer, given))
        }));
    }
    made
}

/// What a writer knows, and the feed it writes on.
pub(super) struct Desk {
    pub(super) given: Given,
    feed: FeedId,
}

impl Desk {
    /// After articles, with a roster.
    pub(super) fn new(
        articles: Given,
        notices: impl IntoIterator<Item = SignedNotice>,
        feed: FeedId,
    ) -> Self {
        let mut given = vec![founded()];
        given.extend(articles);
        given.extend(notices.into_iter().map(|notice| ("notice", notice.encode())));
        Self { given, feed }
    }

    /// Of the whole roster.
    pub(super) fn of(feed: FeedId) -> Self {
        Self::new(vec![], everybody(), feed)
    }

    /// After one block of its own with these entries, whose author knew every article.
    pub(super) fn after(mut self, entries: &[Entry]) -> Self {
        let federation = charter().federation();
        let known = self.given.iter().filter(|(name, _)| *name == "article").count();
        let seed = [TREASURY, A, B].into_iter().find(|seed| key(*seed).public() == self.feed.node);
        let entries: Vec<Vec<u8>> = entries.iter().map(Entry::encode).collect();
        let draft = block::Draft {
            feed: self.feed,
            seq: 0,
            start: Head::start(&federation, &self.feed),
            entries: &entries,
            evidence: &block::Evidence::default(),
            frontier_root: Hash::ZERO,
            epoch: u32::try_from(known - 1).expect("few"),
            hlc: Hlc::default(),
        };
        let block = draft.seal(&key(seed.expect("one of three")), &federation).expect("small");
        self.given.push(("feed", self.feed.bytes().to_vec()));
        self.given.push(("block", wire::encode(&block)));
        self
    }

    pub(super) fn asks(
        mut self,
        name: &'static str,
        answer: &str,
        entry: impl Into<Entry>,
    ) -> (&'static str, Vector) {
        self.given.push(("writer", self.feed.bytes().to_vec()));
        self.given.push(("bytes", entry.into().encode()));
        (name, Vector::new("draft", answer, self.given))
    }
}

pub(super) fn everybody() -> Vec<SignedNotice> {
    roster(&charter()).notices().cloned().collect()
}

/// A node of an organisation, with another certificate than the others have.
pub(super) fn certified(
    org: u8,
    seed: u8,
    change: impl FnOnce(&mut NodeCertificate),
) -> SignedNotice {
    let mut other = certificate(&charter().federation(), org, seed);
    change(&mut other);
    said(org, Notice::Node(other))
}

fn drafts() -> Made {
    [revocations(), clocks(), lists(), keys(), ends(), releases()].into_iter().flatten().collect()
}

fn revocations() -> Made {
    let revoke = |feed: FeedRef, cut| Control::Revoke { feed, cut, reason: Reason::Lost, at: NOW };
    let (own, control) = (feed_of(TREASURY), on(TREASURY, Lane::Control));
    let desk = || Desk::of(control);
    let cut = Cut { seq: 3, head: Hash([7; 32]) };
    let unsound = Cut { seq: 3, head: Hash::ZERO };
    let registrar = [certified(1, TREASURY, |c| c.roles = Roles::REGISTRAR)];
    let within = FeedId { programme: FOOD, ..control };
    vec![
        desk().asks("draft/revocation", "good", revoke(own, cut)),
        desk().asks("draft/revocation_of_anothers", "MayNotRevoke", revoke(feed_of(A), cut)),
        desk().asks("draft/revocation_of_nobodys", "MayNotRevoke", revoke(feed_of(99), cut)),
        desk().asks("draft/revocation_without_a_hash", "MayNotRevoke", revoke(own, unsound)),
        Desk::new(vec![], registrar, control).asks(
            "draft/revocation_by_a_registrar",
            "OtherRole",
            revoke(own, cut),
        ),
        Desk::of(within).asks("draft/revocation_in_a_programme", "NotCertified", revoke(own, cut)),
    ]
}

/// A list that stands on the feed already, and the same rows approved for another minute.
fn lists() -> Made {
    let control = on(TREASURY, Lane::Control);
    let frozen = |at| {
        let (list, _) = list(&charter().federation(), TREASURY, &[5, 7], at);
        Control::List(Box::new(list))
    };
    let after = || Desk::of(control).after(&[frozen(NOW).into()]);
    vec![
        after().asks("draft/list_frozen_before", "ListFrozen", frozen(NOW)),
        after().asks("draft/list_of_another_minute", "good", frozen(Minute(NOW.0 + 1))),
    ]
}

fn clocks() -> Made {
    let federation = charter().federation();
    let answer = |by: u8, of: u8, said: Minute, clock: Minute| {
        let word = Statement::Clock { node: node(of), clock: said };
        Control::ClockAnswer { clock, word: word.sign(&federation, &key(by)), at: NOW }
    };
    let mara = OPERATORS[0];
    let shown = Minute(900);
    let desk = || Desk::of(on(TREASURY, Lane::Control));
    let elsewhere = said(2, operator(62, 2, OperatorRoles::APPROVER));
    let with = |notice| {
        let known = everybody().into_iter().chain([notice]);
        Desk::new(vec![], known, on(TREASURY, Lane::Control))
    };
    let refused = "ClockWordRefused";
    vec![
        desk().asks("draft/clock", "good", answer(mara, TREASURY, shown, shown)),
        desk().asks("draft/clock_of_another", refused, answer(mara, A, shown, shown)),
        desk().asks(
            "draft/clock_that_shows_another_time",
            refused,
            answer(mara, TREASURY, Minute(899), shown),
        ),
        desk().asks(
            "draft/clock_after_her_certificate",
            refused,
            answer(mara, TREASURY, Minute(1_001), Minute(1_001)),
        ),
        with(elsewhere).asks(
            "draft/clock_by_another_organisations",
            refused,
            answer(62, TREASURY, shown, shown),
        ),
    ]
}

fn keys() -> Made {
    let given = |programme, cycle, to: u8| {
        let (key, sealed) = (Hash([3; 32]), Wrapped([[4; 16]; 5]));
        let given = CycleKey { programme, cycle, node: node(to), key, sealed, at: NOW };
        Control::CycleKey(Box::new(given))
    };
    let desk = || Desk::of(on(TREASURY, Lane::Control));
    let unknown = "UnknownReceiver";
    let serves = everybody().into_iter().chain([certified(2, 40, |c| c.roles = Roles::MERCHANT)]);
    let of_nothing = CycleId(6);
    vec![
        desk().asks("draft/cycle_key", "good", given(FOOD, MAY, A)),
        desk().asks("draft/cycle_key_to_itself", unknown, given(FOOD, MAY, TREASURY)),
        desk().asks("draft/cycle_key_to_nobody", unknown, given(FOOD, MAY, 99)),
        Desk::new(vec![], serves, on(TREASURY, Lane::Control)).asks(
            "draft/cycle_key_to_a_terminal",
            unknown,
            given(FOOD, MAY, 40),
        ),
        desk().asks("draft/cycle_key_of_no_cycle", "UnknownCycle", given(FOOD, of_nothing, A)),
        desk().asks(
            "draft/cycle_key_of_no_programme",
            "UnknownProgramme",
            given(ProgrammeId(9), MAY, A),
        ),
        Desk::of(on(A, Lane::Control)).asks(
            "draft/cycle_key_by_another",
            "NotTreasury",
            given(FOOD, MAY, B),
        ),
    ]
}

fn ends() -> Made {
    let end = |at| Entry::from(Value::End { at });
    let desk = || Desk::of(value(A));
    let within = FeedId { programme: CASH, ..value(A) };
    let unknown = roster_without(&charter(), &[A]).notices().cloned().collect::<Vec<_>>();
    vec![
        desk().asks("draft/end", "good", end(NOW)),
        desk().after(&[end(NOW)]).asks("draft/end_after_the_end", "FeedEnded", end(NOW)),
        Desk::of(value(TREASURY)).after(&[claim(FOOD_BUDGET)]).asks(
            "draft/end_before_it",
            "StampFell",
            end(Minute(99)),
        ),
        desk().asks("draft/end_after_its_certificate", "CertificateExpired", end(Minute(1_001))),
        Desk::of(within).asks("draft/end_in_another_programme", "NotCertified", end(NOW)),
        Desk::new(vec![], unknown, value(A)).asks("draft/end_by_nobody", "NotCertified", end(NOW)),
    ]
}

fn releases() -> Made {
    let charter = charter();
    let cut = Cut { seq: 4, head: Hash([7; 32]) };
    let acts = [fence(feed_of(A), cut), release(feed_of(A), units(5), B)];
    let article = signed(&charter, charter.draft(bounded(acts)), &[1, 2]);
    let known = || vec![("article", article.encode())];
    let desk = |feed| Desk::new(known(), everybody(), feed);
    let claims = |epoch, act| claim(Ticket::Release { epoch, act });
    let unfenced = decides(&charter, fence(feed_of(A), cut));
    let unfenced = vec![("article", unfenced.encode())];
    let misplaced = "NotAddressed";
    vec![
        desk(value(B)).asks("draft/release", "good", claims(1, 1)),
        desk(value(TREASURY)).asks("draft/release_for_another", misplaced, claims(1, 1)),
        desk(value(B)).asks("draft/release_of_another_act", misplaced, claims(1, 0)),
        desk(value(B)).asks("draft/release_of_another_article", misplaced, claims(0, 1)),
        Desk::new(unfenced, everybody(), value(B)).asks(
            "draft/release_of_none",
            misplaced,
            claims(1, 1),
        ),
        desk(value(A)).asks("draft/release_by_the_fenced", "FeedCut", claims(1, 1)),
        desk(value(B)).after(&[claims(1, 1)]).asks(
            "draft/release_again",
            "AlreadyClaimed",
            claims(1, 1),
        ),
    ]
}

/// Histories with kinds that later versions have brought to registry feeds: 64 must not be passed over, 65 may.
fn later() -> Made {
    let charter = charter();
    let federation = charter.federation();
    let activate = |kind, critical| Act::Activate { lane: Lane::Registry, kind, size: 4, critical };
    let acts = bounded([activate(64, true), activate(65, false)]);
    let article = signed(&charter, charter.draft(acts), &[1, 2]);
    let feed = on(A, Lane::Registry);
    let enrol: Entry = Registry::Enrol { pseudonym: holder(1), at: NOW }.into();
    let kind = |kind, bytes: &[u8]| {
        let bytes = Bytes::new(bytes.to_vec()).expect("small");
        Entry::Later(Later { lane: Lane::Registry, kind, bytes })
    };
    let made = |name, answer: &str, entries: &[Entry], epoch, folded: bool| {
        let entries: Vec<Vec<u8>> = entries.iter().map(Entry::encode).collect();
        let draft = block::Draft {
            feed,
            seq: 0,
            start: Head::start(&federation, &feed),
            entries: &entries,
            evidence: &block::Evidence::default(),
            frontier_root: Hash::ZERO,
            epoch,
            hlc: Hlc::default(),
        };
        let block = draft.seal(&key(A), &federation).expect("small");
        let roster = roster(&charter);
        let mut state = State::new(charter.apply(&article).expect("a quorum"), roster);
        if folded {
            let chain = state.trunk(&feed);
            state.fold(chain, Hash::ZERO, &enrol);
        }
        let mut given = vec![("federation", federation.0.0.to_vec()), founded()];
        given.push(("article", article.encode()));
        given.extend(everybody().into_iter().map(|notice| ("notice", notice.encode())));
        given.push(("feed", feed.bytes().to_vec()));
        given.push(("block", wire::encode(&block)));
        given.push(("root", state.root().0.to_vec()));
        (name, Vector::new("history", answer, given))
    };
    let (stops, passes) = (kind(64, &[1]), kind(65, &[1, 2, 3, 4]));
    let (long, unknown) = (kind(65, &[1; 5]), kind(66, &[1]));
    let both = |first: &Entry| [first.clone(), enrol.clone()];
    vec![
        made("state/later_kind_passed_over", "good", &both(&passes), 1, true),
        made("state/later_kind_that_stops", "good", &both(&stops), 1, false),
        made("state/later_kind_that_stops_passed_over", "Root", &both(&stops), 1, true),
        made("state/later_kind_passed_over_stops", "Root", &both(&passes), 1, false),
        made("state/later_kind_not_brought_in", "Kind", &both(&unknown), 1, true),
        made("state/later_kind_brought_in_afterwards", "Kind", &both(&passes), 0, true),
        made("state/later_kind_longer_than_said", "Kind", &both(&long), 1, true),
    ]
}
