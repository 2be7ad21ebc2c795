use std::path::PathBuf;

use annona_node::bundle::{self, Exported, Options, PART_BYTES};
use annona_node::node::Node;
use clap::Args;
use serde_json::json;

use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::progress::Bar;
use crate::session::{self, Session};
use crate::stop::LongWork;
use crate::words::{self, count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona bundle export --to hill --out stick
  $ annona bundle export --to hill --to treasury --all
  $ annona bundle export --to treasury --acknowledge";

/// Writes what some nodes are not known to hold yet, sealed to them: whoever else finds the stick learns its size.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Export {
    /// A node it is for, by its site's name or its digits; several may be given
    #[arg(long = "to", value_name = "NODE", required = true)]
    to: Vec<String>,
    /// The folder to write the parts into
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Everything, not only what they are not known to hold
    #[arg(long)]
    all: bool,
    /// Only what this node holds: an acknowledgement
    #[arg(long, conflicts_with = "all")]
    acknowledge: bool,
    /// The size at which a part is closed, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = PART_BYTES)]
    part_bytes: u64,
    /// Say what would go; seal and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Export {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.node()?;
        let to = self
            .to
            .iter()
            .map(|text| words::node(node.store().roster(), text).map(|known| known.short()))
            .collect::<Outcome<Vec<_>>>()?;
        let options =
            Options { all: self.all, acknowledge: self.acknowledge, part_bytes: self.part_bytes };
        let long = LongWork::begin();
        let mut bar = Bar::new(&session.screen, "blocks");
        let mut go_on = |done, total| {
            bar.set(done, total);
            long.check().is_ok()
        };
        let done = match self.dry_run {
            true => bundle::measure(&node, &to, &options, &mut go_on),
            false => bundle::export(&mut node, &to, &options, &self.out, &mut go_on),
        };
        drop(bar);
        long.check()?;
        let done = done?;
        if self.dry_run {
            return would_go(session, node, &done, &to);
        }
        let value = json!({
            "bundle": hex(&done.bundle), "files": done.files, "bytes": done.bytes,
            "blocks": done.blocks, "headers": done.headers, "lists": done.lists,
            "programmes": done.programmes, "to": to.iter().map(|node| hex(node)).collect::<Vec<_>>(),
        });
        session.screen.answer("bundle", value, || {
            let files: Vec<String> = done.files.iter().map(|f| f.display().to_string()).collect();
            format!(
                "{}, {}, {} bytes\n{}",
                count(done.blocks, "block", "blocks"),
                count(files.len() as u64, "part", "parts"),
                done.bytes,
                files.join("\n")
            )
        })?;
        session.screen.note("Next, at the other node: `annona bundle import` with every part.");
        node.close()?;
        too_long(&done, "everything is written")
    }
}

/// What goes as things stand, and what sealing would add to it.
fn would_go(session: &Session, node: Node, done: &Exported, to: &[[u8; 8]]) -> Outcome {
    let open = match node.may_sign() {
        Ok(()) => session::open_tails(&node)?,
        Err(_) => 0,
    };
    let value = json!({
        "bytes": done.bytes, "parts": done.parts, "blocks": done.blocks, "headers": done.headers,
        "lists": done.lists, "programmes": done.programmes, "open": open,
        "to": to.iter().map(|node| hex(node)).collect::<Vec<_>>(),
    });
    let (blocks, parts) =
        (count(done.blocks, "block", "blocks"), count(done.parts as u64, "part", "parts"));
    let mut words = format!("{blocks} would go in {parts}, {} bytes", done.bytes);
    if open > 0 {
        let open = count(open, "entry is", "entries are");
        words.push_str(&format!(
            "\n{open} in no block yet: sealed first, and more than these bytes"
        ));
    }
    dry_run::would(session, "bundle", value, &words)?;
    dry_run::nothing(session);
    node.close()?;
    too_long(done, "everything would go")
}

/// Lists drafted by an earlier program: this one refuses such a list before anybody approves it.
fn too_long(done: &Exported, what: &str) -> Outcome {
    if done.lists_too_long == 0 {
        return Ok(());
    }
    let lists = count(done.lists_too_long, "list", "lists");
    Err(Fault::new(
        crate::fault::Exit::Wrong,
        format!("{what} but the rows of {lists}: more than a bundle carries."),
    )
    .then("The sites need only the rows they issue; divide the next list."))
}

impl From<bundle::ExportFault> for Fault {
    fn from(fault: bundle::ExportFault) -> Self {
        use bundle::ExportFault as F;
        match fault {
            F::Node(fault) => fault.into(),
            F::Store(fault) => fault.into(),
            F::Disk(fault) => fault.into(),
            F::Seal(fault) => fault.into(),
            F::Cancelled => Self::interrupted(),
            F::NobodyNamed => Self::usage(fault.to_string()),
            F::Recipient { .. } | F::NoCertificate => Self::refused(fault.to_string()),
            F::TooMany => Self::input(fault.to_string()),
            F::Part(_) | F::Frame(_) => {
                Self::new(crate::fault::Exit::Bug, fault.to_string()).then("Run `annona doctor`.")
            }
        }
    }
}
