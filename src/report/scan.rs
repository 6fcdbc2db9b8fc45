//! The page of a frequency scan, from its `scan.json`: the figure, and every resonance.

use std::path::Path;

use super::figure::{self, Figure};
use super::page::{Cell, Page, Table, short};
use super::read::{ReadError, json};
use crate::study::scan::{Answer, Kind, POSITIVE};

/// Most resonances that the page lists.
const MOST_ROWS: usize = 200;

/// The page and its figures.
pub(super) fn page(dir: &Path) -> Result<(String, Vec<Figure>), ReadError> {
    let answer: Answer = json(&dir.join("scan.json"))?;
    let figures = vec![figure::scan(&answer)];
    let title = format!("Impedance of {} in {}", answer.at, answer.feeder);
    let lead = "Driving-point impedance against frequency: sources at rest, loads with their admittance.";
    let mut page = Page::new(&title, lead);
    page.figures(&figures);
    page.heading("Resonances");
    page.table(&resonances(&answer), MOST_ROWS);
    Ok((page.finish("Beside this page: scan.json and scan.csv (every point), and the figure as SVG."), figures))
}

fn resonances(answer: &Answer) -> Table {
    let mut rows = Vec::new();
    for (name, curve) in &answer.curves {
        for r in &curve.resonances {
            rows.push(vec![
                Cell::Text(if name == POSITIVE { "positive sequence".to_owned() } else { name.clone() }),
                Cell::Text(if r.kind == Kind::Parallel { "parallel" } else { "series" }.to_owned()),
                Cell::Number(short(r.f_hz)),
                Cell::Number(format!("{:.2}", r.order)),
                Cell::Number(short(r.z_ohm)),
                Cell::Number(r.quality.map_or("–".to_owned(), |q| format!("{q:.1}"))),
            ]);
        }
    }
    Table { columns: vec!["of", "resonance", "frequency, Hz", "order", "impedance, ohm", "quality"], rows }
}
