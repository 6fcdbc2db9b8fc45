//! The table of `phasorbench contingency`.

use phasorbench::study::contingency::{CaseRow, Findings, Report};

/// How many cases are printed unless all are wanted.
const MOST: usize = 20;

/// The worst cases, one a line, below the base; what they come to in a line above.
pub fn table(report: &Report, all: bool) -> String {
    let shown = if all { report.cases.len() } else { report.cases.len().min(MOST) };
    let rows = &report.cases[..shown];
    let widest = rows.iter().map(|row| row.element.chars().count()).max().unwrap_or(0).clamp("element".len(), 48);
    let header = format!(
        "{:>4}  {:widest$}  {:>13}  {:>8}  {:>8}  {:>9}  {:>11}  {:>5}\n",
        "rank", "element", "status", "min pu", "max pu", "loading %", "unserved kW", "viol."
    );
    let mut text = head(report) + &header + &line("", "nothing lost", &report.base, widest);
    text.extend(rows.iter().map(|row| line(&row.rank.to_string(), &row.element, &row.found, widest)));
    if shown < report.cases.len() {
        text += &format!("      … and {} more: --all, --csv FILE or --out DIR\n", report.cases.len() - shown);
    }
    text
}

fn head(report: &Report) -> String {
    let count = |test: fn(&CaseRow) -> bool| report.cases.iter().filter(|row| test(row)).count();
    let unsolved = count(|row| row.found.status != "converged");
    let unserved = count(|row| row.found.unserved_kw > 0.0);
    let overloaded = count(|row| row.found.max_loading_percent.is_some_and(|percent| percent > 100.0));
    let outside = count(|row| row.found.violations > 0);
    let [low, high] = report.limits_pu;
    format!(
        "{}: {} N-{} cases in {:.0} ms: {unsolved} without a solution, {unserved} leave load unserved, {overloaded} \
         overload something, {outside} have voltages outside {low} to {high} pu\n\n",
        report.feeder,
        report.cases.len(),
        report.n,
        report.elapsed_ms
    )
}

fn line(rank: &str, element: &str, found: &Findings, widest: usize) -> String {
    let pu = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.4}"));
    let percent = found.max_loading_percent.map_or("-".to_owned(), |x| format!("{x:.1}"));
    let status = found.status.replace('_', " ");
    let (min, max) = (pu(found.min_v_pu), pu(found.max_v_pu));
    let (unserved, violations) = (found.unserved_kw, found.violations);
    format!(
        "{rank:>4}  {element:widest$}  {status:>13}  {min:>8}  {max:>8}  {percent:>9}  {unserved:>11.1}  {violations:>5}\n"
    )
}
