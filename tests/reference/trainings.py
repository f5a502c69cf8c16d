#!/usr/bin/env python3
"""Whole trainings by scikit-learn's MLPClassifier and MLPRegressor, as C data.

    python trainings.py > tests/core/train/trainings.inc

20 epochs from our own initial weights (biases zero) in our own batch order. scikit-learn's numbers
are float64. What differs by convention is translated to ours:

    scikit-learn                                            ours
    classifier's loss: mean over rows                       the same
    regressor's loss: half the mean over rows and outputs   twice that
    regressor's gradient: that of half the sum over         the mean's: 2 / outputs of it
      outputs (not that of its loss, where there are more)
    penalty: alpha / 2 / rows of the batch, in the loss     l2 / 2, left out of the curve
    adam's epsilon is added to sqrt(v)                      to sqrt(v / (1 - beta2^t)), as PyTorch's

The last is the one difference that is left: up to 2e-5 of a loss here, and below 1e-6 with an
epsilon of 1e-13. A regressor's rate (sgd) or epsilon (adam) and its l2 carry the factor of its
gradient. A short last batch has a larger penalty in scikit-learn, hence l2 only where batches are
equal; its curve weighs batches by rows, ours rows by weight, hence row weights only in one batch of
all rows.
"""

import platform
import random
import warnings

import numpy
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from streams import batch_order, initial_weights

ROWS, INPUTS, EPOCHS, SEED, REPEAT, FOLD = 64, 4, 20, 7, 1, 2
NAME = (SEED, REPEAT, FOLD)
draw = random.Random(64)

TASKS = {"2 classes": 2, "3 classes": 3, "1 target": 1, "3 targets": 3}
ACTIVATIONS = {"relu": ("RELU", "he_normal"), "tanh": ("TANH", "glorot_uniform"),
               "logistic": ("SIGMOID", "glorot_uniform")}  # ours, and its initializer by `auto`
SOLVERS = {  # scikit-learn's settings
    "sgd": dict(solver="sgd", momentum=0, nesterovs_momentum=False, learning_rate_init=0.1),
    "momentum": dict(solver="sgd", momentum=0.9, nesterovs_momentum=False,
                     learning_rate_init=0.02),
    "nesterov": dict(solver="sgd", momentum=0.9, nesterovs_momentum=True,
                     learning_rate_init=0.02),
    "adam": dict(solver="adam", learning_rate_init=0.01, epsilon=1e-8),
}
BATCHES = [  # rows of a batch, alpha, rows are weighted
    (16, 0.0, False), (16, 0.32, False), (10, 0.0, False), (ROWS, 0.64, False),
    (ROWS, 0.0, True)]
HIDDEN = [(7,), (6, 5), (9, 4, 6)]


def table():
    """Features, and every kind of target; numbers are exact in float32."""
    number = lambda scale: round(draw.gauss(0, scale) * 256) / 256
    x = [[number(1) for _ in range(INPUTS)] for _ in range(ROWS)]
    first = [r[0] * r[1] + r[2] + number(0.3) for r in x]
    second = [r[3] - r[0] * r[0] / 2 + number(0.3) for r in x]
    round256 = lambda v: round(v * 256) / 256
    values = [[round256(a), round256(b), round256(a - b / 2)] for a, b in zip(first, second)]
    return {
        "x": numpy.array(x),
        "weight": numpy.array([0.5 + draw.randrange(256) / 256 for _ in range(ROWS)]),
        "3 classes": numpy.array([0 if a > 0.5 else 1 if b > -0.5 else 2
                                  for a, b in zip(first, second)]),
        "2 classes": numpy.array([int(a > b) for a, b in zip(first, second)]),
        "3 targets": numpy.array(values),
        "1 target": numpy.array(values)[:, 0],
    }


class Injected:
    """Our initial weights; a loss without penalty."""

    def _init_coef(self, fan_in, fan_out, dtype):
        self.layer = getattr(self, "layer", 0) + 1
        last = self.layer > len(self.hidden_layer_sizes)
        name = "glorot_uniform" if last else ACTIVATIONS[self.activation][1]
        weights = initial_weights(name, self.layer, fan_in, fan_out, *NAME)
        return weights.astype(dtype), numpy.zeros(fan_out, dtype)

    def _backprop(self, x, y, weight, *rest):
        total = len(x) if weight is None else weight.sum()
        penalty = self.alpha / 2 / total * sum((w * w).sum() for w in self.coefs_)
        loss, *gradients = super()._backprop(x, y, weight, *rest)
        return (loss - penalty, *gradients)


class Classifier(Injected, MLPClassifier):
    pass


class Regressor(Injected, MLPRegressor):
    pass


def curve(data, task, activation, solver, hidden, batch, alpha, weighted):
    """The training loss of each epoch, as ours is defined."""
    classify = task.endswith("classes")
    model = (Classifier if classify else Regressor)(
        hidden_layer_sizes=hidden, activation=activation, alpha=alpha, batch_size=batch,
        shuffle=False, **SOLVERS[solver])
    losses = []
    for epoch in range(1, EPOCHS + 1):
        order = batch_order(ROWS, epoch, *NAME)
        extra = {"sample_weight": data["weight"][order]} if weighted else {}
        if classify:
            extra["classes"] = list(range(TASKS[task]))
        model.partial_fit(data["x"][order], data[task][order], **extra)
        losses.append(model.loss_ * (1 if classify else 2))
    return losses


def rows_of(numbers, per_line, digits):
    lines = [numbers[i:i + per_line] for i in range(0, len(numbers), per_line)]
    return ",\n     ".join(", ".join(f"{n:.{digits}g}" for n in line) for line in lines)


def print_case(data, task, activation, solver, hidden, batch, alpha, weighted):
    settings, outputs = SOLVERS[solver], TASKS[task]
    regression = "target" in task
    factor = 2 / outputs if regression else 1
    adam = solver == "adam"
    rate = settings["learning_rate_init"] / (1 if adam else factor)
    total = data["weight"].sum() if weighted else batch
    losses = curve(data, task, activation, solver, hidden, batch, alpha, weighted)
    words = f"{task}, {activation}, {solver}, hidden {list(hidden)}, batch {batch}, alpha {alpha}"
    print(f'    {{"{words}{", weighted" if weighted else ""}",\n'
          f"     TASK_{'REGRESSION' if regression else 'CLASSIFICATION'}, {outputs}, "
          f"{'true' if weighted else 'false'},\n"
          f"     {{.n_hidden = {len(hidden)}, .width = {{{', '.join(map(str, hidden))}}}, "
          f".batch_size = {batch}, .l2 = {alpha / total * factor:.17g},\n"
          f"      .optimizer = OPTIMIZER_{'ADAM' if adam else 'SGD'}, .learning_rate = {rate:.17g}, "
          f".momentum = {settings.get('momentum', 0)}, "
          f".nesterov = {str(settings.get('nesterovs_momentum', False)).lower()},\n"
          f"      .epsilon = {settings.get('epsilon', 0) * factor:.17g}}},\n"
          f"     ACTIVATION_{ACTIVATIONS[activation][0]},\n     {{{rows_of(losses, 7, 10)}}}}},")


def main():
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    data = table()
    print(f"/* Made by tests/reference/trainings.py: Python {platform.python_version()}, "
          f"scikit-learn {sklearn.__version__},\n   numpy {numpy.__version__}. */")
    print(f"enum {{ K_ROWS = {ROWS}, K_INPUTS = {INPUTS}, K_EPOCHS = {EPOCHS},\n"
          f"       K_SEED = {SEED}, K_REPEAT = {REPEAT}, K_FOLD = {FOLD} }};\n")
    for name, kind, key, size in (
            ("k_x", "float", "x", "K_ROWS * K_INPUTS"), ("k_weight", "float", "weight", "K_ROWS"),
            ("k_2_classes", "int32_t", "2 classes", "K_ROWS"),
            ("k_3_classes", "int32_t", "3 classes", "K_ROWS"),
            ("k_1_target", "double", "1 target", "K_ROWS"),
            ("k_3_targets", "double", "3 targets", "K_ROWS * 3")):
        print(f"static const {kind} {name}[{size}] =\n    "
              f"{{{rows_of(data[key].ravel().tolist(), 8, 12)}}};")
    print("\n/* spec: what differs between trainings; loss: of each epoch. */")
    print("static const struct {\n    const char *name;\n    enum task task;\n    size_t n_outputs;\n"
          "    bool weighted;\n    struct spec spec;\n    enum activation activation;\n"
          "    double loss[K_EPOCHS];\n} k_trainings[] = {")
    i = 0
    for task in TASKS:
        for activation in ACTIVATIONS:
            for solver in SOLVERS:  # 5 kinds of batches and 3 depths come round with all of them
                print_case(data, task, activation, solver, HIDDEN[(i + i // 12) % 3],
                           *BATCHES[i % 5])
                i += 1
    print("};")


main()
