/*
 * What the first lecture on neural networks says, as experiments. Each function runs the definition
 * of its name beside this file, throws where the claim does not come out, and returns the figures.
 * `space` changes dimensions of the definition: tests ask for less.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { api, finished, submit } from "../lib/daemon.mjs";

const SECONDS = 3600; /* a busy machine with two cores */

async function get(url, route) {
    const answer = await api(url, route);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
}

/* The trials of a definition that has run to its end, each with its first fold's curves. */
async function run(url, name, space = {}) {
    const definition = JSON.parse(await readFile(new URL(`${name}.json`, import.meta.url)));
    const { id } = await submit(url, { ...definition, space: { ...definition.space, ...space } });
    const done = await finished(url, id, SECONDS);
    assert.equal(done.state, "completed", done.error);

    const trials = [];
    for (let n = 1; n <= done.progress.trials; n++) {
        const trial = await get(url, `/experiments/${id}/trials/${n}`);
        const curves = await get(url, `/experiments/${id}/trials/${n}/curves`);
        trials.push({ ...trial, fold: trial.folds[0], curves: curves.folds[0] });
    }
    return { id, trials };
}

export async function upload(url, name, body, query = "") {
    const answer = await api(url, `/datasets?name=${name}${query}`, { method: "POST", body });
    assert.ok(answer.status === 200 || answer.status === 201, answer.text);
    return answer.json;
}

/* ---- one layer or two ---------------------------------------------------------------------- */

/* The sealed rows' scores: unsealing trains once more, on all other rows. */
async function unseal(url, id) {
    const answer = await api(url, `/experiments/${id}/unseal`, { method: "POST" });
    assert.equal(answer.status, 202, answer.text);
    for (const end = performance.now() + 1000 * SECONDS; performance.now() < end;) {
        const { unsealed } = await get(url, `/experiments/${id}`);
        if (unsealed.state === "completed")
            return unsealed.scores.accuracy.test;
        assert.notEqual(unsealed.state, "failed", unsealed.error);
        await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`experiment ${id} is not unsealed after ${SECONDS} s`);
}

/** MNIST, uploaded as `mnist`: 150 + 150 is above 98 % on the test images, in the time of 300. */
export async function mnist(url) {
    const rows = [];
    for (const name of ["mnist-300", "mnist-150-150"]) {
        const { id, trials: [trial] } = await run(url, name);
        rows.push({ hidden: trial.hidden, weights: trial.weight_count, seconds: trial.seconds,
                    validation: trial.score, test: await unseal(url, id) });
    }
    const [one, two] = rows;
    assert.ok(two.test > 0.98, `150 + 150 has ${two.test} on the test images`);
    assert.ok(two.seconds < 1.5 * one.seconds, `${two.seconds} s against ${one.seconds} s`);
    return rows;
}

/* ---- universal approximation --------------------------------------------------------------- */

/**
 * Franke's function, uploaded as `franke`: the error falls with the width until it is below `least`,
 * and stays there.
 */
export async function approximation(url, least, space) {
    const { trials } = await run(url, "franke", space);
    const rows = trials.map((t) => ({ width: t.hidden[0], weights: t.weight_count, seconds: t.seconds,
                                      train: 1 - t.fold.train.r2, validation: 1 - t.fold.validation.r2 }));
    for (const part of ["train", "validation"]) {
        for (let i = 1; i < rows.length; i++)
            assert.ok(rows[i][part] < Math.max(least, rows[i - 1][part]),
                      `${part}: ${rows[i][part]} at width ${rows[i].width}, ` +
                      `${rows[i - 1][part]} before`);
        assert.ok(rows.at(-1)[part] < least, `${part}: ${rows.at(-1)[part]} at the end`);
    }
    return rows;
}

/* ---- deep networks ------------------------------------------------------------------------- */

const LEARNS = [["tanh", "glorot_normal"], ["relu", "he_normal"]];
const CHANCE = 0.1; /* of ten digits */

/**
 * The digits, uploaded as `digits`: eight layers of sigmoid that begin with standard normal weights
 * stay near chance and the warnings say why; tanh and relu with weights of their own learn.
 */
export async function depth(url, space) {
    const { trials } = await run(url, "deep", space);
    const rows = trials.map((t) => ({
        activation: t.params.activation, init: t.params.init, seconds: t.seconds,
        train: t.fold.train?.accuracy, validation: t.fold.validation?.accuracy,
        warnings: t.warnings, error: t.error,
    }));
    const row = (activation, init) =>
        rows.find((r) => r.activation === activation && r.init === init);

    const bad = row("sigmoid", "standard_normal");
    assert.ok(bad.validation < 2 * CHANCE, `sigmoid, standard_normal: ${bad.validation}`);
    assert.match(bad.warnings.join(), /saturated from epoch 1 on/);
    for (const [activation, init] of LEARNS) {
        const good = row(activation, init);
        assert.ok(good.validation > 0.9, `${activation}, ${init}: ${good.validation}`);
        assert.deepEqual(good.warnings, []);
    }
    return rows;
}

/* ---- optimizers ---------------------------------------------------------------------------- */

const LABELS = { sgd: "gradient descent", adagrad: "AdaGrad", rmsprop: "RMSprop", adam: "Adam",
                 lbfgs: "L-BFGS" };

/**
 * The digits, uploaded as `digits`: full-batch training by six optimizers from the same weights.
 * Of each, the learning rate with the lowest loss in the end. What every course shows: all of them
 * are faster than plain gradient descent, and L-BFGS is the fastest.
 */
export async function optimizers(url, space) {
    const { trials } = await run(url, "optimizers", space);
    const best = new Map();
    const starts = new Set();

    for (const { params, curves } of trials) {
        const label = params.momentum ? "momentum 0.9" : LABELS[params.optimizer];
        const row = { label, learning_rate: params.learning_rate, loss: curves.train_loss };
        if (params.optimizer !== "lbfgs") /* whose first loss is the one after a step */
            starts.add(row.loss[0]);
        if (!best.has(label) || row.loss.at(-1) < best.get(label).loss.at(-1))
            best.set(label, row);
    }
    assert.equal(best.size, 6);
    assert.equal(starts.size, 1, "they do not begin with the same weights");
    const rows = [...best.values()];
    const end = (label) => best.get(label).loss.at(-1);
    for (const { label, loss } of rows) {
        assert.ok(label === LABELS.sgd || loss.at(-1) < end(LABELS.sgd), `${label}: ${loss.at(-1)}`);
        assert.ok(label === LABELS.lbfgs || loss.at(-1) > end(LABELS.lbfgs), `${label}: ${loss.at(-1)}`);
    }
    return rows;
}
