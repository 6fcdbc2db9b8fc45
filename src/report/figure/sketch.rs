//! SVG written directly, for drawings of thousands of strokes: lines of one look share a path.
//!
//! Coordinates are points, as on a [`super::canvas::Canvas`], below whose own drawing a sketch lies.

use std::fmt::Write;

use indexmap::IndexMap;

use super::canvas::Colour;

/// A point of the sheet.
pub type Point = (f64, f64);

/// How a stroke looks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pen {
    /// Colour as `#RRGGBB`.
    pub colour: String,
    /// Width in tenths of a point.
    pub width: u32,
    /// Dashed.
    pub dashed: bool,
}

impl Pen {
    /// An unbroken stroke of a width in points.
    pub fn new(colour: impl Into<String>, width: f64) -> Self {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few points")]
        return Self { colour: colour.into(), width: (width * 10.0).round() as u32, dashed: false };
    }
}

/// Lines by look; those first drawn with lie below.
#[derive(Clone, Debug, Default)]
pub struct Strokes {
    paths: IndexMap<Pen, String>,
}

impl Strokes {
    /// A line through some points.
    pub fn line(&mut self, pen: Pen, points: &[Point]) {
        let path = self.paths.entry(pen).or_default();
        for (k, (x, y)) in points.iter().enumerate() {
            path.push(if k == 0 { 'M' } else { 'L' });
            path.push_str(&pair(*x, *y));
        }
    }

    /// A filled dot.
    pub fn dot(&mut self, colour: &str, (x, y): Point, radius: f64) {
        let path = self.paths.entry(Pen::new(colour, 2.0 * radius)).or_default();
        // A line without length has round ends.
        let _ = write!(path, "M{}h0", pair(x, y));
    }

    /// All of it as SVG.
    pub fn svg(&self) -> String {
        let mut out = String::new();
        for (pen, path) in &self.paths {
            let dashes = if pen.dashed { " stroke-dasharray=\"4 3\" stroke-linecap=\"butt\"" } else { "" };
            let (colour, width) = (&pen.colour, number(f64::from(pen.width) / 10.0));
            // A `String` takes whatever is written to it.
            let _ = writeln!(
                out,
                "<path fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"{dashes} d=\"{path}\"/>"
            );
        }
        out
    }
}

/// A number with at most one decimal.
pub fn number(x: f64) -> String {
    let text = format!("{x:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

fn pair(x: f64, y: f64) -> String {
    format!("{} {}", number(x), number(y))
}

/// A circle, filled and outlined.
pub fn circle((x, y): Point, radius: f64, fill: &str, outline: Option<(&str, f64)>, title: &str) -> String {
    let stroke = outline.map(|(c, w)| format!(" stroke=\"{c}\" stroke-width=\"{}\"", number(w))).unwrap_or_default();
    let head =
        format!("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{fill}\"{stroke}", number(x), number(y), number(radius));
    if title.is_empty() {
        format!("{head}/>\n")
    } else {
        format!("{head}><title>{}</title></circle>\n", escaped(title))
    }
}

/// A path with one look.
pub fn path(d: &str, fill: &str, outline: Option<(&str, f64)>) -> String {
    let stroke = outline.map(|(c, w)| format!(" stroke=\"{c}\" stroke-width=\"{}\"", number(w))).unwrap_or_default();
    format!("<path d=\"{d}\" fill=\"{fill}\"{stroke}/>\n")
}

/// A text with a halo of the paper's colour, centred in height on its point. `anchor`: `start`, `middle` or `end`.
pub fn text(text: &str, (x, y): Point, size: f64, anchor: &str, bold: bool, colour: Colour) -> String {
    let weight = if bold { " font-weight=\"bold\"" } else { "" };
    let (paper, colour) = (Colour::Paper.hex(), colour.hex());
    format!(
        "<text x=\"{}\" y=\"{}\" font-family=\"sans-serif\" font-size=\"{}\" text-anchor=\"{anchor}\"{weight} \
         fill=\"{colour}\" stroke=\"{paper}\" stroke-width=\"3\" paint-order=\"stroke\">{}</text>\n",
        number(x),
        number(y + 0.36 * size),
        number(size),
        escaped(text)
    )
}

/// A bold text without a halo, centred on its point.
pub fn plain_text(text: &str, at: Point, size: f64, colour: Colour) -> String {
    plain_text_at(text, at, size, "middle", true, colour)
}

/// A text without a halo, centred in height on its point. `anchor`: `start`, `middle` or `end`.
pub fn plain_text_at(text: &str, (x, y): Point, size: f64, anchor: &str, bold: bool, colour: Colour) -> String {
    let weight = if bold { " font-weight=\"bold\"" } else { "" };
    format!(
        "<text x=\"{}\" y=\"{}\" font-family=\"sans-serif\" font-size=\"{}\" text-anchor=\"{anchor}\"{weight} \
         fill=\"{}\">{}</text>\n",
        number(x),
        number(y + 0.36 * size),
        number(size),
        colour.hex(),
        escaped(text)
    )
}

fn escaped(text: &str) -> String {
    super::super::escaped(text).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_of_one_look_are_one_path() {
        let mut strokes = Strokes::default();
        for k in 0..3 {
            strokes.line(Pen::new("#000000", 1.5), &[(0.0, f64::from(k)), (1.25, -0.01)]);
        }
        strokes.dot("#FFFFFF", (1.0, 2.0), 3.0);
        let svg = strokes.svg();
        assert_eq!(svg.matches("<path").count(), 2);
        assert!(svg.contains("stroke-width=\"1.5\" d=\"M0 0L1.2 0M0 1L1.2 0M0 2L1.2 0\""), "{svg}");
        assert!(svg.contains("stroke-width=\"6\" d=\"M1 2h0\""), "{svg}");
    }
}
