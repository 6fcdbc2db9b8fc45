//! What an L-PBC is made of, and why it may not be made.

use super::channels::{command_channels, has, measured_channels};
use super::{
    Deadband, DecoupledGains, Inverse, MOST_CONDITION, MOST_PHASES, MOST_SIZE, Mask, Participant, Sensitivity,
    SensitivityError,
};
use crate::signal::Channels;

/// What happens to actuators when the performance node has not been seen for long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FailSafe {
    /// They go on with what they were told last.
    Hold,
    /// They are led back to where they were before the first command, by at most so much P and Q per phase and step in VA,
    /// and then let go: commands are not valid, and a device follows its own set-point.
    Release {
        /// Largest change a step.
        ramp_va: f64,
    },
}

/// An actuator of an L-PBC.
#[derive(Clone, Debug, PartialEq)]
pub struct LpbcActuator {
    /// Its name, the first part of its channels' names.
    pub name: String,
    /// Its phases; those that the performance node has are used.
    pub phases: Vec<char>,
    /// Rated apparent power of a phase in VA.
    pub s_va: f64,
    /// What it takes of the whole beside the others; its rating where there is none.
    pub share: Option<f64>,
    /// From and to of its reactive power in each phase in var.
    pub q_var: [f64; 2],
    /// Largest change of P and of Q of a phase in a step in VA.
    pub ramp_va: f64,
    /// How it moves the phasors, where that is not as all of them do.
    pub sensitivity: Option<Sensitivity>,
}

impl LpbcActuator {
    /// An actuator without limits but its rating.
    pub fn new(name: &str, phases: &[char], s_va: f64) -> Self {
        let q_var = [f64::NEG_INFINITY, f64::INFINITY];
        let (name, phases) = (name.to_owned(), phases.to_vec());
        Self { name, phases, s_va, share: None, q_var, ramp_va: f64::INFINITY, sensitivity: None }
    }
}

/// What an L-PBC is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct LpbcSettings {
    /// Phases of the performance node, in the order of everything else.
    pub phases: Vec<char>,
    /// How its phasors move with all actuators' power.
    pub sensitivity: Sensitivity,
    /// Power of a phase that is 1 per unit, in VA.
    pub base_va: f64,
    /// What it commands.
    pub actuators: Vec<LpbcActuator>,
    /// Ticks between its steps.
    pub every: u64,
    /// Age in ticks up to which a measurement counts.
    pub timeout: u64,
    /// Ticks without the performance node's magnitudes, beyond the timeout, until the fail-safe.
    pub patience: u64,
    /// What happens then.
    pub fail_safe: FailSafe,
    /// Errors that are none.
    pub deadband: Deadband,
    /// Gains of the decoupled law that holds magnitudes when angles are unknown, and of the default law.
    pub gains: DecoupledGains,
    /// Whether phases that no actuator has are left alone; they are refused otherwise.
    pub leave_others: bool,
    /// Largest condition number that is taken.
    pub most_condition: f64,
}

/// Why an L-PBC cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LpbcError {
    /// Phases whose phasors its actuators cannot move one by one.
    #[error(
        "phasors of phase {} cannot be moved by these actuators: condition number {condition:.3e}, above {most}",
        .phases.iter().map(char::to_string).collect::<Vec<_>>().join(", ")
    )]
    Uncontrollable {
        /// The phases.
        phases: Vec<char>,
        /// Condition number of the sensitivity; infinite where there is no actuator at all.
        condition: f64,
        /// What was allowed.
        most: f64,
    },
    /// A sensitivity that is none.
    #[error(transparent)]
    Sensitivity(#[from] SensitivityError),
    /// A sensitivity of another number of phases than the node's.
    #[error("a sensitivity of {found} phases for a performance node of {expected}")]
    Phases {
        /// Phases of the node.
        expected: usize,
        /// Phases of the sensitivity.
        found: usize,
    },
    /// A number that must be finite and above zero.
    #[error("{0} must be a finite number above 0")]
    NotPositive(&'static str),
}

impl LpbcSettings {
    /// Settings of a loop with default gains for measurements that are no older than a step, a timeout of five steps, and a
    /// fail-safe after fifty that holds.
    pub fn new(phases: &[char], sensitivity: Sensitivity, base_va: f64, actuators: Vec<LpbcActuator>) -> Self {
        Self {
            phases: phases.to_vec(),
            sensitivity,
            base_va,
            actuators,
            every: 1,
            timeout: 5,
            patience: 50,
            fail_safe: FailSafe::Hold,
            deadband: Deadband::default(),
            gains: DecoupledGains::default(),
            leave_others: false,
            most_condition: MOST_CONDITION,
        }
    }

    /// Names of the channels it measures, in order.
    pub fn measured(&self) -> Channels {
        measured_channels(&self.phases, &self.names())
    }

    /// Names of the channels it commands, in order.
    pub fn commands(&self) -> Channels {
        command_channels(&self.phases, &self.names())
    }

    fn names(&self) -> Vec<(String, Vec<char>)> {
        self.actuators.iter().map(|actuator| (actuator.name.clone(), actuator.phases.clone())).collect()
    }

    /// Phases of the performance node that an actuator has.
    pub fn held(&self) -> [bool; MOST_PHASES] {
        let of = |actuator: &LpbcActuator| has(&self.phases, &actuator.phases);
        let able = self.actuators.iter().filter(|a| a.s_va > 0.0 && a.share.is_none_or(|share| share > 0.0));
        able.map(of).fold([false; MOST_PHASES], |all, own| std::array::from_fn(|k| all[k] || own[k]))
    }

    /// The inverse that a decoupled law needs: of all phases, or of those that can be held where others are left alone.
    pub fn inverse(&self) -> Result<Inverse, LpbcError> {
        self.check()?;
        let (b, most, held) = (&self.sensitivity, self.most_condition, self.held());
        let missing: Vec<char> =
            self.phases.iter().zip(held).filter(|(_, held)| !held).map(|(name, _)| *name).collect();
        if !missing.is_empty() && (!self.leave_others || missing.len() == self.phases.len()) {
            return Err(LpbcError::Uncontrollable { phases: missing, condition: f64::INFINITY, most });
        }
        let mask = b.of_phases(&held);
        b.inverse(&mask, &mask, most).map_err(|error| match error {
            SensitivityError::Condition { condition, most } => {
                let phases = self.weak(&b.weakest(&mask, &mask));
                LpbcError::Uncontrollable { phases, condition, most }
            }
            other => other.into(),
        })
    }

    /// Phases that take part in a direction.
    fn weak(&self, direction: &[f64; MOST_SIZE]) -> Vec<char> {
        let n = self.phases.len();
        let size =
            |k: usize| direction.get(k).map_or(0.0, |x| x.abs()).max(direction.get(n + k).map_or(0.0, |x| x.abs()));
        let most = (0..n).map(size).fold(0.0, f64::max);
        self.phases.iter().enumerate().filter(|(k, _)| size(*k) >= 0.5 * most).map(|(_, name)| *name).collect()
    }

    /// The inverse that moves magnitudes by reactive power alone, where there is one.
    pub(super) fn magnitudes(&self) -> Option<Inverse> {
        let (b, held) = (&self.sensitivity, self.held());
        let both = b.of_phases(&held);
        let half = |second: bool| -> Mask { std::array::from_fn(|k| both[k] && (k >= b.phases()) == second) };
        b.inverse(&half(false), &half(true), self.most_condition).ok()
    }

    fn check(&self) -> Result<(), LpbcError> {
        let expected = self.phases.len();
        let own = self.actuators.iter().filter_map(|actuator| actuator.sensitivity.as_ref());
        if let Some(other) = own.chain([&self.sensitivity]).find(|b| b.phases() != expected) {
            return Err(LpbcError::Phases { expected, found: other.phases() });
        }
        let positive = |x: f64| x > 0.0 && x.is_finite();
        match self {
            _ if !positive(self.base_va) => Err(LpbcError::NotPositive("the base of a phase")),
            _ if self.actuators.iter().any(|a| !positive(a.s_va)) => Err(LpbcError::NotPositive("a rating")),
            _ if self.every == 0 => Err(LpbcError::NotPositive("a step's ticks")),
            _ => Ok(()),
        }
    }

    /// Actuators as an allocation sees them.
    pub(super) fn participants(&self) -> Vec<Participant> {
        let of = |actuator: &LpbcActuator| {
            let own = has(&self.phases, &actuator.phases);
            let s_pu = own.map(|has| if has { actuator.s_va / self.base_va } else { 0.0 });
            Participant {
                share: actuator.share.unwrap_or(actuator.s_va / self.base_va),
                s_pu,
                q_pu: actuator.q_var.map(|q| q / self.base_va),
                ramp_pu: actuator.ramp_va / self.base_va,
                sensitivity: actuator.sensitivity,
            }
        };
        self.actuators.iter().map(of).collect()
    }
}
