/* Budgets of time: of a whole search, and of each of its trials. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

let daemon;

before(async () => {
    daemon = await startDaemon({ args: ["--threads", "2"] });
    await upload(daemon.url, "iris");
});
after(async () => { await daemon.stop(); });

const LONG = 100000; /* epochs: with this net an hour */
const NET = { layers: 3, width: 256, batch_size: 8 };
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function trials(id, url = daemon.url) {
    return (await api(url, `/experiments/${id}/trials`)).json.items;
}

test("a search ends with its seconds; what had ended is kept, the rest is cancelled", async () => {
    const made = await submit(daemon.url, {
        dataset: "iris", sampler: "grid", budget: { seconds: 3 }, cross_validation: { folds: 2 },
        space: { epochs: [1, 2, LONG, LONG - 1, LONG - 2], ...NET } });
    const done = await finished(daemon.url, made.id);
    assert.deepEqual([done.state, done.stop_reason], ["completed", "seconds"]);
    assert.ok(done.progress.elapsed_seconds >= 3);
    const all = await trials(made.id);
    assert.deepEqual(all.map((t) => [t.state, t.reason]),
                     [...Array(2).fill(["completed", null]), ...Array(3).fill(["cancelled", "budget"])]);
    assert.deepEqual(all.map((t) => t.error),
                     [null, null, ...Array(3).fill("its experiment ended before it did")]);
    assert.equal(done.best.trial <= 2, true);
    const more = await api(daemon.url, `/experiments/${made.id}/extend`, { json: { trials: 5 } });
    assert.equal(more.status, 409);
    assert.match(more.json.detail, /budget.seconds is spent/);
    const longer = await api(daemon.url, `/experiments/${made.id}/clone`,
        { json: { budget: { seconds: 0.5 }, space: { epochs: 1 }, start: false } });
    assert.equal(longer.json.definition.budget.seconds, 0.5);
});

/* What counts is `elapsed_seconds`, which is compared with itself: the machine may be busy. */
test("pauses do not count, and a restart does not begin anew", async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), "sweepd-budget-"));
    const db = path.join(folder, "sweepd.db");
    const first = await startDaemon({ db });
    t.after(() => rm(folder, { recursive: true, force: true }));
    t.after(() => first.kill9());
    await upload(first.url, "iris");
    const made = await submit(first.url, { dataset: "iris", budget: { seconds: 4 },
                                           space: { epochs: LONG, ...NET } });
    const elapsed = async (url) => (await api(url, `/experiments/${made.id}`)).json.progress.elapsed_seconds;
    await api(first.url, `/experiments/${made.id}/pause`, { method: "POST" });
    const before = await elapsed(first.url);
    await pause(1500);
    assert.equal(await elapsed(first.url), before);
    await api(first.url, `/experiments/${made.id}/resume`, { method: "POST" });
    while (await elapsed(first.url) < before + 1.5)
        await pause(50);
    await first.kill9();
    const second = await startDaemon({ db });
    t.after(() => second.kill9());
    assert.ok(await elapsed(second.url) > 0.1, "what is kept is not forgotten");
    const done = await finished(second.url, made.id);
    assert.equal(done.stop_reason, "seconds");
});

for (const pruner of ["none", "racing"])
    test(`a trial that takes too long fails, and the search goes on (pruner ${pruner})`, async () => {
        const made = await submit(daemon.url, {
            dataset: "iris", sampler: "grid", budget: { trial_seconds: 2 }, pruner,
            cross_validation: { folds: 3 },
            space: { epochs: [1, LONG, 2], layers: 2, width: 64, batch_size: 8 } });
        const done = await finished(daemon.url, made.id);
        assert.deepEqual([done.state, done.stop_reason], ["completed", "space_exhausted"]);
        const all = await trials(made.id);
        const late = all[1];
        assert.deepEqual([late.state, late.reason, late.score], ["failed", "trial_seconds", null]);
        assert.match(late.error, /^fold \d: the trial's folds have trained for more than 2 s together/);
        assert.ok(late.seconds >= 1);
        for (const t of [all[0], all[2]])
            assert.notEqual(t.state, "failed");
        assert.equal(done.progress.trials_failed, 1);
    });

test("time is no budget for what others train, but for the whole", async () => {
    const study = { objective: { name: "y", direction: "minimize" }, space: { x: { min: 0, max: 1 } } };
    const refused = await api(daemon.url, "/experiments", { json: { ...study, budget: { trial_seconds: 3 } } });
    assert.equal(refused.status, 422);
    assert.match(refused.json.detail, /lease_seconds/);
    const made = await submit(daemon.url, { ...study, budget: { seconds: 0.5 } });
    const call = (route, json = {}) => api(daemon.url, `/experiments/${made.id}${route}`, { json });
    assert.equal((await call("/ask")).status, 201);
    await pause(700);
    const answer = await call("/ask");
    assert.equal(answer.status, 409);
    assert.match(answer.json.detail, /budget.seconds is spent; 1 trials are not told yet/);
    await call("/trials/1/tell", { score: 1 });
    assert.equal((await api(daemon.url, `/experiments/${made.id}`)).json.stop_reason, "seconds");
});

test("a budget that is no number is told at its place", async () => {
    const bad = await api(daemon.url, "/experiments",
        { json: { dataset: "iris", budget: { seconds: 0, trial_seconds: "1" } } });
    assert.deepEqual(bad.json.errors.map((e) => e.pointer), ["/budget/seconds", "/budget/trial_seconds"]);
});
