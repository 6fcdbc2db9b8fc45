//! Quantities of supervisory phasor-based control, by name.
//!
//! | name | what |
//! |---|---|
//! | `SPBC.plans` | plans that have arrived |
//! | `SPBC.status` | of the last: 0 none yet, 1 optimal, 2 not all limits can be kept, 3 not converged, 4 the model has no solution, 5 a node of it is dead, 6 its solver failed, 7 bad input |
//! | `SPBC.delta_iterations` | of the last: programs after the first one |
//! | `SPBC.objective` | of the last |
//! | `SPBC.error_v_pu`, `.error_angle_deg` | of the last: largest difference of its program from the model's solution |
//! | `SPBC.spread_pu` | of the last: largest difference of a target's magnitudes between phases |
//! | `SPBC.head_p_w`, `.head_q_var` | of the last: power into the zone, by its model |
//! | `SPBC.losses_w` | of the last: by its model |
//! | `SPBC.given_p_w`, `.given_q_var` | the set-point of the head that counts now |
//! | `SPBC.asked` | how often an L-PBC or a layer above has asked for a plan at once |
//! | `SPBC.overruns` | how often a plan was due while the one before was still under way |

/// What of an S-PBC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planning {
    /// Plans that have arrived.
    Plans,
    /// How the last one ended.
    Status,
    /// Its programs after the first.
    DeltaIterations,
    /// Its objective.
    Objective,
    /// Its program against its model: magnitude per unit.
    ErrorV,
    /// Its program against its model: angle in degrees.
    ErrorAngle,
    /// Largest difference of a target's magnitudes between phases.
    Spread,
    /// Active power into the zone in W.
    HeadP,
    /// Reactive power into the zone in var.
    HeadQ,
    /// Losses in W.
    Losses,
    /// Set-point of the head: active power in W.
    GivenP,
    /// Set-point of the head: reactive power in var.
    GivenQ,
    /// Plans asked for at once.
    Asked,
    /// Plans that were due too early.
    Overruns,
}

impl Planning {
    /// The name of each.
    pub const NAMES: [(&str, Self); 14] = [
        ("plans", Self::Plans),
        ("status", Self::Status),
        ("delta_iterations", Self::DeltaIterations),
        ("objective", Self::Objective),
        ("error_v_pu", Self::ErrorV),
        ("error_angle_deg", Self::ErrorAngle),
        ("spread_pu", Self::Spread),
        ("head_p_w", Self::HeadP),
        ("head_q_var", Self::HeadQ),
        ("losses_w", Self::Losses),
        ("given_p_w", Self::GivenP),
        ("given_q_var", Self::GivenQ),
        ("asked", Self::Asked),
        ("overruns", Self::Overruns),
    ];

    /// What a name means.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(own, _)| *own == name).map(|(_, what)| *what)
    }
}
