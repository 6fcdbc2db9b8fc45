//! Which of a file's channels is which voltage or current: by what the user says, else by unit, phase and name.

use std::fmt;
use std::str::FromStr;

use super::Findings;
use crate::diagnostic::{Diagnostic, nearest};

/// What a channel's samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// Volts.
    Voltage,
    /// Amperes.
    Current,
}

/// A voltage or current and its conductor, as in `u1`, `i3`; 4 is the neutral.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Voltage or current.
    pub quantity: Quantity,
    /// 1 to 4.
    pub conductor: u8,
}

/// A channel of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Which it is.
    pub place: Place,
    /// What the file calls it.
    pub source: String,
    /// Between which values samples can lie, in V or A, where the format says so.
    pub range: Option<[f64; 2]>,
}

/// A text that is no [`Place`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of u1 to u4, i1 to i4")]
pub struct PlaceError(String);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = if self.quantity == Quantity::Voltage { 'u' } else { 'i' };
        write!(f, "{letter}{}", self.conductor)
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let (quantity, number) = match text.trim().as_bytes() {
            [b'u' | b'U' | b'v' | b'V', n] => (Quantity::Voltage, *n),
            [b'i' | b'I', n] => (Quantity::Current, *n),
            _ => return Err(PlaceError(text.to_owned())),
        };
        match number {
            b'1'..=b'4' => Ok(Self { quantity, conductor: number - b'0' }),
            _ => Err(PlaceError(text.to_owned())),
        }
    }
}

/// A channel as its file describes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Described {
    /// Its name, as it is shown.
    pub name: String,
    /// Its phase, as in `A`, or empty.
    pub phase: String,
    /// Its unit, as in `kV`; or empty.
    pub unit: String,
}

/// A unit: what it measures, and how many V or A one is. `None` when it is neither.
pub fn unit(text: &str) -> Option<(Quantity, f64)> {
    let text = text.trim();
    let (prefix, letter) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let quantity = match letter {
        "V" | "v" => Quantity::Voltage,
        "A" | "a" => Quantity::Current,
        _ => return None,
    };
    let scale = match prefix {
        "" => 1.0,
        "k" | "K" => 1e3,
        "m" => 1e-3,
        "M" => 1e6,
        "u" | "µ" | "μ" => 1e-6,
        _ => return None,
    };
    Some((quantity, scale))
}

/// The conductor that a phase means: A, B, C; R, S, T; L1, L2, L3; AB, BC, CA; N, G or E. Bare numbers are none: some
/// recorders write the number of their input there.
fn conductor(phase: &str) -> Option<u8> {
    match phase.trim().to_ascii_uppercase().as_str() {
        "A" | "R" | "L1" | "AB" | "RS" | "L12" => Some(1),
        "B" | "S" | "L2" | "BC" | "ST" | "L23" => Some(2),
        "C" | "T" | "L3" | "CA" | "TR" | "L31" => Some(3),
        "N" | "G" | "E" => Some(4),
        _ => None,
    }
}

/// The conductor that a number behind `U`, `V` or `I` means, as in U1, U12, U21.
fn numbered(number: &str) -> Option<u8> {
    match number {
        "1" | "12" | "21" => Some(1),
        "2" | "23" | "32" => Some(2),
        "3" | "31" | "13" => Some(3),
        "4" => Some(4),
        _ => None,
    }
}

/// What a name says by itself: one of its words is `U`, `V` or `I` and a phase, as in `F5-VA`, `HV IR`, `UL1`, `Ib2`.
fn by_name(name: &str) -> Option<(Quantity, u8)> {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.into_iter().find_map(|word| {
        let upper = word.to_ascii_uppercase();
        let quantity = match upper.chars().next()? {
            'U' | 'V' => Quantity::Voltage,
            'I' => Quantity::Current,
            _ => return None,
        };
        let rest = &upper[1..];
        // A feeder's number may follow the letter of the phase.
        let letters = rest.trim_end_matches(|c: char| c.is_ascii_digit());
        let found = numbered(rest).or_else(|| conductor(rest)).or_else(|| conductor(letters));
        Some((quantity, found?))
    })
}

/// Where a channel belongs by its description.
fn place(described: &Described) -> Option<Place> {
    let named = by_name(&described.name);
    let measured = unit(&described.unit).map(|(quantity, _)| quantity);
    // A magnitude or an angle is a result, not a sample.
    let name = described.name.to_ascii_lowercase();
    let is_result = ["mag", "angle", "rms", "freq"].iter().any(|word| name.split_whitespace().any(|w| w == *word));
    if is_result || (measured.is_none() && !described.unit.trim().is_empty()) {
        return None;
    }
    let quantity = measured.or(named.map(|(quantity, _)| quantity))?;
    let named = named.filter(|(q, _)| *q == quantity).map(|(_, conductor)| conductor);
    Some(Place { quantity, conductor: conductor(&described.phase).or(named)? })
}

/// Picks the channels to read: as asked, or the first for each place. Returns places with indices into `all`, voltages
/// before currents; errors and what is left aside go to `findings`.
pub fn pick(all: &[Described], asked: &[(Place, String)], findings: &mut Findings) -> Vec<(Place, usize)> {
    let mut picked = if asked.is_empty() { by_description(all, findings) } else { as_asked(all, asked, findings) };
    picked.sort_unstable();
    picked
}

fn by_description(all: &[Described], findings: &mut Findings) -> Vec<(Place, usize)> {
    let mut picked: Vec<(Place, usize)> = Vec::new();
    let mut aside = Vec::new();
    for (k, described) in all.iter().enumerate() {
        match place(described) {
            Some(place) if picked.iter().all(|(p, _)| *p != place) => picked.push((place, k)),
            _ => aside.push(described.name.as_str()),
        }
    }
    if picked.is_empty() {
        let message = format!(
            "none of the channels is known as a voltage or current: {}",
            listed(all.iter().map(|d| d.name.as_str()))
        );
        let help = "say which is which: --channels u1=NAME,i1=NAME (or u1=#3 for the third)";
        findings.push(Diagnostic::error("E0511", message).help(help));
    } else if !aside.is_empty() {
        let message = format!("{} not read: {}", counted(aside.len()), listed(aside.iter().copied()));
        let taken: Vec<String> = picked.iter().map(|(place, k)| format!("{place}={}", all[*k].name)).collect();
        let help = format!("read: {}; --channels chooses others", listed(taken.iter().map(String::as_str)));
        findings.push(Diagnostic::warning("W0501", message).help(help));
    }
    picked
}

fn as_asked(all: &[Described], asked: &[(Place, String)], findings: &mut Findings) -> Vec<(Place, usize)> {
    let mut picked: Vec<(Place, usize)> = Vec::new();
    for (place, name) in asked {
        if picked.iter().any(|(p, _)| p == place) {
            findings.push(Diagnostic::error("E0510", format!("--channels names {place} twice")));
        }
        match find(all, name) {
            Ok(k) if picked.iter().any(|(_, other)| *other == k) => {
                findings.push(Diagnostic::error("E0510", format!("--channels names \"{}\" twice", all[k].name.trim())));
            }
            Ok(k) => picked.push((*place, k)),
            Err(finding) => findings.push(*finding),
        }
    }
    picked
}

/// The channel of a name, or of a number as in `#3`.
fn find(all: &[Described], name: &str) -> Result<usize, Box<Diagnostic>> {
    let same = |described: &Described| described.name.trim().eq_ignore_ascii_case(name.trim());
    let mut found = all.iter().enumerate().filter(|(_, described)| same(described)).map(|(k, _)| k);
    if let Some(first) = found.next() {
        return match found.next() {
            None => Ok(first),
            Some(second) => Err(Box::new(
                Diagnostic::error("E0510", format!("two channels are called \"{}\"", name.trim())).help(format!(
                    "choose by number: #{} or #{}",
                    first + 1,
                    second + 1
                )),
            )),
        };
    }
    if let Some(number) = name.trim().strip_prefix('#').and_then(|n| n.parse::<usize>().ok()) {
        if (1..=all.len()).contains(&number) {
            return Ok(number - 1);
        }
        let message = format!("there is no channel #{number}: the recording has {}", all.len());
        return Err(Box::new(Diagnostic::error("E0510", message)));
    }
    let finding = Diagnostic::error("E0510", format!("the recording has no channel \"{}\"", name.trim()));
    let near = nearest(name, all.iter().map(|d| d.name.trim()));
    Err(Box::new(match near {
        Some(near) => finding.help(format!("did you mean \"{near}\"?")),
        None => finding.help(format!("it has {}", listed(all.iter().map(|d| d.name.as_str())))),
    }))
}

fn counted(n: usize) -> String {
    if n == 1 { "1 channel is".to_owned() } else { format!("{n} channels are") }
}

/// Names, of many only the first.
pub fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 8;
    let names: Vec<&str> = names.collect();
    let shown: Vec<String> = names.iter().take(MOST).map(|name| name.trim().chars().take(40).collect()).collect();
    let more = names.len().saturating_sub(MOST);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(name: &str, phase: &str, unit: &str) -> Described {
        Described { name: name.into(), phase: phase.into(), unit: unit.into() }
    }

    #[test]
    fn places_are_told_by_phase_unit_and_name() {
        let known = [
            ("F5-VA", "A", "V", "u1"),
            ("HV IS", "", "A", "i2"),
            ("UA", "", "V", "u1"),
            ("Ib2", "", "A", "i2"),
            ("U32", "1", "V", "u2"),
            ("Vo", "6", "V", ""),
            ("bay 7", "2", "V", ""),
            ("I3", "7", "A", "i3"),
            ("UL3", "", "kV", "u3"),
            ("I L2", "L2", "A", "i2"),
            ("current", "c", "mA", "i3"),
            ("u4", "", "", "u4"),
            ("SRC 1  Vag Mag", "_", "kV", ""),
            ("IDL1", "", "none", ""),
            ("Ua", "a", "A", "i1"),
            ("Vbc", "", "V", "u2"),
            ("", "", "", ""),
            ("ü", "ä", "µ", ""),
        ];
        for (name, phase, unit, expected) in known {
            let found = place(&described(name, phase, unit)).map(|p| p.to_string()).unwrap_or_default();
            assert_eq!(found, expected, "{name:?} {phase:?} {unit:?}");
        }
    }

    #[test]
    fn units_have_their_factors() {
        assert_eq!(unit(" kV "), Some((Quantity::Voltage, 1e3)));
        assert_eq!(unit("mA"), Some((Quantity::Current, 1e-3)));
        for text in ["", "deg", "Hz", "°", "VA", "kW", "none"] {
            assert_eq!(unit(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_asked_for_is_found_by_name_or_number() {
        let all = [described("Left", "", ""), described("right", "", ""), described("right", "", "")];
        let ask = |texts: &[(&str, &str)]| {
            let asked: Vec<(Place, String)> =
                texts.iter().map(|(p, n)| (p.parse().unwrap(), (*n).to_owned())).collect();
            let mut findings = Findings::default();
            let picked = pick(&all, &asked, &mut findings);
            let said: Vec<String> = findings.diagnostics.iter().map(|d| d.message.clone()).collect();
            (picked.iter().map(|(p, k)| format!("{p}={k}")).collect::<Vec<_>>().join(","), said.join("; "))
        };
        assert_eq!(ask(&[("i1", "#2"), ("u1", "LEFT")]), ("u1=0,i1=1".into(), String::new()));
        assert_eq!(ask(&[("u1", "right")]).1, "two channels are called \"right\"");
        assert_eq!(ask(&[("u1", "#9")]).1, "there is no channel #9: the recording has 3");
        assert_eq!(ask(&[("u1", "lift")]).1, "the recording has no channel \"lift\"");
        assert_eq!(ask(&[("u1", "#1"), ("u1", "#2")]).1, "--channels names u1 twice");
        assert!("u5".parse::<Place>().is_err() && "x1".parse::<Place>().is_err());
    }
}
