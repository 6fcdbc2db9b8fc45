//! Currents of loads and power sources at forced voltages, in every zone of their bands, against OpenDSS.

use super::*;

fn model(case: &Case) -> InjectionModel {
    let (feeder, name) = (&case.feeder, case.element.as_str());
    match case.kind.as_str() {
        "load" => load(name, &feeder.loads[name]),
        "generator" => generator(name, &feeder.generators[name]),
        "pvsystem" => pv_system(name, &feeder.pv_systems[name], PvState::of(&feeder.pv_systems[name])),
        "storage" => {
            let s = &feeder.storages[name];
            let stored_kwh = s.e_rated_kwh * s.stored_percent / 100.0;
            let order = case.shape.map_or(StorageOrder::State(s.state), StorageOrder::Follow);
            storage(name, s, storage_power(s, order, stored_kwh))
        }
        kind => panic!("{kind}"),
    }
    .unwrap()
}

/// Current into each conductor, in OpenDSS's order of conductors, which is ours of branches.
fn currents(case: &Case, model: &InjectionModel, v: &[Complex]) -> Vec<Complex> {
    let mut i = vec![complex(0.0, 0.0); v.len()];
    let load = case.kind == "load";
    let multiplier = if load { case.multiplier } else { 1.0 };
    let present = model.nominal.times(multiplier, multiplier);
    for (from, to) in ends(case, model) {
        let current = model.current_at_a(present, v[from] - v[to]);
        i[from] += current;
        i[to] -= current;
    }
    i
}

/// Positions of each branch's ends among the conductors.
fn ends(case: &Case, model: &InjectionModel) -> Vec<(usize, usize)> {
    let node_at = |k: usize| case.nodes[k];
    let pairs: Vec<_> = (0..model.branches.len())
        .map(|k| {
            let wye =
                case.nodes.len() > model.branches.len() && model.branches[k].to.node == *case.nodes.last().unwrap();
            (k, if wye { case.nodes.len() - 1 } else { (k + 1) % case.nodes.len() })
        })
        .collect();
    for (branch, (from, to)) in model.branches.iter().zip(&pairs) {
        assert_eq!((branch.from.node, branch.to.node), (node_at(*from), node_at(*to)), "{}", case.name);
    }
    pairs
}

fn agree(text: &str) {
    let mut bad = Vec::new();
    for case in &cases(text) {
        let model = model(case);
        for point in &case.points {
            let v: Vec<_> = point.v_v.iter().map(|v| number(*v)).collect();
            let theirs: Vec<_> = point.i_a.iter().map(|i| number(*i)).collect();
            let ours = currents(case, &model, &v);
            let scale = theirs.iter().map(|i| i.norm()).fold(0.0, f64::max).max(1e-6);
            let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max) / scale;
            if worst.is_nan() || worst > 1e-9 {
                let pu: Vec<_> = v.iter().map(|v| format!("{:.2}", v.norm() / 7200.0)).collect();
                bad.push(format!("{} at {pu:?}: {worst:e}\n    ours {ours:.4?}\n    theirs {theirs:.4?}", case.name));
            }
        }
        let nominal = if case.kind == "load" { case.multiplier } else { 1.0 };
        let mut y = Admittance::zeros(case.nodes.len());
        for (from, to) in ends(case, &model) {
            y.add_branch(from, to, model.y_nominal_s * nominal);
        }
        // OpenDSS raises the admittance of a load's neutral by 1e-6 of itself, which the solution does not show.
        let off = difference(&y, &case.y_s);
        if off.is_nan() || off > 2e-6 {
            bad.push(format!("{}: nominal admittance off by {off:e}", case.name));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn loads_draw_opendss_currents() {
    agree(include_str!("../../../../tests/data/element/load.json"));
}

#[test]
fn power_sources_inject_opendss_currents() {
    agree(include_str!("../../../../tests/data/element/generation.json"));
}
