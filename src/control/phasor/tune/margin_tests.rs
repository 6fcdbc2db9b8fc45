//! Margins against closed forms of scalar loops and against the loop's matrix written by hand for node 632.

use std::f64::consts::PI;

use super::super::super::testing::B_632;
use super::super::linear::cross;
use super::super::path::Lag;
use super::*;

fn b_632() -> DMatrix<f64> {
    DMatrix::from_fn(6, 6, |i, j| B_632[i][j])
}

/// Own sensitivities of the phases: of magnitude to reactive, of angle to active power.
fn own() -> [[f64; 3]; 2] {
    [std::array::from_fn(|k| B_632[k][3 + k]), std::array::from_fn(|k| B_632[3 + k][k])]
}

/// Swartz's PI with gains as multiples of the inverse of a phase's own sensitivity.
fn swartz(kp: f64, ki: f64) -> LinearLaw {
    let [v, angle] = own();
    let over = |k: f64, g: [f64; 3]| g.map(|g| k / g);
    LinearLaw::swartz(&over(kp, v), &over(ki, v), &over(kp, angle), &over(ki, angle)).unwrap()
}

fn integrator(ki: f64, delay: usize) -> (LinearLaw, Path) {
    let law = LinearLaw::proportional_integral(&DMatrix::zeros(1, 1), &DMatrix::from_element(1, 1, ki)).unwrap();
    (law, Path::direct(DMatrix::from_element(1, 1, 1.0), delay))
}

/// `e(k+1) = e(k) − ki·e(k−d)`: stable if and only if `0 < ki < 2·sin(π/(2(2d+1)))` (S. A. Levin, R. M. May,
/// Theoretical Population Biology 9, 1976, 178–187).
fn largest_integral(delay: usize) -> f64 {
    2.0 * (PI / (2.0 * (2.0 * delay as f64 + 1.0))).sin()
}

#[test]
fn an_integrator_is_stable_up_to_its_closed_form() {
    for delay in 0..9 {
        let limit = largest_integral(delay);
        for (ki, stable) in [(limit * 0.9999, true), (limit * 1.0001, false), (1e-3 * limit, true), (-0.01, false)] {
            let (law, path) = integrator(ki, delay);
            assert_eq!(spectral_radius(&law, &path).unwrap() < 1.0, stable, "delay {delay}, ki {ki}");
        }
        let (law, path) = integrator(0.4 * limit, delay);
        let found = margins(&law, &path).unwrap();
        assert!((found.gain_up.unwrap() - 2.5).abs() < 1e-9, "delay {delay}: {found:?}");
        assert_eq!(found.gain_down, None, "a weaker integrator is only slower");
    }
}

#[test]
fn the_delay_margin_is_the_closed_forms() {
    for ki in [0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.9, 1.5] {
        let most = (0..100).take_while(|d| largest_integral(*d) > ki).last().unwrap();
        let (law, path) = integrator(ki, 0);
        assert_eq!(margins(&law, &path).unwrap().delay_steps, Some(most.min(MOST_EXTRA_DELAY)), "ki {ki}");
    }
}

#[test]
fn a_proportional_loop_of_any_delay_has_the_root_of_its_gain() {
    for delay in [0, 1, 2, 5, 9] {
        let law = LinearLaw::proportional(DMatrix::from_element(1, 1, 0.5));
        let path = Path::direct(DMatrix::from_element(1, 1, 1.0), delay);
        let found = margins(&law, &path).unwrap();
        assert!((found.radius - 0.5f64.powf(1.0 / (delay as f64 + 1.0))).abs() < 1e-9, "delay {delay}: {found:?}");
        assert!((found.gain_up.unwrap() - 2.0).abs() < 1e-9, "delay {delay}: {found:?}");
        // 1 + L runs a circle of radius 1/2 around 1: S is largest where L = −1/2.
        assert!((found.sensitivity_peak.unwrap() - 2.0).abs() < 1e-6, "delay {delay}: {found:?}");
    }
}

#[test]
fn the_peak_of_an_integrators_sensitivity_is_at_half_the_sampling_rate() {
    // S = (z − 1)/(z − 1 + ki): its modulus grows to z = −1, where it is 2/(2 − ki).
    for ki in [0.1, 0.5, 1.2] {
        let (law, path) = integrator(ki, 0);
        let found = margins(&law, &path).unwrap().sensitivity_peak.unwrap();
        assert!((found - 2.0 / (2.0 - ki)).abs() < 1e-12, "ki {ki}: {found}");
    }
}

#[test]
fn a_lag_puts_its_pole_into_the_loop() {
    // z² − (1 + a)z + a + (1 − a)·ki·z = 0 for p⁺ = a·p + (1 − a)·u and an integrator that counts the present error.
    let (a, ki) = (0.7, 0.4);
    let (law, mut path) = integrator(ki, 0);
    path.lags = vec![Lag { pole: a, late: 0.0, delay_steps: 0 }];
    let linear: f64 = -(1.0 + a) + (1.0 - a) * ki;
    let root = Complex::new(linear * linear - 4.0 * a, 0.0).sqrt();
    let exact = ((root - linear) / 2.0).norm().max(((-root - linear) / 2.0).norm());
    assert!((spectral_radius(&law, &path).unwrap() - exact).abs() < 1e-12);
}

#[test]
fn a_late_share_is_between_two_delays() {
    let law = LinearLaw::proportional(DMatrix::from_element(1, 1, 0.8));
    let path = |late, delay_steps| Path {
        sensitivity: DMatrix::from_element(1, 1, 1.0),
        lags: vec![Lag { pole: 0.0, late, delay_steps }],
    };
    // z^2 + 0.8(1 − l)·z + 0.8·l = 0.
    let l = 0.25;
    let (half, c): (f64, f64) = (0.4 * (1.0 - l), 0.8 * l);
    let exact = if half * half < c { c.sqrt() } else { half + (half * half - c).sqrt() };
    assert!((spectral_radius(&law, &path(l, 0)).unwrap() - exact).abs() < 1e-12);
    let (all_late, one_later) = (path(1.0, 2), path(0.0, 3));
    let radius = |p: &Path| spectral_radius(&law, p).unwrap();
    assert!((radius(&all_late) - radius(&one_later)).abs() < 1e-9);
}

/// Radii of `[[−B(Kp + Ki), −B], [Ki, I]]` with numpy 2 (LAPACK), gains as multiples of 1/g.
const RADII: [(f64, f64, f64); 9] = [
    (0.0, 0.05, 0.974860008243),
    (0.0, 0.2, 0.900094344281),
    (0.05, 0.2, 0.902261396036),
    (0.05, 0.4, 0.806619472539),
    (0.0, 0.6, 0.707533019159),
    (0.1, 0.6, 0.719884501011),
    (0.45, 0.27, 1.196989981519),
    (0.1, 0.05, 0.975910935862),
    (0.0, 1.0, 1.131120748159),
];

#[test]
fn the_radius_at_node_632_is_that_of_the_matrix_written_by_hand() {
    for (kp, ki, radius) in RADII {
        let found = spectral_radius(&swartz(kp, ki), &Path::direct(b_632(), 0)).unwrap();
        assert!((found - radius).abs() < 1e-9, "kp {kp}, ki {ki}: {found} {radius}");
    }
}

#[test]
fn margins_at_node_632_are_those_of_a_dense_sweep() {
    // numpy 2: largest singular value of S on 20000 frequencies, and the factor on B by steps of 0.1 %.
    for (ki, up, peak) in [(0.2, 3.2720, 1.445_423_711), (0.4, 1.9361, 2.101_190_900)] {
        let found = margins(&swartz(0.05, ki), &Path::direct(b_632(), 0)).unwrap();
        assert!((found.gain_up.unwrap() / up - 1.0).abs() < 1e-3, "ki {ki}: {found:?}");
        assert!((found.sensitivity_peak.unwrap() - peak).abs() < 1e-7, "ki {ki}: {found:?}");
    }
}

#[test]
fn at_node_632_delays_end_what_the_simulated_feeder_showed_they_end() {
    let path = Path::direct(b_632(), 0);
    let decoupled = |ki| LinearLaw::decoupled(&b_632(), 0.0, ki).unwrap();
    // Simulated at +1, +2 and +5 steps: stable up to the first number, unstable at the second.
    let cases = [
        ("PI 0.4", swartz(0.05, 0.4), 0, Some(1)),
        ("PI 0.2", swartz(0.05, 0.2), 2, Some(5)),
        ("decoupled 0.3", decoupled(0.3), 2, Some(5)),
        ("decoupled 0.15", decoupled(0.15), 5, None),
    ];
    for (name, law, stable, unstable) in cases {
        let found = margins(&law, &path).unwrap().delay_steps.unwrap();
        assert!(found >= stable && unstable.is_none_or(|steps| found < steps), "{name}: {found}");
    }
    // Decoupled by the true sensitivity it is six scalar integrators.
    for ki in [0.15, 0.3] {
        let most = (0..100).take_while(|d| largest_integral(*d) > ki).last();
        assert_eq!(margins(&decoupled(ki), &path).unwrap().delay_steps, most);
    }
}

#[test]
fn a_wrong_model_of_the_decoupled_law_is_a_factor_on_its_gain() {
    for factor in [0.5, 2.0] {
        let law = LinearLaw::decoupled(&(b_632() * factor), 0.0, 0.3).unwrap();
        let found = margins(&law, &Path::direct(b_632(), 0)).unwrap();
        assert!((found.radius - (1.0 - 0.3 / factor)).abs() < 1e-9, "{found:?}");
        assert!((found.gain_up.unwrap() - 2.0 * factor / 0.3).abs() < 1e-7, "{found:?}");
    }
}

#[test]
fn a_velocity_form_that_knows_its_delay_is_the_loop_without_it() {
    // Δu = g·(e − Σ past Δu): what is on its way is taken off the error, so a loop of delay d has the one root 1 − g.
    let (g, delay) = (0.4, 3);
    let k = DMatrix::from_fn(1, 1 + delay, |_, j| if j == 0 { g } else { -g });
    let law = LinearLaw::velocity(&k).unwrap();
    let path = Path::direct(DMatrix::from_element(1, 1, 1.0), delay);
    let found = spectral_radius(&law, &path).unwrap();
    assert!((found - (1.0 - g)).abs() < 1e-6, "{found}");
}

#[test]
fn a_delay_that_is_not_what_was_said_moves_the_roots_to_those_of_one_phase() {
    // F = g·B⁻¹ splits the node into six equal loops; numpy 2, roots of one of them by its companion matrix: gain, delay
    // said, delay that is, radius.
    let cases = [
        (0.3, 3, 3, 0.7),
        (0.3, 1, 3, 0.854_530_174_0),
        (0.3, 3, 1, 0.843_805_436_2),
        (0.45, 1, 3, 0.906_306_872_2),
        (0.45, 3, 1, 0.941_914_540_3),
        (0.9, 1, 3, 0.988_667_473_8),
        (0.9, 3, 1, 1.224_149_282_0),
    ];
    for (g, said, is, radius) in cases {
        let gain = b_632().try_inverse().unwrap() * g;
        let law = LinearLaw::delay_aware(&gain, &b_632(), said).unwrap();
        let found = spectral_radius(&law, &Path::direct(b_632(), is)).unwrap();
        assert!((found - radius).abs() < 1e-7, "g {g}, said {said}, is {is}: {found}");
    }
}

#[test]
fn a_loop_can_be_lost_by_too_little_gain() {
    // An unstable law (pole 1.2) that a strong enough loop holds: e(k+1) = −g·u, u = x, x⁺ = 1.2·x + e.
    let one = |x| DMatrix::from_element(1, 1, x);
    let law = LinearLaw::new(one(1.2), one(1.0), one(1.0), one(0.0)).unwrap();
    // z² − 1.2z + g = 0 is stable for 0.2 < g < 1.
    let found = margins(&law, &Path::direct(one(0.5), 0)).unwrap();
    assert!((found.gain_down.unwrap() - 0.4).abs() < 1e-9, "{found:?}");
    assert!((found.gain_up.unwrap() - 2.0).abs() < 1e-9, "{found:?}");
}

#[test]
fn what_is_unstable_has_a_radius_and_nothing_else() {
    let found = margins(&swartz(0.45, 0.27), &Path::direct(b_632(), 0)).unwrap();
    assert!(found.radius > 1.0 && found.gain_up.is_none() && found.delay_steps.is_none());
    assert!(found.gain_down.is_none() && found.sensitivity_peak.is_none());
}

#[test]
fn what_does_not_fit_or_is_no_number_is_an_error() {
    let path = Path::direct(b_632(), 0);
    let small = LinearLaw::proportional(DMatrix::zeros(2, 2));
    assert_eq!(margins(&small, &path), Err(MarginError::Shape { law: 2, path: 6 }));
    let wild = LinearLaw::proportional(cross(&[f64::NAN; 3], &[1.0; 3]));
    assert_eq!(margins(&wild, &path), Err(MarginError::NotFinite));
    let unknown = LinearLaw::proportional(cross(&[1.0; 3], &[1.0; 3]));
    assert_eq!(margins(&unknown, &Path::direct(b_632() * f64::INFINITY, 0)), Err(MarginError::NotFinite));
    let endless = Path { lags: vec![Lag { delay_steps: usize::MAX, late: 0.5, pole: 0.0 }; 6], ..path };
    assert!(matches!(margins(&unknown, &endless), Err(MarginError::TooLarge { .. })));
}
