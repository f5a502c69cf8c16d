/*
 * What mattered in a search: the hyperparameter that decides the score comes first, and little is
 * said where little is known.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

let daemon;

before(async () => {
    daemon = await startDaemon();
    await upload(daemon.url, "iris");
});
after(async () => { await daemon.stop(); });

async function search(definition) {
    const made = await submit(daemon.url, { dataset: "iris", cross_validation: { folds: 2 }, ...definition });
    assert.equal((await finished(daemon.url, made.id, 60)).state, "completed");
    return made.id;
}

async function importance(id) {
    const answer = await api(daemon.url, `/experiments/${id}/importance`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
}

const SPACE = {
    layers: [1, 2], width: { choices: [8, 16], per_layer: true }, l2: { min: 1e-9, max: 1e-8, scale: "log" },
    learning_rate: { min: 1e-6, max: 0.1, scale: "log" }, epochs: 10 };

test("the learning rate decides, and children count where they are used", async () => {
    const id = await search({ sampler: "random", budget: { trials: 120 }, metric: "log_loss", space: SPACE });
    const found = await importance(id);

    assert.equal(found.trials, 120);
    assert.equal(found.reason, null);
    assert.ok(found.r2 > 0.5, `r2 ${found.r2}`);
    assert.deepEqual(found.dimensions.map((d) => d.name).sort(),
                     ["l2", "layers", "learning_rate", "width_1", "width_2"]);
    const [first, ...rest] = found.dimensions;
    assert.equal(first.name, "learning_rate");
    assert.ok(first.fanova > 0.5 && first.fanova_low <= first.fanova && first.fanova <= first.fanova_high);
    for (const d of rest)
        assert.ok(d.fanova < first.fanova && d.ped_anova < first.ped_anova);
    const sum = found.dimensions.reduce((s, d) => s + d.ped_anova, 0);
    assert.ok(Math.abs(sum - 1) < 1e-9);
    assert.deepEqual(await importance(id), found);
});

test("a few trials say nothing", async () => {
    const found = await importance(await search({ sampler: "random", budget: { trials: 12 }, space: SPACE }));
    assert.match(found.reason, /^12 completed trials are too few to tell: at least 20 are needed/);
    assert.equal(found.r2, null);
    assert.ok(found.dimensions.length === 5 &&
              found.dimensions.every((d) => d.fanova === null && d.ped_anova === null));
});

test("scores that differ by chance have no shares of variance", async () => {
    const found = await importance(await search({
        sampler: "random", budget: { trials: 40 }, metric: "log_loss",
        space: { width: { min: 20, max: 60 }, layers: 1, learning_rate: 1e-9, epochs: 1 } }));
    assert.ok(found.r2 < 0.3, `initial weights do not follow the width: ${found.r2}`);
    assert.match(found.reason, /forest foretells .* of the score's variance/);
    assert.ok(found.dimensions.every((d) => d.fanova === null && d.ped_anova !== null));
    const fixed = await importance(await search({ sampler: "grid", space: { width: 8, epochs: 1 } }));
    assert.deepEqual([fixed.reason, fixed.dimensions], ["every hyperparameter is fixed", []]);
});

test("what does not exist is 404, what is not known 422", async () => {
    assert.equal((await api(daemon.url, "/experiments/999/importance")).status, 404);
    assert.equal((await api(daemon.url, "/experiments/1/importance?top=3")).status, 422);
});
