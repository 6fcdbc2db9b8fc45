//! Transformers of any number of phases and windings.
//!
//! Each phase is a set of coupled windings: short-circuit impedances between winding pairs give the admittance of the
//! windings on a one-volt base (nodal form of the short-circuit tests, R. C. Dugan, "A perspective on transformer
//! modeling for distribution system analysis", 2003); turns, connection and taps then place it at the conductors. A
//! core-loss and magnetising branch stands at the second winding. Limits: no saturation, no coupling between phases.
//! See `docs/models/transformer.md`.

use super::{
    Admittance, Behaviour, Conductor, ElementError, Frequency, Part, Reason, conductors, count, phase_voltage_v,
    positive,
};
use crate::feeder::{Connection, PhaseShift, Transformer};
use crate::quantity::{Complex, complex};

/// A solidly grounded neutral: a micro-ohm, in siemens.
const SOLID_NEUTRAL_S: f64 = 1e6;
/// A tap of exactly zero is read as this.
const ZERO_TAP_PU: f64 = 1e-4;

/// A transformer as coupled windings between pairs of conductors, at given taps. Currents computed from it keep what the
/// nodal matrix loses to rounding: the common voltage of a floating delta winding, which only the tiny anti-float
/// susceptances hold.
#[derive(Clone, Debug, Default)]
pub struct Windings {
    count: usize,
    /// Admittance between windings, row-major, in siemens: winding currents from winding voltages.
    y: Vec<Complex>,
    /// The two conductors of each winding, phase after phase.
    ends: Vec<[u16; 2]>,
    /// Admittance of each conductor to ground.
    shunt: Vec<Complex>,
}

impl Windings {
    /// Currents into the conductors, in A, at voltages `v` of the conductors to ground.
    pub fn currents(&self, v: &[Complex], out: &mut [Complex]) {
        for ((out, y), v) in out.iter_mut().zip(&self.shunt).zip(v) {
            *out = y * v;
        }
        for ends in self.ends.chunks(self.count.max(1)) {
            for (&[a, b], row) in ends.iter().zip(self.y.chunks(self.count)) {
                let i = current(row, ends, |conductor| v[conductor]);
                out[usize::from(a)] += i;
                out[usize::from(b)] -= i;
            }
        }
    }

    /// Calls `take` with each winding and the current through it, in A, phase after phase; `v` is the voltage of a
    /// conductor to ground.
    pub fn through(&self, v: impl Fn(usize) -> Complex, mut take: impl FnMut(usize, Complex)) {
        for ends in self.ends.chunks(self.count.max(1)) {
            for (winding, row) in self.y.chunks(self.count.max(1)).enumerate() {
                take(winding, current(row, ends, &v));
            }
        }
    }
}

/// Current through a winding: its row of the admittance between windings times the voltages across the windings.
fn current(row: &[Complex], ends: &[[u16; 2]], v: impl Fn(usize) -> Complex) -> Complex {
    row.iter().zip(ends).map(|(y, &[a, b])| y * (v(usize::from(a)) - v(usize::from(b)))).sum()
}

/// A transformer's admittance as a function of its taps.
#[derive(Clone, Debug)]
pub struct TransformerModel {
    terminals: Vec<Vec<Conductor>>,
    windings: Vec<WindingModel>,
    /// Admittance of one phase's windings on a one-volt base.
    series_s: Admittance,
    /// Core loss and magnetising admittance of one phase at the second winding, on a one-volt base.
    core_s: Complex,
}

#[derive(Clone, Debug)]
struct WindingModel {
    v_base_v: f64,
    tap_pu: f64,
    anti_float_s: f64,
    /// Index of the neutral conductor and its admittance to ground.
    neutral: Option<(usize, Complex)>,
    /// The two conductors of each phase.
    ends: Vec<(usize, usize)>,
}

impl TransformerModel {
    /// Reduces a transformer to its admittance per phase.
    ///
    /// # Errors
    /// When it has no phase, fewer than two windings or reactances, a rating that is not positive, or impedances that
    /// cannot be inverted.
    pub fn new(name: &str, transformer: &Transformer, at: Frequency) -> Result<Self, ElementError> {
        Self::as_behaves(name, transformer, at, &Behaviour::OpenDss)
    }

    /// The same with resistances that follow frequency otherwise.
    ///
    /// # Errors
    /// As [`TransformerModel::new`].
    pub fn as_behaves(
        name: &str,
        transformer: &Transformer,
        at: Frequency,
        behaviour: &Behaviour,
    ) -> Result<Self, ElementError> {
        Self::reduce(transformer, at, behaviour).map_err(|reason| reason.of("transformer", name))
    }

    fn reduce(transformer: &Transformer, at: Frequency, behaviour: &Behaviour) -> Result<Self, Reason> {
        let phases = count("phases", transformer.phases, 1)?;
        count("windings", transformer.windings.len(), 2)?;
        let first = transformer.windings.first().ok_or(Reason::Missing("the first winding"))?;
        let s_phase_va = positive("s_kva", first.s_kva)? * 1000.0 / phases as f64;
        let turn = delta_turn(transformer);
        let windings = (0..transformer.windings.len())
            .map(|w| WindingModel::new(transformer, w, s_phase_va, turn, at))
            .collect::<Result<Vec<_>, _>>()?;
        count("conductors at all windings", transformer.windings.len() * (phases + 1), 2)?;
        let terminals = transformer.windings.iter().map(|w| conductors(&w.bus, phases, phases + 1)).collect();
        let core = complex(transformer.no_load_loss_percent, -transformer.magnetizing_percent / at.order());
        let model = Self {
            terminals,
            windings,
            series_s: one_volt_admittance(transformer, s_phase_va, at, behaviour)?,
            core_s: core / 100.0 * s_phase_va,
        };
        let mut y = Admittance::default();
        model.admittance(&[], Part::Whole, &mut y);
        if y.is_finite() { Ok(model) } else { Err(Reason::NotFinite) }
    }

    /// The conductors of each winding: its phases, then its neutral.
    pub fn terminals(&self) -> &[Vec<Conductor>] {
        &self.terminals
    }

    /// The two conductors (of the winding's own terminal, 0-based) that each phase of a winding stands between.
    pub fn winding_ends(&self, winding: usize) -> impl Iterator<Item = [usize; 2]> {
        let before: usize = self.terminals[..winding].iter().map(Vec::len).sum();
        self.windings[winding].ends.iter().map(move |&(a, b)| [a - before, b - before])
    }

    /// Writes the windings at given taps, one per winding. Allocates only the first time.
    pub fn write_windings(&self, taps_pu: &[f64], out: &mut Windings) {
        let count = self.windings.len();
        out.count = count;
        out.y.clear();
        out.ends.clear();
        for (p, from) in self.windings.iter().enumerate() {
            for (q, to) in self.windings.iter().enumerate() {
                let core_s = if (p, q) == (1, 1) { self.core_s } else { complex(0.0, 0.0) };
                let turns = from.turns(taps_pu.get(p)) * to.turns(taps_pu.get(q));
                out.y.push((self.series_s.get(p, q) + core_s) * turns);
            }
        }
        out.shunt.clear();
        out.shunt.extend(self.shunts_s());
        let phases = self.windings.first().map_or(0, |w| w.ends.len());
        let ends = (0..phases).flat_map(|phase| self.windings.iter().map(move |w| w.ends[phase]));
        out.ends.extend(ends.map(|(a, b)| [a as u16, b as u16]));
    }

    /// Writes the nodal admittance at given taps, one per winding; windings without one stand at the feeder's taps.
    /// Allocates only when `out` grows.
    pub fn admittance(&self, taps_pu: &[f64], part: Part, out: &mut Admittance) {
        let core_s = if part == Part::Whole { self.core_s } else { complex(0.0, 0.0) };
        self.sum(|winding, model| model.turns(taps_pu.get(winding)), core_s, true, out);
    }

    /// Writes the nodal admittance at taps of one per unit, without what stands to ground at the conductors: with
    /// windings p and q at other taps, the entries between them are divided by both.
    pub fn coupling_at_unit_taps(&self, out: &mut Admittance) {
        self.sum(|_, model| model.turns(Some(&1.0)), self.core_s, false, out);
    }

    /// What stands to ground at each conductor, whatever the taps.
    pub fn shunts_s(&self) -> impl Iterator<Item = Complex> {
        self.terminals
            .iter()
            .zip(&self.windings)
            .scan(0, |first, (terminal, winding)| {
                let own = *first..*first + terminal.len();
                *first = own.end;
                Some(own.map(move |conductor| winding.shunt_s(conductor)))
            })
            .flatten()
    }

    /// Winding by winding, what couples before what stands to ground: in another order, rounding next to impedances of
    /// nearly nothing would cost a digit of the promised error.
    fn sum(&self, turns: impl Fn(usize, &WindingModel) -> f64, core_s: Complex, shunts: bool, out: &mut Admittance) {
        out.reset(self.terminals.iter().map(Vec::len).sum());
        for (p, from) in self.windings.iter().enumerate() {
            let a_from = turns(p, from);
            for (q, to) in self.windings.iter().enumerate() {
                let core_s = if (p, q) == (1, 1) { core_s } else { complex(0.0, 0.0) };
                let y = (self.series_s.get(p, q) + core_s) * (a_from * turns(q, to));
                for (&(i, i_return), &(j, j_return)) in from.ends.iter().zip(&to.ends) {
                    out.add(i, j, y);
                    out.add(i_return, j_return, y);
                    out.add(i, j_return, -y);
                    out.add(i_return, j, -y);
                }
            }
            if shunts {
                for end in from.ends.iter().flat_map(|&(a, b)| [a, b]) {
                    out.add(end, end, complex(0.0, from.anti_float_s));
                }
                if let Some((neutral, y)) = from.neutral {
                    out.add(neutral, neutral, y);
                }
            }
        }
    }
}

impl WindingModel {
    fn new(t: &Transformer, w: usize, s_phase_va: f64, turn: isize, at: Frequency) -> Result<Self, Reason> {
        let winding = t.windings.get(w).ok_or(Reason::Missing("a winding"))?;
        let v_base_v = phase_voltage_v(positive("v_kv", winding.v_kv)?, t.phases, winding.connection);
        let anti_float_s = -t.anti_float_ppm * 1e-6 * s_phase_va / (v_base_v * v_base_v) / 2.0;
        let first = w * (t.phases + 1);
        let neutral = first + t.phases;
        let ends = (0..t.phases)
            .map(|k| match winding.connection {
                Connection::Delta if t.phases > 1 => (first + k, first + next_phase(k, t.phases, turn)),
                _ => (first + k, neutral),
            })
            .collect();
        let neutral_s = match winding.neutral_r_ohm.filter(|r| *r >= 0.0) {
            Some(r) if r == 0.0 && winding.neutral_x_ohm == 0.0 => complex(SOLID_NEUTRAL_S, 0.0),
            Some(r) => complex(1.0, 0.0) / complex(r, winding.neutral_x_ohm * at.order()),
            None => complex(0.0, anti_float_s),
        };
        let neutral = (winding.connection == Connection::Wye).then_some((neutral, neutral_s));
        Ok(Self { v_base_v, tap_pu: winding.tap_pu, anti_float_s, neutral, ends })
    }

    /// What stands to ground at one of its conductors: half an anti-float susceptance for each end of a phase there,
    /// and the neutral's impedance.
    fn shunt_s(&self, conductor: usize) -> Complex {
        let ends = self.ends.iter().flat_map(|&(a, b)| [a, b]).filter(|end| *end == conductor).count();
        let neutral = self.neutral.filter(|(neutral, _)| *neutral == conductor).map(|(_, y)| y);
        complex(0.0, self.anti_float_s * ends as f64) + neutral.unwrap_or_default()
    }

    /// Turns per volt at a tap.
    fn turns(&self, tap_pu: Option<&f64>) -> f64 {
        1.0 / (self.v_base_v * counted_tap_pu(*tap_pu.unwrap_or(&self.tap_pu)))
    }
}

/// A tap as it counts: zero is read as next to nothing.
pub fn counted_tap_pu(tap_pu: f64) -> f64 {
    if tap_pu == 0.0 { ZERO_TAP_PU } else { tap_pu }
}

/// Which way a delta winding goes from each phase: to the next (1) or to the previous (-1). Only the first two windings
/// decide; the higher-voltage one is taken as the one that the other lags or leads.
fn delta_turn(transformer: &Transformer) -> isize {
    let [first, second, ..] = transformer.windings.as_slice() else { return 1 };
    if first.connection == second.connection {
        return 1;
    }
    let high = if first.v_kv >= second.v_kv { first } else { second };
    match (high.connection, transformer.phase_shift) {
        (Connection::Wye, PhaseShift::Lag) | (Connection::Delta, PhaseShift::Lead) => 1,
        (Connection::Wye, PhaseShift::Lead) | (Connection::Delta, PhaseShift::Lag) => -1,
    }
}

/// The conductor that a delta winding of phase `k` (from 0) returns to. Two phases are an open delta whose third
/// corner is the conductor after them.
fn next_phase(k: usize, phases: usize, turn: isize) -> usize {
    let corners = phases.max(3);
    if turn > 0 { (k + 1) % corners } else { (k + corners - 1) % corners }
}

/// Admittance of the windings of one phase on a one-volt base, in siemens, from the short-circuit impedances between
/// winding pairs.
fn one_volt_admittance(
    transformer: &Transformer,
    s_phase_va: f64,
    at: Frequency,
    behaviour: &Behaviour,
) -> Result<Admittance, Reason> {
    let n = transformer.windings.len();
    let growth = behaviour.winding_resistance(at.order());
    let growth = if transformer.constant_x_over_r { at.order() } else { growth };
    let r = |w: usize| transformer.windings.get(w).map_or(0.0, |w| w.r_percent * growth);
    let pair = |i: usize, j: usize| -> Result<Complex, Reason> {
        let k = (0..i).map(|i| n - 1 - i).sum::<usize>() + j - i - 1;
        let x = transformer.x_percent.get(k).ok_or(Reason::Missing("a reactance in x_percent"))?;
        Ok(complex(r(i) + r(j), x * at.order()) / (100.0 * s_phase_va))
    };
    let mut z = Admittance::zeros(n - 1);
    for i in 1..n {
        z.set(i - 1, i - 1, pair(0, i)?);
        for j in i + 1..n {
            let mutual = (pair(0, i)? + pair(0, j)? - pair(i, j)?) * 0.5;
            z.set(i - 1, j - 1, mutual);
            z.set(j - 1, i - 1, mutual);
        }
    }
    let b = z.inverse().ok_or(Reason::Singular)?;
    let row_sum = |i: usize| (0..n - 1).map(|j| b.get(i, j)).sum::<Complex>();
    Ok(Admittance::from_fn(n, |i, j| match (i, j) {
        (0, 0) => (0..n - 1).map(row_sum).sum(),
        (0, k) | (k, 0) => -row_sum(k - 1),
        (i, j) => b.get(i - 1, j - 1),
    }))
}
