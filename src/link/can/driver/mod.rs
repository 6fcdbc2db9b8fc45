//! The driver of a device on a CAN bus: reads what it says cyclically, sends it what the loop sets, cyclically too.
//!
//! Beyond what every driver owes ([`crate::link::port`]):
//!
//! - A sample is published when every point of the messages with the shortest period has come since the last one, at most
//!   once per [`publish_us`](CanSettings::publish_us); points of slower messages are as they last came, for as long as these
//!   are not missed. The stamp is of what is new. A point that is missed for some periods of its message, is not finite or
//!   beyond the database's limits is NaN and holds nothing up.
//! - Under [`Directive::Watch`] not one frame is sent.
//! - Before the loop's first set-points, and for each that is NaN, the safe value is sent.
//! - [`LinkState::Down`]: the bus is lost, all of the device's messages are missed, or one
//!   is missed for twice as long. A silent device's bus is connected anew every two seconds.
//! - [`LinkState::Wrong`]: an alive counter stands still, messages have another length
//!   than the database says, or somebody else sends what is ours to send.
//!
//! Time: sends fall on multiples of their period after connecting and never bunch up; the driver looks at the directive
//! every [`POLL`]. Nothing in it depends on chance or on a clock but the session's and tokio's, so that with tokio's clock
//! paused and a bus in memory a run is the same again.

mod outgoing;
mod plan;
mod session;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::link::can::bus::{Bus, BusError, Connector};
use crate::link::can::dbc::Database;
use crate::link::port::{Directive, DriverEnd, LinkState};

pub use plan::{Plan, SettingsError};
use session::{Left, Session};

/// How often the driver looks at what the loop wants.
pub const POLL: Duration = Duration::from_millis(5);
/// First and longest wait before connecting again.
pub const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));
/// How long leaving a device in its safe state may take at the end.
pub const LAST_WORDS: Duration = Duration::from_millis(500);

/// A signal of a message, by names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalName {
    /// The message.
    pub message: String,
    /// The signal.
    pub signal: String,
}

impl SignalName {
    /// A signal.
    pub fn new(message: &str, signal: &str) -> Self {
        Self { message: message.to_owned(), signal: signal.to_owned() }
    }
}

/// What the loop reads: `value = physical · scale + offset`. A sign is turned by a negative scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Where it is from.
    pub from: SignalName,
    /// Loop's units per physical unit.
    pub scale: f64,
    /// Value of the physical 0.
    pub offset: f64,
}

/// What the loop sets: `physical = value · scale + offset`.
#[derive(Clone, Debug, PartialEq)]
pub struct SetPoint {
    /// Where it goes.
    pub to: SignalName,
    /// Physical units per loop's unit; not 0.
    pub scale: f64,
    /// Physical value of 0.
    pub offset: f64,
    /// Value in the loop's units that leaves the device safe.
    pub safe: f64,
    /// Where the device says what it holds to, with how far that may be off in physical units.
    pub confirmed_by: Option<(SignalName, f64)>,
}

/// A counter that a sender moves with each message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alive {
    /// The signal.
    pub signal: String,
    /// It goes from 0 to one less than this.
    pub modulus: u64,
}

/// A message that is sent cyclically.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// Its name.
    pub message: String,
    /// Time between two in µs; the database's where it is not given.
    pub period_us: Option<u64>,
    /// Signals with physical values that never change. What is neither here nor a set-point is 0 in its bits.
    pub fixed: Vec<(String, f64)>,
    /// Signals with the physical values that they have in the safe state and under [`Directive::Operate`] once there are
    /// set-points: an enable bit.
    pub switched: Vec<(String, f64, f64)>,
    /// Its counter.
    pub alive: Option<Alive>,
}

/// How a received message is watched; messages with points are watched anyway, by the database's cycle time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Its name.
    pub message: String,
    /// Time between two in µs; the database's where it is not given.
    pub period_us: Option<u64>,
    /// It is missed after so many periods without it; its counter is frozen when it stood still for so many messages.
    pub periods: u32,
    /// Its counter.
    pub alive: Option<Alive>,
}

/// What a driver is to do.
#[derive(Clone, Debug, PartialEq)]
pub struct CanSettings {
    /// Messages of the bus.
    pub database: Arc<Database>,
    /// What is read, in the port's order.
    pub points: Vec<Point>,
    /// What is set, in the port's order.
    pub set_points: Vec<SetPoint>,
    /// What is sent.
    pub sent: Vec<Sent>,
    /// What is watched, where the defaults do not do.
    pub watched: Vec<Watched>,
    /// Shortest time between two samples in µs.
    pub publish_us: u64,
}

/// Drives a device until the loop ends. `clock` is the session's, in µs.
pub async fn run(plan: Plan, connector: Connector, mut port: DriverEnd, clock: impl Fn() -> u64) {
    let mut session = Session::new(plan);
    let mut wait = BACK_OFF.0;
    loop {
        match connect(&connector, &port).await {
            Ok(mut bus) => {
                let left = session.drive(&mut bus, &mut port, &clock).await;
                bus.close().await;
                match left {
                    Left::End { safe: true } => return,
                    Left::End { safe: false } => break,
                    // Two seconds have passed: there is no hurry to be held back.
                    Left::Silent => continue,
                    Left::Lost { error, heard } => {
                        session.lost(&port, &error);
                        wait = if heard { BACK_OFF.0 } else { wait };
                    }
                }
            }
            Err(None) => break,
            Err(Some(error)) => session.lost(&port, &error),
        }
        if ended_within(&port, wait).await {
            break;
        }
        wait = (wait * 2).min(BACK_OFF.1);
    }
    // The bus was gone when the end came: a device that was written to may still hear of it.
    if session.has_written() {
        let _ = timeout(LAST_WORDS, last_words(&connector, &mut session)).await;
    }
}

async fn last_words(connector: &Connector, session: &mut Session) -> Result<(), BusError> {
    let mut bus = connector.connect().await?;
    session.leave_safe(&mut bus).await?;
    bus.close().await;
    Ok(())
}

/// A bus, or why not; neither at the loop's end.
async fn connect(connector: &Connector, port: &DriverEnd) -> Result<Bus, Option<BusError>> {
    let connecting = connector.connect();
    tokio::pin!(connecting);
    loop {
        if port.directive() == Directive::End {
            return Err(None);
        }
        tokio::select! {
            biased;
            bus = &mut connecting => return bus.map_err(Some),
            () = sleep(POLL) => {}
        }
    }
}

/// Waits; whether the loop ended meanwhile.
async fn ended_within(port: &DriverEnd, wait: Duration) -> bool {
    let mut left = wait;
    while !left.is_zero() {
        if port.directive() == Directive::End {
            return true;
        }
        let step = left.min(POLL);
        sleep(step).await;
        left -= step;
    }
    port.directive() == Directive::End
}

impl Session {
    /// Says that the bus is gone.
    fn lost(&self, port: &DriverEnd, error: &BusError) {
        port.confirm(false);
        let state = if self.was_up() { LinkState::Down } else { LinkState::Connecting };
        port.report(state, Some(error.to_string()));
    }
}
