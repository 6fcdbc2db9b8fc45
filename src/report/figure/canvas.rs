//! A sheet to draw on, in points, and the few colours there are.
//!
//! plotters' SVG backend rounds to whole units, so a point is [`UNITS`] of them. Colours are fixed numbers, chosen to be
//! told apart by the colour-blind (Okabe and Ito, "Color Universal Design", 2008); the report's style sheet replaces them
//! by number for its dark look.

use plotters::prelude::{DrawingBackend, IntoFont, RGBAColor, SVGBackend, ShapeStyle, TextStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, RGBColor};

/// SVG units in a point.
const UNITS: f64 = 10.0;

/// What plotters divides a font's size by on its way into the SVG.
const FONT_SCALE: f64 = 1.24;

/// A colour by its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// The sheet.
    Paper,
    /// Titles and the main line of a figure.
    Ink,
    /// Labels.
    Label,
    /// Grid and axes.
    Grid,
    /// Phase a, and the first of several lines.
    Blue,
    /// Phase b, and the second.
    Orange,
    /// Phase c, and the third.
    Green,
    /// What is beyond a limit.
    Red,
}

/// Colours of phases a, b, c.
pub const PHASES: [Colour; 3] = [Colour::Blue, Colour::Orange, Colour::Green];

impl Colour {
    const fn rgb(self) -> RGBColor {
        match self {
            Self::Paper => RGBColor(0xFF, 0xFF, 0xFF),
            Self::Ink => RGBColor(0x1A, 0x21, 0x2B),
            Self::Label => RGBColor(0x5B, 0x66, 0x75),
            Self::Grid => RGBColor(0xE3, 0xE7, 0xEC),
            Self::Blue => RGBColor(0x00, 0x72, 0xB2),
            Self::Orange => RGBColor(0xD5, 0x5E, 0x00),
            Self::Green => RGBColor(0x00, 0x9E, 0x73),
            Self::Red => RGBColor(0xC0, 0x2B, 0x3A),
        }
    }
}

impl Colour {
    /// As `#RRGGBB`.
    pub fn hex(self) -> String {
        let RGBColor(r, g, b) = self.rgb();
        format!("#{r:02X}{g:02X}{b:02X}")
    }
}

/// How a text stands to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there, half above and half below.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// How a line looks.
#[derive(Clone, Copy, Debug)]
pub struct Stroke {
    /// Colour.
    pub colour: Colour,
    /// Width in points.
    pub width: f64,
    /// 0 to 1.
    pub opacity: f64,
}

impl Stroke {
    /// An opaque line.
    pub const fn new(colour: Colour, width: f64) -> Self {
        Self { colour, width, opacity: 1.0 }
    }

    /// The same, paler.
    pub const fn opacity(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub struct Font {
    /// Colour.
    pub colour: Colour,
    /// Size in points.
    pub size: f64,
    /// Bold.
    pub bold: bool,
}

/// Titles.
pub const TITLE: Font = Font { colour: Colour::Ink, size: 15.0, bold: true };
/// What stands below a title, and in legends.
pub const SUBTITLE: Font = Font { colour: Colour::Label, size: 12.0, bold: false };
/// Axes.
pub const LABEL: Font = Font { colour: Colour::Label, size: 11.0, bold: false };

/// A sheet to draw on. Coordinates are points from its upper left corner.
pub struct Canvas<'a> {
    backend: SVGBackend<'a>,
}

/// Draws an SVG of this size in points; `title` is for those who cannot see it.
pub fn svg(width: u32, height: u32, title: &str, draw: impl FnOnce(&mut Canvas)) -> String {
    svg_over(width, height, title, "", draw)
}

/// The same, over `below`: SVG in points that lies between the sheet and what is drawn.
pub fn svg_over(width: u32, height: u32, title: &str, below: &str, draw: impl FnOnce(&mut Canvas)) -> String {
    let mut text = String::new();
    {
        let size = (unit(f64::from(width)).unsigned_abs(), unit(f64::from(height)).unsigned_abs());
        let mut canvas = Canvas { backend: SVGBackend::with_string(&mut text, size) };
        let paper = Colour::Paper.rgb();
        ignore(canvas.backend.draw_rect((0, 0), (signed(size.0), signed(size.1)), &paper, true));
        draw(&mut canvas);
        ignore(canvas.backend.present());
    }
    // plotters writes the size in units and no more about the picture.
    let root = text.find('>').map_or(0, |end| end + 1);
    let head = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\" \
         role=\"img\" stroke-linejoin=\"round\" stroke-linecap=\"round\">\n<title>{}</title>",
        unit(f64::from(width)),
        unit(f64::from(height)),
        super::super::escaped(title)
    );
    let sheet = text.get(root..).and_then(|rest| rest.find("/>")).map_or(root, |end| root + end + 2);
    if !below.is_empty() {
        text.insert_str(sheet, &format!("\n<g transform=\"scale({UNITS})\">\n{below}</g>"));
    }
    text.replace_range(..root, &head);
    text
}

/// Drawing into a string cannot fail.
fn ignore<T, E>(_: Result<T, E>) {}

fn signed(x: u32) -> i32 {
    i32::try_from(x).unwrap_or(i32::MAX)
}

/// Points in units. Sheets are far smaller than 2^31 units, and what lies outside is cut by the viewer.
#[allow(clippy::cast_possible_truncation, reason = "a float cast saturates, NaN is 0")]
fn unit(points: f64) -> i32 {
    (points * UNITS).round() as i32
}

fn place((x, y): (f64, f64)) -> (i32, i32) {
    (unit(x), unit(y))
}

impl Canvas<'_> {
    /// A line through points.
    pub fn path(&mut self, points: impl IntoIterator<Item = (f64, f64)>, stroke: Stroke) {
        let points: Vec<(i32, i32)> = points.into_iter().map(place).collect();
        if points.len() > 1 {
            ignore(self.backend.draw_path(points, &shape(stroke)));
        }
    }

    /// A dashed line from one point to another.
    pub fn dashes(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke) {
        const DASH: f64 = 6.0;
        const GAP: f64 = 4.0;
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let at = |s: f64| {
            let share = (s / length).min(1.0);
            (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1))
        };
        let mut start = 0.0;
        while start < length {
            self.path([at(start), at(start + DASH)], stroke);
            start += DASH + GAP;
        }
    }

    /// A filled polygon.
    pub fn area(&mut self, points: impl IntoIterator<Item = (f64, f64)>, colour: Colour, opacity: f64) {
        let points: Vec<(i32, i32)> = points.into_iter().map(place).collect();
        ignore(self.backend.fill_polygon(points, &rgba(colour, opacity)));
    }

    /// A filled dot.
    pub fn dot(&mut self, centre: (f64, f64), radius: f64, colour: Colour) {
        ignore(self.backend.draw_circle(place(centre), unit(radius).unsigned_abs(), &colour.rgb(), true));
    }

    /// A text, centred in height on its point.
    pub fn text(&mut self, text: &str, at: (f64, f64), anchor: Anchor, font: Font) {
        let horizontal = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let style = if font.bold { FontStyle::Bold } else { FontStyle::Normal };
        let family = ("sans-serif", font.size * UNITS * FONT_SCALE, style).into_font();
        let colour = font.colour.rgb();
        let style = TextStyle::from(family).color(&colour).pos(Pos::new(horizontal, VPos::Center));
        // Control characters are not allowed in XML.
        let clean: String = text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
        ignore(self.backend.draw_text(&clean, &style, place(at)));
    }
}

fn shape(stroke: Stroke) -> ShapeStyle {
    let color = rgba(stroke.colour, stroke.opacity);
    ShapeStyle { color, filled: false, stroke_width: unit(stroke.width).unsigned_abs() }
}

fn rgba(colour: Colour, opacity: f64) -> RGBAColor {
    let RGBColor(r, g, b) = colour.rgb();
    RGBAColor(r, g, b, opacity)
}
