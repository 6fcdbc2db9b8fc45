//! LinDist3Flow: a radial three-phase network whose squared magnitudes y and angles θ are linear in power.
//!
//! With γ_φψ = V_φ/V_ψ at the lower bus n of a branch from m, M = Re(γ ∘ Z̄) and N = Im(γ ∘ Z̄), and P, Q what flows into
//! the lower bus,
//!
//! ```text
//!     y_n = t²·y_m − 2·M·P + 2·N·Q        θ_n = θ_m + (N·P + M·Q) / (t·|V_m|·|V_n|)
//! ```
//!
//! (M. Sankur et al., arXiv:1606.04492; t is the turns ratio by phase, Z on the lower side). Loads are linear in y about
//! 1 pu. Losses are left out of the flows. At nominal γ the phases are 120° apart and |V| = 1.
//!
//! **Columns.** How y and θ answer to each actuator follows from the same equations without the loads' constant part. As
//! loads follow y, flows and voltages are swept in turn until they rest.

use super::affine::Step;
use super::network::{Layout, Sensitivities, State, Tree, TreeBus};
use crate::quantity::{Complex, complex, phasor};

/// Sweeps of flows and voltages; each leaves about a tenth of what is missing.
const SWEEPS: usize = 40;
/// Where sweeps rest.
const REST: f64 = 1e-12;

/// Linear coefficients of the branch that feeds a bus.
struct Branch {
    m: [[f64; 3]; 3],
    n: [[f64; 3]; 3],
    /// One over t·|V_m|·|V_n|.
    turn: [f64; 3],
}

/// What a sweep works on, by bus and phase.
struct Sweep {
    y: Vec<[f64; 3]>,
    angle: Vec<[f64; 3]>,
    flow: Vec<[Complex; 3]>,
}

/// Makes a step's answer that of LinDist3Flow. The first time its state becomes the linear model's too; later it stays the
/// network's solution, which is what adding the offset between both comes to.
pub(super) fn linearise(tree: &Tree, layout: &Layout, first: bool, step: &mut Step) {
    let count = layout.actuators.len();
    let branches: Vec<Branch> = tree.buses.iter().map(|bus| branch(tree, bus, &step.state, first)).collect();
    let injected = |column: usize, value: f64| {
        let unit = if column < count { complex(value, 0.0) } else { complex(0.0, value) };
        (layout.actuators.get(column % count.max(1)).copied().unwrap_or(usize::MAX), unit)
    };
    if first {
        let powers: Vec<(usize, Complex)> = step.at.iter().enumerate().map(|(k, u)| injected(k, *u)).collect();
        let solved = sweep(tree, &branches, &powers, true);
        state(tree, &solved, &mut step.state);
    }
    let mut answer = Sensitivities {
        inputs: 2 * count,
        v: vec![Complex::default(); step.state.v_pu.len() * 2 * count],
        head: vec![Complex::default(); step.state.head_pu.len() * 2 * count],
        ..Sensitivities::default()
    };
    for column in 0..2 * count {
        let change = sweep(tree, &branches, &[injected(column, 1.0)], false);
        write(tree, &change, &step.state, column, &mut answer);
    }
    step.answer = answer;
}

fn branch(tree: &Tree, bus: &TreeBus, state: &State, nominal: bool) -> Branch {
    let voltage = |bus: &TreeBus, phase: usize| {
        let known = bus.nodes[phase].and_then(|node| state.v_pu.get(node)).copied().filter(|v| v.norm() > 1e-3);
        let even = || phasor(1.0, -120.0 * phase as f64);
        if nominal { even() } else { known.unwrap_or_else(even) }
    };
    let mut branch = Branch { m: [[0.0; 3]; 3], n: [[0.0; 3]; 3], turn: [0.0; 3] };
    for row in 0..3 {
        for column in 0..3 {
            let w = voltage(bus, row) / voltage(bus, column) * bus.z_pu[row][column].conj();
            (branch.m[row][column], branch.n[row][column]) = (w.re, w.im);
        }
        let above = tree.buses.get(bus.parent).map_or(1.0, |parent| voltage(parent, row).norm());
        let ratio = if nominal { 1.0 } else { bus.ratio[row] };
        branch.turn[row] = 1.0 / (ratio * above * voltage(bus, row).norm()).max(1e-3);
    }
    branch
}

/// Solves the linear equations for injected powers by watched node: the whole, with root and loads, or a change alone.
fn sweep(tree: &Tree, branches: &[Branch], injected: &[(usize, Complex)], whole: bool) -> Sweep {
    let buses = tree.buses.len();
    let zero = Complex::default();
    let mut s = Sweep { y: vec![[0.0; 3]; buses], angle: vec![[0.0; 3]; buses], flow: vec![[zero; 3]; buses] };
    let mut own = vec![[zero; 3]; buses];
    for (bus, own) in tree.buses.iter().zip(&mut own) {
        for (phase, own) in own.iter_mut().enumerate() {
            let here = injected.iter().filter(|(node, _)| bus.nodes[phase] == Some(*node));
            *own = -here.map(|(_, power)| *power).sum::<Complex>();
            if whole {
                *own += bus.drawn_pu[phase] - bus.drawn_by_y[phase];
            }
        }
    }
    if let Some(y) = s.y.first_mut().filter(|_| whole) {
        *y = tree.root_pu.map(|v| v.norm_sqr());
        s.angle[0] = tree.root_pu.map(|v| v.arg());
    }
    for _ in 0..SWEEPS {
        up(tree, &own, &mut s);
        if down(tree, branches, &mut s) < REST {
            break;
        }
    }
    s
}

/// Flows from the leaves up.
fn up(tree: &Tree, own: &[[Complex; 3]], s: &mut Sweep) {
    for ((flow, own), (bus, y)) in s.flow.iter_mut().zip(own).zip(tree.buses.iter().zip(&s.y)) {
        *flow = std::array::from_fn(|phase| own[phase] + bus.drawn_by_y[phase] * y[phase]);
    }
    for bus in (1..tree.buses.len()).rev() {
        let flow = s.flow[bus];
        let above = &mut s.flow[tree.buses[bus].parent];
        above.iter_mut().zip(flow).for_each(|(above, flow)| *above += flow);
    }
}

/// Voltages from the root down; the largest change of y.
fn down(tree: &Tree, branches: &[Branch], s: &mut Sweep) -> f64 {
    let mut largest = 0.0_f64;
    for (place, (bus, branch)) in tree.buses.iter().zip(branches).enumerate().skip(1) {
        for phase in (0..3).filter(|phase| bus.nodes[*phase].is_some()) {
            let flows = || s.flow[place].iter().zip(branch.m[phase].iter().zip(&branch.n[phase]));
            let drop: f64 = flows().map(|(s, (m, n))| -2.0 * m * s.re + 2.0 * n * s.im).sum();
            let turn: f64 = flows().map(|(s, (m, n))| n * s.re + m * s.im).sum();
            let y = bus.ratio[phase].powi(2) * s.y[bus.parent][phase] + drop;
            largest = largest.max((y - s.y[place][phase]).abs());
            s.y[place][phase] = y;
            s.angle[place][phase] = s.angle[bus.parent][phase] + turn * branch.turn[phase];
        }
    }
    largest
}

/// The linear model's solution as the network's: nodes outside the tree stay as they are.
fn state(tree: &Tree, s: &Sweep, state: &mut State) {
    for (bus, (y, angle)) in tree.buses.iter().zip(s.y.iter().zip(&s.angle)).skip(1) {
        for phase in 0..3 {
            if let Some(v) = bus.nodes[phase].and_then(|node| state.v_pu.get_mut(node)) {
                *v = Complex::from_polar(y[phase].max(1e-6).sqrt(), angle[phase]);
            }
        }
    }
    if let Some(flow) = s.flow.first() {
        state.head_pu.iter_mut().zip(flow).for_each(|(head, flow)| *head = *flow);
    }
}

/// One column of the answer: dV = V·(dy/(2y) + j·dθ).
fn write(tree: &Tree, change: &Sweep, state: &State, column: usize, answer: &mut Sensitivities) {
    let inputs = answer.inputs;
    for (bus, (dy, turn)) in tree.buses.iter().zip(change.y.iter().zip(&change.angle)).skip(1) {
        for phase in 0..3 {
            let Some(node) = bus.nodes[phase] else { continue };
            let v = state.v_pu.get(node).copied().unwrap_or_default();
            if let Some(entry) = answer.v.get_mut(node * inputs + column).filter(|_| v.norm() > 1e-3) {
                *entry = v * complex(dy[phase] / (2.0 * v.norm_sqr()), turn[phase]);
            }
        }
    }
    for (phase, flow) in change.flow.first().into_iter().flatten().enumerate() {
        if let Some(entry) = answer.head.get_mut(phase * inputs + column) {
            *entry = *flow;
        }
    }
}
