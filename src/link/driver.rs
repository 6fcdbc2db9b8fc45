//! The driver of a described device, whatever it speaks: prepared from its description, then run until the loop has ended.
//!
//! [`Prepared::order`] tells where in a sample each of the description's points is: a PMU's driver has an order of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::address::{Address, Scheme};
use super::can::both_ways::BothWays;
use super::can::bus::Connector;
use super::can::dbc::Database;
use super::can::driver::{self as can, Alive, CanSettings, Plan, Sent, SignalName, Watched};
use super::capture::{Ends, Tap, tapped};
use super::description::language::{CanHead, PmuValue};
use super::description::{Description, Source, Wire};
use super::modbus::driver::{self as modbus, Framing};
use super::port::DriverEnd;
use super::scpi::driver as scpi;
use super::stream::{self, Connect};
use super::synchrophasor::Unit;
use super::synchrophasor::client::{self as pmu, WantedPhasor, WantedStation};

/// A driver, running until the loop has ended.
pub type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where a driver's device is.
pub enum Plug {
    /// At the end of a stream of bytes.
    Stream(Connect),
    /// On a bus.
    Can(Connector),
}

impl Plug {
    /// The same with a tap on whatever goes through it.
    pub fn tapped(self, tap: Tap, ends: Ends) -> Self {
        match self {
            Self::Stream(connect) => Self::Stream(tapped(connect, tap, ends)),
            Self::Can(connector) => Self::Can(Connector::Tapped(Box::new(connector), tap)),
        }
    }
}

/// A driver that only lacks its device.
pub struct Prepared {
    description: Arc<Description>,
    own: Own,
    /// Numbers in a sample.
    pub points: usize,
    /// Where in a sample each of the description's points is.
    pub order: Vec<usize>,
}

enum Own {
    Modbus,
    Can(Box<Plan>),
    BothWays(Box<BothWays>),
    Pmu(Box<pmu::Settings>),
    Scpi,
}

/// Why a description makes no driver.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Its database cannot be read.
    #[error("cannot read {0}: {1}")]
    File(String, std::io::Error),
    /// Something is wrong with it, or with what is asked of it.
    #[error("{0}")]
    Wrong(String),
    /// The address is of something else than what it speaks.
    #[error("{0} is not an address of what {1} speaks")]
    Address(String, String),
}

impl Prepared {
    /// Prepares a driver.
    ///
    /// # Errors
    /// When the description cannot be driven, its DBC file included.
    pub fn new(description: &Arc<Description>) -> Result<Self, PrepareError> {
        let count = description.points.len();
        let in_order = (0..count).collect();
        let (own, points, order) = match &description.wire {
            Wire::Modbus(_) => (Own::Modbus, count, in_order),
            Wire::Can(head, path) => {
                let failed = |error| PrepareError::File(path.display().to_string(), error);
                let text = std::fs::read_to_string(path).map_err(failed)?;
                let settings = can_settings(description, head, &database(&text)?);
                let own = match &head.both_ways {
                    Some(ways) => Own::BothWays(Box::new(BothWays::new(description, ways, settings)?)),
                    None => Own::Can(Box::new(planned(&settings)?)),
                };
                (own, count, in_order)
            }
            Wire::C37118(head) => {
                let settings = pmu_settings(description, head.id, head.time_error_s);
                let names = settings.points();
                let place = |name: String| names.iter().position(|own| *own == name).unwrap_or(0);
                let order = description.points.iter().map(|own| place(wire_name(own))).collect();
                (Own::Pmu(Box::new(settings)), names.len(), order)
            }
            Wire::Scpi(_) => (Own::Scpi, count, in_order),
        };
        Ok(Self { description: Arc::clone(description), own, points, order })
    }

    /// What is at an address that [`fits`].
    ///
    /// # Errors
    /// When the address is not one of what the device speaks.
    pub fn plug(&self, address: &Address) -> Result<Plug, PrepareError> {
        let wrong = || PrepareError::Address(address.to_string(), self.description.name.clone());
        if !fits(&self.description, address) {
            return Err(wrong());
        }
        if matches!(self.own, Own::Can(_) | Own::BothWays(_)) {
            return Ok(Plug::Can(Connector::Address(address.clone())));
        }
        let tls = if let Wire::Modbus(head) = &self.description.wire { head.tls.as_ref() } else { None };
        let connect = stream::connect_trusting(address, tls);
        connect.map(Plug::Stream).map_err(|error| PrepareError::Wrong(error.to_string()))
    }

    /// Runs, from the session's beginning `epoch` on. `address` says a unit, or a PMU's number, where it does.
    pub fn run(self, plug: Plug, address: Option<&Address>, end: DriverEnd, epoch: Instant) -> Running {
        let option = |name: &str| address.and_then(|own| own.get(name));
        let clock = move || u64::try_from(epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
        match (self.own, plug) {
            (Own::Modbus, Plug::Stream(connect)) => {
                let framing = match address.map(|own| own.scheme) {
                    Some(Scheme::Rtu | Scheme::Pty) => Framing::Rtu,
                    Some(_) => Framing::Tcp,
                    None => emulated_framing(&self.description),
                };
                let unit = option("unit").and_then(|unit| u8::try_from(unit).ok());
                let description = self.description;
                Box::pin(modbus::run(modbus::Settings { description, unit, framing, connect, epoch }, end))
            }
            (Own::Can(plan), Plug::Can(connector)) => Box::pin(can::run(*plan, connector, end, clock)),
            (Own::BothWays(ways), Plug::Can(connector)) => Box::pin(ways.run(connector, end, clock)),
            (Own::Pmu(mut settings), Plug::Stream(connect)) => {
                settings.id = option("id").and_then(|id| u16::try_from(id).ok()).unwrap_or(settings.id);
                Box::pin(async move {
                    pmu::run(*settings, connect, end, clock).await;
                })
            }
            (Own::Scpi, Plug::Stream(connect)) => {
                Box::pin(scpi::run(scpi::Settings { description: self.description, connect, epoch }, end))
            }
            // A plug of another kind is refused by `plug`.
            (_, Plug::Stream(_) | Plug::Can(_)) => Box::pin(async {}),
        }
    }
}

/// Whether what a device speaks is spoken at such an address.
pub fn fits(description: &Description, address: &Address) -> bool {
    use Scheme::{C37118, Can, Pty, Rtu, Scpi, SlcanSerial, SlcanTcp, Socketcand, Tcp, Tls, UdpCan};
    match description.wire {
        Wire::Modbus(_) => matches!(address.scheme, Tcp | Tls | Rtu | Pty),
        Wire::Can(..) => matches!(address.scheme, Can | SlcanSerial | SlcanTcp | Socketcand | UdpCan),
        Wire::C37118(_) => matches!(address.scheme, C37118 | Tcp),
        // A port that was not given is Modbus's, where no instrument is.
        Wire::Scpi(_) => address.scheme == Scpi || (address.scheme == Tcp && !address.place.ends_with(":502")),
    }
}

/// How a device is spoken to that the bench emulates.
pub fn emulated_framing(description: &Description) -> Framing {
    match &description.wire {
        Wire::Modbus(head) if head.serial => Framing::Rtu,
        _ => Framing::Tcp,
    }
}

/// The name that a PMU's driver gives to a point.
fn wire_name(point: &super::description::Point) -> String {
    match &point.source {
        Source::Phasor(name) if point.name.starts_with("angle") => format!("{name}.angle_deg"),
        Source::Phasor(name) if unit_of(&point.name) == Unit::Ampere => format!("{name}.i_a"),
        Source::Phasor(name) => format!("{name}.v_v"),
        Source::Pmu(PmuValue::Frequency) => "f_hz".into(),
        Source::Pmu(PmuValue::Rocof) => "rocof_hz_s".into(),
        Source::Pmu(PmuValue::TimeError) => "time_quality".into(),
        _ => "locked".into(),
    }
}

fn unit_of(name: &str) -> Unit {
    if name.starts_with("i_a") { Unit::Ampere } else { Unit::Volt }
}

/// The phasors that a description names, each once, with their units.
pub fn phasors(description: &Description) -> Vec<(String, Unit)> {
    let mut phasors: Vec<(String, Unit)> = Vec::new();
    for point in &description.points {
        let Source::Phasor(name) = &point.source else { continue };
        match phasors.iter_mut().find(|(own, _)| own == name) {
            Some((_, unit)) if !point.name.starts_with("angle") => *unit = unit_of(&point.name),
            Some(_) => {}
            None => phasors.push((name.clone(), unit_of(&point.name))),
        }
    }
    phasors
}

fn pmu_settings(description: &Description, id: u16, time_error_s: f64) -> pmu::Settings {
    let phasors = phasors(description).into_iter().map(|(name, unit)| WantedPhasor { name, unit }).collect();
    let mut settings = pmu::Settings::new(id, vec![WantedStation { name: None, phasors }]);
    settings.time_error_s = time_error_s;
    settings.timeout = Duration::from_secs_f64(description.timeout_s.max(2.0 * description.poll_s));
    settings
}

/// A database, or all that is wrong with it in one line each.
///
/// # Errors
/// When it is none.
pub fn database(text: &str) -> Result<Arc<Database>, PrepareError> {
    let wrong = |found: Vec<super::can::dbc::DbcFinding>| {
        PrepareError::Wrong(found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    };
    Database::read(text).map(Arc::new).map_err(wrong)
}

fn can_settings(description: &Description, head: &CanHead, database: &Arc<Database>) -> CanSettings {
    let signal = |source: &Source| match source {
        Source::Can { message, signal, scale, offset } => Some((SignalName::new(message, signal), *scale, *offset)),
        _ => None,
    };
    let points = description.points.iter().filter_map(|own| signal(&own.source));
    let points = points.map(|(from, scale, offset)| can::Point { from, scale, offset }).collect();
    let set_points = description.set_points.iter().filter_map(|own| {
        let (to, scale, offset) = signal(&own.source)?;
        let confirmed = own.confirmed_by.as_deref().and_then(|name| name.split_once('.'));
        let near = confirmed_within(database, &to);
        Some(can::SetPoint {
            // The description says what a raw number is worth; the driver wants the other way.
            scale: 1.0 / scale,
            offset: -offset / scale,
            safe: own.safe,
            confirmed_by: confirmed.map(|(message, signal)| (SignalName::new(message, signal), near)),
            to,
        })
    });
    let counter = |name: &Option<String>, steps: u64| name.clone().map(|signal| Alive { signal, modulus: steps });
    let sent = head.send.iter().map(|(message, own)| Sent {
        message: message.clone(),
        period_us: own.every_s.map(micros),
        fixed: own.fixed.iter().map(|(name, value)| (name.clone(), *value)).collect(),
        switched: own.switched.iter().map(|(name, [off, on])| (name.clone(), *off, *on)).collect(),
        alive: counter(&own.counter, own.counter_steps),
    });
    let watched = head.hear.iter().map(|(message, own)| Watched {
        message: message.clone(),
        period_us: own.every_s.map(micros),
        periods: own.periods,
        alive: counter(&own.counter, own.counter_steps),
    });
    CanSettings {
        database: Arc::clone(database),
        points,
        set_points: set_points.collect(),
        sent: sent.collect(),
        watched: watched.collect(),
        publish_us: micros(description.poll_s),
    }
}

/// Checked settings, or all that is wrong with them.
pub(super) fn planned(settings: &CanSettings) -> Result<Plan, PrepareError> {
    let wrong = |found: Vec<can::SettingsError>| {
        PrepareError::Wrong(found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    };
    Plan::new(settings).map_err(wrong)
}

/// How far what a device confirms may be off: the step of the signal that was sent.
fn confirmed_within(database: &Database, to: &SignalName) -> f64 {
    let signal = database.named(&to.message).and_then(|message| message.signals.get(message.signal(&to.signal)?));
    signal.map_or(1.0, |signal| signal.factor.abs())
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive seconds")]
fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}
