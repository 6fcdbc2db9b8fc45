"""Makes irradiance.csv: four minutes of irradiance, second by second, under broken cumulus, relative to a clear sky.

Clouds and gaps alternate with lengths that are exponentially distributed (12 s and 9 s); a cloud leaves 25 to 45 %, its
edge passes in 1 to 4 s, and light reflected from its edge adds up to 12 % just beside it. That is the kind of change that
one-second records show (up to 60 % in two seconds); it is not a record. Run: python3 irradiance.py > irradiance.csv
"""
import random

random.seed(20)
edges, t, clear = [], 0.0, True
while t < 300:
    t += random.expovariate(1 / (9 if clear else 12)) + 2
    clear = not clear
    edges.append((t, 1.0 if clear else random.uniform(0.25, 0.45), random.uniform(1, 4)))
print("# Irradiance relative to a clear sky under broken cumulus, second by second: made by irradiance.py.")
print("t_s,p")
level, queue = 1.0, list(edges)
before = level
for second in range(1, 241):
    while queue and queue[0][0] + queue[0][2] <= second:
        before = queue.pop(0)[1]
    at, to, width = queue[0] if queue else (1e9, before, 1)
    part = min(max((second - at) / width, 0), 1)
    value = before + (to - before) * part
    near = min(abs(second - e[0]) for e in edges)
    if value > 0.9 and near < 3:
        value += 0.12 * (1 - near / 3)
    print(f"{second},{value + random.gauss(0, 0.004):.4f}")
