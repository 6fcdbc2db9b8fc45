#!/usr/bin/env bash
# Writes docs/performance.md: PhasorBench beside OpenDSS on this machine. Needs Rust and Python 3.9 or later; on a quiet
# machine it takes some minutes.
#   benches/opendss/run.sh [--no-build-time] [arguments of compare.py]
set -euo pipefail
cd "$(dirname "$0")/../.."

build_seconds=()
if [ "${1:-}" = --no-build-time ]; then
    shift
else
    build_seconds=(--build-seconds "$(bash benches/build_time.sh)")
fi
cargo build --release --quiet
venv=${VENV:-.venv}
if ! "$venv/bin/python" -c 'import dss, numpy' 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet dss-python==0.15.7 numpy
fi
binary=${CARGO_TARGET_DIR:-target}/release/phasorbench
"$venv/bin/python" benches/opendss/compare.py --binary "$binary" --out docs/performance.md "${build_seconds[@]}" "$@"
