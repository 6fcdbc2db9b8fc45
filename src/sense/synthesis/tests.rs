//! Synthesis against direct sums of cosines, whose arguments are worked out another way.

use std::f64::consts::{SQRT_2, TAU};

use super::*;
use crate::quantity::{Complex, complex, phasor};
use crate::sense::spectra::{Component, MOST_ORDER};

const RATE_HZ: f64 = 12_800.0;

fn synthesizer(tick_s: f64, interpolation: Interpolation, channels: usize, components: usize) -> Synthesizer {
    let tick = Step::from_seconds(tick_s).unwrap();
    Synthesizer::new(SampleRate::from_hz(RATE_HZ).unwrap(), tick, interpolation, channels, components).unwrap()
}

/// All orders in each channel, another spectrum in each, with means.
fn full(frequency_hz: f64, channels: usize, components: usize) -> Spectra {
    let mut spectra = Spectra::new(frequency_hz, channels, components);
    let noise = Noise::new(11, "spectra");
    for channel in 0..channels {
        for (k, x) in spectra.channel_mut(channel).iter_mut().enumerate() {
            let place = (100 * channel + k) as u64;
            let size = if k == 1 { 230.0 } else { 10.0 * noise.uniform(2 * place) };
            *x = phasor(size, 360.0 * noise.uniform(2 * place + 1));
        }
        spectra.orders_mut(channel)[0] = complex(channel as f64 - 0.5, 0.0);
    }
    spectra
}

/// The sum at an angle of the fundamental and one for each component, all in turns.
fn direct(phasors: &[Complex], turns: f64, beside: &[f64]) -> f64 {
    let term = |x: &Complex, turns: f64| SQRT_2 * x.norm() * (TAU * turns.fract() + x.arg()).cos();
    let orders = (1..=MOST_ORDER).map(|h| term(&phasors[h], (h as f64 * turns).fract()));
    let components = phasors[MOST_ORDER + 1..].iter().zip(beside).map(|(x, turns)| term(x, *turns));
    phasors[0].re + orders.chain(components).sum::<f64>()
}

/// Turns after k samples of 50 Hz at 12.8 kHz: k/256, of which k mod 256 counts.
fn turns_of_50_hz(k: u64) -> f64 {
    (k % 256) as f64 / 256.0
}

#[test]
fn hours_later_samples_are_still_those_of_a_direct_sum() {
    let mut own = synthesizer(0.1, Interpolation::Hold, 2, 1);
    let mut spectra = full(50.0, 2, 1);
    // 137.5 Hz: 11/1024 of a turn a sample.
    spectra.components_mut()[0] = Component { free_hz: 137.5, order: 0 };
    let mut out = own.waveform();
    let mut silent = Spectra::new(50.0, 2, 1);
    silent.components_mut()[0].free_hz = 137.5;
    let mut worst = 0.0f64;
    let hours = 1;
    for n in 0..hours * 36_000u64 + 2 {
        let look = n < 2 || n >= hours * 36_000;
        own.step(if look { &spectra } else { &silent }, 0.0, None, &mut out);
        if !look {
            continue;
        }
        for (j, k) in (out.first + 1..).take(out.len()).enumerate() {
            let beside = [(k * 11 % 1024) as f64 / 1024.0];
            for channel in 0..2 {
                let exact = direct(spectra.channel(channel), turns_of_50_hz(k), &beside);
                worst = worst.max((out.channel(channel)[j] - exact).abs());
            }
        }
    }
    println!("after {hours} h: largest error {:.1e} of the amplitude", worst / (230.0 * SQRT_2));
    assert!(worst < 1e-12 * 230.0 * SQRT_2, "{worst}");
}

#[test]
fn ticks_that_carry_no_whole_samples_are_joined_without_a_gap() {
    // 49.7 Hz, 1 ms: 12.8 samples a tick. Turns after k samples: k·497/128000.
    let mut own = synthesizer(0.001, Interpolation::Hold, 1, 0);
    let spectra = full(49.7, 1, 0);
    let mut out = own.waveform();
    let (mut next, mut worst) = (0, 0.0f64);
    for _ in 0..3000 {
        assert!(own.step(&spectra, 0.0, None, &mut out));
        assert_eq!(out.first, next);
        next += out.len() as u64;
        for (k, x) in (out.first + 1..).zip(out.channel(0)) {
            let exact = direct(spectra.channel(0), (k * 497 % 128_000) as f64 / 128_000.0, &[]);
            worst = worst.max((x - exact).abs());
        }
    }
    assert_eq!(next, 38_400);
    // 49.7 is no f64: 3e-15 Hz beside, and the direct sum's own rounding.
    assert!(worst < 1e-12 * 230.0 * SQRT_2, "{worst}");
}

#[test]
fn a_steady_frequency_off_nominal_has_no_lines_beside_its_own() {
    // 59.375 Hz = 19/4096·12800: 4096 samples hold 19 cycles.
    let mut own = synthesizer(0.007, Interpolation::Hold, 1, 0);
    let mut spectra = Spectra::new(59.375, 1, 0);
    spectra.orders_mut(0)[1] = phasor(230.0, 20.0);
    spectra.orders_mut(0)[7] = phasor(5.0, -70.0);
    let mut out = own.waveform();
    let mut samples = Vec::new();
    while samples.len() < 3 * 4096 {
        own.step(&spectra, 0.0, None, &mut out);
        samples.extend_from_slice(out.channel(0));
    }
    let mut bins = samples[5000..5000 + 4096].to_vec();
    let fft = realfft::RealFftPlanner::<f64>::new().plan_fft_forward(4096);
    let mut spectrum = fft.make_output_vec();
    fft.process(&mut bins, &mut spectrum).unwrap();
    let rms = |k: usize| spectrum[k].norm() * SQRT_2 / 4096.0;
    assert!((rms(19) - 230.0).abs() < 1e-10 && (rms(133) - 5.0).abs() < 1e-10);
    let worst = (0..=2048).filter(|k| ![19, 133].contains(k)).map(rms).fold(0.0, f64::max);
    println!("largest line that is not there: {:.1e} of the fundamental", worst / 230.0);
    assert!(worst < 1e-13 * 230.0, "{worst}");
}

#[test]
fn angles_go_on_when_frequency_and_phasors_step() {
    let mut own = synthesizer(0.1, Interpolation::Hold, 1, 1);
    let mut spectra = Spectra::new(50.0, 1, 1);
    spectra.orders_mut(0)[1] = complex(1.0, 0.0);
    spectra.beside_mut(0)[0] = complex(0.1, 0.0);
    spectra.components_mut()[0] = Component { free_hz: 4000.0, order: -2 };
    let mut out = own.waveform();
    let (mut turns, mut carrier) = (0.0, 0.0);
    for (n, f_hz) in [50.0, 49.0, 52.5, 47.25, 50.0].into_iter().enumerate() {
        spectra.frequency_hz = f_hz;
        spectra.orders_mut(0)[1] = phasor(1.0 + n as f64, 15.0 * n as f64);
        own.step(&spectra, 0.0, None, &mut out);
        for (j, x) in out.channel(0).iter().enumerate() {
            let t = (j + 1) as f64 / RATE_HZ;
            let theta: f64 = turns + f_hz * t;
            let exact = direct(spectra.channel(0), theta, &[carrier + 4000.0 * t - 2.0 * theta]);
            assert!((x - exact).abs() < 1e-11, "{n} {j}");
        }
        (turns, carrier) = (turns + f_hz * 0.1, carrier + 400.0);
        assert!((TAU * turns - own.angle_rad()).sin().abs() < 1e-12);
    }
}

#[test]
fn a_ramp_is_followed_and_phasors_go_straight() {
    // f = 50 + 2·t Hz, each tick of 0.1 s from its own start; x₁ from n to n + 1, turning.
    let mut own = synthesizer(0.1, Interpolation::Linear, 2, 1);
    let mut spectra = Spectra::new(50.0, 2, 1);
    spectra.components_mut()[0] = Component { free_hz: 777.0, order: 3 };
    let at = |n: f64| [phasor(1.0, 30.0) * (1.0 - n) + phasor(3.0, 60.0) * n, phasor(0.3, 10.0) * (1.0 + n)];
    let mut out = own.waveform();
    for n in 0..4u32 {
        let now = f64::from(n);
        spectra.frequency_hz = 50.0 + 0.2 * now;
        for channel in 0..2 {
            spectra.orders_mut(channel)[0] = complex(now, 0.0);
            spectra.orders_mut(channel)[1] = at(now)[0];
            spectra.orders_mut(channel)[5] = at(now)[1];
            spectra.beside_mut(channel)[0] = at(now)[1] * 2.0;
        }
        own.step(&spectra, 0.0, None, &mut out);
        for (j, x) in out.channel(1).iter().enumerate() {
            let s = (j + 1) as f64 / 1280.0;
            // The first tick holds; from then on time runs from 0 at its end.
            let (t, place) = if n == 0 { (0.1 * s - 0.1, 0.0) } else { (0.1 * (now - 1.0 + s), now - 1.0 + s) };
            let theta = 5.0 + 50.0 * t + if n == 0 { 0.0 } else { t * t };
            let mut phasors = vec![Complex::ZERO; MOST_ORDER + 2];
            (phasors[0], phasors[1], phasors[5]) = (complex(place, 0.0), at(place)[0], at(place)[1]);
            phasors[MOST_ORDER + 1] = at(place)[1] * 2.0;
            let exact = direct(&phasors, theta, &[777.0 * (t + 0.1) + 3.0 * theta]);
            assert!((x - exact).abs() < 1e-10, "{n} {j}: {x} {exact}");
        }
    }
}

#[test]
fn linear_and_even_agree_where_frequencies_hold() {
    // The same changing phasors, once with a frequency that holds, once with one that moves by an ulp: the other kernel.
    let run = |wobble: f64| {
        let mut own = synthesizer(0.013, Interpolation::Linear, 3, 2);
        let mut out = own.waveform();
        let mut all = Vec::new();
        for n in 0..20 {
            let mut spectra = full(50.0 + wobble * f64::from(n % 2), 3, 2);
            spectra.components_mut()[0] = Component { free_hz: 82.0, order: 0 };
            spectra.components_mut()[1] = Component { free_hz: 16_000.0, order: 4 };
            (0..3).for_each(|channel| {
                spectra.channel_mut(channel).iter_mut().for_each(|x| *x *= 1.0 + 0.1 * f64::from(n))
            });
            own.step(&spectra, 3.0, None, &mut out);
            (0..3).for_each(|channel| all.extend_from_slice(out.channel(channel)));
        }
        all
    };
    let (even, any) = (run(0.0), run(1e-14));
    let worst = even.iter().zip(&any).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-12 * 1000.0, "{worst}");
    assert_ne!(even, any, "two ways were taken");
}

#[test]
fn jitter_moves_instants_by_its_standard_deviation() {
    let mut own = synthesizer(0.1, Interpolation::Hold, 1, 0);
    let mut spectra = Spectra::new(50.0, 1, 0);
    spectra.orders_mut(0)[1] = complex(1.0, 0.0);
    let mut out = own.waveform();
    let jitter = Jitter { sd_s: 1e-6, noise: Noise::new(1, "jitter") };
    let mut displaced = Vec::new();
    for _ in 0..100 {
        own.step(&spectra, 0.0, Some(jitter), &mut out);
        for (k, x) in (out.first + 1..).zip(out.channel(0)) {
            // dx/dt = −√2·ω·sin θ: where it is steep the displacement can be told.
            let theta = TAU * turns_of_50_hz(k);
            if theta.sin().abs() > 0.7 {
                displaced.push((x - SQRT_2 * theta.cos()) / (-SQRT_2 * TAU * 50.0 * theta.sin()));
            }
        }
    }
    let n = displaced.len() as f64;
    let sd = (displaced.iter().map(|d| d * d).sum::<f64>() / n).sqrt();
    println!("jitter: {:.4} of what was asked", sd / 1e-6);
    assert!((sd / 1e-6 - 1.0).abs() < 5.0 / (2.0 * n).sqrt(), "{sd}");
}

#[test]
fn what_is_no_number_is_told() {
    let mut own = synthesizer(0.1, Interpolation::Hold, 1, 0);
    let mut spectra = full(50.0, 1, 0);
    let mut out = own.waveform();
    assert!(own.step(&spectra, 0.0, None, &mut out));
    spectra.orders_mut(0)[3] = complex(f64::NAN, 0.0);
    assert!(!own.step(&spectra, 0.0, None, &mut out));
    assert!(out.channel(0).iter().all(|x| x.is_finite()));
    for f_hz in [f64::NAN, -1.0, f64::INFINITY, 1e300] {
        let wrong = full(f_hz, 1, 0);
        assert!(!own.step(&wrong, f64::NAN, None, &mut out) && out.channel(0).iter().all(|x| x.is_finite()), "{f_hz}");
    }
    assert!(own.step(&full(0.0, 1, 0), 0.0, None, &mut out), "a stopped network is a mean");
    let mut small = Waveform::new(1, 10);
    assert!(!own.step(&full(50.0, 1, 0), 0.0, None, &mut small), "no room for all");
}
