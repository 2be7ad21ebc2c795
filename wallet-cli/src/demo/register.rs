//! Families are registered from a file: an invented camp, or the reader's own.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use annona_node::atomic;
use annona_node::import::{Map, Registration, Source, Watch};
use annona_node::sample;

use super::stage::Stage;
use crate::fault::{Fault, Outcome};

/// Invented families at the lake and at the hill.
const SIZES: [(&str, u64, u32); 2] = [("lake", 7, 180), ("hill", 11, 120)];
/// Families of a reader's own file that are put on the day's lists, at most.
const LISTED: usize = 2_000;
/// The most bytes of a map.
const MAP: usize = 1024 * 1024;

/// Who is registered where.
pub(super) struct Camp {
    /// At the lake, then at the hill.
    pub(super) sites: [Site; 2],
}

/// One site's families.
pub(super) struct Site {
    pub(super) dir: &'static str,
    /// The register the keys belong to.
    pub(super) source: String,
    /// The registration file, and the map that reads it.
    pub(super) file: String,
    pub(super) map: String,
    /// The families' keys in it.
    pub(super) keys: Vec<String>,
    /// Two operators of the site.
    pub(super) operators: [&'static str; 2],
}

pub(super) fn act(
    stage: &mut Stage,
    registrations: Option<&Path>,
    map: Option<&Path>,
) -> Outcome<Camp> {
    stage.step(
        "Families are registered from a file",
        "Names stay in the site's sealed person file. On the ledger each family is a number that means nothing elsewhere. \
         So many at once need two operators.",
    )?;
    for (dir, seed, households) in SIZES {
        invent(stage, dir, seed, households)?;
    }
    let (mut file, mut map_file) = ("lake-families.csv".to_owned(), "lake.map.toml".to_owned());
    if let (Some(from), Some(map)) = (registrations, map) {
        let ending = from.extension().and_then(|end| end.to_str()).unwrap_or("csv");
        file = format!("lake-registrations.{ending}");
        map_file = "lake-registrations.map.toml".into();
        stage.copy(from, &file)?;
        stage.copy(map, &map_file)?;
    }
    let lake = Site::read(stage, "lake", ["mara", "yusuf"], &file, &map_file)?;
    let hill = Site::read(stage, "hill", ["noor", "sami"], "hill-families.csv", "hill.map.toml")?;
    let imports = [&lake, &hill].map(|site| site.import(site));
    for (answer, site) in stage.together(&imports)?.iter().zip([&lake, &hill]) {
        let text = format!("{} families at the {}", answer.field("added")?, site.dir);
        stage.result("registered", &text)?;
    }
    Ok(Camp { sites: [lake, hill] })
}

/// Writes the registration file of a site, and the map that reads it.
fn invent(stage: &Stage, dir: &str, seed: u64, households: u32) -> Outcome {
    // Each site has a register of its own: the first household of one is not that of the other.
    let map = sample::MAP.replace("\"sample-camp\"", &format!("\"{dir}-camp\""));
    stage.write(&format!("{dir}.map.toml"), &map)?;
    let mut csv = Vec::new();
    let path = stage.path(&format!("{dir}-families.csv"));
    sample::camp(seed, households, &mut csv).map_err(|fault| Fault::io("invent", &path, fault))?;
    Ok(atomic::write(&path, &csv)?)
}

impl Site {
    /// A site with invented families: a seed, and how many.
    pub(super) fn invented(
        stage: &Stage,
        dir: &'static str,
        (seed, households): (u64, u32),
        operators: [&'static str; 2],
    ) -> Outcome<Self> {
        invent(stage, dir, seed, households)?;
        let (file, map) = (format!("{dir}-families.csv"), format!("{dir}.map.toml"));
        Self::read(stage, dir, operators, &file, &map)
    }

    /// The command that registers the families of a site here.
    pub(super) fn import(&self, of: &Self) -> String {
        let [one, two] = self.operators;
        format!(
            "family import {} --map {} --dir {} --operator {one}.keys --operator-passphrase-file pass.txt \
             --second {two}.keys --second-passphrase-file pass.txt",
            of.file, of.map, self.dir
        )
    }

    /// The families a registration file will register.
    fn read(
        stage: &Stage,
        dir: &'static str,
        operators: [&'static str; 2],
        file: &str,
        map_file: &str,
    ) -> Outcome<Self> {
        let bytes = atomic::read(&stage.path(map_file), MAP)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Fault::input("the map is not UTF-8 text.").at(map_file))?;
        let map = Map::parse(text).map_err(|why| Fault::from(why).at(map_file))?;
        let (register, opened) = (map.source.clone(), Source::open(&stage.path(file), &map.csv())?);
        let cancel = AtomicBool::new(false);
        let mut watch = Watch { progress: &mut |_| {}, cancel: &cancel };
        let registration = Registration::read(&opened, &map, &mut watch)?;
        let mut keys = Vec::new();
        registration.each(|_, household| {
            if keys.len() < LISTED {
                keys.push(household.key.clone());
            }
            Ok(())
        })?;
        if keys.len() < 6 {
            return Err(Fault::input(format!(
                "{file} has {} families that can be registered; the demonstration needs 6.",
                keys.len()
            )));
        }
        let (file, map) = (file.to_owned(), map_file.to_owned());
        Ok(Self { dir, source: register, file, map, keys, operators })
    }
}
