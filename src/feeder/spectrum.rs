//! Harmonic spectra and current sources.
//!
//! A spectrum says what an element emits at each order, relative to what it does at order 1, by OpenDSS's rule
//! (0.14.5, `Spectrum`): the multiplier of order h is the percentage over 100 at the angle a(h) - h a(1), so that the
//! shape of the wave stays as its fundamental is shifted in time. Orders are any positive numbers: 2.5 or 37.4 are
//! interharmonics.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Feeder, Generator, Load, Named, PvSystem, Source, Storage, Terminal, defaults as d};
use crate::quantity::{Complex, complex, phasor};

/// Orders closer than this are the same order.
pub const ORDER_TOLERANCE: f64 = 0.01;

/// Largest order of a spectrum: 150 kHz at 50 Hz, beyond any band of emission that a network of phasors describes.
pub const LARGEST_ORDER: f64 = 3000.0;

/// What an element emits at each order, relative to its fundamental. The lists go together, entry by entry.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spectrum {
    /// Orders: multiples of the fundamental frequency, not only whole ones. Order 1 is among them.
    pub orders: Vec<f64>,
    /// Magnitude of each order in percent of the element's rated or present fundamental; that of order 1 is 100 as a
    /// rule.
    pub magnitude_percent: Vec<f64>,
    /// Angle of each order in degrees of that order; all 0 when not given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub angle_deg: Vec<f64>,
}

impl Spectrum {
    /// What the fundamental is multiplied by at `order`: 0 where the spectrum does not have it. The first order within
    /// [`ORDER_TOLERANCE`] counts.
    pub fn multiplier(&self, order: f64) -> Complex {
        let found = self.orders.iter().position(|known| (order - known).abs() < ORDER_TOLERANCE);
        let Some(k) = found else { return complex(0.0, 0.0) };
        let magnitude = self.magnitude_percent.get(k).map_or(0.0, |percent| percent / 100.0);
        phasor(magnitude, self.angle(k) - self.orders[k] * self.fundamental_angle())
    }

    fn angle(&self, k: usize) -> f64 {
        self.angle_deg.get(k).copied().unwrap_or(0.0)
    }

    /// The angle of the first order that rounds to 1.
    fn fundamental_angle(&self) -> f64 {
        self.orders.iter().position(|order| order.round_ties_even() == 1.0).map_or(0.0, |k| self.angle(k))
    }

    /// Whether it has nothing but order 1.
    pub fn is_linear(&self) -> bool {
        let other = |(order, percent): (&f64, &f64)| (order - 1.0).abs() >= ORDER_TOLERANCE && *percent != 0.0;
        !self.orders.iter().zip(&self.magnitude_percent).any(other)
    }

    /// The spectrum of this lower-case name that every feeder knows: OpenDSS's own, with its numbers.
    pub fn built_in(name: &str) -> Option<&'static Spectrum> {
        BUILT_IN.get(name)
    }

    /// Names of the spectra that every feeder knows.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.keys().map(String::as_str)
    }
}

/// Name, orders, percent and degrees of a spectrum.
type Row<'a> = (&'a str, &'a [f64], &'a [f64], &'a [f64]);

/// OpenDSS's own spectra (0.14.5).
static BUILT_IN: LazyLock<Named<Spectrum>> = LazyLock::new(|| {
    let seven = [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0];
    let to_25 = [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0, 19.0, 21.0, 23.0, 25.0];
    let pwm6 = [100.0, 4.4, 76.5, 62.7, 2.9, 24.8, 12.7, 0.5, 7.1, 8.4, 0.9, 4.4, 3.3];
    let pwm6_deg = [-103.0, -5.0, 28.0, -180.0, -33.0, -59.0, 79.0, 36.0, -253.0, -124.0, 3.0, -30.0, 86.0];
    let dc6 = [100.0, 1.2, 33.6, 1.6, 0.4, 8.7, 1.2, 0.3, 4.5, 1.3];
    let dc6_deg = [-75.0, 28.0, 156.0, 29.0, -91.0, 49.0, 54.0, 148.0, -57.0, -46.0];
    let load_deg = [0.0, 180.0, 180.0, 180.0, 180.0, 180.0, 180.0];
    let table: [Row<'_>; 7] = [
        ("default", &seven, &[100.0, 33.0, 20.0, 14.0, 11.0, 9.0, 7.0], &[]),
        ("defaultload", &seven, &[100.0, 1.5, 20.0, 14.0, 1.0, 9.0, 7.0], &load_deg),
        ("defaultgen", &seven, &[100.0, 5.0, 3.0, 1.5, 1.0, 0.7, 0.5], &[]),
        ("defaultvsource", &[1.0], &[100.0], &[]),
        ("linear", &[1.0], &[100.0], &[]),
        ("pwm6", &to_25, &pwm6, &pwm6_deg),
        ("dc6", &to_25[..10], &dc6, &dc6_deg),
    ];
    let entry = |(name, orders, magnitude, angle): &Row<'_>| {
        let (orders, magnitude_percent, angle_deg) = (orders.to_vec(), magnitude.to_vec(), angle.to_vec());
        ((*name).to_owned(), Spectrum { orders, magnitude_percent, angle_deg })
    };
    table.iter().map(entry).collect()
});

/// How the phases of a source follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhaseSequence {
    /// Each phase lags the one before.
    #[default]
    Positive,
    /// Each phase leads the one before.
    Negative,
    /// All phases are alike.
    Zero,
}

/// How the phases of a source follow each other at orders other than 1 (OpenDSS's `ScanType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HarmonicSequence {
    /// By the order, as of waves that are alike but for the shift of their fundamentals: order 1 is positive, 2 is
    /// negative, 3 is zero, and so on.
    #[default]
    Natural,
    /// Every order is positive, whatever it would be in a real network.
    Positive,
    /// Every order is zero.
    Zero,
}

impl HarmonicSequence {
    /// The rotation in degrees from one phase to the next at `order`, of phases `shift_deg` apart.
    pub fn step_deg(self, order: f64, shift_deg: f64) -> f64 {
        match self {
            Self::Natural => -order * shift_deg,
            Self::Positive => -shift_deg,
            Self::Zero => 0.0,
        }
    }
}

/// An ideal current source: what it injects does not depend on the voltage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CurrentSource {
    /// Where it injects.
    pub bus: Terminal,
    /// Where the current comes back; ground when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_bus: Option<Terminal>,
    /// Number of phases.
    #[serde(default = "d::three_phases", skip_serializing_if = "d::is_three_phases")]
    pub phases: usize,
    /// Magnitude of the fundamental current of each phase in A; the spectrum multiplies it at other orders.
    pub i_a: f64,
    /// Angle of the first phase in degrees.
    #[serde(default = "d::zero", skip_serializing_if = "d::is_zero")]
    pub angle_deg: f64,
    /// How the phases follow each other at the fundamental.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub sequence: PhaseSequence,
    /// How they do at other orders.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub harmonic_sequence: HarmonicSequence,
    /// The frequency of its order 1 in Hz; the feeder's when not given. At any other it takes no part in a power flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_hz: Option<f64>,
    /// Name of its spectrum; order 1 only when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spectrum: Option<String>,
}

impl CurrentSource {
    /// Degrees between neighbouring phases: 120 for two and three phases, 360/n for more.
    pub fn phase_shift_deg(&self) -> f64 {
        match self.phases {
            0 | 1 => 0.0,
            2 | 3 => 120.0,
            n => 360.0 / n as f64,
        }
    }

    /// The fundamental current of phase `k` (from 0), A.
    pub fn fundamental_a(&self, k: usize) -> Complex {
        let step = match self.sequence {
            PhaseSequence::Positive => -self.phase_shift_deg(),
            PhaseSequence::Negative => self.phase_shift_deg(),
            PhaseSequence::Zero => 0.0,
        };
        phasor(self.i_a, self.angle_deg + k as f64 * step)
    }

    /// The current of phase `k` (from 0) at `order` of a network of `network_hz`, A; `spectrum` is its own, if any.
    pub fn current_a(&self, spectrum: Option<&Spectrum>, order: f64, network_hz: f64, k: usize) -> Complex {
        let own = order * network_hz / self.frequency_hz.unwrap_or(network_hz);
        let multiplier = match spectrum {
            Some(spectrum) => spectrum.multiplier(own),
            None if (own - 1.0).abs() < ORDER_TOLERANCE => complex(1.0, 0.0),
            None => complex(0.0, 0.0),
        };
        // The first phase turns with the source's own order, the steps with the network's (OpenDSS's Isource).
        let step = self.harmonic_sequence.step_deg(order, self.phase_shift_deg());
        multiplier * phasor(self.i_a, own * self.angle_deg + k as f64 * step)
    }
}

impl Feeder {
    /// The spectrum of this name: the feeder's own, or else one that every feeder knows.
    pub fn spectrum(&self, name: &str) -> Option<&Spectrum> {
        self.spectra.get(name).or_else(|| Spectrum::built_in(name))
    }

    fn named_spectrum(&self, name: Option<&String>) -> Option<&Spectrum> {
        name.and_then(|name| self.spectrum(name))
    }

    /// What a load emits: its own spectrum, or else that of [`super::Solve::load_spectrum`]; without either it emits
    /// nothing.
    pub fn spectrum_of_load(&self, load: &Load) -> Option<&Spectrum> {
        self.named_spectrum(load.spectrum.as_ref().or(self.solve.load_spectrum.as_ref()))
    }

    /// What a voltage source has beyond its fundamental; without one, nothing.
    pub fn spectrum_of_source(&self, source: &Source) -> Option<&Spectrum> {
        self.named_spectrum(source.spectrum.as_ref())
    }

    /// What a generator has beyond its fundamental; without one, nothing.
    pub fn spectrum_of_generator(&self, generator: &Generator) -> Option<&Spectrum> {
        self.named_spectrum(generator.spectrum.as_ref())
    }

    /// What a photovoltaic system has beyond its fundamental; without one, nothing.
    pub fn spectrum_of_pv_system(&self, pv: &PvSystem) -> Option<&Spectrum> {
        self.named_spectrum(pv.spectrum.as_ref())
    }

    /// What a storage system has beyond its fundamental; without one, nothing.
    pub fn spectrum_of_storage(&self, storage: &Storage) -> Option<&Spectrum> {
        self.named_spectrum(storage.spectrum.as_ref())
    }

    /// What a current source has beyond its fundamental; without one, nothing.
    pub fn spectrum_of_current_source(&self, source: &CurrentSource) -> Option<&Spectrum> {
        self.named_spectrum(source.spectrum.as_ref())
    }
}
