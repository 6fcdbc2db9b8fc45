//! A mitigation at work: it hears verdicts, and its commands travel to the inverters over a line.

use crate::bench::machine::Machine;
use crate::control::mitigation::{self, Action, Probing, RUNGS, Rung, Settings, State, Unit};
use crate::quantity::Tick;
use crate::scenario::{self, Mitigated, MitigationSetting, Plan, RungSetting};
use crate::signal::{Frame, HarmonicCommand, Line, Verdict};

/// Ticks from a command to its effect.
const TO_ACT: u64 = 1;
/// Time between verdicts in s.
const VERDICT_S: f64 = 3.0;
/// Verdicts that may be missing before they are said to be.
const STALE_VERDICTS: f64 = 3.0;
/// A bus whose voltage nobody knows, to ground, in V.
const SOME_VOLTAGE_V: f64 = 230.0;
/// Release in parts of the limit.
const RELEASE: f64 = 0.8;

/// A mitigation at work.
pub(super) struct Mitigation {
    law: mitigation::Mitigation,
    analyser: usize,
    /// The fleet's devices in the order of the verdict's units, and whether each is commanded.
    fleet: Vec<(usize, bool)>,
    /// Whether inverters may be asked for harmonic currents.
    compensates: bool,
    frame: Frame,
    line: Line,
    taken: u64,
    rolled_back: u64,
    released: u64,
    frozen: bool,
}

impl Mitigation {
    pub(super) fn new(plan: &Plan, own: &scenario::Mitigation, machines: &[Machine]) -> Self {
        let analyser = plan.equipment.analysers.get(own.analyser);
        let fleet: Vec<(usize, bool)> = analyser
            .map(|analyser| analyser.fleet.iter().map(|&k| (k, own.actuators.contains(&k))).collect())
            .unwrap_or_default();
        let settings = settings(plan, own, analyser, &fleet, machines);
        let channels = fleet.len() * HarmonicCommand::CHANNELS;
        Self {
            law: mitigation::Mitigation::new(settings),
            analyser: own.analyser,
            compensates: own.setting.steps.contains(&RungSetting::Compensation),
            frame: Frame::new(channels),
            line: Line::new(channels, 1, TO_ACT, own.most_extra),
            fleet,
            taken: 0,
            rolled_back: 0,
            released: 0,
            frozen: false,
        }
    }

    /// The analyser that it hears.
    pub(super) const fn analyser(&self) -> usize {
        self.analyser
    }

    /// Whether it commands a device.
    pub(super) fn commands(&self, device: usize) -> bool {
        self.fleet.contains(&(device, true))
    }

    /// The line that its commands take.
    pub(super) const fn line(&mut self) -> &mut Line {
        &mut self.line
    }

    /// Commands that have arrived by a tick reach the devices.
    pub(super) fn deliver(&mut self, tick: Tick, machines: &mut [Machine]) {
        if !self.line.receive(tick) {
            return;
        }
        for (k, &(device, _)) in self.fleet.iter().enumerate().filter(|(_, (_, commanded))| *commanded) {
            let command = HarmonicCommand::read(self.line.held(), k * HarmonicCommand::CHANNELS);
            if let Some((machine, command)) = machines.get_mut(device).zip(command) {
                machine.obey(&command);
            }
        }
    }

    /// A tick, with the newest verdict.
    pub(super) fn step(&mut self, tick: Tick, verdict: &Verdict, machines: &[Machine]) {
        for (k, &(device, commanded)) in self.fleet.iter().enumerate().filter(|_| self.compensates) {
            if let Some(machine) = machines.get(device).filter(|_| commanded) {
                self.law.set_headroom(k, machine.headroom_a());
            }
        }
        self.law.step(tick, verdict);
        for event in self.law.events() {
            match event.action {
                Action::Take(_) => self.taken += 1,
                Action::RollBack(_) => self.rolled_back += 1,
                Action::Release(_) => self.released += 1,
                Action::Freeze => self.frozen = true,
                Action::Thaw => self.frozen = false,
                _ => {}
            }
        }
        self.frame.advance(tick);
        for (k, command) in self.law.commands().iter().enumerate() {
            command.write(&mut self.frame, k * HarmonicCommand::CHANNELS);
        }
        self.line.send(&self.frame);
    }

    #[allow(clippy::cast_precision_loss, reason = "counts")]
    pub(super) fn value(&self, what: Mitigated) -> f64 {
        let flag = |on: bool| f64::from(u8::from(on));
        match what {
            Mitigated::Rung => {
                let highest = RUNGS.iter().rposition(|&rung| self.law.active(rung));
                highest.map_or(0.0, |place| (place + 1) as f64)
            }
            Mitigated::Taken => self.taken as f64,
            Mitigated::RolledBack => self.rolled_back as f64,
            Mitigated::Released => self.released as f64,
            Mitigated::Probing => flag(self.law.state() == State::Probing),
            Mitigated::Frozen => flag(self.frozen),
            Mitigated::Alarm => flag(self.law.active(Rung::Alarm)),
        }
    }
}

/// A time in s as a number of verdicts, at least one.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn verdicts(time_s: f64) -> u32 {
    (time_s / VERDICT_S).round().max(1.0) as u32
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn settings(
    plan: &Plan,
    own: &scenario::Mitigation,
    analyser: Option<&scenario::Analyser>,
    fleet: &[(usize, bool)],
    machines: &[Machine],
) -> Settings {
    let s = &own.setting;
    let base_v = fleet.first().and_then(|&(device, _)| machines.get(device)).map_or(SOME_VOLTAGE_V, |own| own.base_v);
    let usual = || analyser.and_then(|own| own.thd_limit_percent(base_v)).unwrap_or(Settings::default().limit_percent);
    let limit_percent = s.limit_percent.unwrap_or_else(usual);
    let unit = |&(device, commanded): &(usize, bool)| {
        machines.get(device).filter(|_| commanded).map_or(NOTHING, |machine| unit(s, machine))
    };
    let probing = own.probe.zip(s.probe.as_ref()).and_then(|((device, flip_ticks), probe)| {
        Some(Probing {
            unit: fleet.iter().position(|(own, _)| *own == device)?,
            amplitude_a: probe.current_a,
            flip_ticks,
            most_values: verdicts(probe.most_s),
            pause_values: verdicts(probe.most_s),
            confirm: probe.confirm,
        })
    });
    Settings {
        limit_percent,
        release_percent: s.release_percent.unwrap_or(RELEASE * limit_percent).min(limit_percent),
        confirm_values: verdicts(s.confirm_s),
        settle_values: verdicts(s.settle_s),
        check_values: verdicts(s.effect_s),
        pause_values: verdicts(s.pause_s),
        release_values: verdicts(s.release_s),
        stale_ticks: (STALE_VERDICTS * VERDICT_S / plan.step.seconds()).ceil() as u64,
        probing,
        units: fleet.iter().map(unit).collect(),
        ..Settings::default()
    }
}

/// What a unit that is not commanded offers.
const NOTHING: Unit = Unit {
    carrier_hz: 0.0,
    carrier_bounds_hz: [0.0; 2],
    resonance_hz: 0.0,
    interleave: 1,
    headroom_a: 0.0,
    conductance_s: 0.0,
    curtailable: false,
    disconnectable: false,
};

/// What a device offers, as far as the mitigation may use it.
fn unit(s: &MitigationSetting, machine: &Machine) -> Unit {
    let Some(site) = machine.site() else { return NOTHING };
    let converter = &site.settings().unit.converter;
    let may = |rung: RungSetting| s.steps.contains(&rung);
    let own_hz = converter.switching_hz;
    let resonance_hz = converter.filter.resonance_hz();
    let compensates = may(RungSetting::Compensation);
    Unit {
        carrier_hz: own_hz,
        carrier_bounds_hz: match may(RungSetting::SwitchingFrequency) {
            true => [2.0 * resonance_hz, converter.most_switching_hz],
            false => [own_hz; 2],
        },
        resonance_hz,
        interleave: if may(RungSetting::Interleaving) { s.interleave } else { 1 },
        headroom_a: if compensates { machine.headroom_a() } else { 0.0 },
        conductance_s: if compensates { s.conductance_s } else { 0.0 },
        curtailable: may(RungSetting::Curtailment),
        disconnectable: may(RungSetting::Curtailment),
    }
}
