//! Lending the folder: a node that runs for days gives it to another process of the same machine for as long as one command
//! takes, and goes on where that left it (spec/network.md, "The folder").

use super::{Node, NodeFault, marks, signing_key};
use crate::folder::LEDGER;
use crate::guard::GuardFault;
use crate::keystore::KeystoreFault;
use crate::store::Store;

impl Node {
    /// Gives the folder and the memory of what was signed to another process while `during` runs, which must not return
    /// before that process is done. The keys stay open; the key file is read again, for the other may have added some.
    ///
    /// The ledger stays readable meanwhile by those who read it through connections of their own.
    ///
    /// # Errors
    ///
    /// [`NodeFault`]. What `during` gave is lost then; this node writes nothing more, and who runs it starts it anew.
    pub fn lend<T>(&mut self, during: impl FnOnce() -> T) -> Result<T, NodeFault> {
        self.set_down()?;
        self.folder.release()?;
        let done = during();
        self.folder.retake()?;
        self.take_up()?;
        Ok(done)
    }

    /// Gives the folder to whoever wants it while `during` runs: there is nothing to write. Afterwards it is held again, once
    /// other commands are done, or lent anew by the node that runs; `waits` says for how long that is waited for.
    ///
    /// # Errors
    ///
    /// As [`Node::lend`]; the folder's, where another process has it and it is not waited for any more.
    pub fn rest<T>(
        &mut self,
        during: impl FnOnce() -> T,
        waits: &dyn Fn() -> bool,
    ) -> Result<T, NodeFault> {
        self.set_down()?;
        self.folder.let_go()?;
        let done = during();
        self.folder.hold_again(waits)?;
        self.take_up()?;
        Ok(done)
    }

    /// Closes the ledger, and the memory of what was signed.
    fn set_down(&mut self) -> Result<(), NodeFault> {
        let marks = marks(&self.store, &self.public())?;
        // From here on nothing of this node counts until it is read again.
        self.broken = true;
        let closed = self.store.closed()?;
        drop(std::mem::replace(&mut self.store, closed));
        let lent = Err(GuardFault::Held { pid: None });
        if let Ok(armed) = std::mem::replace(&mut self.armed, lent) {
            armed.close(&marks)?;
        }
        Ok(())
    }

    /// Reads all of it again: the folder is held.
    fn take_up(&mut self) -> Result<(), NodeFault> {
        self.keys.reread().map_err(|fault| match fault {
            KeystoreFault::WrongPassphrase { .. } => NodeFault::Stopped(
                "its passphrase was changed meanwhile; start it again with the new one".into(),
            ),
            other => other.into(),
        })?;
        if signing_key(&self.keys)?.public() != self.public() {
            return Err(NodeFault::Stopped(
                "this node has come back as another one meanwhile; start it again".into(),
            ));
        }
        self.store = Store::open(&self.folder.file(LEDGER))?;
        self.arm()?;
        // A process that is killed gives back the folder before the memory: the next write or seal looks again.
        self.broken = matches!(self.armed, Err(GuardFault::Held { .. }));
        Ok(())
    }
}
