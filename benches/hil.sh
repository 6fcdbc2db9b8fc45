#!/bin/sh
# Devices on the wire, measured: sh benches/hil.sh [SECONDS]. Numbers for docs/performance.md; fails above the goals.
#  1. a closed loop over Modbus TCP with an emulated inverter, IEEE 13 at 50 ms steps, by the clock;
#  2. 200 emulated devices polled at 10 Hz by one process;
#  3. the loop at 1 kHz beside a bare timer's in the same minute; IEEE 8500 at 10 ms.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-600}
cargo build --release --quiet
bench=target/release/phasorbench
dir=$(mktemp -d)
trap 'kill $served 2>/dev/null || true; rm -rf "$dir"' EXIT INT TERM

echo "== closed loop over Modbus TCP, $seconds s"
$bench hil emulate hil/sunspec_inverter.yaml --listen 127.0.0.1:15020 >"$dir/served" & served=$!
sleep 1
$bench run scenarios/hil/inverter_follows.yaml --pace real-time --set duration_s="$seconds" --set 'expect=[]' --out "$dir/loop" \
    --hil ev634=hil/sunspec_inverter.yaml@tcp://127.0.0.1:15020 2>&1 | grep -E 'paced|steps'
python3 - "$dir/loop" <<'END'
import csv, json, sys
device = json.load(open(sys.argv[1] + '/summary.json'))['hil'][0]
rows = list(csv.DictReader(open(sys.argv[1] + '/series.csv')))
difference = max(float(row['ev634.hil_difference_va']) for row in rows[40:] if float(row['t_s']) % 10 > 0.11)
print(f"{len(rows)} steps, {device['samples']} samples, {device['missed']} overtaken, {device['losses']} losses; twin within {difference:.1f} VA")
END
kill $served

echo '== 200 devices at 10 Hz'
$bench hil emulate hil/sunspec_inverter.yaml --listen 127.0.0.1:16000 --count 200 >"$dir/served" & served=$!
sleep 2
$bench hil probe hil/sunspec_inverter.yaml@tcp://127.0.0.1:16000 --count 200 --poll-s 0.1 --polls 200
kill $served

echo '== 1 kHz for 60 s: the bare timer, then IEEE 13'
$bench hil jitter --period-s 0.001 --duration-s 60 --real-time-priority || true
$bench run scenarios/phasor/ieee13_decoupled_pi.yaml --set step_s=0.001 --set duration_s=60 --set 'events=[]' --set 'expect=[]' \
    --set outputs.every_s=0.1 --pace real-time --real-time-priority --out "$dir/khz" 2>&1 | grep -E 'paced' || true

echo '== IEEE 8500 at 10 ms for 60 s, then with changes of all loads'
cat >"$dir/big.yaml" <<END
scenario: big
feeder: $PWD/feeders/ieee8500.yaml
duration_s: 60
step_s: 0.01
controls: off
outputs: {every_s: 1}
END
$bench run "$dir/big.yaml" --pace real-time --real-time-priority --out "$dir/big" 2>&1 | grep -E 'paced' || true
echo 'events: [{at_s: 10, load_multiplier: 1.02}, {at_s: 20, load_multiplier: 0.98}, {at_s: 40, load_multiplier: 1}]' >>"$dir/big.yaml"
$bench run "$dir/big.yaml" --pace real-time --real-time-priority --out "$dir/changes" 2>&1 | grep -E 'paced' || true
