//! What stands in a generated feeder beside lines and loads.

use super::{Draws, Place, RandomFeeder, TAP_PU, line_defaults, name};
use crate::feeder::defaults as d;
use crate::feeder::{
    Bus, Capacitor, Connection, Feeder, HarmonicSequence, Line, PhaseShift, Phases, PvSystem, Regulator, Source,
    SourceModel, Terminal, Transformer, Winding,
};

pub(super) fn pv(bus: &Terminal, phases: usize, connection: Connection, v_kv: f64, p_kw: f64) -> PvSystem {
    PvSystem {
        bus: bus.clone(),
        phases,
        connection,
        model: SourceModel::ConstantPower,
        v_kv,
        s_kva: p_kw,
        p_mpp_kw: p_kw,
        irradiance_kw_per_m2: 1.0,
        temperature_c: d::twenty_five(),
        p_mpp_percent: d::hundred(),
        temperature_curve: Vec::new(),
        efficiency_curve: Vec::new(),
        cut_in_percent: d::twenty(),
        cut_out_percent: d::twenty(),
        q_kvar: None,
        power_factor: None,
        q_max_kvar: None,
        q_priority: false,
        v_min_pu: 0.85,
        v_max_pu: 1.15,
        daily: None,
        yearly: None,
        duty: None,
        r_percent: d::fifty(),
        x_percent: 0.0,
        spectrum: None,
    }
}

pub(super) fn substation(options: &RandomFeeder, places: &[Place], feeder: &mut Feeder) {
    let most_kva = places[0].below_kva.iter().copied().fold(0.0, f64::max);
    let s_kva = (3.0 * most_kva * 1.25 / 100.0).ceil().max(1.0) * 100.0;
    let source = Source {
        bus: Terminal::new("1", &[]),
        return_bus: None,
        phases: 3,
        v_kv: 115.0,
        v_pu: 1.0,
        angle_deg: 30.0,
        ideal: false,
        mvasc3: Some((s_kva / 1000.0 * 50.0).max(2000.0)),
        mvasc1: Some((s_kva / 1000.0 * 50.0).max(2000.0) * 1.05),
        isc3_a: None,
        isc1_a: None,
        x1_over_r1: d::four(),
        x0_over_r0: d::three(),
        r1_ohm: None,
        x1_ohm: None,
        r0_ohm: None,
        x0_ohm: None,
        r2_ohm: None,
        x2_ohm: None,
        spectrum: None,
        harmonic_sequence: HarmonicSequence::Natural,
    };
    feeder.sources.insert("source".into(), source);
    let winding = |bus: &str, connection, v_kv, tap_pu| Winding {
        bus: Terminal::new(bus, &[]),
        connection,
        v_kv,
        s_kva,
        r_percent: 0.25,
        tap_pu,
        tap_min_pu: d::pu_0_9(),
        tap_max_pu: d::pu_1_1(),
        tap_steps: d::taps_32(),
        neutral_r_ohm: None,
        neutral_x_ohm: 0.0,
    };
    let windings =
        vec![winding("1", Connection::Delta, 115.0, 1.0), winding("2", Connection::Wye, options.v_kv, TAP_PU)];
    let transformer = Transformer {
        phases: 3,
        windings,
        x_percent: vec![8.0],
        no_load_loss_percent: 0.1,
        magnetizing_percent: 0.5,
        anti_float_ppm: d::one(),
        phase_shift: PhaseShift::Lag,
        constant_x_over_r: false,
        bank: None,
        open: false,
        normal_kva: None,
        emergency_kva: None,
    };
    feeder.transformers.insert("substation".into(), transformer);
    feeder.buses.insert("1".into(), Bus { x: Some(0.0), y: Some(-100.0), base_kv: None });
    if options.regulator {
        feeder.regulators.insert("substation".into(), regulator(options));
    }
}

fn regulator(options: &RandomFeeder) -> Regulator {
    Regulator {
        transformer: "substation".into(),
        winding: 2,
        tap_winding: None,
        v_v: 120.0 * 1.02,
        band_v: d::two(),
        pt_ratio: options.v_kv / 3f64.sqrt() * 1000.0 / 120.0,
        ct_primary_a: d::three_hundred(),
        ldc_r_v: 0.0,
        ldc_x_v: 0.0,
        remote_bus: None,
        remote_pt_ratio: None,
        // All phases move together: after one of them alone, another may be led out of its limits.
        phase: Phases::Max,
        v_limit_v: 0.0,
        delay_s: d::fifteen(),
        tap_delay_s: d::two(),
        inverse_time: false,
        max_tap_change: d::taps_16(),
    }
}

/// Closed lines between three-phase buses that are not neighbours already.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn ties(options: &RandomFeeder, draws: &Draws, places: &[Place], feeder: &mut Feeder) {
    let whole: Vec<usize> = (1..places.len()).filter(|k| places[*k].phases.len() == 3).collect();
    let wanted = (options.mesh * options.buses as f64).ceil() as usize;
    for tie in 0..wanted {
        let [a, b] = ["tie from", "tie to"].map(|what| whole.get(draws.pick(what, tie, whole.len())).copied());
        let (Some(a), Some(b)) = (a, b) else { return };
        if a == b || places[a].parent == b || places[b].parent == a {
            continue;
        }
        let apart = (places[a].x_m - places[b].x_m).hypot(places[a].y_m - places[b].y_m).max(1.0);
        let end = |k: usize| Terminal { bus: name(k), nodes: vec![1, 2, 3] };
        let length_m = Some((apart * 1e2).round() / 1e2);
        let line =
            Line { from: end(a), to: end(b), code: Some("601".into()), length_m, switch: true, ..line_defaults() };
        feeder.lines.insert(format!("tie{}", tie + 1), line);
    }
}

/// A bank on every fiftieth trunk bus: together at most a third of the reactive load, so that current still lags.
pub(super) fn capacitors(options: &RandomFeeder, places: &[Place], feeder: &mut Feeder) {
    const EVERY: usize = 50;
    let trunk: Vec<usize> = (1..places.len()).filter(|k| places[*k].trunk).skip(EVERY / 5).step_by(EVERY).collect();
    let load_kvar: f64 = feeder.loads.values().map(|load| load.q_kvar).sum();
    #[allow(clippy::cast_precision_loss, reason = "a number of banks")]
    let q_kvar = (load_kvar / 3.0 / trunk.len().max(1) as f64).floor();
    for k in trunk.into_iter().filter(|_| q_kvar >= 1.0) {
        let bank = Capacitor {
            bus: Terminal { bus: name(k), nodes: vec![1, 2, 3] },
            to: None,
            phases: 3,
            connection: Connection::Wye,
            v_kv: options.v_kv,
            q_kvar: vec![q_kvar],
            r_ohm: Vec::new(),
            x_ohm: Vec::new(),
            closed: Vec::new(),
        };
        feeder.capacitors.insert(format!("capacitor{}", k + 2), bank);
    }
}
