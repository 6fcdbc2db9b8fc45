//! What an S-PBC foresees of loads and of the price at the head.

use crate::bench::grid::SetupError;
use crate::control::supervisory::{Forecast, Supervisor};
use crate::scenario::{Course, Plan, Supervisory};

/// What is expected of loads and prices.
pub(super) struct Foreseen {
    course: Option<Course>,
    multipliers: Vec<f64>,
    steps: usize,
    step_s: f64,
    /// Of energy from the head, and what it is multiplied by.
    price_per_kwh: f64,
    price_course: Option<Course>,
    price_multipliers: Vec<f64>,
}

impl Foreseen {
    pub(super) fn new(plan: &Plan, own: &Supervisory, supervisor: &Supervisor) -> Result<Self, SetupError> {
        let course = |profile: Option<usize>| profile.and_then(|profile| plan.shapes.get(profile)).cloned();
        let (course, price_course) = (course(own.profile), course(own.price_profile));
        if course.iter().chain(&price_course).any(Course::actual) {
            let error = "the profile of its forecast holds powers, not multipliers".to_owned();
            return Err(SetupError::Controller { name: own.name.clone(), error });
        }
        Ok(Self {
            course,
            multipliers: own.setting.horizon.multipliers.clone().unwrap_or_default(),
            steps: supervisor.settings().steps,
            step_s: supervisor.settings().step_s,
            price_per_kwh: own.setting.objectives.cost.get("head").copied().unwrap_or(0.0),
            price_course,
            price_multipliers: own.setting.horizon.price_multipliers.clone().unwrap_or_default(),
        })
    }

    /// Step by step, the first at `clock_s`; `multiplier` is what multiplies loads now.
    #[allow(clippy::cast_precision_loss, reason = "at most a thousand steps")]
    pub(super) fn steps(&self, multiplier: f64, clock_s: f64) -> Vec<Forecast> {
        let factor = |k: usize, course: &Option<Course>, list: &[f64]| match course {
            Some(course) => course.at(clock_s + k as f64 * self.step_s).p,
            None => list.get(k).or(list.last()).copied().unwrap_or(1.0),
        };
        let step = |k: usize| Forecast {
            load_multiplier: multiplier * factor(k, &self.course, &self.multipliers),
            price_per_kwh: self.price_per_kwh * factor(k, &self.price_course, &self.price_multipliers),
            ..Forecast::default()
        };
        (0..self.steps).map(step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeder::Shape;

    fn multipliers(own: &Foreseen) -> Vec<f64> {
        own.steps(2.0, 60.0).iter().map(|step| step.load_multiplier).collect()
    }

    #[test]
    fn loads_are_foreseen_by_a_list_by_a_profile_or_as_they_are() {
        let list = Foreseen {
            course: None,
            multipliers: vec![1.0, 1.5],
            steps: 4,
            step_s: 60.0,
            price_per_kwh: 0.2,
            price_course: None,
            price_multipliers: Vec::new(),
        };
        assert_eq!(multipliers(&list), [2.0, 3.0, 3.0, 3.0]);
        assert!(list.steps(1.0, 0.0).iter().all(|step| step.price_per_kwh == 0.2));
        let as_it_is = Foreseen { multipliers: Vec::new(), ..list };
        assert_eq!(multipliers(&as_it_is), [2.0; 4]);
        // 1 at 0 s, 3 at 240 s, straight between: at 60, 120, 180, 240 s 1.5, 2, 2.5, 3.
        let shape = Shape { at_s: Some(vec![0.0, 240.0]), p: vec![1.0, 3.0], ..Shape::default() };
        let profile = Foreseen { course: Some(Course::Points(shape)), ..as_it_is };
        assert_eq!(multipliers(&profile), [3.0, 4.0, 5.0, 6.0]);
    }
}
