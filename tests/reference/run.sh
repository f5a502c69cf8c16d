#!/bin/bash
# Runs this folder's scripts with the current packages from PyPI and says of each whether what it
# makes is still what is committed. Then compares scores with scikit-learn's.
#
#     tests/reference/run.sh BUILD [update]
#
# BUILD    has sweepd in it; packages and what is made go to BUILD/reference
# update   overwrites the committed data with what is made
set -euo pipefail
cd "$(dirname "$0")/../.."

build=$1
update=${2:-}
folder=$build/reference
made=$folder/made
python=$folder/venv/bin/python
wrong=0
export OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# PyTorch's own index has it without CUDA, which is a tenth of the size.
packages() {
    local pip=("$python" -m pip install --quiet --upgrade)
    [ -x "$python" ] || python3 -m venv "$folder/venv"
    "${pip[@]}" scikit-learn scipy numpy optuna cmaes
    "${pip[@]}" --retries 0 --timeout 15 --index-url https://download.pytorch.org/whl/cpu torch \
        2> /dev/null || "${pip[@]}" torch
    "$python" -m pip list | grep -E '^(cmaes|numpy|optuna|scikit-learn|scipy|torch) '
}

# answer SCRIPT DATA TOLERANCE: the script has run; its output is compared with DATA.
answer() {
    local script=$1 data=$2 tolerance=$3 result
    if ! result=$("$python" tests/reference/compare.py "$made/$(basename "$data")" "$data" "$tolerance"); then
        wrong=$((wrong + 1))
    fi
    printf '%-14s %s\n' "$script" "$result"
    if [ -n "$update" ]; then
        cp -R "$made/$(basename "$data")" "$(dirname "$data")/"
    fi
}

# data SCRIPT DATA TOLERANCE: for a script that prints C data.
data() {
    "$python" "tests/reference/$1" > "$made/$(basename "$2")"
    answer "$@"
}

rm -rf "$made"
mkdir -p "$made/formats"
packages
# Tolerances are far below what the tests hold ours to, and above what another order of a sum does.
data metrics.py tests/core/nn/metric_cases.inc 1e-13
data scaling.py tests/core/data/scaling_cases.inc 1e-13
data optimizers.py tests/core/nn/trajectories.inc 1e-9
data trainings.py tests/core/train/trainings.inc 1e-7
data lbfgs.py tests/core/train/lbfgs.inc 1e-7
data student.py tests/core/base/student_cases.inc 1e-13
data tpe.py tests/core/search/tpe_cases.inc 1e-10
data gp.py tests/core/search/gp_cases.inc 1e-9
data cma.py tests/core/search/cma_cases.inc 1e-10
data racing.py tests/core/search/racing_cases.inc 1e-12
data reports.py tests/core/search/reports_cases.inc 1e-12
data importance.py tests/core/search/importance_cases.inc 1e-11
data sobol.py core/search/sobol_numbers.inc 0
"$python" tests/reference/sobol.py --points > "$made/sobol_points.inc"
answer sobol.py tests/core/search/sobol_points.inc 0
"$python" tests/reference/formats.py "$made/formats"
answer formats.py tests/data/formats 0
"$python" tests/reference/scikit.py "$build/sweepd"
[ "$wrong" -eq 0 ] || [ -n "$update" ]
