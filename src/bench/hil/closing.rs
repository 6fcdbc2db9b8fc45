//! Whether the loop through a real device may be closed: the network's Thévenin impedance at its node against the device as
//! one of constant power at its rating, with the filter and the delay that the run has.
//!
//! A sample is a step old, so the loop takes one step more than its own. The voltage is taken a tenth below its base: what a
//! device of constant power does there is the worst that is expected. Without an amplifier the device does not see the
//! network's voltage and the loop through it is open: the check is then on the safe side.

use crate::bench::plant::{Node, Plant};
use crate::bench::{GridPlant, SetupError};
use crate::interface::stability::{
    Algorithm, Assessment, Device, Reason, Setup, Thevenin, Verdict, assess, coefficient,
};
use crate::interface::{Matrix, PHASES, Phasors, Scale};
use crate::quantity::{Complex, complex};
use crate::scenario::{At, Plan, Replaced, Seat};
use crate::solver::{LoadsAs, NodeId};

/// Voltage per unit of the base that a device of constant power is judged at.
const LOW_PU: f64 = 0.9;
/// Steps that a sample is late beyond the loop's own.
const DELAY_STEPS: u32 = 1;

/// What was found of a device's interface.
#[derive(Clone, Debug)]
pub struct Closing {
    /// The name of what the device replaces.
    pub name: String,
    /// What was found; `None` where the network has no answer at its node.
    pub assessment: Option<Assessment>,
    /// Whether it may be closed all the same.
    pub forced: bool,
}

impl Closing {
    /// Why it may not be closed; `None` where it may.
    pub fn refusal(&self) -> Option<String> {
        let own = self.assessment?;
        let Verdict::Refused(reason) = own.verdict else { return None };
        let why = match reason {
            Reason::StaticGain => format!(
                "the device is {:.2} times as large as the network's short-circuit power there: no filter helps",
                own.static_gain.unwrap_or(own.gain)
            ),
            Reason::Radius => format!("{:.3} of a disturbance is left after a trip around the loop", own.trip),
        };
        let help = own.filter_time_s.map(|s| format!("; filter_s: {s:.3} would do")).unwrap_or_default();
        Some(format!("the closed interface is not stable: {why}{help}"))
    }
}

/// Looks at the interface of each real device of a plan.
pub fn closings(plan: &Plan, plant: &GridPlant) -> Vec<Closing> {
    let nodes = plant.nodes();
    let closing = |seat: &Seat| {
        let Replaced::Device(device) = seat.replaces else { return None };
        let assessment = setup(plan, plant, seat, device, &nodes).and_then(|setup| assess(&setup).ok());
        Some(Closing { name: seat.name.clone(), assessment, forced: seat.setting.forced })
    };
    let closed = |seat: &&Seat| !seat.setting.dry_run && !matches!(seat.at, At::Replay(_)) && seat.served.is_none();
    plan.equipment.seats.iter().filter(closed).filter_map(closing).collect()
}

/// Refuses a plan with an interface that must not be closed.
pub(in crate::bench) fn refuse(plan: &Plan, plant: &GridPlant) -> Result<(), SetupError> {
    if plan.equipment.seats.is_empty() {
        return Ok(());
    }
    for own in closings(plan, plant).into_iter().filter(|own| !own.forced) {
        if let Some(reason) = own.refusal() {
            return Err(SetupError::Hil { name: own.name, reason: format!("{reason}. `forced: true` closes it") });
        }
    }
    Ok(())
}

/// Whether an amplifier gives a device the network's voltage.
fn fed(plan: &Plan, device: usize) -> bool {
    plan.equipment.seats.iter().any(|seat| seat.replaces == Replaced::Amplifier(device))
}

fn setup(plan: &Plan, plant: &GridPlant, seat: &Seat, device: usize, nodes: &[Node]) -> Option<Setup> {
    let own = plan.equipment.devices.get(device)?;
    let added = plan.added.get(own.load.checked_sub(plan.feeder.loads.len())?)?;
    let place = |number: &u16| nodes.iter().position(|n| n.bus == added.bus.bus && n.number == *number);
    let places: Vec<usize> = added.bus.nodes.iter().filter_map(place).take(PHASES).collect();
    let base_v = nodes.get(*places.first()?)?.base_v;
    let ids: Vec<NodeId> = places.iter().map(|&k| plant.node_ids().get(k).copied()).collect::<Option<_>>()?;
    let z = plant.power_flow().thevenin_ohm(&ids, LoadsAs::Admittance).ok()?;
    let mut z_ohm: Matrix = [[complex(0.0, 0.0); PHASES]; PHASES];
    for (own, row) in z_ohm.iter_mut().zip(&z) {
        own.iter_mut().zip(row).for_each(|(own, z)| *own = *z);
    }
    let phases = places.len();
    let of_each =
        |value: Complex| -> Phasors { std::array::from_fn(|k| if k < phases { value } else { complex(0.0, 0.0) }) };
    #[allow(clippy::cast_precision_loss, reason = "a few phases")]
    let s_va = own.limits.s_va * seat.share / phases as f64;
    Some(Setup {
        source: Thevenin { phases, z_ohm, v_v: of_each(complex(LOW_PU * base_v, 0.0)) },
        device: Device::Power { s_va: of_each(complex(s_va, 0.0)) },
        scale: Scale::ONE,
        algorithm: Algorithm::VoltageType,
        step_s: plan.step.seconds(),
        // Through an amplifier, the voltage is a step late too.
        delay_steps: DELAY_STEPS + u32::from(fed(plan, device)),
        filter: coefficient(seat.setting.filter_s, plan.step.seconds()),
    })
}
