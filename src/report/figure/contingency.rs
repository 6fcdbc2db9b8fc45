//! The worst cases of a contingency screening.

use super::canvas::svg;
use crate::study::contingency::Report;

/// Draws the ranking as an SVG.
pub fn contingency(report: &Report) -> String {
    svg(super::WIDTH, 400, &format!("Contingencies of {}", report.feeder), |_| {})
}
