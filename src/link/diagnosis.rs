//! What to look at first when a device is lost: the 12 V auxiliary supply of its communications module, then the link, then
//! its battery's management, by what the loop has heard of it.
//!
//! | what is known | what is said |
//! |---|---|
//! | its own `rail_v` was below 10.8 V | the supply |
//! | no sample came in time, and nothing damaged either | the supply where it is not known, then cable and network |
//! | what came was damaged | termination, shield, distance from power cables |
//! | the link is wrong | unit, address, a second device, map |
//! | samples come, in them nothing of the battery that was there before | the battery's management |
//! | none of these | the device |
//!
//! Limits: a supply that fails within one poll is not seen to fall. The first that fits counts; that it is the cause is not proven.

use super::description::Description;
use super::fault::supply::{WELL_V, of_battery};
use super::port::LinkState;

/// What is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its supply was low.
    Supply,
    /// Nothing is heard; its supply is not known.
    Silence,
    /// Nothing is heard; its supply was well.
    Link,
    /// What is heard is damaged.
    Damage,
    /// It answers what cannot be right.
    Wrong,
    /// Its battery's management says nothing.
    Battery,
    /// The device itself.
    Device,
}

impl Cause {
    /// What is to be checked, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Supply => {
                "check its 12 V auxiliary supply first: it was low when it was last heard (fuse, converter, what else it feeds)"
            }
            Self::Silence => {
                "nothing is heard of it: check the 12 V auxiliary supply of its communications module first, then cable and network"
            }
            Self::Link => "nothing is heard of it, and its 12 V supply was well: check cable, connectors and network",
            Self::Damage => {
                "what comes is damaged: check termination (120 ohms at both ends), shield, 15 cm from power cables"
            }
            Self::Wrong => {
                "it answers what cannot be right: check its unit or address, whether another device has it too, and its map"
            }
            Self::Battery => {
                "supply and link are well, its battery's management says nothing: check the battery's own supply and bus"
            }
            Self::Device => "supply, link and battery are well as far as can be told: check the device itself",
        }
    }
}

/// What is known of a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Its auxiliary supply in V as it last said, where it does.
    pub rail_v: Option<f64>,
    /// How its link fares.
    pub state: LinkState,
    /// Whether samples come in time.
    pub recent: bool,
    /// Whether anything came damaged since the last sample.
    pub damaged: bool,
    /// Whether nothing of its battery is in its samples, though it was.
    pub battery_silent: bool,
}

/// The first cause that fits.
pub fn diagnose(known: &Evidence) -> Cause {
    let silent = !matches!(known.state, LinkState::Up | LinkState::Wrong);
    match (known.rail_v, known.recent) {
        (Some(v_v), _) if v_v < WELL_V => Cause::Supply,
        _ if known.damaged => Cause::Damage,
        _ if known.state == LinkState::Wrong => Cause::Wrong,
        // Samples come, though one message of the battery is missed and the link is down by that.
        (_, true) if known.battery_silent => Cause::Battery,
        (None, own) if silent || !own => Cause::Silence,
        (Some(_), own) if silent || !own => Cause::Link,
        _ => Cause::Device,
    }
}

/// Follows what a device says, for a diagnosis. Nothing of it allocates once it is made.
#[derive(Clone, Debug)]
pub struct Watch {
    rail: Option<usize>,
    battery: Vec<usize>,
    electrical: Vec<usize>,
    rail_v: Option<f64>,
    /// Something of the battery was heard.
    had_battery: bool,
    /// Samples in a row without anything of it.
    battery_silent: u32,
    /// Damaged answers up to the last sample.
    errors: u64,
    /// It was lost, and no sample came since.
    lost: bool,
    /// What was already said since all was well.
    said: [bool; 3],
}

/// Samples without anything of the battery after which that is said: after a loss its messages may come a little later.
const SILENT: u32 = 10;
/// Those that are said without a loss, or after it.
const NEWS: [Cause; 3] = [Cause::Supply, Cause::Battery, Cause::Damage];

impl Watch {
    /// Of a device whose samples are in the order of its description's points.
    pub fn new(description: &Description) -> Self {
        let is = |name: &str| {
            let stem = name.split('.').next().unwrap_or(name);
            ["p_w", "q_var", "v_v", "v_ll_v", "i_a", "dc_v", "dc_a", "f_hz"].contains(&stem)
        };
        let find = |wanted: &dyn Fn(&str) -> bool| {
            let own = description.points.iter().enumerate().filter(|(_, point)| wanted(&point.name));
            own.map(|(k, _)| k).collect::<Vec<_>>()
        };
        Self {
            rail: description.point("rail_v"),
            battery: find(&of_battery),
            electrical: find(&is),
            rail_v: None,
            had_battery: false,
            battery_silent: 0,
            errors: 0,
            lost: false,
            said: [false; 3],
        }
    }

    /// A sample came; `errors` is how many answers came damaged so far.
    pub fn sample(&mut self, values: &[f64], errors: u64) {
        let there = |k: &usize| values.get(*k).is_some_and(|value| value.is_finite());
        let rail = self.rail.and_then(|k| values.get(k)).copied();
        self.rail_v = rail.filter(|value| value.is_finite()).or(self.rail_v);
        let battery = self.battery.iter().any(there);
        self.had_battery |= battery;
        let silent = self.had_battery && !battery && self.electrical.iter().any(there);
        self.battery_silent = if silent { self.battery_silent.saturating_add(1) } else { 0 };
        (self.errors, self.lost) = (errors, false);
        let low = self.rail_v.is_some_and(|v_v| v_v < WELL_V);
        self.said = [self.said[0] && low, self.said[1] && silent, false];
    }

    /// What is to be looked at now; `recent` where samples come in time.
    pub fn cause(&self, state: LinkState, recent: bool, errors: u64) -> Cause {
        let (rail_v, battery_silent, damaged) = (self.rail_v, self.battery_silent > 0, errors > self.errors);
        diagnose(&Evidence { rail_v, state, recent, damaged, battery_silent })
    }

    /// The same at a loss; `None` where it was said and has not been well since.
    pub fn say(&mut self, state: LinkState, recent: bool, errors: u64) -> Option<Cause> {
        self.lost = true;
        let cause = self.cause(state, recent, errors);
        let said = self.said.iter_mut().zip(NEWS).find(|(_, own)| *own == cause);
        let again = said.is_some_and(|(said, _)| std::mem::replace(said, true));
        (!again).then_some(cause)
    }

    /// What has not been said of what it is now: a low supply and a silent battery as soon as they are seen, damage once a
    /// device is lost.
    pub fn news(&mut self, state: LinkState, recent: bool, errors: u64) -> Option<Cause> {
        let cause = self.cause(state, recent, errors);
        let place = NEWS.iter().position(|own| *own == cause)?;
        let too_soon = match cause {
            Cause::Damage => !self.lost,
            Cause::Battery => self.battery_silent < SILENT,
            _ => false,
        };
        if self.said[place] || too_soon {
            return None;
        }
        self.said[place] = true;
        Some(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const KNOWN: Evidence =
        Evidence { rail_v: None, state: LinkState::Up, recent: true, damaged: false, battery_silent: false };

    #[test]
    fn supply_comes_before_link_and_link_before_battery() {
        let low = Evidence { rail_v: Some(9.5), state: LinkState::Down, recent: false, damaged: true, ..KNOWN };
        assert_eq!(diagnose(&Evidence { battery_silent: true, ..low }), Cause::Supply);
        assert_eq!(diagnose(&Evidence { rail_v: Some(12.0), battery_silent: true, ..low }), Cause::Damage);
        let gone = Evidence { state: LinkState::Down, recent: false, ..KNOWN };
        assert_eq!(diagnose(&Evidence { battery_silent: true, ..gone }), Cause::Silence, "its supply is not known");
        assert_eq!(diagnose(&Evidence { rail_v: Some(12.0), ..gone }), Cause::Link);
        assert_eq!(diagnose(&Evidence { state: LinkState::Wrong, ..gone }), Cause::Wrong);
        // On CAN the link is down because one message is missed, and samples come all the same.
        assert_eq!(diagnose(&Evidence { state: LinkState::Down, battery_silent: true, ..KNOWN }), Cause::Battery);
        assert_eq!(diagnose(&KNOWN), Cause::Device);
        let all =
            [Cause::Supply, Cause::Silence, Cause::Link, Cause::Damage, Cause::Wrong, Cause::Battery, Cause::Device];
        assert!(all.iter().all(|own| own.words().contains("check")));
    }

    fn watch() -> Watch {
        let text = "device: x\nkind: meter\ncan: {database: x.dbc}\npoints:\n  p_w: {can: A.P}\n  soc_percent: {can: A.S}\n  \
                    rail_v: {can: A.R}\n";
        let reading = crate::link::description::from_text(text.into(), Path::new("x.yaml"));
        Watch::new(&reading.description.unwrap_or_else(|| panic!("{:?}", reading.diagnostics)))
    }

    #[test]
    fn what_is_seen_is_said_once() {
        let mut own = watch();
        let mut at = |values: [f64; 3], recent, errors| {
            if recent {
                own.sample(&values, errors);
            }
            own.news(LinkState::Up, recent, errors)
        };
        assert_eq!(at([1.0, f64::NAN, 12.0], true, 0), None, "it never said anything of its battery");
        assert_eq!(at([1.0, 50.0, 12.0], true, 0), None);
        for _ in 1..SILENT {
            assert_eq!(at([1.0, f64::NAN, 12.0], true, 0), None, "perhaps it only comes later");
        }
        assert_eq!(at([1.0, f64::NAN, 12.0], true, 0), Some(Cause::Battery));
        assert_eq!(at([1.0, f64::NAN, 12.0], true, 0), None);
        assert_eq!(at([f64::NAN; 3], true, 0), None, "then it is more than the battery");
        assert_eq!(at([1.0, 50.0, 9.9], true, 0), Some(Cause::Supply));
        assert_eq!(at([1.0, 50.0, f64::NAN], true, 0), None, "it was low when it last said");
        assert_eq!(at([1.0, 50.0, 12.0], true, 3), None, "damage that did no harm");
        assert_eq!(at([1.0; 3], false, 4), None, "it is not lost yet");
    }

    #[test]
    fn what_a_loss_says_is_not_said_again() {
        let mut own = watch();
        own.sample(&[1.0, 50.0, 12.0], 0);
        assert_eq!(own.say(LinkState::Down, false, 0), Some(Cause::Link));
        assert_eq!(own.say(LinkState::Down, false, 0), Some(Cause::Link), "each loss has its own");
        assert_eq!(own.say(LinkState::Down, false, 2), Some(Cause::Damage));
        assert_eq!(own.news(LinkState::Down, false, 3), None);
        own.sample(&[1.0, 50.0, 12.0], 3);
        assert_eq!(own.say(LinkState::Down, false, 3), Some(Cause::Link));
        assert_eq!(own.news(LinkState::Down, false, 3), None);
        assert_eq!(own.news(LinkState::Down, false, 4), Some(Cause::Damage), "which is known a little later");
        assert_eq!(own.news(LinkState::Down, false, 5), None);
        own.sample(&[1.0, 50.0, 9.9], 3);
        assert_eq!(
            [0; 2].map(|_| own.say(LinkState::Wrong, true, 3)),
            [Some(Cause::Supply), None],
            "it has not been well"
        );
    }
}
