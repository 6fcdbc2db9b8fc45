"""Small feeders, one for each form of control or element, and what OpenDSS makes of them.

    python tests/oracle/small_feeders.py

writes tests/data/small_feeders/*.json. Needs dss-python (made with 0.15.7, engine 0.14.5).
"""

import json
from pathlib import Path

from dss import DSS

HERE = Path(__file__).resolve().parent.parent / "data" / "small_feeders"

SUBSTATION = """\
set defaultbasefrequency=60
new circuit.c basekv=115 pu=1.02 mvasc3=800 mvasc1=700
new transformer.sub phases=3 windings=2 buses=(sourcebus, b0) conns=(delta, wye) kvs=(115, 12.47) kvas=(8000, 8000) xhl=7 %rs=(0.4, 0.4)
new linecode.o nphases=3 units=km r1=0.3 x1=0.5 r0=0.7 x0=1.6 c1=9 c0=4
"""
TRUNK = """\
new line.l1 bus1=b0 bus2=b1 linecode=o length=3 units=km
new line.l2 bus1=b1 bus2=b2 linecode=o length=2 units=km
new load.a bus1=b2.1 phases=1 kv=7.2 kw=900 kvar=500
new load.b bus1=b2.2 phases=1 kv=7.2 kw=700 kvar=350
new load.c bus1=b2.3 phases=1 kv=7.2 kw=1100 kvar=650
new load.m bus1=b1 phases=3 kv=12.47 kw=1200 kvar=700 model=2
"""
BASES = "set voltagebases=(115, 12.47, 0.48)\ncalcvoltagebases\n"
BEHIND_REGULATOR = TRUNK.replace("bus1=b0 bus2=b1", "bus1=b0r bus2=b1")
REGULATOR = """\
new transformer.r phases=3 windings=2 buses=(b0, b0r) conns=(wye, wye) kvs=(12.47, 12.47) kvas=(8000, 8000) xhl=0.01 %loadloss=0.01
"""


def capacitor_controls():
    on_line = "new capcontrol.cc capacitor=k element=line.l2 terminal=1 "
    forms = {
        "current": "type=current ctratio=60 onsetting=2.2 offsetting=1.0",
        "current_phase": "type=current ctratio=60 ctphase=2 onsetting=2.2 offsetting=2.0",
        "current_max": "type=current ctratio=60 ctphase=max onsetting=2.2 offsetting=2.0",
        "current_min": "type=current ctratio=60 ctphase=min onsetting=1.5 offsetting=1.2",
        "current_mean": "type=current ctratio=60 ctphase=avg onsetting=1.5 offsetting=1.2",
        "voltage": "type=voltage ptratio=60 onsetting=117 offsetting=125",
        "voltage_low": "type=voltage ptratio=60 onsetting=100 offsetting=110",
        "voltage_max": "type=voltage ptratio=60 ptphase=max onsetting=118 offsetting=121",
        "voltage_min": "type=voltage ptratio=60 ptphase=min onsetting=113 offsetting=120",
        "voltage_mean": "type=voltage ptratio=60 ptphase=avg onsetting=116 offsetting=118",
        "kvar": "type=kvar onsetting=700 offsetting=-200",
        "kvar_high": "type=kvar onsetting=2700 offsetting=1500",
        "kvar_phase": "type=kvar onsetting=700 offsetting=-200 ptphase=3 ctphase=2",
        "power_factor": "type=pf onsetting=0.93 offsetting=-0.97",
        "power_factor_high": "type=pf onsetting=0.80 offsetting=0.90",
        "time_in": "type=time onsetting=0 offsetting=8",
        "time_out": "type=time onsetting=7 offsetting=20",
        "time_over_night": "type=time onsetting=20 offsetting=6",
    }
    bank = "new capacitor.k bus1=b2 phases=3 kv=12.47 kvar=900"
    for state, suffix in (("closed", ""), ("open", " states=(0)")):
        for name, settings in forms.items():
            yield f"{name}_{state}", TRUNK + bank + suffix + "\n" + on_line + settings
        delta = on_line + "type=voltage ptratio=100 onsetting=119 offsetting=125"
        yield f"delta_{state}", TRUNK + bank + " conn=delta" + suffix + "\n" + delta
        steps = bank.replace("900", "300") + " numsteps=3" + (" states=(0 0 0)" if suffix else "")
        yield f"steps_{state}", TRUNK + steps + "\n" + on_line + "type=kvar onsetting=500 offsetting=-100"
        at_transformer = on_line.replace("line.l2", "transformer.sub").replace("terminal=1", "terminal=2")
        yield f"transformer_{state}", TRUNK + bank + suffix + "\n" + at_transformer + "type=kvar onsetting=-700 offsetting=-2500"
    override = "type=kvar onsetting=2700 offsetting=-1500 voltoverride=yes vmax=114 vmin=100 ptratio=60"
    yield "override", TRUNK + bank + "\n" + on_line + override
    small = TRUNK + "new line.tap bus1=b2.2 bus2=b3.2 phases=1 length=1 units=km\nnew capacitor.k bus1=b3.2 phases=1 kv=7.2 kvar=300\n"
    unused = "new capcontrol.cc capacitor=k element=line.tap terminal=1 type=kvar onsetting=200 offsetting=-400 ptratio=1 ptphase=2"
    yield "unused_phase", small + unused
    two = (
        bank + " states=(0)\nnew capacitor.k2 bus1=b1 phases=3 kv=12.47 kvar=600 states=(0)\n"
        "new capcontrol.c1 capacitor=k element=line.l2 terminal=1 type=voltage ptratio=60 onsetting=118.5 offsetting=126 delay=30\n"
        "new capcontrol.c2 capacitor=k2 element=line.l1 terminal=2 type=kvar onsetting=600 offsetting=-800 delay=20"
    )
    yield "two_banks", TRUNK + two


def regulators():
    control = "new regcontrol.rc transformer=r winding=2 vreg=122 band=2 ptratio=60 ctprim=300 "
    forms = {
        "plain": "",
        "phase_max": "ptphase=max",
        "phase_min": "ptphase=min",
        "phase_3": "ptphase=3",
        "drop": "r=3 x=5",
        "drop_max": "r=3 x=5 ptphase=max",
        "drop_min": "r=3 x=5 ptphase=min",
        "remote": "bus=b2.2",
        "remote_ratio": "bus=b2.3 remoteptratio=58",
        "remote_first": "bus=b2",
        "remote_limited": "bus=b2.2 vlimit=123",
        "inverse_time": "inversetime=yes",
        "one_tap_at_once": "maxtapchange=1",
        "locked": "maxtapchange=0",
        "other_winding": "tapwinding=1",
        "tap_written": "tapnum=-9",
        "narrow": "band=0.3",
    }
    for name, settings in forms.items():
        yield name, REGULATOR + BEHIND_REGULATOR + control + settings
    across = REGULATOR.replace("conns=(wye, wye)", "conns=(delta, delta)")
    control_across = control.replace("ptratio=60", "ptratio=104")
    for name, settings in {"delta": "", "delta_max": "ptphase=max", "delta_drop": "r=3 x=5 ptphase=2"}.items():
        yield name, across + BEHIND_REGULATOR + control_across + settings
    units = "".join(
        f"new transformer.r{p} phases=1 windings=2 buses=(b0.{n}, b0r.{n}) kvs=(7.2, 7.2) kvas=(3000, 3000) xhl=0.01 %loadloss=0.01\n"
        for n, p in enumerate("abc", 1)
    )
    controls = "".join(
        f"new regcontrol.rc{p} transformer=r{p} winding=2 vreg=122 band=2 ptratio=60 ctprim=300 r=2 x=3 delay={d}\n"
        for p, d in zip("abc", (15, 30, 20))
    )
    yield "bank", units + BEHIND_REGULATOR + controls
    units = "".join(
        f"new transformer.r{p} phases=1 windings=2 buses=(b0.{n}.2, b0r.{n}.2) conns=(delta, delta) kvs=(12.47, 12.47) "
        "kvas=(3000, 3000) xhl=0.01 %loadloss=0.01\n"
        for n, p in ((1, "x"), (3, "y"))
    )
    jumper = "new line.jumper bus1=b0.2 bus2=b0r.2 phases=1 switch=y\n"
    controls = "".join(
        f"new regcontrol.rc{p} transformer=r{p} winding=2 vreg=122 band=2 ptratio=104 ctprim=300 r=2 x=3\n" for p in "xy"
    )
    yield "open_delta", units + jumper + BEHIND_REGULATOR + controls
    second = (
        "new transformer.s phases=3 windings=2 buses=(b1, b1r) conns=(wye, wye) kvs=(12.47, 12.47) kvas=(8000, 8000) "
        "xhl=0.01 %loadloss=0.01 numtaps=16 maxtap=1.08 mintap=0.92\n"
    )
    controls = (
        control + "delay=30\nnew regcontrol.rs transformer=s winding=2 vreg=123 band=2 ptratio=60 delay=15\n"
        "new capacitor.k bus1=b2 kv=12.47 kvar=600\n"
        "new capcontrol.cc capacitor=k element=line.l2 terminal=2 type=voltage ptratio=60 onsetting=118 offsetting=121 delay=20"
    )
    yield "in_series", REGULATOR + second + BEHIND_REGULATOR.replace("line.l2 bus1=b1", "line.l2 bus1=b1r") + controls
    three = "new transformer.r phases=3 windings=3 buses=(b0, b0r, b0t) conns=(wye, wye, delta) kvs=(12.47, 12.47, 0.48) "
    three += "kvas=(8000, 8000, 500) xhl=2 xht=3 xlt=1 %loadloss=0.01\n"
    yield "three_windings", three + BEHIND_REGULATOR + control


def forms():
    generators = {
        "generator_limited": "new generator.g bus1=b2 kv=12.47 kw=900 kvar=0 model=7 vminpu=0.99",
        "generator_limited_delta": "new generator.g bus1=b2 conn=delta kv=12.47 kw=900 kvar=0 model=7 vminpu=1.02",
        "generator_limited_one_phase": "new generator.g bus1=b2.1 phases=1 kv=7.2 kw=300 kvar=0 model=7 vminpu=1.02",
        "pv_limited": "new pvsystem.p bus1=b2 kv=12.47 kva=800 pmpp=700 irradiance=0.9 pf=0.95 limitcurrent=yes vminpu=0.99",
        "pv_limited_delta": "new pvsystem.p bus1=b2 conn=delta kv=12.47 kva=800 pmpp=700 irradiance=0.9 pf=0.95 limitcurrent=yes vminpu=1.02",
        "storage_limited": "new storage.s bus1=b2 kv=12.47 kva=800 kwrated=700 kwhrated=3000 %stored=50 state=discharging limitcurrent=yes vminpu=1.02",
        "storage_following": "new loadshape.d npts=2 interval=12 mult=(1 -1)\nnew storage.s bus1=b2 kv=12.47 kva=800 kwrated=700 kwhrated=3000 %stored=50 state=discharging dispmode=follow daily=d yearly=d",
        "storage_dispatched": "new storage.s bus1=b2 kv=12.47 kva=800 kwrated=700 kwhrated=3000 %stored=50 state=charging dispmode=external pf=0.9",
        "fault_later": "new fault.f bus1=b2.1 phases=1 r=2 ontime=1",
        "source_shape": "new loadshape.d npts=2 interval=12 mult=(1 0.9)\nedit vsource.source daily=d",
        "study_mode": "set mode=duty\nset mode=snap",
    }
    for name, lines in generators.items():
        yield name, TRUNK + lines
    kron = (
        "new linecode.q nphases=4 units=km rmatrix=(.3|.1 .31|.1 .1 .32|.09 .1 .1 .6) "
        "xmatrix=(.8|.4 .81|.38 .4 .82|.35 .34 .36 .9) cmatrix=(9|-2 9|-1 -2 9|-.5 -.4 -.3 8) kron=yes\n"
        "new line.q bus1=b2 bus2=b3 linecode=q length=2 units=km\nnew load.q bus1=b3 kv=12.47 kw=500"
    )
    yield "kron", TRUNK + kron
    neutral = (
        "new linecode.q nphases=3 units=km rmatrix=(.3|.1 .31|.1 .1 .32) xmatrix=(.8|.4 .81|.38 .4 .82) neutral=2 kron=yes\n"
        "new line.q bus1=b2.1.3 bus2=b3.1.3 linecode=q length=2 units=km\nnew load.q bus1=b3.3 phases=1 kv=7.2 kw=300"
    )
    yield "kron_neutral", TRUNK + neutral
    nodes = (
        "new load.d1 bus1=b2.3 phases=1 conn=delta kv=7.2 kw=100\n"
        "new line.n bus1=b2.2.3 bus2=b3.2 phases=3 linecode=o length=1 units=km\n"
        "new load.e bus1=b3.2.3.1.0.4 kv=12.47 kw=200 kvar=20\n"
        "new capacitor.dk bus1=b2.2 phases=1 conn=delta kv=7.2 kvar=100\n"
        "new transformer.t1 phases=1 windings=2 buses=(b2.3, b4.1.2.3) conns=(delta, wye) kvs=(7.2, .24) kvas=(50, 50) xhl=2\n"
        "new load.t bus1=b4.1 phases=1 kv=.24 kw=20"
    )
    yield "nodes_counted_on", TRUNK + nodes
    star = (
        "new line.p bus1=b2.1.1 bus2=b3.1.2 phases=2 length=1 units=km\nnew load.p bus1=b3.2 phases=1 kv=7.2 kw=100\n"
        "new capacitor.y bus1=b2 bus2=b2.4.4.4 kv=12.47 kvar=300\nnew reactor.n bus1=b2.4 phases=1 r=5 x=1"
    )
    yield "parallel_and_star", TRUNK + star
    floating = (
        "new transformer.g phases=3 windings=2 buses=(b2, bg) conns=(delta, wye) kvs=(12.47, 0.48) kvas=(500, 500) xhl=5\n"
        "new vsource.v bus1=bg basekv=0.48 pu=1.0 angle=-60 r1=0 x1=0.5 r0=0 x0=1e6"
    )
    yield "source_without_zero_sequence", TRUNK + floating


def solved(script, controls):
    DSS.Text.Command = "clear"
    for line in script.splitlines():
        DSS.Text.Command = line
    for line in ("set maxiterations=1000 maxcontroliter=500 tolerance=1e-10", f"set controlmode={controls}", "solve"):
        DSS.Text.Command = line
    circuit = DSS.ActiveCircuit
    assert circuit.Solution.Converged
    volts = circuit.AllBusVolts
    nodes = {n.lower(): [float(f"{v:.10g}") for v in volts[2 * k : 2 * k + 2]] for k, n in enumerate(circuit.AllNodeNames)}
    taps, capacitors = {}, {}
    more = circuit.RegControls.First
    while more:
        taps[circuit.RegControls.Name.lower()] = circuit.RegControls.TapNumber
        more = circuit.RegControls.Next
    more = circuit.Capacitors.First
    while more:
        capacitors[circuit.Capacitors.Name.lower()] = [bool(s) for s in circuit.Capacitors.States]
        more = circuit.Capacitors.Next
    return {"taps": taps, "capacitors": capacitors, "nodes": nodes}


def freeze(file, cases, after=BASES):
    frozen = []
    for name, lines in cases:
        script = SUBSTATION + lines.rstrip("\n") + "\n" + after
        frozen.append({"name": name, "script": script, **solved(script, "static")})
    text = ",\n".join(json.dumps(case) for case in frozen)
    (HERE / file).write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    HERE.mkdir(parents=True, exist_ok=True)
    freeze("capacitor_controls.json", capacitor_controls())
    freeze("regulators.json", regulators())
    freeze("forms.json", forms())
    fault = TRUNK + BASES + "new fault.f bus1=b2.1 phases=1 r=2\n"
    freeze("fault.json", [("fault_after_bases", fault)], after="")
