//! Voltage limits in figures: a line and its value for each, and a tint beyond.

use super::axis::Frame;
use super::canvas::{Anchor, Canvas, Colour, Font, LABEL, Stroke};

/// Draws what of the limits lies inside the frame.
pub fn draw(canvas: &mut Canvas, frame: &Frame, [low, high]: [f64; 2]) {
    let (bottom, top) = (frame.y.from, frame.y.to);
    for (limit, end) in [(low, bottom), (high, top)] {
        if !(bottom < limit && limit < top) {
            continue;
        }
        let (from, to) = (frame.x.from, frame.x.to);
        let corners = [(from, limit), (to, limit), (to, end), (from, end)].map(|p| frame.at(p));
        canvas.area(corners, Colour::Red, 0.07);
        let (left, right) = (frame.at((from, limit)), frame.at((to, limit)));
        canvas.dashes(left, right, Stroke::new(Colour::Red, 1.2));
        let outwards = if end < limit { 10.0 } else { -10.0 };
        let font = Font { colour: Colour::Red, ..LABEL };
        canvas.text(&format!("limit {limit}"), (right.0 - 6.0, right.1 + outwards), Anchor::End, font);
    }
}
