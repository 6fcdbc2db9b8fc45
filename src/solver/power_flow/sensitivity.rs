//! What a small change does, from the factors: voltage sensitivities and Thévenin impedances.
//!
//! At a solution the network answers to a small current ΔI with K·ΔV = ΔI, loads following their voltage as linearised
//! there. A small power ΔS injected at voltage V is the current conj(ΔS/V). Both allocate; they are not for the step.

use super::{Active, PowerFlow};
use crate::quantity::{Complex, complex};
use crate::solver::grid::{GridError, NodeId};
use crate::solver::kernel::{LaneVec, Lanes, Ldlt, Operator, Sweep};
use crate::solver::network::ElementId;

/// How loads stand in a Thévenin impedance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadsAs {
    /// They are left out.
    Open,
    /// By their present admittance at rated voltage.
    Admittance,
}

/// Small changes of all nodes' voltages.
#[derive(Clone, Debug)]
pub struct Response(LaneVec<1>);

impl Response {
    /// Change of a node's voltage in V.
    pub fn at(&self, node: NodeId) -> Complex {
        let x = &self.0[node.0 as usize];
        complex(x[0][0], x[1][0])
    }

    /// Changes by place.
    pub(in crate::solver) fn places(&self) -> &[Lanes<1>] {
        &self.0
    }
}

impl PowerFlow {
    /// Change of every node's voltage, in V by [`NodeId`], for small currents injected into nodes, in A, at the present
    /// solution. Proportional to the currents as a whole, but not to a complex factor: loads follow V and conj(V).
    ///
    /// # Errors
    /// [`GridError::Floating`] if the network cannot be solved.
    pub fn voltage_response(&mut self, injected_a: &[(NodeId, Complex)]) -> Result<Vec<Complex>, GridError> {
        let answers = self.responses(&[injected_a])?;
        Ok(answers.iter().flat_map(|answer| answer.0.iter()).map(|x| complex(x[0][0], x[1][0])).collect())
    }

    /// The same for many sets of small currents, from one factor.
    ///
    /// # Errors
    /// As [`PowerFlow::voltage_response`].
    pub fn responses(&mut self, injected_a: &[&[(NodeId, Complex)]]) -> Result<Vec<Response>, GridError> {
        self.rebuild(Active::Chord).map_err(|pivot| self.grid.floating(pivot))?;
        let n = self.grid.pattern.n;
        let mut v = LaneVec::<1>::zeros(n);
        let respond = |injected_a: &&[(NodeId, Complex)]| {
            let mut x = LaneVec::<1>::zeros(n);
            for (node, i) in injected_a.iter().filter(|(node, _)| !self.grid.network.fixed[node.0 as usize]) {
                x[node.0 as usize][0][0] += i.re;
                x[node.0 as usize][1][0] += i.im;
            }
            let sweep = Sweep { step: &[1.0], v: &mut v, weight: &self.inverse_base };
            self.block.solve(self.isa, &self.grid.pattern, 0, &mut x, sweep);
            Response(x)
        };
        Ok(injected_a.iter().map(respond).collect())
    }

    /// Small change of the currents into an element at all its conductors, terminal after terminal, in A, where voltages
    /// change so. Sources' EMF does not change.
    pub fn current_response(&self, id: ElementId, change: &Response, out: &mut Vec<Complex>) {
        self.grid.network.current_response(id, &change.0, out);
    }

    /// Change of every node's voltage, in V by [`NodeId`], per W (real part of `s_va` = 1) or per var (imaginary part)
    /// of power injected at a node: dV/dP for `s_va` = 1, dV/dQ for `s_va` = j.
    ///
    /// # Errors
    /// As [`PowerFlow::voltage_response`].
    pub fn voltage_per_power(&mut self, node: NodeId, s_va: Complex) -> Result<Vec<Complex>, GridError> {
        let v = self.voltage(node);
        let i = if v.norm_sqr() > 0.0 { (s_va / v).conj() } else { complex(0.0, 0.0) };
        self.voltage_response(&[(node, i)])
    }

    /// Thévenin impedance matrix in ohm between nodes: entry (r, c) is the voltage at the r-th for 1 A into the c-th,
    /// all sources' EMF at zero.
    ///
    /// # Errors
    /// [`GridError::Floating`] if the network cannot be solved.
    pub fn thevenin_ohm(&self, nodes: &[NodeId], loads: LoadsAs) -> Result<Vec<Vec<Complex>>, GridError> {
        let pattern = &self.grid.pattern;
        let mut operator = Operator::zero(pattern);
        self.grid.network.assemble(&mut operator);
        if loads == LoadsAs::Admittance {
            let linear = self.present_admittances();
            self.grid.injections.add_linear(&linear, &mut operator, &self.grid.network.fixed);
        }
        let mut factor = Ldlt::new(pattern);
        factor.factor(pattern, &operator).map_err(|pivot| self.grid.floating(pivot))?;
        let (mut x, mut v) = (LaneVec::<1>::zeros(pattern.n), LaneVec::<1>::zeros(pattern.n));
        let mut z = vec![vec![complex(0.0, 0.0); nodes.len()]; nodes.len()];
        for (column, into) in nodes.iter().enumerate().filter(|(_, n)| !self.grid.network.fixed[n.0 as usize]) {
            x.fill([[0.0]; 2]);
            x[into.0 as usize] = [[1.0], [0.0]];
            let sweep = Sweep { step: &[1.0], v: &mut v, weight: &self.inverse_base };
            factor.solve(self.isa, pattern, 0, &mut x, sweep);
            for (row, at) in nodes.iter().enumerate() {
                let v = &x[at.0 as usize];
                z[row][column] = complex(v[0][0], v[1][0]);
            }
        }
        Ok(z)
    }
}
