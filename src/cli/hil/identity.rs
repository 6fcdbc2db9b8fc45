//! What a device says of itself while it is probed: a PMU's configuration; on CAN the messages that are heard, held against
//! the description's database.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use phasorbench::link::address::Address;
use phasorbench::link::can::bus::{Bus, BusError, VirtualBus, Way};
use phasorbench::link::can::census::Census;
use phasorbench::link::can::{CanId, Connector};
use phasorbench::link::description::{Description, Source, Wire};
use phasorbench::link::port::Directive;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::probe::{Args, Probed, nobody, read};
use super::{devices, number, scan};
use crate::Exit;

/// How long a driver may take to leave a device in its safe state.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// Identifiers of others that are named.
const MOST_NAMED: usize = 8;

/// What was heard of a device beside its points.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Lines of text.
    pub(super) text: String,
    /// The same as JSON; null where there is nothing.
    pub(super) json: Value,
}

/// What a device says of itself that is asked before its points.
pub(super) async fn before(description: &Description, address: &Address) -> Result<Heard, Exit> {
    let Wire::C37118(head) = &description.wire else { return Ok(Heard::default()) };
    let answer = Duration::from_secs_f64(description.timeout_s);
    let found = scan::ask(address, Some(head.id), answer, Duration::ZERO).await?;
    let mut text = format!("  stream {}, {}\n", found.config.id, scan::rate(&found.config));
    text += &found.header.as_ref().map(|own| format!("  says of itself: {own}\n")).unwrap_or_default();
    for station in &found.config.stations {
        let phasors = station.phasors.iter().map(|own| own.name.as_str()).collect::<Vec<_>>().join(", ");
        text += &format!("  PMU {:?}, {} Hz: {phasors}\n", station.name, station.nominal_hz);
    }
    let stations = found.config.stations.iter().map(|own| scan::station_as_json(own, None)).collect::<Vec<_>>();
    let json = json!({ "id": found.config.id, "data_rate": found.config.data_rate, "header": found.header,
                       "stations": stations });
    Ok(Heard { text, json })
}

/// Reads samples of a device on CAN, and hears what else is on the bus. The driver is behind a bus in memory, to which all
/// is passed on that is heard; what it sends goes out only when that is asked for.
pub(super) async fn on_can(
    description: &Arc<Description>,
    address: &Address,
    args: &Args,
) -> Result<(Probed, Heard), Exit> {
    let active = args.active;
    let database = devices::database_of(description)?;
    let census = Mutex::new(Census::new(vec![database]));
    let inner = VirtualBus::new();
    let mut own = devices::watched(description, address, Some(Connector::Virtual(inner.clone())))?;
    own.patience = args.wait_s.unwrap_or(own.patience);
    let mut bus = Bus::connect(address).await.map_err(|error| scan::no_bus(address, &error))?;
    if active {
        own.own.direct(Directive::Safe);
    }
    let probed = {
        let passing = pass_on(&mut bus, &inner, &census, active);
        tokio::pin!(passing);
        let probed = tokio::select! {
            biased;
            error = &mut passing => Err(format!("the bus was lost: {error}")),
            probed = read(&mut own, args.polls) => probed,
        };
        own.own.direct(Directive::End);
        if active {
            tokio::select! {
                biased;
                _ = &mut passing => {}
                () = sleep(LAST_WORDS) => {}
            }
        }
        probed
    };
    bus.close().await;
    let census = census.into_inner().unwrap_or_else(PoisonError::into_inner);
    match probed {
        Ok(probed) => Ok((probed, heard(description, &census))),
        Err(why) => Err(unheard(description, address, &census, &why, active)),
    }
}

/// Passes on what is heard, and what is sent if that is asked for, until the bus is lost.
async fn pass_on(bus: &mut Bus, inner: &VirtualBus, census: &Mutex<Census>, active: bool) -> BusError {
    let begun = Instant::now();
    let mut end = match inner.connect() {
        Ok(end) => Bus::from(Way::Virtual(end)),
        Err(error) => return error,
    };
    loop {
        let passed = tokio::select! {
            biased;
            received = bus.recv() => match received {
                Ok(received) => {
                    let at = begun.elapsed().saturating_sub(received.age);
                    let at_us = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
                    census.lock().unwrap_or_else(PoisonError::into_inner).hear(at_us, &received.frame);
                    end.send(&received.frame).await
                }
                Err(error) => Err(error),
            },
            told = end.recv() => match told {
                Ok(told) if active => bus.send(&told.frame).await,
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            },
        };
        if let Err(error) = passed {
            return error;
        }
    }
}

/// Names of the messages that the description reads.
fn read_messages(description: &Description) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for point in &description.points {
        if let Source::Can { message, .. } = &point.source
            && !names.contains(&message.as_str())
        {
            names.push(message);
        }
    }
    names
}

fn heard(description: &Description, census: &Census) -> Heard {
    let mut text = String::new();
    let mut messages = Vec::new();
    let wanted = read_messages(description);
    for own in census.heard() {
        let Some((_, message)) = census.message(own.id) else { continue };
        let period = own.period_us().map(|us| format!(", each {} ms", number::fixed(us / 1e3, 1)));
        #[allow(clippy::cast_precision_loss, reason = "a period in µs")]
        let declared = message.cycle_us.map(|us| format!(", {} ms declared", number::fixed(us as f64 / 1e3, 1)));
        let (period, declared) = (period.unwrap_or_default(), declared.unwrap_or_default());
        let times = if own.count == 1 { "once".into() } else { format!("{} times", own.count) };
        let used = if wanted.contains(&message.name.as_str()) { "" } else { ", not read" };
        text += &format!("  heard {} {times}{period}{declared}{used}\n", message.name);
        text += &census.oddities(own).iter().map(|odd| format!("    odd: {odd}\n")).collect::<String>();
        messages.push(scan::one_as_json(census, own));
    }
    let others: Vec<CanId> = census.heard().map(|own| own.id).filter(|&id| census.message(id).is_none()).collect();
    if !others.is_empty() {
        text += &format!("  others on the bus: {}\n", list(&others));
    }
    if census.errors.count > 0 {
        text += &format!("  {} error frames\n", census.errors.count);
    }
    let others = others.iter().map(|id| id.number()).collect::<Vec<_>>();
    Heard { text, json: json!({ "messages": messages, "others": others, "error_frames": census.errors.count }) }
}

fn list(ids: &[CanId]) -> String {
    let named = ids.iter().take(MOST_NAMED).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let more = ids.len().saturating_sub(MOST_NAMED);
    if more > 0 { format!("{named} and {more} more") } else { named }
}

/// Says why there are no samples: nobody, somebody else, or only a part of it.
fn unheard(description: &Description, address: &Address, census: &Census, why: &str, active: bool) -> Exit {
    let wanted = read_messages(description);
    let came = |name: &&str| {
        census
            .heard()
            .any(|own| own.count > 0 && census.message(own.id).is_some_and(|(_, message)| message.name == *name))
    };
    let missing: Vec<&str> = wanted.iter().filter(|name| !came(name)).copied().collect();
    let ids: Vec<CanId> = census.heard().map(|own| own.id).collect();
    let what = match (census.frames, missing.len()) {
        (0, _) => "nothing was heard on the bus".to_owned(),
        (_, 0) => why.to_owned(),
        (_, count) if count == wanted.len() => format!("none of its messages was heard, but {}", list(&ids)),
        _ => format!("{} was not heard ({why})", missing.join(", ")),
    };
    let safe = description.set_points.iter().map(|own| format!("{} {}", own.name, number::text(own.safe)));
    let safe = safe.collect::<Vec<_>>().join(", ");
    let help = match (active, missing.is_empty(), safe.is_empty()) {
        (false, false, false) => {
            format!("a device that only speaks when it is spoken to needs --active, which sends its safe state: {safe}")
        }
        (_, false, _) => "phasorbench hil scan says what is on the bus".into(),
        _ => String::new(),
    };
    nobody(address, &what, &help)
}
