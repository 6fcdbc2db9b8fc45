#!/usr/bin/env bash
# Makes the feeders that come from OpenDSS's test scripts again, from the copies under tests/data/opendss.
set -euo pipefail
cd "$(dirname "$0")/.."

import() { # import NAME SCRIPT TITLE
    cargo run --quiet --release -- import "tests/data/opendss/$2" --out "feeders/$1.yaml" --title "$3" --provenance \
        "imported from OpenDSS's $2 (see tests/data/opendss/LICENSE.txt); original: IEEE PES distribution test feeders"
}

import ieee4_yy_bal 4Bus-YY-Bal/4Bus-YY-Bal.DSS 'IEEE 4-node test feeder, wye-wye step-down, balanced load'
import ieee4_dy_bal 4Bus-DY-Bal/4Bus-DY-Bal.DSS 'IEEE 4-node test feeder, delta-wye step-down, balanced load'
import ieee4_yd_bal 4Bus-YD-Bal/4Bus-YD-Bal.DSS 'IEEE 4-node test feeder, wye-delta step-down, balanced load'
import ieee4_oyod_unbal 4Bus-OYOD-UnBal/4bus-OYOD-UnBal.dss \
    'IEEE 4-node test feeder, open wye-open delta step-down, unbalanced load'
import ieee13 13Bus/IEEE13Nodeckt.dss 'IEEE 13-node test feeder'
import ieee34 34Bus/ieee34Mod1.dss 'IEEE 34-node test feeder, distributed loads lumped at both ends'
import ieee123 123Bus/IEEE123Master.dss 'IEEE 123-node test feeder'
import ieee8500 8500-Node/Master-unbal.dss 'IEEE 8500-node test feeder, unbalanced loads on split-phase secondaries'

case=tests/validation/opendss_ieee123_controls
cargo run --quiet --release -- import $case/feeder.dss --out $case/feeder.yaml --name ieee123 \
    --title 'IEEE 123-node test feeder, with the delays of its OpenDSS example'
