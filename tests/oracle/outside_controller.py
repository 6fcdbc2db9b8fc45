"""A controller that we did not write the protocol of: pymodbus reads a meter, pysunspec2 commands an inverter.

    outside_controller.py loop HOST PORT SECONDS    voltage control: P follows the mean voltage at unit 2
    outside_controller.py refused HOST PORT         a server that only lets read: what is written is refused
    outside_controller.py turned_away HOST PORT     a server that does not let this machine in
"""

import struct
import sys
import time

import sunspec2.modbus.client as sunspec
from pymodbus.client import ModbusTcpClient

TARGET_V = 234.0
GAIN_W_PER_V = 1500.0


def voltages(client):
    answer = client.read_input_registers(0, count=6, device_id=2)
    assert not answer.isError(), answer
    return struct.unpack(">3f", struct.pack(">6H", *answer.registers))


def loop(host, port, seconds):
    meter = ModbusTcpClient(host, port=port)
    assert meter.connect()
    inverter = sunspec.SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr=host, ipport=port)
    inverter.scan()
    control = inverter.models[704][0]
    control.WSetMod.value, control.VarSetMod.value = 1, 4
    control.WSetEna.value, control.VarSetEna.value = 1, 1
    control.WSetRvrtTms.value = control.VarSetRvrtTms.value = 30
    control.WSet.cvalue = control.VarSet.cvalue = 0
    control.write()
    p_w, mean_v = 0.0, float("nan")
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        mean_v = sum(voltages(meter)) / 3
        p_w = max(-20000.0, min(20000.0, p_w + GAIN_W_PER_V * (TARGET_V - mean_v)))
        control.WSet.cvalue = round(p_w)
        control.write()
        time.sleep(0.1)
    measured = inverter.models[701][0]
    measured.read()
    print(f"{mean_v:.3f} {round(p_w)} {measured.W.cvalue}")


def refused(host, port):
    client = ModbusTcpClient(host, port=port)
    assert client.connect()
    assert voltages(client)[0] > 100
    answer = client.write_registers(40100, [0], device_id=1)
    assert answer.isError(), answer
    print(answer.exception_code)


def turned_away(host, port):
    client = ModbusTcpClient(host, port=port, timeout=1, retries=0)
    client.connect()
    try:
        answer = client.read_input_registers(0, count=2, device_id=2)
        print("answered" if not answer.isError() else "an error")
    except Exception as error:
        print(type(error).__name__)


if __name__ == "__main__":
    what, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if what == "loop":
        loop(host, port, float(sys.argv[4]))
    elif what == "refused":
        refused(host, port)
    else:
        turned_away(host, port)
