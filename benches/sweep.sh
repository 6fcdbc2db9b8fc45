#!/bin/sh
# Rate and memory of `phasorbench sweep` on IEEE 13: samples per second (wall clock, files included), processor time per
# sample, and most memory resident, for 1,000 and more samples. Run it on a quiet machine, from the repository's root.
#
#     cargo build --release && sh benches/sweep.sh
set -eu
program=${PHASORBENCH:-target/release/phasorbench}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
echo "samples  samples/s  user+system, us/sample  peak memory, KiB"
for samples in 1000 100000 1000000; do
    { time -p "$program" sweep scenarios/ieee13_sweep.yaml --samples "$samples" --out "$out/$samples" --json \
        > "$out/$samples.json"; } 2> "$out/time"
    rate=$(sed -n 's/^  "samples_per_s": \([0-9]*\).*/\1/p' "$out/$samples.json")
    memory=$(sed -n 's/^  "peak_memory_kib": \([0-9]*\).*/\1/p' "$out/$samples.json")
    cpu=$(awk -v n="$samples" '/^(user|sys)/ { s += $2 } END { printf "%.2f", 1e6 * s / n }' "$out/time")
    echo "$samples  $rate  $cpu  $memory"
done
