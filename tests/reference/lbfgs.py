#!/usr/bin/env python3
"""Trajectories of torch.optim.LBFGS (strong Wolfe, memory 10) on small networks and functions of
two numbers, as C data.

    python lbfgs.py > tests/core/train/lbfgs.inc

Float64, from our own initial weights (biases zero), all rows in one batch; l2 / 2 times the sum of
squared weights, no biases, is added to the mean loss. One call of step() is one iteration here.
The trajectory has PyTorch's tolerance_change of 1e-9, which is the smallest bracket of its line
search (ours too) and the smallest slope that it follows (none is too small for ours): it ends there
at the latest. tolerance_grad is 0. The minimum is where it stands still with a tolerance of 1e-16,
and where Newton's method leads from there: of an objective that is known to its last digit the parts
are known to half as many.
"""

import platform
import random
import warnings

import numpy

warnings.filterwarnings("ignore")

import torch

from streams import initial_weights

ROWS, INPUTS, SEED, REPEAT, FOLD = 16, 3, 11, 2, 4
ITERATIONS, LONG, WEIGHTS = 30, 1000, 67
torch.set_default_dtype(torch.float64)
draw = random.Random(10)

CASES = [  # name, activation, hidden, classes (0: regression), targets, l2
    ("a classifier, tanh", "tanh", (5,), 3, 0, 0.01),
    ("a classifier, sigmoid", "sigmoid", (6, 4), 3, 0, 0.003),
    ("two classes, softplus", "softplus", (4,), 2, 0, 0.01),
    ("a regression, tanh", "tanh", (4,), 0, 1, 0.003),
    ("a regression, silu", "silu", (3,), 0, 2, 0.03),
    ("a regression, sigmoid", "sigmoid", (5, 4), 0, 1, 0.0001),
    ("a linear model", "tanh", (), 0, 2, 0.001),
    ("a logistic model", "tanh", (), 3, 0, 0.001),
    ("two classes, linear, no penalty", "tanh", (), 2, 0, 0),
    ("two classes, one tanh, no penalty", "tanh", (1,), 2, 0, 0),
]
FUNCTIONS = {  # of two numbers, that ask more of a line search; start
    "valley": (lambda x, y: (1 - x) ** 2 + 100 * (y - x * x) ** 2, (-1.2, 1.0)),
    "wall": (lambda x, y: torch.exp(8 * x + 3 * y) + torch.exp(-x) + (x - 2 * y) ** 2,
             (-3.0, 2.0)),
    "far": (lambda x, y: 1 + torch.log(1 + x * x / 100) + torch.log(1 + (y - x) ** 2),
            (60.0, -40.0)),
    "waves": (lambda x, y: torch.sin(3 * x) + torch.cos(2 * y) + (x * x + y * y) / 20,
              (6.0, -5.0)),
}
FLAT = "a regression, sigmoid"  # so slow along its valley that no minimum is looked for
HE = ("softplus", "silu")  # `auto` draws he_normal for them, glorot_uniform else


def number(scale):
    """Exact in float32."""
    return round(draw.gauss(0, scale) * 256) / 256


X = [[number(1) for _ in range(INPUTS)] for _ in range(ROWS)]
Y = [[round((a * b + c) * 256) / 256 + number(0.2), round((a - b * c) * 256) / 256 + number(0.2)]
     for a, b, c in X]
CLASSES = [0 if y[0] > 0.5 else 1 if y[1] > 0 else 2 for y in Y]


def start(activation, widths):
    weights, biases = [], []
    for i, (n, m) in enumerate(zip((INPUTS,) + widths, widths)):
        last = i + 1 == len(widths)
        name = "he_normal" if activation in HE and not last else "glorot_uniform"
        drawn = initial_weights(name, i + 1, n, m, SEED, REPEAT, FOLD)
        weights.append(torch.tensor(drawn.astype(numpy.float64)).requires_grad_())
        biases.append(torch.zeros(m, requires_grad=True))
    return weights, biases


def outputs(activation, weights, biases):
    f = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "softplus": torch.nn.functional.softplus,
         "silu": torch.nn.functional.silu}[activation]
    values = torch.tensor(X)
    for i, (w, b) in enumerate(zip(weights, biases)):
        values = values @ w + b if i == 0 else f(values) @ w + b
    return values


def data_loss(z, classes, targets):
    if not classes:
        return ((z - torch.tensor(Y)[:, :targets]) ** 2).mean()
    if classes == 2:
        truth = torch.tensor([float(c > 0) for c in CLASSES])
        return torch.nn.functional.binary_cross_entropy_with_logits(z[:, 0], truth)
    return torch.nn.functional.cross_entropy(z, torch.tensor(CLASSES))


def descend(parameters, objective, iterations, tolerance):
    """The objective and the length of the step of each iteration."""
    optimizer = torch.optim.LBFGS(parameters, lr=1, max_iter=1, max_eval=26, history_size=10,
                                  tolerance_grad=0, tolerance_change=tolerance,
                                  line_search_fn="strong_wolfe")
    evaluations, losses, steps = 0, [], []

    def closure():
        nonlocal evaluations
        evaluations += 1
        optimizer.zero_grad()
        loss = objective()
        loss.backward()
        return loss

    while len(losses) < iterations:
        evaluations = 0
        optimizer.step(closure)
        if evaluations == 1 or len(losses) > 20 and losses[-21] < losses[-1] * (1 + 1e-12):
            break  # it has looked at its start alone, or is at the end of double's digits
        losses.append(objective().item())
        steps.append(float(optimizer.state[parameters[0]]["t"]))
    return losses, steps


def polish(parameters, objective, steps=6):
    """Newton's method, from close by; directions that change nothing are left alone."""
    for _ in range(steps):
        slopes = torch.cat([g.flatten() for g in torch.autograd.grad(
            objective(), parameters, create_graph=True)])
        rows = [torch.cat([g.flatten() for g in torch.autograd.grad(
            s, parameters, retain_graph=True, allow_unused=True, materialize_grads=True)])
            for s in slopes]
        step = torch.linalg.pinv(torch.stack(rows), rtol=1e-10, hermitian=True) @ slopes.detach()
        with torch.no_grad():
            for p, part in zip(parameters, step.split([p.numel() for p in parameters])):
                p -= part.reshape(p.shape)
    assert slopes.abs().max() < 1e-10


def minimize(activation, hidden, classes, targets, l2, iterations, tolerance,
             polished=False):
    """descend's answer for a network; start, end, the objective and the data's loss there."""
    weights, biases = start(activation, hidden + (targets or (classes if classes > 2 else 1),))
    parameters = [p for pair in zip(weights, biases) for p in pair]
    flat = lambda: [v for p in parameters for v in p.detach().flatten().tolist()]
    data = lambda: data_loss(outputs(activation, weights, biases), classes, targets)
    before = flat()
    objective = lambda: data() + l2 / 2 * sum((w ** 2).sum() for w in weights)
    losses, steps = descend(parameters, objective, iterations, tolerance)
    if polished:
        polish(parameters, objective)
    return losses, steps, before, flat(), objective().item(), data().item()


def print_function(name):
    f, start_at = FUNCTIONS[name]
    parameters = [torch.tensor(v, requires_grad=True) for v in start_at]
    losses, steps = descend(parameters, lambda: f(*parameters), ITERATIONS, 1e-9)
    print(f"    {{{name}, {{{start_at[0]}, {start_at[1]}}}, {len(losses)},\n"
          f"     {{{rows_of(losses)}}},\n     {{{rows_of(steps)}}}}},")


def rows_of(numbers, per_line=5, digits=15):
    lines = [numbers[i:i + per_line] for i in range(0, len(numbers), per_line)]
    return ",\n     ".join(", ".join(f"{n:.{digits}g}" for n in line) for line in lines)


def print_case(name, activation, hidden, classes, targets, l2):
    case = activation, hidden, classes, targets, l2
    losses, steps, before, after, *_ = minimize(*case, ITERATIONS, 1e-9)
    minimum = data = 0
    if name != FLAT:
        longer, *_, minimum, data = minimize(*case, LONG, 1e-16, polished=True)
        assert abs(longer[-1] - minimum) < 1e-6 * minimum, name
    print(f'    {{"{name}",\n     TASK_{"CLASSIFICATION" if classes else "REGRESSION"}, '
          f"{classes or targets},\n"
          f"     {{.n_hidden = {len(hidden)}, .width = {{{', '.join(map(str, hidden or (0,)))}}}, "
          f".l2 = {l2}}},\n"
          f"     ACTIVATION_{activation.upper()}, {len(before)},\n     {{{rows_of(before)}}},\n"
          f"     {len(losses)},\n     {{{rows_of(losses)}}},\n     {{{rows_of(steps)}}},\n"
          f"     {{{rows_of(after)}}},\n     {minimum:.15g}, {data:.15g}}},")


def main():
    torch.set_num_threads(1)
    print(f"/* Made by tests/reference/lbfgs.py: Python {platform.python_version()}, "
          f"torch {torch.__version__}. */")
    print(f"enum {{ L_ROWS = {ROWS}, L_INPUTS = {INPUTS}, L_TARGETS = 2, L_SEED = {SEED}, "
          f"L_REPEAT = {REPEAT}, L_FOLD = {FOLD},\n"
          f"       L_ITERATIONS = {ITERATIONS}, L_WEIGHTS = {WEIGHTS} }};\n")
    print("static const double l_x[L_ROWS * L_INPUTS] =\n    {"
          + rows_of([v for row in X for v in row], 8) + "};")
    print("static const double l_y[L_ROWS * L_TARGETS] =\n    {"
          + rows_of([v for row in Y for v in row], 8) + "};")
    print("static const int32_t l_classes[L_ROWS] =\n    {" + rows_of(CLASSES, 20) + "};\n")
    print("/* minimum: of the objective, far later, and the data's loss there; 0: not looked for. */")
    print("static const struct {\n    const char *name;\n    enum task task;\n    size_t n_outputs;\n"
          "    struct spec spec; /* what differs */\n    enum activation activation;\n"
          "    size_t n_weights;\n    double start[L_WEIGHTS];\n    size_t iterations;\n"
          "    double objective[L_ITERATIONS], step[L_ITERATIONS]; /* of each iteration */\n"
          "    double end[L_WEIGHTS];                              /* weights after the last */\n"
          "    double minimum, minimum_loss;\n} l_trajectories[] = {")
    for case in CASES:
        print_case(*case)
    print("};\n")
    print("static const struct {\n    double (*f)(const double *x, double *g);\n"
          "    double start[2];\n    size_t iterations;\n"
          "    double value[L_ITERATIONS], step[L_ITERATIONS];\n} l_functions[] = {")
    for name in FUNCTIONS:
        print_function(name)
    print("};")


main()
