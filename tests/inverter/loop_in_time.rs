//! The closed current loop simulated in time: filter states by Runge and Kutta's method, the delay as a queue of samples,
//! amplitudes by correlation over a fundamental period. The model's phasor formulas do not appear in it.

use std::f64::consts::TAU;

use phasorbench::device::emission::pwm::{Converter, Lcl};
use phasorbench::device::inverter::Parameters;
use phasorbench::quantity::{Complex, complex};

const STEP_S: f64 = 0.5e-6;
/// Steps of a fundamental period of 50 Hz.
const PERIOD: usize = 40_000;

/// Currents of both chokes, voltage of the capacitor.
type State = [f64; 3];

/// Their rates, for voltages of bridge and grid.
fn rates(filter: &Lcl, [i1, v, i2]: State, bridge: f64, grid: f64) -> State {
    let across = v + filter.rd_ohm * (i1 - i2);
    [
        (bridge - across - filter.r1_ohm * i1) / filter.l1_h,
        (i1 - i2) / filter.c_f,
        (across - grid - filter.r2_ohm * i2) / filter.l2_h,
    ]
}

fn plus(x: State, rate: State, h: f64) -> State {
    [x[0] + h * rate[0], x[1] + h * rate[1], x[2] + h * rate[2]]
}

/// A step with bridge voltages at its start, middle and end, and so for the grid.
fn step(filter: &Lcl, x: State, bridge: [f64; 3], grid: [f64; 3]) -> State {
    let k1 = rates(filter, x, bridge[0], grid[0]);
    let k2 = rates(filter, plus(x, k1, 0.5 * STEP_S), bridge[1], grid[1]);
    let k3 = rates(filter, plus(x, k2, 0.5 * STEP_S), bridge[1], grid[1]);
    let k4 = rates(filter, plus(x, k3, STEP_S), bridge[2], grid[2]);
    let sum = [0, 1, 2].map(|j| (k1[j] + 2.0 * (k2[j] + k3[j]) + k4[j]) / 6.0);
    plus(x, sum, STEP_S)
}

/// Grid current at some orders when 1 V peak of order 5 and 11 is added to the bridge, and of 7 and 13 to the grid.
fn simulate(converter: &Converter, orders: [u32; 4]) -> [Complex; 4] {
    let control = converter.control();
    let delay = (control.delay_s / STEP_S).round() as usize;
    assert!((delay as f64 * STEP_S / control.delay_s - 1.0).abs() < 1e-12, "the step divides the delay");
    let tone = |order: u32, t: f64| (TAU * 50.0 * f64::from(order) * t).cos();
    let (mut x, mut integral) = ([0.0; 3], 0.0);
    let mut queue = vec![0.0; delay + 1];
    let mut found = [complex(0.0, 0.0); 4];
    for k in 0..5 * PERIOD {
        let t = k as f64 * STEP_S;
        // What the controller put out a delay ago, here and one step on; it holds the newest at the end.
        queue[k % (delay + 1)] = -(control.kp_ohm * x[2] + control.ki_ohm_per_s * integral);
        let (now, next) = (queue[(k + 1) % (delay + 1)], queue[(k + 2) % (delay + 1)]);
        let at = |t: f64, put: f64| put + tone(orders[0], t) + tone(orders[1], t);
        let bridge = [at(t, now), at(t + 0.5 * STEP_S, 0.5 * (now + next)), at(t + STEP_S, next)];
        let grid = [t, t + 0.5 * STEP_S, t + STEP_S].map(|t| tone(orders[2], t) + tone(orders[3], t));
        let after = step(&converter.filter, x, bridge, grid);
        integral += 0.5 * STEP_S * (x[2] + after[2]);
        if k >= 4 * PERIOD {
            for (sum, order) in found.iter_mut().zip(orders) {
                *sum += Complex::from_polar(2.0 * x[2] / PERIOD as f64, -TAU * 50.0 * f64::from(order) * t);
            }
        }
        x = after;
    }
    found
}

#[test]
fn closed_loop_admittances_are_those_of_a_simulation() {
    for (name, switching_hz) in [("v2g_22kw", 20e3), ("v2g_22kw", 12.5e3), ("v2g_11kw", 40e3)] {
        let converter = Parameters::named(name).unwrap().converter.at(switching_hz).unwrap();
        let orders = [5, 23, 7, 49];
        let found = simulate(&converter, orders);
        for (order, (found, side)) in orders.into_iter().zip(found.into_iter().zip([0, 0, 1, 1])) {
            let model = converter.closed_s(50.0 * f64::from(order))[side] * if side == 0 { 1.0 } else { -1.0 };
            let error = (found - model).norm() / model.norm();
            println!("{name} at {switching_hz} Hz, order {order}: {error:.1e}");
            assert!(error < 2e-4, "{name}, order {order}: {found} {model}");
        }
    }
}
