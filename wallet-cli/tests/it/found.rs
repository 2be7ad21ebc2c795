//! Members that find each other on a local network, and a stranger on it who does not get in.

use serde_json::{Value, json};

use crate::camp::Camp;
use crate::lan::Lan;
use crate::running::{Node, entries, name, until};

const PORT: u16 = 4_800;

/// Starts a node in a place of its own on the network, which is told of no peer.
fn starts(camp: &Camp, lan: &mut Lan, dir: &'static str, calls: bool) -> Node {
    lan.place(dir);
    let config = format!("[network]\nlisten = [\"{}:{PORT}\"]\nlan = {calls}\n", lan.address(dir));
    camp.write(&format!("{dir}/run.toml"), config);
    let command = lan.within(dir, &camp.command(Node::words(dir)));
    Node::by(camp, dir, PORT, command)
}

#[test]
fn members_find_each_other_on_a_local_network_and_a_stranger_there_is_not_let_in() {
    let mut lan = match Lan::new() {
        Ok(lan) => lan,
        Err(why) => {
            println!("skipped, because no network can be built here: {why}");
            return;
        }
    };
    let camp = Camp::new();
    // Admitted by a certificate that nobody has but itself; it has theirs, and so dials whom it finds.
    camp.run("init --dir new --site new --role merchant --organisation 1 --passphrase-cost light")
        .fine();
    camp.run("charter apply charter.annona --dir new").fine();
    camp.run("node request --dir new --out new.request").fine();
    camp.run("node admit new.request --keys relief.keys --charter charter.annona --site 9 --until +300d --out new.annona").fine();
    camp.run("node learn treasury.annona lake.annona hill.annona new.annona --dir new").fine();
    let (treasury, lake, hill, new) =
        (name(&camp, "treasury"), name(&camp, "lake"), name(&camp, "hill"), name(&camp, "new"));
    let before = entries(&camp, "treasury");
    let one = starts(&camp, &mut lan, "treasury", true);
    let two = starts(&camp, &mut lan, "lake", true);
    let quiet = starts(&camp, &mut lan, "hill", false);
    two.comes_to(&camp, &treasury, "meeting");
    one.comes_to(&camp, &lake, "meeting");
    camp.run("audit export sealed.audit --seal --dir lake").fine();
    until("the treasury knows what the lake knew", || {
        let known = entries(&camp, "treasury");
        known > before && known == entries(&camp, "lake")
    });
    // The stranger hears them call, dials, and is closed at once: nothing goes either way.
    let stranger = starts(&camp, &mut lan, "new", true);
    for (member, node) in [(&treasury, &one), (&lake, &two)] {
        stranger.comes_to(&camp, member, "not_admitted");
        let row = stranger.peer(&camp, member);
        assert_eq!((&row["sent"], &row["received"]), (&json!(0), &json!(0)), "{row}");
        assert_eq!(node.peer(&camp, &new), Value::Null, "nobody they know of");
    }
    assert_eq!(entries(&camp, "new"), 0);
    // Who was not told to call is found by nobody, and finds nobody.
    for node in [&one, &two, &stranger] {
        assert_ne!(node.peer(&camp, &hill)["state"], json!("meeting"), "{}", node.dir);
    }
    assert_ne!(quiet.peer(&camp, &lake)["state"], json!("meeting"));
    // Let in, it meets those who know it; its way there is the one it heard.
    camp.run("node learn new.annona --dir treasury").fine();
    stranger.comes_to(&camp, &treasury, "meeting");
    // Asked again, for now there was time to hear it.
    for node in [&one, &two, &stranger] {
        assert_ne!(node.peer(&camp, &hill)["state"], json!("meeting"), "{}", node.dir);
    }
    assert_ne!(quiet.peer(&camp, &lake)["state"], json!("meeting"));
    let ended = [one, two, quiet, stranger].map(Node::stop);
    assert_eq!(ended, [Some(0); 4]);
}
