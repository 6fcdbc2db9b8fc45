//! What the attribution promises, on seeded cases whose truth is known.

mod cases;

use cases::{Case, MINUTE, NOMINAL_V, ROWS, Row, case};
use phasorbench::monitor::attribution::{Attribution, Settings};
use phasorbench::signal::Decision;

/// What became of one case.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    first_wrong: Option<(usize, f64, f64, f64)>,
    decided: bool,
    covered: bool,
    wrong: bool,
    share: f64,
    found: f64,
    sd: f64,
    decision: Decision,
}

fn run(case: &Case) -> Outcome {
    let settings = Settings {
        nominal_v: NOMINAL_V,
        phases: 1,
        orders: vec![case.order],
        z0_ohm: vec![case.z0],
        ..Settings::default()
    };
    let mut attribution = Attribution::new(settings);
    let mut sample = attribution.sample();
    (sample.valid, sample.synchronised, sample.fundamental_v[0]) = (true, true, NOMINAL_V);
    let mut wrong = false;
    let mut decided_at = None;
    let mut first_wrong = None;
    let mut covered = false;
    let mut last = None;
    for k in 0..case.v.len() {
        sample.sequence = k as u64;
        sample.set(0, 0, case.v_measured[k], case.j_measured[k]);
        sample.probe = if case.probe[k] == 0.0 { (0, 0.0) } else { (case.order, case.probe[k]) };
        if attribution.step(&sample) {
            let verdict = attribution.verdict();
            let share = case.share(k);
            wrong |= match verdict.decision {
                Decision::Fleet => share < 0.5,
                Decision::Grid => share > 0.5,
                Decision::Indeterminate(_) => false,
            };
            if wrong && first_wrong.is_none() {
                first_wrong = Some((k, verdict.share, verdict.share_sd, share));
            }
            if matches!(verdict.decision, Decision::Fleet | Decision::Grid)
                && (case.v.len() != 2 * MINUTE || k >= MINUTE + 14)
            {
                decided_at.get_or_insert(k);
                covered = (verdict.share - share).abs() <= 2.0 * verdict.share_sd;
            }
            last = Some((verdict.decision, verdict.share, verdict.share_sd, share));
        }
    }
    let (decision, found, sd, share) = last.unwrap();
    let decided = decided_at.is_some();
    Outcome { first_wrong, decided, covered, wrong, share, found, sd, decision }
}

#[test]
fn table() {
    let env = |name: &str, other: usize| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(other);
    let (count, seed) = (env("ATTRIBUTION_CASES", 200), env("ATTRIBUTION_SEED", 1));
    let verbose = env("VERBOSE", 99);
    let rows: Vec<Vec<Outcome>> = std::thread::scope(|s| {
        let h: Vec<_> = ROWS
            .into_iter()
            .map(|row| s.spawn(move || (0..count).map(|k| run(&case(row, seed as u64, k))).collect()))
            .collect();
        h.into_iter().map(|h| h.join().unwrap()).collect()
    });
    for (r, (row, all)) in ROWS.into_iter().zip(rows).enumerate() {
        let part = |f: &dyn Fn(&Outcome) -> bool| all.iter().filter(|o| f(o)).count();
        let decided = part(&|o| o.decided);
        let covered = part(&|o| o.decided && o.covered);
        let wrong = part(&|o| o.wrong);
        println!("{row:?}: decided {decided}/{count}, covered {covered}/{decided}, wrong {wrong}");
        let mut why = std::collections::BTreeMap::new();
        all.iter().for_each(|o| *why.entry(format!("{:?}", o.decision)).or_insert(0) += 1);
        println!("     {why:?}");
        if r == verbose {
            all.iter()
                .enumerate()
                .filter(|(_, o)| !o.decided || !o.covered || o.wrong)
                .for_each(|(k, o)| println!("{k} {o:?}"));
        }
    }
    let _ = MINUTE;
}
