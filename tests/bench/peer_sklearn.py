"""scikit-learn's MLPClassifier and MLPRegressor, two processes by joblib."""

import time
import warnings

import numpy as np
from joblib import Parallel, delayed

WORKERS = 2
FOREVER = 1e6  # seconds; workers that are idle live on


def train(job: dict, seed: int) -> float:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    model = (MLPRegressor if job["task"] == "regression" else MLPClassifier)(
        hidden_layer_sizes=job["hidden"],
        activation=job["activation"],
        solver="adam",
        alpha=job["alpha"],
        batch_size=job["batch_size"],
        learning_rate_init=job["learning_rate"],
        max_iter=job["epochs"],
        n_iter_no_change=job["epochs"] + 1,  # every epoch is run
        random_state=seed,
    )
    x, y, x_valid, y_valid = (
        np.load(f"{job['fold']}-{part}.npy", mmap_mode="r")
        for part in ("train-x", "train-y", "valid-x", "valid-y")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        model.fit(x, y)
    return float(model.score(x_valid, y_valid))


def run(jobs: list[dict], seed: int) -> list[float]:
    pool = Parallel(n_jobs=WORKERS, backend="loky", idle_worker_timeout=FOREVER)
    return pool(delayed(train)(job, seed) for job in jobs)


def start() -> None:
    import sklearn.neural_network  # noqa: F401

    time.sleep(0.2)  # so that the other worker takes the next one


def warm_up() -> None:
    """Two workers exist and have imported all there is."""
    pool = Parallel(n_jobs=WORKERS, backend="loky", idle_worker_timeout=FOREVER)
    pool(delayed(start)() for _ in range(2 * WORKERS))
