//! The solver against authorities: one driver over the case folders beside this file.
//!
//! A folder's name says the authority (`opendss_`, `standard_`, `hand_`, `regress_`). It holds `case.yaml` (what to solve,
//! tolerance per quantity), `reference.json` (what should come out) and `PROVENANCE.md` (where that is from). Every
//! case is solved from its YAML feeder and from its OpenDSS script. The table of `docs/validation.md` is made from the
//! measured errors: `PHASORBENCH_BLESS=1 cargo test --test validation` writes it, a plain run checks that it still holds.

#![cfg(feature = "solver")]

mod case;
mod measure;
mod table;

use std::path::Path;

use case::Case;
use measure::Measured;
use phasorbench::feeder::{self, Feeder};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> Result<Feeder, String> {
    let reading = feeder::read(&root().join(path));
    reading.feeder.ok_or_else(|| phasorbench::diagnostic::render(&reading.diagnostics, &reading.sources, false))
}

/// Solves every case from each of its files, on as many threads as there are.
fn measure_all(cases: &[Case]) -> Vec<Measured> {
    let jobs: Vec<(&Case, &str)> = cases.iter().flat_map(|case| case.files().map(move |file| (case, file))).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut done = Vec::new();
        while let Some(&(case, file)) = jobs.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            done.push(measure::measure(case, file, read(file)));
        }
        done
    };
    let mut done: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        handles.into_iter().flat_map(|handle| handle.join().expect("no case panics")).collect()
    });
    done.sort_by(|a, b| (&a.case, a.from).cmp(&(&b.case, b.from)));
    done
}

#[test]
fn the_solver_agrees_with_every_authority() {
    let cases = case::all(&root().join("tests/validation"));
    assert!(!cases.is_empty());
    let measured = measure_all(&cases);
    for m in &measured {
        println!("{m}");
    }
    let wrong: Vec<String> = measured.iter().filter_map(Measured::unexpected).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    table::keep(&root().join("docs/validation.md"), &measured);
}
