"""A PMU of the package `synchrophasor`: pmu.py PORT FORMAT, where FORMAT is `integer` or `polar`.

It sends 25 frames a second until it is killed. Stream 7734; 4 phasors; at `polar` the angle of VA grows by 1 degree a frame.
"""

import collections
import collections.abc
import math
import sys
import time

# The package is from before Python 3.10.
collections.Sequence = collections.abc.Sequence

from synchrophasor.frame import ConfigFrame2, DataFrame  # noqa: E402
from synchrophasor.pmu import Pmu  # noqa: E402

port, form = int(sys.argv[1]), sys.argv[2]
polar = form == "polar"
# (polar, phasors float, analogs float, frequency float)
data_format = (True, True, True, False) if polar else (False, False, True, False)
names = ["VA", "VB", "VC", "I1", "ANALOG1"] + ["BREAKER %d" % k for k in range(1, 17)]
units = [(915527, "v")] * 3 + [(45776, "i")]
config = ConfigFrame2(7734, 1000000, 1, "Station A", 7734, data_format, 4, 1, 1, names, units, [(1, "pow")],
                      [(0x0000, 0xFFFF)], 60, 22, 25)
pmu = Pmu(pmu_id=7734, data_rate=25, port=port, ip="127.0.0.1")
pmu.set_configuration(config)
pmu.set_header("a PMU that others wrote")
pmu.run()
k = 0
while True:
    if polar:
        angle = math.radians((k + 180) % 360 - 180) * 0.999
        phasors = [(230.5, angle), (231.5, -2.0), (232.5, 2.0), (5.25, 0.5)]
    else:
        phasors = [(14635, 0), (-7318, -12676), (-7318, 12675), (1092, 0)]
    stat = ("ok", True, "timestamp", False, False, False, 0, "<10", 0)
    frame = DataFrame(7734, stat, phasors, -12, 3, [100.5], [0x3C12], config)
    if pmu.clients:
        pmu.send(frame)
    k += 1
    time.sleep(0.04)
