//! A device that is told a current's size in one signal for each way: CHAdeMO's vehicle, seen from the charger.
//!
//! Between the loop, which sets and reads a power, and the driver of the bus, which sends and hears signals:
//!
//! ```text
//! I = P / U, rounded to what the signal holds, within what the device gives or takes now; positive discharges
//! P as it is read = U · I as it was told, while the device says that current may flow; 0 otherwise
//! ```
//!
//! A set-point is confirmed while current may flow and no limit holds it back. Limits: no current is measured here. What the
//! loop reads is what the device was told and allows, with the voltage that it names, which for CHAdeMO is the highest that
//! it may be charged to: with a power stage of its own, the bench wants that one's meter.

use tokio::time::sleep;

use super::driver::{self, CanSettings, POLL, Plan, Point, SetPoint, SignalName};
use crate::link::can::bus::Connector;
use crate::link::description::Description;
use crate::link::description::language::CanBothWays;
use crate::link::driver::{PrepareError, planned};
use crate::link::port::{Directive, DriverEnd, LinkState, LoopEnd, port};

/// What is worked out: the point, and the set-point.
const POWER: &str = "p_w";
/// Places of the two ways.
const DISCHARGE: usize = 0;
const CHARGE: usize = 1;

/// Such a device, ready to be driven.
#[derive(Clone, Debug)]
pub struct BothWays {
    plan: Plan,
    ways: Ways,
    /// Where in a sample the power is.
    power: usize,
    points: usize,
}

/// Where in what the bus' driver says is what, and how fine the currents are.
#[derive(Clone, Debug)]
struct Ways {
    voltage: usize,
    most: [usize; 2],
    while_is: Vec<(usize, f64)>,
    step_a: [f64; 2],
}

/// Currents in A, discharging and charging.
type Currents = [f64; 2];

impl Ways {
    fn may_flow(&self, heard: &[f64]) -> bool {
        let is = |(place, value): &(usize, f64)| heard.get(*place).is_some_and(|own| (own - value).abs() < 0.5);
        self.while_is.iter().all(is) && self.voltage_v(heard) > 0.0
    }

    /// 0 where it is not known.
    fn voltage_v(&self, heard: &[f64]) -> f64 {
        heard.get(self.voltage).copied().filter(|v_v| v_v.is_finite()).unwrap_or(0.0)
    }

    /// The currents for a power, and whether they are what was wanted.
    fn currents(&self, p_w: f64, heard: &[f64]) -> (Currents, bool) {
        if !p_w.is_finite() || !self.may_flow(heard) {
            return ([0.0; 2], false);
        }
        let way = if p_w < 0.0 { CHARGE } else { DISCHARGE };
        let wanted_a = p_w.abs() / self.voltage_v(heard);
        let most_a = heard.get(self.most[way]).copied().filter(|own| *own > 0.0).unwrap_or(0.0);
        let step_a = self.step_a[way];
        let nearest_a = (wanted_a / step_a).round() * step_a;
        let own_a = if nearest_a > most_a { (most_a / step_a).floor() * step_a } else { nearest_a };
        let mut currents = [0.0; 2];
        currents[way] = own_a;
        (currents, (own_a - wanted_a).abs() <= step_a)
    }

    fn power_w(&self, currents: Currents, heard: &[f64]) -> f64 {
        if self.may_flow(heard) { self.voltage_v(heard) * (currents[DISCHARGE] - currents[CHARGE]) } else { 0.0 }
    }
}

impl BothWays {
    /// Of a description with the point and the set-point `p_w`; `settings` are those of its other points.
    ///
    /// # Errors
    /// When it has other set-points or signals are not there.
    pub fn new(description: &Description, ways: &CanBothWays, settings: CanSettings) -> Result<Self, PrepareError> {
        let wrong = |what: &str| PrepareError::Wrong(format!("both_ways: {what}"));
        let name = |text: &String| {
            let (message, signal) = text.split_once('.').ok_or_else(|| wrong("a signal is given as MESSAGE.SIGNAL"))?;
            Ok::<_, PrepareError>(SignalName::new(message, signal))
        };
        let power =
            description.point(POWER).ok_or_else(|| wrong("the device needs a point p_w, which is worked out"))?;
        if description.set_points.len() != 1 || description.set_point(POWER).is_none() {
            return Err(wrong("the device has one set-point, p_w"));
        }
        let mut settings = settings;
        settings.points.remove(power);
        let mut place = |text: &String| {
            settings.points.push(Point { from: name(text)?, scale: 1.0, offset: 0.0 });
            Ok::<_, PrepareError>(settings.points.len() - 1)
        };
        let voltage = place(&ways.voltage)?;
        let most = [place(&ways.most_discharge)?, place(&ways.most_charge)?];
        let while_is = ways.while_is.iter().map(|(text, value)| Ok((place(text)?, *value)));
        let while_is = while_is.collect::<Result<_, PrepareError>>()?;
        let (mut step_a, mut to) = ([1.0; 2], Vec::new());
        for (step_a, text) in step_a.iter_mut().zip([&ways.discharge, &ways.charge]) {
            let name = name(text)?;
            let message = settings.database.named(&name.message);
            let signal = message.and_then(|own| own.signals.get(own.signal(&name.signal)?));
            *step_a = signal.map_or(1.0, |own| own.factor.abs());
            to.push(name);
        }
        let set = |to| SetPoint { to, scale: 1.0, offset: 0.0, safe: 0.0, confirmed_by: None };
        settings.set_points = to.into_iter().map(set).collect();
        let (points, plan) = (description.points.len(), planned(&settings)?);
        Ok(Self { plan, ways: Ways { voltage, most, while_is, step_a }, power, points })
    }

    /// Drives it until the loop ends. `clock` is the session's, in µs.
    pub async fn run(self, connector: Connector, end: DriverEnd, clock: impl Fn() -> u64) {
        let (own, bus) = port(self.plan.points(), self.plan.set_points());
        let Self { plan, ways, power, points } = self;
        let between = Between {
            heard: vec![f64::NAN; plan.points()],
            values: vec![f64::NAN; points],
            ways,
            power,
            told: [0.0; 2],
            wanted_w: [f64::NAN],
            errors: 0,
        };
        // The loop hears of the end only when the device was left safe.
        let ((), end) = tokio::join!(driver::run(plan, connector, bus, &clock), between.pass_on(own, end));
        drop(end);
    }
}

/// What is between the loop's port and the bus'.
struct Between {
    ways: Ways,
    power: usize,
    told: Currents,
    wanted_w: [f64; 1],
    heard: Vec<f64>,
    values: Vec<f64>,
    errors: u64,
}

impl Between {
    async fn pass_on(mut self, mut own: LoopEnd, mut end: DriverEnd) -> DriverEnd {
        loop {
            let directive = end.directive();
            if directive == Directive::End {
                return end;
            }
            own.direct(directive);
            if let Some(beat_us) = end.beat_us() {
                own.beat(beat_us);
            }
            let stamp = own.take(&mut self.heard);
            self.tell(directive, &own, &mut end);
            if let Some(stamp) = stamp {
                self.fill();
                end.publish(stamp.origin_us, stamp.received_us, &self.values);
            }
            self.mirror(&own, &end);
            sleep(POLL).await;
        }
    }

    /// Passes the set-point on, as currents.
    fn tell(&mut self, directive: Directive, own: &LoopEnd, end: &mut DriverEnd) {
        let wanted = end.commands(&mut self.wanted_w).is_some();
        if directive != Directive::Operate || !wanted {
            self.told = [0.0; 2];
            return end.confirm(false);
        }
        let (told, held) = self.ways.currents(self.wanted_w[0], &self.heard);
        self.told = told;
        own.command(&told);
        end.confirm(held);
    }

    /// The loop's points out of the bus': the same order, with the power among them.
    fn fill(&mut self) {
        let (before, after) = self.values.split_at_mut(self.power);
        let count = before.len();
        before.iter_mut().zip(&self.heard).for_each(|(to, from)| *to = *from);
        if let Some((power, rest)) = after.split_first_mut() {
            *power = self.ways.power_w(self.told, &self.heard);
            rest.iter_mut().zip(self.heard.iter().skip(count)).for_each(|(to, from)| *to = *from);
        }
    }

    fn mirror(&mut self, own: &LoopEnd, end: &DriverEnd) {
        if own.state() != end.state() {
            end.report(own.state(), own.trouble().filter(|_| own.state() != LinkState::Up));
        }
        end.count_errors(own.errors().saturating_sub(self.errors));
        self.errors = own.errors();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::*;
    use crate::link::can::bus::{Bus, VirtualBus, Way};
    use crate::link::can::emulator::chademo::{self, BatteryState};
    use crate::link::can::emulator::{Fault, Scripted, serve};
    use crate::link::description::from_text;
    use crate::link::driver::{Plug, Prepared};

    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/hil/chademo_vehicle.yaml");

    fn description() -> Arc<Description> {
        let reading = from_text(include_str!("../../../hil/chademo_vehicle.yaml").into(), Path::new(PATH));
        Arc::new(reading.description.unwrap_or_else(|| panic!("{:?}", reading.diagnostics)))
    }

    fn ways() -> Ways {
        Ways { voltage: 0, most: [1, 2], while_is: vec![(3, 0.0)], step_a: [1.0; 2] }
    }

    #[test]
    fn a_power_is_a_current_one_way_within_what_may_flow() {
        let (own, heard) = (ways(), [400.0, 30.0, 60.0, 0.0]);
        assert_eq!(own.currents(4000.0, &heard), ([10.0, 0.0], true));
        assert_eq!(own.currents(-4100.0, &heard), ([0.0, 10.0], true), "to the nearest ampere");
        assert_eq!(own.currents(20_000.0, &heard), ([30.0, 0.0], false), "its limit");
        assert_eq!(own.currents(-4000.0, &[400.0, 30.0, 3.7, 0.0]), ([0.0, 3.0], false), "never beyond it");
        assert_eq!(own.currents(-4000.0, &[400.0, 30.0, f64::NAN, 0.0]), ([0.0, 0.0], false), "it says nothing of it");
        assert_eq!(own.currents(4000.0, &[400.0, 30.0, 60.0, 1.0]), ([0.0; 2], false), "its contactor is open");
        assert_eq!(own.currents(4000.0, &[f64::NAN, 30.0, 60.0, 0.0]), ([0.0; 2], false));
        assert_eq!(own.power_w([0.0, 10.0], &heard), -4000.0);
        assert_eq!(own.power_w([0.0, 10.0], &[400.0, 30.0, 60.0, 1.0]), 0.0);
    }

    /// A loop, the driver, and a vehicle on its bus.
    struct Rig {
        own: LoopEnd,
        began: Instant,
        names: Vec<String>,
        values: Vec<f64>,
    }

    impl Rig {
        fn new(script: Vec<Scripted>) -> Self {
            let (description, began, bus) = (description(), Instant::now(), VirtualBus::new());
            let prepared = Prepared::new(&description).unwrap();
            let (own, end) = port(prepared.points, 1);
            tokio::spawn(prepared.run(Plug::Can(Connector::Virtual(bus.clone())), None, end, began));
            let battery = |_: u64, i_a: f64| BatteryState {
                target_v_v: 400.0,
                soc_percent: 50.0 - i_a,
                charge_limit_a: 60.0,
                discharge_limit_a: 30.0,
                lowest_v_v: 300.0,
                energy_kwh: 20.0,
                capacity_kwh: 40.0,
                fault: false,
            };
            let mut device = chademo::device(Arc::new(chademo::database().unwrap()), battery).unwrap();
            device.script(script);
            let clock = move || u64::try_from(began.elapsed().as_micros()).unwrap();
            tokio::spawn(async move {
                let mut end = Bus::from(Way::Virtual(bus.connect().unwrap()));
                let _ = serve(&mut device, &mut end, clock, || false).await;
            });
            let names: Vec<String> = description.points.iter().map(|own| own.name.clone()).collect();
            Self { own, began, values: vec![0.0; names.len()], names }
        }

        async fn until(&mut self, ms: u64) {
            tokio::time::sleep_until(self.began + Duration::from_millis(ms)).await;
            self.own.take(&mut self.values);
        }

        fn value(&self, name: &str) -> f64 {
            self.values[self.names.iter().position(|own| own == name).unwrap()]
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_vehicle_discharges_charges_and_opens_at_the_end() {
        let mut rig = Rig::new(Vec::new());
        rig.until(950).await;
        assert_eq!((rig.own.state(), rig.value("contactor_open_flag"), rig.value("p_w")), (LinkState::Up, 1.0, 0.0));
        rig.own.direct(Directive::Operate);
        rig.own.command(&[8000.0]);
        rig.until(2000).await;
        assert_eq!((rig.value("contactor_open_flag"), rig.value("p_w"), rig.own.confirmed()), (0.0, 8000.0, true));
        assert_eq!(rig.value("soc_percent"), 30.0, "20 A flow out of it");
        rig.own.command(&[-12_000.0]);
        rig.until(3000).await;
        assert_eq!((rig.value("p_w"), rig.value("soc_percent"), rig.own.confirmed()), (-12_000.0, 80.0, true));
        rig.own.command(&[30_000.0]);
        rig.until(4000).await;
        assert_eq!((rig.value("p_w"), rig.own.confirmed()), (12_000.0, false), "no more than it gives");
        rig.own.direct(Directive::Safe);
        rig.until(5000).await;
        assert_eq!((rig.value("contactor_open_flag"), rig.value("p_w"), rig.value("soc_percent")), (1.0, 0.0, 50.0));
        rig.own.direct(Directive::End);
        rig.until(6000).await;
        assert_eq!(rig.own.state(), LinkState::Ended);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_vehicle_is_down_and_told_no_current() {
        let mute = Scripted { at_us: 2_000_000, for_us: 3_000_000, fault: Fault::Mute };
        let mut rig = Rig::new(vec![mute]);
        rig.own.direct(Directive::Operate);
        rig.own.command(&[8000.0]);
        rig.until(1900).await;
        assert_eq!((rig.own.state(), rig.value("p_w")), (LinkState::Up, 8000.0));
        rig.until(2500).await;
        assert_eq!(rig.own.state(), LinkState::Down);
        rig.until(7000).await;
        assert_eq!((rig.own.state(), rig.value("p_w")), (LinkState::Up, 8000.0));
    }

    #[test]
    fn what_cannot_be_worked_out_is_refused() {
        let text = include_str!("../../../hil/chademo_vehicle.yaml");
        for (from, to, part) in [
            ("voltage: VehicleStatus.TargetVoltage", "voltage: TargetVoltage", "MESSAGE.SIGNAL"),
            ("voltage: VehicleStatus.TargetVoltage", "voltage: VehicleStatus.Nothing", "no signal `Nothing`"),
            ("charge: ChargerStatus.OutputCurrent", "charge: Nothing.OutputCurrent", "`Nothing`"),
        ] {
            assert!(text.contains(from), "{from}");
            let reading = from_text(text.replace(from, to), Path::new(PATH));
            let error = Prepared::new(&Arc::new(reading.description.unwrap())).err().unwrap().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_current_is_beyond_what_it_takes_or_gives(
            p_w in any::<f64>(),
            heard in proptest::collection::vec(prop_oneof![any::<f64>(), 0.0..500.0_f64], 4),
        ) {
            let (currents, _) = ways().currents(p_w, &heard);
            for (k, own_a) in currents.iter().enumerate() {
                prop_assert!(*own_a >= 0.0 && (*own_a == 0.0 || *own_a <= heard[1 + k]), "{currents:?} {heard:?}");
            }
            prop_assert!(currents[0] == 0.0 || currents[1] == 0.0);
        }
    }
}
