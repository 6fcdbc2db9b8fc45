//! What a mitigation decided, with its reason and inputs.

use crate::quantity::Tick;

/// A rung of the ladder, from the gentlest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rung {
    /// Switching frequency to the first factor.
    Carrier,
    /// Switching frequency to the second factor.
    OtherCarrier,
    /// Carriers in groups.
    Interleave,
    /// Selective compensation of the worst orders, from the voltage and the learnt impedance.
    Compensate,
    /// Virtual conductance at the worst orders.
    Damp,
    /// The noisy unit at less power.
    Curtail,
    /// The noisy unit off.
    Disconnect,
    /// Nothing is left that the fleet can do: a passive or active filter is asked for.
    Alarm,
}

/// All rungs, in order.
pub const RUNGS: [Rung; 8] = [
    Rung::Carrier,
    Rung::OtherCarrier,
    Rung::Interleave,
    Rung::Compensate,
    Rung::Damp,
    Rung::Curtail,
    Rung::Disconnect,
    Rung::Alarm,
];

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A rung was taken.
    Take(Rung),
    /// A rung was not taken, and why.
    Refuse(Rung, Refusal),
    /// A rung had its effect and stays.
    Keep(Rung),
    /// A rung had none and was taken back.
    RollBack(Rung),
    /// A rung is no longer needed and was taken back.
    Release(Rung),
    /// A probe began.
    ProbeBegin,
    /// A probe ended.
    ProbeEnd,
    /// Sag or invalid windows: everything stands still.
    Freeze,
    /// And goes on.
    Thaw,
    /// Verdicts do not arrive.
    VerdictsLost,
    /// Nothing may be done for now: too many steps in too short a time.
    BudgetSpent,
}

/// Why a rung was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No unit can do that.
    NotOffered,
    /// It would lie outside the device's bounds.
    OutOfBounds,
    /// It would lie below twice the resonance of the filter.
    NearResonance,
    /// No current is left for it.
    NoHeadroom,
    /// The impedance is not known well enough.
    ImpedanceUncertain,
    /// No unit stands out.
    NoNoisyUnit,
}

/// Why something was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The fleet is the source, above the limit, for long enough.
    FleetOverLimit,
    /// The source is not known, above the limit.
    SourceUnknown,
    /// The fleet seems to be the source; the probe shall confirm it.
    ToConfirm,
    /// The distortion has decreased by enough.
    Effect,
    /// It has not.
    NoEffect,
    /// The distortion is below the release for long enough.
    BelowRelease,
    /// The probe's question is answered.
    Answered,
    /// Its time is over.
    TimeOut,
    /// The windows are flagged, or not valid, or not synchronised.
    BadWindows,
    /// They are good again.
    GoodWindows,
    /// It was tried, or cannot be.
    Unavailable,
}

/// A decision with its inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub tick: Tick,
    /// By which verdict.
    pub verdict: u64,
    /// What.
    pub action: Action,
    /// Why.
    pub why: Why,
    /// The unit that it is about, where it is one.
    pub unit: Option<usize>,
    /// The order that it is about; 0 for the whole.
    pub order: u8,
    /// THD at that time, percent.
    pub thd_percent: f64,
    /// THD before the step that is judged, percent; NaN where none is.
    pub before_percent: f64,
    /// The fleet's share at that time.
    pub share: f64,
    /// Its standard deviation.
    pub share_sd: f64,
}
