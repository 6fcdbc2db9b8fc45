//! A meter: samples quantities every so many ticks and delivers each reading some ticks later, with noise and a
//! resolution; its sensors can fail.
//!
//! reading = round to resolution of (gain · value + offset + sd · n), n standard normal by (seed, channel, tick), so that
//! one channel more moves nobody else's noise. Between readings the last one holds. Limits: no averaging over a window,
//! no error by range, no clock of its own.

use crate::quantity::{Noise, Tick};
use crate::signal::{Channels, Frame, Line};

/// What a meter is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Ticks from sample to sample; the first is taken after as many.
    pub every: u64,
    /// Ticks from a sample to its arrival.
    pub delay: u64,
    /// Ticks by which it may arrive later than that, at most.
    pub most_extra: u64,
    /// Standard deviation of the noise, in the quantity's unit.
    pub noise: f64,
    /// Smallest step of a reading, in the quantity's unit; 0 is none.
    pub resolution: f64,
}

/// What can be wrong with a sensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// It goes on saying what it said last.
    Stuck,
    /// It says so much more.
    Offset(f64),
    /// It says so many times as much.
    Gain(f64),
    /// It says nothing.
    Dropped,
}

/// A meter with the line that its readings take.
#[derive(Clone, Debug)]
pub struct Meter {
    settings: Settings,
    sensors: Vec<Sensor>,
    frame: Frame,
    line: Line,
}

#[derive(Clone, Debug)]
struct Sensor {
    noise: Noise,
    gain: f64,
    offset: f64,
    stuck: bool,
    dropped: bool,
    last: f64,
}

impl Meter {
    /// A meter called `name` for these channels.
    pub fn new(name: &str, channels: &Channels, settings: Settings, seed: u64) -> Self {
        let sensor = |channel: &String| Sensor {
            noise: Noise::new(seed, &format!("{name}.{channel}")),
            gain: 1.0,
            offset: 0.0,
            stuck: false,
            dropped: false,
            last: f64::NAN,
        };
        let count = channels.names().len();
        Self {
            settings,
            sensors: channels.names().iter().map(sensor).collect(),
            frame: Frame::new(count),
            line: Line::new(count, settings.every, settings.delay, settings.most_extra),
        }
    }

    /// Passes a tick: takes a sample when one is due, and takes in what has arrived. `truth` is the value of a channel.
    pub fn step(&mut self, tick: Tick, truth: impl Fn(usize) -> f64) {
        if tick.0.is_multiple_of(self.settings.every.max(1)) {
            self.frame.advance(tick);
            for (k, sensor) in self.sensors.iter_mut().enumerate() {
                self.frame.set(k, sensor.reading(tick, truth(k), &self.settings));
            }
            self.line.send(&self.frame);
        }
        self.line.receive(tick);
    }

    /// The newest reading that has arrived.
    pub const fn reading(&self) -> &Frame {
        self.line.held()
    }

    /// The line that readings take.
    pub const fn line_mut(&mut self) -> &mut Line {
        &mut self.line
    }

    /// Begins or ends a fault of one sensor, or of all.
    pub fn set_fault(&mut self, channel: Option<usize>, fault: Fault, on: bool) {
        let chosen = self.sensors.iter_mut().enumerate().filter(|(k, _)| channel.is_none_or(|own| own == *k));
        for (_, sensor) in chosen {
            match fault {
                Fault::Stuck => sensor.stuck = on,
                Fault::Offset(offset) => sensor.offset = if on { offset } else { 0.0 },
                Fault::Gain(gain) => sensor.gain = if on { gain } else { 1.0 },
                Fault::Dropped => sensor.dropped = on,
            }
        }
    }
}

impl Sensor {
    /// NaN when it says nothing. A sensor that is stuck before its first reading is stuck at that.
    fn reading(&mut self, tick: Tick, value: f64, settings: &Settings) -> f64 {
        if self.dropped {
            return f64::NAN;
        }
        if self.stuck && !self.last.is_nan() {
            return self.last;
        }
        let noise = if settings.noise > 0.0 { settings.noise * self.noise.normal(tick.0) } else { 0.0 };
        let said = self.gain * value + self.offset + noise;
        let step = settings.resolution;
        self.last = if step > 0.0 { (said / step).round() * step } else { said };
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Settings = Settings { every: 1, delay: 0, most_extra: 0, noise: 0.0, resolution: 0.0 };

    fn meter(settings: Settings) -> Meter {
        let channels = Channels::new(vec!["a.1.v_pu".into(), "a.2.v_pu".into()]);
        Meter::new("m", &channels, settings, 7)
    }

    fn read(meter: &mut Meter, tick: u64) -> (f64, bool, u64) {
        meter.step(Tick(tick), |_| tick as f64);
        let channel = meter.reading().get(0);
        (channel.value, channel.valid, channel.age)
    }

    #[test]
    fn samples_are_late_and_held() {
        let mut meter = meter(Settings { every: 5, delay: 2, ..PLAIN });
        let seen: Vec<(f64, bool, u64)> = (1..=13).map(|k| read(&mut meter, k)).collect();
        assert!(seen[..6].iter().all(|(value, valid, _)| value.is_nan() && !valid));
        assert_eq!(seen[6..8], [(5.0, true, 2), (5.0, true, 3)], "sampled at 5, there at 7");
        assert_eq!(seen[10..12], [(5.0, true, 6), (10.0, true, 2)]);
    }

    /// The mean of n samples has a standard deviation of sd/√n, their variance one of about sd²·√(2/n): 5 of those.
    #[test]
    fn noise_has_its_standard_deviation_and_channels_their_own() {
        let mut meter = meter(Settings { noise: 0.01, ..PLAIN });
        let n = 20_000u32;
        let pairs: Vec<[f64; 2]> = (1..=u64::from(n))
            .map(|k| {
                meter.step(Tick(k), |_| 1.0);
                [0, 1].map(|channel| (meter.reading().get(channel).value - 1.0) / 0.01)
            })
            .collect();
        let mean = |f: &dyn Fn(&[f64; 2]) -> f64| pairs.iter().map(f).sum::<f64>() / f64::from(n);
        let root = f64::from(n).sqrt();
        assert!(mean(&|p| p[0]).abs() < 5.0 / root);
        assert!((mean(&|p| p[0] * p[0]) - 1.0).abs() < 5.0 * 2f64.sqrt() / root);
        assert!(mean(&|p| p[0] * p[1]).abs() < 5.0 / root, "not correlated");
    }

    #[test]
    fn a_resolution_rounds() {
        let mut meter = meter(Settings { resolution: 0.5, ..PLAIN });
        meter.step(Tick(1), |k| [1.2, 1.3][k]);
        assert_eq!([0, 1].map(|k| meter.reading().get(k).value), [1.0, 1.5]);
    }

    #[test]
    fn sensors_fail_one_by_one_and_recover() {
        let mut meter = meter(PLAIN);
        read(&mut meter, 1);
        meter.set_fault(Some(0), Fault::Stuck, true);
        assert_eq!(read(&mut meter, 2), (1.0, true, 0), "stuck, and nobody can tell");
        assert_eq!(meter.reading().get(1).value, 2.0);
        meter.set_fault(Some(0), Fault::Stuck, false);
        meter.set_fault(None, Fault::Offset(0.5), true);
        meter.set_fault(None, Fault::Gain(2.0), true);
        assert_eq!(read(&mut meter, 3), (6.5, true, 0));
        meter.set_fault(None, Fault::Offset(0.5), false);
        meter.set_fault(None, Fault::Gain(2.0), false);
        meter.set_fault(Some(0), Fault::Dropped, true);
        assert_eq!(read(&mut meter, 4), (6.5, false, 1), "the last good value");
        assert!(meter.reading().get(1).valid);
        meter.set_fault(Some(0), Fault::Dropped, false);
        assert_eq!(read(&mut meter, 5), (5.0, true, 0));
    }
}
