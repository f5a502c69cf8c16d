"""make bench-search-real: the same searches on real trainings, by the engine that all contestants
share.

    search_real.py SWEEPD ENGINE     environment: REAL_SEEDS, REAL_TRIALS, ONLY (tables)

Ours run in the daemon, as experiments over HTTP. What Optuna wants to know, a fold of a
configuration, is trained by the same core over a pipe. Folds and seeds of training are the same for
all, so a configuration has the same losses whoever asks for it.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
import optuna

import search_engines as engines
import search_real_report as report
import search_report
from search_problems import Dimension, Point, Problem

SEEDS = int(os.environ.get("REAL_SEEDS") or 10)
TRIALS = int(os.environ.get("REAL_TRIALS") or 100)
ONLY = [name for name in (os.environ.get("ONLY") or "").split(",") if name]
FOLDS = 5
DATA = Path(__file__).parent.parent / "data"

# Ours: what an experiment's definition has beside the space. One that this build refuses is skipped.
# With a pruner they have twice the trials, so that what it spares can be spent.
OURS = {
    "tpe + racing": {"sampler": "tpe", "pruner": "racing", "budget": {"trials": 2 * TRIALS}},
    "tpe + none": {"sampler": "tpe", "pruner": "none", "budget": {"trials": TRIALS}},
    "random + none": {"sampler": "random", "pruner": "none", "budget": {"trials": TRIALS}},
}

# Optuna's: sampler and pruner.
OPTUNA = {
    "Optuna tpe + wilcoxon": ("tpe", optuna.pruners.WilcoxonPruner),
    "Optuna random": ("random", optuna.pruners.NopPruner),
}

SPACE = [
    Dimension("layers", "step", (1, 3)),
    Dimension("width", "logstep", (8, 128)),
    Dimension("activation", "text", ("relu", "tanh", "silu")),
    Dimension("learning_rate", "log", (1e-4, 1e-1)),
    Dimension("l2", "log", (1e-6, 1e-1)),
    Dimension("dropout", "range", (0.0, 0.5)),
]


@dataclass(frozen=True)
class Table:
    """The metric is a loss."""

    name: str
    metric: str
    epochs: int


TABLES = [
    Table("digits", "log_loss", 10),
    Table("breast_cancer", "log_loss", 30),
    Table("diabetes", "mse", 30),
]


# ---- the engine over a pipe ----------------------------------------------------------------------


class Engine:
    def __init__(self, program: str, table: Table):
        words = [f"file={DATA / table.name}.csv", f"metric={table.metric}", f"folds={FOLDS}"]
        self.table = table
        self.process = subprocess.Popen(
            [program, *words, "kind=stratified_kfold", "threads=1", "pipe=1"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def train(self, fold: int, values: dict) -> tuple[float, int, float]:
        """Loss, epochs, seconds of processor time."""
        words = " ".join(f"{name}={value}" for name, value in values.items())
        self.process.stdin.write(f"{fold} {words} epochs={self.table.epochs}\n")
        self.process.stdin.flush()
        loss, epochs, seconds = self.process.stdout.readline().split()
        return float(loss), int(epochs), float(seconds)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def values_of(x: Point) -> dict:
    """What the engine and the daemon call them."""
    return {d.name: d.values[v] if d.is_list else v for d, v in zip(SPACE, x, strict=True)}


# ---- Optuna --------------------------------------------------------------------------------------


def search_optuna(engine: Engine, contestant: str, seed: int) -> list[report.Fold]:
    """Seconds are its own processor time, in all that it is asked and told, and the engine's."""
    sampler, pruner = OPTUNA[contestant]
    problem = Problem(engine.table.name, SPACE, losses=None, best=np.nan, median=np.nan, folds=FOLDS)
    study = optuna.create_study(sampler=engines.optuna_sampler(sampler, seed), pruner=pruner())
    order = engines.fold_order(problem, seed)
    folds, trained = [], 0.0
    began = time.process_time()
    for number in range(TRIALS):
        trial = study.ask()
        values = values_of(engines.suggest_all(trial, problem))
        seen: list[float] = []
        for step, k in enumerate(order):
            loss, epochs, seconds = engine.train(int(k) + 1, values)
            trained += seconds
            seen.append(loss)
            trial.report(loss, step)
            stops = trial.should_prune()
            folds.append(report.Fold(number, epochs, loss, trained + time.process_time() - began))
            if stops:
                break
        if np.isfinite(np.mean(seen)):
            study.tell(trial, float(np.mean(seen)))
        else:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
    return folds


# ---- the daemon ----------------------------------------------------------------------------------


class Refused(Exception):
    """The build does not know what a definition asks for."""


class Daemon:
    """With one thread and a database of its own, so that nothing is reused."""

    def __init__(self, program: str):
        self.folder = tempfile.TemporaryDirectory()
        self.db = Path(self.folder.name) / "sweepd.db"
        words = ["--db", str(self.db), "--listen", "127.0.0.1:0", "--threads", "1"]
        self.process = subprocess.Popen([program, *words], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"listening on (http://\S+)", line):
                self.url = found[1]
                break
        else:
            raise SystemExit("the daemon ended at its start")

    def call(self, path: str, body: bytes | None = None, kind: str = "application/json") -> dict:
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}", data=body, headers={"Content-Type": kind}
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(error.read().decode()) from error

    def processor_seconds(self) -> float:
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        self.process.terminate()
        self.process.communicate()
        self.folder.cleanup()


def dimension(d: Dimension) -> list | dict:
    if d.is_list:
        return list(d.values)
    low, high = d.values
    return {"min": low, "max": high, "scale": "log" if d.kind.startswith("log") else "linear"}


def definition(table: Table, contestant: str, seed: int) -> dict:
    return OURS[contestant] | {
        "dataset": table.name,
        "metric": table.metric,
        "space": {d.name: dimension(d) for d in SPACE} | {"epochs": table.epochs},
        "cross_validation": {"kind": "stratified_kfold", "folds": FOLDS},
        "seed": {"folds": 1, "search": seed, "training": 1},
        "concurrency": 1,
    }


FINISHED = """
    SELECT f.trial, f.epochs_run, s.validation, f.finished_at_ms - e.started_at_ms
    FROM fold f JOIN experiment e ON e.id = f.experiment_id
    LEFT JOIN fold_metric s ON (s.experiment_id, s.trial, s.repeat, s.fold, s.metric)
                             = (f.experiment_id, f.trial, f.repeat, f.fold, e.metric)
    ORDER BY f.finished_at_ms, f.trial"""


def folds_of(daemon: Daemon, processor: float) -> list[report.Fold]:
    """The daemon's processor time is spread over its folds as the wall's was."""
    with sqlite3.connect(f"file:{daemon.db}?mode=ro", uri=True) as db:
        rows = db.execute(FINISHED).fetchall()
    share = processor / max(rows[-1][3], 1)
    return [
        report.Fold(trial, epochs, np.nan if loss is None else loss, at * share)
        for trial, epochs, loss, at in rows
    ]


def check_same(daemon: Daemon, engine: Engine, experiment: int) -> None:
    """The first trial has the losses that the engine answers with."""
    trial = daemon.call(f"/experiments/{experiment}/trials/1")
    values = {d.name: trial["params"][d.name] for d in SPACE}
    for fold in trial["folds"]:
        if fold["state"] != "completed":
            continue
        loss = fold["validation"][engine.table.metric]
        if engine.train(fold["fold"], values)[0] != loss:
            raise SystemExit(f"{engine.table.name}: daemon and engine differ in fold {fold['fold']}")


def search_ours(program: str, engine: Engine, contestant: str, seed: int) -> list[report.Fold]:
    daemon = Daemon(program)
    try:
        file = DATA / f"{engine.table.name}.csv"
        daemon.call(f"/datasets?name={file.stem}", file.read_bytes(), "text/csv")
        before = daemon.processor_seconds()
        body = json.dumps(definition(engine.table, contestant, seed)).encode()
        made = daemon.call("/experiments", body)["id"]
        while not (x := daemon.call(f"/experiments/{made}?wait=60"))["finished_at"]:
            pass
        if x["state"] != "completed":
            raise SystemExit(f"{contestant} on {engine.table.name}: {x['state']}")
        folds = folds_of(daemon, daemon.processor_seconds() - before)
        check_same(daemon, engine, made)
        return folds
    finally:
        daemon.close()


# ---- all -----------------------------------------------------------------------------------------


def run_table(sweepd: str, program: str, table: Table) -> dict[str, list[list[report.Fold]]]:
    """By contestant, of each seed. Seeds are the outer loop: what slows the machine down slows all."""
    engine = Engine(program, table)
    runs: dict[str, list] = {name: [] for name in (*OURS, *OPTUNA)}
    for seed in range(1, SEEDS + 1):
        for name in list(runs):
            try:
                if name in OURS:
                    runs[name].append(search_ours(sweepd, engine, name, seed))
                else:
                    runs[name].append(search_optuna(engine, name, seed))
            except Refused as refused:
                print(f"\n{name} is left out: {refused}", file=sys.stderr)
                del runs[name]
        print(f"\r{table.name}: {seed} of {SEEDS} seeds  ", end="", file=sys.stderr, flush=True)
    engine.close()
    return runs


def main() -> None:
    sweepd, program = sys.argv[1:3]
    results = {
        t.name: run_table(sweepd, program, t) for t in TABLES if not ONLY or t.name in ONLY
    }
    metrics = {t.name: f"{t.metric}, {t.epochs} epochs" for t in TABLES}
    text = report.write(results, metrics, FOLDS, TRIALS)
    print(f"\n{text}")
    if not ONLY:
        search_report.keep(Path(__file__).with_name("search.md"), "Real trainings", text)


if __name__ == "__main__":
    main()
