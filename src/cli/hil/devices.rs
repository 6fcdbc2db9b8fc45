//! What commands about devices share: descriptions and addresses from the command line, and a runtime to speak in.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use phasorbench::link::address::{Address, Scheme};
use phasorbench::link::can::Connector;
use phasorbench::link::can::dbc::Database;
use phasorbench::link::can::emulator::{chademo, charger};
use phasorbench::link::description::{self, Description, Wire};
use phasorbench::link::driver::{Plug, Prepared, database};
use phasorbench::link::modbus::driver::Framing;
use phasorbench::link::port::{LoopEnd, Stamp, port};
use phasorbench::link::stream::{self, Connect};
use tokio::time::Instant;

use crate::{Exit, input, pace};

/// Longest that is waited for the first sample of a device that is not slow.
pub const FIRST: Duration = Duration::from_secs(5);
/// Databases that are part of the program, by name.
const DATABASES: [(&str, &str); 2] = [("charger_module", charger::DBC), ("chademo", chademo::DBC)];

/// A description; what is wrong with it has been said.
pub fn described(path: &Path) -> Result<Description, Exit> {
    let reading = description::read(path);
    input::report(&reading.diagnostics, &reading.sources);
    reading.description.ok_or(Exit::BadInput)
}

/// An address.
pub fn address(text: &str) -> Result<Address, Exit> {
    Address::parse(text).map_err(|error| input::complain("E0410", error.to_string(), None))
}

/// `FILE@ADDRESS`.
pub fn device(text: &str) -> Result<(Arc<Description>, Address), Exit> {
    let Some((file, place)) = text.rsplit_once('@') else {
        let help = Some("give FILE@ADDRESS, as in hil/sunspec_inverter.yaml@tcp://127.0.0.1:1502".to_owned());
        return Err(input::complain("E0410", format!("{text:?} does not say where the device is"), help));
    };
    Ok((Arc::new(described(Path::new(file))?), address(place)?))
}

/// Whether an address is of a CAN bus.
pub const fn is_can(address: &Address) -> bool {
    use Scheme::{Can, SlcanSerial, SlcanTcp, Socketcand, UdpCan};
    matches!(address.scheme, Can | SlcanSerial | SlcanTcp | Socketcand | UdpCan)
}

/// How requests are framed at an address.
pub const fn framing(address: &Address) -> Framing {
    match address.scheme {
        Scheme::Rtu | Scheme::Pty => Framing::Rtu,
        _ => Framing::Tcp,
    }
}

/// What opens a stream to an address.
pub fn connect(address: &Address) -> Result<Connect, Exit> {
    stream::connect(address).map_err(|error| input::complain("E0410", error.to_string(), None))
}

/// A runtime in this thread.
pub fn runtime() -> Result<tokio::runtime::Runtime, Exit> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| {
        input::complain("E0411", format!("the machine gives no runtime: {error}"), None);
        Exit::Internal
    })
}

/// A database by its file, or by the name of one that is part of the program.
pub fn dbc(text: &str) -> Result<(String, Arc<Database>), Exit> {
    let shipped = DATABASES.iter().find(|(name, _)| *name == text && !Path::new(text).exists());
    let held = match shipped {
        Some((_, held)) => (*held).to_owned(),
        None => std::fs::read_to_string(text).map_err(|error| {
            let names = DATABASES.map(|(name, _)| name).join(" and ");
            let help = Some(format!("give a .dbc file; {names} are part of the program"));
            input::complain("E0410", format!("cannot read {text}: {error}"), help)
        })?,
    };
    let read = database(&held).map_err(|error| input::complain("E0410", format!("{text}: {error}"), None))?;
    let name = Path::new(text).file_name().map_or_else(|| text.to_owned(), |own| own.to_string_lossy().into_owned());
    Ok((name, read))
}

/// The database of a description of a CAN device, by its file's name.
pub fn database_of(description: &Description) -> Result<(String, Arc<Database>), Exit> {
    match &description.wire {
        Wire::Can(_, path) => dbc(&path.display().to_string()),
        _ => Err(input::complain("E0410", format!("{} is no device on CAN", description.name), None)),
    }
}

/// A driver's end for a loop, with points in the description's order.
pub struct Watched {
    /// The end itself.
    pub own: LoopEnd,
    /// Longest that is waited for the first sample.
    pub patience: Duration,
    order: Vec<usize>,
    raw: Vec<f64>,
}

impl Watched {
    /// Takes the newest sample, if there is one that was not taken yet: a value for each of the description's points.
    pub fn take(&mut self, values: &mut [f64]) -> Option<Stamp> {
        let stamp = self.own.take(&mut self.raw)?;
        for (value, &at) in values.iter_mut().zip(&self.order) {
            *value = self.raw.get(at).copied().unwrap_or(f64::NAN);
        }
        Some(stamp)
    }

    /// How many points there are.
    pub fn points(&self) -> usize {
        self.order.len()
    }
}

/// A driver that only watches, in the runtime that this is called in; its end for a loop. Where `instead` is given, it is
/// on that bus and not at the address.
pub fn watched(description: &Arc<Description>, address: &Address, instead: Option<Connector>) -> Result<Watched, Exit> {
    let failed = |error: phasorbench::link::driver::PrepareError| input::complain("E0410", error.to_string(), None);
    let prepared = Prepared::new(description).map_err(failed)?;
    let plug = prepared.plug(address).map_err(failed)?;
    let plug = instead.map_or(plug, Plug::Can);
    let (own, end) = port(prepared.points, description.set_points.len());
    let watched = Watched {
        own,
        patience: patience(description),
        order: prepared.order.clone(),
        raw: vec![f64::NAN; prepared.points],
    };
    tokio::spawn(prepared.run(plug, Some(address), end, Instant::now()));
    Ok(watched)
}

/// How long a device may take for its first sample: on CAN, its slowest message decides.
fn patience(description: &Description) -> Duration {
    let mut longest_s = 4.0 * description.poll_s;
    if let Wire::Can(head, _) = &description.wire
        && let Ok((_, database)) = database_of(description)
    {
        for message in database.messages() {
            let hear = head.hear.get(&message.name);
            #[allow(clippy::cast_precision_loss, reason = "periods of at most an hour")]
            let declared_s = message.cycle_us.map(|us| us as f64 / 1e6);
            let every_s = hear.and_then(|own| own.every_s).or(declared_s).unwrap_or(0.0);
            longest_s = longest_s.max(every_s * f64::from(hear.map_or(3, |own| own.periods)) + 1.0);
        }
    }
    FIRST.max(Duration::from_secs_f64(longest_s.min(7200.0)))
}

/// Set when the command is asked to stop.
pub fn asked_to_stop() -> Result<Arc<AtomicBool>, Exit> {
    pace::asked_to_stop().map_err(|error| {
        input::complain("E0411", format!("signals cannot be heard: {error}"), None);
        Exit::Internal
    })
}

/// A text from a device without what a terminal would obey.
pub fn printable(text: &str) -> String {
    text.chars().map(|own| if own.is_control() && own != '\n' { '·' } else { own }).collect()
}

/// A time from the command line.
pub fn seconds(text: &str) -> Result<Duration, String> {
    text.parse::<f64>()
        .ok()
        .filter(|own| (0.001..=1e7).contains(own))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "give a number of seconds from 0.001 to 1e7".into())
}
