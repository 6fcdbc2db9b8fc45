"""Freezes what OpenDSS makes of single elements, for the tests of `solver::element`.

Each case holds an element twice, written by hand: as OpenDSS commands and as this project's feeder model (JSON). Beside
them stand OpenDSS's numbers: the element's primitive admittance, or its terminal voltages and currents. Run it in a
virtual environment with `pip install dss-python==0.15.7 numpy` (engine 0.14.5):

    python tests/oracle/opendss_elements.py

It rewrites tests/data/element/{line,transformer,source,shunt,load,generation}.json.
"""
import json
import math
import pathlib

from dss import DSS

OUT = pathlib.Path(__file__).resolve().parents[1] / "data" / "element"
BASE = {"feeder": "case", "voltage_bases_kv": [], "sources": {}}


def cmd(*lines):
    for line in lines:
        DSS.Text.Command = line


def circuit(frequency=60, kv=12.47):
    cmd("clear", f"set defaultbasefrequency={frequency}", f"new circuit.c bus1=src basekv={kv} phases=3")


def pairs(flat):
    flat = list(map(float, flat))
    return [[flat[k], flat[k + 1]] for k in range(0, len(flat), 2)]


def element(name):
    DSS.ActiveCircuit.SetActiveElement(name)
    return DSS.ActiveCircuit.ActiveCktElement


def yprim(name, commands, model, *, frequency=60, at=None, kv=12.47, **more):
    """One case of a primitive admittance; `at` is another frequency in Hz than the feeder's."""
    circuit(frequency, kv)
    cmd(*commands)
    if at:
        cmd("set mode=direct", f"set frequency={at}")
    cmd("solve")
    target = more.pop("element")
    e = element(target)
    y = pairs(e.Yprim)
    n = math.isqrt(len(y))
    kind, item = target.split(".")
    return {
        "name": name,
        "kind": kind,
        "element": item,
        "f_hz": at or frequency,
        "feeder": BASE | {"frequency_hz": frequency} | model,
        "nodes": [int(k) for k in e.NodeOrder],
        # OpenDSS lists columns first.
        "y_s": [y[j * n + i] for i in range(n) for j in range(n)],
        **more,
    }


def write(name, cases):
    head = "OpenDSS engine 0.14.5 (dss-python 0.15.7), by tests/oracle/opendss_elements.py"
    body = ",\n".join(json.dumps(case) for case in cases)
    (OUT / f"{name}.json").write_text(f'{{"provenance": "{head}", "cases": [\n{body}\n]}}\n')
    print(name, len(cases))


# ---------------------------------------------------------------------------------------------------------- lines

R = [[0.086666667, 0.029545455, 0.02907197], [0.029545455, 0.088371212, 0.029924242], [0.02907197, 0.029924242, 0.087405303]]
X = [[0.204166667, 0.095018939, 0.072897727], [0.095018939, 0.198522727, 0.080227273], [0.072897727, 0.080227273, 0.201723485]]
C = [[2.851710072, -0.920293787, -0.350755566], [-0.920293787, 3.004631862, -0.585011253], [-0.350755566, -0.585011253, 2.71134756]]


def dss_matrix(m):
    return "[" + " | ".join(" ".join(map(repr, row)) for row in m) + "]"


def top(m, n):
    return [row[:n] for row in m[:n]]


def lines():
    out = []
    for n in (1, 2, 3):
        code = (f"new linecode.k nphases={n} units=kft rmatrix={dss_matrix(top(R, n))} "
                f"xmatrix={dss_matrix(top(X, n))} cmatrix={dss_matrix(top(C, n))} rg=0 xg=0")
        nodes = ".".join(["", "2", "3", "1"][: n + 1])
        model = {"line_codes": {"k": {"phases": n, "per": "kft", "impedance": {
            "r_ohm": [row[: i + 1] for i, row in enumerate(top(R, n))], "x_ohm": top(X, n), "c_nf": top(C, n)},
            "earth_return": {"r_ohm": 0, "x_ohm": 0}}},
            "lines": {"a": {"from": f"p{nodes}", "to": f"q{nodes}", "code": "k", "length_ft": 2000}}}
        for f in (None, 300.0):
            out.append(yprim(f"matrix {n} phases at {f}", [code, f"new line.a bus1=p{nodes} bus2=q{nodes} linecode=k length=2000 units=ft"],
                             model, at=f, element="line.a"))
    for n in (1, 2, 3):
        nodes = "".join(f".{k}" for k in range(1, n + 1))
        out.append(yprim(f"sequence {n} phases", [
            f"new linecode.k nphases={n} units=mi r1=0.3 x1=0.6 r0=0.7 x0=1.9 c1=12 c0=5",
            f"new line.a bus1=p{nodes} bus2=q{nodes} linecode=k length=1.7 units=km"],
            {"line_codes": {"k": {"phases": n, "per": "mi", "impedance": {
                "r1_ohm": 0.3, "x1_ohm": 0.6, "r0_ohm": 0.7, "x0_ohm": 1.9, "c1_nf": 12, "c0_nf": 5}}},
             "lines": {"a": {"from": f"p{nodes}", "to": f"q{nodes}", "code": "k", "length_km": 1.7}}},
            frequency=50, element="line.a"))
    out += earth_returns()
    out.append(yprim("switch defaults", ["new line.a bus1=p bus2=q switch=yes"], {"lines": {"a": {
        "from": "p", "to": "q", "phases": 3, "switch": True, "total": {
            "r1_ohm": 1e-3, "x1_ohm": 1e-3, "r0_ohm": 1e-3, "x0_ohm": 1e-3, "c1_nf": 1.1e-3, "c0_nf": 1.0e-3}}}},
        element="line.a"))
    out.append(yprim("switch of ieee13", ["new line.a bus1=p bus2=q phases=3 switch=y r1=1e-4 r0=1e-4 x1=0 x0=0 c1=0 c0=0"],
                     {"lines": {"a": {"from": "p", "to": "q", "phases": 3, "switch": True, "total": {
                         "r1_ohm": 1e-7, "x1_ohm": 0, "r0_ohm": 1e-7, "x0_ohm": 0}}}}, element="line.a"))
    out += geometries()
    return out


def earth_returns():
    """The earth correction away from the nominal frequency: the default one, one of the code's own, a switch's."""
    values = "r1=0.3 x1=0.6 r0=0.7 x0=1.9 c1=12 c0=5"
    impedance = {"r1_ohm": 0.3, "x1_ohm": 0.6, "r0_ohm": 0.7, "x0_ohm": 1.9, "c1_nf": 12, "c0_nf": 5}
    out = []
    for name, text, more in (("default", "", {}), ("own", "rg=0.03 xg=0.2 rho=250",
                              {"earth_return": {"r_ohm": 0.03, "x_ohm": 0.2, "earth_ohm_m": 250}})):
        for n, f in ((1, 150.0), (3, 300.0), (3, 1260.0), (2, 37.0)):
            nodes = "".join(f".{k}" for k in range(1, n + 1))
            out.append(yprim(f"earth return {name} {n} phases at {f}", [
                f"new linecode.k nphases={n} units=mi {values} {text}",
                f"new line.a bus1=p{nodes} bus2=q{nodes} linecode=k length=1.7 units=km"],
                {"line_codes": {"k": {"phases": n, "per": "mi", "impedance": impedance} | more},
                 "lines": {"a": {"from": f"p{nodes}", "to": f"q{nodes}", "code": "k", "length_km": 1.7}}},
                at=f, element="line.a"))
    out.append(yprim("earth return of a switch at 300.0", ["new line.a bus1=p bus2=q switch=yes"], {"lines": {"a": {
        "from": "p", "to": "q", "phases": 3, "switch": True,
        "total": {"r1_ohm": 1e-3, "x1_ohm": 1e-3, "r0_ohm": 1e-3, "x0_ohm": 1e-3, "c1_nf": 1.1e-3, "c0_nf": 1.0e-3},
        "earth_return": {"r_ohm": 0.01805e-3, "x_ohm": 0.155081e-3}}}}, at=300.0, element="line.a"))
    return out


WIRES = {
    "acsr": ("gmrac=0.0244 gmrunits=ft rac=0.306 runits=mi normamps=530",
             {"r_ac_ohm_per_km": 0.306 / 1.609344, "gmr_mm": 0.0244 * 304.8}),
    "full": ("rdc=0.19 rac=0.20 runits=km gmrac=7.2 gmrunits=mm diam=18.8 radunits=mm capradius=10.5",
             {"r_dc_ohm_per_km": 0.19, "r_ac_ohm_per_km": 0.20, "gmr_mm": 7.2, "radius_mm": 9.4, "capacitance_radius_mm": 10.5}),
    "neutral": ("rdc=0.36 runits=km radius=5.2 radunits=mm", {"r_dc_ohm_per_km": 0.36, "radius_mm": 5.2}),
}
CN = ("rac=0.105 runits=km diam=14.4 radunits=mm gmrac=5.2 gmrunits=mm epsr=2.3 inslayer=5.6 diains=27.2 diacable=32.8 "
      "k=13 diastrand=1.63 gmrstrand=0.6346 rstrand=9.18",
      {"conductor": {"r_ac_ohm_per_km": 0.105, "gmr_mm": 5.2, "radius_mm": 7.2}, "permittivity": 2.3, "insulation_mm": 5.6,
       "insulation_diameter_mm": 27.2, "cable_diameter_mm": 32.8,
       "strands": {"count": 13, "diameter_mm": 1.63, "gmr_mm": 0.6346, "r_ohm_per_km": 9.18}})
TS = ("rac=0.27 runits=km diam=9.35 radunits=mm gmrac=3.4 gmrunits=mm epsr=2.3 inslayer=5.6 diains=20.8 diacable=26.9 "
      "diashield=22.35 tapelayer=0.127 tapelap=20",
      {"conductor": {"r_ac_ohm_per_km": 0.27, "gmr_mm": 3.4, "radius_mm": 4.675}, "permittivity": 2.3, "insulation_mm": 5.6,
       "insulation_diameter_mm": 20.8, "cable_diameter_mm": 26.9,
       "tape": {"diameter_mm": 22.35, "thickness_mm": 0.127, "lap_percent": 20}})
EARTH = {"carson": "carson", "full_carson": "fullcarson", "deri": "deri"}
OVERHEAD = [("acsr", -1.2, 8.5), ("full", -0.4, 8.8), ("acsr", 0.9, 8.5), ("neutral", 0.0, 7.3)]


def geometry(name, conductors, phases, *, earth="deri", reduce=True, rho=None, at=None, frequency=60):
    data, wires, cables = [], {}, {}
    for kind in dict.fromkeys(c[0] for c in conductors):
        if kind in WIRES:
            data.append(f"new wiredata.{kind} {WIRES[kind][0]}")
            wires[kind] = WIRES[kind][1]
        elif kind == "cn":
            data.append(f"new cndata.cn {CN[0]}")
            cables["cn"] = CN[1]
        else:
            data.append(f"new tsdata.ts {TS[0]}")
            cables["ts"] = TS[1]
    key = {"cn": "cncable", "ts": "tscable"}
    spec = " ".join(f"cond={i + 1} {key.get(k, 'wire')}={k} x={x} h={h} units=m" for i, (k, x, h) in enumerate(conductors))
    n = phases if reduce else len(conductors)
    nodes = "".join(f".{k}" for k in range(1, n + 1))
    commands = data + [
        f"set earthmodel={EARTH[earth]}",
        f"new linegeometry.g nconds={len(conductors)} nphases={phases} {spec} reduce={'yes' if reduce else 'no'}",
        f"new line.a bus1=p{nodes} bus2=q{nodes} geometry=g length=1.3 units=km earthmodel={EARTH[earth]}" + (f" rho={rho}" if rho else "")]
    line = {"from": f"p{nodes}", "to": f"q{nodes}", "geometry": "g", "length_km": 1.3}
    if rho:
        line["earth_ohm_m"] = rho
    model = {"earth_model": earth, "wires": wires, "cables": cables, "lines": {"a": line}, "geometries": {"g": {
        "phases": phases, "reduce": reduce, "conductors": [
            {"cable" if k in key else "wire": k, "x_m": x, "h_m": h} for k, x, h in conductors]}}}
    return yprim(name, commands, model, at=at, frequency=frequency, element="line.a")


def geometries():
    out = []
    for earth in EARTH:
        out.append(geometry(f"overhead {earth}", OVERHEAD, 3, earth=earth))
        out.append(geometry(f"overhead {earth}, 250 ohm m, 50 Hz", OVERHEAD, 3, earth=earth, rho=250, frequency=50))
        out.append(geometry(f"overhead {earth} at 20 Hz", OVERHEAD, 3, earth=earth, at=20.0))
        out.append(geometry(f"overhead {earth} at 780 Hz", OVERHEAD, 3, earth=earth, at=780.0))
        out.append(geometry(f"overhead {earth} at 3 kHz", OVERHEAD, 3, earth=earth, at=3000.0))
        out.append(geometry(f"one wire {earth}", [("full", 0.0, 9.0)], 1, earth=earth))
    out.append(geometry("overhead, neutral kept", OVERHEAD, 3, reduce=False))
    out.append(geometry("two phases and a neutral", OVERHEAD[1:], 2))
    for earth in EARTH:
        cables = [("cn", -0.15, -1.2), ("cn", 0.0, -1.2), ("cn", 0.15, -1.2)]
        out.append(geometry(f"concentric neutrals {earth}", cables, 3, earth=earth))
        tapes = [("ts", 0.0, -1.2), ("neutral", 0.08, -1.2)]
        out.append(geometry(f"tape shield and neutral {earth}", tapes, 1, earth=earth))
    out.append(geometry("concentric neutrals and a bare neutral", cables + [("neutral", 0.3, -1.1)], 3))
    out.append(geometry("concentric neutrals at 1.5 kHz", cables, 3, at=1500.0))
    return out


# --------------------------------------------------------------------------------------------------- transformers

def transformer(name, windings, *, phases=3, x=(6.0,), more="", model=None, frequency=60, at=None):
    """`windings`: (bus, connection, kV, kVA, %R, tap, rneut or None, xneut)."""
    n = len(windings)
    parts = [f"new transformer.a phases={phases} windings={n}"]
    rows = []
    for k, (bus, conn, kv, kva, r, tap, rneut, xneut) in enumerate(windings):
        grounding = "" if rneut is None else f" rneut={rneut} xneut={xneut}"
        parts.append(f"wdg={k + 1} bus={bus} conn={conn} kv={kv} kva={kva} %r={r} tap={tap}{grounding}")
        row = {"bus": bus, "connection": conn, "v_kv": kv, "s_kva": kva, "r_percent": r, "tap_pu": tap}
        if rneut is not None:
            row |= {"neutral_r_ohm": rneut, "neutral_x_ohm": xneut}
        rows.append(row)
    # OpenDSS resets the other windings' kVA with the first one's, so those are written again.
    parts.append(f"kvas=[{' '.join(str(w[3]) for w in windings)}]")
    parts.append(f"xscarray=[{' '.join(map(str, x))}]" if n > 3 else " ".join(
        f"{key}={value}" for key, value in zip(("xhl", "xht", "xlt"), x)))
    parts.append(more)
    item = {"phases": phases, "windings": rows, "x_percent": list(x)} | (model or {})
    return yprim(name, [" ".join(parts)], {"transformers": {"a": item}}, frequency=frequency, at=at, element="transformer.a")


def transformers():
    out = []
    core = dict(more="%noloadloss=0.4 %imag=0.7 ppm_antifloat=3", model={
        "no_load_loss_percent": 0.4, "magnetizing_percent": 0.7, "anti_float_ppm": 3.0})
    for high in ("wye", "delta"):
        for low in ("wye", "delta"):
            for lead in ("lag", "lead"):
                for up in (False, True):
                    w = [("p", high, 12.47, 6000, 0.5, 1.0, None, 0), ("q", low, 4.16, 6000, 0.6, 1.025, None, 0)]
                    if up:
                        w = [("p", high, 4.16, 5000, 0.5, 0.975, None, 0), ("q", low, 12.47, 5000, 0.6, 1.0, None, 0)]
                    out.append(transformer(f"{high}-{low} {lead}{' step-up' if up else ''}", w,
                                           more=core["more"] + f" leadlag={lead}", model=core["model"] | {"phase_shift": lead}))
    out.append(transformer("defaults", [("p", "wye", 115, 5000, 0.2, 1.0, None, 0), ("q", "wye", 4.16, 5000, 0.2, 1.0, None, 0)]))
    out.append(transformer("no anti-float", [("p", "wye", 115, 5000, 0.2, 1.0, None, 0), ("q", "delta", 4.16, 5000, 0.2, 1.0, None, 0)],
                           more="ppm=0", model={"anti_float_ppm": 0.0}))
    out.append(transformer("grounding", [("p.1.2.3.4", "wye", 12.47, 5000, 0.2, 1.0, 2.5, 1.5), ("q.1.2.3.4", "wye", 4.16, 5000, 0.2, 1.0, 0.0, 0)]))
    out.append(transformer("grounding at 420 Hz", [("p.1.2.3.4", "wye", 12.47, 5000, 0.2, 1.0, 2.5, 1.5), ("q.1.2.3.4", "delta", 4.16, 5000, 0.2, 1.0, None, 0)], at=420.0, **core))
    constant = dict(more=core["more"] + " xrconst=yes", model=core["model"] | {"constant_x_over_r": True})
    out.append(transformer("constant X/R at 420 Hz", [("p", "delta", 12.47, 6000, 0.5, 1.0, None, 0), ("q", "wye", 4.16, 6000, 0.6, 1.025, None, 0)], at=420.0, **constant))
    out.append(transformer("floating neutral", [("p.1.2.3.4", "wye", 12.47, 5000, 0.2, 1.0, None, 0), ("q.2.3.1", "delta", 4.16, 5000, 0.2, 1.0, None, 0)]))
    out.append(transformer("regulator", [("p.2", "wye", 2.4, 1666, 0.005, 1.0, None, 0), ("q.2", "wye", 2.4, 1666, 0.005, 1.05625, None, 0)], phases=1, x=(0.01,)))
    out.append(transformer("two-winding delta to delta leg", [("p.1.2", "delta", 12.47, 100, 0.8, 1.0, None, 0), ("q.1.2", "delta", 0.24, 100, 0.9, 1.0, None, 0)], phases=1))
    out.append(transformer("open delta leg", [("p.3.1", "wye", 12.47, 100, 0.8, 1.0, None, 0), ("q.2.3", "delta", 0.24, 100, 0.9, 1.0, None, 0)], phases=1, **core))
    out.append(transformer("one-phase delta by a single node", [("p.2", "delta", 7.2, 100, 0.8, 1.0, None, 0), ("q.2", "wye", 0.24, 100, 0.9, 1.0, None, 0)], phases=1))
    out.append(transformer("centre tap", [("p.1.0", "wye", 7.2, 25, 0.6, 1.0, None, 0), ("q.1.0", "wye", 0.12, 25, 1.2, 1.0, None, 0), ("q.0.2", "wye", 0.12, 25, 1.2, 1.0, None, 0)],
                           phases=1, x=(2.04, 2.04, 1.36), more="%noloadloss=0.2 %imag=0.5", model={"no_load_loss_percent": 0.2, "magnetizing_percent": 0.5}))
    out.append(transformer("three windings", [("p", "wye", 115, 20000, 0.3, 1.0, 0.0, 0), ("q", "delta", 12.47, 15000, 0.4, 1.0125, None, 0), ("r.1.2.3.4", "wye", 4.16, 5000, 0.5, 0.9875, 1.0, 0.0)],
                           x=(8.0, 12.0, 5.0), **core))
    out.append(transformer("three windings, delta first", [("p", "delta", 115, 20000, 0.3, 1.0, None, 0), ("q", "wye", 12.47, 15000, 0.4, 1.0, None, 0), ("r", "delta", 4.16, 5000, 0.5, 1.0, None, 0)], x=(8.0, 12.0, 5.0)))
    out.append(transformer("four windings", [("p", "wye", 115, 20000, 0.3, 1.0, None, 0), ("q", "delta", 12.47, 15000, 0.4, 1.0, None, 0), ("r", "wye", 4.16, 5000, 0.5, 1.0, None, 0), ("s", "wye", 2.4, 5000, 0.7, 0.95, None, 0)],
                           x=(8.0, 12.0, 15.0, 5.0, 6.0, 4.0)))
    for high in ("wye", "delta"):
        for low in ("wye", "delta"):
            out.append(transformer(f"two phases {high}-{low}", [("p.1.2.3", high, 12.47, 300, 0.3, 1.0, None, 0), ("q.1.2.3", low, 0.48, 300, 0.4, 1.0, None, 0)], phases=2))
    out.append(transformer("50 Hz", [("p", "delta", 11, 500, 0.5, 1.05, None, 0), ("q.1.2.3.4", "wye", 0.416, 500, 0.5, 1.0, 0.0, 0)], frequency=50, **core))
    out.append(transformer("tap of zero", [("p", "wye", 12.47, 500, 0.5, 1.0, None, 0), ("q", "wye", 4.16, 500, 0.5, 0.0, None, 0)]))
    return out


# -------------------------------------------------------------------------------------------------------- sources

def source(name, text, model, *, at=None, frequency=60):
    """A second source, so that the circuit's own does not matter; its voltages are those behind its impedance."""
    model = {"bus": "p"} | model
    out = yprim(name, [f"new vsource.a bus1={model['bus']} {text}"], {"sources": {"a": model}}, element="vsource.a", at=at, frequency=frequency)
    n = model.get("phases", 3)
    # At no load the bus takes the emf.
    circuit(frequency)
    cmd(f"edit vsource.source bus1={model['bus']} {text}", "solve")
    DSS.ActiveCircuit.SetActiveBus("p")
    out["emf_v"] = pairs(DSS.ActiveCircuit.ActiveBus.Voltages)[:n]
    return out


def sources():
    out = []
    for phases in (1, 2, 3):
        bus = "p" + "".join(f".{k}" for k in range(1, phases + 1))
        b = {"bus": bus, "phases": phases}
        out.append(source(f"default strength, {phases} phases", f"phases={phases} basekv=115", b | {"v_kv": 115}))
        out.append(source(f"MVAsc, {phases} phases", f"phases={phases} basekv=115 pu=1.0001 angle=30 mvasc3=20000 mvasc1=21000",
                          b | {"v_kv": 115, "v_pu": 1.0001, "angle_deg": 30, "mvasc3": 20000, "mvasc1": 21000}))
        out.append(source(f"Isc, {phases} phases", f"phases={phases} basekv=12.47 isc3=9000 isc1=8000 x1r1=6 x0r0=2.5",
                          b | {"v_kv": 12.47, "isc3_a": 9000, "isc1_a": 8000, "x1_over_r1": 6, "x0_over_r0": 2.5}))
        out.append(source(f"ohms, {phases} phases", f"phases={phases} basekv=230 pu=1.05 r1=0.5 x1=2.1 r0=0.8 x0=3.1",
                          b | {"v_kv": 230, "v_pu": 1.05, "r1_ohm": 0.5, "x1_ohm": 2.1, "r0_ohm": 0.8, "x0_ohm": 3.1}))
    out.append(source("negative sequence", "basekv=12.47 z1=[0.5 2.1] z2=[0.4 1.7] z0=[0.8 3.1]",
                      {"v_kv": 12.47, "r1_ohm": 0.5, "x1_ohm": 2.1, "r2_ohm": 0.4, "x2_ohm": 1.7, "r0_ohm": 0.8, "x0_ohm": 3.1}))
    out.append(source("ohms at 420 Hz", "basekv=230 r1=0.5 x1=2.1 r0=0.8 x0=3.1",
                      {"v_kv": 230, "r1_ohm": 0.5, "x1_ohm": 2.1, "r0_ohm": 0.8, "x0_ohm": 3.1}, at=420.0))
    return out


# --------------------------------------------------------------------------------------------------------- shunts

def shunts():
    out = []

    def capacitor(name, text, model, **more):
        model = {"bus": "p"} | model
        to = f"bus2={model['to']} " if "to" in model else ""
        # The connection goes first: it sets the number of conductors that a bus default fills.
        out.append(yprim(name, [f"new capacitor.a {text.split('|', 1)[0]} bus1={model['bus']} {to}{text.split('|', 1)[1]}"],
                         {"capacitors": {"a": model}}, element="capacitor.a", **more))

    capacitor("wye bank", "phases=3|kv=4.16 kvar=600", {"v_kv": 4.16, "q_kvar": [600]})
    capacitor("wye bank at 420 Hz", "phases=3|kv=4.16 kvar=600", {"v_kv": 4.16, "q_kvar": [600]}, at=420.0)
    capacitor("one phase", "phases=1|kv=2.4 kvar=100", {"bus": "p.3", "phases": 1, "v_kv": 2.4, "q_kvar": [100]})
    capacitor("two-phase wye", "phases=2|kv=4.16 kvar=100", {"bus": "p.2.3", "phases": 2, "v_kv": 4.16, "q_kvar": [100]})
    capacitor("floating wye", "phases=3|kv=4.16 kvar=600", {"bus": "p.1.2.3", "to": "p.4.4.4", "v_kv": 4.16, "q_kvar": [600]})
    for phases in (1, 2, 3):
        bus = ["", "p.1.2", "p.1.2.3", "p.1.2.3"][phases]
        capacitor(f"delta, {phases} phases", f"phases={phases} conn=delta|kv=4.16 kvar=300",
                  {"bus": bus, "phases": phases, "connection": "delta", "v_kv": 4.16, "q_kvar": [300]})
    capacitor("series", "phases=3|kv=12.47 kvar=5000", {"to": "q", "v_kv": 12.47, "q_kvar": [5000]})
    capacitor("steps, one open", "phases=3|kv=4.16 numsteps=3 kvar=[200 200 200] states=[1 0 1]",
              {"v_kv": 4.16, "q_kvar": [200, 200, 200], "closed": [True, False, True]})
    capacitor("tuned wye", "phases=3|kv=4.16 kvar=600 r=0.1 xl=1.2", {"v_kv": 4.16, "q_kvar": [600], "r_ohm": [0.1], "x_ohm": [1.2]})
    capacitor("tuned wye without R at 300 Hz", "phases=3|kv=4.16 kvar=600 xl=1.2", {"v_kv": 4.16, "q_kvar": [600], "x_ohm": [1.2]}, at=300.0)
    capacitor("tuned delta", "phases=3 conn=delta|kv=4.16 kvar=600 r=0.1 xl=1.2",
              {"connection": "delta", "v_kv": 4.16, "q_kvar": [600], "r_ohm": [0.1], "x_ohm": [1.2]}, loose=True)

    def reactor(name, text, model, **more):
        model = {"bus": "p"} | model
        to = f"bus2={model['to']} " if "to" in model else ""
        out.append(yprim(name, [f"new reactor.a {text.split('|', 1)[0]} bus1={model['bus']} {to}{text.split('|', 1)[1]}"],
                         {"reactors": {"a": model}}, element="reactor.a", **more))

    reactor("series", "phases=3|r=0.1 x=1.5", {"to": "q", "r_ohm": 0.1, "x_ohm": 1.5})
    reactor("series at 420 Hz", "phases=3|r=0.1 x=1.5", {"to": "q", "r_ohm": 0.1, "x_ohm": 1.5}, at=420.0)
    reactor("shunt by kvar", "phases=3|kv=12.47 kvar=1200", {"v_kv": 12.47, "q_kvar": 1200})
    reactor("shunt by kvar with R and Rp", "phases=3|kv=12.47 kvar=1200 r=2 rp=9000", {"v_kv": 12.47, "q_kvar": 1200, "r_ohm": 2, "parallel_ohm": 9000})
    for phases in (1, 2, 3):
        bus = ["", "p.1.2", "p.1.2.3", "p.1.2.3"][phases]
        reactor(f"delta, {phases} phases", f"phases={phases} conn=delta|kv=4.16 kvar=300",
                {"bus": bus, "phases": phases, "connection": "delta", "v_kv": 4.16, "q_kvar": 300})
    reactor("grounding", "phases=1|r=5 x=0", {"bus": "p.4", "phases": 1, "r_ohm": 5, "x_ohm": 0})
    reactor("sequence", "phases=3|z1=[1 6] z0=[2 9]", {"to": "q", "z1_ohm": [1, 6], "z0_ohm": [2, 9]})
    reactor("negative sequence", "phases=3|z1=[1 6] z2=[0.7 4] z0=[2 9]",
            {"to": "q", "z1_ohm": [1, 6], "z2_ohm": [0.7, 4], "z0_ohm": [2, 9]})
    reactor("two-phase sequence", "phases=2|z1=[1 6] z0=[2 9]", {"bus": "p.1.2", "to": "q.1.2", "phases": 2, "z1_ohm": [1, 6], "z0_ohm": [2, 9]})
    rm, xm = [[1.0, 0.2, 0.3], [0.2, 1.1, 0.1], [0.3, 0.1, 0.9]], [[6.0, 1.2, 1.3], [1.2, 6.1, 1.1], [1.3, 1.1, 5.9]]
    m = {"to": "q", "r_matrix_ohm": rm, "x_matrix_ohm": xm}
    reactor("matrices", f"phases=3|rmatrix={dss_matrix(rm)} xmatrix={dss_matrix(xm)}", m)
    reactor("matrices in parallel at 180 Hz", f"phases=3|rmatrix={dss_matrix(rm)} xmatrix={dss_matrix(xm)} parallel=yes", m | {"parallel": True}, at=180.0)

    def fault(name, text, model):
        to = f"bus2={model['to']} " if "to" in model else ""
        out.append(yprim(name, [f"new fault.a {text} bus1={model['bus']} {to}"], {"faults": {"a": model}}, element="fault.a"))

    fault("default to ground", "phases=1", {"bus": "p.2"})
    fault("three phases", "phases=3 r=0.5", {"bus": "p", "phases": 3, "r_ohm": 0.5})
    fault("between phases", "phases=1 r=0.02", {"bus": "p.1", "to": "p.2", "r_ohm": 0.02})
    return out


# ------------------------------------------------------------------------------------- loads and power sources

LEVELS = [0.3, 0.52, 0.75, 0.93, 0.96, 1.0, 1.04, 1.07, 1.25]


def at_voltages(name, kind, text, model, *, kv_ln, neutral=None, mult=1.0, delta=False, setup=(), mode=()):
    """The element at a stiff bus, each phase at another of LEVELS; voltages and currents of its conductors."""
    points = []
    for k, level in enumerate(LEVELS):
        cmd("clear", "set defaultbasefrequency=60", f"new circuit.c bus1=far basekv={kv_ln}")
        for phase in range(3):
            # A delta branch is only at a chosen level when its phases are alike.
            pu = level if delta else LEVELS[(k + 4 * phase) % len(LEVELS)]
            cmd(f"new vsource.s{phase} bus1=p.{phase + 1} phases=1 basekv={kv_ln} pu={pu} angle={-120 * phase} r1=1e-6 x1=1e-6")
        if neutral is not None:
            cmd(f"new vsource.n bus1=p.4 phases=1 basekv={kv_ln} pu={neutral} angle=77 r1=1e-6 x1=1e-6")
        cmd(*setup, f"new {kind}.a {text}", f"set loadmult={mult}", "set tolerance=1e-13 maxiterations=500 controlmode=off", *mode, "solve")
        e = element(f"{kind}.a")
        points.append({"v_v": pairs(e.Voltages), "i_a": pairs(e.Currents)})
    section = {"load": "loads", "generator": "generators", "pvsystem": "pv_systems", "storage": "storages"}[kind]
    y = pairs(element(f"{kind}.a").Yprim)
    n = math.isqrt(len(y))
    return {"name": name, "kind": kind, "element": "a", "multiplier": mult, "feeder": BASE | {section: {"a": model}},
            "nodes": [int(k) for k in e.NodeOrder], "y_s": [y[j * n + i] for i in range(n) for j in range(n)], "points": points}


def loads():
    out = []
    zip_ = [0.3, 0.2, 0.5, 0.1, 0.6, 0.3, 0.55]
    kinds = [(1, "constant_power", "", {}), (2, "constant_impedance", "", {}), (3, "motor_constant_p", "", {}),
             (4, "exponential", "", {}), (4, "exponential", " cvrwatts=0.8 cvrvars=3", {"cvr_watts": 0.8, "cvr_vars": 3}),
             (4, "exponential", " cvrwatts=1.3 cvrvars=1.7", {"cvr_watts": 1.3, "cvr_vars": 1.7}),
             (5, "constant_current", "", {}), (6, "fixed_q", "", {}), (7, "fixed_x", "", {}),
             (8, "zip", f" zipv=[{' '.join(map(str, zip_))}]", {"zip": zip_}),
             (8, "zip", f" zipv=[{' '.join(map(str, zip_[:6]))} 0]", {"zip": zip_[:6] + [0.0]})]
    for number, key, more, extra in kinds:
        for mult in (1.0, 0.7):
            base = {"model": key, "p_kw": 300, "q_kvar": 120} | extra
            out.append(at_voltages(f"model {number}{more} wye, multiplier {mult}", "load",
                                   f"bus1=p phases=3 kv={7.2 * 3 ** 0.5} kw=300 kvar=120 model={number}{more}",
                                   base | {"bus": "p", "v_kv": 7.2 * 3 ** 0.5}, kv_ln=7.2, mult=mult))
        out.append(at_voltages(f"model {number}{more} delta", "load",
                               f"bus1=p phases=3 conn=delta kv={7.2 * 3 ** 0.5} kw=300 kvar=-120 model={number}{more}",
                               base | {"bus": "p", "connection": "delta", "q_kvar": -120, "v_kv": 7.2 * 3 ** 0.5}, kv_ln=7.2, delta=True))
        out.append(at_voltages(f"model {number}{more} one phase, own band", "load",
                               f"bus1=p.2 phases=1 kv=7.2 kw=300 kvar=120 model={number} vminpu=0.85 vmaxpu=1.2 vlowpu=0.6{more}",
                               base | {"bus": "p.2", "phases": 1, "v_kv": 7.2, "v_min_pu": 0.85, "v_max_pu": 1.2, "v_low_pu": 0.6}, kv_ln=7.2))
    base = {"p_kw": 300, "q_kvar": 120}
    out.append(at_voltages("two phases wye", "load", "bus1=p.1.2 phases=2 kv=0.208 kw=300 kvar=120",
                           base | {"bus": "p.1.2", "phases": 2, "v_kv": 0.208}, kv_ln=0.12))
    out.append(at_voltages("one phase between nodes, delta", "load", f"bus1=p.3.1 phases=1 conn=delta kv={7.2 * 3 ** 0.5} kw=300 kvar=120",
                           base | {"bus": "p.3.1", "phases": 1, "connection": "delta", "v_kv": 7.2 * 3 ** 0.5}, kv_ln=7.2, delta=True))
    out.append(at_voltages("one phase between nodes, wye", "load", f"bus1=p.3.1 phases=1 kv={7.2 * 3 ** 0.5} kw=300 kvar=120",
                           base | {"bus": "p.3.1", "phases": 1, "v_kv": 7.2 * 3 ** 0.5}, kv_ln=7.2, delta=True))
    out.append(at_voltages("open delta", "load", f"bus1=p.1.2.3 phases=2 conn=delta kv={7.2 * 3 ** 0.5} kw=300 kvar=120",
                           base | {"bus": "p.1.2.3", "phases": 2, "connection": "delta", "v_kv": 7.2 * 3 ** 0.5}, kv_ln=7.2, delta=True))
    out.append(at_voltages("fourth wire", "load", f"bus1=p.1.2.3.4 phases=3 kv={7.2 * 3 ** 0.5} kw=300 kvar=120",
                           base | {"bus": "p.1.2.3.4", "v_kv": 7.2 * 3 ** 0.5}, kv_ln=7.2, neutral=0.05))
    out.append(at_voltages("negative power", "load", f"bus1=p phases=3 kv={7.2 * 3 ** 0.5} kw=-300 kvar=20",
                           {"bus": "p", "v_kv": 7.2 * 3 ** 0.5, "p_kw": -300, "q_kvar": 20}, kv_ln=7.2))
    return out


def generation():
    out = []
    kv3 = 7.2 * 3 ** 0.5
    places = [("wye", f"bus1=p phases=3 kv={kv3}", {"bus": "p", "v_kv": kv3}, False),
              ("delta", f"bus1=p phases=3 conn=delta kv={kv3}", {"bus": "p", "connection": "delta", "v_kv": kv3}, True),
              ("one phase", "bus1=p.2 phases=1 kv=7.2", {"bus": "p.2", "phases": 1, "v_kv": 7.2}, False),
              ("one-phase delta", f"bus1=p.2.3 phases=1 conn=delta kv={kv3}", {"bus": "p.2.3", "phases": 1, "connection": "delta", "v_kv": kv3}, True),
              ("two phases", f"bus1=p.1.2 phases=2 kv={kv3}", {"bus": "p.1.2", "phases": 2, "v_kv": kv3}, False),
              ("open delta", f"bus1=p.1.2.3 phases=2 conn=delta kv={kv3}", {"bus": "p.1.2.3", "phases": 2, "connection": "delta", "v_kv": kv3}, True)]
    for place, text, model, delta in places:
        for number, key in ((1, "constant_power"), (2, "constant_impedance")):
            m = model | {"model": key}
            out.append(at_voltages(f"generator {place} model {number}", "generator", f"{text} kw=300 kvar=120 model={number}",
                                   m | {"p_kw": 300, "q_kvar": 120}, kv_ln=7.2, delta=delta))
            out.append(at_voltages(f"pv {place} model {number}", "pvsystem", f"{text} kva=500 pmpp=400 irradiance=0.8 model={number}",
                                   m | {"s_kva": 500, "p_mpp_kw": 400, "irradiance_kw_per_m2": 0.8, "q_priority": True}, kv_ln=7.2, delta=delta))
            out.append(at_voltages(f"storage {place} model {number}", "storage", f"{text} kwrated=300 kwhrated=900 state=discharging %discharge=80 model={number}",
                                   m | {"p_rated_kw": 300, "e_rated_kwh": 900, "state": "discharging", "discharge_percent": 80}, kv_ln=7.2, delta=delta))
    out.append(at_voltages("generator, own band", "generator", f"bus1=p phases=3 kv={kv3} kw=300 pf=-0.9 vminpu=0.8 vmaxpu=1.2",
                           {"bus": "p", "v_kv": kv3, "p_kw": 300, "q_kvar": -300 * math.sqrt(1 / 0.81 - 1), "v_min_pu": 0.8, "v_max_pu": 1.2}, kv_ln=7.2))
    curves = ["new xycurve.t npts=4 xarray=[0 25 75 100] yarray=[1.2 1.0 0.8 0.6]", "new xycurve.e npts=4 xarray=[0.1 0.2 0.4 1.0] yarray=[0.86 0.9 0.93 0.97]"]
    t, e = [[0, 1.2], [25, 1.0], [75, 0.8], [100, 0.6]], [[0.1, 0.86], [0.2, 0.9], [0.4, 0.93], [1.0, 0.97]]
    pv = {"bus": "p", "v_kv": kv3, "s_kva": 500, "p_mpp_kw": 500}
    variants = [
        ("temperature and efficiency", "irradiance=0.9 temperature=60 p-tcurve=t effcurve=e", {"irradiance_kw_per_m2": 0.9, "temperature_c": 60, "temperature_curve": t, "efficiency_curve": e, "q_priority": True}),
        ("beyond the curves", "irradiance=1.3 temperature=-10 p-tcurve=t effcurve=e", {"irradiance_kw_per_m2": 1.3, "temperature_c": -10, "temperature_curve": t, "efficiency_curve": e, "q_priority": True}),
        ("cut out", "irradiance=0.19", {"irradiance_kw_per_m2": 0.19, "q_priority": True}),
        ("cut out keeps its kvar", "irradiance=0.19 kvar=100", {"irradiance_kw_per_m2": 0.19, "q_kvar": 100, "q_priority": True}),
        ("just on", "irradiance=0.21", {"irradiance_kw_per_m2": 0.21, "q_priority": True}),
        ("panel share", "irradiance=0.9 %pmpp=40", {"irradiance_kw_per_m2": 0.9, "p_mpp_percent": 40, "q_priority": True}),
        ("power factor", "irradiance=0.7 pf=0.9", {"irradiance_kw_per_m2": 0.7, "power_factor": 0.9, "q_priority": True}),
        ("negative power factor", "irradiance=0.7 pf=-0.95", {"irradiance_kw_per_m2": 0.7, "power_factor": -0.95, "q_priority": True}),
        ("power factor, Q first", "irradiance=1 pf=0.8", {"power_factor": 0.8, "q_priority": True}),
        ("power factor, P first", "irradiance=1 pf=0.8 wattpriority=yes", {"power_factor": 0.8}),
        ("kvar, Q first", "irradiance=1 kvar=-200", {"q_kvar": -200, "q_priority": True}),
        ("kvar, P first", "irradiance=0.95 kvar=-200 wattpriority=yes", {"irradiance_kw_per_m2": 0.95, "q_kvar": -200}),
        ("over its rating, P first", "irradiance=1.2 %pmpp=130 kvar=-200 wattpriority=yes", {"irradiance_kw_per_m2": 1.2, "p_mpp_percent": 130, "q_kvar": -200}),
        ("kvar limit", "irradiance=0.5 kvar=400 kvarmax=150", {"irradiance_kw_per_m2": 0.5, "q_kvar": 400, "q_max_kvar": 150, "q_priority": True}),
        ("power factor at kvar limit", "irradiance=0.9 pf=-0.8 kvarmax=150", {"irradiance_kw_per_m2": 0.9, "power_factor": -0.8, "q_max_kvar": 150, "q_priority": True}),
    ]
    for name, text, model in variants:
        out.append(at_voltages(f"pv {name}", "pvsystem", f"bus1=p phases=3 kv={kv3} kva=500 pmpp=500 {text}", pv | model, kv_ln=7.2, setup=curves))
    # OpenDSS limits kvar to 25 where neither kVA nor kvarmax is written, whatever the rating, and lets P give way.
    store = {"bus": "p", "v_kv": kv3, "p_rated_kw": 300, "e_rated_kwh": 900, "q_max_kvar": 25, "q_priority": True}
    variants = [
        ("idling", "state=idling", {}),
        ("idling losses", "state=idling %idlingkw=3", {"idling_percent": 3}),
        ("idling losses by efficiency", "state=idling %idlingkw=3 effcurve=e", {"idling_percent": 3, "efficiency_curve": e}),
        ("idling with kvar", "state=idling kvar=80", {"q_kvar": 80}),
        ("idling at its rating", "state=idling kvar=320 kva=320", {"q_kvar": 320, "s_kva": 320, "q_max_kvar": 320}),
        ("charging", "state=charging %stored=50 %charge=70", {"state": "charging", "stored_percent": 50, "charge_percent": 70}),
        ("charging when full", "state=charging", {"state": "charging"}),
        ("discharging", "state=discharging %discharge=60 pf=0.9", {"state": "discharging", "discharge_percent": 60, "power_factor": 0.9}),
        ("discharging by efficiency", "state=discharging %discharge=60 effcurve=e", {"state": "discharging", "discharge_percent": 60, "efficiency_curve": e}),
        ("discharging at reserve", "state=discharging %stored=20", {"state": "discharging", "stored_percent": 20}),
        ("own reserve", "state=discharging %stored=20 %reserve=10", {"state": "discharging", "stored_percent": 20, "reserve_percent": 10}),
        ("charging at a power factor", "state=charging %stored=50 pf=-0.95 kva=320", {"state": "charging", "stored_percent": 50, "power_factor": -0.95, "s_kva": 320, "q_max_kvar": 320}),
        ("P first", "state=discharging kvar=200 kva=320 wattpriority=yes", {"state": "discharging", "q_kvar": 200, "s_kva": 320, "q_max_kvar": 320, "q_priority": False}),
        ("kvar limit", "state=discharging %discharge=50 kvar=200 kva=320 kvarmax=110", {"state": "discharging", "discharge_percent": 50, "q_kvar": 200, "s_kva": 320, "q_max_kvar": 110}),
        ("over its rating", "state=discharging kvar=200 kva=320", {"state": "discharging", "q_kvar": 200, "s_kva": 320, "q_max_kvar": 320}),
        ("over its rating, charging", "state=charging %stored=50 kvar=200 kva=320", {"state": "charging", "stored_percent": 50, "q_kvar": 200, "s_kva": 320, "q_max_kvar": 320}),
    ]
    for name, text, model in variants:
        out.append(at_voltages(f"storage {name}", "storage", f"bus1=p phases=3 kv={kv3} kwrated=300 kwhrated=900 {text}", store | model, kv_ln=7.2, setup=curves))
    for shape in (0.45, -0.35, 0.0):
        case = at_voltages(f"storage follows {shape}", "storage", f"bus1=p phases=3 kv={kv3} kwrated=300 kwhrated=900 %stored=60 dispmode=follow daily=f",
                           store | {"stored_percent": 60}, kv_ln=7.2, setup=[f"new loadshape.f npts=2 interval=1 mult=[{shape} {shape}]"],
                           mode=["set mode=daily number=1 stepsize=1m"])
        out.append(case | {"shape": shape})
    return out


if __name__ == "__main__":
    write("line", lines())
    write("transformer", transformers())
    write("source", sources())
    write("shunt", shunts())
    write("load", loads())
    write("generation", generation())
