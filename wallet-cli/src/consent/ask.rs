use annona_ledger::consent::GrantId;
use annona_ledger::digits::code;
use annona_node::consent::request;
use clap::Args;
use serde_json::json;

use super::{attributes, purpose};
use crate::fault::Outcome;
use crate::letter::Paper;
use crate::session::Session;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona consent ask 00112233445566778899aabbccddeeff --of lake --purpose referral \\
      --attributes name --out amina.asking --dir hill
  $ annona consent ask 00112233445566778899aabbccddeeff --of lake --purpose referral \\
      --attributes name,age_band --send --dir hill --json";

/// Asks another site for attributes of a person, under a consent whose number stands on her slip: as a file to carry, or as a letter.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Ask {
    /// The number of the consent, from her slip
    consent: String,
    /// The node that keeps her record: its 16 digits, or the name of its site
    #[arg(long, value_name = "NODE")]
    of: String,
    /// What for
    #[arg(long, value_name = "PURPOSE")]
    purpose: String,
    /// Which attributes
    #[arg(long, value_name = "LIST", value_delimiter = ',', required = true)]
    attributes: Vec<String>,
    #[command(flatten)]
    paper: Paper,
}

impl Ask {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let grant = GrantId(words::unhex("the number of a consent", &code(&self.consent))?);
        let to = words::node(node.store().roster(), &self.of)?.short();
        let what = (grant, purpose(&self.purpose)?, attributes(&self.attributes)?);
        self.paper.put(&node, &to, &request::ask(&node, to, what)?, None)?;
        node.close()?;
        let value = json!({ "consent": grant.to_string(), "of": words::hex(&to) });
        let value = self.paper.value(value);
        session.screen.answer("asking", value, || format!("Asked: {}.", self.paper.words()))?;
        session.screen.note("There: `annona consent reply FILE`. Here, with its answer: `annona consent read FILE`.");
        Ok(())
    }
}
