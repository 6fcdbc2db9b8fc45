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
//! | `noise 1e-4` | that share of the bytes on the line is damaged |
//! | `unterminated 1000m 19200` | a serial line of that length and baud without its resistors: what reflections damage |
//! | `emi 5cm 100A` | a power cable of that current at that distance: what it damages |
//! | `rail 9.5V` | the 12 V auxiliary supply of its communications module is that low: readings miss, below 9 V it resets |
//! | `bms_silent` | its battery's management says nothing: what that says is none, and after 2 s its power goes |
//! | `hot` | a gateway throttled by heat: answers ever later, up to 1 s with a time constant of 60 s, and so again after it |
//!
//! Draws are a hash of the seed, the fault and the request's number: the same scenario has the same faults. The physical ones
//! are models ([`mod@line`], [`supply`], `docs/models/physical-faults.md`).

pub mod line;
pub mod supply;

use std::str::FromStr;

use supply::Rail;

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
    Unterminated { length_m: f64, baud: f64 },
    Emi { distance_m: f64, current_a: f64 },
    Rail { v_v: f64 },
    BmsSilent,
    Hot,
}

impl Fault {
    /// The share of the bytes on the line that it damages.
    pub fn damage(self) -> f64 {
        match self {
            Self::Noise { share } => share,
            Self::Unterminated { length_m, baud } => line::unterminated(length_m, baud),
            Self::Emi { distance_m, current_a } => line::emi(distance_m, current_a),
            _ => 0.0,
        }
    }
}

/// Why a text is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// Nothing is called so, or it has no time.
    #[error(
        "{0:?} is no fault: give one as in `freeze`, `delay 300ms`, `drop 0.2`, `exception 4`, with a time before it as in \
         `10s..20s: freeze`"
    )]
    None(String),
    /// What follows its name is not what it needs.
    #[error("{0:?} is no fault: {1}")]
    Argument(String, &'static str),
}

/// What each fault needs after its name.
const NEEDS: [(&str, &str); 8] = [
    ("delay", "`delay` needs a time from 0 to 1 day, as in `delay 300ms`"),
    ("reboot", "`reboot` needs a time from 0 to 1 day, as in `reboot 2s`"),
    ("drop", "`drop` needs a share from 0 to 1, as in `drop 0.2`"),
    ("noise", "`noise` needs a share from 0 to 1, as in `noise 1e-4`"),
    ("exception", "`exception` needs a code from 1 to 255, as in `exception 4`"),
    (
        "unterminated",
        "`unterminated` needs a length from 0 to 10000 m and a baud from 300 to 10000000, as in `unterminated 1000m 19200`",
    ),
    ("emi", "`emi` needs a distance from 1 mm to 10 m and a current from 0 to 10000 A, as in `emi 5cm 100A`"),
    ("rail", "`rail` needs a voltage from 0 to 12 V, as in `rail 9.5V`"),
];

/// A time in s from `1.5s` or `300ms`.
fn seconds(text: &str) -> Option<f64> {
    let (number, factor) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s')?, 1.0),
    };
    number.trim().parse::<f64>().ok().map(|own| own * factor).filter(|own| (0.0..=86_400.0).contains(own))
}

/// A number with one of these units, each with its factor, within limits.
fn measure(text: &str, units: &[(&str, f64)], [low, high]: [f64; 2]) -> Option<f64> {
    let (number, factor) = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    number.trim().parse::<f64>().ok().map(|own| own * factor).filter(|own| (low..=high).contains(own))
}

/// Units of lengths, longer names first.
const LENGTHS: [(&str, f64); 4] = [("km", 1e3), ("cm", 1e-2), ("mm", 1e-3), ("m", 1.0)];

fn unterminated(argument: &str) -> Option<Fault> {
    let (length, baud) = argument.split_once(' ')?;
    let length_m = measure(length, &LENGTHS, [0.0, 10_000.0])?;
    let baud = measure(baud.trim(), &[("", 1.0)], [300.0, 1e7])?;
    Some(Fault::Unterminated { length_m, baud })
}

fn emi(argument: &str) -> Option<Fault> {
    let (distance, current) = argument.split_once(' ')?;
    let distance_m = measure(distance, &LENGTHS, [0.001, 10.0])?;
    let current_a = measure(current.trim(), &[("kA", 1e3), ("A", 1.0)], [0.0, 10_000.0])?;
    Some(Fault::Emi { distance_m, current_a })
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (name, argument) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let argument = argument.trim();
        let share = || argument.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
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
            ("bms_silent", true) => Some(Self::BmsSilent),
            ("unterminated", false) => unterminated(argument),
            ("emi", false) => emi(argument),
            ("rail", false) => {
                measure(argument, &[("mV", 1e-3), ("V", 1.0)], [0.0, supply::NOMINAL_V]).map(|v_v| Self::Rail { v_v })
            }
            ("delay", false) => seconds(argument).map(|s| Self::Delay { s }),
            ("reboot", false) => seconds(argument).map(|s| Self::Reboot { s }),
            ("drop", false) => share().map(|share| Self::Drop { share }),
            ("noise", false) => share().map(|share| Self::Noise { share }),
            ("exception", false) => argument.parse().ok().filter(|&code| code > 0).map(|code| Self::Exception { code }),
            _ => None,
        };
        fault.ok_or_else(|| match NEEDS.iter().find(|(own, _)| *own == name) {
            Some((_, needs)) => FaultError::Argument(text.trim().to_owned(), needs),
            None => FaultError::None(text.trim().to_owned()),
        })
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
        let wrong = || FaultError::None(text.to_owned());
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

    /// Whether it is gone: unplugged, rebooting, or without its supply.
    pub fn gone(&self, at_s: f64) -> bool {
        let off = self.rails().filter_map(|rail| rail.off_s()).any(|(from_s, to_s)| from_s <= at_s && at_s < to_s);
        off || self.at(at_s).any(|fault| matches!(fault, Fault::Cut | Fault::Reboot { .. }))
    }

    /// Reboots that had begun by a time, counted.
    pub fn reboots(&self, at_s: f64) -> usize {
        let off = self.rails().filter_map(|rail| rail.off_s()).filter(|(from_s, _)| *from_s <= at_s).count();
        let begun = |(from, _, fault): &&(f64, f64, Fault)| matches!(fault, Fault::Reboot { .. }) && *from <= at_s;
        off + self.script.iter().filter(begun).count()
    }

    /// From when until when a fault of a script leaves its module without supply, in s.
    pub fn off_s(&(from_s, to_s, fault): &(f64, f64, Fault)) -> Option<(f64, f64)> {
        let Fault::Rail { v_v } = fault else { return None };
        Rail { from_s, to_s, v_v }.off_s()
    }

    /// The seed of what it draws.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    fn rails(&self) -> impl Iterator<Item = Rail> + '_ {
        self.script.iter().filter_map(|&(from_s, to_s, fault)| match fault {
            Fault::Rail { v_v } => Some(Rail { from_s, to_s, v_v }),
            _ => None,
        })
    }

    /// The 12 V auxiliary supply of its communications module, in V.
    pub fn rail_v(&self, at_s: f64) -> f64 {
        self.rails().map(|rail| rail.v_v(at_s)).fold(supply::NOMINAL_V, f64::min)
    }

    /// Whether a reading of a sensor misses, the k-th of its kind, because the supply is low.
    pub fn misses(&self, at_s: f64, what: &str, k: u64) -> bool {
        let share = supply::missing(self.rail_v(at_s));
        share > 0.0 && self.draw(what, k) < share
    }

    /// Since when the battery's management says nothing, in s; `None` while it speaks.
    pub fn battery_silent_s(&self, at_s: f64) -> Option<f64> {
        let silent = |(from, to, fault): &&(f64, f64, Fault)| *fault == Fault::BmsSilent && *from <= at_s && at_s < *to;
        self.script.iter().filter(silent).map(|(from, ..)| at_s - from).reduce(f64::max)
    }

    /// The part of its power that a charger gives, by how long its battery's management has been silent.
    pub fn still_given(&self, at_s: f64) -> f64 {
        self.battery_silent_s(at_s).map_or(1.0, supply::still_given)
    }

    /// How late answers are, in s.
    pub fn delay_s(&self, at_s: f64) -> f64 {
        let delay = |(from, to, fault): &(f64, f64, Fault)| match fault {
            Fault::Hot => supply::heat_s(*from, *to, at_s),
            Fault::Delay { s } if *from <= at_s && at_s < *to => *s,
            _ => 0.0,
        };
        self.script.iter().map(delay).sum()
    }

    /// The share of the bytes on its line that is damaged at a time.
    pub fn damage(&self, at_s: f64) -> f64 {
        1.0 - self.at(at_s).map(|fault| 1.0 - fault.damage()).product::<f64>()
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
        for line in
            ["1s: unterminated 1km 19200", "1s..2s: emi 5cm 0.1kA", "3s: rail 9500mV", "4s: bms_silent", "5s: rail 0V"]
        {
            faults.line(line).unwrap();
        }
        let found: Vec<Fault> = faults.script().iter().map(|own| own.2).skip(4).collect();
        let unterminated = Fault::Unterminated { length_m: 1000.0, baud: 19_200.0 };
        let emi = Fault::Emi { distance_m: 0.05, current_a: 100.0 };
        let expected = [unterminated, emi, Fault::Rail { v_v: 9.5 }, Fault::BmsSilent, Fault::Rail { v_v: 0.0 }];
        assert_eq!(found, expected);
        for wrong in ["freeze", "5: freeze", "5s: melt", "1s: drop 2", "1s: exception 0", "1s: delay 3", "x..y: nan"] {
            assert!(faults.line(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_fault_needs_is_said() {
        for (wrong, part) in [
            ("unterminated 300m", "a length from 0 to 10000 m and a baud"),
            ("unterminated 300 19200", "a length"),
            ("unterminated 20km 19200", "a length"),
            ("unterminated -3m 19200", "a length"),
            ("unterminated 300m NaN", "a baud"),
            ("emi 5cm", "a distance"),
            ("emi 0cm 100A", "from 1 mm"),
            ("emi 5cm 100", "a current"),
            ("emi 5cm infA", "a current"),
            ("rail 24V", "from 0 to 12 V"),
            ("rail 9.5", "from 0 to 12 V"),
            ("rail", "a voltage"),
            ("bms_silent 3", "is no fault"),
            ("noise 2", "a share"),
        ] {
            let error = wrong.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains(part), "{wrong}: {error}");
        }
    }

    #[test]
    fn physical_faults_come_and_go_and_add_up() {
        let mut faults = Faults::new(7);
        for line in ["10s..20s: rail 6V", "30s..40s: rail 9.5V", "50s..60s: bms_silent", "70s..80s: noise 0.5"] {
            faults.line(line).unwrap();
        }
        assert!(!faults.gone(10.5) && faults.gone(11.0) && faults.gone(21.7) && !faults.gone(21.8));
        assert_eq!((faults.reboots(10.5), faults.reboots(11.0), faults.reboots(50.0)), (0, 1, 1));
        assert_eq!((faults.rail_v(5.0), faults.rail_v(15.0), faults.rail_v(35.0)), (12.0, 6.0, 9.5));
        let missing = (0..1000).filter(|&k| faults.misses(35.0, "p_w", k)).count();
        assert!((100..200).contains(&missing), "0.144 of them: {missing}");
        assert!((0..1000).all(|k| !faults.misses(45.0, "p_w", k)));
        assert_eq!([49.0, 51.0, 53.0, 55.0, 61.0].map(|s| faults.still_given(s)), [1.0, 1.0, 0.5, 0.0, 1.0]);
        assert_eq!(faults.damage(75.0), 0.5);
        faults.add(70.0, 80.0, Fault::Noise { share: 0.5 });
        assert_eq!((faults.damage(75.0), faults.damage(85.0)), (0.75, 0.0));
        faults.end(10.5);
        assert!(!faults.gone(11.5), "it rises again before it is too low");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9a-zA-Z_. :-]{0,40}", at_s in 0.0..1e6_f64) {
            let mut faults = Faults::new(3);
            let _ = faults.line(&text);
            for name in ["unterminated", "emi", "rail", "delay", "noise", "bms_silent", "hot"] {
                let _ = faults.line(&format!("1s..1e4s: {name} {text}"));
            }
            let shares = [faults.damage(at_s), faults.still_given(at_s)];
            proptest::prop_assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{:?}", shares);
            proptest::prop_assert!((0.0..=12.0).contains(&faults.rail_v(at_s)) && faults.delay_s(at_s) >= 0.0);
        }
    }
}
