/* Extending a search: its trials are those of a search that had the larger budget from the start. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

let daemon;

before(async () => {
    daemon = await startDaemon();
    await upload(daemon.url, "iris");
});
after(async () => { await daemon.stop(); });

const SPACE = { layers: { min: 1, max: 2 }, width: { min: 2, max: 16, scale: "log" },
                learning_rate: { min: 1e-3, max: 1e-1, scale: "log" }, epochs: 2 };
const SEARCH = { dataset: "iris", sampler: "tpe", concurrency: 4, seed: 5, space: SPACE,
                 cross_validation: { folds: 2 } };

function extend(url, id, trials) {
    return api(url, `/experiments/${id}/extend`, { json: { trials } });
}

/* The trials without their last column, seconds. */
async function trials(url, id) {
    const { text } = await api(url, `/experiments/${id}/trials.csv`);
    return text.split("\r\n").map((line) => line.slice(0, line.lastIndexOf(",")));
}

async function whole(url, definition, n) {
    const made = await submit(url, { ...definition, budget: { trials: n } });
    await finished(url, made.id);
    return trials(url, made.id);
}

for (const sampler of ["tpe", "random", "sobol"])
    test(`a completed search by ${sampler} goes on as if it had had the budget all along`, async () => {
        const definition = { ...SEARCH, sampler };
        const made = await submit(daemon.url, { ...definition, budget: { trials: 13 } });
        const before = await finished(daemon.url, made.id);
        assert.equal(before.stop_reason, "trials");
        const answer = await extend(daemon.url, made.id, 11);
        assert.equal(answer.status, 202, answer.text);
        assert.equal(answer.json.state, "queued"); /* as it was stored */
        assert.equal(answer.json.stop_reason, null);
        assert.equal(answer.json.finished_at, null);
        assert.equal(answer.json.definition.budget.trials, 24);
        assert.equal(answer.json.progress.trials, 24);
        const done = await finished(daemon.url, made.id);
        assert.equal(done.stop_reason, "trials");
        assert.equal(done.progress.trials_done, 24);
        assert.deepEqual(await trials(daemon.url, made.id), await whole(daemon.url, definition, 24));
    });

test("racing: an extended search tries the same, and none of its trials has fewer folds", async () => {
    const definition = { ...SEARCH, metric: "log_loss", pruner: "racing", cross_validation: { folds: 5 } };
    const list = async (id) => (await api(daemon.url, `/experiments/${id}/trials`)).json.items;
    const long = await submit(daemon.url, { ...definition, budget: { trials: 24 } });
    const made = await submit(daemon.url, { ...definition, budget: { trials: 13 } });
    await finished(daemon.url, made.id);
    assert.equal((await extend(daemon.url, made.id, 11)).status, 202);
    await finished(daemon.url, made.id);
    await finished(daemon.url, long.id);
    const whole = await list(long.id), grown = await list(made.id);
    assert.deepEqual(grown.map((t) => t.params), whole.map((t) => t.params));
    for (const [i, t] of grown.entries())
        assert.ok(t.folds_done >= whole[i].folds_done, `trial ${t.trial}`);
});

test("a search that runs or is paused gets its trials too, by several at once", async () => {
    const made = await submit(daemon.url, { ...SEARCH, start: false, budget: { trials: 5 } });
    const answers = await Promise.all([3, 4, 5, 6].map((n) => extend(daemon.url, made.id, n)));
    assert.deepEqual(answers.map((a) => a.status), [202, 202, 202, 202]);
    assert.equal((await api(daemon.url, `/experiments/${made.id}`)).json.state, "paused");
    await api(daemon.url, `/experiments/${made.id}/resume`, { method: "POST" });
    await extend(daemon.url, made.id, 1);
    const done = await finished(daemon.url, made.id);
    assert.equal(done.definition.budget.trials, 24);
    assert.deepEqual(await trials(daemon.url, made.id), await whole(daemon.url, SEARCH, 24));
});

test("the sample of a grid grows up to the grid, and then no further", async () => {
    const grid = { ...SEARCH, sampler: "grid",
                   space: { width: [2, 3, 4], activation: ["relu", "tanh"], epochs: [1, 2] } };
    const made = await submit(daemon.url, { ...grid, budget: { trials: 5 } });
    await finished(daemon.url, made.id);
    assert.equal((await extend(daemon.url, made.id, 4)).status, 202);
    const nine = await finished(daemon.url, made.id);
    assert.equal(nine.stop_reason, "trials");
    assert.deepEqual(await trials(daemon.url, made.id), await whole(daemon.url, grid, 9));
    assert.equal((await extend(daemon.url, made.id, 50)).json.progress.trials, 12);
    assert.equal((await finished(daemon.url, made.id)).stop_reason, "space_exhausted");
    const more = await extend(daemon.url, made.id, 1);
    assert.equal(more.status, 409);
    assert.match(more.json.detail, /every point of its space was tried/);
});

test("what cannot go on is refused in words", async () => {
    const post = (id, what) => api(daemon.url, `/experiments/${id}/${what}`, { method: "POST" });
    const stopped = await submit(daemon.url, { ...SEARCH, stop_when: { target: 0 } });
    assert.equal((await finished(daemon.url, stopped.id)).stop_reason, "target");
    assert.match((await extend(daemon.url, stopped.id, 5)).json.detail, /stop_when ended it/);

    const cancelled = await submit(daemon.url, { ...SEARCH, start: false });
    await post(cancelled.id, "cancel");
    const answer = await extend(daemon.url, cancelled.id, 5);
    assert.equal(answer.status, 409);
    assert.match(answer.json.detail, /is cancelled/);

    const sealed = await submit(daemon.url, { ...SEARCH, budget: { trials: 2 },
                                              sealed: { fraction: 0.2 } });
    await finished(daemon.url, sealed.id);
    assert.equal((await post(sealed.id, "unseal")).status, 202);
    const unsealed = await extend(daemon.url, sealed.id, 5);
    assert.equal(unsealed.status, 409);
    assert.match(unsealed.json.detail, /was unsealed/);

    assert.equal((await extend(daemon.url, 999, 5)).status, 404);
    const bad = await api(daemon.url, `/experiments/${sealed.id}/extend`, { json: { trial: 5 } });
    assert.equal(bad.status, 422);
    assert.deepEqual(bad.json.errors.map((x) => x.pointer).sort(), ["", "/trial"]);
    assert.equal((await extend(daemon.url, stopped.id, 0)).status, 422);
});

test("kill -9 right after the answer loses neither the budget nor a trial", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "sweepd-extend-"));
    const db = path.join(folder, "sweepd.db");
    const first = await startDaemon({ db });
    await upload(first.url, "iris");
    const made = await submit(first.url, { ...SEARCH, budget: { trials: 13 } });
    await finished(first.url, made.id);
    assert.equal((await extend(first.url, made.id, 11)).status, 202);
    await first.kill9();
    const second = await startDaemon({ db });
    const done = await finished(second.url, made.id);
    assert.equal(done.progress.trials_done, 24);
    assert.deepEqual(await trials(second.url, made.id), await whole(daemon.url, SEARCH, 24));
    await second.stop();
    await rm(folder, { recursive: true, force: true });
});
