//! Results of an instrument elsewhere: a meter that measures windows itself and says what came of them. Its aggregates,
//! limits and alarms are those of the instrument here; of samples it knows nothing.
//!
//! A result counts once, however often it is asked for: by its number. Numbers that were left out are lost packets. A number
//! that goes back is a meter that began anew.

use super::WINDOW_S;
use super::evaluation::Evaluation;
use super::instrument::Finding;
use super::settings::{Quantity, Settings, SettingsError};
use super::spectral::Measured;
use super::window::Window;

/// How far a meter's results may be from where their numbers say before they are counted anew, in s.
const OUT_OF_STEP_S: f64 = 1.0;

/// An instrument elsewhere.
#[derive(Clone, Debug)]
pub struct Remote {
    settings: Settings,
    window: Window,
    evaluation: Evaluation,
    /// The last result: its number, which window it was, and when that began in s.
    last: Option<(u64, u64, f64)>,
    /// When a result began, in s, and its number: later ones are counted from there.
    anchor: (f64, u64),
}

impl Remote {
    /// An instrument with these settings, of which sampling, events and flicker are its own affair.
    ///
    /// # Errors
    /// As [`super::Instrument::new`].
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let window = Window::room(settings, 0);
        let evaluation = Evaluation::new(settings, window.clone())?;
        Ok(Self { settings: settings.clone(), window, evaluation, last: None, anchor: (0.0, 0) })
    }

    /// Takes what was said at a time, in s: `fill` puts it into a window of which nothing is known, and says which channels are
    /// valid. Of a meter without
    /// numbers, everything that it says is a result. Whether it was a new one.
    pub fn take(
        &mut self,
        at_s: f64,
        number: Option<u64>,
        fill: impl FnOnce(&mut Window),
        found: &mut dyn FnMut(Finding),
    ) -> bool {
        let last = self.last.map(|own| own.0);
        if number.is_some() && number == last {
            return false;
        }
        let number = number.or(last.map(|last| last + 1)).unwrap_or(0);
        if let Some(alarms) = self.evaluation.alarms_mut() {
            alarms.packet(at_s, number, &mut |event| found(Finding::Alarm(event)));
        }
        self.begin(at_s, number);
        fill(&mut self.window);
        self.demand();
        let Self { evaluation, window, .. } = self;
        evaluation.take(Measured::Window(window), None, found);
        true
    }

    /// The window of a number, empty. Windows are counted on where the meter began anew, and never go back.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of windows"
    )]
    fn begin(&mut self, at_s: f64, number: u64) {
        let said_s = at_s - WINDOW_S;
        let counted_s = self.anchor.0 + number.wrapping_sub(self.anchor.1) as f64 * WINDOW_S;
        let again = self.last.is_some_and(|(last, ..)| number < last);
        if self.last.is_none() || again || (counted_s - said_s).abs() > OUT_OF_STEP_S {
            self.anchor = (said_s, number);
        }
        let counted_s = self.anchor.0 + (number - self.anchor.1) as f64 * WINDOW_S;
        let (sequence, start_s) = match self.last {
            None => (0, counted_s),
            Some((last, before, before_s)) if !again => (before + number - last, counted_s.max(before_s)),
            Some((_, before, before_s)) => {
                let passed = ((counted_s - before_s) / WINDOW_S).round().max(1.0) as u64;
                (before + passed, counted_s.max(before_s))
            }
        };
        self.last = Some((number, sequence, start_s));
        let window = &mut self.window;
        window.channels.iter_mut().for_each(super::window::ChannelWindow::forget);
        (window.unbalance, window.current_unbalance) = (None, None);
        (window.sequence, window.start_s, window.duration_s) = (sequence, start_s, WINDOW_S);
        (window.frequency_hz, window.synchronised, window.reference) = (f64::NAN, true, None);
        (window.flagged, window.valid) = (false, true);
    }

    /// What follows from a current's distortion: that of the demand.
    fn demand(&mut self) {
        let roles = self.settings.channels.iter();
        for (channel, _) in self.window.channels.iter_mut().zip(roles).filter(|(_, r)| r.quantity == Quantity::Current)
        {
            let fundamental_a = channel.subgroup_rms.get(1).copied().unwrap_or(f64::NAN);
            let harmonics_a = channel.thd_subgroup_percent * fundamental_a;
            channel.tdd_percent = self.settings.demand_a.map(|demand_a| harmonics_a / demand_a);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::ChannelRole;
    use crate::monitor::alarm::{Change, Code, TripPoints};

    fn settings() -> Settings {
        Settings {
            nominal_v: Some(230.0),
            trips: Some(TripPoints::new(50.0, 5.0)),
            ..Settings::new(12_800.0, 50.0, vec![ChannelRole::voltage(1)])
        }
    }

    fn say(window: &mut Window, thd_percent: f64) {
        (window.channels[0].valid, window.channels[0].rms) = (true, 230.0);
        window.channels[0].thd_subgroup_percent = thd_percent;
    }

    #[test]
    fn a_result_counts_once_and_a_lost_one_is_missed() {
        let mut own = Remote::new(&settings()).unwrap();
        let mut windows = Vec::new();
        // Polled every 100 ms, a result every 200 ms.
        for poll in 0..40_u64 {
            let number = poll / 2 + u64::from(poll >= 20);
            let taken = own.take(0.1 * poll as f64 + 0.2, Some(number), |w| say(w, 2.0), &mut |finding| {
                if let Finding::Window(window) = finding {
                    windows.push((window.sequence, window.start_s));
                }
            });
            assert_eq!(taken, poll % 2 == 0, "poll {poll}");
        }
        let numbers: Vec<u64> = windows.iter().map(|w| w.0).collect();
        assert_eq!(numbers, (0..10).chain(11..21).collect::<Vec<_>>());
        assert!(windows.iter().all(|(n, start_s)| (start_s - 0.2 * *n as f64).abs() < 1e-9), "{windows:?}");
    }

    #[test]
    fn its_alarms_are_raised_by_what_it_says() {
        let mut own = Remote::new(&settings()).unwrap();
        let mut raised = Vec::new();
        for number in 0..150_u64 {
            let thd = if number < 60 { 3.0 } else { 9.0 };
            own.take(0.2 * number as f64, Some(number), |w| say(w, thd), &mut |finding| {
                if let Finding::Alarm(alarm) = finding {
                    raised.push((alarm.code, alarm.change));
                }
            });
        }
        assert_eq!(raised, [(Code::ThdHighVolt, Change::Raised)]);
    }

    #[test]
    fn a_meter_that_began_anew_goes_on() {
        let mut own = Remote::new(&settings()).unwrap();
        let mut starts = Vec::new();
        let mut numbers = Vec::new();
        for (at_s, number) in [(10.0, 500), (10.2, 501), (14.0, 0), (14.2, 1), (20.0, 1)] {
            own.take(at_s, Some(number), |w| say(w, 1.0), &mut |finding| {
                if let Finding::Window(window) = finding {
                    starts.push(window.start_s);
                    numbers.push(window.sequence);
                }
            });
        }
        assert_eq!(numbers, [0, 1, 20, 21], "as many as fit into the time between");
        assert!(starts.windows(2).all(|pair| pair[0] < pair[1]), "{starts:?}");
    }
}
