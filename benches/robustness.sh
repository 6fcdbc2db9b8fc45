#!/bin/sh
# How L-PBC's laws stand on feeders and loadings that nobody chose: the table of docs/validation.md. From the repository's
# root, with Python 3 and nothing else:
#
#     sh benches/robustness.sh [SAMPLES]
set -eu
samples=${1:-1000}
bench=${PHASORBENCH:-target/release/phasorbench}
[ -x "$bench" ] || cargo build --release --locked
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

variant() { # variant NAME --set …: all laws
    name=$1
    shift
    for law in decoupled_pi pi lqpc lqpc_published rcac extremum_seeking; do
        # The probe of extremum seeking stays in the voltages: its bands are wider.
        bands=
        [ $law != extremum_seeking ] || bands='--set expect.0.band=0.008 --set expect.1.band=0.35 --set expect.2.band=0.008'
        "$bench" sweep scenarios/phasor/robustness.yaml --samples "$many" --csv --quiet --out "$out/$name-$law" \
            --set "controllers.lpbc.law=$law" $bands "$@" >/dev/null || [ $? -eq 1 ]
        python3 benches/robustness.py "$name" "$law" "$out/$name-$law/samples.csv"
    done
}

echo '| case | law | reachable samples | settled, % of them |'
echo '|---|---|---|---|'
many=$samples
variant 'as it is'
# A quarter of the samples for the rest.
many=$(((samples + 3) / 4))
variant '1 step of extra delay' --set instruments.near.pmu.delay_s=0.1 --set instruments.far.pmu.delay_s=0.1
variant '3 steps of extra delay' --set instruments.near.pmu.delay_s=0.3 --set instruments.far.pmu.delay_s=0.3
variant 'impedances half of the true ones' --set controllers.lpbc.model_scale=0.5
variant 'impedances twice the true ones' --set controllers.lpbc.model_scale=2
variant 'noise of micro-PMUs' --set instruments.near.pmu.noise=micro_pmu --set instruments.far.pmu.noise=micro_pmu
variant 'rounded to 0.0002 pu, 0.01°' --set 'instruments.near.pmu.resolution={v_pu: 0.0002, angle_deg: 0.01}' \
    --set 'instruments.far.pmu.resolution={v_pu: 0.0002, angle_deg: 0.01}'
variant 'a fifth of the samples lost' --set instruments.near.pmu.loss=0.2 --set instruments.far.pmu.loss=0.2
