//! Limits of the program: power of actuators, ramps, energy of storages, bands of voltage and ampacity of branches.
//!
//! **Energy.** A storage that gives p for a step of h hours loses h·max(p/η_d, η_c·p). That is convex, so a loss variable w
//! above both keeps the lower limit exactly. With w the upper limit could be kept by wasting energy, which no storage does. It
//! is kept with h·p/η_d for steps in which the linearisation's own dispatch discharges and h·η_c·p for the others: both are
//! below the maximum, so that it is on the safe side whatever comes out, and exact once a program confirms who discharges.
//! Wear is of |p/η_d| or |η_c·p|, again by a variable above both.
//!
//! **Ampacity.** A conductor's current is affine in the program, and its limit a circle around it: a second-order cone. The
//! tangent of that circle would be no use where the objective leaves directions free: each program would run along it, to
//! where the next tangent turns it back. Each conductor has its own limit: which of a branch is loaded most changes from
//! point to point, and one limit for all of them would never come to rest.
//!
//! **Bands and ampacity** come into the program only where they are near ([`Watch`]): of thousands, few ever bind.

use super::affine::{Offsets, Step};
use super::plan::{Group, Inputs};
use super::program::{Program, Row};
use super::settings::{Circle, Settings, Storage};

/// Below this, per unit of power, a limit leaves nothing to choose.
const NOTHING_PU: f64 = 1e-9;
/// A limit comes in when a solution breaks it by more than this, per unit.
const BROKEN: f64 = 1e-7;
/// And from the start where the linearisation's own point is that near to it.
const NEAR: f64 = 2e-3;
/// Most limits that come in at once.
const MOST_AT_ONCE: usize = 400;

/// Share of its limits that an actuator phase has.
fn share(inputs: &Inputs, actuator: usize) -> f64 {
    match inputs.available.get(actuator) {
        None => 1.0,
        Some(share) if share.is_finite() => share.clamp(0.0, 1.0),
        Some(_) => 0.0,
    }
}

/// Adds limits of power, ramps and energy.
pub(super) fn add_of_actuators(
    program: &mut Program,
    settings: &Settings,
    inputs: &Inputs,
    steps: &[Step],
    applied: &[f64],
    base_va: f64,
) {
    let count = settings.actuators.len();
    for step in 0..program.size.steps {
        for (k, actuator) in settings.actuators.iter().enumerate() {
            let places = [program.size.input(step, k), program.size.input(step, count + k)];
            let share = share(inputs, k) / base_va;
            let radius = actuator.s_va * share;
            for (place, band) in places.into_iter().zip([actuator.p_w, actuator.q_var]) {
                add_box(program, place, band.map(|x| x * share).map(|x| if x.is_nan() { 0.0 } else { x }), radius);
            }
            if radius <= NOTHING_PU {
                continue; // It has failed: nothing to choose, and no ramp.
            }
            add_circle(program, settings.circle, places, radius);
            if let Some(ramp) = actuator.ramp_w_per_s {
                let now = [k, count + k].map(|input| applied.get(input).copied().unwrap_or(0.0));
                // One that was derated below what it does may come down at once.
                let most = (ramp * settings.step_s / base_va).max(now[0].hypot(now[1]) - radius);
                places.into_iter().zip(now).for_each(|(place, now)| add_ramp(program, place, step, most, now));
            }
        }
    }
    for storage in 0..settings.storages.len() {
        add_energy(program, settings, inputs, steps, storage, base_va);
    }
}

fn add_box(program: &mut Program, place: usize, [least, most]: [f64; 2], radius: f64) {
    if radius <= NOTHING_PU || most - least <= NOTHING_PU {
        program.given.push((place, 0.0));
        return;
    }
    for (sign, bound) in [(1.0, most), (-1.0, -least)].into_iter().filter(|(_, bound)| *bound < radius) {
        program.rows.push(Row { terms: vec![(place, sign)], upper: bound, group: None });
    }
}

fn add_circle(program: &mut Program, circle: Circle, places: [usize; 2], radius: f64) {
    let Circle::Polygon(sides) = circle else {
        program.circles.push((places, radius));
        return;
    };
    let half = std::f64::consts::PI / f64::from(sides);
    for side in 0..sides {
        let (sin, cos) = (2.0 * half * f64::from(side)).sin_cos();
        let terms = vec![(places[0], cos), (places[1], sin)];
        program.rows.push(Row { terms, upper: radius * half.cos(), group: None });
    }
}

fn add_ramp(program: &mut Program, place: usize, step: usize, most: f64, applied: f64) {
    let before = (step > 0).then(|| place - program.size.inputs);
    for sign in [1.0, -1.0] {
        let mut terms = vec![(place, sign)];
        terms.extend(before.map(|before| (before, -sign)));
        let upper = if before.is_some() { most } else { most + sign * applied };
        program.rows.push(Row { terms, upper, group: Some(Group::Ramp) });
    }
}

/// Power per unit of a storage that is neither charging nor discharging.
const IDLE_PU: f64 = 1e-6;

/// Active power of a storage in a step's dispatch.
fn power(store: &Storage, u: &[f64]) -> f64 {
    store.actuators.iter().filter_map(|k| u.get(*k)).sum()
}

/// The slope with which the upper limit counts a step's power.
fn counted(store: &Storage, step: &Step) -> f64 {
    let p = power(store, &step.at);
    store.slope(if p > IDLE_PU { p } else { 0.0 })
}

/// Whether a storage charges in a dispatch where its upper limit has counted it as discharging, or the other way round.
pub(super) fn turned(settings: &Settings, steps: &[Step], dispatch: &[Vec<f64>]) -> bool {
    let of = |store: &Storage| {
        let mut steps = steps.iter().zip(dispatch);
        steps.any(|(step, u)| {
            let p = power(store, u);
            p.abs() > IDLE_PU && store.slope(p) != counted(store, step)
        })
    };
    settings.storages.iter().any(of)
}

fn add_energy(
    program: &mut Program,
    settings: &Settings,
    inputs: &Inputs,
    steps: &[Step],
    storage: usize,
    base_va: f64,
) {
    let Some(store) = settings.storages.get(storage) else { return };
    let [least, most] = store.energy_wh;
    let [charging, discharging] = store.efficiency;
    let stored = inputs.stored_wh.get(storage).copied().unwrap_or(f64::midpoint(least, most));
    let (size, span, hours) = (program.size, most - least, settings.step_s / 3600.0);
    let per_pu = base_va * hours / span;
    let group = Some(Group::Energy);
    for step in 0..size.steps {
        let power = |k: usize, by: f64| store.actuators.iter().map(move |a| (size.input(k, *a), by));
        let above = |place: usize, by: f64| Row {
            terms: power(step, by).chain([(place, -1.0)]).collect(),
            upper: 0.0,
            group: None,
        };
        let (lost, through) = (size.store(storage, step), size.throughput(storage, step));
        program.rows.extend([1.0 / discharging, charging].map(|by| above(lost, by)));
        // Nothing else holds these down where energy is plenty.
        program.near(1e-9, lost, 0.0);
        if store.wear_per_kwh > 0.0 {
            program.rows.extend([1.0 / discharging, -charging].map(|by| above(through, by)));
        } else {
            program.given.push((through, 0.0));
        }
        // One that is outside its limits may rest.
        let idle = store.idle_w * hours * (step + 1) as f64;
        let drained = || (0..=step).map(|k| (size.store(storage, k), per_pu)).collect();
        program.rows.push(Row { terms: drained(), upper: ((stored - least - idle) / span).max(0.0), group });
        if let Some(end) = store.end_wh.filter(|_| step + 1 == size.steps) {
            program.rows.push(Row { terms: drained(), upper: (stored - end - idle) / span, group });
        }
        let slope = |k: usize| steps.get(k).map_or(charging, |step| counted(store, step));
        let gained = (0..=step).flat_map(|k| power(k, -slope(k) * per_pu)).collect();
        program.rows.push(Row { terms: gained, upper: ((most - stored + idle) / span).max(0.0), group });
    }
}

/// A limit on a quantity of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Watched {
    /// Of a band, at a node: lower.
    Low(usize, usize),
    /// Upper.
    High(usize, usize),
    /// Of a conductor.
    Loading(usize),
}

/// The limits on the network that the program has by now, by step.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    within: std::collections::BTreeSet<(usize, Watched)>,
}

impl Watch {
    /// Takes in what the steps' own points are near to; what a dispatch breaks, when one is given. How many came in.
    pub(super) fn look(
        &mut self,
        settings: &Settings,
        offsets: &Offsets,
        steps: &[Step],
        dispatch: Option<&[Vec<f64>]>,
    ) -> usize {
        let margin = if dispatch.is_some() { BROKEN } else { -NEAR };
        let mut found = Vec::new();
        for (k, step) in steps.iter().enumerate() {
            let u = dispatch.and_then(|dispatch| dispatch.get(k)).unwrap_or(&step.at);
            excesses(settings, offsets, step, u, |excess, watched| {
                if excess > margin && !self.within.contains(&(k, watched)) {
                    found.push((excess, (k, watched)));
                }
            });
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        found.truncate(MOST_AT_ONCE);
        let count = found.len();
        self.within.extend(found.into_iter().map(|(_, watched)| watched));
        count
    }

    /// Adds all of them.
    pub(super) fn add(&self, program: &mut Program, settings: &Settings, offsets: &Offsets, steps: &[Step]) {
        for &(k, watched) in &self.within {
            let Some(step) = steps.get(k) else { continue };
            let band = |band: usize| settings.bands.get(band).map_or([0.0, f64::INFINITY], |band| band.v_pu);
            match watched {
                Watched::Low(b, node) => {
                    program.limit(k, &step.magnitude(node, offsets), -1.0, -band(b)[0], Group::Undervoltage);
                }
                Watched::High(b, node) => {
                    program.limit(k, &step.magnitude(node, offsets), 1.0, band(b)[1], Group::Overvoltage);
                }
                Watched::Loading(conductor) => {
                    let most = settings.most_loading.unwrap_or(f64::INFINITY);
                    program.inside(k, &step.loading(conductor), most, Group::Loading);
                }
            }
        }
    }
}

/// By how much each limit on the network is broken at a dispatch (negative: kept).
fn excesses(settings: &Settings, offsets: &Offsets, step: &Step, u: &[f64], mut take: impl FnMut(f64, Watched)) {
    let moved = u.iter().zip(&step.at).any(|(u, at)| u != at);
    let v_pu = |node: usize| match moved {
        true => step.magnitude(node, offsets).value(u),
        false => step.v_pu(node, offsets),
    };
    for (place, band) in settings.bands.iter().enumerate() {
        let all = 0..if band.nodes.is_empty() { step.state.v_pu.len() } else { 0 };
        for node in band.nodes.iter().copied().chain(all).filter(|node| step.fed(*node)) {
            let v_pu = v_pu(node);
            take(band.v_pu[0] - v_pu, Watched::Low(place, node));
            take(v_pu - band.v_pu[1], Watched::High(place, node));
        }
    }
    if let Some(most) = settings.most_loading {
        let du: Vec<f64> = u.iter().zip(&step.at).map(|(u, at)| u - at).collect();
        for conductor in 0..step.state.loading.len() {
            take(step.loaded(conductor, &du) - most, Watched::Loading(conductor));
        }
    }
}
