//! A radial feeder below a bus as the tree that LinDist3Flow is made of; see the supervisory layer's `lindist`.
//!
//! A branch is one or more elements between two buses, as two-ports: with Y in blocks of the conductors of both ends, the
//! lower voltage is A·V − Z·I with Z = Y_cc⁻¹, A = −Z·Y_cp; A's diagonal is the turns ratio by phase. Only what hardly
//! couples or turns phases (lines, regulators, wye–wye transformers) can stand in the tree. Loads are linear in squared
//! voltage about 1 pu, delta loads are shared out by even voltages. What is left out – line charging, generators,
//! magnetising – comes in by the offset of the delta iterations.

use indexmap::{IndexMap, IndexSet};

use super::GridModel;
use crate::control::supervisory::{Tree, TreeBus};
use crate::feeder::{Connection, Load, LoadModel, Terminal};
use crate::quantity::{Complex, complex, phasor};
use crate::solver::element::{Admittance, Frequency, Part, Primitive, TransformerModel, line};
use crate::solver::{Grid, Kind};

/// Largest coupling or turn of phases, per unit, that a branch of the tree may have.
const MOST_TURN: f64 = 0.05;

/// An element between two buses.
struct Link {
    buses: [usize; 2],
    primitive: Primitive,
}

/// The tree below the model's root; `None` where what hangs there is none.
pub(super) fn of(model: &GridModel) -> Option<Tree> {
    let grid = model.flow.grid();
    let root = grid.buses.iter().position(|bus| Some(&bus.name) == model.root.as_ref())?;
    let links = links(model)?;
    let order = below(grid, &links, root)?;
    let mut tree = Tree::default();
    for (bus, above) in &order {
        tree.buses.push(TreeBus {
            parent: order.get_index_of(above).unwrap_or(0),
            nodes: nodes(model, *bus),
            ratio: [1.0; 3],
            ..TreeBus::default()
        });
        let own = links.iter().filter(|link| link.buses.contains(bus) && link.buses.contains(above) && bus != above);
        let place = tree.buses.len() - 1;
        for link in own {
            stand(model, link, [*above, *bus], tree.buses.get_mut(place)?)?;
        }
    }
    for (phase, node) in nodes(model, root).into_iter().enumerate() {
        let voltage =
            node.and_then(|place| model.nodes.get(place)).map(|id| model.flow.voltage(*id) / model.base_v(*id));
        tree.root_pu[phase] = voltage.unwrap_or_default();
    }
    loads(model, &order, &mut tree);
    capacitors(model, &order, &mut tree);
    Some(tree)
}

/// Phase of a watched node by its number: nodes of a tree's buses are a, b, c.
fn nodes(model: &GridModel, bus: usize) -> [Option<usize>; 3] {
    let grid = model.flow.grid();
    std::array::from_fn(|phase| {
        let here = |id: &crate::solver::NodeId| {
            grid.nodes.get(id.0 as usize).is_some_and(|n| n.bus == bus && usize::from(n.number) == phase + 1)
        };
        model.nodes.iter().position(here)
    })
}

fn links(model: &GridModel) -> Option<Vec<Link>> {
    let grid = model.flow.grid();
    let feeder = &grid.feeder;
    let bus = |name: &str| grid.buses.iter().position(|bus| bus.name == name);
    let mut links = Vec::new();
    for (name, own) in &feeder.lines {
        if grid.element(Kind::Line, name).is_some_and(|id| grid.in_service(id)) {
            let primitive = line(feeder, name, own, feeder.frequency_hz, Part::Whole).ok()?;
            links.push(Link { buses: [bus(&own.from.bus)?, bus(&own.to.bus)?], primitive });
        }
    }
    for (index, (name, own)) in feeder.transformers.iter().enumerate() {
        if !grid.element(Kind::Transformer, name).is_some_and(|id| grid.in_service(id)) {
            continue;
        }
        let transformer = TransformerModel::new(name, own, Frequency::power(feeder.frequency_hz)).ok()?;
        let taps: Vec<f64> = (0..own.windings.len()).map(|winding| model.flow.tap_pu(index, winding)).collect();
        let mut y = Admittance::zeros(0);
        transformer.admittance(&taps, Part::Whole, &mut y);
        let [first, second] = own.windings.get(..2)? else { return None };
        let buses = [bus(&first.bus.bus)?, bus(&second.bus.bus)?];
        links.push(Link { buses, primitive: Primitive { terminals: transformer.terminals().to_vec(), y } });
    }
    Some(links)
}

/// Buses below the root with the one that feeds each, root first; `None` where there are loops.
fn below(grid: &Grid, links: &[Link], root: usize) -> Option<IndexMap<usize, usize>> {
    let mut neighbours: Vec<IndexSet<usize>> = vec![IndexSet::new(); grid.buses.len()];
    for [a, b] in links.iter().map(|link| link.buses) {
        neighbours.get_mut(a)?.insert(b);
        neighbours.get_mut(b)?.insert(a);
    }
    // What lies between the sources and the root is above it.
    let sources = grid.feeder.sources.values().filter_map(|s| grid.buses.iter().position(|bus| bus.name == s.bus.bus));
    let mut above: IndexSet<usize> = sources.filter(|bus| *bus != root).collect();
    let mut next = 0;
    while let Some(&bus) = above.get_index(next) {
        next += 1;
        above.extend(neighbours.get(bus)?.iter().copied().filter(|other| *other != root));
    }
    let mut order = IndexMap::from([(root, root)]);
    let mut next = 0;
    while let Some((&bus, &from)) = order.get_index(next) {
        next += 1;
        for &other in neighbours.get(bus)?.iter().filter(|other| **other != from && !above.contains(*other)) {
            if order.insert(other, bus).is_some() {
                return None;
            }
        }
    }
    Some(order)
}

/// Adds an element to the branch that feeds a bus.
fn stand(model: &GridModel, link: &Link, [above, below]: [usize; 2], bus: &mut TreeBus) -> Option<()> {
    let grid = model.flow.grid();
    let terminals = &link.primitive.terminals;
    let side = |bus: usize| if link.buses[0] == bus { 0 } else { 1 };
    let conductors = |bus: usize| {
        let terminal = side(bus);
        let before: usize = terminals[..terminal].iter().map(Vec::len).sum();
        let all = terminals[terminal].iter().enumerate();
        all.filter(|(_, c)| c.node != 0).map(|(k, c)| (before + k, usize::from(c.node) - 1)).collect::<Vec<_>>()
    };
    let (lower, upper) = (conductors(below), conductors(above));
    if terminals.len() != 2 || lower.iter().chain(&upper).any(|(_, phase)| *phase > 2) {
        return None;
    }
    let y = &link.primitive.y;
    let own = Admittance::from_fn(lower.len(), |r, c| y.get(lower[r].0, lower[c].0));
    let z = own.inverse()?;
    let base_v = |bus: usize| grid.buses.get(bus).map_or(1.0, |bus| bus.base_v);
    let z_base = base_v(below).powi(2) / model.layout.base_va;
    for (r, &(_, row)) in lower.iter().enumerate() {
        for (c, &(_, column)) in lower.iter().enumerate() {
            // A second element on the same phases would be a loop.
            if r == c && bus.z_pu[row][row] != Complex::default() {
                return None;
            }
            bus.z_pu[row][column] += z.get(r, c) / z_base;
        }
        for &(at, column) in &upper {
            let sum: Complex = lower.iter().enumerate().map(|(k, (own, _))| -z.get(r, k) * y.get(*own, at)).sum();
            let ratio = sum * base_v(above) / base_v(below);
            if row == column {
                bus.ratio[row] = ratio.norm();
            }
            let strange = if row == column { ratio.arg().abs() } else { ratio.norm() };
            if strange > MOST_TURN {
                return None;
            }
        }
    }
    Some(())
}

fn place(model: &GridModel, order: &IndexMap<usize, usize>, terminal: &Terminal) -> Option<usize> {
    let bus = model.flow.grid().buses.iter().position(|bus| bus.name == terminal.bus)?;
    order.get_index_of(&bus)
}

fn loads(model: &GridModel, order: &IndexMap<usize, usize>, tree: &mut Tree) {
    let grid = model.flow.grid();
    for (index, load) in grid.feeder.loads.values().enumerate().filter(|(index, _)| !model.loads.contains(index)) {
        let Some(place) = place(model, order, &load.bus) else { continue };
        let Some(bus) = order.get_index(place).and_then(|(bus, _)| grid.buses.get(*bus)) else { continue };
        let rated_v = if load.phases == 1 && load.connection == Connection::Wye { 1.0 } else { 1.0 / 3f64.sqrt() };
        let above_rated = bus.base_v / (load.v_kv * 1000.0 * rated_v);
        let power = model.flow.power(index) / model.layout.base_va;
        let (p, q) = exponents(load);
        let s = complex(power.re * above_rated.powf(p), power.im * above_rated.powf(q));
        let slope = complex(s.re * p / 2.0, s.im * q / 2.0);
        for (phase, share) in shares(load) {
            if let Some(bus) = tree.buses.get_mut(place) {
                bus.drawn_pu[phase] += share * s;
                bus.drawn_by_y[phase] += share * slope;
            }
        }
    }
}

/// How P and Q follow voltage: exponents about 1 pu.
fn exponents(load: &Load) -> (f64, f64) {
    match load.model {
        LoadModel::ConstantImpedance => (2.0, 2.0),
        LoadModel::MotorConstantP | LoadModel::FixedX => (0.0, 2.0),
        LoadModel::Exponential => (load.cvr_watts, load.cvr_vars),
        LoadModel::ConstantCurrent => (1.0, 1.0),
        LoadModel::Zip => {
            let z = load.zip.unwrap_or_default();
            (2.0 * z[0] + z[1], 2.0 * z[3] + z[4])
        }
        _ => (0.0, 0.0),
    }
}

/// Shares of a load's power by phase: a leg from a to b draws V_a·S/(V_a − V_b) from a.
fn shares(load: &Load) -> Vec<(usize, Complex)> {
    let delta = load.connection == Connection::Delta;
    let numbers = load.bus.conductors(load.phases, if delta { load.phases.max(2) } else { load.phases });
    let phases: Vec<usize> = numbers.into_iter().filter(|n| (1..=3).contains(n)).map(|n| usize::from(n) - 1).collect();
    let count = phases.len();
    if !delta || count < 2 {
        return phases.into_iter().map(|phase| (phase, complex(1.0 / count.max(1) as f64, 0.0))).collect();
    }
    let legs = if count == 2 { 1 } else { count };
    let even = |phase: usize| phasor(1.0, -120.0 * phase as f64);
    let ends = |leg: usize| {
        let (a, b) = (phases[leg], phases[(leg + 1) % count]);
        let across = (even(a) - even(b)) * legs as f64;
        [(a, even(a) / across), (b, -even(b) / across)]
    };
    (0..legs).flat_map(ends).collect()
}

fn capacitors(model: &GridModel, order: &IndexMap<usize, usize>, tree: &mut Tree) {
    let grid = model.flow.grid();
    for (index, bank) in grid.feeder.capacitors.values().enumerate() {
        let Some(place) = place(model, order, &bank.bus) else { continue };
        let Some(bus) = order.get_index(place).and_then(|(bus, _)| grid.buses.get(*bus)) else { continue };
        let closed = model.flow.capacitor_steps(index).iter().zip(&bank.q_kvar).filter(|(closed, _)| **closed);
        let rated_v = bank.v_kv * 1000.0 / if bank.phases == 1 { 1.0 } else { 3f64.sqrt() };
        let q_var = closed.map(|(_, q)| q * 1000.0).sum::<f64>() * (bus.base_v / rated_v).powi(2);
        let share = complex(0.0, -q_var / bank.phases.max(1) as f64 / model.layout.base_va);
        for number in bank.bus.conductors(bank.phases, bank.phases).into_iter().filter(|n| (1..=3).contains(n)) {
            if let Some(bus) = tree.buses.get_mut(place) {
                bus.drawn_pu[usize::from(number) - 1] += share;
                bus.drawn_by_y[usize::from(number) - 1] += share;
            }
        }
    }
}
