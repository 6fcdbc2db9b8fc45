//! What a sample comes to, as columns.

use super::sheet::{Column, Kind};
use crate::scenario::Plan;

/// How a sample ended: place in [`STATUS`].
pub(super) const CONVERGED: f64 = 0.0;
pub(super) const NOT_CONVERGED: f64 = 1.0;
pub(super) const REFUSED: f64 = 2.0;

/// Texts of the column `status`.
pub const STATUS: [&str; 3] = ["converged", "not_converged", "refused"];

/// Name of the column that says how a sample ended.
pub const STATUS_COLUMN: &str = "status";

/// Columns of one solution, after those of the variables.
pub(super) fn snapshot_columns() -> Vec<Column> {
    with_status(&[
        ("iterations", Kind::Count),
        ("v_min_pu", Kind::Number),
        ("v_mean_pu", Kind::Number),
        ("v_max_pu", Kind::Number),
        ("nodes_out_of_limits", Kind::Count),
        ("nodes_de_energised", Kind::Count),
        ("losses_kw", Kind::Number),
        ("source_kw", Kind::Number),
        ("source_kvar", Kind::Number),
    ])
}

/// Columns of a run over time, after those of the variables: the last say of each expectation with a name of its own
/// whether it held.
pub(super) fn run_columns(plan: &Plan) -> Vec<Column> {
    let mut columns = with_status(&[
        ("steps_not_converged", Kind::Count),
        ("iterations", Kind::Count),
        ("v_min_pu", Kind::Number),
        ("v_mean_pu", Kind::Number),
        ("v_max_pu", Kind::Number),
        ("out_of_limits_percent", Kind::Number),
        ("nodes_de_energised_max", Kind::Count),
        ("source_kwh", Kind::Number),
        ("losses_kwh", Kind::Number),
        ("source_peak_kw", Kind::Number),
        ("tap_operations", Kind::Count),
        ("capacitor_operations", Kind::Count),
        ("expectations_failed", Kind::Count),
    ]);
    columns.extend(named(plan).map(|name| Column::new(format!("held.{name}"), Kind::Count)));
    columns
}

/// Names that somebody gave to expectations: a word each, where one that is told in words has several.
pub(super) fn named(plan: &Plan) -> impl Iterator<Item = &str> {
    let word = |name: &&str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
    plan.expectations.iter().map(|own| own.name.as_str()).filter(word)
}

fn with_status(rest: &[(&str, Kind)]) -> Vec<Column> {
    let status = Column::new(STATUS_COLUMN, Kind::Text(STATUS.map(str::to_owned).to_vec()));
    let rest = rest.iter().map(|(name, kind)| Column::new(*name, kind.clone()));
    std::iter::once(status).chain(rest).collect()
}
