//! Tests of the element models: against OpenDSS's numbers, frozen with their makers under `tests/data/element/`, and
//! against physics.

mod branches;
mod oracle;
mod physics;
mod refusals;

use serde::Deserialize;

use super::*;
use crate::feeder::Feeder;
use crate::quantity::{Complex, complex};

/// A file of frozen cases.
#[derive(Deserialize)]
struct Cases {
    provenance: String,
    cases: Vec<Case>,
}

/// One element, and what OpenDSS makes of it.
#[derive(Deserialize)]
struct Case {
    name: String,
    kind: String,
    element: String,
    #[serde(default)]
    f_hz: f64,
    feeder: Feeder,
    nodes: Vec<u16>,
    y_s: Vec<[f64; 2]>,
    #[serde(default)]
    emf_v: Vec<[f64; 2]>,
    /// The element's admittance rests on a difference of nearly equal numbers.
    #[serde(default)]
    loose: bool,
    #[serde(default)]
    multiplier: f64,
    /// Value of the shape that a storage system follows.
    #[serde(default)]
    shape: Option<f64>,
    #[serde(default)]
    points: Vec<Point>,
}

/// Voltages and currents (into the element) of its conductors.
#[derive(Deserialize)]
struct Point {
    v_v: Vec<[f64; 2]>,
    i_a: Vec<[f64; 2]>,
}

fn cases(text: &str) -> Vec<Case> {
    let file: Cases = serde_json::from_str(text).unwrap();
    assert!(file.provenance.starts_with("OpenDSS engine 0.14.5"));
    assert!(!file.cases.is_empty());
    file.cases
}

fn number([re, im]: [f64; 2]) -> Complex {
    complex(re, im)
}

/// Largest difference of two admittances, each entry relative to the diagonals of its row and column.
fn difference(ours: &Admittance, theirs: &[[f64; 2]]) -> f64 {
    let n = ours.n();
    assert_eq!(theirs.len(), n * n);
    let theirs = |i: usize, j: usize| number(theirs[i * n + j]);
    let entries = (0..n * n).map(|k| (k / n, k % n));
    entries.fold(0.0, |worst: f64, (i, j)| {
        let scale = (theirs(i, i).norm() * theirs(j, j).norm()).sqrt().max(theirs(i, j).norm());
        let difference = (ours.get(i, j) - theirs(i, j)).norm();
        worst.max(if difference == 0.0 { 0.0 } else { difference / scale })
    })
}
