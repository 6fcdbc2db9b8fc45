//! The page of a sweep, from its `summary.json`: a histogram for each column.

use std::path::Path;

use indexmap::IndexMap;
use serde::Deserialize;

use super::figure::{Figure, Histogram, histogram};
use super::page::{Card, Cell, Page, Table, short};
use super::read::{ReadError, json};

/// Columns that get a figure.
const MOST_FIGURES: usize = 24;
/// Rows of the table.
const MOST_ROWS: usize = 500;

/// What is needed of the file; more keys may stand in it.
#[derive(Debug, Deserialize)]
struct Sweep {
    #[serde(default)]
    scenario: Option<String>,
    #[serde(default)]
    samples: Option<u64>,
    #[serde(default)]
    seed: Option<u64>,
    /// Samples by how they ended.
    #[serde(default)]
    status: IndexMap<String, u64>,
    columns: IndexMap<String, Column>,
}

/// A column's distribution.
#[derive(Debug, Deserialize)]
struct Column {
    #[serde(default)]
    min: Option<f64>,
    #[serde(default)]
    mean: Option<f64>,
    #[serde(default)]
    max: Option<f64>,
    /// Edges of the bins; without them, they are equal from `min` to `max`.
    #[serde(default)]
    edges: Vec<f64>,
    /// Samples in each bin.
    #[serde(default, alias = "counts")]
    histogram: Vec<f64>,
    /// Values by what they are called, as in `p5`.
    #[serde(default)]
    percentiles: IndexMap<String, Option<f64>>,
}

/// The page and its figures.
pub(super) fn page(dir: &Path) -> Result<(String, Vec<Figure>), ReadError> {
    let sweep: Sweep = json(&dir.join("summary.json"))?;
    let figures: Vec<Figure> =
        sweep.columns.iter().filter_map(|(name, column)| figure(name, column)).take(MOST_FIGURES).collect();
    let title = sweep.scenario.as_ref().map_or("Sweep".to_owned(), |name| format!("Sweep of {name}"));
    let mut page = Page::new(&title, "How what was recorded is distributed over all samples.");
    let count = |n: Option<u64>| n.map_or("–".to_owned(), |n| n.to_string());
    let seed = sweep.seed.map(|seed| format!("seed {seed}")).unwrap_or_default();
    let ended: Vec<String> = sweep.status.iter().map(|(how, n)| format!("{} {n}", how.replace('_', " "))).collect();
    let solved = sweep.status.get("converged").copied().or(sweep.samples);
    page.cards(&[
        Card::new("Samples", count(sweep.samples), seed),
        Card::new("With a solution", count(solved), ended.join(", ")),
    ]);
    page.heading("Distributions");
    page.figures(&figures);
    page.table(&table(&sweep.columns), MOST_ROWS);
    Ok((page.finish("Beside this page: summary.json, every sample in its table, and each figure as SVG."), figures))
}

/// A file name of a column's name.
fn file_name(column: &str) -> String {
    let plain = column.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' });
    format!("histogram_{}", plain.collect::<String>())
}

fn figure(name: &str, column: &Column) -> Option<Figure> {
    let marks = column.percentiles.iter().filter_map(|(what, value)| Some((what.clone(), (*value)?))).collect();
    let h = Histogram { edges: edges(column), counts: column.histogram.clone(), marks };
    let numbers = [("lowest", column.min), ("mean", column.mean), ("highest", column.max)];
    let numbers: Vec<String> =
        numbers.into_iter().filter_map(|(what, x)| Some(format!("{what} {}", short(x?)))).collect();
    let figure = histogram(&file_name(name), name, &numbers.join(", "), name, &h)?;
    Some(Figure { caption: "How many samples fall into each bin; dashed lines are percentiles.".into(), ..figure })
}

#[allow(clippy::cast_precision_loss, reason = "a few dozen bins")]
fn edges(column: &Column) -> Vec<f64> {
    let bins = column.histogram.len();
    match column.min.zip(column.max) {
        _ if !column.edges.is_empty() => column.edges.clone(),
        // All samples are one value: a bin about it.
        Some((min, max)) if bins == 1 || max <= min => {
            let half = 0.5 * min.abs().max(1e-3) * 0.01;
            (0..=bins).map(|k| min - half + 2.0 * half * k as f64 / bins.max(1) as f64).collect()
        }
        Some((min, max)) => (0..=bins).map(|k| min + (max - min) * k as f64 / bins.max(1) as f64).collect(),
        None => Vec::new(),
    }
}

fn table(columns: &IndexMap<String, Column>) -> Table {
    let number = |x: Option<f64>| Cell::Number(x.map_or("–".into(), short));
    let row = |(name, c): (&String, &Column)| {
        let percentile = |what: &str| number(c.percentiles.get(what).copied().flatten());
        let name = Cell::Code(name.clone());
        vec![name, number(c.min), percentile("p5"), percentile("p50"), number(c.mean), percentile("p95"), number(c.max)]
    };
    let names = vec!["column", "lowest", "p5", "p50", "mean", "p95", "highest"];
    Table { columns: names, rows: columns.iter().map(row).collect() }
}
