"""Freezes what the package `python-can` (PyPI, 4.6.1) puts on the wire for random frames, in three of its interfaces.

    pip install python-can==4.6.1 pyserial msgpack && python tests/oracle/can_wires.py

Writes src/link/can/bus/vectors.json: per frame its fields, and the bytes in hexadecimal that python-can's slcan interface,
its socketcand interface and its udp_multicast interface send (absent where that interface has no such frame). slcan's are
also read back by python-can, so that what it writes is what it reads.
"""

import json
import pathlib
import random

import can
from can.interfaces.slcan import slcanBus
from can.interfaces.socketcand.socketcand import convert_can_message_to_ascii_message
from can.interfaces.udp_multicast.utils import pack_message, unpack_message

OUT = pathlib.Path(__file__).parent.parent.parent / "src" / "link" / "can" / "bus" / "vectors.json"


def draw_frame(draw):
    extended = draw.random() < 0.5
    kind = draw.choice(["data", "data", "remote", "fd", "fd"])
    length = draw.choice([0, 1, 5, 8] + ([12, 16, 20, 24, 32, 48, 64] if kind == "fd" else []))
    return {
        "id": draw.randrange(1 << 29 if extended else 1 << 11),
        "extended": extended,
        "kind": kind,
        "switch": kind == "fd" and draw.random() < 0.5,
        "length": length,
        "bytes": "" if kind == "remote" else bytes(draw.randrange(256) for _ in range(length)).hex(),
    }


def message(frame):
    return can.Message(
        timestamp=1700000000.25,
        arbitration_id=frame["id"],
        is_extended_id=frame["extended"],
        is_remote_frame=frame["kind"] == "remote",
        is_fd=frame["kind"] == "fd",
        bitrate_switch=frame["switch"],
        dlc=frame["length"],
        data=None if frame["kind"] == "remote" else bytes.fromhex(frame["bytes"]),
        check=True,
    )


def main():
    draw, out = random.Random(43113), []
    bus = slcanBus("loop://", sleep_after_open=0, bitrate=500000)
    port = bus.serialPortOrig
    port.read(port.in_waiting)
    for _ in range(60):
        frame = draw_frame(draw)
        sent = message(frame)
        bus.send(sent)
        wire = port.read(port.in_waiting)
        port.write(wire)
        got = bus.recv(1)
        assert got.equals(sent, timestamp_delta=None, check_channel=False, check_direction=False), (sent, got)
        frame["slcan"] = wire.hex()
        if frame["kind"] == "data":
            frame["socketcand"] = convert_can_message_to_ascii_message(sent).encode().hex()
        packed = pack_message(sent)
        assert unpack_message(packed, check=True).equals(sent)
        frame["udp"] = packed.hex()
        out.append(frame)
    OUT.write_text(json.dumps({"python_can": can.__version__, "frames": out}, separators=(",", ":")) + "\n")
    print(OUT, OUT.stat().st_size)


main()
