//! Controllable power: a set-point of P and Q, held to a circle of apparent power, ramps, a first-order response, a dead time.
//!
//! In a step of length h, with set-point (p*, q*), circle S, ramp r and time T to 90 %:
//!
//! ```text
//! p_r ← p_r + clamp(p* − p_r, −r·h, r·h),  q_r likewise with its own ramp,  both moved into the circle
//! x   ← x_r + (x − x_r)·e^(−ln 10 · h / T)           for x = p, q
//! ```
//!
//! The circle stands above the ramp: with reactive priority p_r gives way to q_r at once. The response is exact for a
//! reference that stays during the step; being a mean of points inside the circle, the output stays inside, too.
//! A [`DeadTime`] before it holds set-points back. A battery behind it is a [`super::Storage`]. Limits: no losses of its own.

/// What gives way when a set-point is outside the circle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Active power gives way to reactive power.
    #[default]
    Reactive,
    /// Reactive power gives way to active power.
    Active,
}

/// What a device can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Largest apparent power in VA.
    pub s_va: f64,
    /// Fastest change of active power in W/s; infinite without a ramp.
    pub ramp_w_per_s: f64,
    /// Fastest change of reactive power in var/s; infinite without a ramp.
    pub ramp_var_per_s: f64,
    /// Time in s from a step of the set-point to 90 % of it; 0 is at once.
    pub response_s: f64,
    /// What gives way outside the circle.
    pub priority: Priority,
}

impl Limits {
    /// The power in W and var nearest to what is asked for, by priority.
    pub fn clip(&self, [p_w, q_var]: [f64; 2]) -> [f64; 2] {
        let hold = |x: f64, most: f64| x.clamp(-most, most);
        let beside = |x: f64| (self.s_va * self.s_va - x * x).max(0.0).sqrt();
        match self.priority {
            Priority::Reactive => {
                let q_var = hold(q_var, self.s_va);
                [hold(p_w, beside(q_var)), q_var]
            }
            Priority::Active => {
                let p_w = hold(p_w, self.s_va);
                [p_w, hold(q_var, beside(p_w))]
            }
        }
    }
}

/// A device whose power can be set.
#[derive(Clone, Copy, Debug)]
pub struct ControllablePower {
    limits: Limits,
    /// What the response runs after.
    reference: [f64; 2],
    output: [f64; 2],
    lost: bool,
}

impl ControllablePower {
    /// A device at rest at a set-point in W and var.
    pub fn new(limits: Limits, set_point: [f64; 2]) -> Self {
        let at = limits.clip(set_point);
        Self { limits, reference: at, output: at, lost: false }
    }

    /// Takes the device away, or brings it back: it then begins at 0.
    pub fn set_lost(&mut self, lost: bool) {
        self.lost = lost;
        if lost {
            (self.reference, self.output) = ([0.0; 2], [0.0; 2]);
        }
    }

    /// What stands behind it gives only so much active power, in W: response and ramp go on from there.
    pub const fn hold_p(&mut self, p_w: f64) {
        (self.reference[0], self.output[0]) = (p_w, p_w);
    }

    /// One step of `h_s` seconds towards a set-point in W and var: the power injected at its end.
    pub fn step(&mut self, [p_w, q_var]: [f64; 2], h_s: f64) -> [f64; 2] {
        if self.lost || !(p_w.is_finite() && q_var.is_finite()) {
            return self.output;
        }
        let towards = |from: f64, to: f64, most: f64| {
            if most < f64::INFINITY { from + (to - from).clamp(-most, most) } else { to }
        };
        let [p_r, q_r] = self.reference;
        let p_r = towards(p_r, p_w, self.limits.ramp_w_per_s * h_s);
        self.reference = self.limits.clip([p_r, towards(q_r, q_var, self.limits.ramp_var_per_s * h_s)]);
        let left = if self.limits.response_s > 0.0 { (-10f64.ln() * h_s / self.limits.response_s).exp() } else { 0.0 };
        for (x, x_r) in self.output.iter_mut().zip(self.reference) {
            *x = x_r + (*x - x_r) * left;
        }
        self.output
    }
}

/// Set-points under way: each arrives so many steps after it was given.
#[derive(Clone, Debug)]
pub struct DeadTime<T> {
    waiting: Vec<T>,
    now: usize,
}

impl<T: Copy> DeadTime<T> {
    /// A dead time of some steps; until the first set-point arrives, it is `start`.
    pub fn new(steps: usize, start: T) -> Self {
        Self { waiting: vec![start; steps + 1], now: 0 }
    }

    /// Takes a set-point in and gives the one that arrives now; `None` is as the one before it.
    pub fn pass(&mut self, set_point: Option<T>) -> T {
        let count = self.waiting.len();
        let before = self.waiting[(self.now + count - 1) % count];
        self.waiting[self.now] = set_point.unwrap_or(before);
        self.now = (self.now + 1) % count;
        self.waiting[self.now]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        s_va: 100.0,
        ramp_w_per_s: f64::INFINITY,
        ramp_var_per_s: f64::INFINITY,
        response_s: 0.0,
        priority: Priority::Reactive,
    };

    #[test]
    fn the_circle_holds_by_priority() {
        // 3-4-5: with 80 var taken, 60 W are left.
        assert_eq!(LIMITS.clip([-90.0, 80.0]), [-60.0, 80.0]);
        assert_eq!(LIMITS.clip([-90.0, 120.0]), [0.0, 100.0]);
        let active = Limits { priority: Priority::Active, ..LIMITS };
        assert_eq!(active.clip([-60.0, 90.0]), [-60.0, 80.0]);
        assert_eq!(active.clip([-120.0, -5.0]), [-100.0, 0.0]);
        assert_eq!(LIMITS.clip([30.0, -40.0]), [30.0, -40.0], "inside, nothing gives way");
    }

    #[test]
    fn active_power_ramps_and_reactive_power_does_not() {
        let mut device = ControllablePower::new(Limits { ramp_w_per_s: 20.0, ..LIMITS }, [0.0, 0.0]);
        let powers: Vec<[f64; 2]> = (0..4).map(|_| device.step([-50.0, 30.0], 1.0)).collect();
        assert_eq!(powers, [[-20.0, 30.0], [-40.0, 30.0], [-50.0, 30.0], [-50.0, 30.0]]);
    }

    #[test]
    fn reactive_power_ramps_where_it_is_told_to() {
        let mut device = ControllablePower::new(Limits { ramp_var_per_s: 10.0, ..LIMITS }, [0.0, 0.0]);
        let powers: Vec<[f64; 2]> = (0..3).map(|_| device.step([50.0, -25.0], 1.0)).collect();
        assert_eq!(powers, [[50.0, -10.0], [50.0, -20.0], [50.0, -25.0]]);
    }

    #[test]
    fn a_set_point_arrives_after_its_dead_time() {
        let mut wait = DeadTime::new(2, 0);
        let arrived: Vec<i32> = [Some(1), Some(2), None, Some(4), Some(5)].map(|x| wait.pass(x)).into();
        assert_eq!(arrived, [0, 0, 1, 2, 2]);
        assert_eq!(DeadTime::new(0, 0).pass(Some(3)), 3);
    }

    #[test]
    fn the_response_is_at_90_percent_after_its_time() {
        let mut device = ControllablePower::new(Limits { response_s: 0.5, ..LIMITS }, [10.0, 0.0]);
        let mut last = [0.0; 2];
        (0..5).for_each(|_| last = device.step([60.0, -20.0], 0.1));
        assert!((last[0] - 55.0).abs() < 1e-12 && (last[1] + 18.0).abs() < 1e-12, "{last:?}");
    }

    #[test]
    fn the_circle_stands_above_the_ramp() {
        let limits = Limits { ramp_w_per_s: 1.0, response_s: 2.0, ..LIMITS };
        let mut device = ControllablePower::new(limits, [-100.0, 0.0]);
        for k in 0..200 {
            let [p_w, q_var] = device.step([-100.0, if k < 100 { 80.0 } else { -80.0 }], 0.1);
            assert!(p_w.hypot(q_var) <= 100.0 * (1.0 + 1e-12), "{k}: {p_w} {q_var}");
        }
    }

    #[test]
    fn a_lost_device_is_off_at_once_and_ramps_back() {
        let mut device = ControllablePower::new(Limits { ramp_w_per_s: 30.0, ..LIMITS }, [-60.0, 10.0]);
        device.set_lost(true);
        assert_eq!(device.step([-60.0, 10.0], 1.0), [0.0, 0.0]);
        device.set_lost(false);
        assert_eq!(device.step([-60.0, 10.0], 1.0), [-30.0, 10.0]);
        assert_eq!(device.step([-60.0, 10.0], 1.0), [-60.0, 10.0]);
    }
}
