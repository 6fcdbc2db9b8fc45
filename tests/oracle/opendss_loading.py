"""Currents of a small circuit in percent of its ratings, by OpenDSS.

    python tests/oracle/opendss_loading.py        (needs dss-python 0.15.7, that is engine 0.14.5)

Solves tests/data/loading/circuit.dss and writes circuit.json: for each line the largest current of a conductor at either
end over its NormAmps and EmergAmps, for each transformer the largest winding current over its rated one.
"""

import json
import pathlib

from dss import DSS

HERE = pathlib.Path(__file__).resolve().parents[1] / "data" / "loading"


def magnitudes(flat):
    return [abs(complex(flat[2 * k], flat[2 * k + 1])) for k in range(len(flat) // 2)]


def lines(circuit):
    found = {}
    for line in circuit.Lines:
        largest = max(magnitudes(circuit.ActiveCktElement.Currents))
        found[line.Name] = [100 * largest / line.NormAmps, 100 * largest / line.EmergAmps]
    return found


def transformers(circuit):
    found = {}
    for t in circuit.Transformers:
        phases = circuit.ActiveCktElement.NumPhases
        # Phase after phase, winding after winding, the current at both ends of each winding.
        through = magnitudes(t.WdgCurrents)[::2]
        assert len(through) == phases * t.NumWindings
        shares = []
        for winding in range(t.NumWindings):
            t.Wdg = winding + 1
            wye_of_many = phases > 1 and not t.IsDelta
            rated = t.kVA / phases / (t.kV / 3**0.5 if wye_of_many else t.kV)
            shares += [through[phase * t.NumWindings + winding] / rated for phase in range(phases)]
        found[t.Name] = 100 * max(shares)
    return found


def main():
    DSS.AllowChangeDir = False
    DSS.Text.Command = f"compile {HERE / 'circuit.dss'}"
    circuit = DSS.ActiveCircuit
    assert circuit.Solution.Converged
    result = {"lines": lines(circuit), "transformers": transformers(circuit)}
    (HERE / "circuit.json").write_text(json.dumps(result, indent=1) + "\n")


main()
