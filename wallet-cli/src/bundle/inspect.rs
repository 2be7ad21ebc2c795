use std::path::PathBuf;

use annona_node::bundle::{self, Contents, SectionContents};
use clap::Args;
use serde_json::{Value, json};

use super::refused;
use crate::fault::Outcome;
use crate::session::Session;
use crate::words::{count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona bundle inspect part-1.annona
  $ annona bundle inspect part-1.annona --sealed";

/// Says what a part of a bundle holds, as far as this node's key opens it. Changes nothing.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Inspect {
    /// The part
    #[arg(value_name = "PART")]
    file: PathBuf,
    /// Only what a stranger sees: needs no node and no passphrase
    #[arg(long)]
    sealed: bool,
}

impl Inspect {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = if self.sealed { None } else { Some(session.node()?) };
        let contents = bundle::inspect(&self.file, node.as_ref())?
            .map_err(|fault| refused(&fault).at(self.file.display()))?;
        session.screen.answer("bundle_part", value(&contents), || text(&contents))?;
        if let Some(node) = node {
            node.close()?;
        }
        let inside = contents.sections.iter().find_map(|section| section.fault);
        match contents.fault.or(inside) {
            Some(fault) => Err(refused(&fault).at(self.file.display())),
            None => Ok(()),
        }
    }
}

fn section_value(section: &SectionContents) -> Value {
    json!({
        "bytes": section.bytes, "open": section.open,
        "federation": section.federation.map(|id| id.to_string()),
        "from": section.sender.map(|sender| hex(&sender)), "signed": section.signed,
        "programme": section.programme, "articles": section.articles, "notices": section.notices,
        "frontier": section.frontier, "list_rows": section.rows, "fork_proofs": section.forks,
        "feeds": section.feeds.iter().map(|(feed, range)| json!({
            "feed": feed.short().to_string(), "first": range.first, "end": range.end,
            "blocks": range.blocks, "headers": range.headers, "bytes": range.bytes,
        })).collect::<Vec<_>>(),
        "fault": section.fault.map(|f| f.to_string()),
    })
}

fn value(contents: &Contents) -> Value {
    json!({
        "bundle": hex(&contents.bundle), "part": contents.part, "parts": contents.parts,
        "bytes": contents.bytes, "keys": contents.keys,
        "sections": contents.sections.iter().map(section_value).collect::<Vec<_>>(),
        "fault": contents.fault.map(|f| f.to_string()),
    })
}

fn text(contents: &Contents) -> String {
    let mut lines = vec![format!(
        "bundle {}, part {} of {}, {} bytes, {} for up to {}",
        hex(&contents.bundle),
        contents.part,
        contents.parts,
        contents.bytes,
        count(contents.sections.len() as u64, "section", "sections"),
        count(contents.keys as u64, "recipient", "recipients"),
    )];
    for section in &contents.sections {
        let what = match section.programme {
            Some(programme) => format!("programme {programme}"),
            None if section.open => "common".into(),
            None => "sealed".into(),
        };
        if !section.open {
            lines.push(format!("{what}: {} bytes", section.bytes));
            continue;
        }
        let signed = match section.signed {
            Some(true) => "signed",
            Some(false) => "NOT SIGNED by its sender",
            None => "its sender has no certificate here",
        };
        lines.push(format!(
            "{what}: from {}, {signed}; {}, {}, {}",
            section.sender.map(|sender| hex(&sender)).unwrap_or_default(),
            count(section.articles, "article", "articles"),
            count(section.notices, "notice", "notices"),
            count(section.rows, "list row", "list rows"),
        ));
        for (feed, range) in &section.feeds {
            lines.push(format!(
                "  {} entries {} to {} in {}",
                feed.short(),
                range.first,
                range.end.saturating_sub(1),
                count(range.blocks.saturating_add(range.headers), "block", "blocks"),
            ));
        }
    }
    lines.join("\n")
}
