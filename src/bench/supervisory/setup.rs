//! From what a scenario says of an S-PBC to the supervisor with its own model of the network.
//!
//! The model is the scenario's feeder, or a file of its own, with loads at their nominal power. What else draws power is
//! not in it: devices that it does not plan with, loads that events add, profiles that its forecast does not name. Lines
//! that the scenario switches are its switches; regulators stand where they stand; capacitors are as its file has them.

use crate::bench::SetupError;
use crate::bench::model::{GridModel, ModelSettings};
use crate::bench::phasor::model::node_of;
use crate::control::supervisory::{
    Actuator, Band, Layout, Linearisation, NetworkModel, Objective, Performance, Settings, Storage, Supervisor,
};
use crate::feeder::Feeder;
use crate::scenario::{Action, Branch, LinearisationSetting, NodeRef, Phasor, Plan, Supervisory};

/// A supervisor, and what goes with it.
pub(super) struct Made {
    pub(super) supervisor: Supervisor,
    /// Models that tell what a dispatch lets flow into zones below, by zone.
    pub(super) below: Vec<(usize, GridModel)>,
    /// Places of the model's switches among the feeder's lines.
    pub(super) switches: Vec<usize>,
}

/// Makes the S-PBC at a place of the plan's.
pub(super) fn make(plan: &Plan, place: usize) -> Result<Made, SetupError> {
    let all = &plan.equipment.supervisors;
    let Some(own) = all.get(place) else { return Err(refused("", "there is none")) };
    made(plan, place, own).map_err(|error| refused(&own.name, &error))
}

fn refused(name: &str, error: &str) -> SetupError {
    SetupError::Controller { name: name.to_owned(), error: error.to_owned() }
}

fn made(plan: &Plan, place: usize, own: &Supervisory) -> Result<Made, String> {
    let mut feeder = own.model.as_deref().unwrap_or(&plan.feeder).clone();
    // The whole multiplier comes with what a plan is made of.
    feeder.solve.load_multiplier = 1.0;
    let switches = switches(plan);
    let names = actuator_nodes(plan, own);
    let model_settings = ModelSettings {
        actuators: names.clone(),
        head: own.setting.head.as_deref().map(plain),
        switches: switches.iter().filter_map(|k| Some(plan.feeder.lines.get_index(*k)?.0.clone())).collect(),
        losses: losses(own),
        loading: own.setting.ampacity,
        root: root(plan, own),
        ..ModelSettings::new(&[], base_va(plan, own))
    };
    let model = GridModel::new(&feeder, &model_settings).map_err(|error| error.to_string())?;
    let mut below = Vec::new();
    for (zone, other) in plan.equipment.supervisors.iter().enumerate().filter(|(_, z)| z.zone.above == Some(place)) {
        let head = other.setting.head.as_deref().map(plain);
        let settings = ModelSettings { head, losses: false, loading: false, ..model_settings.clone() };
        below.push((zone, GridModel::new(&feeder, &settings).map_err(|error| error.to_string())?));
    }
    let settings = settings(plan, own, &feeder, &model)?;
    let supervisor = Supervisor::new(settings, Box::new(model)).map_err(|error| error.to_string())?;
    Ok(Made { supervisor, below, switches })
}

/// Whether losses, or a head that curves as they do, are in its objectives.
fn losses(own: &Supervisory) -> bool {
    let o = &own.setting.objectives;
    o.losses > 0.0 || o.cost.contains_key("head") || o.track_head.is_some() || own.zone.above.is_some()
}

/// The name of an element without its kind.
fn plain(name: &str) -> String {
    let name = name.to_lowercase();
    let kind = ["line.", "transformer."].into_iter().find_map(|kind| name.strip_prefix(kind));
    kind.map_or_else(|| name.clone(), str::to_owned)
}

/// Places among the feeder's lines of those that something switches as a whole.
fn switches(plan: &Plan) -> Vec<usize> {
    let triggers = plan.triggers.iter().flat_map(|t| [Some(t.action), t.undo.as_ref().map(|undo| undo.0)]).flatten();
    let actions = plan.initial.iter().copied().chain(plan.events.iter().map(|event| event.action)).chain(triggers);
    let mut lines: Vec<usize> = actions
        .filter_map(|action| match action {
            Action::Switch { branch: Branch::Line(line), .. } => Some(line),
            _ => None,
        })
        .collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// Nodes of all actuator phases.
fn actuator_nodes(plan: &Plan, own: &Supervisory) -> Vec<String> {
    let node = |&[device, phase]: &[usize; 2]| {
        let device = plan.equipment.devices.get(device)?;
        let added = plan.added.get(device.load.checked_sub(plan.feeder.loads.len())?)?;
        Some(format!("{}.{}", added.bus.bus, added.bus.nodes.get(phase)?))
    };
    own.actuators.iter().filter_map(node).collect()
}

/// Rated power of a phase of a device in VA.
#[allow(clippy::cast_precision_loss, reason = "a few phases")]
pub(super) fn rated_va(plan: &Plan, device: usize) -> f64 {
    plan.equipment.devices.get(device).map_or(0.0, |own| own.limits.s_va / own.phases.len().max(1) as f64)
}

fn base_va(plan: &Plan, own: &Supervisory) -> f64 {
    let largest = own.actuators.iter().map(|[device, _]| rated_va(plan, *device)).fold(0.0, f64::max);
    own.setting.base_kva.map_or(largest, |kva| kva * 1000.0)
}

/// Bus of the tree's root, where LinDist3Flow needs one.
fn root(plan: &Plan, own: &Supervisory) -> Option<String> {
    if own.setting.linearisation != LinearisationSetting::Lindist3flow {
        return None;
    }
    let first = || {
        let phasor = plan.equipment.phasors.get(*own.targets.first()?)?;
        node_of(plan, &phasor.reference, phasor.reference.channels.first()?[0]).map(|node| node.bus.clone())
    };
    own.setting.root.as_ref().map(|root| root.to_lowercase()).or_else(first)
}

#[allow(clippy::cast_precision_loss, reason = "ticks from plan to plan")]
fn settings(plan: &Plan, own: &Supervisory, feeder: &Feeder, model: &GridModel) -> Result<Settings, String> {
    let every_s = plan.step.seconds() * own.every as f64;
    let phasors = || own.targets.iter().filter_map(|place| plan.equipment.phasors.get(*place));
    let performance = phasors().map(|phasor| performance(plan, phasor, model.layout())).collect::<Result<_, _>>()?;
    Ok(Settings {
        actuators: own.actuators.iter().map(|pair| actuator(plan, own, *pair)).collect(),
        storages: stores(plan, own).iter().filter_map(|device| storage(plan, own, *device)).collect(),
        performance,
        objectives: objectives(plan, own, feeder, model),
        bands: own.setting.limits_pu.iter().map(|v_pu| Band { nodes: Vec::new(), v_pu: *v_pu }).collect(),
        most_loading: own.setting.ampacity.then_some(1.0),
        steps: own.setting.horizon.steps,
        step_s: own.setting.horizon.step_s.unwrap_or(every_s),
        linearisation: match own.setting.linearisation {
            LinearisationSetting::Sensitivities => Linearisation::Sensitivities,
            LinearisationSetting::Lindist3flow => Linearisation::LinDist3Flow,
        },
        ..Settings::default()
    })
}

#[allow(clippy::cast_precision_loss, reason = "a few phases")]
fn actuator(plan: &Plan, own: &Supervisory, [device, _]: [usize; 2]) -> Actuator {
    let found = plan.equipment.devices.get(device);
    let phases = found.map_or(1, |own| own.phases.len().max(1)) as f64;
    let ramp = found.map_or(f64::INFINITY, |own| own.limits.ramp_w_per_s.min(own.limits.ramp_var_per_s)) / phases;
    let cost = found.and_then(|device| own.setting.objectives.cost.get(&device.name)).copied().unwrap_or(0.0);
    Actuator {
        ramp_w_per_s: ramp.is_finite().then_some(ramp),
        cost_per_kwh: cost,
        ..Actuator::of(rated_va(plan, device))
    }
}

/// Devices with batteries that it plans with: the order of its storages.
pub(super) fn stores(plan: &Plan, own: &Supervisory) -> Vec<usize> {
    let stores = |device: usize| plan.equipment.devices.get(device).is_some_and(|own| own.battery().is_some());
    let mut devices: Vec<usize> = own.actuators.iter().map(|[device, _]| *device).filter(|k| stores(*k)).collect();
    devices.sort_unstable();
    devices.dedup();
    devices
}

/// What the battery of a device is to a plan.
fn storage(plan: &Plan, own: &Supervisory, device: usize) -> Option<Storage> {
    let found = plan.equipment.devices.get(device)?;
    let battery = found.battery()?;
    let setting = own.setting.storage.get(&found.name);
    let percent = |percent: f64| percent / 100.0 * battery.energy_wh;
    let energy_wh = setting.and_then(|own| own.band_percent).map_or(battery.band_wh(), |band| band.map(percent));
    let phases = own.actuators.iter().enumerate().filter(|(_, pair)| pair[0] == device);
    Some(Storage {
        efficiency: [battery.charge_efficiency, battery.discharge_efficiency],
        idle_w: battery.idle_w,
        end_wh: setting.and_then(|own| own.end_percent).map(percent),
        wear_per_kwh: setting.map_or(0.0, |own| own.wear_per_kwh),
        end_value_per_kwh: setting.map_or(0.0, |own| own.end_value_per_kwh),
        ..Storage::of(phases.map(|(k, _)| k).collect(), energy_wh)
    })
}

fn performance(plan: &Plan, phasor: &Phasor, layout: &Layout) -> Result<Performance, String> {
    let places = |observed: &crate::scenario::Observed| {
        let place = |&[channel, _]: &[usize; 2]| {
            let node = node_of(plan, observed, channel).map(name).unwrap_or_default();
            layout.node(&node).ok_or_else(|| format!("its model has no node {node:?}"))
        };
        observed.channels.iter().map(place).collect::<Result<Vec<_>, _>>()
    };
    Ok(Performance { nodes: places(&phasor.performance)?, reference: places(&phasor.reference)? })
}

fn name(node: &NodeRef) -> String {
    format!("{}.{}", node.bus, node.number)
}

fn objectives(plan: &Plan, own: &Supervisory, feeder: &Feeder, model: &GridModel) -> Vec<(f64, Objective)> {
    let o = &own.setting.objectives;
    let head = o.track_head;
    // It is always there: events and layers above may give a set-point that the file does not.
    let kilo = |value: Option<f64>| value.map(|kilo| kilo * 1000.0);
    let wanted = head.map_or([None; 2], |head| [kilo(head.p_kw), kilo(head.q_kvar)]);
    let mut all = vec![
        (head.map_or(1.0, |head| head.weight), Objective::Head { phase: None, p_w: wanted[0], q_var: wanted[1] }),
        (o.losses, Objective::Losses),
        (o.volatility, Objective::Volatility),
        (o.movement, Objective::Movement),
        (o.effort, Objective::Effort),
        (if o.cost.is_empty() { 0.0 } else { 1.0 }, Objective::Cost),
        (o.taps, Objective::TapWear(regulated(feeder, model))),
    ];
    all.extend(o.balance.iter().map(|(bus, weight)| (*weight, Objective::Balance(model.bus(&bus.to_lowercase())))));
    for (line, weight) in &o.matching {
        all.extend(ends(feeder, model, &line.to_lowercase()).map(|pairs| (*weight, Objective::Match(pairs))));
    }
    for (lpbc, wanted) in &o.phasors {
        let place = plan.equipment.phasor(&lpbc.to_lowercase());
        let Some(performance) = place.and_then(|p| own.targets.iter().position(|own| *own == p)) else { continue };
        let angle_rad = wanted.angle_deg.iter().map(|deg| deg.to_radians()).collect();
        all.push((wanted.weight, Objective::Phasors { performance, v_pu: wanted.v_pu.clone(), angle_rad }));
    }
    all.retain(|(weight, _)| *weight > 0.0);
    all
}

/// Pairs of nodes of the same phase at both ends of a line.
fn ends(feeder: &Feeder, model: &GridModel, line: &str) -> Option<Vec<[usize; 2]>> {
    let line = feeder.lines.get(line)?;
    let place = |bus: &str, number: u16| model.layout().node(&format!("{bus}.{number}"));
    Some((1..=3).filter_map(|n| Some([place(&line.from.bus, n)?, place(&line.to.bus, n)?])).collect())
}

/// Nodes that regulators without line-drop compensation hold, and the centre of their bands per unit.
fn regulated(feeder: &Feeder, model: &GridModel) -> Vec<(usize, f64)> {
    let grid = model.power_flow().grid();
    let own = feeder.regulators.values().filter(|own| own.ldc_r_v == 0.0 && own.ldc_x_v == 0.0);
    let held = own.filter_map(|own| {
        let winding = feeder.transformers.get(&own.transformer)?.windings.get(own.winding.checked_sub(1)?)?;
        let bus = own.remote_bus.as_ref().unwrap_or(&winding.bus);
        let number = bus.nodes.first().copied().unwrap_or(1);
        let node = grid.node(&format!("{}.{number}", bus.bus)).and_then(|id| grid.nodes.get(id.0 as usize))?;
        let place = model.layout().node(&format!("{}.{number}", bus.bus))?;
        let ratio = own.remote_bus.as_ref().and(own.remote_pt_ratio).unwrap_or(own.pt_ratio);
        Some((place, own.v_v * ratio / node.base_v))
    });
    held.filter(|(_, centre)| centre.is_finite() && *centre > 0.0).collect()
}
