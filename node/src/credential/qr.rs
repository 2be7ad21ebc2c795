//! The only user of fast_qr: the code of a card, as SVG for paper and as rows of dots for pictures.

use fast_qr::{ECL, Mode, QRBuilder};

use super::NotMade;
use super::sheet::escape;

/// The quiet zone around a code, in modules (ISO/IEC 18004).
pub const MARGIN: usize = 4;

/// A code: its modules, dark or light.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    size: usize,
    dark: Vec<bool>,
}

/// Makes the code of a card's text, level M. Only letters of Base45 are taken: anything else would be printed half as
/// dense.
///
/// # Errors
///
/// [`NotMade`] for other letters, or more than a code holds.
pub fn code(text: &str) -> Result<Code, NotMade> {
    let code = QRBuilder::new(text).ecl(ECL::M).build().map_err(|_| NotMade::TooLong)?;
    if !matches!(code.mode, Some(Mode::Alphanumeric)) {
        return Err(NotMade::Text("a card has the letters of Base45 only"));
    }
    let dark = (0..code.size).flat_map(|row| code[row].iter().map(|module| module.value()));
    Ok(Code { size: code.size, dark: dark.collect() })
}

impl Code {
    /// Modules along one side, without margin: 21 and 4 more for each version above the first.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The version, 1 to 40.
    #[must_use]
    pub const fn version(&self) -> usize {
        (self.size - 17) / 4
    }

    /// Modules along one side, with margin.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.size + 2 * MARGIN
    }

    /// Whether a module is dark, counted with the margin.
    #[must_use]
    pub fn dark(&self, column: usize, row: usize) -> bool {
        let inside = |at: usize| at.checked_sub(MARGIN).filter(|at| *at < self.size);
        match (inside(column), inside(row)) {
            (Some(x), Some(y)) => self.dark.get(y * self.size + x).copied().unwrap_or(false),
            _ => false,
        }
    }

    /// The code as SVG, in modules: one path, a stroke for each run of dark modules. `label` is what is read out to whoever
    /// cannot see it.
    #[must_use]
    pub fn svg(&self, label: &str) -> String {
        use std::fmt::Write;
        let width = self.width();
        let mut path = String::new();
        for row in 0..width {
            let mut column = 0;
            while column < width {
                let run = (column..width).take_while(|at| self.dark(*at, row)).count();
                if run > 0 {
                    // Writing to memory does not fail.
                    let written = write!(path, "M{column} {row}h{run}v1h-{run}z");
                    debug_assert!(written.is_ok());
                }
                column += run.max(1);
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {width}\" \
             shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"{}\"><path fill=\"#fff\" d=\"M0 0h{width}v{width}H0z\"/>\
             <path fill=\"#000\" d=\"{path}\"/></svg>",
            escape(label)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_base45_are_printed_dense_and_others_not_at_all() {
        for (length, version) in [(221, 8), (262, 9), (270, 10), (311, 10), (366, 11)] {
            let code = code(&"A$%/:7 Z*".repeat(60)[..length]).expect("a code");
            assert_eq!(code.version(), version, "{length} letters at level M, alphanumeric");
        }
        assert!(code("lower case").is_err());
        assert!(code(&"A".repeat(5000)).is_err());
    }

    #[test]
    fn the_picture_has_the_corners_every_reader_looks_for() {
        let code = code("ANNONA").expect("a code");
        assert_eq!((code.size(), code.width()), (21, 29));
        for (x, y) in [(0, 0), (14, 0), (0, 14)] {
            let ring = |at: usize| (0..7).all(|n| code.dark(MARGIN + x + n, MARGIN + y + at));
            assert!(ring(0) && ring(6), "a finder at {x}, {y}");
        }
        assert!((0..29).all(|n| !code.dark(n, 3) && !code.dark(3, n)), "a margin");
        let svg = code.svg("code of card \"A\"");
        assert!(svg.contains("viewBox=\"0 0 29 29\"") && svg.contains("M4 4h7v1h-7z"), "{svg}");
        assert!(svg.contains("role=\"img\" aria-label=\"code of card &quot;A&quot;\""), "{svg}");
    }
}
