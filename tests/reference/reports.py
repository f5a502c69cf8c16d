"""Makes tests/core/search/reports_cases.inc: what Optuna's pruners answer to reports of trials that
run side by side, in an order drawn by seed.

Curves fall from step to step: then the best value so far is the value, and MedianPruner's rule is
ours. A trial that is to stop ends there; one that comes to its last step completes.
"""

import random

import optuna

N_TRIALS, N_STEPS, SIDE_BY_SIDE = 40, 30, 6
optuna.logging.set_verbosity(optuna.logging.ERROR)


def curve(rng):
    start, end, rate = rng.uniform(1, 2), rng.uniform(0, 1), rng.uniform(0.7, 0.99)
    return [end + (start - end) * rate ** step for step in range(1, N_STEPS + 1)]


def events(pruner, maximize, seed):
    rng = random.Random(seed)
    study = optuna.create_study(direction="maximize" if maximize else "minimize", pruner=pruner)
    sign = -1 if maximize else 1
    running, begun = [], 0
    while begun < N_TRIALS or running:
        while begun < N_TRIALS and len(running) < SIDE_BY_SIDE:
            running.append([study.ask(), curve(rng), 0])
            begun += 1
        one = rng.choice(running)
        one[2] += 1
        trial, losses, step = one
        trial.report(sign * losses[step - 1], step)
        stop = step < N_STEPS and trial.should_prune()
        yield trial.number + 1, step, losses[step - 1], stop
        if stop or step == N_STEPS:
            state = optuna.trial.TrialState.PRUNED if stop else optuna.trial.TrialState.COMPLETE
            study.tell(trial, None if stop else sign * losses[-1], state=state)
            running.remove(one)


def main():
    print(f"/* Optuna {optuna.__version__}, by tests/reference/reports.py: trial, step, loss, "
          "whether it stops. */")
    for name, kind, make in [
            ("median", "median", lambda: optuna.pruners.MedianPruner(n_startup_trials=5)),
            ("halving", "successive_halving",
             lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3))]:
        print(f"static const struct report_case {name}_cases[] = {{")
        for trial, step, loss, stop in events(make(), name == "halving", 7):
            print(f"{{{trial}, {step}, {loss!r}, {int(stop)}}},")
        print("};")


if __name__ == "__main__":
    main()
