#!/usr/bin/env bash
# All that needs a GPU, in about ten minutes: tests, training in three sizes and precisions, search.
#
#     PYTHON=.venv/bin/python benchmarks/gpu_check.sh [folder for the outputs]
set -uo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
folder=${1:-runs/gpu_check}
mkdir -p "$folder"
failed=0

part() { # name, seconds at most, command: the whole output goes into a file, its end is shown
  echo "== $1"
  timeout "$2" "${@:3}" >"$folder/$1.txt" 2>&1 || { failed=1 && echo "failed, or took longer than $2 s"; }
  tail -n 15 "$folder/$1.txt"
}

# The fixed workspace makes cuBLAS sum in one order, which the test of equal bytes stands on.
part tests 180 env CUBLAS_WORKSPACE_CONFIG=:4096:8 "$python" -m pytest tests/training/test_gpu.py tests/search/test_batched.py
for precision in bf16 fp16 float32; do
  part "training_$precision" 130 "$python" benchmarks/training.py --device cuda --precision "$precision"
done
part search 120 "$python" benchmarks/tensor_search.py --device cuda
exit "$failed"
