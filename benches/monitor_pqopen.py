"""pqopen-lib on the signal of tests/monitor_speed.rs: three voltages and three currents, 50 orders, flicker, Urms.

    pip install pqopen-lib==0.10.5
"""
import sys
import time

import numpy as np
from daqopen.channelbuffer import AcqBuffer
from pqopen.powersystem import PowerSystem

RATE, BLOCK, SECONDS = 12_800, 2_560, int(sys.argv[1]) if len(sys.argv) > 1 else 20


def signal(channel):
    angle = 2 * np.pi * 50.05 * np.arange(RATE * SECONDS) / RATE - 2.094 * channel
    return 325 * np.cos(angle) + 10 * sum(np.cos(h * angle + h) / h for h in range(3, 21, 2))


samples = [signal(channel) for channel in range(6)]
buffers = [AcqBuffer(dtype=np.float64, size=200_000) for _ in range(6)]
system = PowerSystem(zcd_channel=buffers[0], input_samplerate=RATE, zcd_threshold=1.0)
for phase in range(3):
    system.add_phase(u_channel=buffers[phase], i_channel=buffers[3 + phase])
system.enable_harmonic_calculation(50)
clock = AcqBuffer(dtype=np.int64, size=200_000)
system.enable_nper_abs_time_sync(clock)
system.enable_fluctuation_calculation(nominal_voltage=230)
best, first = float("inf"), 0
for _ in range(3):
    start = time.process_time()
    for begin in range(0, RATE * SECONDS, BLOCK):
        for buffer, own in zip(buffers, samples):
            buffer.put_data(own[begin:begin + BLOCK])
        clock.put_data(((first + np.arange(BLOCK)) * 1_000_000) // RATE)
        first += BLOCK
        system.process()
    best = min(best, time.process_time() - start)
print(f"pqopen-lib {SECONDS / best:.1f} times real time (processor time, best of 3)")
