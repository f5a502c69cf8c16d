"""The tables of real trainings, from the folds that each search trained."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from search_report import grid, processor, short

REFERENCE = "Optuna tpe + wilcoxon"
FIELDS = {"fold epochs": "epochs", "seconds": "seconds"}  # what is counted, and where a trace has it


@dataclass(frozen=True)
class Fold:
    """One that was trained, in order of time."""

    trial: int
    epochs: int
    loss: float
    seconds: float  # since the search began


@dataclass(frozen=True)
class Trace:
    """Fold by fold: fold epochs and seconds so far, trials begun, and the mean over all folds of the
    best trial that has them all, infinite before there is one."""

    epochs: np.ndarray
    seconds: np.ndarray
    trials: np.ndarray
    best: np.ndarray


def trace(folds: list[Fold], n_folds: int) -> Trace:
    losses: dict[int, list[float]] = {}
    best, bests, trials = np.inf, [], []
    for fold in folds:
        seen = losses.setdefault(fold.trial, [])
        seen.append(fold.loss)
        if len(seen) == n_folds and np.mean(seen) < best:
            best = float(np.mean(seen))
        bests.append(best)
        trials.append(len(losses))
    return Trace(
        np.cumsum([f.epochs for f in folds]),
        np.array([f.seconds for f in folds]),
        np.array(trials),
        np.array(bests),
    )


def after(t: Trace, trials: int) -> float:
    """The best after so many trials."""
    return float(t.best[np.searchsorted(t.trials, trials, side="right") - 1])


def cost(t: Trace, what: np.ndarray, target: float) -> float:
    reached = np.flatnonzero(t.best <= target)
    return float(what[reached[0]]) if len(reached) else np.inf


def middle(x: list[float]) -> float:
    return float(np.quantile(x, 0.5, method="inverted_cdf"))


def band(x: list[float]) -> str:
    low, centre, high = np.quantile(x, [0.1, 0.5, 0.9], method="inverted_cdf")
    words = ["never" if np.isinf(v) else f"{v:.0f}" if v >= 100 else short(v) for v in (low, centre, high)]
    return f"{words[1]} ({words[0]} … {words[2]})"


def costs(traces: list[Trace], target: float) -> dict[str, list[float]]:
    return {
        what: [cost(t, getattr(t, name), target) for t in traces] for what, name in FIELDS.items()
    }


class Measured:
    def __init__(self, results: dict[str, dict[str, list[list[Fold]]]], n_folds: int, trials: int):
        self.looks = [trials // 2, trials]
        self.traces = {
            table: {name: [trace(r, n_folds) for r in runs] for name, runs in by_name.items()}
            for table, by_name in results.items()
        }

    def target(self, table: str, look: int) -> float:
        return middle([after(t, look) for t in self.traces[table][REFERENCE]])

    def table(self, table: str) -> str:
        rows = []
        for name, traces in self.traces[table].items():
            cells = [name]
            for look in self.looks:
                cells += [band(x) for x in costs(traces, self.target(table, look)).values()]
            cells += [band([t.epochs[-1] for t in traces]), band([t.seconds[-1] for t in traces])]
            cells.append(f"{middle([t.best[-1] for t in traces]):.5g}")
            rows.append(cells)
        heads = []
        for look in self.looks:
            heads += [f"fold epochs to {self.target(table, look):.5g}", "seconds"]
        return grid(["", *heads, "whole search: fold epochs", "seconds", "best"], rows)

    def share(self, name: str, look: int, what: str) -> str:
        """The geometric mean over tables of medians beside the reference's. A median that is never
        reached counts as the whole search: a lower bound."""
        logs, bound = [], ""
        for table, traces in self.traces.items():
            target = self.target(table, look)
            mine, theirs = (middle(costs(traces[n], target)[what]) for n in (name, REFERENCE))
            if np.isinf(mine):
                mine, bound = middle([getattr(t, FIELDS[what])[-1] for t in traces[name]]), "> "
            logs.append(np.log(mine / theirs))
        return f"{bound}{np.exp(np.mean(logs)):.2f}"

    def shares(self) -> str:
        names = [n for n in next(iter(self.traces.values())) if all(n in t for t in self.traces.values())]
        kinds = [(look, what) for look in self.looks for what in FIELDS]
        rows = [[n, *(self.share(n, look, what) for look, what in kinds)] for n in names]
        return grid(["", *(f"{what}, {look} trials" for look, what in kinds)], rows)


def write(results: dict, metrics: dict[str, str], n_folds: int, trials: int) -> str:
    measured = Measured(results, n_folds, trials)
    seeds = len(next(iter(next(iter(results.values())).values())))
    parts = [
        f"{processor()}, {os.cpu_count()} processors; Optuna {version('optuna')}, Python "
        f"{platform.python_version()}; {seeds} seeds.",
        f"### Fold epochs and seconds until {REFERENCE}'s best after so many trials, beside its own",
        measured.shares(),
    ]
    for table in results:
        parts += [f"### {table}: {metrics[table]}, {n_folds} folds", measured.table(table)]
    return "\n\n".join(parts) + "\n"
