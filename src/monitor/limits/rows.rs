//! What each profile judges: rows of quantity, statistics and limits.

use super::tables::{self, ByOrder};
use super::{LimitError, LimitSettings, Profile};

/// What is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What {
    /// THD of voltage subgroups, orders 2 to 50, percent.
    VoltageThd,
    /// The same to order 40.
    VoltageThd40,
    /// Voltage subgroups in percent of the fundamental.
    VoltageOrders,
    /// Distance of the voltage from the declared one, percent of it.
    VoltageDeviation(f64),
    /// Negative over positive sequence of the voltage, percent.
    Unbalance,
    /// Distance of the frequency from the nominal one, percent of it.
    FrequencyDeviation,
    /// Long-term flicker.
    Plt,
    /// Current subgroups in percent of a current in A.
    CurrentOrders(f64),
    /// Current subgroups in A.
    CurrentAmperes,
    /// Root of the sum of squares of current subgroups, orders 2 to the second, in percent of the first in A.
    CurrentDistortion(f64, usize),
    /// The same over orders 14 to 40, squares times their order.
    WeightedDistortion(f64),
    /// All current that is not the fundamental, percent of a current in A.
    RatedDistortion(f64),
}

/// Limit of one number, or by order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Limit {
    One(f64),
    ByOrder(Box<ByOrder>),
}

impl Limit {
    pub(super) fn of(&self, order: usize) -> f64 {
        match self {
            Self::One(limit) => *limit,
            Self::ByOrder(limits) => limits.get(order).copied().unwrap_or(f64::NAN),
        }
    }
}

/// Over which values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Statistic {
    /// A percentile of a day's values of 15 windows.
    DayOfShort(f64),
    /// A percentile of a week's 10-minute values.
    WeekOfTen(f64),
    /// A percentile of a week's two-hour values (flicker).
    WeekOfTwoHours(f64),
    /// A percentile of a year's 10-second values (frequency).
    YearOfTenSeconds(f64),
    /// The largest of the values of 15 windows.
    LargestShort,
    /// Root mean square over the whole time.
    Mean,
}

impl Statistic {
    /// Values in its period: how many a percentile makes room for.
    pub(super) const fn capacity(self) -> u32 {
        match self {
            Self::DayOfShort(_) => 28_800,
            Self::WeekOfTen(_) => 1008,
            Self::WeekOfTwoHours(_) => 84,
            Self::YearOfTenSeconds(_) => 3_155_760,
            Self::LargestShort | Self::Mean => 1,
        }
    }

    /// Its period in s; infinite where it has none.
    pub(super) const fn period_s(self) -> f64 {
        match self {
            Self::DayOfShort(_) => 86_400.0,
            Self::WeekOfTen(_) | Self::WeekOfTwoHours(_) => 604_800.0,
            Self::YearOfTenSeconds(_) => 31_557_600.0,
            Self::LargestShort | Self::Mean => f64::INFINITY,
        }
    }

    pub(super) const fn percent(self) -> f64 {
        match self {
            Self::DayOfShort(p) | Self::WeekOfTen(p) | Self::WeekOfTwoHours(p) | Self::YearOfTenSeconds(p) => p,
            Self::LargestShort | Self::Mean => 50.0,
        }
    }

    /// What its values are over.
    pub(super) const fn values(self) -> &'static str {
        match self {
            Self::DayOfShort(_) | Self::LargestShort | Self::Mean => "3 s",
            Self::WeekOfTen(_) => "10 min",
            Self::WeekOfTwoHours(_) => "2 h",
            Self::YearOfTenSeconds(_) => "10 s",
        }
    }
}

/// One row: a quantity, how it is summed up, and by how much the table's limit is multiplied.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) what: What,
    pub(super) statistic: Statistic,
    pub(super) limit: Limit,
    pub(super) factor: f64,
    pub(super) source: &'static str,
    /// Whether it stands for its quantity where the recording is shorter than a day.
    pub(super) leading: bool,
}

/// Marks of sources.
const QUOTED: &str = "[S]";
const RECALLED: &str = "[R]";
const PERCENTILES: &str = "limit [S], percentile [S], multiplier [R]";

/// A quantity with its unit and limit, to be judged by several statistics.
struct Judged {
    name: &'static str,
    unit: &'static str,
    what: What,
    limit: Limit,
}

impl Judged {
    fn by(self, statistics: &[(Statistic, f64)], source: &'static str) -> impl Iterator<Item = Row> {
        let rows = statistics.iter().enumerate().map(|(k, (statistic, factor))| Row {
            name: self.name,
            unit: self.unit,
            what: self.what,
            statistic: *statistic,
            limit: self.limit.clone(),
            factor: *factor,
            source,
            leading: k == 0,
        });
        rows.collect::<Vec<_>>().into_iter()
    }
}

const fn judged(name: &'static str, unit: &'static str, what: What, limit: Limit) -> Judged {
    Judged { name, unit, what, limit }
}

fn by_order(limits: ByOrder) -> Limit {
    Limit::ByOrder(Box::new(limits))
}

/// The rows of a profile.
pub(super) fn rows(settings: &LimitSettings) -> Result<Vec<Row>, LimitError> {
    match settings.profile {
        Profile::Ieee519 => ieee519(settings),
        Profile::Ieee1547 => ieee1547(settings),
        Profile::En50160 => Ok(en50160(settings)),
        Profile::Iec61000_3_2 => Ok(iec61000_3_2()),
        Profile::Iec61000_3_12 => iec61000_3_12(settings),
        Profile::Seed => {
            let thd = judged("seed voltage THD", "%", What::VoltageThd, Limit::One(super::SEED_THD_PERCENT));
            Ok(thd.by(&[(Statistic::LargestShort, 1.0)], "the monitoring manual's < 5.0 %").collect())
        }
    }
}

fn ieee519(settings: &LimitSettings) -> Result<Vec<Row>, LimitError> {
    let (individual, thd) = tables::ieee519_voltage(settings.line_to_line_v);
    let mut each = [individual; crate::monitor::MOST_ORDER + 1];
    each[..2].fill(f64::NAN);
    let voltage = [(Statistic::DayOfShort(99.0), 1.5), (Statistic::WeekOfTen(95.0), 1.0)];
    let thd = judged("IEEE 519 voltage THD", "%", What::VoltageThd, Limit::One(thd));
    let orders = judged("IEEE 519 voltage harmonics", "%", What::VoltageOrders, by_order(each));
    let rows = thd.by(&voltage, PERCENTILES).chain(orders.by(&voltage, PERCENTILES));
    let missing = |name| Err(LimitError::Missing { profile: "IEEE 519 current", name });
    let (ratio, il_a) = match (settings.isc_over_il, settings.il_a) {
        (None, None) => return Ok(rows.collect()),
        (Some(ratio), Some(il_a)) => (ratio, il_a),
        (None, Some(_)) => return missing("short-circuit ratio Isc/IL"),
        (Some(_), None) => return missing("demand current IL"),
    };
    if settings.line_to_line_v > 69e3 {
        return Err(LimitError::CurrentClass(settings.line_to_line_v));
    }
    let (each, tdd) = tables::ieee519_current(ratio, settings.edition);
    let current =
        [(Statistic::DayOfShort(99.0), 2.0), (Statistic::WeekOfTen(99.0), 1.5), (Statistic::WeekOfTen(95.0), 1.0)];
    let tdd = judged("IEEE 519 TDD", "%", What::CurrentDistortion(il_a, 50), Limit::One(tdd));
    let orders = judged("IEEE 519 current harmonics", "%", What::CurrentOrders(il_a), by_order(each));
    Ok(rows.chain(tdd.by(&current, PERCENTILES)).chain(orders.by(&current, PERCENTILES)).collect())
}

fn ieee1547(settings: &LimitSettings) -> Result<Vec<Row>, LimitError> {
    let rated_a = settings.rated_a.ok_or(LimitError::Missing { profile: "IEEE 1547", name: "rated current" })?;
    let (each, trd) = tables::ieee1547();
    let largest = [(Statistic::LargestShort, 1.0)];
    let trd = judged("IEEE 1547 TRD", "%", What::RatedDistortion(rated_a), Limit::One(trd));
    let orders = judged("IEEE 1547 current harmonics", "%", What::CurrentOrders(rated_a), by_order(each));
    Ok(trd.by(&largest, QUOTED).chain(orders.by(&largest, QUOTED)).collect())
}

fn en50160(settings: &LimitSettings) -> Vec<Row> {
    let week = [(Statistic::WeekOfTen(95.0), 1.0)];
    let one = |name, unit, what, limit| judged(name, unit, what, Limit::One(limit));
    let orders = judged("EN 50160 voltage harmonics", "%", What::VoltageOrders, by_order(tables::en50160()));
    let year = [(Statistic::YearOfTenSeconds(99.5), 1.0)];
    let two_hours = [(Statistic::WeekOfTwoHours(95.0), 1.0)];
    let mut rows: Vec<Row> =
        one("EN 50160 voltage THD", "%", What::VoltageThd40, super::EN50160_THD_PERCENT).by(&week, QUOTED).collect();
    rows.extend(orders.by(&week, QUOTED));
    rows.extend(one("EN 50160 unbalance u2", "%", What::Unbalance, 2.0).by(&week, QUOTED));
    rows.extend(one("EN 50160 Plt", "", What::Plt, 1.0).by(&two_hours, QUOTED));
    let frequency = one("EN 50160 frequency deviation", "%", What::FrequencyDeviation, 1.0);
    rows.extend(frequency.by(&year, RECALLED));
    if let Some(declared_v) = settings.declared_v {
        let deviation = one("EN 50160 voltage deviation", "%", What::VoltageDeviation(declared_v), 10.0);
        rows.extend(deviation.by(&week, RECALLED));
    }
    rows
}

/// Equipment: the mean over the time keeps the limit, and no value is above 1.5 times it.
const EQUIPMENT: [(Statistic, f64); 2] = [(Statistic::Mean, 1.0), (Statistic::LargestShort, 1.5)];

fn iec61000_3_2() -> Vec<Row> {
    let limits = by_order(tables::iec61000_3_2());
    judged("IEC 61000-3-2 class A", "A", What::CurrentAmperes, limits).by(&EQUIPMENT, QUOTED).collect()
}

fn iec61000_3_12(settings: &LimitSettings) -> Result<Vec<Row>, LimitError> {
    let missing = |name| LimitError::Missing { profile: "IEC 61000-3-12", name };
    let reference_a = settings.rated_a.ok_or(missing("reference current"))?;
    let rsce = settings.isc_over_il.ok_or(missing("short-circuit ratio Rsce"))?;
    let (each, thc, pwhc) = tables::iec61000_3_12(rsce, settings.balanced)?;
    let orders = judged("IEC 61000-3-12 harmonics", "%", What::CurrentOrders(reference_a), by_order(each));
    let thc = judged("IEC 61000-3-12 THC", "%", What::CurrentDistortion(reference_a, 40), Limit::One(thc));
    let pwhc = judged("IEC 61000-3-12 PWHC", "%", What::WeightedDistortion(reference_a), Limit::One(pwhc));
    let rows = orders.by(&EQUIPMENT, RECALLED).chain(thc.by(&EQUIPMENT, RECALLED));
    Ok(rows.chain(pwhc.by(&EQUIPMENT, RECALLED)).collect())
}
