//! The whole front end: each stage against its closed form, as it comes out of the samples.

use std::f64::consts::{SQRT_2, TAU};

use super::*;
use crate::quantity::{Complex, complex, phasor};
use crate::sense::synthesis::{Interpolation, SampleRate};
use crate::sense::transducer::*;

fn settings(channels: &[&str]) -> PowerQualitySettings {
    PowerQualitySettings::ideal(SampleRate::from_hz(12_800.0).unwrap(), 50.0, channels)
}

fn instrument(settings: &PowerQualitySettings, seed: u64) -> PowerQuality {
    PowerQuality::new("pqa", settings, Step::from_seconds(0.1).unwrap(), seed).unwrap()
}

/// The fundamental and an order in all channels.
fn spectra(own: &PowerQuality, fundamental: Complex, order: usize, harmonic: Complex) -> Spectra {
    let mut spectra = own.spectra();
    for channel in 0..spectra.channels() {
        spectra.orders_mut(channel)[1] = fundamental;
        spectra.orders_mut(channel)[order] = harmonic;
    }
    spectra
}

/// Samples of a channel over so many ticks.
fn record(own: &mut PowerQuality, spectra: &Spectra, channel: usize, ticks: u64) -> Vec<f64> {
    let mut out = own.waveform();
    let mut all = Vec::new();
    for n in 0..ticks {
        own.step(Tick(n), spectra, &mut out);
        all.extend_from_slice(out.channel(channel));
    }
    all
}

/// RMS phasor at a frequency over all samples, the first being one period after the start.
fn line(samples: &[f64], f_hz: f64) -> Complex {
    let turned = samples.iter().enumerate().map(|(k, x)| Complex::cis(-TAU * f_hz * (k + 1) as f64 / 12_800.0) * *x);
    turned.sum::<Complex>() * SQRT_2 / samples.len() as f64
}

fn rms(samples: impl Iterator<Item = f64> + Clone) -> f64 {
    (samples.clone().map(|x| x * x).sum::<f64>() / samples.count() as f64).sqrt()
}

#[test]
fn an_ideal_front_end_shows_what_is() {
    let mut own = instrument(&settings(&["u1", "i1"]), 1);
    let spectra = spectra(&own, phasor(230.0, 10.0), 5, phasor(4.0, 33.0));
    let samples = record(&mut own, &spectra, 1, 2);
    assert!((line(&samples, 50.0) - phasor(230.0, 10.0)).norm() < 1e-11);
    assert!((line(&samples, 250.0) - phasor(4.0, 33.0)).norm() < 1e-11);
}

#[test]
fn linear_stages_turn_and_stretch_phasors() {
    let mut set = settings(&["u1", "i1", "i2"]);
    let ct =
        CurrentTransformer { class: CtClass::C02S, rated_a: 400.0, spread: Spread::At(-1.0, 1.0), saturation: None };
    set.channels[0].sensor =
        Sensor::VoltageTransformer(VoltageTransformer { class: VtClass::C05, spread: Spread::At(1.0, 1.0) });
    set.channels[0].gain = 1.01;
    set.channels[0].offset = 2.5;
    set.channels[1].sensor = Sensor::CurrentTransformer(ct);
    let coil = Rogowski { gain_percent: 1.0, phase_deg: 2.0, delay_s: 1e-5, ..Rogowski::default() };
    set.channels[2].sensor = Sensor::Rogowski(coil);
    set.channels[2].anti_alias = Some(AntiAlias { order: 8, cutoff_hz: 5000.0, placement: Placement::Analogue });
    let own = instrument(&set, 1);
    // 20 A of 400 A are 5 %: 0.35 %, 15 minutes.
    let spectra = spectra(&own, complex(20.0, 0.0), 5, complex(1.0, 0.0));
    let [u1, i1, i2] = [0, 1, 2].map(|channel| record(&mut own.clone(), &spectra, channel, 2));
    let minutes = |z: Complex| z.arg().to_degrees() * 60.0;
    assert!(
        (line(&u1, 50.0).norm() / 20.0 - 1.005 * 1.01).abs() < 1e-12 && (minutes(line(&u1, 250.0)) - 20.0).abs() < 1e-8
    );
    assert!((u1.iter().sum::<f64>() / u1.len() as f64 - 2.5).abs() < 1e-11);
    assert!((line(&i1, 50.0).norm() / 20.0 - 0.9965).abs() < 1e-12 && (minutes(line(&i1, 50.0)) - 15.0).abs() < 1e-8);
    assert!((line(&i1, 250.0).norm() - 0.9965).abs() < 1e-12 && (minutes(line(&i1, 250.0)) - 3.0).abs() < 1e-8);
    let filter = set.channels[2].anti_alias.unwrap().response(250.0);
    let expected = filter * Complex::from_polar(1.01, 2f64.to_radians() - TAU * 250.0 * 1e-5);
    assert!((line(&i2, 250.0) - expected).norm() < 1e-12);
}

#[test]
fn a_sideband_folds_unless_the_filter_stands_before_the_converter() {
    // 16 kHz − 2·50 Hz at 12.8 kHz folds to 15900 − 12800 = 3100 Hz.
    let folded = |filter: Option<AntiAlias>| {
        let mut set = settings(&["i1"]);
        set.components = 1;
        set.channels[0].anti_alias = filter;
        let mut own = instrument(&set, 1);
        let mut spectra = own.spectra();
        spectra.components_mut()[0] = Component { free_hz: 16_000.0, order: -2 };
        spectra.beside_mut(0)[0] = complex(1.0, 0.0);
        line(&record(&mut own, &spectra, 0, 2)[256..2560], 3100.0).norm()
    };
    let filter = |placement| AntiAlias { order: 8, cutoff_hz: 5000.0, placement };
    assert!((folded(None) - 1.0).abs() < 1e-11);
    let before = folded(Some(filter(Placement::Analogue)));
    assert!((before - (1.0 + 3.18f64.powi(16)).sqrt().recip()).abs() < 1e-12, "{before}: 80 dB less");
    assert!(folded(Some(filter(Placement::Digital))) > 0.95, "too late");
}

#[test]
fn crosstalk_comes_from_the_other_coils() {
    let mut set = settings(&["u1", "i1", "i2", "i3"]);
    let coil = Rogowski { crosstalk_percent: 2.0, ..Rogowski::default() };
    (1..4).for_each(|k| set.channels[k].sensor = Sensor::Rogowski(coil));
    let mut own = instrument(&set, 1);
    let mut spectra = own.spectra();
    spectra.orders_mut(0)[1] = complex(230.0, 0.0);
    spectra.orders_mut(2)[1] = complex(100.0, 0.0);
    assert!((line(&record(&mut own.clone(), &spectra, 1, 2), 50.0) - complex(2.0, 0.0)).norm() < 1e-12);
    assert!((line(&record(&mut own, &spectra, 2, 2), 50.0) - complex(100.0, 0.0)).norm() < 1e-11);
}

#[test]
fn an_integrator_droops_from_the_first_sample_as_it_will_for_ever() {
    let mut set = settings(&["i1"]);
    set.channels[0].sensor = Sensor::Rogowski(Rogowski { corner_hz: 1.0, ..Rogowski::default() });
    let mut own = instrument(&set, 1);
    let spectra = spectra(&own, phasor(100.0, -50.0), 3, complex(7.0, 0.0));
    let samples = record(&mut own, &spectra, 0, 2);
    // j50/(j50 + 1): 1.146° ahead.
    let droop = |f_hz: f64| complex(0.0, f_hz) / complex(1.0, f_hz);
    assert!(
        (line(&samples, 50.0) / phasor(100.0, -50.0) - droop(50.0)).norm() < 1e-5,
        "bent by the bilinear transform: (πf/fs)²/3"
    );
    assert!((line(&samples, 150.0) / 7.0 - droop(150.0)).norm() < 1e-5);
    let mean = samples.iter().sum::<f64>() / samples.len() as f64;
    assert!(mean.abs() < 1e-9, "no transient: {mean}");
}

/// Frequency by least squares: the slope of the fundamental's angle over stretches of 200 ms, each under Hann's window so that its
/// mirror image does not turn the angle.
fn fitted_hz(samples: &[f64]) -> f64 {
    let hann = |chunk: &[f64]| {
        let share = |k: usize| (std::f64::consts::PI * (k as f64 + 0.5) / 2560.0).sin().powi(2);
        line(&chunk.iter().enumerate().map(|(k, x)| share(k) * x).collect::<Vec<_>>(), 50.0).arg()
    };
    let angles: Vec<f64> = samples.chunks_exact(2560).map(hann).collect();
    let n = angles.len() as f64;
    let (mean_k, mean) = ((n - 1.0) / 2.0, angles.iter().sum::<f64>() / n);
    let (above, below) = angles.iter().enumerate().fold((0.0, 0.0), |(above, below), (k, angle)| {
        let d = k as f64 - mean_k;
        (above + d * (angle - mean), below + d * d)
    });
    50.0 + above / below / (TAU * 0.2)
}

#[test]
fn a_clocks_deviation_shows_as_a_frequency() {
    for ppm in [0.0, 11.6, -100.0] {
        let mut set = settings(&["u1"]);
        set.oscillator.offset_ppm = ppm;
        let mut own = instrument(&set, 1);
        let spectra = spectra(&own, phasor(230.0, 90.0), 5, Complex::ZERO);
        let samples = record(&mut own, &spectra, 0, 200);
        // A fast clock takes more samples of a cycle: the frequency seems lower.
        let measured = (50.0 / fitted_hz(&samples) - 1.0) * 1e6;
        println!("clock {ppm} ppm fast: {measured:.6} ppm by the samples");
        assert!((measured - ppm).abs() < 1e-6 * ppm.abs().max(1.0), "{measured}");
        assert_eq!(samples.len() as i64, 256_000 + (ppm * 0.256).floor() as i64);
    }
    let mut set = settings(&["u1"]);
    set.oscillator = Oscillator { stability_ppm: 40.0, ..Oscillator::default() };
    let mut own = instrument(&set, 3);
    assert_eq!(own.clock_ppm(), 0.0, "at 25 °C");
    own.set_temperature_c(85.0);
    assert!((own.clock_ppm().abs() - 40.0).abs() < 1e-9);
}

#[test]
fn noise_and_rounding_have_their_size() {
    let mut set = settings(&["u1", "u2"]);
    set.channels[0].noise_rms = 0.05;
    set.channels[1].adc = Some(Adc { bits: 14, range: 500.0 });
    let mut own = instrument(&set, 1);
    let mut spectra = spectra(&own, phasor(230.0, 0.0), 3, phasor(3.0, 50.0));
    spectra.frequency_hz = 49.7137; // no two cycles are sampled at the same places
    let mut exact = instrument(&settings(&["u1", "u2"]), 1);
    let clean = record(&mut exact, &spectra, 0, 20);
    let error = |own: &mut PowerQuality, channel| {
        let samples = record(own, &spectra, channel, 20);
        rms(samples.iter().zip(&clean).map(|(a, b)| a - b).collect::<Vec<_>>().into_iter())
    };
    let noise = error(&mut own.clone(), 0);
    assert!((noise / 0.05 - 1.0).abs() < 5.0 / (2.0f64 * 25_600.0).sqrt(), "{noise}");
    let rounding = error(&mut own, 1) / (500.0 / 8192.0) * 12f64.sqrt();
    println!("rounding: {rounding:.4} of step/√12");
    assert!((rounding - 1.0).abs() < 0.05, "{rounding}");
}

#[test]
fn blocks_and_samples_get_lost_as_often_as_asked() {
    let mut set = settings(&["u1"]);
    set.loss = Loss { share: 0.02, burst: 1.0 };
    set.channels[0].emi = Some(Emi { distance_m: 0.05, hum_rms: 0.0, broadband_rms: 0.0, loss_share: 0.01 });
    set.missing_share = 0.1;
    let mut own = PowerQuality::new("pqa", &set, Step::from_seconds(0.001).unwrap(), 1).unwrap();
    let spectra = spectra(&own, phasor(230.0, 0.0), 3, Complex::ZERO);
    let mut out = own.waveform();
    let (mut lost, mut held, mut last, mut count) = (0, 0, f64::NAN, 0);
    let n = 50_000;
    for k in 0..n {
        own.step(Tick(k), &spectra, &mut out);
        lost += u64::from(!out.valid);
        for x in out.channel(0) {
            held += u32::from(*x == last);
            (last, count) = (*x, count + 1);
        }
    }
    // 2 % by the network, 1 %·(0.15/0.05) by interference: 1 − 0.98·0.97 = 4.94 %. Standard deviations: 0.1 %, 0.04 %.
    let (lost, held) = (lost as f64 / n as f64, f64::from(held) / f64::from(count));
    println!("lost blocks {:.3} % of 4.94, missing samples {:.3} % of 10", 100.0 * lost, 100.0 * held);
    assert!((lost - 0.0494).abs() < 0.005 && (held - 0.1).abs() < 0.002);
}

#[test]
fn hum_has_odd_orders_and_broadband_noise_its_size() {
    let mut set = settings(&["u1"]);
    set.channels[0].emi = Some(Emi { distance_m: 0.3, hum_rms: 1.0, broadband_rms: 0.02, loss_share: 0.0 });
    let mut own = instrument(&set, 1);
    let nothing = own.spectra();
    let samples = record(&mut own, &nothing, 0, 20);
    for (order, expected) in [(1, 0.5), (2, 0.0), (3, 0.5 / 3.0), (9, 0.5 / 9.0), (11, 0.0)] {
        let measured = line(&samples, 50.0 * f64::from(order)).norm();
        assert!((measured - expected).abs() < 1e-3, "{order}: {measured}");
    }
    let all = rms(samples.iter().copied());
    let hum = [1.0, 3.0, 5.0, 7.0, 9.0f64].iter().map(|h| 0.25 / (h * h)).sum::<f64>();
    assert!(((all * all - hum).sqrt() / 0.01 - 1.0).abs() < 0.1);
}

#[test]
fn a_core_saturates_on_what_it_cannot_carry() {
    let mut set = settings(&["i1"]);
    let saturation = Some(Saturation::new(5.0));
    set.channels[0].sensor = Sensor::CurrentTransformer(CurrentTransformer {
        class: CtClass::C05,
        rated_a: 100.0,
        spread: Spread::At(0.0, 0.0),
        saturation,
    });
    let measured = |amperes: f64| {
        let mut own = instrument(&set, 1);
        let spectra = spectra(&own, phasor(amperes, -90.0), 3, Complex::ZERO);
        let samples = record(&mut own, &spectra, 0, 4);
        (line(&samples[2560..], 50.0).norm() / amperes, line(&samples[2560..], 150.0).norm() / amperes)
    };
    let (fundamental, third) = measured(490.0);
    assert!((fundamental - 1.0).abs() < 1e-9 && third < 1e-9, "warm: no mean in the flux, {fundamental}");
    let (fundamental, third) = measured(1500.0);
    assert!(fundamental < 0.9 && third > 0.1, "{fundamental} {third}");
}

#[test]
fn the_same_seed_is_the_same_and_names_differ() {
    let mut set = settings(&["u1", "u2"]);
    for channel in &mut set.channels {
        channel.noise_rms = 1.0;
        channel.sensor = Sensor::VoltageTransformer(VoltageTransformer { class: VtClass::C1, spread: Spread::Seeded });
        channel.anti_alias = Some(AntiAlias { order: 3, cutoff_hz: 4000.0, placement: Placement::Digital });
    }
    (set.jitter_s, set.oscillator, set.interpolation) = (1e-6, Oscillator::XO, Interpolation::Linear);
    let run = |set: &PowerQualitySettings, name: &str, seed: u64| {
        let own = PowerQuality::new(name, set, Step::from_seconds(0.1).unwrap(), seed).unwrap();
        let spectra = spectra(&own, phasor(230.0, 0.0), 3, phasor(3.0, 50.0));
        [0, 1].map(|channel| record(&mut own.clone(), &spectra, channel, 3))
    };
    let first = run(&set, "pqa", 1);
    assert_eq!(first, run(&set, "pqa", 1));
    assert_ne!(first[0], first[1], "channels have their own");
    assert_ne!(first[0], run(&set, "pqb", 1)[0]);
    assert_ne!(first[0], run(&set, "pqa", 2)[0]);
    let mut more = set.clone();
    more.channels.push(ChannelSettings::ideal("i1"));
    assert_eq!(first, run(&more, "pqa", 1), "a further channel moves nobody's noise");
}

#[test]
fn what_cannot_be_is_refused() {
    let tick = Step::from_seconds(0.1).unwrap();
    let refused = |change: &dyn Fn(&mut PowerQualitySettings)| {
        let mut set = settings(&["u1"]);
        change(&mut set);
        PowerQuality::new("pqa", &set, tick, 1).err().map(|error| error.to_string())
    };
    assert_eq!(refused(&|_| {}), None);
    let slow = refused(&|set| set.rate = SampleRate::from_hz(12_799.0).unwrap()).unwrap();
    assert!(slow.contains("12799 samples per second are too few"), "{slow}");
    assert!(refused(&|set| set.rate = SampleRate::from_hz(1e9).unwrap()).is_some());
    assert!(refused(&|set| set.channels[0].gain = f64::NAN).unwrap().starts_with("channel u1: gain"));
    assert!(refused(&|set| set.channels[0].adc = Some(Adc { bits: 1, range: 1.0 })).is_some());
    assert!(refused(&|set| set.channels[0].noise_rms = -1.0).is_some());
    let filter = |order, cutoff_hz, placement| Some(AntiAlias { order, cutoff_hz, placement });
    assert!(refused(&|set| set.channels[0].anti_alias = filter(13, 5000.0, Placement::Analogue)).is_some());
    assert!(refused(&|set| set.channels[0].anti_alias = filter(4, 6400.0, Placement::Digital)).is_some());
    assert!(refused(&|set| set.channels[0].anti_alias = filter(4, 6400.0, Placement::Analogue)).is_none());
    assert!(refused(&|set| set.missing_share = 1.5).is_some());
    assert!(refused(&|set| set.oscillator.offset_ppm = 1000.0).is_some());
    assert!(refused(&|set| set.jitter_s = 1.0).is_some());
    assert!(refused(&|set| set.components = 1 << 20).is_some());
}
