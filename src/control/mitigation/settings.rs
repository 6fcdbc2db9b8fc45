//! What a mitigation is made of: limits, times, and what each unit can do.

/// What a unit can do, and within which bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// Its own switching frequency, Hz.
    pub carrier_hz: f64,
    /// Bounds of its switching frequency, Hz; equal for one that cannot move.
    pub carrier_bounds_hz: [f64; 2],
    /// Resonance of its output filter, Hz: below twice that the current control loses its damping, and the move is
    /// refused.
    pub resonance_hz: f64,
    /// Groups that its carriers can be spread over; 1 for none.
    pub interleave: u64,
    /// Current that is left for compensation, A RMS per phase: √(S² − P² − Q²)/(3V). Renewed by
    /// [`super::Mitigation::set_headroom`].
    pub headroom_a: f64,
    /// Virtual conductance that it can take, S per phase; 0 for none.
    pub conductance_s: f64,
    /// Whether its power may be limited.
    pub curtailable: bool,
    /// Whether it may be disconnected.
    pub disconnectable: bool,
}

impl Default for Unit {
    /// The 22 kW unit of the device models: 20 kHz, 3.44 kHz.
    fn default() -> Self {
        Self {
            carrier_hz: 20e3,
            carrier_bounds_hz: [8e3, 40e3],
            resonance_hz: 3440.0,
            interleave: 1,
            headroom_a: 0.0,
            conductance_s: 0.0,
            curtailable: true,
            disconnectable: true,
        }
    }
}

/// How the fleet may probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probing {
    /// The unit that does it.
    pub unit: usize,
    /// Amplitude in A RMS per phase: 0.6 is 2 % of a 22 kW unit.
    pub amplitude_a: f64,
    /// Ticks for which a sign stands: a second.
    pub flip_ticks: u64,
    /// Verdicts after which it ends without a result: 60 are three minutes.
    pub most_values: u32,
    /// Verdicts from the end of one probe to the next at the same order.
    pub pause_values: u32,
    /// Whether the fleet is probed also where it is found to be the source without: no step is taken unconfirmed.
    pub confirm: bool,
}

/// Settings. Times are in verdicts, which come every 3 s.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// THD from which something is to be done, percent.
    pub limit_percent: f64,
    /// THD below which steps are taken back, percent.
    pub release_percent: f64,
    /// Verdicts in a row that name the fleet, above the limit, before a step.
    pub confirm_values: u32,
    /// Verdicts after a step that are not looked at: devices ramp, filters forget.
    pub settle_values: u32,
    /// Verdicts then whose mean decides whether the step had an effect.
    pub check_values: u32,
    /// Fewest verdicts between two steps.
    pub pause_values: u32,
    /// Most steps (also those taken back) within `budget_values`.
    pub budget: u32,
    /// See `budget`.
    pub budget_values: u32,
    /// Decrease of the THD, in parts of that before, below which a step had no effect.
    pub least_effect: f64,
    /// Verdicts below the release before a step is taken back; doubles each time that the step is needed again.
    pub release_values: u32,
    /// Verdicts after which a step that had no effect may be tried again.
    pub retry_values: u32,
    /// Ticks without a new verdict after which it is said to be missing, and a probe ends.
    pub stale_ticks: u64,
    /// Factors on the unit's own switching frequency, in the order in which they are tried.
    pub carrier_factors: [f64; 2],
    /// Power limit of the noisy unit, per unit.
    pub curtail_pu: f64,
    /// Gain of the compensation, µ.
    pub gain: f64,
    /// Largest sd(Ẑ)/|Ẑ| with which voltage is compensated.
    pub most_uncertain: f64,
    /// Whether the fleet may probe, and how.
    pub probing: Option<Probing>,
    /// The fleet, in the order of the verdict's units.
    pub units: Vec<Unit>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limit_percent: 5.0,
            release_percent: 4.0,
            confirm_values: 4,
            settle_values: 3,
            check_values: 4,
            pause_values: 10,
            budget: 12,
            budget_values: 1200,
            least_effect: 0.03,
            release_values: 40,
            retry_values: 600,
            stale_ticks: u64::MAX,
            carrier_factors: [0.8, 1.25],
            curtail_pu: 0.5,
            gain: 0.2,
            most_uncertain: 0.3,
            probing: None,
            units: Vec::new(),
        }
    }
}
