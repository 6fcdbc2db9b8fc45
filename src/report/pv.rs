//! The page of P–V curves, from their `pv.json`: the figures, and where each curve has its nose.

use std::path::Path;

use super::figure::{self, Figure};
use super::page::{Cell, Page, Table, short};
use super::read::{ReadError, json};
use crate::study::pv::{Answer, PvCurve};

/// The page and its figures.
pub(super) fn page(dir: &Path) -> Result<(String, Vec<Figure>), ReadError> {
    let answer: Answer = json(&dir.join("pv.json"))?;
    let figures: Vec<Figure> = std::iter::once(figure::pv(&answer)).chain(figure::qv(&answer)).collect();
    let title = format!("P–V curves at {} of {}", answer.at, answer.feeder);
    let mut page = Page::new(&title, "Voltage over power, past the point of most power (the nose).");
    page.figures(&figures);
    page.heading("Noses");
    let before = [("all in service".to_owned(), &answer.curve)];
    let after = answer.post.iter().map(|post| (format!("without {}", post.outage.join(", ")), &post.curve));
    let curves: Vec<(String, &PvCurve)> = before.into_iter().chain(after).collect();
    page.table(&noses(&curves), curves.len());
    Ok((page.finish("Beside this page: pv.json and pv.csv (every point), and each figure as SVG."), figures))
}

fn noses(curves: &[(String, &PvCurve)]) -> Table {
    let row = |(name, curve): &(String, &PvCurve)| {
        vec![
            Cell::Text(name.clone()),
            Cell::Number(short(curve.nose.p_w / 1000.0)),
            Cell::Number(short(curve.nose.v_v)),
            Cell::Number(short(curve.nose.angle_deg)),
            Cell::Number(curve.points.len().to_string()),
        ]
    };
    let columns = vec!["curve", "most power, kW", "voltage there, V", "angle there, °", "points"];
    Table { columns, rows: curves.iter().map(row).collect() }
}
