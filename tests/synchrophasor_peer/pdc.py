"""A PDC of the package `synchrophasor`: pdc.py PORT ID FRAMES prints the header, the configuration and so many frames as JSON."""

import collections
import collections.abc
import json
import signal
import sys

# The package is from before Python 3.10.
collections.Sequence = collections.abc.Sequence

from synchrophasor.frame import DataFrame  # noqa: E402
from synchrophasor.pdc import Pdc  # noqa: E402

signal.alarm(60)
Pdc.logger.setLevel("CRITICAL")
pdc = Pdc(pdc_id=int(sys.argv[2]), pmu_ip="127.0.0.1", pmu_port=int(sys.argv[1]))
pdc.run()
header = pdc.get_header().get_header()
config = pdc.get_config("cfg2")
print(json.dumps({
    "header": header if isinstance(header, str) else header.decode(),
    "station": config.get_station_name().strip(),
    "id": config.get_stream_id_code(),
    "names": [name.strip() for name in config.get_channel_names()],
    "units": config.get_ph_units(),
    "rate": config.get_data_rate(),
    "nominal": config.get_fnom(),
    "changes": config._cfg_count,
}), flush=True)
pdc.start()
left = int(sys.argv[3])
while left > 0:
    frame = pdc.get()
    if isinstance(frame, DataFrame):
        left -= 1
        print(json.dumps(frame.get_measurements()), flush=True)
pdc.stop()
pdc.quit()
