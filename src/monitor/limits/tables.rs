//! Limits as data, by order (index 0 to 50; NaN: no limit). Sources: (S) quoted by a source named in
//! `docs/models/monitor.md`, (R) recalled; no standard's text was seen.

use super::{Edition, LimitError};
use crate::monitor::MOST_ORDER;

/// Limits by order; NaN where there is none.
pub type ByOrder = [f64; MOST_ORDER + 1];

const NONE: ByOrder = [f64::NAN; MOST_ORDER + 1];

/// Limits from (order, limit) pairs.
fn listed(pairs: &[(usize, f64)]) -> ByOrder {
    let mut limits = NONE;
    for (order, limit) in pairs {
        if let Some(room) = limits.get_mut(*order) {
            *room = *limit;
        }
    }
    limits
}

/// Limits of orders 2 to 50 from a function of the order.
fn computed(limit: impl Fn(usize) -> f64) -> ByOrder {
    let mut limits = NONE;
    limits.iter_mut().enumerate().skip(2).for_each(|(order, room)| *room = limit(order));
    limits
}

/// Orders of a spectrum that are above their limits.
pub fn violations<'a>(spectrum: &'a [f64], limits: &'a ByOrder) -> impl Iterator<Item = usize> + 'a {
    let pairs = spectrum.iter().zip(limits).enumerate();
    pairs.filter(|(_, (value, limit))| value > limit).map(|(order, _)| order)
}

/// IEEE 519-2022 table 1 (S): individual harmonics and THD in percent of the fundamental voltage, by the voltage between
/// lines at the point of common coupling.
pub fn ieee519_voltage(line_to_line_v: f64) -> (f64, f64) {
    match line_to_line_v {
        v if v <= 1e3 => (5.0, 8.0),
        v if v <= 69e3 => (3.0, 5.0),
        v if v <= 161e3 => (1.5, 2.5),
        _ => (1.0, 1.5),
    }
}

/// Rows of IEEE 519-2022 table 2 (S), 120 V to 69 kV: Isc/IL below which it applies, percent of IL for orders 2-10, 11-16,
/// 17-22, 23-34 and 35-50, TDD.
const IEEE519_CURRENT: [(f64, [f64; 5], f64); 5] = [
    (20.0, [4.0, 2.0, 1.5, 0.6, 0.3], 5.0),
    (50.0, [7.0, 3.5, 2.5, 1.0, 0.5], 8.0),
    (100.0, [10.0, 4.5, 4.0, 1.5, 0.7], 12.0),
    (1000.0, [12.0, 5.5, 5.0, 2.0, 1.0], 15.0),
    (f64::INFINITY, [15.0, 7.0, 6.0, 2.5, 1.4], 20.0),
];

const fn band(order: usize) -> usize {
    match order {
        ..11 => 0,
        11..17 => 1,
        17..23 => 2,
        23..35 => 3,
        _ => 4,
    }
}

/// IEEE 519 table 2 (S): percent of IL by order, and TDD, for a short-circuit ratio r; a row applies to lower ≤ r < upper.
/// Even orders: 2022, half of the row up to 6 and all of it above; 2014, a quarter.
pub fn ieee519_current(isc_over_il: f64, edition: Edition) -> (ByOrder, f64) {
    let row = IEEE519_CURRENT.iter().find(|(below, ..)| isc_over_il < *below);
    let (_, bands, tdd) = row.unwrap_or(&IEEE519_CURRENT[4]);
    let share = |order: usize| match edition {
        _ if order % 2 == 1 => 1.0,
        Edition::Y2014 => 0.25,
        Edition::Y2022 if order <= 6 => 0.5,
        Edition::Y2022 => 1.0,
    };
    (computed(|order| bands[band(order)] * share(order)), *tdd)
}

/// IEEE 1547-2018 tables 26 and 27 (S): percent of the rated current for orders below 50, and TRD.
pub fn ieee1547() -> (ByOrder, f64) {
    let odd = [4.0, 2.0, 1.5, 0.6, 0.3];
    let mut limits = computed(|order| match order {
        2 => 1.0,
        4 => 2.0,
        6 => 3.0,
        _ => odd[band(order)],
    });
    limits[MOST_ORDER] = f64::NAN;
    (limits, 5.0)
}

/// EN 50160, low voltage (S): percent of the fundamental voltage.
pub fn en50160() -> ByOrder {
    let odd = [(3, 5.0), (5, 6.0), (7, 5.0), (9, 1.5), (11, 3.5), (13, 3.0), (15, 0.5), (17, 2.0), (19, 1.5)];
    let rest = [(21, 0.5), (23, 1.5), (25, 1.5), (2, 2.0), (4, 1.0)];
    let even = (6..=24).step_by(2).map(|order| (order, 0.5));
    let all: Vec<(usize, f64)> = odd.into_iter().chain(rest).chain(even).collect();
    listed(&all)
}

/// IEC 61000-3-2 class A (S), in A: equipment up to 16 A per phase, orders up to 40.
pub fn iec61000_3_2() -> ByOrder {
    let first = [(2, 1.08), (3, 2.30), (4, 0.43), (5, 1.14), (6, 0.30), (7, 0.77), (9, 0.40), (11, 0.33), (13, 0.21)];
    let mut limits = listed(&first);
    (15..=39).step_by(2).for_each(|order| limits[order] = 0.15 * 15.0 / order as f64);
    (8..=40).step_by(2).for_each(|order| limits[order] = 0.23 * 8.0 / order as f64);
    limits
}

/// A row of IEC 61000-3-12: the least short-circuit ratio, odd orders, THC and PWHC, percent of the reference current.
type Row312 = (f64, [f64; 6], f64, f64);

/// IEC 61000-3-12 table 2 (R): other than balanced three-phase equipment; orders 3, 5, 7, 9, 11, 13.
const OTHER: [Row312; 5] = [
    (33.0, [21.6, 10.7, 7.2, 3.8, 3.1, 2.0], 23.0, 23.0),
    (66.0, [24.0, 13.0, 8.0, 5.0, 4.0, 3.0], 26.0, 26.0),
    (120.0, [27.0, 15.0, 10.0, 6.0, 5.0, 4.0], 30.0, 30.0),
    (250.0, [35.0, 20.0, 13.0, 9.0, 8.0, 6.0], 40.0, 40.0),
    (350.0, [41.0, 24.0, 15.0, 12.0, 10.0, 8.0], 47.0, 47.0),
];

/// IEC 61000-3-12 table 3 (R): balanced three-phase equipment; orders 5, 7, 11, 13 (3 and 9 have no limit).
const BALANCED: [Row312; 5] = [
    (33.0, [f64::NAN, 10.7, 7.2, f64::NAN, 3.1, 2.0], 13.0, 22.0),
    (66.0, [f64::NAN, 14.0, 9.0, f64::NAN, 5.0, 3.0], 16.0, 25.0),
    (120.0, [f64::NAN, 19.0, 12.0, f64::NAN, 7.0, 4.0], 22.0, 28.0),
    (250.0, [f64::NAN, 31.0, 20.0, f64::NAN, 12.0, 7.0], 37.0, 38.0),
    (350.0, [f64::NAN, 40.0, 25.0, f64::NAN, 15.0, 10.0], 48.0, 46.0),
];

/// IEC 61000-3-12 (R): 16 to 75 A per phase, percent of the reference current by order, THC and PWHC, for a short-circuit
/// ratio of at least 33, straight between rows; even orders up to 12: 16/h.
///
/// # Errors
/// A ratio below 33, at which such equipment is not covered.
pub fn iec61000_3_12(rsce: f64, balanced: bool) -> Result<(ByOrder, f64, f64), LimitError> {
    if rsce.is_nan() || rsce < 33.0 {
        return Err(LimitError::ShortCircuitRatio(rsce));
    }
    let table = if balanced { &BALANCED } else { &OTHER };
    let above = table.iter().position(|(least, ..)| rsce < *least).unwrap_or(table.len());
    let (low, high) = (&table[above - 1], &table[above.min(table.len() - 1)]);
    let part = if high.0 > low.0 { (rsce - low.0) / (high.0 - low.0) } else { 0.0 };
    let between = |a: f64, b: f64| a + part * (b - a);
    let odd: Vec<(usize, f64)> =
        [3, 5, 7, 9, 11, 13].into_iter().zip(low.1.iter().zip(high.1)).map(|(h, (a, b))| (h, between(*a, b))).collect();
    let mut limits = listed(&odd);
    (2..=12).step_by(2).for_each(|order| limits[order] = 16.0 / order as f64);
    Ok((limits, between(low.2, high.2), between(low.3, high.3)))
}
