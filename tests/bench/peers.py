"""What the daemon is measured against: the same trials by scikit-learn and by PyTorch.

Reads one JSON object a line and answers each with one. Two worker processes for each library stay
alive, so that imports and compilation are not part of any time.

    {"do": "prepare", "workload": {...}, "file": "...", "folds": "folds.csv", "folder": "...",
     "contestants": ["scikit-learn", "eager"]}
    {"do": "run", "contestant": "eager", "workload": "digits", "seed": 1}
"""

import csv
import itertools
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # for each of the workers

import numpy as np

import peer_sklearn
import peer_torch

CONTESTANTS = {
    "scikit-learn": peer_sklearn.run,
    "eager": peer_torch.run_eager,
    "compiled": peer_torch.run_compiled,
    "stacked": peer_torch.run_stacked,
}


def read_table(file: str) -> tuple[np.ndarray, np.ndarray]:
    """Features and target, which is the last column; constant features are left out."""
    if file.endswith(".npy"):
        table = np.load(file)
        x, y = table[:, :-1].astype(np.float64), table[:, -1]
    else:
        with open(file, newline="") as lines:
            rows = list(csv.reader(lines))[1:]
        x = np.array([row[:-1] for row in rows], dtype=np.float64)
        y = np.array([row[-1] for row in rows])
    return x[:, x.min(axis=0) < x.max(axis=0)], y


def write_fold(workload: dict, x: np.ndarray, y: np.ndarray, valid: np.ndarray, stem: Path) -> None:
    """One fold, scaled by its training rows, as files that workers map."""
    scale = x[~valid].std(axis=0)
    x = (x - x[~valid].mean(axis=0)) / np.where(scale > 0, scale, 1)
    if workload["task"] == "regression":
        y = ((y - y[~valid].mean()) / y[~valid].std()).astype(np.float32)
    for part, rows in (("train", ~valid), ("valid", valid)):
        np.save(f"{stem}-{part}-x.npy", np.ascontiguousarray(x[rows], dtype=np.float32))
        np.save(f"{stem}-{part}-y.npy", y[rows])


def prepare(workload: dict, file: str, folds: str, folder: str) -> dict:
    """The jobs of a workload: each trial on each fold, the largest networks first."""
    x, y = read_table(file)
    if workload["task"] == "classification":
        y = np.unique(y, return_inverse=True)[1].astype(np.int64)
    with open(folds, newline="") as lines:
        plan = list(csv.DictReader(lines))
    number = np.zeros(len(y), dtype=int)
    for row in plan:
        number[int(row["row"]) - 1] = int(row["fold"] or 0)
    stems = []
    for fold in sorted(set(number) - {0}):
        stems.append(str(Path(folder) / f"{workload['name']}-{fold}"))
        write_fold(workload, x, y.astype(np.float64) if workload["task"] == "regression" else y,
                   number == fold, Path(stems[-1]))
    common = {key: workload[key] for key in ("task", "outputs", "batch_size", "epochs", "alpha")}
    grid = itertools.product(workload["hidden"], workload["learning_rate"], workload["activation"])
    jobs = [{**common, "hidden": hidden, "learning_rate": rate, "activation": activation, "fold": stem}
            for (hidden, rate, activation), stem in itertools.product(grid, stems)]
    jobs.sort(key=lambda job: -sum(np.multiply(job["hidden"], [x.shape[1], *job["hidden"][:-1]])))
    return {"jobs": jobs, "inputs": x.shape[1]}


def answer(command: dict, workloads: dict[str, list[dict]]) -> dict:
    if command["do"] == "versions":
        return {"python": platform.python_version(),
                **{name: version(name) for name in ("numpy", "scikit-learn", "torch")}}
    if command["do"] == "prepare":
        prepared = prepare(command["workload"], command["file"], command["folds"],
                           command["folder"])
        workloads[command["workload"]["name"]] = jobs = prepared["jobs"]
        peer_sklearn.warm_up()
        peer_torch.warm_up(jobs, "compiled" in command["contestants"])
        return {"jobs": len(jobs), "inputs": prepared["inputs"]}
    run = CONTESTANTS[command["contestant"]]
    began = time.perf_counter()
    scores = run(workloads[command["workload"]], command["seed"])
    return {"seconds": time.perf_counter() - began, "scores": scores}


def main() -> None:
    workloads: dict[str, list[dict]] = {}
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), workloads)), flush=True)


if __name__ == "__main__":
    main()
