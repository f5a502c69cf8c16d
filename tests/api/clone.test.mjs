/* Cloning: a new experiment from an old one's definition and a merge patch (RFC 7396). */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

let daemon;

before(async () => {
    daemon = await startDaemon();
    await upload(daemon.url, "iris");
});
after(async () => { await daemon.stop(); });

const GRID = { dataset: "iris", sampler: "grid", seed: 3, cross_validation: { folds: 2 },
               space: { width: [2, 3], learning_rate: [0.1, 1e-2 / 3], epochs: 1 } };

function clone(id, patch, type = "application/merge-patch+json") {
    return api(daemon.url, `/experiments/${id}/clone`,
        { method: "POST", body: patch === undefined ? undefined : JSON.stringify(patch),
          headers: { "Content-Type": type } });
}

async function scores(id) {
    const { items } = (await api(daemon.url, `/experiments/${id}/trials`)).json;
    return items.map((t) => [t.params, t.score]);
}

test("without a patch the new experiment asks the same question and gets the same answer", async () => {
    const made = await submit(daemon.url, GRID);
    await finished(daemon.url, made.id);
    const answer = await clone(made.id);
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.headers.get("Location"), `/api/v1/experiments/${answer.json.id}`);
    assert.notEqual(answer.json.id, made.id);
    assert.equal(answer.json.name, `iris-${answer.json.id}`);
    assert.deepEqual({ ...answer.json.definition, name: "" }, { ...made.definition, name: "" });
    await finished(daemon.url, answer.json.id);
    assert.deepEqual(await scores(answer.json.id), await scores(made.id));
});

test("a patch changes, adds and removes members, deep down too", async () => {
    const made = await submit(daemon.url, { ...GRID, name: "mine", start: false, notes: "old",
                                            cross_validation: { folds: 3, repeats: 2 } });
    const { json } = await clone(made.id, {
        seed: 9, notes: null, tags: ["again"], cross_validation: { repeats: null },
        sampler: "random", budget: { trials: 3 }, space: { width: { min: 2, max: 90 }, dropout: 0.5 } });
    const d = json.definition;
    assert.equal(d.name, "mine");
    assert.equal(d.seed, 9);
    assert.equal(d.notes, "");
    assert.deepEqual(d.tags, ["again"]);
    assert.deepEqual([d.cross_validation.folds, d.cross_validation.repeats], [3, 1]);
    assert.deepEqual(d.sampler, { kind: "random" });
    assert.deepEqual(d.space, { width: { min: 2, max: 90, scale: "linear" },
                                learning_rate: GRID.space.learning_rate, epochs: 1, dropout: 0.5 });
    assert.equal(json.state, "paused");
});

test("a whole grid with another space is whole again, a sample stays a sample", async () => {
    const whole = await submit(daemon.url, { ...GRID, start: false });
    const larger = await clone(whole.id, { space: { width: [2, 3, 4, 5] } });
    assert.equal(larger.json.progress.trials, 8);
    assert.equal(larger.json.definition.sampler.shuffle, false);
    const sample = await submit(daemon.url, { ...GRID, start: false, budget: { trials: 3 } });
    const again = await clone(sample.id, { space: { width: [2, 3, 4, 5] } });
    assert.equal(again.json.progress.trials, 3);
});

test("what the patch makes wrong is told at its place in the whole, and nothing is made", async () => {
    const made = await submit(daemon.url, { ...GRID, start: false });
    const { total } = (await api(daemon.url, "/experiments")).json;
    const bad = await clone(made.id, { space: { width: 0 }, colour: "blue" });
    assert.equal(bad.status, 422);
    assert.deepEqual(bad.json.errors.map((e) => e.pointer).sort(), ["/colour", "/space/width"]);
    assert.equal((await clone(made.id, [1])).status, 422);
    assert.equal((await clone(9999, {})).status, 404);
    assert.equal((await clone(made.id, {}, "text/plain")).status, 415);
    const broken = await api(daemon.url, `/experiments/${made.id}/clone`, { method: "POST", body: "{", headers: { "Content-Type": "application/json" } });
    assert.equal(broken.status, 400);
    assert.equal((await api(daemon.url, "/experiments")).json.total, total);
});

test("a study of ask and tell is cloned like any other experiment", async () => {
    const made = await submit(daemon.url, {
        objective: { name: "loss", direction: "minimize" }, space: { x: { min: 0, max: 1 } } });
    const { json } = await clone(made.id, { objective: { direction: "maximize" } });
    assert.deepEqual([json.metric, json.direction, json.name, json.state],
                     ["loss", "maximize", `experiment-${json.id}`, "running"]);
    assert.equal((await api(daemon.url, `/experiments/${json.id}/ask`, { json: {} })).status, 201);
});
