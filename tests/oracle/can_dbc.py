"""Freezes what the package `cantools` (PyPI, 45.1.0) reads from random payloads by random databases.

    pip install cantools==45.1.0 && python tests/oracle/can_dbc.py

Writes src/link/can/dbc/vectors.json: per database its text, and per payload of each message the raw and physical values
that cantools decodes, and the payload that it encodes from those raw values with all other bits 0. The layouts are drawn
here (seeded), with both byte orders, signed numbers, floats, multiplexers, 11 and 29 bits, up to 64 bytes.
"""

import json
import math
import pathlib
import random

import cantools

OUT = pathlib.Path(__file__).parent.parent.parent / "src" / "link" / "can" / "dbc" / "vectors.json"
DATABASES, PAYLOADS = 16, 8


def bits(start, length, little):
    """Positions of a signal's bits as the format defines them."""
    if little:
        return set(range(start, start + length))
    out, at = set(), start
    for _ in range(length):
        out.add(at)
        at = at - 1 if at % 8 else at + 15
    return out


def layout(draw, size, taken):
    """A place for a signal, or None."""
    for _ in range(60):
        kind = draw.choice(["u", "u", "s", "s", "f32", "f64"])
        length = {"f32": 32, "f64": 64}.get(kind) or draw.choice([1, 2, 7, 8, 12, 16, 24, 31, 32, 48, 63, 64, draw.randint(1, 64)])
        start, little = draw.randrange(size * 8), draw.random() < 0.5
        own = bits(start, length, little)
        if max(own) < size * 8 and not own & taken:
            return kind, length, start, little, own
    return None


def signal(name, mux, place, draw):
    kind, length, start, little, _ = place
    factor, offset = draw.choice([(1, 0), (0.1, 0), (0.01, -40), (-0.5, 3), (0.25, 1000), (2, -7)])
    sign = "-" if kind == "s" or kind.startswith("f") else "+"
    return f' SG_ {name} {mux}: {start}|{length}@{int(little)}{sign} ({factor},{offset}) [0|0] "u" Vector__XXX'


def database(draw):
    text, types = ['VERSION ""', "", "NS_ :", "", "BS_:", "", "BU_: A", ""], []
    for number in range(3):
        extended = draw.random() < 0.5
        number_bits = draw.randrange(1 << 29) | 1 << 31 if extended else draw.randrange(1 << 11)
        size = draw.choice([1, 4, 8, 8, 8, 24, 64])
        text.append(f"BO_ {number_bits} M{number}: {size} A")
        taken, count, mux = set(), 0, size >= 4 and draw.random() < 0.5
        if mux:
            text.append(f' SG_ Switch M : 0|3@1+ (1,0) [0|0] "" Vector__XXX')
            taken = {0, 1, 2}
        shared = set(taken)
        for turn in [None] + ([0, 1, 2, 3, 4, 5, 6, 7] if mux else []):
            own = set(shared)
            for _ in range(draw.randint(1, 3) if mux else draw.randint(2, 9)):
                place = layout(draw, size, own)
                if place is None:
                    continue
                own |= place[4]
                name = f"S{count}"
                count += 1
                text.append(signal(name, "" if turn is None else f"m{turn} ", place, draw))
                if place[0].startswith("f"):
                    types.append(f"SIG_VALTYPE_ {number_bits} {name} : {1 if place[0] == 'f32' else 2};")
            if turn is None:
                shared = own
        text.append("")
    return "\n".join(text + types) + "\n"


def cases(read, draw):
    out = []
    for message in read.messages:
        for _ in range(PAYLOADS):
            payload = bytes(draw.randrange(256) for _ in range(message.length))
            raw = message.decode(payload, scaling=False, decode_choices=False)
            physical = message.decode(payload, decode_choices=False)
            if any(isinstance(v, float) and not math.isfinite(v) for v in [*raw.values(), *physical.values()]):
                continue
            encoded = message.encode(raw, scaling=False, strict=False)
            out.append(
                {
                    "message": message.name,
                    "payload": payload.hex(),
                    "values": [[name, raw[name], float(physical[name])] for name in raw],
                    "encoded": encoded.hex(),
                }
            )
    return out


def main():
    draw, databases = random.Random(20261130), []
    while len(databases) < DATABASES:
        text = database(draw)
        read = cantools.database.load_string(text, "dbc", strict=True)
        databases.append({"dbc": text, "cases": cases(read, draw)})
    OUT.write_text(json.dumps({"cantools": cantools.__version__, "databases": databases}, indent=None, separators=(",", ":")) + "\n")
    print(OUT, OUT.stat().st_size, sum(len(d["cases"]) for d in databases))


main()
