//! What the loop asks of the plant. One seam, so that the loop can be tested against a plant whose answers are known.

use crate::quantity::Complex;
use crate::scenario::{Branch, Element, Phases, Unit};
use crate::signal::Norton;

/// A node of the plant.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its bus.
    pub bus: String,
    /// Its number at the bus.
    pub number: u16,
    /// Its base, line to ground, in V.
    pub base_v: f64,
}

impl Node {
    /// Its name, as in `632.1`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.bus, self.number)
    }
}

/// A conductor at an element's terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Conductor {
    /// Its node's number at the bus; 0 for ground.
    pub number: u16,
    /// Voltage of that node to ground in V.
    pub v_v: Complex,
    /// Current into the element in A.
    pub i_a: Complex,
}

/// How a solution went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solution {
    /// Whether it is one.
    pub converged: bool,
    /// Whether controls came to rest (or had nothing to rest on).
    pub at_rest: bool,
    /// Iterations over all solutions of the step.
    pub iterations: u32,
    /// Largest power mismatch, per unit on 1 MVA.
    pub mismatch_pu: f64,
    /// The node farthest from a solution, when it is none.
    pub worst_node: Option<usize>,
}

/// The network as the loop sees it. Indices count the feeder's elements of a kind in their order.
pub trait Plant {
    /// The nodes, in the order of [`Plant::voltages`].
    fn nodes(&self) -> Vec<Node>;
    /// Sets what a load draws at rated voltage, in W and var, all phases.
    fn set_load(&mut self, load: usize, p_w: f64, q_var: f64);
    /// Sets what one phase (from 0) of a load draws at rated voltage, in W and var.
    fn set_load_phase(&mut self, load: usize, phase: usize, p_w: f64, q_var: f64);
    /// Opens or closes a branch, all conductors at both ends.
    fn switch(&mut self, branch: Branch, open: bool);
    /// Opens or closes conductors of a line at both ends.
    fn switch_phases(&mut self, line: usize, phases: Phases, open: bool);
    /// Takes a bank or source away, or brings it back; also what stands at a bus but is told no load.
    fn lose(&mut self, unit: Unit, lost: bool);
    /// Sets one phase of a source: per unit of what the feeder says, and degrees ahead of it.
    fn set_source(&mut self, source: usize, phase: usize, v_pu: f64, angle_deg: f64);
    /// Sets the frequency of all sources.
    fn set_frequency(&mut self, f_hz: f64);
    /// Switches a fault of the plan on or off.
    fn switch_fault(&mut self, fault: usize, on: bool);
    /// Opens or closes all steps of a capacitor bank.
    fn switch_capacitor(&mut self, capacitor: usize, closed: bool);
    /// Steps of a capacitor bank that are closed.
    fn closed_steps(&self, capacitor: usize) -> usize;
    /// Puts a regulator to a tap, in steps from neutral; a tap beyond its range is the end of the range.
    fn set_tap(&mut self, regulator: usize, tap: i32);
    /// The tap of a regulator, in steps from neutral.
    fn tap(&self, regulator: usize) -> i32;
    /// Solves, controls included, at `clock_s` seconds since midnight of the first day.
    fn solve(&mut self, clock_s: f64) -> Solution;
    /// Its harmonics; none where they are not solved.
    fn harmonics(&mut self) -> Option<&mut dyn HarmonicPlant> {
        None
    }
    /// Node voltages to ground in V; 0 where nothing feeds a node.
    fn voltages(&self) -> &[Complex];
    /// Power out of all sources in VA.
    fn source_power(&self) -> Complex;
    /// Losses in VA.
    fn losses(&self) -> Complex;
    /// Voltage in V and current in A into each conductor of an element's first terminal, with its node's number (0 for
    /// ground). Of a fault, the current into all its elements.
    fn terminal(&mut self, element: Element) -> &[Conductor];
    /// Power in VA that a load draws through one of its phases (from 0) at the last solution, by its own law of voltage.
    fn drawn_phase(&self, load: usize, phase: usize) -> Complex;
    /// Loading of a branch in percent of its rating; NaN without one.
    fn loading_percent(&self, branch: Branch) -> f64;
    /// The largest loading of all branches in percent, and where; NaN where no branch has a rating.
    fn worst_loading(&self) -> (f64, Option<Branch>);
}

/// What a plant knows of harmonics. Orders are counted as the plan's.
pub trait HarmonicPlant {
    /// Says what a device emits from now on.
    fn set_norton(&mut self, device: usize, norton: &Norton);
    /// Sets what a phase of a source has of an order, in V.
    fn set_background(&mut self, source: usize, order: usize, phase: usize, emf_v: Complex);
    /// Solves all orders for the last solution of the fundamental. Whether they have one.
    fn solve_harmonics(&mut self) -> bool;
    /// Voltage of a node (as [`Plant::voltages`] counts them) at an order, in V.
    fn harmonic_v(&self, node: usize, order: usize) -> Complex;
    /// THD of a node's voltage in percent.
    fn thd_percent(&self, node: usize) -> f64;
    /// As [`Plant::terminal`], at an order.
    fn harmonic_terminal(&mut self, element: Element, order: usize) -> &[Conductor];
    /// What a device injects at an order through one of its phases in A, its admittance included.
    fn device_harmonic_a(&self, device: usize, order: usize, phase: usize) -> Complex;
}
