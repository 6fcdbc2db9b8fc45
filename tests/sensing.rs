//! From phasors to the monitor: what is synthesised is measured, what transducers do to it shows; a step of the front end and of a
//! transformer's ageing allocates nothing; and how long synthesis takes (printed, never asserted).

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::time::Instant;

use phasorbench::device::ageing::{ThermalSettings, TransformerAgeing};
use phasorbench::monitor::{ChannelRole, Finding, Instrument, Settings, Window};
use phasorbench::quantity::{Complex, Noise, Step, Tick, complex, phasor};
use phasorbench::sense::transducer::{
    Adc, AntiAlias, CtClass, CurrentTransformer, Emi, Loss, Oscillator, Placement, Rogowski, Saturation, Spread,
};
use phasorbench::sense::{Component, Interpolation, PowerQuality, PowerQualitySettings, SampleRate, Sensor, Spectra};

#[path = "support/counting.rs"]
mod counting;

const NAMES: [&str; 8] = ["u1", "u2", "u3", "u4", "i1", "i2", "i3", "i4"];

fn settings(names: &[&str], nominal_hz: f64) -> PowerQualitySettings {
    PowerQualitySettings::ideal(SampleRate::from_hz(12_800.0).unwrap(), nominal_hz, names)
}

fn front_end(settings: &PowerQualitySettings, tick_s: f64) -> PowerQuality {
    PowerQuality::new("pqa", settings, Step::from_seconds(tick_s).unwrap(), 1).unwrap()
}

/// 230 V or 100 A with all orders to 50, 0.5 to 3 % each.
fn full(own: &PowerQuality, f_hz: f64) -> Spectra {
    let mut spectra = own.spectra();
    spectra.frequency_hz = f_hz;
    let noise = Noise::new(5, "full");
    for channel in 0..spectra.channels() {
        let size = if channel < 4 { 230.0 } else { 100.0 };
        let turn = -120.0 * (channel % 4) as f64;
        for (order, x) in spectra.orders_mut(channel).iter_mut().enumerate().skip(1) {
            let share = if order == 1 { 1.0 } else { 0.005 + 0.025 * noise.uniform(order as u64) };
            *x = phasor(size * share, turn * order as f64 + 360.0 * noise.uniform(1000 + order as u64));
        }
    }
    spectra
}

/// Windows that the monitor measures of so many seconds.
fn measure(own: &mut PowerQuality, spectra: &Spectra, roles: &[ChannelRole], seconds: f64, tick_s: f64) -> Vec<Window> {
    let mut instrument = Instrument::new(&Settings::new(12_800.0, own.spectra().frequency_hz, roles.to_vec())).unwrap();
    let (mut out, mut windows) = (own.waveform(), Vec::new());
    for n in 0..(seconds / tick_s).round() as u64 {
        own.step(Tick(n), spectra, &mut out);
        instrument.push(&out, &mut |finding| {
            if let Finding::Window(window) = finding {
                windows.push(window.clone());
            }
        });
    }
    windows
}

fn roles() -> Vec<ChannelRole> {
    NAMES.iter().map(|name| ChannelRole::from_name(name).unwrap()).collect()
}

#[test]
fn what_is_synthesised_is_measured() {
    for (nominal_hz, f_hz) in [(50.0, 50.0), (50.0, 49.7), (50.0, 42.6), (60.0, 60.3), (60.0, 68.9)] {
        let mut own = front_end(&settings(&NAMES, nominal_hz), 0.01);
        let spectra = full(&own, f_hz);
        let windows = measure(&mut own, &spectra, &roles(), 3.0, 0.01);
        let window = windows.last().unwrap();
        let mut worst = 0.0f64;
        for (channel, measured) in window.channels.iter().enumerate() {
            for order in 1..=50 {
                let exact = spectra.orders(channel)[order].norm();
                worst = worst.max((measured.phasor[order].norm() / exact - 1.0).abs());
            }
        }
        let off_mhz = 1e3 * (window.frequency_hz - f_hz).abs();
        println!(
            "{f_hz} Hz: {} windows, worst order {:.4} %, frequency {off_mhz:.4} mHz off",
            windows.len(),
            100.0 * worst
        );
        assert!(window.valid && windows.len() >= 12);
        assert!(worst < 1e-3 && off_mhz < 1.0, "{worst} {off_mhz}");
    }
}

#[test]
fn a_coils_misalignment_turns_what_is_measured_and_not_its_size() {
    let names = ["u1", "i1"];
    let both: Vec<ChannelRole> = names.iter().map(|name| ChannelRole::from_name(name).unwrap()).collect();
    for tenths in [0, 5, 15, 20] {
        let phase_deg = f64::from(tenths) / 10.0;
        let mut set = settings(&names, 50.0);
        set.channels[1].sensor =
            Sensor::Rogowski(Rogowski { phase_deg, gain_percent: phase_deg / 2.0, ..Rogowski::default() });
        let mut own = front_end(&set, 0.1);
        let mut spectra = own.spectra();
        spectra.orders_mut(0)[1] = complex(230.0, 0.0);
        spectra.orders_mut(1)[1] = complex(100.0, 0.0);
        (spectra.orders_mut(0)[5], spectra.orders_mut(1)[5]) = (phasor(4.0, 10.0), phasor(5.0, 99.0));
        let window = measure(&mut own, &spectra, &both, 2.0, 0.1).pop().unwrap();
        // Active power of order 5 is 4·5·cos 89° = 0.349 W: by 2° its sign turns, and with it the direction of harmonic power.
        let fifth = |channel| window.phasor_to_reference(channel, 5);
        let (p5_w, i5_a) = ((fifth(0) * fifth(1).conj()).re, fifth(1).norm());
        println!(
            "misaligned by {phase_deg}°: I5 {i5_a:.4} A (5), P5 {p5_w:+.4} W (+0.3490), P1 {:.2} W",
            window.powers[0].p1_w
        );
        let exact = (phasor(4.0, 10.0)
            * (phasor(5.0, 99.0) * Complex::from_polar(1.0 + phase_deg / 200.0, phase_deg.to_radians())).conj())
        .re;
        assert!((p5_w - exact).abs() < 2e-3 && (i5_a / 5.0 - 1.0 - phase_deg / 200.0).abs() < 1e-4);
        assert_eq!(p5_w < 0.0, phase_deg > 1.0);
    }
}

#[test]
fn a_classed_transformer_misses_most_at_low_load() {
    let names = ["u1", "i1"];
    let both: Vec<ChannelRole> = names.iter().map(|name| ChannelRole::from_name(name).unwrap()).collect();
    for (percent, error_percent) in [(1.0, 0.75), (5.0, 0.35), (20.0, 0.2), (100.0, 0.2)] {
        let mut set = settings(&names, 50.0);
        let ct =
            CurrentTransformer { class: CtClass::C02S, rated_a: 400.0, spread: Spread::At(1.0, 1.0), saturation: None };
        set.channels[1].sensor = Sensor::CurrentTransformer(ct);
        let mut own = front_end(&set, 0.1);
        let mut spectra = own.spectra();
        spectra.orders_mut(0)[1] = complex(230.0, 0.0);
        spectra.orders_mut(1)[1] = complex(4.0 * percent, 0.0);
        let window = measure(&mut own, &spectra, &both, 1.0, 0.1).pop().unwrap();
        let measured = 100.0 * (window.channels[1].phasor[1].norm() / (4.0 * percent) - 1.0);
        println!("class 0.2 S at {percent} %: {measured:.4} % (bound {error_percent})");
        assert!((measured - error_percent).abs() < 1e-3);
    }
}

#[test]
fn no_step_allocates() {
    let mut set = settings(&NAMES, 50.0);
    (set.components, set.interpolation, set.oscillator, set.jitter_s) =
        (2, Interpolation::Linear, Oscillator::XO, 1e-7);
    (set.loss, set.missing_share) = (Loss { share: 0.1, burst: 2.0 }, 0.01);
    for channel in &mut set.channels {
        channel.noise_rms = 0.1;
        channel.adc = Some(Adc { bits: 16, range: 1000.0 });
        channel.emi = Some(Emi { distance_m: 0.15, hum_rms: 0.1, broadband_rms: 0.1, loss_share: 0.0 });
        channel.anti_alias = Some(AntiAlias { order: 6, cutoff_hz: 5000.0, placement: Placement::Digital });
        let core = Some(Saturation::new(10.0));
        let ct = CurrentTransformer { class: CtClass::C05, rated_a: 100.0, spread: Spread::Seeded, saturation: core };
        channel.sensor = Sensor::CurrentTransformer(ct);
    }
    let mut own = front_end(&set, 0.013);
    let mut transformer =
        TransformerAgeing::new(ThermalSettings::ONAN_65, Step::from_seconds(0.013).unwrap(), 0.5, 30.0);
    let (mut spectra, mut out) = (full(&own, 50.0), own.waveform());
    let mut jitterless = front_end(&PowerQualitySettings { jitter_s: 0.0, ..set.clone() }, 0.013);
    let before = counting::asked();
    for n in 0..50 {
        spectra.frequency_hz = 50.0 + 0.1 * (n / 10) as f64;
        spectra.components_mut()[0] = Component { free_hz: 16_000.0 + (n / 7) as f64, order: 2 };
        spectra.beside_mut(3)[0] = complex(n as f64, 0.0);
        own.step(Tick(n), &spectra, &mut out);
        jitterless.step(Tick(n), &spectra, &mut out);
        own.set_temperature_c(n as f64);
        transformer.step(&[0.0, 0.9, 0.0, 0.0, 0.0, 0.1]);
    }
    assert_eq!(counting::asked() - before, 0);
}

/// Nanoseconds per sample and channel, the best of some rounds.
fn nanoseconds(set: &PowerQualitySettings, tick_s: f64, wobble_hz: f64, change: f64, orders: usize) -> f64 {
    let (rounds, span_s) = if cfg!(debug_assertions) { (1, 0.1) } else { (40, 0.8) };
    let mut own = front_end(set, tick_s);
    let (mut spectra, mut out) = (full(&own, 50.0), own.waveform());
    let channels = spectra.channels();
    (0..channels).for_each(|channel| spectra.orders_mut(channel)[orders + 1..].fill(Complex::ZERO));
    let (mut best, mut place) = (f64::INFINITY, 0);
    for _ in 0..rounds {
        let (begun, mut samples) = (Instant::now(), 0);
        for _ in 0..(span_s / tick_s).round() as u64 {
            place += 1;
            spectra.frequency_hz = 50.0 + wobble_hz * (place % 2) as f64;
            (0..channels).for_each(|channel| spectra.orders_mut(channel)[1].re += change);
            own.step(Tick(place), &spectra, &mut out);
            samples += out.len() * channels;
        }
        best = best.min(begun.elapsed().as_secs_f64() * 1e9 / samples as f64);
    }
    best
}

#[test]
fn how_long_synthesis_takes() {
    let ideal = settings(&NAMES, 50.0);
    let linear = PowerQualitySettings { interpolation: Interpolation::Linear, ..ideal.clone() };
    let jitter = PowerQualitySettings { jitter_s: 1e-7, ..ideal.clone() };
    let each = |change: &dyn Fn(&mut phasorbench::sense::ChannelSettings)| {
        let mut set = ideal.clone();
        set.channels.iter_mut().for_each(change);
        set
    };
    let analogue =
        each(&|c| c.anti_alias = Some(AntiAlias { order: 8, cutoff_hz: 5000.0, placement: Placement::Analogue }));
    let digital =
        each(&|c| c.anti_alias = Some(AntiAlias { order: 8, cutoff_hz: 5000.0, placement: Placement::Digital }));
    let noisy = each(&|c| c.noise_rms = 0.1);
    let adc = each(&|c| c.adc = Some(Adc { bits: 16, range: 1000.0 }));
    println!("ns per sample and channel, 8 channels, 12.8 kHz, phasors set anew each tick:");
    for (name, set, tick_s, wobble_hz, change, orders) in [
        ("50 orders, ticks of 100 ms", &ideal, 0.1, 0.0, 0.01, 50),
        ("50 orders, ticks of 10 ms", &ideal, 0.01, 0.0, 0.01, 50),
        ("50 orders, ticks of 1 ms", &ideal, 0.001, 0.0, 0.01, 50),
        ("7 orders, ticks of 100 ms", &ideal, 0.1, 0.0, 0.01, 7),
        ("50 orders, phasors go straight", &linear, 0.1, 0.0, 0.01, 50),
        ("50 orders, frequency steps each tick", &ideal, 0.1, 0.1, 0.01, 50),
        ("50 orders, frequency ramps", &linear, 0.1, 0.1, 0.01, 50),
        ("50 orders, jitter", &jitter, 0.1, 0.0, 0.01, 50),
        ("… with an analogue filter of order 8", &analogue, 0.1, 0.0, 0.01, 50),
        ("… with a digital filter of order 8", &digital, 0.1, 0.0, 0.01, 50),
        ("… with noise", &noisy, 0.1, 0.0, 0.01, 50),
        ("… with a converter", &adc, 0.1, 0.0, 0.01, 50),
    ] {
        let ns = nanoseconds(set, tick_s, wobble_hz, change, orders);
        println!("  {name:<40} {ns:7.2} ns, {:6.1} µs for 2560 samples", ns * 2.56);
        assert!(ns > 0.0);
    }
}
