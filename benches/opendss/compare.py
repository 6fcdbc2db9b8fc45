"""PhasorBench beside OpenDSS, on the same feeders, the same steps and the same exactness, in one run.

    python benches/opendss/compare.py --binary target/release/phasorbench --out docs/performance.md

What is compared: a step is "every load times 1 + 0.05 sin(2 pi k / 60), solve from the last voltages, controls off";
a tap step is "one regulator's tap by one, solve again". Both engines start from the same taps and capacitor states,
and their solutions are checked against each other first.

Exactness: PhasorBench is asked for a complex voltage error of 1e-8 pu and measures it itself. OpenDSS's `tolerance` is
a change of magnitudes between iterations, so it gets the loosest tolerance (in steps of 10^0.25) whose complex error
over the very sequence that is timed, against its own solution at 1e-12, stays within 1e-8 pu.

Time of OpenDSS: the C functions of the engine are called directly (cffi), one call that sets the multiplier or the tap
and one that solves; what two empty calls of that kind take is subtracted. Of the ways to solve a step (SolveSnap;
InitSnap and SolveNoControl) the faster counts. The engines are timed in turn, round by round, on one core each; p50 over
the steps of a round, median over the rounds.
"""

import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import numpy as np
from dss import DSS

ROOT = pathlib.Path(__file__).resolve().parents[2]
FEEDERS = {
    "ieee13": ("13Bus/IEEE13Nodeckt.dss", 8, 2.5),
    "ieee34": ("34Bus/ieee34Mod1.dss", 8, 2.5),
    "ieee123": ("123Bus/IEEE123Master.dss", 8, 2.5),
    "ieee8500": ("8500-Node/Master-unbal.dss", 20, 2.0),
}
TAP_GOAL = 10
ERROR_PU = 1e-8
PERIOD = 60


def multiplier(k):
    return 1.0 + 0.05 * math.sin(2.0 * math.pi * k / PERIOD)


class OpenDSS:
    """One feeder in an OpenDSS engine of its own."""

    def __init__(self, script):
        self.dss = DSS.NewContext()
        self.dss.AllowChangeDir = False
        self.dss.Text.Command = f'compile "{script}"'
        self.circuit = self.dss.ActiveCircuit
        self.solution = self.circuit.Solution
        self.lib = self.solution._lib
        self.dss.Text.Command = "set controlmode=off maxiterations=1000 mode=snapshot"

    def put(self, taps, capacitors):
        for name, number in taps.items():
            self.circuit.RegControls.Name = name
            self.circuit.RegControls.TapNumber = number
        for name, state in capacitors.items():
            self.circuit.Capacitors.Name = name
            steps = self.circuit.Capacitors.NumSteps
            self.circuit.Capacitors.States = [int(state == "closed")] * steps
        self.bases_v = np.array([self.base_v(node) for node in self.circuit.YNodeOrder])
        self.regulators = []
        for name in taps:
            self.circuit.RegControls.Name = name
            self.regulators.append((name, self.circuit.RegControls.Transformer, self.circuit.RegControls.TapWinding))

    def base_v(self, node):
        self.circuit.SetActiveBus(node.split(".")[0])
        return self.circuit.ActiveBus.kVBase * 1000.0

    def voltages(self):
        v = np.asarray(self.circuit.YNodeVarray)
        return v[0::2] + 1j * v[1::2]

    def converge(self):
        """Solves until nothing moves: for the reference, which must not depend on where it starts."""
        self.solution.Tolerance = 1e-12
        self.lib.Solution_SolveSnap()
        self.lib.Solution_SolveSnap()
        return self.voltages()

    def snap(self):
        self.lib.Solution_SolveSnap()

    def no_control(self):
        self.lib.Solution_InitSnap()
        self.lib.Solution_SolveNoControl()

    # A sequence is a list of (select, change): `select` is not timed, `change` is.

    def load_steps(self, count):
        self.solution.LoadMult = 1.0
        return [(None, self.lib.Solution_Set_LoadMult, multiplier(k)) for k in range(1, count + 1)]

    def tap_steps(self, count):
        """Up through all regulators, then down through all of them, and so on."""
        steps = []
        for k in range(count):
            _, transformer, winding = self.regulators[k % len(self.regulators)]
            up = (k // len(self.regulators)) % 2 == 0
            steps.append(((transformer, winding), self.lib.Transformers_Set_Tap, up))
        return steps

    def select(self, which, value):
        """Makes a transformer's winding the active one; returns what its tap becomes."""
        transformer, winding = which
        transformers = self.circuit.Transformers
        transformers.Name = transformer
        transformers.Wdg = winding
        step = (transformers.MaxTap - transformers.MinTap) / transformers.NumTaps
        return transformers.Tap + (step if value else -step)

    def run(self, steps, solve, tolerance, visit=None):
        """Runs a sequence; returns the time of each step in us."""
        self.solution.Tolerance = tolerance
        times = []
        clock = time.perf_counter_ns
        for which, change, value in steps:
            if which is not None:
                value = self.select(which, value)
            started = clock()
            change(value)
            solve()
            times.append((clock() - started) / 1e3)
            if visit:
                visit()
        return times

    def reference(self, steps):
        found = []
        self.solution.LoadMult = 1.0
        self.converge()
        for which, change, value in steps:
            change(self.select(which, value) if which is not None else value)
            found.append(self.converge())
        return found

    def loosest(self, make_steps, count):
        """The loosest tolerance whose error over the sequence is within ERROR_PU, and that error."""
        exact = self.reference(make_steps(count))
        for exponent in np.arange(4.0, 12.01, 0.25):
            tolerance = 10.0**-exponent
            self.solution.LoadMult = 1.0
            self.converge()
            errors = []
            visit = lambda: errors.append(np.max(np.abs(self.voltages() - exact[len(errors)]) / self.bases_v))
            self.run(make_steps(count), self.snap, tolerance, visit)
            if max(errors) <= ERROR_PU:
                return tolerance, max(errors)
        raise SystemExit("OpenDSS does not reach the error at any tolerance")

    def overhead_us(self):
        """Time of two calls that do nothing."""
        times = []
        for _ in range(5000):
            started = time.perf_counter_ns()
            self.lib.Solution_Get_LoadMult()
            self.lib.Solution_Get_LoadMult()
            times.append((time.perf_counter_ns() - started) / 1e3)
        return statistics.median(times)


def phasorbench(binary, *arguments):
    done = subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"phasorbench {arguments}: {done.stderr}")
    return json.loads(done.stdout)


def same_solution(engine, ours):
    """Largest difference of the two engines' voltages, per unit."""
    theirs = dict(zip((n.lower() for n in engine.circuit.YNodeOrder), zip(engine.converge(), engine.bases_v)))
    nodes = ours["nodes"]
    if set(nodes) != set(theirs):
        raise SystemExit(f"different nodes: {sorted(set(nodes) ^ set(theirs))[:5]}")
    return max(abs(complex(v["re_v"], v["im_v"]) - theirs[n][0]) / theirs[n][1] for n, v in nodes.items())


# A process counts the memory of the one it was forked from until it runs its own program: measured from a small one.
LAUNCHER = """
import os, sys, time
started = time.perf_counter()
sink = os.open(os.devnull, os.O_WRONLY)
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, sink, 1)])
_, status, usage = os.wait4(pid, 0)
print(status, usage.ru_maxrss / 1024.0, time.perf_counter() - started)
"""


def peak_and_time(binary, *arguments):
    """Peak resident memory in MiB and wall time in s of one run."""
    command = [sys.executable, "-S", "-c", LAUNCHER, binary, *map(str, arguments)]
    status, mib, seconds = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    if status != "0":
        raise SystemExit(f"phasorbench {arguments} failed")
    return float(mib), float(seconds)


def prepare(binary, name, script):
    ours = phasorbench(binary, "powerflow", ROOT / f"feeders/{name}.yaml", "--controls", "off", "--tolerance-pu", 1e-11,
                       "--json")
    engine = OpenDSS(ROOT / "tests/data/opendss" / script)
    engine.put(ours["taps"], ours["capacitors"])
    difference = same_solution(engine, ours)
    if difference > 1e-6:
        raise SystemExit(f"{name}: the engines differ by {difference:.1e} pu")
    steps = PERIOD
    taps = 4 * len(engine.regulators)
    step_tolerance, step_error = engine.loosest(engine.load_steps, steps)
    tap_tolerance, tap_error = engine.loosest(engine.tap_steps, taps)
    print(f"{name}: engines agree to {difference:.1e} pu; OpenDSS tolerance {step_tolerance:.1e} (error {step_error:.1e}), "
          f"taps {tap_tolerance:.1e} (error {tap_error:.1e})", flush=True)
    return {
        "engine": engine, "difference": difference, "tolerance": step_tolerance, "error": step_error,
        "tap_tolerance": tap_tolerance, "tap_error": tap_error, "overhead": engine.overhead_us(),
        "opendss_us": [], "opendss_p99_us": [], "opendss_tap_us": [], "ours": [],
    }


def measure_round(binary, name, state, large):
    engine = state["engine"]
    count = PERIOD * (1 if large else 20)
    ways = []
    for solve in (engine.snap, engine.no_control):
        engine.solution.LoadMult = 1.0
        engine.converge()
        engine.run(engine.load_steps(10), solve, state["tolerance"])
        times = engine.run(engine.load_steps(count), solve, state["tolerance"])
        ways.append((statistics.median(times), float(np.quantile(times, 0.99))))
    p50, p99 = min(ways)
    state["opendss_us"].append(p50 - state["overhead"])
    state["opendss_p99_us"].append(p99 - state["overhead"])
    engine.solution.LoadMult = 1.0
    engine.converge()
    regulators = len(engine.regulators)
    taps = engine.run(engine.tap_steps(regulators * (4 if large else 60)), engine.snap, state["tap_tolerance"])
    state["opendss_tap_us"].append(statistics.median(taps) - state["overhead"])
    state["ours"].append(phasorbench(binary, "benchmark", ROOT / f"feeders/{name}.yaml", "--steps",
                                     600 if large else 6000, "--tolerance-pu", ERROR_PU, "--json"))


def machine():
    model = platform.machine()
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def verdict(value, goal):
    return f"**{value:.1f}**" if value >= goal else f"{value:.1f} (short)"


def promise(error):
    return f"{error:.1e}" + ("" if error <= ERROR_PU else " (over)")


def rows(results):
    for name, state in results.items():
        _, goal, lane_goal = FEEDERS[name]
        median = lambda values: statistics.median(values)
        ours = state["ours"]
        step, p99 = (median([o["step_us"][key] for o in ours]) for key in ("p50", "p99"))
        lanes = median([o["lanes8_us_per_scenario"] for o in ours])
        tap = median([o["tap_step_us"] for o in ours])
        theirs, their_tap = median(state["opendss_us"]), median(state["opendss_tap_us"])
        their_p99 = median(state["opendss_p99_us"])
        tap_error = max(o["tap_max_error_pu"] for o in ours)
        error, lane_error = (max(o[key] for o in ours) for key in ("max_error_pu", "lanes8_max_error_pu"))
        yield {
            "step": f"| {name} | {ours[0]['nodes']} | {theirs:.1f} | {step:.2f} | {verdict(theirs / step, goal)} | {goal} "
                    f"| {their_p99:.1f} | {p99:.1f} | {ours[0]['iterations_mean']:.2f} | {state['error']:.1e} | {promise(error)} |",
            "lanes": f"| {name} | {step:.2f} | {lanes:.3f} | {verdict(step / lanes, lane_goal)} | {lane_goal} "
                     f"| {theirs / lanes:.0f} | {promise(lane_error)} |",
            "tap": f"| {name} | {their_tap:.1f} | {tap:.2f} | {verdict(their_tap / tap, TAP_GOAL)} | {TAP_GOAL} "
                   f"| {state['tap_error']:.1e} | {promise(tap_error)} |",
            "setting": f"| {name} | {state['difference']:.1e} | {state['tolerance']:.1e} | {state['tap_tolerance']:.1e} |",
        }


def page(results, footprint, build_s, version, rounds):
    tables = list(rows(results))
    table = lambda key: "\n".join(row[key] for row in tables)
    ours = next(iter(results.values()))["ours"][0]
    build = f"{build_s:.0f} s" if build_s else "not measured in this run"
    met = lambda value, goal, unit: f"{value:.3g} {unit}" + ("" if value < goal else " (short)")
    return f"""# Performance

Written by `benches/opendss/run.sh` on {datetime.date.today().isoformat()}; do not edit by hand.

Machine: {machine()}; kernel path `{ours['instructions']}`; {platform.python_implementation()} {platform.python_version()},
{version}. Both engines on one core,
in turn, {rounds} rounds; ratios are of this one run. Times move with the machine, ratios less so. How it is measured, and how OpenDSS is given its fastest way, is in `benches/opendss/compare.py`.

## A step

Every load × (1 + 0.05·sin(2πk/60)), solved from the last voltages, controls off, complex voltage error ≤ 1e-8 pu.

| feeder | nodes | OpenDSS p50, µs | PhasorBench p50, µs | ratio | goal | OpenDSS p99 | PhasorBench p99 | solves a step | OpenDSS's error, pu | PhasorBench's error, pu |
|---|---|---|---|---|---|---|---|---|---|---|
{table('step')}

## Eight scenarios at once

| feeder | one at a time, µs | eight at once, µs per scenario | ratio | goal | ratio to OpenDSS | largest error, pu |
|---|---|---|---|---|---|---|
{table('lanes')}

## A tap

One regulator moved by one tap, refactored, solved again to the same error.

| feeder | OpenDSS, µs | PhasorBench, µs | ratio | goal | OpenDSS's error, pu | PhasorBench's error, pu |
|---|---|---|---|---|---|---|
{table('tap')}

## Size and first answer

| what | measured | goal |
|---|---|---|
| peak memory of `powerflow feeders/ieee8500.yaml` | {met(footprint['yaml_mib'], 100, 'MiB')} | < 100 MiB |
| peak memory of `powerflow Master-unbal.dss` (8500 nodes) | {met(footprint['dss_mib'], 100, 'MiB')} | < 100 MiB |
| `powerflow Master-unbal.dss`: read, compile, controls to rest, print | {met(footprint['dss_s'], 1, 's')} | < 1 s |
| `powerflow feeders/ieee8500.yaml`: the same | {met(footprint['yaml_s'], 1, 's')} | – |
| `cargo build --release` from nothing (`benches/build_time.sh`) | {build} | < 240 s on two cores |

## Settings

OpenDSS's tolerances are the loosest that keep its complex error within 1e-8 pu on these sequences.

| feeder | engines differ by, pu | OpenDSS tolerance, steps | OpenDSS tolerance, taps |
|---|---|---|---|
{table('setting')}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=ROOT / "target/release/phasorbench", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, help="page to write")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--build-seconds", type=float)
    parser.add_argument("--feeders", nargs="*", default=list(FEEDERS))
    arguments = parser.parse_args()
    binary = arguments.binary.resolve()
    # One core for everything: the engines run in turn, each alone.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    version = DSS.Version.split(" based on")[0].replace("\n", " ")
    results = {name: prepare(binary, name, FEEDERS[name][0]) for name in arguments.feeders}
    for number in range(arguments.rounds):
        for name, state in results.items():
            measure_round(binary, name, state, name == "ieee8500")
            o = state["ours"][-1]
            print(f"round {number + 1} {name}: OpenDSS {state['opendss_us'][-1]:.2f} us, ours {o['step_us']['p50']:.2f} us; tap "
                  f"{state['opendss_tap_us'][-1]:.2f}, {o['tap_step_us']:.2f}; lanes {o['lanes8_us_per_scenario']:.3f}", flush=True)
    scripts = ROOT / "tests/data/opendss/8500-Node/Master-unbal.dss"
    runs = {"yaml": ROOT / "feeders/ieee8500.yaml", "dss": scripts}
    footprint = {}
    for key, feeder in runs.items():
        taken = [peak_and_time(binary, "powerflow", feeder, "--json") for _ in range(5)]
        footprint[f"{key}_mib"] = max(mib for mib, _ in taken)
        footprint[f"{key}_s"] = statistics.median(seconds for _, seconds in taken)
    text = page(results, footprint, arguments.build_seconds, version, arguments.rounds)
    if arguments.out:
        # Studies are measured by other commands, each named there.
        old = arguments.out.read_text() if arguments.out.exists() else ""
        text += old[old.index("\n## Studies") :] if "\n## Studies" in old else ""
        arguments.out.write_text(text)
        print(arguments.out)
    else:
        sys.stdout.write(text)


main()
