//! Who causes the distortion: what the monitor's attribution tells the mitigation. The two stand on one floor and know
//! only this.
//!
//! The lists are as long as set-up made them; `take` and the passage through a frame (`names`, `write`, `read`)
//! allocate nothing. Phasors of order h are RMS, turned by −h times the angle of the fundamental voltage of their phase.

use super::{
    Frame,
    fields::{Fields, Names, Reader, Writer, count, flag, phasor},
    harmonic_command::order,
};
use crate::quantity::{Complex, Tick, complex};

/// Whose distortion it is, for the most part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The fleet's: its share is above one half with two standard deviations.
    Fleet,
    /// The grid's: the fleet's share is below one half with two standard deviations.
    Grid,
    /// Not known, and why.
    Indeterminate(Reason),
}

/// Why nothing is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Too few windows so far.
    Starting,
    /// Samples are missing or implausible, or there are magnitudes only.
    Invalid,
    /// A dip, swell or interruption touches the windows.
    Flagged,
    /// Windows are not synchronised, or the clocks of the meters are not.
    Unsynchronised,
    /// Too little distortion to attribute.
    BelowGate,
    /// The fleet's current has not changed enough to learn the network's impedance.
    NotExcited,
    /// The background moves with the fleet's current.
    Correlated,
    /// The measurements contradict the model (innovations too large).
    Inconsistent,
    /// The network has just changed.
    Settling,
    /// One half lies within the uncertainty.
    Close,
}

/// Reasons in the order of their codes.
const REASONS: [Reason; 10] = [
    Reason::Starting,
    Reason::Invalid,
    Reason::Flagged,
    Reason::Unsynchronised,
    Reason::BelowGate,
    Reason::NotExcited,
    Reason::Correlated,
    Reason::Inconsistent,
    Reason::Settling,
    Reason::Close,
];

impl Decision {
    /// As a number: 1 fleet, −1 grid, 0 and below −1 nothing decided (−2 − the reason's place).
    #[allow(clippy::cast_precision_loss, reason = "ten reasons")]
    pub fn code(self) -> f64 {
        match self {
            Self::Fleet => 1.0,
            Self::Grid => -1.0,
            Self::Indeterminate(why) => -2.0 - REASONS.iter().position(|r| *r == why).unwrap_or(0) as f64,
        }
    }

    /// From its number; what is none is [`Reason::Invalid`].
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    pub fn from_code(code: f64) -> Self {
        match code {
            1.0 => Self::Fleet,
            -1.0 => Self::Grid,
            code if code <= -2.0 => {
                Self::Indeterminate(REASONS.get((-2.0 - code) as usize).copied().unwrap_or(Reason::Invalid))
            }
            _ => Self::Indeterminate(Reason::Invalid),
        }
    }
}

/// One phase at one order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhaseVerdict {
    /// Voltage in V, of the last window.
    pub v_v: Complex,
    /// Fleet current into the network in A, of the last window.
    pub j_a: Complex,
    /// Impedance that the fleet's current sees, in Ω.
    pub z_ohm: Complex,
    /// Its standard deviation in Ω, as a complex number: √E|δZ|².
    pub z_sd_ohm: f64,
}

/// One order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrderVerdict {
    /// The order.
    pub order: u8,
    /// Voltage in percent of the fundamental, RMS over the 3 s value, worst phase.
    pub v_percent: f64,
    /// Fleet's share, 0…1 where both sides add, beyond where one cancels the other.
    pub share: f64,
    /// Its standard deviation.
    pub share_sd: f64,
    /// About this order alone.
    pub decision: Decision,
    /// Whether a probe has found its impedance, not too long ago.
    pub probed: bool,
    /// Each phase; unused ones are zero.
    pub phases: [PhaseVerdict; 3],
}

/// One unit of the fleet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnitVerdict {
    /// Its part of the distortion: the units' sum to the fleet's share; negative where it cancels others.
    pub share: f64,
    /// Robust score of its worst order against the fleet: (x − median)/(1.4826·MAD).
    pub score: f64,
    /// Its worst order, as the share of its limit in IEEE 1547-2018 tables 26 and 27.
    pub of_limit: f64,
    /// That order.
    pub order: u8,
    /// Whether it stands out from the fleet and is over its own limit.
    pub noisy: bool,
}

/// What the attribution says, renewed by each 3 s value.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Counts verdicts from 1; 0 is the verdict that stands for none so far.
    pub sequence: u64,
    /// When it was made.
    pub tick: Tick,
    /// About the THD.
    pub decision: Decision,
    /// THD of the voltage, percent, RMS over the 3 s value, worst phase; all orders that were measured.
    pub thd_percent: f64,
    /// Fleet's share of the squared distortion.
    pub share: f64,
    /// Its standard deviation.
    pub share_sd: f64,
    /// Whether all windows were there and plausible.
    pub valid: bool,
    /// Whether a window was flagged: nothing was learnt from it, and nothing should be done because of it.
    pub flagged: bool,
    /// Whether windows and clocks were synchronised.
    pub synchronised: bool,
    /// Whether impedances come from a probe and are not older than its memory.
    pub probed: bool,
    /// Orders that are watched, ascending.
    pub orders: Box<[OrderVerdict]>,
    /// Places in `orders` of the largest voltages, worst first.
    pub worst: [usize; 3],
    /// Units, in the fleet's order.
    pub units: Box<[UnitVerdict]>,
    /// The noisiest unit that stands out, if any.
    pub noisiest: Option<usize>,
}

impl Verdict {
    /// A verdict before the first, about these orders and so many units.
    pub fn new(orders: &[u8], units: usize) -> Self {
        let none = Decision::Indeterminate(Reason::Starting);
        let zero = complex(0.0, 0.0);
        let phase = PhaseVerdict { v_v: zero, j_a: zero, z_ohm: zero, z_sd_ohm: f64::NAN };
        let nan = f64::NAN;
        let order = |&order| OrderVerdict {
            order,
            v_percent: nan,
            share: nan,
            share_sd: nan,
            decision: none,
            probed: false,
            phases: [phase; 3],
        };
        let unit = UnitVerdict { share: nan, score: nan, of_limit: nan, order: 0, noisy: false };
        Self {
            sequence: 0,
            tick: Tick(0),
            decision: none,
            thd_percent: nan,
            share: nan,
            share_sd: nan,
            valid: false,
            flagged: false,
            synchronised: false,
            probed: false,
            orders: orders.iter().map(order).collect(),
            worst: [0; 3],
            units: vec![unit; units].into(),
            noisiest: None,
        }
    }

    /// Takes over another verdict about as many orders and units.
    pub fn take(&mut self, other: &Self) {
        let (mut orders, mut units) = (std::mem::take(&mut self.orders), std::mem::take(&mut self.units));
        orders.iter_mut().zip(&other.orders).for_each(|(own, new)| *own = *new);
        units.iter_mut().zip(&other.units).for_each(|(own, new)| *own = *new);
        *self = Self { orders, units, ..*other };
    }

    /// An order that is watched.
    pub fn order(&self, order: u8) -> Option<&OrderVerdict> {
        self.orders.iter().find(|o| o.order == order)
    }

    /// Number of channels with so many orders and units.
    pub const fn channels(orders: usize, units: usize) -> usize {
        14 + orders * (6 + 3 * 7) + units * 5
    }

    /// Names of its channels, each after `prefix` and a dot.
    pub fn names(&self, prefix: &str) -> Vec<String> {
        let mut fields = Names { prefix, names: Vec::new() };
        self.clone().visit(&mut fields);
        fields.names
    }

    /// Writes it into the channels of a frame from `at` on; it stays as it is.
    pub fn write(&mut self, frame: &mut Frame, at: usize) {
        self.visit(&mut Writer { frame, at });
    }

    /// Takes over what a frame's channels say from `at` on; orders and units stay as many as they are.
    pub fn read(&mut self, frame: &Frame, at: usize) {
        self.visit(&mut Reader { frame, at });
    }

    fn visit(&mut self, fields: &mut impl Fields) {
        count(fields, format_args!("sequence"), &mut self.sequence);
        count(fields, format_args!("tick"), &mut self.tick.0);
        decision(fields, format_args!("decision"), &mut self.decision);
        fields.number(format_args!("thd_percent"), &mut self.thd_percent);
        fields.number(format_args!("share"), &mut self.share);
        fields.number(format_args!("share_sd"), &mut self.share_sd);
        flag(fields, format_args!("valid"), &mut self.valid);
        flag(fields, format_args!("flagged"), &mut self.flagged);
        flag(fields, format_args!("synchronised"), &mut self.synchronised);
        flag(fields, format_args!("probed"), &mut self.probed);
        for (k, place) in self.worst.iter_mut().enumerate() {
            index(fields, format_args!("worst{}", k + 1), place);
        }
        let mut noisiest = self.noisiest.map_or(0, |unit| unit + 1);
        index(fields, format_args!("noisiest"), &mut noisiest);
        self.noisiest = noisiest.checked_sub(1);
        self.orders.iter_mut().for_each(|order| order.visit(fields));
        self.units.iter_mut().enumerate().for_each(|(k, unit)| unit.visit(k + 1, fields));
    }
}

impl OrderVerdict {
    fn visit(&mut self, fields: &mut impl Fields) {
        let h = self.order;
        order(fields, format_args!("h{h}.order"), &mut self.order);
        fields.number(format_args!("h{h}.v_percent"), &mut self.v_percent);
        fields.number(format_args!("h{h}.share"), &mut self.share);
        fields.number(format_args!("h{h}.share_sd"), &mut self.share_sd);
        decision(fields, format_args!("h{h}.decision"), &mut self.decision);
        flag(fields, format_args!("h{h}.probed"), &mut self.probed);
        for (name, phase) in ["a", "b", "c"].into_iter().zip(&mut self.phases) {
            phasor(fields, format_args!("h{h}.{name}.v"), "v", &mut phase.v_v);
            phasor(fields, format_args!("h{h}.{name}.j"), "a", &mut phase.j_a);
            phasor(fields, format_args!("h{h}.{name}.z"), "ohm", &mut phase.z_ohm);
            fields.number(format_args!("h{h}.{name}.z_sd_ohm"), &mut phase.z_sd_ohm);
        }
    }
}

impl UnitVerdict {
    fn visit(&mut self, number: usize, fields: &mut impl Fields) {
        fields.number(format_args!("unit{number}.share"), &mut self.share);
        fields.number(format_args!("unit{number}.score"), &mut self.score);
        fields.number(format_args!("unit{number}.of_limit"), &mut self.of_limit);
        order(fields, format_args!("unit{number}.order"), &mut self.order);
        flag(fields, format_args!("unit{number}.noisy"), &mut self.noisy);
    }
}

fn decision(fields: &mut impl Fields, name: std::fmt::Arguments<'_>, value: &mut Decision) {
    let mut code = value.code();
    fields.number(name, &mut code);
    *value = Decision::from_code(code);
}

fn index(fields: &mut impl Fields, name: std::fmt::Arguments<'_>, value: &mut usize) {
    let mut number = *value as u64;
    count(fields, name, &mut number);
    *value = usize::try_from(number).unwrap_or(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_has_a_number() {
        let all = REASONS.into_iter().map(Decision::Indeterminate).chain([Decision::Fleet, Decision::Grid]);
        all.for_each(|d| assert_eq!(Decision::from_code(d.code()), d));
        for code in [f64::NAN, 0.0, 2.0, -99.0, f64::NEG_INFINITY] {
            assert_eq!(Decision::from_code(code), Decision::Indeterminate(Reason::Invalid), "{code}");
        }
    }

    #[test]
    fn a_verdict_travels_as_channels() {
        let mut verdict = Verdict::new(&[5, 7], 3);
        let names = verdict.names("monitor634");
        assert_eq!(names.len(), Verdict::channels(2, 3));
        assert!(names.contains(&"monitor634.h7.b.z.im_ohm".to_owned()), "{names:?}");
        verdict.sequence = 4;
        verdict.decision = Decision::Indeterminate(Reason::Correlated);
        verdict.noisiest = Some(2);
        verdict.worst = [1, 0, 0];
        verdict.orders[1].phases[2].z_sd_ohm = 0.25;
        let mut frame = Frame::new(names.len());
        verdict.write(&mut frame, 0);
        let mut there = Verdict::new(&[5, 7], 3);
        there.read(&frame, 0);
        assert_eq!(format!("{there:?}"), format!("{verdict:?}"), "also what is not a number");
    }
}
