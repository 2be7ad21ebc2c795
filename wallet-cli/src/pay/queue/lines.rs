//! The lines of a queue: read one by one, and orders that stand in a table.

use super::*;

/// A line as it was read.
pub(super) struct Raw {
    pub(super) line: Vec<u8>,
    /// Whether it is longer than a line may be: nothing of it counts.
    pub(super) long: bool,
}

/// So many lines are read ahead.
const AHEAD: usize = 16;

/// Reads lines in a thread of its own: who waits for the next one can do something else meanwhile. Nobody waits for the
/// thread, which a till that sends nothing would hold up.
pub(super) fn start(reader: Box<dyn Read + Send>) -> Outcome<Receiver<std::io::Result<Raw>>> {
    let (send, lines) = sync_channel(AHEAD);
    let run = move || {
        let mut reader = BufReader::with_capacity(LINE, reader);
        loop {
            let mut line = Vec::new();
            let read = match next_line(&mut reader, &mut line) {
                Ok(None) => return,
                Ok(Some(long)) => Ok(Raw { line, long }),
                Err(fault) => Err(fault),
            };
            let last = read.is_err();
            if send.send(read).is_err() || last {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("lines".into()).spawn(run);
    thread.map(|_| lines).map_err(|why| Fault::new(Exit::Input, format!("no thread: {why}.")))
}

/// Reads one line without its end; `true` where it was too long and was skipped, `None` at the end.
pub(super) fn next_line(
    reader: &mut impl BufRead,
    line: &mut Vec<u8>,
) -> std::io::Result<Option<bool>> {
    let mut some = false;
    let mut long = false;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(some.then_some(long));
        }
        some = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = end.map_or(buffer, |end| buffer.get(..end).unwrap_or_default());
        long |= line.len() + part.len() > LINE;
        if !long {
            line.extend_from_slice(part);
        }
        let used = end.map_or(buffer.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(Some(long));
        }
    }
}

/// The columns of a CSV queue.
pub(super) struct Header {
    delimiter: u8,
    columns: Vec<String>,
}

const COLUMNS: [&str; 9] =
    ["request", "card", "family", "purse", "ticket", "items", "merchant", "method", "programme"];

impl Header {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let delimiter = *[b',', b';', b'\t']
            .iter()
            .max_by_key(|d| text.bytes().filter(|b| b == *d).count())
            .unwrap_or(&b',');
        let columns: Vec<String> =
            fields(delimiter, text)?.iter().map(|c| c.trim().to_lowercase()).collect();
        if let Some(unknown) = columns.iter().find(|c| !COLUMNS.contains(&c.as_str())) {
            return Err(format!(
                "no order begins with {{, and a header has no column \"{unknown}\"; it has: {}",
                COLUMNS.join(", ")
            ));
        }
        Ok(Self { delimiter, columns })
    }

    /// Reads a row; what cannot be read comes with its request's name, where that can.
    pub(super) fn order(&self, text: &str) -> Result<Line, (Option<String>, String)> {
        let cells = fields(self.delimiter, text).map_err(|why| (None, why))?;
        if cells.len() != self.columns.len() {
            let why = format!("{} cells under {} columns", cells.len(), self.columns.len());
            return Err((None, why));
        }
        let named = self.columns.iter().position(|column| column == "request");
        let named = named.and_then(|at| cells.get(at)).map(|id| id.trim().to_owned());
        self.line(cells).map_err(|why| (named.filter(|id| !id.is_empty()), why))
    }

    fn line(&self, cells: Vec<String>) -> Result<Line, String> {
        let mut line = Line::default();
        for (column, cell) in self.columns.iter().zip(cells) {
            let cell = cell.trim().to_owned();
            if cell.is_empty() {
                continue;
            }
            match column.as_str() {
                "request" => line.request = Some(cell),
                "card" => line.card = Some(cell),
                "family" => line.family = Some(cell),
                "purse" => line.purse = Some(cell),
                "ticket" => line.ticket = Some(cell),
                "merchant" => line.merchant = Some(cell),
                "method" => line.method = Some(cell),
                "programme" => line.programme = Some(Value::String(cell)),
                _ => {
                    // The one that is left: items.
                    for item in cell.split(';').filter(|item| !item.trim().is_empty()) {
                        let (name, amount) = item
                            .split_once('=')
                            .ok_or_else(|| format!("\"{item}\" is not COMMODITY=AMOUNT"))?;
                        let amount = Value::String(amount.trim().to_owned());
                        line.items.push((name.trim().to_owned(), amount));
                    }
                }
            }
        }
        Ok(line)
    }
}

fn fields(delimiter: u8, text: &str) -> Result<Vec<String>, String> {
    let mut csv = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    match csv.records().next() {
        Some(Ok(row)) => Ok(row.iter().map(str::to_owned).collect()),
        Some(Err(why)) => Err(format!("not CSV: {why}")),
        None => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_whole_and_long_ones_are_skipped() {
        let mut text = b"one\n\ntwo\r\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', LINE * 3));
        text.extend(b"\nlast");
        let mut reader = BufReader::with_capacity(7, &text[..]);
        let mut seen = Vec::new();
        let mut line = Vec::new();
        while let Some(long) = next_line(&mut reader, &mut line).expect("reads") {
            seen.push(if long {
                "long".into()
            } else {
                String::from_utf8_lossy(&line).into_owned()
            });
            line.clear();
        }
        assert_eq!(seen, ["one", "", "two\r", "long", "last"]);
    }

    #[test]
    fn csv_orders_are_the_same_as_json_orders() {
        let header = Header::read("Request;card;items;programme").expect("header");
        let line = header.order("r1;ABC;\"Rice=1.5; Oil=2\";Food").expect("order");
        let json: Line = serde_json::from_str(
            r#"{"request":"r1","card":"ABC","items":{"Rice":"1.5","Oil":"2"},"programme":"Food"}"#,
        )
        .expect("order");
        assert_eq!(format!("{line:?}"), format!("{json:?}"));
        for (bad, word) in [("r1;ABC", "cells"), ("r;a;Rice;1", "COMMODITY")] {
            let (_, why) = header.order(bad).expect_err(bad);
            assert!(why.contains(word), "{why}");
        }
        assert!(Header::read("request,pin").is_err(), "an unknown column is a mistake");
    }

    proptest::proptest! {
        #[test]
        fn any_line_of_a_queue_is_an_order_or_refused(
            line in "\\PC{0,60}", name in "\\PC{0,8}", header in "(request|card|items|family)([,;\\t](request|purse|items|x)){0,3}"
        ) {
            drop(read(&line));
            let object = serde_json::json!({ "request": name, "items": { "Rice": line } }).to_string();
            drop(read(&object));
            // Whatever cannot be read is answered under its request's name, where that can.
            let wrong = serde_json::json!({ "request": name, "nothing": line }).to_string();
            let named = read(&wrong).err().and_then(|(named, _)| named);
            proptest::prop_assert_eq!(named, Some(name));
            if let Ok(header) = Header::read(&header) {
                drop(header.order(&line));
            }
            drop(Header::read(&line));
        }
    }
}
