//! Who speaks, and on what terms.

use super::{Breach, Note, Session, URGENT, encoded};
use crate::hash::Hash;
use crate::id::ProgrammeId;
use crate::sync::frame::{Frame, Hello, VERSION};
use crate::sync::index::{Index, leaves};
use crate::sync::talk::{self, Digest, Open, Salt, Section, Slice, Why, digest, window_fits};
use crate::wire::Bounded;

/// What both sides said first.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    said: bool,
    hello: Option<Hello>,
    open: Option<Box<Open>>,
    /// What this side opened with.
    sections: Vec<Section>,
    loose: Digest,
    /// Whether what both said has been compared.
    met: bool,
    /// The next article to push.
    article: u32,
}

const NOTHING: Slice = Slice::State;

impl Greeting {
    pub(super) const fn said(&self) -> bool {
        self.said
    }

    pub(super) const fn done(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn their_slice(&self) -> &Slice {
        self.open.as_ref().map_or(&NOTHING, |open| &open.slice)
    }

    pub(super) fn their_window(&self) -> u32 {
        self.open.as_ref().map_or(0, |open| open.window)
    }

    pub(super) fn their_budget(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.budget)
    }
}

impl Session {
    /// Hello and open, in one flight.
    pub(super) fn greet(&mut self, index: &dyn Index) -> Vec<u8> {
        self.seen = index.marks();
        let (epoch, charter) = index.charter().unwrap_or((0, Hash::ZERO));
        let federation = self.terms.federation;
        let mut bytes =
            encoded(&Frame::Hello(Hello { version: VERSION, federation, epoch, charter }));
        let mut sections = Vec::new();
        if self.terms.slice != Slice::State {
            for programme in index.programmes() {
                let inside = self.terms.slice == Slice::Whole || self.serves(programme);
                if inside && sections.len() < talk::SECTIONS {
                    let digest = self.section(programme, &Slice::Whole, index);
                    sections.push(Section { programme, digest });
                }
            }
        }
        self.greeting.sections.clone_from(&sections);
        self.greeting.loose = self.loose.look(index);
        let open = Open {
            nonce: self.terms.nonce,
            window: self.terms.window,
            budget: self.terms.budget,
            slice: self.terms.slice.clone(),
            sections: Bounded::new(sections).unwrap_or_default(),
            loose: self.greeting.loose,
        };
        bytes.extend(encoded(&Frame::Open(Box::new(open))));
        self.greeting.said = true;
        bytes
    }

    /// The digest of what is held here of a programme, inside this side's slice and another.
    fn section(&self, programme: ProgrammeId, other: &Slice, index: &dyn Index) -> Digest {
        let tips = index.tips(programme);
        let inside = tips.iter().filter(|tip| {
            let feed = tip.feed.short();
            self.terms.slice.holds(&feed) && other.holds(&feed)
        });
        digest(&leaves(inside))
    }

    /// Hears the other side's first two frames.
    pub(super) fn greeted(&mut self, frame: Frame) -> Result<(), Breach> {
        match (frame, &self.greeting.hello) {
            (Frame::Hello(hello), None) => {
                let federation = self.terms.federation;
                match () {
                    () if hello.version != VERSION => self.end(Why::Version),
                    () if hello.federation != federation => self.end(Why::Federation),
                    () => self.greeting.hello = Some(hello),
                }
                Ok(())
            }
            (Frame::Open(open), Some(_)) => {
                let ascending = open.sections.is_sorted_by(|a, b| a.programme < b.programme);
                if !ascending || !window_fits(open.window) {
                    return Err(Breach::Terms);
                }
                self.salt = Salt::new(self.terms.nonce, open.nonce);
                self.outflow.open(open.window);
                self.greeting.open = Some(open);
                Ok(())
            }
            // The other side was told why before it could have heard.
            _ if self.end.is_some() => Ok(()),
            _ => Err(Breach::Greeting),
        }
    }

    /// Compares what both opened with, once.
    pub(super) fn meet(&mut self, index: &dyn Index) {
        if std::mem::replace(&mut self.greeting.met, true) {
            return;
        }
        let (Some(hello), Some(open)) = (self.greeting.hello, self.greeting.open.clone()) else {
            return;
        };
        self.meet_charter(&hello, index);
        self.asks.look_again();
        if open.loose == self.greeting.loose {
            self.loose.alike();
        } else {
            self.loose_differ(index);
        }
        let mine = self.greeting.sections.clone();
        let theirs = |p| open.sections.iter().find(|s| s.programme == p).map(|s| s.digest);
        let mut programmes: Vec<ProgrammeId> =
            mine.iter().chain(open.sections.iter()).map(|section| section.programme).collect();
        programmes.sort_unstable();
        programmes.dedup();
        for programme in programmes {
            let serve = self.serves(programme) || self.terms.slice == Slice::Whole;
            let they_serve = self.they_serve(programme) || open.slice == Slice::Whole;
            let none = [&self.terms.slice, &open.slice].contains(&&Slice::State);
            if !serve || !they_serve || none {
                continue;
            }
            // Who has the wider slice can compare; who has the narrower waits to be told.
            let same = open.slice == self.terms.slice;
            let wider = same || self.terms.slice == Slice::Whole;
            let narrower = !wider && open.slice == Slice::Whole;
            let ours = mine.iter().find(|s| s.programme == programme).map(|s| s.digest);
            let ours = match ours {
                Some(digest) if same => digest,
                _ => self.section(programme, &open.slice, index),
            };
            let empty = digest(&[]);
            let theirs = theirs(programme).unwrap_or(empty);
            if narrower || (wider && ours == theirs) {
                self.comparing.alike(programme);
            } else {
                self.differ(programme, theirs == empty, index);
            }
        }
    }

    fn meet_charter(&mut self, hello: &Hello, index: &dyn Index) {
        let Some((epoch, head)) = index.charter() else { return };
        if hello.charter == Hash::ZERO {
            self.greeting.article = 0;
        } else if hello.epoch > epoch {
            self.greeting.article = hello.epoch.saturating_add(1);
        } else {
            let ours = if hello.epoch == epoch {
                Some(head)
            } else {
                index.article(hello.epoch).map(|signed| signed.article.hash())
            };
            self.greeting.article = hello.epoch.saturating_add(1);
            if ours != Some(hello.charter) {
                // Each shows the other its article of that epoch: two signatures of one organisation convict it.
                self.notes.push(Note::CharterForked(hello.epoch));
                self.greeting.article = hello.epoch;
            }
        }
        self.charter_grew(index);
    }

    /// Pushes the articles that the other side lacks.
    pub(super) fn charter_grew(&mut self, index: &dyn Index) {
        let Some((epoch, _)) = index.charter() else { return };
        while self.greeting.article <= epoch {
            let article = self.greeting.article;
            self.serving.push(URGENT, super::serve::Push::Article(article));
            self.greeting.article = article.saturating_add(1);
        }
    }

    /// The other side has an article: it need not be sent.
    pub(super) fn they_have_article(&mut self, epoch: u32) {
        self.greeting.article = self.greeting.article.max(epoch.saturating_add(1));
    }
}
