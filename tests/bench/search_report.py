"""The tables of search.md, from runs."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy.stats import wilcoxon

from search_problems import Problem

# A mean regret or rank below it counts as it: about a tenth of what one seed of thirty that is one
# configuration off adds.
LEAST = 1e-6
RESAMPLES = 1000
REFERENCE = "Optuna tpe"

Runs = dict[str, list[dict]]


def line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def grid(header: list[str], rows: list[list[str]]) -> str:
    return "\n".join([line(header), line(["---"] * len(header)), *map(line, rows)])


def short(x: float) -> str:
    return "0" if x == 0 else f"{x:.2g}"


# ---- samplers ------------------------------------------------------------------------------------


def incumbents(runs: list[dict], trials: int) -> np.ndarray:
    """(runs, trials): the best loss so far; a space that was exhausted keeps its best."""
    rows = []
    for run in runs:
        best = np.minimum.accumulate(run["losses"])[:trials]
        rows.append(np.concatenate([best, np.full(trials - len(best), best[-1])]))
    return np.array(rows)


def regrets(runs: list[dict], problem: Problem, trials: int) -> np.ndarray:
    return np.maximum(0, problem.regret(incumbents(runs, trials)))


def ranks(runs: list[dict], problem: Problem, trials: int) -> np.ndarray:
    return np.vectorize(problem.rank)(incumbents(runs, trials))


def log_means(values: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
    """(trials): of the seeds, or of a resample of them."""
    if rng is not None:
        values = values[rng.integers(0, len(values), len(values))]
    return np.log(np.maximum(values.mean(axis=0), LEAST))


def ratio(mine: list[np.ndarray], theirs: list[np.ndarray], at: int) -> tuple[float, float, float]:
    """The geometric mean over problems of the ratio of means, with its 90 % interval."""
    columns = [(m[:, at - 1 : at], t[:, at - 1 : at]) for m, t in zip(mine, theirs, strict=True)]

    def once(rng: np.random.Generator | None) -> float:
        return float(np.exp(np.mean([log_means(m, rng) - log_means(t, rng) for m, t in columns])))

    rng = np.random.default_rng(1)
    low, high = np.quantile([once(rng) for _ in range(RESAMPLES)], [0.05, 0.95])
    return once(None), float(low), float(high)


def contestants(results: list[dict]) -> list[str]:
    names: list[str] = []
    for result in results:
        names += [name for name in result["samplers"] if name not in names]
    return names


def summary(results: list[dict], problems: dict[str, Problem], looks: list[int], measure) -> str:
    rows = []
    for name in contestants(results):
        has = [r for r in results if name in r["samplers"] and REFERENCE in r["samplers"]]
        if not has:
            continue
        trials = looks[-1]
        mine = [measure(r["samplers"][name], problems[r["problem"]], trials) for r in has]
        theirs = [measure(r["samplers"][REFERENCE], problems[r["problem"]], trials) for r in has]
        cells = []
        for at in looks:
            middle, low, high = ratio(mine, theirs, at)
            cells.append("1" if name == REFERENCE else f"{middle:.2f} ({low:.2f} … {high:.2f})")
        seeds = min(len(m) for m in mine)
        count = f"{len(has)}" if len(has) < len(results) else "all"
        rows.append([name, count, str(seeds), *cells])
    return grid(["", "problems", "seeds", *(f"{at} trials" for at in looks)], rows)


def bands(results: list[dict], problems: dict[str, Problem], at: int) -> str:
    names = contestants(results)
    rows = []
    for r in results:
        cells = []
        for name in names:
            if name not in r["samplers"]:
                cells.append("")
                continue
            values = regrets(r["samplers"][name], problems[r["problem"]], at)[:, at - 1]
            low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
            cells.append(f"{short(middle)} ({short(low)} … {short(high)})")
        rows.append([r["problem"], *cells])
    return grid(["", *names], rows)


def tests(results: list[dict], problems: dict[str, Problem], at: int) -> str:
    """tpe and Optuna's on each problem: Wilcoxon over seeds, Holm over problems."""
    found = []
    for r in results:
        mine, theirs = (
            regrets(r["samplers"][name], problems[r["problem"]], at)[:, at - 1]
            for name in ("tpe", REFERENCE)
        )
        n = min(len(mine), len(theirs))
        p = 1.0 if np.all(mine[:n] == theirs[:n]) else float(wilcoxon(mine[:n], theirs[:n]).pvalue)
        found.append((p, r["problem"], mine.mean() < theirs.mean()))
    found.sort()
    better, worse = [], []
    for i, (p, name, is_better) in enumerate(found):
        if p * (len(found) - i) >= 0.05:
            break
        (better if is_better else worse).append(name)
    return (
        f"tpe beside Optuna's on single problems at {at} trials (Wilcoxon, Holm, 5 %): better on "
        f"{', '.join(better) or 'none'}; worse on {', '.join(worse) or 'none'}."
    )


def latency(results: list[dict]) -> str:
    names = [n for n in contestants(results) if not n.startswith("Optuna")]
    times = {
        n: np.mean([run["ms"] for r in results for run in r["samplers"].get(n, [])]) for n in names
    }
    return "Milliseconds of processor time a proposal, mean over all runs: " + ", ".join(
        f"{n} {t:.3f}" for n, t in times.items() if not n.endswith("once")
    )


# ---- over folds ----------------------------------------------------------------------------------


def curve(runs: list[dict], problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Fold trainings and mean rank: trial by trial, or where a search would end with revisits."""
    if runs[0].get("revisits"):
        folds = np.mean([[end[1] for end in run["ends"]] for run in runs], axis=0)
        values = np.mean([[problem.rank(end[2]) for end in run["ends"]] for run in runs], axis=0)
        return folds, values
    at = np.arange(problem.folds, max(run["trace"][-1][0] for run in runs) + 1)
    values = np.zeros(len(at))
    for run in runs:
        folds = np.array([f for f, _ in run["trace"]])
        rank = np.array([problem.rank(best) for _, best in run["trace"]])
        values += rank[np.maximum(np.searchsorted(folds, at, side="right") - 1, 0)]
    return at, values / len(runs)


def price(folds: np.ndarray, values: np.ndarray, rank: float) -> tuple[float, bool]:
    """Fold trainings until the mean rank is reached; False where it never is."""
    reached = np.flatnonzero(values <= rank)
    if len(reached) == 0:
        return float(folds[-1]), False
    i = int(reached[0])
    if i == 0 or values[i] == values[i - 1]:
        return float(folds[i]), True
    share = (values[i - 1] - rank) / (values[i - 1] - values[i])
    return float(folds[i - 1] + share * (folds[i] - folds[i - 1])), True


def prices(results: list[dict], problems: dict[str, Problem], target: str, trials: int) -> str:
    """Fold trainings for the rank that the target has after so many trials, as shares of its."""
    names = list(results[0]["races"])
    rows = []
    for name in names:
        cells, logs, all_reached = [], [], True
        for r in results:
            p = problems[r["problem"]]
            folds, values = curve(r["races"][target], p)
            spent = np.mean([run["trace"][trials - 1][0] for run in r["races"][target]])
            rank = float(np.interp(spent, folds, values))
            spent, _ = price(folds, values, rank)
            mine, reached = price(*curve(r["races"][name], p), rank)
            cells.append(f"{'' if reached else '> '}{mine / spent:.2f}")
            logs.append(np.log(mine / spent))
            all_reached &= reached
        rows.append([name, f"{'' if all_reached else '> '}{np.exp(np.mean(logs)):.2f}", *cells])
    return grid(["", "geometric mean", *(r["problem"] for r in results)], rows)


def winners(results: list[dict]) -> str:
    rows = []
    for r in results:
        cells = [r["problem"]]
        for sampler in ("random", "tpe"):
            runs = r["winners"][sampler]
            before = np.mean([run["before"] for run in runs])
            same = np.mean([run["same"] for run in runs])
            saved = np.mean([run["full"] / run["ends"][-1][1] for run in runs])
            cells += [f"{before:.1%}", f"{same:.1%}", f"{saved:.2f}x"]
        rows.append(cells)
    header = ["", "random: before revisits", "after", "fold trainings saved"]
    return grid([*header, "tpe: before revisits", "after", "fold trainings saved"], rows)


# ---- all -----------------------------------------------------------------------------------------


def processor() -> str:
    for row in Path("/proc/cpuinfo").read_text().splitlines():
        if row.startswith("model name"):
            return row.split(":")[1].strip()
    return platform.processor()


def write(results: list[dict], problems: dict[str, Problem], trials: int) -> str:
    looks = sorted({25, 50, trials})
    tables = [r for r in results if "races" in r]
    functions = [r for r in results if "races" not in r]
    parts = [
        f"{processor()}, {os.cpu_count()} processors; Optuna {version('optuna')}, "
        f"cmaes {version('cmaes')}, torch {version('torch')}, Python {platform.python_version()}."
    ]
    if tables:
        parts += ["### Tables: mean regret beside Optuna's TPE", summary(tables, problems, looks, regrets)]
        parts += ["### Tables: mean rank beside Optuna's TPE", summary(tables, problems, looks, ranks)]
    if functions:
        parts += ["### Functions: mean regret beside Optuna's TPE"]
        parts += [summary(functions, problems, looks, regrets)]
    parts += [tests(results, problems, trials), latency(results)]
    for at in looks[1:]:
        parts += [f"### Regret after {at} trials", bands(results, problems, at)]
    if tables:
        for target, at in (
            ("Optuna tpe + wilcoxon", 50),
            ("Optuna tpe + wilcoxon", 100),
            ("random + none", 100),
            ("random + none", 200),
        ):
            parts += [f"### Fold trainings for the rank of {target} after {at} trials, shares of its"]
            parts += [prices(tables, problems, target, at)]
        parts += ["### Winners that are full cross-validation's, of 100 trials", winners(tables)]
    return "\n\n".join(parts) + "\n"


def keep(file: Path, text: str) -> None:
    head = file.read_text().split("## Results")[0]
    file.write_text(f"{head}## Results\n\n{text}")
