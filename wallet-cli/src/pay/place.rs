//! Where somebody can be served who has nothing to redeem here (spec/counter.md, "Refusals").

use annona_ledger::cut;
use annona_ledger::entry::Owner;
use annona_ledger::id::{FeedId, FeedRef, Purse};
use annona_ledger::notice::Roster;
use annona_ledger::ticket::{Moved, Sent, Ticket};
use annona_ledger::view::View;
use annona_node::node::Node;
use annona_node::papers::Papers;
use annona_node::serve::Item;
use annona_node::store::Work;

use super::short;
use super::slip;
use super::till::{Till, Whose};
use crate::fault::Outcome;
use crate::words::{self, hex};

/// Where she can be served.
pub(super) enum Place {
    /// Here, if anywhere: this is her home.
    Home,
    /// Where all she had here was sent.
    Sent(String),
    /// It was sent to a place that serves nobody any more.
    Lost(String),
    /// At her home, or from the allowance of this place, by this line.
    Away(String),
    /// From the allowance of this place, by this line: her home serves nobody any more.
    Allowance(String, String),
}

impl Place {
    /// Where a holder of these purses can be served. What cannot be looked up sends her to nobody in particular.
    pub(super) fn of(
        node: &Node,
        till: &Till,
        (whose, purses): (&Whose, &[Purse]),
        items: &[Item],
    ) -> Self {
        Self::found(node, till, (whose, purses), items).unwrap_or(Self::Home)
    }

    fn found(
        node: &Node,
        till: &Till,
        (whose, purses): (&Whose, &[Purse]),
        items: &[Item],
    ) -> Outcome<Self> {
        let work = node.store().look()?;
        let own = node.public().short();
        let site = |node: &[u8; 8]| words::site(work.roster(), node);
        let place = if let Some(to) = purses.iter().find_map(|purse| work.gone_to(&own, purse)) {
            match serves(&work, till, &to) {
                true => Self::Sent(site(&to)),
                false => Self::Lost(site(&to)),
            }
        } else if whose.is_here() {
            Self::Home
        } else {
            let home = match &whose.ticket {
                Some(ticket) => sender(ticket),
                None => home(&work, till, purses),
            };
            let line = line(&work, till, (whose, home.as_ref()), items);
            match home.filter(|home| !serves(&work, till, home)) {
                Some(home) => Self::Allowance(site(&home), line),
                None => Self::Away(line),
            }
        };
        work.check()?;
        Ok(place)
    }

    /// What is next: to who serves, and to her.
    pub(super) fn next(&self, papers: &Papers) -> (String, String) {
        match self {
            // Her home is here: to send her to the site that registered her would send her to where she stands.
            Self::Home => ("complain with this number".into(), papers.any_desk.into()),
            Self::Sent(place) => (
                format!("she is served at {place}, until it comes back"),
                format!("{} {}", papers.has_it, papers.set(place)),
            ),
            Self::Lost(place) => (
                format!(
                    "{place} serves nobody any more: two of staff issue it anew (`annona entitle import`, \
                     or `annona entitle reissue` of its reserve); or complain with this number"
                ),
                papers.any_desk.into(),
            ),
            Self::Away(line) => (
                format!("her home, or this site's allowance: {line}; or complain with this number"),
                papers.ask_home.into(),
            ),
            Self::Allowance(home, line) => (
                format!("{home} serves nobody any more, and this site's allowance can: {line}"),
                papers.from_allowance.into(),
            ),
        }
    }
}

/// Whether a node can serve anybody in this programme, as far as is known here: nothing cuts it, and none took its place.
fn serves(work: &Work<'_>, till: &Till, node: &[u8; 8]) -> bool {
    let feed = FeedRef::value(*node, till.id);
    cut::lowest(work, &feed).is_none() && work.roster().successor(node).is_none()
}

/// Who sent what a ticket carries, and has the lot it came from.
fn sender(ticket: &str) -> Option<[u8; 8]> {
    let texts = super::claim::texts(ticket).ok()?;
    match slip::read_ticket(texts.first()?).ok()?.1 {
        Ticket::Sent(sent, _) => Some(sent.node),
        _ => None,
    }
}

/// The node whose feed, as far as it is known here, has a lot of one of these purses.
fn home(work: &Work<'_>, till: &Till, purses: &[Purse]) -> Option<[u8; 8]> {
    let feeds = work.feeds().into_iter().map(|feed| feed.id);
    let mut values = feeds.filter(|id| id.short() == FeedRef::value(id.node.short(), till.id));
    let of = |feed: &FeedId| {
        let chain = work.trunk(feed)?;
        let has = |purse: &Purse| !work.lots_of_purse(chain, purse).is_empty();
        purses.iter().any(has).then(|| feed.node.short())
    };
    values.find_map(|feed| of(&feed))
}

/// The command that serves her from this place's own allowance.
fn line(
    work: &Work<'_>,
    till: &Till,
    (whose, home): (&Whose, Option<&[u8; 8]>),
    items: &[Item],
) -> String {
    let roster = work.roster();
    let home = home.map_or_else(|| "SITE".to_owned(), |home| named(roster, home));
    let items: Vec<String> = items.iter().filter_map(|item| short::typed(till, item)).collect();
    let whose = match (&whose.ticket, &whose.purse) {
        (Some(ticket), _) if slip::is_ticket(ticket) => "--ticket TICKET".to_owned(),
        (Some(file), _) => format!("--ticket {file}"),
        (None, Some(purse)) => format!("--purse {purse}"),
        (None, None) => "--purse PURSE".to_owned(),
    };
    format!("`annona pay float {whose} --home {home} {}`", items.join(" "))
}

/// A node as it is typed: the name of its site where that is one word and means this node alone.
fn named(roster: &Roster, node: &[u8; 8]) -> String {
    let name = roster.node(node).map(|c| c.site_name.to_string()).unwrap_or_default();
    let means = |name: &str| words::exactly(roster, name).is_ok_and(|c| c.short() == *node);
    match !name.contains(char::is_whitespace) && means(&name) {
        true => name,
        false => hex(node),
    }
}

/// The command that serves her whose ticket was cut off with its sender.
pub(super) fn instead_of(node: &Node, till: &Till, file: &str, sent: &Sent) -> Option<String> {
    let Moved::Send(send) = sent.moved else { return None };
    if !matches!(send.owner, Owner::Purse(_)) {
        return None;
    }
    let work = node.store().look().ok()?;
    let whose = Whose { ticket: Some(file.to_owned()), ..Whose::default() };
    let item = Item { commodity: send.commodity, amount: send.amount };
    Some(line(&work, till, (&whose, Some(&sent.node)), &[item]))
}
