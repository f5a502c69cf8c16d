"""Every metric on 200 random cases, by scikit-learn and SciPy, for tests/core/nn/test_metric.c.

    python3 tests/reference/metrics.py > tests/core/nn/metric_cases.inc

The cases have ties, weights (some zero), classes that are missing from the truth or from the
predictions, and several targets. Predictions and weights are float32 numbers and are written with
all their digits, so both sides start from the same ones.

What core/nn/metric.h calls undefined is NaN here, whatever the two libraries say: scikit-learn
answers 0 or 1 to some of these questions, and raises for others.
"""
import platform
import warnings

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

SEED, CASES = 20240229, 200
NAN = float("nan")
CLASSIFICATION = ("accuracy", "balanced_accuracy", "f1_macro", "f1", "precision", "recall", "mcc",
                  "roc_auc", "average_precision", "log_loss", "brier")
REGRESSION = ("r2", "rmse", "mse", "mae", "median_ae", "mape", "explained_variance", "spearman")


# ---- scores ------------------------------------------------------------------------------------

def score_classes(truth, predicted, weight):
    """truth (rows), predicted (rows, n) float32, weight (rows) or None."""
    if weight is not None:  # scikit-learn counts the class of a row of weight 0 in macro averages
        truth, predicted, weight = (a[weight > 0] for a in (truth, predicted, weight))
    n = predicted.shape[1]
    p = predicted.astype(np.float64)
    given = predicted.argmax(axis=1)
    binary = n == 2
    w = dict(sample_weight=weight)
    kind = dict(average="binary" if binary else "macro", zero_division=0, **w)
    everything = len(np.unique(truth)) == n
    has_positive = not binary or 1 in truth
    named = has_positive or 1 in given
    one_hot = np.eye(n)[truth]
    eps = float(np.finfo(np.float32).eps)  # scikit-learn's for float32 input
    return {
        "accuracy": metrics.accuracy_score(truth, given, **w),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, given, **w),
        "f1_macro": metrics.f1_score(truth, given, average="macro", zero_division=0, **w),
        "f1": metrics.f1_score(truth, given, **kind) if named else NAN,
        "precision": metrics.precision_score(truth, given, **kind) if named else NAN,
        "recall": metrics.recall_score(truth, given, **kind) if has_positive else NAN,
        "mcc": metrics.matthews_corrcoef(truth, given, **w) if len(np.unique(truth)) > 1 else NAN,
        "roc_auc": (metrics.roc_auc_score(truth, p[:, 1], **w) if binary else
                    metrics.roc_auc_score(truth, p, multi_class="ovr", labels=range(n), **w)),
        "average_precision": (
            metrics.average_precision_score(truth, p[:, 1], **w) if binary and has_positive else
            metrics.average_precision_score(one_hot, p, **w) if not binary and everything else
            NAN),
        "log_loss": metrics.log_loss(truth, np.clip(p, eps, 1 - eps), labels=range(n), **w),
        "brier": (metrics.brier_score_loss(truth, p[:, 1], pos_label=1, **w) if binary else
                  metrics.brier_score_loss(truth, p, labels=range(n), **w)),
    }


def spearman(truth, given, weight):
    if len(np.unique(truth)) < 2 or len(np.unique(given)) < 2:
        return NAN
    if weight is None:
        return stats.spearmanr(truth, given).statistic
    covariance = np.cov(stats.rankdata(truth), stats.rankdata(given), aweights=weight, ddof=0)
    return covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])


def score_target(truth, given, weight):
    """truth and given (rows), weight (rows) or None."""
    if weight is not None:
        truth, given, weight = (a[weight > 0] for a in (truth, given, weight))
    w = dict(sample_weight=weight)
    varies = len(np.unique(truth)) > 1
    return {
        "r2": metrics.r2_score(truth, given, **w) if varies else NAN,
        "rmse": metrics.root_mean_squared_error(truth, given, **w),
        "mse": metrics.mean_squared_error(truth, given, **w),
        "mae": metrics.mean_absolute_error(truth, given, **w),
        "median_ae": metrics.median_absolute_error(truth, given, **w),
        "mape": metrics.mean_absolute_percentage_error(truth, given, **w),
        "explained_variance":
            metrics.explained_variance_score(truth, given, **w) if varies else NAN,
        "spearman": spearman(truth, given, weight),
    }


# ---- cases -------------------------------------------------------------------------------------

def random_rows(r):
    return int(r.choice([1, 2, 3, 5, 8, 13, 21, 34], p=[.03, .05, .08, .14, .2, .2, .2, .1]))


def random_weight(r, rows):
    kind = r.integers(5)
    if kind < 2:
        return None
    if kind == 2:  # few and exact: half of the weight can lie exactly between two rows
        weight = r.integers(1, 5, rows) / 4
    elif kind == 3:
        weight = r.integers(0, 4, rows) / 2
    else:
        weight = r.gamma(1.0, 2.0, rows)
    weight = weight.astype(np.float32)
    if not weight.any():
        weight[0] = 1
    return weight


def random_classes(r):
    rows = random_rows(r)
    n = int(r.choice([2, 2, 2, 3, 4, 6]))
    truth = r.choice(n, rows, p=r.dirichlet(np.full(n, r.choice([.3, 3]))))
    z = r.normal(size=(rows, n)) * r.choice([.3, 1, 3, 20])
    z[np.arange(rows), truth] += r.choice([0, 1, 2])
    if r.random() < .5:  # few levels: ties among the rows, and sometimes within one
        z = np.round(z)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    if r.random() < .3:  # exact ones and zeros
        p = np.eye(n)[p.argmax(axis=1)]
    if r.random() < .2:  # the predictions miss a class
        p[:, r.integers(n)] = 0
        total = p.sum(axis=1, keepdims=True)
        p = np.where(total > 0, p / np.where(total > 0, total, 1), 1 / n)
    return truth, p.astype(np.float32), random_weight(r, rows)


def random_values(r):
    rows, n = random_rows(r), int(r.choice([1, 1, 2, 3]))
    truth = r.normal(size=(rows, n)) * 10.0 ** r.integers(-3, 4)
    kind = r.integers(4)
    if kind == 0:  # ties, and zeros for mape
        truth = np.round(truth)
    if kind == 1:
        truth = r.integers(-2, 3, (rows, n)).astype(float)
    if r.random() < .08:
        truth[:, r.integers(n)] = truth[0, 0]
    truth = np.round(truth, 6)
    offset, factor = np.zeros(n), np.ones(n)
    if r.random() < .7:
        offset = np.round(truth.mean(axis=0), 4)
        factor = np.round(truth.std(axis=0), 4)
        factor[factor == 0] = 1
    z = (truth - offset) / factor + r.normal(size=(rows, n)) * r.choice([.01, .5, 2])
    if r.random() < .4:
        z = np.round(z * 2) / 2
    if r.random() < .05:
        z[:, 0] = .5
    return truth, z.astype(np.float32), offset, factor, random_weight(r, rows)


# ---- text --------------------------------------------------------------------------------------

def number(x):
    if np.isnan(x):
        return "UNDEFINED"
    return str(int(x)) if float(x).is_integer() and abs(x) < 1e6 else repr(float(x))


def single(x):
    if float(x).is_integer() and abs(x) < 1e6:
        return str(int(x))
    text = np.format_float_positional(x, unique=True) if 1e-4 < abs(x) < 1e6 else str(x)
    return text.replace("0.", ".", 1) + "f" if text.startswith(("0.", "-0.")) else text + "f"


def array(type_, values, text):
    return f"({type_}[]){{{','.join(text(v) for v in np.ravel(values))}}}"


def print_case(kind, rows, n, members, scores):
    parts = [f"{{{{{kind},.rows={rows},.n={n}"]
    for name, (type_, values, text) in members.items():
        if values is not None:
            parts.append(f" .{name}={array(f'const {type_}', values, text)}")
    print(",\n".join(parts) + "},")
    print(" " + array("const double", scores, number) + "},")


def print_classes(r):
    truth, predicted, weight = random_classes(r)
    scores = score_classes(truth, predicted, weight)
    print_case(".task=TASK_CLASSIFICATION", *predicted.shape, {
        "predicted": ("float", predicted, single),
        "classes": ("int32_t", truth, str),
        "weight": ("float", weight, single),
    }, [scores[name] for name in CLASSIFICATION])


def print_values(r):
    """The scores of all targets, then of each by itself."""
    truth, predicted, offset, factor, weight = random_values(r)
    given = offset + factor * predicted.astype(np.float64)
    each = [score_target(truth[:, j], given[:, j], weight) for j in range(truth.shape[1])]
    mean = [np.mean([scores[name] for scores in each]) for name in REGRESSION]
    print_case(".task=TASK_REGRESSION", *predicted.shape, {
        "predicted": ("float", predicted, single),
        "offset": ("double", offset, number),
        "factor": ("double", factor, number),
        "target": ("double", truth, number),
        "weight": ("float", weight, single),
    }, [mean] + [[scores[name] for name in REGRESSION] for scores in each])


def print_names(kind, names):
    print(f"static const char *const {kind}_names[] = {{")
    print("".join(f'    "{name}",\n' for name in names) + "    NULL};")


def main():
    warnings.simplefilter("ignore")  # about what is undefined: see above
    r = np.random.default_rng(SEED)
    print("/* Made by tests/reference/metrics.py with scikit-learn "
          f"{sklearn.__version__}, SciPy {scipy.__version__},\n"
          f" * NumPy {np.__version__}, Python {platform.python_version()}. */")
    print("/* clang-format off */")
    print_names("classification", CLASSIFICATION)
    print_names("regression", REGRESSION)
    print("static const struct metric_case cases[] = {")
    for i in range(CASES):
        (print_classes if i % 9 < 5 else print_values)(r)
    print("};\n/* clang-format on */")


if __name__ == "__main__":
    main()
