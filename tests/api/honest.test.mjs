/*
 * No leak, shown by experiment: labels that mean nothing cannot be learned, and what stands in a
 * validation row does not reach the training of its fold.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, finished, startDaemon, submit } from "../lib/daemon.mjs";

const run = promisify(execFile);
const SEED = 20240917;
const SCALINGS = ["standard", "none", "minmax", "robust", "quantile"];
let daemon;

before(async () => { daemon = await startDaemon(); });
after(async () => { await daemon.stop(); });

/* Uniform numbers in [0, 1) from a 32-bit seed (mulberry32). */
function uniform(seed) {
    return () => {
        seed = (seed + 0x6d2b79f5) | 0;
        let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
}

function shuffled(list, random) {
    const copy = list.slice();
    for (let i = copy.length - 1; i > 0; i--) {
        const j = Math.floor(random() * (i + 1));
        [copy[i], copy[j]] = [copy[j], copy[i]];
    }
    return copy;
}

async function send(name, header, rows, query = "") {
    const answer = await api(daemon.url, `/datasets?name=${name}${query}`,
        { method: "POST", body: [header, ...rows].map((row) => `${row.join(",")}\n`).join("") });
    assert.equal(answer.status, 201, answer.text);
}

/* ---- labels that mean nothing ---------------------------------------------------------------- */

/* Enough weights and steps to learn a table by heart. */
const EVERY_WAY = { layers: 1, width: 16, learning_rate: 0.02, epochs: 25,
                    early_stopping: [false, 4], scaling: SCALINGS,
                    class_weight: ["none", "balanced"] };

async function iris() {
    const lines = (await readFile(new URL("../data/iris.csv", import.meta.url), "utf8"))
        .trim().split(/\r?\n/).map((line) => line.split(","));
    return { header: lines[0], rows: lines.slice(1) };
}

/* Two classes of unequal size, told apart by a line. */
function twoClasses() {
    const random = uniform(SEED);
    const rows = Array.from({ length: 200 }, () => {
        const [a, b, c] = [random(), random(), random()].map((x) => (4 * x - 2).toFixed(6));
        return [a, b, c, Number(a) + Number(b) > 0 ? "up" : "down"];
    });
    return { header: ["a", "b", "c", "way"], rows };
}

/* The trials of the whole grid, of balanced accuracy: chance is one in the number of classes. */
async function everyWay(dataset) {
    const made = await submit(daemon.url, { dataset, sampler: "grid", metric: "balanced_accuracy",
                                            space: EVERY_WAY });
    const done = await finished(daemon.url, made.id);
    assert.equal(done.state, "completed");
    const { items } = (await api(daemon.url, `/experiments/${made.id}/trials`)).json;
    assert.equal(items.length, 20);
    assert.ok(items.every((t) => t.folds_done === 5));
    return items;
}

for (const [name, make] of [["iris", iris], ["two", twoClasses]])
    test(`shuffled labels score at chance, however one trains: ${name}`, async () => {
        const { header, rows } = await make();
        const labels = shuffled(rows.map((row) => row[row.length - 1]), uniform(SEED));
        const counts = [...new Set(labels)].map((one) => labels.filter((l) => l === one).length);
        const k = counts.length;
        await send(`${name}-true`, header, rows);
        await send(`${name}-shuffled`, header, rows.map((row, i) => [...row.slice(0, -1), labels[i]]));

        /* Of the mean of k recalls, each a share p (1 - p) of its class. */
        const error = Math.sqrt(counts.reduce((sum, n) => sum + (1 / k) * (1 - 1 / k) / n, 0)) / k;
        for (const t of await everyWay(`${name}-shuffled`))
            assert.ok(Math.abs(t.score - 1 / k) < 3.5 * error,
                      `seed ${SEED}: ${JSON.stringify(t.params)} scores ${t.score}`);
        for (const t of await everyWay(`${name}-true`))
            assert.ok(t.score > 1 / k + 3.5 * error,
                      `the true labels can be learned: ${JSON.stringify(t.params)}: ${t.score}`);
    });

/* ---- noise in the validation rows ------------------------------------------------------------ */

const ROWS = 96;
const FOLDS = 4;
const NOISED = 2; /* the fold whose validation rows are replaced */
const HEADER = ["f", "w", "x", "y", "color", "t"];
const ROLES = "&fold=f&weight=w&target=t";

/* A table whose rows know their fold. `target(x, y)` of the features. */
function table(target) {
    const random = uniform(SEED + 1);
    return Array.from({ length: ROWS }, (_, i) => {
        const [x, y] = [6 * random() - 3, random() ** 3];
        return [(i % FOLDS) + 1, (0.5 + random()).toFixed(3), i % 13 === 5 ? "" : x.toFixed(5),
                y.toFixed(5), ["red", "green", "blue"][i % 3], target(x, y, random())];
    });
}

/* Large numbers, other gaps, categories, weights and targets. Which columns a network has is a
 * property of the table, the same for every fold: so gaps come only where the table has some, and
 * no category comes that it did not have. */
function noised(rows, target) {
    const random = uniform(SEED + 2);
    return rows.map((row) => (row[0] !== NOISED ? row
        : [row[0], (9 * random()).toFixed(3),
           random() < 0.3 ? "" : (1e4 * (random() - 0.5)).toFixed(5),
           (100 + 1e3 * random()).toFixed(5), random() < 0.9 ? "red" : "blue", target(random())]));
}

const TASKS = {
    classification: { target: (x, y, r) => (x + y + r > 0.5 ? "up" : "down"),
                      noise: (r) => (r < 0.5 ? "up" : "down") },
    regression: { target: (x, y, r) => (x * y + r).toFixed(5), noise: (r) => (1e5 * r).toFixed(5) },
};

/* By scaling and fold: what training came to. */
async function trained(dataset, more) {
    const made = await submit(daemon.url, {
        dataset, sampler: "grid", cross_validation: "predefined",
        space: { scaling: SCALINGS, layers: 1, width: 8, learning_rate: 0.02, dropout: 0.1,
                 batch_size: 16, epochs: 30, early_stopping: 3, early_stopping_fraction: 0.25,
                 ...more } });
    const done = await finished(daemon.url, made.id);
    assert.equal(done.progress.folds_done, SCALINGS.length * FOLDS);
    const { stdout } = await run("sqlite3", ["-readonly", "-json", daemon.db,
        `SELECT trial, fold, state, epochs, epochs_run, weights_hash, train_loss, learning_rate
         FROM fold WHERE experiment_id = ${made.id} ORDER BY trial, fold`]);
    return JSON.parse(stdout);
}

for (const [task, { target, noise }] of Object.entries(TASKS))
    test(`noise in a fold's validation rows does not touch its training: ${task}`, async () => {
        const rows = table(target);
        await send(`${task}-clean`, HEADER, rows, ROLES);
        await send(`${task}-noised`, HEADER, noised(rows, noise), ROLES);
        for (const more of [{ schedule: "constant" }, { schedule: "plateau", plateau_patience: 1 }]) {
            const [clean, noisy] = [await trained(`${task}-clean`, more),
                                    await trained(`${task}-noised`, more)];
            assert.ok(clean.some((f) => f.epochs_run < 30), "some are stopped early");
            clean.forEach((fold, i) => {
                const what = `${SCALINGS[fold.trial - 1]}, fold ${fold.fold}`;
                assert.match(fold.weights_hash, /^[0-9a-f]{16,}$/, what);
                if (fold.fold === NOISED)
                    assert.deepEqual(noisy[i], fold, what);
                else
                    assert.notEqual(noisy[i].weights_hash, fold.weights_hash,
                                    `${what} trains on the noise`);
            });
        }
    });
