//! How a solution answers to actuators: voltages from the factor, and what follows from them by the elements' currents.
//!
//! S = V·conj(I) changes by dV·conj(I) + V·conj(dI); a conductor's current by dI. Losses are Re Σ V̄·I(V) over branches
//! with I linear in V, so along a direction they change by Re Σ (V̄·dI + dV̄·I), and Re Σ dV̄·dI, taken both
//! ways, is half their curvature.

use super::GridModel;
use crate::control::supervisory::Sensitivities;
use crate::quantity::{Complex, complex};
use crate::solver::{GridError, NodeId, Response};

/// Fills the answers at the present solution.
pub(super) fn fill(model: &mut GridModel, answer: &mut Sensitivities) -> Result<(), GridError> {
    let count = model.loads.len();
    let inputs = 2 * count;
    let injected: Vec<[(NodeId, Complex); 1]> = (0..inputs).map(|column| [current(model, column, count)]).collect();
    let columns: Vec<&[(NodeId, Complex)]> = injected.iter().map(<[_; 1]>::as_slice).collect();
    let changes = model.flow.responses(&columns)?;
    answer.inputs = inputs;
    voltages(model, &changes, answer);
    heads(model, &changes, answer);
    losses(model, &changes, answer);
    loadings(model, &changes, answer);
    Ok(())
}

/// What one more per unit of power of an actuator phase injects.
fn current(model: &GridModel, column: usize, count: usize) -> (NodeId, Complex) {
    let base_va = model.layout.base_va;
    let power = if column < count { complex(base_va, 0.0) } else { complex(0.0, base_va) };
    let place = model.layout.actuators.get(column % count.max(1)).copied();
    let node = place.and_then(|place| model.nodes.get(place)).copied().unwrap_or(NodeId(0));
    let v = model.flow.voltage(node);
    (node, if v.norm_sqr() > 0.0 { (power / v).conj() } else { complex(0.0, 0.0) })
}

fn voltages(model: &GridModel, changes: &[Response], answer: &mut Sensitivities) {
    answer.v.clear();
    for &node in &model.nodes {
        let inverse = if model.flow.energised(node) { 1.0 / model.base_v(node) } else { 0.0 };
        answer.v.extend(changes.iter().map(|change| change.at(node) * inverse));
    }
}

fn heads(model: &GridModel, changes: &[Response], answer: &mut Sensitivities) {
    answer.head.clear();
    answer.head.resize(model.layout.heads * answer.inputs, complex(0.0, 0.0));
    let (mut currents, mut moved) = (Vec::new(), Vec::new());
    for head in &model.heads {
        model.flow.currents_into(head.element, &mut currents);
        let i = currents.get(head.conductor).copied().unwrap_or_default();
        let (v, by) = (model.flow.voltage(head.node), head.sign / model.layout.base_va);
        for (column, change) in changes.iter().enumerate() {
            model.flow.current_response(head.element, change, &mut moved);
            let di = moved.get(head.conductor).copied().unwrap_or_default();
            answer.head[head.phase * answer.inputs + column] += (change.at(head.node) * i.conj() + v * di.conj()) * by;
        }
    }
}

fn losses(model: &GridModel, changes: &[Response], answer: &mut Sensitivities) {
    let inputs = answer.inputs;
    answer.losses.clear();
    answer.losses_curvature.clear();
    answer.losses.resize(inputs, 0.0);
    answer.losses_curvature.resize(inputs * inputs, 0.0);
    if model.branches.is_empty() {
        return;
    }
    let nodes = model.flow.grid().nodes.len();
    let mut now = vec![complex(0.0, 0.0); nodes];
    sum(model, &mut now, |element, out| model.flow.currents_into(element, out));
    let by = 1.0 / model.layout.base_va;
    let mut drawn = vec![complex(0.0, 0.0); nodes];
    for (column, change) in changes.iter().enumerate() {
        sum(model, &mut drawn, |element, out| model.flow.current_response(element, change, out));
        let all = (0..nodes).map(|k| NodeId(k as u32)).zip(now.iter().zip(&drawn));
        let slope = all.map(|(node, (i, di))| (model.flow.voltage(node).conj() * di + change.at(node).conj() * i).re);
        answer.losses[column] = slope.sum::<f64>() * by;
        for (row, other) in changes.iter().enumerate() {
            let along = drawn.iter().enumerate().map(|(k, di)| {
                let dv = other.at(NodeId(k as u32));
                dv.re * di.re + dv.im * di.im
            });
            // Both ways: admittances are symmetric, not Hermitian, and their susceptance must cancel.
            let half = 0.5 * by * along.sum::<f64>();
            answer.losses_curvature[row * inputs + column] += half;
            answer.losses_curvature[column * inputs + row] += half;
        }
    }
}

/// Currents into all branches by node.
fn sum(model: &GridModel, into: &mut [Complex], of: impl Fn(crate::solver::ElementId, &mut Vec<Complex>)) {
    into.fill(complex(0.0, 0.0));
    let mut currents = Vec::new();
    for branch in &model.branches {
        of(branch.element, &mut currents);
        for (node, i) in branch.nodes.iter().zip(&currents) {
            if let Some(sum) = node.and_then(|node| into.get_mut(node.0 as usize)) {
                *sum += i;
            }
        }
    }
}

fn loadings(model: &GridModel, changes: &[Response], answer: &mut Sensitivities) {
    answer.loading.clear();
    for &element in &model.rated {
        let mut count = 0;
        model.ratings.currents(&model.flow, element, |_| count += 1);
        let first = answer.loading.len();
        answer.loading.resize(first + count * changes.len(), complex(0.0, 0.0));
        for (column, change) in changes.iter().enumerate() {
            let mut place = first + column;
            model.ratings.responses(&model.flow, element, change, |di| {
                answer.loading.get_mut(place).into_iter().for_each(|slot| *slot = di);
                place += changes.len();
            });
        }
    }
}
