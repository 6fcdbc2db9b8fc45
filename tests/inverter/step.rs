//! A step of a site: it allocates nothing, whatever happens; and how long it takes (printed, never judged).

use std::time::Instant;

use phasorbench::device::emission::{Emission, ev_cpw};
use phasorbench::device::inverter::{
    Along, Carriers, Command, Commands, Fault, FrequencyDroop, Functions, Fundamental, Noisy, Outcome, Parameters,
    Reactive, RideThrough, Settings, Site, Which,
};
use phasorbench::device::{ActiveFilter, Sensing};
use phasorbench::quantity::{Complex, phasor};
use phasorbench::signal::Norton;

#[path = "../support/counting.rs"]
mod counting;

fn volts(v_v: f64, turn: f64) -> [Complex; 3] {
    [0.0, -120.0, 120.0].map(|angle| phasor(v_v, angle + turn))
}

fn site(count: usize, emission: Emission) -> Site {
    let unit = Parameters { dead_time_s: 0.25, ..Parameters::named("v2g_22kw").unwrap() };
    let functions = Functions {
        reactive: Reactive::VoltVar(Along::volt_var_b().unwrap()),
        volt_watt: Some(Along::volt_watt_b().unwrap()),
        droop: Some(FrequencyDroop::default()),
        ride_through: Some(RideThrough::of(phasorbench::device::inverter::Category::III)),
        ..Functions::default()
    };
    let noisy = vec![Noisy { unit: 1, factor: 6.0, from_step: 40 }];
    Site::new(Settings { functions, emission, noisy, step_s: 0.1, ..Settings::new("ev", unit, count) }).unwrap()
}

/// A hundred steps with everything in them.
fn run(
    site: &mut Site,
    filter: &mut ActiveFilter,
    commands: &mut Commands,
    into: &mut Norton,
    shares: &[f64],
) -> usize {
    let mut refused = 0;
    for k in 0..100 {
        let v_v = volts(if (60..63).contains(&k) { 100.0 } else { 228.0 + 0.1 * f64::from(k) }, 0.3);
        site.step(&v_v, 50.0 + 0.02 * f64::from(k % 5), [-40e3 - 1e3 * f64::from(k), 2e3]);
        commands.clear();
        match k {
            20 => commands.push(Command::SwitchingFrequency(16e3)).unwrap(),
            25 => commands.push(Command::Carriers(Carriers::Interleaved)).unwrap(),
            30 => {
                let current_a = volts(2.0, 10.0);
                commands.push(Command::Compensate { order: 5, current_a }).unwrap();
                commands.push(Command::Conductance { order: 7, conductance_s: 0.1 }).unwrap();
            }
            35 => commands.push(Command::Connect { which: Which::One(2), on: false }).unwrap(),
            45 => site.set_shares(shares),
            50 => site.break_down(Which::One(0), Fault::Noisy(3.0)).unwrap(),
            _ => {
                let negative = k % 2 == 0;
                commands.push(Command::Probe { which: Which::One(1), order: 5, current_a: 0.6, negative }).unwrap();
            }
        }
        site.apply_all(commands);
        refused += commands.outcomes().iter().filter(|o| matches!(o, Outcome::Refused(_))).count();
        site.emit(&Fundamental { v_v: &v_v, i_a: None, f_hz: 50.0 + 0.02 * f64::from(k % 5) }, into);
        filter.step(|place| into.current_a(place));
        site.emit_unit(1, into);
        filter.emit(50.0, into);
    }
    refused
}

#[test]
fn a_step_allocates_nothing() {
    for emission in [Emission::Physical, Emission::Table(ev_cpw::all())] {
        let mut site = site(30, emission);
        let sensing = Sensing::Load { mu: 0.2, delay_s: 1e-4 };
        let mut filter = ActiveFilter::new(sensing, 10.0, 3, site.orders(), &[]).unwrap();
        let (mut commands, mut into) = (Commands::default(), Norton::new(49, 3));
        let shares: Vec<f64> = (0..30).map(|k| f64::from(k) / 435.0).collect();
        let before = counting::asked();
        let refused = run(&mut site, &mut filter, &mut commands, &mut into, &shares);
        let allocated = counting::asked() - before;
        assert_eq!(allocated, 0);
        assert_eq!(refused, 3, "while the voltage is too low");
        assert!(site.converter().switching_hz == 16e3 && site.power().total()[0] != 0.0);
    }
}

/// Median microseconds of a number of calls.
fn median_us(mut act: impl FnMut()) -> f64 {
    let once = || {
        let start = Instant::now();
        (0..20).for_each(|_| act());
        start.elapsed().as_secs_f64() / 20.0 * 1e6
    };
    let mut times: Vec<f64> = std::iter::repeat_with(once).take(51).collect();
    times.sort_by(f64::total_cmp);
    times[25]
}

#[test]
fn how_long_a_step_takes() {
    let at = |name: &str, mut site: Site, shares: Option<Vec<f64>>| {
        if let Some(shares) = shares {
            site.set_shares(&shares);
        }
        let (mut into, mut k) = (Norton::new(49, 3), 0u32);
        let emit = |site: &mut Site, into: &mut Norton, k: u32| {
            let v_v = volts(230.0 + f64::from(k % 7) * 0.1, 0.01 * f64::from(k % 11));
            site.emit(&Fundamental { v_v: &v_v, i_a: None, f_hz: 50.0 }, into);
        };
        let step = |site: &mut Site, k: u32| {
            site.step(&volts(230.0 + f64::from(k % 7) * 0.1, 0.0), 50.0, [-100e3 - f64::from(k % 13) * 1e3, 0.0]);
        };
        // The set-point arrives three steps later.
        (0..20).for_each(|k| step(&mut site, k));
        let emission = median_us(|| {
            k += 1;
            emit(&mut site, &mut into, k);
        });
        let both = median_us(|| {
            k += 1;
            step(&mut site, k);
            emit(&mut site, &mut into, k);
        });
        println!("{name}: 49 orders × 3 phases in {emission:.1} µs, with the step of all units {both:.1} µs");
    };
    let shares = |count: i32| (0..count).map(|k| f64::from(1 + k) * 1e-3).collect::<Vec<_>>();
    at("20 units, physical", site(20, Emission::Physical), None);
    at("60 units, physical", site(60, Emission::Physical), None);
    at("60 units, each its own power", site(60, Emission::Physical), Some(shares(60)));
    at("60 units, 12 measured cars", site(60, Emission::Table(ev_cpw::all())), None);
    at("1000 units, physical", site(1000, Emission::Physical), None);
}
