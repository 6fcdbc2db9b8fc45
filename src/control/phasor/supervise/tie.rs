//! A gate for a tie switch: it may close only while the phasors of both sides match.
//!
//! The window is stated per phase; both sides are measured, fresh and synchronised for the whole time that it must be held.
//! The L-PBC beside the tie gets the other side's phasors as its target. The current after closing is Y·(V₁ − V₂), Y being the
//! inverse of the impedance around the loop: with the tie's own impedance alone it is an upper bound, and by far. What is
//! predicted is the first fundamental-frequency current, no transient.

use super::short_way;
use crate::control::phasor::{MOST_PHASES, MOST_SIZE};
use crate::quantity::{Complex, Tick, complex};
use nalgebra::DMatrix;

/// Window and times.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Largest difference of magnitudes on a phase, per unit.
    pub v_pu: f64,
    /// Largest difference of angles on a phase, rad.
    pub angle_rad: f64,
    /// Steps in a row within the window before it may close: 1 s at 0.1 s.
    pub hold: u32,
    /// Age in steps up to which a measurement counts.
    pub timeout: u64,
    /// Largest predicted current on a phase, per unit; infinite for none.
    pub current_pu: f64,
    /// Nominal angle of each phase, rad: 0, −2π/3, 2π/3 for a, b, c.
    pub phase_rad: Vec<f64>,
    /// Impedance around the loop that the tie closes, per unit of a phase's base, row by row: n by n.
    pub z_pu: Vec<Complex>,
}

impl Default for Settings {
    /// Three phases within 0.005 pu and 0.5°, for 1 s; an impedance of 1 % a phase.
    fn default() -> Self {
        let third = std::f64::consts::TAU / 3.0;
        let z = |k: usize| if k.is_multiple_of(4) { complex(0.006, 0.008) } else { complex(0.0, 0.0) };
        Self {
            v_pu: 0.005,
            angle_rad: 0.5 * std::f64::consts::PI / 180.0,
            hold: 10,
            timeout: 2,
            current_pu: f64::INFINITY,
            phase_rad: vec![0.0, -third, third],
            z_pu: (0..9).map(z).collect(),
        }
    }
}

/// Why a tie stays open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusal {
    /// Nobody wants it closed.
    NotWanted,
    /// A side (0 or 1) is not measured, or too old.
    Stale(usize),
    /// A side's angles have no common time.
    Unsynchronised(usize),
    /// Magnitudes of a phase differ by so much per unit.
    Magnitude {
        /// The phase.
        phase: usize,
        /// The largest difference.
        v_pu: f64,
    },
    /// Angles of a phase differ by so much.
    Angle {
        /// The phase.
        phase: usize,
        /// The largest difference, rad.
        angle_rad: f64,
    },
    /// The current would be too large.
    Current {
        /// The phase.
        phase: usize,
        /// The largest current, per unit.
        current_pu: f64,
    },
    /// All is within the window, but not for long enough.
    Waiting {
        /// Steps that are left.
        steps: u32,
    },
}

impl Refusal {
    /// Its number in a record; 0 is left for "may close".
    pub const fn code(self) -> u8 {
        match self {
            Self::NotWanted => 1,
            Self::Stale(_) => 2,
            Self::Unsynchronised(_) => 3,
            Self::Magnitude { .. } => 4,
            Self::Angle { .. } => 5,
            Self::Current { .. } => 6,
            Self::Waiting { .. } => 7,
        }
    }
}

/// What is known of one side.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// Phasors: 2n, angles relative to the same reference as the other side's.
    pub measured: &'a [f64],
    /// Age in steps; `None` where nothing was measured.
    pub age: Option<u64>,
    /// Whether its angles are to be believed.
    pub synchronised: bool,
}

/// A change of decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub tick: Tick,
    /// Why it stays open; `None` where it may close.
    pub refusal: Option<Refusal>,
    /// Largest difference of magnitudes, per unit.
    pub v_pu: f64,
    /// Largest difference of angles, rad.
    pub angle_rad: f64,
    /// Largest predicted current, per unit.
    pub current_pu: f64,
}

/// A gate at work.
#[derive(Clone, Debug)]
pub struct TieGate {
    settings: Settings,
    n: usize,
    y_pu: Vec<Complex>,
    held: u32,
    v_pu: f64,
    angle_rad: f64,
    current_pu: [f64; MOST_PHASES],
    target: [f64; MOST_SIZE],
    known: bool,
    said: Option<u8>,
    event: Option<Event>,
}

impl TieGate {
    /// A gate; `None` where the impedance does not fit or has no inverse.
    pub fn new(settings: Settings) -> Option<Self> {
        let n = settings.phase_rad.len();
        if n == 0 || n > MOST_PHASES || settings.z_pu.len() != n * n {
            return None;
        }
        let y = DMatrix::from_row_slice(n, n, &settings.z_pu).try_inverse()?;
        let y_pu: Vec<Complex> = y.transpose().as_slice().to_vec();
        y_pu.iter().all(|y| y.is_finite()).then_some(Self {
            n,
            y_pu,
            held: 0,
            v_pu: f64::NAN,
            angle_rad: f64::NAN,
            current_pu: [f64::NAN; MOST_PHASES],
            target: [0.0; MOST_SIZE],
            known: false,
            said: None,
            event: None,
            settings,
        })
    }

    /// Target for the L-PBC of side 0: the phasors of side 1 as they were known last (2n); `None` before the first.
    pub fn target(&self) -> Option<&[f64]> {
        self.known.then_some(&self.target[..2 * self.n])
    }

    /// Predicted current per phase from side 0 to side 1, per unit; NaN where it is not known.
    pub fn current_pu(&self) -> &[f64] {
        &self.current_pu[..self.n]
    }

    /// Largest differences of magnitudes (per unit) and angles (rad); NaN where they are not known.
    pub const fn mismatch(&self) -> [f64; 2] {
        [self.v_pu, self.angle_rad]
    }

    /// What changed in the last step: another reason, or that it may close.
    pub const fn event(&self) -> Option<&Event> {
        self.event.as_ref()
    }

    /// One step; `Ok` where the tie may close now.
    pub fn step(&mut self, tick: Tick, sides: &[Side; 2], wanted: bool) -> Result<(), Refusal> {
        let refusal = self.refusal(sides);
        self.held = if refusal.is_none() { self.held.saturating_add(1) } else { 0 };
        let waiting = self.settings.hold.saturating_sub(self.held);
        let refusal = if !wanted {
            Some(Refusal::NotWanted)
        } else {
            refusal.or((waiting > 0).then_some(Refusal::Waiting { steps: waiting }))
        };
        let code = refusal.map_or(0, Refusal::code);
        self.event = None;
        if self.said.replace(code) != Some(code) {
            let current_pu = super::largest(&self.current_pu[..self.n]);
            self.event = Some(Event { tick, refusal, v_pu: self.v_pu, angle_rad: self.angle_rad, current_pu });
        }
        refusal.map_or(Ok(()), Err)
    }

    /// Why it must not close at this step alone.
    fn refusal(&mut self, sides: &[Side; 2]) -> Option<Refusal> {
        let size = 2 * self.n;
        (self.v_pu, self.angle_rad, self.current_pu) = (f64::NAN, f64::NAN, [f64::NAN; MOST_PHASES]);
        let good = |side: &Side| {
            side.age.is_some_and(|a| a <= self.settings.timeout)
                && side.measured.get(..size).is_some_and(|y| y.iter().all(|x| x.is_finite()))
        };
        if good(&sides[1]) && sides[1].synchronised {
            self.target[..size].copy_from_slice(&sides[1].measured[..size]);
            self.known = true;
        }
        if let Some(stale) = sides.iter().position(|s| !good(s)) {
            return Some(Refusal::Stale(stale));
        }
        if let Some(alone) = sides.iter().position(|s| !s.synchronised) {
            return Some(Refusal::Unsynchronised(alone));
        }
        self.compare(sides[0].measured, sides[1].measured)
    }

    fn compare(&mut self, one: &[f64], other: &[f64]) -> Option<Refusal> {
        let n = self.n;
        let mut differences = [[0.0; MOST_PHASES]; 2];
        let mut across = [complex(0.0, 0.0); MOST_PHASES];
        for k in 0..n {
            differences[0][k] = (one[k] - other[k]).abs();
            differences[1][k] = short_way(one[n + k] - other[n + k]).abs();
            let phasor = |y: &[f64]| Complex::from_polar(y[k], y[n + k] + self.settings.phase_rad[k]);
            across[k] = phasor(one) - phasor(other);
        }
        for k in 0..n {
            let row = &self.y_pu[k * n..(k + 1) * n];
            self.current_pu[k] = row.iter().zip(&across).map(|(y, v)| y * v).sum::<Complex>().norm();
        }
        let worst = |x: &[f64]| (0..n).fold((0, x[0]), |w, k| if x[k] > w.1 { (k, x[k]) } else { w });
        let (v_phase, v_pu) = worst(&differences[0]);
        let (angle_phase, angle_rad) = worst(&differences[1]);
        let (phase, current_pu) = worst(&self.current_pu);
        (self.v_pu, self.angle_rad) = (v_pu, angle_rad);
        // Written so that what is not a number refuses.
        let within = |x: f64, most: f64| x < most;
        if !within(v_pu, self.settings.v_pu) {
            Some(Refusal::Magnitude { phase: v_phase, v_pu })
        } else if !within(angle_rad, self.settings.angle_rad) {
            Some(Refusal::Angle { phase: angle_phase, angle_rad })
        } else if !within(current_pu, self.settings.current_pu) {
            Some(Refusal::Current { phase, current_pu })
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{DEG, Rig};
    use super::*;

    const LEVEL: [f64; 6] = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0];

    fn side(measured: &[f64]) -> Side<'_> {
        Side { measured, age: Some(0), synchronised: true }
    }

    fn gate() -> TieGate {
        TieGate::new(Settings::default()).unwrap()
    }

    #[test]
    fn it_closes_after_a_second_within_the_window_and_not_before() {
        let mut gate = gate();
        let other = [1.004, 0.996, 1.0, 0.49 * DEG, -0.49 * DEG, 0.0];
        for k in 0..9 {
            let refused = gate.step(Tick(k), &[side(&LEVEL), side(&other)], true);
            assert_eq!(refused, Err(Refusal::Waiting { steps: 9 - k as u32 }));
        }
        assert_eq!(gate.step(Tick(9), &[side(&LEVEL), side(&other)], true), Ok(()));
        assert_eq!(gate.event().map(|e| e.refusal), Some(None));
        assert_eq!(gate.target(), Some(&other[..]));
    }

    #[test]
    fn each_reason_is_said_and_begins_the_time_anew() {
        let outside_v = [1.0, 1.0051, 1.0, 0.0, 0.0, 0.0];
        let outside_angle = [1.0, 1.0, 1.0, 0.0, 0.0, -0.51 * DEG];
        let nan = [f64::NAN; 6];
        for (sides, code) in [
            ([side(&LEVEL), side(&outside_v)], 4),
            ([side(&LEVEL), side(&outside_angle)], 5),
            ([side(&nan), side(&LEVEL)], 2),
            ([side(&LEVEL), side(&[])], 2),
            ([Side { age: Some(3), ..side(&LEVEL) }, side(&LEVEL)], 2),
            ([side(&LEVEL), Side { age: None, ..side(&LEVEL) }], 2),
            ([side(&LEVEL), Side { synchronised: false, ..side(&LEVEL) }], 3),
        ] {
            let mut gate = gate();
            (0..20).for_each(|k| _ = gate.step(Tick(k), &[side(&LEVEL), side(&LEVEL)], true));
            assert_eq!(gate.step(Tick(20), &sides, true).map_err(Refusal::code), Err(code));
            let again = gate.step(Tick(21), &[side(&LEVEL), side(&LEVEL)], true);
            assert_eq!(again, Err(Refusal::Waiting { steps: 9 }));
        }
        let mut gate = gate();
        (0..20).for_each(|k| _ = gate.step(Tick(k), &[side(&LEVEL), side(&LEVEL)], false));
        assert_eq!(gate.step(Tick(20), &[side(&LEVEL), side(&LEVEL)], false), Err(Refusal::NotWanted));
        assert_eq!(
            gate.step(Tick(21), &[side(&LEVEL), side(&LEVEL)], true),
            Ok(()),
            "the window was held all the time"
        );
    }

    #[test]
    fn angles_are_compared_by_the_short_way() {
        let mut gate = gate();
        let turned = [1.0, 1.0, 1.0, std::f64::consts::TAU - 0.1 * DEG, 0.0, 0.0];
        assert!(matches!(gate.step(Tick(0), &[side(&LEVEL), side(&turned)], true), Err(Refusal::Waiting { .. })));
        assert!((gate.mismatch()[1] / DEG - 0.1).abs() < 1e-9);
    }

    #[test]
    fn the_current_is_the_difference_over_the_impedance_and_can_refuse() {
        // 0.0005 pu across 1 % is 0.05 pu; 0.2° of angle across it are 2·sin(0.1°)/0.01.
        let lower = [0.9995, 1.0, 1.0, 0.0, 0.2 * DEG, 0.0];
        let mut gate = TieGate::new(Settings { current_pu: 0.3, ..Settings::default() }).unwrap();
        let refused = gate.step(Tick(0), &[side(&LEVEL), side(&lower)], true);
        let expected = [0.05, 2.0 * (0.1 * DEG).sin() / 0.01, 0.0];
        let found = gate.current_pu();
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-5 * e.max(0.1)), "{found:?}");
        assert!(matches!(refused, Err(Refusal::Current { phase: 1, .. })), "{refused:?}");
        // Coupled phases: equal differences of all three see the sum of a row.
        let z = (0..9).map(|k: usize| if k.is_multiple_of(4) { complex(0.0, 0.02) } else { complex(0.0, 0.005) });
        let settings = Settings { z_pu: z.collect(), phase_rad: vec![0.0; 3], ..Settings::default() };
        let mut gate = TieGate::new(settings).unwrap();
        let all = [0.997, 0.997, 0.997, 0.0, 0.0, 0.0];
        let _ = gate.step(Tick(0), &[side(&LEVEL), side(&all)], true);
        assert!(gate.current_pu().iter().all(|i| (i - 0.003 / 0.03).abs() < 1e-9), "{:?}", gate.current_pu());
        assert!(TieGate::new(Settings { z_pu: vec![complex(0.0, 0.0); 9], ..Settings::default() }).is_none());
        assert!(TieGate::new(Settings { phase_rad: vec![0.0; 2], ..Settings::default() }).is_none());
    }

    #[test]
    fn a_controller_that_follows_the_target_brings_the_sides_together_with_noise() {
        let mut latest = 0;
        for seed in 1..=100 {
            let (mut rig, mut gate) = (Rig::new(seed), gate());
            // The other side: deviations of −0.056 pu and 1.5° at the most, as between 633 and 680.
            let other = [-0.056, 0.02, -0.03, -1.5 * DEG, 0.6 * DEG, -1.1 * DEG];
            let closed = (1..100).find(|k| {
                let y = rig.measure();
                let closes = gate.step(Tick(*k), &[side(&y), side(&other)], true).is_ok();
                rig.target = gate.target().unwrap().try_into().unwrap();
                rig.control(&y);
                closes
            });
            latest = latest.max(closed.unwrap());
        }
        println!("tie: closes after {latest} steps at the latest");
        assert!(latest <= 30, "{latest}");
    }
}
