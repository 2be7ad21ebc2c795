//! A sheet of cards to print: A4, cards of the size of a bank card, one HTML file that needs nothing else.

use std::fmt::Write;

use super::{NotMade, qr};

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
    /// The direction of the name: `rtl` or `ltr`. Declared for each language, never guessed.
    pub direction: &'a str,
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
@media screen{main{padding:10mm}}";

/// The sheet, as a file.
///
/// # Errors
///
/// [`NotMade`] where a text is no card's.
pub fn sheet(language: &str, faces: &[Face<'_>]) -> Result<String, NotMade> {
    debug_assert!(STYLE.contains(&format!("svg{{width:{CODE_MM}mm")), "one size");
    let mut html = format!(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><title>Cards</title>\
         <style>{STYLE}</style></head><body><main>\n",
        escape(language)
    );
    for face in faces {
        let code = qr::code(face.text)?.svg();
        let direction = if face.direction == "rtl" { "rtl" } else { "ltr" };
        let name = face
            .name
            .map(|name| format!("<span class=\"n\" dir=\"{direction}\">{}</span>", escape(name)));
        let short = face.code.map(|code| format!("<small class=\"c\">{}</small>", escape(code)));
        // Writing to memory does not fail.
        let written = writeln!(
            html,
            "<article>{code}<div><b>{}</b>{}{}<small>{}</small></div></article>",
            escape(face.programme),
            name.unwrap_or_default(),
            short.unwrap_or_default(),
            escape(face.until),
        );
        debug_assert!(written.is_ok());
    }
    html.push_str("</main></body></html>\n");
    Ok(html)
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
    fn a_sheet_holds_each_card_and_nothing_that_is_not_on_it() {
        let face = Face {
            text: "6BF590B20FFWJWG.FKJ05H7B0XKA8FA9DIWENPEJ/5P$DPQE88",
            programme: "Food & <Cash>",
            name: Some("\"أمينة\""),
            code: Some("7K3M-9QXD-2VHN"),
            until: "until 2027-01-15",
            direction: "rtl",
        };
        let plain = Face { name: None, code: None, ..face.clone() };
        let html = sheet("en", &[face, plain]).expect("a sheet");
        assert_eq!(html.matches("<article>").count(), 2);
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
