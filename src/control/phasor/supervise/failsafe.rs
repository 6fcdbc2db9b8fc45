//! Which mode an L-PBC may use: full, magnitude only, or hold.
//!
//! | evidence | mode |
//! |---|---|
//! | performance node older than the timeout, or its magnitudes tampered with | hold |
//! | reference node older than the timeout | magnitude only |
//! | not synchronised, a step or ramp of the clock, angles tampered with | magnitude only |
//! | else | full |
//!
//! It falls at once, and rises after some good samples in a row: three samples of 0.1 s leave 1.2 s of the 1.5 s that a
//! recovery from a loss of communication may take. After a fault of time or tampering it also waits, unless somebody
//! acknowledges; [`super::sync`] ends a step or ramp only on the receiver's flag, a return of the angle, or
//! acknowledgement – never because time has passed.

use super::sync::Fault;
use crate::quantity::Tick;

/// What an L-PBC may do, from the least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Commands stay.
    #[default]
    Hold,
    /// Reactive power holds magnitudes; active power stays.
    MagnitudeOnly,
    /// Magnitudes and angles.
    Full,
}

impl Mode {
    /// Its number in a record.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// Why a mode is not more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Why {
    /// Nothing has been measured yet.
    #[default]
    Start,
    /// All is well.
    Good,
    /// The performance node's phasors are too old.
    PerformanceLost,
    /// The reference node's phasors are too old.
    ReferenceLost,
    /// A receiver is not synchronised.
    Unsynchronised,
    /// Angles stepped together.
    SyncStep,
    /// Angles drift together.
    SyncRamp,
    /// Angles are tampered with.
    AngleTampered,
    /// Magnitudes are tampered with.
    MagnitudeTampered,
}

impl Why {
    /// Its number in a record.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// What is tampered with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tampered {
    /// Nothing that is known.
    #[default]
    Nothing,
    /// Angles of the performance or the reference node.
    Angle,
    /// Magnitudes of the performance node, or it is not known what.
    Magnitude,
}

/// Times, in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Age up to which a measurement counts.
    pub timeout: u64,
    /// Good new samples in a row before a higher mode.
    pub good: u32,
    /// Steps without evidence of a wrong clock or of tampering before a higher mode; an acknowledgement ends them.
    pub distrust: u32,
}

impl Default for Settings {
    /// For steps of 0.1 s: 0.5 s, three samples, 5 s.
    fn default() -> Self {
        Self { timeout: 5, good: 3, distrust: 50 }
    }
}

/// What a step sees.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    /// When.
    pub tick: Tick,
    /// Age of the performance node's phasors in steps; `None` where there were none yet.
    pub performance_age: Option<u64>,
    /// Age of the reference node's.
    pub reference_age: Option<u64>,
    /// Whether something of them is new.
    pub fresh: bool,
    /// What the watch of the clocks says.
    pub sync: Fault,
    /// What the test of the data says.
    pub tampered: Tampered,
    /// Whether somebody has just acknowledged that all is right again.
    pub acknowledged: bool,
}

/// A change of mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub tick: Tick,
    /// From.
    pub from: Mode,
    /// To.
    pub to: Mode,
    /// Why it is not more, or all is well.
    pub why: Why,
    /// Age of the performance node's phasors.
    pub performance_age: Option<u64>,
    /// Age of the reference node's.
    pub reference_age: Option<u64>,
}

/// The state machine.
#[derive(Clone, Debug, Default)]
pub struct FailSafe {
    settings: Settings,
    mode: Mode,
    why: Why,
    good: u32,
    /// The least that was allowed while samples were counted.
    rising: Mode,
    /// What is distrusted, why, and the steps for which it will still be.
    distrusted: Option<(Mode, Why, u32)>,
    event: Option<Event>,
}

impl FailSafe {
    /// One that holds until it has seen good samples.
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// The mode that may be used.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Why it is not more, or all is well.
    pub const fn why(&self) -> Why {
        self.why
    }

    /// What changed in the last step.
    pub const fn event(&self) -> Option<&Event> {
        self.event.as_ref()
    }

    /// One step.
    pub fn step(&mut self, health: &Health) -> Mode {
        self.event = None;
        let (allowed, why) = self.allowed(health);
        let from = self.mode;
        if allowed <= self.mode {
            (self.mode, self.why, self.good) = (allowed, why, 0);
        } else if health.fresh {
            self.rising = if self.good == 0 { allowed } else { self.rising.min(allowed) };
            self.good = self.good.saturating_add(1);
            if self.good >= self.settings.good {
                (self.mode, self.good) = (self.rising.max(self.mode), 0);
                self.why = if self.mode == allowed { why } else { self.why };
            }
        }
        if self.mode != from {
            let (performance_age, reference_age) = (health.performance_age, health.reference_age);
            let (tick, to, why) = (health.tick, self.mode, self.why);
            self.event = Some(Event { tick, from, to, why, performance_age, reference_age });
        }
        self.mode
    }

    /// The most that the evidence allows, and why not more.
    fn allowed(&mut self, health: &Health) -> (Mode, Why) {
        let evidence = distrust(health);
        self.distrusted = match (evidence, self.distrusted) {
            (Some((mode, why)), _) => Some((mode, why, self.settings.distrust)),
            (None, Some((mode, why, left))) if left > 0 && !health.acknowledged => Some((mode, why, left - 1)),
            _ => None,
        };
        let old = |age: Option<u64>| age.is_none_or(|a| a > self.settings.timeout);
        let lost = if old(health.performance_age) {
            Some((Mode::Hold, Why::PerformanceLost))
        } else if old(health.reference_age) {
            Some((Mode::MagnitudeOnly, Why::ReferenceLost))
        } else if health.sync == Fault::Unsynchronised {
            Some((Mode::MagnitudeOnly, Why::Unsynchronised))
        } else {
            None
        };
        let distrusted = self.distrusted.map(|(mode, why, _)| (mode, why));
        let least = [lost, distrusted].into_iter().flatten().min_by_key(|(mode, _)| *mode);
        least.unwrap_or((Mode::Full, Why::Good))
    }
}

/// What a wrong clock or tampering leaves, and why.
const fn distrust(health: &Health) -> Option<(Mode, Why)> {
    match (health.tampered, health.sync) {
        (Tampered::Magnitude, _) => Some((Mode::Hold, Why::MagnitudeTampered)),
        (Tampered::Angle, _) => Some((Mode::MagnitudeOnly, Why::AngleTampered)),
        (_, Fault::Step) => Some((Mode::MagnitudeOnly, Why::SyncStep)),
        (_, Fault::Ramp) => Some((Mode::MagnitudeOnly, Why::SyncRamp)),
        (_, Fault::None | Fault::Unsynchronised) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sync::{Input, Settings as SyncSettings, Sync};
    use super::super::testing::{DEG, Rig, b, disturbance};
    use super::*;

    const GOOD: Health = Health {
        tick: Tick(0),
        performance_age: Some(0),
        reference_age: Some(0),
        fresh: true,
        sync: Fault::None,
        tampered: Tampered::Nothing,
        acknowledged: false,
    };

    fn good() -> FailSafe {
        let mut failsafe = FailSafe::new(Settings::default());
        assert_eq!([(); 3].map(|()| failsafe.step(&GOOD)), [Mode::Hold, Mode::Hold, Mode::Full], "three good samples");
        assert_eq!(failsafe.event().map(|e| (e.from, e.to, e.why)), Some((Mode::Hold, Mode::Full, Why::Good)));
        failsafe
    }

    /// Steps of one kind until the mode is another.
    fn until_change(failsafe: &mut FailSafe, health: &Health) -> Option<(usize, Mode)> {
        let from = failsafe.mode();
        (1..200).map(|k| (k, failsafe.step(health))).find(|(_, mode)| *mode != from)
    }

    #[test]
    fn loss_counts_after_the_timeout_and_recovery_takes_three_samples() {
        for (lost, mode, why) in [
            (Health { reference_age: Some(6), ..GOOD }, Mode::MagnitudeOnly, Why::ReferenceLost),
            (Health { performance_age: Some(6), ..GOOD }, Mode::Hold, Why::PerformanceLost),
            (Health { performance_age: None, reference_age: None, ..GOOD }, Mode::Hold, Why::PerformanceLost),
        ] {
            let mut failsafe = good();
            assert_eq!(failsafe.step(&Health { performance_age: Some(5), reference_age: Some(5), ..GOOD }), Mode::Full);
            assert_eq!(failsafe.step(&lost), mode);
            assert_eq!(failsafe.why(), why);
            assert_eq!(until_change(&mut failsafe, &GOOD), Some((3, Mode::Full)));
        }
    }

    #[test]
    fn one_bad_sample_begins_the_count_anew_and_an_old_one_is_not_counted() {
        let mut failsafe = good();
        let lost = Health { reference_age: Some(99), ..GOOD };
        failsafe.step(&lost);
        for _ in 0..20 {
            assert_eq!(failsafe.step(&GOOD), Mode::MagnitudeOnly);
            assert_eq!(failsafe.step(&GOOD), Mode::MagnitudeOnly);
            assert_eq!(failsafe.step(&lost), Mode::MagnitudeOnly);
        }
        let still = Health { fresh: false, performance_age: Some(2), reference_age: Some(2), ..GOOD };
        assert_eq!(until_change(&mut failsafe, &still), None);
    }

    #[test]
    fn an_unsynchronised_receiver_leaves_magnitudes_and_its_flag_brings_angles_back() {
        let mut failsafe = good();
        assert_eq!(failsafe.step(&Health { sync: Fault::Unsynchronised, ..GOOD }), Mode::MagnitudeOnly);
        assert_eq!(failsafe.why(), Why::Unsynchronised);
        assert_eq!(until_change(&mut failsafe, &GOOD), Some((3, Mode::Full)));
    }

    #[test]
    fn a_wrong_clock_is_distrusted_while_it_lasts_and_then_for_a_while_or_until_acknowledged() {
        for (bad, mode) in [
            (Health { sync: Fault::Step, ..GOOD }, Mode::MagnitudeOnly),
            (Health { sync: Fault::Ramp, ..GOOD }, Mode::MagnitudeOnly),
            (Health { tampered: Tampered::Angle, ..GOOD }, Mode::MagnitudeOnly),
            (Health { tampered: Tampered::Magnitude, ..GOOD }, Mode::Hold),
        ] {
            let mut failsafe = good();
            assert_eq!(failsafe.step(&bad), mode);
            assert_eq!(until_change(&mut failsafe, &bad), None, "not because time has passed");
            let mut acknowledged = failsafe.clone();
            // 50 steps of distrust, then three good samples; or three from the acknowledgement on.
            assert_eq!(until_change(&mut failsafe, &GOOD), Some((53, Mode::Full)));
            acknowledged.step(&Health { acknowledged: true, ..GOOD });
            assert_eq!(until_change(&mut acknowledged, &GOOD), Some((2, Mode::Full)));
        }
    }

    #[test]
    fn it_rises_only_to_what_all_counted_samples_allowed() {
        let mut failsafe = FailSafe::new(Settings::default());
        let magnitude = Health { reference_age: None, ..GOOD };
        failsafe.step(&magnitude);
        failsafe.step(&GOOD);
        assert_eq!(failsafe.step(&GOOD), Mode::MagnitudeOnly);
        assert_eq!(until_change(&mut failsafe, &GOOD), Some((3, Mode::Full)));
        assert_eq!([Mode::Hold, Mode::MagnitudeOnly, Mode::Full].map(Mode::code), [0, 1, 2]);
    }

    /// A loop whose mode the fail-safe chooses; `before` changes the rig and says whether the reference arrives.
    fn run(seed: u64, steps: u64, mut before: impl FnMut(&mut Rig) -> bool) -> Vec<(Mode, [f64; 2])> {
        let (mut rig, mut failsafe) = (Rig::new(seed), FailSafe::new(Settings::default()));
        let mut sync = Sync::new(SyncSettings::default(), &b()).unwrap();
        let mut age = 0;
        let step = |_| {
            age = if before(&mut rig) { 0 } else { age + 1 };
            let y = rig.measure();
            let fault = sync.step(&Input {
                tick: Tick(rig.tick),
                measured: &y,
                acting: &rig.u,
                fresh: age == 0,
                synchronised: true,
            });
            let mode = failsafe.step(&Health { reference_age: Some(age), sync: fault, ..GOOD });
            match mode {
                Mode::Full if age == 0 => rig.control(&y),
                Mode::Hold | Mode::Full => {}
                Mode::MagnitudeOnly => rig.control_magnitudes(&y),
            }
            (mode, rig.true_error())
        };
        (0..steps).map(step).collect()
    }

    #[test]
    fn after_a_loss_of_the_reference_the_loop_is_back_in_the_tight_band_within_1_5_s() {
        let mut latest = 0;
        for seed in 1..=100 {
            let past = run(seed, 220, |rig| {
                if rig.tick == 100 {
                    rig.d = disturbance(2);
                }
                !(50..150).contains(&rig.tick)
            });
            // In between, magnitudes are held and angles drift.
            let (mode, [v, angle]) = past[149];
            assert!(mode == Mode::MagnitudeOnly && v < 1e-3 && angle > 0.1 * DEG, "{mode:?} {v} {angle}");
            let outside = past.iter().rposition(|(_, [v, angle])| *v > 1e-3 || *angle > 0.05 * DEG).unwrap();
            assert!((150..219).contains(&outside), "seed {seed}: {outside}");
            latest = latest.max(outside + 1 - 150);
        }
        println!("communication: back in the tight band after {} steps at the latest", latest + 1);
        assert!(latest < 15, "{latest}");
    }

    #[test]
    fn a_spoofed_clock_moves_the_true_angle_by_little_before_it_is_found() {
        for (name, spoof, most) in [
            ("step of 1°", &(|k: u64| if k < 100 { 0.0 } else { 1.0 }) as &dyn Fn(u64) -> f64, 0.05),
            ("ramp of 0.05°/s", &|k| 0.005 * k.saturating_sub(100) as f64, 0.25),
        ] {
            let mut worst = 0.0f64;
            for seed in 1..=100 {
                let past = run(seed, 300, |rig| {
                    rig.clock_rad = spoof(rig.tick) * DEG;
                    true
                });
                worst = past[50..].iter().fold(worst, |w, (_, [_, angle])| w.max(*angle));
            }
            println!("{name}: true error of an angle at most {:.3}°", worst / DEG);
            assert!(worst < most * DEG, "{name}: {}°", worst / DEG);
        }
    }
}
