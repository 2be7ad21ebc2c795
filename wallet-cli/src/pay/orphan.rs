use annona_ledger::entry::{Entry, Value};
use annona_ledger::orphan::{Orphan as Brought, Shown};
use annona_ledger::ticket::Promise;
use annona_ledger::wire::Bounded;
use annona_node::node::{Composed, NodeFault, Request};
use clap::Args;
use serde_json::json;

use super::slip;
use super::till::Till;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::hex;

/// Brings redemptions of a site that burnt, by the promises its tills were given: what is left of the site pays them.
///
/// The redemption's promise comes first, then, as far as they are not known here, those of the entries it stands on.
#[derive(Args)]
pub(crate) struct Orphan {
    /// Promises (AP1:…) of one site, the redemption's first
    #[arg(value_name = "PROMISE", required = true)]
    promises: Vec<String>,
    /// Say what would be answered, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Orphan {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let promises: Vec<Promise> =
            self.promises.iter().map(|text| slip::read_promise(text)).collect::<Outcome<_>>()?;
        let Some(first) = promises.first().cloned() else {
            return Err(Fault::usage("give the promise of the redemption."));
        };
        if promises.iter().any(|promise| promise.feed != first.feed) {
            return Err(Fault::input("the promises are of different sites: bring each by itself."));
        }
        let shown: Vec<Shown> = promises.into_iter().map(Shown::from).collect();
        let shown = Bounded::new(shown)
            .map_err(|_| Fault::input("at most 8 promises can be brought together."))?;
        let mut node = session.signing_node()?;
        let till = Till::open(&node, Some(&first.feed.programme.to_string()))?;
        let brought = move |at| {
            let (node, shown, sends) = (first.feed.node, shown.clone(), Bounded::empty());
            Value::Orphan(Box::new(Brought { node, shown, sends, at }))
        };
        let site = hex(&first.feed.node);
        if self.dry_run {
            let work = node.store().look()?;
            let at = annona_ledger::time::Minute::of(session.now(), till.founded);
            if let Some(chain) = work.trunk(&till.feed) {
                annona_ledger::admit::admit(&work, chain, &Entry::Value(brought(at)).into())?;
            }
            work.check()?;
            let value = json!({ "dry_run": true, "site": site, "index": first.index });
            return session.screen.answer("orphan", value, || {
                format!("would bring entry {} of {site}. Nothing was written.", first.index)
            });
        }
        let mut group = [Request {
            feed: till.feed,
            compose: Box::new(|_, _, at| Ok::<_, NodeFault>(vec![Composed::from(brought(at))])),
        }];
        let accepted = node.write(&mut group)?.remove(0)?;
        drop(group);
        let last = accepted.last().ok_or_else(|| Fault::refused("nothing was to be written."))?;
        let promise = till.promise(last)?;
        let mut value = till.entry_value(&promise);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("site".into(), json!(site));
            fields.insert("of".into(), json!(first.index));
        }
        session.screen.answer("orphan", value, || {
            format!("accepted {}: entry {} of {site}", till.short(promise.index), first.index)
        })?;
        Ok(node.close()?)
    }
}
