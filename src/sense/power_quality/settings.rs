//! What a front end is made of, and what cannot be.

use thiserror::Error;

use crate::sense::synthesis::{Interpolation, SampleRate};
use crate::sense::transducer::{
    Adc, AntiAlias, CurrentTransformer, Emi, Loss, Oscillator, Placement, Rogowski, VoltageTransformer,
};

/// Least sampling rate in Hz: 2560 samples in 200 ms.
pub const LEAST_RATE_HZ: f64 = 12_800.0;

/// Most samples of a tick, and most components.
pub const MOST_SAMPLES: usize = 1 << 24;
const MOST_COMPONENTS: usize = 1 << 12;

/// What stands between a conductor and an amplifier.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Sensor {
    /// Nothing that matters.
    #[default]
    Ideal,
    /// A current transformer.
    CurrentTransformer(CurrentTransformer),
    /// A voltage transformer.
    VoltageTransformer(VoltageTransformer),
    /// A Rogowski coil with its integrator.
    Rogowski(Rogowski),
}

/// A channel; every stage is off by default.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelSettings {
    /// Its name, u1 to u4, i1 to i4: its noise is its own by this.
    pub name: String,
    /// What it is connected through.
    pub sensor: Sensor,
    /// Times the amplifier gives what it should.
    pub gain: f64,
    /// What is added, in the channel's unit.
    pub offset: f64,
    /// The anti-alias filter.
    pub anti_alias: Option<AntiAlias>,
    /// Interference.
    pub emi: Option<Emi>,
    /// The amplifier's white noise, before the digital filter, in the channel's unit RMS.
    pub noise_rms: f64,
    /// The converter; none is exact.
    pub adc: Option<Adc>,
}

impl ChannelSettings {
    /// A channel that shows what is.
    pub fn ideal(name: &str) -> Self {
        Self {
            name: name.into(),
            sensor: Sensor::Ideal,
            gain: 1.0,
            offset: 0.0,
            anti_alias: None,
            emi: None,
            noise_rms: 0.0,
            adc: None,
        }
    }

    fn check(&self) -> Result<(), SetUpError> {
        let positive = |x: f64, what| if x > 0.0 && x.is_finite() { Ok(()) } else { self.refuse(what) };
        let finite = |all: &[f64], what| if all.iter().all(|x| x.is_finite()) { Ok(()) } else { self.refuse(what) };
        let not_negative = |x: f64, what| if x >= 0.0 && x.is_finite() { Ok(()) } else { self.refuse(what) };
        finite(&[self.gain, self.offset], "gain and offset are numbers")?;
        not_negative(self.noise_rms, "noise is 0 or more")?;
        match self.sensor {
            Sensor::Ideal | Sensor::VoltageTransformer(_) => {}
            Sensor::CurrentTransformer(ct) => {
                positive(ct.rated_a, "a rated current is above 0 A")?;
                if let Some(core) = ct.saturation {
                    for x in [core.limit_factor, core.saturated_s, core.magnetising_s] {
                        positive(x, "a core's limit factor and time constants are above 0")?;
                    }
                }
            }
            Sensor::Rogowski(coil) => {
                finite(
                    &[coil.gain_percent, coil.phase_deg, coil.crosstalk_percent, coil.delay_s],
                    "a coil's errors are numbers",
                )?;
                not_negative(coil.corner_hz, "a coil's corner is 0 Hz or more")?;
            }
        }
        if let Some(emi) = self.emi {
            positive(emi.distance_m, "cables are more than 0 m apart")?;
            for x in [emi.hum_rms, emi.broadband_rms, emi.loss_share] {
                not_negative(x, "interference is 0 or more")?;
            }
        }
        if let Some(adc) = self.adc {
            positive(adc.range, "a converter's range is above 0")?;
            if !(2..=32).contains(&adc.bits) {
                return self.refuse("a converter has 2 to 32 bits");
            }
        }
        Ok(())
    }

    fn check_filters(&self, rate_hz: f64) -> Result<(), SetUpError> {
        if let Sensor::Rogowski(coil) = self.sensor
            && coil.corner_hz >= 0.5 * rate_hz
        {
            return self.refuse("a coil's corner is below half the sampling rate");
        }
        let Some(filter) = self.anti_alias else { return Ok(()) };
        if !(1..=12).contains(&filter.order) {
            return self.refuse("a filter's order is 1 to 12");
        }
        let below = filter.placement == Placement::Analogue || filter.cutoff_hz < 0.499 * rate_hz;
        if filter.cutoff_hz > 0.0 && filter.cutoff_hz.is_finite() && below {
            Ok(())
        } else {
            self.refuse("a filter's cutoff is above 0 Hz and, of a digital one, below half the sampling rate")
        }
    }

    fn refuse(&self, what: &'static str) -> Result<(), SetUpError> {
        Err(SetUpError::Channel { name: self.name.clone(), what })
    }
}

/// A front end.
#[derive(Clone, Debug, PartialEq)]
pub struct PowerQualitySettings {
    /// Samples per second of each channel, at least 12800.
    pub rate: SampleRate,
    /// The network's nominal frequency in Hz.
    pub nominal_hz: f64,
    /// What happens between the spectra of one tick and those of the next.
    pub interpolation: Interpolation,
    /// Frequencies beside the orders that there is room for.
    pub components: usize,
    /// Its channels.
    pub channels: Vec<ChannelSettings>,
    /// What its samples are counted by.
    pub oscillator: Oscillator,
    /// Standard deviation of sampling instants in s.
    pub jitter_s: f64,
    /// How blocks get lost.
    pub loss: Loss,
    /// Share of samples that are missing: the one before stays.
    pub missing_share: f64,
}

impl PowerQualitySettings {
    /// An instrument that shows what is, at a rate.
    pub fn ideal(rate: SampleRate, nominal_hz: f64, channels: &[&str]) -> Self {
        Self {
            rate,
            nominal_hz,
            interpolation: Interpolation::Hold,
            components: 0,
            channels: channels.iter().map(|name| ChannelSettings::ideal(name)).collect(),
            oscillator: Oscillator::default(),
            jitter_s: 0.0,
            loss: Loss::default(),
            missing_share: 0.0,
        }
    }

    /// Lost blocks by the network and by the worst interference, each by its own.
    pub(super) fn loss_with_interference(&self) -> Loss {
        let emi = self.channels.iter().filter_map(|channel| channel.emi).map(|emi| emi.loss()).fold(0.0, f64::max);
        Loss { share: 1.0 - (1.0 - self.loss.share) * (1.0 - emi), ..self.loss }
    }

    /// What keeps this from being a front end, if anything does.
    ///
    /// # Errors
    /// The first [`SetUpError`] that is found.
    pub fn check(&self) -> Result<(), SetUpError> {
        let rate_hz = self.rate.hz();
        if rate_hz < LEAST_RATE_HZ {
            return Err(SetUpError::TooSlow { rate_hz });
        }
        if !(self.nominal_hz > 0.0 && self.nominal_hz.is_finite()) {
            return Err(SetUpError::Instrument("a nominal frequency is above 0 Hz"));
        }
        if self.components > MOST_COMPONENTS {
            return Err(SetUpError::Instrument("there are at most 4096 components"));
        }
        let shares = [self.missing_share, self.loss.share];
        if !shares.iter().all(|share| (0.0..=1.0).contains(share)) || !(1.0..).contains(&self.loss.burst) {
            return Err(SetUpError::Instrument(
                "shares of lost blocks and samples are 0 to 1, a burst has at least 1 block",
            ));
        }
        if !(self.jitter_s >= 0.0 && self.jitter_s * rate_hz <= 1.0) {
            return Err(SetUpError::Instrument("jitter is 0 to one sampling period"));
        }
        let clock = [self.oscillator.offset_ppm, self.oscillator.tolerance_ppm, self.oscillator.stability_ppm];
        if !(0.0..=500.0).contains(&clock.iter().map(|ppm| ppm.abs()).sum::<f64>()) {
            return Err(SetUpError::Instrument("a clock is right within 500 ppm"));
        }
        self.channels.iter().try_for_each(|channel| {
            channel.check()?;
            channel.check_filters(rate_hz)
        })
    }
}

/// Why there is no such front end.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SetUpError {
    /// The sampling rate is too low.
    #[error("{rate_hz} samples per second are too few: at least 12800, for orders up to 50")]
    TooSlow {
        /// The rate in Hz.
        rate_hz: f64,
    },
    /// Rate and tick have no common fraction, or a tick has too many samples.
    #[error("a sampling rate and a step that no short fraction joins, or more than 16 million samples a step")]
    Rate,
    /// Something of the instrument.
    #[error("{0}")]
    Instrument(&'static str),
    /// Something of a channel.
    #[error("channel {name}: {what}")]
    Channel {
        /// The channel's name.
        name: String,
        /// What should be.
        what: &'static str,
    },
}
