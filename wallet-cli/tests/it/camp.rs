//! A camp made by the program itself, once for all tests, and copied for each of them.
//!
//! ```text
//! relief.keys city.keys water.keys        organisations 1 to 3, with .public and -recovery.keys
//! founding.annona  charter.annona         the founding article signed by all; articles and notices
//! treasury/ lake/ hill/                   nodes of organisation 1; what they have signed is in heads/
//! mara.keys yusuf.keys                    operators who register and approve
//! ```

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

/// What opens every key file of the camp.
pub(crate) const PASSPHRASE: &str = "four words nobody guesses";

/// A folder to work in, with the camp in it.
pub(crate) struct Camp {
    root: tempfile::TempDir,
}

/// What a command answered.
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) said: String,
}

impl Answer {
    /// What a command that has ended answered.
    pub(crate) fn of(said: &str, output: Output) -> Self {
        answer(said.to_owned(), output)
    }

    /// Panics unless the command did what it was asked.
    #[track_caller]
    pub(crate) fn fine(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}{}", self.said, self.out, self.err);
        self
    }

    /// Panics unless the command failed with this code and words.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, words: &str) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}{}", self.said, self.out, self.err);
        assert!(self.err.contains(words), "{}\nwanted \"{words}\" in\n{}", self.said, self.err);
        self
    }

    /// A field of a JSON answer's line.
    #[track_caller]
    pub(crate) fn field(&self, line: usize, field: &str) -> String {
        let line =
            self.out.lines().nth(line).unwrap_or_else(|| panic!("{}\n{}", self.said, self.out));
        let value: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        assert_eq!(value["annona"], 1, "{line}");
        match &value[field] {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

impl Camp {
    /// An empty folder with nothing but passphrases.
    pub(crate) fn empty() -> Self {
        let root = tempfile::tempdir().expect("folder");
        let camp = Self { root };
        camp.write("pass.txt", PASSPHRASE);
        camp.write("new-passphrase.txt", "five other words nobody guesses");
        camp
    }

    /// A copy of the camp.
    pub(crate) fn new() -> Self {
        static MADE: OnceLock<Camp> = OnceLock::new();
        // The lake stands before the treasury in the order of nodes: who prunes relies on nodes after its own.
        let made = MADE.get_or_init(|| {
            loop {
                let camp = Self::empty();
                camp.build();
                let node = |dir| crate::running::name(&camp, dir);
                if node("lake") < node("treasury") {
                    return camp;
                }
            }
        });
        made.copied()
    }

    /// A copy of this folder.
    pub(crate) fn copied(&self) -> Self {
        self.copied_in(&std::env::temp_dir())
    }

    /// The same files below another folder, as on another disk.
    pub(crate) fn copied_in(&self, place: &Path) -> Self {
        let copy = Self { root: tempfile::tempdir_in(place).expect("folder") };
        copy_tree(self.path(), copy.path());
        copy
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.file(name), text).expect("write");
    }

    /// The program, ready to run in this folder with these words; nothing of the tester's own settings reaches it.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_annona"));
        command
            .args(words)
            .args(["--no-input", "--yes", "--heads"])
            .arg(self.file("heads"))
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("ANNONA_DIR", self.file("lake"))
            .stdin(Stdio::null());
        command
    }

    /// Runs `annona WORDS` with the passphrase of the camp. A word in quotation marks stays one.
    pub(crate) fn run(&self, words: &str) -> Answer {
        let said = words.to_owned();
        let mut command = self.command(split(words));
        command.arg("--passphrase-file").arg("pass.txt");
        answer(said, command.output().expect("the program runs"))
    }

    /// Begins `annona WORDS` with the passphrase of the camp, its ends in the caller's hands.
    pub(crate) fn start(&self, words: &str) -> Child {
        let mut command = self.command(split(words));
        command.args(["--passphrase-file", "pass.txt"]).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
    }

    /// Registers a family of whom these lines are known.
    pub(crate) fn family(&self, lines: &str, rest: &str) -> Answer {
        self.write("told.family", lines);
        self.run(&format!("family add --from told.family {rest}"))
    }

    /// Runs `annona WORDS` and nothing else.
    pub(crate) fn bare(&self, words: &str) -> Answer {
        let output = self.command(split(words)).output().expect("the program runs");
        answer(words.to_owned(), output)
    }

    /// A node of the camp, opened by the test itself.
    pub(crate) fn node(&self, name: &str) -> annona_node::node::Node {
        let passphrase = zeroize::Zeroizing::new(PASSPHRASE.to_owned());
        let (dir, heads) = (self.file(name), self.file("heads"));
        let clock = annona_node::clock::Clock::system();
        annona_node::node::Node::open(&dir, &passphrase, &heads, clock).expect("opens")
    }

    /// What one of the small files of the camp says.
    pub(crate) fn told(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).expect("a file of the camp")
    }

    fn build(&self) {
        for (name, lines) in [
            ("tesfaye", "size=5\nmember: full_name=ሰላም ተስፋዬ,sex=female,age=34\n"),
            ("ali", "village=B2\nmember: full_name=فاطمة العلي,is_head=yes\n"),
            ("moved", "village=\nsize=6\n1: phone=+963 11 123\n"),
            ("adam", "member: given_name=Adam,age=0\n"),
        ] {
            self.write(&format!("{name}.family"), lines);
        }
        for (number, name) in [(1, "relief"), (2, "city"), (3, "water")] {
            self.run(&format!(
                "key new --organisation {number} --out {name}.keys --recovery {name}-recovery.keys --passphrase-cost light"
            ))
            .fine();
        }
        self.write("words.txt", "ሰላም\n");
        self.write("federation.toml", FEDERATION);
        self.run("charter propose --found federation.toml --out proposal.annona").fine();
        fs::copy(self.file("proposal.annona"), self.file("founding.annona")).expect("copy");
        for name in ["relief", "city", "water"] {
            self.run(&format!("charter sign founding.annona --keys {name}.keys")).fine();
        }
        for (dir, role) in [("treasury", "treasury"), ("lake", "registrar"), ("hill", "registrar")]
        {
            self.run(&format!(
                "init --dir {dir} --site {dir} --role {role} --role merchant --role witness --organisation 1 --passphrase-cost light"
            ))
            .fine();
            self.run(&format!("charter apply founding.annona --dir {dir}")).fine();
            self.run(&format!("node request --dir {dir} --out {dir}.request")).fine();
        }
        self.run("charter show --out charter.annona").fine();
        let signing = "--keys relief.keys --charter charter.annona";
        for (number, dir, rights) in
            [(1, "treasury", 30_000), (2, "lake", 5_000), (3, "hill", 5_000)]
        {
            self.run(&format!(
                "node admit {dir}.request {signing} --site {number} --small-site --ceiling Food/Rice={rights}:300:{rights} \
                 --ceiling Food/Oil={rights}:300:{rights} --until +300d --out {dir}.annona"
            ))
            .fine();
        }
        for name in ["mara", "yusuf"] {
            self.run(&format!("operator new --out {name}.keys --passphrase-cost light")).fine();
            self.run(&format!(
                "operator admit {name}.keys.public {signing} --organisation 1 --site 0 --role registrar \
                 --role approver --programme Food --out {name}.annona"
            ))
            .fine();
        }
        self.run(&format!(
            "cycle open --programme Food --cycle 1 --opens +0d --closes +30d --expires +40d {signing} --out cycle.annona"
        ))
        .fine();
        let notices =
            "treasury.annona lake.annona hill.annona mara.annona yusuf.annona cycle.annona";
        for dir in ["treasury", "lake", "hill"] {
            self.run(&format!("node learn {notices} --dir {dir}")).fine();
        }
        let treasury = self.run("status --dir treasury --json").fine().field(0, "node");
        self.write("budget.toml", BUDGET.replace("TREASURY", &treasury));
        self.run("charter propose --acts budget.toml --out voted.annona").fine();
        for name in ["relief", "city"] {
            self.run(&format!("charter sign voted.annona --keys {name}.keys")).fine();
        }
        for dir in ["treasury", "lake", "hill"] {
            self.run(&format!("charter apply voted.annona --dir {dir}")).fine();
        }
        self.run("charter show --out charter.annona --replace").fine();
        self.run("cycle key --programme Food --cycle 1 --dir treasury").fine();
        fs::create_dir(self.file("keys")).expect("folder");
        self.run("bundle export --dir treasury --to lake --to hill --out keys").fine();
        for dir in ["lake", "hill"] {
            self.run(&format!("bundle import keys --dir {dir}")).fine();
        }
        fs::remove_dir_all(self.file("keys")).expect("folder");
        // What the examples in the help take as given.
        let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
        for n in 1..=2 {
            self.family("member: full_name=Noor", &format!("--key B1-00{n} {mara}")).fine();
        }
        let code = self.run(&format!("card issue 1 {mara} --json")).fine().field(0, "code");
        self.write("code.txt", code);
        let card = self.run(&format!("card print 1 {mara} --json")).fine().field(0, "text");
        self.write("card.txt", card);
        self.run("card publish camp.cards").fine();
        self.write("pin.txt", "204816\n");
        self.run(&format!("family pin 2 --pin-file pin.txt {mara}")).fine();
        self.write("list.csv", "household_id,Rice,Oil\nB1-001,12.5,2\nB1-002,25,\n");
        let import = "entitle import list.csv --programme Food --cycle 1 --json";
        let frozen = self.run(import).fine().field(0, "list");
        let yusuf = mara.replace("mara", "yusuf");
        for operator in [mara, &yusuf] {
            self.run(&format!("entitle approve {frozen} {operator}")).fine();
        }
        self.write("frozen.txt", frozen);
        self.write("list.csv", "household_id,Rice\nB1-001,1\n");
        let waiting = self.run(import).fine().field(0, "list");
        self.write("waiting.txt", waiting);
        self.write("list.csv", "household_id,Rice\nB1-002,3.125\n");
        self.run("backup lake.backup --people-keys lake.people").fine();
        self.write("camp.csv", "household_id,full_name,size\nH-1,Amina,4\nH-2,Idris,2\n");
        let map = "source = \"camp\"\nkey = [\"household_id\"]\n[household.columns]\nfull_name = \"full_name\"\nsize = \"size\"\n";
        self.write("camp.toml", map);
        self.write("people.csv", "household_id,name\nH-1,Amina\nH-1,Sara\nH-2,Idris\n");
        let map = "source = \"camp\"\nkey = [\"household_id\"]\n[household.columns]\nsize = \"size\"\n[member.columns]\nname = \"full_name\"\n";
        self.write("two.toml", map);
        fs::create_dir(self.file("restored")).expect("folder");
        copy_tree(&self.file("lake"), &self.file("restored"));
        self.run("charter propose --acts budget.toml --out budget.annona").fine();
        for number in 1..=3 {
            let copy = format!("budget-{number}.annona");
            let name = ["relief", "city", "water"][number - 1];
            self.run(&format!("charter sign budget.annona --keys {name}.keys --out {copy}")).fine();
            // Made for the examples, and handed to nobody: a test may sign another in its place.
            fs::remove_file(self.file(&format!("{name}.keys.signed"))).expect("removed");
        }
        for (name, file) in [("certificate", "lake"), ("operator", "mara")] {
            fs::copy(self.file(&format!("{file}.annona")), self.file(&format!("{name}.annona")))
                .expect("copy");
        }
    }
}

fn answer(said: String, output: Output) -> Answer {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("answers are UTF-8");
    Answer { code: output.status.code(), out: text(output.stdout), err: text(output.stderr), said }
}

/// Splits a command line as a shell does, with quotation marks and nothing more.
pub(crate) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (nth, part) in line.split('"').enumerate() {
        if nth % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Copies what is in a folder into another one that is there.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("read") {
        let entry = entry.expect("entry");
        let place = to.join(entry.file_name());
        if entry.file_type().expect("kind").is_dir() {
            fs::create_dir(&place).expect("folder");
            let mode = entry.metadata().expect("metadata").permissions();
            fs::set_permissions(&place, mode).expect("mode");
            copy_tree(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), &place).expect("copy");
        }
    }
}

const FEDERATION: &str = r#"
[federation]
name = "Lake camps"
quorum = 2

[[organisation]]
id = 1
name = "Relief"
keys = "relief.keys.public"

[[organisation]]
id = 2
name = "City"
keys = "city.keys.public"

[[organisation]]
id = 3
name = "Water"
keys = "water.keys.public"

[[programme]]
id = 1
organisation = 1
name = "Food"
commodity = [
  { id = 1, name = "Rice", item = "kg", digits = 3 },
  { id = 2, name = "Oil", item = "l", digits = 3 },
]
cap = [{ commodity = "Rice", per_purse = "5", per_site_day = "100", per_site = "300" }]

[[ceiling]]
organisation = 1
programme = "Food"
commodity = "Rice"
rights = 40000
float = 1000

[[ceiling]]
organisation = 1
programme = "Food"
commodity = "Oil"
rights = 40000
float = 1000
"#;

const BUDGET: &str = r#"
[[budget]]
programme = "Food"
cycle = 1
treasury = "TREASURY"
lines = { Rice = "20000", Oil = "4000.5" }
"#;
