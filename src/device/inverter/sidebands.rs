//! Sidebands of a site's switching, for the synthesis of waveforms and for a network solved at their frequencies.
//!
//! v_{m,n} = (V_dc/2)·C_mn·e^{jnθ}·Σ_units e^{jmθ_c,u}/√2 behind the filter alone (the current loop ends far below). θ and
//! the depth of modulation M are those of the bridge's own fundamental, found from the voltage and the mean current of all
//! units; M is held to 1, where the linear range of the modulation ends.
//! Limits: all units have one switching frequency to the last digit, so that free carriers keep their angles to each other.

use super::command::Carriers;
use super::settings::Settings;
use crate::device::emission::pwm::{Bridge, Converter, Group, Sideband};
use crate::quantity::{Complex, Noise, complex};

/// Largest |n| that is computed.
const MOST_N: i32 = 8;

/// One component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Component {
    /// Which one it is.
    pub sideband: Sideband,
    /// Its frequency in Hz.
    pub frequency_hz: f64,
    /// Currents into the network in A RMS by phase, into a network of no impedance.
    pub current_a: [Complex; 3],
    /// Admittance of each phase in S at this frequency.
    pub admittance_s: Complex,
}

/// The sidebands of a site.
#[derive(Clone, Debug)]
pub struct Sidebands {
    components: Vec<Component>,
    /// Y_fwd at each component's frequency in S, of one unit.
    forward_s: Vec<Complex>,
    output_s: Vec<Complex>,
    carriers: Carriers,
    /// Angle of each unit's carrier when it is free, in turns.
    free: Vec<f64>,
    /// Σ e^{jmθ_c} by m and phase.
    sums: Vec<[Complex; 3]>,
    three_wire: bool,
    bridge: Bridge,
}

/// The fundamental at a unit's terminals, one phase.
#[derive(Clone, Copy, Debug)]
pub struct Operating {
    /// Voltage in V.
    pub v_v: Complex,
    /// Mean current of the units into the network in A.
    pub current_a: Complex,
}

impl Sidebands {
    /// All components of the first groups that a bridge can make.
    pub fn new(settings: &Settings) -> Self {
        let bridge = settings.unit.converter.bridge;
        let all = (1..=settings.groups).flat_map(|m| (-MOST_N..=MOST_N).map(move |n| Sideband { m, n }));
        let zero = complex(0.0, 0.0);
        let empty = |sideband| Component { sideband, frequency_hz: 0.0, current_a: [zero; 3], admittance_s: zero };
        let components: Vec<Component> = all.filter(|s| bridge.has(*s)).map(empty).collect();
        let noise = Noise::new(settings.seed, &format!("{}.carrier", settings.name));
        Self {
            forward_s: vec![zero; components.len()],
            output_s: vec![zero; components.len()],
            components,
            carriers: Carriers::Free,
            free: (0..settings.count).map(|unit| noise.uniform(unit as u64)).collect(),
            sums: vec![[zero; 3]; settings.groups as usize],
            three_wire: settings.unit.three_wire && settings.unit.phases == 3,
            bridge,
        }
    }

    /// The components.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// How carriers stand.
    pub const fn carriers(&self) -> Carriers {
        self.carriers
    }

    /// Takes over a converter and a fundamental frequency in Hz.
    pub fn tune(&mut self, converter: &Converter, f1_hz: f64) {
        let admittances = self.forward_s.iter_mut().zip(&mut self.output_s);
        for (component, (forward, output)) in self.components.iter_mut().zip(admittances) {
            let Sideband { m, n } = component.sideband;
            component.frequency_hz = f64::from(m) * converter.switching_hz + f64::from(n) * f1_hz;
            [*forward, *output] = converter.filter.admittances_s(component.frequency_hz);
        }
    }

    /// Sets the carriers of the units that emit: their phases, `None` for all three; an `Option` of it, `None` for one that is off.
    pub fn arrange(&mut self, carriers: Carriers, units: impl Iterator<Item = Option<Option<usize>>> + Clone) {
        self.carriers = carriers;
        let on = units.clone().flatten().count();
        for (m, sums) in (1u32..).zip(&mut self.sums) {
            *sums = [complex(0.0, 0.0); 3];
            let present = units.clone().enumerate().filter_map(|(k, unit)| Some((k, unit?)));
            for (place, (unit, phase)) in present.enumerate() {
                let turns = match carriers {
                    Carriers::Free => self.free.get(unit).copied().unwrap_or(0.0) * f64::from(m),
                    Carriers::Synchronised => 0.0,
                    Carriers::Interleaved => part(place * m as usize % on, on),
                };
                let turn = Complex::from_polar(1.0, std::f64::consts::TAU * turns.fract());
                for (p, sum) in sums.iter_mut().enumerate() {
                    if phase.is_none_or(|own| own == p) {
                        *sum += turn;
                    }
                }
            }
        }
    }

    /// Fills the components from the fundamental at the units' terminals by phase, `None` where there is none, behind a
    /// transformer of a ratio; `on` units in each phase.
    pub fn fill(&mut self, converter: &Converter, f1_hz: f64, phases: &[Option<Operating>], ratio: f64, on: f64) {
        let zero = complex(0.0, 0.0);
        self.components.iter_mut().for_each(|c| c.current_a = [zero; 3]);
        for (p, operating) in phases.iter().enumerate().filter_map(|(p, o)| Some((p, o.as_ref()?))) {
            let bridge_v = converter.filter.bridge_v(f1_hz, operating.v_v, operating.current_a);
            let depth = converter.depth(bridge_v.norm()).min(1.0);
            let towards = bridge_v / bridge_v.norm().max(f64::MIN_POSITIVE);
            self.fill_phase(p, depth, towards, 0.5 * converter.vdc_v / 2f64.sqrt() / ratio);
        }
        for (component, output) in self.components.iter_mut().zip(&self.output_s) {
            component.admittance_s = output * (on / (ratio * ratio));
            if self.three_wire {
                let mean = component.current_a.iter().sum::<Complex>() / 3.0;
                component.current_a.iter_mut().for_each(|i| *i -= mean);
            }
        }
    }

    fn fill_phase(&mut self, phase: usize, depth: f64, towards: Complex, size: f64) {
        let (mut group, mut m) = (Group::new(1, depth), 1);
        for (component, forward) in self.components.iter_mut().zip(&self.forward_s) {
            let sideband = component.sideband;
            if sideband.m != m {
                (group, m) = (Group::new(sideband.m, depth), sideband.m);
            }
            let sum = self.sums.get(m as usize - 1).and_then(|s| s.get(phase)).copied().unwrap_or_default();
            let v = towards.powi(sideband.n) * sum * (size * group.bridge(self.bridge, sideband.n));
            if let Some(own) = component.current_a.get_mut(phase) {
                *own = forward * v;
            }
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of units")]
fn part(k: usize, of: usize) -> f64 {
    k as f64 / of as f64
}
