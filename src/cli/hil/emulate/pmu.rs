//! An emulated PMU: balanced phasors at nominal frequency, served by TCP with the machine's own time.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use phasorbench::emulate::{self, Model, SharedModel, Terminal};
use phasorbench::link::description::{Description, Wire};
use phasorbench::link::fault::Faults;
use phasorbench::link::synchrophasor::Server;
use phasorbench::link::synchrophasor::server::MOST_CLIENTS;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::values::Shown;
use super::{Args, Until, complain, place};
use crate::{Exit, output};

/// Port when none is given.
const PORT: u16 = 4712;
/// How often a device looks whether it is unplugged.
const LOOK: Duration = Duration::from_millis(20);

pub(super) async fn serve(
    args: &Args,
    description: Description,
    shown: &Shown,
    faults: &Faults,
    until: &Until,
) -> Result<(), Exit> {
    let Wire::C37118(head) = &description.wire else { return Ok(()) };
    let (at, given) = place::port(args, &description, PORT)?;
    let (id, f_hz) = (given.unwrap_or(head.id), shown.0.get("f_hz").copied().unwrap_or(50.0));
    let nominal_hz = if f_hz > 55.0 { 60.0 } else { 50.0 };
    for k in 0..args.count {
        let server = emulate::pmu(&description, id, nominal_hz, faults);
        let server = Arc::new(server.map_err(|error| complain(error.to_string()))?);
        let (listener, at) = place::bind(at, k).await?;
        output::print(&format!("{} listens: c37118://{at}?id={id}\n", description.name));
        let model: SharedModel = Arc::new(Mutex::new(shown.over(Balanced { f_hz, nominal_hz, turn_deg: 0.0 })));
        tokio::spawn(measure(Arc::clone(&server), description.clone(), model));
        tokio::spawn(accept(listener, server, faults.clone(), place::allowed(args, at), until.epoch));
    }
    until.end().await;
    Ok(())
}

/// Feeds a server at whole periods of UTC, as a PMU does.
async fn measure(server: Arc<Server>, description: Description, model: SharedModel) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_us = u64::try_from(now.as_micros()).unwrap_or(0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most an hour")]
    let period_us = ((description.poll_s * 1e6).round() as u64).clamp(1000, 1_000_000);
    let begin_us = now_us.next_multiple_of(period_us);
    sleep(Duration::from_micros(begin_us - now_us)).await;
    let (mut says, own) = (emulate::pmu_measure(&description, Arc::clone(&model)), model);
    let mut before_us = begin_us;
    let of = move |utc_us: u64| {
        #[allow(clippy::cast_precision_loss, reason = "a period in µs")]
        let dt_s = utc_us.saturating_sub(before_us) as f64 / 1e6;
        before_us = utc_us;
        own.lock().unwrap_or_else(PoisonError::into_inner).step(dt_s);
        says(utc_us)
    };
    server.feed(begin_us, of).await;
}

/// Serves who comes from an allowed address, and nobody while the device is unplugged.
async fn accept(listener: TcpListener, server: Arc<Server>, faults: Faults, allowed: Vec<IpAddr>, epoch: Instant) {
    let places = Arc::new(Semaphore::new(MOST_CLIENTS));
    loop {
        let Ok((stream, from)) = listener.accept().await else {
            sleep(LOOK).await;
            continue;
        };
        let may = allowed.contains(&from.ip().to_canonical()) && !faults.gone(epoch.elapsed().as_secs_f64());
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        if !may || stream.set_nodelay(true).is_err() {
            continue;
        }
        let (server, faults) = (Arc::clone(&server), faults.clone());
        tokio::spawn(async move {
            let unplugged = async {
                while !faults.gone(epoch.elapsed().as_secs_f64()) {
                    sleep(LOOK).await;
                }
            };
            tokio::select! {
                biased;
                () = unplugged => {}
                _ = server.serve(stream) => {}
            }
            drop(place);
        });
    }
}

/// What is measured: 230 V and no current in each phase, balanced, turning against nominal frequency.
struct Balanced {
    f_hz: f64,
    nominal_hz: f64,
    /// How far phase a has turned against a clock of nominal frequency.
    turn_deg: f64,
}

impl Model for Balanced {
    fn step(&mut self, dt_s: f64) {
        self.turn_deg = (self.turn_deg + 360.0 * (self.f_hz - self.nominal_hz) * dt_s) % 360.0;
    }

    fn set(&mut self, _: &str, _: f64) {}

    fn get(&self, name: &str) -> Option<f64> {
        let (stem, phase) = name.rsplit_once('.').unwrap_or((name, "a"));
        Some(match stem {
            "v_v" => Terminal::default().v_v[0],
            "i_a" => 0.0,
            "angle_deg" => {
                let of_phase = match phase {
                    "b" => -120.0,
                    "c" => 120.0,
                    _ => 0.0,
                };
                (of_phase + self.turn_deg + 180.0).rem_euclid(360.0) - 180.0
            }
            "f_hz" => self.f_hz,
            "rocof_hz_s" => 0.0,
            _ => return None,
        })
    }

    fn stand_at(&mut self, _: Terminal) {}

    fn show(&mut self, _: &str, _: f64) {}

    fn reboot(&mut self) {}
}
