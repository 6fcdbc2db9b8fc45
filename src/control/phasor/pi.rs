//! Swartz's PI law: each phase by itself, Q from the magnitude's error, P from the angle's error (J. Swartz et al., the
//! HIL tests of Energies 2020, 13, 190; the authors' own code was read for the form and the anti-windup).
//!
//! A phase moves its neighbours, which this law does not know: on the IEEE 13-node feeder the coupled loops bear half of
//! the gain that one loop alone does, and overshoot by a third. Default gains are `ki·g = 0.2` and `kp·g = 0.05` a step,
//! g being how far a phase's own magnitude (angle) moves with its own Q (P).

use super::{Law, MOST_PHASES, MOST_SIZE, Seen, Sensitivity, finite};

/// What happens to integrators while actuators are told less than the law asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AntiWindup {
    /// Those of a saturated phase stand still while the error pushes them further (the published form: the integral's sign
    /// is the error's).
    Freeze,
    /// This part of what could not be told is taken back a step.
    Back(f64),
}

/// Gains of a phase, per unit of power by per unit of magnitude, or by rad.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PhaseGains {
    /// Of Q by the magnitude's error.
    pub kp_v: f64,
    /// Of Q by the sum of the magnitude's errors over steps.
    pub ki_v: f64,
    /// Of P by the angle's error.
    pub kp_angle: f64,
    /// Of P by the sum of the angle's errors over steps.
    pub ki_angle: f64,
}

/// Settings of the law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PiSettings {
    /// Gains by phase; those beyond the node's phases do nothing.
    pub gains: [PhaseGains; MOST_PHASES],
    /// What saturation does.
    pub anti_windup: AntiWindup,
}

impl PiSettings {
    /// The default gains for a sensitivity; a phase without actuators has none.
    pub fn of_sensitivity(b: &Sensitivity) -> Self {
        Self::scaled(b, 0.05, 0.2)
    }

    /// Gains so that `kp·g` and `ki·g` are the same for all phases. A phase whose own power moves it by nothing has none.
    pub fn scaled(b: &Sensitivity, kp: f64, ki: f64) -> Self {
        let n = b.phases();
        let per = |part: f64, g: f64| if g.abs() > 1e-9 { part / g } else { 0.0 };
        let of_phase = |phase: usize| {
            let (by_q, by_p) = (b.at(phase, n + phase), b.at(n + phase, phase));
            let [kp_v, ki_v] = [kp, ki].map(|k| per(k, by_q));
            let [kp_angle, ki_angle] = [kp, ki].map(|k| per(k, by_p));
            PhaseGains { kp_v, ki_v, kp_angle, ki_angle }
        };
        let gains = std::array::from_fn(|phase| if phase < n { of_phase(phase) } else { PhaseGains::default() });
        Self { gains, anti_windup: AntiWindup::Back(0.5) }
    }
}

/// The law at work.
#[derive(Clone, Debug)]
pub struct Pi {
    settings: PiSettings,
    integral: [f64; MOST_SIZE],
    /// What it asked for last.
    asked: [f64; MOST_SIZE],
}

impl Pi {
    /// A law before its first step.
    pub const fn new(settings: PiSettings) -> Self {
        Self { settings, integral: [0.0; MOST_SIZE], asked: [0.0; MOST_SIZE] }
    }

    /// One loop: an entry of the command, from an error.
    fn turn(&mut self, seen: &Seen, place: usize, phase: usize, [kp, ki]: [f64; 2], error: f64) -> f64 {
        let told = seen.applied.get(place).copied().unwrap_or(0.0);
        let (own, asked) = (&mut self.integral[place], &mut self.asked[place]);
        let pushes = *own * ki * error > 0.0;
        match self.settings.anti_windup {
            AntiWindup::Freeze if pushes && seen.saturated.get(phase).is_some_and(|s| *s) => {}
            _ if !seen.fresh => {}
            _ => *own += ki * error,
        }
        if let AntiWindup::Back(part) = self.settings.anti_windup {
            *own += part * finite(told - *asked);
        }
        *asked = *own + kp * error;
        *asked
    }
}

impl Law for Pi {
    fn step(&mut self, seen: &Seen, command: &mut [f64]) {
        let n = (seen.error.len() / 2).min(MOST_PHASES);
        for phase in 0..n {
            let gains = self.settings.gains[phase];
            let [e_v, e_angle] = [phase, n + phase].map(|k| finite(seen.error[k]));
            let p = self.turn(seen, phase, phase, [gains.kp_angle, gains.ki_angle], e_angle);
            let q = self.turn(seen, n + phase, phase, [gains.kp_v, gains.ki_v], e_v);
            for (place, x) in [(phase, p), (n + phase, q)] {
                command.iter_mut().skip(place).take(1).for_each(|own| *own = x);
            }
        }
    }

    fn restart(&mut self, applied: &[f64]) {
        for (k, told) in applied.iter().enumerate().take(MOST_SIZE) {
            self.integral[k] = finite(*told);
            self.asked[k] = self.integral[k];
        }
    }
}
