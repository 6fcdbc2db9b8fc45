//! Quantities of phasor-based control, by name.
//!
//! | name | what |
//! |---|---|
//! | `LPBC.error_v_pu`, `.error_angle_deg` | largest error over its phases, as it measures |
//! | `LPBC.true_error_v_pu`, `.true_error_angle_deg` | the same of the plant, free of noise, delay and clocks |
//! | `LPBC.mode` | 3 full, 2 magnitude only, 1 hold, 0 fail-safe |
//! | `LPBC.saturated` | 1 while actuators get less than the law asks for |
//! | `LPBC.effort_va` | apparent power of its commands, all actuators and phases |
//! | `LPBC.cause` | why it fails: 0 it does not, 1 variability, 2 saturation, 3 an actuator |
//! | `LPBC.failed_actuator` | the place of the actuator that fails, from 1; 0 for none |
//! | `LPBC.sync_fault` | 1 a clock says that it is out of step, 2 a step, 3 a ramp of the angle that the network does not explain |
//! | `LPBC.overruns` | of a program of one's own (`law: {process: …}`): answers so far that came too late in a paced run; 0 in batch |
//! | `LPBC.a.target_v_pu`, `.a.target_angle_deg` | target of a phase |
//! | `TIE.closed` | 1 once it is |
//! | `TIE.refusal` | why it stays open: 0 it may close, 1 nobody wants it to, 2 a side is not measured, 3 without common time, 4 magnitudes, 5 angles, 6 current, 7 not for long enough |
//! | `TIE.difference_v_pu`, `.difference_angle_deg` | largest differences between the sides, as measured |
//! | `TIE.predicted_a` | largest current that closing would bring |
//! | `CHECK.tampered` | 1 while the data of its instruments contradict each other |
//! | `CHECK.suspect` | the place among `pmus` of the one that is wrong, from 1; one more for the meter; 0 nobody in particular |
//! | `CHECK.what` | 1 its clock: all its angles, 2 an angle, 3 a magnitude, 4 a power; 0 it is not known |
//! | `CHECK.phase` | the phase of the one angle or magnitude: 1 a, 2 b, 3 c; 0 none |
//! | `CHECK.level` | the sum of squares that is tested by its limit: above 1 is wrong |

use super::language::PhasorLaw;

/// What of an L-PBC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steered {
    /// Largest error of magnitude per unit, as measured.
    ErrorV,
    /// Largest error of angle in degrees, as measured.
    ErrorAngle,
    /// Largest true error of magnitude per unit.
    TrueErrorV,
    /// Largest true error of angle in degrees.
    TrueErrorAngle,
    /// How it works.
    Mode,
    /// Whether actuators are at their limits.
    Saturated,
    /// Apparent power of commands in VA.
    Effort,
    /// Why it fails.
    Cause,
    /// Which actuator fails.
    FailedActuator,
    /// What is wrong with time.
    SyncFault,
    /// Answers that came too late.
    Overruns,
    /// Target magnitude of a phase, by its place.
    TargetV(usize),
    /// Target angle of a phase, by its place.
    TargetAngle(usize),
}

impl Steered {
    const NAMES: [(&str, Self); 10] = [
        ("error_v_pu", Self::ErrorV),
        ("error_angle_deg", Self::ErrorAngle),
        ("true_error_v_pu", Self::TrueErrorV),
        ("true_error_angle_deg", Self::TrueErrorAngle),
        ("mode", Self::Mode),
        ("saturated", Self::Saturated),
        ("effort_va", Self::Effort),
        ("cause", Self::Cause),
        ("failed_actuator", Self::FailedActuator),
        ("sync_fault", Self::SyncFault),
    ];

    /// Only what may be late has it.
    const OVERRUNS: &str = "overruns";

    /// The largest of those that count something or say one of a few things.
    pub(super) const fn most(self) -> Option<f64> {
        match self {
            Self::Mode | Self::Cause => Some(3.0),
            Self::Saturated => Some(1.0),
            Self::SyncFault => Some(3.0),
            Self::FailedActuator => Some(1000.0),
            _ => None,
        }
    }

    /// Every name that an L-PBC of these phases has.
    pub(super) fn names(phases: &[String], law: &PhasorLaw) -> Vec<String> {
        let process = matches!(law, PhasorLaw::Process(_)).then(|| Self::OVERRUNS.to_owned());
        let own = Self::NAMES.iter().map(|(name, _)| (*name).to_owned()).chain(process);
        let targets =
            phases.iter().flat_map(|phase| ["target_v_pu", "target_angle_deg"].map(|t| format!("{phase}.{t}")));
        own.chain(targets).collect()
    }

    /// What a name means.
    pub(super) fn of_name(name: &str, phases: &[String], law: &PhasorLaw) -> Option<Self> {
        if name == Self::OVERRUNS {
            return matches!(law, PhasorLaw::Process(_)).then_some(Self::Overruns);
        }
        if let Some((_, what)) = Self::NAMES.iter().find(|(own, _)| *own == name) {
            return Some(*what);
        }
        let (phase, what) = name.split_once('.')?;
        let phase = phases.iter().position(|own| own == phase)?;
        match what {
            "target_v_pu" => Some(Self::TargetV(phase)),
            "target_angle_deg" => Some(Self::TargetAngle(phase)),
            _ => None,
        }
    }
}

/// What of a tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tied {
    /// Whether it has closed.
    Closed,
    /// Why it stays open.
    Refusal,
    /// Largest difference of magnitudes per unit.
    DifferenceV,
    /// Largest difference of angles in degrees.
    DifferenceAngle,
    /// Largest current that closing would bring in A.
    Predicted,
}

impl Tied {
    /// The largest of those that say one of a few things.
    pub(super) const fn most(self) -> Option<f64> {
        match self {
            Self::Closed => Some(1.0),
            Self::Refusal => Some(7.0),
            _ => None,
        }
    }

    /// The name of each.
    pub const NAMES: [(&str, Self); 5] = [
        ("closed", Self::Closed),
        ("refusal", Self::Refusal),
        ("difference_v_pu", Self::DifferenceV),
        ("difference_angle_deg", Self::DifferenceAngle),
        ("predicted_a", Self::Predicted),
    ];
}

/// What of a check of phasor data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Whether data contradict each other.
    Tampered,
    /// Which instrument is wrong.
    Suspect,
    /// What of it.
    What,
    /// Of which phase.
    Phase,
    /// How wrong, by the limit.
    Level,
}

impl Checked {
    /// The largest of those that say one of a few things.
    pub(super) const fn most(self) -> Option<f64> {
        match self {
            Self::Tampered => Some(1.0),
            Self::Suspect => Some(1000.0),
            Self::What => Some(4.0),
            Self::Phase => Some(3.0),
            Self::Level => None,
        }
    }

    /// The name of each.
    pub const NAMES: [(&str, Self); 5] = [
        ("tampered", Self::Tampered),
        ("suspect", Self::Suspect),
        ("what", Self::What),
        ("phase", Self::Phase),
        ("level", Self::Level),
    ];
}
