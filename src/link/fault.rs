//! What goes wrong with an emulated device, and when: one line each, as in `10s..20s: freeze` or `5s: reboot 3s`.
//!
//! | fault | what it does |
//! |---|---|
//! | `cut` | the cable is pulled: connections end, none is accepted |
//! | `silent` | it takes requests and answers none |
//! | `delay 300ms` | every answer is that late |
//! | `drop 0.2` | that share of requests is not answered |
//! | `freeze` | its values stand still, it answers all the same |
//! | `nan` | its values are none |
//! | `wrong_scale` | its scale factors (or its values, without any) are ten times as large |
//! | `exception 4` | every request is refused with that code |
//! | `garbage` | answers are made of any bytes |
//! | `half` | answers end in the middle |
//! | `wrong_unit` | another unit answers |
//! | `twice` | two devices answer: every answer comes twice, and not alike |
//! | `reboot 2s` | gone for that time, and back without what it was told |
//! | `noise 1e-4` | that share of the bytes on the line is damaged (a serial line without termination; EMI) |
//! | `hot` | a gateway throttled by heat: answers ever later, by 10 ms each second up to 1 s |
//!
//! Draws are a hash of the seed, the fault and the request's number: the same scenario has the same faults.

use std::str::FromStr;

use crate::quantity::Noise;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the table above")]
pub enum Fault {
    Cut,
    Silent,
    Delay { s: f64 },
    Drop { share: f64 },
    Freeze,
    Nan,
    WrongScale,
    Exception { code: u8 },
    Garbage,
    Half,
    WrongUnit,
    Twice,
    Reboot { s: f64 },
    Noise { share: f64 },
    Hot,
}

/// Why a text is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no fault: give one as in `freeze`, `delay 300ms`, `drop 0.2`, `exception 4`, with a time before it as in \
         `10s..20s: freeze`"
)]
pub struct FaultError(pub String);

/// A time in s from `1.5s` or `300ms`.
fn seconds(text: &str) -> Option<f64> {
    let (number, factor) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s')?, 1.0),
    };
    number.trim().parse::<f64>().ok().map(|own| own * factor).filter(|own| (0.0..=86_400.0).contains(own))
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (name, argument) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let share = || argument.trim().parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
        let fault = match (name, argument.is_empty()) {
            ("cut", true) => Some(Self::Cut),
            ("silent", true) => Some(Self::Silent),
            ("freeze", true) => Some(Self::Freeze),
            ("nan", true) => Some(Self::Nan),
            ("wrong_scale", true) => Some(Self::WrongScale),
            ("garbage", true) => Some(Self::Garbage),
            ("half", true) => Some(Self::Half),
            ("wrong_unit", true) => Some(Self::WrongUnit),
            ("twice", true) => Some(Self::Twice),
            ("hot", true) => Some(Self::Hot),
            ("delay", false) => seconds(argument).map(|s| Self::Delay { s }),
            ("reboot", false) => seconds(argument).map(|s| Self::Reboot { s }),
            ("drop", false) => share().map(|share| Self::Drop { share }),
            ("noise", false) => share().map(|share| Self::Noise { share }),
            ("exception", false) => {
                argument.trim().parse().ok().filter(|&code| code > 0).map(|code| Self::Exception { code })
            }
            _ => None,
        };
        fault.ok_or_else(|| FaultError(text.to_owned()))
    }
}

/// Faults with their times.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    script: Vec<(f64, f64, Fault)>,
    seed: u64,
}

impl Faults {
    /// No fault; `seed` is for those that draw.
    pub const fn new(seed: u64) -> Self {
        Self { script: Vec::new(), seed }
    }

    /// Adds a fault from a time on, until another; both in s.
    pub fn add(&mut self, from_s: f64, to_s: f64, fault: Fault) {
        let to_s = if let Fault::Reboot { s } = fault { from_s + s } else { to_s };
        self.script.push((from_s, to_s, fault));
    }

    /// Adds a line of a script.
    ///
    /// # Errors
    /// When it is none.
    pub fn line(&mut self, text: &str) -> Result<(), FaultError> {
        let wrong = || FaultError(text.to_owned());
        let (when, what) = text.split_once(':').ok_or_else(wrong)?;
        let (from, to) = match when.trim().split_once("..") {
            Some((from, "")) => (seconds(from).ok_or_else(wrong)?, f64::INFINITY),
            Some((from, to)) => (seconds(from).ok_or_else(wrong)?, seconds(to).ok_or_else(wrong)?),
            None => (seconds(when.trim()).ok_or_else(wrong)?, f64::INFINITY),
        };
        let fault: Fault = what.parse()?;
        self.add(from, to, fault);
        Ok(())
    }

    /// All of them, each from a time until another in s.
    pub fn script(&self) -> &[(f64, f64, Fault)] {
        &self.script
    }

    /// Ends all faults that go on at a time.
    pub fn end(&mut self, at_s: f64) {
        self.script.iter_mut().filter(|(from, to, _)| *from <= at_s && at_s < *to).for_each(|(_, to, _)| *to = at_s);
    }

    /// What is wrong at a time.
    pub fn at(&self, at_s: f64) -> impl Iterator<Item = Fault> + '_ {
        self.script.iter().filter(move |(from, to, _)| *from <= at_s && at_s < *to).map(|(_, _, fault)| *fault)
    }

    /// Whether it is gone: unplugged, or rebooting.
    pub fn gone(&self, at_s: f64) -> bool {
        self.at(at_s).any(|fault| matches!(fault, Fault::Cut | Fault::Reboot { .. }))
    }

    /// Reboots that were over at a time, counted.
    pub fn reboots(&self, at_s: f64) -> usize {
        self.script.iter().filter(|(from, _, fault)| matches!(fault, Fault::Reboot { .. }) && *from <= at_s).count()
    }

    /// How late answers are, in s.
    pub fn delay_s(&self, at_s: f64) -> f64 {
        let delay = |(from, to, fault): &(f64, f64, Fault)| match fault {
            _ if !(*from <= at_s && at_s < *to) => 0.0,
            Fault::Delay { s } => *s,
            Fault::Hot => (0.01 * (at_s - from)).min(1.0),
            _ => 0.0,
        };
        self.script.iter().map(delay).sum()
    }

    /// A number from 0 to 1 for the k-th request, or the k-th byte of one.
    pub fn draw(&self, what: &str, number: u64) -> f64 {
        Noise::new(self.seed, what).uniform(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_line_by_line() {
        let mut faults = Faults::new(1);
        for line in ["10s..20s: freeze", "5s: reboot 3s", "500ms..: delay 300ms", "1s..2s:exception 4"] {
            faults.line(line).unwrap();
        }
        assert_eq!(faults.at(12.0).collect::<Vec<_>>(), [Fault::Freeze, Fault::Delay { s: 0.3 }]);
        assert!(faults.gone(5.0) && faults.gone(7.9) && !faults.gone(8.0));
        assert_eq!((faults.reboots(4.9), faults.reboots(5.0)), (0, 1));
        assert!((faults.delay_s(0.4) - 0.0).abs() < 1e-12 && (faults.delay_s(0.6) - 0.3).abs() < 1e-12);
        faults.end(12.0);
        assert_eq!(faults.at(12.0).count(), 0);
        for wrong in ["freeze", "5: freeze", "5s: melt", "1s: drop 2", "1s: exception 0", "1s: delay 3", "x..y: nan"] {
            assert!(faults.line(wrong).is_err(), "{wrong}");
        }
    }
}
