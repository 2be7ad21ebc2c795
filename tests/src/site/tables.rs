//! What stands in a ledger file, table by table.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, Result};

/// The rows of every table, as SQLite writes them: what was said, and what follows from it.
pub(super) type Tables = BTreeMap<String, Vec<String>>;

/// Reads every table of a ledger file, whatever it is called: a new one is read with the others.
///
/// # Errors
///
/// SQLite's own.
pub(super) fn tables(path: &Path) -> Result<Tables> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut names = conn.prepare("SELECT name FROM sqlite_master WHERE type='table'")?;
    let names = names.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>>>()?;
    names.into_iter().map(|name| rows(&conn, &name).map(|rows| (name, rows))).collect()
}

fn rows(conn: &Connection, table: &str) -> Result<Vec<String>> {
    let mut columns =
        conn.prepare(&format!("SELECT 'quote(\"'||name||'\")' FROM pragma_table_info('{table}')"))?;
    let columns = columns.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>>>()?;
    let row = columns.join("||' '||");
    let mut rows = conn.prepare(&format!("SELECT {row} FROM \"{table}\" ORDER BY 1"))?;
    rows.query_map([], |row| row.get(0))?.collect()
}

/// What depends on the order in which branches of a feed were folded (spec/state.md): a rebuild takes them one after the
/// other.
const BY_ORDER: [&str; 1] = ["fault"];

/// What differs between a file and the same one rebuilt: the table, and the first row that only one of them has.
pub(super) fn apart(kept: &Tables, anew: &Tables) -> Option<String> {
    if kept.keys().ne(anew.keys()) {
        return Some(format!("tables {:?}, then {:?}", kept.keys(), anew.keys()));
    }
    let forked = kept.get("chain").is_some_and(|chains| chains.iter().any(|chain| branches(chain)));
    let asked = kept.iter().zip(anew.values());
    let asked = asked.filter(|((name, _), _)| !(forked && BY_ORDER.contains(&name.as_str())));
    for ((name, kept), anew) in asked {
        // Floats that were given and covered come to nothing, or to no row where the cover was folded first.
        let nothing = |row: &String| name == "float_sum" && row.ends_with(" 0");
        let gone = kept.iter().find(|row| !anew.contains(row) && !nothing(row));
        // A refund that a ticket carries waits once more, where its feed is folded after the ticket's.
        let waits = |row: &String| name == "blob" && row.starts_with("8 ");
        let come = anew.iter().find(|row| !kept.contains(row) && !waits(row) && !nothing(row));
        if gone.is_some() || come.is_some() {
            return Some(format!("table {name}: only before {gone:?}, only after {come:?}"));
        }
    }
    None
}

/// Whether a row of `chain` tells of a branch: its third column says which chain it left.
fn branches(row: &str) -> bool {
    row.split(' ').nth(2).is_some_and(|left| left != "NULL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_changed_its_value_or_its_type_is_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("any.db");
        let conn = Connection::open(&path).expect("opens");
        conn.execute_batch(
            "CREATE TABLE a(x, y); INSERT INTO a VALUES(1, x'00'); CREATE TABLE b(z)",
        )
        .expect("written");
        let before = tables(&path).expect("read");
        assert_eq!(before.len(), 2);
        assert_eq!(apart(&before, &tables(&path).expect("read")), None);
        for change in [
            "UPDATE a SET x='1'",
            "UPDATE a SET x=1, y=x'01'",
            "INSERT INTO b VALUES(NULL)",
            "CREATE TABLE c(d)",
        ] {
            conn.execute_batch(change).expect("written");
            let after = tables(&path).expect("read");
            assert!(apart(&before, &after).is_some(), "{change}");
        }
    }
}
