//! `nodes.csv`: every phase node in few numbers.

use std::fmt::Write;

use super::Study;

const PHASES: [&str; 3] = ["a", "b", "c"];

/// A line for each node: where it is, its extremes, its mean, and its voltage in the profile figure.
pub(super) fn csv(study: &Study) -> String {
    let mut out =
        String::from("node,phase,distance_m,base_v,v_min_pu,t_min_s,v_max_pu,t_max_s,v_mean_pu,v_profile_pu\n");
    let step = study.plan.step;
    for n in &study.outcome.nodes {
        let profile = study.outcome.worst.v_pu.get(n.index).copied().unwrap_or(f64::NAN);
        let name = n.node.name();
        let name = if name.contains([',', '"', '\n']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name };
        let phase = PHASES.get(n.phase).unwrap_or(&"");
        // A `String` takes whatever is written to it.
        let _ = write!(out, "{name},{phase},{},{}", n.distance_m, n.node.base_v);
        let extremes = [n.min.0, step.time_s(n.min.1), n.max.0, step.time_s(n.max.1)];
        for value in extremes.into_iter().chain([n.mean_pu, profile]) {
            let _ = if value.is_finite() { write!(out, ",{value}") } else { write!(out, ",") };
        }
        out.push('\n');
    }
    out
}
