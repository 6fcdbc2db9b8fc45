//! Current and voltage transformers by their accuracy class: ratio error and phase displacement.
//!
//! A class bounds both at some shares of the rated current; between them the bound goes straight over the logarithm of the
//! current, below the lowest and above the highest it stays. A unit has its own place within the bounds. IEC 61869-2
//! and -3 speak of the rated frequency only: here the ratio error is the same at all orders, and a current
//! transformer's displacement falls as 1/f, as that of a magnetising inductance fed by a resistive burden does.
//! The tables are \[R\]: recalled, not checked against the standards' text.

use super::Saturation;
use crate::quantity::{Complex, Noise};

/// Accuracy class of a current transformer (IEC 61869-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CtClass {
    /// 0.2 S.
    C02S,
    /// 0.2.
    C02,
    /// 0.5 S.
    C05S,
    /// 0.5.
    C05,
    /// 1.
    C1,
}

/// Share of the rated current in percent, ratio error in percent, phase displacement in minutes of arc.
type Point = [f64; 3];

impl CtClass {
    const fn points(self) -> &'static [Point] {
        match self {
            Self::C02S => {
                &[[1.0, 0.75, 30.0], [5.0, 0.35, 15.0], [20.0, 0.2, 10.0], [100.0, 0.2, 10.0], [120.0, 0.2, 10.0]]
            }
            Self::C02 => &[[5.0, 0.75, 30.0], [20.0, 0.35, 15.0], [100.0, 0.2, 10.0], [120.0, 0.2, 10.0]],
            Self::C05S => {
                &[[1.0, 1.5, 90.0], [5.0, 0.75, 45.0], [20.0, 0.5, 30.0], [100.0, 0.5, 30.0], [120.0, 0.5, 30.0]]
            }
            Self::C05 => &[[5.0, 1.5, 90.0], [20.0, 0.75, 45.0], [100.0, 0.5, 30.0], [120.0, 0.5, 30.0]],
            Self::C1 => &[[5.0, 3.0, 180.0], [20.0, 1.5, 90.0], [100.0, 1.0, 60.0], [120.0, 1.0, 60.0]],
        }
    }

    /// Largest ratio error (of 1) and phase displacement in rad at a share of the rated current.
    pub fn bounds(self, load: f64) -> (f64, f64) {
        let points = self.points();
        let percent = 100.0 * load.abs();
        let above = points.iter().position(|[at, ..]| *at > percent);
        let [_, ratio, minutes] = match above {
            Some(0) => points[0],
            None => points[points.len() - 1],
            Some(k) => {
                let (a, b) = (points[k - 1], points[k]);
                let share = (percent / a[0]).ln() / (b[0] / a[0]).ln();
                [percent, a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2])]
            }
        };
        (ratio / 100.0, radians(minutes))
    }
}

/// Accuracy class of a voltage transformer (IEC 61869-3); its bounds hold from 80 to 120 % of the rated voltage and are taken
/// beyond, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VtClass {
    /// 0.1.
    C01,
    /// 0.2.
    C02,
    /// 0.5.
    C05,
    /// 1.
    C1,
}

impl VtClass {
    /// Largest ratio error (of 1) and phase displacement in rad.
    pub fn bounds(self) -> (f64, f64) {
        let (percent, minutes) = match self {
            Self::C01 => (0.1, 5.0),
            Self::C02 => (0.2, 10.0),
            Self::C05 => (0.5, 20.0),
            Self::C1 => (1.0, 40.0),
        };
        (percent / 100.0, radians(minutes))
    }
}

fn radians(minutes: f64) -> f64 {
    (minutes / 60.0).to_radians()
}

/// Where a unit is within the bounds of its class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spread {
    /// Anywhere between them, by seed and name.
    Seeded,
    /// At these shares of them, −1 to 1: of the ratio error, of the displacement. `Worst` is `At(1.0, 1.0)`.
    At(f64, f64),
}

/// A unit's shares of the bounds: of the ratio error, of the displacement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Unit(f64, f64);

impl Spread {
    /// The unit that a noise draws.
    pub fn unit(self, noise: Noise) -> Unit {
        match self {
            Self::Seeded => Unit(2.0 * noise.uniform(0) - 1.0, 2.0 * noise.uniform(1) - 1.0),
            Self::At(ratio, phase) => Unit(ratio.clamp(-1.0, 1.0), phase.clamp(-1.0, 1.0)),
        }
    }
}

/// A current transformer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurrentTransformer {
    /// Its class.
    pub class: CtClass,
    /// Rated primary current in A RMS.
    pub rated_a: f64,
    /// Where it is within its class.
    pub spread: Spread,
    /// Saturation of its core, if it has one.
    pub saturation: Option<Saturation>,
}

impl CurrentTransformer {
    /// What it does to a phasor at `times` the fundamental's frequency, when the fundamental current is `load_a`: ratio error
    /// and displacement (positive: it leads).
    pub fn factor(&self, unit: Unit, load_a: f64, times: f64) -> Complex {
        let (ratio, phase) = self.class.bounds(load_a / self.rated_a);
        let fall = if times > 0.0 { 1.0 / times } else { 0.0 };
        Complex::from_polar(1.0 + unit.0 * ratio, unit.1 * phase * fall)
    }
}

/// A voltage transformer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VoltageTransformer {
    /// Its class.
    pub class: VtClass,
    /// Where it is within its class.
    pub spread: Spread,
}

impl VoltageTransformer {
    /// What it does to a phasor, at any order.
    pub fn factor(&self, unit: Unit) -> Complex {
        let (ratio, phase) = self.class.bounds();
        Complex::from_polar(1.0 + unit.0 * ratio, unit.1 * phase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(class: CtClass) -> CurrentTransformer {
        CurrentTransformer { class, rated_a: 200.0, spread: Spread::At(1.0, -1.0), saturation: None }
    }

    #[test]
    fn class_points_are_those_of_the_table() {
        for (class, load, percent, minutes) in [
            (CtClass::C02S, 0.01, 0.75, 30.0),
            (CtClass::C02S, 0.05, 0.35, 15.0),
            (CtClass::C02S, 1.2, 0.2, 10.0),
            (CtClass::C05, 0.05, 1.5, 90.0),
            (CtClass::C05, 1.0, 0.5, 30.0),
            (CtClass::C1, 0.2, 1.5, 90.0),
            (CtClass::C1, 0.0, 3.0, 180.0),
            (CtClass::C1, 5.0, 1.0, 60.0),
            // Half-way by logarithm: √(5·20) = 10 %.
            (CtClass::C02S, 0.1, 0.275, 12.5),
        ] {
            let ct = worst(class);
            let factor = ct.factor(ct.spread.unit(Noise::new(1, "")), load * 200.0, 1.0);
            assert!((factor.norm() - 1.0 - percent / 100.0).abs() < 1e-12, "{class:?} {load}");
            assert!((factor.arg().to_degrees() * 60.0 + minutes).abs() < 1e-9, "{class:?} {load}");
        }
    }

    #[test]
    fn a_displacement_falls_with_the_order() {
        let ct = worst(CtClass::C1);
        let unit = ct.spread.unit(Noise::new(1, ""));
        assert!((ct.factor(unit, 200.0, 5.0).arg().to_degrees() * 60.0 + 12.0).abs() < 1e-9);
        assert_eq!(ct.factor(unit, 200.0, 0.0).arg(), 0.0);
    }

    #[test]
    fn units_fill_their_class() {
        let shares = |k: u64| Spread::Seeded.unit(Noise::new(k, "u1"));
        let (low, high) = (0..1000).map(shares).fold((1.0f64, -1.0f64), |(low, high), u| (low.min(u.0), high.max(u.1)));
        assert!(low < -0.98 && high > 0.98);
        assert_ne!(Spread::Seeded.unit(Noise::new(1, "u1")), Spread::Seeded.unit(Noise::new(1, "u2")));
        let vt = VoltageTransformer { class: VtClass::C02, spread: Spread::At(-2.0, 1.0) };
        let factor = vt.factor(vt.spread.unit(Noise::new(1, "")));
        assert!((factor.norm() - 0.998).abs() < 1e-12 && (factor.arg().to_degrees() * 60.0 - 10.0).abs() < 1e-9);
    }
}
