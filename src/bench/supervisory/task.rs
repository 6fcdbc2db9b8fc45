//! One S-PBC: when it plans, with what, and what becomes of the plan.

use super::arrived::Arrived;
use super::forecast::Foreseen;
use super::setup::{self, Made};
use crate::bench::equipment::Equipment;
use crate::bench::grid::SetupError;
use crate::bench::model::GridModel;
use crate::bench::phasor::Phasors;
use crate::control::phasor::MOST_PHASES;
use crate::control::phasor::supervise::classify::Class;
use crate::control::phasor::supervise::zones::HeadPower;
use crate::control::supervisory::{Conditions, Inputs, NetworkModel, Plan, State, Status, Supervisor, Target};
use crate::device::Battery;
use crate::quantity::Tick;
use crate::scenario::{self, Planning, RetargetSetting};

/// Part of a rating by which a plan must stay below a derated limit to need less.
const CLEAR: f64 = 1e-3;

/// What is known at a tick.
pub(super) struct Frozen<'a> {
    pub(super) tick: Tick,
    pub(super) phasors: &'a Phasors,
    pub(super) equipment: &'a Equipment,
    /// What loads that follow it are multiplied by.
    pub(super) multiplier: f64,
    pub(super) clock_s: f64,
    pub(super) taps: Vec<i32>,
    /// Whether each line of the feeder is open.
    pub(super) open: &'a [bool],
}

/// An actuator phase.
struct Phase {
    device: usize,
    phase: usize,
    rated_va: f64,
    /// The L-PBC that commands it, and its place among that one's actuators.
    owner: Option<[usize; 2]>,
    derated: bool,
}

/// A battery that it plans with.
struct Store {
    device: usize,
    battery: Battery,
    /// The L-PBC through which it is heard.
    owner: Option<usize>,
    /// What was last heard of its energy in Wh.
    heard_wh: f64,
}

/// A plan on its way.
struct UnderWay {
    due: u64,
    plan: Plan,
    heads: Vec<(usize, HeadPower)>,
}

/// What was last heard of an L-PBC.
#[derive(Clone, Copy, Default)]
struct Heard {
    class: Class,
    asks: Option<Tick>,
}

pub(super) struct Task {
    supervisor: Supervisor,
    /// Models that tell what flows into zones below.
    below: Vec<(usize, GridModel)>,
    switches: Vec<usize>,
    actuators: Vec<Phase>,
    stores: Vec<Store>,
    targets: Vec<usize>,
    heard: Vec<Heard>,
    dispatch: bool,
    every: u64,
    latency: u64,
    min_interval: u64,
    step_s: f64,
    derate: f64,
    retarget_on: Vec<RetargetSetting>,
    forecast: Foreseen,
    /// Ticks by which plans arrive later than usual, and whether they arrive at all.
    pub(super) extra: u64,
    pub(super) lost: bool,
    /// Set-point of the head from the file or an event, and from the zone above.
    own_head_w: [Option<f64>; 2],
    pub(super) given: Option<[f64; 2]>,
    /// Whether a plan is asked for.
    wanted: bool,
    started: Option<u64>,
    under_way: Option<UnderWay>,
    arrived: Arrived,
    asked: u32,
    overruns: u32,
}

impl Task {
    pub(super) fn new(plan: &scenario::Plan, place: usize) -> Result<Self, SetupError> {
        let Made { supervisor, below, switches } = setup::make(plan, place)?;
        let own = plan
            .equipment
            .supervisors
            .get(place)
            .ok_or_else(|| SetupError::Controller { name: String::new(), error: "there is none".to_owned() })?;
        let setting = &own.setting;
        let head = setting.objectives.track_head;
        let kilo = |value: Option<f64>| value.map(|kilo| kilo * 1000.0);
        let forecast = Foreseen::new(plan, own, &supervisor)?;
        Ok(Self {
            supervisor,
            below,
            switches,
            actuators: own.actuators.iter().map(|pair| Phase::new(plan, *pair)).collect(),
            stores: setup::stores(plan, own).iter().filter_map(|device| Store::new(plan, *device)).collect(),
            targets: own.targets.clone(),
            heard: vec![Heard::default(); own.targets.len()],
            dispatch: setting.dispatch,
            every: own.every.max(1),
            latency: own.latency.max(1),
            min_interval: own.min_interval,
            step_s: plan.step.seconds(),
            derate: setting.derate,
            retarget_on: setting.retarget_on.clone(),
            forecast,
            extra: 0,
            lost: false,
            own_head_w: head.map_or([None; 2], |head| [kilo(head.p_kw), kilo(head.q_kvar)]),
            given: None,
            wanted: false,
            started: None,
            under_way: None,
            arrived: Arrived::nothing(),
            asked: 0,
            overruns: 0,
        })
    }

    pub(super) fn set_head(&mut self, head_w: [Option<f64>; 2]) {
        self.own_head_w = head_w;
        self.ask();
    }

    fn ask(&mut self) {
        self.wanted = true;
        self.asked = self.asked.saturating_add(1);
    }

    /// Hears what L-PBCs say of themselves: each failure counts once.
    pub(super) fn listen(&mut self, phasors: &Phasors) {
        for k in 0..self.targets.len() {
            let Some(seen) = phasors.seen(self.targets[k]) else { continue };
            let before = std::mem::replace(&mut self.heard[k], Heard { class: seen.class, asks: seen.asks });
            let on = |what| self.retarget_on.contains(&what);
            let began = |class| seen.class == class && before.class != class;
            let saturated = seen.asks.is_some() && seen.asks != before.asks && on(RetargetSetting::Saturation);
            let failed = began(Class::Failure) && on(RetargetSetting::Failure);
            let varies = began(Class::Variability) && on(RetargetSetting::Variability);
            if saturated {
                let owned = |phase: &&mut Phase| phase.owner.is_some_and(|owner| owner[0] == self.targets[k]);
                self.actuators.iter_mut().filter(owned).for_each(|phase| phase.derated = true);
            }
            if saturated || failed || varies {
                self.ask();
            }
        }
    }

    /// Whether to plan now. A plan under way is not disturbed.
    pub(super) fn is_due(&mut self, tick: Tick) -> bool {
        let period = tick.0.is_multiple_of(self.every);
        let since = self.started.map_or(u64::MAX, |started| tick.0.saturating_sub(started));
        if self.under_way.is_some() {
            self.overruns = self.overruns.saturating_add(u32::from(period));
            return false;
        }
        period || (self.wanted && since >= self.min_interval)
    }

    /// Plans with what is known. It arrives later.
    pub(super) fn plan(&mut self, frozen: &Frozen) {
        (self.wanted, self.started) = (false, Some(frozen.tick.0));
        let lost = self.lost;
        self.stores.iter_mut().filter(|_| !lost).for_each(|own| own.hear(frozen));
        let inputs = self.inputs(frozen);
        self.supervisor.set_head(self.head_w());
        let plan = self.supervisor.plan(&inputs);
        let heads = if plan.status == Status::Optimal { self.heads_below(&plan, &inputs) } else { Vec::new() };
        let due = frozen.tick.0.saturating_add(self.latency).saturating_add(self.extra);
        self.under_way = Some(UnderWay { due, plan, heads });
    }

    /// The set-point of the head that counts: that of the zone above, else its own.
    fn head_w(&self) -> [Option<f64>; 2] {
        self.given.map_or(self.own_head_w, |given| given.map(Some))
    }

    #[allow(clippy::cast_precision_loss, reason = "a count of steps")]
    fn inputs(&self, frozen: &Frozen) -> Inputs {
        let seen: Vec<_> = self.targets.iter().filter_map(|place| frozen.phasors.seen(*place)).collect();
        let counts = self.supervisor.settings().performance.iter().map(|own| own.nodes.len());
        let target = |(own, n): (&[[f64; MOST_PHASES]; 2], usize)| Target {
            v_pu: own[0].iter().take(n).copied().collect(),
            angle_rad: own[1].iter().take(n).map(|deg| deg.to_radians()).collect(),
        };
        let targets: Vec<Target> = seen.iter().map(|own| &own.target).zip(counts.clone()).map(target).collect();
        let known = targets.iter().all(|own| own.v_pu.iter().chain(&own.angle_rad).all(|x| x.is_finite()));
        let measured = seen.iter().map(|own| &own.measured).zip(counts.clone()).map(|own| Some(target(own)));
        let reference = seen.first().zip(counts.clone().next());
        let wait_s = self.step_s * self.latency as f64;
        Inputs {
            forecast: self.forecast.steps(frozen.multiplier, frozen.clock_s),
            applied_w: self.actuators.iter().map(|own| frozen.equipment.output(own.device, own.phase)).collect(),
            available: self.actuators.iter().map(|own| own.available(self.derate, frozen.phasors)).collect(),
            stored_wh: self.stores.iter().map(|own| own.at_arrival_wh(frozen, wait_s)).collect(),
            measured: measured.collect(),
            reference_v_pu: reference.map_or_else(Vec::new, |(own, n)| own.reference_v_pu[..n].to_vec()),
            taps: frozen.taps.clone(),
            open: self.switches.iter().map(|line| frozen.open.get(*line).copied().unwrap_or(false)).collect(),
            targets: if known { targets } else { Vec::new() },
        }
    }

    /// What the planned dispatch lets flow into zones below.
    fn heads_below(&mut self, plan: &Plan, inputs: &Inputs) -> Vec<(usize, HeadPower)> {
        let base_va = self.supervisor.layout().base_va;
        let Some(dispatch) = plan.dispatch_w.first() else { return Vec::new() };
        let u: Vec<f64> = (0..2).flat_map(|part| dispatch.iter().map(move |power| power[part] / base_va)).collect();
        let now = inputs.forecast.first().copied().unwrap_or_default();
        let conditions = Conditions {
            load_multiplier: now.load_multiplier,
            generation_multiplier: now.generation_multiplier,
            taps: inputs.taps.clone(),
            open: inputs.open.clone(),
            ..Conditions::default()
        };
        let mut heads = Vec::new();
        for (zone, model) in &mut self.below {
            let mut state = State::default();
            model.set_conditions(&conditions);
            if model.solve(&u, &mut state) {
                let part = |of: fn(&crate::quantity::Complex) -> f64| {
                    std::array::from_fn(|k| state.head_pu.get(k).map_or(0.0, of) * base_va)
                };
                heads.push((*zone, HeadPower { p_w: part(|s| s.re), q_var: part(|s| s.im) }));
            }
        }
        heads
    }

    /// Lets a plan act that arrives at this tick: set-points for zones below.
    pub(super) fn deliver(
        &mut self,
        tick: Tick,
        phasors: &mut Phasors,
        equipment: &mut Equipment,
    ) -> Option<Vec<(usize, HeadPower)>> {
        let UnderWay { plan, heads, .. } = self.under_way.take_if(|own| own.due <= tick.0)?;
        if self.lost {
            return None;
        }
        self.arrived.take(&plan);
        if plan.status != Status::Optimal {
            return None;
        }
        for (place, target) in self.targets.iter().zip(&plan.targets) {
            let by_phase = |own: &[f64]| std::array::from_fn(|k| own.get(k).copied().unwrap_or(f64::NAN));
            let angle_deg: Vec<f64> = target.angle_rad.iter().map(|rad| rad.to_degrees()).collect();
            phasors.set_target(*place, Some(by_phase(&target.v_pu)), Some(by_phase(&angle_deg)));
        }
        for (own, power) in self.actuators.iter_mut().zip(plan.dispatch_w.first().into_iter().flatten()) {
            own.derated &= power[0].hypot(power[1]) >= (self.derate - CLEAR) * own.rated_va;
            if self.dispatch {
                equipment.command(own.device, own.phase, Some(*power));
            }
        }
        Some(heads)
    }

    pub(super) fn says(&self, what: Planning) -> f64 {
        let given = self.head_w().map(|own| own.unwrap_or(f64::NAN));
        match what {
            Planning::GivenP => given[0],
            Planning::GivenQ => given[1],
            Planning::Asked => f64::from(self.asked),
            Planning::Overruns => f64::from(self.overruns),
            _ => self.arrived.says(what),
        }
    }
}

impl Store {
    fn new(plan: &scenario::Plan, device: usize) -> Option<Self> {
        let battery = plan.equipment.devices.get(device)?.battery()?;
        let owns = |own: &scenario::Phasor| own.actuators.iter().any(|actuator| actuator.device == device);
        let owner = plan.equipment.phasors.iter().position(owns);
        Some(Self { device, battery, owner, heard_wh: battery.energy_wh * battery.soc })
    }

    /// Hears of its energy by the way that reports of its power take.
    fn hear(&mut self, frozen: &Frozen) {
        let heard = self.owner.is_none_or(|lpbc| frozen.phasors.in_touch(lpbc));
        if let Some((energy_wh, _)) = frozen.equipment.stored(self.device).filter(|_| heard) {
            self.heard_wh = energy_wh;
        }
    }

    /// What it will hold when the plan arrives, if it goes on as it does.
    fn at_arrival_wh(&self, frozen: &Frozen, wait_s: f64) -> f64 {
        let p_w: f64 = (0..MOST_PHASES).map(|phase| frozen.equipment.output(self.device, phase)[0]).sum();
        let left_wh = self.heard_wh - wait_s / 3600.0 * (self.battery.drawn_w(p_w) + self.battery.idle_w);
        let [least_wh, most_wh] = self.battery.band_wh();
        left_wh.clamp(least_wh, most_wh)
    }
}

impl Phase {
    fn new(plan: &scenario::Plan, [device, phase]: [usize; 2]) -> Self {
        let owner = plan.equipment.phasors.iter().enumerate().find_map(|(lpbc, own)| {
            let place = own.actuators.iter().position(|actuated| actuated.device == device)?;
            Some([lpbc, place])
        });
        Self { device, phase, rated_va: setup::rated_va(plan, device), owner, derated: false }
    }

    /// Part of its limits that it is planned with.
    fn available(&self, derate: f64, phasors: &Phasors) -> f64 {
        match self.owner {
            Some([lpbc, actuator]) if !phasors.in_service(lpbc, actuator) => 0.0,
            _ if self.derated => derate,
            _ => 1.0,
        }
    }
}
