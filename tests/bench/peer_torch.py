"""PyTorch three ways, each in two processes with one thread: a network at a time, the same
compiled, and networks of one shape stacked. Adam is the fused one in all of them; the L2 penalty
spares biases and is alpha / batch size, as scikit-learn applies it."""

import math
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import groupby

import numpy as np
import torch
from torch.nn import functional

WORKERS = 2
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}

torch.set_num_threads(1)
torch.set_flush_denormal(True)
torch._dynamo.config.recompile_limit = 1000  # one for each architecture
torch._dynamo.config.accumulated_recompile_limit = 10000


def load(fold: str, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = (torch.from_numpy(np.load(f"{fold}-{part}-{name}.npy", mmap_mode="c")) for name in "xy")
    return x, y


def losses(job: dict, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Of each row; z: (rows, outputs)."""
    if job["task"] == "regression":
        return (z.squeeze(1) - y).square()
    if job["outputs"] == 1:
        return functional.binary_cross_entropy_with_logits(z.squeeze(1), y.to(z.dtype),
                                                           reduction="none")
    return functional.cross_entropy(z, y, reduction="none")


def score(job: dict, z: torch.Tensor, y: torch.Tensor) -> float:
    if job["task"] == "regression":
        return float(1 - (z.squeeze(1) - y).square().sum() / (y - y.mean()).square().sum())
    best = z.squeeze(1) > 0 if job["outputs"] == 1 else z.argmax(1)
    return float((best == y).double().mean())


def l2(job: dict) -> float:
    """scikit-learn's squared error has a half that this one has not."""
    return job["alpha"] / job["batch_size"] * (2 if job["task"] == "regression" else 1)


def sizes(job: dict, inputs: int) -> list[tuple[int, int]]:
    widths = [inputs, *job["hidden"], job["outputs"]]
    return list(zip(widths[:-1], widths[1:]))


def draw(inputs: int, outputs: int, models: int) -> torch.Tensor:
    """Glorot's uniform weights, as scikit-learn's."""
    limit = math.sqrt(6 / (inputs + outputs))
    return (2 * torch.rand(models, inputs, outputs) - 1) * limit


# ---- a network at a time -------------------------------------------------------------------------


def forward(activation: str, weights: list, biases: list, x: torch.Tensor) -> torch.Tensor:
    for i, (weight, bias) in enumerate(zip(weights, biases)):
        x = torch.addmm(bias, x, weight)
        if i + 1 < len(weights):
            x = ACTIVATIONS[activation](x)
    return x


def mean_loss(job: dict, weights: list, biases: list, x: torch.Tensor,
              y: torch.Tensor) -> torch.Tensor:
    return losses(job, forward(job["activation"], weights, biases, x), y).mean()


@cache
def compiled_loss(task: str, outputs: int, activation: str):
    """Compiled once for each shape of weights and batch; trials share it."""
    job = {"task": task, "outputs": outputs, "activation": activation}
    return torch.compile(lambda *tensors: mean_loss(job, *tensors), dynamic=False)


def train(job: dict, seed: int, compiled: bool) -> float:
    torch.manual_seed(seed)
    x, y = load(job["fold"], "train")
    shapes = sizes(job, x.shape[1])
    weights = [draw(i, o, 1)[0].requires_grad_() for i, o in shapes]
    biases = [torch.zeros(o, requires_grad=True) for _, o in shapes]
    adam = torch.optim.Adam([{"params": weights, "weight_decay": l2(job)}, {"params": biases}],
                            lr=job["learning_rate"], fused=True)
    fast = compiled_loss(job["task"], job["outputs"], job["activation"]) if compiled else None
    for _ in range(job["epochs"]):
        order = torch.randperm(len(x))
        batches = zip(x[order].split(job["batch_size"]), y[order].split(job["batch_size"]))
        for x_batch, y_batch in batches:
            batch = weights, biases, x_batch, y_batch
            whole = len(x_batch) == job["batch_size"]  # another size would compile all again
            loss = fast(*batch) if fast and whole else mean_loss(job, *batch)
            loss.backward()
            adam.step()
            adam.zero_grad()
    with torch.no_grad():
        x, y = load(job["fold"], "valid")
        return score(job, forward(job["activation"], weights, biases, x), y)


def train_eager(job: dict, seed: int) -> float:
    return train(job, seed, compiled=False)


def train_compiled(job: dict, seed: int) -> float:
    return train(job, seed, compiled=True)


# ---- networks of one shape, stacked --------------------------------------------------------------


class Stack:
    """Models of one shape, sorted by learning rate: trials and folds. Folds may differ by a row or
    so: what is missing weighs nothing."""

    def __init__(self, jobs: list[dict]):
        self.jobs, first = jobs, jobs[0]
        folds = sorted({job["fold"] for job in jobs})
        parts = [load(fold, "train") for fold in folds]
        self.fold = torch.tensor([[folds.index(job["fold"])] for job in jobs])
        self.counts = [len(parts[f][0]) for f in self.fold[:, 0]]
        most, batch = max(self.counts), first["batch_size"]
        self.x = torch.zeros(len(folds), most, parts[0][0].shape[1])
        self.y = torch.zeros(len(folds), most, dtype=parts[0][1].dtype)
        for f, (x, y) in enumerate(parts):
            self.x[f, : len(x)], self.y[f, : len(y)] = x, y
        self.share = torch.zeros(len(jobs), most)  # of a row in its batch's mean
        for m, count in enumerate(self.counts):
            for at in range(0, count, batch):
                rows = min(batch, count - at)
                self.share[m, at : at + rows] = 1 / rows
        shapes = sizes(first, self.x.shape[2])
        self.weights = [draw(i, o, len(jobs)).requires_grad_() for i, o in shapes]
        self.biases = [torch.zeros(len(jobs), 1, o, requires_grad=True) for _, o in shapes]

    def optimizer(self) -> torch.optim.Optimizer:
        """One group for each learning rate: views of its models' part of each tensor."""
        def parts(tensors: list, at: slice) -> list:
            views = [tensor.detach()[at] for tensor in tensors]
            for view, tensor in zip(views, tensors):
                view.grad = tensor.grad[at]
            return views

        groups, at = [], 0
        for tensor in (*self.weights, *self.biases):
            tensor.grad = torch.zeros_like(tensor)
        for rate, same in groupby(self.jobs, key=lambda job: job["learning_rate"]):
            span = slice(at, at := at + len(list(same)))
            groups += [{"params": parts(self.weights, span), "lr": rate,
                        "weight_decay": l2(self.jobs[0])},
                       {"params": parts(self.biases, span), "lr": rate}]
        return torch.optim.Adam(groups, fused=True)

    def order(self) -> torch.Tensor:
        """(models, rows): each model's own; what is missing comes last."""
        order = torch.zeros_like(self.share, dtype=torch.int64)
        for m, count in enumerate(self.counts):
            order[m, :count] = torch.randperm(count)
        return order

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            x = torch.baddbmm(bias, x, weight)
            if i + 1 < len(self.weights):
                x = ACTIVATIONS[self.jobs[0]["activation"]](x)
        return x

    def train(self) -> None:
        adam, batch = self.optimizer(), self.jobs[0]["batch_size"]
        for _ in range(self.jobs[0]["epochs"]):
            order = self.order()
            for at in range(0, order.shape[1], batch):
                rows = order[:, at : at + batch]
                z = self.forward(self.x[self.fold, rows]).flatten(0, 1)
                each = losses(self.jobs[0], z, self.y[self.fold, rows].flatten())
                (each * self.share[:, at : at + batch].flatten()).sum().backward()
                adam.step()
                for tensor in (*self.weights, *self.biases):
                    tensor.grad.zero_()

    def scores(self) -> list[float]:
        out = []
        for m, job in enumerate(self.jobs):
            x, y = load(job["fold"], "valid")
            z = forward(job["activation"], [w[m] for w in self.weights],
                        [b[m] for b in self.biases], x)
            out.append(score(job, z, y))
        return out


def train_stack(jobs: list[dict], seed: int) -> list[float]:
    torch.manual_seed(seed)
    stack = Stack(jobs)
    stack.train()
    with torch.no_grad():
        return stack.scores()


def stacks(jobs: list[dict]) -> list[list[dict]]:
    """Of one shape and activation; halved until each worker has one."""
    def kind(job: dict) -> tuple:
        return sum(job["hidden"]), job["hidden"], job["activation"]

    ordered = sorted(jobs, key=lambda job: (kind(job), job["learning_rate"]), reverse=True)
    out = [list(same) for _, same in groupby(ordered, key=kind)]
    while len(out) < WORKERS and len(out[0]) > 1:
        half = len(out[0]) // 2
        out[:1] = [out[0][:half], out[0][half:]]
    return out


# ---- two processes -------------------------------------------------------------------------------


@cache
def pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn"))


def run_eager(jobs: list[dict], seed: int) -> list[float]:
    return list(pool().map(train_eager, jobs, [seed] * len(jobs)))


def run_compiled(jobs: list[dict], seed: int) -> list[float]:
    return list(pool().map(train_compiled, jobs, [seed] * len(jobs)))


def run_stacked(jobs: list[dict], seed: int) -> list[float]:
    groups = stacks(jobs)
    parts = pool().map(train_stack, groups, [seed] * len(groups))
    return [score for part in parts for score in part]


def start(jobs: list[dict], compiled: bool) -> int:
    """An epoch of the smallest network; or of each architecture, compiled. What is compiled is
    kept on the disk, too, for the other worker."""
    last = {(str(job["hidden"]), job["activation"]): job for job in jobs}
    for job in last.values() if compiled else jobs[-1:]:
        train({**job, "epochs": 1}, 0, compiled)
    time.sleep(0.2)  # so that the other worker takes the next one
    return os.getpid()


def warm_up(jobs: list[dict], compiled: bool) -> None:
    """Both workers have imported, and compiled, all there is."""
    kinds = [str(job["hidden"]) for job in jobs]
    order = sorted(set(kinds))
    if compiled:  # each its part, before each all of it
        for part in [pool().submit(start, [job for job, kind in zip(jobs, kinds)
                                           if order.index(kind) % WORKERS == i], True)
                     for i in range(WORKERS)]:
            part.result()
    seen: set[int] = set()
    while len(seen) < WORKERS:
        tasks = [pool().submit(start, jobs, compiled) for _ in range(WORKERS)]
        seen |= {task.result() for task in tasks}
