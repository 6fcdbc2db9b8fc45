//! What commands about devices share: descriptions and addresses from the command line, and a runtime to speak in.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use phasorbench::link::address::{Address, Scheme};
use phasorbench::link::description::{self, Description, Wire};
use phasorbench::link::modbus::driver::{self, Framing};
use phasorbench::link::port::{LoopEnd, port};
use phasorbench::link::stream::{self, Connect};

use crate::{Exit, input};

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

/// A driver that only watches, in the runtime that this is called in; its end for a loop.
pub fn watched(description: &Arc<Description>, address: &Address) -> Result<LoopEnd, Exit> {
    if !matches!(description.wire, Wire::Modbus(_)) {
        let message = format!("{} does not speak Modbus, and nothing else is probed yet", description.name);
        return Err(input::complain("E0410", message, None));
    }
    let (own, end) = port(description.points.len(), description.set_points.len());
    let settings = driver::Settings {
        description: Arc::clone(description),
        unit: address.get("unit").and_then(|unit| u8::try_from(unit).ok()),
        framing: framing(address),
        connect: connect(address)?,
        epoch: tokio::time::Instant::now(),
    };
    tokio::spawn(driver::run(settings, end));
    Ok(own)
}

/// A time from the command line.
pub fn seconds(text: &str) -> Result<Duration, String> {
    text.parse::<f64>()
        .ok()
        .filter(|own| (0.001..=1e7).contains(own))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "give a number of seconds from 0.001 to 1e7".into())
}
