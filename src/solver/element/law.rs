//! How the current of one load or source branch follows its voltage.
//!
//! Every law here has the branch current i = G(m)·u with m = |u|/v_base and
//! G = (P·g_p(m) - j·Q·g_q(m))/v_base², so a law is two real functions of the voltage's magnitude (per unit). Outside the
//! voltage band the functions turn to constant impedance, as OpenDSS does. See `docs/models/load.md`.

use crate::quantity::{Complex, complex};

/// Steepness of the ZIP cut-off in 1/pu.
const CUT_OFF_STEEPNESS: f64 = 500.0;

/// Nominal power of one branch, drawn from the network; sources have it negative.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Nominal {
    /// Active power in W.
    pub p_w: f64,
    /// Reactive power in var.
    pub q_var: f64,
    /// Reactive power in var that no multiplier touches; used by [`Law::FixedQ`] and [`Law::FixedX`] only.
    pub q_fixed_var: f64,
}

impl Nominal {
    /// Present power after multipliers; the fixed reactive power stays.
    pub fn times(self, p: f64, q: f64) -> Self {
        Self { p_w: self.p_w * p, q_var: self.q_var * q, ..self }
    }

    /// Admittance at rated voltage in siemens: (P - jQ)/v_base².
    pub fn admittance_s(self, v_base_v: f64) -> Complex {
        complex(self.p_w, -self.q_var) / (v_base_v * v_base_v)
    }
}

/// Conductance of a branch and its slope over the voltage's magnitude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conductance {
    /// Complex admittance in siemens: i = g·u.
    pub g: Complex,
    /// dg/dm in siemens per pu of |u|/v_base.
    pub dg_dm: Complex,
}

/// The voltage band of a load, in per unit of its base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// At and below: nominal impedance.
    pub v_low_pu: f64,
    /// At and below (down to `v_low_pu`): interpolated current magnitude.
    pub v_min_pu: f64,
    /// Above: constant impedance.
    pub v_max_pu: f64,
}

/// How power follows voltage (the numbers are OpenDSS's load models).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Law {
    /// 1: constant P and Q.
    Power(Band),
    /// 2: constant impedance; the factor on the nominal admittance is 1 but for one-phase delta sources.
    Impedance {
        /// Factor on the nominal admittance.
        factor: f64,
    },
    /// 3: constant P, Q quadratic.
    Motor(Band),
    /// 4: P and Q by exponents.
    Exponential {
        /// Voltage band.
        band: Band,
        /// Exponent of P.
        p: f64,
        /// Exponent of Q.
        q: f64,
    },
    /// 5: constant current magnitude.
    Current(Band),
    /// 6: constant P; Q fixed at nominal, whatever the multiplier.
    FixedQ(Band),
    /// 7: constant P; Q from a fixed reactance.
    FixedX(Band),
    /// 8: polynomial with a cut-off.
    Zip {
        /// Voltage band.
        band: Band,
        /// Shares of constant impedance, current and power in P.
        p: [f64; 3],
        /// The same in Q.
        q: [f64; 3],
        /// Voltage in per unit around which the load drops out; 0 for none.
        cut_off_pu: f64,
    },
    /// A generator, photovoltaic or storage system: constant power in its band, constant impedance outside.
    Source {
        /// At and below: the impedance that draws nominal power at this voltage.
        v_min_pu: f64,
        /// Above: the impedance that draws nominal power at this voltage.
        v_max_pu: f64,
        /// Factor on those impedances' admittance: 1 but for one-phase delta sources.
        factor: f64,
    },
    /// A source of limited current: constant power above a voltage, the current at that voltage below it.
    LimitedSource {
        /// The voltage at which the current reaches its limit.
        v_min_pu: f64,
    },
}

/// A factor and its slope.
type Slope = (f64, f64);

/// m^k and its slope.
fn by_power(m: f64, k: f64) -> Slope {
    let g = m.powf(k);
    (g, k * g / m)
}

fn one_by(m: f64) -> Slope {
    (1.0 / m, -1.0 / (m * m))
}

fn one_by_square(m: f64) -> Slope {
    let g = 1.0 / (m * m);
    (g, -2.0 * g / m)
}

const ONE: Slope = (1.0, 0.0);

/// Voltage in per unit below which a source of limited current is an impedance, so that none at all has a current.
const NEXT_TO_NOTHING_PU: f64 = 1e-4;

/// Where in its band a voltage is.
enum Zone {
    Low,
    Interpolated,
    Inside,
    High,
}

impl Band {
    /// No band: the law holds at every voltage.
    pub const NONE: Self = Self { v_low_pu: 0.0, v_min_pu: 0.0, v_max_pu: f64::INFINITY };

    fn zone(&self, m: f64) -> Zone {
        if m <= self.v_low_pu {
            Zone::Low
        } else if m <= self.v_min_pu {
            Zone::Interpolated
        } else if m > self.v_max_pu {
            Zone::High
        } else {
            Zone::Inside
        }
    }

    /// Current magnitude on a straight line from v_low·1 to `at_min`, divided by the voltage.
    fn interpolated(&self, m: f64, at_min: f64) -> Slope {
        let slope = (at_min - self.v_low_pu) / (self.v_min_pu - self.v_low_pu);
        let offset = self.v_low_pu * (1.0 - slope);
        (offset / m + slope, -offset / (m * m))
    }

    /// Constant power: 1/m² inside.
    fn power(&self, m: f64) -> Slope {
        match self.zone(m) {
            Zone::Low => ONE,
            Zone::Interpolated => self.interpolated(m, 1.0 / self.v_min_pu),
            Zone::Inside => one_by_square(m),
            Zone::High => (high(self.v_max_pu, 2), 0.0),
        }
    }

    /// Constant current: 1/m inside.
    fn current(&self, m: f64) -> Slope {
        match self.zone(m) {
            Zone::Low => ONE,
            Zone::Interpolated => self.interpolated(m, 1.0),
            Zone::Inside => one_by(m),
            Zone::High => (high(self.v_max_pu, 1), 0.0),
        }
    }

    /// `inside` within the band; as constant power outside it.
    fn or_power(&self, m: f64, inside: impl FnOnce() -> Slope) -> Slope {
        if matches!(self.zone(m), Zone::Inside) { inside() } else { self.power(m) }
    }

    /// P of the models with a fixed Q: constant power, with no interpolation below the band.
    fn power_stepped(&self, m: f64) -> Slope {
        match self.zone(m) {
            Zone::Interpolated => (high(self.v_min_pu, 2), 0.0),
            _ => self.power(m),
        }
    }
}

/// Factor of the impedance that holds from a band's edge on; an edge of 0 leaves the nominal impedance.
fn high(edge_pu: f64, power: i32) -> f64 {
    if edge_pu == 0.0 { 1.0 } else { edge_pu.powi(-power) }
}

/// What a simple law's factor on the nominal admittance is inside its band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Inside {
    /// 1/m².
    Power,
    /// 1/m.
    Current,
    /// 1.
    Impedance,
}

/// A law whose factor is the same for P and Q, as numbers for the hot loop: `low` at and below √`low2`, then
/// `slope` + `offset`/m up to √`min2`, then [`Inside`] up to √`max2`, then `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zones {
    /// What holds inside the band.
    pub inside: Inside,
    /// m² at and below which `low` holds.
    pub low2: f64,
    /// m² at and below which the interpolation holds.
    pub min2: f64,
    /// m² above which `high` holds.
    pub max2: f64,
    /// Factor at the lowest voltages.
    pub low: f64,
    /// Interpolation: constant part.
    pub slope: f64,
    /// Interpolation: part over m.
    pub offset: f64,
    /// Factor at the highest voltages.
    pub high: f64,
}

impl Zones {
    fn of_band(band: &Band, inside: Inside) -> Self {
        let (at_min, power) = if inside == Inside::Power { (1.0 / band.v_min_pu, 2) } else { (1.0, 1) };
        let width = band.v_min_pu - band.v_low_pu;
        let slope = if width > 0.0 { (at_min - band.v_low_pu) / width } else { 0.0 };
        Self {
            inside,
            low2: band.v_low_pu * band.v_low_pu,
            min2: band.v_min_pu * band.v_min_pu,
            max2: band.v_max_pu * band.v_max_pu,
            low: 1.0,
            slope,
            offset: band.v_low_pu * (1.0 - slope),
            high: high(band.v_max_pu, power),
        }
    }
}

impl Law {
    /// The law as numbers, where its factor is the same for P and Q and needs no more than these zones.
    pub fn zones(&self) -> Option<Zones> {
        match self {
            Self::Power(band) => Some(Zones::of_band(band, Inside::Power)),
            Self::Current(band) => Some(Zones::of_band(band, Inside::Current)),
            Self::Impedance { factor } if *factor == 1.0 => Some(Zones {
                inside: Inside::Impedance,
                low2: -1.0,
                min2: -1.0,
                ..Zones::of_band(&Band::NONE, Inside::Impedance)
            }),
            Self::Source { v_min_pu, v_max_pu, factor } => Some(Zones {
                low2: v_min_pu * v_min_pu,
                low: factor * high(*v_min_pu, 2),
                high: factor * high(*v_max_pu, 2),
                ..Zones::of_band(&Band { v_low_pu: 0.0, v_min_pu: *v_min_pu, v_max_pu: *v_max_pu }, Inside::Power)
            }),
            Self::LimitedSource { v_min_pu } => Some(Zones {
                low2: NEXT_TO_NOTHING_PU * NEXT_TO_NOTHING_PU,
                low: 1.0 / (v_min_pu * NEXT_TO_NOTHING_PU),
                slope: 0.0,
                offset: 1.0 / v_min_pu,
                ..Zones::of_band(&Band { v_min_pu: *v_min_pu, ..Band::NONE }, Inside::Power)
            }),
            _ => None,
        }
    }

    /// Conductance of a branch at a voltage of `m` per unit of `v_base_v`; linear in the nominal power.
    #[inline]
    pub fn conductance(&self, nominal: Nominal, v_base_v: f64, m: f64) -> Conductance {
        let ((g_p, dg_p), (g_q, dg_q), q_var) = self.factors(nominal, m);
        let scale = 1.0 / (v_base_v * v_base_v);
        Conductance {
            g: complex(nominal.p_w * g_p, -q_var * g_q) * scale,
            dg_dm: complex(nominal.p_w * dg_p, -q_var * dg_q) * scale,
        }
    }

    /// Factors of P and Q with their slopes, and the reactive power that the second one is for.
    #[inline]
    fn factors(&self, nominal: Nominal, m: f64) -> (Slope, Slope, f64) {
        let both = |g: Slope| (g, g, nominal.q_var);
        match self {
            Self::Power(band) => both(band.power(m)),
            Self::Impedance { factor } => both((*factor, 0.0)),
            Self::Current(band) => both(band.current(m)),
            Self::Motor(band) => (band.power(m), band.or_power(m, || ONE), nominal.q_var),
            Self::Exponential { band, p, q } => {
                (band.or_power(m, || by_power(m, p - 2.0)), band.or_power(m, || by_power(m, q - 2.0)), nominal.q_var)
            }
            Self::FixedQ(band) | Self::FixedX(band) => {
                let g_q = match (band.zone(m), self) {
                    (Zone::Low, _) => return (ONE, ONE, nominal.q_var),
                    (Zone::Inside, Self::FixedQ(_)) => one_by_square(m),
                    _ => ONE,
                };
                (band.power_stepped(m), g_q, nominal.q_fixed_var)
            }
            Self::Zip { band, p, q, cut_off_pu } => zip(band, p, q, *cut_off_pu, nominal.q_var, m),
            Self::Source { v_min_pu, v_max_pu, factor } => both(if m <= *v_min_pu {
                (factor * high(*v_min_pu, 2), 0.0)
            } else if m > *v_max_pu {
                (factor * high(*v_max_pu, 2), 0.0)
            } else {
                one_by_square(m)
            }),
            Self::LimitedSource { v_min_pu } => both(if m > *v_min_pu {
                one_by_square(m)
            } else if m > NEXT_TO_NOTHING_PU {
                (1.0 / (m * v_min_pu), -1.0 / (m * m * v_min_pu))
            } else {
                (1.0 / (NEXT_TO_NOTHING_PU * v_min_pu), 0.0)
            }),
        }
    }
}

fn zip(band: &Band, p: &[f64; 3], q: &[f64; 3], cut_off_pu: f64, q_var: f64, m: f64) -> (Slope, Slope, f64) {
    if matches!(band.zone(m), Zone::Low) {
        return (ONE, ONE, q_var);
    }
    let (current, power) = (band.current(m), band.power(m));
    let (keep, keep_slope) = cut_off(cut_off_pu, m);
    let sum = |[z, i, c]: &[f64; 3]| {
        let (g, slope) = (z + i * current.0 + c * power.0, i * current.1 + c * power.1);
        (g * keep, slope * keep + g * keep_slope)
    };
    (sum(p), sum(q), q_var)
}

/// Share of the load that stays at a voltage: ½(1 + tanh(500·(m - cut-off))).
fn cut_off(cut_off_pu: f64, m: f64) -> Slope {
    if cut_off_pu > 0.0 {
        let t = (CUT_OFF_STEEPNESS * (m - cut_off_pu)).tanh();
        (0.5 * (1.0 + t), 0.5 * CUT_OFF_STEEPNESS * (1.0 - t * t))
    } else {
        ONE
    }
}
