//! Primitive admittances of lines, transformers, sources and shunts against OpenDSS.

use super::*;

fn primitive(case: &Case) -> Primitive {
    let (feeder, name) = (&case.feeder, case.element.as_str());
    let at = Frequency { f_hz: case.f_hz, nominal_hz: feeder.frequency_hz };
    match case.kind.as_str() {
        "line" => line(feeder, name, &feeder.lines[name], case.f_hz, Part::Whole),
        "transformer" => TransformerModel::new(name, &feeder.transformers[name], at).map(|model| {
            let mut y = Admittance::default();
            model.admittance(&[], Part::Whole, &mut y);
            Primitive { terminals: model.terminals().to_vec(), y }
        }),
        "vsource" => source(name, &feeder.sources[name], at).map(|model| model.primitive().unwrap()),
        "capacitor" => {
            let bank = &feeder.capacitors[name];
            capacitor(name, bank, &bank.closed, at, Part::Whole)
        }
        "reactor" => reactor(name, &feeder.reactors[name], at, Part::Whole),
        "fault" => fault(name, &feeder.faults[name], Part::Whole),
        kind => panic!("{kind}"),
    }
    .unwrap()
}

fn agree(text: &str, tolerance: f64) {
    let bad: Vec<_> = cases(text)
        .iter()
        .filter_map(|case| {
            let ours = primitive(case);
            let nodes: Vec<_> = ours.conductors().map(|c| c.node).collect();
            let difference = difference(&ours.y, &case.y_s);
            let tolerance = if case.loose { 1e-7 } else { tolerance };
            (nodes != case.nodes || difference.is_nan() || difference > tolerance)
                .then(|| format!("{}: {difference:e}, {nodes:?} {:?}", case.name, case.nodes))
        })
        .collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn lines_have_opendss_admittance() {
    agree(include_str!("../../../../tests/data/element/line.json"), 1e-9);
}

#[test]
fn transformers_have_opendss_admittance() {
    agree(include_str!("../../../../tests/data/element/transformer.json"), 1e-9);
}

#[test]
fn sources_have_opendss_admittance() {
    agree(include_str!("../../../../tests/data/element/source.json"), 1e-9);
}

#[test]
fn shunts_have_opendss_admittance() {
    agree(include_str!("../../../../tests/data/element/shunt.json"), 1e-9);
}

#[test]
fn sources_have_opendss_voltage() {
    for case in cases(include_str!("../../../../tests/data/element/source.json")) {
        let at = Frequency::power(case.feeder.frequency_hz);
        let model = source("a", &case.feeder.sources["a"], at).unwrap();
        assert_eq!(model.emf_v.len(), case.emf_v.len(), "{}", case.name);
        for (ours, theirs) in model.emf_v.iter().zip(&case.emf_v) {
            assert!((ours - number(*theirs)).norm() < 1e-9 * ours.norm(), "{}: {ours} {theirs:?}", case.name);
        }
    }
}
