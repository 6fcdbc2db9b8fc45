//! Line constants: series impedance and shunt admittance per metre from conductors and their positions.
//!
//! Earth return after Carson (1926), simplified or as his series, or after Deri et al. (1981, complex depth, with the
//! conductor's skin effect by Bessel functions); capacitance from potential coefficients; concentric-neutral and
//! tape-shielded cables after Kersting, *Distribution System Modeling and Analysis*, chapters 4 and 5. Screens are
//! always grounded and reduced out. Limits: parallel conductors over flat earth of one resistivity, no proximity effect.
//! See `docs/models/line.md`.

use super::line::Section;
use super::{Admittance, Reason, count, positive};
use crate::feeder::{Cable, EarthModel, Feeder, Geometry, Wire};
use crate::quantity::{Complex, complex};

// As few digits as OpenDSS has, so that results agree beyond the seventh digit.
const PERMITTIVITY_F_PER_M: f64 = 8.854e-12;
const PERMEABILITY_H_PER_M: f64 = 12.56637e-7;
#[allow(clippy::approx_constant, reason = "as few digits as OpenDSS has")]
const TWO_PI: f64 = 6.283185307;
/// Geometric mean radius of a solid round wire by its radius, e^(-1/4), as commonly rounded.
const GMR_BY_RADIUS: f64 = 0.7788;
/// AC resistance by DC resistance where only one is known.
const AC_BY_DC: f64 = 1.02;
/// Resistivity of a copper tape in ohm metres, and 1/π as commonly rounded.
const TAPE_OHM_M: f64 = 2.3718e-8;
#[allow(clippy::approx_constant, reason = "as few digits as OpenDSS has")]
const ONE_BY_PI: f64 = 0.3183;

/// Conductors at each end of a line with this geometry.
pub(super) fn kept(geometry: &Geometry) -> usize {
    if geometry.reduce { geometry.phases } else { geometry.conductors.len() }
}

/// Impedance in ohm and admittance in siemens per metre at a frequency.
pub(super) fn per_metre(feeder: &Feeder, geometry: &Geometry, earth_ohm_m: f64, f_hz: f64) -> Result<Section, Reason> {
    let phases = count("phases", geometry.phases, 1)?;
    count("conductors", geometry.conductors.len(), phases)?;
    let earth = Earth::new(feeder.earth_model, positive("earth_ohm_m", earth_ohm_m)?, f_hz);
    let parts = geometry.conductors.iter().map(|c| Placed::new(feeder, c)).collect::<Result<Vec<_>, _>>()?;
    let cables = parts.iter().any(|c| c.cable.is_some());
    check_clearances(&parts, phases, cables)?;
    let (z, y) = if cables {
        let screens = parts.iter().take(phases).map(Screen::new).collect::<Result<Vec<_>, _>>()?;
        (cable_impedance(&earth, &parts, &screens)?, cable_admittance(&earth, &parts, phases)?)
    } else {
        (wire_impedance(&earth, &parts), overhead_admittance(&earth, &parts)?)
    };
    let n = kept(geometry);
    Ok(Section { z_ohm: z.kron(n).ok_or(Reason::Singular)?, y_s: y.leading(n) })
}

/// A conductor with its data completed and in SI units.
struct Placed<'a> {
    x_m: f64,
    h_m: f64,
    r_ac_ohm_per_m: f64,
    r_dc_ohm_per_m: f64,
    gmr_m: f64,
    radius_m: f64,
    capacitance_radius_m: f64,
    cable: Option<&'a Cable>,
}

impl<'a> Placed<'a> {
    fn new(feeder: &'a Feeder, conductor: &crate::feeder::Conductor) -> Result<Self, Reason> {
        let (wire, cable) = match (&conductor.wire, &conductor.cable) {
            (_, Some(name)) => {
                let unknown = || Reason::Unknown { kind: "cable", name: name.clone() };
                let cable = feeder.cables.get(name).ok_or_else(unknown)?;
                (&cable.conductor, Some(cable))
            }
            (Some(name), None) => {
                let unknown = || Reason::Unknown { kind: "wire", name: name.clone() };
                (feeder.wires.get(name).ok_or_else(unknown)?, None)
            }
            (None, None) => return Err(Reason::Missing("the wire or cable of a conductor")),
        };
        Self::of_wire(wire, cable, conductor.x_m, conductor.h_m)
    }

    fn of_wire(wire: &Wire, cable: Option<&'a Cable>, x_m: f64, h_m: f64) -> Result<Self, Reason> {
        let r_ac = wire.r_ac_ohm_per_km.or(wire.r_dc_ohm_per_km.map(|r| r * AC_BY_DC));
        let r_dc = wire.r_dc_ohm_per_km.or(wire.r_ac_ohm_per_km.map(|r| r / AC_BY_DC));
        let gmr = wire.gmr_mm.or(wire.radius_mm.map(|r| r * GMR_BY_RADIUS));
        let radius = wire.radius_mm.or(wire.gmr_mm.map(|g| g / GMR_BY_RADIUS));
        let radius_mm = positive("a conductor's radius in mm", radius.ok_or(Reason::Missing("a conductor's radius"))?)?;
        let capacitance_mm = wire.capacitance_radius_mm.unwrap_or(radius_mm);
        Ok(Self {
            x_m,
            h_m,
            r_ac_ohm_per_m: r_ac.ok_or(Reason::Missing("a conductor's resistance"))? / 1000.0,
            r_dc_ohm_per_m: r_dc.ok_or(Reason::Missing("a conductor's resistance"))? / 1000.0,
            gmr_m: positive("a conductor's GMR in mm", gmr.unwrap_or(0.0))? / 1000.0,
            radius_m: radius_mm / 1000.0,
            capacitance_radius_m: positive("a conductor's capacitance radius in mm", capacitance_mm)? / 1000.0,
            cable,
        })
    }

    fn distance_m(&self, other: &Self) -> f64 {
        (self.x_m - other.x_m).hypot(self.h_m - other.h_m)
    }
}

fn check_clearances(parts: &[Placed], phases: usize, cables: bool) -> Result<(), Reason> {
    // Bare neutrals among cables have no size of their own here, as in OpenDSS.
    let radius = |i: usize, c: &Placed| if cables && i >= phases { 0.0 } else { c.radius_m };
    for (i, a) in parts.iter().enumerate() {
        if !(a.x_m.is_finite() && a.h_m.is_finite()) {
            return Err(Reason::Value {
                what: "a conductor's position",
                value: a.x_m + a.h_m,
                range: "it is not finite",
            });
        }
        if !cables && a.h_m <= 0.0 {
            return Err(Reason::Touching(i + 1, "the ground".to_owned()));
        }
        for (j, b) in parts.iter().enumerate().skip(i + 1) {
            if a.distance_m(b) < radius(i, a) + radius(j, b) {
                return Err(Reason::Touching(i + 1, format!("conductor {}", j + 1)));
            }
        }
    }
    Ok(())
}

/// The earth as return conductor, at one frequency.
struct Earth {
    model: EarthModel,
    resistivity_ohm_m: f64,
    f_hz: f64,
    omega: f64,
}

impl Earth {
    fn new(model: EarthModel, resistivity_ohm_m: f64, f_hz: f64) -> Self {
        Self { model, resistivity_ohm_m, f_hz, omega: TWO_PI * f_hz }
    }

    /// Impedance per metre that one unit of logarithm stands for: jωμ₀/2π.
    fn per_log(&self) -> Complex {
        complex(0.0, self.omega * PERMEABILITY_H_PER_M / TWO_PI)
    }

    /// Between 40 Hz and 1 kHz a conductor's published geometric mean radius stands for its internal reactance.
    fn uses_gmr(&self) -> bool {
        self.f_hz > 40.0 && self.f_hz < 1000.0
    }

    /// A conductor's own impedance per metre, earth included.
    fn own(&self, c: &Placed) -> Complex {
        let internal = self.internal(c);
        let (internal, radius_m) =
            if self.uses_gmr() { (complex(internal.re, 0.0), c.gmr_m) } else { (internal, c.radius_m) };
        internal + self.per_log() * (1.0 / radius_m).ln() + self.between(c, c)
    }

    /// Mutual impedance per metre of conductors `distance_m` apart, earth included.
    fn mutual(&self, a: &Placed, b: &Placed, distance_m: f64) -> Complex {
        self.per_log() * (1.0 / distance_m).ln() + self.between(a, b)
    }

    /// Internal impedance of a round conductor: uniform current, or with skin effect (Deri).
    fn internal(&self, c: &Placed) -> Complex {
        if self.model != EarthModel::Deri {
            return complex(c.r_ac_ohm_per_m, self.omega * PERMEABILITY_H_PER_M / (8.0 * std::f64::consts::PI));
        }
        let diagonal = complex(1.0, 1.0);
        let argument = diagonal * (self.f_hz * PERMEABILITY_H_PER_M / c.r_dc_ohm_per_m).sqrt();
        diagonal * bessel_ratio(argument) * ((c.r_dc_ohm_per_m * self.f_hz * PERMEABILITY_H_PER_M).sqrt() / 2.0)
    }

    /// Earth-return impedance per metre of a pair of conductors.
    fn between(&self, a: &Placed, b: &Placed) -> Complex {
        match self.model {
            EarthModel::Carson => self.simplified_carson(),
            EarthModel::FullCarson => self.carson(a, b),
            EarthModel::Deri => self.deri(a, b),
        }
    }

    fn simplified_carson(&self) -> Complex {
        let depth_ratio = 658.5 * (self.resistivity_ohm_m / self.f_hz).sqrt();
        complex(self.omega * PERMEABILITY_H_PER_M / 8.0, 0.0) + self.per_log() * depth_ratio.ln()
    }

    /// Carson's series to the fourth power, in the form of Tleis, *Power Systems Modelling and Fault Analysis*, 3.2.
    fn carson(&self, a: &Placed, b: &Placed) -> Complex {
        use std::f64::consts::{PI, SQRT_2};
        const C2: f64 = 1.3659315;
        const C4: f64 = C2 + 1.0 / 4.0 + 1.0 / 6.0;
        let (b1, b2) = (1.0 / (3.0 * SQRT_2), 1.0 / 16.0);
        let (b3, b4) = (b1 / 15.0, b2 / 24.0);
        let (d2, d4) = (b2 * PI / 4.0, b4 * PI / 4.0);
        let height_m = a.h_m.abs() + b.h_m.abs();
        let image_m = if std::ptr::eq(a, b) { height_m } else { height_m.hypot(a.x_m - b.x_m) };
        let angle = (height_m / image_m).min(1.0).acos();
        let m = 2.8099e-3 * image_m * (self.f_hz / self.resistivity_ohm_m).sqrt();
        let cos = |k: f64| (k * angle).cos();
        let series = |c: f64, k: f64| (c.exp() / m).ln() * cos(k) + angle * (k * angle).sin();
        let p = PI / 8.0 - b1 * m * cos(1.0) + b2 * m * m * series(C2, 2.0) + b3 * m.powi(3) * cos(3.0)
            - d4 * m.powi(4) * cos(4.0);
        let q = 0.5 * (1.85138 / m).ln() + b1 * m * cos(1.0) - d2 * m * m * cos(2.0) + b3 * m.powi(3) * cos(3.0)
            - b4 * m.powi(4) * series(C4, 4.0);
        complex(p, q + 0.5 * image_m.ln()) * (self.omega * PERMEABILITY_H_PER_M / PI)
    }

    /// Images mirrored at the complex depth √(ρ/jωμ₀).
    fn deri(&self, a: &Placed, b: &Placed) -> Complex {
        let depth_m =
            complex(1.0, 0.0) / complex(0.0, self.omega * PERMEABILITY_H_PER_M / self.resistivity_ohm_m).sqrt();
        let height_m = depth_m * 2.0 + (a.h_m.abs() + b.h_m.abs());
        let across_m = a.x_m - b.x_m;
        self.per_log() * (height_m * height_m + across_m * across_m).sqrt().ln()
    }
}

/// I₀(z)/I₁(z) of the modified Bessel functions, by their power series; 1 for large arguments.
fn bessel_ratio(z: Complex) -> Complex {
    if z.norm() > 35.0 {
        return complex(1.0, 0.0);
    }
    let quarter = z * z * 0.25;
    let (mut term0, mut term1) = (complex(1.0, 0.0), z * 0.5);
    let (mut sum0, mut sum1) = (term0, term1);
    for k in 1..200 {
        let k = f64::from(k);
        term0 *= quarter / (k * k);
        term1 *= quarter / (k * (k + 1.0));
        sum0 += term0;
        sum1 += term1;
        if term0.norm() < 1e-17 * sum0.norm() && term1.norm() < 1e-17 * sum1.norm() {
            break;
        }
    }
    sum0 / sum1
}

/// What the resistance of a solid round conductor is multiplied by at a frequency, by its direct-current resistance per
/// metre: Re{(α/2)·I₀(α)/I₁(α)}, α = (1 + j)·√(f·μ₀/R), as [`Earth::internal`].
pub(super) fn skin_factor(r_dc_ohm_per_m: f64, f_hz: f64) -> f64 {
    let argument = complex(1.0, 1.0) * (f_hz * PERMEABILITY_H_PER_M / r_dc_ohm_per_m).sqrt();
    (argument * 0.5 * bessel_ratio(argument)).re
}

fn wire_impedance(earth: &Earth, parts: &[Placed]) -> Admittance {
    Admittance::from_fn(parts.len(), |i, j| match (parts.get(i), parts.get(j)) {
        (Some(a), Some(_)) if i == j => earth.own(a),
        (Some(a), Some(b)) => earth.mutual(a, b, a.distance_m(b)),
        _ => complex(0.0, 0.0),
    })
}

/// Nodal admittance per metre of overhead conductors: jω times the inverse of the potential coefficients.
fn overhead_admittance(earth: &Earth, parts: &[Placed]) -> Result<Admittance, Reason> {
    let factor = -1.0 / TWO_PI / PERMITTIVITY_F_PER_M / earth.omega;
    let coefficient = |a: &Placed, b: &Placed| {
        if std::ptr::eq(a, b) {
            (2.0 * a.h_m / a.capacitance_radius_m).ln()
        } else {
            ((a.x_m - b.x_m).hypot(a.h_m + b.h_m) / a.distance_m(b)).ln()
        }
    };
    let potential = Admittance::from_fn(parts.len(), |i, j| match (parts.get(i), parts.get(j)) {
        (Some(a), Some(b)) => complex(0.0, factor * coefficient(a, b)),
        _ => complex(0.0, 0.0),
    });
    potential.inverse().ok_or(Reason::Singular)
}

/// A grounded screen around a cable's conductor.
struct Screen {
    r_ohm_per_m: f64,
    gmr_m: f64,
    /// Radius of the circle that the screen stands on.
    radius_m: f64,
    /// Number of strands; a tape is a closed tube.
    strands: Option<f64>,
}

impl Screen {
    fn new(conductor: &Placed) -> Result<Self, Reason> {
        let cable = conductor.cable.ok_or(Reason::Missing("the cable of a phase among cables"))?;
        if let Some(strands) = &cable.strands {
            let diameter_mm = positive("a strand's diameter in mm", strands.diameter_mm)?;
            let count = positive("the number of strands", f64::from(strands.count))?;
            let radius_m = positive("a screen's radius", 0.5 * (cable.cable_diameter_mm - diameter_mm))? / 1000.0;
            let strand_m = strands.gmr_mm.unwrap_or(GMR_BY_RADIUS * 0.5 * diameter_mm) / 1000.0;
            let gmr_m = (positive("a strand's GMR", strand_m)? * count * radius_m.powf(count - 1.0)).powf(1.0 / count);
            let r_ohm_per_m = strands.r_ohm_per_km / 1000.0 / count;
            return Ok(Self { r_ohm_per_m, gmr_m, radius_m, strands: Some(count) });
        }
        let tape = cable.tape.as_ref().ok_or(Reason::Missing("the strands or the tape of a cable"))?;
        let diameter_m = positive("a tape's diameter in mm", tape.diameter_mm)? / 1000.0;
        let thickness_m = positive("a tape's thickness in mm", tape.thickness_mm)? / 1000.0;
        let lap = (50.0 / positive("100 less a tape's lap in percent", 100.0 - tape.lap_percent)?).sqrt();
        let radius_m = positive("a tape's mean radius", 0.5 * (diameter_m - thickness_m))?;
        let r_ohm_per_m = ONE_BY_PI * TAPE_OHM_M / (diameter_m * thickness_m * lap);
        Ok(Self { r_ohm_per_m, gmr_m: radius_m, radius_m, strands: None })
    }

    /// Geometric mean distance to the conductor of another cable, `distance_m` away, or to the screen's own conductor.
    fn distance_m(&self, distance_m: f64, own: bool) -> f64 {
        match self.strands {
            _ if own => self.radius_m,
            Some(k) => (distance_m.powf(k) - self.radius_m.powf(k)).powf(1.0 / k),
            None => distance_m,
        }
    }
}

/// Impedance of cables' conductors and bare wires with the screens, which come after them, reduced out.
fn cable_impedance(earth: &Earth, parts: &[Placed], screens: &[Screen]) -> Result<Admittance, Reason> {
    let n = parts.len();
    let z = Admittance::from_fn(n + screens.len(), |row, column| {
        // A screen is at the place of its cable; the lower triangle decides.
        let (i, j) = (row.max(column), row.min(column));
        let place = |k: usize| parts.get(if k < n { k } else { k - n });
        let (Some(a), Some(b)) = (place(i), place(j)) else { return complex(0.0, 0.0) };
        match screens.get(i.wrapping_sub(n)) {
            None if i == j => earth.own(a),
            None => earth.mutual(a, b, a.distance_m(b)),
            Some(s) if i == j => s.r_ohm_per_m + earth.mutual(a, a, s.gmr_m),
            Some(_) if j >= n => earth.mutual(a, b, a.distance_m(b)),
            Some(s) => earth.mutual(a, b, s.distance_m(a.distance_m(b), i - n == j)),
        }
    });
    z.kron(n).ok_or(Reason::Singular)
}

/// Admittance of screened cables: each conductor to its own grounded screen; bare wires among them have none.
fn cable_admittance(earth: &Earth, parts: &[Placed], phases: usize) -> Result<Admittance, Reason> {
    let mut y = Admittance::zeros(parts.len());
    for (i, cable) in parts.iter().take(phases).enumerate().filter_map(|(i, c)| Some((i, c.cable?))) {
        let outer_mm = 0.5 * positive("insulation_diameter_mm", cable.insulation_diameter_mm)?;
        let inner_mm = positive("the insulation's inner radius in mm", outer_mm - cable.insulation_mm)?;
        let c_per_m = TWO_PI * PERMITTIVITY_F_PER_M * positive("permittivity", cable.permittivity)?
            / positive("the logarithm of the insulation's radii", (outer_mm / inner_mm).ln())?;
        y.set(i, i, complex(0.0, earth.omega * c_per_m));
    }
    Ok(y)
}
