//! What one window of 10 cycles (50 Hz) or 12 (60 Hz) measured: IEC 61000-4-7:2002+A1:2008, IEC 61000-4-30.
//!
//! What cannot be said is NaN, never a number that looks like one: a channel of which samples are missing, the THD of
//! what has no fundamental.

use super::MOST_ORDER;
use super::settings::{Quantity, Settings};
use crate::quantity::{Complex, complex};

/// One window: about 200 ms.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Counts windows from 0, also across gaps: those of which no sample came are counted and not delivered.
    pub sequence: u64,
    /// When it starts, in s since sampling began.
    pub start_s: f64,
    /// How long it is, in s.
    pub duration_s: f64,
    /// Fundamental frequency in Hz over the window; the nominal one where none was found.
    pub frequency_hz: f64,
    /// Whether the window's length is that of the fundamental's cycles (within ±0.03 %).
    pub synchronised: bool,
    /// Whether a dip, swell or interruption touches it (IEC 61000-4-30: its values are kept, and marked).
    pub flagged: bool,
    /// Whether all samples were there and plausible: none lost, none clipped.
    pub valid: bool,
    /// The channel whose fundamental set the frequency, as its place.
    pub reference: Option<usize>,
    /// Each channel, in the instrument's order.
    pub channels: Vec<ChannelWindow>,
    /// Of the three voltages, when there are three.
    pub unbalance: Option<Unbalance>,
    /// Of the three currents, when there are three.
    pub current_unbalance: Option<Unbalance>,
    /// Of each phase that has both voltage and current.
    pub powers: Vec<PhasePower>,
}

/// One channel in one window. Lists are by order, index 0 to [`super::MOST_ORDER`]; interharmonic lists by the order below
/// the gap. All in V or A RMS.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelWindow {
    /// Whether all its samples were there; where not, its values are NaN.
    pub valid: bool,
    /// Of everything up to the interpolation's cut-off (about 0.4 of the sampling rate), with the constant part.
    pub rms: f64,
    /// Mean of the samples.
    pub dc: f64,
    /// Largest magnitude of a sample.
    pub peak: f64,
    /// Peak over RMS.
    pub crest_factor: f64,
    /// RMS phasors of the bins at whole orders, of e^{+jωt} with its zero of time at the start of the window. What other
    /// windows are to be compared with is turned to the first voltage's fundamental: [`Window::phasor_to_reference`].
    pub phasor: Vec<Complex>,
    /// Harmonic subgroups: three bins.
    pub subgroup_rms: Vec<f64>,
    /// Harmonic groups: half-power edges.
    pub group_rms: Vec<f64>,
    /// Interharmonic groups: all bins between two orders.
    pub interharmonic_group_rms: Vec<f64>,
    /// Interharmonic centred subgroups: without the bins next to the orders.
    pub interharmonic_subgroup_rms: Vec<f64>,
    /// THD of single bins, orders 2 to 50, percent of the fundamental.
    pub thd_percent: f64,
    /// THD of subgroups, percent.
    pub thd_subgroup_percent: f64,
    /// THD of groups, percent.
    pub thd_group_percent: f64,
    /// THD of single bins, orders 2 to 40, percent.
    pub thd40_percent: f64,
    /// THD of subgroups, orders 2 to 40, percent.
    pub thd40_subgroup_percent: f64,
    /// THD of groups, orders 2 to 40, percent.
    pub thd40_group_percent: f64,
    /// Partial weighted harmonic distortion of subgroups, orders 14 to 40, percent.
    pub pwhd_percent: f64,
    /// Σh²·I_h²/ΣI_h² over subgroups: the K-factor related to the RMS of this window.
    pub k_factor: f64,
    /// Total demand distortion in percent of `demand_a` (IEEE 519): subgroups of orders 2 to 50. Currents only.
    pub tdd_percent: Option<f64>,
    /// Total rated distortion in percent of `rated_a` (IEEE 1547): all that is not the fundamental. Currents only.
    pub trd_percent: Option<f64>,
    /// Bands of 200 Hz from 2 kHz on, by [`super::band_centre_hz`]: as many as the sampling rate allows.
    pub band_rms: Vec<f64>,
    /// Whether samples stand at a limit of their range.
    pub clipped: bool,
    /// Whether all samples are the same: nothing is connected.
    pub dead: bool,
}

/// Unbalance of the fundamental: symmetrical components (C. L. Fortescue 1918).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unbalance {
    /// Positive sequence, RMS.
    pub positive_rms: f64,
    /// Negative over positive sequence, percent.
    pub u2_percent: f64,
    /// Zero over positive sequence, percent.
    pub u0_percent: f64,
    /// Negative over positive sequence from the magnitudes of the differences of phases alone, percent (IEC 61000-4-30,
    /// for what is measured between lines).
    pub u2_line_percent: f64,
}

/// Power of a phase: positive where the current's arrow points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhasePower {
    /// 1 to 4.
    pub phase: u8,
    /// Active power in W, of all frequencies.
    pub p_w: f64,
    /// Reactive power of the fundamental in var, positive where the current lags.
    pub q1_var: f64,
    /// Active power of the fundamental in W.
    pub p1_w: f64,
    /// Apparent power in VA: product of the RMS values.
    pub s_va: f64,
    /// Displacement power factor: of the fundamental; negative where its active power is.
    pub displacement_factor: f64,
}

impl Window {
    /// Room for a window of an instrument with these settings and `bands` bands.
    pub(in crate::monitor) fn room(settings: &Settings, bands: usize) -> Self {
        let has = |quantity, phase| settings.channels.iter().any(|r| r.quantity == quantity && r.phase == phase);
        let three = |quantity| (1..=3).all(|phase| has(quantity, phase)).then_some(Unbalance::unknown());
        let both = (1..=4).filter(|&p| has(Quantity::Voltage, p) && has(Quantity::Current, p));
        Self {
            sequence: 0,
            start_s: 0.0,
            duration_s: super::WINDOW_S,
            frequency_hz: settings.nominal_hz,
            synchronised: false,
            flagged: false,
            valid: false,
            reference: None,
            channels: settings.channels.iter().map(|_| ChannelWindow::room(bands)).collect(),
            unbalance: three(Quantity::Voltage),
            current_unbalance: three(Quantity::Current),
            powers: both.map(PhasePower::unknown).collect(),
        }
    }

    /// Angle of the fundamental of the first channel that has one, in rad at the start of the window: the reference of
    /// all angles.
    pub fn reference_angle_rad(&self) -> f64 {
        let place = self.reference.unwrap_or(0);
        self.channels.get(place).and_then(|c| c.phasor.get(1)).map_or(f64::NAN, |fundamental| fundamental.arg())
    }

    /// Phasor of an order of a channel, turned by −h·(angle of the reference's fundamental): what is comparable from
    /// window to window and between instruments. NaN where there is none.
    pub fn phasor_to_reference(&self, channel: usize, order: usize) -> Complex {
        let own = self.channels.get(channel).and_then(|c| c.phasor.get(order)).copied();
        let turn = Complex::from_polar(1.0, -(order as f64) * self.reference_angle_rad());
        own.map_or(complex(f64::NAN, f64::NAN), |phasor| phasor * turn)
    }
}

impl ChannelWindow {
    fn room(bands: usize) -> Self {
        let list = || vec![f64::NAN; MOST_ORDER + 1];
        Self {
            valid: false,
            rms: f64::NAN,
            dc: f64::NAN,
            peak: f64::NAN,
            crest_factor: f64::NAN,
            phasor: vec![complex(f64::NAN, f64::NAN); MOST_ORDER + 1],
            subgroup_rms: list(),
            group_rms: list(),
            interharmonic_group_rms: list(),
            interharmonic_subgroup_rms: list(),
            thd_percent: f64::NAN,
            thd_subgroup_percent: f64::NAN,
            thd_group_percent: f64::NAN,
            thd40_percent: f64::NAN,
            thd40_subgroup_percent: f64::NAN,
            thd40_group_percent: f64::NAN,
            pwhd_percent: f64::NAN,
            k_factor: f64::NAN,
            tdd_percent: None,
            trd_percent: None,
            band_rms: vec![f64::NAN; bands],
            clipped: false,
            dead: false,
        }
    }

    /// Says of everything that it is not known.
    pub(super) fn forget(&mut self) {
        let nan = complex(f64::NAN, f64::NAN);
        self.phasor.fill(nan);
        let lists = [
            &mut self.subgroup_rms,
            &mut self.group_rms,
            &mut self.interharmonic_group_rms,
            &mut self.interharmonic_subgroup_rms,
            &mut self.band_rms,
        ];
        lists.into_iter().for_each(|list| list.fill(f64::NAN));
        let numbers = [
            &mut self.rms,
            &mut self.dc,
            &mut self.peak,
            &mut self.crest_factor,
            &mut self.thd_percent,
            &mut self.thd_subgroup_percent,
            &mut self.thd_group_percent,
            &mut self.thd40_percent,
            &mut self.thd40_subgroup_percent,
            &mut self.thd40_group_percent,
            &mut self.pwhd_percent,
            &mut self.k_factor,
        ];
        numbers.into_iter().for_each(|number| *number = f64::NAN);
        (self.tdd_percent, self.trd_percent) = (None, None);
        (self.valid, self.clipped, self.dead) = (false, false, false);
    }
}

impl Unbalance {
    pub(super) const fn unknown() -> Self {
        Self { positive_rms: f64::NAN, u2_percent: f64::NAN, u0_percent: f64::NAN, u2_line_percent: f64::NAN }
    }
}

impl PhasePower {
    pub(super) const fn unknown(phase: u8) -> Self {
        let nan = f64::NAN;
        Self { phase, p_w: nan, q1_var: nan, p1_w: nan, s_va: nan, displacement_factor: nan }
    }
}
