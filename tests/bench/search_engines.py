"""Who searches: ours over a pipe to the program `search`, and Optuna. One trial at a time unless
said otherwise. All take a problem, a seed and the losses that it answers with."""

import subprocess
import warnings

import numpy as np
import optuna

from search_problems import Dimension, Point, Problem

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore")


class Native:
    """The program, with one problem's space."""

    def __init__(self, program: str, problem: Problem):
        self.problem = problem
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1 << 16
        )
        for i, d in enumerate(problem.dimensions):
            self.say("dimension", d.name, d.kind, *d.values)
            if d.gate:
                self.say("gate", i, *d.gate)

    def say(self, *words) -> None:
        self.process.stdin.write(" ".join(map(str, words)) + "\n")

    def ask(self, *words) -> list[str]:
        self.say(*words)
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("search ended")
        return line.split()

    def propose(self) -> Point | None:
        words = self.ask("ask")
        if words == ["exhausted"]:
            return None
        return [
            None if w == "-" else int(w) if d.is_list else float(w)
            for w, d in zip(words, self.problem.dimensions, strict=True)
        ]

    def takes(self, sampler: str) -> bool:
        """Whether the build has this sampler, and the sampler takes the space."""
        return self.ask("takes", sampler) == ["yes"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def run_native(native: Native, sampler: str, seed: int, trials: int, concurrency: int) -> dict:
    """The loss of each trial, and milliseconds a proposal."""
    native.say("begin", sampler, seed, concurrency)
    losses = []
    for t in range(1, trials + 1):
        x = native.propose()
        if x is None:
            break
        losses.append(float(native.problem.losses(x).mean()))
        native.say("tell", t, repr(losses[-1]), 0)
    return {"losses": losses, "ms": float(native.ask("time")[0]) / trials}


# ---- Optuna --------------------------------------------------------------------------------------


def suggest(trial: optuna.Trial, d: Dimension) -> float:
    """Lists of numbers by their rank, which is the most that is known of them."""
    if d.kind == "int":
        return trial.suggest_int(d.name, 0, len(d.values) - 1)
    if d.kind == "text":
        return d.values.index(trial.suggest_categorical(d.name, d.values))
    log = d.kind.startswith("log")
    suggest_number = trial.suggest_int if d.kind.endswith("step") else trial.suggest_float
    return suggest_number(d.name, *d.values, log=log)


def suggest_all(trial: optuna.Trial, problem: Problem) -> Point:
    x: list = []
    for i, d in enumerate(problem.dimensions):
        x.append(suggest(trial, d) if problem.is_used(i, x) else None)
    return x


def optuna_sampler(name: str, seed: int) -> optuna.samplers.BaseSampler:
    kinds = {
        "tpe": optuna.samplers.TPESampler,
        "cma_es": optuna.samplers.CmaEsSampler,
        "gp": optuna.samplers.GPSampler,
        "random": optuna.samplers.RandomSampler,
    }
    if name == "gp":
        import torch

        torch.set_num_threads(1)
    return kinds[name](seed=seed)


def run_optuna(problem: Problem, sampler: str, seed: int, trials: int) -> dict:
    study = optuna.create_study(sampler=optuna_sampler(sampler, seed))
    losses = []
    for _ in range(trials):
        trial = study.ask()
        losses.append(float(problem.losses(suggest_all(trial, problem)).mean()))
        study.tell(trial, losses[-1])
    return {"losses": losses}


# ---- over folds ----------------------------------------------------------------------------------
#
# The repeats of a table stand for folds. A trace has for each trial the fold trainings so far and
# the mean over all folds of the best trial that has all of them.


def fold_order(problem: Problem, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(problem.folds)


def race_optuna(problem: Problem, sampler: str, seed: int, trials: int) -> dict:
    """WilcoxonPruner with its defaults; a pruned trial returns the mean of what it has, as its
    documentation advises."""
    pruner = optuna.pruners.WilcoxonPruner()
    study = optuna.create_study(sampler=optuna_sampler(sampler, seed), pruner=pruner)
    order = fold_order(problem, seed)
    trace, folds = [], 0
    best = worth = np.inf
    for _ in range(trials):
        trial = study.ask()
        losses = problem.losses(suggest_all(trial, problem))
        seen: list[float] = []
        for step, k in enumerate(order):
            seen.append(float(losses[k]))
            trial.report(seen[-1], step)
            if trial.should_prune():
                break
        study.tell(trial, float(np.mean(seen)))
        folds += len(seen)
        if np.mean(seen) < worth:  # Optuna's best trial
            worth, best = np.mean(seen), losses.mean()
        trace.append((folds, float(best)))
    return {"trace": trace}


class Race:
    """One search of ours with a pruner. `stops` is by trial; trials count from 1."""

    def __init__(self, native: Native, sampler: str, pruner: str, seed: int):
        self.native = native
        self.order = fold_order(native.problem, seed)
        self.points: list[np.ndarray] = []  # losses by fold in the order of the race
        self.told: list[int] = []
        self.settled: list[int] = []
        native.say("begin", sampler, seed, 1)
        if pruner != "none":
            native.say("race", pruner, 0.1, native.problem.folds, 1)
        self.pruner = pruner

    def step(self) -> bool:
        """One trial."""
        x = self.native.propose()
        if x is None:
            return False
        losses = self.native.problem.losses(x)[self.order]
        t, m, stopped = len(self.points) + 1, len(losses), None
        if self.pruner != "none":
            for m in range(1, len(losses) + 1):
                answer = self.native.ask("fold", t, repr(float(losses[m - 1])))
                if answer[0] == "stop":
                    stopped = answer[1]
                    break
            self.native.say("settle", t, m)
        self.native.say("tell", t, stopped or repr(float(losses.mean())), int(stopped is not None))
        self.points.append(losses)
        self.told.append(m)
        self.settled.append(m)
        return True

    def best(self, had: list[int]) -> float:
        """The mean of the best trial that has all folds."""
        full = [x.mean() for x, m in zip(self.points, had, strict=True) if m == len(x)]
        return float(min(full))

    def revisit(self) -> list[int]:
        """Plays all rounds that these trials ask for: how many folds each has in the end."""
        had = list(self.settled)
        while words := self.native.ask("round"):
            for trial, fold in zip(words[::2], words[1::2], strict=True):
                t, m = int(trial) - 1, int(fold)
                if self.told[t] == m:
                    self.native.say("more", trial, repr(float(self.points[t][m])))
                    self.told[t] += 1
                had[t] += 1
            self.native.say("endround")
        return had


def race_native(
    native: Native, sampler: str, pruner: str, seed: int, trials: int, looks: list[int]
) -> dict:
    """Looks: numbers of trials after which a search would end, with the revisits until then."""
    race = Race(native, sampler, pruner, seed)
    trace, ends, folds, best = [], [], 0, np.inf
    for t in range(1, trials + 1):
        if not race.step():
            break
        losses, m = race.points[-1], race.settled[-1]
        folds += m
        best = min(best, float(losses.mean())) if m == len(losses) else best
        trace.append((folds, best))
        if t in looks:
            had = race.revisit() if pruner == "racing" else race.settled
            ends.append((t, sum(had), race.best(had)))
    winner = min(float(x.mean()) for x in race.points)
    return {
        "trace": trace,
        "ends": ends,
        "revisits": pruner == "racing",
        "full": len(race.points) * native.problem.folds,
        "before": abs(trace[-1][1] - winner) <= 0,
        "same": abs(ends[-1][2] - winner) <= 0,
    }
