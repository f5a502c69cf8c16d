/*
 * The workloads of workloads.json: as definitions for the daemon, as trials for the bare engine,
 * and how much work they are.
 */

import { readFileSync } from "node:fs";

export const WORKLOADS = JSON.parse(readFileSync(new URL("workloads.json", import.meta.url)));

/* scikit-learn divides its penalty by the batch's rows, and its squared error has a half. */
function l2(w) {
    return w.alpha / w.batch_size * (w.task === "regression" ? 2 : 1);
}

export function definition(w) {
    return {
        dataset: w.name, metric: w.metric, sampler: "grid", cross_validation: w.cross_validation,
        space: { hidden: w.hidden, learning_rate: w.learning_rate, activation: w.activation,
                 batch_size: w.batch_size, epochs: w.epochs, l2: l2(w) },
    };
}

/** The same trials, a line each, for tests/bench/engine.c. */
export function trialLines(w) {
    const fixed = `batch_size=${w.batch_size} epochs=${w.epochs} l2=${l2(w)}`;
    return w.hidden.flatMap((hidden) => w.learning_rate.flatMap((rate) => w.activation.map(
        (activation) => `hidden=${hidden} learning_rate=${rate} activation=${activation} ${fixed}\n`)))
        .join("");
}

export const nFolds = (w) => w.cross_validation.folds ?? 1;

/* Rows of all training parts together, and of all validation parts. */
function partRows(w, rows) {
    const { folds, test_fraction } = w.cross_validation;
    return folds ? [rows * (folds - 1), rows] : [rows * (1 - test_fraction), rows * test_fraction];
}

/**
 * Useful work in GFLOP: 2 operations for each weight and row in forward, dW and dX (the first
 * layer has no dX), and the forward pass over the validation rows, which the daemon does after
 * every epoch. once: as if it were done at the end only.
 */
export function usefulWork(w, rows, { once = false } = {}) {
    const [train, validation] = partRows(w, rows);
    let sum = 0;
    for (const hidden of w.hidden) {
        const widths = [w.inputs, ...hidden, w.outputs];
        const weights = widths.slice(1).reduce((n, width, i) => n + width * widths[i], 0);
        sum += w.epochs * train * (6 * weights - 2 * w.inputs * widths[1]) +
               (once ? 1 : w.epochs) * validation * 2 * weights;
    }
    return 1e-9 * sum * w.learning_rate.length * w.activation.length;
}

/** MiB of the table (doubles) and of its prepared folds (float32, rows padded to 16). */
export function dataMiB(w, rows) {
    const table = 8 * rows * (w.inputs + 1), row = 4 * Math.ceil(w.inputs / 16) * 16;
    return (table + nFolds(w) * rows * row) / 2 ** 20;
}
