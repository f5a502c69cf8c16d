"""make bench-search: searches beside Optuna's, on tables of trainings and on functions.

    search.py PROGRAM FOLDER     environment: SEEDS, TRIALS, GP_SEEDS, RACE_SEEDS, RACES, ONLY

Optuna's runs are a function of its version, the problem and the seed: they are kept in FOLDER and
made once. Ours are always made.
"""

import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # for each of the workers

import search_engines as engines
import search_report as report
from search_problems import FUNCTIONS, TABLES, Problem, find

SEEDS = int(os.environ.get("SEEDS") or 30)
TRIALS = int(os.environ.get("TRIALS") or 100)
GP_SEEDS = min(int(os.environ.get("GP_SEEDS") or 10), SEEDS)  # they take minutes
RACE_SEEDS = int(os.environ.get("RACE_SEEDS") or 2 * SEEDS)
RACES = int(os.environ.get("RACES") or 200)  # searches whose winners are compared
ONLY = [name for name in (os.environ.get("ONLY") or "").split(",") if name]
RACE_TRIALS = 200
LOOKS = list(range(10, RACE_TRIALS + 1, 5))
CHUNK = 5  # seeds of one task
WORKERS = int(os.environ.get("WORKERS") or 2)

SAMPLERS = ("random", "sobol", "tpe", "gp", "cma_es")
PRUNERS = ("none", "racing", "wilcoxon", "forgiving")


# ---- Optuna --------------------------------------------------------------------------------------


def optuna_chunk(problem: str, contestant: str, seeds: list[int], trials: int) -> list[dict]:
    p = find(problem)
    kind, sampler = contestant.split(" ")
    run = engines.run_optuna if kind == "search" else engines.race_optuna
    return [run(p, sampler, seed, trials) for seed in seeds]


class Kept:
    """Optuna's runs, a file for each problem and contestant."""

    def __init__(self, folder: Path):
        packages = [f"{p} {version(p)}" for p in ("optuna", "cmaes", "torch")]
        self.folder = folder / ", ".join(packages)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.runs: dict[tuple, dict[str, dict]] = {}

    def file(self, key: tuple) -> Path:
        return self.folder / ("; ".join(map(str, key)) + ".json")

    def seeds(self, key: tuple) -> dict[str, dict]:
        if key not in self.runs:
            file = self.file(key)
            self.runs[key] = json.loads(file.read_text()) if file.exists() else {}
        return self.runs[key]

    def add(self, key: tuple, seeds: list[int], runs: list[dict]) -> None:
        self.seeds(key).update({str(s): run for s, run in zip(seeds, runs, strict=True)})
        self.file(key).write_text(json.dumps(self.seeds(key)))

    def get(self, key: tuple, seeds: int) -> list[dict]:
        return [run for s, run in self.seeds(key).items() if int(s) < seeds]


def optuna_tasks(problems: list[str]) -> list[tuple[tuple, int]]:
    """(problem, contestant, trials) and how many seeds; the slow ones last."""
    tasks = []
    for sampler, seeds in (("tpe", SEEDS), ("random", SEEDS), ("cma_es", SEEDS), ("gp", GP_SEEDS)):
        tasks += [((p, f"search {sampler}", TRIALS), seeds) for p in problems]
        if sampler == "tpe":
            tables = [p for p in problems if p in TABLES]
            tasks += [((p, "race tpe", TRIALS), RACE_SEEDS) for p in tables]
    return tasks


def run_optunas(kept: Kept, problems: list[str]) -> None:
    with ProcessPoolExecutor(WORKERS) as pool:
        futures = {}
        for key, n in optuna_tasks(problems):
            missing = [s for s in range(n) if str(s) not in kept.seeds(key)]
            for i in range(0, len(missing), CHUNK):
                seeds = missing[i : i + CHUNK]
                problem, contestant, trials = key
                future = pool.submit(optuna_chunk, problem, contestant, seeds, trials)
                futures[future] = (key, seeds)
        for done, future in enumerate(as_completed(futures), 1):
            key, seeds = futures[future]
            kept.add(key, seeds, future.result())
            print(f"\rOptuna: {done} of {len(futures)}   ", end="", file=sys.stderr, flush=True)


# ---- ours ----------------------------------------------------------------------------------------


def run_samplers(program: str, problem: Problem) -> dict[str, list[dict]]:
    """By contestant. A sampler that this build lacks, or that refuses the space, is left out."""
    runs = {}
    for sampler in SAMPLERS:
        for concurrency in (1, 8):
            if sampler in ("random", "sobol") and concurrency > 1:
                continue
            native = engines.Native(program, problem)
            name = sampler if concurrency == 1 else f"{sampler}, 8 at once"
            seeds = GP_SEEDS if sampler == "gp" else SEEDS
            if seeds > 0 and native.takes(sampler):
                runs[name] = [
                    engines.run_native(native, sampler, seed, TRIALS, concurrency)
                    for seed in range(seeds)
                ]
            native.close()
    return runs


def run_races(program: str, problem: Problem) -> dict[str, list[dict]]:
    native = engines.Native(program, problem)
    runs = {}
    for sampler in ("random", "tpe"):
        for pruner in PRUNERS:
            runs[f"{sampler} + {pruner}"] = [
                engines.race_native(native, sampler, pruner, seed, RACE_TRIALS, LOOKS)
                for seed in range(RACE_SEEDS)
            ]
    native.close()
    return runs


def run_winners(program: str, problem: Problem) -> dict[str, list[dict]]:
    """Searches of 100 trials, to compare winners with those of full cross-validation."""
    native = engines.Native(program, problem)
    runs = {
        sampler: [
            engines.race_native(native, sampler, "racing", 10000 + seed, 100, [100])
            for seed in range(RACES)
        ]
        for sampler in ("random", "tpe")
    }
    native.close()
    return runs


def ours(task: tuple[str, str]) -> dict:
    program, name = task
    problem = find(name)
    result = {"problem": problem.name, "samplers": run_samplers(program, problem)}
    if problem.folds > 1:
        result |= {
            "races": run_races(program, problem),
            "winners": run_winners(program, problem),
        }
    return result


def main() -> None:
    program, folder = sys.argv[1], Path(sys.argv[2])
    problems = [p for p in (*TABLES, *FUNCTIONS) if not ONLY or p in ONLY]
    kept = Kept(folder)
    run_optunas(kept, problems)
    results = []
    with ProcessPoolExecutor(WORKERS) as pool:
        for result in pool.map(ours, [(program, name) for name in problems]):
            name = result["problem"]
            for sampler in ("tpe", "random", "cma_es", "gp"):
                runs = kept.get((name, f"search {sampler}", TRIALS), SEEDS)
                if runs:
                    result["samplers"][f"Optuna {sampler}"] = runs
            if "races" in result:
                runs = kept.get((name, "race tpe", TRIALS), RACE_SEEDS)
                result["races"]["Optuna tpe + wilcoxon"] = runs
            results.append(result)
    text = report.write(results, {p: find(p) for p in problems}, TRIALS)
    print(f"\n{text}")
    if not ONLY:
        report.keep(Path(__file__).with_suffix(".md"), "Results", text)


if __name__ == "__main__":
    main()
