//! A sheet of cards to print: A4, cards of the size of a bank card, one HTML file that needs nothing else.

use std::fmt::Write;

use super::{NotMade, qr};
use crate::papers::Papers;

/// One card on a sheet.
#[derive(Clone, Debug)]
pub struct Face<'a> {
    /// The text of its code.
    pub text: &'a str,
    /// The programme, as people call it.
    pub programme: &'a str,
    /// What the holder is called, where that is wanted on paper.
    pub name: Option<&'a str>,
    /// The short code, for voice and keypad.
    pub code: Option<&'a str>,
    /// The last day it holds, as it is shown.
    pub until: &'a str,
    /// The language to speak with the holder, ISO 639, where the card says one: the direction of the card follows from it.
    pub language: Option<&'a str>,
}

/// Languages written from right to left, by their codes of two and three letters (ISO 639). Declared here, never guessed
/// from the letters of a name.
const RIGHT_TO_LEFT: [&str; 56] = [
    "aeb", "aii", "apc", "apd", "ar", "ara", "arb", "arq", "ars", "ary", "arz", "ayl", "azb",
    "bal", "bgn", "ckb", "div", "dv", "fa", "fas", "glk", "haz", "hbo", "he", "heb", "iw", "kas",
    "khw", "ks", "lrc", "mzn", "nqo", "pbt", "pbu", "per", "pes", "pnb", "prs", "ps", "pst", "pus",
    "rhg", "sd", "sdh", "shu", "skr", "snd", "syc", "syr", "ug", "uig", "ur", "urd", "uzs", "yi",
    "yid",
];

/// Whether a language is written from right to left.
#[must_use]
pub fn right_to_left(language: &str) -> bool {
    RIGHT_TO_LEFT.binary_search(&language).is_ok()
}

/// Side of a printed code with its margin, in millimetres. With the margin taken off, a version 13 code still has 36 mm.
const CODE_MM: u32 = 42;

const STYLE: &str = "\
@page{size:A4;margin:10mm}\
body{margin:0;font:9pt/1.3 system-ui,sans-serif;color:#000;background:#fff}\
main{display:grid;grid-template-columns:85.6mm 85.6mm;gap:3mm;justify-content:center}\
article{box-sizing:border-box;width:85.6mm;height:53.98mm;border:.2mm dashed #888;border-radius:3mm;\
padding:3mm;display:grid;grid-template-columns:42mm 1fr;gap:2.5mm;align-items:center;overflow:hidden;\
break-inside:avoid}\
svg{width:42mm;height:42mm;display:block}\
b{display:block;font-size:11pt}\
.n{font-size:12pt;overflow-wrap:anywhere}\
.c{font:700 10pt ui-monospace,monospace;direction:ltr;unicode-bidi:isolate;white-space:nowrap}\
small{display:block;margin-top:1.5mm}\
h1{font-size:14pt;margin:10mm}\
@media screen{main{padding:0 10mm 10mm}}\
@media print{h1{display:none}}";

/// The sheet, as a file.
///
/// # Errors
///
/// [`NotMade`] where a text is no card's.
pub fn sheet(faces: &[Face<'_>]) -> Result<String, NotMade> {
    debug_assert!(STYLE.contains(&format!("svg{{width:{CODE_MM}mm")), "one size");
    // Its own words are English; each card is in the language of whose it is.
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Cards</title>\
         <style>{STYLE}</style></head><body><h1>Cards</h1><main>\n"
    );
    for face in faces {
        let label = format!("code of card {}", face.code.unwrap_or(face.programme));
        let code = qr::code(face.text)?.svg(&label);
        let language = face.language.unwrap_or("en");
        let direction = if right_to_left(language) { "rtl" } else { "ltr" };
        let name = face
            .name
            .map(|name| format!("<span class=\"n\" dir=\"{direction}\">{}</span>", escape(name)));
        let short = face.code.map(|code| format!("<small class=\"c\">{}</small>", escape(code)));
        // Its one word is in that language where there is a catalogue of it.
        let day = match papers(language) {
            Some(papers) => format!(
                "<small>{} <bdi dir=\"ltr\">{}</bdi></small>",
                papers.until,
                escape(face.until)
            ),
            None => {
                format!("<small lang=\"en\" dir=\"ltr\">until {}</small>", escape(face.until))
            }
        };
        // Writing to memory does not fail.
        let written = writeln!(
            html,
            "<article lang=\"{}\" dir=\"{direction}\">{code}<div><b dir=\"auto\">{}</b>{}{}\
             {day}</div></article>",
            escape(language),
            escape(face.programme),
            name.unwrap_or_default(),
            short.unwrap_or_default(),
        );
        debug_assert!(written.is_ok());
    }
    html.push_str("</main></body></html>\n");
    Ok(html)
}

/// The catalogue of a language, by its code of two or three letters.
fn papers(language: &str) -> Option<&'static Papers> {
    Papers::of(match language {
        "eng" => "en",
        "fra" | "fre" => "fr",
        "spa" => "es",
        "ara" => "ar",
        other => other,
    })
}

/// Text as HTML has it.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_has_one_direction_by_whichever_code_it_goes() {
        assert!(RIGHT_TO_LEFT.is_sorted(), "it is searched by halves");
        let rtl = "ar ara fa fas per prs ps pus ur urd he heb ug uig yi yid dv div sd snd ckb rhg";
        for language in rtl.split(' ') {
            assert!(right_to_left(language), "{language}");
        }
        for language in ["en", "eng", "fr", "am", "amh", "my", "mya", "sw", "kmr", "ku", "", "xx"] {
            assert!(!right_to_left(language), "{language}");
        }
    }

    #[test]
    fn a_sheet_holds_each_card_and_nothing_that_is_not_on_it() {
        let face = Face {
            text: "6BF590B20FFWJWG.FKJ05H7B0XKA8FA9DIWENPEJ/5P$DPQE88",
            programme: "Food & <Cash>",
            name: Some("\"أمينة\""),
            code: Some("7K3M-9QXD-2VHN"),
            until: "2027-01-15",
            language: Some("ara"),
        };
        let plain = Face { name: None, code: None, language: None, ..face.clone() };
        let unknown = Face { language: Some("sw"), name: None, code: None, ..face.clone() };
        let one = sheet(&[unknown]).expect("a sheet");
        assert!(one.contains("<small lang=\"en\" dir=\"ltr\">until 2027-01-15</small>"), "{one}");
        let html = sheet(&[face, plain]).expect("a sheet");
        // Each card in its own direction, whatever comes first on the sheet.
        assert_eq!(html.matches("<article lang=\"ara\" dir=\"rtl\">").count(), 1);
        assert_eq!(html.matches("<article lang=\"en\" dir=\"ltr\">").count(), 1);
        for word in ["until", "حتى"] {
            let line = format!("<small>{word} <bdi dir=\"ltr\">2027-01-15</bdi></small>");
            assert_eq!(html.matches(&line).count(), 1, "{word}");
        }
        assert!(html.contains("<h1>Cards</h1>"));
        assert!(html.contains("aria-label=\"code of card 7K3M-9QXD-2VHN\""));
        assert!(html.contains("aria-label=\"code of card Food &amp; &lt;Cash&gt;\""));
        assert_eq!(html.matches("<svg").count(), 2);
        assert!(html.contains("Food &amp; &lt;Cash&gt;"));
        assert!(html.contains("<span class=\"n\" dir=\"rtl\">&quot;أمينة&quot;</span>"));
        assert_eq!(html.matches("class=\"n\"").count(), 1);
        let named = html.matches("http://www.w3.org/2000/svg").count();
        assert_eq!(html.matches("http").count(), named, "the name of SVG, and no address");
        for active in ["<script", "<img", "url(", "@import", "<link"] {
            assert!(!html.contains(active), "{active}");
        }
    }
}
