"""Makes the references of the `opendss_*` validation cases again.

    python tests/oracle/opendss_validation.py [--check] [CASE...]     (needs dss-python 0.15.7, that is engine 0.14.5)

Runs each case's `reference.dss` line by line in `tests/data/opendss` and writes its `reference.json`; with `--check` it only
says how far the committed one is from what the engine gives now. Time series keep the load powers of their
`reference.json` and are solved step by step with them.
"""

import argparse
import json
import os
import pathlib

from dss import DSS

TESTS = pathlib.Path(__file__).resolve().parents[1]


def open_case(case):
    DSS.AllowChangeDir = False
    DSS.Text.Command = "clear"
    os.chdir(TESTS / "data/opendss")
    for line in (case / "reference.dss").read_text().splitlines():
        command = line.split("!", 1)[0].strip()
        if command:
            DSS.Text.Command = command
    return DSS.ActiveCircuit


def taps(circuit):
    found = {}
    for control in circuit.RegControls:
        found[control.Name.lower()] = control.TapNumber
    return found


def capacitors(circuit):
    found = {}
    for bank in circuit.Capacitors:
        found[bank.Name.lower()] = list(map(int, bank.States))
    return found


def voltages(circuit, buses=None):
    v = circuit.YNodeVarray
    named = {name.lower(): [float(v[2 * k]), float(v[2 * k + 1])] for k, name in enumerate(circuit.YNodeOrder)}
    if buses is None:
        return {name.lower(): named[name.lower()] for name in circuit.AllNodeNames}
    return {name: named[name] for name in buses}


def source_kva(circuit):
    total = 0j
    for source in circuit.Vsources:
        circuit.SetActiveElement(f"Vsource.{source.Name}")
        element = circuit.ActiveCktElement
        powers = element.Powers
        total -= sum(complex(powers[2 * k], powers[2 * k + 1]) for k in range(element.NumConductors))
    return [total.real, total.imag]


def state(circuit):
    return {"source_kva": source_kva(circuit), "losses_va": list(map(float, circuit.Losses)), "taps": taps(circuit)}


def single(circuit):
    bases = {}
    for bus in circuit.Buses:
        bases[bus.Name.lower()] = bus.kVBase
    return {"bases_ln_kv": bases, "voltages_v": voltages(circuit), **state(circuit), "capacitors": capacitors(circuit)}


def series(circuit, old):
    steps = []
    for step in old["steps"]:
        for name, (p_kw, q_kvar) in zip(old["loads"], step["loads_kw_kvar"]):
            circuit.Loads.Name = name
            circuit.Loads.kW = p_kw
            circuit.Loads.kvar = q_kvar
        circuit.Solution.Solve()
        known = {"t_s": step["t_s"], "loads_kw_kvar": step["loads_kw_kvar"]}
        steps.append({**known, "voltages_v": voltages(circuit, step["voltages_v"]), **state(circuit)})
    return {"loads": old["loads"], "steps": steps}


def text(reference):
    """JSON with a line for each bus, node and step."""
    dump = json.dumps
    lines = lambda items: ",\n".join(items)
    parts = []
    for key, value in reference.items():
        if key in ("bases_ln_kv", "voltages_v"):
            rows = lines(f"{dump(name)}: {dump(x)}" for name, x in value.items())
            parts.append(f"{dump(key)}: {{\n{rows}\n}}")
        elif key == "steps":
            rows = lines("{" + lines(f"{dump(k)}: {dump(x)}" for k, x in step.items()) + "}" for step in value)
            parts.append(f"{dump(key)}: [\n{rows}\n]")
        else:
            parts.append(f"{dump(key)}: {dump(value)}")
    return "{\n" + lines(parts) + "\n}\n"


def difference(old, new, scale=1.0):
    """Largest relative difference of two references' numbers; infinity where they have not the same form."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        return max((difference(old[key], new[key]) for key in old), default=0.0)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        if len(old) == 2 and all(isinstance(x, float) for x in old):
            return abs(complex(*old) - complex(*new)) / max(abs(complex(*old)), 1e-9)
        return max((difference(a, b) for a, b in zip(old, new)), default=0.0)
    if isinstance(old, (int, float)) and isinstance(new, (int, float)):
        return abs(old - new) / max(abs(old), 1e-9)
    return 0.0 if old == new else float("inf")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    folders = sorted((TESTS / "validation").glob("opendss_*"))
    for case in [f for f in folders if not arguments.cases or f.name in arguments.cases]:
        path = case / "reference.json"
        old = json.loads(path.read_text()) if path.exists() else {}
        circuit = open_case(case)
        new = series(circuit, old) if "steps" in old else single(circuit)
        print(f"{case.name}: differs by {difference(old, new):.1e}", flush=True)
        if not arguments.check:
            path.write_text(text(new))


main()
