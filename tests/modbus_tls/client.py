"""A Modbus client in TLS that we did not write: pymodbus.

Arguments: port, authority, and its own certificate and key where it has them. Prints what it reads, or `refused`.
"""

import ssl
import sys

from pymodbus.client import ModbusTlsClient
from pymodbus.exceptions import ModbusException

port, authority, *own = sys.argv[1:]
context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=authority)
# The package hands no name to the handshake.
context.check_hostname = False
if own:
    context.load_cert_chain(*own)
client = ModbusTlsClient("localhost", port=int(port), sslctx=context, retries=0)
try:
    answer = client.read_holding_registers(0, count=2, device_id=1) if client.connect() else None
    print(answer.registers if answer is not None and not answer.isError() else "refused")
except (ModbusException, OSError):
    print("refused")
client.close()
