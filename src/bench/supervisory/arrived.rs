//! What a record says of the plan that arrived last.

use crate::control::supervisory::{Plan, Status, Target};
use crate::scenario::Planning;

/// Numbers of a plan; NaN before there is one.
pub(super) struct Arrived {
    plans: u32,
    status: f64,
    delta_iterations: f64,
    objective: f64,
    error: [f64; 2],
    spread_pu: f64,
    head_w: [f64; 2],
    losses_w: f64,
}

impl Arrived {
    pub(super) const fn nothing() -> Self {
        Self {
            plans: 0,
            status: 0.0,
            delta_iterations: 0.0,
            objective: f64::NAN,
            error: [f64::NAN; 2],
            spread_pu: f64::NAN,
            head_w: [f64::NAN; 2],
            losses_w: f64::NAN,
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a few programs")]
    pub(super) fn take(&mut self, plan: &Plan) {
        let [v_pu, angle_rad] = plan.mismatch.last().copied().unwrap_or([f64::NAN; 2]);
        let spread = |own: &Target| {
            let most = own.v_pu.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            most - own.v_pu.iter().copied().fold(f64::INFINITY, f64::min)
        };
        *self = Self {
            plans: self.plans.saturating_add(1),
            status: status_code(&plan.status),
            delta_iterations: plan.mismatch.len().saturating_sub(1) as f64,
            objective: plan.objective,
            error: [v_pu, angle_rad.to_degrees()],
            spread_pu: plan.targets.iter().map(spread).fold(f64::NAN, f64::max),
            head_w: plan.head_w.first().copied().unwrap_or([f64::NAN; 2]),
            losses_w: plan.losses_w.first().copied().unwrap_or(f64::NAN),
        };
    }

    /// What a record says of it.
    pub(super) fn says(&self, what: Planning) -> f64 {
        match what {
            Planning::Plans => f64::from(self.plans),
            Planning::Status => self.status,
            Planning::DeltaIterations => self.delta_iterations,
            Planning::Objective => self.objective,
            Planning::ErrorV => self.error[0],
            Planning::ErrorAngle => self.error[1],
            Planning::Spread => self.spread_pu,
            Planning::HeadP => self.head_w[0],
            Planning::HeadQ => self.head_w[1],
            Planning::Losses => self.losses_w,
            // Not of a plan.
            Planning::GivenP | Planning::GivenQ | Planning::Asked | Planning::Overruns => f64::NAN,
        }
    }
}

/// A status in a record.
const fn status_code(status: &Status) -> f64 {
    match status {
        Status::Optimal => 1.0,
        Status::Infeasible(_) => 2.0,
        Status::NotConverged => 3.0,
        Status::NoSolution => 4.0,
        Status::DeEnergised => 5.0,
        Status::Failed => 6.0,
        Status::BadInput => 7.0,
    }
}
