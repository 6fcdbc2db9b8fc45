//! What it takes to hold a bus at given voltages: the power that must be drawn at each of its nodes.
//!
//! Phasor-based control's question after a contingency: by how much must the resource at a node move so that its voltage
//! phasor is what it was? The nodes are given their voltages, the rest of the network is solved, and what current is then
//! left over at the nodes is what must be drawn there.

use super::equations::{Border, Equations};
use crate::quantity::Complex;
use crate::solver::PowerFlow;
use crate::solver::grid::NodeId;

/// Base power that scales the residuals; only their scale.
const BASE_VA: f64 = 1e6;

impl PowerFlow {
    /// Power, in VA by node, that must be drawn at some nodes beside what loads draw there, for their voltages to be the
    /// given ones (V to ground), everything else as it is; and voltages of all nodes then. `None` if there is no such
    /// solution near the present one, or a node is held by a source or de-energised.
    pub fn power_to_hold(&self, nodes: &[(NodeId, Complex)]) -> Option<(Vec<Complex>, Vec<Complex>)> {
        let held: Vec<u32> = nodes.iter().map(|(node, _)| node.0).collect();
        if held.iter().any(|&place| self.grid().network.fixed[place as usize]) {
            return None;
        }
        let mut equations = Equations::new(self, Vec::new(), &held, BASE_VA)?;
        let from: Vec<Complex> = nodes.iter().map(|(node, _)| self.voltage(*node)).collect();
        let mut x = equations.start();
        // In parts: a large change may leave the region in which Newton's method converges.
        const PARTS: u32 = 4;
        for part in 1..=PARTS {
            let share = f64::from(part) / f64::from(PARTS);
            for (&(node, to), from) in nodes.iter().zip(&from) {
                equations.give(node.0, from + (to - from) * share);
            }
            equations.correct(&mut x, Border::parameter(), 0.0)?;
        }
        let v = equations.voltages(&x);
        let current = equations.current(&v, &equations.branches(0.0));
        let power = |&(node, v): &(NodeId, Complex)| {
            let i = current[node.0 as usize];
            v * Complex::new(i[0][0], -i[1][0])
        };
        let voltages = v[..v.len() - 1].iter().map(|v| Complex::new(v[0][0], v[1][0]));
        Some((nodes.iter().map(power).collect(), voltages.collect()))
    }
}
