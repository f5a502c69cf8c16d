/* Trials as columns: all of them, and later what has changed. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

const SEARCH = { dataset: "iris", sampler: "random", seed: 5, budget: { trials: 20 },
                 space: { layers: [1, 2], width: { choices: [4, 8], per_layer: true },
                          activation: ["relu", "tanh"], early_stopping: [false, 2],
                          learning_rate: { min: 1e-3, max: 1e-1, scale: "log" }, epochs: 3 },
                 cross_validation: { kind: "kfold", folds: 2 } };
const STUDY = { objective: { name: "loss", direction: "minimize" }, budget: { trials: 10 },
                space: { score: { min: 0, max: 1 }, kind: ["plain", "fancy"] } };

let folder;
let daemon;

before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "sweepd-columns-"));
    daemon = await startDaemon({ db: path.join(folder, "sweepd.db") });
    await upload(daemon.url, "iris");
});
after(async () => {
    await daemon.stop();
    await rm(folder, { recursive: true });
});

const post = (route, json) => api(daemon.url, route, { json });

async function columns(id, since) {
    const answer = await api(daemon.url,
        `/experiments/${id}/columns${since === undefined ? "" : `?since=${since}`}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
}

/* The trials of an answer, as rows: {trial, state, …, params}. */
function rows({ columns: { params, ...own } }) {
    return own.trial.map((_, i) => ({
        ...Object.fromEntries(Object.entries(own).map(([name, values]) => [name, values[i]])),
        params: Object.fromEntries(Object.entries(params).map(([name, values]) => [name, values[i]])),
    }));
}

const numbers = (answer) => answer.columns.trial;

test("columns hold the numbers of the trials, and null where there is none", async () => {
    const { id } = await submit(daemon.url, SEARCH);
    await finished(daemon.url, id);
    const answer = await columns(id);
    const { items } = (await api(daemon.url, `/experiments/${id}/trials`)).json;

    assert.deepEqual([answer.experiment, answer.metric, answer.direction, answer.since, answer.more],
                     [id, "accuracy", "maximize", 0, false]);
    assert.deepEqual(numbers(answer), items.map((trial) => trial.trial));
    for (const [i, row] of rows(answer).entries()) {
        const { params, train_mean: train, ...own } = row;
        for (const [name, value] of Object.entries(own))
            assert.equal(value, items[i][name], `${name} of trial ${row.trial}`);
        assert.equal(train, items[i].scores.accuracy.train_mean);
        for (const [name, value] of Object.entries(params))
            assert.deepEqual(value, items[i].params[name] ?? null, `${name} of trial ${row.trial}`);
        assert.deepEqual(Object.keys(items[i].params).filter((name) => !(name in params)), []);
    }
    assert.ok(answer.columns.params.width_2.includes(null), "a network of one layer has no second");
});

test("since brings the trials that ended after it, and those that are under way", async () => {
    const { id } = await submit(daemon.url, STUDY);
    const none = await columns(id);
    assert.deepEqual(numbers(none), []);

    await post(`/experiments/${id}/ask`, { count: 3 });
    const asked = await columns(id, none.change);
    assert.deepEqual(asked.columns.state, ["running", "running", "running"]);
    assert.deepEqual(asked.columns.score, [null, null, null]);
    assert.equal(asked.columns.params.score.length, 3, "a hyperparameter may be called score");

    await post(`/experiments/${id}/trials/2/tell`, { score: 0.1 + 0.2 });
    const one = await columns(id, asked.change);
    assert.deepEqual(one.columns.state, ["running", "completed", "running"]);
    assert.deepEqual(one.columns.score, [null, 0.1 + 0.2, null]);
    assert.ok(one.change > asked.change);
    assert.deepEqual(numbers(await columns(id, one.change)), [1, 3]);

    await post(`/experiments/${id}/trials/3/tell`, { error: "out of memory" });
    await post(`/experiments/${id}/trials/1/tell`, { score: 5 });
    const rest = await columns(id, one.change);
    assert.deepEqual(rows(rest).map((t) => [t.trial, t.state, t.reason, t.score]),
                     [[1, "completed", null, 5], [3, "failed", "error", null]]);
    assert.deepEqual(numbers(await columns(id, rest.change)), []);
    assert.deepEqual(numbers(await columns(id, 0)), [1, 2, 3]);
});

test("following a search by since comes to what it is in the end", async () => {
    const { id } = await submit(daemon.url, { ...SEARCH, budget: { trials: 200 } });
    const followed = new Map();
    let since = 0;
    let answers = 0;
    let isOver;
    do {
        isOver = (await api(daemon.url, `/experiments/${id}`)).json.state === "completed";
        const answer = await columns(id, since);
        for (const row of rows(answer))
            followed.set(row.trial, row);
        since = answer.change;
        answers++;
    } while (!isOver);
    const whole = rows(await columns(id));
    /* An answer has the hyperparameters of its own trials: absent is null. */
    const names = Object.keys(whole[0].params);
    const filled = (row) => ({ ...row, params: Object.fromEntries(names.map((name) =>
        [name, row.params[name] ?? null])) });
    assert.deepEqual([...followed.values()].sort((a, b) => a.trial - b.trial).map(filled), whole.map(filled));
    assert.ok(answers > 1);
});

test("a change is known after a restart, and one that was never given starts anew", async () => {
    const { id } = await submit(daemon.url, STUDY);
    await post(`/experiments/${id}/ask`, { count: 2 });
    await post(`/experiments/${id}/trials/1/tell`, { score: 1 });
    const before = await columns(id);
    await daemon.kill9();
    daemon = await startDaemon({ db: path.join(folder, "sweepd.db") });
    assert.deepEqual(rows(await columns(id)), rows(before));
    await post(`/experiments/${id}/trials/2/tell`, { score: 2 });
    const changed = await columns(id, before.change);
    assert.deepEqual(numbers(changed), [2]);

    const foreign = await columns(id, 2 ** 52);
    assert.equal(foreign.since, 0);
    assert.deepEqual(numbers(foreign), [1, 2]);
    for (const query of ["since=-1", "since=now", "sinc=1"])
        assert.equal((await api(daemon.url, `/experiments/${id}/columns?${query}`)).status, 422, query);
});
