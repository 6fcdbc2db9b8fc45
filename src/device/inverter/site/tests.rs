//! Sites of inverters: energy, limits, vector sums, commands.

use proptest::prelude::*;

use super::*;
use crate::device::Battery;
use crate::device::emission::{Emission, Level, Line, Reference, Table};
use crate::device::inverter::{Along, Category, Functions, Noisy, Parameters, Reactive, RideThrough, Spread};
use crate::quantity::phasor;

const ALIKE: Spread = Spread { size_pu: 0.0, angle_deg: 0.0 };

fn settings(count: usize) -> Settings {
    let unit = Parameters { response_s: 0.0, battery: None, ..Parameters::named("v2g_22kw").unwrap() };
    Settings { spread: ALIKE, step_s: 0.1, ..Settings::new("ev", unit, count) }
}

/// A site that draws (negative) or injects so much, after some steps.
fn at(settings: Settings, p_w: f64) -> Site {
    let mut site = Site::new(Settings { start: [p_w, 0.0], ..settings }).unwrap();
    site.step(&balanced(230.0), 50.0, [p_w, 0.0]);
    site
}

fn balanced(v_v: f64) -> [Complex; 3] {
    [0.0, -120.0, 120.0].map(|angle| phasor(v_v, angle))
}

fn emitted(site: &mut Site, v_v: &[Complex]) -> Norton {
    let mut into = Norton::new(site.orders().len(), 3);
    site.emit(&Fundamental { v_v, i_a: None, f_hz: 50.0 }, &mut into);
    into
}

/// Current of an order (the list begins at 2).
fn of(into: &Norton, order: usize) -> &[Complex] {
    into.current_a(order - 2)
}

fn table(lines: &[(u32, f64, Option<f64>)], reference: Reference) -> Emission {
    let line = |&(order, percent, angle_deg): &(u32, f64, Option<f64>)| Line { order, percent, angle_deg };
    let level = Level { current_pu: 1.0, lines: lines.iter().map(line).collect() };
    Emission::Table(vec![Table::new(vec![level], reference).unwrap()])
}

#[test]
fn one_unit_emits_what_its_converter_says() {
    let mut settings = settings(1);
    settings.unit.converter.crossing_a = 0.0;
    let mut site = at(settings, 22e3);
    let into = emitted(&mut site, &balanced(230.0));
    let i1_a = 22e3 / 690.0;
    // 0.554 % at order 5, 20 kHz, bandwidth 1 kHz: see what_changing_the_switching_frequency_really_does.
    let i5 = of(&into, 5);
    assert!((100.0 * i5[0].norm() / i1_a - 0.554).abs() < 1e-3, "{}", 100.0 * i5[0].norm() / i1_a);
    // It opposes a current at 0°, as −ΔV·4/(5π) does.
    let own = -site.converter().closed_s(250.0)[0] * (6.4 * 4.0 / (5.0 * std::f64::consts::PI) / 2f64.sqrt());
    assert!((i5[0] - own).norm() < 1e-12);
    assert!((into.admittance_s()[3] - site.converter().closed_s(250.0)[1]).norm() < 1e-15);
    // More switching, more dead time: 1.09 % at 40 kHz.
    assert_eq!(site.apply(&Command::SwitchingFrequency(40e3)), Outcome::Done);
    let faster = emitted(&mut site, &balanced(230.0));
    assert!((100.0 * of(&faster, 5)[0].norm() / i1_a - 1.09).abs() < 5e-3);
}

#[test]
fn orders_turn_their_own_way_and_triplens_need_a_neutral() {
    let mut site = at(settings(1), -22e3);
    let into = emitted(&mut site, &balanced(230.0));
    let turns = |order: usize| angle(of(&into, order)[1] / of(&into, order)[0]);
    assert!((turns(5) - 120.0).abs() < 1e-9, "negative sequence: {}", turns(5));
    assert!((turns(7) + 120.0).abs() < 1e-9, "positive sequence: {}", turns(7));
    assert!(of(&into, 3)[0].norm() < 1e-12 * of(&into, 5)[0].norm(), "no neutral, no zero sequence");
    let mut four_wire = settings(1);
    four_wire.unit.three_wire = false;
    let with_neutral = emitted(&mut at(four_wire, -22e3), &balanced(230.0));
    assert!(of(&with_neutral, 3)[0].norm() > of(&with_neutral, 5)[0].norm());
    assert!((of(&with_neutral, 3)[1] - of(&with_neutral, 3)[0]).norm() < 1e-12);
    // Unbalanced voltages leave a part of order 3, with no sum.
    let unbalanced = [phasor(230.0, 0.0), phasor(225.0, -118.0), phasor(231.0, 121.0)];
    let i3: Vec<Complex> = of(&emitted(&mut site, &unbalanced), 3).to_vec();
    assert!(i3[0].norm() > 1e-3 && i3.iter().sum::<Complex>().norm() < 1e-12, "{i3:?}");
}

fn angle(z: Complex) -> f64 {
    z.arg().to_degrees()
}

#[test]
fn discharging_is_the_same_source_with_the_fundamental_turned() {
    let measured = table(&[(5, 2.0, Some(30.0)), (4, 1.0, Some(0.0))], Reference::Voltage);
    let by_voltage = Settings { emission: measured, ..settings(1) };
    let [charging, discharging] = [-22e3, 22e3].map(|p_w| emitted(&mut at(by_voltage.clone(), p_w), &balanced(230.0)));
    assert_eq!(of(&charging, 5), of(&discharging, 5));
    assert!((of(&charging, 5)[0] - phasor(0.02 * 22e3 / 690.0, 30.0)).norm() < 1e-9);
    assert!((of(&charging, 5)[1] - phasor(0.02 * 22e3 / 690.0, 30.0 - 600.0)).norm() < 1e-9);
    // Dead time follows the current: odd orders turn with it.
    let [charging, discharging] = [-22e3, 22e3].map(|p_w| emitted(&mut at(settings(1), p_w), &balanced(230.0)));
    assert!((of(&charging, 5)[0] + of(&discharging, 5)[0]).norm() < 1e-12);
    // As OpenDSS has it: order times the angle of the current, even orders stay.
    let as_load = Settings { emission: table(&[(4, 1.0, Some(10.0))], Reference::Current), ..settings(1) };
    let drawn = emitted(&mut at(as_load, -22e3), &balanced(230.0));
    assert!((angle(of(&drawn, 4)[0]) - 10.0).abs() < 1e-9, "4 times 180° is no turn");
}

#[test]
fn a_site_is_the_sum_of_its_units() {
    let mut shares = vec![0.05; 10];
    shares[3] = 0.3;
    shares[7] = -0.2;
    let cars = crate::device::emission::ev_cpw::all();
    for emission in [Emission::Physical, Emission::Table(cars)] {
        let own = Settings { shares: shares.clone(), emission, spread: Spread::default(), ..settings(10) };
        let mut site = at(own, -100e3);
        site.break_down(Which::One(2), Fault::Noisy(4.0)).unwrap();
        site.break_down(Which::One(5), Fault::Lost(true)).unwrap();
        site.step(&balanced(230.0), 50.0, [-100e3, 10e3]);
        let whole = emitted(&mut site, &balanced(230.0));
        let (mut one, mut sum) = (Norton::new(49, 3), Norton::new(49, 3));
        for unit in 0..10 {
            site.emit_unit(unit, &mut one);
            for k in 0..49 {
                sum.current_a_mut(k).iter_mut().zip(one.current_a(k)).for_each(|(s, i)| *s += i);
                sum.admittance_s_mut()[k] += one.admittance_s()[k];
            }
            assert_eq!(one.current_a(3)[0].norm() == 0.0, unit == 5, "the lost one is silent");
        }
        for k in 0..49 {
            let apart =
                sum.current_a(k).iter().zip(whole.current_a(k)).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max);
            assert!(apart < 1e-12 && (sum.admittance_s()[k] - whole.admittance_s()[k]).norm() < 1e-12, "{k}: {apart}");
        }
    }
}

#[test]
fn equal_units_add_up_and_random_angles_add_as_their_squares() {
    // The summation law of IEC 61000-3-6 for four equal sources: 4 with α = 1 and 4^(1/2) = 2 with α = 2.
    let free = |seed: u64| {
        let emission = table(&[(11, 1.0, None), (3, 1.0, Some(0.0))], Reference::Voltage);
        let mut own = Settings { emission, seed, ..settings(4) };
        own.unit.three_wire = false;
        let into = emitted(&mut at(own, -88e3), &balanced(230.0));
        [3, 11].map(|h| of(&into, h)[0].norm() / (0.01 * 22e3 / 690.0))
    };
    let found: Vec<[f64; 2]> = (0..600).map(free).collect();
    assert!(found.iter().all(|[three, _]| (three - 4.0).abs() < 1e-9));
    let square = found.iter().map(|[_, eleven]| eleven * eleven).sum::<f64>() / 600.0;
    // Mean 4, standard deviation of one 3.5, of 600: 0.14.
    assert!((square - 4.0).abs() < 0.5, "{square}");
    println!("four equal sources, free angles: {:.3} (α = 2 gives 2)", square.sqrt());
}

#[test]
fn a_spread_of_angles_adds_up_as_its_characteristic_function() {
    // E|Σ|² = N + N(N−1)·e^(−σ²) with σ = 1 rad and N = 40: 40 + 1560·0.3679 = 613.9.
    let found = |seed: u64| {
        let spread = Spread { size_pu: 0.0, angle_deg: 1f64.to_degrees() };
        let own =
            Settings { emission: table(&[(7, 1.0, Some(0.0))], Reference::Voltage), seed, spread, ..settings(40) };
        let into = emitted(&mut at(own, -880e3), &balanced(230.0));
        (of(&into, 7)[0].norm() / (0.01 * 22e3 / 690.0)).powi(2)
    };
    let mean = (0..200).map(found).sum::<f64>() / 200.0;
    assert!((mean / 613.9 - 1.0).abs() < 0.05, "{mean}");
}

#[test]
fn a_fleet_of_measured_cars_has_their_diversity() {
    // |Σ|/Σ|·| of twelve cars as measured (in amperes): 0.53 at order 5, 0.85 at 7, 0.24 at 11.
    let cars = crate::device::emission::ev_cpw::all();
    let mut own = Settings { emission: Emission::Table(cars), ..settings(600) };
    own.unit.three_wire = false;
    let mut site = at(own, -600.0 * 22e3);
    let whole = emitted(&mut site, &balanced(230.0));
    let mut one = Norton::new(49, 3);
    let mut sizes = [0.0; 51];
    for unit in 0..600 {
        site.emit_unit(unit, &mut one);
        (2..=50).for_each(|h| sizes[h] += of(&one, h)[0].norm());
    }
    for (order, measured) in [(5, 0.53), (7, 0.85), (11, 0.24)] {
        let ratio = of(&whole, order)[0].norm() / sizes[order];
        println!("order {order}: {ratio:.3} for 600 cars, measured {measured} for 12");
        assert!((ratio - measured).abs() < 0.08, "{order}: {ratio}");
    }
    let ratio = of(&whole, 17)[0].norm() / sizes[17];
    assert!(ratio < 0.15, "angles that were not measured are random: {ratio}");
}

#[test]
fn carriers_cancel_when_interleaved() {
    let mut site = at(Settings { groups: 5, ..settings(4) }, 60e3);
    let mut size = |carriers: Carriers, m: u32| {
        assert_eq!(site.apply(&Command::Carriers(carriers)), Outcome::Done);
        emitted(&mut site, &balanced(230.0));
        let group = site.sidebands().iter().filter(|c| c.sideband.m == m);
        group.map(|c| c.current_a[0].norm_sqr()).sum::<f64>().sqrt()
    };
    for m in 1..=5 {
        let (free, together, apart) =
            (size(Carriers::Free, m), size(Carriers::Synchronised, m), size(Carriers::Interleaved, m));
        assert!(free > 0.01 * together && free < together, "{m}");
        let left = if m == 4 { together } else { 0.0 };
        assert!((apart - left).abs() < 1e-12 * together, "{m}: {apart} of {together}");
    }
    // With one off, three interleave.
    site.apply(&Command::Connect { which: Which::One(1), on: false });
    emitted(&mut site, &balanced(230.0));
    let group =
        |m: u32| site.sidebands().iter().filter(|c| c.sideband.m == m).map(|c| c.current_a[1].norm()).sum::<f64>();
    assert!(group(1) < 1e-12 && group(4) < 1e-12 && group(3) > 1e-6);
}

#[test]
fn the_largest_sideband_is_that_of_the_table() {
    // 52.5 mA at f_sw − 2·f₁ through 30 µH of grid; M from the voltage at the terminals.
    let mut own = settings(1);
    own.unit.converter.filter.l2_h += 30e-6;
    let mut site = at(own, 22e3);
    emitted(&mut site, &balanced(230.0));
    let found = site.sidebands().iter().find(|c| (c.sideband.m, c.sideband.n) == (1, -2)).unwrap();
    assert_eq!(found.frequency_hz, 19_900.0);
    let ma = 1e3 * found.current_a[0].norm();
    assert!((ma - 52.5).abs() < 1.0, "{ma}");
    assert!(found.current_a.iter().sum::<Complex>().norm() < 1e-12);
    let zero = site.sidebands().iter().find(|c| (c.sideband.m, c.sideband.n) == (1, 0)).unwrap();
    assert!(zero.current_a[0].norm() < 1e-12, "the carrier is in all legs alike");
}

#[test]
fn set_points_arrive_after_the_dead_time() {
    let mut own = settings(2);
    own.unit.dead_time_s = 0.3;
    let mut site = Site::new(own).unwrap();
    let powers: Vec<f64> = (0..5).map(|_| site.step(&balanced(230.0), 50.0, [-10e3, 0.0]).total()[0]).collect();
    assert_eq!(powers, [0.0, 0.0, 0.0, -10e3, -10e3]);
    // What is no number changes nothing.
    let next: Vec<f64> = (0..5).map(|_| site.step(&balanced(230.0), 50.0, [f64::NAN, 0.0]).total()[0]).collect();
    assert_eq!(next, [-10e3; 5]);
}

#[test]
fn energy_is_kept() {
    let mut own = settings(3);
    own.unit.battery = Some(Battery { energy_wh: 2000.0, ..Battery::of_wh(2000.0) });
    own.unit.response_s = 0.7;
    own.shares = vec![0.5, 0.3, 0.2];
    let mut site = Site::new(own).unwrap();
    let (mut in_j, mut out_j) = ([0.0; 3], [0.0; 3]);
    for k in 0..20_000u32 {
        let p_w = if k < 8000 { -50e3 } else { 35e3 };
        site.step(&balanced(230.0), 50.0, [p_w, 5e3]);
        for (unit, (into, out)) in site.units().iter().zip(in_j.iter_mut().zip(&mut out_j)) {
            let p = unit.output()[0];
            if p < 0.0 { *into -= 0.1 * p } else { *out += 0.1 * p }
        }
    }
    for (unit, (into, out)) in site.units().iter().zip(in_j.iter().zip(&out_j)) {
        let expected = 0.5 + (into * 0.95 - out / 0.95) / (2000.0 * 3600.0);
        let soc = unit.soc().unwrap();
        assert!((soc - expected).abs() < 1e-9 && (0.1 - 1e-12..=0.9).contains(&soc), "{soc} {expected}");
    }
    assert!(site.units()[0].soc().unwrap() < 0.1 + 1e-9, "the largest share is empty at the end");
}

#[test]
fn grid_support_acts_by_the_voltage_at_the_bus() {
    let mut own = settings(2);
    let along = Along { response_s: 0.0, ..Along::volt_var_b().unwrap() };
    own.bus_v = 240.0;
    own.functions = Functions { reactive: Reactive::VoltVar(along), ..Functions::default() };
    let mut site = Site::new(own).unwrap();
    let power = site.step(&balanced(240.0 * 1.05), 50.0, [-10e3, 0.0]).total();
    assert!((power[0] + 10e3).abs() < 1e-9 && (power[1] + 0.22 * 44e3).abs() < 1e-6, "{power:?}");
}

#[test]
fn a_trip_takes_power_emission_and_filter_away() {
    let functions = Functions { ride_through: Some(RideThrough::of(Category::III)), ..Functions::default() };
    let mut site = at(Settings { functions, ..settings(2) }, -20e3);
    for _ in 0..3 {
        site.step(&balanced(300.0), 50.0, [-20e3, 0.0]);
    }
    assert_eq!(site.power().service, Service::Tripped);
    assert_eq!(site.power().total(), [0.0, 0.0]);
    let into = emitted(&mut site, &balanced(230.0));
    assert!(into.admittance_s().iter().all(|y| y.norm() == 0.0) && of(&into, 5)[0].norm() == 0.0);
    let refused = site.apply(&Command::Compensate { order: 5, current_a: [complex(1.0, 0.0); 3] });
    assert_eq!(refused, Outcome::Refused(Refusal::OutOfService));
}

#[test]
fn compensation_stays_inside_the_ratings() {
    let mut site = at(settings(2), 0.6 * 44e3);
    emitted(&mut site, &balanced(230.0));
    let quiet = emitted(&mut site, &balanced(230.0));
    // √(1 − 0.6²) = 0.8 of 2·22 kVA at 230 V: 51.0 A in each phase.
    let headroom_a = 0.8 * 44e3 / 690.0;
    let ask = |site: &mut Site, order: u32, size_a: f64| {
        site.apply(&Command::Compensate { order, current_a: [0.0, 120.0, -120.0].map(|a| phasor(size_a, a)) })
    };
    assert_eq!(ask(&mut site, 5, 10.0), Outcome::Done);
    let into = emitted(&mut site, &balanced(230.0));
    assert!((of(&into, 5)[1] - of(&quiet, 5)[1] - phasor(10.0, 120.0)).norm() < 1e-9);
    let reduced = ask(&mut site, 7, 100.0);
    let scale = headroom_a / 100.0f64.hypot(10.0);
    assert!(matches!(reduced, Outcome::Reduced(part) if (part - scale).abs() < 1e-9), "{reduced:?}");
    // More active power, less compensation, without another command.
    site.step(&balanced(230.0), 50.0, [44e3, 0.0]);
    let full = emitted(&mut site, &balanced(230.0));
    assert!(site.compensation_scale() < 1e-9 && (of(&full, 7)[0].norm()) < 1.0);
    site.apply(&Command::LimitPower { which: Which::All, p_w: 0.0 });
    site.step(&balanced(230.0), 50.0, [44e3, 0.0]);
    emitted(&mut site, &balanced(230.0));
    assert!((site.compensation_scale() - 44e3 / 690.0 / 100.0f64.hypot(10.0)).abs() < 1e-9);
}

#[test]
fn a_conductance_is_an_admittance_and_a_probe_follows_the_voltage() {
    let mut site = at(settings(2), 10e3);
    let before = emitted(&mut site, &balanced(230.0));
    assert_eq!(site.apply(&Command::Conductance { order: 5, conductance_s: 0.2 }), Outcome::Done);
    let after = emitted(&mut site, &balanced(230.0));
    assert!((after.admittance_s()[3] - before.admittance_s()[3] - 0.2).norm() < 1e-12);
    assert_eq!(after.admittance_s()[4], before.admittance_s()[4]);
    let probe = |which, negative| Command::Probe { which, order: 5, current_a: 0.6, negative };
    for (which, negative, sign) in [(Which::One(1), false, 1.0), (Which::All, true, -1.0)] {
        assert_eq!(site.apply(&probe(which, negative)), Outcome::Done);
        let turned = [10.0, -110.0, 130.0].map(|a| phasor(230.0, a));
        let with = emitted(&mut site, &turned);
        site.apply(&Command::Probe { which, order: 5, current_a: 0.0, negative });
        let without = emitted(&mut site, &turned);
        for (p, angle) in [10.0, -110.0, 130.0].into_iter().enumerate() {
            let own = of(&with, 5)[p] - of(&without, 5)[p];
            assert!((own - phasor(0.6 * sign, 5.0 * angle)).norm() < 1e-12, "{p}: {own}");
        }
    }
    // One unit alone cannot inject what two could.
    let much = Command::Probe { which: Which::One(0), order: 7, current_a: 50.0, negative: false };
    assert!(matches!(site.apply(&much), Outcome::Reduced(part) if part < 0.7));
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let mut site = at(settings(2), 10e3);
    let refused = |site: &mut Site, command: Command| match site.apply(&command) {
        Outcome::Refused(refusal) => refusal.to_string(),
        other => panic!("{command:?}: {other:?}"),
    };
    let one = [complex(1.0, 0.0); 3];
    let nan = [complex(f64::NAN, 0.0); 3];
    for (command, says) in [
        (Command::SwitchingFrequency(5e3), "below twice the filter's resonance"),
        (Command::SwitchingFrequency(90e3), "above what the bridge bears"),
        (Command::Compensate { order: 1, current_a: one }, "not among the run's"),
        (Command::Compensate { order: 5, current_a: nan }, "no possible value"),
        (Command::Conductance { order: 5, conductance_s: -1.0 }, "no possible value"),
        (Command::Probe { which: Which::One(2), order: 5, current_a: 1.0, negative: false }, "no unit 2"),
        (Command::LimitPower { which: Which::One(9), p_w: 1.0 }, "they are 0 to 1"),
        (Command::LimitPower { which: Which::All, p_w: f64::NAN }, "no possible value"),
        (Command::Connect { which: Which::One(7), on: false }, "no unit 7"),
    ] {
        let reason = refused(&mut site, command);
        assert!(reason.contains(says), "{command:?}: {reason}");
    }
    let mut high = settings(1);
    high.multiples = vec![5.0, 70.0];
    let reason = refused(&mut at(high, 1e3), Command::Compensate { order: 70, current_a: one });
    assert!(reason.contains("above the filter's resonance"), "{reason}");
    let mut commands = Commands::default();
    commands.push(Command::SwitchingFrequency(16e3)).unwrap();
    commands.push(Command::SwitchingFrequency(1e3)).unwrap();
    site.apply_all(&mut commands);
    assert_eq!(commands.outcomes()[0], Outcome::Done);
    assert!(matches!(commands.outcomes()[1], Outcome::Refused(Refusal::Switching(_))));
    assert_eq!(site.converter().switching_hz, 16e3, "the refused one changed nothing");
    assert!(site.break_down(Which::One(0), Fault::Noisy(f64::NAN)).is_err());
}

#[test]
fn a_unit_becomes_noisy_when_it_should() {
    let noisy = vec![Noisy { unit: 1, factor: 5.0, from_step: 3 }];
    let mut site = Site::new(Settings { noisy, start: [-40e3, 0.0], ..settings(2) }).unwrap();
    let sizes: Vec<f64> = (0..5)
        .map(|_| {
            site.step(&balanced(230.0), 50.0, [-40e3, 0.0]);
            of(&emitted(&mut site, &balanced(230.0)), 5)[0].norm()
        })
        .collect();
    assert!((sizes[3] / sizes[0] - 3.0).abs() < 1e-9 && sizes[2] == sizes[0] && sizes[4] == sizes[3], "{sizes:?}");
}

#[test]
fn a_phase_without_voltage_emits_nothing_and_taken_currents_count() {
    let mut own = settings(1);
    own.unit.three_wire = false;
    own.emission = table(&[(5, 2.0, Some(0.0))], Reference::Voltage);
    let mut site = at(own, -11e3);
    let dead = [phasor(230.0, 0.0), complex(0.0, 0.0), phasor(230.0, 120.0)];
    let into = emitted(&mut site, &dead);
    assert!(of(&into, 5)[1].norm() == 0.0 && of(&into, 5)[0].norm() > 0.0);
    assert!((0..49).all(|k| into.current_a(k).iter().all(|i| i.is_finite())));
    // The table has one level: beyond it amperes stay. Currents of twice the rating double them.
    let currents = balanced(230.0).map(|v| v / 230.0 * -2.0 * 22e3 / 690.0);
    let mut into = Norton::new(49, 3);
    site.emit(&Fundamental { v_v: &balanced(230.0), i_a: Some(&currents), f_hz: 50.0 }, &mut into);
    assert!((of(&into, 5)[0].norm() - 2.0 * 0.02 * 22e3 / 690.0).abs() < 1e-9);
}

#[test]
fn units_behind_a_transformer_and_on_single_phases() {
    let mut own = settings(3);
    own.bus_v = 2300.0;
    let mut high = at(own, 0.0);
    high.step(&balanced(2300.0), 50.0, [60e3, 0.0]);
    let mut low = at(settings(3), 60e3);
    let (above, below) = (emitted(&mut high, &balanced(2300.0)), emitted(&mut low, &balanced(230.0)));
    assert!((of(&above, 5)[0] * 10.0 - of(&below, 5)[0]).norm() < 1e-12);
    assert!((above.admittance_s()[3] * 100.0 - below.admittance_s()[3]).norm() < 1e-12);

    let mut own = settings(3);
    own.unit = own.unit.single_phase();
    own.phases = 3;
    own.shares = vec![1.0, 0.0, 0.0];
    let mut site = at(own, -7e3);
    assert_eq!(site.power().s_va.map(|s| s.re), [-7e3, 0.0, 0.0]);
    let into = emitted(&mut site, &balanced(230.0));
    assert!(of(&into, 3)[0].norm() > 0.0 && of(&into, 3)[1].norm() == 0.0, "a single phase has its triplens");
    let groups: Vec<u32> = site.sidebands().iter().map(|c| c.sideband.m).collect();
    assert!(groups.iter().all(|m| *m == 2), "unipolar: even groups");
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let refused = |change: &dyn Fn(&mut Settings)| {
        let mut own = settings(2);
        change(&mut own);
        Site::new(own).err().map(|error| error.to_string())
    };
    for (change, says) in [
        (&(|s: &mut Settings| s.count = 0) as &dyn Fn(&mut Settings), "number of units is 0"),
        (&|s| s.unit.s_va = f64::NAN, "rated power in VA is NaN"),
        (&|s| s.phases = 1, "units of 3 phases do not fit a bus of 1"),
        (&|s| s.shares = vec![1.0], "1 shares for 2 units"),
        (&|s| s.noisy = vec![Noisy { unit: 2, factor: 1.0, from_step: 0 }], "no unit 2"),
        (&|s| s.unit.converter.switching_hz = 6e3, "below twice the filter's resonance"),
        (&|s| s.unit.converter.filter.c_f = 0.0, "positive"),
        (&|s| s.unit.battery = Some(Battery { soc: 1.2, ..Battery::of_wh(1.0) }), "battery"),
        (&|s| s.multiples = vec![f64::INFINITY], "frequency is inf"),
        (&|s| s.step_s = 0.0, "length of a step"),
    ] {
        let error = refused(change);
        assert!(error.as_deref().is_some_and(|error| error.contains(says)), "{says}: {error:?}");
    }
}

#[test]
fn the_same_settings_give_the_same_bits() {
    let run = |seed: u64| {
        let own = Settings { seed, spread: Spread::default(), ..settings(20) };
        let mut site = at(own, -300e3);
        let into = emitted(&mut site, &balanced(229.0));
        (into, site.sidebands().to_vec())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).0, run(2).0);
    // More units move nobody else's numbers.
    let unit = |count: usize| {
        let mut site = at(Settings { spread: Spread::default(), ..settings(count) }, -10e3 * count as f64);
        emitted(&mut site, &balanced(230.0));
        let mut into = Norton::new(49, 3);
        site.emit_unit(4, &mut into);
        into
    };
    let (few, many) = (unit(5), unit(9));
    assert!((0..49).all(|k| (few.current_a(k)[0] - many.current_a(k)[0]).norm() < 1e-12));
}

#[test]
fn interharmonics_have_an_admittance_and_the_fundamental_has_none() {
    let mut own = settings(1);
    own.multiples = vec![0.5, 1.0, 5.0, 5.5];
    let mut site = at(own, 22e3);
    let mut into = Norton::new(4, 3);
    site.emit(&Fundamental { v_v: &balanced(230.0), i_a: None, f_hz: 50.0 }, &mut into);
    let there: Vec<(bool, bool)> =
        (0..4).map(|k| (into.current_a(k)[0].norm() > 0.0, into.admittance_s()[k].norm() > 0.0)).collect();
    assert_eq!(there, [(false, false), (false, false), (true, true), (false, true)]);
    // Another fundamental frequency moves the admittance.
    let at_50 = into.admittance_s()[2];
    site.emit(&Fundamental { v_v: &balanced(230.0), i_a: None, f_hz: 60.0 }, &mut into);
    assert!((into.admittance_s()[2] - site.converter().closed_s(300.0)[1]).norm() < 1e-15);
    assert!((into.admittance_s()[2] - at_50).norm() > 1e-3);
}

proptest! {
    #[test]
    fn whatever_is_asked_the_circle_holds(
        asked in prop::collection::vec((-1e6..1e6f64, -1e6..1e6f64, 0.0..400.0f64, 45.0..55.0f64), 1..40),
        response_s in prop::sample::select(vec![0.0, 0.3, 5.0]),
        ramp in prop::sample::select(vec![1e3, 1e5, f64::INFINITY]),
        priority in prop::sample::select(vec![crate::device::Priority::Active, crate::device::Priority::Reactive]),
        function in 0..4,
    ) {
        let mut own = settings(3);
        own.unit = Parameters { response_s, ramp_w_per_s: ramp, priority, battery: Some(Battery::of_wh(500.0)), ..own.unit };
        own.functions = match function {
            0 => Functions::default(),
            1 => Functions { reactive: Reactive::VoltVar(Along::volt_var_b().unwrap()), ..Functions::default() },
            2 => Functions {
                reactive: Reactive::Constant { q_pu: 0.9, response_s: 1.0 },
                volt_watt: Some(Along::volt_watt_b().unwrap()),
                ride_through: Some(RideThrough::of(Category::II)),
                ..Functions::default()
            },
            _ => Functions {
                reactive: Reactive::PowerFactor { pf: 0.5, injecting: true, response_s: 0.0 },
                droop: Some(crate::device::inverter::FrequencyDroop::default()),
                ..Functions::default()
            },
        };
        own.shares = vec![0.2, 0.9, -0.4];
        let s_va = own.unit.s_va;
        let mut site = Site::new(own).unwrap();
        for (p, q, v, f) in asked {
            let volts = balanced(v);
            site.step(&volts, f, [p, q]);
            for unit in site.units() {
                let [p, q] = unit.output();
                prop_assert!(p.hypot(q) <= s_va * (1.0 + 1e-9), "{} {}", p, q);
                let soc = unit.soc().unwrap();
                prop_assert!((0.1 - 1e-9..=0.9 + 1e-9).contains(&soc), "{}", soc);
            }
            let into = emitted(&mut site, &volts);
            prop_assert!((0..49).all(|k| into.current_a(k).iter().all(|i| i.is_finite())));
        }
    }
}
