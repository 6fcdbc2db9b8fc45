//! Interface algorithms, as they are stepped: what the device is given, and what the network gets back. No step allocates.
//!
//! With Vth and Za of the network, Zb of the device, Zab of an impedance that is really between them, the loops' gains are
//!
//! ```text
//! ideal transformer, voltage type   Za/Zb
//! ideal transformer, current type   Zb/Za
//! partial circuit duplication       Za·Zb / ((Za + Zab)·(Zb + Zab))
//! damping impedance Z*              Za·(Zb − Z*) / ((Zb + Zab)·(Za + Zab + Z*))
//! ```
//!
//! with a minus that the polynomial of [`super::stability`] has. Sources: Ren, Steurer, Baldwin: "Improve the Stability and
//! the Accuracy of Power Hardware-in-the-Loop Simulation by Selecting Appropriate Interface Algorithms" (IEEE Trans. Ind.
//! Appl. 44, 2008) for the algorithms; the gains are derived in `docs/models/hil-interface.md`. Currents are those that the
//! device draws. The network gets a current beside a shunt admittance of its own, which it must hold while the interface is
//! closed: that is how a voltage behind an impedance looks to a solver by nodes.

use std::f64::consts::TAU;

use super::{PHASES, Phasors, Scale};
use crate::quantity::{Complex, complex};

const NONE: Phasors = [Complex { re: 0.0, im: 0.0 }; PHASES];

fn scaled(own: Phasors, by: f64) -> Phasors {
    own.map(|v| v * by)
}

/// Values that come so many steps later.
#[derive(Clone, Debug)]
pub struct Delay {
    line: Box<[Phasors]>,
    at: usize,
}

impl Delay {
    /// A line of so many steps that begins filled with a value.
    pub fn new(steps: usize, start: Phasors) -> Self {
        Self { line: vec![start; steps].into(), at: 0 }
    }

    /// Takes a value and gives that of so many steps ago.
    pub fn step(&mut self, value: Phasors) -> Phasors {
        let Some(own) = self.line.get_mut(self.at) else { return value };
        let late = std::mem::replace(own, value);
        self.at = (self.at + 1) % self.line.len();
        late
    }
}

/// A first-order filter: y ← y + a·(x − y).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filter {
    a: f64,
    value: Phasors,
}

impl Filter {
    /// With the coefficient a in (0, 1] ([`super::stability::coefficient`]), from a value on. A coefficient beyond is brought
    /// within; one that is no number is 0, so that the value holds.
    pub fn new(a: f64, start: Phasors) -> Self {
        Self { a: if a.is_nan() { 0.0 } else { a.clamp(0.0, 1.0) }, value: start }
    }

    /// Follows a value by a step; one that is not finite is left out.
    pub fn step(&mut self, value: Phasors) -> Phasors {
        let a = self.a;
        for (own, new) in self.value.iter_mut().zip(value).filter(|(_, new)| new.is_finite()) {
            *own += (new - *own) * a;
        }
        self.value
    }

    /// What it holds.
    pub const fn value(&self) -> Phasors {
        self.value
    }
}

/// Ideal transformer, voltage type: for a device whose impedance is larger than the network's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VoltageType {
    /// How the device's quantities become the node's.
    pub scale: Scale,
    /// On the node's voltage.
    pub filter: Filter,
}

impl VoltageType {
    /// The voltage in V that the device gets for the node's.
    pub fn to_device(&mut self, node_v: Phasors) -> Phasors {
        scaled(self.filter.step(node_v), 1.0 / self.scale.voltage)
    }

    /// The current in A that the node sees drawn, for the device's.
    pub fn to_network(&self, device_a: Phasors) -> Phasors {
        scaled(device_a, self.scale.current * self.scale.share)
    }
}

/// Ideal transformer, current type: for a device whose impedance is smaller than the network's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurrentType {
    /// How the device's quantities become the node's.
    pub scale: Scale,
    /// On the node's current.
    pub filter: Filter,
}

impl CurrentType {
    /// The current in A that the device gets for the one that the node gives.
    pub fn to_device(&mut self, node_a: Phasors) -> Phasors {
        scaled(self.filter.step(node_a), 1.0 / (self.scale.current * self.scale.share))
    }

    /// The voltage in V that the node is held at, for the device's.
    pub fn to_network(&self, device_v: Phasors) -> Phasors {
        scaled(device_v, self.scale.voltage)
    }
}

/// Partial circuit duplication: an impedance that is really between node and device is in the network too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartialDuplication {
    /// How the device's quantities become the node's.
    pub scale: Scale,
    /// On the node's voltage.
    pub filter: Filter,
    /// Admittance in S of the impedance between, at the node, by phase: the shunt that the network holds.
    pub shunt_s: Phasors,
}

impl PartialDuplication {
    /// The voltage in V that is put before the impedance, for the node's.
    pub fn to_device(&mut self, node_v: Phasors) -> Phasors {
        scaled(self.filter.step(node_v), 1.0 / self.scale.voltage)
    }

    /// The current in A that the node sees drawn beside its shunt, for the voltage behind the impedance, at the device.
    pub fn to_network(&self, device_v: Phasors) -> Phasors {
        let mut drawn = scaled(device_v, -self.scale.voltage);
        drawn.iter_mut().zip(self.shunt_s).for_each(|(own, y)| *own *= y);
        drawn
    }
}

/// Damping impedance: the network holds an impedance that should be the device's, and gets only what the device's current is
/// beside that of the impedance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DampingImpedance {
    /// How the device's quantities become the node's.
    pub scale: Scale,
    /// On the node's voltage.
    pub filter: Filter,
    /// Admittance 1/Z* in S at the node, by phase: the shunt that the network holds.
    pub shunt_s: Phasors,
}

impl DampingImpedance {
    /// The voltage in V that the device gets for the node's.
    pub fn to_device(&mut self, node_v: Phasors) -> Phasors {
        scaled(self.filter.step(node_v), 1.0 / self.scale.voltage)
    }

    /// The current in A that the node sees drawn beside its shunt, for the device's current and voltage.
    pub fn to_network(&self, device_a: Phasors, device_v: Phasors) -> Phasors {
        let mut drawn = scaled(device_a, self.scale.current * self.scale.share);
        let own = drawn.iter_mut().zip(device_v).zip(self.shunt_s);
        own.for_each(|((drawn, v), y)| *drawn -= v * self.scale.voltage * y);
        drawn
    }
}

/// The loop's gain r with the ideal transformer, voltage type.
pub fn gain_voltage_type(za_ohm: Complex, zb_ohm: Complex) -> Complex {
    za_ohm / zb_ohm
}

/// The loop's gain r with the ideal transformer, current type.
pub fn gain_current_type(za_ohm: Complex, zb_ohm: Complex) -> Complex {
    zb_ohm / za_ohm
}

/// The loop's gain r with partial circuit duplication: of the other sign than the ideal transformer's, as a voltage comes
/// back and no current.
pub fn gain_partial_duplication(za_ohm: Complex, zb_ohm: Complex, zab_ohm: Complex) -> Complex {
    -(za_ohm * zb_ohm) / ((za_ohm + zab_ohm) * (zb_ohm + zab_ohm))
}

/// The loop's gain r with a damping impedance.
pub fn gain_damping_impedance(za_ohm: Complex, zb_ohm: Complex, zab_ohm: Complex, z_ohm: Complex) -> Complex {
    za_ohm * (z_ohm - zb_ohm) / ((zb_ohm + zab_ohm) * (za_ohm + zab_ohm + z_ohm))
}

/// A phasor of harmonic `order` as it will be `late_s` later, or as it was sent where it came so late: turned by e^(j·h·ω·T).
pub fn advanced(value: Complex, order: u32, f_hz: f64, late_s: f64) -> Complex {
    let turns = f64::from(order) * f_hz * late_s;
    value * Complex::from_polar(1.0, TAU * turns.fract())
}

/// Round trips that are remembered.
const TRIPS: usize = 31;

/// How late values are, from round trips that were measured: the median of half a trip and the age that the sample had.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DelayEstimate {
    late_s: [f64; TRIPS],
    count: usize,
    at: usize,
}

impl Default for DelayEstimate {
    fn default() -> Self {
        Self { late_s: [0.0; TRIPS], count: 0, at: 0 }
    }
}

impl DelayEstimate {
    /// Takes a round trip in s and the age in s that the sample had when the device gave it; what is no time is left out.
    pub fn add(&mut self, round_trip_s: f64, age_s: f64) {
        let late_s = 0.5 * round_trip_s + age_s;
        if late_s.is_finite() && round_trip_s >= 0.0 && age_s >= 0.0 {
            self.late_s[self.at] = late_s;
            self.at = (self.at + 1) % TRIPS;
            self.count = (self.count + 1).min(TRIPS);
        }
    }

    /// How late values are in s; `None` before the first trip.
    pub fn late_s(&self) -> Option<f64> {
        median(&self.late_s, self.count)
    }

    /// Half of the trips are nearer to the median than this, in s: what compensation leaves over.
    pub fn residual_s(&self) -> Option<f64> {
        let middle_s = self.late_s()?;
        median(&self.late_s.map(|own| (own - middle_s).abs()), self.count)
    }

    /// A phasor of harmonic `order` that came so late, as it is now; as it came before the first trip.
    pub fn compensate(&self, value: Complex, order: u32, f_hz: f64) -> Complex {
        self.late_s().map_or(value, |late_s| advanced(value, order, f_hz, late_s))
    }
}

fn median(all: &[f64; TRIPS], count: usize) -> Option<f64> {
    let mut own = *all;
    let own = own.get_mut(..count).filter(|own| !own.is_empty())?;
    own.sort_unstable_by(f64::total_cmp);
    let (low, high) = (own.get((count - 1) / 2)?, own.get(count / 2)?);
    Some(0.5 * (low + high))
}

/// A phasor on the first phase alone.
pub fn single(value: Complex) -> Phasors {
    [value, complex(0.0, 0.0), complex(0.0, 0.0)]
}

impl Default for Filter {
    /// No filter.
    fn default() -> Self {
        Self::new(1.0, NONE)
    }
}

#[cfg(test)]
mod tests;
