//! The page of a contingency screening, from its `contingency.json`.

use std::path::Path;

use serde::Deserialize;

use super::figure::{Bar, Figure, bars};
use super::page::{Card, Cell, Page, Table, Tone, short};
use super::read::{ReadError, json};

/// Bars of a figure.
const MOST_BARS: usize = 20;
/// Rows of the table.
const MOST_ROWS: usize = 500;

/// What is needed of the file; more keys may stand in it.
#[derive(Debug, Deserialize)]
struct Screening {
    feeder: String,
    #[serde(default)]
    elapsed_ms: Option<f64>,
    /// Lowest and highest good voltage.
    #[serde(default)]
    limits_pu: Option<[f64; 2]>,
    cases: Vec<Case>,
}

/// A case.
#[derive(Debug, Deserialize)]
struct Case {
    element: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    min_v_pu: Option<f64>,
    #[serde(default)]
    max_v_pu: Option<f64>,
    #[serde(default)]
    max_loading_percent: Option<f64>,
    #[serde(default)]
    unserved_kw: Option<f64>,
    #[serde(default)]
    rank: Option<u64>,
}

/// The page and its figures.
pub(super) fn page(dir: &Path) -> Result<(String, Vec<Figure>), ReadError> {
    let mut screening: Screening = json(&dir.join("contingency.json"))?;
    // Stable: cases without a rank stay behind the others, in the file's order.
    screening.cases.sort_by_key(|case| case.rank.unwrap_or(u64::MAX));
    let figures = figures(&screening);
    let cases = &screening.cases;
    let mut page = Page::new(
        &format!("Contingencies of {}", screening.feeder),
        &format!("{} cases, each with elements out of service, ranked by what they do.", cases.len()),
    );
    let failed = cases.iter().filter(|case| !solved(case)).count();
    match failed {
        0 => page.banner(Tone::Good, "Solved", "Every case has a solution."),
        _ => page.banner(Tone::Bad, "No solution", &format!("{failed} of {} cases have none.", cases.len())),
    }
    page.cards(&cards(&screening));
    page.heading("Ranking");
    page.figures(&figures);
    page.table(&table(cases), MOST_ROWS);
    Ok((page.finish("Beside this page: contingency.json (every case) and each figure as SVG."), figures))
}

fn solved(case: &Case) -> bool {
    !matches!(case.status.as_str(), "not_converged" | "diverged" | "failed" | "singular")
}

type Quantity = (&'static str, &'static str, &'static str, fn(&Case) -> Option<f64>);

/// Name, title, axis and value of each figure.
const QUANTITIES: [Quantity; 3] = [
    ("unserved", "Load without supply", "load without supply, kW", |case| case.unserved_kw),
    ("loading", "Highest loading", "loading, % of the ampacity", |case| case.max_loading_percent),
    ("voltage", "Lowest voltage", "below nominal, %", |case| case.min_v_pu.map(|v| 100.0 * (1.0 - v))),
];

fn figures(screening: &Screening) -> Vec<Figure> {
    let lowest_pu = screening.limits_pu.map_or(0.95, |limits| limits[0]);
    let figure = |(name, title, axis, value): Quantity| {
        let mut cases: Vec<(&Case, f64)> =
            screening.cases.iter().filter_map(|case| Some((case, value(case)?))).filter(|(_, v)| *v > 1e-9).collect();
        cases.sort_by(|a, b| b.1.total_cmp(&a.1));
        let shown: Vec<Bar> = cases
            .iter()
            .take(MOST_BARS)
            .map(|(case, v)| {
                let bad = match name {
                    "loading" => *v > 100.0,
                    "voltage" => 1.0 - v / 100.0 < lowest_pu,
                    _ => true,
                };
                let note = if name == "voltage" {
                    format!("{:.4} pu", 1.0 - v / 100.0)
                } else {
                    short((*v * 10.0).round() / 10.0)
                };
                Bar { name: case.element.clone(), value: *v, note, bad }
            })
            .collect();
        let subtitle = format!("the {} worst of {} cases", shown.len(), screening.cases.len());
        let mut figure = bars(&format!("contingency_{name}"), title, &subtitle, axis, &shown)?;
        figure.caption = match name {
            "loading" => "A bar for each case; red is beyond the ampacity.".into(),
            "voltage" => format!("A bar for each case; red is below {lowest_pu} pu."),
            _ => "A bar for each case: nominal load of all buses that nothing feeds any more.".into(),
        };
        Some(figure)
    };
    QUANTITIES.into_iter().filter_map(figure).collect()
}

fn cards(screening: &Screening) -> Vec<Card> {
    let cases = &screening.cases;
    let worst = |name, value: fn(&Case) -> Option<f64>, low: bool, unit: &str| {
        let side = |v: f64| if low { -v } else { v };
        let known = cases.iter().filter_map(|case| Some((case, value(case).filter(|v| v.is_finite())?)));
        match known.max_by(|a, b| side(a.1).total_cmp(&side(b.1))) {
            Some((case, v)) => Card::new(name, format!("{} {unit}", short(v)), format!("without {}", case.element)),
            None => Card::new(name, "–", ""),
        }
    };
    let time =
        screening.elapsed_ms.map_or("–".to_owned(), |ms| format!("{} ms", short((ms * 100.0).round() / 100.0)));
    vec![
        Card::new("Cases", cases.len().to_string(), format!("in {time}")),
        worst("Lowest voltage", |case| case.min_v_pu, true, "pu"),
        worst("Highest voltage", |case| case.max_v_pu, false, "pu"),
        worst("Highest loading", |case| case.max_loading_percent, false, "%"),
        worst("Most load without supply", |case| case.unserved_kw, false, "kW"),
    ]
}

fn table(cases: &[Case]) -> Table {
    let number = |x: Option<f64>, decimals: usize| Cell::Number(x.map_or("–".into(), |x| format!("{x:.decimals$}")));
    let row = |(k, case): (usize, &Case)| {
        let rank = case.rank.map_or((k + 1).to_string(), |rank| rank.to_string());
        vec![
            Cell::Number(rank),
            Cell::Code(case.element.clone()),
            Cell::Text(case.status.replace('_', " ")),
            number(case.min_v_pu, 4),
            number(case.max_v_pu, 4),
            number(case.max_loading_percent, 1),
            number(case.unserved_kw, 1),
        ]
    };
    let columns = vec!["rank", "out of service", "status", "lowest, pu", "highest, pu", "loading, %", "unserved, kW"];
    Table { columns, rows: cases.iter().enumerate().map(row).collect() }
}
