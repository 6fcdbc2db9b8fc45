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
//! | `LPBC.a.target_v_pu`, `.a.target_angle_deg` | target of a phase |

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

    /// Every name that an L-PBC of these phases has.
    pub(super) fn names(phases: &[String]) -> Vec<String> {
        let own = Self::NAMES.iter().map(|(name, _)| (*name).to_owned());
        let targets =
            phases.iter().flat_map(|phase| ["target_v_pu", "target_angle_deg"].map(|t| format!("{phase}.{t}")));
        own.chain(targets).collect()
    }

    /// What a name means.
    pub(super) fn of_name(name: &str, phases: &[String]) -> Option<Self> {
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
