//! The waveform of the first window and around events, a panel each.

use super::super::axis::{Axis, Frame, heading, legend};
use super::super::canvas::{Canvas, Colour, Stroke, svg};
use super::super::series::{draw_line, range};
use super::super::{Figure, SIDES, WIDTH, panel_title};
use super::{colour, of};
use crate::study::monitor::{Excerpt, Summary};

const PANEL: f64 = 120.0;
const GAP: f64 = 46.0;
/// Most panels.
const MOST: usize = 7;

/// A panel for each piece; of voltages, or of currents where there are no voltages.
pub fn waveform(summary: &Summary) -> Option<Figure> {
    let letter = if of(summary, "u").next().is_some() { "u" } else { "i" };
    let channels: Vec<(usize, &str)> = of(summary, letter).collect();
    let pieces: Vec<&Excerpt> = summary.excerpts.iter().take(MOST).collect();
    if pieces.is_empty() || channels.is_empty() {
        return None;
    }
    let top = |k: usize| 84.0 + k as f64 * (PANEL + GAP);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred points")]
    let height = (top(pieces.len() - 1) + PANEL + 48.0) as u32;
    let title = "Waveform";
    let unit = if letter == "u" { "V" } else { "A" };
    let drawn = svg(WIDTH, height, title, |canvas| {
        heading(canvas, title, &format!("in {unit}; the dashed line is where the event was noticed"));
        let names: Vec<(&str, Colour)> = channels.iter().map(|(_, name)| (*name, colour(name))).collect();
        legend(canvas, SIDES.1, &names);
        for (k, piece) in pieces.iter().enumerate() {
            panel(canvas, piece, top(k), &channels, k + 1 == pieces.len());
        }
    });
    let more = summary.event_count.saturating_sub(pieces.len() as u64 - 1);
    let caption = match more {
        0 => "The first window, and what was around each event.".to_owned(),
        more => format!("The first window, and what was around the first events; {more} more are in the table."),
    };
    Some(Figure { name: "waveform".into(), caption, svg: drawn })
}

fn panel(canvas: &mut Canvas, piece: &Excerpt, top: f64, channels: &[(usize, &str)], last: bool) {
    let lines: Vec<(Colour, Vec<(f64, f64)>)> = channels
        .iter()
        .filter_map(|(k, name)| {
            let at = |n: usize| piece.start_s + n as f64 * piece.step_s;
            let points = piece.channels.get(*k)?.iter().enumerate();
            Some((colour(name), points.map(|(n, v)| (at(n), v.map_or(f64::NAN, f64::from))).collect()))
        })
        .collect();
    let (low, high) = range(lines.iter().flat_map(|(_, line)| line).map(|p| &p.1));
    let most = low.abs().max(high.abs()).max(1e-6);
    let longest = lines.iter().map(|(_, line)| line.len()).max().unwrap_or(0);
    let frame = Frame {
        edges: [SIDES.0, top, SIDES.1, top + PANEL],
        x: Axis::exact(piece.start_s, piece.start_s + longest.max(1) as f64 * piece.step_s, 8),
        y: Axis::exact(-1.1 * most, 1.1 * most, 4),
    };
    frame.draw(canvas, true, &[]);
    if last {
        frame.name_x(canvas, "time from the start, s");
    }
    let title =
        if piece.of == "first window" { piece.of.clone() } else { format!("{} at {:.3} s", piece.of, piece.at_s) };
    panel_title(canvas, &title, (SIDES.0, top - 12.0));
    if piece.of != "first window" {
        let x = frame.at((piece.at_s, 0.0)).0;
        canvas.dashes((x, top), (x, top + PANEL), Stroke::new(Colour::Label, 1.0));
    }
    for (colour, line) in &lines {
        draw_line(canvas, line, false, Stroke::new(*colour, 1.1), |p| frame.at(p));
    }
}
