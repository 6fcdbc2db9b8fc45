//! From what is known of each phase and order to the verdict on a 3 s value.

use super::{
    Attribution, Cell, Settings,
    units::{OUTLIER, limit_percent, noisiest, spread},
    value::{Sum, Value},
};
use crate::quantity::{Complex, Tick};
use crate::signal::{Decision, PhaseVerdict, Reason};

/// Windows before anything is decided, and after a change of the network.
pub const FEWEST_WINDOWS: u64 = 40;
/// Evidence from which the background is taken to follow the fleet: e^-9 without.
pub const FOLLOWS: f64 = 9.0;
/// Mean normalised innovation from which the measurements contradict the model.
pub const INCONSISTENT: f64 = 3.0;
/// Movement of the fleet's current, in parts of its size, below which it may be the meter's noise.
const LEAST_MOVEMENT: f64 = 0.005;
/// Evidence of a change that is not enough to say so, and too much to ignore.
const CHALLENGED: f64 = 4.0;
/// Uncertainty of the impedance, in parts of that before anything was learnt, below which something was.
const LEARNT: f64 = 0.5;
/// Of the standard deviation of a probe's result: the share's counts √2 of it too much (see `Value::projected_sd`).
const PROBED: f64 = 0.8;
/// Standard deviation of a share that is not known, beside the share itself.
const UNKNOWN: f64 = 1.0;

/// What is known of one phase at one order.
#[derive(Clone, Copy, Debug)]
struct Known {
    z_ohm: Complex,
    z_sd_ohm: f64,
    probed: bool,
    doubt: Option<Reason>,
}

impl Cell {
    fn known(&self, settings: &Settings, order: usize) -> Known {
        let estimate = self.estimator.estimate();
        let restless = estimate.nis.max(1.0) * ((1.0 + estimate.echo) / (1.0 - estimate.echo)).max(1.0);
        let suspicion = (0.6 + estimate.follows / 4.0).max(0.75);
        let (z, sd) = (estimate.z_ohm, estimate.z_sd_ohm * restless.sqrt() * suspicion);
        let learnt = sd <= LEARNT * settings.z0_sd * settings.z0(order).norm();
        let doubt = match () {
            () if self.probing => Some(Reason::Settling),
            () if estimate.windows < FEWEST_WINDOWS && estimate.changes > 0 => Some(Reason::Settling),
            () if estimate.windows < FEWEST_WINDOWS => Some(Reason::Starting),
            () if estimate.suspect || estimate.challenged > CHALLENGED => Some(Reason::Settling),
            () if estimate.nis > INCONSISTENT => Some(Reason::Inconsistent),
            () if estimate.follows > FOLLOWS => Some(Reason::Correlated),
            () if !learnt || estimate.moved < LEAST_MOVEMENT => Some(Reason::NotExcited),
            () => None,
        };
        let Some(probed) = self.probed else { return Known { z_ohm: z, z_sd_ohm: sd, probed: false, doubt } };
        let walked = settings.z_walk * settings.z0(order).norm();
        #[allow(clippy::cast_precision_loss, reason = "windows of minutes")]
        let variance = (PROBED * probed.z_sd_ohm).powi(2) + walked.powi(2) * probed.age as f64;
        Known { z_ohm: probed.z_ohm, z_sd_ohm: variance.sqrt(), probed: true, doubt: None }
    }
}

/// A decision on a share, or why there is none.
fn decide(share: f64, sd: f64, doubt: Option<Reason>) -> Decision {
    match () {
        () if share - 2.0 * sd > 0.5 => Decision::Fleet,
        () if share + 2.0 * sd < 0.5 => Decision::Grid,
        () => Decision::Indeterminate(doubt.unwrap_or(Reason::Close)),
    }
}

/// A sum, and the doubt that makes it uncertain most.
#[derive(Clone, Copy, Debug, Default)]
struct Doubted {
    sum: Sum,
    doubt: Option<Reason>,
    variance: f64,
}

impl Doubted {
    fn add(&mut self, vv: f64, projected: f64, sd: f64, doubt: Option<Reason>) {
        self.sum.add(vv, projected, sd);
        if doubt.is_some() && sd * sd > self.variance {
            (self.doubt, self.variance) = (doubt, sd * sd);
        }
    }

    fn decision(&self) -> (f64, f64, Decision) {
        let (share, sd) = self.sum.share();
        let nothing = Decision::Indeterminate(Reason::BelowGate);
        (share, sd, if self.sum.vv > 0.0 { decide(share, sd, self.doubt) } else { nothing })
    }
}

impl Attribution {
    /// Makes the verdict of the 3 s value that has just ended.
    pub(super) fn judge(&mut self, tick: Tick) {
        let marks = self.marks;
        self.verdict.sequence += 1;
        self.verdict.tick = tick;
        self.verdict.valid = marks.valid && marks.used > 0;
        self.verdict.flagged = marks.flagged;
        self.verdict.synchronised = marks.synchronised;
        let used = f64::from(marks.used.max(1));
        let worst = marks.thd_squared.iter().copied().fold(f64::NAN, f64::max);
        self.verdict.thd_percent = if marks.used > 0 { (worst / used).sqrt() } else { f64::NAN };
        let mut whole = Doubted::default();
        let mut probed = true;
        for order in 0..self.settings.orders.len() {
            self.judge_order(order, used, &mut whole, &mut probed);
        }
        (self.verdict.share, self.verdict.share_sd, self.verdict.decision) = whole.decision();
        self.persist();
        self.verdict.probed = probed && whole.sum.vv > 0.0;
        self.withhold();
        self.rank_orders();
        self.judge_units(whole.sum.vv);
    }

    /// One order; adds to the whole, and takes `probed` back where what counts was not.
    fn judge_order(&mut self, order: usize, used: f64, whole: &mut Doubted, probed: &mut bool) {
        let phases = self.settings.phases;
        let mut own = Doubted::default();
        let mut percent = 0.0f64;
        let mut own_probed = true;
        let gate = (self.settings.gate * self.settings.nominal_v).powi(2) * used;
        for phase in 0..phases {
            let cell = &self.cells[order * phases + phase];
            let known = cell.known(&self.settings, order);
            let value = cell.value;
            percent = percent.max(100.0 * (value.vv / used).sqrt() / self.settings.nominal_v);
            if let Some(out) = self.verdict.orders[order].phases.get_mut(phase) {
                *out = PhaseVerdict { v_v: value.v, j_a: value.j, z_ohm: known.z_ohm, z_sd_ohm: known.z_sd_ohm };
            }
            if value.vv < gate || value.vv == 0.0 {
                continue;
            }
            own_probed &= known.probed;
            let sd = value.projected_sd(known.z_sd_ohm);
            let projected = value.projected(known.z_ohm);
            let unknown = UNKNOWN * value.vv + projected.abs();
            let sd = if known.doubt.is_some() { sd.max(unknown) } else { sd };
            own.add(value.vv, projected, sd, known.doubt);
            whole.add(value.vv, projected, sd, known.doubt);
        }
        let out = &mut self.verdict.orders[order];
        (out.share, out.share_sd, out.decision) = own.decision();
        out.v_percent = percent;
        out.probed = own_probed && own.sum.vv > 0.0;
        *probed &= own_probed;
    }

    /// A decision is one that two 3 s values in a row come to.
    fn persist(&mut self) {
        let now = self.verdict.decision;
        if matches!(now, Decision::Fleet | Decision::Grid) && self.candidate != now {
            self.verdict.decision = Decision::Indeterminate(Reason::Settling);
        }
        self.candidate = now;
    }

    /// Nothing is decided from windows that do not deserve it.
    fn withhold(&mut self) {
        let verdict = &mut self.verdict;
        let why = match () {
            () if verdict.flagged => Reason::Flagged,
            () if !verdict.valid => Reason::Invalid,
            () if !verdict.synchronised => Reason::Unsynchronised,
            () => return,
        };
        verdict.decision = Decision::Indeterminate(why);
        verdict.orders.iter_mut().for_each(|order| order.decision = Decision::Indeterminate(why));
    }

    fn rank_orders(&mut self) {
        let mut worst = [0; 3];
        let percent = |k: usize| self.verdict.orders.get(k).map_or(0.0, |o| o.v_percent);
        for rank in 0..worst.len() {
            let free = (0..self.verdict.orders.len()).filter(|k| !worst[..rank].contains(k));
            worst[rank] = free.max_by(|a, b| percent(*a).total_cmp(&percent(*b))).unwrap_or(0);
        }
        self.verdict.worst = worst;
    }

    /// A unit's sums in a cell: its own meter's, or what was missing while it was silent.
    fn unit_cell(&self, unit: usize, cell: usize) -> Value {
        let own = self.unit_value[unit * self.cells.len() + cell];
        let Some(j) = self.silent.current(unit, cell).filter(|_| own.jj == 0.0) else { return own };
        let value = self.cells[cell].value;
        Value {
            jv: j * value.v.conj() * f64::from(self.marks.used),
            jj: j.norm_sqr() * f64::from(self.marks.used),
            ..own
        }
    }

    /// Shares of the units, and which of them stand out.
    fn judge_units(&mut self, vv: f64) {
        let phases = self.settings.phases;
        for unit in 0..self.verdict.units.len() {
            let cells = 0..self.cells.len();
            let part = |cell: usize| {
                let z = self.verdict.orders[cell / phases].phases[cell % phases].z_ohm;
                self.unit_cell(unit, cell).projected(z)
            };
            let share = cells.map(part).sum::<f64>() / vv;
            let out = &mut self.verdict.units[unit];
            (out.share, out.of_limit, out.score, out.noisy) = (share, 0.0, 0.0, false);
        }
        for order in 0..self.settings.orders.len() {
            self.compare_units(order);
        }
        self.verdict.noisiest = noisiest(&self.verdict.units);
    }

    /// Compares the units' currents at one order, by the RMS over phases and windows.
    fn compare_units(&mut self, order: usize) {
        let (phases, h) = (self.settings.phases, self.settings.orders[order]);
        let units = self.verdict.units.len();
        #[allow(clippy::cast_precision_loss, reason = "three phases, fifteen windows")]
        let count = phases as f64 * f64::from(self.marks.used.max(1));
        let mut currents = std::mem::take(&mut self.room[0]);
        for (unit, current) in currents.iter_mut().enumerate() {
            let squares: f64 = (0..phases).map(|p| self.unit_cell(unit, order * phases + p).jj).sum();
            *current = (squares / count).sqrt() / self.settings.unit_a[unit];
        }
        let (centre, deviation) = spread(&currents, &mut self.room[1]);
        for (unit, &current) in currents.iter().enumerate() {
            let of_limit = 100.0 * current / limit_percent(h);
            let score = if deviation > 0.0 { (current - centre) / deviation } else { 0.0 };
            // Of fewer than three none can stand out: the limit alone decides.
            let noisy = of_limit > 1.0 && (score > OUTLIER || units < 3);
            let out = &mut self.verdict.units[unit];
            if (noisy, of_limit) > (out.noisy, out.of_limit) {
                (out.order, out.of_limit, out.score, out.noisy) = (h, of_limit, score, noisy);
            }
        }
        self.room[0] = currents;
    }
}
