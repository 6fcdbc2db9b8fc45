//! The device's side of a CAN bus: what it sends cyclically, what it does with commands, its watchdog, and faults by a
//! script. What the device is physically comes from outside ([`Plant`]), so that the same emulator serves a test of the
//! driver and a model of the bench.
//!
//! [`Device`] does no input or output and knows no clock; [`serve`] puts it on a bus. [`charger`] and [`chademo`] are the two
//! devices whose databases are in `hil/can`.

pub mod chademo;
pub mod charger;
mod device;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::sleep;

use crate::link::can::bus::{Bus, BusError};

pub use device::{Command, Cyclic, Device, DeviceSettings, Fault, Input, Plant, Scripted, Watchdog};

/// How often a device that is served looks whether it should stop.
const POLL: Duration = Duration::from_millis(5);

/// Serves a device on a bus until `stop` says so. `clock` is the session's, in µs.
///
/// # Errors
/// When the bus is lost.
pub async fn serve<P: Plant>(
    device: &mut Device<P>,
    bus: &mut Bus,
    clock: impl Fn() -> u64,
    stop: impl Fn() -> bool,
) -> Result<(), BusError> {
    let mut frames = Vec::new();
    while !stop() {
        device.poll(clock(), &mut frames);
        for frame in frames.drain(..) {
            bus.send(&frame).await?;
        }
        let wait = Duration::from_micros(device.next_us().saturating_sub(clock())).min(POLL);
        tokio::select! {
            biased;
            received = bus.recv() => device.hear(clock(), &received?.frame),
            () = sleep(wait) => {}
        }
    }
    Ok(())
}
