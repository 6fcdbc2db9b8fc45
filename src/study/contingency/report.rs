//! The result of a screening as others read it: JSON and CSV.

use std::fmt::Write;

use schemars::JsonSchema;
use serde::Serialize;

use super::loss::LossKind;
use super::meter::Finding;
use super::rank::ranking;
use super::screen::Screening;
use crate::solver::{ElementId, Grid, Kind, NodeId, Status};

/// The result of a screening.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Name of the feeder, or of the scenario that the base is from.
    pub feeder: String,
    /// Time in ms from the files read to the cases ranked; of the last run only, where one was resumed.
    pub elapsed_ms: f64,
    /// Losses at once.
    pub n: u8,
    /// Lowest and highest good voltage, per unit.
    pub limits_pu: [f64; 2],
    /// With nothing lost.
    pub base: Findings,
    /// The cases, the worst first.
    pub cases: Vec<CaseRow>,
}

/// One case.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CaseRow {
    /// What is lost: `line.650632`, with ` + ` between two.
    pub element: String,
    /// What kind that is; of two, the first.
    pub kind: LossKind,
    /// What it comes to.
    #[serde(flatten)]
    pub found: Findings,
    /// Its place by severity, from 1.
    pub rank: usize,
}

/// What a case comes to. Voltages are over phase nodes that something feeds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Findings {
    /// `converged`, `not_converged` or `singular`.
    pub status: &'static str,
    /// Lowest voltage per unit; null without a solution, or when nothing is fed.
    pub min_v_pu: Option<f64>,
    /// The node where.
    pub min_v_node: Option<String>,
    /// Highest voltage per unit.
    pub max_v_pu: Option<f64>,
    /// The node where.
    pub max_v_node: Option<String>,
    /// Largest loading in percent; null without a solution, or when nothing has a rating.
    pub max_loading_percent: Option<f64>,
    /// The element loaded so.
    pub max_loading_element: Option<String>,
    /// Nominal power in kW of loads, or phases of loads, that nothing feeds.
    pub unserved_kw: f64,
    /// Phase nodes fed at a voltage outside the limits.
    pub violations: u32,
    /// Nodes that nothing feeds.
    pub de_energised_nodes: u32,
}

impl Report {
    /// Ranks what was found, case by case of the screening.
    pub fn new(feeder: &str, screening: &Screening, findings: &[Finding]) -> Self {
        let names = Names::new(screening.base().grid());
        let row = |(place, k): (usize, usize)| {
            let case = screening.cases()[k];
            let kind = case.losses(screening.losses()).next().map_or(LossKind::Line, |loss| loss.kind);
            let element = case.name(screening.losses());
            CaseRow { element, kind, found: names.findings(&findings[k]), rank: place + 1 }
        };
        let order = ranking(findings, screening.limits_pu());
        Self {
            feeder: feeder.to_owned(),
            elapsed_ms: 0.0,
            n: if screening.cases().iter().any(|case| case.second.is_some()) { 2 } else { 1 },
            limits_pu: screening.limits_pu(),
            base: names.findings(&screening.base_finding()),
            cases: order.into_iter().enumerate().map(row).collect(),
        }
    }

    /// One line a case, the worst first.
    pub fn csv(&self) -> String {
        let mut text = String::from(
            "rank,element,kind,status,min_v_pu,min_v_node,max_v_pu,max_v_node,max_loading_percent,max_loading_element,\
             unserved_kw,violations,de_energised_nodes\n",
        );
        for CaseRow { element, kind, found, rank } in &self.cases {
            let number = |x: Option<f64>| x.map_or(String::new(), |x| x.to_string());
            let name = |x: &Option<String>| x.as_deref().map_or(String::new(), field);
            let fields = [
                rank.to_string(),
                field(element),
                kind.word().to_owned(),
                found.status.to_owned(),
                number(found.min_v_pu),
                name(&found.min_v_node),
                number(found.max_v_pu),
                name(&found.max_v_node),
                number(found.max_loading_percent),
                name(&found.max_loading_element),
                found.unserved_kw.to_string(),
                found.violations.to_string(),
                found.de_energised_nodes.to_string(),
            ];
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{}", fields.join(","));
        }
        text
    }
}

/// A field of a CSV file (RFC 4180).
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// Names by their numbers.
struct Names<'a> {
    grid: &'a Grid,
    branches: Vec<String>,
}

impl<'a> Names<'a> {
    fn new(grid: &'a Grid) -> Self {
        let feeder = &grid.feeder;
        let lines = feeder.lines.keys().map(|name| (Kind::Line, "line", name));
        let transformers = feeder.transformers.keys().map(|name| (Kind::Transformer, "transformer", name));
        let reactors = feeder.reactors.keys().map(|name| (Kind::Reactor, "reactor", name));
        let mut branches = Vec::new();
        for (kind, class, name) in lines.chain(transformers).chain(reactors) {
            if let Some(id) = grid.element(kind, name) {
                let at = id.0 as usize;
                branches.resize(branches.len().max(at + 1), String::new());
                branches[at] = format!("{class}.{name}");
            }
        }
        Self { grid, branches }
    }

    fn findings(&self, finding: &Finding) -> Findings {
        let node = |at: Option<(f64, NodeId)>| at.map(|(_, node)| self.grid.name(node).to_owned());
        let branch = |at: Option<(f64, ElementId)>| at.and_then(|(_, id)| self.branches.get(id.0 as usize).cloned());
        Findings {
            status: match finding.status {
                Status::Converged => "converged",
                Status::NotConverged => "not_converged",
                Status::Singular => "singular",
            },
            min_v_pu: finding.min.map(|x| x.0),
            min_v_node: node(finding.min),
            max_v_pu: finding.max.map(|x| x.0),
            max_v_node: node(finding.max),
            max_loading_percent: finding.worst.map(|x| x.0),
            max_loading_element: branch(finding.worst),
            unserved_kw: finding.unserved_kw,
            violations: finding.violations,
            de_energised_nodes: finding.de_energised,
        }
    }
}
