use std::collections::BTreeMap;
use std::path::PathBuf;

use annona_ledger::charter::{ArticleFork, Branches, Charter, Missing, SignedArticle};
use annona_ledger::hash::Hash;
use annona_ledger::id::OrgId;
use clap::Args;
use serde_json::{Value, json};

use super::acts::commodity_line;
use super::describe;
use crate::fault::Outcome;
use crate::paper::Papers;
use crate::session::Session;
use crate::words::{hex, print_cut, print_millis, print_units, reason_word};

const EXAMPLES: &str = "\
Examples:
  $ annona charter show
  $ annona charter show --out charter-copy.annona
  $ annona charter show founding.annona --json";

/// Shows the charter, or an article on its way to being signed.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Show {
    /// An article or a charter in a file [default: the charter of the data folder]
    file: Option<PathBuf>,
    /// Write articles and notices to a file, for an office that has no node
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    out: Option<PathBuf>,
}

impl Show {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        if let Some(path) = &self.file {
            let papers = Papers::read(path)?;
            return match papers.articles.as_slice() {
                [one] if papers.notices.is_empty() => {
                    let before = match one.article.epoch {
                        0 => None,
                        _ => session.power(None).ok().map(|(charter, _)| charter),
                    };
                    let said = describe(&one.article, before.as_ref());
                    let by: Vec<_> = one.signatures.iter().map(|(org, _)| *org).collect();
                    let known = before.is_some() || one.article.epoch == 0;
                    let missing = known.then(|| one.missing(before.as_ref()));
                    let value = json!({
                        "epoch": one.article.epoch, "article": one.article.hash().to_string(),
                        "acts": said, "signatures": by,
                        "must_sign": missing.as_ref().map(|m| &m.required),
                        "more_signatures": missing.as_ref().map(|m| m.more),
                    });
                    session.screen.answer("article", value, || {
                        let lines: Vec<String> = said.iter().map(|l| format!("  {l}")).collect();
                        let rest = missing.as_ref().map_or_else(
                            || "the charter before it is not known here".to_owned(),
                            missing_line,
                        );
                        format!(
                            "Article of epoch {}\n{}\n{rest}",
                            one.article.epoch,
                            lines.join("\n")
                        )
                    })
                }
                _ => {
                    let (charter, _, branches) = session.branches(Some(path))?;
                    let followed = papers.articles.iter();
                    show(session, &charter, &forks(&charter, &branches, followed))
                }
            };
        }
        let store = session.read()?;
        let charter = store.charter()?;
        if let Some(out) = &self.out {
            let notices = store.roster().notices().cloned().collect();
            let mut articles = store.articles()?;
            // Who is handed the charter hears of its forks.
            articles.extend(store.branches().aside().into_iter().cloned());
            Papers { articles, notices }.write(out)?;
            session.screen.note(format!("Articles and notices are in {}.", out.display()));
        }
        let articles = store.articles()?;
        show(session, charter, &forks(charter, store.branches(), articles.iter()))
    }
}

/// Two articles of one epoch, of which none is given up yet.
struct Forked {
    epoch: u32,
    kept: Hash,
    other: Hash,
    twice: Vec<OrgId>,
}

/// The forks of a charter that nothing has healed, and who signed both of their articles.
fn forks<'a>(
    charter: &Charter,
    branches: &Branches,
    followed: impl Iterator<Item = &'a SignedArticle> + Clone,
) -> Vec<Forked> {
    let one = |other: &SignedArticle| {
        let epoch = other.article.epoch;
        let ours = charter.article(epoch)?;
        let signed = followed.clone().find(|signed| signed.article == *ours)?.clone();
        let (kept, fork) = (ours.hash(), ArticleFork { one: signed, other: other.clone() });
        Some(Forked { epoch, kept, other: other.article.hash(), twice: fork.verify(charter) })
    };
    branches.beside(charter).filter_map(one).collect()
}

fn show(session: &Session, charter: &Charter, forks: &[Forked]) -> Outcome {
    let budgets: Vec<_> = charter
        .budgets()
        .map(|((epoch, act, line), b)| {
            let commodity = charter.programme(b.programme).and_then(|p| p.commodity(b.commodity));
            let amount = commodity.map_or_else(
                || b.amount.to_string(),
                |c| format!("{} {}", print_units(c, i128::from(b.amount.units())), c.name),
            );
            let treasury = hex(&b.treasury);
            let value = json!({
                "line": format!("{epoch}.{act}.{line}"), "programme": b.programme, "cycle": b.cycle,
                "commodity": b.commodity, "amount": b.amount, "treasury": treasury,
            });
            let text = format!(
                "  budget {epoch}.{act}.{line}: {amount} for programme {} cycle {}, node {treasury}",
                b.programme, b.cycle
            );
            (value, text)
        })
        .collect();
    let stopped = stopped(charter);
    let value = json!({
        "federation": charter.federation().to_string(), "name": charter.name().as_str(),
        "epoch": charter.epoch(), "quorum": charter.quorum(), "founded": charter.founded().0,
        "organisations": charter.organisations().map(|o| json!({
            "id": o.id, "name": o.name.as_str(), "key": hex(o.key.bytes()),
        })).collect::<Vec<_>>(),
        "programmes": charter.programmes().map(|(id, p)| json!({
            "id": id, "name": p.name.as_str(), "organisation": p.org,
            "commodities": p.commodities.iter().map(|c| json!({
                "id": c.id, "name": c.name.as_str(), "unit": crate::words::unit_name(c),
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "budgets": budgets.iter().map(|(value, _)| value).collect::<Vec<_>>(),
        "fences": stopped.0, "releases": stopped.1, "closes": stopped.2,
        "forks": forks.iter().map(|fork| json!({
            "epoch": fork.epoch, "followed": fork.kept.to_string(), "other": fork.other.to_string(),
            "signed_both": fork.twice,
        })).collect::<Vec<_>>(),
    });
    session.screen.answer("charter", value, || {
        let mut lines = vec![
            format!("Federation {}, founded {}", charter.name(), print_millis(charter.founded())),
            format!("  id {}", charter.federation()),
            format!("  epoch {}, {} must sign an article", charter.epoch(), charter.quorum()),
        ];
        lines.extend(
            charter.organisations().map(|o| {
                format!("  organisation {} {}, key {}…", o.id, o.name, hex(&o.key.short()))
            }),
        );
        for (id, p) in charter.programmes() {
            let what: Vec<String> = p.commodities.iter().map(commodity_line).collect();
            lines.push(format!(
                "  programme {id} {} of organisation {}: {}",
                p.name,
                p.org,
                what.join(", ")
            ));
        }
        lines.extend(budgets.iter().map(|(_, text)| text.clone()));
        lines.extend(stopped.3);
        lines.extend(forks.iter().map(|fork| {
            let twice: Vec<String> = fork.twice.iter().map(ToString::to_string).collect();
            format!(
                "  FORKED at epoch {}: {}… is followed here, {}… elsewhere; organisation {} signed both. Nothing is \
                 voted until it is healed",
                fork.epoch,
                hex(&fork.kept.short()),
                hex(&fork.other.short()),
                twice.join(", "),
            )
        }));
        lines.join("\n")
    })
}

/// Fences, releases and closes: for machines, and in words.
fn stopped(charter: &Charter) -> (Vec<Value>, Vec<Value>, Vec<Value>, Vec<String>) {
    let (mut fences, mut releases, mut closes) = (Vec::new(), Vec::new(), Vec::new());
    let mut lines = Vec::new();
    for feed in charter.fenced() {
        for fence in charter.fences(feed) {
            let (cut, reason) = (print_cut(&fence.cut), reason_word(fence.reason));
            lines.push(format!("  fence of {feed} at {cut}: {reason}, by article {}", fence.epoch));
            fences.push(json!({
                "feed": feed.to_string(), "cut": cut, "reason": reason, "epoch": fence.epoch,
            }));
        }
    }
    for ((epoch, act), freed) in charter.releases() {
        let commodity = charter.programme(freed.feed.programme);
        let commodity = commodity.and_then(|p| p.commodity(freed.commodity));
        let amount = commodity.map_or_else(
            || freed.amount.to_string(),
            |c| format!("{} {}", print_units(c, i128::from(freed.amount.units())), c.name),
        );
        let reserve = hex(&freed.reserve);
        lines.push(format!(
            "  release {epoch}.{act}: {amount} of {}, cycle {}, to the reserve of node {reserve}",
            freed.feed, freed.cycle
        ));
        releases.push(json!({
            "release": format!("{epoch}.{act}"), "feed": freed.feed.to_string(),
            "cycle": freed.cycle, "commodity": freed.commodity, "amount": freed.amount,
            "reserve": reserve,
        }));
    }
    for (programme, cycle, closed) in charter.closes() {
        lines.push(format!(
            "  cycle {cycle} of programme {programme} closed by article {}, {} feeds known",
            closed.epoch,
            closed.cuts.len()
        ));
        let cuts: BTreeMap<String, String> =
            closed.cuts.iter().map(|(node, cut)| (hex(node), print_cut(cut))).collect();
        closes.push(json!({
            "programme": programme, "cycle": cycle, "epoch": closed.epoch, "cuts": cuts,
        }));
    }
    (fences, releases, closes, lines)
}

/// Who still has to sign.
pub(super) fn missing_line(missing: &Missing) -> String {
    let list = |orgs: &[OrgId]| orgs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match (missing.required.as_slice(), missing.more) {
        ([], 0) => "enough have signed: `annona charter apply`".into(),
        ([], more) => format!("{more} more must sign, of organisations {}", list(&missing.from)),
        ([one], _) => format!("organisation {one} must still sign"),
        (must, _) => format!("organisations {} must still sign", list(must)),
    }
}
