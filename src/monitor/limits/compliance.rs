//! Statistics of what was measured, row by row, and the verdicts.

use super::rows::{self, Row, Statistic, What};
use super::{LimitError, LimitSettings};
use crate::monitor::aggregate::{Aggregate, ChannelAggregate, Interval, MeanSquare};
use crate::monitor::settings::{ChannelRole, Quantity, Settings};
use crate::monitor::statistics::Percentile;

const DAY_S: f64 = 86_400.0;
/// How much shorter than a day a recording may be and count as one.
const ALMOST: f64 = 0.99;

/// Whether a limit was kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What was judged, over which values, and where.
    pub name: String,
    /// The worst value: that which is the largest share of its limit.
    pub value: f64,
    /// Its limit.
    pub limit: f64,
    /// `%`, `A` or nothing.
    pub unit: &'static str,
    /// Whether no value is above its limit.
    pub passed: bool,
    /// The worst value's channel, in the instrument's order; none of what belongs to several.
    pub channel: Option<usize>,
    /// The worst value's order.
    pub order: Option<usize>,
    /// Every (channel, order) above its limit, of limits by order.
    pub failing: Vec<(usize, usize)>,
    /// How many values of an interval were judged.
    pub values: u64,
    /// Marks of the limit's source: (S) quoted by others, (R) recalled.
    pub source: &'static str,
}

/// Verdicts, and what could not be judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// One for each row that has values.
    pub verdicts: Vec<Verdict>,
    /// Names of rows without values, with why.
    pub unjudged: Vec<String>,
}

impl Judgement {
    /// Whether every verdict passed, and there is one.
    pub fn passed(&self) -> bool {
        !self.verdicts.is_empty() && self.verdicts.iter().all(|verdict| verdict.passed)
    }
}

/// Statistics of one number: of a row in a channel, of one order.
#[derive(Clone, Debug)]
struct Track {
    channel: Option<usize>,
    order: Option<usize>,
    limit: f64,
    percentile: Percentile,
    /// The worst of periods that have ended.
    worst: f64,
    most: f64,
    mean: MeanSquare,
    count: u64,
}

impl Track {
    fn add(&mut self, value: f64) {
        if value.is_finite() {
            self.percentile.add(value);
            self.most = self.most.max(value);
            self.mean.add(value);
            self.count += 1;
        }
    }

    fn end_period(&mut self) {
        self.worst = self.worst.max(self.percentile.value());
        self.percentile.clear();
    }
}

/// A row with its statistics.
#[derive(Clone, Debug)]
struct Judged {
    row: Row,
    tracks: Vec<Track>,
    period: u64,
}

/// Holds aggregates against a profile's limits.
#[derive(Clone, Debug)]
pub struct Compliance {
    settings: LimitSettings,
    nominal_hz: f64,
    roles: Vec<ChannelRole>,
    judged: Vec<Judged>,
    from_s: f64,
    to_s: f64,
}

impl Compliance {
    /// For aggregates of an instrument with these settings.
    ///
    /// # Errors
    /// What is no positive number, what the profile needs and is not given, what is out of its tables.
    pub fn new(instrument: &Settings, settings: LimitSettings) -> Result<Self, LimitError> {
        settings.check()?;
        let roles = instrument.channels.clone();
        let judged = rows::rows(&settings)?.into_iter().map(|row| Judged::new(row, &roles)).collect();
        let (from_s, to_s) = (f64::INFINITY, f64::NEG_INFINITY);
        Ok(Self { settings, nominal_hz: instrument.nominal_hz, roles, judged, from_s, to_s })
    }

    /// Takes an aggregate of any interval.
    pub fn add(&mut self, aggregate: &Aggregate) {
        if aggregate.flagged && !self.settings.with_flagged {
            return;
        }
        if aggregate.interval == Interval::Short {
            self.from_s = self.from_s.min(aggregate.start_s);
            self.to_s = self.to_s.max(aggregate.end_s);
        }
        for judged in self.judged.iter_mut().filter(|judged| judged.takes(aggregate.interval)) {
            judged.add(aggregate);
        }
    }

    /// Takes a long-term flicker severity of a voltage channel, over two hours from `start_s` on.
    pub fn add_plt(&mut self, channel: usize, start_s: f64, plt: f64) {
        for judged in self.judged.iter_mut().filter(|judged| judged.row.what == What::Plt) {
            judged.enter(start_s);
            judged.tracks.iter_mut().filter(|track| track.channel == Some(channel)).for_each(|track| track.add(plt));
        }
    }

    /// Takes a frequency over 10 s from `start_s` on.
    pub fn add_frequency(&mut self, start_s: f64, frequency_hz: f64) {
        let percent = 100.0 * (frequency_hz / self.nominal_hz - 1.0).abs();
        for judged in self.judged.iter_mut().filter(|judged| judged.row.what == What::FrequencyDeviation) {
            judged.enter(start_s);
            judged.tracks.iter_mut().for_each(|track| track.add(percent));
        }
    }

    /// What is to be said now. May be asked at any time.
    pub fn judgement(&mut self) -> Judgement {
        let span_s = (self.to_s - self.from_s).max(0.0);
        let short = span_s < ALMOST * DAY_S;
        let mut judgement = Judgement::default();
        for judged in &mut self.judged {
            let lasting = judged.row.statistic.period_s().is_finite();
            if short && lasting && !judged.row.leading {
                continue;
            }
            match judged.verdict(&self.roles, short && lasting, span_s) {
                Some(verdict) => judgement.verdicts.push(verdict),
                None => judgement.unjudged.push(format!("{}: nothing was measured", judged.row.name)),
            }
        }
        judgement
    }
}

impl Judged {
    fn new(row: Row, roles: &[ChannelRole]) -> Self {
        let of = |quantity: Quantity| -> Vec<Option<usize>> {
            let channels = roles.iter().enumerate().filter(|(_, role)| role.quantity == quantity && role.phase < 4);
            channels.map(|(place, _)| Some(place)).collect()
        };
        let channels = match row.what {
            What::Unbalance | What::FrequencyDeviation => vec![None],
            What::VoltageThd | What::VoltageThd40 | What::VoltageOrders | What::VoltageDeviation(_) | What::Plt => {
                of(Quantity::Voltage)
            }
            _ => of(Quantity::Current),
        };
        let orders: Vec<Option<usize>> = match row.what {
            What::VoltageOrders | What::CurrentOrders(_) | What::CurrentAmperes => {
                (2..=super::super::MOST_ORDER).filter(|order| !row.limit.of(*order).is_nan()).map(Some).collect()
            }
            _ => vec![None],
        };
        let places = channels.iter().flat_map(|channel| orders.iter().map(|order| (*channel, *order)));
        let statistic = row.statistic;
        let track = |(channel, order): (Option<usize>, Option<usize>)| Track {
            channel,
            order,
            limit: row.limit.of(order.unwrap_or(0)),
            percentile: Percentile::new(statistic.percent(), statistic.capacity()),
            worst: f64::NAN,
            most: f64::NAN,
            mean: MeanSquare::default(),
            count: 0,
        };
        Self { tracks: places.map(track).collect(), row, period: 0 }
    }

    fn takes(&self, interval: Interval) -> bool {
        match self.row.statistic {
            Statistic::DayOfShort(_) | Statistic::LargestShort | Statistic::Mean => interval == Interval::Short,
            Statistic::WeekOfTen(_) => interval == Interval::TenMinutes,
            Statistic::WeekOfTwoHours(_) | Statistic::YearOfTenSeconds(_) => false,
        }
    }

    /// Goes on to the period of a moment; periods count from the start of sampling.
    fn enter(&mut self, at_s: f64) {
        let period = (at_s.max(0.0) / self.row.statistic.period_s()) as u64;
        if period > self.period {
            self.period = period;
            self.tracks.iter_mut().for_each(Track::end_period);
        }
    }

    fn add(&mut self, aggregate: &Aggregate) {
        self.enter(aggregate.start_s);
        let what = self.row.what;
        for track in &mut self.tracks {
            let value = match track.channel {
                Some(place) => aggregate.channels.get(place).map_or(f64::NAN, |c| value(what, c, track.order)),
                None => aggregate.unbalance.map_or(f64::NAN, |unbalance| unbalance.u2_percent),
            };
            track.add(value);
        }
    }

    fn verdict(&mut self, roles: &[ChannelRole], largest: bool, span_s: f64) -> Option<Verdict> {
        let factor = if largest { 1.0 } else { self.row.factor };
        let statistic = self.row.statistic;
        let mut found: Option<Verdict> = None;
        let mut failing = Vec::new();
        for track in self.tracks.iter_mut().filter(|track| track.count > 0) {
            let value = match statistic {
                Statistic::Mean => track.mean.root(),
                Statistic::LargestShort => track.most,
                _ if largest => track.most,
                _ => track.worst.max(track.percentile.value()),
            };
            let limit = factor * track.limit;
            if let (true, Some(channel), Some(order)) = (value > limit, track.channel, track.order) {
                failing.push((channel, order));
            }
            if found.as_ref().is_none_or(|worst| value / limit > worst.value / worst.limit) {
                found = Some(Verdict {
                    name: String::new(),
                    value,
                    limit,
                    unit: self.row.unit,
                    passed: value <= limit,
                    channel: track.channel,
                    order: track.order,
                    failing: Vec::new(),
                    values: track.count,
                    source: self.row.source,
                });
            }
        }
        found.map(|verdict| Verdict { name: self.name(&verdict, roles, largest, span_s), failing, ..verdict })
    }

    /// `IEEE 519 voltage THD, 99th percentile of 3 s values of a day, u1`.
    fn name(&self, verdict: &Verdict, roles: &[ChannelRole], largest: bool, span_s: f64) -> String {
        let (statistic, row) = (self.row.statistic, self.row.name);
        let (percent, values) = (statistic.percent(), statistic.values());
        let days = span_s / DAY_S;
        let period = match statistic {
            Statistic::DayOfShort(_) => "the worst day".to_owned(),
            _ if span_s >= ALMOST * statistic.period_s() && statistic.period_s() > 1e6 => "the worst year".to_owned(),
            _ if span_s >= ALMOST * statistic.period_s() => "the worst week".to_owned(),
            _ => format!("{days:.1} days"),
        };
        let over = match statistic {
            Statistic::Mean => "mean over the recording".to_owned(),
            Statistic::LargestShort => format!("largest {values} value"),
            _ if largest => format!("largest {values} value (recording shorter than a day)"),
            _ => format!("{percent} % of {values} values over {period}"),
        };
        let order = verdict.order.map_or_else(String::new, |order| format!(", order {order}"));
        let channel = verdict
            .channel
            .and_then(|place| roles.get(place))
            .map_or_else(String::new, |role| format!(", {}", role.name()));
        format!("{row}, {over}{channel}{order}")
    }
}

/// A quantity of a channel.
fn value(what: What, channel: &ChannelAggregate, order: Option<usize>) -> f64 {
    let orders = &channel.subgroup_rms;
    let at = |order: usize| orders.get(order).copied().unwrap_or(f64::NAN);
    let own = at(order.unwrap_or(0));
    let distortion = |from: usize, to: usize, weight: fn(usize) -> f64| {
        (from..=to).map(|h| weight(h) * at(h) * at(h)).sum::<f64>().sqrt()
    };
    match what {
        What::VoltageThd => channel.thd_subgroup_percent,
        What::VoltageThd40 => channel.thd40_subgroup_percent,
        What::VoltageOrders => 100.0 * own / at(1),
        What::VoltageDeviation(declared_v) => 100.0 * (channel.rms / declared_v - 1.0).abs(),
        What::CurrentOrders(base_a) => 100.0 * own / base_a,
        What::CurrentAmperes => own,
        What::CurrentDistortion(base_a, most) => 100.0 * distortion(2, most, |_| 1.0) / base_a,
        What::WeightedDistortion(base_a) => 100.0 * distortion(14, 40, |h| h as f64) / base_a,
        What::RatedDistortion(base_a) => 100.0 * (channel.rms * channel.rms - at(1) * at(1)).max(0.0).sqrt() / base_a,
        What::Unbalance | What::FrequencyDeviation | What::Plt => f64::NAN,
    }
}
