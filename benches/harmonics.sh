#!/usr/bin/env bash
# Writes the section "Harmonics" of docs/performance.md: fifty orders beside OpenDSS on this machine, in one run.
#   benches/harmonics.sh [arguments of benches/opendss/harmonics.py]
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
venv=${VENV:-.venv}
if ! "$venv/bin/python" -c 'import dss, numpy' 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet dss-python==0.15.7 numpy
fi
binary=${CARGO_TARGET_DIR:-target}/release/phasorbench
"$venv/bin/python" benches/opendss/harmonics.py --binary "$binary" --out docs/performance.md "$@"
