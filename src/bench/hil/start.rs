//! The beginning of a session: drivers and what the bench serves, ready to run.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::{Instant, sleep};

use super::session::Tasks;
use crate::emulate::{self, Line, Listening, Rack, Shared, SharedModel, SharedScpi};
use crate::link::address::{Address, Scheme};
use crate::link::can::bus::{Connector, VirtualBus};
use crate::link::capture::{Capture, Clock, Ends, Recorder, Tap, tapped};
use crate::link::description::Wire;
use crate::link::driver::{self, Plug, Prepared};
use crate::link::modbus::driver::Framing;
use crate::link::port::{DriverEnd, LinkState, LoopEnd};
use crate::link::stream::{self, Socket};
use crate::link::synchrophasor::Server;
use crate::scenario::{self, At};

/// What a link says in batch.
const NOT_IN_BATCH: &str = "real devices are only spoken to in a run that keeps pace with the clock";
/// Packets that wait for the disk, at most.
const QUEUED: usize = 4096;
/// When the wall clock of a batch run's recording begins, in ns since 1970.
const BATCH_BEGINS_NS: u64 = 1_700_000_000_000_000_000;
/// How often a serial line that is gone is opened again.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(500);

/// What a driver and the device that it may speak to are made of.
pub(super) struct Maker {
    pub(super) end: DriverEnd,
    pub(super) seat: scenario::Seat,
    pub(super) prepared: Prepared,
    pub(super) served: Option<Served>,
    /// The other end, where the driver is a controller's in the bench.
    pub(super) commands: Option<LoopEnd>,
}

/// A device on a bus, to be served from the session's beginning on.
pub(super) type OnCan = Box<dyn FnOnce(VirtualBus, Instant) -> emulate::Serving + Send>;

/// What is to be served, and where a driver meets it.
pub(super) enum Served {
    Modbus(Shared, Socket, stream::Accept),
    Pmu(Arc<Server>, SharedModel, Socket, stream::Accept),
    Can(OnCan, VirtualBus),
    Scpi(SharedScpi, Socket, stream::Accept),
}

/// Devices at an address where controllers outside find them.
pub(super) struct Open {
    address: Address,
    devices: Vec<Shared>,
    allow: Vec<std::net::IpAddr>,
    listener: Option<std::net::TcpListener>,
}

/// Adds a device to those at its address.
pub(super) fn open(places: &mut Vec<Open>, seat: &scenario::Seat, address: &Address, device: Shared) {
    let same = |own: &&mut Open| (own.address.scheme, &own.address.place) == (address.scheme, &address.place);
    if let Some(own) = places.iter_mut().find(same) {
        own.devices.push(device);
        return;
    }
    let allow = seat.served.as_ref().map(|own| own.allow.clone()).unwrap_or_default();
    places.push(Open { address: address.clone(), devices: vec![device], allow, listener: None });
}

impl Open {
    /// Takes its port, before the run begins: one that is in use is no surprise later.
    pub(super) fn bind(&mut self) -> io::Result<()> {
        if self.address.scheme == Scheme::Tcp {
            let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.address));
            let listener = std::net::TcpListener::bind(&self.address.place).map_err(named)?;
            listener.set_nonblocking(true)?;
            self.listener = Some(listener);
        }
        Ok(())
    }

    async fn serve(self, epoch: Instant, recorder: Option<Recorder>) {
        let rack: Rack = self.devices.into();
        if let Some(listener) = self.listener.and_then(|own| tokio::net::TcpListener::from_std(own).ok()) {
            let listening = Listening { recorder, ..Listening::new(listener, epoch, self.allow) };
            emulate::listen(listening, rack).await;
            return;
        }
        let Ok(connect) = stream::connect(&self.address) else { return };
        let mut connect = match recorder {
            Some(recorder) => {
                tapped(connect, Tap::new(&recorder, "controller", &self.address.to_string()), Ends::Serial)
            }
            None => connect,
        };
        loop {
            if let Ok(stream) = connect().await {
                emulate::serve(Line { stream, framing: Framing::Rtu, epoch }, Arc::clone(&rack)).await;
            }
            sleep(AGAIN).await;
        }
    }
}

/// Drivers and emulated devices, ready to run.
pub(super) fn started(
    makers: Vec<Maker>,
    open: Vec<Open>,
    epoch: Instant,
    live: bool,
    capture: Option<&Capture>,
) -> Tasks {
    let mut tasks = Tasks::default();
    let recorder = capture.and_then(|own| own.begin(clock(epoch, live), live.then_some(QUEUED)));
    for Maker { end, seat, prepared, served, commands } in makers {
        let (plug, address) = match (&seat.at, served) {
            (At::Address(_), _) if !live => {
                end.report(LinkState::Connecting, Some(NOT_IN_BATCH.into()));
                continue;
            }
            (At::Address(address), _) => match prepared.plug(address) {
                Ok(plug) => (plug, Some(address)),
                Err(error) => {
                    end.report(LinkState::Connecting, Some(error.to_string()));
                    continue;
                }
            },
            (At::Emulated, Some(served)) => (serving(served, &seat, epoch, &mut tasks), None),
            (At::Emulated, None) | (At::Replay(_), _) => continue,
        };
        if let (Some(own), Some(service)) = (commands, &seat.served) {
            let (commands, period_s) = (service.commands.clone(), seat.description.poll_s);
            let set_points = seat.description.set_points.len();
            tasks.others.push(Box::pin(emulate::command(own, commands, set_points, period_s, epoch)));
        }
        let plug = match &recorder {
            Some(recorder) => {
                let tap = Tap::new(recorder, &seat.name, &address.map_or("emulated".to_owned(), Address::to_string));
                plug.tapped(tap, ends(&seat, address))
            }
            None => plug,
        };
        tasks.drivers.push(prepared.run(plug, address, end, epoch));
    }
    let serve = |own: Open| Box::pin(own.serve(epoch, recorder.clone())) as super::session::Task;
    tasks.others.extend(open.into_iter().map(serve));
    tasks
}

/// The session's clock beside the wall's, which in batch begins at some moment, the same in every run.
#[allow(clippy::cast_possible_truncation, reason = "µs of a run")]
fn clock(epoch: Instant, live: bool) -> Clock {
    let session_us = move || epoch.elapsed().as_micros() as u64;
    if live {
        return Clock::system(session_us);
    }
    // Once its runtime is gone, virtual time stands still.
    let last_us = std::sync::atomic::AtomicU64::new(0);
    Clock::from_epoch(BATCH_BEGINS_NS, move || {
        if tokio::runtime::Handle::try_current().is_ok() {
            last_us.store(session_us(), Ordering::Relaxed);
        }
        last_us.load(Ordering::Relaxed)
    })
}

/// What a recording says is at the ends of a link.
fn ends(seat: &scenario::Seat, address: Option<&Address>) -> Ends {
    match (address.map(|own| own.scheme), &seat.description.wire) {
        (Some(Scheme::Rtu | Scheme::Pty), _) => Ends::Serial,
        (None, Wire::Modbus(head)) if head.serial => Ends::Serial,
        (_, wire) => {
            let port = match wire {
                Wire::Modbus(_) | Wire::Can(..) => 502,
                Wire::C37118(_) => 4712,
                Wire::Scpi(_) => 5025,
            };
            Ends::Stream(address.and_then(|own| own.place.parse().ok()), port)
        }
    }
}

/// Serves an emulated device; where its driver meets it.
fn serving(served: Served, seat: &scenario::Seat, epoch: Instant, tasks: &mut Tasks) -> Plug {
    match served {
        Served::Modbus(device, socket, mut accept) => {
            let framing = driver::emulated_framing(&seat.description);
            tasks.others.push(Box::pin(async move {
                let rack: Rack = [device].into();
                while let Some(stream) = accept.recv().await {
                    let line = Line { stream: Box::new(stream), framing, epoch };
                    tokio::spawn(emulate::serve(line, Arc::clone(&rack)));
                }
            }));
            Plug::Stream(socket.connector())
        }
        Served::Pmu(server, model, socket, accept) => {
            let description = Arc::clone(&seat.description);
            tasks.others.push(Box::pin(emulate::serve_pmu(server, description, model, accept)));
            Plug::Stream(socket.connector())
        }
        Served::Scpi(device, socket, mut accept) => {
            tasks.others.push(Box::pin(async move {
                while let Some(stream) = accept.recv().await {
                    tokio::spawn(emulate::serve_scpi(Box::new(stream), Arc::clone(&device), epoch));
                }
            }));
            Plug::Stream(socket.connector())
        }
        Served::Can(device, bus) => {
            tasks.others.push(device(bus.clone(), epoch));
            Plug::Can(Connector::Virtual(bus))
        }
    }
}
