//! `node.toml`: settings of one data folder. Nothing in it is secret, and a key it does not know is a mistake.

use std::path::{Path, PathBuf};

use annona_node::atomic;
use annona_node::config::Zone;
use annona_node::folder::SETTINGS;
use annona_node::papers::Tongue;
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Outcome};

/// The most bytes of a settings file.
const LARGEST: usize = 64 * 1024;

/// Settings of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// What the place is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) site: Option<String>,
    /// The public key of the node, written by the program: who it is can then be told without a passphrase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
    /// The earlier node whose place it takes, written when it came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<String>,
    /// The organisation it asks to belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) organisation: Option<u16>,
    /// The roles it asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) roles: Vec<String>,
    /// Where the memory of what was signed lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) heads: Option<PathBuf>,
    /// The key file of the operator who usually works here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operator: Option<PathBuf>,
    /// How far the clock on the wall is from UTC, as in `+03:00`: times are shown and read by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) zone: Option<Zone>,
    /// The language of the papers that families take home. Screens are English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) language: Option<Tongue>,
}

impl Settings {
    /// Reads the settings of a folder; none where there is no file.
    pub(crate) fn read(folder: &Path) -> Outcome<Self> {
        let path = folder.join(SETTINGS);
        if !path.exists() {
            return Ok(Self::default());
        }
        let bytes = atomic::read(&path, LARGEST)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Fault::input(format!("{} is not UTF-8 text.", path.display())))?;
        toml::from_str(text).map_err(|why| {
            let why = why.to_string();
            Fault::input(format!("{} cannot be read: {}", path.display(), why.trim_end()))
                .then("Correct that line; `annona init` writes what may stand there.")
        })
    }

    /// Writes the settings of a folder, whole.
    pub(crate) fn write(&self, folder: &Path) -> Outcome {
        let text = toml::to_string(self)
            .map_err(|why| Fault::input(format!("the settings cannot be written: {why}")))?;
        let text = format!("# Settings of this node. Nothing here is secret.\n{text}");
        Ok(atomic::write(&folder.join(SETTINGS), text.as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back_and_an_unknown_key_is_named() {
        let folder = tempfile::tempdir().expect("folder");
        let settings =
            Settings { site: Some("مخيم البحيرة".into()), ..Settings::default() };
        settings.write(folder.path()).expect("write");
        assert_eq!(Settings::read(folder.path()).expect("read"), settings);
        std::fs::write(folder.path().join(SETTINGS), "sight = \"x\"\n").expect("write");
        let fault = Settings::read(folder.path()).expect_err("unknown");
        assert!(fault.message.contains("sight"), "{}", fault.message);
        assert!(fault.message.contains("node.toml"), "{}", fault.message);
    }
}
