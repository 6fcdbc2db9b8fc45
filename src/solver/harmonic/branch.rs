//! Loads and power sources of the feeder at orders other than the fundamental: their admittance, and what they emit.

use super::group::{Eight, Group, LANES};
use super::settings::{HarmonicSettings, LoadAdmittance};
use crate::feeder::{Connection, Feeder, Load, Spectrum};
use crate::quantity::{Complex, complex, phasor};
use crate::solver::injection::Injections;

/// CIGRÉ model C: reactance in series with the load's resistance, by that; and its reactance beside it.
const CIGRE_SERIES: f64 = 0.073;
const CIGRE_SLOPE: f64 = 6.7;
const CIGRE_OFFSET: f64 = 0.74;
/// Default kVA of a generator by its kW (OpenDSS's).
const KVA_BY_KW: f64 = 1.2;

/// How a branch's admittance follows frequency and its load's power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Law {
    /// No admittance.
    Nothing,
    /// A load: share of it in series, the rest in parallel.
    Share(f64),
    /// A load whose series share is a motor: the rest's share, and the motor's impedance in ohm at the fundamental.
    Motor(f64, Complex),
    /// A load by CIGRÉ's model C.
    CigreC,
    /// A load: R and L in parallel, both growing weaker with the order.
    Skin,
    /// An emf behind this admittance at the fundamental, in S.
    Behind(Complex),
}

/// How a branch emits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Emits {
    Nothing,
    /// A current: its load's own at the fundamental, by the spectrum of this number.
    Current(u32),
    /// An emf behind its admittance: element, by the spectrum of this number.
    Emf {
        machine: u32,
        spectrum: u32,
    },
}

/// One load or source branch of the feeder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct HarmonicBranch {
    pub law: Law,
    pub emits: Emits,
    /// Degrees of the fundamental that its emf is turned by, and that of its other end (delta machines).
    pub turn_deg: [f64; 2],
    /// Whether its other end has an emf of its own.
    pub delta: bool,
}

/// Phase 1 of a machine: where its internal emf is taken from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Machine {
    /// Impedance in ohm at the fundamental.
    pub z_ohm: Complex,
    /// Branch of its first phase, and the one that returns there too (delta).
    pub first: u32,
    pub last: Option<u32>,
}

/// One line of a spectrum: order's place in the study, the order, multiplier.
pub(super) type Line = (u32, f64, Complex);

/// What a spectrum has at the study's orders.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lines {
    pub lines: Vec<Line>,
}

/// What a spectrum multiplies: a fundamental current or emf, by magnitude and unit phasor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Emission {
    pub spectrum: usize,
    pub magnitude: f64,
    pub along: Complex,
}

impl Lines {
    pub(super) fn new(spectrum: &Spectrum, orders: &[f64]) -> Self {
        let line = |(k, &order): (usize, &f64)| (k as u32, order, spectrum.multiplier(order));
        let nonzero = |(_, _, multiplier): &Line| *multiplier != complex(0.0, 0.0);
        Self { lines: orders.iter().enumerate().map(line).filter(nonzero).collect() }
    }
}

/// All branches, as a study sees them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Branches {
    pub branches: Vec<HarmonicBranch>,
    pub machines: Vec<Machine>,
    pub spectra: Vec<Lines>,
}

/// What a feeder's element is as a machine: an emf behind an impedance.
struct Behind<'a> {
    connection: Connection,
    /// Impedance in ohm at the fundamental, phase to neutral.
    z_ohm: Complex,
    spectrum: Option<&'a Spectrum>,
}

impl Branches {
    pub(super) fn new(feeder: &Feeder, injections: &Injections, orders: &[f64], settings: &HarmonicSettings) -> Self {
        let nothing = HarmonicBranch { law: Law::Nothing, emits: Emits::Nothing, turn_deg: [0.0; 2], delta: false };
        let mut all = Self { branches: vec![nothing; injections.len()], ..Self::default() };
        for element in 0..injections.elements() {
            if settings.replaced.contains(&element) {
                continue;
            }
            match feeder.loads.get_index(element) {
                Some((_, load)) => all.add_load(feeder, load, injections, element, orders, settings),
                None => {
                    if let Some(behind) = behind(feeder, element) {
                        all.add_machine(&behind, injections, element, orders);
                    }
                }
            }
        }
        all
    }

    fn add_load(
        &mut self,
        feeder: &Feeder,
        load: &Load,
        injections: &Injections,
        element: usize,
        orders: &[f64],
        settings: &HarmonicSettings,
    ) {
        let emits = feeder.spectrum_of_load(load).map_or(Emits::Nothing, |s| Emits::Current(self.spectrum(s, orders)));
        let law = law_of(load, settings.load_admittance);
        for branch in injections.branches_of(element) {
            self.branches[branch] = HarmonicBranch { law, emits, ..self.branches[branch] };
        }
    }

    fn add_machine(&mut self, behind: &Behind<'_>, injections: &Injections, element: usize, orders: &[f64]) {
        let count = injections.branch_count(element);
        let by_phase = |phase: usize| {
            injections.branches_of(element).find(|&b| injections.element_and_phase(b).1 == phase).map(|b| b as u32)
        };
        let Some(first) = by_phase(0) else { return };
        let delta = behind.connection == Connection::Delta;
        // One phase between two nodes is as rated across them; OpenDSS has a third of it, to ground.
        let share = if delta && count > 1 { 1.0 / 3.0 } else { 1.0 };
        let law = Law::Behind(share / behind.z_ohm);
        let last = (delta && count > 1).then(|| by_phase(count - 1)).flatten();
        let machine = self.machines.len() as u32;
        self.machines.push(Machine { z_ohm: behind.z_ohm, first, last });
        let emits = behind.spectrum.map_or(Emits::Nothing, |spectrum| {
            let spectrum = self.spectrum(spectrum, orders);
            Emits::Emf { machine, spectrum }
        });
        for branch in injections.branches_of(element) {
            let phase = injections.element_and_phase(branch).1;
            let turn = |phase: usize| -120.0 * phase as f64;
            self.branches[branch] =
                HarmonicBranch { law, emits, turn_deg: [turn(phase), turn((phase + 1) % count.max(1))], delta };
        }
    }

    fn spectrum(&mut self, spectrum: &Spectrum, orders: &[f64]) -> u32 {
        let lines = Lines::new(spectrum, orders);
        let known = self.spectra.iter().position(|known| *known == lines);
        known.unwrap_or_else(|| {
            self.spectra.push(lines);
            self.spectra.len() - 1
        }) as u32
    }
}

fn law_of(load: &Load, admittance: LoadAdmittance) -> Law {
    match admittance {
        LoadAdmittance::Parallel => Law::Share(0.0),
        LoadAdmittance::Series => Law::Share(1.0),
        LoadAdmittance::CigreC => Law::CigreC,
        LoadAdmittance::Skin => Law::Skin,
        LoadAdmittance::Feeder => {
            let share = load.series_rl_percent / 100.0;
            match load.harmonic_x_pu.filter(|x| *x > 0.0 && share != 0.0) {
                None => Law::Share(share),
                Some(x_pu) => {
                    let kva = load.p_kw.hypot(load.q_kvar);
                    let x_ohm = load.v_kv * load.v_kv * 1000.0 / (kva * share) * x_pu;
                    Law::Motor(1.0 - share, complex(x_ohm / load.harmonic_x_over_r, x_ohm))
                }
            }
        }
    }
}

/// Generators, then PV systems and storages, as an emf behind an impedance.
fn behind(feeder: &Feeder, element: usize) -> Option<Behind<'_>> {
    let base_ohm = |v_kv: f64, s_kva: f64| 1000.0 * v_kv * v_kv / s_kva;
    let index = element - feeder.loads.len();
    if let Some((_, g)) = feeder.generators.get_index(index) {
        let s_kva = g.s_kva.unwrap_or(KVA_BY_KW * g.p_kw);
        let z_ohm = complex(0.0, g.x_subtransient_pu * base_ohm(g.v_kv, s_kva));
        let usable = z_ohm.is_finite() && z_ohm.norm_sqr() > 0.0;
        return usable.then(|| Behind { connection: g.connection, z_ohm, spectrum: feeder.spectrum_of_generator(g) });
    }
    let index = index - feeder.generators.len();
    let percent = |r: f64, x: f64, base: f64| complex(r / 100.0 * base, x / 100.0 * base);
    let (connection, z_ohm, spectrum) = if let Some((_, pv)) = feeder.pv_systems.get_index(index) {
        let z_ohm = percent(pv.r_percent, pv.x_percent, base_ohm(pv.v_kv, pv.s_kva));
        (pv.connection, z_ohm, feeder.spectrum_of_pv_system(pv))
    } else {
        let (_, s) = feeder.storages.get_index(index - feeder.pv_systems.len())?;
        let z_ohm = percent(s.r_percent, s.x_percent, base_ohm(s.v_kv, s.s_kva.unwrap_or(s.p_rated_kw)));
        (s.connection, z_ohm, feeder.spectrum_of_storage(s))
    };
    (z_ohm.is_finite() && z_ohm.norm_sqr() > 0.0).then_some(Behind { connection, z_ohm, spectrum })
}

impl HarmonicBranch {
    /// Whether it is a load's, whose power is what the network sees of it.
    pub(super) const fn is_load(&self) -> bool {
        !matches!(self.law, Law::Nothing | Law::Behind(_))
    }

    /// Current injected into the network at one line of its spectrum, in A; `y` is its admittance.
    pub(super) fn emits_a(&self, of: &Emission, &(_, h, multiplier): &Line, y: &Eight, lane: usize) -> Complex {
        let emitted = multiplier * of.magnitude * turned(of.along, h);
        match self.emits {
            Emits::Nothing => complex(0.0, 0.0),
            // At the fundamental a load is its admittance, and draws by that.
            Emits::Current(_) if Group::is_fundamental(h) => complex(0.0, 0.0),
            Emits::Current(_) => -emitted,
            Emits::Emf { .. } => {
                let [own, other] = self.turn_deg.map(|deg| phasor(1.0, h * deg));
                let across = emitted * if self.delta { own - other } else { own };
                Group::lane(y, lane) * across
            }
        }
    }

    /// Its admittance in S at a multiple of the feeder's frequency, for a present admittance `y` (rated voltage,
    /// fundamental); shares are computed in lanes elsewhere.
    pub(super) fn at_order(&self, y: Complex, h: f64) -> Complex {
        let one = complex(1.0, 0.0);
        match self.law {
            Law::Nothing | Law::Share(_) => complex(0.0, 0.0),
            Law::Motor(rest, z) => complex(y.re, y.im / h) * rest + one / complex(z.re, h * z.im),
            Law::Behind(y) => complex(y.re, y.im / h),
            Law::Skin => complex(y.re, y.im / h) * (0.1 * h + 0.9),
            Law::CigreC if y.re == 0.0 => complex(0.0, y.im / h),
            Law::CigreC => {
                // R/X of the parallel reactance; where the formula's is negative (nearly no reactive power), none.
                let beside = (CIGRE_SLOPE * (-y.im / y.re) - CIGRE_OFFSET).max(0.0);
                one / (complex(1.0, CIGRE_SERIES * h) / y.re) + complex(0.0, -y.re * beside / h)
            }
        }
    }
}

/// e^{j·h·θ} for a unit phasor u = e^{jθ}.
pub(super) fn turned(u: Complex, h: f64) -> Complex {
    if h.fract() == 0.0 && h <= 64.0 { u.powu(h as u32) } else { Complex::from_polar(1.0, h * u.arg()) }
}

/// Adds to one lane.
pub(super) fn add_to(x: &mut Eight, lane: usize, value: Complex) {
    x[0][lane] += value.re;
    x[1][lane] += value.im;
}

impl Group {
    /// The group and lane of an order's place.
    pub(super) const fn of(order: usize) -> (usize, usize) {
        (order / LANES, order % LANES)
    }
}
