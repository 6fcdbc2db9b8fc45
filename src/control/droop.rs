//! Droop: a command per rated apparent power by a curve of voltage, with an open-loop response – volt-var and volt-watt.
//!
//! The voltage is the mean of the channels that are fresh (valid, and no older than the timeout). The command runs after
//! the curve's value as Y(t) = Y₀ + (Y∞ − Y₀)·(1 − e^(−2.303 t/T_r)), T_r being the time to 90 %: the open-loop response of
//! IEEE 1547-2018, here as the SVP of IEEE 1547.1 writes it (sandialabs/svp_1547.1, `p1547.py`); the standard's own text
//! was not at hand. Without a fresh channel the last command holds; once every channel is older than the timeout, the
//! command goes to the fail-safe value by the same response, or goes on holding where there is none.

use super::{Controller, Curve};
use crate::quantity::Tick;
use crate::signal::Frame;

/// What a droop is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Command per rated apparent power, by voltage per unit.
    pub curve: Curve,
    /// Places of the voltages among the channels it is given.
    pub inputs: Vec<usize>,
    /// What it commands, in the order of the command channels.
    pub actuators: Vec<Actuator>,
    /// Time between its steps in s.
    pub period_s: f64,
    /// Time to 90 % in s; 0 is at once.
    pub response_s: f64,
    /// Age in ticks up to which a measurement counts.
    pub timeout: u64,
    /// Command per rated apparent power where measurements are missing for longer; `None` holds the last.
    pub fail_safe: Option<f64>,
}

/// Something that a droop commands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Actuator {
    /// Rated apparent power in VA.
    pub s_va: f64,
    /// What it does before the first command, per rated apparent power.
    pub start: f64,
}

/// A droop at work.
#[derive(Clone, Debug)]
pub struct Droop {
    settings: Settings,
    /// What is left of a difference after a step.
    left: f64,
    /// Present commands, per rated apparent power; none before the first.
    present: Vec<f64>,
    began: bool,
}

impl Droop {
    /// A droop before its first step.
    pub fn new(settings: Settings) -> Self {
        let ratio = if settings.response_s > 0.0 { settings.period_s / settings.response_s } else { f64::INFINITY };
        let present = settings.actuators.iter().map(|a| a.start).collect();
        Self { left: (-10f64.ln() * ratio).exp(), present, began: false, settings }
    }

    /// Where commands go; `None` where they stay.
    #[allow(clippy::cast_precision_loss, reason = "a count of channels")]
    fn target(&self, measured: &Frame) -> Option<f64> {
        let timeout = self.settings.timeout;
        let channels = || self.settings.inputs.iter().map(|&k| measured.get(k));
        let fresh = || channels().filter(|c| c.valid && c.age <= timeout);
        match fresh().count() {
            0 if channels().all(|c| c.age > timeout) => self.settings.fail_safe,
            0 => None,
            count => Some(self.settings.curve.at(fresh().map(|c| c.value).sum::<f64>() / count as f64)),
        }
    }
}

impl Controller for Droop {
    fn step(&mut self, tick: Tick, measured: &Frame, commands: &mut Frame) {
        if let Some(target) = self.target(measured) {
            self.began = true;
            self.present.iter_mut().for_each(|y| *y = target + (*y - target) * self.left);
        }
        commands.advance(tick);
        if self.began {
            for (k, (y, actuator)) in self.present.iter().zip(&self.settings.actuators).enumerate() {
                commands.set(k, y * actuator.s_va);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            curve: Curve::new(vec![[0.9, 0.5], [1.1, -0.5]]).unwrap(),
            inputs: vec![1, 2],
            actuators: vec![Actuator { s_va: 1000.0, start: 0.0 }, Actuator { s_va: 10.0, start: 0.0 }],
            period_s: 1.0,
            response_s: 0.0,
            timeout: 3,
            fail_safe: None,
        }
    }

    fn measured(tick: u64, values: [f64; 3]) -> Frame {
        let mut frame = Frame::new(3);
        frame.advance(Tick(tick));
        values.iter().enumerate().for_each(|(k, v)| frame.set(k, *v));
        frame
    }

    fn step(droop: &mut Droop, tick: u64, measured: &Frame) -> [Option<f64>; 2] {
        let mut commands = Frame::new(2);
        droop.step(Tick(tick), measured, &mut commands);
        [0, 1].map(|k| Some(commands.get(k)).filter(|c| c.valid).map(|c| c.value))
    }

    fn close(found: [Option<f64>; 2], expected: [f64; 2]) {
        let near = |(f, e): (Option<f64>, f64)| f.is_some_and(|f| (f - e).abs() < 1e-9);
        assert!(found.into_iter().zip(expected).all(near), "{found:?} {expected:?}");
    }

    #[test]
    fn commands_are_by_the_mean_voltage_and_each_rating() {
        let mut droop = Droop::new(settings());
        // Mean of 0.94 and 0.96 is 0.95: half-way from 0 at 1.0 to 0.5 at 0.9. Channel 0 is not its own.
        close(step(&mut droop, 1, &measured(1, [5.0, 0.94, 0.96])), [250.0, 2.5]);
        close(step(&mut droop, 2, &measured(2, [5.0, f64::NAN, 1.05])), [-250.0, -2.5]);
    }

    #[test]
    fn the_response_is_at_90_percent_after_its_time() {
        let mut droop = Droop::new(Settings { response_s: 5.0, ..settings() });
        let frame = measured(1, [0.0, 0.9, 0.9]);
        let mut last = [None; 2];
        (1..=5).for_each(|k| last = step(&mut droop, k, &frame));
        close(last, [0.9 * 500.0, 0.9 * 5.0]);
    }

    #[test]
    fn without_measurements_it_holds_or_goes_to_the_fail_safe() {
        for (fail_safe, after) in [(None, 500.0), (Some(-0.1), -100.0)] {
            let mut droop = Droop::new(Settings { fail_safe, ..settings() });
            assert_eq!(step(&mut droop, 1, &Frame::new(3)), [None; 2], "nothing measured, nothing commanded");
            let mut frame = measured(2, [0.0, 0.9, 0.9]);
            close(step(&mut droop, 2, &frame), [500.0, 5.0]);
            frame.grow_older(3);
            close(step(&mut droop, 5, &frame), [500.0, 5.0]);
            frame.grow_older(1);
            close(step(&mut droop, 6, &frame), [after, after / 100.0]);
        }
    }

    #[test]
    fn a_dead_sensor_counts_as_old_once_its_last_value_is() {
        let mut droop = Droop::new(Settings { fail_safe: Some(0.0), ..settings() });
        let mut frame = measured(1, [0.0, 0.9, 0.9]);
        close(step(&mut droop, 1, &frame), [500.0, 5.0]);
        for tick in 2..=5 {
            frame.advance(Tick(tick));
            [1, 2].iter().for_each(|k| frame.set(*k, f64::NAN));
            let expected = if tick <= 4 { 500.0 } else { 0.0 };
            close(step(&mut droop, tick, &frame), [expected, expected / 100.0]);
        }
    }
}
