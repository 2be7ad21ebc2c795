use super::*;

fn log() -> (NoteKey, SigningKey) {
    let key = SigningKey::from_seed(&[3; 32]);
    let named = NoteKey::new("camp.example/log", Says::Log, key.public());
    (named.expect("the name fits"), key)
}

fn witness() -> (NoteKey, SigningKey) {
    let key = SigningKey::from_seed(&[4; 32]);
    let named = NoteKey::new("camp.example/witness", Says::Witness, key.public());
    (named.expect("the name fits"), key)
}

fn head() -> Checkpoint {
    Checkpoint { name: "camp.example/log".to_owned(), size: 261, root: [9; 32] }
}

#[test]
fn a_note_reads_back_as_it_was_written_with_both_kinds_of_signature() {
    let ((log, key), (witness, witness_key)) = (log(), witness());
    let mut note = Note::new(head().text());
    note.sign(&log, &key);
    note.cosign(&witness, &witness_key, 1_700_000_000);
    let written = note.write();
    let read = Note::parse(written.as_bytes()).expect("it is a note");
    assert_eq!((&read, read.write()), (&note, written));
    assert_eq!(read.check(&log), Ok(0));
    assert_eq!(read.check(&witness), Ok(1_700_000_000));
    assert_eq!(Checkpoint::parse(&read.text), Ok(head()));
}

#[test]
fn a_signature_is_for_its_text_its_key_its_kind_and_its_time() {
    let ((log, key), (witness, witness_key)) = (log(), witness());
    let mut note = Note::new(head().text());
    note.sign(&log, &key);
    note.cosign(&witness, &witness_key, 5);
    let mut other = note.clone();
    other.text = Checkpoint { size: 262, ..head() }.text();
    assert_eq!(other.check(&log), Err(NoteFault::Forged));
    assert_eq!(other.check(&witness), Err(NoteFault::Forged));
    let as_witness = NoteKey::new(&log.name, Says::Witness, log.key).expect("the name fits");
    assert_eq!(note.check(&as_witness), Err(NoteFault::Unsigned));
    let stranger = NoteKey { key: witness.key, ..log.clone() };
    assert_eq!(note.check(&stranger), Err(NoteFault::Unsigned));
    let mut later = note.clone();
    for (_, line) in &mut later.lines {
        if let Some(last) = line.get_mut(11) {
            *last ^= 1;
        }
    }
    assert_eq!(later.check(&witness), Err(NoteFault::Forged), "another time");
    let mut twice = note.clone();
    twice.lines.extend(note.lines.clone());
    assert_eq!(twice.check(&log), Err(NoteFault::Forged), "two lines of one key");
}

#[test]
fn a_key_reads_back_and_a_key_with_another_name_or_id_does_not() {
    let (log, _) = log();
    let written = log.to_string();
    assert_eq!(NoteKey::parse(&written), Ok(log.clone()));
    for (wrong, why) in [
        (written.replace("/log+", "/lag+"), "the id is of another name"),
        (written.replace('+', "-"), "no parts"),
        (written.to_uppercase(), "a name in capitals"),
        (written[..written.len() - 4].to_owned(), "a short key"),
        (String::new(), "nothing"),
    ] {
        assert!(NoteKey::parse(&wrong).is_err(), "{why}");
    }
    assert_eq!(NoteKey::new("two words", Says::Log, log.key), Err(NoteFault::Name));
    assert_eq!(NoteKey::new("a\nb", Says::Log, log.key), Err(NoteFault::Name));
    assert_eq!(NoteKey::new(&"a".repeat(101), Says::Log, log.key), Err(NoteFault::Name));
}

#[test]
fn what_is_no_note_and_no_checkpoint_is_refused() {
    let (log, key) = log();
    let mut note = Note::new(head().text());
    note.sign(&log, &key);
    let written = note.write();
    for (wrong, why) in [
        (written.replace("\n\n", "\n"), "no empty line"),
        (written.replace("— ", "- "), "another dash"),
        (written.trim_end().to_owned(), "the last line not ended"),
        (written.replace('=', "*"), "no base 64"),
        (written.replace("261", "26\u{7}1"), "a bell"),
        (format!("{written}{}", "— a AAAAAAA=\n".repeat(70)), "too many signatures"),
    ] {
        assert_eq!(Note::parse(wrong.as_bytes()), Err(NoteFault::Form), "{why}");
    }
    assert_eq!(Note::parse(&[0xff, 0xfe]), Err(NoteFault::Form));
    for text in ["a\n07\nAAAA\n", "a\n+7\nAAAA\n", "a\n7\nAAAA\n", "a\n7\n", "\n7\n", ""] {
        assert_eq!(Checkpoint::parse(text), Err(NoteFault::Checkpoint), "{text:?}");
    }
}
