//! Against hand calculations and random verdicts.

use super::*;
use crate::quantity::{Noise, complex};
use crate::signal::{Line, Reason};

/// A verdict about h5 and h7 with a decision on both.
fn verdict(sequence: u64, decision: Decision, thd_percent: f64) -> Verdict {
    let mut verdict = Verdict::new(&[5, 7], 3);
    (verdict.sequence, verdict.decision, verdict.thd_percent) = (sequence, decision, thd_percent);
    (verdict.valid, verdict.synchronised, verdict.worst) = (true, true, [0, 1, 0]);
    (verdict.share, verdict.share_sd) = (0.8, 0.05);
    for order in &mut verdict.orders {
        (order.decision, order.v_percent) = (decision, thd_percent * 0.7);
        for phase in &mut order.phases {
            (phase.v_v, phase.z_ohm, phase.z_sd_ohm) = (complex(8.0, 0.0), complex(0.0, 0.5), 0.01);
        }
    }
    verdict
}

fn fleet() -> Settings {
    let unit = Unit { headroom_a: 10.0, interleave: 3, conductance_s: 0.1, ..Unit::default() };
    Settings { units: vec![unit; 3], ..Settings::default() }
}

/// Gives the same kind of verdict again and again until something is decided; what that is.
fn until(m: &mut Mitigation, next: &mut u64, decision: Decision, thd: f64, noisy: Option<usize>) -> Vec<Action> {
    for _ in 0..200 {
        *next += 1;
        let mut v = verdict(*next, decision, thd);
        v.noisiest = noisy;
        m.step(Tick(*next * 15), &v);
        if !m.events().is_empty() {
            return m.events().iter().map(|e| e.action).collect();
        }
    }
    Vec::new()
}

#[test]
fn the_ladder_is_climbed_step_by_step_while_nothing_helps() {
    let (mut m, mut n) = (Mitigation::new(fleet()), 0);
    let mut taken = Vec::new();
    for _ in 0..40 {
        for action in until(&mut m, &mut n, Decision::Fleet, 6.0, Some(1)) {
            match action {
                Action::Take(rung) => taken.push(rung),
                Action::RollBack(rung) => assert_eq!(taken.last(), Some(&rung)),
                other => panic!("{other:?}"),
            }
        }
        if taken.last() == Some(&Rung::Alarm) {
            break;
        }
    }
    assert_eq!(taken, RUNGS);
    let bare = HarmonicCommand::default();
    assert!(m.commands().iter().all(|c| c.same_order(&bare)), "all is taken back: {:?}", m.commands());
    assert_eq!(m.state(), State::Alarmed);
}

#[test]
fn a_step_that_helps_stays_and_is_given_up_when_it_is_not_needed() {
    let (mut m, mut n) = (Mitigation::new(fleet()), 0);
    assert_eq!(until(&mut m, &mut n, Decision::Fleet, 6.0, Some(1)), [Action::Take(Rung::Carrier)]);
    assert_eq!(n, 4, "confirmed by four verdicts");
    assert_eq!(m.commands()[1].carrier_hz, 16e3, "0.8 times 20 kHz, the noisy unit");
    assert!(m.commands()[0].carrier_hz.is_nan());
    assert_eq!(until(&mut m, &mut n, Decision::Fleet, 4.5, Some(1)), [Action::Keep(Rung::Carrier)]);
    assert_eq!(n, 4 + 3 + 4, "three to settle, four to judge");
    assert_eq!(until(&mut m, &mut n, Decision::Fleet, 4.5, Some(1)), [], "between release and limit nothing happens");
    let from = n;
    assert_eq!(until(&mut m, &mut n, Decision::Grid, 3.0, None), [Action::Release(Rung::Carrier)]);
    assert_eq!(n - from, 40);
    assert!(m.commands()[1].carrier_hz.is_nan());
    // Needed again: the next release waits for twice as long.
    assert_eq!(until(&mut m, &mut n, Decision::Fleet, 6.0, Some(1)), [Action::Take(Rung::Carrier)]);
    assert_eq!(until(&mut m, &mut n, Decision::Fleet, 3.0, Some(1)), [Action::Keep(Rung::Carrier)]);
    let from = n;
    assert_eq!(until(&mut m, &mut n, Decision::Fleet, 3.0, None), [Action::Release(Rung::Carrier)]);
    assert_eq!(n - from, 80 - 7, "the seven of the check were below, too");
}

#[test]
fn bounds_are_kept() {
    let low = Unit { carrier_hz: 8e3, carrier_bounds_hz: [5e3, 9e3], ..Unit::default() };
    let mut m = Mitigation::new(Settings { units: vec![low; 3], ..Settings::default() });
    let actions = until(&mut m, &mut 0, Decision::Fleet, 6.0, None);
    // 6.4 kHz is below 2·3.44 kHz; 10 kHz is above 9 kHz; one unit is no group; no headroom; no conductance; no noisy unit.
    let refused = [
        Action::Refuse(Rung::Carrier, Refusal::NearResonance),
        Action::Refuse(Rung::OtherCarrier, Refusal::OutOfBounds),
        Action::Refuse(Rung::Interleave, Refusal::NotOffered),
        Action::Refuse(Rung::Compensate, Refusal::NoHeadroom),
        Action::Refuse(Rung::Damp, Refusal::NotOffered),
        Action::Refuse(Rung::Curtail, Refusal::NoNoisyUnit),
        Action::Refuse(Rung::Disconnect, Refusal::NoNoisyUnit),
        Action::Take(Rung::Alarm),
    ];
    assert_eq!(actions, refused);
    assert!(m.commands().iter().all(|c| c.sequence == 0), "no unit was told anything");
}

/// V = E + Z·(J + ΣI), one phase; the compensation must take V down by 1 − µ·Z/Ẑ each time.
#[test]
fn compensation_converges_with_a_wrong_impedance_and_stays_within_headroom() {
    let bare = Unit { carrier_bounds_hz: [20e3; 2], headroom_a: 10.0, ..Unit::default() };
    let mut m = Mitigation::new(Settings { units: vec![bare; 3], ..Settings::default() });
    let (z, believed) = (complex(0.1, 0.5), complex(-0.1, 0.6)); // 21 degrees off
    let mut v = complex(8.0, 3.0);
    let (mut expected, start) = (v, v);
    for n in 1..=40 {
        let mut verdict = verdict(n, Decision::Fleet, 6.0 * v.norm() / start.norm());
        for order in &mut verdict.orders {
            order.phases[0] = crate::signal::PhaseVerdict { v_v: v, z_ohm: believed, ..order.phases[0] };
        }
        let active = m.active(Rung::Compensate);
        m.step(Tick(n * 15), &verdict);
        let total: crate::quantity::Complex = m.commands().iter().map(|c| c.compensation[0].current_a[0]).sum();
        if active || m.active(Rung::Compensate) {
            expected *= 1.0 - z / believed * 0.2;
            v = start + z * total;
            assert!((v - expected).norm() < 1e-9, "{n}: {v} {expected}");
        }
        let amperes =
            |c: &HarmonicCommand| c.compensation.iter().map(|c| c.current_a[0].norm_sqr()).sum::<f64>().sqrt();
        assert!(m.commands().iter().all(|c| amperes(c) <= 10.0 + 1e-9));
    }
    assert!(m.active(Rung::Compensate) && v.norm() < 0.01 * start.norm(), "{v}");
    m.set_headroom(0, 1.0);
    m.step(Tick(9999), &verdict(41, Decision::Fleet, 6.0));
    assert!(m.commands()[0].compensation.iter().all(|c| c.current_a[0].norm() <= 1.0));
}

#[test]
fn compensation_is_refused_where_the_impedance_is_uncertain_and_conductance_takes_its_place() {
    let bare = Unit { carrier_bounds_hz: [20e3; 2], headroom_a: 10.0, conductance_s: 0.2, ..Unit::default() };
    let mut m = Mitigation::new(Settings { units: vec![bare], ..Settings::default() });
    for n in 1..=4 {
        let mut v = verdict(n, Decision::Fleet, 6.0);
        v.orders.iter_mut().for_each(|o| o.phases[2].z_sd_ohm = 0.16); // of 0.5: more than 0.3
        m.step(Tick(n), &v);
    }
    assert!(m.events().iter().any(|e| e.action == Action::Refuse(Rung::Compensate, Refusal::ImpedanceUncertain)));
    assert!(m.active(Rung::Damp));
    assert_eq!(m.commands()[0].compensation.map(|c| (c.order, c.conductance_s))[..2], [(5, 0.2), (7, 0.2)]);
}

#[test]
fn a_sag_freezes_everything() {
    let (mut m, mut n) = (Mitigation::new(fleet()), 0);
    until(&mut m, &mut n, Decision::Fleet, 6.0, None);
    let before = m.commands().to_vec();
    let state = m.state();
    for _ in 0..100 {
        n += 1;
        let mut v = verdict(n, Decision::Fleet, 20.0);
        v.flagged = true;
        m.step(Tick(n * 15), &v);
        assert_eq!((m.commands(), m.state()), (&before[..], state));
    }
    assert_eq!(until(&mut m, &mut n, Decision::Fleet, 4.0, None), [Action::Thaw]);
    assert_eq!(until(&mut m, &mut n, Decision::Fleet, 4.0, None), [Action::Keep(Rung::Carrier)], "the check goes on");
}

#[test]
fn an_unknown_source_is_probed_and_a_known_one_confirmed() {
    let probing =
        Probing { unit: 2, amplitude_a: 0.6, flip_ticks: 5, most_values: 60, pause_values: 100, confirm: true };
    for (decision, why) in
        [(Decision::Indeterminate(Reason::Correlated), Why::SourceUnknown), (Decision::Fleet, Why::ToConfirm)]
    {
        let (mut m, mut n) = (Mitigation::new(Settings { probing: Some(probing), ..fleet() }), 0);
        assert_eq!(until(&mut m, &mut n, decision, 6.0, None), [Action::ProbeBegin]);
        assert_eq!((m.events()[0].why, m.probing().0, m.commands()[2].probe.order), (why, 5, 5));
        let mut signs = Vec::new();
        let old = verdict(n, decision, 6.0);
        for tick in n * 15..n * 15 + 2000 {
            m.step(Tick(tick), &old);
            signs.push(m.commands()[2].probe.sign);
        }
        assert!(signs.iter().sum::<f64>().abs() < 200.0 && signs.iter().all(|s| s.abs() == 1.0));
        n += 200;
        let mut v = verdict(n, Decision::Fleet, 6.0);
        v.orders[0].probed = true;
        m.step(Tick(n * 15), &v);
        assert_eq!((m.events()[0].action, m.commands()[2].probe.order), (Action::ProbeEnd, 0));
        for k in 1..=4 {
            v.sequence = n + k;
            m.step(Tick((n + k) * 15), &v);
        }
        assert!(m.active(Rung::Carrier), "confirmed");
    }
}

#[test]
fn without_its_confirmation_nothing_is_done() {
    let probing =
        Probing { unit: 0, amplitude_a: 0.6, flip_ticks: 5, most_values: 10, pause_values: 50, confirm: true };
    let (mut m, mut n) = (Mitigation::new(Settings { probing: Some(probing), ..fleet() }), 0);
    for _ in 0..20 {
        let actions = until(&mut m, &mut n, Decision::Fleet, 6.0, None);
        assert!(actions.iter().all(|a| matches!(a, Action::ProbeBegin | Action::ProbeEnd)), "{actions:?}");
    }
}

/// Verdicts at random: nothing is ever done on a verdict that does not name the fleet or is bad, never more often than the
/// budget allows, never outside bounds.
#[test]
fn random_verdicts_never_make_it_hunt() {
    for seed in 0..30 {
        let noise = Noise::new(seed, "mitigation");
        let settings = Settings { budget: 6, budget_values: 300, ..fleet() };
        let mut m = Mitigation::new(settings.clone());
        let mut steps = Vec::new();
        let mut decision = Decision::Grid;
        let mut level = 5.0;
        for n in 1..=3000u64 {
            if noise.uniform(4 * n) < 0.1 {
                let kinds = [Decision::Fleet, Decision::Fleet, Decision::Grid, Decision::Indeterminate(Reason::Close)];
                decision = kinds[(noise.uniform(4 * n + 1) * 4.0) as usize];
                level = 2.0 + 8.0 * noise.uniform(4 * n + 2);
            }
            let mut v = verdict(n, decision, level + 0.3 * noise.normal(n));
            v.flagged = noise.uniform(4 * n + 3) < 0.02;
            v.noisiest = Some((n % 5) as usize);
            let before = m.commands().to_vec();
            m.step(Tick(n * 15), &v);
            let took = m.events().iter().any(|e| matches!(e.action, Action::Take(_)));
            assert!(!took || (decision == Decision::Fleet && !v.flagged && v.thd_percent > 5.0), "{seed} {n}");
            if v.flagged {
                assert!(m.commands().iter().zip(&before).all(|(now, before)| now.same_order(before)), "{seed} {n}");
            }
            if m.events().iter().any(|e| matches!(e.action, Action::Take(_) | Action::Release(_))) {
                steps.push(n);
            }
            for (c, u) in m.commands().iter().zip(&settings.units) {
                let [low, high] = u.carrier_bounds_hz;
                assert!(
                    c.carrier_hz.is_nan()
                        || ((low..=high).contains(&c.carrier_hz) && c.carrier_hz >= 2.0 * u.resonance_hz)
                );
                assert!((0.5..=1.0).contains(&c.p_limit_pu));
                let total = |p: usize| c.compensation.iter().map(|c| c.current_a[p].norm_sqr()).sum::<f64>().sqrt();
                assert!((0..3).all(|p| total(p) <= u.headroom_a + 1e-9));
            }
        }
        let most = steps.iter().map(|from| steps.iter().filter(|n| (*from..from + 300).contains(*n)).count()).max();
        assert!(most.unwrap_or(0) <= 12, "{seed}: a full budget and one refill: {most:?}");
        assert!(steps.windows(2).all(|w| w[1] - w[0] >= 4), "{steps:?}");
    }
}

/// Ramps about the limit: what is below the release for long, then above the limit, alternately.
#[test]
fn an_alternating_source_is_followed_ever_more_slowly() {
    let (mut m, mut releases) = (Mitigation::new(fleet()), Vec::new());
    for n in 1..=20_000u64 {
        // The carrier is the cure, and the source would be over the limit without.
        let thd = if m.active(Rung::Carrier) { 3.5 } else { 6.0 };
        m.step(Tick(n * 15), &verdict(n, Decision::Fleet, thd));
        if m.events().iter().any(|e| matches!(e.action, Action::Release(_))) {
            releases.push(n);
        }
    }
    let gaps: Vec<u64> = releases.windows(2).map(|w| w[1] - w[0]).collect();
    assert!(gaps.windows(2).take(5).all(|w| w[1] as f64 > 1.6 * w[0] as f64), "{gaps:?}");
    assert!(releases.len() <= 14, "{releases:?}");
}

#[test]
fn it_works_over_lines_with_delay_and_loss() {
    let like = verdict(0, Decision::Grid, 0.0);
    let mut m = Mitigation::new(Settings { stale_ticks: 100, ..fleet() }).with_verdicts_like(&like);
    let verdicts = Verdict::channels(2, 3);
    let mut line = Line::new(verdicts, 15, 7, 0);
    let mut frame = Frame::new(verdicts);
    let mut commands = Frame::new(3 * HarmonicCommand::CHANNELS);
    let mut lost = 0;
    let mut took = 0;
    for tick in 1..=400u64 {
        if tick % 15 == 0 {
            frame.advance(Tick(tick));
            verdict(tick / 15, Decision::Fleet, 6.0).write(&mut frame, 0);
            line.set_lost(tick > 150);
            line.send(&frame);
        }
        line.receive(Tick(tick));
        Controller::step(&mut m, Tick(tick), line.held(), &mut commands);
        took += m.events().iter().filter(|e| matches!(e.action, Action::Take(_))).count();
        lost += m.events().iter().filter(|e| e.action == Action::VerdictsLost).count();
    }
    assert_eq!((took, lost), (1, 1));
    let read = HarmonicCommand::read(&commands, HarmonicCommand::CHANNELS);
    assert_eq!(read.map(|c| (c.carrier_hz, c.sequence)), Some((16e3, 1)));
    assert_eq!(m.commands()[0].tick, Tick(4 * 15 + 7), "decided when the fourth verdict arrived");
}
