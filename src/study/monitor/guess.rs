//! What a recording's owner did not say, told from its first second: nominal frequency and voltage.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use crate::recording::{Info, Quantity};

/// Seconds that are looked at.
pub const HEAD_S: f64 = 1.2;
/// Cycles whose RMS value tells the voltage.
const CYCLES: f64 = 10.0;
/// Voltages between phase and neutral that are usual, and between phases, in V.
const USUAL_V: [f64; 22] = [
    57.735, 63.509, 69.282, 100.0, 110.0, 115.0, 120.0, 127.0, 208.0, 220.0, 230.0, 240.0, 254.0, 277.0, 347.0, 380.0,
    400.0, 415.0, 440.0, 480.0, 600.0, 690.0,
];

/// Who says what is taken for nominal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The command line.
    Given,
    /// The recording's header.
    File,
    /// The first samples.
    Signal,
}

/// The beginning of a recording.
#[derive(Clone, Debug)]
pub struct Beginning {
    rate_hz: f64,
    voltage: Vec<bool>,
    channels: Vec<Vec<f64>>,
    room: usize,
}

impl Beginning {
    /// Nothing yet.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded; a float cast saturates")]
    pub fn new(info: &Info) -> Self {
        let voltage: Vec<bool> = info.channels.iter().map(|c| c.place.quantity == Quantity::Voltage).collect();
        let room = (HEAD_S * info.sample_rate_hz).clamp(16.0, 4e6) as usize;
        Self { rate_hz: info.sample_rate_hz, channels: vec![Vec::new(); voltage.len()], voltage, room }
    }

    /// Takes samples of a channel; those beyond the first second are left.
    pub fn add(&mut self, channel: usize, samples: &[f64]) {
        if let Some(own) = self.channels.get_mut(channel) {
            let room = self.room.saturating_sub(own.len());
            own.extend(samples.iter().take(room));
        }
    }

    /// Whether more would change nothing.
    pub fn is_full(&self) -> bool {
        self.channels.iter().all(|channel| channel.len() >= self.room)
    }

    /// 50 or 60 Hz, whichever is nearer to the frequency of the strongest component between 40 and 70 Hz of the first
    /// channel that has one, voltages first; `None` when there is none.
    pub fn nominal_hz(&self) -> Option<f64> {
        let of = |voltage: bool| self.channels.iter().zip(&self.voltage).filter(move |(_, v)| **v == voltage);
        let found = of(true).chain(of(false)).find_map(|(samples, _)| fundamental_hz(samples, self.rate_hz));
        found.map(|hz| if hz < 55.0 { 50.0 } else { 60.0 })
    }

    /// The voltage for which the first cycles of the voltages were meant: a usual one within 10 %, else what they have.
    pub fn nominal_v(&self, nominal_hz: f64) -> Option<f64> {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a second's samples")]
        let cycles = (CYCLES * self.rate_hz / nominal_hz) as usize;
        let voltages = self.channels.iter().zip(&self.voltage).filter(|(_, voltage)| **voltage).map(|(c, _)| c);
        let largest = voltages.map(|c| rms(&c[..cycles.min(c.len())])).fold(0.0, f64::max);
        let usual = USUAL_V.into_iter().min_by(|a, b| (a / largest).ln().abs().total_cmp(&(b / largest).ln().abs()));
        let near = usual.filter(|usual| (largest / usual - 1.0).abs() <= 0.1);
        (largest > 0.0).then(|| near.unwrap_or_else(|| three_digits(largest)))
    }
}

#[allow(clippy::cast_precision_loss, reason = "a second's samples")]
fn rms(samples: &[f64]) -> f64 {
    let count = samples.len().max(1) as f64;
    let mean = samples.iter().sum::<f64>() / count;
    (samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count).sqrt()
}

fn three_digits(x: f64) -> f64 {
    let unit = 10f64.powf(x.log10().floor() - 2.0);
    (x / unit).round() * unit
}

/// The frequency between 40 and 70 Hz at which a channel's windowed spectrum is largest, if most of its power is there.
#[allow(clippy::cast_precision_loss, reason = "a second's samples")]
fn fundamental_hz(samples: &[f64], rate_hz: f64) -> Option<f64> {
    let count = samples.len();
    if count < 16 || count as f64 / rate_hz < 0.03 {
        return None;
    }
    let mean = samples.iter().sum::<f64>() / count as f64;
    // A dozen samples a cycle are plenty.
    let every = ((rate_hz / 800.0) as usize).max(1);
    let window = |n: usize| 0.5 - 0.5 * (TAU * n as f64 / count as f64).cos();
    let thin: Vec<(f64, f64)> =
        (0..count).step_by(every).map(|n| (n as f64 / rate_hz, (samples[n] - mean) * window(n))).collect();
    let power = |hz: f64| {
        let (re, im) = thin.iter().fold((0.0, 0.0), |(re, im), (t, x)| {
            let (sin, cos) = (TAU * hz * t).sin_cos();
            (re + x * cos, im - x * sin)
        });
        re * re + im * im
    };
    let best =
        (0..=60).map(|k| 40.0 + 0.5 * f64::from(k)).map(|hz| (hz, power(hz))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    // Of a sinusoid all power is there: Σ(xw)² = 3/8·A²/2·N and |Σxw·e|² = (A/2·N/2)².
    let whole: f64 = thin.iter().map(|(_, x)| x * x).sum::<f64>() * thin.len() as f64 / 3.0;
    (best.1 > 0.05 * whole && best.1 > 0.0).then_some(best.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{Channel, Place};

    fn beginning(rate_hz: f64, wave: impl Fn(f64) -> f64) -> Beginning {
        let place: Place = "u1".parse().unwrap();
        let channels = vec![Channel { place, source: "u1".into(), range: None }];
        let info = Info {
            format: "CSV".into(),
            station: None,
            sample_rate_hz: rate_hz,
            channels,
            samples: None,
            nominal_hz: None,
        };
        let mut beginning = Beginning::new(&info);
        let samples: Vec<f64> = (0..(1.5 * rate_hz) as usize).map(|n| wave(n as f64 / rate_hz)).collect();
        samples.chunks(1000).for_each(|chunk| beginning.add(0, chunk));
        assert!(beginning.is_full());
        beginning
    }

    #[test]
    fn nominal_values_are_told_by_the_signal() {
        let sine = |hz: f64, v: f64| move |t: f64| v * 2f64.sqrt() * (TAU * hz * t + 1.0).sin() + 3.0;
        for (hz, nominal) in [(49.7, 50.0), (42.5, 50.0), (57.5, 60.0), (60.3, 60.0), (69.0, 60.0)] {
            assert_eq!(beginning(12_800.0, sine(hz, 230.0)).nominal_hz(), Some(nominal), "{hz}");
        }
        let distorted = |t: f64| sine(50.0, 230.0)(t) + sine(150.0, 200.0)(t);
        assert_eq!(beginning(12_800.0, distorted).nominal_hz(), Some(50.0));
        assert_eq!(beginning(12_800.0, |_| 5.0).nominal_hz(), None);
        assert_eq!(beginning(12_800.0, sine(400.0, 115.0)).nominal_hz(), None);
        for (v, nominal) in [(229.0, 230.0), (277.5, 277.0), (119.0, 120.0), (7197.0, 7200.0), (12.34, 12.3)] {
            let told = beginning(12_800.0, sine(50.0, v)).nominal_v(50.0).unwrap();
            assert!((told / nominal - 1.0).abs() < 1e-12, "{v}: {told}");
        }
        assert_eq!(beginning(12_800.0, |_| 0.0).nominal_v(50.0), None);
    }
}
