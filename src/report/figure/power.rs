//! Power of the sources over time.

use super::axis::{Axis, Frame, heading, legend};
use super::canvas::{Colour, Stroke, svg};
use super::series::{draw_line, range, thinned};
use super::{Figure, Run, SIDES, WIDTH, marks, time_axis};

const HEIGHT: u32 = 320;

/// Active and reactive power out of all sources, and losses.
pub fn power(run: &Run) -> Option<Figure> {
    let clock = run.row_clocks();
    let names = ["source.p_w", "source.q_var", "losses.p_w"];
    let columns: Vec<&[f64]> = names.iter().filter_map(|name| run.table.column(name)).collect();
    let (low, high) = range(columns.iter().copied().flatten());
    let (unit_w, unit) = if low.abs().max(high.abs()) >= 1e6 { (1e6, "MW, Mvar") } else { (1e3, "kW, kvar") };
    let (x, x_name) = time_axis(run);
    let frame = Frame {
        edges: [SIDES.0, 84.0, SIDES.1, f64::from(HEIGHT) - 48.0],
        x,
        y: Axis::rounded((low / unit_w).min(0.0), (high / unit_w).max(0.0), 5),
    };
    let colours = [Colour::Blue, Colour::Orange, Colour::Green];
    let title = "Power out of the source over time";
    let drawn = svg(WIDTH, HEIGHT, title, |canvas| {
        heading(canvas, title, "positive into the feeder");
        let entries: Vec<(&str, Colour)> = ["active", "reactive", "losses"].into_iter().zip(colours).collect();
        legend(canvas, SIDES.1, &entries);
        frame.draw(canvas, true, &[]);
        frame.name_x(canvas, x_name);
        frame.name_y(canvas, unit);
        marks::draw(canvas, &frame, &marks::marks(run), true);
        for (column, colour) in columns.iter().zip(colours) {
            let scaled: Vec<f64> = column.iter().map(|w| w / unit_w).collect();
            draw_line(canvas, &thinned(&clock, &scaled), false, Stroke::new(colour, 2.0), |p| frame.at(p));
        }
    });
    let caption = "Active and reactive power of all sources, and active losses of lines and transformers.";
    Some(Figure { name: "power".into(), caption: caption.into(), svg: drawn })
}
