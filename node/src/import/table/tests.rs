//! Files as they come: every row of these tables is a file somebody could send.

use proptest::prelude::*;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};

use super::*;

fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("file");
    std::fs::write(&path, bytes).expect("write");
    (dir, path)
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(t) => t.clone(),
        Cell::Number(n) => format!("={n}"),
        Cell::Date(d) => d.map_or("no date".into(), |d| d.to_string()),
        Cell::Bool(b) => b.to_string(),
        Cell::Fault => "fault".into(),
        Cell::Uncalculated => "uncalculated".into(),
    }
}

type Rows = Vec<(u64, Vec<String>)>;

fn rows_of(
    path: &Path,
    options: &CsvOptions,
    sheet: usize,
) -> Result<(Rows, u64, Reading), TableError> {
    let source = Source::open(path, options)?;
    let mut rows = Vec::new();
    let blank = source.read::<TableError>(sheet, |row, _| {
        rows.push((row.number, row.cells.iter().map(shown).collect()));
        Ok(())
    })?;
    Ok((rows, blank, source.reading()))
}

fn read(bytes: &[u8]) -> Result<(Rows, u64, Reading), TableError> {
    let (_dir, path) = file(bytes);
    rows_of(&path, &CsvOptions::default(), 0)
}

fn row(number: u64, cells: &[&str]) -> (u64, Vec<String>) {
    (number, cells.iter().map(|c| (*c).to_owned()).collect())
}

#[test]
fn delimiters_encodings_and_blank_lines_are_found() {
    let utf16 = |text: &str, le: bool| -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|u| if le { u.to_le_bytes() } else { u.to_be_bytes() })
            .collect()
    };
    let arabic = "الاسم;العمر\nمحمد عبد الرحمن;٣٤\nفاطمة الزهراء;٢٩\nأحمد بن يوسف;١٢\n";
    let (windows_1256, _, lost) =
        encoding_rs::WINDOWS_1256.encode("الاسم;المدينة\nمحمد عبد الرحمن;حلب\nفاطمة الزهراء;دمشق\n");
    assert!(!lost);
    let (windows_1252, ..) =
        encoding_rs::WINDOWS_1252.encode("nom,âge\nHélène Lefèvre,31\nGarçon à l'école,9\n");
    let mark = |bytes: Vec<u8>, mark: &[u8]| [mark, &bytes].concat();
    let cases: Vec<(Vec<u8>, &str, char, &str)> = vec![
        (b"a,b\n1,2\n".to_vec(), "UTF-8", ',', "b"),
        (b"a;b\n1,5;2\n".to_vec(), "UTF-8", ';', "b"),
        (b"a\tb\n1,2\t3\n".to_vec(), "UTF-8", '\t', "b"),
        (b"a|b\n1|2\n".to_vec(), "UTF-8", '|', "b"),
        (b"sep=|\na|b\n1|2\n".to_vec(), "UTF-8", '|', "b"),
        (b"\"a\",\"b\"\n\"x, y\nz\",\"1;2;3\"\n".to_vec(), "UTF-8", ',', "b"),
        (mark(b"a,b\n1,2\n".to_vec(), b"\xEF\xBB\xBF"), "UTF-8", ',', "b"),
        (arabic.as_bytes().to_vec(), "UTF-8", ';', "العمر"),
        (mark(utf16(arabic, true), b"\xFF\xFE"), "UTF-16LE", ';', "العمر"),
        (mark(utf16(arabic, false), b"\xFE\xFF"), "UTF-16BE", ';', "العمر"),
        (utf16("a\tb\nx\ty\n", true), "UTF-16LE", '\t', "b"),
        (windows_1256.into_owned(), "windows-1256", ';', "المدينة"),
        (windows_1252.into_owned(), "windows-1252", ',', "âge"),
    ];
    for (bytes, encoding, delimiter, second) in cases {
        let (rows, _, reading) = read(&bytes).expect("readable");
        let Reading::Csv { encoding: e, delimiter: d, .. } = &reading else { panic!("{reading}") };
        assert_eq!((*e, *d), (encoding, delimiter), "{reading}");
        assert_eq!(
            rows.first().and_then(|r| r.1.get(1)).map(String::as_str),
            Some(second),
            "{reading}"
        );
    }
}

#[test]
fn rows_keep_their_line_numbers() {
    let text = "a,b\r\n\r\n1,\"x\ny\"\r\n,\n2,\"say \"\"hi\"\"\"\n3\n4,5,6";
    let (rows, blank, _) = read(text.as_bytes()).expect("readable");
    let expected = [
        row(1, &["a", "b"]),
        row(3, &["1", "x\ny"]),
        row(6, &["2", "say \"hi\""]),
        row(7, &["3"]),
        row(8, &["4", "5", "6"]),
    ];
    assert_eq!(rows, expected);
    assert_eq!(blank, 2);
}

#[test]
fn an_accented_name_far_down_is_not_damage() {
    let mut bytes = b"name,place\n".to_vec();
    (0..9_000).for_each(|i| bytes.extend_from_slice(format!("person {i},camp\n").as_bytes()));
    bytes.extend_from_slice(b"H\xE9l\xE8ne,Abb\xE9\n");
    let (rows, _, reading) = read(&bytes).expect("readable");
    assert!(reading.to_string().contains("windows-1252"), "{reading}");
    assert_eq!(rows.last(), Some(&row(9_002, &["Hélène", "Abbé"])));
}

#[test]
fn what_is_no_table_is_told_with_a_next_step() {
    let mut quote = b"a,b\n1,2\n3,\"open\n".to_vec();
    quote.extend(std::iter::repeat_n(b"x,y\n".as_slice(), 100).flatten());
    let wide = "a,".repeat(MAX_COLUMNS + 1);
    let cases: [(&[u8], &str); 14] = [
        (b"", "is empty: export it again"),
        (b" \r\n \n", "is empty: export it again"),
        (b"%PDF-1.7", "a PDF"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1", "password"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\xFF\xD8\xFF\xE0", "a photograph"),
        (b"[{\"a\":1}]", "a JSON file"),
        (b"a,b\n1,\x00\x00\x00\x00\x00\x01\x02\n", "is not text"),
        (b"PK\x03\x04 not a zip", "does not hold together"),
        (b"PK\x05\x06", "does not hold together"),
        (&quote, "line 3: a quotation mark opens here"),
        (wide.as_bytes(), "column BZU"),
        (b"\x1F\x8B\x08", "unpack it first"),
        (b"SQLite format 3\0", "a database"),
    ];
    for (bytes, expected) in cases {
        let fault = read(bytes).expect_err(expected).to_string();
        assert!(fault.contains(expected), "{fault}");
    }
    let (_dir, path) = file(b"a,b\n");
    let odd = CsvOptions { encoding: Some("klingon".into()), ..CsvOptions::default() };
    assert!(rows_of(&path, &odd, 0).expect_err("no such encoding").to_string().contains("klingon"));
    assert!(Source::open(Path::new("/nowhere/at/all"), &CsvOptions::default()).is_err());
    assert!(Source::open(&std::env::temp_dir(), &CsvOptions::default()).is_err(), "a folder");
}

#[test]
fn four_gigabytes_are_refused_or_read_without_holding_them() {
    let (_dir, path) = file(b"");
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("open")
        .set_len(4 << 30)
        .expect("sparse");
    let fault = Source::open(&path, &CsvOptions::default()).expect_err("zeros").to_string();
    assert!(fault.contains("is not text"), "{fault}");
    // One line without end, longer than a row may be.
    let (_dir, path) = file(&vec![b'x'; MAX_CELL + 10]);
    let fault = rows_of(&path, &CsvOptions::default(), 0).expect_err("one cell").to_string();
    assert!(fault.contains("line 1: over"), "{fault}");
}

fn book(make: impl FnOnce(&mut Workbook)) -> Vec<u8> {
    let mut book = Workbook::new();
    make(&mut book);
    book.save_to_buffer().expect("a workbook")
}

#[test]
fn a_workbook_gives_typed_cells_by_place() {
    let bytes = book(|b| {
        let date = Format::new().set_num_format("yyyy-mm-dd");
        let s = b.add_worksheet();
        s.write(2, 1, "name").expect("cell");
        s.write(2, 3, "born").expect("cell");
        s.write(5, 1, "ሰላም").expect("cell");
        let day = ExcelDateTime::from_ymd(1999, 12, 31).expect("date");
        s.write_with_format(5, 3, &day, &date).expect("cell");
        s.write(6, 1, 962_790_000_000f64).expect("cell");
        s.write(6, 2, true).expect("cell");
        s.write_formula(6, 3, Formula::new("=1+1").set_result("2")).expect("cell");
        s.write_formula(7, 3, Formula::new("=1+1").set_result("")).expect("cell");
        b.add_worksheet().set_name("Empty").expect("name");
    });
    let (_dir, path) = file(&bytes);
    let (rows, blank, reading) = rows_of(&path, &CsvOptions::default(), 0).expect("readable");
    assert_eq!(rows[0], row(3, &["", "name", "", "born"]));
    assert_eq!(rows[1], row(6, &["", "ሰላም", "", "1999-12-31"]));
    assert_eq!(rows[2], row(7, &["", "=962790000000", "true", "=2"]));
    assert_eq!(blank, 4, "rows 1, 2, 4 and 5");
    assert!(reading.to_string().contains("2 sheet(s): Sheet1, Empty"), "{reading}");
    let (rows, ..) = rows_of(&path, &CsvOptions::default(), 1).expect("an empty sheet is no fault");
    assert!(rows.is_empty());
}

#[test]
fn a_stray_cell_in_the_last_corner_asks_for_no_memory() {
    let bytes = book(|b| {
        let s = b.add_worksheet();
        s.write(0, 0, "id").expect("cell");
        s.write(1_048_575, 16_383, "x").expect("cell");
    });
    let fault = read(&bytes).expect_err("too wide").to_string();
    assert!(fault.contains("row 1048576, column XFD"), "{fault}");
    let bytes = book(|b| {
        let s = b.add_worksheet();
        s.write(0, 0, "id").expect("cell");
        s.write(1_048_575, 1, "x").expect("cell");
    });
    let (rows, blank, _) = read(&bytes).expect("only long");
    assert_eq!((rows.len(), blank), (2, 1_048_574));
}

/// Writes an XLSX container with these parts.
fn container(parts: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, body) in parts {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("part");
        zip.write_all(body).expect("body");
    }
    zip.finish().expect("zip").into_inner()
}

#[test]
fn a_bomb_is_met_before_it_goes_off() {
    let long = vec![b'x'; MAX_CELL + 1];
    let nested = [b"<sst><si><t>".as_slice(), &long, b"</t></si></sst>"].concat();
    let comment = [b"<a><!--".as_slice(), &b"<".repeat(MAX_CELL + 1)].concat();
    for body in [nested, comment] {
        let fault =
            read(&container(&[("xl/sharedStrings.xml", &body)])).expect_err("refused").to_string();
        assert!(fault.contains("unpacks to more than"), "{fault}");
    }
    // The directory can lie about the size: here it says 0xFFFFFFFE bytes.
    let mut bytes = container(&[("xl/sharedStrings.xml", b"<sst/>")]);
    let at = bytes.windows(4).position(|w| w == b"PK\x01\x02").expect("directory");
    bytes[at + 24..at + 28].copy_from_slice(&0xFFFF_FFFEu32.to_le_bytes());
    let fault = read(&bytes).expect_err("refused").to_string();
    assert!(fault.contains("unpacks to more than"), "{fault}");
}

#[test]
fn a_cell_in_many_pieces_and_a_sheet_under_another_name_are_measured_too() {
    let piece = [b"<r><t>".as_slice(), &vec![b'x'; MAX_CELL / 4], b"</t></r>"].concat();
    let rich = [b"<x:sst><x:si>".as_slice(), &piece.repeat(5), b"</x:si></x:sst>"].concat();
    let fault = read(&container(&[("xl/sharedStrings.xml", &rich)])).expect_err("refused");
    assert!(fault.to_string().contains("unpacks to more than"), "{fault}");
    let apart = [b"<x:si>".as_slice(), &piece, b"</x:si>"].concat();
    let apart = [b"<x:sst>".as_slice(), &apart.repeat(5), b"</x:sst>"].concat();
    let fault = read(&container(&[("xl/sharedStrings.xml", &apart)])).expect_err("no workbook");
    assert!(!fault.to_string().contains("unpacks to more than"), "{fault}");

    let sheet = [b"<worksheet>".as_slice(), &vec![b'x'; MAX_CELL + 1]].concat();
    let plain = b"<Relationship Target=\"media/sheet1.PNG\"/>".as_slice();
    let spelt = b"<Relationship Target=\"media/sheet&#49;.png\"/>".as_slice();
    for relations in [plain, spelt] {
        let parts = [("xl/_rels/workbook.xml.rels", relations), ("xl/media/sheet1.png", &sheet)];
        let fault = read(&container(&parts)).expect_err("refused");
        assert!(fault.to_string().contains("unpacks to more than"), "{fault}");
    }
    let picture = container(&[("xl/media/image1.png", &sheet)]);
    let fault = read(&picture).expect_err("no workbook");
    assert!(!fault.to_string().contains("unpacks to more than"), "{fault}");
}

#[test]
fn a_workbook_cut_or_changed_anywhere_is_a_fault_and_no_panic() {
    let bytes = book(|b| {
        let s = b.add_worksheet();
        (0..20).for_each(|i| drop(s.write(i, 0, format!("row {i}")).map(|_| ())));
    });
    for at in (0..bytes.len()).step_by(97) {
        let mut cut = bytes.clone();
        cut.truncate(at);
        assert!(read(&cut).is_err(), "cut at {at}");
        let mut changed = bytes.clone();
        changed[at] ^= 0x55;
        drop(read(&changed).map(|_| ()));
    }
}

#[test]
fn columns_are_lettered_as_spreadsheets_do() {
    for (column, expected) in
        [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")]
    {
        assert_eq!(letters(column), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the csv crate writes is read back, and rows agree with what that crate reads.
    #[test]
    fn rows_agree_with_the_csv_crate(
        table in prop::collection::vec(prop::collection::vec("[a-c,;\"\r\n é]{0,6}", 2..4), 1..8),
    ) {
        let mut out = ::csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        for record in &table {
            out.write_record(record).expect("write");
        }
        let bytes = out.into_inner().expect("bytes");
        prop_assume!(!String::from_utf8_lossy(&bytes).trim().is_empty());
        let (_dir, path) = file(&bytes);
        let comma = CsvOptions { delimiter: Some(','), ..CsvOptions::default() };
        let (rows, ..) = rows_of(&path, &comma, 0).expect("readable");
        let mut oracle = ::csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(&bytes[..]);
        let expected: Vec<Vec<String>> = oracle
            .records()
            .map(|r| r.expect("record").iter().map(str::to_owned).collect())
            .filter(|r: &Vec<String>| r.iter().any(|c| !c.trim().is_empty()))
            .collect();
        prop_assert_eq!(rows.into_iter().map(|r| r.1).collect::<Vec<_>>(), expected);
    }

    /// No bytes make the reader panic.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drop(read(&bytes).map(|_| ()));
    }
}
