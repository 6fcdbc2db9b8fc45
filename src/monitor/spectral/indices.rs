//! What follows from a window's groups and phasors: distortion indices, factors, powers, unbalance.

use super::super::MOST_ORDER;
use super::super::settings::{ChannelRole, Quantity, Settings};
use super::super::window::{ChannelWindow, PhasePower, Unbalance, Window};
use crate::quantity::{Complex, phasor};

/// A fundamental that is less than this part of the RMS is none: nothing relates to it.
const LEAST_FUNDAMENTAL: f64 = 1e-6;
/// Orders of THD40, and of the partial weighted distortion.
const FORTY: usize = 40;
const PARTIAL: std::ops::RangeInclusive<usize> = 14..=FORTY;

/// Fills in a channel's indices from its lists.
pub fn indices(channel: &mut ChannelWindow, role: ChannelRole, settings: &Settings) {
    let single = |order: usize| channel.phasor[order].norm_sqr();
    let singles = distortion(single, channel.rms);
    let subgroups = distortion(|order| channel.subgroup_rms[order].powi(2), channel.rms);
    let groups = distortion(|order| channel.group_rms[order].powi(2), channel.rms);
    (channel.thd40_percent, channel.thd_percent) = singles.percent();
    (channel.thd40_subgroup_percent, channel.thd_subgroup_percent) = subgroups.percent();
    (channel.thd40_group_percent, channel.thd_group_percent) = groups.percent();
    let weighted = PARTIAL.map(|order| order as f64 * channel.subgroup_rms[order].powi(2)).sum::<f64>();
    channel.pwhd_percent = 100.0 * (weighted / subgroups.fundamental).sqrt();
    let squares = || (1..=MOST_ORDER).map(|order| (order as f64, channel.subgroup_rms[order].powi(2)));
    let loss: f64 = squares().map(|(order, square)| order * order * square).sum();
    channel.k_factor = loss / (subgroups.fundamental + subgroups.to_50);
    channel.crest_factor = channel.peak / channel.rms;
    let current = role.quantity == Quantity::Current;
    let percent_of = |square: f64, rating: Option<f64>| rating.filter(|_| current).map(|a| 100.0 * square.sqrt() / a);
    channel.tdd_percent = percent_of(subgroups.to_50, settings.demand_a);
    channel.trd_percent = percent_of((channel.rms.powi(2) - single(1)).max(0.0), settings.rated_a);
}

/// Mean squares: of the fundamental (NaN where there is none) and of the orders above it.
struct Distortion {
    fundamental: f64,
    to_40: f64,
    to_50: f64,
}

fn distortion(square: impl Fn(usize) -> f64, rms: f64) -> Distortion {
    let fundamental = square(1);
    let there = fundamental > (LEAST_FUNDAMENTAL * rms).powi(2);
    let to_40 = (2..=FORTY).map(&square).sum::<f64>();
    let to_50 = to_40 + (FORTY + 1..=MOST_ORDER).map(&square).sum::<f64>();
    Distortion { fundamental: if there { fundamental } else { f64::NAN }, to_40, to_50 }
}

impl Distortion {
    fn percent(&self) -> (f64, f64) {
        let percent = |square: f64| 100.0 * (square / self.fundamental).sqrt();
        (percent(self.to_40), percent(self.to_50))
    }
}

/// Fills in what relates channels to each other, where all of them are valid. Active powers `p_w` are there already.
pub fn relate(window: &mut Window, settings: &Settings) {
    if window.unbalance.is_some() {
        window.unbalance = Some(unbalance_of(window, settings, Quantity::Voltage));
    }
    if window.current_unbalance.is_some() {
        window.current_unbalance = Some(unbalance_of(window, settings, Quantity::Current));
    }
    let Window { powers, channels, .. } = window;
    for power in powers {
        let of = |quantity| place(settings, quantity, power.phase).and_then(|at| channels.get(at));
        let (Some(u), Some(i)) = (of(Quantity::Voltage), of(Quantity::Current)) else { continue };
        let s1 = u.phasor[1] * i.phasor[1].conj();
        let (p1_w, q1_var) = (s1.re, s1.im);
        *power = PhasePower { p1_w, q1_var, s_va: u.rms * i.rms, displacement_factor: p1_w / s1.norm(), ..*power };
    }
}

/// The place of the channel of a quantity of a phase.
pub fn place(settings: &Settings, quantity: Quantity, phase: u8) -> Option<usize> {
    settings.channels.iter().position(|role| *role == ChannelRole { quantity, phase })
}

fn unbalance_of(window: &Window, settings: &Settings, quantity: Quantity) -> Unbalance {
    let fundamental = |phase| Some(window.channels.get(place(settings, quantity, phase)?)?.phasor[1]);
    match (fundamental(1), fundamental(2), fundamental(3)) {
        (Some(a), Some(b), Some(c)) => unbalance(a, b, c),
        _ => Unbalance::unknown(),
    }
}

/// Unbalance of three phasors: symmetrical components; and from the magnitudes L of their differences, with
/// β = ΣL⁴/(ΣL²)², u₂² = (1 − √(3 − 6β))/(1 + √(3 − 6β)).
fn unbalance(a: Complex, b: Complex, c: Complex) -> Unbalance {
    let turn = phasor(1.0, 120.0);
    let back = turn.conj();
    let positive = ((a + turn * b + back * c) / 3.0).norm();
    let negative = ((a + back * b + turn * c) / 3.0).norm();
    let zero = ((a + b + c) / 3.0).norm();
    let lines = [a - b, b - c, c - a].map(|line| line.norm_sqr());
    let beta = lines.iter().map(|l| l * l).sum::<f64>() / lines.iter().sum::<f64>().powi(2);
    let root = (3.0 - 6.0 * beta).max(0.0).sqrt();
    let u2_line_percent = 100.0 * ((1.0 - root) / (1.0 + root)).max(0.0).sqrt();
    let percent = |part: f64| if positive > 0.0 { 100.0 * part / positive } else { f64::NAN };
    Unbalance { positive_rms: positive, u2_percent: percent(negative), u0_percent: percent(zero), u2_line_percent }
}
