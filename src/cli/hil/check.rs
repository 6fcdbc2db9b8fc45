//! `phasorbench hil check SCENARIO`: everything that would stop or endanger a run with real devices, without closing a loop.

use std::net::TcpListener;
use std::path::PathBuf;

use phasorbench::bench::{self, Closing, GridPlant, closings};
use phasorbench::link::address::Scheme;
use phasorbench::scenario::{self, At, Override, Plan, Replaced, Seat, Service};

use super::{devices, probe};
use crate::{Exit, input, output};

/// Look at everything that would stop or endanger a run with real devices: what is described, whether they answer, are the
/// right ones and say what can be, whether the loop may be closed, what makes them safe. Nothing is written to them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench hil check scenarios/hil/inverter_follows.yaml
  phasorbench hil check demo.yaml --hil ev634=hil/sunspec_inverter.yaml@tcp://192.0.2.10:502

Exit code 1 when something would endanger a run, 3 when a device does not answer or is not the right one.")]
pub struct Args {
    /// The scenario file.
    scenario: PathBuf,
    /// Replace a value of the scenario; may be given several times.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = input::setting)]
    settings: Vec<Override>,
    /// Put a real device in the place of one of the scenario's; may be given several times.
    #[arg(long = "hil", value_name = "NAME=FILE@ADDRESS", value_parser = input::swap)]
    swaps: Vec<Vec<Override>>,
}

/// Samples that are read of each device.
const POLLS: u32 = 3;

/// What is said of a device: good, of note, or in the way.
enum Finding {
    Good(String),
    Note(String),
    Bad(String),
    Lost(String),
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    look(args).unwrap_or_else(|exit| exit)
}

fn look(args: &Args) -> Result<Exit, Exit> {
    let changes: Vec<Override> = args.swaps.iter().flatten().chain(&args.settings).cloned().collect();
    let reading = bench::examined(scenario::read_with(&args.scenario, &changes));
    input::report(&reading.diagnostics, &reading.sources);
    let plan = reading.plan.ok_or(Exit::BadInput)?;
    let plant = GridPlant::new(&plan).map_err(|error| input::complain("E0410", error.to_string(), None))?;
    let closings = closings(&plan, &plant);
    let mut exit = Exit::Passed;
    if plan.equipment.seats.is_empty() {
        output::print("no real devices: nothing to check\n");
    }
    for seat in &plan.equipment.seats {
        output::print(&format!("{}: {} at {}\n", seat.name, seat.description.title, seat.setting.at));
        for finding in findings(&plan, seat, closings.iter().find(|own| own.name == seat.name))? {
            let (mark, text) = match finding {
                Finding::Good(text) => ("ok", text),
                Finding::Note(text) => ("note", text),
                Finding::Bad(text) => {
                    exit = if matches!(exit, Exit::LinkLost) { exit } else { Exit::Failed };
                    ("STOP", text)
                }
                Finding::Lost(text) => {
                    exit = Exit::LinkLost;
                    ("LOST", text)
                }
            };
            output::print(&format!("  {mark:<5} {text}\n"));
        }
    }
    Ok(exit)
}

fn findings(plan: &Plan, seat: &Seat, closing: Option<&Closing>) -> Result<Vec<Finding>, Exit> {
    if let Some(service) = &seat.served {
        return Ok(served(seat, service));
    }
    let mut found = vec![reach(seat)?];
    match seat.replaces {
        Replaced::Device(device) => {
            found.extend(loop_of(closing));
            found.extend(rating(plan, seat, device));
            found.extend(safety(seat));
            found.push(voltage_loop(plan, device));
        }
        Replaced::Amplifier(_) => found.extend(safety(seat)),
        Replaced::Instrument(..) | Replaced::Analyser(..) => {}
    }
    Ok(found)
}

/// What is served to controllers outside: whether its port is free, who may come, and whether they may command.
fn served(seat: &Seat, service: &Service) -> Vec<Finding> {
    let who: Vec<String> = service.allow.iter().map(ToString::to_string).collect();
    let mut found = match &seat.at {
        At::Address(address) if address.scheme == Scheme::Tcp => match TcpListener::bind(&address.place) {
            Ok(_) => vec![Finding::Good(format!(
                "its port is free; {} may connect, to unit {}",
                who.join(", "),
                service.unit
            ))],
            Err(error) => vec![Finding::Bad(format!("cannot listen at {address}: {error}"))],
        },
        At::Address(address) => vec![Finding::Good(format!("unit {} on the line {address}", service.unit))],
        At::Emulated | At::Replay(_) => vec![Finding::Good("for a controller in the bench".into())],
    };
    found.push(match service.writable {
        true => Finding::Note("whoever may connect may command it (`writable: true`)".into()),
        false => Finding::Good("it can be read only".into()),
    });
    found
}

fn voltage_loop(plan: &Plan, device: usize) -> Finding {
    let feeds = |seat: &&Seat| seat.replaces == Replaced::Amplifier(device);
    match plan.equipment.seats.iter().find(feeds) {
        Some(seat) => Finding::Good(format!("{} gives it the network's voltage", seat.name)),
        None => Finding::Note("no amplifier gives it the network's voltage: the voltage loop is open".into()),
    }
}

fn reach(seat: &Seat) -> Result<Finding, Exit> {
    let At::Address(address) = &seat.at else { return Ok(Finding::Good("not a real one: nothing to reach".into())) };
    let read = devices::runtime()?.block_on(async {
        let mut watched = devices::watched(&seat.description, address, None)?;
        Ok::<_, Exit>(probe::samples(&mut watched, POLLS).await)
    })?;
    Ok(match read {
        Ok(took_ms) => {
            Finding::Good(format!("answers, is what it should be, its values can be: a sample takes {took_ms:.1} ms"))
        }
        Err(why) => Finding::Lost(why),
    })
}

fn loop_of(closing: Option<&Closing>) -> Vec<Finding> {
    let Some(closing) = closing else { return vec![Finding::Note("its loop is not closed".into())] };
    match (closing.refusal(), closing.assessment) {
        (Some(why), _) if closing.forced => vec![Finding::Note(format!("{why}; closed all the same: it is forced"))],
        (Some(why), _) => vec![Finding::Bad(why)],
        (None, Some(own)) => {
            let gain = own.static_gain.unwrap_or(own.gain);
            vec![Finding::Good(format!(
                "the loop settles: gain {gain:.3}, {:.3} left after a trip around it",
                own.trip
            ))]
        }
        (None, None) => vec![Finding::Note("the network has no answer at its node: the loop was not judged".into())],
    }
}

fn rating(plan: &Plan, seat: &Seat, device: usize) -> Option<Finding> {
    let own = plan.equipment.devices.get(device)?;
    let lab_va = own.limits.s_va * seat.share / seat.setting.scale.power;
    let rated_va = seat.description.s_rated_va?;
    Some(if lab_va > rated_va * 1.001 {
        let text = format!(
            "the scenario's rating is {lab_va:.0} VA in the lab, the device's {rated_va:.0} VA: it will not follow all of it"
        );
        Finding::Note(text)
    } else {
        Finding::Good(format!("{lab_va:.0} VA in the lab, of {rated_va:.0} VA"))
    })
}

fn safety(seat: &Seat) -> Vec<Finding> {
    let own = &seat.description;
    let safe: Vec<String> = own.set_points.iter().map(|set| format!("{} {}", set.name, set.safe)).collect();
    let mut found = Vec::new();
    if own.set_points.is_empty() {
        found.push(Finding::Note("it has no set-points: it is only measured".into()));
        return found;
    }
    found.push(Finding::Good(format!("safe is {}", safe.join(", "))));
    match (own.reversion.iter().map(|timer| timer.value).reduce(f64::min), &own.heartbeat) {
        (Some(seconds), _) => {
            found.push(Finding::Good(format!("its own timer makes it safe after {seconds} s without us")))
        }
        (None, Some((_, every_s))) => {
            found.push(Finding::Good(format!(
                "it wants a heartbeat each {every_s} s, and is to make itself safe without"
            )));
        }
        (None, None) => found.push(Finding::Note(
            "nothing of its own makes it safe when this program is killed (SIGKILL): have an emergency stop at hand"
                .into(),
        )),
    }
    found
}
