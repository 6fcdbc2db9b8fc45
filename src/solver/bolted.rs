//! How small the resistance is that stands for none in a fault.
//!
//! A resistance r beside the impedance Z of its loop (what the series network without loads shows between the faulted
//! nodes) changes the fault's current by r/Z; the current is r⁻¹ times a difference of voltages that are rounded to ε·V, so
//! it is uncertain by ε·Z/r of itself. r = 1e-8·Z keeps both near 1e-8. Between phases of a part that hardly anything ties
//! to ground (Z to ground Z_g), the factor also needs ε·Z_g/r ≪ 1: there r is larger, 1e-13·Z_g. To ground it is never
//! above 1e-8 Ω, however little ties the node. See `docs/models/fault.md`.

use super::element::{self, Admittance, BOLTED_OHM, ElementError, Part};
use super::grid::Grid;
use super::kernel::{Isa, LaneVec, Ldlt, Sweep};
use super::network::{ElementId, Kind};
use crate::feeder::Fault;
use crate::quantity::{Complex, complex};

/// Resistance of a bolted fault per impedance of its loop.
const OF_LOOP: f64 = 1e-8;
/// The same per impedance to ground, where only that holds the faulted nodes.
const OF_GROUND: f64 = 1e-13;

/// Gives every fault whose resistances are smaller than that the ones that stand for none.
pub(super) fn bolt_faults(grid: &mut Grid, factor: &Ldlt) -> Result<(), ElementError> {
    for index in 0..grid.feeder.faults.len() {
        let Some(id) = grid.network.id(Kind::Fault, index) else { continue };
        let least_ohm = least_ohm(grid, factor, id, index);
        let Some((name, fault)) = grid.feeder.faults.get_index_mut(index) else { continue };
        fault.r_ohm = fault.r_ohm.max(least_ohm);
        fault.ground_ohm = fault.ground_ohm.map(|ohm| ohm.max(least_ohm));
        let y: Admittance = element::fault(name, fault, Part::Whole)?.y;
        grid.network.write_admittance(id, &y);
    }
    Ok(())
}

fn least_ohm(grid: &Grid, factor: &Ldlt, id: ElementId, index: usize) -> f64 {
    let places = |terminal| grid.network.terminal_places(id, terminal).collect::<Vec<_>>();
    let (near, far) = (places(0), places(1));
    let tied = |p: &u32| grid.network.energised[*p as usize] && !grid.network.fixed[*p as usize];
    let mut nodes: Vec<u32> = near.iter().chain(&far).flatten().copied().filter(tied).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let z: Vec<Vec<Complex>> = nodes.iter().map(|&node| column(grid, factor, node, &nodes)).collect();
    let of = |a: u32, b: u32| {
        let at = |p: u32| nodes.iter().position(|&n| n == p);
        at(a).zip(at(b)).map_or(complex(0.0, 0.0), |(a, b)| z[a][b])
    };
    let grounded = grid.feeder.faults.get_index(index).is_some_and(|(_, f)| is_grounded(f, &far));
    let mut loop_ohm = f64::INFINITY;
    for (k, &a) in near.iter().enumerate() {
        let partners = near.iter().skip(k + 1).chain(far.get(k)).filter_map(|&b| Some((a?, b?)));
        let between = partners.map(|(a, b)| (of(a, a) + of(b, b) - of(a, b) - of(b, a)).norm());
        let to_ground = a.filter(|_| grounded).map(|a| of(a, a).norm());
        loop_ohm = between.chain(to_ground).filter(|z| *z > 0.0).fold(loop_ohm, f64::min);
    }
    let ground_ohm = nodes.iter().map(|&n| of(n, n).norm()).fold(0.0, f64::max);
    match (loop_ohm.is_finite(), grounded) {
        (false, _) => BOLTED_OHM,
        (true, true) => (OF_LOOP * loop_ohm).min(BOLTED_OHM),
        (true, false) => (OF_LOOP * loop_ohm).max(OF_GROUND * ground_ohm),
    }
}

fn is_grounded(fault: &Fault, far: &[Option<u32>]) -> bool {
    !fault.ungrounded && far.contains(&None)
}

/// Voltages at `nodes` for 1 A into one of them.
fn column(grid: &Grid, factor: &Ldlt, into: u32, nodes: &[u32]) -> Vec<Complex> {
    let n = grid.pattern.n;
    let (mut x, mut v) = (LaneVec::<1>::zeros(n), LaneVec::<1>::zeros(n));
    x[into as usize] = [[1.0], [0.0]];
    let weight = vec![1.0; n];
    factor.solve(Isa::detect(), &grid.pattern, 0, &mut x, Sweep { step: &[1.0], v: &mut v, weight: &weight });
    nodes.iter().map(|&node| complex(x[node as usize][0][0], x[node as usize][1][0])).collect()
}
