//! A device: cyclic messages, commands, watchdog, scripted faults. No input or output, time as an argument.

use std::sync::Arc;

use crate::link::can::dbc::{Database, Message, Number, Signal};
use crate::link::can::driver::{Alive, SettingsError, SignalName};
use crate::link::can::frame::{CLASSIC_BYTES, CanFrame, CanId};
use crate::quantity::Noise;

/// What a plant sees.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Time of the session in µs.
    pub t_us: u64,
    /// Physical values of the commands, in the settings' order; safe values before they come.
    pub commands: &'a [f64],
    /// Commands come in time.
    pub commanded: bool,
}

/// What stands behind the messages.
pub trait Plant {
    /// Goes on to a time and says the physical values of what is measured, in the settings' order.
    fn step(&mut self, input: &Input<'_>, measured: &mut [f64]);
}

impl<F: FnMut(&Input<'_>, &mut [f64])> Plant for F {
    fn step(&mut self, input: &Input<'_>, measured: &mut [f64]) {
        self(input, measured);
    }
}

/// A signal that is commanded.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Where it comes from.
    pub from: SignalName,
    /// Physical value without commands.
    pub safe: f64,
}

/// A message that the device sends.
#[derive(Clone, Debug, PartialEq)]
pub struct Cyclic {
    /// Its name.
    pub message: String,
    /// Time between two in µs; the database's where it is not given.
    pub period_us: Option<u64>,
    /// Signals that never change, with physical values.
    pub fixed: Vec<(String, f64)>,
    /// Its counter.
    pub alive: Option<Alive>,
}

/// When the device does without its master.
#[derive(Clone, Debug, PartialEq)]
pub struct Watchdog {
    /// Message that has to come.
    pub message: String,
    /// Longest time without it in µs.
    pub timeout_us: u64,
    /// Counter that has to move for the message to count.
    pub alive: Option<String>,
}

/// What a device is.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceSettings {
    /// Messages of the bus.
    pub database: Arc<Database>,
    /// What is commanded.
    pub commands: Vec<Command>,
    /// What is measured.
    pub measured: Vec<SignalName>,
    /// What is sent.
    pub cyclic: Vec<Cyclic>,
    /// Its watchdog.
    pub watchdog: Option<Watchdog>,
    /// Messages that come from its battery's management.
    pub battery: Vec<String>,
}

/// What is wrong with a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// It repeats its last messages, counters included.
    Freeze,
    /// It sends nothing.
    Mute,
    /// Its messages have any bytes and any length.
    Garbage,
    /// What it measures is so many times what it should be.
    WrongScale(f64),
    /// What it measures has all bits set, of signed numbers all but the sign; floats are NaN.
    OutOfRange,
    /// Of what it measures, that share of signals has no value.
    Missing(f64),
    /// That share of its messages does not arrive.
    Lossy(f64),
    /// Its battery's management says nothing: its messages do not come.
    BatterySilent,
    /// It answers at another address.
    OtherAddress,
    /// A second device sends the same messages, with a counter and values of its own.
    Twin,
    /// It is off, and begins anew afterwards.
    Reboot,
}

/// A fault with its time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scripted {
    /// From, in µs.
    pub at_us: u64,
    /// How long, in µs.
    pub for_us: u64,
    /// What.
    pub fault: Fault,
}

#[derive(Debug)]
struct Out {
    message: Message,
    period_us: u64,
    next_us: Option<u64>,
    base: Vec<u8>,
    /// Signal, place among what is measured.
    measured: Vec<(usize, usize)>,
    /// Signal, modulus, next value.
    alive: Option<(usize, u64, u64)>,
    last: Option<CanFrame>,
    /// It comes from the battery's management.
    battery: bool,
}

#[derive(Debug)]
struct Guard {
    message: Message,
    timeout_us: u64,
    alive: Option<usize>,
    counter: Option<u64>,
    fed_us: Option<u64>,
}

/// A device with its plant.
#[derive(Debug)]
pub struct Device<P> {
    plant: P,
    outs: Vec<Out>,
    /// Message, signal, safe value.
    commands: Vec<(Message, usize, f64)>,
    values: Vec<f64>,
    measured: Vec<f64>,
    guard: Option<Guard>,
    script: Vec<Scripted>,
    rebooting: bool,
    draws: Draws,
}

impl<P: Plant> Device<P> {
    /// A device.
    ///
    /// # Errors
    /// Everything that is wrong with its settings.
    pub fn new(settings: &DeviceSettings, plant: P) -> Result<Self, Vec<SettingsError>> {
        let mut maker = Maker { database: &settings.database, found: Vec::new() };
        let out = |cyclic: &Cyclic| {
            let own = maker.out(cyclic, &settings.measured)?;
            Some(Out { battery: settings.battery.contains(&cyclic.message), ..own })
        };
        let outs = settings.cyclic.iter().filter_map(out).collect();
        let commands = settings.commands.iter().filter_map(|command| {
            let (message, signal) = maker.signal(&command.from)?;
            Some((message, signal, command.safe))
        });
        let commands: Vec<_> = commands.collect();
        for name in &settings.measured {
            maker.signal(name);
            if !settings.cyclic.iter().any(|cyclic| cyclic.message == name.message) {
                maker.found.push(SettingsError::NotSent { message: name.message.clone() });
            }
        }
        let guard = settings.watchdog.as_ref().and_then(|watchdog| maker.guard(watchdog));
        if !maker.found.is_empty() {
            return Err(maker.found);
        }
        let values = commands.iter().map(|command| command.2).collect();
        let measured = vec![0.0; settings.measured.len()];
        let (script, rebooting) = (Vec::new(), false);
        Ok(Self { plant, outs, commands, values, measured, guard, script, rebooting, draws: Draws::new(1) })
    }

    /// The plant.
    pub const fn plant(&self) -> &P {
        &self.plant
    }

    /// The plant, to be changed.
    pub const fn plant_mut(&mut self) -> &mut P {
        &mut self.plant
    }

    /// Faults to come. Of two at a time, the first of the list counts.
    pub fn script(&mut self, script: Vec<Scripted>) {
        self.script = script;
    }

    /// Seed of what its faults draw.
    pub fn seed(&mut self, seed: u64) {
        self.draws = Draws::new(seed);
    }

    fn fault(&self, t_us: u64) -> Option<Fault> {
        let now = |one: &&Scripted| t_us >= one.at_us && t_us - one.at_us < one.for_us;
        self.script.iter().find(now).map(|one| one.fault)
    }

    /// Takes a frame from the bus.
    pub fn hear(&mut self, t_us: u64, frame: &CanFrame) {
        if !frame.is_data() || self.fault(t_us) == Some(Fault::Reboot) {
            return;
        }
        for ((message, signal, _), value) in self.commands.iter().zip(&mut self.values) {
            if message.id == frame.id()
                && let Some(physical) = message.decode(*signal, frame.bytes()).filter(|value| value.is_finite())
            {
                *value = physical;
            }
        }
        let Some(guard) = self.guard.as_mut().filter(|guard| guard.message.id == frame.id()) else { return };
        let counter = guard.alive.map(|signal| guard.message.signals[signal].raw(frame.bytes()));
        if frame.length() >= guard.message.length && (counter.is_none() || counter != guard.counter) {
            (guard.counter, guard.fed_us) = (counter, Some(t_us));
        }
    }

    /// Whether commands come in time; always without a watchdog.
    pub fn is_commanded(&self, t_us: u64) -> bool {
        self.guard
            .as_ref()
            .is_none_or(|guard| guard.fed_us.is_some_and(|fed_us| t_us.saturating_sub(fed_us) < guard.timeout_us))
    }

    /// When it next sends, in µs.
    pub fn next_us(&self) -> u64 {
        self.outs.iter().map(|out| out.next_us.unwrap_or(0)).min().unwrap_or(u64::MAX)
    }

    /// Goes on to a time; adds the frames that are due.
    pub fn poll(&mut self, t_us: u64, frames: &mut Vec<CanFrame>) {
        let fault = self.fault(t_us);
        if fault == Some(Fault::Reboot) {
            self.rebooting = true;
        } else if std::mem::take(&mut self.rebooting) {
            self.begin();
        }
        if fault == Some(Fault::Reboot) {
            self.outs.iter_mut().for_each(|out| out.skip(t_us));
            return;
        }
        let commanded = self.is_commanded(t_us);
        if !commanded {
            self.commands.iter().zip(&mut self.values).for_each(|(command, value)| *value = command.2);
        }
        self.plant.step(&Input { t_us, commands: &self.values, commanded }, &mut self.measured);
        for out in &mut self.outs {
            if out.next_us.is_none_or(|next| next <= t_us) {
                out.skip(t_us);
                let frame = out.frame(&self.measured, fault, &mut self.draws);
                frames.extend(frame);
                if fault == Some(Fault::Twin) {
                    frames.extend(frame.and_then(|own| out.twin(&own)));
                }
            }
        }
    }

    /// As after switching on.
    fn begin(&mut self) {
        self.commands.iter().zip(&mut self.values).for_each(|(command, value)| *value = command.2);
        for out in &mut self.outs {
            out.last = None;
            out.alive.iter_mut().for_each(|alive| alive.2 = 0);
        }
        if let Some(guard) = &mut self.guard {
            (guard.counter, guard.fed_us) = (None, None);
        }
    }
}

impl Out {
    /// The next time to send is the first after this.
    fn skip(&mut self, t_us: u64) {
        let next = self.next_us.unwrap_or(t_us);
        if next <= t_us {
            self.next_us = Some(next + self.period_us * ((t_us - next) / self.period_us + 1));
        }
    }

    fn frame(&mut self, measured: &[f64], fault: Option<Fault>, draws: &mut Draws) -> Option<CanFrame> {
        match fault {
            Some(Fault::Mute | Fault::Reboot) => return None,
            Some(Fault::BatterySilent) if self.battery => return None,
            Some(Fault::Lossy(share)) if draws.share() < share => return None,
            Some(Fault::Freeze) if self.last.is_some() => return self.last,
            Some(Fault::Garbage) => {
                let mut bytes = [0; CLASSIC_BYTES];
                bytes.iter_mut().for_each(|byte| *byte = draws.byte());
                // Never the message's own length: bytes alone could be right by chance.
                let other = usize::from(draws.byte()) % CLASSIC_BYTES;
                let length = if other == self.message.length { CLASSIC_BYTES - 1 - other } else { other };
                return CanFrame::data(self.message.id, &bytes[..length]).ok();
            }
            _ => {}
        }
        let mut payload = self.base.clone();
        for &(signal, place) in &self.measured {
            let (signal, value) = (&self.message.signals[signal], measured.get(place).copied().unwrap_or(f64::NAN));
            let raw = match fault {
                Some(Fault::WrongScale(scale)) => signal.nearest(value * scale).0,
                Some(Fault::OutOfRange) => none(signal),
                // Flags and states are no sensors.
                Some(Fault::Missing(share)) if signal.length > FLAG_BITS && draws.share() < share => none(signal),
                // A plant that has no value says so where the signal can.
                _ if value.is_nan() && matches!(signal.number, Number::F32 | Number::F64) => u64::MAX,
                _ => signal.nearest(value).0,
            };
            signal.put_raw(&mut payload, raw);
        }
        if let Some((signal, modulus, next)) = &mut self.alive {
            self.message.signals[*signal].put_raw(&mut payload, *next);
            *next = (*next + 1) % (*modulus).max(1);
        }
        let id = if fault == Some(Fault::OtherAddress) { other(self.message.id) } else { Some(self.message.id) };
        self.last = id.and_then(|id| CanFrame::fitting(id, &payload).ok());
        self.last
    }

    /// The same message of a second device: another number in its counter and in what it measures.
    fn twin(&self, own: &CanFrame) -> Option<CanFrame> {
        let mut payload = own.bytes().to_vec();
        for &(signal, _) in &self.measured {
            let signal = &self.message.signals[signal];
            signal.put_raw(&mut payload, signal.raw(own.bytes()) ^ (1 << (signal.length / 2)));
        }
        if let Some((signal, modulus, _)) = self.alive {
            let signal = &self.message.signals[signal];
            let modulus = modulus.max(1);
            signal.put_raw(&mut payload, (signal.raw(own.bytes()) + modulus / 2) % modulus);
        }
        CanFrame::fitting(own.id(), &payload).ok()
    }
}

/// Bits that a flag or a state has at most.
const FLAG_BITS: u8 = 4;

/// Bits that mean no value: all of them, of a signed number the largest.
fn none(signal: &Signal) -> u64 {
    match signal.number {
        Number::Signed => u64::MAX.checked_shr(65 - u32::from(signal.length)).unwrap_or(0),
        _ => u64::MAX,
    }
}

/// The identifier of the same message at another address: the lowest byte of 29 bits, or the highest of 11.
fn other(id: CanId) -> Option<CanId> {
    if id.is_extended() { CanId::extended(id.number() ^ 1) } else { CanId::standard(id.number() ^ 0x400) }
}

/// Numbers by a hash of a seed and of how many were drawn: the same each time.
#[derive(Clone, Copy, Debug)]
struct Draws {
    noise: Noise,
    drawn: u64,
}

impl Draws {
    fn new(seed: u64) -> Self {
        Self { noise: Noise::new(seed, "can"), drawn: 0 }
    }

    fn number(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(1);
        self.drawn
    }

    fn byte(&mut self) -> u8 {
        let number = self.number();
        self.noise.bits(number).to_be_bytes()[0]
    }

    /// A number from 0 to 1.
    fn share(&mut self) -> f64 {
        let number = self.number();
        self.noise.uniform(number)
    }
}

struct Maker<'a> {
    database: &'a Database,
    found: Vec<SettingsError>,
}

impl Maker<'_> {
    fn message(&mut self, name: &str) -> Option<Message> {
        let message = self.database.named(name).cloned();
        if message.is_none() {
            self.found.push(SettingsError::Message { message: name.to_owned() });
        }
        message
    }

    fn at(&mut self, message: &Message, signal: &str) -> Option<usize> {
        let at = message.signal(signal);
        if at.is_none() {
            self.found.push(SettingsError::Signal { message: message.name.clone(), signal: signal.to_owned() });
        }
        at
    }

    fn signal(&mut self, name: &SignalName) -> Option<(Message, usize)> {
        let message = self.message(&name.message)?;
        let at = self.at(&message, &name.signal)?;
        Some((message, at))
    }

    fn out(&mut self, cyclic: &Cyclic, measured: &[SignalName]) -> Option<Out> {
        let message = self.message(&cyclic.message)?;
        let period_us = cyclic.period_us.or(message.cycle_us).filter(|period| (1_000..=3_600_000_000).contains(period));
        if period_us.is_none() {
            self.found.push(SettingsError::Period { message: message.name.clone() });
        }
        let mut base = vec![0; message.length];
        for (name, value) in &cyclic.fixed {
            if let Some(at) = self.at(&message, name)
                && let Err(error) = message.encode(at, *value, &mut base)
            {
                self.found.push(error.into());
            }
        }
        let alive = cyclic.alive.as_ref();
        let alive = alive.and_then(|alive| Some((self.at(&message, &alive.signal)?, alive.modulus, 0)));
        let own = measured.iter().enumerate().filter(|(_, name)| name.message == message.name);
        let own = own.filter_map(|(place, name)| Some((message.signal(&name.signal)?, place))).collect();
        Some(Out {
            period_us: period_us?,
            next_us: None,
            base,
            measured: own,
            alive,
            last: None,
            battery: false,
            message,
        })
    }

    fn guard(&mut self, watchdog: &Watchdog) -> Option<Guard> {
        let message = self.message(&watchdog.message)?;
        let alive = watchdog.alive.as_ref().and_then(|name| self.at(&message, name));
        Some(Guard { message, timeout_us: watchdog.timeout_us, alive, counter: None, fed_us: None })
    }
}
