"""Makes the references of what events do to IEEE 13 again: tests/data/events/ieee13.json.

    python tests/oracle/opendss_events.py [--check]     (needs dss-python 0.15.7, that is engine 0.14.5, and numpy)

Two kinds of authority:

- `solutions`: snapshots of OpenDSS with taps and capacitors fixed (those of the validation case `opendss_ieee13_fixed`) and
  its loads: a conductor opened at both ends, another frequency, and `Fault` objects. All node voltages and what flows into
  the fault's first terminal.
- `unloaded`: fault currents that OpenDSS has no part in: from its system matrix Y (loads disabled, no fault), reduced by
  numpy. With V0 = Y^-1 J before the fault and Z the rows and columns of Y^-1 at the faulted nodes:
      to ground                   I = Z^-1 V0
      two lines together          I = (Va - Vb)/(Zaa + Zbb - Zab - Zba)
      three together, ungrounded  V0 - Z I = v 1 and the sum of I is 0, with v the common voltage
  Solutions of Y are refined with residuals in extended precision, since a switch of 1e7 S costs seven digits.
"""

import argparse
import json
import os
import pathlib

import numpy as np
from dss import DSS

TESTS = pathlib.Path(__file__).resolve().parents[1]
OUT = TESTS / "data/events/ieee13.json"

# Name: commands before the last solution. A source of one frequency is dead at another: it has to be given the new one.
EVENTS = {
    "open 670671 phase 1": ["open line.670671 1 1", "open line.670671 2 1"],
    "open 670671 phase 3": ["open line.670671 1 3", "open line.670671 2 3"],
    "open 692675 phases 1 2": [f"open line.692675 {t} {p}" for t in (1, 2) for p in (1, 2)],
    "open 671684 phase 2": ["open line.671684 1 2", "open line.671684 2 2"],
    **{f"frequency {f}": [f"vsource.source.frequency={f}", f"set frequency={f}"] for f in (50, 63.5)},
    "fault 671 line_to_ground 0.5": ["new fault.f bus1=671.1 phases=1 r=0.5"],
    "fault 632 line_to_line 0.2": ["new fault.f bus1=632.2 bus2=632.3 phases=1 r=0.2"],
    "fault 675 double_line_to_ground 0.3": ["new fault.f bus1=675.1.3 phases=2 r=0.3"],
    "fault 671 three_phase_to_ground 0.001": ["new fault.f bus1=671 phases=3 r=0.001"],
    "fault 634 three_phase_to_ground 0.001": ["new fault.f bus1=634 phases=3 r=0.001"],
    "fault 652 line_to_ground 0.001": ["new fault.f bus1=652.1 phases=1 r=0.001"],
}

BUSES = {"632": [1, 2, 3], "671": [1, 2, 3], "675": [1, 2, 3], "680": [1, 2, 3], "634": [1, 2, 3], "650": [1, 2, 3]}


def start(*before):
    DSS.AllowChangeDir = False
    DSS.Text.Command = "clear"
    os.chdir(TESTS / "data/opendss")
    script = (TESTS / "validation/opendss_ieee13_fixed/reference.dss").read_text().splitlines()
    for line in [*script, *before, "solve", "solve"]:
        command = line.split("!", 1)[0].strip()
        if command:
            DSS.Text.Command = command
    assert DSS.ActiveCircuit.Solution.Converged, before
    return DSS.ActiveCircuit


def pairs(numbers):
    return [[float(z.real), float(z.imag)] for z in numbers]


def solution(circuit):
    v = circuit.YNodeVarray
    voltages = {n.lower(): [float(v[2 * k]), float(v[2 * k + 1])] for k, n in enumerate(circuit.YNodeOrder)}
    found = {"voltages_v": voltages}
    if circuit.SetActiveElement("fault.f") >= 0:
        i = circuit.ActiveCktElement.Currents
        terminal = len(i) // 2
        found["fault_a"] = [[float(i[k]), float(i[k + 1])] for k in range(0, terminal, 2)]
    return found


def refined(y, b):
    """Solution of Y x = b to double precision whatever the condition."""
    wide = y.astype(np.clongdouble)
    x = np.linalg.solve(y, b).astype(np.clongdouble)
    for _ in range(5):
        x += np.linalg.solve(y, (b - wide @ x).astype(complex))
    return x.astype(complex)


def unloaded():
    circuit = start("batchedit load..* enabled=no")
    n = circuit.NumNodes
    flat = np.asarray(circuit.SystemY, dtype=float)
    # The system matrix is by SystemY's own node order, column after column; it is symmetric.
    y = (flat[0::2] + 1j * flat[1::2]).reshape(n, n)
    assert abs(y - y.T).max() < 1e-9 * abs(y).max()
    order = [name.lower() for name in circuit.YNodeOrder]
    v = circuit.YNodeVarray
    v0 = np.array([complex(v[2 * k], v[2 * k + 1]) for k in range(n)])
    # The source's current is all that stands on the right: anything else in Y V is rounding.
    j = y @ v0
    j[[k for k, name in enumerate(order) if not name.startswith("sourcebus.")]] = 0
    v0 = refined(y, j)
    z = refined(y, np.eye(n, dtype=complex))
    rows = []
    for bus, nodes in BUSES.items():
        at = [order.index(f"{bus}.{node}") for node in nodes]
        zf, vf = z[np.ix_(at, at)], v0[at]
        ones = np.ones((3, 1))
        bordered = np.block([[zf, ones], [ones.T, np.zeros((1, 1))]])
        rows.append({"bus": bus, "kind": "three_phase", "nodes": nodes,
                     "fault_a": pairs(np.linalg.solve(bordered, np.append(vf, 0))[:3])})
        rows.append({"bus": bus, "kind": "three_phase_to_ground", "nodes": nodes, "fault_a": pairs(np.linalg.solve(zf, vf))})
        for k in range(3):
            a, b = k, (k + 1) % 3
            rows.append({"bus": bus, "kind": "line_to_ground", "nodes": [nodes[k]], "fault_a": pairs([vf[k] / zf[k, k]])})
            through = zf[a, a] + zf[b, b] - zf[a, b] - zf[b, a]
            rows.append({"bus": bus, "kind": "line_to_line", "nodes": [nodes[a], nodes[b]],
                         "fault_a": pairs([(vf[a] - vf[b]) / through])})
            two = np.ix_([a, b], [a, b])
            rows.append({"bus": bus, "kind": "double_line_to_ground", "nodes": [nodes[a], nodes[b]],
                         "fault_a": pairs(np.linalg.solve(zf[two], vf[[a, b]]))})
    return rows


def largest_difference(old, new):
    if isinstance(old, dict):
        return max((largest_difference(old[key], new[key]) for key in old), default=0.0)
    if isinstance(old, list) and len(old) == 2 and all(isinstance(x, float) for x in old):
        return abs(complex(*old) - complex(*new)) / max(abs(complex(*old)), 1.0)
    if isinstance(old, list):
        return max((largest_difference(a, b) for a, b in zip(old, new)), default=0.0)
    return 0.0 if old == new else float("inf")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    solutions = {name: solution(start(*commands)) for name, commands in EVENTS.items()}
    made = {"solutions": solutions, "unloaded": unloaded()}
    if OUT.exists():
        print(f"differs by {largest_difference(json.loads(OUT.read_text()), made):.1e}")
    if not arguments.check:
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in solutions.items())
        rows = ",\n".join(json.dumps(row) for row in made["unloaded"])
        OUT.write_text(f'{{"solutions": {{\n{lines}\n}},\n"unloaded": [\n{rows}\n]}}\n')


main()
