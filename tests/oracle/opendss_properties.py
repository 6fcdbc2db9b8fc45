#!/usr/bin/env python3
"""What OpenDSS makes of a script: per element, the numbers it would solve with, as JSON.

    pip install dss-python==0.15.7          (engine 0.14.5)
    python tests/oracle/opendss_properties.py FEEDER.dss [OUT.json]
    python tests/oracle/opendss_properties.py --freeze tests/data/opendss

With --freeze, writes x.json beside each x.dss of a folder: `tests/opendss_reader.rs` compares the reader with them.
Values come from the property interface; lines given by code, sequence or matrices also get their series impedance
(ohm) and capacitance (nF) of the whole line out of their primitive admittance matrix, which is what is solved.
"""
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
from dss import DSS

PROPERTIES = {
    "vsource": "bus1 bus2 basekv pu angle phases mvasc3 mvasc1 x1r1 x0r0 isc3 isc1 r1 x1 r0 x0 z1 z0 z2",
    "line": "bus1 bus2 phases switch geometry length units enabled rho",
    "transformer": "phases windings buses conns kvs kvas taps %rs xscarray %noloadloss %imag ppm_antifloat leadlag "
    "bank normhkva emerghkva",
    "regcontrol": "transformer winding vreg band ptratio ctprim r x bus delay tapdelay maxtapchange inversetime "
    "tapwinding vlimit ptphase remoteptratio tapnum",
    "capacitor": "bus1 bus2 phases kvar kv conn numsteps states",
    "capcontrol": "element terminal capacitor type ptratio ctratio onsetting offsetting delay voltoverride vmax vmin "
    "delayoff deadtime ctphase ptphase vbus",
    "reactor": "bus1 bus2 phases conn r x rp z1 z2 z0",
    "load": "phases bus1 kv kw kvar model conn status vminpu vmaxpu vlowpu cvrwatts cvrvars rneut xneut daily yearly "
    "duty zipv",
    "generator": "phases bus1 kv kw kvar model conn status vminpu vmaxpu daily yearly duty",
    "pvsystem": "phases bus1 kv irradiance pmpp %pmpp temperature pf kva %cutin %cutout conn vminpu vmaxpu daily",
    "storage": "phases bus1 kv kwrated kwhrated %stored %reserve state %charge %discharge %effcharge %effdischarge "
    "%idlingkw kva conn vminpu vmaxpu daily",
    "fault": "bus1 bus2 phases r",
    "wiredata": "rdc rac runits gmrac gmrunits radius radunits capradius normamps",
    "cndata": "k diastrand gmrstrand rstrand epsr inslayer diains diacable rdc rac runits gmrac gmrunits radius radunits",
    "tsdata": "diashield tapelayer tapelap epsr inslayer diains diacable rdc rac runits gmrac gmrunits radius radunits",
    "linegeometry": "nconds nphases reduce",
    "loadshape": "npts interval mult qmult hour useactual",
}
# Kept as words even where they look like numbers.
WORDS = set(
    "bus1 bus2 bus buses wire transformer capacitor element bank daily yearly duty geometry units conn conns state status "
    "type vbus ptphase ctphase".split()
)
CONDUCTOR = "wire x h units".split()
WINDING = "rneut xneut mintap maxtap numtaps".split()


def value(text, word=False):
    """A number, a list of numbers or words, or a word."""
    text = text.strip()
    if re.match(r"^[\[({\"].*[\])}\"]$", text):
        return [value(t, word) for t in re.split(r"[,\s|]+", text[1:-1].strip()) if t]
    if word:
        return text.lower()
    try:
        number = float(text)
        return number if math.isfinite(number) else text
    except ValueError:
        return text.lower()


def ask(element, prop):
    DSS.Text.Command = f"? {element}.{prop}"
    return value(DSS.Text.Result, prop in WORDS)


def line_totals(circuit, n):
    """Series impedance and capacitance of the active line, from its primitive admittance matrix."""
    flat = np.array(circuit.ActiveCktElement.Yprim)
    y = (flat[0::2] + 1j * flat[1::2]).reshape(2 * n, 2 * n).T
    series = -y[:n, n:]
    if not np.abs(series).any():
        return None  # open
    z = np.linalg.inv(series)
    c_nf = 2 * (y[:n, :n] - series).imag / (2 * math.pi * circuit.Solution.Frequency) * 1e9
    noise = float(np.abs(series).max() * 1e-15 / (2 * math.pi * circuit.Solution.Frequency) * 1e9)
    return {"r": z.real.tolist(), "x": z.imag.tolist(), "c": c_nf.tolist(), "c_noise": noise}


def dump(path):
    DSS.AllowForms = False
    DSS.AllowEditor = False
    DSS.ClearAll()
    path = Path(path).resolve()
    DSS.Text.Command = "clear"
    DSS.Text.Command = f'cd "{path.parent}"'
    # The reader passes over `solve`, which would move taps.
    lines = path.read_text(encoding="latin-1").splitlines()
    for line in lines:
        if not line.strip().lower().startswith("solve"):
            DSS.Text.Command = line
    circuit = DSS.ActiveCircuit
    circuit.Solution.ControlMode = -1  # taps and capacitors as written
    DSS.Text.Command = "calcvoltagebases"
    DSS.Text.Command = "solve maxiterations=1"
    out = {"circuit": circuit.Name, "frequency_hz": circuit.Solution.Frequency}
    for cls, props in PROPERTIES.items():
        DSS.SetActiveClass(cls)
        names = [n for n in DSS.ActiveClass.AllNames if n.lower() != "none" and n]
        elements = out[cls] = {}
        for name in names:
            full = f"{cls}.{name}"
            if cls == "loadshape" and name == "default":
                continue
            if cls not in ("wiredata", "cndata", "tsdata", "linegeometry", "loadshape"):
                circuit.SetActiveElement(full)
                if not circuit.ActiveCktElement.Enabled:
                    continue
            element = elements[name] = {p: ask(full, p) for p in props.split()}
            if cls == "line":
                circuit.SetActiveElement(full)
                element["nodes"] = [int(n) for n in circuit.ActiveCktElement.NodeOrder]
                element["total"] = line_totals(circuit, circuit.ActiveCktElement.NumConductors)
            if cls == "linegeometry":
                for k in range(1, int(element["nconds"]) + 1):
                    # Selecting a conductor gives it a unit if it has none, so the unit is asked for last.
                    DSS.Text.Command = f"{full}.cond={k}"
                    for p in CONDUCTOR:
                        element.setdefault(p, []).append(ask(full, p))
            if cls == "transformer":
                for k in range(1, int(element["windings"]) + 1):
                    DSS.Text.Command = f"{full}.wdg={k}"
                    for p in WINDING:
                        element.setdefault(p, []).append(ask(full, p))
    return out


def main(arguments):
    if arguments[0] == "--freeze":
        # OpenDSS changes the working folder, so paths are absolute.
        for path in sorted(Path(arguments[1]).resolve().glob("*.dss")):
            text = json.dumps(dump(path), indent=None, separators=(",", ":"))
            path.with_suffix(".json").write_text(re.sub(r'(,"[a-z]+":\{)', r"\n\1", text) + "\n")
            print(path.with_suffix(".json"))
        return
    out = Path(arguments[1]).resolve() if len(arguments) > 1 else None
    text = json.dumps(dump(arguments[0]))
    if out:
        out.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
