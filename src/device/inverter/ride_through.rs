//! Voltage and frequency ride-through, momentary cessation, trip, and return to service, after IEEE 1547-2018.
//!
//! A disturbance that lasts for a threshold's clearing time trips; inside the cessation band the inverter is silent without
//! having tripped, and goes on as soon as the voltage is back. After a trip, voltage and frequency must be inside the
//! enter-service window without a break for its delay; power then rises along a ramp. Thresholds are the defaults that
//! OpenDER (epri-dev/OpenDER) has; those of cessation are from memory. The standard's own text was not at hand. Its
//! frequencies are for 60 Hz and are scaled to another nominal one.
//! Time is counted in steps; any phase can trip.

use super::support::Seen;

/// A threshold that trips when it is passed for long enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trip {
    /// The threshold: per rated voltage, or per nominal frequency.
    pub at_pu: f64,
    /// Whether it is passed upwards.
    pub over: bool,
    /// Clearing time in s.
    pub clearing_s: f64,
}

const fn over(at_pu: f64, clearing_s: f64) -> Trip {
    Trip { at_pu, over: true, clearing_s }
}

const fn under(at_pu: f64, clearing_s: f64) -> Trip {
    Trip { at_pu, over: false, clearing_s }
}

/// Abnormal operating performance categories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Category {
    /// Essential needs.
    I,
    /// Bulk system reliability.
    II,
    /// Bulk system and high penetration: usual for inverters.
    #[default]
    III,
}

/// Trip settings.
#[derive(Clone, Debug, PartialEq)]
pub struct RideThrough {
    /// By voltage.
    pub voltage: Vec<Trip>,
    /// By frequency.
    pub frequency: Vec<Trip>,
    /// Voltages per unit below and above which it is silent.
    pub cessation_pu: Option<[f64; 2]>,
}

impl RideThrough {
    /// Default settings of a category.
    pub fn of(category: Category) -> Self {
        let voltage = match category {
            Category::I => vec![over(1.2, 0.16), over(1.1, 2.0), under(0.7, 2.0), under(0.45, 0.16)],
            Category::II => vec![over(1.2, 0.16), over(1.1, 2.0), under(0.7, 10.0), under(0.45, 0.16)],
            Category::III => vec![over(1.2, 0.16), over(1.1, 13.0), under(0.88, 21.0), under(0.5, 2.0)],
        };
        let frequency = vec![
            over(61.2 / 60.0, 300.0),
            over(62.0 / 60.0, 0.16),
            under(58.5 / 60.0, 300.0),
            under(56.5 / 60.0, 0.16),
        ];
        Self { voltage, frequency, cessation_pu: matches!(category, Category::III).then_some([0.5, 1.1]) }
    }
}

/// Return to service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnterService {
    /// Voltage window per unit.
    pub v_pu: [f64; 2],
    /// Frequency window per nominal.
    pub f_pu: [f64; 2],
    /// Time in s for which both must be inside.
    pub delay_s: f64,
    /// Time in s in which power may then rise to its rating; 0 is at once.
    pub ramp_s: f64,
}

impl Default for EnterService {
    fn default() -> Self {
        Self { v_pu: [0.917, 1.05], f_pu: [59.5 / 60.0, 60.1 / 60.0], delay_s: 300.0, ramp_s: 300.0 }
    }
}

/// Whether an inverter is in service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Service {
    /// It runs.
    Running,
    /// It is silent while the voltage is in the cessation band.
    Ceased,
    /// It has tripped, and waits.
    Tripped,
    /// It has come back: its power may be this part of its rating.
    Entering(f64),
}

impl Service {
    /// Whether it is connected and feeds what it can.
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Running | Self::Entering(_))
    }
}

/// Ride-through at work.
#[derive(Clone, Debug)]
pub struct Watch {
    settings: Option<RideThrough>,
    enter: EnterService,
    nominal_hz: f64,
    step_s: f64,
    /// Steps for which each threshold has been passed: voltages, then frequencies.
    passed: Vec<u64>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Running,
    /// Steps inside the window.
    Tripped(u64),
    /// Steps since it came back.
    Entering(u64),
}

impl Watch {
    /// In service, before the first step of `step_s` seconds. Without settings it never trips.
    pub fn new(settings: Option<RideThrough>, enter: Option<EnterService>, nominal_hz: f64, step_s: f64) -> Self {
        let thresholds = settings.as_ref().map_or(0, |s| s.voltage.len() + s.frequency.len());
        let enter = enter.unwrap_or_default();
        Self { settings, enter, nominal_hz, step_s, passed: vec![0; thresholds], state: State::Running }
    }

    /// One step with what is seen.
    pub fn step(&mut self, seen: &Seen) -> Service {
        let Some(settings) = &self.settings else { return Service::Running };
        let f_pu = seen.f_hz / self.nominal_hz;
        let tripped = count(&settings.voltage, [seen.v_least_pu, seen.v_most_pu], self.step_s, &mut self.passed)
            | count(
                &settings.frequency,
                [f_pu; 2],
                self.step_s,
                self.passed.get_mut(settings.voltage.len()..).unwrap_or_default(),
            );
        let ceased = settings.cessation_pu.is_some_and(|[low, high]| seen.v_least_pu < low || seen.v_most_pu > high);
        self.state = self.next(tripped, self.is_inside(seen, f_pu));
        self.service(ceased)
    }

    fn is_inside(&self, seen: &Seen, f_pu: f64) -> bool {
        let within = |x: f64, [low, high]: [f64; 2]| x >= low && x <= high;
        within(seen.v_least_pu, self.enter.v_pu)
            && within(seen.v_most_pu, self.enter.v_pu)
            && within(f_pu, self.enter.f_pu)
    }

    fn next(&self, tripped: bool, inside: bool) -> State {
        match self.state {
            _ if tripped => State::Tripped(0),
            State::Tripped(_) if !inside => State::Tripped(0),
            State::Tripped(steps) if lasts(steps + 1, self.step_s, self.enter.delay_s) => State::Entering(0),
            State::Tripped(steps) => State::Tripped(steps + 1),
            State::Entering(steps) if lasts(steps + 1, self.step_s, self.enter.ramp_s) => State::Running,
            State::Entering(steps) => State::Entering(steps + 1),
            State::Running => State::Running,
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a count of steps")]
    fn service(&self, ceased: bool) -> Service {
        match self.state {
            State::Tripped(_) => Service::Tripped,
            _ if ceased => Service::Ceased,
            State::Running => Service::Running,
            State::Entering(steps) => Service::Entering((steps as f64 * self.step_s / self.enter.ramp_s).min(1.0)),
        }
    }
}

/// Whether so many steps are a time, to within rounding.
#[allow(clippy::cast_precision_loss, reason = "a count of steps")]
fn lasts(steps: u64, step_s: f64, time_s: f64) -> bool {
    steps as f64 * step_s >= time_s * (1.0 - 1e-12)
}

/// Counts the steps beyond each threshold; whether one has been passed for its clearing time.
fn count(trips: &[Trip], [least, most]: [f64; 2], step_s: f64, passed: &mut [u64]) -> bool {
    let mut tripped = false;
    for (trip, steps) in trips.iter().zip(passed) {
        let beyond = if trip.over { most > trip.at_pu } else { least < trip.at_pu };
        *steps = if beyond { steps.saturating_add(1) } else { 0 };
        tripped |= beyond && lasts(*steps, step_s, trip.clearing_s);
    }
    tripped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(v_pu: f64, f_hz: f64) -> Seen {
        Seen { v_pu, v_least_pu: v_pu, v_most_pu: v_pu, f_hz }
    }

    fn watch(category: Category) -> Watch {
        Watch::new(Some(RideThrough::of(category)), None, 60.0, 0.02)
    }

    /// Time in s until it trips at a voltage and a frequency, if within a limit.
    fn trips_after(watch: &mut Watch, v_pu: f64, f_hz: f64, most_s: f64) -> Option<f64> {
        let steps = (most_s / 0.02).round() as u64;
        (1..=steps).find(|_| watch.step(&seen(v_pu, f_hz)) == Service::Tripped).map(|k| k as f64 * 0.02)
    }

    #[test]
    fn each_threshold_trips_in_its_time() {
        for (category, v, f, expected) in [
            (Category::III, 1.21, 60.0, Some(0.16)),
            (Category::III, 1.15, 60.0, Some(13.0)),
            (Category::III, 0.80, 60.0, Some(21.0)),
            (Category::III, 0.40, 60.0, Some(2.0)),
            (Category::II, 0.60, 60.0, Some(10.0)),
            (Category::II, 0.40, 60.0, Some(0.16)),
            (Category::I, 0.60, 60.0, Some(2.0)),
            (Category::III, 0.89, 60.0, None),
            (Category::III, 1.0, 62.1, Some(0.16)),
            (Category::III, 1.0, 56.0, Some(0.16)),
            (Category::III, 1.0, 61.0, None),
        ] {
            let found = trips_after(&mut watch(category), v, f, 25.0);
            assert_eq!(found.is_some(), expected.is_some(), "{category:?} {v} {f}");
            let near = found.zip(expected).is_none_or(|(a, b)| (a - b).abs() < 1e-9);
            assert!(near, "{category:?} {v} {f}: {found:?}");
        }
        let slow = trips_after(&mut watch(Category::III), 1.0, 61.3, 301.0);
        assert!(slow.is_some_and(|t| (t - 300.0).abs() < 1e-6), "{slow:?}");
    }

    #[test]
    fn a_short_dip_is_ridden_through_in_silence() {
        let mut watch = watch(Category::III);
        assert_eq!(watch.step(&seen(0.3, 60.0)), Service::Ceased);
        assert_eq!(watch.step(&seen(0.7, 60.0)), Service::Running);
        assert_eq!(trips_after(&mut watch, 0.4, 60.0, 1.9), None);
        assert_eq!(watch.step(&seen(1.0, 60.0)), Service::Running);
        assert_eq!(trips_after(&mut watch, 0.4, 60.0, 1.9), None, "the count began again");
    }

    #[test]
    fn after_a_trip_it_waits_and_ramps() {
        let enter = EnterService { delay_s: 1.0, ramp_s: 0.2, ..EnterService::default() };
        let mut watch = Watch::new(Some(RideThrough::of(Category::III)), Some(enter), 60.0, 0.02);
        assert!(trips_after(&mut watch, 1.3, 60.0, 1.0).is_some());
        let mut count = |v: f64, n: usize| (0..n).map(|_| watch.step(&seen(v, 60.0))).collect::<Vec<_>>();
        assert!(count(1.0, 49).iter().all(|s| *s == Service::Tripped));
        assert!(count(0.9, 1).iter().all(|s| *s == Service::Tripped), "outside of the window: it begins again");
        assert!(count(1.0, 49).iter().all(|s| *s == Service::Tripped));
        let back = count(1.0, 11);
        assert_eq!(back[0], Service::Entering(0.0));
        assert!(matches!(back[5], Service::Entering(x) if (x - 0.5).abs() < 1e-9), "{back:?}");
        assert_eq!(back[10], Service::Running);
    }

    #[test]
    fn without_settings_it_stays() {
        let mut watch = Watch::new(None, None, 50.0, 0.1);
        assert!((0..1000).all(|_| watch.step(&seen(0.0, 40.0)) == Service::Running));
    }
}
