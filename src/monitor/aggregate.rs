//! Aggregation of windows over time (IEC 61000-4-30): 150/180 cycles (15 windows, about 3 s), 10 minutes, 2 hours.
//!
//! An aggregate is the square root of the mean of squares, of every value that there is; it is flagged when any of them is.
//! A window belongs to the interval that it starts in. At each tick of 10 minutes a new interval of 15 windows begins, while
//! the one in progress goes on to its end, so the two overlap. Two hours are made of twelve 10-minute values. The frequency
//! and the flicker severities have intervals of their own and are not aggregated. What was lost is said as the share that
//! was measured; an interval of which nothing was measured does not appear. All this is (R): recalled, and checked against
//! vectors made from the same formulas.

use super::settings::Settings;
use super::window::{Unbalance, Window};
use super::{MOST_ORDER, WINDOW_S};

/// Windows in an interval of 150 or 180 cycles.
pub const WINDOWS_OF_SHORT: u64 = 15;
/// Length of the interval that the clock decides, in s.
pub const TEN_MINUTES_S: f64 = 600.0;
/// 10-minute intervals in two hours.
const TENS_OF_TWO_HOURS: i64 = 12;
/// Rounding of a window's start that is no earlier interval, in s.
const ROUNDING_S: f64 = 1e-6;
/// Numbers of a channel: RMS, two THDs, THD to order 40, TDD, TRD, then subgroups and interharmonic subgroups.
const SCALARS: usize = 6;
const NUMBERS: usize = SCALARS + 2 * (MOST_ORDER + 1);

/// What an aggregate is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// 150 cycles at 50 Hz, 180 at 60 Hz: 15 windows.
    Short,
    /// 10 minutes of the clock.
    TenMinutes,
    /// Two hours of the clock.
    TwoHours,
}

/// Values over an interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Which interval.
    pub interval: Interval,
    /// When it began, in s since sampling began: negative when the clock's interval began before the samples.
    pub start_s: f64,
    /// When it ended.
    pub end_s: f64,
    /// Whether a dip, swell or interruption touches it.
    pub flagged: bool,
    /// Whether samples stood at a limit of their range, so that the values are too small.
    pub clipped: bool,
    /// Windows (short, 10 minutes) or 10-minute values (2 hours) that it is made of.
    pub count: u32,
    /// Share of the interval's time that was measured, 0 to 1.
    pub measured: f64,
    /// Each channel, in the instrument's order.
    pub channels: Vec<ChannelAggregate>,
    /// Of the three voltages.
    pub unbalance: Option<UnbalanceAggregate>,
    /// Of the three currents.
    pub current_unbalance: Option<UnbalanceAggregate>,
}

/// One channel over an interval: NaN where nothing was measured. V or A RMS.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelAggregate {
    /// Of all samples.
    pub rms: f64,
    /// THD of single bins, orders 2 to 50, percent.
    pub thd_percent: f64,
    /// THD of subgroups, orders 2 to 50, percent.
    pub thd_subgroup_percent: f64,
    /// THD of subgroups, orders 2 to 40, percent.
    pub thd40_subgroup_percent: f64,
    /// Total demand distortion, percent; NaN without a demand current.
    pub tdd_percent: f64,
    /// Total rated distortion, percent; NaN without a rated current.
    pub trd_percent: f64,
    /// Harmonic subgroups by order, 0 to 50.
    pub subgroup_rms: Vec<f64>,
    /// Interharmonic centred subgroups by the order below the gap.
    pub interharmonic_subgroup_rms: Vec<f64>,
}

/// Unbalance over an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnbalanceAggregate {
    /// Negative over positive sequence, percent.
    pub u2_percent: f64,
    /// Zero over positive sequence, percent.
    pub u0_percent: f64,
}

impl ChannelAggregate {
    fn room() -> Self {
        let list = || vec![f64::NAN; MOST_ORDER + 1];
        Self {
            rms: f64::NAN,
            thd_percent: f64::NAN,
            thd_subgroup_percent: f64::NAN,
            thd40_subgroup_percent: f64::NAN,
            tdd_percent: f64::NAN,
            trd_percent: f64::NAN,
            subgroup_rms: list(),
            interharmonic_subgroup_rms: list(),
        }
    }

    fn numbers(&self) -> impl Iterator<Item = f64> {
        let scalars = [
            self.rms,
            self.thd_percent,
            self.thd_subgroup_percent,
            self.thd40_subgroup_percent,
            self.tdd_percent,
            self.trd_percent,
        ];
        scalars.into_iter().chain(self.subgroup_rms.iter().chain(&self.interharmonic_subgroup_rms).copied())
    }

    fn numbers_mut(&mut self) -> impl Iterator<Item = &mut f64> {
        let scalars = [
            &mut self.rms,
            &mut self.thd_percent,
            &mut self.thd_subgroup_percent,
            &mut self.thd40_subgroup_percent,
            &mut self.tdd_percent,
            &mut self.trd_percent,
        ];
        scalars.into_iter().chain(self.subgroup_rms.iter_mut().chain(&mut self.interharmonic_subgroup_rms))
    }
}

impl Aggregate {
    /// Room for an aggregate of so many channels.
    pub fn room(channels: usize) -> Self {
        Self {
            interval: Interval::Short,
            start_s: 0.0,
            end_s: 0.0,
            flagged: false,
            clipped: false,
            count: 0,
            measured: 0.0,
            channels: (0..channels).map(|_| ChannelAggregate::room()).collect(),
            unbalance: None,
            current_unbalance: None,
        }
    }
}

/// Mean of squares of what is a number.
#[derive(Clone, Copy, Debug, Default)]
pub struct MeanSquare {
    sum: f64,
    count: u32,
}

impl MeanSquare {
    /// Takes a value; one that is not a number is none.
    pub fn add(&mut self, value: f64) {
        if value.is_finite() {
            self.sum += value * value;
            self.count += 1;
        }
    }

    /// The square root of the mean; NaN of nothing.
    pub fn root(self) -> f64 {
        (self.sum / f64::from(self.count)).sqrt()
    }
}

/// Sums of one interval in progress.
#[derive(Clone, Debug)]
struct Sums {
    squares: Vec<MeanSquare>,
    unbalance: [MeanSquare; 4],
    flagged: bool,
    clipped: bool,
    count: u32,
    measured: f64,
    end_s: f64,
}

impl Sums {
    fn new(channels: usize) -> Self {
        Self {
            squares: vec![MeanSquare::default(); channels * NUMBERS],
            unbalance: [MeanSquare::default(); 4],
            flagged: false,
            clipped: false,
            count: 0,
            measured: 0.0,
            end_s: f64::NEG_INFINITY,
        }
    }

    fn clear(&mut self) {
        self.squares.fill(MeanSquare::default());
        self.unbalance = [MeanSquare::default(); 4];
        (self.flagged, self.clipped, self.count, self.measured) = (false, false, 0, 0.0);
        self.end_s = f64::NEG_INFINITY;
    }

    fn channel(&mut self, place: usize, numbers: impl Iterator<Item = f64>) {
        let room = self.squares.iter_mut().skip(place * NUMBERS).take(NUMBERS);
        room.zip(numbers).for_each(|(square, value)| square.add(value));
    }

    /// Takes a window, or what of it was measured.
    fn window(&mut self, window: &Window) {
        for (place, channel) in window.channels.iter().enumerate().filter(|(_, channel)| channel.valid) {
            let scalars = [
                channel.rms,
                channel.thd_percent,
                channel.thd_subgroup_percent,
                channel.thd40_subgroup_percent,
                channel.tdd_percent.unwrap_or(f64::NAN),
                channel.trd_percent.unwrap_or(f64::NAN),
            ];
            let lists = channel.subgroup_rms.iter().chain(&channel.interharmonic_subgroup_rms).copied();
            self.channel(place, scalars.into_iter().chain(lists));
            self.clipped |= channel.clipped;
        }
        let pair = |u: Option<Unbalance>| u.map_or([f64::NAN; 2], |u| [u.u2_percent, u.u0_percent]);
        let numbers = pair(window.unbalance).into_iter().chain(pair(window.current_unbalance));
        self.unbalance.iter_mut().zip(numbers).for_each(|(square, value)| square.add(value));
        self.flagged |= window.flagged;
        self.end_s = window.start_s + window.duration_s;
        if window.channels.iter().any(|channel| channel.valid) {
            self.count += 1;
            self.measured += window.duration_s;
        }
    }

    /// Takes a 10-minute value.
    fn aggregate(&mut self, ten: &Aggregate) {
        for (place, channel) in ten.channels.iter().enumerate() {
            self.channel(place, channel.numbers());
        }
        let pair = |u: Option<UnbalanceAggregate>| u.map_or([f64::NAN; 2], |u| [u.u2_percent, u.u0_percent]);
        let numbers = pair(ten.unbalance).into_iter().chain(pair(ten.current_unbalance));
        self.unbalance.iter_mut().zip(numbers).for_each(|(square, value)| square.add(value));
        self.flagged |= ten.flagged;
        self.clipped |= ten.clipped;
        self.measured += ten.measured;
        self.count += 1;
    }

    fn result(&self, interval: Interval, start_s: f64, end_s: f64, whole: f64, out: &mut Aggregate) {
        (out.interval, out.start_s, out.end_s) = (interval, start_s, end_s);
        (out.flagged, out.clipped, out.count) = (self.flagged, self.clipped, self.count);
        out.measured = (self.measured / whole).min(1.0);
        let numbers = out.channels.iter_mut().flat_map(ChannelAggregate::numbers_mut);
        numbers.zip(&self.squares).for_each(|(number, square)| *number = square.root());
        let [u2, u0, i2, i0] = self.unbalance;
        let pair = |two: MeanSquare, zero: MeanSquare| {
            let pair = UnbalanceAggregate { u2_percent: two.root(), u0_percent: zero.root() };
            (two.count > 0).then_some(pair)
        };
        (out.unbalance, out.current_unbalance) = (pair(u2, u0), pair(i2, i0));
    }
}

/// An interval of 15 windows in progress.
#[derive(Clone, Debug)]
struct Short {
    sums: Sums,
    /// The first window's number and start.
    first: Option<(u64, f64)>,
}

impl Short {
    fn add(&mut self, window: &Window, room: &mut Aggregate, out: &mut dyn FnMut(&Aggregate)) {
        let slot = self.first.map_or(0, |(first, _)| window.sequence.saturating_sub(first));
        if slot >= WINDOWS_OF_SHORT {
            self.close(room, out);
            // The next one begins where it would have, were nothing lost.
            let (slot, lost) = (slot % WINDOWS_OF_SHORT, (slot % WINDOWS_OF_SHORT) as f64 * WINDOW_S);
            self.first = Some((window.sequence - slot, window.start_s - lost));
        }
        self.first.get_or_insert((window.sequence, window.start_s));
        self.sums.window(window);
        if self.first.is_some_and(|(first, _)| window.sequence - first + 1 >= WINDOWS_OF_SHORT) {
            self.close(room, out);
        }
    }

    fn close(&mut self, room: &mut Aggregate, out: &mut dyn FnMut(&Aggregate)) {
        if let Some((_, start_s)) = self.first.take().filter(|_| self.sums.count > 0) {
            let whole = WINDOWS_OF_SHORT as f64;
            let measured = f64::from(self.sums.count);
            self.sums.result(Interval::Short, start_s, self.sums.end_s, whole, room);
            room.measured = (measured / whole).min(1.0);
            out(room);
        }
        self.sums.clear();
    }
}

/// Makes aggregates of windows.
#[derive(Clone, Debug)]
pub struct Aggregator {
    clock_s: f64,
    short: Short,
    /// The interval of 15 windows that a tick interrupted, and that goes on beside the new one.
    overlapping: Short,
    ten: Sums,
    ten_number: Option<i64>,
    two: Sums,
    two_number: Option<i64>,
    room: Aggregate,
}

impl Aggregator {
    /// For windows of an instrument with these settings. `clock_s`: the time of day, in s, when sampling began, or any
    /// count of seconds that is a whole number of days off it.
    pub fn new(settings: &Settings, clock_s: f64) -> Self {
        let channels = settings.channels.len();
        let short = Short { sums: Sums::new(channels), first: None };
        Self {
            clock_s: if clock_s.is_finite() { clock_s } else { 0.0 },
            overlapping: short.clone(),
            short,
            ten: Sums::new(channels),
            ten_number: None,
            two: Sums::new(channels),
            two_number: None,
            room: Aggregate::room(channels),
        }
    }

    /// Corrects the clock: the time of day at which sampling began. Takes effect at the next window.
    pub fn set_clock(&mut self, clock_s: f64) {
        if clock_s.is_finite() {
            self.clock_s = clock_s;
        }
    }

    /// When the next 10-minute interval of the clock begins after this moment, in s since sampling began.
    pub fn next_tick_s(&self, after_s: f64) -> f64 {
        (self.number(after_s) + 1) as f64 * TEN_MINUTES_S - self.clock_s
    }

    /// Takes the next window, and hands out what ends before or with it.
    pub fn push(&mut self, window: &Window, out: &mut dyn FnMut(&Aggregate)) {
        let number = self.number(window.start_s);
        if self.ten_number.is_some_and(|current| current != number) {
            self.end_ten(out);
            if self.short.first.is_some() {
                self.overlapping.close(&mut self.room, out);
                std::mem::swap(&mut self.short, &mut self.overlapping);
            }
        }
        if self.two_number.is_some_and(|current| current != number.div_euclid(TENS_OF_TWO_HOURS)) {
            self.end_two(out);
        }
        self.ten_number = Some(number);
        self.two_number = Some(number.div_euclid(TENS_OF_TWO_HOURS));
        if self.overlapping.first.is_some_and(|(first, _)| window.sequence - first < WINDOWS_OF_SHORT) {
            self.overlapping.add(window, &mut self.room, out);
        } else {
            self.overlapping.close(&mut self.room, out);
        }
        self.short.add(window, &mut self.room, out);
        self.ten.window(window);
    }

    /// Hands out what has not ended: shorter intervals, less of which was measured.
    pub fn finish(&mut self, out: &mut dyn FnMut(&Aggregate)) {
        self.overlapping.close(&mut self.room, out);
        self.short.close(&mut self.room, out);
        self.end_ten(out);
        self.end_two(out);
    }

    fn number(&self, at_s: f64) -> i64 {
        ((self.clock_s + at_s + ROUNDING_S) / TEN_MINUTES_S).floor() as i64
    }

    fn end_ten(&mut self, out: &mut dyn FnMut(&Aggregate)) {
        let Some(number) = self.ten_number.take().filter(|_| self.ten.count > 0) else { return self.ten.clear() };
        let start_s = number as f64 * TEN_MINUTES_S - self.clock_s;
        self.ten.result(Interval::TenMinutes, start_s, start_s + TEN_MINUTES_S, TEN_MINUTES_S, &mut self.room);
        self.ten.clear();
        self.two.aggregate(&self.room);
        out(&self.room);
    }

    fn end_two(&mut self, out: &mut dyn FnMut(&Aggregate)) {
        let Some(number) = self.two_number.take().filter(|_| self.two.count > 0) else { return self.two.clear() };
        let length_s = TEN_MINUTES_S * TENS_OF_TWO_HOURS as f64;
        let start_s = number as f64 * length_s - self.clock_s;
        let whole = TENS_OF_TWO_HOURS as f64;
        self.two.result(Interval::TwoHours, start_s, start_s + length_s, whole, &mut self.room);
        self.two.clear();
        out(&self.room);
    }
}

#[cfg(test)]
mod tests;
