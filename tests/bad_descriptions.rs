//! Broken descriptions of devices: each gives exactly the one finding that it should, at the place where it is broken.
#![cfg(feature = "hil")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;

use phasorbench::diagnostic::{Severity, render};
use phasorbench::link::description;
use proptest::prelude::*;

/// A description with nothing wrong.
const WHOLE: &str = "\
device: meter
kind: inverter
poll_s: 0.5
s_rated_va: 1000
modbus:
  unit: 3
  words: low_first
  most_registers: 50
identity:
  - {holding: 90, as: uint16, is: 7}
alive: {point: beat_count, within_s: 3}
points:
  p_w: {input: 10, as: int32, scale: 0.1, range: [-1000, 1000]}
  v_v.a: {input: 12, as: float32, range: [0, 300]}
  beat_count: {input: 14, as: uint16}
  on_flag: {discrete: 3}
set_points:
  q_var: {holding: 20, as: int16, range: [-500, 500], safe: 0}
begin:
  - {coil: 1, value: 1}
reversion:
  - {holding: 30, as: uint16, seconds: 10}
heartbeat: {holding: 31, as: uint16, every_s: 1}
";

struct Broken {
    what: &'static str,
    /// What is replaced in the whole description, and by what.
    replaced: &'static str,
    by: &'static str,
    code: &'static str,
    /// What the finding's place begins with.
    at: &'static str,
}

const fn broken(
    what: &'static str,
    replaced: &'static str,
    by: &'static str,
    code: &'static str,
    at: &'static str,
) -> Broken {
    Broken { what, replaced, by, code, at }
}

const P_W: &str = "{input: 10, as: int32, scale: 0.1, range: [-1000, 1000]}";
const V_A: &str = "{input: 12, as: float32, range: [0, 300]}";
const Q_VAR: &str = "{holding: 20, as: int16, range: [-500, 500], safe: 0}";
const HEAD: &str = "modbus:\n  unit: 3\n  words: low_first\n  most_registers: 50\n";

const ALL: &[Broken] = &[
    broken("two protocols", "points:\n", "can: {database: a.dbc}\npoints:\n", "E0601", "device"),
    broken("no protocol", HEAD, "", "E0601", "device"),
    broken("no place", P_W, "{as: int32}", "E0602", "p_w"),
    broken("two places", P_W, "{input: 10, holding: 10, as: int32}", "E0602", "p_w"),
    broken("a place of another protocol", P_W, "{can: STATUS.P}", "E0602", "p_w"),
    broken("an identity without a value", ", is: 7}", "}", "E0602", "{holding: 90"),
    broken("an identity with two", ", is: 7}", ", is: 7, text: A}", "E0602", "{holding: 90"),
    broken("a coding that is none", "as: float32", "as: float16", "E0603", "v_v.a"),
    broken("a text where a number is wanted", "as: float32", "as: 'text:4'", "E0603", "v_v.a"),
    broken("a register without coding", P_W, "{input: 10}", "E0603", "p_w"),
    broken("a bit with a coding", "{discrete: 3}", "{discrete: 3, as: uint16}", "E0603", "on_flag"),
    broken("a SunSpec point that there is not", P_W, "{sunspec: 701.Watt}", "E0604", "p_w"),
    broken("one of several", P_W, "{sunspec: [701.W, 103.WW]}", "E0604", "p_w"),
    broken("overlapping registers", V_A, "{input: 11, as: float32}", "E0605", "v_v.a"),
    broken("the same registers in two codings", V_A, "{input: 10, as: float32}", "E0605", "v_v.a"),
    broken("the same registers in two orders", V_A, "{input: 10, as: int32, words: high_first}", "E0605", "v_v.a"),
    broken(
        "two set-points in one register",
        "begin:\n",
        "  q2_var: {holding: 20, as: int16, range: [-1, 1], safe: 0}\nbegin:\n",
        "E0605",
        "q2_var",
    ),
    broken("scale 0", "scale: 0.1", "scale: 0", "E0606", "p_w"),
    broken("a range upside down", "range: [0, 300]", "range: [300, 0]", "E0606", "v_v.a"),
    broken("a range of nothing", "range: [0, 300]", "range: [5, 5]", "E0606", "v_v.a"),
    broken("an answer that holds too much", "most_registers: 50", "most_registers: 126", "E0606", "unit: 3"),
    broken("a unit that there is not", "unit: 3", "unit: 248", "E0606", "unit: 248"),
    broken("a period of 0", "poll_s: 0.5", "poll_s: 0", "E0606", "0"),
    broken("a rating of 0", "s_rated_va: 1000", "s_rated_va: 0", "E0606", "0"),
    broken("a heartbeat that is too slow", "every_s: 1", "every_s: 3601", "E0606", "{holding: 31"),
    broken("a heartbeat that cannot count", "{holding: 31, as: uint16,", "{coil: 31,", "E0606", "{coil: 31"),
    broken("a timer of no time", "seconds: 10", "seconds: 0", "E0606", "{holding: 30"),
    broken("a register beyond the last", V_A, "{input: 65535, as: float32}", "E0606", "v_v.a"),
    broken("a set-point that its register cannot hold", "range: [-500, 500]", "range: [-500, 40000]", "E0606", "q_var"),
    broken("a write that its register cannot hold", "{coil: 1, value: 1}", "{coil: 1, value: 2}", "E0606", "{coil"),
    broken(
        "the second write of two",
        "{coil: 1, value: 1}",
        "{coil: 1, value: 1}\n  - {holding: 70, as: int16, value: 40000}",
        "E0606",
        "{holding: 70",
    ),
    broken("a set-point in an input register", "holding: 20", "input: 20", "E0607", "q_var"),
    broken("a set-point in a discrete input", Q_VAR, "{discrete: 9, range: [0, 1], safe: 0}", "E0607", "q_var"),
    broken(
        "a set-point where a device only tells",
        Q_VAR,
        "{sunspec: 701.Var, range: [-1, 1], safe: 0}",
        "E0607",
        "q_var",
    ),
    broken("a safe state outside the range", "safe: 0}", "safe: 501}", "E0608", "q_var"),
    broken("a name without a unit", "v_v.a:", "voltage.a:", "E0609", "voltage.a"),
    broken("a unit that only the phase has", "v_v.a:", "voltage.v:", "E0609", "voltage.v"),
    broken("a name that ends like a unit", "v_v.a:", "level:", "E0609", "level"),
    broken("a counter that there is not", "point: beat_count", "point: beat", "E0610", "{point: beat"),
    broken("an inverter without power", "  p_w: ", "  q_var: ", "E0611", "device"),
];

fn found(text: &str) -> (bool, Vec<(&'static str, String)>, String) {
    let reading = description::from_text(text.to_owned(), Path::new("device.yaml"));
    let place = |span: phasorbench::diagnostic::Span| text[span.start as usize..].to_owned();
    let all = reading.diagnostics.iter().map(|own| {
        assert_eq!(own.severity, Severity::Error);
        (own.code, own.span.map(place).unwrap_or_else(|| panic!("{own:?} has no place")))
    });
    let shown = render(&reading.diagnostics, &reading.sources, false);
    (reading.description.is_some(), all.collect(), shown)
}

fn is_one(all: &[(&'static str, String)], code: &str, at: &str) -> bool {
    matches!(all, [own] if own.0 == code && own.1.starts_with(at))
}

#[test]
fn the_whole_one_has_nothing_wrong() {
    let (read, all, shown) = found(WHOLE);
    assert!(read && all.is_empty(), "{shown}");
}

#[test]
fn each_broken_one_gives_exactly_its_finding_where_it_is_broken() {
    for own in ALL {
        assert!(WHOLE.contains(own.replaced), "{}: {:?} is not in the whole one", own.what, own.replaced);
        let (read, all, shown) = found(&WHOLE.replacen(own.replaced, own.by, 1));
        assert!(!read, "{} is read", own.what);
        let codes: Vec<&str> = all.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, [own.code], "{}:\n{shown}", own.what);
        assert!(is_one(&all, own.code, own.at), "{} is found elsewhere than at {:?}:\n{shown}", own.what, own.at);
    }
}

#[test]
fn every_code_of_descriptions_is_met() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnostics.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let codes: Vec<&str> = rows.filter(|code| code.starts_with("E06")).collect();
    assert!(codes.len() >= 11, "{codes:?}");
    for code in codes {
        assert!(ALL.iter().any(|own| own.code == code), "nothing here is broken so that it gives {code}");
    }
}

#[test]
fn registers_before_the_first_are_said() {
    let text = "device: meter\nkind: meter\nmodbus: {first_register: 1}\npoints:\n  v_v: {holding: 0, as: int16}\n";
    let (read, all, shown) = found(text);
    assert!(!read && is_one(&all, "E0606", "v_v:"), "{shown}");
    let text = text.replace("first_register: 1", "first_register: 2");
    assert_eq!(found(&text).1.iter().map(|(code, _)| *code).collect::<Vec<_>>(), ["E0606", "E0606"]);
}

#[test]
fn a_value_that_no_answer_holds_whole_is_said() {
    let text =
        "device: meter\nkind: meter\nmodbus: {most_registers: 2}\npoints:\n  import_wh: {holding: 8, as: int64}\n";
    let (read, all, shown) = found(text);
    assert!(!read && is_one(&all, "E0606", "import_wh:"), "{shown}");
}

#[test]
fn nothing_is_written_to_a_pmu_and_scpi_has_questions_and_commands() {
    let pmu = "device: pmu\nkind: pmu\nc37118: {id: 3}\npoints:\n  f_hz: {pmu: frequency}\n";
    assert!(found(pmu).0);
    let set = format!("{pmu}set_points:\n  v_v: {{phasor: VA, range: [0, 1], safe: 0}}\n");
    assert!(is_one(&found(&set).1, "E0607", "v_v:"));
    let scpi = "device: source\nkind: amplifier\nscpi: {}\npoints:\n  i_a: {scpi: 'MEAS:CURR?'}\nset_points:\n  v_v.a: \
                {scpi: 'VOLT {}', range: [0, 300], safe: 0}\n";
    assert!(found(scpi).0, "{}", found(scpi).2);
    assert!(is_one(&found(&scpi.replace("CURR?", "CURR")).1, "E0602", "i_a:"));
    assert!(is_one(&found(&scpi.replace("VOLT {}", "VOLT")).1, "E0602", "v_v.a:"));
    assert!(is_one(&found(&scpi.replace("VOLT {}", "VOLT{}")).1, "E0602", "v_v.a:"), "how would it be read back?");
    for sound in ["read_back: false", "read_back_scpi: 'VOLT?'", "within: 0.1"] {
        let command = if sound.starts_with('r') { "VOLT{}" } else { "VOLT {}" };
        let text = scpi.replace("VOLT {}", command).replace("safe: 0", &format!("safe: 0, {sound}"));
        assert!(found(&text).0, "{sound}: {}", found(&text).2);
    }
    assert!(is_one(&found(&scpi.replace("safe: 0", "safe: 0, read_back_scpi: VOLT")).1, "E0602", "v_v.a:"));
    assert!(is_one(&found(&scpi.replace("safe: 0", "safe: 0, within: -1")).1, "E0606", "v_v.a:"));
    assert!(is_one(&found(&scpi.replace("MEAS:CURR?'", "MEAS:CURR?', part: 0")).1, "E0602", "i_a:"));
    assert!(is_one(&found(&scpi.replace("safe: 0", "safe: 0, part: 1")).1, "E0602", "v_v.a:"));
    let begun = |write: &str| found(&format!("{scpi}begin:\n  - {write}\n"));
    assert!(begun("{scpi: 'SYST:REM'}").0 && begun("{scpi: 'OUTP {}', value: 1}").0);
    for wrong in ["{scpi: 'OUTP {}'}", "{scpi: 'SYST:REM', value: 1}", "{scpi: 'OUTP?'}", "{holding: 1}"] {
        assert_eq!(begun(wrong).1.len(), 1, "{wrong}: {}", begun(wrong).2);
    }
}

proptest! {
    /// A line that is lost, doubled, or put elsewhere: it is read or something is found, and nothing panics.
    #[test]
    fn mangled_descriptions_are_read_or_refused(from in 0usize..24, to in 0usize..24, twice in any::<bool>()) {
        let mut lines: Vec<&str> = WHOLE.lines().collect();
        let line = if twice { lines[from % lines.len()] } else { lines.remove(from % lines.len()) };
        lines.insert(to % lines.len(), line);
        let (read, all, _) = found(&lines.join("\n"));
        prop_assert_eq!(read, all.is_empty());
    }

    #[test]
    fn any_bytes_in_it_are_read_or_refused(at in 0usize..900, junk in "\\PC{0,6}") {
        let at = (0..=at.min(WHOLE.len())).rev().find(|at| WHOLE.is_char_boundary(*at)).unwrap();
        let text = format!("{}{junk}{}", &WHOLE[..at], &WHOLE[at..]);
        let reading = description::from_text(text, Path::new("device.yaml"));
        prop_assert_eq!(reading.description.is_none(), reading.diagnostics.iter().any(|own| own.is_error()));
    }
}
