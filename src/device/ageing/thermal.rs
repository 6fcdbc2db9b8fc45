//! Temperatures of an oil-immersed transformer and what they cost of its life (IEEE C57.91-2011 clause 7, as quoted by others).
//!
//! With the RMS current K in per unit, load losses P_LL and winding losses P_W = K²·(1 + F_HL·P_EC) of C57.110:
//!
//! ```text
//! top oil over ambient       Δθ_TO,U = Δθ_TO,R·((q·R + 1)/(R + 1))ⁿ,   q = P_LL/P_LL,R   (K² for a sine)
//! hot spot over top oil      Δθ_H,U  = Δθ_H,R·(P_W/(1 + P_EC))^m                         (K^{2m} for a sine)
//! each                       Δθ ← Δθ + (Δθ_U − Δθ)·(1 − e^{−h/τ})
//! hot spot                   θ_H = θ_A + Δθ_TO + Δθ_H
//! ageing acceleration        F_AA = exp(15000/(θ_r + 273) − 15000/(θ_H + 273))
//! loss of life               Σ F_AA·h, of 180 000 h
//! ```
//!
//! A step is exact for a load that holds during it; F_AA is taken at its end, so steps should be short beside τ_W (a minute
//! or less). Limits: no dependence of τ on load or viscosity, no moisture, one winding, no hottest-spot factor on P_EC.

use super::{LossFactors, RatedLosses};
use crate::quantity::{Step, Tick};

/// What the insulation is made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Insulation {
    /// Thermally upgraded paper, 65 K average winding rise: normal ageing at 110 °C.
    #[default]
    Rise65,
    /// Plain kraft paper, 55 K: normal ageing at 95 °C \[R\].
    Rise55,
}

impl Insulation {
    /// Hot-spot temperature of normal ageing, in °C.
    pub const fn reference_c(self) -> f64 {
        match self {
            Self::Rise65 => 110.0,
            Self::Rise55 => 95.0,
        }
    }

    /// How many times faster than normal it ages at a hot-spot temperature in °C.
    pub fn ageing(self, hot_spot_c: f64) -> f64 {
        (15_000.0 / (self.reference_c() + 273.0) - 15_000.0 / (hot_spot_c + 273.0)).exp()
    }
}

/// Normal life in h at the reference temperature (C57.91: 180 000 h, 20.55 years).
pub const NORMAL_LIFE_H: f64 = 180_000.0;

/// Thermal data of an oil-immersed transformer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThermalSettings {
    /// Its losses at rated current.
    pub losses: RatedLosses,
    /// Load losses over no-load losses at rated current, R.
    pub loss_ratio: f64,
    /// Top oil over ambient at rated load, in K.
    pub top_oil_rise_k: f64,
    /// Hot spot over top oil at rated load, in K.
    pub hot_spot_rise_k: f64,
    /// Exponent of top oil, n.
    pub oil_exponent: f64,
    /// Exponent of the winding, m.
    pub winding_exponent: f64,
    /// Time constant of top oil, in s.
    pub oil_s: f64,
    /// Time constant of the winding, in s.
    pub winding_s: f64,
    /// Its insulation.
    pub insulation: Insulation,
}

impl ThermalSettings {
    /// A distribution transformer of the 65 K class with natural circulation (ONAN): 55 K and 25 K, R = 5, n = m = 0.8, 180 and
    /// 5 minutes \[S: values of open implementations\]; P_EC = 0.1, P_OSL = 0.05: engineering choices.
    pub const ONAN_65: Self = Self {
        losses: RatedLosses { eddy_pu: 0.1, stray_pu: 0.05 },
        loss_ratio: 5.0,
        top_oil_rise_k: 55.0,
        hot_spot_rise_k: 25.0,
        oil_exponent: 0.8,
        winding_exponent: 0.8,
        oil_s: 180.0 * 60.0,
        winding_s: 5.0 * 60.0,
        insulation: Insulation::Rise65,
    };
    /// The same with fans (ONAF): R = 6, n = 0.9 \[S: seen in open implementations\], 150 and 7 minutes \[R\].
    pub const ONAF_65: Self =
        Self { loss_ratio: 6.0, oil_exponent: 0.9, oil_s: 150.0 * 60.0, winding_s: 7.0 * 60.0, ..Self::ONAN_65 };

    /// What is wrong with these, if anything: a sentence.
    pub fn fault(&self) -> Option<&'static str> {
        let positive = [self.top_oil_rise_k, self.hot_spot_rise_k, self.oil_exponent, self.winding_exponent];
        let ok = |x: &f64| *x > 0.0 && x.is_finite();
        if !positive.iter().all(ok) {
            return Some("rated rises and exponents are above 0");
        }
        if ![self.oil_s, self.winding_s].iter().all(ok) {
            return Some("time constants are above 0 s");
        }
        let losses = [self.losses.eddy_pu, self.losses.stray_pu, self.loss_ratio];
        (!losses.iter().all(|x| *x >= 0.0 && x.is_finite())).then_some("losses are 0 or more")
    }

    /// Rises that a load would come to, in K: top oil over ambient, hot spot over top oil.
    pub fn ultimate_k(&self, rms_pu: f64, factors: &LossFactors) -> (f64, f64) {
        let RatedLosses { eddy_pu, stray_pu } = self.losses;
        let q = factors.losses_pu(&self.losses, rms_pu) / (1.0 + eddy_pu + stray_pu);
        let winding = rms_pu * rms_pu * (1.0 + factors.eddy * eddy_pu) / (1.0 + eddy_pu);
        let oil = (q * self.loss_ratio + 1.0) / (self.loss_ratio + 1.0);
        (self.top_oil_rise_k * oil.powf(self.oil_exponent), self.hot_spot_rise_k * winding.powf(self.winding_exponent))
    }
}

/// What has come of a transformer so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ageing {
    /// Top oil in °C.
    pub top_oil_c: f64,
    /// Hot spot in °C.
    pub hot_spot_c: f64,
    /// How many times faster than normal it ages.
    pub acceleration: f64,
    /// Life lost so far, in h.
    pub loss_of_life_h: f64,
    /// Life lost so far, in percent of 180 000 h.
    pub loss_of_life_percent: f64,
    /// Mean acceleration so far; 1 before the first step.
    pub mean_acceleration: f64,
    /// The highest hot spot so far, in °C.
    pub hottest_c: f64,
}

/// A transformer that warms and ages.
#[derive(Clone, Copy, Debug)]
pub struct TransformerAgeing {
    settings: ThermalSettings,
    step: Step,
    steps: u64,
    left: (f64, f64),
    ambient_c: f64,
    top_oil_k: f64,
    hot_spot_k: f64,
    acceleration: f64,
    loss_h: f64,
    hottest_c: f64,
}

impl TransformerAgeing {
    /// A transformer settled at a load (RMS in per unit, a sine) in an ambient of so many °C, for steps of a length.
    pub fn new(settings: ThermalSettings, step: Step, rms_pu: f64, ambient_c: f64) -> Self {
        let sine = LossFactors::of(&[0.0, 1.0]);
        let (top_oil_k, hot_spot_k) = settings.ultimate_k(rms_pu, &sine);
        let left = |tau_s: f64| (-step.seconds() / tau_s).exp();
        let hottest_c = ambient_c + top_oil_k + hot_spot_k;
        Self {
            step,
            steps: 0,
            left: (left(settings.oil_s), left(settings.winding_s)),
            ambient_c,
            top_oil_k,
            hot_spot_k,
            acceleration: settings.insulation.ageing(hottest_c),
            loss_h: 0.0,
            hottest_c,
            settings,
        }
    }

    /// The ambient's temperature in °C from the next step on.
    pub const fn set_ambient_c(&mut self, ambient_c: f64) {
        self.ambient_c = ambient_c;
    }

    /// One step under currents by order (index 0 unused, RMS in per unit of the rated current).
    pub fn step(&mut self, currents_pu: &[f64]) -> Ageing {
        let squares = currents_pu.iter().skip(1).filter(|i| i.is_finite()).map(|i| i * i);
        self.step_with(squares.sum::<f64>().sqrt(), &LossFactors::of(currents_pu))
    }

    /// One step under a current of so much RMS in per unit of the rated current, with a spectrum's factors. A load that is no number
    /// counts as none.
    pub fn step_with(&mut self, rms_pu: f64, factors: &LossFactors) -> Ageing {
        let rms_pu = if rms_pu.is_finite() { rms_pu } else { 0.0 };
        let (top_oil_k, hot_spot_k) = self.settings.ultimate_k(rms_pu, factors);
        self.top_oil_k = top_oil_k + (self.top_oil_k - top_oil_k) * self.left.0;
        self.hot_spot_k = hot_spot_k + (self.hot_spot_k - hot_spot_k) * self.left.1;
        let hot_spot_c = self.ambient_c + self.top_oil_k + self.hot_spot_k;
        self.acceleration = self.settings.insulation.ageing(hot_spot_c);
        self.hottest_c = self.hottest_c.max(hot_spot_c);
        self.loss_h += self.acceleration * self.step.seconds() / 3600.0;
        self.steps += 1;
        self.ageing()
    }

    /// What has come of it so far.
    pub fn ageing(&self) -> Ageing {
        let hours = self.step.time_s(Tick(self.steps)) / 3600.0;
        let top_oil_c = self.ambient_c + self.top_oil_k;
        Ageing {
            top_oil_c,
            hot_spot_c: top_oil_c + self.hot_spot_k,
            acceleration: self.acceleration,
            loss_of_life_h: self.loss_h,
            loss_of_life_percent: 100.0 * self.loss_h / NORMAL_LIFE_H,
            mean_acceleration: if self.steps > 0 { self.loss_h / hours } else { 1.0 },
            hottest_c: self.hottest_c,
        }
    }
}
