"""Makes small COMTRADE recordings and freezes what the package `comtrade` (PyPI, 0.2.0) reads from them.

    pip install comtrade==0.2.0 && python tests/oracle/comtrade_values.py

Written by hand from the layout of the standard, so that neither our reader nor that package made them. Each has other
awkward things: order of channels, units, primary and secondary, status channels that do not fill a word, two rates, time
stamps only, missing values.
"""

import json
import math
import pathlib
import struct

import comtrade

HERE = pathlib.Path(__file__).parent.parent / "data" / "recordings"
COUNT = 48


def raw(channel, n):
    return round(9000 * math.sin(2 * math.pi * n / 24 + channel) + 40 * channel)


def stamp(n, rate):
    return round(n * 1e6 / rate)


def cfg(year, lines, statuses, hz, rates, kind, tail=""):
    head = "Substation N\xe5,meter 7" + ("" if year == 1991 else f",{year}")
    counts = f"{len(lines) + statuses},{len(lines)}A,{statuses}D"
    status = [f"{k + 1},S{k + 1},0" if year == 1991 else f"{k + 1},S{k + 1},,,0" for k in range(statuses)]
    rate = [str(len(rates)) if rates[0][0] else "0"] + [f"{r},{n}" for r, n in rates]
    times = ["01/02/2020,10:11:12.123456", "01/02/2020,10:11:12.223456"]
    return "\r\n".join([head, counts, *lines, *status, str(hz), *rate, *times, kind, *tail.split()]) + "\r\n"


def analogue(year, rows):
    out = []
    for k, (name, phase, unit, a, b, primary, secondary, ps) in enumerate(rows):
        line = f"{k + 1},{name},{phase},,{unit},{a},{b},0,-32767,32767"
        out.append(line if year == 1991 else f"{line},{primary},{secondary},{ps}")
    return out


def write(name, text, data):
    (HERE / f"{name}.cfg").write_bytes(text.encode("latin-1"))
    (HERE / f"{name}.dat").write_bytes(data)


def ascii_1991():
    rows = [("Ia", "A", "A", 0.01, 0.5, 0, 0, ""), ("Ua", "A", "kV", 0.001, -0.25, 0, 0, "")]
    text = cfg(1991, analogue(1991, rows), 3, 50, [(1200, COUNT)], "ASCII")
    lines = [f"{n + 1},{stamp(n, 1200)},{raw(0, n):+06d},{raw(1, n)},0,1,0" for n in range(COUNT)]
    write("ascii_1991", text, ("\r\n".join(lines) + "\r\n\x1a").encode())


def binary_1999():
    rows = [("F1-VA", "A", "V", 0.012207, 0, 11000, 110, "S"), ("F2-VB", "B", "V", 0.012207, 0, 11000, 110, "S"),
            ("F3-IA", "A", "A", 0.001953, 1, 1000, 1, "P"), ("F4-IB", "B", "mA", 0.5, 1, 1000, 5, "S")]
    text = cfg(1999, analogue(1999, rows), 17, 60, [(1440, 16), (1440, COUNT)], "BINARY", "1.0")
    data = b"".join(
        struct.pack("<II4hHH", n + 1, stamp(n, 1440), *(raw(k, n) for k in range(4)), n % 7, 1) for n in range(COUNT))
    write("BINARY_1999", text, data)


def binary32_2013():
    rows = [("UL1", "", "V", 1e-5, 0, 1, 1, "P"), ("IL1", "", "A", 1e-6, 0.25, 1, 1, "P")]
    text = cfg(2013, analogue(2013, rows), 0, 50, [(0, COUNT)], "BINARY32", "1.0 +1h,+1h A,3")
    data = b"".join(struct.pack("<IIii", n + 1, stamp(n, 2400), raw(0, n) * 5000, raw(1, n) * 5000) for n in range(COUNT))
    write("binary32_2013", text, data)


def float32_2013():
    rows = [("HV VR", "", "V", 1, 0, 1, 1, "P"), ("HV IR", "", "A", 2, 0, 1, 1, "P")]
    text = cfg(2013, analogue(2013, rows), 1, 50, [(2400, COUNT)], "FLOAT32", "1.0 +1h,+1h A,3")
    data = b"".join(struct.pack("<IIffH", n + 1, stamp(n, 2400), raw(0, n) / 7, raw(1, n) / 7, 1) for n in range(COUNT))
    write("float32_2013", text, data)


def main():
    HERE.mkdir(exist_ok=True)
    values = {}
    for make in (ascii_1991, binary_1999, binary32_2013, float32_2013):
        make()
    for path in sorted(HERE.glob("*.cfg")):
        read = comtrade.load(str(path), str(path.with_suffix(".dat")), encoding="latin-1")
        values[path.stem] = {
            "names": read.analog_channel_ids,
            "values": [[float(f"{x:.9g}") for x in channel[:COUNT:5]] for channel in read.analog],
            "every": 5,
            "samples": read.total_samples,
        }
    (HERE / "values.json").write_text(json.dumps(values, indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
