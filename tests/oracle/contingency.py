"""Makes the numbers again that `scenarios/contingency` expects: tests/data/contingency.json.

    python tests/oracle/contingency.py [--check]     (needs dss-python 0.15.7, that is engine 0.14.5, and numpy)

For each scenario: at which time which quantity has which value. Two kinds of authority, neither of them this program:

- `opendss`: snapshots of OpenDSS with what is lost disabled, taps and capacitors fixed as in the validation cases
  `opendss_ieee*_fixed` (or following their delays in steps of 5 s where regulators act); node voltages in V, the largest
  current into a line's or transformer's first terminal in A, the power of the source in W.
- `hand`: the formulas in the comments of the scenarios, in double precision.

`tests/suite.rs` compares every number with what the scenario expects.
"""

import argparse
import cmath
import json
import math
import os
import pathlib

from dss import DSS

TESTS = pathlib.Path(__file__).resolve().parents[1]
OUT = TESTS / "data/contingency.json"
A = cmath.rect(1, 2 * math.pi / 3)


# --- OpenDSS ---


def run(commands):
    for line in commands:
        command = line.split("!", 1)[0].strip()
        if command:
            DSS.Text.Command = command


def start(feeder, after=(), reference="fixed"):
    """A validation case's script with commands before its last two solutions; solved."""
    DSS.AllowChangeDir = False
    DSS.Text.Command = "clear"
    os.chdir(TESTS / "data/opendss")
    script = (TESTS / f"validation/opendss_ieee{feeder}_{reference}/reference.dss").read_text().splitlines()
    run([*script, *after, "solve", "solve"])
    assert DSS.ActiveCircuit.Solution.Converged, (feeder, after)


def node_v(name):
    circuit = DSS.ActiveCircuit
    v = circuit.YNodeVarray
    k = [n.lower() for n in circuit.YNodeOrder].index(name)
    return complex(v[2 * k], v[2 * k + 1])


def opendss(quantity):
    circuit = DSS.ActiveCircuit
    *of, what = quantity.split(".")
    if quantity in ("source.p_w", "source.q_var"):
        total = sum(complex(*circuit.CktElements(f"vsource.{s}").Powers[2 * k : 2 * k + 2])
                    for s in circuit.Vsources.AllNames for k in range(3))
        return -1000 * (total.real if what == "p_w" else total.imag)
    if what == "tap":
        circuit.RegControls.Name = of[0]
        return circuit.RegControls.TapNumber
    if what == "v_v":
        return abs(node_v(".".join(of)))
    if what == "angle_deg":
        a, b = ".".join(of).split("-")
        return math.degrees(cmath.phase(node_v(a) / node_v(b)))
    if what == "i_a":
        assert circuit.SetActiveElement(".".join(of)) >= 0, quantity
        element = circuit.ActiveCktElement
        return max(element.CurrentsMagAng[0 : 2 * element.NumConductors : 2])
    if what == "unbalance_percent":
        v = [node_v(f"{of[0]}.{k}") for k in (1, 2, 3)]
        positive, negative = (abs(v[0] + a * v[1] + a * a * v[2]) for a in (A, A * A))
        return 100 * negative / positive
    raise ValueError(quantity)


def snapshots(feeder, stages, quantities, reference="fixed"):
    """`stages`: time to commands, each from the start again."""
    rows = []
    for at_s, commands in stages.items():
        start(feeder, commands, reference)
        rows += [[at_s, q, opendss(q)] for q in quantities.get(at_s, quantities.get("all", []))]
    return rows


def over_time(steps, events, rows, taps=None):
    """IEEE 13 in steps of 5 s, regulators by their delays (15 s, 2 s between taps), from the taps of the fixed case."""
    DSS.AllowChangeDir = False
    DSS.Text.Command = "clear"
    os.chdir(TESTS / "data/opendss")
    taps = taps or {"reg1": 9, "reg2": 6, "reg3": 9}
    run([
        "compile 13Bus/IEEE13Nodeckt.dss",
        "new loadshape.flat npts=1 interval=24 mult=[1]",
        "set maxiterations=1000 maxcontroliter=300 tolerance=1e-10",
        *[f"RegControl.{name}.TapNum={tap}" for name, tap in taps.items()],
        "set controlmode=time mode=daily stepsize=5s number=1 hour=0 sec=0",
        "batchedit regcontrol..* delay=15 tapdelay=2",
        "batchedit load..* daily=flat",
    ])
    found = []
    for k in range(1, steps + 1):
        run(events.get(5 * k, []))
        DSS.ActiveCircuit.Solution.Solve()
        assert DSS.ActiveCircuit.Solution.Converged, k
        found += [[5 * k, q, opendss(q)] for at_s, q in rows if at_s == 5 * k]
    return found


REGULATED = ["reg1.tap", "reg2.tap", "reg3.tap", "671.1.v_v", "671.2.v_v", "671.3.v_v"]
V13 = ["632.1.v_v", "671.1.v_v", "671.2.v_v", "671.3.v_v", "source.p_w"]


def lost(feeder, what, quantities):
    """The first quantity before, all of them with elements disabled or conductors opened at both ends."""
    return snapshots(feeder, {1: [], 3: what}, {1: quantities[:1], 3: quantities})


def off(*names):
    return [f"{name}.enabled=no" for name in names]


def open_phase(line, *conductors):
    return [f"open line.{line} {terminal} {c}" for terminal in (1, 2) for c in conductors]


def by_opendss():
    with_fault = ["new fault.f bus1=671.1 phases=1 r=0.5"]
    return {
        "ieee13_line_lost": lost(13, off("line.632645"), ["633.2.v_v", *V13]),
        "ieee13_switch_lost": lost(13, off("line.671692"), V13),
        "ieee13_transformer_lost": lost(13, off("transformer.xfm1"), V13),
        "ieee13_regulator_lost": lost(
            13, off("transformer.reg2"), ["632.1.v_v", "632.2.v_v", "671.2.v_v", "675.2.v_v", "source.p_w"],
        ),
        "ieee13_capacitor_lost": lost(
            13, off("capacitor.cap1"), ["675.1.v_v", "675.2.v_v", "675.3.v_v", "source.p_w", "source.q_var"],
        ),
        "ieee13_phase_lost": lost(
            13, open_phase("670671", 1), ["671.1.v_v", "671.2.v_v", "671.3.v_v", "675.1.v_v", "671.unbalance_percent"],
        ),
        "ieee13_lateral_islanded": lost(13, off("line.671684"), V13),
        "ieee13_recloser_locks_out": snapshots(
            13, {30: off("line.632670")}, {"all": ["632.1.v_v", "632.2.v_v", "632.3.v_v", "source.p_w"]},
        ),
        "ieee13_recloser_clears": snapshots(13, {20: []}, {"all": V13}),
        "ieee13_fuse_clears": snapshots(13, {10: off("line.684611")}, {"all": V13}),
        "ieee13_fault_under_load": snapshots(13, {3: with_fault, 5: []}, {"all": [*V13, "fault.f.i_a"], 5: V13}),
        "ieee13_sag": snapshots(13, {1: [], 3: ["vsource.source.pu=0.80008"]}, {1: V13[:1], 3: [*V13, "634.1.v_v"]}),
        "ieee13_load_rejection": snapshots(
            13,
            {1: [], 3: off("load.671", "load.675a", "load.675b", "load.675c", "load.692")},
            {1: V13[:1], 3: [*V13, "675.3.v_v"]},
        ),
        "ieee13_frequency_step": snapshots(
 
                13,
                {1: [], 3: ["vsource.source.frequency=50", "set frequency=50"]},
                {1: V13[:1], 3: V13},
            ),
        "ieee13_regulators_after_loss": over_time(
 
                24,
                {20: off("capacitor.cap1")},
                [
                    (t, q) for t in (15, 120) for q in REGULATED
                ],
            ),
        "ieee13_load_step_recovery": over_time(
 
                36,
                {20: ["load.671.kw=1732.5 kvar=990"]},
                [
                    (t, q) for t in (15, 20, 180) for q in REGULATED
                ],
            ),
        "ieee34_line_lost": lost(34, off("line.l10"), ["818.1.v_v", "890.1.v_v", "848.3.v_v", "source.p_w"]),
        "ieee34_transformer_lost": lost(34, off("transformer.xfm1"), ["832.1.v_v", "848.3.v_v", "source.p_w"]),
        "ieee34_regulator_bypassed": lost(
            34, [f"RegControl.creg2{p}.TapNum=0" for p in "abc"], ["852r.1.v_v", "890.1.v_v", "848.1.v_v", "source.p_w"],
        ),
        "ieee34_regulator_lost": lost(
            34, off("transformer.reg2a", "transformer.reg2b", "transformer.reg2c"), ["854.1.v_v", "852.2.v_v", "source.p_w"],
        ),
        "ieee34_capacitor_lost": lost(
            34, off("capacitor.c848"), ["848.1.v_v", "848.2.v_v", "848.3.v_v", "source.p_w", "source.q_var"],
        ),
        "ieee34_phase_lost": lost(
            34, open_phase("l16", 2), ["834.1.v_v", "834.2.v_v", "834.3.v_v", "848.2.v_v", "source.p_w"],
        ),
        "ieee123_line_lost": lost(123, off("line.l67"), ["67.1.v_v", "450.1.v_v", "65.3.v_v", "source.p_w"]),
        "ieee123_switch_lost": lost(123, off("line.sw3"), ["18.1.v_v", "67.1.v_v", "66.3.v_v", "source.p_w"]),
        "ieee123_transformer_lost": lost(123, off("transformer.xfm1"), ["61.1.v_v", "source.p_w"]),
        "ieee123_regulator_lost": lost(123, off("transformer.reg2a"), ["9.1.v_v", "8.1.v_v", "source.p_w"]),
        "ieee123_phase_lost": lost(
            123, open_phase("l10", 3), ["13.1.v_v", "13.3.v_v", "65.1.v_v", "65.2.v_v", "source.p_w"],
        ),
    }


# --- by hand ---

E1 = 12470 / math.sqrt(3)
ZS, ZS0 = 0.1 + 0.8j, 0.3 + 1.1j
ZL = 12.47**2 * 1000 / (3600 - 1800j)


def z_two_bus(n, x=1.0):
    """Z1 and Z0 from the EMF to bus b with n circuits in service, reactances times x."""
    at = lambda z: complex(z.real, z.imag * x)
    return at(ZS) + at(3 + 6j) / n, at(ZS0) + at(9 + 18j) / n


def fault(kind, n=3, r=0.0, g=0.0):
    """Largest current of a phase, and voltages of phases a, b, c at the fault, without load (docs/models/fault.md)."""
    z1, z0 = z_two_bus(n)
    if kind == "three":
        i1, i2, i0 = E1 / (z1 + r), 0, 0
    elif kind == "ground":
        i1 = i2 = i0 = E1 / (z0 + 2 * z1 + 3 * (r + g))
    elif kind == "line":
        i1 = E1 / (2 * z1 + r)
        i2, i0 = -i1, 0
    else:
        z, zg = z1 + r, z0 + r + 3 * g
        i1 = E1 / (z + z * zg / (z + zg))
        i2, i0 = -i1 * zg / (z + zg), -i1 * z / (z + zg)
    currents = phases(i0, i1, i2)
    v = phases(-z0 * i0, E1 - z1 * i1, -z1 * i2)
    return max(map(abs, currents)), [abs(x) for x in v]


def phases(zero, positive, negative):
    return [zero + positive + negative, zero + A * A * positive + A * negative, zero + A * positive + A * A * negative]


def loaded(n=3, load=1.0, x=1.0, source=None):
    """Phase voltages at b and currents of one circuit, the load's power times `load`, the EMF of phases a, b, c as given.

    The load's impedance is what it is at any frequency.
    """
    z1, z0 = z_two_bus(n, x)
    zl = ZL / load
    e = source or phases(0, E1, 0)
    zero, one, two = (sum(e[k] * A ** (k * p) for k in range(3)) / 3 for p in (0, 1, 2))
    v = phases(zero * zl / (zl + z0), one * zl / (zl + z1), two * zl / (zl + z1))
    return v, [x / zl / n for x in v]


def pv(p_kw, pmax_kw):
    """Angle in degrees and phase voltage in V at the end of a lossless line, from P = Pmax sin 2δ and V2 = V1 cos δ."""
    delta = math.asin(p_kw / pmax_kw) / 2
    return math.degrees(delta), 120e3 / math.sqrt(3) * math.cos(delta)


def by_hand():
    found = {}
    two, one = (120.0**2 / 2 / (6545.45 / n) * 1000 for n in (2, 1))
    end = lambda at_s, p, pmax: [
        [at_s, "sending.1-receiving.1.angle_deg", pv(p, pmax)[0]],
        [at_s, "receiving.1.v_v", pv(p, pmax)[1]],
    ]
    current = lambda p, pmax, n: p * 1000 / 3 / pv(p, pmax)[1] / n
    found["parallel_line_lost"] = [*end(1, 1000, two), *end(3, 1000, one)]
    found["parallel_line_phasor_restored"] = [*end(1, 1000, two), *end(2, 1000, one), *end(4, 500, one)]
    found["parallel_line_beyond_the_nose"] = [*end(1, 1150, two), *end(6, 1150, two)]
    found["parallel_line_lost_near_the_nose"] = [*end(3, 1099, one)]
    found["parallel_line_cascade"] = [
        [1, "line.line1.i_a", current(900, two, 2)],
        [4, "line.line1.i_a", current(1000, two, 2)],
        [5, "line.line2.i_a", current(1000, one, 1)],
    ]
    found["generation_lost"] = [*end(1, 1000, two), *end(3, 1300, two), *end(5, 1500, two)]
    for name, kind, cases in (
        ("fault_three_phase", "three", [(3, dict()), (7, dict(r=0.7))]),
        ("fault_three_phase_to_ground", "three", [(3, dict()), (7, dict(n=2))]),
        ("fault_line_to_ground", "ground", [(3, dict()), (7, dict(r=0.7))]),
        ("fault_line_to_line", "line", [(3, dict()), (7, dict(r=0.7))]),
        ("fault_double_line_to_ground", "double", [(3, dict()), (7, dict(r=0.3, g=2))]),
    ):
        found[name] = []
        for at_s, case in cases:
            i, v = fault(kind, **case)
            found[name].append([at_s, f"fault.fault{1 if at_s == 3 else 2}.i_a", i])
            found[name] += [[at_s, f"b.{k + 1}.v_v", v[k]] for k in range(3) if v[k] > 1]
    heavy = [abs(loaded(n, 1.1)[1][0]) for n in (3, 2, 1)]
    found["two_bus_cascade"] = [[t, f"line.c{k + 1}.i_a", heavy[k]] for t, k in ((4, 0), (6, 1), (8, 2))]
    found["two_bus_overload_held"] = [
        [1, "line.c3.i_a", abs(loaded()[1][0])], [3, "line.c3.i_a", abs(loaded(load=1.6)[1][0])],
    ]
    found["two_bus_overload_held"] += [[9, "b.1.v_v", abs(loaded(2, 1.6)[0][0])]]
    v, i = zip(*[loaded(n) for n in (3, 2, 1)])
    found["two_bus_circuit_lost"] = [
        [1, "b.1.v_v", abs(v[0][0])],
        [3, "b.1.v_v", abs(v[1][0])],
        [3, "line.c1.i_a", abs(i[1][0])],
        [5, "b.1.v_v", abs(v[0][0])],
    ]
    e = [E1 * 0.5, E1 * A * A, E1 * A]
    vs = loaded(source=e)[0]
    unbalance = lambda v: 100 * abs(v[0] + A * A * v[1] + A * v[2]) / abs(v[0] + A * v[1] + A * A * v[2])
    found["sag_one_phase"] = [
        *[[3, f"b.{k + 1}.v_v", abs(vs[k])] for k in range(3)],
        [3, "b.unbalance_percent", unbalance(vs)],
        [5, "b.1.v_v", abs(v[0][0])],
    ]
    e = [E1, 0.96 * E1 * A * A * cmath.rect(1, math.radians(4)), 1.03 * E1 * A]
    vs = loaded(source=e)[0]
    found["source_unbalance"] = [
        *[[3, f"b.{k + 1}.v_v", abs(vs[k])] for k in range(3)], [3, "b.unbalance_percent", unbalance(vs)],
    ]
    found["frequency_step"] = [[3, "b.1.v_v", abs(loaded(x=50 / 60)[0][0])], [5, "b.1.v_v", abs(v[0][0])]]
    vf = loaded()[0][0]
    found["phase_jump"] = [[t, "b.1.angle_deg", math.degrees(cmath.phase(vf)) + d] for t, d in ((1, 0), (3, 12))]
    found["phase_jump"] += [[3, "b.1.v_v", abs(vf)]]
    found["load_rejection"] = [[1, "b.1.v_v", abs(vf)], [3, "b.1.v_v", E1]]
    return found


def frozen_faults():
    """IEEE 13 without loads: the reduced system matrix of `opendss_events.py`."""
    rows = json.loads((TESTS / "data/events/ieee13.json").read_text())["unloaded"]
    find = lambda bus, kind, nodes: next(
        max(math.hypot(*i) for i in r["fault_a"]) for r in rows if (r["bus"], r["kind"], r["nodes"]) == (bus, kind, nodes))
    at = {
        3: ("three_phase_to_ground", [1, 2, 3]),
        5: ("line_to_ground", [3]),
        7: ("line_to_line", [2, 3]),
        9: ("double_line_to_ground", [1, 2]),
    }
    currents = lambda bus: [[t, f"fault.{kind}.i_a", find(bus, kind, nodes)] for t, (kind, nodes) in at.items()]
    return {f"ieee13_faults_at_{bus}": currents(bus) for bus in ("671", "634")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    made = {"hand": by_hand(), "opendss": {**by_opendss(), **frozen_faults()}}
    if OUT.exists():
        old = json.loads(OUT.read_text())
        worst = max(
            (abs(a[2] - b[2]) / max(1e-3, abs(a[2])) for s in old for n in old[s] for a, b in zip(old[s][n], made[s][n])),
            default=0,
        )
        print(f"differs by {worst:.1e} of a number")
    if not arguments.check:
        rows = lambda found: ",\n".join(f"{json.dumps(name)}: {json.dumps(rows)}" for name, rows in found.items())
        kinds = [f'"{kind}": {{\n{rows(found)}\n}}' for kind, found in made.items()]
        OUT.write_text("{" + ",\n".join(kinds) + "}\n")


main()
