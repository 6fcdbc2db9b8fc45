"""A client of an emulated grid simulator that we did not write: PyVISA over a TCP socket, by PyVISA-py.

Argument: the port. Prints a line for each thing that held, and `all well` at the end.
"""

import sys

import pyvisa
from pyvisa.errors import VisaIOError

manager = pyvisa.ResourceManager("@py")
source = manager.open_resource(
    f"TCPIP::127.0.0.1::{sys.argv[1]}::SOCKET", read_termination="\n", write_termination="\n", timeout=3000
)


def held(name, condition):
    assert condition, name
    print(name)


maker, model, serial, version = source.query("*IDN?").split(",")
held("identity", (maker, model, serial) == ("PhasorBench", "grid_simulator_scpi", "emulated") and version)
held("power on", int(source.query("*ESR?")) == 128)
held("off", source.query_ascii_values("MEAS:VOLT? (@1,2,3)") == [0.0, 0.0, 0.0])

source.write("VOLT:PHAS1 230;PHAS2 231.25;PHAS3 2.295E2")
source.write(":SOURce:FREQuency:LEVel:IMMediate 50.5;:phase2 -119.5")
source.write("OUTPut:STATe ON")
held("complete", source.query("*OPC?") == "1")
held("a list of values", source.query_ascii_values("measure:voltage? (@1, 2, 3)") == [230.0, 231.25, 229.5])
held("numbers", [float(source.query(own)) for own in ("FREQ?", "MEAS:PHAS2?", "OUTP?")] == [50.5, -119.5, 1.0])
held("a chain of questions", source.query("FREQ?;OUTP?;*OPC?").split(";")[2] == "1")
held("power", source.query_ascii_values("MEAS:POW1?") == [1150.0])
held("no error", source.query("SYST:ERR?") == '0,"No error"')

for command, code in (
    ("VOLT:PHAS1 400", -222),
    ("VOLT:PHAS4 1", -113),
    ("VOLT:PHAS1 lots", -104),
    ("FREQ", -109),
    ("NONSENSE", -113),
):
    source.write(command)
    held(f"{command} is refused", int(source.query("SYSTem:ERRor:NEXT?").split(",")[0]) == code)
held("events", int(source.query("*ESR?")) == 0x20 | 0x10)
held("what it held", float(source.query("VOLT:PHAS1?")) == 230.0)

source.timeout = 300
try:
    source.query("NONSENSE?")
    raise AssertionError("it answered what it does not know")
except VisaIOError:
    print("no answer to what it does not know")
source.timeout = 3000
source.write("*CLS")
held("cleared", source.query("SYST:ERR?") == '0,"No error"')

source.write("VOLT:PHAS1 MAX")
held("its most", float(source.query("VOLT:PHAS1?")) == 270.0)
source.write("*RST")
held("reset", source.query_ascii_values("MEAS:VOLT? (@1,2,3)") == [0.0, 0.0, 0.0] and float(source.query("OUTP?")) == 0.0)
source.close()
manager.close()
print("all well")
