//! `phasorbench hil watch`: a device's points as they change, never written.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use phasorbench::link::description::Description;
use phasorbench::link::port::{LinkState, LoopEnd};
use tokio::time::{Instant, sleep};

use super::devices;
use super::probe::line;
use crate::{Exit, output};

/// Show a device's points as they change. Nothing is written.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench hil watch hil/sunspec_inverter.yaml@tcp://192.0.2.10:502
  phasorbench hil watch hil/charger_module.yaml@can:can0")]
pub struct Args {
    /// The device, as FILE@ADDRESS.
    device: String,
    /// End after so many seconds; when not given, on Ctrl-C.
    #[arg(long, value_name = "S", value_parser = devices::seconds)]
    for_s: Option<Duration>,
}

/// Shows a device until it is asked to stop.
pub fn run(args: &Args) -> Exit {
    show(args).unwrap_or_else(|exit| exit)
}

fn show(args: &Args) -> Result<Exit, Exit> {
    let (description, address) = devices::device(&args.device)?;
    let stop = devices::asked_to_stop()?;
    devices::runtime()?.block_on(async {
        let mut own = devices::watched(&description, &address, None)?;
        let (begun, live) = (Instant::now(), std::io::stdout().is_terminal());
        let mut values = vec![f64::NAN; description.points.len()];
        let mut shown = 0;
        while !stop.load(Ordering::Acquire) && args.for_s.is_none_or(|limit| begun.elapsed() < limit) {
            sleep(Duration::from_millis(if live { 200 } else { 1000 })).await;
            let stamp = own.take(&mut values);
            let text = frame(&description, &own.own, &values, stamp.is_some());
            // On a terminal the table stays where it is.
            let up = if live && shown > 0 { format!("\x1b[{shown}A\x1b[J") } else { String::new() };
            shown = text.lines().count();
            output::print(&(up + &devices::printable(&text)));
        }
        Ok(if own.own.state() == LinkState::Up { Exit::Passed } else { Exit::LinkLost })
    })
}

fn frame(description: &Arc<Description>, own: &LoopEnd, values: &[f64], fresh: bool) -> String {
    let state = match (own.state(), fresh) {
        (LinkState::Up, true) => "up".to_owned(),
        (LinkState::Up, false) => "up, nothing new".to_owned(),
        (LinkState::Connecting, _) => {
            format!("connecting{}", own.trouble().map(|why| format!(": {why}")).unwrap_or_default())
        }
        (_, _) => format!("lost: {}", own.trouble().unwrap_or_default()),
    };
    let lines: String = description.points.iter().zip(values).map(|(point, &value)| line(point, value, None)).collect();
    format!("{}: {state}\n{lines}", description.title)
}
