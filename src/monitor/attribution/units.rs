//! Which unit is noisy: robust comparison with the fleet, and with the unit's own limit.

use crate::quantity::{Complex, complex};
use crate::signal::UnitVerdict;

/// Score from which a unit stands out.
pub const OUTLIER: f64 = 5.0;
/// Makes the median absolute deviation of a normal distribution its standard deviation.
const NORMAL: f64 = 1.4826;

/// Limit of a harmonic current in percent of the rated current: IEEE 1547-2018 tables 26 and 27, as quoted by others (the
/// standard's text was not at hand).
pub fn limit_percent(order: u8) -> f64 {
    match order {
        2 => 1.0,
        4 => 2.0,
        6 => 3.0,
        0..=10 => 4.0,
        11..=16 => 2.0,
        17..=22 => 1.5,
        23..=34 => 0.6,
        _ => 0.3,
    }
}

/// Median; 0 of nothing. Sorts the list.
pub fn median(list: &mut [f64]) -> f64 {
    list.sort_unstable_by(f64::total_cmp);
    match (list.len(), list.get(list.len() / 2)) {
        (n, Some(upper)) if n % 2 == 0 => 0.5 * (upper + list[n / 2 - 1]),
        (_, Some(middle)) => *middle,
        _ => 0.0,
    }
}

/// Centre and spread of a fleet at one order. The spread is at least 1 % of the centre: of a fleet whose units are equal
/// to the last digit none stands out by rounding.
pub fn spread(values: &[f64], room: &mut [f64]) -> (f64, f64) {
    let room = &mut room[..values.len()];
    room.copy_from_slice(values);
    let centre = median(room);
    room.iter_mut().zip(values).for_each(|(r, x)| *r = (x - centre).abs());
    (centre, (NORMAL * median(room)).max(0.01 * centre.abs()))
}

/// The noisiest unit that stands out: the largest share of its limit.
pub fn noisiest(units: &[UnitVerdict]) -> Option<usize> {
    let noisy = units.iter().enumerate().filter(|(_, unit)| unit.noisy);
    noisy.max_by(|a, b| a.1.of_limit.total_cmp(&b.1.of_limit)).map(|(k, _)| k)
}

/// Currents of units that have no meter of their own: each is silent for a while in turn, and the fleet's current is less
/// by what it was.
#[derive(Clone, Debug)]
pub struct Silence {
    cells: usize,
    /// The fleet's current while none is silent, by cell.
    level: Vec<Option<Complex>>,
    /// Mean of what was missing, and in how many windows, by unit and cell.
    missing: Vec<(Complex, u32)>,
    /// The unit that was silent in the window before.
    before: Option<usize>,
}

/// Windows that a unit's mean remembers.
const SILENT_MEMORY: u32 = 60;

impl Silence {
    /// For so many units and cells.
    pub fn new(units: usize, cells: usize) -> Self {
        Self { cells, level: vec![None; cells], missing: vec![(complex(0.0, 0.0), 0); units * cells], before: None }
    }

    /// Takes in the fleet's current of a window, cell by cell. The window in which a silence begins is half a one.
    pub fn step(&mut self, cell: usize, j: Complex, silent: Option<usize>) {
        let whole = self.before == silent;
        if let Some(level) = self.level.get_mut(cell) {
            match (silent, *level) {
                (None, Some(old)) if whole => *level = Some(old + (j - old) / 15.0),
                (None, None) => *level = Some(j),
                (Some(unit), Some(level)) if whole => {
                    if let Some((mean, count)) = self.missing.get_mut(unit * self.cells + cell) {
                        *count = (*count + 1).min(SILENT_MEMORY);
                        *mean += (level - j - *mean) / f64::from(*count);
                    }
                }
                _ => {}
            }
        }
        if cell + 1 == self.cells {
            self.before = silent;
        }
    }

    /// A unit's current; `None` before it was silent for a second.
    pub fn current(&self, unit: usize, cell: usize) -> Option<Complex> {
        self.missing.get(unit * self.cells + cell).filter(|(_, count)| *count >= 5).map(|(mean, _)| *mean)
    }
}
