//! Horizontal bars, longest first: a ranking.

use super::axis::{Axis, Frame, heading, text_width};
use super::canvas::{Anchor, Colour, Font, LABEL, Stroke, svg};
use super::{Figure, WIDTH};

const ROW: f64 = 20.0;
const TOP: f64 = 84.0;

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What it stands for.
    pub name: String,
    /// Its length, in the axis's unit.
    pub value: f64,
    /// What stands at its end.
    pub note: String,
    /// Whether it is beyond what is allowed.
    pub bad: bool,
}

/// A figure of bars; `None` when there are none. `axis` names the values with their unit.
pub fn bars(name: &str, title: &str, subtitle: &str, axis: &str, bars: &[Bar]) -> Option<Figure> {
    let longest = bars.iter().map(|b| b.value).filter(|v| v.is_finite()).fold(f64::NAN, f64::max);
    if longest.is_nan() {
        return None;
    }
    #[allow(clippy::cast_precision_loss, reason = "a few dozen bars")]
    let bottom = TOP + bars.len() as f64 * ROW;
    let names = bars.iter().map(|b| text_width(&b.name, LABEL.size)).fold(40.0, f64::max).min(220.0);
    let notes = bars.iter().map(|b| text_width(&b.note, LABEL.size)).fold(0.0, f64::max).min(200.0);
    let frame = Frame {
        edges: [16.0 + names + 10.0, TOP, f64::from(WIDTH) - 24.0 - notes, bottom],
        x: Axis::rounded(0.0, longest.max(1e-9), 6),
        y: Axis { from: 0.0, to: 1.0, ticks: Vec::new() },
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred points")]
    let height = (bottom + 48.0) as u32;
    let drawn = svg(WIDTH, height, title, |canvas| {
        heading(canvas, title, subtitle);
        frame.draw(canvas, true, &[]);
        frame.name_x(canvas, axis);
        let mut y = TOP;
        for bar in bars {
            let (x0, x1) = (frame.at((0.0, 0.0)).0, frame.at((bar.value.max(0.0), 0.0)).0);
            let colour = if bar.bad { Colour::Red } else { Colour::Blue };
            if bar.value.is_finite() {
                let (top, foot) = (y + 4.0, y + ROW - 4.0);
                canvas.area([(x0, top), (x1.max(x0 + 1.0), top), (x1.max(x0 + 1.0), foot), (x0, foot)], colour, 0.85);
            }
            let middle = y + ROW / 2.0;
            canvas.text(
                &clipped(&bar.name, names),
                (x0 - 8.0, middle),
                Anchor::End,
                Font { colour: Colour::Ink, ..LABEL },
            );
            canvas.text(&bar.note, (x1 + 7.0, middle), Anchor::Start, LABEL);
            y += ROW;
        }
        let x0 = frame.at((0.0, 0.0)).0;
        canvas.path([(x0, TOP), (x0, bottom)], Stroke::new(Colour::Label, 1.0).opacity(0.6));
    });
    Some(Figure { name: name.into(), caption: String::new(), svg: drawn })
}

/// A name that fits, its end left out where it does not.
fn clipped(name: &str, width: f64) -> String {
    let count = name.chars().count();
    let fits = (1..=count).rev().find(|n| text_width(&"x".repeat(*n), LABEL.size) <= width).unwrap_or(1);
    if fits >= count { name.to_owned() } else { name.chars().take(fits.saturating_sub(1)).chain(['…']).collect() }
}
