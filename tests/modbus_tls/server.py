"""A Modbus device in TLS that we did not write: pymodbus.

Arguments: port, certificate, key, and the authority that must have signed a client's certificate, where one is required.
"""

import asyncio
import ssl
import sys

from pymodbus.server import ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

port, certificate, key, *authority = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
if authority:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority[0])

registers = SimData(0, values=[1234, 2302, 0, 0, 0, 0, 0, 0, 0, 0, 7], datatype=DataType.REGISTERS)


async def serve():
    server = ModbusTlsServer(SimDevice(1, simdata=[registers]), address=("127.0.0.1", int(port)), sslctx=context)
    await server.serve_forever()


asyncio.run(serve())
