//! S-PBC: from the file to [`Supervisory`]; what is wrong is reported, but for what only the compiled network can tell.

use super::check::Spots;
use crate::control::phasor::supervise::zones::{Zone, ZoneError, Zones};
use crate::feeder::Feeder;
use crate::scenario::check::Checker;
use crate::scenario::{LinearisationSetting, Scenario, SupervisorySetting};

/// Periods of the layer above, beside its latency, for which its set-point counts.
const COUNTS_FOR: u64 = 3;

/// An S-PBC with its connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Supervisory {
    /// Its name.
    pub name: String,
    /// What it is like, as written.
    pub setting: SupervisorySetting,
    /// The L-PBCs whose targets it gives.
    pub targets: Vec<usize>,
    /// Device and phase of all that it plans with.
    pub actuators: Vec<[usize; 2]>,
    /// Ticks from plan to plan.
    pub every: u64,
    /// Ticks from what a plan is made of to its arrival.
    pub latency: u64,
    /// Least ticks from a plan to one that is made at once.
    pub min_interval: u64,
    /// Its place among zones.
    pub zone: Zone,
    /// Place among the plan's shapes of the profile that loads are expected to follow.
    pub profile: Option<usize>,
    /// Place among the plan's shapes of the profile that the price of the head follows.
    pub price_profile: Option<usize>,
    /// The feeder that it takes for its network; the scenario's without one.
    pub model: Option<Box<Feeder>>,
}

impl Checker<'_> {
    /// All S-PBCs, once what they speak of is known.
    pub(super) fn supervisors(&mut self, s: &Scenario) {
        for (name, setting) in s.supervisors() {
            let own = self.supervisory(name, setting);
            self.equipment.supervisors.push(own);
        }
        self.nest(s);
        // What a layer plans with includes what dispatching ones below it command.
        for dispatch in [true, false] {
            for k in 0..self.equipment.supervisors.len() {
                if self.equipment.supervisors[k].setting.dispatch == dispatch {
                    self.planned_with(k);
                }
            }
        }
        self.zones();
    }

    fn supervisory(&mut self, name: &str, s: &SupervisorySetting) -> Supervisory {
        let spots = Spots::of(self.root, self.place, "controllers", name, None);
        let every = self.period(Some(s.every_s), spots.at("every_s"));
        let latency = match s.latency_s {
            Some(latency_s) => self.period(Some(latency_s), spots.at("latency_s")),
            None => 1,
        };
        let min_interval = self.ticks_or_none(s.min_interval_s, "min_interval_s", spots.at("min_interval_s"));
        let mut targets = Vec::new();
        for (k, target) in s.targets.iter().enumerate() {
            let span = spots.item("targets", k);
            let Some(place) = self.known_phasor(target, span) else { continue };
            if targets.contains(&place) {
                self.report("E0309", format!("L-PBC {target:?} is listed twice"), span, "once is enough");
            } else {
                targets.push(place);
            }
        }
        self.supervisory_numbers(s, &spots);
        self.objectives(s, &targets, &spots);
        let profile = s.horizon.profile.as_ref().and_then(|profile| self.profile(profile, spots.at("horizon")));
        let own_price = s.horizon.price_profile.as_ref();
        let price_profile =
            own_price.and_then(|profile| self.profile(profile, spots.within("horizon", "price_profile")));
        let zone = Zone { above: None, period: every, timeout: u64::MAX, nodes: targets.clone() };
        Supervisory {
            name: name.to_owned(),
            setting: s.clone(),
            targets,
            actuators: Vec::new(),
            every,
            latency,
            min_interval,
            zone,
            profile,
            price_profile,
            model: self.own_model(name, &spots),
        }
    }

    fn supervisory_numbers(&mut self, s: &SupervisorySetting, spots: &Spots) {
        if !(s.derate > 0.0 && s.derate <= 1.0) {
            let help = "give a part of the limits: above 0, at most 1";
            self.report("E0308", format!("`derate` is {}", s.derate), spots.at("derate"), help);
        }
        if s.base_kva.is_some_and(|kva| kva <= 0.0) {
            self.report("E0308", "`base_kva` is not positive", spots.at("base_kva"), "it is a power of one phase");
        }
        if let Some([low, high]) = s.limits_pu.filter(|[low, high]| low >= high || *low < 0.0) {
            let help = "write the lower limit first, as in [0.95, 1.05]";
            self.report("E0308", format!("limits from {low} to {high}"), spots.at("limits_pu"), help);
        }
        let horizon = &s.horizon;
        if !(1..=1000).contains(&horizon.steps) || horizon.step_s.is_some_and(|step_s| step_s <= 0.0) {
            self.report(
                "E0308",
                "the horizon has no length",
                spots.at("horizon"),
                "1 to 1000 steps of a positive step_s",
            );
        }
        let wrong = horizon.multipliers.as_ref().is_some_and(|own| own.is_empty() || own.iter().any(|m| *m < 0.0));
        if wrong || (horizon.multipliers.is_some() && horizon.profile.is_some()) {
            let help = "give a `profile`, or `multipliers` of which none is negative";
            self.report("E0308", "the forecast of loads is none", spots.at("horizon"), help);
        }
        let prices = horizon.price_multipliers.as_ref();
        let wrong = prices.is_some_and(|own| own.is_empty() || own.iter().any(|price| !price.is_finite()));
        if wrong || (prices.is_some() && horizon.price_profile.is_some()) {
            let help = "give a `price_profile`, or `price_multipliers`";
            self.report("E0308", "the forecast of prices is none", spots.at("horizon"), help);
        }
        let priced = prices.is_some() || horizon.price_profile.is_some();
        if priced && !s.objectives.cost.contains_key("head") {
            let help = "give the price that they multiply: objectives: {cost: {head: 0.1}}";
            self.report("E0332", "prices of a head that costs nothing", spots.at("horizon"), help);
        }
        if let Some(head) = &s.head {
            self.branch(head, spots.at("head"));
        }
        if let Some(root) = &s.root {
            self.bus_nodes(&root.to_lowercase(), spots.at("root"));
        }
    }

    fn objectives(&mut self, s: &SupervisorySetting, targets: &[usize], spots: &Spots) {
        let (o, span) = (&s.objectives, spots.at("objectives"));
        let single = [o.losses, o.volatility, o.movement, o.taps, o.effort];
        let head = o.track_head.iter().map(|own| own.weight);
        let wanted = o.phasors.values().map(|own| own.weight);
        let weights = single.into_iter().chain(o.balance.values().copied()).chain(o.matching.values().copied());
        if weights.chain(head).chain(wanted).any(|weight| weight < 0.0) {
            self.report("E0308", "a weight is negative", span, "what is minimised cannot count against itself");
        }
        for bus in o.balance.keys() {
            self.bus_nodes(&bus.to_lowercase(), span);
        }
        for line in o.matching.keys() {
            self.line(line, span);
        }
        for device in o.cost.keys().filter(|name| !name.eq_ignore_ascii_case("head")) {
            self.known_device(device, span);
        }
        for (name, wanted) in &o.phasors {
            let Some(place) = self.known_phasor(name, span) else { continue };
            let Some(phases) = self.equipment.phasors.get(place).map(|own| own.phases.clone()) else { continue };
            if !targets.contains(&place) {
                self.report("E0332", format!("{name:?} is none of its targets"), span, "name one of `targets`");
            }
            self.per_phase(Some(&wanted.v_pu), &phases, "v_pu", span);
            self.per_phase(Some(&wanted.angle_deg), &phases, "angle_deg", span);
        }
        let blind = s.linearisation == LinearisationSetting::Lindist3flow && (o.losses > 0.0 || s.ampacity);
        if blind {
            let help = "LinDist3Flow has neither: take sensitivities";
            self.report("E0332", "losses or ampacity by LinDist3Flow", spots.at("linearisation"), help);
        }
    }

    /// Who lies in whom.
    fn nest(&mut self, s: &Scenario) {
        for (k, (name, setting)) in s.supervisors().enumerate() {
            let Some(above) = &setting.above else { continue };
            let span = Spots::of(self.root, self.place, "controllers", name, None).at("above");
            let Some(place) = self.known_supervisor(above, span) else { continue };
            let upper = self.equipment.supervisors.get(place).map_or((1, 0), |own| (own.every, own.latency));
            if let Some(own) = self.equipment.supervisors.get_mut(k) {
                own.zone.above = Some(place);
                own.zone.timeout = upper.0.saturating_mul(COUNTS_FOR).saturating_add(upper.1);
            }
            if setting.head.is_none() {
                let help = "say through which line or transformer it is fed: head: NAME";
                self.report("E0332", format!("{name:?} lies in a zone, and has no head of its own"), span, help);
            }
        }
    }

    /// Periods and owners of zones.
    fn zones(&mut self) {
        let zones: Vec<Zone> = self.equipment.supervisors.iter().map(|own| own.zone.clone()).collect();
        let Err(wrong) = Zones::new(zones) else { return };
        for error in wrong {
            let name = |k: usize| self.equipment.supervisors.get(k).map_or(String::new(), |own| own.name.clone());
            let lpbc = |k: usize| self.equipment.phasors.get(k).map_or(String::new(), |own| own.name.clone());
            let (zone, key, message) = match error {
                ZoneError::NoSuchZone(k) | ZoneError::Circle(k) => {
                    (k, "above", format!("{:?} lies in itself", name(k)))
                }
                ZoneError::Period(k) => (k, "every_s", format!("{:?} has no period", name(k))),
                ZoneError::Faster { above, below } => {
                    let message =
                        format!("the period of {:?} is not a multiple of that of {:?}", name(above), name(below));
                    (above, "every_s", message)
                }
                ZoneError::TwoOwners { node, one, other } => {
                    let message =
                        format!("{:?} and {:?} both give targets to {:?}", name(one), name(other), lpbc(node));
                    (other, "targets", message)
                }
            };
            let span = Spots::of(self.root, self.place, "controllers", &name(zone), None).at(key);
            self.report("E0332", message, span, "a layer above is slower, and every L-PBC has one S-PBC");
        }
    }

    /// Device and phase of all that one plans with.
    fn planned_with(&mut self, k: usize) {
        let Some(own) = self.equipment.supervisors.get(k).cloned() else { return };
        let spots = Spots::of(self.root, self.place, "controllers", &own.name, None);
        let carried = self.carried(k, 0);
        let actuators = match &own.setting.actuators {
            None => carried.clone(),
            Some(names) => {
                let devices = self.actuators(names, &spots);
                let all: Vec<[usize; 2]> = devices.iter().flat_map(|device| self.phases_of(*device)).collect();
                let foreign = |pair: &&[usize; 2]| !own.setting.dispatch && !carried.contains(pair);
                if let Some(device) = all.iter().find(foreign).and_then(|pair| self.equipment.devices.get(pair[0])) {
                    let message = format!("nobody under {:?} commands all of {:?}", own.name, device.name);
                    let help = "name a device of one of its L-PBCs, or command by `dispatch`";
                    self.report("E0332", message, spots.at("actuators"), help);
                }
                all
            }
        };
        if own.setting.dispatch && !own.targets.is_empty() {
            let help = "it gives targets, or it commands powers: remove one of them";
            self.report("E0332", "`dispatch` beside `targets`", spots.at("dispatch"), help);
        } else if actuators.is_empty() {
            let help = "give `targets`, or zones below, or with `dispatch` the `actuators`";
            self.report("E0332", "the S-PBC has nothing to plan with", spots.at("law"), help);
        }
        self.planned_storages(&own.setting, &actuators, &spots);
        if let Some(own) = self.equipment.supervisors.get_mut(k) {
            own.actuators = actuators;
        }
    }

    fn phases_of(&self, device: usize) -> impl Iterator<Item = [usize; 2]> + use<> {
        let count = self.equipment.devices.get(device).map_or(0, |own| own.phases.len());
        (0..count).map(move |phase| [device, phase])
    }

    /// What L-PBCs of a zone, and of those below it, command.
    fn carried(&self, k: usize, depth: usize) -> Vec<[usize; 2]> {
        let supervisors = &self.equipment.supervisors;
        let Some(own) = supervisors.get(k).filter(|_| depth <= supervisors.len()) else { return Vec::new() };
        let lpbcs = own.targets.iter().filter_map(|place| self.equipment.phasors.get(*place));
        let commanded = lpbcs.flat_map(|own| &own.actuators);
        let mut all: Vec<[usize; 2]> =
            commanded.flat_map(|own| own.phases.iter().map(|[_, phase]| [own.device, *phase])).collect();
        for below in (0..supervisors.len()).filter(|below| supervisors[*below].zone.above == Some(k)) {
            all.extend(self.carried(below, depth + 1));
        }
        if own.setting.dispatch && depth > 0 {
            all.extend(&own.actuators);
        }
        all.dedup();
        all
    }
}
