#!/bin/sh
# A synthetic cohort as real files, through both stages, to a page. Everything lands in demo/.
# Each line is what a user would type for a cohort of their own.
set -eu
cases=${CASES:-100}
seed=${SEED:-1}
python=${PYTHON:-.venv/bin/python}
protocol=quick
if ! "$python" -c "import torch" 2>/dev/null; then
    protocol=torchfree
    echo "torch is not installed: attention-MIL is left out of this demo (README, Installation)"
fi
rm -rf demo

echo "1/5 a synthetic cohort in the CHIMERA layout: slides, MRI, notes, clinical values"
"$python" -m extract synthetic demo/raw --layout chimera --cases "$cases" --seed "$seed"
echo "2/5 the files as a manifest"
"$python" -m extract scan chimera demo/raw --cohort demo --manifests demo/manifests
"$python" -m extract check demo/manifests/demo --root demo/raw
echo "3/5 stage 1: files to frozen embeddings"
"$python" -m extract run demo/manifests/demo --root demo/raw --cache demo/cache --workers 2
echo "4/5 stage 2: embeddings and outcomes to predictions and evidence"
"$python" -m fuse check demo/manifests/demo --cache demo/cache
"$python" -m fuse benchmark demo/manifests/demo --cache demo/cache --out demo/run --protocol "$protocol" --jobs 2
echo "5/5 beside the truth"
"$python" scripts/beside_truth.py demo/run demo/raw/truth.json
echo "report: demo/run/report.html"
