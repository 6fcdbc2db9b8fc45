#!/bin/sh
# How long S-PBC plans, delta iterations included, on three feeders. Run it on a quiet machine, from the repository's root:
#
#     sh benches/supervisory.sh
set -eu
cargo test --quiet --release --no-default-features --features solver,optimise --test supervisory_speed -- --nocapture |
    grep actuators
