//! Voltage bases: each bus takes the nearest of the feeder's bases to its no-load voltage.
//!
//! As OpenDSS's `calcvoltagebases`: one linear solution of the series network without loads, then per bus the base whose
//! ratio to the voltage of the bus's first node is nearest to one. Open switches count as closed here.

use super::grid::Grid;
use super::kernel::{BadPivot, Isa, Lanes, Ldlt, Operator, Sweep};
use crate::quantity::{Complex, complex};

/// The factor of the series network without loads and faults.
pub(super) fn series_factor(grid: &Grid) -> Result<Ldlt, BadPivot> {
    let mut operator = Operator::zero(&grid.pattern);
    grid.network.assemble_series(&mut operator);
    let mut factor = Ldlt::new(&grid.pattern);
    factor.factor(&grid.pattern, &operator)?;
    Ok(factor)
}

/// Node voltages without loads, by place, in V.
pub(super) fn no_load_voltages(grid: &Grid, factor: &Ldlt) -> Vec<Complex> {
    let pattern = &grid.pattern;
    let mut v: Vec<Lanes<1>> = vec![[[0.0]; 2]; pattern.n];
    let mut x = v.clone();
    grid.network.hold(&mut v);
    grid.network.add_series_residual(&v, &mut x);
    let weight = vec![1.0; pattern.n];
    factor.solve(Isa::detect(), pattern, 0, &mut x, Sweep { step: &[1.0], v: &mut v, weight: &weight });
    v.iter().map(|v| complex(v[0][0], v[1][0])).collect()
}

/// Sets the base of each bus and node.
pub(super) fn assign_bases(grid: &mut Grid, voltages: &[Complex]) {
    let bases = &grid.feeder.voltage_bases_kv;
    for bus in &mut grid.buses {
        let written_kv = grid.feeder.buses.get(&bus.name).and_then(|b| b.base_kv);
        let Some(&first) = bus.nodes.first() else { continue };
        let no_load_kv = voltages[first.0 as usize].norm() * 3f64.sqrt() / 1000.0;
        let base_kv = written_kv.or_else(|| nearest(bases, no_load_kv)).unwrap_or(no_load_kv);
        bus.base_v = if base_kv > 0.0 { base_kv * 1000.0 / 3f64.sqrt() } else { 1.0 };
        bus.nodes.iter().for_each(|n| grid.nodes[n.0 as usize].base_v = bus.base_v);
    }
}

/// The base whose ratio to `kv` is nearest to one.
fn nearest(bases_kv: &[f64], kv: f64) -> Option<f64> {
    let distance = |base: f64| (1.0 - kv / base).abs();
    bases_kv.iter().copied().min_by(|a, b| distance(*a).total_cmp(&distance(*b)))
}
