#!/usr/bin/env python3
"""Trajectories of PyTorch's optimizers and schedules on one small network, as C data.

    python optimizers.py > tests/core/nn/trajectories.inc

Float64, 20 rows in 5 batches taken in order, 10 epochs: 50 steps. Weights are in the order of
core/nn/mlp.h: by layer, by input with the bias last, by output. Penalties leave biases alone.
"""

import platform
import random
import warnings

warnings.filterwarnings("ignore")  # torch misses numpy, which nothing here needs

import torch
from torch.optim import lr_scheduler

ROWS, BATCH, EPOCHS = 20, 4, 10
STEPS = ROWS // BATCH * EPOCHS
INPUTS, HIDDEN, CLASSES = 3, 4, 3

torch.set_default_dtype(torch.float64)
draw = random.Random(20)


def number(scale):
    """Exact in float32."""
    return round(draw.gauss(0, scale) * 1024) / 1024


X = [[number(1) for _ in range(INPUTS)] for _ in range(ROWS)]
Y = [draw.randrange(CLASSES) for _ in range(ROWS)]
START = [
    [[number(0.5) for _ in range(n)] for _ in range(k + 1)]
    for k, n in ((INPUTS, HIDDEN), (HIDDEN, CLASSES))
]

ADAM = ".beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8"
OPTIMIZERS = {  # name: (members of struct optimizer_state, rate, torch's optimizer)
    "sgd": (".kind = OPTIMIZER_SGD", 0.1, torch.optim.SGD, {}),
    "momentum": (".kind = OPTIMIZER_SGD, .momentum = 0.9", 0.05, torch.optim.SGD,
                 {"momentum": 0.9}),
    "nesterov": (".kind = OPTIMIZER_SGD, .momentum = 0.9, .nesterov = true", 0.05,
                 torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "adagrad": (".kind = OPTIMIZER_ADAGRAD, .epsilon = 1e-10", 0.05, torch.optim.Adagrad, {}),
    "rmsprop": (".kind = OPTIMIZER_RMSPROP, .rho = 0.99, .epsilon = 1e-8", 0.01,
                torch.optim.RMSprop, {}),
    "adadelta": (".kind = OPTIMIZER_ADADELTA, .rho = 0.9, .epsilon = 1e-6", 1.0,
                 torch.optim.Adadelta, {}),
    "adam": (".kind = OPTIMIZER_ADAM, " + ADAM, 0.01, torch.optim.Adam, {}),
    "adamw": (".kind = OPTIMIZER_ADAMW, .weight_decay = 0.01, " + ADAM, 0.01, torch.optim.AdamW,
              {}),
    "nadam": (".kind = OPTIMIZER_NADAM, " + ADAM, 0.01, torch.optim.NAdam, {}),
}
DECAY = {"adamw": 0.01}  # AdamW's own default, for the weights


def by_epoch(make):
    return lambda o, rate: (make(o), EPOCHS)


def by_step(make):
    return lambda o, rate: (make(o, rate), STEPS)


def warmup_cosine(o, rate):
    first = STEPS // 5
    return lr_scheduler.SequentialLR(
        o,
        [lr_scheduler.LinearLR(o, 1 / first, 1, first - 1),
         lr_scheduler.CosineAnnealingLR(o, STEPS - first, 0.1 * rate)],
        [first])


SCHEDULES = {  # in the order of enum schedule: (members of struct schedule_spec, torch's schedule)
    "constant": (".kind = SCHEDULE_CONSTANT",
                 by_epoch(lambda o: lr_scheduler.ConstantLR(o, 1))),
    "step": (".kind = SCHEDULE_STEP, .step_epochs = 3, .decay = 0.5",
             by_epoch(lambda o: lr_scheduler.StepLR(o, 3, 0.5))),
    "exponential": (".kind = SCHEDULE_EXPONENTIAL, .decay = 0.8",
                    by_epoch(lambda o: lr_scheduler.ExponentialLR(o, 0.8))),
    "inverse_time": (".kind = SCHEDULE_INVERSE_TIME, .decay = 0.3",
                     by_epoch(lambda o: lr_scheduler.LambdaLR(o, lambda e: 1 / (1 + 0.3 * e)))),
    "cosine": (".kind = SCHEDULE_COSINE, .final_fraction = 0.1",
               by_step(lambda o, rate: lr_scheduler.CosineAnnealingLR(o, STEPS, 0.1 * rate))),
    "warmup_cosine":
        (".kind = SCHEDULE_WARMUP_COSINE, .warmup_fraction = 0.2, .final_fraction = 0.1",
         by_step(warmup_cosine)),
    "one_cycle": (".kind = SCHEDULE_ONE_CYCLE, .warmup_fraction = 0.3",
                  by_step(lambda o, rate: lr_scheduler.OneCycleLR(
                      o, rate, total_steps=STEPS, pct_start=0.3, cycle_momentum=False))),
}


def flat(weights, biases):
    """Canonical order."""
    out = []
    for w, b in zip(weights, biases):
        out += w.t().flatten().tolist() + b.tolist()
    return out


def train(name, schedule, l1=0.0, l2=0.0, clip=None):
    """Weights after a fifth of all steps and after all, and the rate of each step."""
    _, rate, kind, options = OPTIMIZERS[name]
    layers = [torch.tensor(layer) for layer in START]
    weights = [m[:-1].t().clone().requires_grad_() for m in layers]
    biases = [m[-1].clone().requires_grad_() for m in layers]
    optimizer = kind([{"params": weights, "weight_decay": DECAY.get(name, l2)},
                      {"params": biases, "weight_decay": 0.0}], lr=rate, **options)
    change, changes = SCHEDULES[schedule][1](optimizer, rate)
    x, y, marks, rates = torch.tensor(X), torch.tensor(Y), [], []
    for step in range(STEPS):
        rows = slice(step * BATCH % ROWS, step * BATCH % ROWS + BATCH)
        hidden = torch.tanh(x[rows] @ weights[0].t() + biases[0])
        loss = torch.nn.functional.cross_entropy(hidden @ weights[1].t() + biases[1], y[rows])
        optimizer.zero_grad()
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(weights + biases, clip)
        for w in weights:  # penalties come after the clipping, as torch's own weight_decay does
            w.grad.add_(w.detach().sign(), alpha=l1)
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if changes == STEPS and step + 1 < STEPS or (step + 1) * EPOCHS % STEPS == 0:
            change.step()
        if step + 1 in (STEPS // 5, STEPS):
            marks.append(flat([w.detach() for w in weights], [b.detach() for b in biases]))
    return marks, rates


def rows_of(numbers, per_line=7):
    lines = [numbers[i:i + per_line] for i in range(0, len(numbers), per_line)]
    return ",\n     ".join(", ".join(f"{n:.12g}" for n in line) for line in lines)


def main():
    start = [n for layer in START for row in layer for n in row]
    print(f"/* Made by tests/reference/optimizers.py: Python {platform.python_version()}, "
          f"torch {torch.__version__}. */")
    print(f"enum {{ T_ROWS = {ROWS}, T_BATCH = {BATCH}, T_EPOCHS = {EPOCHS}, T_STEPS = {STEPS},\n"
          f"       T_INPUTS = {INPUTS}, T_HIDDEN = {HIDDEN}, T_CLASSES = {CLASSES},\n"
          f"       T_WEIGHTS = {len(start)}, T_SCHEDULES = {len(SCHEDULES)} }};\n")
    print("static const double t_x[T_ROWS * T_INPUTS] =\n    {"
          + rows_of([n for row in X for n in row]) + "};")
    print("static const int32_t t_classes[T_ROWS] =\n    {" + rows_of(Y, 20) + "};")
    print("static const double t_start[T_WEIGHTS] =\n    {" + rows_of(start) + "};\n")
    print("static const struct schedule_spec t_schedules[T_SCHEDULES] = {")
    for members, _ in SCHEDULES.values():
        print(f"    {{{members}}},")
    print("};\n\n/* Each step's rate, from a base of 0.1. */")
    print("static const double t_rates[T_SCHEDULES][T_STEPS] = {")
    for schedule in SCHEDULES:
        _, rates = train("sgd", schedule)
        print("    {" + ",\n     ".join(", ".join(repr(r) for r in rates[i:i + 4])
                                       for i in range(0, STEPS, 4)) + "},")
    print("};\n")
    print("static const struct {\n    const char *name;\n    struct optimizer_state optimizer;\n"
          "    enum schedule schedule;\n    double rate;\n"
          "    double early[T_WEIGHTS], late[T_WEIGHTS]; /* after a fifth of all steps; after all */\n"
          "} t_trajectories[] = {")
    cases = [(o, s, {}) for o in OPTIMIZERS for s in SCHEDULES]
    for o in ("sgd", "nesterov", "adam", "nadam", "rmsprop"):
        cases += [(o, "constant", {"l2": 0.1}), (o, "constant", {"l1": 0.01}),
                  (o, "constant", {"clip": 0.2}),
                  (o, "cosine", {"l1": 0.01, "l2": 0.1, "clip": 0.3})]
    for o, s, extra in cases:
        (early, late), _ = train(o, s, **extra)
        members = OPTIMIZERS[o][0] + "".join(f", .{k} = {v}" for k, v in extra.items())
        name = ", ".join([o, s] + [f"{k} {v}" for k, v in extra.items()])
        print(f'    {{"{name}",\n     {{{members}}},\n     SCHEDULE_{s.upper()}, '
              f"{OPTIMIZERS[o][1]},\n     {{{rows_of(early)}}},\n     {{{rows_of(late)}}}}},")
    print("};")


main()
