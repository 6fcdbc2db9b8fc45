//! An emulated instrument that speaks SCPI, by TCP.

use phasorbench::emulate;
use phasorbench::link::description::Description;
use phasorbench::link::fault::Faults;

use super::values::Shown;
use super::{Args, Until, complain, model, place};
use crate::{Exit, output};

/// Port when none is given.
const PORT: u16 = 5025;

pub(super) async fn serve(
    args: &Args,
    description: &Description,
    shown: &Shown,
    faults: &Faults,
    until: &Until,
) -> Result<(), Exit> {
    let (at, _) = place::port(args, description, PORT)?;
    for k in 0..args.count {
        let made = emulate::scpi(description, model(args, description, shown), faults.clone());
        let device = made.map_err(|error| complain(error.to_string()))?;
        if let Ok(mut own) = device.lock() {
            own.set_writable(!args.read_only);
        }
        let (listener, at) = place::bind(at, k).await?;
        output::print(&format!("{} listens: scpi://{at}\n", description.name));
        tokio::spawn(emulate::listen_scpi(listener, device, until.epoch, place::allowed(args, at)));
    }
    until.end().await;
    Ok(())
}
