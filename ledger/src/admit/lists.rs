//! What a list must be to be frozen.

use super::Asking;
use crate::list::{self, List};
use crate::rejection::Rejection;

impl Asking<'_> {
    /// Two approved it, and it is not frozen on this feed yet: under another index its rows could be issued once more.
    pub(super) fn list(&self, frozen: &List) -> Result<(), Rejection> {
        let (charter, roster) = (self.view.charter(), self.view.roster());
        let node = self.feed.node;
        list::check(frozen, &node, charter, roster).map_err(|_| Rejection::ListNotApproved)?;
        let draft = frozen.draft(node);
        let mut before = (0..self.view.head(self.chain).next).rev();
        let again = before.any(|index| {
            self.view.list(&node, index).is_some_and(|known| known.draft(node) == draft)
        });
        if again { Err(Rejection::ListFrozen) } else { Ok(()) }
    }
}
