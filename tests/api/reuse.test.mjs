/*
 * Nothing is trained twice: a configuration that was trained before on the same data, folds and
 * seed is copied, with every number as it was; what differs in any of these is trained.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);
const DEFINITION = {
    dataset: "iris", sampler: "grid", seed: 11,
    space: { width: [8, 16], activation: ["relu", "tanh"], learning_rate: 0.01, epochs: 20 } };

let daemon, folder;

before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "sweepd-reuse-"));
    daemon = await startDaemon({ db: path.join(folder, "reuse.db") });
    await upload(daemon.url, "iris");
});
after(async () => {
    await daemon.stop();
    await rm(folder, { recursive: true, force: true });
});

async function search(definition) {
    const made = await submit(daemon.url, definition);
    const done = await finished(daemon.url, made.id, 60);
    assert.equal(done.state, "completed");
    return made.id;
}

async function ask(sql) {
    const { stdout } = await run("sqlite3", ["-readonly", "-json", daemon.db, sql],
                                 { maxBuffer: 1 << 26 });
    return stdout ? JSON.parse(stdout) : [];
}

/* All that training gives, of every fold and trial. */
async function results(id) {
    return {
        folds: await ask(`SELECT trial, repeat, fold, state, epochs, epochs_run, weights_hash, error,
            warnings, train_loss, validation_loss, validation_score, learning_rate, layer_statistics,
            engine, kernel FROM fold WHERE experiment_id = ${id} ORDER BY 1, 2, 3`),
        metrics: await ask(`SELECT trial, repeat, fold, position, metric, train, validation
            FROM fold_metric WHERE experiment_id = ${id} ORDER BY 1, 2, 3, 4`),
        scores: await ask(`SELECT trial, position, metric, mean, std, train_mean FROM trial_score
            WHERE experiment_id = ${id} ORDER BY 1, 2`),
        trials: await ask(`SELECT trial, state, reason, error, score, score_std, score_sem, train_mean,
            folds_done, warnings FROM trial WHERE experiment_id = ${id} ORDER BY 1`) };
}

async function trials(id) {
    return (await api(daemon.url, `/experiments/${id}/trials?sort=trial`)).json.items;
}

let first;

test("the same search again copies every fold and says where from", async () => {
    first = await search(DEFINITION);
    const second = await search(DEFINITION);

    assert.deepEqual(await results(second), await results(first));
    for (const t of await trials(first)) {
        assert.equal(t.reused_from, null);
        assert.ok(t.seconds > 0);
    }
    for (const t of await trials(second)) {
        assert.deepEqual(t.reused_from, { experiment: first, trial: t.trial });
        assert.equal(t.seconds, 0);
        assert.ok(t.started_at && t.finished_at);
    }
    assert.equal((await ask(`SELECT sum(seconds) AS s FROM fold WHERE experiment_id = ${second}`))[0].s, 0);
});

test("a larger search trains only what is new, and numbers its trials by itself", async () => {
    const id = await search({ ...DEFINITION, name: "more",
                              space: { ...DEFINITION.space, width: [4, 16], activation: ["tanh", "relu"] } });
    const by = (await trials(id)).map((t) => [t.params.width, t.params.activation, t.reused_from]);
    assert.deepEqual(by, [[4, "tanh", null], [4, "relu", null],
                          [16, "tanh", { experiment: first, trial: 4 }],
                          [16, "relu", { experiment: first, trial: 3 }]]);
});

test("a configuration counts by what it trains, not by how it is written", async () => {
    const id = await search({ ...DEFINITION,
        space: { hidden: [[8, 8], [16, 16]], activation: { choices: ["relu", "tanh"] }, optimizer: "adam",
                 learning_rate: 0.01, epochs: 20, batch_size: 32 } });
    assert.deepEqual((await trials(id)).map((t) => t.reused_from?.trial), [1, 2, 3, 4]);
});

for (const [what, change] of Object.entries({
    "seed of training": { seed: { folds: 11, search: 11, training: 12 } },
    "seed of folds": { seed: { folds: 12, search: 11, training: 11 } },
    "number of folds": { cross_validation: { kind: "stratified_kfold", folds: 4 } },
    "kind of folds": { cross_validation: { kind: "kfold", folds: 5 } },
    repeats: { cross_validation: { kind: "stratified_kfold", folds: 5, repeats: 2 } },
    "sealed rows": { sealed: { fraction: 0.2 } },
    "metric, which the curves show": { metric: "log_loss" },
    epochs: { space: { ...DEFINITION.space, epochs: 19 } } }))
    test(`another ${what} is trained`, async () => {
        const id = await search({ ...DEFINITION, ...change });
        for (const t of await trials(id))
            assert.equal(t.reused_from, null);
    });

test("the seed of the search does not count", async () => {
    const id = await search({ ...DEFINITION, seed: { folds: 11, search: 5, training: 11 } });
    assert.ok((await trials(id)).every((t) => t.reused_from?.experiment === first));
});

test("the same data under another name count as the same, other data do not", async () => {
    const csv = await readFile(new URL("../data/iris.csv", import.meta.url), "utf8");
    await api(daemon.url, "/datasets?name=flowers", { method: "POST", body: csv });
    const id = await search({ ...DEFINITION, dataset: "flowers" });
    assert.ok((await trials(id)).every((t) => t.reused_from?.experiment === first));

    const fewer = csv.trimEnd().split("\n").slice(0, -1).join("\n");
    await api(daemon.url, "/datasets?name=fewer", { method: "POST", body: fewer });
    const other = await search({ ...DEFINITION, dataset: "fewer" });
    assert.ok((await trials(other)).every((t) => t.reused_from === null));
});

test("a diverged training is not repeated either", async () => {
    await upload(daemon.url, "diabetes");
    const definition = { dataset: "diabetes", sampler: "grid",
                         space: { activation: ["identity"], optimizer: "sgd", learning_rate: 1, epochs: 20 } };
    const id = await search(definition), again = await search(definition);
    const [one] = await trials(id), [two] = await trials(again);
    assert.deepEqual([one.state, one.reason], ["failed", "diverged"]);
    assert.deepEqual(await results(again), await results(id));
    assert.deepEqual(two.reused_from, { experiment: id, trial: 1 });
});

test("results outlive the search they came from", async () => {
    const definition = { ...DEFINITION, seed: 21 };
    const source = await search(definition), copy = await search(definition);
    const before = await results(copy);
    assert.equal((await api(daemon.url, `/experiments/${source}`, { method: "DELETE" })).status, 204);
    assert.deepEqual(await results(copy), before);
    const third = await search(definition);
    assert.deepEqual(await results(third), before);
    assert.ok((await trials(third)).every((t) => t.reused_from.experiment === copy));
});

test("what a cancelled search has finished is copied, the rest is trained", async () => {
    const definition = { ...DEFINITION, seed: 31, space: { ...DEFINITION.space, epochs: 600 } };
    const made = await submit(daemon.url, definition);
    for (let done = 0; done < 7;)
        done = (await api(daemon.url, `/experiments/${made.id}`)).json.progress.folds_done;
    await api(daemon.url, `/experiments/${made.id}/cancel`, { method: "POST" });
    await finished(daemon.url, made.id, 60);
    const kept = await ask(`SELECT trial, repeat, fold, weights_hash FROM fold
        WHERE experiment_id = ${made.id} ORDER BY 1, 2, 3`);
    const id = await search(definition);
    const copied = await ask(`SELECT trial, repeat, fold, weights_hash FROM fold
        WHERE experiment_id = ${id} AND reused_experiment = ${made.id} AND seconds = 0 ORDER BY 1, 2, 3`);
    assert.ok(kept.length >= 7 && kept.length < 20, `${kept.length} of 20 folds`);
    assert.deepEqual(copied, kept);
    for (const t of await trials(id)) { /* which were first is the scheduler's choice */
        const folds = kept.filter((f) => f.trial === t.trial).length;
        if (folds === 5)
            assert.deepEqual(t.reused_from, { experiment: made.id, trial: t.trial });
        else if (folds === 0)
            assert.equal(t.reused_from, null);
    }
});

test("kill -9 in the middle of copying changes nothing", async () => {
    const definition = { ...DEFINITION, seed: 41, sampler: "random", budget: { trials: 150 },
                         space: { width: { min: 2, max: 400, scale: "log" }, epochs: 1, layers: 1 } };
    const source = await search(definition);
    const copy = (await submit(daemon.url, definition)).id;
    for (let done = 0; done < 20;)
        done = (await api(daemon.url, `/experiments/${copy}`)).json.progress.folds_done;
    await daemon.kill9();
    daemon = await startDaemon({ db: daemon.db });
    await finished(daemon.url, copy, 60);
    assert.deepEqual(await results(copy), await results(source));
    for (const t of await trials(copy))
        assert.deepEqual(t.reused_from, { experiment: source, trial: t.trial });
});
