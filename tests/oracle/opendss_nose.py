"""Largest load multiplier at which OpenDSS still converges: the noses that `tests/pv.rs` compares with.

    python tests/oracle/opendss_nose.py     (needs dss-python 0.15.7, that is engine 0.14.5)

Each script is run as it is, its own `solve` included; then controls are off and every load draws constant power at every
voltage. The multiplier is bisected; each attempt goes up to it from half load in ten solves, so that the start is near.
Fixed point and Newton end at the same multiplier to all digits printed. Output of 2026-11-20:

    13Bus/IEEE13Nodeckt.dss 2.596342
    34Bus/ieee34Mod1.dss 1.251036
    123Bus/IEEE123Master.dss 2.946991
"""

import os
import pathlib

from dss import DSS

SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "data/opendss"


def open_feeder(script):
    text = DSS.Text
    DSS.AllowChangeDir = False
    text.Command = "clear"
    os.chdir((SCRIPTS / script).parent)
    for command in (
        f'redirect "{SCRIPTS / script}"',
        "set controlmode=off",
        "set maxiterations=5000",
        "set tolerance=1e-9",
    ):
        text.Command = command
    for load in DSS.ActiveCircuit.Loads.AllNames:
        text.Command = f"edit load.{load} model=1 vminpu=0 vlowpu=0 vmaxpu=10"


def converges(multiplier):
    DSS.Text.Command = f"set loadmult={multiplier}"
    DSS.Text.Command = "solve mode=snapshot"
    return bool(DSS.ActiveCircuit.Solution.Converged)


def reaches(multiplier, base=0.5, parts=10):
    converges(base)
    return all([converges(base + (multiplier - base) * k / parts) for k in range(1, parts + 1)])


def nose(low=0.5, high=20.0):
    while high - low > 1e-6 * low:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if reaches(middle) else (low, middle)
    return low


if __name__ == "__main__":
    for script in ("13Bus/IEEE13Nodeckt.dss", "34Bus/ieee34Mod1.dss", "123Bus/IEEE123Master.dss"):
        open_feeder(script)
        print(script, f"{nose():.6f}")
