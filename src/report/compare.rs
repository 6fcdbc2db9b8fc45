//! The page of a comparison, from its `compare.json`: which controller settles how soon, with what effort, at what cost.

use std::path::Path;

use super::figure::{self, Bar, Figure, bars};
use super::page::{Card, Cell, Page, Table, Tone, short};
use super::read::{ReadError, json};
use crate::study::compare::{Comparison, FORMAT, Response, Row};

/// Rows of a table.
const MOST_ROWS: usize = 500;

/// The page and its figures.
pub(super) fn page(dir: &Path) -> Result<(String, Vec<Figure>), ReadError> {
    let path = dir.join("compare.json");
    let all: Comparison = json(&path)?;
    if all.format != FORMAT {
        return Err(ReadError::Version { path, found: all.format, known: FORMAT });
    }
    let figures: Vec<Figure> = figure::errors(&all).into_iter().chain(bar_figures(&all)).collect();
    let mut page = Page::new(&format!("{} runs on {} compared", all.rows.len(), all.feeder), &lead(&all));
    let unsettled: Vec<&str> =
        all.rows.iter().filter(|row| row.settling_s.is_none()).map(|row| row.scenario.as_str()).collect();
    match (unsettled.len(), all.disturbances.len()) {
        (_, 0) => page.banner(Tone::Warn, "Undisturbed", "Nothing happens in these runs."),
        (0, _) => page.banner(Tone::Good, "Settled", "Every run settles after every disturbance."),
        _ => page.banner(Tone::Warn, "Not settled", &format!("After some disturbance: {}.", unsettled.join(", "))),
    }
    page.cards(&cards(&all));
    page.heading("How well");
    page.table(&quality(&all), MOST_ROWS);
    page.heading("At what cost");
    page.table(&costs(&all), MOST_ROWS);
    page.heading("Figures");
    page.figures(&figures);
    page.heading("Each disturbance");
    page.table(&each(&all), MOST_ROWS);
    let beside = "Beside this page: compare.json, each figure as SVG, and a folder for each run with its own report.";
    Ok((page.finish(beside), figures))
}

fn lead(all: &Comparison) -> String {
    let bands: Vec<String> =
        all.measures.iter().map(|own| format!("{} {} ({})", short(own.band), own.unit, own.name)).collect();
    let by = match &all.target {
        Some(target) => format!(
            "All are judged by node {} relative to {} and the targets of {} in {}",
            target.performance.join(", "),
            target.reference.join(", "),
            target.controller,
            target.scenario
        ),
        None => "Quantities are judged by the targets given".to_owned(),
    };
    let pairs = if all.measures.len() > 1 { " Pairs of numbers are in that order." } else { "" };
    format!("{by}. Settled: within {}, all phases, until the next disturbance.{pairs}", bands.join(" and "))
}

fn name(row: &Row) -> String {
    if row.laws.is_empty() { "no controller".to_owned() } else { row.laws.join(" + ") }
}

fn cards(all: &Comparison) -> Vec<Card> {
    let least = |name, value: fn(&Row) -> Option<f64>, unit: &str| {
        let known = all.rows.iter().filter_map(|row| Some((row, value(row)?)));
        match known.min_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((row, v)) => Card::new(name, format!("{} {unit}", short(round(v))), row.scenario.clone()),
            None => Card::new(name, "–", "none"),
        }
    };
    vec![
        least("Settles first", |row| row.settling_s, "s"),
        least("Least overshoot", |row| row.settling_s.and(overshoot(row)), "%"),
        least("Least effort that settles", |row| row.settling_s.map(|_| row.effort_kvah), "kVAh"),
        least("Lowest losses", |row| Some(row.losses_kwh), "kWh"),
    ]
}

/// Four significant digits.
fn round(x: f64) -> f64 {
    format!("{x:.3e}").parse().unwrap_or(x)
}

fn overshoot(row: &Row) -> Option<f64> {
    row.overshoot_percent.iter().flatten().copied().max_by(f64::total_cmp)
}

fn number(x: Option<f64>, decimals: usize) -> Cell {
    Cell::Number(x.map_or("–".into(), |x| format!("{x:.decimals$}")))
}

fn link(row: &Row) -> Cell {
    Cell::Link { text: row.scenario.clone(), path: format!("{}/report.html", row.scenario) }
}

/// How well each run keeps to the targets.
fn quality(all: &Comparison) -> Table {
    let row = |row: &Row| {
        let settled = match row.settling_s {
            _ if all.disturbances.is_empty() => Cell::Number("–".into()),
            Some(s) => number(Some(s), 1),
            None => Cell::Number("not".into()),
        };
        let overshoot = |x: &Option<f64>| x.map_or("–".into(), |x| format!("{x:.0}"));
        let overshoot: Vec<String> = row.overshoot_percent.iter().map(overshoot).collect();
        // What is left before the next disturbance comes, at worst.
        let left = |k: usize| {
            let all = row.responses.iter().filter_map(|of| of.get(k)?.last);
            all.max_by(f64::total_cmp).map_or("–".into(), error_in_words)
        };
        let left: Vec<String> = (0..all.measures.len()).map(left).collect();
        vec![
            link(row),
            Cell::Text(name(row)),
            settled,
            Cell::Number(overshoot.join(" / ")),
            Cell::Number(left.join(" / ")),
            number(row.saturated_s, 1),
        ]
    };
    let columns = vec!["run", "control", "settled, s", "overshoot, %", "left", "at limit, s"];
    Table { columns, rows: all.rows.iter().map(row).collect() }
}

fn voltages(row: &Row) -> String {
    row.v_min_pu.zip(row.v_max_pu).map_or("–".into(), |(low, high)| format!("{low:.4} to {high:.4}"))
}

/// What each run costs.
fn costs(all: &Comparison) -> Table {
    let row = |row: &Row| {
        vec![
            link(row),
            number(Some(row.effort_kvah), 2),
            number(Some(row.peak_kva), 0),
            number(Some(row.losses_kwh), 3),
            Cell::Number(row.tap_operations.to_string()),
            Cell::Number(voltages(row)),
        ]
    };
    let columns = vec!["run", "effort, kVAh", "peak, kVA", "losses, kWh", "taps", "voltages, pu"];
    Table { columns, rows: all.rows.iter().map(row).collect() }
}

/// An error in two digits; what is below any meaning is nothing.
fn error_in_words(x: f64) -> String {
    match x {
        x if x < 1e-12 => "0".into(),
        x if x < 1e-3 => format!("{x:.0e}"),
        x => short(format!("{x:.1e}").parse().unwrap_or(x)),
    }
}

fn each(all: &Comparison) -> Table {
    let joined = |responses: &[Response], value: &dyn Fn(&Response) -> Option<f64>| {
        let words = responses.iter().map(|one| value(one).map_or("–".into(), error_in_words));
        Cell::Number(words.collect::<Vec<String>>().join(" / "))
    };
    let percents = |responses: &[Response]| {
        let words = responses.iter().map(|one| one.overshoot_percent.map_or("–".into(), |x| format!("{x:.0}")));
        Cell::Number(words.collect::<Vec<String>>().join(" / "))
    };
    let mut rows = Vec::new();
    for (k, one) in all.disturbances.iter().enumerate() {
        for row in &all.rows {
            let Some(responses) = row.responses.get(k) else { continue };
            let settled: Option<Vec<f64>> = responses.iter().map(|one| one.settling_s).collect();
            let settled = settled.map(|all| all.into_iter().fold(0.0, f64::max));
            rows.push(vec![
                Cell::Number(format!("{} s", short(one.at_s))),
                Cell::Text(row.scenario.clone()),
                Cell::Number(settled.map_or("not".into(), |s| format!("{s:.1}"))),
                joined(responses, &|one| one.first),
                joined(responses, &|one| one.peak),
                percents(responses),
                joined(responses, &|one| one.last),
            ]);
        }
    }
    let columns = vec!["at", "run", "settled, s", "first error", "peak error", "overshoot, %", "last error"];
    Table { columns, rows }
}

type Quantity = (&'static str, &'static str, &'static str, fn(&Row) -> Option<f64>);

/// Name, title, axis and value of each figure of bars.
const QUANTITIES: [Quantity; 3] = [
    ("effort", "Effort of all devices", "apparent power over time, kVAh", |row| Some(row.effort_kvah)),
    ("losses", "Losses", "energy lost in lines and transformers, kWh", |row| Some(row.losses_kwh)),
    ("voltage", "Lowest voltage", "below nominal, %", |row| row.v_min_pu.map(|v| (100.0 * (1.0 - v)).max(0.0))),
];

fn bar_figures(all: &Comparison) -> Vec<Figure> {
    let of = |(name, title, axis, value): Quantity| {
        let shown: Vec<Bar> = all
            .rows
            .iter()
            .filter_map(|row| {
                let value = value(row)?;
                let note = match name {
                    "voltage" => format!("{:.4} pu", 1.0 - value / 100.0),
                    _ => short(round(value)),
                };
                Some(Bar { name: row.scenario.clone(), value, note, bad: false })
            })
            .collect();
        let mut figure =
            bars(&format!("compare_{name}"), title, "a bar for each run, in the order given", axis, &shown)?;
        figure.caption = match name {
            "effort" => "Apparent power of all devices, phase by phase, over time.".into(),
            "losses" => "Energy lost in lines, transformers and series reactors.".into(),
            _ => "Of all phase nodes at all steps.".into(),
        };
        Some(figure)
    };
    settling(all).into_iter().chain(QUANTITIES.into_iter().filter_map(of)).collect()
}

/// The longest settling of each run; one that does not settle is as long as its time, and red.
fn settling(all: &Comparison) -> Option<Figure> {
    let longest = all.disturbances.iter().map(|one| one.until_s - one.at_s).fold(f64::NAN, f64::max);
    let bar = |row: &Row| {
        let note = row.settling_s.map_or("not settled".into(), |s| format!("{s:.1} s"));
        Bar {
            name: row.scenario.clone(),
            value: row.settling_s.unwrap_or(longest),
            note,
            bad: row.settling_s.is_none(),
        }
    };
    if all.disturbances.is_empty() {
        return None;
    }
    let shown: Vec<Bar> = all.rows.iter().map(bar).collect();
    let subtitle = "the longest of all disturbances";
    let mut figure = bars("compare_settling", "Time to settle", subtitle, "time, s", &shown)?;
    figure.caption = "Red: after some disturbance it does not settle before the next one, or the end.".into();
    Some(figure)
}
