"""Speaks to an emulated SunSpec inverter by two packages that we did not write: `pymodbus` and `pysunspec2`.

    pip install pymodbus==3.16.1 pysunspec2==1.3.7
    phasorbench hil emulate hil/sunspec_inverter.yaml --listen 127.0.0.1:1502 &
    python tests/oracle/modbus_peer.py tcp 127.0.0.1:1502
    phasorbench hil emulate hil/sunspec_inverter.yaml --pty &
    python tests/oracle/modbus_peer.py rtu /dev/pts/5
    phasorbench hil emulate hil/sunspec_inverter.yaml --listen 127.0.0.1:1503 --read-only &
    python tests/oracle/modbus_peer.py read-only 127.0.0.1:1503

Each line that it prints is something that held; it ends with 1 at the first that does not. The device must be fresh: begun
by nobody before.
"""

import sys
import time

import sunspec2.modbus.client as sunspec
from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

UNIT, BASE = 1, 40000
MODELS = [1, 701, 702, 704, 713, 715]
# Registers of hil/sunspec_inverter.yaml: active power, its set-point, the lower word of the heartbeat.
W, WSET, HEARTBEAT = 40070 + 10, 40277 + 24, 40353 + 6


class Raw(ModbusPDU):
    """A request as it is written here: the package does not send one that is wrong."""

    def __init__(self, function, body):
        super().__init__(dev_id=UNIT)
        self.function_code, self.body = function, bytes(body)

    def encode(self):
        return self.body


def holds(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got!r}, not {wanted!r}")
    print(f"{what}: {got!r}", flush=True)


def until(what, get, wanted, within_s):
    """A value that may take its time."""
    end = time.monotonic() + within_s
    while (got := get()) != wanted and time.monotonic() < end:
        time.sleep(0.05)
    holds(what, got, wanted)


def exception(answer):
    return answer.exception_code if answer.isError() else f"no exception but {answer.registers}"


def exceptions(client):
    """What the application protocol wants of requests that cannot be served."""
    raw = lambda function, *body: exception(client.execute(False, Raw(function, body)))
    holds("a function that is not served", raw(8, 0, 0, 0, 0), 1)
    holds("exception status, which is not served", raw(7), 1)
    holds("registers that are not there", exception(client.read_holding_registers(39990, count=2, device_id=UNIT)), 2)
    holds("registers that are there in part", exception(client.read_holding_registers(39998, count=4, device_id=UNIT)), 2)
    holds("another table", exception(client.read_input_registers(BASE, count=2, device_id=UNIT)), 2)
    holds("a measured value is not written", exception(client.write_register(W, 5, device_id=UNIT)), 2)
    holds("no registers", raw(3, BASE >> 8, BASE & 255, 0, 0), 3)
    holds("126 registers", raw(3, BASE >> 8, BASE & 255, 0, 126), 3)
    holds("a coil that is neither on nor off", raw(5, 0, 0, 1, 1), 3)


def registers(client):
    read = lambda at, count: client.read_holding_registers(at, count=count, device_id=UNIT).registers
    holds("the marker", read(BASE, 2), [0x5375, 0x6E53])
    holds("125 registers at once", len(read(BASE, 125)), 125)
    holds("a register written alone", client.write_register(HEARTBEAT, 77, device_id=UNIT).isError(), False)
    holds("and read back", read(HEARTBEAT, 1), [77])
    masked = client.mask_write_register(address=HEARTBEAT, and_mask=0xFFF0, or_mask=0x0002, device_id=UNIT)
    holds("a register masked", masked.isError(), False)
    holds("and read back", read(HEARTBEAT, 1), [(77 & 0xFFF0) | 0x0002])
    both = client.readwrite_registers(
        read_address=HEARTBEAT, read_count=1, write_address=HEARTBEAT, values=[5], device_id=UNIT
    )
    holds("written, then read, in one request", both.registers, [5])
    about = client.read_device_information(read_code=1, object_id=0, device_id=UNIT).information
    holds("who it is", [about[0], about[1]], [b"PhasorBench", b"sunspec_inverter"])


def scanned(device, disconnect=True):
    """Walks the map as any SunSpec client does."""
    device.scan()
    if not disconnect:
        device.connect()
    holds("where it begins", device.base_addr, BASE)
    holds("its models", [number for number in device.models if isinstance(number, int)], MODELS)
    holds("their lengths are those of the models", all(m[0].model_len == m[0].len for m in by_number(device)), True)
    common, measured = device.common[0], device.models[701][0]
    holds("its maker", common.Mn.value, "PhasorBench")
    holds("its model", common.Md.value, "sunspec_inverter")
    holds("active power", measured.W.cvalue, 0)
    holds("voltage of phase A", measured.VL1.cvalue, 230.0)
    holds("frequency", round(measured.Hz.cvalue, 6), 50.0)
    holds("its rating", device.models[702][0].VAMaxRtg.cvalue, 30000)
    holds("what it does not have", measured.TotWhInj.value, None)


def by_number(device):
    return [models for number, models in device.models.items() if isinstance(number, int)]


def followed(device):
    """A set-point by model 704, and the timer that ends it."""
    control, measured = device.models[704][0], device.models[701][0]

    def power():
        measured.read()
        return round(measured.W.cvalue), round(measured.Var.cvalue)

    control.WSet.cvalue = 9000
    control.write()
    time.sleep(0.2)
    holds("a set-point that is not enabled", power(), (0, 0))
    control.WSetMod.value, control.VarSetMod.value = 1, 4
    control.WSetEna.value, control.VarSetEna.value = 1, 1
    control.write()
    until("enabled, it is followed", power, (9000, 0), 2)
    control.WSet.cvalue, control.VarSet.cvalue = -12345, 2500
    control.write()
    until("consuming, with reactive power", power, (-12345, 2500), 2)
    measured.read()
    holds("by phase", [round(own.cvalue) for own in (measured.WL1, measured.WL2, measured.WL3)], [-4115] * 3)
    control.WSet.cvalue = 29000
    control.VarSet.cvalue = 20000
    control.write()
    # Reactive power first: what is left of 30 kVA is sqrt(30² − 20²) = 22,361 W, in whole watts of each phase.
    until("within its rating", lambda: (round(power()[0] / 10), power()[1]), (2236, 20000), 2)
    control.WSetRvrtTms.value = 1
    control.write()
    time.sleep(0.5)
    holds("within its reversion timer", power()[1], 20000)
    until("after its reversion timer", power, (0, 0), 3)
    control.read()
    holds("it has disabled itself", (control.WSetEna.value, control.VarSetEna.value), (0, 0))


def tcp(place):
    host, port = place.rsplit(":", 1)
    client = ModbusTcpClient(host, port=int(port), timeout=2, retries=0)
    holds("pymodbus connects", client.connect(), True)
    exceptions(client)
    other = client.read_holding_registers(BASE, count=2, device_id=9)
    holds("a unit that is not there", exception(other), 11)
    # On a serial line its end is not seen, and nobody answers.
    short = exception(client.execute(False, Raw(3, [BASE >> 8, BASE & 255])))
    holds("a request that is too short", short, 3)
    client.close()
    device = sunspec.SunSpecModbusClientDeviceTCP(slave_id=UNIT, ipaddr=host, ipport=int(port), timeout=2)
    scanned(device, disconnect=False)
    followed(device)
    device.disconnect()
    # Last: its heartbeat, once begun, must go on.
    client.connect()
    registers(client)
    client.close()


def rtu(place):
    client = ModbusSerialClient(place, baudrate=9600, timeout=1, retries=0)
    holds("pymodbus opens the line", client.connect(), True)
    exceptions(client)
    try:
        holds("a unit that is not there", client.read_holding_registers(BASE, count=2, device_id=9), None)
    except ModbusException as silence:
        holds("a unit that is not there is silent", "No response" in str(silence), True)
    client.close()
    device = sunspec.SunSpecModbusClientDeviceRTU(UNIT, place, baudrate=9600, timeout=1)
    device.open()
    scanned(device)
    followed(device)
    device.close()
    client.connect()
    registers(client)
    client.close()


def read_only(place):
    host, port = place.rsplit(":", 1)
    client = ModbusTcpClient(host, port=int(port), timeout=2, retries=0)
    client.connect()
    wrong = exception(client.write_register(WSET, 1, device_id=UNIT))
    holds("a write to who is not written to", wrong, 1)
    short = exception(client.execute(False, Raw(16, [WSET >> 8, WSET & 255, 0, 1, 3, 0, 1])))
    holds("a write that cannot be meant, before that", short, 3)
    holds("it is read", client.read_holding_registers(BASE, count=1, device_id=UNIT).registers, [0x5375])
    client.close()


if __name__ == "__main__":
    {"tcp": tcp, "rtu": rtu, "read-only": read_only}[sys.argv[1]](sys.argv[2])
    print("all well")
