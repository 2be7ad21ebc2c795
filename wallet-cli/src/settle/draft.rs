use annona_ledger::entry::Value;
use annona_ledger::view::View;
use annona_node::node::Composed;
use clap::Args;
use serde_json::json;

use super::ledger;
use crate::fault::Outcome;
use crate::pay::till::Till;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona settle draft --dir treasury --dry-run
  $ annona settle draft --dir treasury --json";

/// Freezes what is in no settlement yet: everything sealed below every cut, and above a cut or on branches each entry known.
///
/// Nothing waits to be settled: 5. What an earlier draft holds is left out, unless it was disputed.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Draft {
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
    /// Who is paid for what was shown of a site that burnt, where its own word of who that is burnt too
    #[arg(long, value_name = "MERCHANT")]
    unnamed: Option<String>,
    /// Say what would be in it, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Draft {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.signing_node()?;
        let till = Till::open(&node, self.programme.as_deref())?;
        let unnamed = self.unnamed.as_deref().map(|name| till.merchant(Some(name))).transpose()?;
        let unnamed = unnamed.map(|(merchant, _)| merchant);
        if !self.dry_run {
            // What this node itself handed out is settled like everybody's: once it is sealed.
            node.seal(&[till.feed])?;
        }
        let programme = till.id;
        let work = node.store().look()?;
        let lines = ledger::waiting(&work, programme, unnamed);
        let first = work.trunk(&till.feed).map_or(0, |chain| work.head(chain).next);
        let ledger::Frozen { rows, more, .. } = ledger::frozen(&work, programme, &lines, first)?;
        let (merchants, mut words) = ledger::sums(node.store(), &till, &rows);
        let also = ledger::also(&work, &till, &till.feed.short(), &rows);
        work.check()?;
        drop(work);
        also.iter().for_each(|also| session.screen.warn(also.words(&till)));
        let drafted = till.enter(&mut node, self.dry_run, move |work, feed, at| {
            let lines = ledger::waiting(work, programme, unnamed);
            let chain = work.open_trunk(feed)?;
            let next = work.head(chain).next;
            let ledger::Frozen { lines, draft, .. } =
                ledger::frozen(work, programme, &lines, next)?;
            let entry = |settling| Value::Settle { settling: Box::new(settling), at };
            Ok(lines.into_iter().chain([draft]).map(|line| Composed::from(entry(line))).collect())
        })?;
        words.insert(0, format!("{} rows are drafted; merchants are owed", rows.len()));
        if more {
            words.push(
                "not all that waits fits one settlement: draft the rest with the same command again"
                    .to_owned(),
            );
        }
        let value = json!({ "rows": rows.len(), "merchants": merchants, "stage": "draft", "more": more,
            "also_in": also.iter().map(ledger::Also::value).collect::<Vec<_>>() });
        till.entered(session, "settlement", drafted.as_ref(), value, &words.join("\n"))?;
        if let Some(draft) = &drafted {
            let next = till.short(draft.index);
            session.screen.note(format!(
                "Another operator verifies it: `annona settle verify {next} --operator FILE`."
            ));
        }
        Ok(node.close()?)
    }
}
