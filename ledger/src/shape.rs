//! The shape of every wire type, printed: names, order, variant numbers and primitive types, as serde is told them.
//!
//! A value is walked by a serializer that writes structure in place of bytes. One representative value of each variant
//! shows it. `spec/shape.snap` keeps what is printed: a change of it is a change of the format.

use std::fmt::Write as _;

use serde::ser::{self, Serialize};

/// Writes the structure of one value.
#[derive(Default)]
struct Shape {
    out: String,
    depth: usize,
}

/// Serializers must name an error; printing has none.
#[derive(Debug)]
struct Never(String);

impl std::fmt::Display for Never {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Never {}

impl ser::Error for Never {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// The structure of a value, one field a line.
pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> String {
    let mut shape = Shape::default();
    value.serialize(&mut shape).expect("every wire type prints");
    shape.out
}

impl Shape {
    fn word(&mut self, word: &str) -> Result<(), Never> {
        self.out.push_str(word);
        Ok(())
    }

    fn open(&mut self, name: &str) -> Result<&mut Self, Never> {
        self.depth += 1;
        self.word(name)?;
        Ok(self)
    }

    fn line(&mut self, name: &str) {
        let indent = "  ".repeat(self.depth);
        write!(self.out, "\n{indent}{name}: ").expect("a string takes everything");
    }

    fn close(&mut self) -> Result<(), Never> {
        self.depth -= 1;
        Ok(())
    }
}

macro_rules! words {
    ($($method:ident($kind:ty) $word:literal;)*) => {
        $(fn $method(self, _: $kind) -> Result<(), Never> {
            self.word($word)
        })*
    };
}

impl<'a> ser::Serializer for &'a mut Shape {
    type Ok = ();
    type Error = Never;
    type SerializeSeq = Elements<'a>;
    type SerializeTuple = Elements<'a>;
    type SerializeTupleStruct = Elements<'a>;
    type SerializeTupleVariant = Elements<'a>;
    type SerializeMap = ser::Impossible<(), Never>;
    type SerializeStruct = &'a mut Shape;
    type SerializeStructVariant = &'a mut Shape;

    words! {
        serialize_bool(bool) "bool";
        serialize_u8(u8) "u8";
        serialize_u16(u16) "u16";
        serialize_u32(u32) "u32";
        serialize_u64(u64) "u64";
        serialize_i8(i8) "i8";
        serialize_i16(i16) "i16";
        serialize_i32(i32) "i32";
        serialize_i64(i64) "i64";
        serialize_i128(i128) "i128";
        serialize_f32(f32) "f32 (forbidden)";
        serialize_f64(f64) "f64 (forbidden)";
        serialize_char(char) "char (forbidden)";
        serialize_str(&str) "text";
        serialize_bytes(&[u8]) "bytes";
    }

    fn serialize_none(self) -> Result<(), Never> {
        self.word("option, none")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Never> {
        self.word("option of ")?;
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Never> {
        self.word("nothing")
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), Never> {
        self.word(name)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
    ) -> Result<(), Never> {
        self.word(&format!("{name}::{variant} = {number}"))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        self.word(&format!("{name} of "))?;
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        self.word(&format!("{name}::{variant} = {number} of "))?;
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements<'a>, Never> {
        self.word("list of ")?;
        Ok(Elements { shape: self, last: None, list: true, same: 0 })
    }

    fn serialize_tuple(self, len: usize) -> Result<Elements<'a>, Never> {
        self.word(&format!("{len} × "))?;
        Ok(Elements { shape: self, last: None, list: false, same: 0 })
    }

    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<Elements<'a>, Never> {
        self.word(&format!("{name} "))?;
        self.serialize_tuple(len)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Elements<'a>, Never> {
        self.word(&format!("{name}::{variant} = {number} "))?;
        self.serialize_tuple(len)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Never> {
        Err(ser::Error::custom("there are no maps on the wire"))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Self, Never> {
        self.open(name)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        number: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, Never> {
        self.open(&format!("{name}::{variant} = {number}"))
    }
}

impl ser::SerializeStruct for &mut Shape {
    type Ok = ();
    type Error = Never;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        self.line(name);
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Never> {
        self.close()
    }
}

impl ser::SerializeStructVariant for &mut Shape {
    type Ok = ();
    type Error = Never;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        ser::SerializeStruct::serialize_field(self, name, value)
    }

    fn end(self) -> Result<(), Never> {
        self.close()
    }
}

/// Elements of a list or a tuple: those of one shape in a row are printed once.
struct Elements<'a> {
    shape: &'a mut Shape,
    last: Option<String>,
    list: bool,
    same: usize,
}

impl Elements<'_> {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        let mut one = Shape { out: String::new(), depth: self.shape.depth + 1 };
        value.serialize(&mut one)?;
        if self.last.as_ref() == Some(&one.out) {
            self.same += 1;
            return Ok(());
        }
        if self.last.is_some() {
            self.shape.word(", ")?;
        }
        self.shape.word(&one.out)?;
        self.last = Some(one.out);
        Ok(())
    }

    fn done(self) -> Result<(), Never> {
        if self.last.is_none() && self.list { self.shape.word("nothing here") } else { Ok(()) }
    }
}

macro_rules! elements {
    ($($which:ident $method:ident;)*) => {
        $(impl ser::$which for Elements<'_> {
            type Ok = ();
            type Error = Never;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
                self.add(value)
            }

            fn end(self) -> Result<(), Never> {
                self.done()
            }
        })*
    };
}

elements! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

#[test]
fn the_wire_has_the_shape_that_was_agreed() {
    let mut page = String::new();
    for (name, shape) in samples::all().into_iter().chain(papers::all()) {
        page.push_str(&format!("## {name}\n{shape}\n\n"));
    }
    assert!(!page.contains("forbidden"), "{page}");
    // To change the format on purpose: `UPDATE_EXPECT=1 cargo test -p annona-ledger shape`, and say why in the change.
    expect_test::expect_file!["../../spec/shape.snap"].assert_eq(&page);
}

/// Where text or bytes of free length travel at all, in any wire type: names in charters and certificates, entries inside
/// what shows or carries them, articles, evidence, rows of state. Nothing about a person has a place among them.
#[test]
fn no_wire_type_has_room_for_a_face() {
    // Of a type or variant, so that no other field of the same name is excused with one.
    const TEXT: [(&str, &str); 11] = [
        ("Act::Found", "name: Name of text"),
        ("Act::Join", "name: Name of text"),
        ("Act::Programme", "name: Name of text"),
        ("Act::Programme", "measure: Name of text"),
        ("Notice::Node", "site_name: Name of text"),
        ("SignedArticle", "name: Name of text"),
        ("SignedArticle", "measure: Name of text"),
        ("Frame::Article", "name: Name of text"),
        ("Frame::Article", "measure: Name of text"),
        ("ArticleFork", "name: Name of text"),
        ("ArticleFork", "measure: Name of text"),
    ];
    const BYTES: [(&str, &str, &str); 16] = [
        ("Value::Orphan", "entry: bytes", "an entry of another feed, decoded again"),
        ("Promise", "entry: bytes", "an entry"),
        ("Block", "body: bytes", "entries, each decoded again"),
        ("Receipt", "entry: bytes", "an entry"),
        ("BrokenPromise", "entry: bytes", "an entry"),
        ("Statement::Promise", "entry: bytes", "an entry"),
        ("Statement::Block", "body: bytes", "entries"),
        ("Act::Heal", "lost: bytes", "an article"),
        ("Working::Entry", "bytes: bytes", "an entry"),
        ("Working::Long", "bytes: bytes", "an entry"),
        ("Working::Shown", "bytes: bytes", "the provenance of a lot"),
        ("Frame::Block", "body: bytes", "entries"),
        ("Frame::Evidence", "bytes: bytes", "evidence: statements, at most 2,048 a piece"),
        ("Frame::BlobChunk", "bytes: bytes", "a checkpoint in pieces, decoded whole or let go"),
        ("Frame::Chunk", "rows: list of bytes", "rows of state, decoded again"),
        ("Frame::Letter", "bytes: bytes", "one of four papers, decoded whole wherever it comes in"),
    ];
    let mut found = std::collections::BTreeSet::new();
    let mut unknown = Vec::new();
    for (name, shape) in samples::all().into_iter().chain(papers::all()) {
        let mut head = name;
        for line in shape.lines() {
            if !line.starts_with(' ') {
                head = line.split(" = ").next().unwrap_or(line);
            }
            let line = line.trim();
            let kind = line.rsplit(": ").next().unwrap_or(line);
            // Fixed sizes: signatures of 64 bytes and a sealed key of 80 are the largest.
            let last = kind.rsplit(',').next().unwrap_or(kind);
            let numbers: Vec<u64> = last
                .split(" of ")
                .flat_map(|part| part.split(" × "))
                .filter_map(|part| part.trim().parse().ok())
                .collect();
            if kind.ends_with("× u8") {
                let size: u64 = numbers.iter().product();
                assert!(size <= 80, "{name}: {line}");
            }
            assert!(!kind.contains("list of u8"), "{name}: {line}");
            let free = |word: &str| kind.split([' ', ',']).any(|part| part == word);
            if free("text") || free("bytes") {
                let known = TEXT.iter().any(|(of, what)| *of == head && line == *what)
                    || BYTES.iter().any(|(of, what, _)| *of == head && line == *what);
                unknown.extend((!known).then(|| format!("{head}: {line}")));
                found.insert((head.to_owned(), line.to_owned()));
            }
        }
    }
    assert_eq!(unknown, Vec::<String>::new());
    assert_eq!(found.len(), TEXT.len() + BYTES.len(), "{found:?}");
    for entry in samples::entries() {
        crate::fixed::entry(&entry);
    }
}

mod papers;
pub(crate) mod samples;
mod settled;
mod spelling;
