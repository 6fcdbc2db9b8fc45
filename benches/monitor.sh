#!/bin/sh
# How fast the monitor is beside pqopen-lib 0.10.5 (https://pypi.org/project/pqopen-lib), on the same signal and machine, in
# the same run: three voltages and three currents at 12.8 kHz, one core, processor time. From the repository's root:
#
#     pip install pqopen-lib==0.10.5 && sh benches/monitor.sh
set -eu
python=${PYTHON:-python3}
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
own=$(cargo test --quiet --release --no-default-features --test monitor_speed -- --nocapture | grep '^phasorbench')
peer=$("$python" benches/monitor_pqopen.py)
printf '%s\n%s\n' "$own" "$peer"
printf '%s\n%s\n' "$own" "$peer" | awk '/times real time/ { s[++n] = $2 } END { printf "ratio %.0f\n", s[1] / s[2] }'
