//! The kit that every page is built from: shell, banner, verdicts, number cards, figures, tables.
//!
//! A page is one file without script or network; readable on a phone, by day and by night, and on paper.

use std::fmt::Write;

use super::escaped;
use super::figure::Figure;
use crate::bench::Verdict;

const STYLE: &str = include_str!("report.css");

/// A page as it grows.
#[derive(Clone, Debug)]
pub struct Page {
    html: String,
}

/// What a banner says before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// All well.
    Good,
    /// To be looked at.
    Warn,
    /// Something failed.
    Bad,
}

/// A number with its name and what is to be known beside it.
#[derive(Clone, Debug)]
pub struct Card {
    /// What it is.
    pub name: &'static str,
    /// The number with its unit.
    pub value: String,
    /// Where, when, how.
    pub note: String,
}

impl Card {
    /// A card.
    pub fn new(name: &'static str, value: impl Into<String>, note: impl Into<String>) -> Self {
        Self { name, value: value.into(), note: note.into() }
    }
}

/// A cell of a table.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A number: at the right.
    Number(String),
    /// Names and paths.
    Code(String),
    /// Passed or failed, by sign and word.
    Mark(bool),
    /// A link to a file beside the page.
    Link {
        /// What it says.
        text: String,
        /// The path, relative to the page.
        path: String,
    },
}

/// A table: names of columns, and rows of cells.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

impl Page {
    /// A page with its title and a sentence below it.
    pub fn new(title: &str, lead: &str) -> Self {
        let title = escaped(title);
        let dark = super::figure::one_line::dark_style();
        let html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>{title}</title>\n<style>\n{STYLE}{dark}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
             <p class=\"lead\">{}</p>\n",
            escaped(lead)
        );
        Self { html }
    }

    /// One line that says how it went.
    pub fn banner(&mut self, tone: Tone, head: &str, text: &str) {
        let class = match tone {
            Tone::Good => "verdict",
            Tone::Warn => "verdict warn",
            Tone::Bad => "verdict bad",
        };
        self.push(&format!("<p class=\"{class}\"><b>{}</b><span>{}</span></p>\n", escaped(head), escaped(text)));
    }

    /// What each expectation came to, under a banner for all; nothing without any. `clock` writes a time since the start.
    pub fn verdicts(&mut self, verdicts: &[Verdict], clock: &dyn Fn(f64) -> String) {
        if verdicts.is_empty() {
            return;
        }
        let (all, failed) = (verdicts.len(), verdicts.iter().filter(|v| !v.passed).count());
        match (failed, all) {
            (0, 1) => self.banner(Tone::Good, "✓ Passed", "The expectation holds."),
            (0, _) => self.banner(Tone::Good, "✓ Passed", &format!("All {all} expectations hold.")),
            (_, 1) => self.banner(Tone::Bad, "✗ Failed", "The expectation does not hold."),
            _ => self.banner(Tone::Bad, "✗ Failed", &format!("{failed} of {all} expectations do not hold.")),
        }
        self.push(
            "<div class=\"scroll\"><table class=\"verdicts\">\n<thead><tr><th class=\"n\">#</th><th>verdict</th>",
        );
        self.push("<th>expectation</th><th class=\"n\">measured</th><th class=\"n\">limit</th><th>worst point</th></tr></thead>\n<tbody>\n");
        for (k, verdict) in verdicts.iter().enumerate() {
            self.push(&verdict_row(k + 1, verdict, clock));
        }
        self.push("</tbody></table></div>\n");
    }

    /// Numbers in cards.
    pub fn cards(&mut self, cards: &[Card]) {
        self.push("<dl class=\"numbers\">\n");
        for Card { name, value, note } in cards {
            let (value, note) = (escaped(value), escaped(note));
            self.push(&format!("<div><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>\n"));
        }
        self.push("</dl>\n");
    }

    /// A heading.
    pub fn heading(&mut self, text: &str) {
        self.push(&format!("<h2>{}</h2>\n", escaped(text)));
    }

    /// Figures with their captions.
    pub fn figures(&mut self, figures: &[Figure]) {
        for Figure { caption, svg, .. } in figures {
            let caption = escaped(caption);
            self.push("<figure>\n<div class=\"wide\">");
            self.push(svg);
            self.push(&format!("</div>\n<figcaption>{caption}</figcaption>\n</figure>\n"));
        }
    }

    /// A table; of very many rows only the first `most` are shown.
    pub fn table(&mut self, table: &Table, most: usize) {
        let number = |k: usize| matches!(table.rows.first().and_then(|row| row.get(k)), Some(Cell::Number(_)));
        self.push("<div class=\"scroll\"><table>\n<thead><tr>");
        for (k, name) in table.columns.iter().enumerate() {
            self.push(&format!("<th{}>{name}</th>", if number(k) { " class=\"n\"" } else { "" }));
        }
        self.push("</tr></thead>\n<tbody>\n");
        for row in table.rows.iter().take(most) {
            self.push("<tr>");
            row.iter().for_each(|cell| self.push(&cell_html(cell)));
            self.push("</tr>\n");
        }
        self.push("</tbody></table></div>\n");
        if table.rows.len() > most {
            self.push(&format!("<p class=\"lead\">… and {} more.</p>\n", table.rows.len() - most));
        }
    }

    /// Names with values, one a line.
    pub fn definitions(&mut self, rows: &[(&str, Vec<Cell>)]) {
        self.push("<div class=\"scroll\"><table class=\"facts\">\n");
        for (name, cells) in rows {
            let cells: Vec<String> = cells.iter().map(content).collect();
            self.push(&format!("<tr><th>{name}</th><td>{}</td></tr>\n", cells.join("<br>")));
        }
        self.push("</table></div>\n");
    }

    /// The whole page; `beside` says which files lie beside it.
    pub fn finish(mut self, beside: &str) -> String {
        self.push(&format!("<footer>{}</footer>\n</main>\n</body>\n</html>\n", escaped(beside)));
        self.html
    }

    fn push(&mut self, html: &str) {
        self.html.push_str(html);
    }
}

fn content(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) | Cell::Number(text) => escaped(text),
        Cell::Code(text) => format!("<code>{}</code>", escaped(text)),
        Cell::Mark(passed) => mark(*passed).to_owned(),
        Cell::Link { text, path } => format!("<a href=\"{}\">{}</a>", escaped(&encoded(path)), escaped(text)),
    }
}

fn cell_html(cell: &Cell) -> String {
    let class = if matches!(cell, Cell::Number(_)) { " class=\"n\"" } else { "" };
    format!("<td{class}>{}</td>", content(cell))
}

const fn mark(passed: bool) -> &'static str {
    if passed { "<b class=\"mark\">✓ passed</b>" } else { "<b class=\"mark bad\">✗ failed</b>" }
}

/// A path as a URL (RFC 3986): everything but unreserved characters and `/` as percent and bytes.
fn encoded(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // A `String` takes whatever is written to it.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn verdict_row(number: usize, v: &Verdict, clock: &dyn Fn(f64) -> String) -> String {
    let unit = v.quantity.as_deref().map(unit_of).unwrap_or_default();
    let value = |x: Option<f64>| x.map_or("–".to_owned(), |x| format!("{} {unit}", short(x)).trim_end().to_owned());
    let place = v.place.as_deref().map(|p| format!("<code>{}</code> ", escaped(p))).unwrap_or_default();
    let when = v.at_s.map(|t| format!("at {}", escaped(&clock(t)))).unwrap_or_default();
    let quantity = v.quantity.as_deref().map(|q| format!("<code>{}</code>", escaped(q))).unwrap_or_default();
    let reason = if v.passed || v.reason.is_empty() { quantity } else { format!("{} {quantity}", escaped(&v.reason)) };
    let worst = if place.is_empty() && when.is_empty() { "–".to_owned() } else { format!("{place}{when}") };
    format!(
        "<tr><td class=\"n\">{number}</td><td>{}</td><td>{}<small>{reason}</small></td>\
         <td class=\"n\" data-name=\"measured\">{}</td><td class=\"n\" data-name=\"limit\">{}</td>\
         <td data-name=\"worst point\">{worst}</td></tr>\n",
        mark(v.passed),
        escaped(&v.expectation),
        escaped(&value(v.measured)),
        escaped(&value(v.limit)),
    )
}

/// The unit that a quantity's name ends in.
fn unit_of(quantity: &str) -> &str {
    let last = quantity.rsplit('.').find(|part| part.contains('_')).unwrap_or(quantity);
    match last.rsplit('_').next().unwrap_or_default() {
        "w" => "W",
        "var" => "var",
        "va" => "VA",
        "wh" => "Wh",
        "kw" => "kW",
        "kvar" => "kvar",
        "kwh" => "kWh",
        "v" => "V",
        "a" => "A",
        "hz" => "Hz",
        "s" => "s",
        "pu" => "pu",
        "deg" => "°",
        "percent" => "%",
        "nodes" => "nodes",
        _ => "",
    }
}

/// A number in six significant digits, trailing zeros left out.
pub fn short(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return if x == 0.0 { "0".into() } else { "–".into() };
    }
    let magnitude = x.abs().log10().floor();
    if !(-5.0..9.0).contains(&magnitude) {
        return format!("{x:.5e}");
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10")]
    let decimals = (5.0 - magnitude).max(0.0) as usize;
    let text = format!("{x:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 1.0, 0.951_234_567, 1_234_567.0, -0.000_123_4, 1e12, f64::NAN].map(short);
        assert_eq!(texts, ["0", "1", "0.951235", "1234567", "-0.0001234", "1.00000e12", "–"]);
    }

    #[test]
    fn units_are_the_end_of_a_name() {
        let units = ["632.1.v_pu", "source.p_w", "feeder.v_max_pu", "reg1.tap", "632.1.angle_deg", "run"].map(unit_of);
        assert_eq!(units, ["pu", "W", "pu", "", "°", ""]);
    }

    #[test]
    fn paths_become_urls() {
        assert_eq!(encoded("a b/ü#.html"), "a%20b/%C3%BC%23.html");
    }

    #[test]
    fn verdicts_are_told_by_sign_and_word() {
        let verdict = |passed| Verdict {
            expectation: "v < 1.05 & more".into(),
            passed,
            quantity: Some("feeder.v_max_pu".into()),
            measured: Some(1.0625),
            limit: Some(1.05),
            at_s: Some(60.0),
            place: Some("634.1".into()),
            reason: "it is too high".into(),
        };
        let mut page = Page::new("t", "");
        page.verdicts(&[], &|t| t.to_string());
        assert!(!page.html.contains("class=\"verdicts\""), "without expectations there is nothing to see");
        page.verdicts(&[verdict(true), verdict(false)], &|t| format!("{t} s"));
        for text in ["1 of 2 expectations do not hold", "✓ passed", "✗ failed", "1.0625 pu", "1.05 pu", "at 60 s"] {
            assert!(page.html.contains(text), "{text}");
        }
        assert!(page.html.contains("v &lt; 1.05 &amp; more"));
    }
}
