//! Emission by a measured table: harmonic currents in percent of the fundamental, by order and by level of current.
//!
//! Between two levels harmonic currents go in a straight line *in amperes* (as complex numbers), below the lowest they stay
//! what they are there, and above the highest they grow with the current. That is the law which measured chargers follow,
//! distortion current THC = a + b·I₁ with a small b: percentages grow as 1/I₁. Below [`OFF_PU`] of the rated current the
//! converter is taken to stop switching, and its emission goes to 0 with the current.
//! Limits: orders are whole; what a table was measured with (the voltage's own distortion among it) stays in it.

use crate::quantity::{Complex, complex, phasor};

/// Part of the rated current below which emission fades.
pub const OFF_PU: f64 = 0.02;
/// Highest order that a table may have.
pub const MOST_ORDER: u32 = 200;

/// What the angles of a table stand against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reference {
    /// Order times the angle of the phase's voltage. Turning the fundamental current by 180°, from charging to discharging,
    /// leaves the harmonics as they are: the same source.
    #[default]
    Voltage,
    /// Order times the angle of the phase's current into the network, as for a load with a spectrum in OpenDSS.
    Current,
}

/// One harmonic of a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Order, 2 or more.
    pub order: u32,
    /// Size in percent of the fundamental.
    pub percent: f64,
    /// Angle in degrees of the current *into the network* against the reference; `None` where it was not measured: each unit
    /// then has an own, random one.
    pub angle_deg: Option<f64>,
}

/// What was measured at one current.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Fundamental current per rated current.
    pub current_pu: f64,
    /// Harmonics, each order once.
    pub lines: Vec<Line>,
}

/// A measured emission.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    levels: Vec<Level>,
    reference: Reference,
}

/// Why levels are no table.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum TableError {
    /// There are none.
    #[error("a table has one level or more")]
    Empty,
    /// Levels do not increase, or are not positive.
    #[error("levels of current are positive and increase: {after} comes after {before}")]
    NotIncreasing {
        /// Level before, 0 before the first.
        before: f64,
        /// The level itself.
        after: f64,
    },
    /// An order is out of range.
    #[error("order {0} is not from 2 to {MOST_ORDER}")]
    Order(u32),
    /// An order comes twice in a level.
    #[error("order {0} comes twice in a level")]
    Twice(u32),
    /// A percentage or an angle is no number, or a percentage is negative.
    #[error("order {order} has {percent} percent")]
    Size {
        /// The order.
        order: u32,
        /// Its percentage.
        percent: f64,
    },
}

impl Table {
    /// The table of some levels.
    ///
    /// # Errors
    /// When there is no level, levels do not increase, an order is out of range or comes twice, or a number is none.
    pub fn new(levels: Vec<Level>, reference: Reference) -> Result<Self, TableError> {
        if levels.is_empty() {
            return Err(TableError::Empty);
        }
        let mut before = 0.0;
        for level in &levels {
            let after = level.current_pu;
            if !(after > before && after.is_finite()) {
                return Err(TableError::NotIncreasing { before, after });
            }
            before = after;
            level.check()?;
        }
        Ok(Self { levels, reference })
    }

    /// A table of levels that are known to be sound.
    pub(super) const fn of_sound(levels: Vec<Level>, reference: Reference) -> Self {
        Self { levels, reference }
    }

    /// A table with the distortion current a + b·I₁, both per rated current: `shape` has sizes relative to each other.
    ///
    /// # Errors
    /// As [`Table::new`], for the levels that come out.
    pub fn by_law(a_pu: f64, b: f64, shape: &[Line], reference: Reference) -> Result<Self, TableError> {
        let whole = shape.iter().map(|line| line.percent * line.percent).sum::<f64>().sqrt();
        let at = |current_pu: f64| {
            let percent = 100.0 * (a_pu / current_pu + b);
            let lines = shape.iter().map(|line| Line { percent: line.percent / whole * percent, ..*line }).collect();
            Level { current_pu, lines }
        };
        Self::new(vec![at(OFF_PU), at(1.0)], reference)
    }

    /// The levels, from the lowest current on.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// What the angles stand against.
    pub const fn reference(&self) -> Reference {
        self.reference
    }

    /// Whether an order is in any level.
    pub fn has(&self, order: u32) -> bool {
        self.levels.iter().any(|level| level.line(order).is_some())
    }

    /// The table at some orders.
    pub fn bind(&self, orders: &[u32]) -> Bound {
        let size = |level: &Level, order: u32| {
            let line = level.line(order);
            line.map_or(complex(0.0, 0.0), |l| phasor(0.01 * level.current_pu * l.percent, l.angle_deg.unwrap_or(0.0)))
        };
        let row = |level: &Level| orders.iter().map(|order| size(level, *order)).collect::<Vec<_>>();
        let unknown = |order: &u32| self.levels.iter().filter_map(|l| l.line(*order)).any(|l| l.angle_deg.is_none());
        Bound {
            at_pu: self.levels.iter().map(|level| level.current_pu).collect(),
            free: orders.iter().map(unknown).collect(),
            current_pu: self.levels.iter().flat_map(row).collect(),
            reference: self.reference,
        }
    }
}

impl Level {
    fn line(&self, order: u32) -> Option<&Line> {
        self.lines.iter().find(|line| line.order == order)
    }

    fn check(&self) -> Result<(), TableError> {
        for (k, &Line { order, percent, angle_deg }) in self.lines.iter().enumerate() {
            if !(2..=MOST_ORDER).contains(&order) {
                return Err(TableError::Order(order));
            }
            if self.lines.iter().take(k).any(|other| other.order == order) {
                return Err(TableError::Twice(order));
            }
            if !(percent.is_finite() && percent >= 0.0 && angle_deg.is_none_or(f64::is_finite)) {
                return Err(TableError::Size { order, percent });
            }
        }
        Ok(())
    }
}

/// A table at some orders, per rated current.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    at_pu: Vec<f64>,
    /// Currents per rated current: level after level, within it by order.
    current_pu: Vec<Complex>,
    free: Vec<bool>,
    reference: Reference,
}

impl Bound {
    /// What the angles stand against.
    pub const fn reference(&self) -> Reference {
        self.reference
    }

    /// Whether an order's angle was not measured, by its place.
    pub fn is_free(&self, place: usize) -> bool {
        self.free.get(place).copied().unwrap_or_default()
    }

    /// Harmonic currents per rated current at a fundamental per rated current, by order, for a reference at 0°.
    pub fn at(&self, current_pu: f64, into: &mut [Complex]) {
        let after = self.at_pu.partition_point(|own| *own <= current_pu);
        let level = |k: usize| (k < self.at_pu.len()).then(|| (self.at_pu[k], self.row(k)));
        match (after.checked_sub(1).and_then(level), level(after)) {
            (Some((low, below)), Some((high, above))) => {
                let t = (current_pu - low) / (high - low);
                into.iter_mut().zip(below).zip(above).for_each(|((y, a), b)| *y = a + (b - a) * t);
            }
            (None, Some((_, above))) => scaled(above, (current_pu / OFF_PU).clamp(0.0, 1.0), into),
            (Some((high, below)), None) => scaled(below, current_pu / high, into),
            (None, None) => into.fill(complex(0.0, 0.0)),
        }
    }

    fn row(&self, level: usize) -> &[Complex] {
        let width = self.free.len();
        self.current_pu.get(level * width..(level + 1) * width).unwrap_or_default()
    }
}

fn scaled(row: &[Complex], by: f64, into: &mut [Complex]) {
    into.iter_mut().zip(row).for_each(|(y, x)| *y = x * by);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(order: u32, percent: f64, angle_deg: f64) -> Line {
        Line { order, percent, angle_deg: Some(angle_deg) }
    }

    fn two_levels() -> Table {
        let low = Level { current_pu: 0.2, lines: vec![line(5, 10.0, 0.0)] };
        let high = Level { current_pu: 1.0, lines: vec![line(5, 3.0, 0.0), line(7, 1.0, 90.0)] };
        Table::new(vec![low, high], Reference::Voltage).unwrap()
    }

    #[test]
    fn amperes_go_straight_between_levels() {
        let bound = two_levels().bind(&[5, 6, 7]);
        let at = |pu: f64| {
            let mut into = [complex(9.0, 9.0); 3];
            bound.at(pu, &mut into);
            into
        };
        // Order 5: 0.02 per unit at 0.2 and 0.03 at 1.0; half-way 0.025.
        for (pu, i5, i7) in
            [(0.2, 0.02, 0.0), (0.6, 0.025, 0.005), (1.0, 0.03, 0.01), (1.1, 0.033, 0.011), (0.1, 0.02, 0.0)]
        {
            let found = at(pu);
            assert!(
                (found[0] - complex(i5, 0.0)).norm() < 1e-15 && (found[2] - complex(0.0, i7)).norm() < 1e-15,
                "{pu}"
            );
            assert_eq!(found[1], complex(0.0, 0.0));
        }
        assert!((at(0.01)[0].re - 0.01).abs() < 1e-15, "half of the current below which it is off");
        assert_eq!(at(0.0)[0].norm(), 0.0);
    }

    #[test]
    fn the_law_is_a_straight_line_of_distortion_current() {
        let shape = [line(3, 4.0, 10.0), line(5, 3.0, -20.0)];
        let bound = Table::by_law(0.015, 0.01, &shape, Reference::Voltage).unwrap().bind(&[3, 5]);
        for pu in [0.05, 0.3, 1.0] {
            let mut into = [complex(0.0, 0.0); 2];
            bound.at(pu, &mut into);
            let thc = into.iter().map(Complex::norm_sqr).sum::<f64>().sqrt();
            assert!((thc - (0.015 + 0.01 * pu)).abs() < 1e-12, "{pu}: {thc}");
        }
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let level = |current_pu: f64, lines: Vec<Line>| Level { current_pu, lines };
        let error = |levels: Vec<Level>| Table::new(levels, Reference::Voltage).err();
        assert_eq!(error(vec![]), Some(TableError::Empty));
        assert!(matches!(error(vec![level(0.0, vec![])]), Some(TableError::NotIncreasing { .. })));
        let twice = vec![level(0.5, vec![]), level(0.5, vec![])];
        assert!(matches!(error(twice), Some(TableError::NotIncreasing { .. })));
        assert!(matches!(error(vec![level(f64::NAN, vec![])]), Some(TableError::NotIncreasing { .. })));
        assert_eq!(error(vec![level(1.0, vec![line(1, 100.0, 0.0)])]), Some(TableError::Order(1)));
        assert_eq!(error(vec![level(1.0, vec![line(5, 1.0, 0.0), line(5, 1.0, 0.0)])]), Some(TableError::Twice(5)));
        assert!(matches!(error(vec![level(1.0, vec![line(5, -1.0, 0.0)])]), Some(TableError::Size { .. })));
        assert!(matches!(error(vec![level(1.0, vec![line(5, 1.0, f64::NAN)])]), Some(TableError::Size { .. })));
    }
}
