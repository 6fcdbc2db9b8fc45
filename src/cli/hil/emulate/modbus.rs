//! An emulated device of Modbus: by TCP, or on pseudo-terminals.

use std::time::Duration;

use phasorbench::emulate::{self, Device, Line, Listening, Shared};
use phasorbench::link::description::{Description, Wire};
use phasorbench::link::fault::Faults;
use phasorbench::link::modbus::driver::Framing;
use tokio::time::{Instant, sleep};

use super::values::Shown;
use super::{Args, Until, complain, model, place};
use crate::{Exit, output};

/// Port when none is given.
const PORT: u16 = 1502;

pub(super) async fn serve(
    args: &Args,
    description: &Description,
    shown: &Shown,
    faults: &Faults,
    until: &Until,
) -> Result<(), Exit> {
    unit(args, description)?;
    let made = (0..args.count).map(|_| device(args, description, shown, faults));
    let made = made.collect::<Result<Vec<Shared>, Exit>>()?;
    if args.pty {
        for device in made {
            on_pty(device, until.epoch)?;
        }
    } else {
        let (at, _) = place::port(args, description, PORT)?;
        for (device, k) in made.into_iter().zip(0..) {
            let (listener, at) = place::bind(at, k).await?;
            output::print(&format!("{} listens: tcp://{at}\n", name(&device)));
            let listening = Listening::new(listener, until.epoch, place::allowed(args, at));
            tokio::spawn(emulate::listen(listening, [device].into()));
        }
    }
    until.end().await;
    Ok(())
}

/// A unit that can be spoken to. Behind TCP a device answers to 0 and 255 whatever its unit is.
fn unit(args: &Args, description: &Description) -> Result<(), Exit> {
    let own = match &description.wire {
        Wire::Modbus(head) => args.unit.unwrap_or(head.unit),
        _ => return Ok(()),
    };
    match (args.pty, own) {
        (true, 0) => {
            Err(complain("unit 0 is everybody on a serial line, and nobody answers: give --unit 1 to 247".into()))
        }
        (true, 248..) => Err(complain(format!("unit {own} is none on a serial line: give --unit 1 to 247"))),
        (false, 248..=254) => Err(complain(format!("unit {own} is reserved: give --unit 0 to 247, or 255"))),
        _ => Ok(()),
    }
}

fn device(args: &Args, description: &Description, shown: &Shown, faults: &Faults) -> Result<Shared, Exit> {
    let made = Device::new(description, model(args, description, shown), faults.clone());
    let mut device = made.map_err(|error| complain(error.to_string()))?;
    device.set_writable(!args.read_only);
    args.unit.into_iter().for_each(|unit| device.set_unit(unit));
    Ok(emulate::shared(device))
}

fn name(device: &Shared) -> String {
    device.lock().map_or_else(|_| "device".to_owned(), |own| own.description().name.clone())
}

#[cfg(unix)]
fn on_pty(device: Shared, epoch: Instant) -> Result<(), Exit> {
    use tokio_serial::{SerialPort, SerialStream};
    let failed = |error: tokio_serial::Error| complain(format!("no pseudo-terminal: {error}"));
    let (own, other) = SerialStream::pair().map_err(failed)?;
    let place = other.name().unwrap_or_default();
    output::print(&format!("{} listens: pty:{place}\n", name(&device)));
    let rack = [device].into();
    tokio::spawn(async move {
        // While the other side is open here, clients may come and go.
        let _held = other;
        let mut line = Line { stream: Box::new(own), framing: Framing::Rtu, epoch };
        // A cable that is pulled ends nothing here: the line is the same when it is back.
        loop {
            emulate::serve_line(&mut line, &rack).await;
            sleep(Duration::from_millis(20)).await;
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn on_pty(_: Shared, _: Instant) -> Result<(), Exit> {
    Err(complain("this system has no pseudo-terminals".into()))
}
