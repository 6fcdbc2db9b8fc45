#!/bin/sh
# Whether supervision takes load, noise, delay and loss for a fault: scenarios in which nothing is wrong, with the noise of
# micro-PMUs, over many seeds. Prints how many runs had an alarm; fails when one had. A lower mode is no alarm where frames are lost. From the repository's root:
#
#     sh benches/false_alarms.sh [SEEDS]
set -eu
seeds=${1:-100}
bench=${PHASORBENCH:-target/release/phasorbench}
[ -x "$bench" ] || cargo build --release --locked
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

noisy() { # noisy SCENARIO PERFORMANCE_PMU [LAW]: 100 seeds of it
    {
        echo "scenario: quiet"
        echo "extends: $PWD/scenarios/phasor/$1.yaml"
        echo "instruments: {$2: {pmu: {noise: micro_pmu}}, pmu650: {pmu: {noise: micro_pmu}}}"
        [ -z "${3:-}" ] || echo "controllers: {lpbc: {law: $3}}"
        echo "vary: {seed: {integer: [1, 100000]}}"
        echo "expect:"
        echo "  - {name: no_cause, never: lpbc.cause, above: 0.5}"
        echo "  - {name: no_sync_fault, never: lpbc.sync_fault, above: 0.5}"
        echo "  - {name: always_full, never: lpbc.mode, below: 2.5, from_s: 2}"
    } >"$out/quiet.yaml"
    rm -rf "$out/swept"
    "$bench" sweep "$out/quiet.yaml" --samples "$seeds" --csv --quiet --out "$out/swept" >/dev/null || [ $? -eq 1 ]
    python3 - "$1 ${3:-}" "$out/swept/samples.csv" "$seeds" <<'PYTHON'
import csv, sys
name, path, seeds = sys.argv[1:]
rows = list(csv.DictReader(open(path)))
held = ("held.no_cause", "held.no_sync_fault", "held.always_full")
alarms = [sum(row[column] != "1" for row in rows) for column in held]
whole = len(rows) == int(seeds) and all(row["status"] == "converged" for row in rows)
print(f"{name:40} {len(rows)} seeds: {alarms[0]} causes, {alarms[1]} clocks, {alarms[2]} lower modes", flush=True)
# Frames that are lost in a row make a lower mode right: no alarm.
sys.exit(any(alarms[:2]) or not whole)
PYTHON
}

failed=0
for law in decoupled_pi pi lqpc rcac; do
    noisy base/ieee13_632 pmu632 $law || failed=1
done
for scenario in ramp_and_dead_time measurements_lost_and_late quantised delay_known with_regulators impedance_doubled impedance_learnt; do
    noisy $scenario pmu632 || failed=1
done
noisy at_634 pmu632 || failed=1
noisy spbc_head_power pmu675 || failed=1
noisy spbc_balancing pmu675 || failed=1
exit $failed
