"""A peer on a CAN bus by UDP multicast that we did not write: `python-can` for the bus, `cantools` for what is in frames.

    pip install python-can==4.6.1 cantools==45.1.0 msgpack==1.2.4
    python tests/oracle/can_peer.py send 239.74.163.2 43113     # sends until it is killed; says what is in its frames
    python tests/oracle/can_peer.py drive 239.74.163.2 43113    # commands an emulated charger module, and reads it
    python tests/oracle/can_peer.py shy 239.74.163.2 43113      # a module that only speaks when it is spoken to

`send` and `shy` print a line of JSON when they are ready. `drive` prints what held, and ends with 1 at the first that did not.
"""

import json
import pathlib
import random
import sys
import threading
import time

import can
import cantools

DBC = pathlib.Path(__file__).parents[2] / "hil/can/charger_module.dbc"
DATABASE = cantools.database.load_file(DBC)


def bus(group, port):
    return can.Bus(interface="udp_multicast", channel=group, port=int(port), receive_own_messages=False, fd=True)


def frame(message, payload):
    return can.Message(arbitration_id=message.frame_id, is_extended_id=message.is_extended_frame, data=payload)


def plain(values):
    """Named values as their numbers."""
    return {name: getattr(value, "value", value) for name, value in values.items()}


def drawn(message, random):
    """A payload within the signals' limits, and what cantools reads in it."""
    values = {}
    for signal in message.signals:
        low, high = signal.minimum, signal.maximum
        steps = int((high - low) / signal.scale)
        values[signal.name] = low + random.randrange(steps + 1) * signal.scale
    payload = message.encode(values, scaling=True, strict=False)
    return payload, plain(message.decode(payload, decode_choices=False))


def send(group, port):
    generator = random.Random(7)
    frames, expected = [], {}
    for message in DATABASE.messages:
        payload, expected[message.name] = drawn(message, generator)
        frames.append(frame(message, payload))
    frames.append(can.Message(arbitration_id=0x123, is_extended_id=False, data=[1, 2, 3]))
    frames.append(can.Message(arbitration_id=0x124, is_extended_id=False, data=bytes(range(24)), is_fd=True, bitrate_switch=True))
    frames.append(can.Message(arbitration_id=0x125, is_extended_id=False, is_remote_frame=True, dlc=4))
    # Bus off, as SocketCAN numbers it.
    frames.append(can.Message(arbitration_id=0x40, is_extended_id=False, is_error_frame=True, data=[0] * 8, dlc=8))
    with bus(group, port) as own:
        print(json.dumps(expected), flush=True)
        begin = time.monotonic()
        for k in range(3000):
            for own_frame in frames:
                own.send(own_frame)
            time.sleep(max(0.0, begin + 0.02 * (k + 1) - time.monotonic()))


class Ear:
    """What is said on the bus, by message."""

    def __init__(self, own):
        self.newest, self.count = {}, {}
        self.notifier = can.Notifier(own, [self.hear], timeout=0.1)

    def hear(self, message):
        try:
            known = DATABASE.get_message_by_frame_id(message.arbitration_id)
        except KeyError:
            return
        self.count[known.name] = self.count.get(known.name, 0) + 1
        self.newest[known.name] = plain(known.decode(bytes(message.data), decode_choices=False))


class Master:
    """Sends commands every 50 ms, with a counter that moves."""

    def __init__(self, own):
        self.own, self.values, self.ended, self.count = own, {}, False, 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        message = DATABASE.get_message_by_name("Command")
        while not self.ended:
            values = {signal.name: 0 for signal in message.signals} | self.values | {"CommandAlive": self.count % 16}
            self.own.send(frame(message, message.encode(values)))
            self.count += 1
            time.sleep(0.05)


def until(what, ear, message, signal, wanted):
    end = time.monotonic() + 8
    while time.monotonic() < end:
        got = ear.newest.get(message, {}).get(signal)
        if got is not None and abs(got - wanted) < 1e-6:
            print(f"{what}: {signal} is {wanted}", flush=True)
            return
        time.sleep(0.02)
    sys.exit(f"{what}: {signal} is {ear.newest.get(message, {}).get(signal)!r}, not {wanted!r}")


def drive(group, port):
    with bus(group, port) as own:
        ear, master = Ear(own), Master(own)
        until("off", ear, "Status", "State", 0)
        master.values = {"Enable": 1, "Mode": 3, "PowerSetPoint": -6000}
        master.thread.start()
        try:
            until("enabled", ear, "Status", "State", 2)
            until("power", ear, "Status", "Power", -6000)
            until("confirmed", ear, "Grid", "AcceptedPower", -6000)
            master.values = {"Enable": 0}
            until("disabled", ear, "Status", "Power", 0)
            until("disabled", ear, "Status", "State", 0)
        finally:
            master.ended = True
            master.thread.join()
            ear.notifier.stop()
        print("all well", flush=True)


def shy(group, port):
    with bus(group, port) as own:
        ear = Ear(own)
        print(json.dumps({}), flush=True)
        names = ("Status", "Grid", "Limits", "Battery", "Supply")
        messages = [DATABASE.get_message_by_name(name) for name in names]
        begin = time.monotonic()
        for k in range(1200):
            # What it was told last, and how often: said in what nobody else says.
            if ear.count.get("Command", 0) > 0:
                for message in messages:
                    if k % max(1, message.cycle_time // 50):
                        continue
                    values = {signal.name: max(0, signal.minimum) for signal in message.signals}
                    if message.name == "Status":
                        values |= {"StatusAlive": k % 16, "Voltage": 400}
                    if message.name == "Grid":
                        values |= {"GridVoltage": 230, "GridFrequency": 50}
                    own.send(frame(message, message.encode(values)))
                print(json.dumps({"told": ear.newest["Command"], "times": ear.count["Command"]}), flush=True)
            time.sleep(max(0.0, begin + 0.05 * (k + 1) - time.monotonic()))


if __name__ == "__main__":
    {"send": send, "drive": drive, "shy": shy}[sys.argv[1]](*sys.argv[2:])
