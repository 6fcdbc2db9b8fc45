//! Generated feeders: whatever the seed and the size, they solve and their voltages are those of a planned feeder.

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use phasorbench::feeder::random::{RandomFeeder, generate};
use phasorbench::solver::{Controls, Grid, PowerFlow, Settings};
use proptest::prelude::*;

/// Lowest and highest voltage per unit of a solved feeder.
fn voltages(options: &RandomFeeder) -> [f64; 2] {
    let grid = Grid::compile(&generate(options)).unwrap();
    let mut flow = PowerFlow::new(grid, Settings::default());
    let solved = if options.regulator { Controls::new(&flow).unwrap().settle(&mut flow).solved } else { flow.solve() };
    assert!(solved.converged(), "{options:?}: {solved:?}");
    let nodes = || flow.grid().listing.iter().map(|id| (*id, flow.grid().nodes[id.0 as usize].base_v));
    assert!(flow.de_energised().next().is_none(), "{options:?}");
    let v_pu = || nodes().map(|(id, base_v)| flow.voltage(id).norm() / base_v);
    [v_pu().fold(f64::INFINITY, f64::min), v_pu().fold(0.0, f64::max)]
}

fn plausible(options: &RandomFeeder) {
    let [low, high] = voltages(options);
    assert!(low > 0.9 && high < 1.06, "{options:?}: {low} to {high}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]

    #[test]
    fn any_seed_and_size_has_plausible_voltages(
        seed: u64,
        size in 1.0f64..6.5,
        v_kv in 2.0f64..35.0,
        load_kva_per_bus in 1.0f64..300.0,
        mesh in prop_oneof![Just(0.0), 0.0f64..0.2],
        pv_share in prop_oneof![Just(0.0), 0.0f64..1.0],
        regulator: bool,
    ) {
        // 2 to about 660 buses, as many small as large.
        let buses = size.exp() as usize;
        plausible(&RandomFeeder { seed, buses, v_kv, load_kva_per_bus, mesh, pv_share, regulator });
    }
}

#[test]
fn ten_thousand_buses_have_plausible_voltages() {
    plausible(&RandomFeeder { buses: 10_000, ..RandomFeeder::default() });
    plausible(&RandomFeeder {
        buses: 10_000,
        seed: 9,
        v_kv: 4.16,
        pv_share: 1.0,
        mesh: 0.01,
        ..RandomFeeder::default()
    });
}
