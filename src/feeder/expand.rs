//! Distributed loads as lumped loads: an equivalent feeder without any.
//!
//! A load spread evenly along a line is two thirds of it at a quarter of the line's length and one third at its end,
//! exact for voltage drop and for loss at once (Kersting, *Distribution System Modeling and Analysis*, 3.3). Limits: a
//! load on an unknown line stays where it is, for the checker to report.

use std::borrow::Cow;

use super::{DistributedLoad, Feeder, Line, LineImpedance, Load, LoadStatus, Matrix, Terminal};

/// Share of the line before the hidden bus, and of the load at it.
const QUARTER: f64 = 0.25;
const AT_QUARTER: f64 = 2.0 / 3.0;

/// The feeder with each distributed load lumped. A line `x` that carries one is split at a hidden bus `x~quarter`; its
/// first quarter keeps its name and the rest is `x~rest`. A load `d` becomes `d~quarter` and `d~end`.
pub fn expand(feeder: &Feeder) -> Cow<'_, Feeder> {
    if feeder.distributed_loads.is_empty() {
        return Cow::Borrowed(feeder);
    }
    let mut expanded = feeder.clone();
    let (known, unknown) = std::mem::take(&mut expanded.distributed_loads)
        .into_iter()
        .partition(|(_, load)| feeder.lines.contains_key(&load.line));
    expanded.distributed_loads = unknown;
    let loads: super::Named<DistributedLoad> = known;
    for (name, load) in &loads {
        let Some(whole) = feeder.lines.get(&load.line) else { continue };
        split(&mut expanded, &load.line, whole);
        let quarter = hidden_terminal(&load.line, whole, load);
        let end = Terminal { bus: whole.to.bus.clone(), nodes: at_far_end(whole, &quarter.nodes) };
        expanded.loads.insert(format!("{name}~quarter"), lumped(load, quarter, AT_QUARTER));
        expanded.loads.insert(format!("{name}~end"), lumped(load, end, 1.0 - AT_QUARTER));
    }
    Cow::Owned(expanded)
}

/// Splits a line at its hidden bus, once.
fn split(feeder: &mut Feeder, name: &str, whole: &Line) {
    let rest_name = format!("{name}~rest");
    if feeder.lines.contains_key(&rest_name) {
        return;
    }
    let hidden = Terminal { bus: format!("{name}~quarter"), nodes: whole.from.nodes.clone() };
    let first = Line { to: hidden.clone(), ..share(whole, QUARTER) };
    let rest = Line { from: hidden, fuse_a: None, ..share(whole, 1.0 - QUARTER) };
    let place = feeder.lines.get_index_of(name).map_or(feeder.lines.len(), |i| i + 1);
    feeder.lines.insert(name.to_owned(), first);
    feeder.lines.shift_insert(place.min(feeder.lines.len()), rest_name.clone(), rest);
    for control in feeder.capacitor_controls.values_mut() {
        if control.terminal == 2 && control.element.eq_ignore_ascii_case(&format!("line.{name}")) {
            control.element = format!("line.{rest_name}");
        }
    }
}

/// A share of a line's length and of its total impedance.
fn share(line: &Line, share: f64) -> Line {
    let part = |x: Option<f64>| x.map(|x| x * share);
    Line {
        length_m: part(line.length_m),
        length_km: part(line.length_km),
        length_ft: part(line.length_ft),
        length_mi: part(line.length_mi),
        total: line.total.as_ref().map(|total| scaled(total, share)),
        ..line.clone()
    }
}

fn scaled(total: &LineImpedance, share: f64) -> LineImpedance {
    let number = |x: Option<f64>| x.map(|x| x * share);
    let matrix = |m: &Option<Matrix>| -> Option<Matrix> {
        m.as_ref().map(|m| m.iter().map(|row| row.iter().map(|x| x * share).collect()).collect())
    };
    LineImpedance {
        r_ohm: matrix(&total.r_ohm),
        x_ohm: matrix(&total.x_ohm),
        c_nf: matrix(&total.c_nf),
        r1_ohm: number(total.r1_ohm),
        x1_ohm: number(total.x1_ohm),
        r0_ohm: number(total.r0_ohm),
        x0_ohm: number(total.x0_ohm),
        c1_nf: number(total.c1_nf),
        c0_nf: number(total.c0_nf),
    }
}

/// Where the load stands on the hidden bus: the nodes it names, else the line's own.
fn hidden_terminal(line_name: &str, line: &Line, load: &DistributedLoad) -> Terminal {
    let nodes = if load.nodes.is_empty() { line.from.nodes.clone() } else { load.nodes.clone() };
    Terminal { bus: format!("{line_name}~quarter"), nodes }
}

/// The nodes at the line's end that its conductors take nodes of its beginning to.
fn at_far_end(line: &Line, nodes: &[u16]) -> Vec<u16> {
    let conductors = line.from.nodes.len().max(line.to.nodes.len());
    let from = line.from.conductors(conductors, conductors);
    let to = line.to.conductors(conductors, conductors);
    let far = |node: &u16| from.iter().position(|n| n == node).and_then(|k| to.get(k)).copied().unwrap_or(*node);
    nodes.iter().map(far).collect()
}

fn lumped(load: &DistributedLoad, bus: Terminal, share: f64) -> Load {
    Load {
        connection: load.connection,
        model: load.model,
        p_kw: load.p_kw * share,
        q_kvar: load.q_kvar * share,
        v_min_pu: load.v_min_pu,
        v_max_pu: load.v_max_pu,
        status: LoadStatus::Variable,
        daily: load.daily.clone(),
        ..Load::constant_power(bus, load.phases, load.v_kv)
    }
}
