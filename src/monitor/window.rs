//! What one window of 10 cycles (50 Hz) or 12 (60 Hz) measured: IEC 61000-4-7:2002+A1:2008, IEC 61000-4-30.

use crate::quantity::Complex;

/// One window: about 200 ms.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Counts windows from 0, also across gaps.
    pub sequence: u64,
    /// When it starts, in s since sampling began.
    pub start_s: f64,
    /// Fundamental frequency in Hz over the window.
    pub frequency_hz: f64,
    /// Whether the window's length is that of the fundamental's cycles (within ±0.03 %).
    pub synchronised: bool,
    /// Whether a dip, swell or interruption touches it (IEC 61000-4-30: its values are kept, and marked).
    pub flagged: bool,
    /// Whether all samples were there and plausible: none lost, none clipped.
    pub valid: bool,
    /// Each channel, in the instrument's order.
    pub channels: Vec<ChannelWindow>,
    /// Of the three voltages, when there are three.
    pub unbalance: Option<Unbalance>,
}

/// One channel in one window. Lists are by order, index 0 to [`super::MOST_ORDER`]; interharmonic lists by the order below
/// the gap. All in V or A RMS.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelWindow {
    /// Of all samples.
    pub rms: f64,
    /// Mean of the samples.
    pub dc: f64,
    /// RMS phasors of the bins at whole orders, of e^{+jωt} with its zero of time at the start of the window.
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
    /// Whether samples stand at a limit of their range.
    pub clipped: bool,
}

/// Unbalance of the fundamental: symmetrical components (C. L. Fortescue 1918).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unbalance {
    /// Negative over positive sequence, percent.
    pub u2_percent: f64,
    /// Zero over positive sequence, percent.
    pub u0_percent: f64,
}
