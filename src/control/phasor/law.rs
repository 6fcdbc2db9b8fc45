//! What a law of L-PBC sees at a step, and what it says.

use crate::quantity::Tick;

/// What a law sees at a step. Slices are laid out as the module says; those of n are by phase.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The step.
    pub tick: Tick,
    /// What the performance node's phasors should be, relative to the reference node: 2n.
    pub target: &'a [f64],
    /// What they are, as measured: 2n. The last good values where nothing new is known.
    pub measured: &'a [f64],
    /// `target − measured`: 2n, angles by the short way; 0 inside the deadband.
    pub error: &'a [f64],
    /// Magnitudes at the reference node per unit: n.
    pub reference_v_pu: &'a [f64],
    /// What actuators were last told, all of them together, after limits: 2n. What is told now acts from the next step on.
    pub applied: &'a [f64],
    /// Whether actuators of a phase were told less than the law asked for: n.
    pub saturated: &'a [bool],
    /// Whether the measurement is a new one since the step before.
    pub fresh: bool,
    /// Steps of the law between the measurement and now.
    pub age: u64,
}

/// A law of L-PBC: from the error of a performance node to the power of all its actuators together. It knows no plant, no
/// clock and no network but what it was made with; a step allocates nothing.
pub trait Law: Send {
    /// One step: fills `command` (2n) with the power that all actuators together should inject.
    fn step(&mut self, seen: &Seen, command: &mut [f64]);

    /// Begins anew without a bump: with no error, the next command is `applied` (2n).
    fn restart(&mut self, applied: &[f64]);
}
