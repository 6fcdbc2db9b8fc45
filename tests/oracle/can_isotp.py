"""Freezes the frames of messages as the package `can-isotp` (PyPI, 2.0.7) sends and answers them.

    pip install can-isotp==2.0.7 && python tests/oracle/can_isotp.py

Writes src/link/can/isotp/vectors.json: per message the receiver's block size and separation, the frames of the sender and
those of the receiver, in hexadecimal. Two layers of the package talk to each other in memory.
"""

import collections
import json
import pathlib
import random

import isotp

OUT = pathlib.Path(__file__).parent.parent.parent / "src" / "link" / "can" / "isotp" / "vectors.json"


def transfer(message, block, separation):
    there, back, log = collections.deque(), collections.deque(), {"there": [], "back": []}

    def layer(inbox, outbox, name, txid, rxid, params):
        def put(frame):
            log[name].append(bytes(frame.data).hex())
            outbox.append(frame)

        address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=txid, rxid=rxid)
        return isotp.TransportLayerLogic(
            rxfn=lambda timeout=0: inbox.popleft() if inbox else None, txfn=put, address=address,
            params={"tx_padding": 0xCC, "tx_data_min_length": 8, "override_receiver_stmin": 0, **params},
        )

    sender = layer(back, there, "there", 0x7E0, 0x7E8, {})
    receiver = layer(there, back, "back", 0x7E8, 0x7E0, {"blocksize": block, "stmin": separation})
    sender.send(message)
    for _ in range(20000):
        sender.process()
        receiver.process()
        if receiver.available() and not sender.transmitting():
            break
    assert receiver.recv() == message
    return log["there"], log["back"]


def main():
    draw, out = random.Random(15765), []
    for length in [1, 6, 7, 8, 12, 13, 14, 20, 62, 111, 112, 200, 256, 4095]:
        block, separation = draw.choice([0, 1, 4, 8]), draw.choice([0, 5, 0xF1])
        message = bytes(draw.randrange(256) for _ in range(length))
        sent, answers = transfer(message, block, separation)
        out.append({"message": message.hex(), "block": block, "separation": separation, "sent": sent, "answers": answers})
    OUT.write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(OUT, OUT.stat().st_size)


main()
