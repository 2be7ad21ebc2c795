//! Copies of a vault's data keys at nodes named for it: given, kept unread, given back (spec/privacy.md, "Copies").
//!
//! ```text
//! "annona key copy\n"   16
//! length                 4    of the label, little-endian
//! label                       whose keys, from whom, for whom, on which day, who was erased by then
//! wrapped               80    a key for the node it is for (HPKE)
//! sealed                      a key file (`vault`), under that key: still sealed under the vault's own
//! signature             64    of the node it is from, by its transport key
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use annona_ledger::hash::{Purpose, hash};
use annona_ledger::id::{Commitment, Lane, ProgrammeId};
use annona_ledger::key::{Context, Signature};
use annona_ledger::notice::NodeCertificate;
use annona_ledger::time::DayNo;
use annona_ledger::wire;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::atomic;
use crate::consent::ConsentFault;
use crate::disk::DiskFault;
use crate::envelope::{self, WRAPPED};
use crate::erase;
use crate::folder::FolderFault;
use crate::keystore::{Name, Secret};
use crate::member::{NoMember, may_meet};
use crate::node::{Node, NodeFault};
use crate::seal::{Key, SealError};
use crate::vault::{MAX_KEY_FILE, Vault, VaultFault};

#[cfg(test)]
mod tests;

const MAGIC: &[u8; 16] = b"annona key copy\n";
/// The longest label, in bytes: about a million people erased.
const MAX_LABEL: usize = 64 << 20;
/// The longest such file, in bytes.
pub const MAX_FILE: usize = MAGIC.len() + 4 + MAX_LABEL + WRAPPED + MAX_KEY_FILE + 64 + 64;
/// How the name of a kept copy begins and ends; between stands whose it is.
const NAME: (&str, &str) = ("copy-", ".annona");

/// What a copy says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The node it is from: the site, or the keeper that gives it back.
    pub from: [u8; 8],
    /// The node it is for.
    pub to: [u8; 8],
    /// The site whose people's keys they are.
    pub site: [u8; 8],
    /// Its vault.
    pub vault: [u8; 16],
    /// On which day it was made.
    pub on: DayNo,
    /// Who was erased by then: no key of theirs is in it, or, in one given back, is to be kept.
    pub erased: Vec<(ProgrammeId, Commitment)>,
}

impl Label {
    /// Whether it was made after an erasure.
    #[must_use]
    pub fn is_after(&self, erasure: &Commitment) -> bool {
        self.erased.iter().any(|(_, commitment)| commitment == erasure)
    }
}

/// Why a node keeps no copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKeeper {
    /// It is no member's, its certificate does not stand, or it is cut off.
    #[error(transparent)]
    NoMember(#[from] NoMember),
    /// It has nothing to do with this site's people.
    #[error("it serves no programme of this site")]
    OtherProgrammes,
}

/// Whether a node may keep a copy of this site's keys now, and if not, why.
///
/// # Errors
///
/// A broken disk.
pub fn may_keep(node: &Node, who: &[u8; 8]) -> Result<Result<(), NoKeeper>, NodeFault> {
    let member = match stands(node, who)? {
        Ok(member) => member,
        Err(why) => return Ok(Err(why.into())),
    };
    let served = node.certificate().map(|own| own.programmes.to_vec()).unwrap_or_default();
    let common = served.iter().any(|programme| member.programmes.contains(programme));
    Ok(if common { Ok(()) } else { Err(NoKeeper::OtherProgrammes) })
}

/// The certificate of a node that anything is given to, as it stands here and now; or why it is not dealt with.
///
/// # Errors
///
/// A broken disk.
pub fn stands(node: &Node, who: &[u8; 8]) -> Result<Result<NodeCertificate, NoMember>, NodeFault> {
    let now = node.between()?;
    let work = node.store().look()?;
    let found = may_meet(&work, who, now);
    work.check()?;
    Ok(found)
}

/// Why a copy was not made, kept or taken.
#[derive(Debug, thiserror::Error)]
pub enum CopyFault {
    /// Other bytes.
    #[error(
        "this is no copy of the keys of people's records, or it was changed or cut short. Check the path, or have it made again: `annona family keys copy`."
    )]
    NotACopy,
    /// Sealed for somebody else.
    #[error(
        "this copy is for node {}, not for this one.",
        .0.iter().map(|b| format!("{b:02x}")).collect::<String>()
    )]
    NotForUs([u8; 8]),
    /// Not from whom it says.
    #[error(
        "no certificate of the node it is from is known here, or it did not sign this copy. Take in the newest bundle, and ask it for another."
    )]
    NotTheirs,
    /// What is kept was made later.
    #[error(
        "the copy that is kept already was made later: this one is not kept. Destroy the file."
    )]
    Older,
    /// Of another vault than the one at hand.
    #[error(
        "these are the keys of another site's people: of person file {theirs}, and this is {ours}."
    )]
    OtherVault {
        /// Whose keys they are.
        theirs: String,
        /// What is here.
        ours: String,
    },
    /// The node it is for has no key to seal to.
    #[error("the certificate of the node it is for has no key to seal to.")]
    NoSealingKey,
    /// Who was named gets none.
    #[error(
        "node {} is given no keys of people: {why}. `annona node show` tells who is there.",
        node.iter().map(|b| format!("{b:02x}")).collect::<String>()
    )]
    NotGiven {
        /// The node.
        node: [u8; 8],
        /// Why not.
        why: NoKeeper,
    },
    /// Nothing is kept for that site.
    #[error("no copy of that site's keys is kept here.")]
    NoneKept,
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultFault),
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeFault),
    /// An erasure.
    #[error(transparent)]
    Erasing(#[from] ConsentFault),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// No randomness.
    #[error(transparent)]
    Seal(#[from] SealError),
}

fn info(federation: &[u8; 32], label: &[u8]) -> Vec<u8> {
    [b"annona 2026 v1 key copy".as_slice(), federation, label].concat()
}

fn close(
    node: &Node,
    label: &Label,
    to: &NodeCertificate,
    keys: &[u8],
) -> Result<Vec<u8>, CopyFault> {
    let federation = node.federation()?;
    let label = wire::encode(label);
    let length = u32::try_from(label.len()).map_err(|_| CopyFault::NotACopy)?;
    let (info, key) = (info(&federation.0.0, &label), Key::random()?);
    let wrapped = envelope::wrap(&to.sealing, &info, &key).map_err(|_| CopyFault::NoSealingKey)?;
    let sealed = key.seal(&info, keys)?;
    let mut file = [&MAGIC[..], &length.to_le_bytes(), &label, &wrapped, &sealed].concat();
    let word = [b"key copy".as_slice(), &hash(Purpose::File, &[&file]).0].concat();
    let transport = node.signing_key(Name::NodeTransport)?;
    let Signature::Ed25519([r, s]) = transport.sign(Context::Bundle, &[&federation.0.0], &word);
    file.extend_from_slice(&r);
    file.extend_from_slice(&s);
    Ok(file)
}

/// Takes a file apart; its signature is looked at, and nothing opened.
fn look<'a>(node: &Node, file: &'a [u8]) -> Result<(Label, &'a [u8], &'a [u8]), CopyFault> {
    let none = || CopyFault::NotACopy;
    let (body, signature) = file.split_last_chunk::<64>().ok_or_else(none)?;
    let rest = body.strip_prefix(MAGIC).ok_or_else(none)?;
    let (length, rest) = rest.split_first_chunk().ok_or_else(none)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (label_bytes, sealed) = rest.split_at_checked(length).ok_or_else(none)?;
    let label: Label = wire::decode(label_bytes, MAX_LABEL).map_err(|_| CopyFault::NotACopy)?;
    let word = [b"key copy".as_slice(), &hash(Purpose::File, &[body]).0].concat();
    let (r, s) = signature.split_first_chunk::<32>().ok_or_else(none)?;
    let signature = Signature::Ed25519([*r, s.try_into().map_err(|_| CopyFault::NotACopy)?]);
    let federation = node.federation()?;
    let from = node.store().roster().node(&label.from).ok_or(CopyFault::NotTheirs)?;
    if !from.transport.verifies(Context::Bundle, &[&federation.0.0], &word, &signature) {
        return Err(CopyFault::NotTheirs);
    }
    Ok((label, label_bytes, sealed))
}

fn open(node: &Node, file: &[u8]) -> Result<(Label, Zeroizing<Vec<u8>>), CopyFault> {
    let (label, bytes, sealed) = look(node, file)?;
    if label.to != node.public().short() {
        return Err(CopyFault::NotForUs(label.to));
    }
    let (wrapped, sealed) = sealed.split_first_chunk::<WRAPPED>().ok_or(CopyFault::NotACopy)?;
    let secret = node.keys().get(Name::NodeSealing).and_then(Secret::as_seed);
    let secret = secret.ok_or(NodeFault::NoKey("key to open what is sealed for it"))?;
    let info = info(&node.federation()?.0.0, bytes);
    let key = envelope::unwrap(secret, &info, wrapped).map_err(|_| CopyFault::NotACopy)?;
    let keys = key.open(&info, sealed).map_err(|_| CopyFault::NotACopy)?;
    Ok((label, keys))
}

fn today(node: &Node) -> Result<DayNo, CopyFault> {
    Ok(DayNo::of(node.stamp(&node.feed(Lane::Control, ProgrammeId::NONE))?))
}

/// Makes a copy of a vault's keys for a keeper. That it was given is noted when its file is durable
/// ([`Vault::gave_copy`]).
///
/// # Errors
///
/// [`CopyFault`]. While keys of somebody who was erased are still to be destroyed, they are first.
pub fn make(
    node: &Node,
    vault: &mut Vault,
    keeper: &NodeCertificate,
) -> Result<(Label, Vec<u8>), CopyFault> {
    may_keep(node, &keeper.short())?
        .map_err(|why| CopyFault::NotGiven { node: keeper.short(), why })?;
    if vault.keys_due()? {
        vault.scrub()?;
    }
    let own = node.public().short();
    let erased = vault.erasures()?.iter().map(|e| (e.programme, e.commitment)).collect();
    let (to, on) = (keeper.short(), today(node)?);
    let label = Label { from: own, to, site: own, vault: *vault.id(), on, erased };
    let file = close(node, &label, keeper, &Zeroizing::new(vault.copy_keys()?))?;
    Ok((label, file))
}

fn place(node: &Node, site: &[u8; 8]) -> PathBuf {
    let digits: String = site.iter().map(|b| format!("{b:02x}")).collect();
    node.folder().file(&format!("{}{digits}{}", NAME.0, NAME.1))
}

/// Keeps a copy for another site, in the place of its last one, which is overwritten.
///
/// # Errors
///
/// [`CopyFault::NotACopy`], [`CopyFault::NotTheirs`], [`CopyFault::NotForUs`], [`CopyFault::Older`]: the one that is kept
/// was made after an erasure that this one is not after.
pub fn keep(node: &Node, file: &[u8]) -> Result<Label, CopyFault> {
    keep_over(node, file, false)
}

/// As [`keep`], where somebody says that the later day of the kept one was a wrong clock's: only an erasure keeps this one out.
///
/// # Errors
///
/// As [`keep`].
pub fn replace(node: &Node, file: &[u8]) -> Result<Label, CopyFault> {
    keep_over(node, file, true)
}

fn keep_over(node: &Node, file: &[u8], whatever_day: bool) -> Result<Label, CopyFault> {
    let (label, _) = open(node, file)?;
    if label.from != label.site || label.site == label.to {
        return Err(CopyFault::NotACopy);
    }
    let path = place(node, &label.site);
    // One that is damaged is no reason to keep none.
    let known = if path.exists() { unless_damaged(read(node, &path))?.ok() } else { None };
    if let Some(known) = known {
        // What a clock ahead has dated keeps no newer one out.
        let dated = !whatever_day && known.on <= newest_known(node)?.plus(1);
        let later = known.vault == label.vault
            && (dated && known.on > label.on
                || known.erased.iter().any(|(_, c)| !label.is_after(c)));
        if later {
            return Err(CopyFault::Older);
        }
    }
    atomic::write_over(&path, file)?;
    Ok(label)
}

/// The newest day anybody here has told of. A keeper whose own clock stands still knows by others what is of today.
fn newest_known(node: &Node) -> Result<DayNo, NodeFault> {
    let latest = node.between()?.latest;
    let work = node.store().look()?;
    let others = work.heard_of_others(&node.public());
    work.check()?;
    Ok(DayNo::of(others.map_or(latest, |others| others.newest.max(latest))))
}

/// The day of the copy that is kept here of the same people's keys as this one, where that is dated later: one of the two days
/// is wrong, and a person says which.
///
/// # Errors
///
/// As [`keep`], where the copy is none for this node.
pub fn dated_later(node: &Node, file: &[u8]) -> Result<Option<DayNo>, CopyFault> {
    let (label, _) = open(node, file)?;
    let same = |known: &&Label| known.site == label.site && known.vault == label.vault;
    let all = kept(node)?.labels;
    Ok(all.iter().find(same).map(|known| known.on).filter(|on| *on > label.on))
}

fn read(node: &Node, path: &Path) -> Result<Label, CopyFault> {
    Ok(look(node, &atomic::read(path, MAX_FILE)?)?.0)
}

/// A copy that is kept here, whose label cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// The site whose people's keys it holds, where its name says so.
    pub site: Option<[u8; 8]>,
    /// The file.
    pub path: PathBuf,
    /// Why it cannot.
    pub why: CopyFault,
}

/// The copies that are kept here for other sites.
#[derive(Debug, Default)]
pub struct Kept {
    /// Those that say what they are.
    pub labels: Vec<Label>,
    /// Those that do not.
    pub unreadable: Vec<Unreadable>,
}

impl Kept {
    /// Whether one is kept for a site.
    #[must_use]
    pub fn has(&self, site: &[u8; 8]) -> bool {
        self.labels.iter().any(|label| label.site == *site)
            || self.unreadable.iter().any(|one| one.site.as_ref() == Some(site))
    }
}

/// Passes a copy's own fault by, so that one keeps nobody from the others.
fn unless_damaged(read: Result<Label, CopyFault>) -> Result<Result<Label, CopyFault>, NodeFault> {
    match read {
        Err(CopyFault::Node(fault)) => Err(fault),
        other => Ok(other),
    }
}

/// What is kept here for other sites.
///
/// # Errors
///
/// A folder that cannot be listed. A copy that cannot be read is told of, and no fault.
pub fn kept(node: &Node) -> Result<Kept, NodeFault> {
    let root = node.folder().root();
    let failed = |e| FolderFault::from(DiskFault::io("list", root, e));
    let mut kept = Kept::default();
    for entry in std::fs::read_dir(root).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let middle = name.strip_prefix(NAME.0).and_then(|rest| rest.strip_suffix(NAME.1));
        let Some(middle) = middle else { continue };
        match unless_damaged(read(node, &path))? {
            Ok(label) => kept.labels.push(label),
            Err(why) => {
                let site = u64::from_str_radix(middle, 16).ok().filter(|_| middle.len() == 16);
                kept.unreadable.push(Unreadable { site: site.map(u64::to_be_bytes), path, why });
            }
        }
    }
    kept.labels.sort_by_key(|label| label.site);
    kept.unreadable.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(kept)
}

/// Destroys the copy that is kept for a site; says whether there was one.
///
/// # Errors
///
/// A broken disk.
pub fn forget(node: &Node, site: &[u8; 8]) -> Result<bool, CopyFault> {
    let path = place(node, site);
    let there = path.exists();
    atomic::destroy(&path)?;
    Ok(there)
}

/// Gives back the copy that is kept for a site, sealed to the node that comes in its place, with every erasure heard of
/// here: a restored folder has not heard of the last ones.
///
/// # Errors
///
/// [`CopyFault::NoneKept`]; [`CopyFault`].
pub fn give(node: &Node, site: &[u8; 8], to: &NodeCertificate) -> Result<Vec<u8>, CopyFault> {
    let path = place(node, site);
    if !path.exists() {
        return Err(CopyFault::NoneKept);
    }
    // A device that is gone, or another's, gets no names, though it bears the site's.
    let refused = |why: NoMember| CopyFault::NotGiven { node: to.short(), why: why.into() };
    stands(node, &to.short())?.map_err(refused)?;
    let (kept, keys) = open(node, &atomic::read(&path, MAX_FILE)?)?;
    let mut erased: BTreeSet<(ProgrammeId, Commitment)> = kept.erased.iter().copied().collect();
    for (programme, all) in erase::heard(node)? {
        erased.extend(all.into_iter().map(|commitment| (programme, commitment)));
    }
    let (from, erased) = (node.public().short(), erased.into_iter().collect());
    close(node, &Label { from, to: to.short(), erased, ..kept }, to, &keys)
}

/// What came of a copy that was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Households that were erased since the copy was made, and went before anything was opened.
    pub erased: u64,
    /// Records that have no key still: registered after the copy was made.
    pub keyless: u64,
}

/// Takes the keys of a copy that was given back into a restored folder. Whoever is erased, by its ledger or by what the
/// keeper heard of, goes first: nothing of the copy is on the disk before. [A keeper can name nobody who is not: a
/// commitment follows from a root it has not.]
///
/// # Errors
///
/// [`CopyFault`]; nothing was taken then but erasures.
pub fn take(node: &Node, vault: &mut Vault, file: &[u8]) -> Result<Taken, CopyFault> {
    let (label, keys) = open(node, file)?;
    if label.vault != *vault.id() {
        let hex = |id: &[u8; 16]| id.iter().map(|b| format!("{b:02x}")).collect();
        return Err(CopyFault::OtherVault { theirs: hex(&label.vault), ours: hex(vault.id()) });
    }
    vault.lay_over(&keys)?;
    let mut all = erase::heard(node)?;
    let heard = all.values().map(|one| one.len() as u64).sum();
    for (programme, commitment) in label.erased {
        all.entry(programme).or_default().insert(commitment);
    }
    let erased = erase::apply_to(node, vault, &all, heard)?;
    // Whoever was erased before the copy was made has no key in it, and her record none here: what else tells of her goes.
    vault.forget_destroyed()?;
    erase::beside(node, vault)?;
    let keyless = vault.put_keys()?;
    Ok(Taken { erased, keyless })
}
