//! What a harmonic study answers: voltages by order and node, distortion by node, and both as a table.

use std::fmt::Write;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::Complex;
use crate::solver::harmonic::Harmonics;
use crate::solver::{NodeId, PowerFlow};

/// Orders named in a line of the table.
const MOST_NAMED: usize = 4;

/// A voltage to ground at an order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderVoltage {
    /// Real part in V, RMS.
    pub re_v: f64,
    /// Imaginary part in V.
    pub im_v: f64,
}

impl OrderVoltage {
    fn of(v: Complex) -> Self {
        Self { re_v: v.re, im_v: v.im }
    }

    /// Magnitude in V.
    pub fn magnitude_v(&self) -> f64 {
        self.re_v.hypot(self.im_v)
    }
}

/// Harmonic voltages.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// By order (`1` is the power flow's, `5`, `2.5`), then by node (`bus.number`): voltage to ground. 0 where nothing
    /// feeds a node.
    pub orders: IndexMap<String, IndexMap<String, OrderVoltage>>,
    /// Total harmonic distortion of each node's voltage in percent of its fundamental: whole orders from 2 to 50.
    pub thd_percent: IndexMap<String, f64>,
}

/// An order as a key: as short as it reads back, rounded to nine decimals.
pub fn order_text(order: f64) -> String {
    format!("{}", (order * 1e9).round() / 1e9)
}

impl Answer {
    /// The answer of a solved study beside its power flow; without a study, the power flow's voltages alone.
    pub fn new(flow: &PowerFlow, study: Option<&Harmonics>) -> Self {
        let grid = flow.grid();
        let by_node = |voltage: &dyn Fn(NodeId) -> Complex| {
            grid.listing.iter().map(|&node| (grid.name(node).to_owned(), OrderVoltage::of(voltage(node)))).collect()
        };
        let mut orders = IndexMap::new();
        orders.insert(order_text(1.0), by_node(&|node| flow.voltage(node)));
        if let Some(study) = study {
            for (k, order) in study.orders().iter().enumerate() {
                orders.insert(order_text(*order), by_node(&|node| study.voltage(k, node)));
            }
        }
        let thd = |node: NodeId| study.map_or(0.0, |study| study.thd_percent(node));
        let thd_percent = grid.listing.iter().map(|&node| (grid.name(node).to_owned(), thd(node))).collect();
        Self { orders, thd_percent }
    }

    /// A table of at most `most` nodes, those of the largest distortion first.
    pub fn text(&self, feeder: &str, most: usize) -> String {
        let mut text = String::new();
        let harmonics: Vec<&str> = self.orders.keys().map(String::as_str).filter(|order| *order != "1").collect();
        let listed = if harmonics.is_empty() { "none but 1".to_owned() } else { harmonics.join(", ") };
        let _ = writeln!(text, "{feeder}: orders {listed}\n");
        let mut nodes: Vec<(&String, f64)> = self.thd_percent.iter().map(|(node, thd)| (node, *thd)).collect();
        nodes.sort_by(|a, b| b.1.total_cmp(&a.1));
        let width = nodes.iter().take(most).map(|(node, _)| node.len()).max().unwrap_or(0).max(4);
        let _ =
            writeln!(text, "{:width$} {:>12} {:>8}  largest orders, % of the fundamental", "node", "V1, V", "THD, %");
        for (node, thd) in nodes.iter().take(most) {
            let v1 = self.magnitude_v("1", node);
            let _ = writeln!(text, "{node:width$} {v1:12.2} {thd:8.3}  {}", self.largest(&harmonics, node, v1));
        }
        if nodes.len() > most {
            let _ = writeln!(text, "… and {} nodes with less (--all for all of them)", nodes.len() - most);
        }
        text
    }

    fn magnitude_v(&self, order: &str, node: &str) -> f64 {
        self.orders.get(order).and_then(|nodes| nodes.get(node)).map_or(0.0, OrderVoltage::magnitude_v)
    }

    fn largest(&self, harmonics: &[&str], node: &str, v1: f64) -> String {
        let percent = |order: &&str| (self.magnitude_v(order, node) / v1 * 100.0, (*order).to_owned());
        let mut all: Vec<(f64, String)> = harmonics.iter().map(percent).filter(|(p, _)| *p > 0.0005).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        let words: Vec<String> =
            all.iter().take(MOST_NAMED).map(|(percent, order)| format!("h{order} {percent:.3}")).collect();
        words.join("  ")
    }
}
