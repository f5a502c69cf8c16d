/*
 * `epochs` in a grid costs one run to the largest: trials that differ in nothing else share it, and
 * their numbers are those of runs of their own, in databases of their own.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);
const SPACES = {
    "a constant rate": { epochs: [5, 40, 12], width: [8, 16], dropout: 0.2 },
    "early stopping": { early_stopping: [3, false], width: 32, learning_rate: 0.05, epochs: [6, 15, 60] },
    "a rate that steps down, or waits for a plateau":
        { schedule: ["step", "plateau", "exponential", "inverse_time"], step_epochs: 4,
          plateau_patience: 1, epochs: { min: 4, max: 16, step: 4 } },
    "batch normalization and momentum":
        { batch_norm: true, optimizer: "sgd", momentum: 0.9, epochs: [3, 20] },
    "lbfgs": { optimizer: "lbfgs", width: 8, epochs: [2, 7, 25] },
};

async function ask(db, sql) {
    const { stdout } = await run("sqlite3", ["-readonly", "-json", db, sql], { maxBuffer: 1 << 26 });
    return stdout ? JSON.parse(stdout) : [];
}

/* What came of every trial, by its params: its line of trials.csv without trial, rank and seconds,
 * its warnings, and its folds. */
async function results(daemon, id) {
    const { text } = await api(daemon.url, `/experiments/${id}/trials.csv`);
    const { items } = (await api(daemon.url, `/experiments/${id}/trials?limit=1000`)).json;
    const lines = new Map(text.trimEnd().split("\r\n").map((l) => [l.split(",", 1)[0], l]));
    const out = {};

    for (const t of items)
        out[JSON.stringify(t.params)] = {
            line: lines.get(String(t.trial)).split(",").slice(2, -1).join(),
            warnings: t.warnings, error: t.error,
            folds: await ask(daemon.db, `SELECT repeat, fold, state, epochs, epochs_run, weights_hash,
                error, warnings, train_loss, validation_loss, validation_score, learning_rate,
                layer_statistics FROM fold WHERE experiment_id = ${id} AND trial = ${t.trial} ORDER BY 1, 2`),
            metrics: await ask(daemon.db, `SELECT repeat, fold, metric, train, validation FROM fold_metric
                WHERE experiment_id = ${id} AND trial = ${t.trial} ORDER BY 1, 2, position`) };
    return out;
}

async function search(dataset, space, extra = {}) {
    const daemon = await startDaemon();
    await upload(daemon.url, dataset);
    const made = await submit(daemon.url, { dataset, sampler: "grid", space, ...extra });
    assert.equal((await finished(daemon.url, made.id, 60)).state, "completed");
    const items = (await api(daemon.url, `/experiments/${made.id}/trials?limit=1000`)).json.items;
    const found = await results(daemon, made.id);
    await daemon.stop();
    return { found, items };
}

const values = (epochs) => Array.isArray(epochs) ? epochs
    : Array.from({ length: (epochs.max - epochs.min) / epochs.step + 1 }, (_, i) => epochs.min + i * epochs.step);

/* The same grid one value of epochs at a time; reads the epochs as written. */
async function apart(dataset, space, extra) {
    let all = {};
    for (const epochs of values(space.epochs))
        all = { ...all, ...(await search(dataset, { ...space, epochs }, extra)).found };
    return all;
}

function checkSharing(items) {
    const longest = Math.max(...items.map((t) => t.params.epochs));
    for (const t of items) {
        const alike = (o) => JSON.stringify({ ...o.params, epochs: 0 });
        const leader = items.find((o) => o.params.epochs === longest && alike(o) === alike(t));
        if (t === leader)
            assert.equal(t.reused_from, null);
        else
            assert.deepEqual([t.reused_from?.trial, t.seconds], [leader.trial, 0]);
    }
}

for (const [what, space] of Object.entries(SPACES))
    test(`${what}: each value of epochs has the numbers of its own run`, async () => {
        const { found, items } = await search("iris", space);
        assert.deepEqual(found, await apart("iris", space));
        checkSharing(items);
    });

test("where a loss diverges, the epochs before it are scored and those after it fail", async () => {
    const space = { hidden: [[]], optimizer: "sgd", learning_rate: 1, batch_size: "full",
                    epochs: [5, 10, 20, 40, 100] };
    const { found, items } = await search("diabetes", space);
    assert.deepEqual(found, await apart("diabetes", space));
    assert.ok(new Set(items.map((t) => t.state)).size === 2, items.map((t) => t.state).join());
});

test("a schedule that knows its horizon has a run for each value", async () => {
    const { items } = await search("iris", { schedule: ["cosine", "constant"], epochs: [3, 9] });
    assert.deepEqual(items.map((t) => [t.params.schedule, t.params.epochs, t.reused_from?.trial])
        .sort((a, b) => a[0].localeCompare(b[0]) || a[1] - b[1]),
        [["constant", 3, items.find((t) => t.params.schedule === "constant" && t.params.epochs === 9).trial],
         ["constant", 9, undefined], ["cosine", 3, undefined], ["cosine", 9, undefined]]);
});

test("one run takes the time of the largest", async () => {
    const { items } = await search("digits", { width: 64, epochs: [10, 20, 30, 40] });
    const longest = items.find((t) => t.params.epochs === 40);
    assert.ok(items.every((t) => t === longest || t.seconds === 0));
});

test("any order of keys, shuffled or with repeats, costs one run", async () => {
    const space = { epochs: [2, 6, 4], width: { min: 2, max: 30, step: 1 }, layers: 1 };
    for (const extra of [{}, { sampler: { kind: "grid", shuffle: true } },
                         { cross_validation: { folds: 2, repeats: 2 } }])
        checkSharing((await search("iris", space, { cross_validation: { folds: 2 }, ...extra })).items);
});

test("kill -9 in the middle gives the same, and cancelling ends it", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "sweepd-epochs-"));
    const db = path.join(folder, "killed.db");
    const space = { epochs: [20, 150, 50], width: [8, 16, 32, 64] };
    const { found } = await search("iris", space);
    let daemon = await startDaemon({ db });
    await upload(daemon.url, "iris");
    const made = await submit(daemon.url, { dataset: "iris", sampler: "grid", space });
    for (const share of [0.1, 0.3, 0.6]) {
        for (let done = 0; done < share * made.progress.folds;)
            done = (await api(daemon.url, `/experiments/${made.id}`)).json.progress.folds_done;
        await daemon.kill9();
        daemon = await startDaemon({ db });
    }
    assert.equal((await finished(daemon.url, made.id, 60)).state, "completed");
    assert.deepEqual(await results(daemon, made.id), found);

    const other = await submit(daemon.url, { dataset: "iris", sampler: "grid", seed: 3,
                                             space: { ...space, epochs: [20, 50, 9000] } });
    for (let done = 0; done < 2;)
        done = (await api(daemon.url, `/experiments/${other.id}`)).json.progress.folds_done;
    await api(daemon.url, `/experiments/${other.id}/cancel`, { method: "POST" });
    assert.equal((await finished(daemon.url, other.id, 20)).state, "cancelled");
    await daemon.stop();
    await rm(folder, { recursive: true, force: true });
});
