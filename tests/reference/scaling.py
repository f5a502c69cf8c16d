"""Scalings and imputations by scikit-learn, for tests/core/data/test_scaling.c.

    python3 tests/reference/scaling.py > tests/core/data/scaling_cases.inc

Four parts: single columns through each scaling, fitted on `train` and applied to the first of
those and to other numbers; a small table through imputation, one-hot encoding and scaling, fitted on its
training rows; the normal quantile; and rare categories, which become `other`.

Where as many quantiles as rows are kept, rows are 2^k + 1: scikit-learn computes their places in
floating point, and only then finds the end of a run of ties exactly.
"""
import platform
import textwrap

import numpy as np
import scipy
import sklearn
from scipy.special import ndtri
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (FunctionTransformer, MinMaxScaler, OneHotEncoder,
                                   QuantileTransformer, RobustScaler, StandardScaler)

SCALINGS = {  # for n rows
    "standard": lambda n: StandardScaler(),
    "none": lambda n: FunctionTransformer(),
    "minmax": lambda n: MinMaxScaler(),
    "robust": lambda n: RobustScaler(),
    "quantile": lambda n: QuantileTransformer(n_quantiles=min(1000, n), subsample=None,
                                              output_distribution="normal"),
}
random = np.random.default_rng(20)


def array(name, values):
    """A C array of the numbers with all their digits."""
    print(f"static const double {name}[] = {{")
    print("\n".join(textwrap.wrap(", ".join(f"{float(v)!r}".removesuffix(".0") for v in values), 100)))
    print("};")


def columns():
    yield "normal", random.normal(3, 2, 33).round(4), random.normal(3, 6, 20).round(4)
    yield "ties", random.integers(0, 6, 65).astype(float), np.arange(-1, 7, 0.5)
    yield "skewed", np.exp(random.normal(0, 3, 129)).round(5), np.exp(random.normal(0, 4, 30)).round(5)
    yield "two", np.array([1.0, 1.0, 4.0]), np.array([0.0, 1.0, 2.0, 4.0, 5.0])
    yield "mostly one", np.array([0.0] * 15 + [2.0, 5.0]), np.array([-1.0, 0.0, 1.0, 3.0, 9.0])
    yield ("many", random.normal(0, 10, 1500).round(2), random.normal(0, 11, 60).round(2))


def write_columns():
    entries = []
    for k, (name, train, fresh) in enumerate(columns()):
        fresh = np.concatenate([train[:60], fresh])
        array(f"train_{k}", train)
        array(f"fresh_{k}", fresh)
        for kind, scaling in SCALINGS.items():
            fitted = scaling(len(train)).fit(train.reshape(-1, 1))
            array(f"{kind}_{k}", fitted.transform(fresh.reshape(-1, 1)).ravel())
            entries.append(f'    {{"{name}", SCALING_{kind.upper()}, {len(train)}, {len(fresh)}, '
                           f'train_{k}, fresh_{k}, {kind}_{k}}},')
    print("\nstatic const struct scaling_case scaling_cases[] = {")
    print("\n".join(entries))
    print("};\n")


def write_table():
    """17 training rows, in fold 2, then 8 of fold 1; both sorts of column miss values."""
    n, n_train = 25, 17
    a = random.normal(5, 3, n).round(3)
    b = random.normal(-100, 40, n).round(2)
    c = random.choice(["blue", "green", "red"], n, p=[0.4, 0.35, 0.25]).astype(object)
    y, z = random.normal(0, 1, n).round(4), random.normal(1000, 50, n).round(1)
    a[[2, 7, 11, 20]] = np.nan
    c[[1, 8, 19, 22]] = None
    lines = ["a,b,c,fold,y,z"] + [
        f"{'' if a[i] != a[i] else a[i]},{b[i]},{c[i] or ''},{2 if i < n_train else 1},{y[i]},{z[i]}"
        for i in range(n)]
    print("static const char table_text[] =")
    print("\n".join(f'    "{line}\\n"' for line in lines) + ";\n")

    entries = []
    words = make_pipeline(SimpleImputer(missing_values=None, strategy="most_frequent"),
                          OneHotEncoder(categories=[["blue", "green", "red"]], sparse_output=False))
    hot = words.fit(c[:n_train].reshape(-1, 1)).transform(c.reshape(-1, 1))
    missing_word = np.array([w is None for w in c], dtype=float).reshape(-1, 1)
    missing = MissingIndicator().fit_transform(a.reshape(-1, 1)).astype(float)
    for impute in ("mean", "median"):
        for kind, scaling in SCALINGS.items():
            scaled = []
            for column in (a, b):
                line = make_pipeline(SimpleImputer(strategy=impute), scaling(n_train))
                line.fit(column[:n_train].reshape(-1, 1))
                scaled.append(line.transform(column.reshape(-1, 1)))
            array(f"{impute}_{kind}",
                  np.hstack([scaled[0], missing, scaled[1], hot, missing_word]).ravel())
            entries.append(f'    {{PREPARE_{impute.upper()}, SCALING_{kind.upper()}, '
                           f'{impute}_{kind}}},')
    targets = np.column_stack([y, z])
    array("scaled_targets", StandardScaler().fit(targets[:n_train]).transform(targets).ravel())
    print(f"\nenum {{ TABLE_ROWS = {n}, TABLE_TRAIN = {n_train} }};\n")
    print("static const struct table_case table_cases[] = {")
    print("\n".join(entries))
    print("};\n")


def write_normal():
    """All three ranges of AS 241; upper tails where 1 - p is exact enough."""
    p = np.concatenate([10.0 ** np.arange(-300, -4, 20), 10.0 ** np.arange(-12, 0, 0.5),
                        np.linspace(0.01, 0.99, 51)])
    array("normal_p", p)
    array("normal_x", ndtri(p))


def write_rare():
    """Categories with counts that all differ, one that only validation rows have, and missing ones.

    Not compared: of equal counts scikit-learn keeps the later category, ours the earlier one; and
    where there are just as many categories as allowed, it makes the rarest one "infrequent".
    """
    rare = np.random.default_rng(21)
    counts = {"f": 17, "b": 11, "h": 8, "a": 6, "g": 4, "c": 3, "i": 2, "e": 1, "": 3}
    train = [word for word, n in counts.items() for _ in range(n)]
    rare.shuffle(train)
    words = train + ["d", "a", "", "e", "f", "d", "i", "c", "h", "b", "g"]
    lines = ["c,fold,y"] + [f"{w},{2 if i < len(train) else 1},{v}" for i, (w, v) in
                            enumerate(zip(words, rare.normal(0, 1, len(words)).round(3)))]
    print("\nstatic const char rare_text[] =")
    print("\n".join(f'    "{line}\\n"' for line in lines) + ";\n")
    c = np.array([w or None for w in words], dtype=object).reshape(-1, 1)
    labels = sorted(set(words) - {""})
    entries = []
    for most in (2, 4, 6, 8):
        pipeline = make_pipeline(SimpleImputer(missing_values=None, strategy="most_frequent"),
                                 OneHotEncoder(categories=[labels], sparse_output=False, max_categories=most,
                                               handle_unknown="infrequent_if_exist"))
        hot = pipeline.fit(c[:len(train)]).transform(c)
        array(f"rare_{most}", hot.ravel())
        entries.append(f"    {{{most}, {hot.shape[1]}, rare_{most}}},")
    print(f"\nenum {{ RARE_ROWS = {len(words)}, RARE_TRAIN = {len(train)} }};\n")
    print("static const struct rare_case rare_cases[] = {")
    print("\n".join(entries))
    print("};")


print(f"/* Made by tests/reference/scaling.py with scikit-learn {sklearn.__version__}, SciPy "
      f"{scipy.__version__},\n * NumPy {np.__version__}, Python {platform.python_version()}. */\n/* clang-format off */")
write_columns()
write_table()
write_normal()
write_rare()
