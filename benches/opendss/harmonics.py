"""Fifty harmonic orders of PhasorBench beside OpenDSS's harmonic solution, on the same feeders, in one run.

    python benches/opendss/harmonics.py --binary target/release/phasorbench --out docs/performance.md

OpenDSS: `solve mode=harmonics` for orders 2 to 51 after a converged power flow, loads with their default spectra; the
whole command is timed and divided by the orders. It rebuilds and refactors Y at each. PhasorBench: the medians that
`phasorbench benchmark --harmonics` prints. The two run in turn, round by round, on one core; median over the rounds.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from dss import DSS

ROOT = pathlib.Path(__file__).resolve().parents[2]
FEEDERS = {
    "ieee13": "13Bus/IEEE13Nodeckt.dss",
    "ieee123": "123Bus/IEEE123Master.dss",
    "ieee8500": "8500-Node/Master-unbal.dss",
}
ORDERS = range(2, 52)


class OpenDSS:
    def __init__(self, script, folder):
        self.dss = DSS.NewContext()
        self.dss.AllowChangeDir = False
        self.text = self.dss.Text
        self.text.Command = f'compile "{script}"'
        self.text.Command = f'set datapath="{folder}"'
        self.text.Command = "set controlmode=off maxiterations=1000 mode=snapshot"

    def us_per_frequency(self):
        self.text.Command = "solve mode=snapshot"
        assert self.dss.ActiveCircuit.Solution.Converged
        self.text.Command = "set mode=harmonics"
        self.text.Command = "set harmonics=(" + " ".join(map(str, ORDERS)) + ")"
        started = time.perf_counter()
        self.text.Command = "solve"
        return 1e6 * (time.perf_counter() - started) / len(ORDERS)


def ours(binary, feeder, steps):
    command = [binary, "benchmark", str(ROOT / f"feeders/{feeder}.yaml"), "--harmonics", "--json", "--steps", str(steps)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(binary, rounds):
    rows = []
    for feeder, script in FEEDERS.items():
        with tempfile.TemporaryDirectory() as folder:
            engine = OpenDSS(ROOT / "tests/data/opendss" / script, folder)
            engine.us_per_frequency()
            theirs, own = [], []
            for _ in range(rounds):
                theirs.append(engine.us_per_frequency())
                own.append(ours(binary, feeder, 20 if feeder == "ieee8500" else 200))
        median = {k: statistics.median(o[k] for o in own) for k, v in own[0].items() if isinstance(v, (int, float))}
        rows.append((feeder, statistics.median(theirs), median))
    return rows


def section(rows):
    lines = [
        "## Harmonics",
        "",
        "`benches/harmonics.sh` (OpenDSS and `phasorbench benchmark --harmonics` in turn, in one run): orders 2 to 51, loads with",
        "OpenDSS's default spectrum. µs per order; ratios to OpenDSS's time per frequency, which rebuilds and refactors at each.",
        "",
        "| feeder | nodes | OpenDSS | factors kept | ratio (goal 20) | all loads moved | ratio (goal 3) | line switched | ratio (goal 3) | frequency of a scan, elements evaluated | set-up of 50 orders, ms |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for feeder, theirs, o in rows:
        kept, loads = o["solve_us_per_order"], o["load_step_us_per_order"]
        switch, scan = o["switch_step_us_per_order"], o["scan_us_per_frequency"]
        lines.append(
            f"| {feeder} | {o['nodes']:.0f} | {theirs:.1f} | {kept:.3f} | **{theirs / kept:.0f}** | {loads:.3f} "
            f"| **{theirs / loads:.0f}** | {switch:.3f} | **{theirs / switch:.0f}** | {scan:.2f} ({theirs / scan:.1f}×) | {o['set_up_ms']:.1f} |"
        )
    step = rows[0][2]["load_step_us"]
    lines += ["", f"A step of 50 orders on IEEE 13, load admittances refreshed, factors and currents made anew: {step:.1f} µs (goal 60).", ""]
    return "\n".join(lines)


def replaced(text, new):
    start = text.find("\n## Harmonics\n")
    if start < 0:
        return text.rstrip("\n") + "\n\n" + new
    end = text.find("\n## ", start + 1)
    return text[: start + 1] + new + ("" if end < 0 else text[end:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    text = section(measure(arguments.binary, arguments.rounds))
    if arguments.out:
        arguments.out.write_text(replaced(arguments.out.read_text(), text))
    print(text)


if __name__ == "__main__":
    main()
