"""Freezes what OpenDSS makes of harmonics, for tests/harmonics.rs.

Each case is a script, tests/data/harmonics/NAME.dss, that this project reads like anybody's, and beside it NAME.json with
OpenDSS's node voltages at every order, and at order 1 those of the power flow. Run it in a virtual environment with
`pip install dss-python==0.15.7 numpy` (engine 0.14.5):

    python tests/oracle/opendss_harmonics.py [NAME…]

Every order is solved from a fresh circuit, so that no order can lean on the one before it.
"""
import json
import pathlib
import sys

from dss import DSS

OUT = pathlib.Path(__file__).resolve().parents[1] / "data" / "harmonics"

TAPS13 = """Transformer.Reg1.Taps=[1.0 1.0625]
Transformer.Reg2.Taps=[1.0 1.0500]
Transformer.Reg3.Taps=[1.0 1.06875]
"""
FIXED = "set controlmode=off maxiterations=1000 tolerance=1e-11\n"
IEEE13 = "redirect ../opendss/13Bus/IEEE13Nodeckt.dss\n" + FIXED + TAPS13
IEEE34 = "redirect ../opendss/34Bus/ieee34Mod1.dss\n" + FIXED
IEEE123 = "redirect ../opendss/123Bus/IEEE123Master.dss\n" + FIXED
VSC = """new spectrum.vsc NumHarm=9 harmonic=(1 5 7 11 13 17 19 23 25) %mag=(100 3.4 2.3 1.5 1.1 0.8 0.7 0.5 0.4)
~ angle=(12 172 -38 95 -150 20 -110 65 140)
"""
SIX = [5, 7, 11, 13, 17, 25]
LOW = [3, 5, 7, 13]


def small(body, hz=60, kv=12.47, more=""):
    """A circuit of its own: a source at `a`, 12.47 kV unless told otherwise."""
    head = "clear\n" + (f"set defaultbasefrequency={hz}\n" if hz != 60 else "")
    return (
        head
        + f"new circuit.small basekv={kv} bus1=a pu=1.02 angle=10 mvasc3=120 mvasc1=100 {more}\n"
        + body
        + f"set voltagebases=[{kv}, 4.16, .48, .208]\ncalcvoltagebases\n"
        + FIXED
    )


LINES = """new linecode.mi nphases=3 units=mi rmatrix=[.4576 | .1560 .4666 | .1535 .1580 .4615] ~
~ xmatrix=[1.0780 | .5017 1.0482 | .3849 .4236 1.0651] cmatrix=[15.0 | -4.9 15.9 | -1.85 -3.1 14.3]
new linecode.km nphases=3 units=km r1=.3 x1=.4 r0=.6 x0=1.2 c1=10 c0=5
new linecode.ft nphases=3 units=ft r1=.0001 x1=.00012 r0=.0002 x0=.0004 c1=.003 c0=.002
new linecode.none nphases=3 r1=.3 x1=.4 r0=.6 x0=1.2 c1=10 c0=5
new linecode.rg nphases=3 units=kft r1=.058 x1=.12 r0=.18 x0=.4 c1=3 c0=2 rg=.02 xg=.2 rho=250
new linecode.norg nphases=3 units=kft r1=.058 x1=.12 r0=.18 x0=.4 c1=3 c0=2 rg=0 xg=0
new linecode.hz nphases=3 units=km r1=.3 x1=.4 r0=.6 x0=1.2 c1=10 c0=5 basefreq=50
new linecode.one nphases=1 units=kft r1=.1 x1=.15 r0=.1 x0=.15 c1=3 c0=3
""".replace(" ~\n~", "\n~")
LOAD = "new load.l{0} bus1={0} phases=3 kv=12.47 kw={1} pf=.95\n"


def lines():
    body = LINES
    names = ["mi", "km", "ft", "none", "rg", "norg", "hz"]
    for k, name in enumerate(names):
        bus = f"b{k}"
        length = {"mi": "length=1.5 units=mi", "ft": "length=4000 units=ft", "km": "length=3 units=mi", "none": "length=2 units=kft"}.get(name, "length=5000 units=ft")
        body += f"new line.{name} bus1=a bus2={bus} linecode={name} {length}\n" + LOAD.format(bus, 150 + 20 * k)
    body += "new line.own bus1=a bus2=c0 r1=.2 x1=.5 r0=.6 x0=1.4 c1=9 c0=4 length=1.7 units=km\n" + LOAD.format("c0", 100)
    body += "new line.matrix bus1=a.1.3 bus2=c1.1.3 phases=2 rmatrix=[.4 | .1 .41] xmatrix=[1 | .4 1.1] cmatrix=[12 | -3 11] length=2 units=mi\n"
    body += "new load.l2 bus1=c1.1.3 phases=1 kv=12.47 kw=80 kvar=20\n"
    body += "new line.default bus1=a bus2=c2 length=3\n" + LOAD.format("c2", 90)
    body += "new line.switch bus1=c2 bus2=c3 switch=y\n" + LOAD.format("c3", 60)
    body += "new line.edited bus1=a bus2=c4 linecode=km length=2 units=km rg=.03 rho=50\n" + LOAD.format("c4", 70)
    body += "new line.one bus1=b0.2 bus2=c5.2 linecode=one length=2 units=kft\nnew load.lone bus1=c5.2 phases=1 kv=7.2 kw=50 pf=.9\n"
    return body


GEOMETRY = """new wiredata.w runits=mi rac=.306 gmrunits=ft gmrac=.0244 radunits=in radius=.3605
new wiredata.n runits=mi rac=.592 gmrunits=ft gmrac=.00814 radunits=in radius=.2815
new cndata.c k=13 DiaStrand=0.064 Rstrand=2.816666667 epsR=2.3 InsLayer=0.220 DiaIns=1.06 DiaCable=1.16 Rac=0.076705
~ GMRac=0.20568 diam=0.573 Runits=kft Radunits=in GMRunits=in
new tsdata.t DiaShield=0.88 TapeLayer=0.005 TapeLap=20 EpsR=2.3 InsLayer=.22 DiaIns=.82 DiaCable=1.06 Rac=.97
~ Runits=mi GMRac=.0111 GMRunits=ft diam=.368 radunits=in
new linegeometry.o nconds=4 nphases=3 reduce=yes
~ cond=1 wire=w units=ft x=-4 h=28
~ cond=2 wire=w x=-1.5 h=28
~ cond=3 wire=w x=3 h=28
~ cond=4 wire=n x=0 h=24
new linegeometry.u nconds=3 nphases=3 units=ft cond=1 cncable=c x=-.5 h=-4 units=ft cond=2 cncable=c x=0 h=-4
~ cond=3 cncable=c x=.5 h=-4
new linegeometry.s nconds=2 nphases=1 reduce=y cond=1 tscable=t x=0 h=-4 units=ft cond=2 wire=w x=.25 h=-4
new line.o bus1=a bus2=b geometry=o length=2 units=mi
new line.u bus1=a bus2=c geometry=u length=5000 units=ft
new line.s bus1=b.2 bus2=d.2 geometry=s length=1 units=km
""" + LOAD.format("b", 400) + LOAD.format("c", 300) + "new load.d bus1=d.2 phases=1 kv=7.2 kw=60 pf=.92\n"

TRANSFORMERS = """new line.f bus1=a bus2=b linecode=mi length=2 units=mi
new transformer.dy phases=3 buses=[b c] conns=[delta wye] kvs=[12.47 .48] kvas=[500 500] xhl=5 %rs=[.6 .7] %noloadloss=.4 %imag=1.2
new transformer.yd phases=3 buses=[b d] conns=[wye delta] kvs=[12.47 4.16] kvas=[800 800] xhl=6 ppm=100
new transformer.lead phases=3 buses=[b e] conns=[delta wye] kvs=[12.47 .48] kvas=[300 300] xhl=4 leadlag=lead xrconst=yes
new transformer.yy phases=3 buses=[b f.1.2.3.4] kvs=[12.47 .48] kvas=[300 300] xhl=4 wdg=1 rneut=3 xneut=1
new transformer.dd phases=3 buses=[b g] conns=[delta delta] kvs=[12.47 .48] kvas=[300 300] xhl=4 ppm=100
new transformer.split phases=1 windings=3 buses=[b.2 h.1.0 h.0.2] kvs=[7.2 .12 .12] kvas=[50 50 50] %imag=.5
~ %Rs=[.6 1.2 1.2] %noloadloss=.2 Xhl=2.04 Xht=2.04 Xlt=1.36
new transformer.three phases=3 windings=3 buses=[b i j] conns=[delta wye wye] kvs=[12.47 4.16 .48] kvas=[1000 600 400]
~ xhl=6 xht=8 xlt=4
new load.c bus1=c phases=3 kv=.48 kw=200 pf=.9
new load.cd bus1=c phases=3 conn=delta kv=.48 kw=90 pf=.85 model=2
new load.c1 bus1=c.1 phases=1 kv=.277 kw=30 pf=.97
new load.d bus1=d phases=3 conn=delta kv=4.16 kw=400 pf=.93
new load.e bus1=e phases=3 kv=.48 kw=150 pf=.95
new load.f bus1=f.1.2.3.4 phases=3 kv=.48 kw=120 pf=.95
new load.f2 bus1=f.2.4 phases=1 kv=.277 kw=25 pf=.9
new reactor.fn bus1=f.4 phases=1 r=.05 x=.02
new load.g bus1=g phases=3 conn=delta kv=.48 kw=100 pf=.9
new load.h1 bus1=h.1 phases=1 kv=.12 kw=8 pf=.96
new load.h2 bus1=h.2 phases=1 kv=.12 kw=6 pf=.94
new load.h12 bus1=h.1.2 phases=1 kv=.24 kw=12 pf=.9
new load.i bus1=i phases=3 kv=4.16 kw=300 pf=.92
new load.j bus1=j phases=3 kv=.48 kw=150 pf=.97
"""

SHUNTS = """new line.f bus1=a bus2=b linecode=mi length=3 units=mi
new line.g bus1=b bus2=c linecode=km length=2 units=km
new capacitor.wye bus1=b phases=3 kvar=300 kv=12.47
new capacitor.delta bus1=b phases=3 conn=delta kvar=200 kv=12.47
new capacitor.tuned bus1=c phases=3 kvar=150 kv=12.47 r=1 harm=4.7
new capacitor.rx bus1=c phases=3 conn=delta kvar=120 kv=12.47 r=2 xl=30
new capacitor.steps bus1=c phases=3 numsteps=3 kvar=[60 60 90] kv=12.47 states=[1 0 1]
new capacitor.floating bus1=b bus2=n.4.4.4 phases=3 kvar=90 kv=12.47
new reactor.n bus1=n.4 phases=1 r=10 x=200
new capacitor.one bus1=c.2 phases=1 kvar=40 kv=7.2
new capacitor.between bus1=c.1 bus2=c.3 phases=1 kvar=50 kv=12.47
new reactor.shunt bus1=c phases=3 kvar=100 kv=12.47
new reactor.delta bus1=b phases=3 conn=delta kvar=80 kv=12.47 r=3
new reactor.series bus1=c bus2=d phases=3 r=.2 x=2.5
new reactor.damped bus1=d bus2=e phases=3 r=.1 x=1.5 rp=40
new reactor.parallel bus1=e phases=3 r=2000 x=900 parallel=yes
new reactor.matrix bus1=e bus2=g phases=3 rmatrix=[.2 | .05 .2 | .05 .05 .2] xmatrix=[2 | .5 2 | .5 .4 2]
new reactor.sequence bus1=e bus2=h phases=3 z1=(.2 1.5) z0=(.5 4)
new load.c bus1=c phases=3 kv=12.47 kw=700 pf=.9
new load.e bus1=e phases=3 conn=delta kv=12.47 kw=500 pf=.92
new load.g bus1=g phases=3 kv=12.47 kw=200 pf=.92
new load.h bus1=h.1 phases=1 kv=7.2 kw=90 pf=.92
"""

MODELS = "new line.f bus1=a bus2=b linecode=mi length=4 units=mi\n" + "".join(
    f"new load.m{k} bus1=b.{1 + k % 3} phases=1 kv=7.2 kw={40 + 7 * k} pf=.9{k} model={k} vminpu=.85\n" for k in range(1, 8)
) + """new load.m8 bus1=b.2 phases=1 kv=7.2 kw=70 pf=.93 model=8 zipv=[.3 .3 .4 .5 .2 .3 .5]
new load.delta bus1=b phases=3 conn=delta kv=12.47 kw=300 pf=.9 model=5
new load.negative bus1=b phases=3 kv=12.47 kw=-120 pf=1
new load.capacitive bus1=b phases=3 kv=12.47 kw=100 pf=-.95
new load.two bus1=b.1.2 phases=2 kv=12.47 kw=60 pf=.9
new load.twodelta bus1=b.1.2.3 phases=2 conn=delta kv=12.47 kw=60 pf=.9
new load.neutral bus1=b.1.2.3.4 phases=3 kv=12.47 kw=90 pf=.9
new reactor.neutral bus1=b.4 phases=1 r=5 x=3
new load.fixed bus1=b phases=3 kv=12.47 kw=80 pf=.9 status=fixed
new load.motor bus1=b phases=3 kv=12.47 kw=150 pf=.85 puxharm=.2 xrharm=4 %seriesrl=60
new load.series bus1=b.3 phases=1 kv=7.2 kw=30 pf=.9 %seriesrl=100
new load.parallel bus1=b.1 phases=1 kv=7.2 kw=30 pf=.9 %seriesrl=0 spectrum=dc6
new load.pwm bus1=b.2.3 phases=1 kv=12.47 kw=35 pf=.98 spectrum=pwm6
new load.silent bus1=b.2 phases=1 kv=7.2 kw=35 pf=.98 spectrum=linear
"""

GENERATORS = """new line.f bus1=a bus2=b linecode=mi length=2 units=mi
new line.g bus1=b bus2=c linecode=km length=1 units=km
new generator.wye bus1=b phases=3 kv=12.47 kw=400 pf=.95
new generator.delta bus1=c phases=3 conn=delta kv=12.47 kw=300 kvar=50 kva=500 xdpp=.15 spectrum=pwm6
new generator.z bus1=c phases=3 kv=12.47 kw=200 pf=.9 model=2 mva=.3
new generator.one bus1=c.2 phases=1 kv=7.2 kw=50 pf=1
""" + LOAD.format("c", 800)

INVERTERS = """new line.f bus1=a bus2=b linecode=mi length=2 units=mi
new pvsystem.pv bus1=b phases=3 kv=12.47 kva=300 pmpp=250 irradiance=.9 %r=20 %x=30
new pvsystem.one bus1=b.2 phases=1 kv=7.2 kva=60 pmpp=50 spectrum=pwm6
new storage.st bus1=b phases=3 kv=12.47 kwrated=100 kva=120 kwhrated=400 state=discharging %discharge=70 spectrum=default
new pvsystem.delta bus1=b phases=3 conn=delta kv=12.47 kva=100 pmpp=80 spectrum=vsc
""" + LOAD.format("b", 600)

SOURCES = """new line.f bus1=a bus2=b linecode=mi length=2 units=mi
new isource.pos bus1=b phases=3 amps=12 angle=20 spectrum=vsc
new isource.nat bus1=b phases=3 amps=10 angle=-30 scantype=none spectrum=vsc
new isource.zero bus1=b phases=3 amps=5 angle=70 scantype=zero
new isource.neg bus1=b phases=3 amps=4 angle=70 sequence=neg scantype=none
new isource.zeroflow bus1=b phases=3 amps=3 angle=15 sequence=zero spectrum=dc6
new isource.one bus1=b.2 phases=1 amps=9 angle=-120 scantype=none spectrum=pwm6
new isource.ll bus1=b.1 bus2=b.3 phases=1 amps=6 angle=33 spectrum=vsc
new isource.two bus1=b.2.3 phases=2 amps=5 angle=11 scantype=none spectrum=vsc
new isource.rotated bus1=b.3.1.2 phases=3 amps=7 angle=40 scantype=none spectrum=vsc
new isource.off bus1=b phases=3 amps=700 enabled=no
""" + LOAD.format("b", 600)

VSOURCES = """new line.f bus1=a bus2=b linecode=mi length=2 units=mi
new line.t bus1=b bus2=c linecode=km length=4 units=km
new vsource.second bus1=c basekv=12.47 pu=1.01 angle=8 r1=1 x1=6 r0=2 x0=12 spectrum=nat scantype=none
new vsource.one bus1=d basekv=7.2 phases=1 pu=1 angle=9 r1=2 x1=9 spectrum=nat
new reactor.tie bus1=d.1 bus2=c.1 phases=1 r=1 x=50
new vsource.zero bus1=e basekv=12.47 pu=1 angle=9 isc3=3000 isc1=2500 spectrum=nat scantype=zero
new reactor.te bus1=e bus2=c phases=3 r=1 x=60
vsource.source.spectrum=nat
""" + LOAD.format("b", 600)
NAT = "new spectrum.nat NumHarm=5 harmonic=(1 2 3 5 7) %mag=(100 .5 .8 2.0 1.2) angle=(5 10 20 35 -70)\n"

FIFTY = """new linecode.cable nphases=3 units=km r1=.125 x1=.08 r0=.5 x0=.3 c1=300 c0=200
new transformer.t phases=3 buses=[a b] conns=[delta wye] kvs=[20 .4] kvas=[630 630] xhl=4 %rs=[.5 .5]
new line.l bus1=b bus2=c linecode=cable length=300 units=m
new load.c bus1=c phases=3 kv=.4 kw=150 pf=.95
new load.c1 bus1=c.1 phases=1 kv=.23 kw=20 pf=.98 %seriesrl=0
new capacitor.c bus1=c phases=3 kvar=50 kv=.4
new isource.ev bus1=c phases=3 amps=96 angle=150 scantype=none spectrum=vsc
"""

CASES = {
    "ieee13_loads": (IEEE13, SIX + [3, 9]),
    "ieee13_series_0": (IEEE13 + "batchedit load..* %seriesrl=0\n", SIX),
    "ieee13_series_100": (IEEE13 + "batchedit load..* %seriesrl=100\n", SIX),
    "ieee13_motor": (IEEE13 + "batchedit load..* puxharm=.18 xrharm=5 %seriesrl=40\n", SIX),
    "ieee13_neglectloady": (IEEE13 + "set neglectloady=yes\n", SIX),
    "ieee13_half_load": (IEEE13 + "set loadmult=.55\n", SIX),
    "ieee13_controls": (
        "redirect ../opendss/13Bus/IEEE13Nodeckt.dss\nset controlmode=static\nsolve\n" + FIXED.replace("controlmode=off ", ""),
        SIX,
    ),
    "ieee13_interharmonics": (
        IEEE13
        + "new spectrum.inter numharm=6 harmonic=(1 1.5 2.5 6.35 37.4 50) %mag=(100 1 3 .7 2 .4) angle=(0 10 20 30 40 50)\n"
        + "batchedit load..* spectrum=linear\n"
        + "new isource.ev bus1=675 phases=3 amps=80 angle=-5 scantype=none spectrum=inter\n",
        [1.5, 2.5, 6.35, 37.4, 50],
    ),
    "ieee13_filter": (
        IEEE13
        + VSC
        + "batchedit load..* vminpu=.8 vmaxpu=1.2\ncapacitor.cap1.harm=4.8\ncapacitor.cap1.r=.1\ncapacitor.cap2.xl=.5\n"
        # Without this OpenDSS keeps the admittance it had made before, at order 1.
        + "capacitor.cap1.kvar=600\ncapacitor.cap2.kvar=100\n"
        + "new reactor.n bus1=671 phases=3 kvar=90 kv=4.16\nnew isource.ev bus1=634 phases=3 amps=200 angle=-5 scantype=none spectrum=vsc\n",
        SIX,
    ),
    "ieee34_loads": (IEEE34, LOW),
    "ieee34_sources": (
        IEEE34
        + VSC
        + "batchedit load..* spectrum=linear %seriesrl=20\nnew isource.ev bus1=848 phases=3 amps=8 angle=-40 scantype=none spectrum=vsc\n"
        + "new isource.one bus1=822.1 phases=1 amps=3 angle=-20 spectrum=vsc\n",
        [5, 11, 23],
    ),
    "ieee123_loads": (IEEE123, [3, 5, 13]),
    "ieee123_sources": (
        IEEE123
        + VSC
        + "batchedit load..* spectrum=linear %seriesrl=100\nnew isource.ev bus1=76 phases=3 amps=40 angle=-9 scantype=none spectrum=vsc\n"
        + "new isource.one bus1=114.1 phases=1 amps=12 angle=-20 scantype=zero spectrum=vsc\nset neglectloady=yes\n",
        [7, 17],
    ),
    "lines": (small(lines()), SIX),
    "geometry_deri": (small("set earthmodel=deri\n" + GEOMETRY), SIX + [1.5, 20]),
    "geometry_carson": (small("set earthmodel=carson\n" + GEOMETRY), SIX),
    "geometry_full_carson": (small("set earthmodel=fullcarson\n" + GEOMETRY), SIX),
    "transformers": (small(LINES + TRANSFORMERS), LOW + [25]),
    "shunts": (small(LINES + SHUNTS), LOW + [4.7, 25]),
    "load_models": (small(LINES + MODELS), LOW + [11, 15, 19]),
    "generators": (small(LINES + GENERATORS), LOW + [11]),
    "inverters": (small(VSC + LINES + INVERTERS), LOW + [11]),
    "current_sources": (small(VSC + LINES + SOURCES), LOW + [11, 25]),
    "voltage_sources": (small(NAT + LINES + VSOURCES), [2, 3, 5, 7]),
    "fifty_hertz": (small(VSC + FIFTY, hz=50, kv=20), LOW + [23]),
}


def voltages():
    circuit = DSS.ActiveCircuit
    flat = circuit.YNodeVarray
    return {name.lower(): [flat[2 * k], flat[2 * k + 1]] for k, name in enumerate(circuit.YNodeOrder)}


def compile_case(path):
    DSS.Text.Command = "clearall"
    DSS.Text.Command = "set defaultbasefrequency=60"
    DSS.Text.Command = f"compile {path}"
    DSS.Text.Command = "solve"
    DSS.Text.Command = "solve"
    if not DSS.ActiveCircuit.Solution.Converged:
        raise SystemExit(f"{path} does not converge")


def order_of(path, order):
    compile_case(path)
    DSS.Text.Command = f"set harmonics=({order!r})"
    DSS.Text.Command = "solve mode=harmonics"
    return voltages()


def main():
    wanted = sys.argv[1:] or CASES
    for name in wanted:
        script, orders = CASES[name]
        path = OUT / f"{name}.dss"
        path.write_text(f"! {name}: made by tests/oracle/opendss_harmonics.py\n" + script)
        compile_case(path)
        found = {"1": voltages()}
        for order in orders:
            found[f"{order:g}"] = order_of(path, float(order))
        body = ",\n".join(f'"{order}": {json.dumps(v)}' for order, v in found.items())
        (OUT / f"{name}.json").write_text(
            '{"provenance": "OpenDSS engine 0.14.5 (dss-python 0.15.7), by tests/oracle/opendss_harmonics.py",\n'
            f'"voltages": {{\n{body}\n}}}}\n'
        )
        print(name, len(found), "orders,", len(found["1"]), "nodes")


if __name__ == "__main__":
    main()
