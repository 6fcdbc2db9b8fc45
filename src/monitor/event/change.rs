//! Rapid voltage changes (IEC 61000-4-30 Ed. 3, 5.11): from one steady state to another without a dip or swell.
//!
//! A voltage is steady while each of its last 100 values of Urms(1/2) (120 at 60 Hz) lies within the threshold of their
//! mean. A change begins when any voltage stops being steady; from then on the threshold is smaller by the hysteresis; it
//! ends when all are steady again, which is 100 half cycles after the last unsteady value, so its duration is that much
//! shorter. A dip or swell in the meantime takes its place.

use super::{Change, Event, EventKind, MOST_VOLTAGES, Phases};

/// Finds rapid voltage changes.
#[derive(Clone, Debug)]
pub(super) struct Changes {
    threshold_percent: f64,
    hysteresis_share: f64,
    remembered_s: f64,
    voltages: Vec<Voltage>,
    open: Option<Open>,
}

/// The last values of one voltage.
#[derive(Clone, Debug)]
struct Voltage {
    values: Vec<f64>,
    count: usize,
    steady: bool,
    /// Mean while it was last steady and no change was open.
    before_percent: f64,
}

/// A change that goes on.
#[derive(Clone, Copy, Debug)]
struct Open {
    start_s: f64,
    most_percent: [f64; MOST_VOLTAGES],
    extreme_percent: f64,
    phases: Phases,
    replaced: bool,
}

impl Voltage {
    fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    /// Takes a value; whether the last ones all lie within the threshold of their mean.
    fn add(&mut self, percent: f64, threshold_percent: f64) -> bool {
        let room = self.values.len();
        self.values[self.count % room] = percent;
        self.count += 1;
        if self.count < room {
            return false;
        }
        let mean = self.mean();
        self.values.iter().all(|value| (value - mean).abs() <= threshold_percent)
    }
}

impl Changes {
    pub(super) fn new(voltages: usize, nominal_hz: f64, threshold_percent: f64, hysteresis_percent: f64) -> Self {
        // Of two seconds' half cycles a half: 100 at 50 Hz, 120 at 60 Hz.
        let remembered = (2.0 * nominal_hz).round().max(1.0);
        let values = vec![0.0; remembered as usize];
        Self {
            threshold_percent,
            hysteresis_share: hysteresis_percent / 100.0,
            remembered_s: remembered / (2.0 * nominal_hz),
            voltages: vec![Voltage { values, count: 0, steady: false, before_percent: f64::NAN }; voltages],
            open: None,
        }
    }

    /// Takes the next value of a voltage; `outside`: a dip or swell goes on.
    pub(super) fn add(&mut self, voltage: usize, percent: f64, at_s: f64, outside: bool) -> Option<Event> {
        let applied = if self.open.is_some() { 1.0 - self.hysteresis_share } else { 1.0 };
        let own = self.voltages.get_mut(voltage)?;
        let was_steady = own.steady;
        own.steady = own.add(percent, applied * self.threshold_percent);
        let before_percent = own.before_percent;
        if was_steady && !own.steady && self.open.is_none() && before_percent.is_finite() {
            let most_percent = [0.0; MOST_VOLTAGES];
            let phases = Phases::default();
            self.open = Some(Open { start_s: at_s, most_percent, extreme_percent: percent, phases, replaced: false });
        }
        if let Some(open) = &mut self.open {
            open.add(voltage, percent, before_percent, was_steady && !own.steady);
            open.replaced |= outside;
            if self.voltages.iter().all(|voltage| voltage.steady) {
                return self.close(at_s);
            }
        } else if own.steady {
            own.before_percent = own.mean();
        }
        None
    }

    fn close(&mut self, at_s: f64) -> Option<Event> {
        let open = self.open.take()?;
        let largest = |sizes: &mut dyn Iterator<Item = f64>| sizes.fold(0.0, f64::max);
        let steady_percent = largest(&mut self.voltages.iter().map(|v| (v.mean() - v.before_percent).abs()));
        self.voltages.iter_mut().for_each(|voltage| voltage.before_percent = voltage.mean());
        let change = Change { most_percent: largest(&mut open.most_percent.into_iter()), steady_percent };
        (!open.replaced).then_some(Event {
            kind: EventKind::Rvc,
            start_s: open.start_s,
            duration_s: (at_s - open.start_s - self.remembered_s).max(0.0),
            residual_percent: open.extreme_percent,
            phases: open.phases,
            interrupted_s: 0.0,
            change: Some(change),
            ended: true,
        })
    }
}

impl Open {
    fn add(&mut self, voltage: usize, percent: f64, before_percent: f64, became_unsteady: bool) {
        let away = (percent - before_percent).abs();
        let largest = self.most_percent.iter().fold(0.0f64, |most, own| most.max(*own));
        if away > largest {
            self.extreme_percent = percent;
        }
        self.most_percent[voltage] = self.most_percent[voltage].max(away);
        if became_unsteady {
            self.phases.insert(voltage);
        }
    }
}
