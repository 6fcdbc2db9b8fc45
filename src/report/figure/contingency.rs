//! The worst cases of a contingency screening: unserved power, worst loading and range of voltages, one row a case.

use super::axis::{Axis, Frame, heading};
use super::canvas::{Anchor, Canvas, Colour, Font, LABEL, Stroke, svg};
use super::{SIDES, WIDTH};
use crate::study::contingency::{Findings, Report};

/// Most cases shown.
const MOST: usize = 20;
/// Height of a row and of its bar in points.
const ROW: f64 = 21.0;
const BAR: f64 = 11.0;
/// Upper edge of the first row: the title, the panels' names and their tick labels are above.
const TOP: f64 = 84.0;
/// Where elements are named, and how many characters of a name have room.
const NAME_X: f64 = 44.0;
const LONGEST: usize = 25;
/// Left and right edge of each panel's bars, and where its numbers end.
const UNSERVED: [f64; 3] = [200.0, 318.0, 362.0];
const LOADING: [f64; 3] = [382.0, 500.0, 540.0];
const VOLTAGE: [f64; 3] = [560.0, 664.0, SIDES.1];
/// A voltage axis does not go below: what is less is written as a number.
const LEAST_PU: f64 = 0.8;

/// Draws the ranking as an SVG.
pub fn contingency(report: &Report) -> String {
    let rows: Vec<Row> = rows(report);
    let bottom = TOP + rows.len() as f64 * ROW;
    let title = format!("Worst contingencies of {}", report.feeder);
    let height = (bottom + 40.0).ceil() as u32;
    svg(WIDTH, height, &title, |canvas| {
        let hidden = report.cases.len().saturating_sub(MOST);
        let more = if hidden > 0 { format!(", the worst {MOST} of them") } else { String::new() };
        heading(canvas, &title, &format!("{} N-{} cases{more}; controls do not act", report.cases.len(), report.n));
        draw_names(canvas, &rows);
        draw_unserved(canvas, &rows, bottom);
        draw_loading(canvas, &rows, bottom);
        draw_voltage(canvas, &rows, bottom, report.limits_pu);
    })
}

/// A row: its rank (none for the base), its name, what it came to, and the height of its middle.
struct Row<'a> {
    rank: String,
    name: String,
    found: &'a Findings,
    y: f64,
}

fn rows(report: &Report) -> Vec<Row<'_>> {
    let base = (String::new(), "nothing lost".to_owned(), &report.base);
    let cases = report.cases.iter().take(MOST).map(|row| (row.rank.to_string(), shortened(&row.element), &row.found));
    let row = |(k, (rank, name, found)): (usize, (String, String, _))| Row {
        rank,
        name,
        found,
        y: TOP + (k as f64 + 0.5) * ROW,
    };
    std::iter::once(base).chain(cases).enumerate().map(row).collect()
}

/// A name with its middle left out where it is too long.
fn shortened(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    if characters.len() <= LONGEST {
        return name.to_owned();
    }
    let (head, tail) = (LONGEST / 2, LONGEST - LONGEST / 2 - 1);
    let part = |of: &[char]| of.iter().collect::<String>();
    format!("{}…{}", part(&characters[..head]), part(&characters[characters.len() - tail..]))
}

fn draw_names(canvas: &mut Canvas, rows: &[Row]) {
    for row in rows {
        let is_base = row.rank.is_empty();
        let colour = if is_base { Colour::Label } else { Colour::Ink };
        canvas.text(&row.rank, (NAME_X - 10.0, row.y), Anchor::End, LABEL);
        canvas.text(&row.name, (NAME_X, row.y), Anchor::Start, Font { colour, ..LABEL });
    }
    let line = TOP + ROW;
    canvas.path([(16.0, line), (SIDES.1, line)], Stroke::new(Colour::Label, 1.0).opacity(0.35));
}

/// A panel's frame with its name and grid.
fn panel(canvas: &mut Canvas, edges: [f64; 3], bottom: f64, x: Axis, name: &str) -> Frame {
    let y = Axis { from: 0.0, to: 1.0, ticks: Vec::new() };
    let frame = Frame { edges: [edges[0], TOP, edges[1], bottom], x, y };
    frame.draw(canvas, true, &[]);
    canvas.text(name, (edges[0], TOP - 14.0), Anchor::Start, Font { colour: Colour::Ink, bold: true, ..LABEL });
    frame
}

/// A bar between two values, cut where the axis ends.
fn bar(canvas: &mut Canvas, frame: &Frame, y: f64, [from, to]: [f64; 2], colour: Colour) {
    let [from, to] = [from, to].map(|x| frame.at((x.clamp(frame.x.from, frame.x.to), 0.0)).0);
    if to > from {
        let half = BAR / 2.0;
        canvas.area([(from, y - half), (to, y - half), (to, y + half), (from, y + half)], colour, 0.85);
    }
}

fn number(canvas: &mut Canvas, text: &str, x: f64, y: f64, beyond: bool) {
    let font = if beyond { Font { colour: Colour::Red, bold: true, ..LABEL } } else { LABEL };
    canvas.text(text, (x, y), Anchor::End, font);
}

fn limit(canvas: &mut Canvas, frame: &Frame, value: f64) {
    if frame.x.from < value && value < frame.x.to {
        let x = frame.at((value, 0.0)).0;
        canvas.dashes((x, frame.edges[1]), (x, frame.edges[3]), Stroke::new(Colour::Red, 1.2));
    }
}

fn draw_unserved(canvas: &mut Canvas, rows: &[Row], bottom: f64) {
    let most = rows.iter().map(|row| row.found.unserved_kw).fold(0.0, f64::max);
    let axis = Axis::rounded(0.0, if most > 0.0 { most } else { 1.0 }, 3);
    let frame = panel(canvas, UNSERVED, bottom, axis, "unserved, kW");
    for row in rows {
        let kw = row.found.unserved_kw;
        bar(canvas, &frame, row.y, [0.0, kw], Colour::Orange);
        let text = if most >= 1000.0 { format!("{kw:.0}") } else { format!("{kw:.1}") };
        number(canvas, if kw > 0.0 { &text } else { "–" }, UNSERVED[2], row.y, false);
    }
}

fn draw_loading(canvas: &mut Canvas, rows: &[Row], bottom: f64) {
    let most = rows.iter().filter_map(|row| row.found.max_loading_percent).fold(110.0, f64::max);
    let frame = panel(canvas, LOADING, bottom, Axis::rounded(0.0, most, 3), "worst loading, %");
    limit(canvas, &frame, 100.0);
    for row in rows {
        let Some(percent) = row.found.max_loading_percent else {
            number(canvas, "–", LOADING[2], row.y, false);
            continue;
        };
        bar(canvas, &frame, row.y, [0.0, percent.min(100.0)], Colour::Blue);
        bar(canvas, &frame, row.y, [100.0, percent], Colour::Red);
        number(canvas, &format!("{percent:.0}"), LOADING[2], row.y, percent > 100.0);
    }
}

fn draw_voltage(canvas: &mut Canvas, rows: &[Row], bottom: f64, [low, high]: [f64; 2]) {
    let lowest = rows.iter().filter_map(|row| row.found.min_v_pu).fold(low, f64::min);
    let highest = rows.iter().filter_map(|row| row.found.max_v_pu).fold(high, f64::max);
    let pad = 0.06 * (highest - lowest.max(LEAST_PU));
    let axis = Axis::exact((lowest - pad).max(LEAST_PU.min(low - pad)), highest + pad, 3);
    let frame = panel(canvas, VOLTAGE, bottom, axis, "voltage, pu");
    [low, high].into_iter().for_each(|value| limit(canvas, &frame, value));
    for row in rows {
        match (row.found.min_v_pu, row.found.max_v_pu) {
            (Some(min), Some(max)) => {
                bar(canvas, &frame, row.y, [min, max.min(low)], Colour::Red);
                bar(canvas, &frame, row.y, [min.max(low), max.min(high)], Colour::Green);
                bar(canvas, &frame, row.y, [min.max(high), max], Colour::Red);
                number(canvas, &format!("{min:.3}–{max:.3}"), VOLTAGE[2], row.y, min < low || max > high);
            }
            _ if row.found.status == "converged" => number(canvas, "all dead", VOLTAGE[2], row.y, false),
            _ => number(canvas, &row.found.status.replace('_', " "), VOLTAGE[2], row.y, true),
        }
    }
}
