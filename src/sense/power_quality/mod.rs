//! The front end of a power-quality instrument: spectra in, blocks of samples out, as its converters would deliver them.
//!
//! What is linear and steady acts on phasors, before synthesis: classes of transformers, the coil's gain, misalignment, delay and
//! crosstalk, amplifiers, hum, the analogue filter. The rest acts on samples: saturation, the integrator's high-pass,
//! broadband noise, the digital filter, rounding and clipping, missing samples. The clock moves the sampling instants
//! themselves. Every stage is off until it is set, and drawn by (seed, instrument, channel). `docs/models/sensing.md`.

mod channel;
mod settings;
#[cfg(test)]
mod tests;

use channel::Channel;
pub use settings::{ChannelSettings, PowerQualitySettings, Sensor, SetUpError};

use super::spectra::{Component, MOST_ORDER, Spectra};
use super::synthesis::{Jitter, Synthesizer};
use super::transducer::{Losses, Oscillator};
use crate::quantity::{Noise, Step, Tick};
use crate::signal::Waveform;

/// Temperature that an instrument begins at, in °C.
const ROOM_C: f64 = 25.0;

/// The front end of an instrument. A clone goes on as the original would.
#[derive(Clone, Debug)]
pub struct PowerQuality {
    synthesizer: Synthesizer,
    /// What its converters see.
    seen: Spectra,
    channels: Vec<Channel>,
    oscillator: Oscillator,
    clock_noise: Noise,
    temperature_c: f64,
    jitter: Option<Jitter>,
    losses: Losses,
    missing: Option<(Noise, f64)>,
    rate_hz: f64,
    /// Frequencies that the channels' responses were made for, in Hz.
    made: (f64, Vec<Component>),
    begun: bool,
}

impl PowerQuality {
    /// The front end of the instrument called `name`, for ticks of a length.
    ///
    /// # Errors
    /// [`SetUpError`] says which setting cannot be.
    pub fn new(name: &str, settings: &PowerQualitySettings, tick: Step, seed: u64) -> Result<Self, SetUpError> {
        settings.check()?;
        let (count, beside) = (settings.channels.len(), settings.components);
        let synthesizer = Synthesizer::new(settings.rate, tick, settings.interpolation, count, beside)
            .filter(|synthesizer| synthesizer.most_samples() <= settings::MOST_SAMPLES)
            .ok_or(SetUpError::Rate)?;
        let noise = |of: &str| Noise::new(seed, &format!("{name}.{of}"));
        let hertz = settings.rate.hz();
        let channel = |own: &ChannelSettings| {
            let noises = [noise(&format!("{}.unit", own.name)), noise(&own.name)];
            Channel::new(own, noises, settings.nominal_hz, hertz, beside)
        };
        Ok(Self {
            synthesizer,
            seen: Spectra::new(settings.nominal_hz, count, beside),
            channels: settings.channels.iter().map(channel).collect(),
            oscillator: settings.oscillator,
            clock_noise: noise("clock"),
            temperature_c: ROOM_C,
            jitter: (settings.jitter_s > 0.0).then(|| Jitter { sd_s: settings.jitter_s, noise: noise("jitter") }),
            losses: Losses::new(settings.loss_with_interference(), noise("loss")),
            missing: (settings.missing_share > 0.0).then(|| (noise("missing"), settings.missing_share)),
            rate_hz: hertz,
            made: (f64::NAN, vec![Component::default(); beside]),
            begun: false,
        })
    }

    /// Spectra with room for its channels and components, all zero.
    pub fn spectra(&self) -> Spectra {
        let mut empty = self.seen.clone();
        (0..empty.channels()).for_each(|channel| empty.channel_mut(channel).fill(Default::default()));
        empty
    }

    /// Room for any tick's samples.
    pub fn waveform(&self) -> Waveform {
        self.synthesizer.waveform()
    }

    /// How many ppm its clock is too fast now.
    pub fn clock_ppm(&self) -> f64 {
        self.oscillator.deviation_ppm(self.clock_noise, self.temperature_c)
    }

    /// Its surroundings' temperature in °C, from the next tick on.
    pub const fn set_temperature_c(&mut self, temperature_c: f64) {
        self.temperature_c = temperature_c;
    }

    /// A tick's block of samples, from what stands at its conductors during the tick. The block is not valid where it was lost, and where a
    /// phasor was no number. Ticks follow each other.
    pub fn step(&mut self, tick: Tick, spectra: &Spectra, out: &mut Waveform) {
        self.seen.copy_from(spectra);
        self.transduce(spectra);
        let sound = self.synthesizer.step(&self.seen, self.clock_ppm(), self.jitter, out);
        if !self.begun {
            let rate_hz = self.rate_hz * (1.0 + self.clock_ppm() * 1e-6);
            let channels = self.channels.iter_mut().enumerate();
            channels.for_each(|(k, channel)| channel.warm(&self.seen, k, rate_hz));
            self.begun = true;
        }
        let first = out.first;
        for (k, channel) in self.channels.iter_mut().enumerate() {
            channel.convert(first, self.missing, out.channel_mut(k));
        }
        out.valid = sound && !self.losses.lost(tick.0);
    }

    /// What the converters see of a tick's spectra.
    fn transduce(&mut self, spectra: &Spectra) {
        let moved = self.made.0 != spectra.frequency_hz || self.made.1 != spectra.components();
        if moved {
            self.made.0 = spectra.frequency_hz;
            self.made.1.iter_mut().zip(spectra.components()).for_each(|(own, other)| *own = *other);
            self.channels.iter_mut().for_each(|channel| channel.respond(spectra));
        }
        for (k, channel) in self.channels.iter().enumerate() {
            let own = self.seen.channel_mut(k);
            let share = channel.crosstalk();
            if share != 0.0 {
                let others = self.channels.iter().enumerate().filter(|(other, c)| *other != k && c.is_rogowski());
                for (other, _) in others {
                    own.iter_mut().zip(spectra.channel(other)).for_each(|(own, x)| *own += x * share);
                }
            }
            channel.transduce(own);
        }
    }
}

/// Highest place of a channel's phasors that is an order.
const LAST_ORDER: usize = MOST_ORDER;
