//! What the attribution promises, on seeded cases whose truth is known.

mod cases;

use cases::{Case, MINUTE, NOMINAL_V, ROWS, Row, case};
use phasorbench::monitor::attribution::{Attribution, Settings};
use phasorbench::signal::Decision;

/// What became of one case.
#[derive(Clone, Copy, Debug)]
struct Outcome {
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
            last = Some((verdict.decision, verdict.share, verdict.share_sd, share));
        }
    }
    let (decision, found, sd, share) = last.unwrap();
    let decided = matches!(decision, Decision::Fleet | Decision::Grid);
    Outcome { decided, covered: (found - share).abs() <= 2.0 * sd, wrong, share, found, sd, decision }
}

#[test]
fn table() {
    let env = |name: &str, other: usize| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(other);
    let (count, seed) = (env("ATTRIBUTION_CASES", 200), env("ATTRIBUTION_SEED", 1));
    let verbose = env("VERBOSE", 99);
    for (r, row) in ROWS.into_iter().enumerate() {
        let all: Vec<Outcome> = (0..count).map(|k| run(&case(row, seed as u64, k))).collect();
        let part = |f: &dyn Fn(&Outcome) -> bool| all.iter().filter(|o| f(o)).count();
        let decided = part(&|o| o.decided);
        let covered = part(&|o| o.decided && o.covered);
        let wrong = part(&|o| o.wrong);
        println!("{row:?}: decided {decided}/{count}, covered {covered}/{decided}, wrong {wrong}");
        let mut why = std::collections::BTreeMap::new();
        all.iter().for_each(|o| *why.entry(format!("{:?}", o.decision)).or_insert(0) += 1);
        println!("     {why:?}");
        if r == verbose {
            all.iter().enumerate().filter(|(_, o)| !o.decided || !o.covered || o.wrong).for_each(|(k, o)| println!("{k} {o:?}"));
        }
    }
    let _ = MINUTE;
}
