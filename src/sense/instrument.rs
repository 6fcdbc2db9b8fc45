//! An instrument: samples what is true every so many ticks and delivers each reading some ticks later; its sensors can
//! fail. A meter reads quantities as they are; a PMU has its own front end ([`super::pmu`]).
//!
//! Between readings the last one holds. Limits: samples, no averaging over a window; a meter has no clock of its own.

use super::pmu::{ClockFault, Pmu, PmuSettings};
use super::sensor::{Accuracy, Fault, Sensor};
use crate::quantity::{Noise, Tick};
use crate::signal::{Channels, Frame, Line};

/// When an instrument samples, and when its readings arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Settings {
    /// Ticks from sample to sample; the first is taken after as many.
    pub every: u64,
    /// Ticks from a sample to its arrival.
    pub delay: u64,
    /// Ticks by which a reading may be later than that by itself, at most.
    pub jitter: u64,
    /// Ticks by which all may be later still, at most: what events bring.
    pub most_extra: u64,
}

/// What an instrument is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// It reads quantities, each as exactly as this, in its own unit.
    Meter(Accuracy),
    /// It reads voltage phasors in a common time.
    Pmu(PmuSettings),
}

/// An instrument with the line that its readings take.
#[derive(Clone, Debug)]
pub struct Instrument {
    every: u64,
    front: Front,
    sensors: Vec<Sensor>,
    frame: Frame,
    line: Line,
}

#[derive(Clone, Debug)]
enum Front {
    Meter(Accuracy),
    Pmu(Pmu),
}

impl Instrument {
    /// An instrument called `name` for these channels; those of a PMU are its phases' magnitudes and angles in turns, and
    /// whether it is synchronised.
    pub fn new(name: &str, channels: &Channels, settings: Settings, kind: Kind, seed: u64) -> Self {
        let noise = |channel: &str| Noise::new(seed, &format!("{name}.{channel}"));
        let count = channels.names().len();
        let front = match kind {
            Kind::Meter(accuracy) => Front::Meter(accuracy),
            Kind::Pmu(own) => Front::Pmu(Pmu::new(own, settings.jitter, count / 2, &noise)),
        };
        let most_extra = settings.jitter.saturating_add(settings.most_extra);
        Self {
            every: settings.every.max(1),
            front,
            sensors: channels.names().iter().map(|channel| Sensor::new(noise(channel))).collect(),
            frame: Frame::new(count),
            line: Line::new(count, settings.every, settings.delay, most_extra),
        }
    }

    /// Passes a tick: takes a sample when one is due, and takes in what has arrived. `truth` is the value behind a channel;
    /// behind a PMU's last one, the frequency in Hz.
    pub fn step(&mut self, tick: Tick, truth: impl Fn(usize) -> f64) {
        if let Front::Pmu(pmu) = &mut self.front {
            pmu.pass(tick);
        }
        if tick.0.is_multiple_of(self.every) {
            self.frame.advance(tick);
            for (k, sensor) in self.sensors.iter_mut().enumerate() {
                let said = match &self.front {
                    Front::Meter(accuracy) => sensor.reading(tick, truth(k), *accuracy),
                    Front::Pmu(pmu) => pmu.reading(tick, k, sensor, &truth),
                };
                self.frame.set(k, said);
            }
            let late = match &self.front {
                Front::Meter(_) => Some(0),
                Front::Pmu(pmu) => pmu.late(tick),
            };
            if let Some(ticks) = late {
                self.line.send_later(&self.frame, ticks);
            }
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
        chosen.for_each(|(_, sensor)| sensor.set_fault(fault, on));
    }

    /// Begins or ends a fault of its clock, from the next tick that it passes on; a meter has none.
    pub const fn set_clock(&mut self, fault: ClockFault, on: bool) {
        if let Front::Pmu(pmu) = &mut self.front {
            pmu.set_clock(fault, on);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Settings = Settings { every: 1, delay: 0, jitter: 0, most_extra: 0 };
    const EXACT: Accuracy = Accuracy { noise: 0.0, resolution: 0.0 };

    fn meter(settings: Settings, accuracy: Accuracy) -> Instrument {
        let channels = Channels::new(vec!["a.1.v_pu".into(), "a.2.v_pu".into()]);
        Instrument::new("m", &channels, settings, Kind::Meter(accuracy), 7)
    }

    fn read(meter: &mut Instrument, tick: u64) -> (f64, bool, u64) {
        meter.step(Tick(tick), |_| tick as f64);
        let channel = meter.reading().get(0);
        (channel.value, channel.valid, channel.age)
    }

    #[test]
    fn samples_are_late_and_held() {
        let mut meter = meter(Settings { every: 5, delay: 2, ..PLAIN }, EXACT);
        let seen: Vec<(f64, bool, u64)> = (1..=13).map(|k| read(&mut meter, k)).collect();
        assert!(seen[..6].iter().all(|(value, valid, _)| value.is_nan() && !valid));
        assert_eq!(seen[6..8], [(5.0, true, 2), (5.0, true, 3)], "sampled at 5, there at 7");
        assert_eq!(seen[10..12], [(5.0, true, 6), (10.0, true, 2)]);
    }

    /// The mean of n samples has a standard deviation of sd/√n, their variance one of about sd²·√(2/n): 5 of those.
    #[test]
    fn noise_has_its_standard_deviation_and_channels_their_own() {
        let mut meter = meter(PLAIN, Accuracy { noise: 0.01, ..EXACT });
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
        let mut meter = meter(PLAIN, Accuracy { resolution: 0.5, ..EXACT });
        meter.step(Tick(1), |k| [1.2, 1.3][k]);
        assert_eq!([0, 1].map(|k| meter.reading().get(k).value), [1.0, 1.5]);
    }

    #[test]
    fn sensors_fail_one_by_one_and_recover() {
        let mut meter = meter(PLAIN, EXACT);
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
