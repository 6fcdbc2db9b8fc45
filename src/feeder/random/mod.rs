//! Feeders made from a seed: radial (or weakly meshed), unbalanced, plausible – for tests, sweeps and first steps.
//!
//! Bus 1 is the source's, bus 2 the substation's; every further bus hangs on an earlier one: it starts a feeder, extends a
//! trunk, or belongs to a lateral, whose phases are some of its parent's. All that is random about bus k is noise of
//! (seed, what it is, k), so that an option changes nothing but what it is about. Lengths are drawn like those of a town
//! and then shortened together until the worst voltage drop, estimated from above with every phase's current and the
//! conductor's self-impedance, is `DROP_PU`: a planner's rule that keeps voltages between 0.9 and 1.06 for any size,
//! voltage and load. Conductors are configurations 601–607 of the IEEE 13-node test feeder (IEEE PES Distribution Test
//! Feeder Working Group, 1992).
//!
//! Limits: no split-phase secondaries, no underground networks of their own, one substation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod codes;
mod equipment;

use codes::codes;
use equipment::{capacitors, pv, substation, ties};

use super::{Bus, Connection, Feeder, Line, Load, LoadModel, LoadStatus, Solve, Terminal, Unit, defaults as d};
use crate::diagnostic::{Diagnostic, Span};
use crate::quantity::Noise;

/// Largest estimated voltage drop along lines, per unit.
const DROP_PU: f64 = 0.05;
/// Voltage to which the substation's taps raise, per unit.
const TAP_PU: f64 = 1.03;
/// Power factor between these.
const POWER_FACTOR: [f64; 2] = [0.88, 0.98];

/// A feeder made from a seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomFeeder {
    /// Seed: the same gives the same feeder.
    #[serde(default = "one")]
    pub seed: u64,
    /// Number of buses, source and substation included: 2 to 100,000.
    pub buses: usize,
    /// Line-to-line voltage in kV: 2 to 35.
    #[serde(default = "medium_kv")]
    pub v_kv: f64,
    /// Mean load of a bus in kVA.
    #[serde(default = "load_kva")]
    pub load_kva_per_bus: f64,
    /// Closed tie lines between three-phase buses, as a share of the buses: 0 (radial) to 0.2.
    #[serde(default)]
    pub mesh: f64,
    /// Share of loads with a photovoltaic system of the load's size: 0 to 1.
    #[serde(default)]
    pub pv_share: f64,
    /// The substation's transformer regulates its voltage.
    #[serde(default, skip_serializing_if = "d::is_no")]
    pub regulator: bool,
}

fn one() -> u64 {
    1
}

fn medium_kv() -> f64 {
    12.47
}

fn load_kva() -> f64 {
    30.0
}

impl Default for RandomFeeder {
    fn default() -> Self {
        let (v_kv, load_kva_per_bus) = (medium_kv(), load_kva());
        Self { seed: 1, buses: 50, v_kv, load_kva_per_bus, mesh: 0.0, pv_share: 0.0, regulator: false }
    }
}

impl RandomFeeder {
    /// What is wrong with it; `place` is where a key's value stands.
    pub fn check(&self, place: impl Fn(&str) -> Option<Span>) -> Vec<Diagnostic> {
        #[allow(clippy::cast_precision_loss, reason = "a number of buses")]
        let keys = [
            ("buses", self.buses as f64, 2.0, 100_000.0),
            ("v_kv", self.v_kv, 2.0, 35.0),
            ("load_kva_per_bus", self.load_kva_per_bus, 0.001, 10_000.0),
            ("mesh", self.mesh, 0.0, 0.2),
            ("pv_share", self.pv_share, 0.0, 1.0),
        ];
        let wrong = keys.into_iter().filter(|(_, value, low, high)| !(low..=high).contains(&value));
        let finding = |(key, value, low, high): (&str, f64, f64, f64)| {
            let message = format!("{key} of a random feeder is {value}");
            Diagnostic::error("E0280", message).at(place(key)).help(format!("it is from {low} to {high}"))
        };
        wrong.map(finding).collect()
    }
}

/// A bus while the feeder grows.
struct Place {
    parent: usize,
    phases: Vec<u16>,
    trunk: bool,
    code: &'static str,
    length_m: f64,
    heading_rad: f64,
    x_m: f64,
    y_m: f64,
    /// Power drawn from each phase here, and with all that hangs on it, in kVA.
    own_kva: [f64; 3],
    below_kva: [f64; 3],
}

/// Draws of one feeder.
struct Draws(u64);

impl Draws {
    fn uniform(&self, what: &str, k: usize) -> f64 {
        Noise::new(self.0, what).uniform(k as u64)
    }

    fn between(&self, what: &str, k: usize, [low, high]: [f64; 2]) -> f64 {
        low + (high - low) * self.uniform(what, k)
    }

    /// One of `count` things.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    fn pick(&self, what: &str, k: usize, count: usize) -> usize {
        ((self.uniform(what, k) * count as f64) as usize).min(count.saturating_sub(1))
    }
}

/// Makes the feeder of a seed. Options out of their range (see [`RandomFeeder::check`]) are taken as the nearest in it.
pub fn generate(options: &RandomFeeder) -> Feeder {
    let options = RandomFeeder {
        buses: options.buses.clamp(2, 100_000),
        v_kv: options.v_kv.clamp(2.0, 35.0),
        load_kva_per_bus: options.load_kva_per_bus.clamp(0.001, 10_000.0),
        mesh: options.mesh.clamp(0.0, 0.2),
        pv_share: options.pv_share.clamp(0.0, 1.0),
        ..*options
    };
    let draws = Draws(options.seed);
    let mut places = grow(&options, &draws);
    let mut feeder = empty(&options);
    for k in 0..places.len() {
        add_load(&options, &draws, k, &mut places, &mut feeder);
    }
    size(&options, &mut places);
    substation(&options, &places, &mut feeder);
    for (k, place) in places.iter().enumerate() {
        let bus = Bus { x: Some(place.x_m.round()), y: Some(place.y_m.round()), base_kv: None };
        feeder.buses.insert(name(k), bus);
        if k > 0 {
            feeder.lines.insert(format!("line{}", k + 2), line(&places, k));
        }
    }
    ties(&options, &draws, &places, &mut feeder);
    capacitors(&options, &places, &mut feeder);
    feeder.line_codes = codes().into_iter().map(|(name, code)| (name.to_owned(), code)).collect();
    let lines = &feeder.lines;
    feeder.line_codes.retain(|name, _| lines.values().any(|line| line.code.as_ref() == Some(name)));
    feeder
}

/// The name of a place: the substation's bus is 2.
fn name(place: usize) -> String {
    format!("{}", place + 2)
}

fn grow(options: &RandomFeeder, draws: &Draws) -> Vec<Place> {
    let mut places = vec![Place {
        parent: 0,
        phases: vec![1, 2, 3],
        trunk: true,
        code: "601",
        length_m: 0.0,
        heading_rad: 0.0,
        x_m: 0.0,
        y_m: 0.0,
        own_kva: [0.0; 3],
        below_kva: [0.0; 3],
    }];
    // The last bus of each feeder's trunk.
    let mut ends: Vec<usize> = Vec::new();
    for k in 1..options.buses - 1 {
        let kind = draws.uniform("kind", k);
        if ends.is_empty() || kind < 0.005 {
            let turn = std::f64::consts::TAU * draws.uniform("heading", k);
            ends.push(k);
            places.push(child(draws, k, 0, &places[0], [1, 2, 3].to_vec(), true, turn));
        } else if kind < 0.3 {
            let end = draws.pick("trunk", k, ends.len());
            let parent = std::mem::replace(&mut ends[end], k);
            let turn = draws.between("heading", k, [-0.3, 0.3]);
            places.push(child(draws, k, parent, &places[parent], [1, 2, 3].to_vec(), true, turn));
        } else {
            let goes_on = !places[k - 1].trunk && draws.uniform("goes on", k) < 0.6;
            let parent = if goes_on { k - 1 } else { 1 + draws.pick("parent", k, k - 1) };
            let phases = some_phases(draws, k, &places[parent].phases);
            let side = if draws.uniform("side", k) < 0.5 { -1.0 } else { 1.0 };
            let off = if goes_on { 0.0 } else { side * std::f64::consts::FRAC_PI_2 };
            let turn = off + draws.between("heading", k, [-0.4, 0.4]);
            places.push(child(draws, k, parent, &places[parent], phases, false, turn));
        }
    }
    places
}

/// The phases of a lateral: those of its parent or fewer.
fn some_phases(draws: &Draws, k: usize, parent: &[u16]) -> Vec<u16> {
    let u = draws.uniform("phases", k);
    let count = match parent.len() {
        3 if u < 0.2 => 3,
        3 if u < 0.4 => 2,
        2 if u < 0.6 => 2,
        _ => 1,
    };
    let first = draws.pick("phase", k, parent.len());
    let mut phases: Vec<u16> = (0..count).filter_map(|i| parent.get((first + i) % parent.len()).copied()).collect();
    phases.sort_unstable();
    phases
}

fn child(draws: &Draws, k: usize, parent: usize, from: &Place, phases: Vec<u16>, trunk: bool, turn: f64) -> Place {
    let length_m = draws.between("length", k, if trunk { [100.0, 300.0] } else { [50.0, 150.0] });
    let cable = !trunk && draws.uniform("cable", k) < 0.15;
    let code = match (phases.len(), trunk, cable) {
        (3, true, _) => "601",
        (3, false, false) => "602",
        (3, false, true) => "606",
        (2, ..) => "603",
        (_, _, true) => "607",
        _ => "605",
    };
    let heading_rad = from.heading_rad + turn;
    Place {
        parent,
        phases,
        trunk,
        code,
        length_m,
        heading_rad,
        x_m: from.x_m + length_m * heading_rad.cos(),
        y_m: from.y_m + length_m * heading_rad.sin(),
        own_kva: [0.0; 3],
        below_kva: [0.0; 3],
    }
}

fn add_load(options: &RandomFeeder, draws: &Draws, k: usize, places: &mut [Place], feeder: &mut Feeder) {
    // The substation's bus has a load only where there is no other.
    let alone = places.len() == 1;
    if (k == 0 && !alone) || (k > 1 && draws.uniform("load", k) < 0.15) {
        return;
    }
    let place = &mut places[k];
    // Many small, few large: lognormal with the wanted mean, cut at three times it.
    let size = (Noise::new(draws.0, "size").normal(k as u64) * 0.6 - 0.18).exp().min(3.0);
    let s_kva = options.load_kva_per_bus * size / 0.85;
    let u = draws.uniform("load phases", k);
    let (nodes, phases, connection) = match place.phases.len() {
        3 if u < 0.15 => (place.phases.clone(), 3, Connection::Delta),
        3 if u < 0.4 => (place.phases.clone(), 3, Connection::Wye),
        2 if u < 0.2 => (place.phases.clone(), 1, Connection::Delta),
        n => (vec![place.phases[draws.pick("load phase", k, n)]], 1, Connection::Wye),
    };
    for node in &nodes {
        #[allow(clippy::cast_precision_loss, reason = "three at most")]
        let share = s_kva / nodes.len() as f64;
        place.own_kva[usize::from(*node) - 1] += share;
    }
    let v_kv = if phases == 3 || connection == Connection::Delta { options.v_kv } else { options.v_kv / 3f64.sqrt() };
    let factor = draws.between("power factor", k, POWER_FACTOR);
    let zip = draws.uniform("model", k) < 0.5;
    let bus = Terminal { bus: name(k), nodes };
    if draws.uniform("pv", k) < options.pv_share {
        feeder.pv_systems.insert(format!("pv{}", k + 2), pv(&bus, phases, connection, v_kv, rounded(s_kva * factor)));
    }
    let load = Load {
        connection,
        model: if zip { LoadModel::Zip } else { LoadModel::ConstantPower },
        p_kw: rounded(s_kva * factor),
        q_kvar: rounded(s_kva * (1.0 - factor * factor).sqrt()),
        v_min_pu: 0.85,
        v_max_pu: 1.15,
        zip: zip.then_some([0.4, 0.3, 0.3, 0.6, 0.2, 0.2, 0.0]),
        status: LoadStatus::Variable,
        ..Load::constant_power(bus, phases, v_kv)
    };
    feeder.loads.insert(format!("load{}", k + 2), load);
}

/// Nobody states a load to more than a watt (small ones to six digits).
fn rounded(x: f64) -> f64 {
    let unit = if x >= 1.0 { 1e-3 } else { 1e-9 };
    (x / unit).round() * unit
}

/// Sums up what hangs on each bus, and shortens all lines until the worst voltage drop is what a planner allows.
fn size(options: &RandomFeeder, places: &mut [Place]) {
    // Children come after their parents.
    for k in (0..places.len()).rev() {
        for phase in 0..3 {
            let below = places[k].below_kva[phase] + places[k].own_kva[phase];
            places[k].below_kva[phase] = below;
            if k > 0 {
                let parent = places[k].parent;
                places[parent].below_kva[phase] += below;
            }
        }
    }
    let phase_kv = options.v_kv / 3f64.sqrt();
    let mut drops_pu = vec![0.0; places.len()];
    for k in 1..places.len() {
        let place = &places[k];
        let most_kva = place.below_kva.iter().copied().fold(0.0, f64::max);
        let ohm = self_ohm_per_mile(place.code) * place.length_m / Unit::Mi.metres();
        drops_pu[k] = drops_pu[place.parent] + most_kva / phase_kv * ohm / (1000.0 * phase_kv);
    }
    let worst = drops_pu.iter().copied().fold(0.0, f64::max);
    let factor = if worst > DROP_PU { DROP_PU / worst } else { 1.0 };
    for place in places.iter_mut() {
        place.length_m *= factor;
        place.x_m *= factor;
        place.y_m *= factor;
    }
}

/// Magnitude of a conductor's self-impedance in ohm per mile.
fn self_ohm_per_mile(code: &str) -> f64 {
    match code {
        "601" => 1.1,
        "602" => 1.42,
        "606" => 0.92,
        "607" => 1.44,
        _ => 1.9,
    }
}

fn line(places: &[Place], k: usize) -> Line {
    let place = &places[k];
    let end = |bus: usize| Terminal { bus: name(bus), nodes: place.phases.clone() };
    // Lengths to a hundredth of a millimetre: thousands of buses at low voltage stand close.
    let length_m = Some((place.length_m * 1e5).round().max(1.0) / 1e5);
    Line { from: end(place.parent), to: end(k), code: Some(place.code.into()), length_m, ..line_defaults() }
}

fn line_defaults() -> Line {
    Line { earth_ohm_m: d::hundred(), ..Line::default() }
}

fn empty(options: &RandomFeeder) -> Feeder {
    Feeder {
        feeder: format!("random_{}_{}", options.buses, options.seed),
        title: Some(format!("Generated feeder of {} buses, seed {}", options.buses, options.seed)),
        provenance: Some("generated; conductors: IEEE 13-node test feeder, configurations 601-607".into()),
        frequency_hz: d::sixty(),
        voltage_bases_kv: vec![115.0, options.v_kv],
        solve: Solve::default(),
        earth_model: super::EarthModel::default(),
        buses: super::Named::default(),
        sources: super::Named::default(),
        line_codes: super::Named::default(),
        wires: super::Named::default(),
        cables: super::Named::default(),
        geometries: super::Named::default(),
        lines: super::Named::default(),
        transformers: super::Named::default(),
        regulators: super::Named::default(),
        capacitors: super::Named::default(),
        capacitor_controls: super::Named::default(),
        reactors: super::Named::default(),
        loads: super::Named::default(),
        distributed_loads: super::Named::default(),
        generators: super::Named::default(),
        pv_systems: super::Named::default(),
        storages: super::Named::default(),
        current_sources: super::Named::default(),
        spectra: super::Named::default(),
        faults: super::Named::default(),
        shapes: super::Named::default(),
        origins: super::Origins::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{check, yaml};
    use super::*;

    #[test]
    fn a_seed_gives_the_same_bytes_and_another_seed_others() {
        let text = |seed| yaml::write(&generate(&RandomFeeder { seed, ..RandomFeeder::default() }));
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
    }

    #[test]
    fn it_is_sound_and_reads_back_as_it_was() {
        for buses in [2, 3, 4, 17, 300] {
            let options = RandomFeeder { buses, mesh: 0.1, pv_share: 0.5, regulator: true, ..RandomFeeder::default() };
            let feeder = generate(&options);
            assert_eq!(check(&feeder), [], "{buses} buses");
            assert_eq!(feeder.bus_nodes().len(), buses);
            let mut back = yaml::from_text(yaml::write(&feeder), std::path::Path::new("r.yaml"));
            assert!(back.diagnostics.is_empty(), "{:?}", back.diagnostics);
            back.feeder.as_mut().unwrap().origins = super::super::Origins::default();
            assert_eq!(back.feeder.unwrap(), feeder);
        }
    }

    #[test]
    fn an_option_moves_nothing_but_what_it_is_about() {
        let plain = generate(&RandomFeeder::default());
        let sunny = generate(&RandomFeeder { pv_share: 0.4, ..RandomFeeder::default() });
        assert!(!sunny.pv_systems.is_empty() && plain.pv_systems.is_empty());
        assert_eq!(Feeder { pv_systems: plain.pv_systems.clone(), ..sunny.clone() }, plain);
        let more = generate(&RandomFeeder { pv_share: 0.8, ..RandomFeeder::default() });
        assert!(sunny.pv_systems.iter().all(|(name, pv)| more.pv_systems.get(name) == Some(pv)), "those stay");
    }

    #[test]
    fn options_out_of_range_are_found() {
        let options = RandomFeeder { buses: 1, v_kv: f64::NAN, pv_share: 2.0, ..RandomFeeder::default() };
        let found = options.check(|_| None);
        assert_eq!(found.iter().filter(|f| f.code == "E0280").count(), 3);
        assert!(RandomFeeder::default().check(|_| None).is_empty());
    }
}
