//! The table of `docs/validation.md`.

use std::path::Path;

use super::case::Quantity;
use super::measure::Measured;

const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->\n";
const HEAD: &str = "\
| case | from | nodes | voltage, pu | source power | losses | taps, capacitors | verdict |
|---|---|---|---|---|---|---|---|
";
/// Errors below this are rounding, which differs between machines.
const ROUNDING: f64 = 1e-8;
/// Above it, a committed number may be off by this factor.
const FACTOR: f64 = 1.5;

fn row(m: &Measured) -> String {
    let number = |quantity: Quantity| {
        let worst = m.errors.iter().find(|worst| worst.quantity == quantity);
        worst.map(|worst| format!("{:.1e}", worst.error))
    };
    let cell = |quantity| number(quantity).unwrap_or_else(|| "–".into());
    let voltage = match (number(Quantity::MagnitudePu), number(Quantity::AngleDeg)) {
        (Some(magnitude), Some(angle)) => format!("{magnitude}, {angle} °"),
        _ => cell(Quantity::VoltagePu),
    };
    let states = if m.differences.is_empty() { "equal" } else { "differ" };
    format!(
        "| {} (`{}`) | {} | {} | {voltage} | {} | {} | {states} | {} |\n",
        m.title,
        m.case,
        m.from,
        m.nodes,
        cell(Quantity::Source),
        cell(Quantity::Losses),
        m.verdict(),
    )
}

/// Checks the page's table against what was measured, or writes it when asked to.
pub fn keep(page: &Path, measured: &[Measured]) {
    let text = std::fs::read_to_string(page).expect("docs/validation.md");
    let (before, rest) = text.split_once(BEGIN).expect("where the table begins");
    let (committed, after) = rest.split_once(END).expect("where the table ends");
    let table = format!("{HEAD}{}", measured.iter().map(row).collect::<String>());
    if std::env::var_os("PHASORBENCH_BLESS").is_some() {
        std::fs::write(page, format!("{before}{BEGIN}{table}{END}{after}")).expect("docs/validation.md can be written");
    } else if !same(committed, &table) {
        panic!("docs/validation.md is stale: PHASORBENCH_BLESS=1 cargo test --test validation\n{table}");
    }
}

/// Whether two tables say the same, numbers near rounding and in the last digit aside.
fn same(a: &str, b: &str) -> bool {
    let near = |(a, b): (&str, &str)| match (a.trim_end_matches(',').parse::<f64>(), b.trim_end_matches(',').parse()) {
        (Ok(a), Ok(b)) => f64::max(a, b) <= ROUNDING || f64::max(a, b) <= FACTOR * f64::min(a, b),
        _ => a == b,
    };
    a.lines().count() == b.lines().count()
        && a.lines().zip(b.lines()).all(|(a, b)| {
            let (a, b): (Vec<_>, Vec<_>) = (a.split_whitespace().collect(), b.split_whitespace().collect());
            a.len() == b.len() && a.into_iter().zip(b).all(near)
        })
}

#[test]
fn a_stale_table_is_noticed() {
    assert!(same("| a | 2.0e-9 | agrees |\n", "| a | 7.0e-10 | agrees |\n"), "both are rounding");
    assert!(same("| a | 2.0e-4 | agrees |\n", "| a | 2.2e-4 | agrees |\n"), "near enough");
    assert!(!same("| a | 2.0e-4 | agrees |\n", "| a | 4.0e-4 | agrees |\n"));
    assert!(!same("| a | 2.0e-9 | agrees |\n", "| a | 2.0e-9 | DIFFERS |\n"));
    assert!(!same("| a | 2.0e-9 | agrees |\n", "| a | 2.0e-9 | agrees |\n| b | 1.0e-9 | agrees |\n"));
}
