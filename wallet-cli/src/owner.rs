//! Whose files a data folder holds. What another user writes there is that user's alone (0600): after one command by root
//! the service reads neither its turn nor its heads, and signs nothing.

use std::path::Path;

use crate::fault::Outcome;

/// Refuses root in a folder that another user works in, before anything is written. Anybody else is held out by permissions.
///
/// Who last signed there is asked first, and whose the folder is where nobody has: a service that runs as root over a folder
/// that somebody else made goes on.
///
/// # Errors
///
/// Where root works in somebody else's folder.
#[cfg(unix)]
pub(crate) fn check(dir: &Path) -> Outcome {
    let user = rustix::process::geteuid().as_raw();
    let signs = of(&dir.join(annona_node::folder::TURN));
    match signs.or_else(|| of(&dir.join(annona_node::folder::LOCK))) {
        Some(owner) if is_strange(owner, user) && tells_owners(dir, user) => {
            let (dir, name) = (dir.display(), name(owner));
            Err(crate::fault::Fault::refused(format!(
                "{dir} is {name}'s, and what root writes there {name} cannot read: its node would sign nothing any more."
            ))
            .then(&format!("Run it as {name}: `sudo -u {name} annona …`. Nothing was changed.")))
        }
        _ => Ok(()),
    }
}

/// Nobody is root on this system.
#[cfg(not(unix))]
pub(crate) fn check(_: &Path) -> Outcome {
    Ok(())
}

/// The first of these files that is not its folder's, and how it is given back.
#[cfg(unix)]
pub(crate) fn astray<'a>(dir: &Path, files: impl Iterator<Item = &'a Path>) -> Option<String> {
    let owner = of(&dir.join(annona_node::folder::LOCK))?;
    files.filter_map(|path| Some((path, of(path)?))).find(|(_, other)| *other != owner).map(
        |(path, other)| {
            let (path, owner, other) = (path.display(), name(owner), name(other));
            format!("{path} is {other}'s, and the folder {owner}'s: `sudo chown {owner} {path}`")
        },
    )
}

#[cfg(unix)]
fn is_strange(owner: u32, user: u32) -> bool {
    user == 0 && owner != 0
}

#[cfg(unix)]
fn of(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|found| std::os::unix::fs::MetadataExt::uid(&found))
}

/// Whether a file is its maker's here: on a stick that is mounted for one user all are that user's, whoever makes them.
#[cfg(unix)]
fn tells_owners(dir: &Path, user: u32) -> bool {
    let path = dir.join(format!("owner-{}", std::process::id()));
    // Where nothing can be written, nothing is.
    let made = std::fs::File::create_new(&path).is_ok();
    let owner = of(&path);
    made && std::fs::remove_file(&path).is_ok() && owner == Some(user)
}

/// A user as `sudo -u` takes it: by name where this machine lists one, else by number.
#[cfg(unix)]
fn name(user: u32) -> String {
    let listed = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = listed.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(user)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| format!("'#{user}'"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn root_alone_is_strange_in_the_folder_of_another() {
        let cases = [(0, 0, false), (998, 998, false), (998, 0, true), (0, 998, false)];
        for (owner, user, strange) in cases {
            assert_eq!(is_strange(owner, user), strange, "{owner} {user}");
        }
        assert_eq!(name(u32::MAX - 7), "'#4294967288'");
    }
}
