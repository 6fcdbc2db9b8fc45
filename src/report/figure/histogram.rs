//! How often values occur: bars over bins, with percentiles as marks.

use super::axis::{Axis, Frame, heading};
use super::canvas::{Anchor, Colour, Font, LABEL, Stroke, svg};
use super::{Figure, SIDES, WIDTH};

const HEIGHT: u32 = 280;

/// Counts between edges: one more edge than counts.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// Edges of the bins, growing.
    pub edges: Vec<f64>,
    /// Samples in each bin.
    pub counts: Vec<f64>,
    /// Values to mark, by what they are called.
    pub marks: Vec<(String, f64)>,
}

/// The figure; `None` when there is nothing in the bins.
pub fn histogram(name: &str, title: &str, subtitle: &str, axis: &str, h: &Histogram) -> Option<Figure> {
    let (first, last) = (h.edges.first().copied()?, h.edges.last().copied()?);
    let most = h.counts.iter().copied().filter(|c| c.is_finite()).fold(0.0, f64::max);
    if most <= 0.0 || h.edges.len() != h.counts.len() + 1 || last <= first {
        return None;
    }
    let pad = 0.02 * (last - first);
    let frame = Frame {
        edges: [SIDES.0, 84.0, SIDES.1, f64::from(HEIGHT) - 48.0],
        x: Axis::exact(first - pad, last + pad, 8),
        y: Axis::rounded(0.0, most, 4),
    };
    let drawn = svg(WIDTH, HEIGHT, title, |canvas| {
        heading(canvas, title, subtitle);
        frame.draw(canvas, true, &[]);
        frame.name_x(canvas, axis);
        frame.name_y(canvas, "samples");
        for (bin, count) in h.edges.windows(2).zip(&h.counts).filter(|(_, count)| **count > 0.0) {
            let (a, b) = (frame.at((bin[0], 0.0)), frame.at((bin[1], *count)));
            // A gap between bins, unless they are too narrow for one.
            let gap = if b.0 - a.0 > 4.0 { 0.6 } else { 0.0 };
            canvas.area([(a.0 + gap, a.1), (b.0 - gap, a.1), (b.0 - gap, b.1), (a.0 + gap, b.1)], Colour::Blue, 0.8);
        }
        let mut last = f64::NEG_INFINITY;
        for (what, value) in &h.marks {
            let x = frame.at((*value, 0.0)).0;
            if !(frame.edges[0]..=frame.edges[2]).contains(&x) {
                continue;
            }
            canvas.dashes((x, 84.0), (x, frame.edges[3]), Stroke::new(Colour::Orange, 1.4));
            if x - last > 26.0 {
                canvas.text(what, (x, 77.0), Anchor::Middle, Font { colour: Colour::Orange, bold: true, ..LABEL });
                last = x;
            }
        }
    });
    Some(Figure { name: name.into(), caption: String::new(), svg: drawn })
}
