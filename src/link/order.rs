//! What a controller in the bench does at a time: lines as in `2s: p_w 5000` or `8s: release`.

use super::description::Description;

/// Longest time of a script in s.
const LONGEST_S: f64 = 1e9;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    /// A set-point, by its place in the description, is set to a value in its unit.
    Set(usize, f64),
    /// The device is given back.
    Release,
}

impl Order {
    /// Reads a line: the time in s, and what; `None` where it is none for this device.
    pub fn line(line: &str, description: &Description) -> Option<(f64, Self)> {
        let (when, what) = line.split_once(':')?;
        let at_s: f64 = when.trim().strip_suffix('s')?.trim().parse().ok()?;
        if !(0.0..=LONGEST_S).contains(&at_s) {
            return None;
        }
        if what.trim() == "release" {
            return Some((at_s, Self::Release));
        }
        let (name, value) = what.trim().split_once(' ')?;
        let value = value.trim().parse().ok().filter(|value: &f64| value.is_finite())?;
        Some((at_s, Self::Set(description.set_point(name)?, value)))
    }
}
