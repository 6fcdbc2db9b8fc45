//! The meters that are shipped as descriptions, read by the driver from a device that has their registers and no others, in
//! virtual time: what is measured arrives, no register that the list does not have is asked for where none may be, and words
//! in the wrong order are found and said.
#![cfg(feature = "hil")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use phasorbench::link::description::{self, Description, Expected, Source, Wire};
use phasorbench::link::modbus::driver::{self, Framing};
use phasorbench::link::modbus::server::{Exception, RtuRequests, Store, answer, rtu_frame};
use phasorbench::link::modbus::sunspec::Directory;
use phasorbench::link::modbus::{Block, Image, Located, Table};
use phasorbench::link::port::{LinkState, LoopEnd, port};
use phasorbench::link::stream::Socket;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep_until};

const METERS: [&str; 7] = [
    "eastron_sdm630",
    "carlo_gavazzi_em24",
    "carlo_gavazzi_em340",
    "schneider_iem3000",
    "schneider_pm5xxx",
    "janitza_umg",
    "power_quality_analyser",
];

fn described(name: &str) -> Description {
    let reading = description::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("hil/{name}.yaml")));
    assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
    reading.description.unwrap()
}

/// The registers of a meter.
struct Meter {
    words: BTreeMap<(Table, u16), u16>,
    /// Registers that the list does not have may be asked for, and are 0.
    gaps: bool,
    most: u16,
    /// What was refused.
    refused: Vec<Block>,
    /// Where the counter of results is, where there is one.
    counter: Option<(Table, u16)>,
}

impl Store for Meter {
    fn serves(&self, _: u8) -> bool {
        true
    }

    fn writable(&self) -> bool {
        false
    }

    fn read(&mut self, block: Block, words: &mut [u16]) -> Result<(), Exception> {
        if let Some(at) = self.counter {
            *self.words.get_mut(&at).unwrap() += 1;
        }
        for (address, word) in (block.address..).zip(words.iter_mut()) {
            match self.words.get(&(block.table, address)) {
                Some(own) if block.count <= self.most => *word = *own,
                None if self.gaps && block.count <= self.most => *word = 0,
                _ => {
                    self.refused.push(block);
                    return Err(Exception::Address);
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, _: Table, _: u16, _: &[u16]) -> Result<(), Exception> {
        Err(Exception::Function)
    }

    fn identification(&self) -> [&str; 3] {
        ["", "", ""]
    }
}

/// A value within a point's range that tells it from its neighbours.
fn value(k: usize, name: &str) -> f64 {
    let stem = name.split('.').next().unwrap();
    match stem {
        "f_hz" => 50.0,
        "pf" => 0.5,
        "flags_bits" => 3.0,
        "sequence_count" => 65_536.0,
        _ if stem.ends_with("_v") => 200.0 + k as f64,
        _ if stem.ends_with("_wh") => 100_000.0 * (k + 1) as f64,
        _ => 1.0 + k as f64,
    }
}

fn put(words: &mut BTreeMap<(Table, u16), u16>, place: &Located, value: f64) {
    let (own, count) = place.encode(value, &Image::new(&[place.block])).unwrap();
    for (address, word) in (place.block.address..).zip(own.iter().take(count)) {
        words.insert((place.block.table, address), *word);
    }
}

fn meter(own: &Description) -> Meter {
    let Wire::Modbus(head) = &own.wire else { panic!("Modbus") };
    let place = |source: &Source| match source {
        Source::Modbus(value) => value.locate(&Directory::default()).unwrap(),
        _ => panic!("Modbus"),
    };
    let mut words = BTreeMap::new();
    for (k, point) in own.points.iter().enumerate() {
        put(&mut words, &place(&point.source), value(k, &point.name));
    }
    for identity in &own.identity {
        let Expected::Number(number) = identity.is else { panic!("a number") };
        put(&mut words, &place(&identity.source), number);
    }
    let counter = own.alive.map(|(point, _)| {
        let block = place(&own.points[point].source).block;
        (block.table, block.address + 1)
    });
    Meter { words, gaps: head.most_gap > 0, most: head.most_registers, refused: Vec::new(), counter }
}

async fn serve(mut stream: DuplexStream, meter: Arc<Mutex<Meter>>) {
    let (mut requests, mut bytes) = (RtuRequests::default(), [0; 512]);
    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
        requests.push(&bytes[..count]);
        while let Some(request) = requests.request() {
            let pdu = answer(&request.pdu, &mut *meter.lock().unwrap());
            if stream.write_all(&rtu_frame(request.unit, &pdu)).await.is_err() {
                return;
            }
        }
    }
}

/// Runs the driver against a meter for so many polls.
async fn run(own: &Arc<Description>, meter: &Arc<Mutex<Meter>>, polls: u32) -> (LoopEnd, Vec<f64>) {
    let (socket, mut accept) = Socket::new();
    let (mut loop_end, end) = port(own.points.len(), 0);
    let epoch = Instant::now();
    let connect = socket.connector();
    let description = Arc::clone(own);
    tokio::spawn(driver::run(driver::Settings { description, unit: None, framing: Framing::Rtu, connect, epoch }, end));
    let served = Arc::clone(meter);
    tokio::spawn(async move {
        while let Some(stream) = accept.recv().await {
            tokio::spawn(serve(stream, Arc::clone(&served)));
        }
    });
    let mut values = vec![f64::NAN; own.points.len()];
    for poll in 1..=polls {
        let at = Duration::from_secs_f64(own.poll_s * f64::from(poll));
        sleep_until(epoch + at).await;
        loop_end.beat(u64::try_from(at.as_micros()).unwrap());
        loop_end.take(&mut values);
    }
    (loop_end, values)
}

#[tokio::test(start_paused = true)]
async fn every_meter_is_read_as_it_is() {
    for name in METERS {
        let own = Arc::new(described(name));
        let meter = Arc::new(Mutex::new(meter(&own)));
        let (loop_end, values) = run(&own, &meter, 8).await;
        assert_eq!(loop_end.state(), LinkState::Up, "{name}: {:?}", loop_end.trouble());
        let refused = &meter.lock().unwrap().refused;
        assert!(refused.is_empty(), "{name} has no such registers: {refused:?}");
        for (k, (point, found)) in own.points.iter().zip(&values).enumerate() {
            let wanted = value(k, &point.name);
            let moves = own.alive.is_some_and(|(own, _)| own == k);
            assert!(moves || (found - wanted).abs() < 1e-3 * wanted, "{name} {}: {found}, not {wanted}", point.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn words_in_the_wrong_order_are_found_and_said() {
    for name in METERS {
        let mut own = described(name);
        let meter = Arc::new(Mutex::new(meter(&own)));
        // The meter was set to the other order: as if the description were wrong.
        for point in &mut own.points {
            let Source::Modbus(place) = &mut point.source else { panic!("Modbus") };
            use phasorbench::link::description::language::Ends;
            place.order.words = if place.order.words == Ends::HighFirst { Ends::LowFirst } else { Ends::HighFirst };
        }
        let own = Arc::new(own);
        let (loop_end, values) = run(&own, &meter, 8).await;
        assert_eq!(loop_end.state(), LinkState::Wrong, "{name}");
        let said = loop_end.trouble().unwrap();
        assert!(said.contains("is `words` right?"), "{name}: {said}");
        assert!(values.iter().all(|value| value.is_nan()), "{name}: nothing of it is published");
    }
}

#[tokio::test(start_paused = true)]
async fn a_phase_that_is_not_connected_is_no_fault() {
    // Schneider's meters give no number where a phase is not connected.
    let own = Arc::new(described("schneider_iem3000"));
    let mut meter = meter(&own);
    for name in ["v_v.b", "i_a.b", "p_w.b", "v_v.c", "i_a.c", "p_w.c", "f_hz"] {
        let Source::Modbus(place) = &own.points[own.point(name).unwrap()].source else { panic!("Modbus") };
        let block = place.locate(&Directory::default()).unwrap().block;
        meter.words.insert((block.table, block.address), 0xFFC0);
        meter.words.insert((block.table, block.address + 1), 0);
    }
    let (loop_end, values) = run(&own, &Arc::new(Mutex::new(meter)), 8).await;
    assert_eq!(loop_end.state(), LinkState::Up, "{:?}", loop_end.trouble());
    let at = |name: &str| values[own.point(name).unwrap()];
    assert!(at("v_v.a") > 100.0 && at("v_v.b").is_nan() && at("p_w.c").is_nan() && at("f_hz").is_nan());
}

#[tokio::test(start_paused = true)]
async fn an_analyser_of_another_map_or_without_new_results_is_wrong() {
    let own = Arc::new(described("power_quality_analyser"));
    let mut other = meter(&own);
    other.words.insert((Table::Input, 1), 2);
    let (loop_end, _) = run(&own, &Arc::new(Mutex::new(other)), 8).await;
    assert!(loop_end.trouble().is_some_and(|said| said.contains("identifies itself by 2, not 1")));
    let mut still = meter(&own);
    still.counter = None;
    let (loop_end, _) = run(&own, &Arc::new(Mutex::new(still)), 20).await;
    assert_eq!(loop_end.state(), LinkState::Wrong);
    assert!(loop_end.trouble().is_some_and(|said| said.contains("sequence_count has not moved")));
}
