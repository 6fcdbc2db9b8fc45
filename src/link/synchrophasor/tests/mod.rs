//! Tests of the codec, and of the client against the server in virtual time.

mod golden;
mod properties;
mod session;

use super::config::{Analog, Config, Digital, Format, PhasorChannel, Place, Station, Unit};
use super::data::{Phasor, Reading};
use super::stat::Stat;

fn channel(name: &str, unit: Unit, scale: f64) -> PhasorChannel {
    PhasorChannel { name: name.into(), unit, scale, turn_rad: 0.0, component: 0 }
}

/// A station with a voltage, a current, an analog value and a word of digital ones.
fn station(name: &str, id: u16, format: Format) -> Station {
    Station {
        name: name.into(),
        id,
        format,
        phasors: vec![channel("VA", Unit::Volt, 0.25), channel("IA", Unit::Ampere, 0.031_25)],
        analogs: vec![Analog { name: "P".into(), kind: 1, scale: 2.0, offset: 0.0 }],
        digitals: vec![Digital { names: (0..16).map(|k| format!("BIT {k}")).collect(), normal: 3, valid: 0xFFFF }],
        nominal_hz: 50,
        change_count: 7,
        place: Place::default(),
    }
}

fn reading() -> Reading {
    Reading {
        stat: Stat(0),
        phasors: vec![Phasor::degrees(230.0, 30.0), Phasor::degrees(16.0, -45.0)],
        f_hz: 49.98,
        rocof_hz_s: -0.25,
        analogs: vec![-500.0],
        digitals: vec![0xA5A5],
    }
}

const FORMATS: [Format; 4] = [
    Format { polar: false, phasors_float: false, analogs_float: false, frequency_float: false },
    Format { polar: true, phasors_float: false, analogs_float: true, frequency_float: false },
    Format { polar: false, phasors_float: true, analogs_float: false, frequency_float: true },
    Format { polar: true, phasors_float: true, analogs_float: true, frequency_float: true },
];

/// A stream of four stations, one in each way of writing phasors.
fn config() -> Config {
    let stations = FORMATS.iter().zip(1..).map(|(format, k)| station(&format!("PMU {k}"), 100 + k, *format)).collect();
    Config { id: 7, time_base: 1_000_000, stations, data_rate: 50 }
}

/// The same configuration as CFG-3 holds it: without kinds of analog values.
fn config3_form(mut config: Config) -> Config {
    config.stations.iter_mut().flat_map(|station| &mut station.analogs).for_each(|analog| analog.kind = 0);
    config
}
