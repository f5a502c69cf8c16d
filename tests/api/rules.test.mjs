/*
 * What a definition says of single trials: require, enqueue, stop_when, budget.trial_weights.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

let daemon;
before(async () => {
    daemon = await startDaemon();
    await upload(daemon.url, "iris");
});
after(() => daemon.stop());

const SPACE = { layers: [1, 2], width: { choices: [4, 8, 16], per_layer: true },
                activation: ["relu", "tanh"], epochs: 5 };

async function search(definition) {
    const made = await submit(daemon.url, { dataset: "iris", ...definition });
    const done = await finished(daemon.url, made.id);
    const { items } = (await api(daemon.url, `/experiments/${made.id}/trials?limit=1000`)).json;
    return { done, trials: items };
}

async function faults(definition) {
    const answer = await api(daemon.url, "/experiments/validate", {
        method: "POST", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ dataset: "iris", space: SPACE, ...definition }) });
    assert.equal(answer.status, 422);
    return answer.json.errors.map(({ pointer, detail }) => `${pointer}: ${detail}`);
}

for (const sampler of ["grid", "random", "sobol", "tpe"])
    test(`${sampler} tries what require and trial_weights allow, and then the space is exhausted`,
         async () => {
        const { done, trials } = await search({ space: SPACE, sampler,
            require: ["width_1 >= width_2"], budget: { trials: 100, trial_weights: 150 } });
        const expected = [];
        for (const first of [4, 8, 16])
            for (const second of [0, 4, 8, 16])
                if (second <= first && weights(first, second) <= 150)
                    expected.push(`${first},${second}`);
        assert.equal(done.stop_reason, "space_exhausted");
        assert.deepEqual(trials.map((t) => `${t.params.width_1},${t.params.width_2 ?? 0}`).sort(),
                         [...expected, ...expected].sort());
        for (const t of trials)
            assert.equal(t.weight_count, weights(t.params.width_1, t.params.width_2 ?? 0));
    });

/* iris: four features, three classes. */
const weights = (first, second) =>
    5 * first + (second ? (first + 1) * second + (second + 1) * 3 : (first + 1) * 3);

test("what is enqueued comes first and is not proposed again", async () => {
    const enqueue = [{ layers: 2, width_1: 8, width_2: 4, activation: "tanh" },
                     { layers: 1, width_1: 16, activation: "relu", epochs: 5 }];
    const { done, trials } = await search({ space: SPACE, sampler: "grid", enqueue });
    assert.deepEqual(trials[0].params, { ...enqueue[0], epochs: 5 });
    assert.deepEqual(trials[1].params, enqueue[1]);
    assert.equal(trials.length, 24);
    assert.equal(new Set(trials.map((t) => JSON.stringify(t.params))).size, 24);
    assert.equal(done.stop_reason, "space_exhausted");
});

test("a target ends the search, judged in the order of trials", async () => {
    const definition = { space: { width: { min: 2, max: 20 }, epochs: { min: 1, max: 20 } },
                         sampler: "random", budget: { trials: 40 }, concurrency: 4 };
    const whole = (await search(definition)).trials;
    const target = Math.max(...whole.slice(0, 15).map((t) => t.score));
    const met = whole.findIndex((t) => t.score >= target) + 1;
    const { done, trials } = await search({ ...definition, stop_when: { target } });
    assert.equal(done.stop_reason, "target");
    assert.equal(done.state, "completed");
    assert.equal(done.progress.fraction, 1, "there is nothing left to do");
    assert.equal(trials.length, met + 4 - 1);
    trials.forEach((t, i) => {
        assert.equal(t.state, "completed");
        assert.equal(t.score, whole[i].score);
    });
});

test("patience ends the search after so many trials without a better one", async () => {
    const definition = { space: { width: { min: 2, max: 20 }, epochs: { min: 1, max: 20 } },
                         sampler: "tpe", budget: { trials: 100 }, concurrency: 2 };
    const { done, trials } = await search({ ...definition, stop_when: { patience: 7 } });
    let best = -Infinity, since = 0, last = 0;
    for (; since < 7; last++) {
        since = trials[last].score > best ? 0 : since + 1;
        best = Math.max(best, trials[last].score);
    }
    assert.equal(done.stop_reason, "patience");
    assert.equal(trials.length, last + 2 - 1);
});

test("a data set that does not exist hides no other fault", async () => {
    assert.deepEqual(await faults({ dataset: "none", metric: "r2", budget: { trials: 0 } }), [
        '/dataset: data set "none" does not exist',
        "/budget/trials: trials 0 is below 1; expected 1 to 1000000",
    ]);
});

test("faults name the place and what was expected", async () => {
    assert.deepEqual(await faults({ require: ["width_1 > width_9", "weights <"] }), [
        '/require/0: "width_1 > width_9": "width_9" is not in the space; known: layers, width_1, ' +
            "width_2, activation, epochs, weights, parameters",
        '/require/1: "weights <": expected a name or a number at character 10',
    ]);
    assert.deepEqual(await faults({ require: ["weights < 0"] }),
                     ["/require: no point of the space obeys all of it"]);
    assert.deepEqual(await faults({ budget: { trial_weights: 1 } }),
                     ["/budget/trial_weights: no point of the space obeys all of it"]);
    assert.deepEqual(await faults({ enqueue: [
        { layers: 1, width_1: 8, width_2: 4, activation: "tanh" },
        { layers: 3, width_1: 8, activation: "tanh" },
        { layers: 1, activation: "tanh" },
    ] }), [
        "/enqueue/0/width_2: width_2 is not used at this point, or not in the space",
        "/enqueue/1/layers: layers: this is not one of its values",
        "/enqueue/2: width_1 is missing",
    ]);
    assert.deepEqual(await faults({ stop_when: { target: "high", patience: 0 } }), [
        '/stop_when/target: target: expected a number, got "high"',
        "/stop_when/patience: patience 0 is below 1; expected 1 to 1000000",
    ]);
});
