//! The bus that a curve is read at: which of its nodes, and what its one voltage is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::nearest;
use crate::feeder::Terminal;
use crate::quantity::{Complex, angle_deg, complex};
use crate::solver::{Grid, NodeId, PowerFlow};

use super::PvError;

/// Nodes that are phases; a higher number is a neutral.
const PHASES: std::ops::RangeInclusive<u16> = 1..=3;

/// Nodes of one bus.
#[derive(Clone, Debug)]
pub struct Place {
    /// Name of the bus.
    pub bus: String,
    /// Nodes, in the order of their numbers unless written otherwise.
    pub nodes: Vec<NodeId>,
    /// Their numbers.
    pub numbers: Vec<u16>,
    /// Voltage base to ground in V.
    pub base_v: f64,
}

/// One voltage for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// To ground, of the only node.
    ToGround,
    /// From the first node to the second.
    LineToLine,
    /// √3 times the positive sequence of nodes 1, 2, 3; its angle is that of phase a.
    PositiveSequence,
}

impl Place {
    /// The nodes that a terminal names; without numbers, the energised phases of the bus.
    pub fn find(flow: &PowerFlow, at: &Terminal) -> Result<Self, PvError> {
        let grid = flow.grid();
        let bus = grid.buses.iter().find(|b| b.name == at.bus).ok_or_else(|| {
            let known = nearest(&at.bus, grid.buses.iter().map(|b| b.name.as_str()));
            PvError::UnknownBus { bus: at.bus.clone(), nearest: known.map(str::to_owned) }
        })?;
        let mut all: Vec<(u16, NodeId)> = bus.nodes.iter().map(|&id| (grid.nodes[id.0 as usize].number, id)).collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        let has = all.iter().map(|(number, _)| number.to_string()).collect::<Vec<_>>().join(", ");
        let chosen: Vec<(u16, NodeId)> = if at.nodes.is_empty() {
            let phases = all.iter().filter(|(number, _)| PHASES.contains(number));
            let fed: Vec<_> = phases.filter(|(_, id)| flow.energised(*id)).copied().collect();
            if fed.is_empty() { all.iter().filter(|(_, id)| flow.energised(*id)).copied().collect() } else { fed }
        } else {
            let find = |n: &u16| {
                let missing = || PvError::UnknownNode { bus: bus.name.clone(), node: *n, has: has.clone() };
                all.iter().find(|(number, _)| number == n).copied().ok_or_else(missing)
            };
            let mut chosen = at.nodes.iter().map(find).collect::<Result<Vec<_>, _>>()?;
            let mut seen = Vec::new();
            chosen.retain(|(number, _)| !seen.contains(number) && (seen.push(*number), true).1);
            chosen
        };
        let dead = chosen.iter().any(|(_, id)| !flow.energised(*id));
        if chosen.is_empty() || dead {
            return Err(PvError::Dead { bus: at.bus.clone(), outage: Vec::new() });
        }
        Ok(Self {
            bus: bus.name.clone(),
            nodes: chosen.iter().map(|(_, id)| *id).collect(),
            numbers: chosen.iter().map(|(number, _)| *number).collect(),
            base_v: bus.base_v,
        })
    }

    /// The terminal with its nodes written out.
    pub fn terminal(&self) -> Terminal {
        Terminal::new(self.bus.clone(), &self.numbers)
    }

    /// How its one voltage is read.
    pub fn reading(&self) -> Reading {
        match self.numbers.len() {
            1 => Reading::ToGround,
            _ if [1, 2, 3].iter().all(|n| self.numbers.contains(n)) => Reading::PositiveSequence,
            _ => Reading::LineToLine,
        }
    }

    /// The place's one voltage, of its nodes' (in their order).
    pub fn voltage(&self, of_nodes: &[Complex]) -> Complex {
        let of = |number: u16| {
            let index = self.numbers.iter().position(|n| *n == number).unwrap_or(0);
            of_nodes.get(index).copied().unwrap_or_default()
        };
        match self.reading() {
            Reading::ToGround => of_nodes.first().copied().unwrap_or_default(),
            Reading::LineToLine => of(self.numbers[0]) - of(self.numbers[1]),
            Reading::PositiveSequence => {
                let a = complex(-0.5, 0.75f64.sqrt());
                (of(1) + a * of(2) + a * a * of(3)) / 3f64.sqrt()
            }
        }
    }

    /// Base of that voltage in V.
    pub fn base_of_reading_v(&self) -> f64 {
        match self.reading() {
            Reading::ToGround => self.base_v,
            _ => self.base_v * 3f64.sqrt(),
        }
    }

    /// Names, magnitudes and angles of the nodes' voltages to ground.
    pub fn of_nodes(&self, grid: &Grid, of_nodes: &[Complex]) -> Vec<(String, f64, f64)> {
        let node = |(id, v): (&NodeId, &Complex)| (grid.name(*id).to_owned(), v.norm(), angle_deg(*v));
        self.nodes.iter().zip(of_nodes).map(node).collect()
    }
}
