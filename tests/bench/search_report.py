"""The tables of search.md, from runs."""

import os
import platform
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Curves:
    """Of each run: fold trainings and rank, trial by trial, or where a search would end with its
    revisits."""

    folds: np.ndarray  # (runs, points), or (1, points) for all
    ranks: np.ndarray  # (runs, points)

    def mean(self, rng: np.random.Generator | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Of all runs, or of a resample of them."""
        if rng is None:
            return self.folds.mean(axis=0), self.ranks.mean(axis=0)
        rows = rng.integers(0, len(self.ranks), len(self.ranks))
        folds = self.folds if len(self.folds) == 1 else self.folds[rows]
        return folds.mean(axis=0), self.ranks[rows].mean(axis=0)


def curves(runs: list[dict], problem: Problem) -> Curves:
    if runs[0].get("revisits"):
        folds = np.array([[end[1] for end in run["ends"]] for run in runs], dtype=float)
        return Curves(folds, np.array([[problem.rank(end[2]) for end in run["ends"]] for run in runs]))
    at = np.arange(problem.folds, max(run["trace"][-1][0] for run in runs) + 1, dtype=float)
    ranks = []
    for run in runs:
        folds = np.array([f for f, _ in run["trace"]])
        rank = np.array([problem.rank(best) for _, best in run["trace"]])
        ranks.append(rank[np.maximum(np.searchsorted(folds, at, side="right") - 1, 0)])
    return Curves(at[None], np.array(ranks))


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


def without_revisits(results: list[dict]) -> None:
    """Adds the same searches as they stand before their revisits."""
    for r in results:
        races = {}
        for name, runs in r["races"].items():
            races[name] = runs
            if runs[0].get("revisits"):
                races[f"{name}, no revisits"] = [{"trace": run["trace"]} for run in runs]
        r["races"] = races


class Shares:
    """Fold trainings for the rank that a target has after so many trials, beside its own."""

    def __init__(self, results: list[dict], problems: dict[str, Problem]):
        self.problems = [r["problem"] for r in results]
        self.races = [r["races"] for r in results]
        self.curves = [
            {name: curves(runs, problems[r["problem"]]) for name, runs in r["races"].items()}
            for r in results
        ]

    def one(self, i: int, name: str, target: str, trials: int, rng=None) -> tuple[float, bool]:
        """On one table."""
        folds, values = self.curves[i][target].mean(rng)
        spent = np.mean([run["trace"][trials - 1][0] for run in self.races[i][target]])
        rank = float(np.interp(spent, folds, values))
        spent, _ = price(folds, values, rank)
        mine, reached = price(*self.curves[i][name].mean(rng), rank)
        return mine / spent, reached

    def all(self, name: str, target: str, trials: int, rng=None) -> tuple[float, bool]:
        """The geometric mean over tables."""
        shares = [self.one(i, name, target, trials, rng) for i in range(len(self.curves))]
        return float(np.exp(np.mean(np.log([s for s, _ in shares])))), all(r for _, r in shares)

    def interval(self, name: str, target: str, trials: int) -> str:
        rng = np.random.default_rng(1)
        resampled = [self.all(name, target, trials, rng)[0] for _ in range(RESAMPLES // 2)]
        low, high = np.quantile(resampled, [0.05, 0.95])
        return f"{bounded(*self.all(name, target, trials))} ({low:.2f} … {high:.2f})"

    def table(self, target: str, trials: int) -> str:
        rows = []
        for name in self.curves[0]:
            cells = [name, bounded(*self.all(name, target, trials))]
            for i in range(len(self.curves)):
                cells.append(bounded(*self.one(i, name, target, trials)))
            rows.append(cells)
        return grid(["", "geometric mean", *self.problems], rows)


def bounded(share: float, reached: bool) -> str:
    return f"{'' if reached else '> '}{share:.2f}"


def budgets(shares: Shares, looks: list[int]) -> str:
    """The geometric mean over tables of the mean rank."""
    rows = []
    for name in shares.curves[0]:
        cells = [name]
        means = [c[name].mean() for c in shares.curves]
        for at in looks:
            if any(at > folds[-1] or at < folds[0] for folds, _ in means):
                cells.append("")
                continue
            ranks = [max(LEAST, float(np.interp(at, *m))) for m in means]
            cells.append(short(float(np.exp(np.mean(np.log(ranks))))))
        rows.append(cells)
    return grid(["", *(f"{at} fold trainings" for at in looks)], rows)


def goals(
    results: list[dict], problems: dict[str, Problem], shares: Shares, trials: int
) -> str:
    """What issue and design ask for, beside what was measured, on the tables."""
    rows = []
    for at in (50, trials):
        pairs = [
            [regrets(r["samplers"][n], problems[r["problem"]], trials) for n in ("tpe", REFERENCE)]
            for r in results
        ]
        middle, low, high = ratio(*map(list, zip(*pairs, strict=True)), at)
        cells = [f"tpe's mean regret beside Optuna's TPE after {at} trials", "at most 1"]
        rows.append([*cells, f"{middle:.2f} ({low:.2f} … {high:.2f})"])
    for target, at, most in (
        ("Optuna tpe + wilcoxon", 50, "1/2"),
        ("Optuna tpe + wilcoxon", trials, "1/2"),
        ("random + none", 100, "1/6"),
        ("random + none", 200, "1/6"),
    ):
        found = [
            shares.interval(f"tpe + racing{end}", target, at)
            for end in ("", ", no revisits")
        ]
        what = f"fold trainings of tpe + racing for the rank of {target} after {at} trials"
        rows.append([what, f"at most {most}", f"{found[0]}; {found[1]} before revisits"])
    for sampler in ("random", "tpe"):
        found = [np.mean([run["same"] for run in r["winners"][sampler]]) for r in results]
        what = f"searches of {sampler} + racing with full cross-validation's winner"
        rows.append([what, "98 %", f"{np.mean(found):.1%}, least {min(found):.1%}"])
    return grid(["", "asked", "measured"], rows)


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
        without_revisits(tables)
        shares = Shares(tables, problems)
        parts += ["### Goals, on the tables", goals(tables, problems, shares, trials)]
        parts += ["### Tables: mean regret beside Optuna's TPE", summary(tables, problems, looks, regrets)]
        parts += ["### Tables: mean rank beside Optuna's TPE", summary(tables, problems, looks, ranks)]
    if functions:
        parts += ["### Functions: mean regret beside Optuna's TPE"]
        parts += [summary(functions, problems, looks, regrets)]
    parts += [tests(results, problems, trials), latency(results)]
    for at in looks[1:]:
        parts += [f"### Regret after {at} trials", bands(results, problems, at)]
    if tables:
        looks = [50, 100, 150, 200, 300, 400]
        parts += ["### Tables: mean rank after fold trainings", budgets(shares, looks)]
        for target, at in (
            ("Optuna tpe + wilcoxon", 50),
            ("Optuna tpe + wilcoxon", trials),
            ("random + none", 100),
            ("random + none", 200),
        ):
            parts += [f"### Fold trainings for the rank of {target} after {at} trials, shares of its"]
            parts += [shares.table(target, at)]
        parts += ["### Winners that are full cross-validation's, of 100 trials", winners(tables)]
    return "\n\n".join(parts) + "\n"


def keep(file: Path, heading: str, text: str) -> None:
    """Rewrites one section."""
    head, _, rest = file.read_text().partition(f"## {heading}\n")
    _, mark, tail = rest.partition("\n## ")
    file.write_text(f"{head}## {heading}\n\n{text}{mark}{tail}")
