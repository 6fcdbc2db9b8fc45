//! One channel: from its conductor's phasors to those at the converter, and from samples to codes.

use std::f64::consts::SQRT_2;

use super::LAST_ORDER;
use super::settings::{ChannelSettings, Sensor};
use crate::quantity::{Complex, Noise, complex};
use crate::sense::spectra::Spectra;
use crate::sense::transducer::{Biquad, Flux, Placement, Unit, cascade, high_pass};

/// A channel's state.
#[derive(Clone, Debug)]
pub struct Channel {
    settings: ChannelSettings,
    unit: Unit,
    noise: Noise,
    /// What it does to each phasor, but for what depends on its size.
    response: Vec<Complex>,
    /// Whether that is nothing.
    plain: bool,
    /// What is added to each order.
    hum: Vec<Complex>,
    /// Its fundamentals' multiple, of each phasor.
    times: Vec<f64>,
    flux: Option<Flux>,
    sections: Vec<Biquad>,
    /// Standard deviation of what is added to samples.
    noise_rms: f64,
    last: f64,
}

impl Channel {
    /// A channel with the noises of its unit and of its samples, for so many frequencies beside the orders, sampled at a rate.
    pub fn new(
        settings: &ChannelSettings,
        [unit_noise, noise]: [Noise; 2],
        nominal_hz: f64,
        rate_hz: f64,
        beside: usize,
    ) -> Self {
        let width = LAST_ORDER + 1 + beside;
        let hum = |order| settings.emi.map_or(Complex::ZERO, |emi| emi.hum(order, unit_noise));
        let (mut unit, mut flux, mut sections) = (Unit::default(), None, Vec::new());
        match settings.sensor {
            Sensor::Ideal => {}
            Sensor::CurrentTransformer(ct) => {
                unit = ct.spread.unit(unit_noise);
                flux = ct
                    .saturation
                    .map(|core| Flux::new(core, ct.rated_a * settings.gain.abs(), nominal_hz, 1.0 / rate_hz));
            }
            Sensor::VoltageTransformer(vt) => unit = vt.spread.unit(unit_noise),
            Sensor::Rogowski(coil) if coil.corner_hz > 0.0 => sections.push(high_pass(coil.corner_hz, rate_hz)),
            Sensor::Rogowski(_) => {}
        }
        let digital = settings.anti_alias.filter(|filter| filter.placement == Placement::Digital);
        sections.extend(digital.into_iter().flat_map(|filter| filter.biquads(rate_hz)));
        let broadband = settings.emi.map_or(0.0, |emi| emi.broadband());
        Self {
            unit,
            noise,
            response: vec![complex(1.0, 0.0); width],
            plain: true,
            hum: (0..=LAST_ORDER).map(hum).collect(),
            times: vec![0.0; width],
            flux,
            sections,
            noise_rms: broadband.hypot(settings.noise_rms),
            last: 0.0,
            settings: settings.clone(),
        }
    }

    /// Whether it has a Rogowski coil.
    pub const fn is_rogowski(&self) -> bool {
        matches!(self.settings.sensor, Sensor::Rogowski(_))
    }

    /// What its coil takes in of others' conductors, of 1.
    pub const fn crosstalk(&self) -> f64 {
        match self.settings.sensor {
            Sensor::Rogowski(coil) => coil.crosstalk_percent / 100.0,
            _ => 0.0,
        }
    }

    /// Makes its response for the frequencies of spectra.
    pub fn respond(&mut self, spectra: &Spectra) {
        let analogue = self.settings.anti_alias.filter(|filter| filter.placement == Placement::Analogue);
        let own = self.response.iter_mut().zip(&mut self.times);
        for ((response, times), f_hz) in own.zip(spectra.frequencies_hz()) {
            *times = if spectra.frequency_hz > 0.0 { f_hz.abs() / spectra.frequency_hz } else { 0.0 };
            let sensor = match self.settings.sensor {
                Sensor::Ideal | Sensor::CurrentTransformer(_) => complex(1.0, 0.0),
                Sensor::VoltageTransformer(vt) => vt.factor(self.unit),
                Sensor::Rogowski(coil) => coil.factor(f_hz),
            };
            let filter = analogue.map_or(complex(1.0, 0.0), |filter| filter.response(f_hz));
            *response = sensor * filter * self.settings.gain;
        }
        self.plain = self.response.iter().all(|response| *response == complex(1.0, 0.0));
        // A mean has no angle.
        self.response[0] = complex(self.response[0].norm().copysign(self.settings.gain), 0.0);
    }

    /// What the converter sees of the conductor's phasors, in place.
    pub fn transduce(&self, phasors: &mut [Complex]) {
        let load_a = phasors.get(1).map_or(0.0, |fundamental| fundamental.norm());
        if !self.plain {
            phasors.iter_mut().zip(&self.response).for_each(|(x, response)| *x *= response);
        }
        if let Sensor::CurrentTransformer(ct) = self.settings.sensor {
            for (x, times) in phasors.iter_mut().zip(&self.times).filter(|(x, _)| **x != Complex::ZERO) {
                *x *= ct.factor(self.unit, load_a, *times);
            }
        }
        if self.settings.emi.is_some() {
            phasors.iter_mut().zip(&self.hum).for_each(|(x, hum)| *x += hum);
        }
        if let Some(mean) = phasors.first_mut() {
            mean.re += self.settings.offset;
        }
    }

    /// Begins as if the first spectra had stood for ever: filters settled, the core's flux without a mean.
    pub fn warm(&mut self, seen: &Spectra, channel: usize, rate_hz: f64) {
        for (k, (x, f_hz)) in seen.channel(channel).iter().zip(seen.frequencies_hz()).enumerate() {
            let peak = if k == 0 { complex(x.re, 0.0) } else { x * SQRT_2 };
            if peak != Complex::ZERO {
                // The unsaturated core forgets a mean of the current: it carries none.
                if let Some(flux) = self.flux.as_mut().filter(|_| k > 0) {
                    flux.warm(peak, f_hz / rate_hz);
                }
                self.sections.iter_mut().fold(peak, |x, section| section.warm(x, f_hz / rate_hz));
            }
        }
    }

    /// From samples at the sensor to what the converter delivers, in place; `first` is the place of the first.
    pub fn convert(&mut self, first: u64, missing: Option<(Noise, f64)>, samples: &mut [f64]) {
        if let Some(flux) = &mut self.flux {
            flux.apply(samples);
        }
        if self.noise_rms > 0.0 {
            for (place, x) in (first..).zip(samples.iter_mut()) {
                *x += self.noise_rms * self.noise.normal(place);
            }
        }
        cascade(&mut self.sections, samples);
        if let Some(adc) = self.settings.adc {
            adc.apply(samples);
        }
        if let Some((noise, share)) = missing {
            for (place, x) in (first..).zip(samples.iter_mut()) {
                if noise.uniform(place) < share {
                    *x = self.last;
                }
                self.last = *x;
            }
        }
    }
}
