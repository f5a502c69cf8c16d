/*
 * Pruners over epochs: which trials go on from rung to rung, what is said of the others, and that
 * neither threads nor crashes nor a lack of memory change it.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);

/* Some diverge; some end early. */
const DEFINITION = {
    dataset: "iris", metric: "log_loss", seed: 5, concurrency: 4, budget: { trials: 40 },
    sampler: "random",
    space: { layers: [1, 3], width: [4, 8, 16], activation: ["relu", "tanh"],
             optimizer: ["adam", "sgd"], learning_rate: { min: 1e-3, max: 50, scale: "log" },
             early_stopping: [false, 3], epochs: 27, batch_size: 8 } };
const KINDS = {
    successive_halving: { pruner: "successive_halving", sampler: "tpe" },
    hyperband: { pruner: "hyperband" },
    median: { pruner: "median", sampler: "tpe" },
    racing: { pruner: { kind: "racing", alpha: 0.4, epochs: true }, sampler: "tpe" },
};

async function sql(db, query) {
    const { stdout } = await run("sqlite3", ["-readonly", "-json", db, query], { maxBuffer: 1 << 26 });
    return stdout ? JSON.parse(stdout) : [];
}

const trialRows = (daemon, id) => sql(daemon.db, `SELECT trial, state, error, score, search_loss,
    race_folds, race_epoch, race_p, bracket FROM trial WHERE experiment_id = ${id} ORDER BY trial`);
const foldRows = (daemon, id) => sql(daemon.db, `SELECT trial, repeat, fold, epochs, epochs_run, cut,
    weights_hash, validation_score FROM fold WHERE experiment_id = ${id} ORDER BY 1, 2, 3`);

/* All that a search has found, but for times. */
async function table(daemon, id) {
    const { text } = await api(daemon.url, `/experiments/${id}/trials.csv`);
    return text.split("\r\n").map((line) => line.slice(0, line.lastIndexOf(",")))
        .concat([...await trialRows(daemon, id), ...await foldRows(daemon, id)]
            .map((row) => JSON.stringify(row))).join("\n");
}

async function search(definition, ...args) {
    const daemon = await startDaemon({ args });
    await upload(daemon.url, "iris");
    const { id } = await submit(daemon.url, definition);
    const done = await finished(daemon.url, id, 120);
    const found = { done, rows: await table(daemon, id), trials: await trialRows(daemon, id),
                    folds: await foldRows(daemon, id) };
    await daemon.stop();
    assert.equal(done.state, "completed");
    return found;
}

/* With a daemon that is killed whenever another share of the folds is stored. */
async function interrupted(name, definition, shares) {
    const db = path.join(folder, `${name}.db`);
    const options = { db, args: ["--threads", "2"] };
    let daemon = await startDaemon(options);
    await upload(daemon.url, "iris");
    const { id } = await submit(daemon.url, definition);
    for (const share of shares) {
        let seen;
        do
            seen = (await api(daemon.url, `/experiments/${id}`)).json;
        while (seen.state === "running" && seen.progress.trials_done < share * definition.budget.trials);
        await daemon.kill9();
        daemon = await startDaemon(options);
    }
    await finished(daemon.url, id, 120);
    const rows = await table(daemon, id);
    await daemon.stop();
    return rows;
}

const folder = await mkdtemp(path.join(tmpdir(), "sweepd-rungs-"));
const undisturbed = {};

before(async () => {
    for (const [name, kind] of Object.entries(KINDS))
        undisturbed[name] = await search({ ...DEFINITION, ...kind }, "--threads", "1");
});
after(() => rm(folder, { recursive: true, force: true }));

for (const [name, kind] of Object.entries(KINDS)) {
    test(`${name}: one thread and two give the same trials, folds and decisions`, async () => {
        const { rows } = await search({ ...DEFINITION, ...kind }, "--threads", "2");
        assert.equal(rows, undisturbed[name].rows);
    });

    test(`${name}: kill -9 again and again changes nothing`, async () => {
        const rows = await interrupted(name, { ...DEFINITION, ...kind }, [0.1, 0.4, 0.8]);
        assert.equal(rows, undisturbed[name].rows);
    });
}

test("a bracket goes on with its best third, and the others say where they were", () => {
    const { done, trials, folds } = undisturbed.successive_halving;
    const first = trials.filter((t) => t.bracket === 1);

    assert.equal(first.length, 27);
    assert.equal(trials.filter((t) => t.bracket === 2).length, 13);
    for (const [epoch, n] of [[1, 27], [3, 9], [9, 3]]) {
        const stopped = first.filter((t) => t.race_epoch === epoch && t.state === "pruned");
        const places = stopped.map((t) => {
            const said = new RegExp(`^after ${epoch} of 27 epochs it was (\\d+)(st|nd|rd|th) of ${n}$`).exec(t.error);
            assert.ok(said, t.error);
            return Number(said[1]);
        });
        assert.equal(new Set(places).size, places.length);
        assert.ok(places.every((p) => p > n / 3 && p <= n), places.join());
        for (const t of stopped)
            assert.ok(folds.filter((f) => f.trial === t.trial)
                .every((f) => (f.cut ? f.epochs_run === epoch : f.epochs_run <= 27)));
    }
    assert.ok(first.filter((t) => t.state === "completed").length >= 1);
    assert.equal(done.progress.fraction, 1);
    assert.equal(done.progress.trials_pruned, trials.filter((t) => t.state === "pruned").length);
});

test("the median stops trials with more than five complete before them", () => {
    const pruned = undisturbed.median.trials.filter((t) => t.state === "pruned");

    assert.ok(pruned.length > 0);
    for (const t of pruned) {
        assert.match(t.error, /^after [139] of 27 epochs its best log_loss of \S+ was worse than the completed trials' median of \S+$/);
        assert.ok(t.trial > 5);
    }
});

test("a race stops trials inside folds, and finishes such a fold when it takes them up again", () => {
    const { trials, folds } = undisturbed.racing;
    const inside = trials.filter((t) => t.race_epoch !== null);

    assert.ok(inside.length > 0);
    for (const t of inside.filter((x) => x.state === "pruned")) {
        const own = folds.filter((f) => f.trial === t.trial);
        if (own.length === t.race_folds && own.some((f) => f.cut))
            assert.match(t.error, /^after [0-4] of 5 folds and [139] of 27 epochs of the next its chance to beat trial \d+ was \S+$/);
        else
            assert.ok(own.every((f) => !f.cut), `trial ${t.trial}`);
    }
    assert.ok(inside.some((t) => folds.every((f) => f.trial !== t.trial || !f.cut)), "one was finished");
});

test("who goes on has the numbers of a training without a pruner, and nobody reuses a cut fold", async (t) => {
    const daemon = await startDaemon();
    t.after(() => daemon.stop());
    await upload(daemon.url, "iris");
    const definition = { ...DEFINITION, budget: { trials: 27 } };
    const pruned = await submit(daemon.url, { ...definition, pruner: "successive_halving" });
    await finished(daemon.url, pruned.id, 120);
    const whole = await submit(daemon.url, definition);
    await finished(daemon.url, whole.id, 120);
    const fresh = await search(definition);
    const some = await foldRows(daemon, pruned.id), all = await foldRows(daemon, whole.id);

    assert.equal(await table(daemon, whole.id), fresh.rows);
    assert.ok(some.some((f) => f.cut) && some.some((f) => !f.cut));
    assert.equal(some.length, all.length);
    for (const [i, fold] of some.entries()) {
        if (fold.cut)
            assert.ok(all[i].validation_score.startsWith(fold.validation_score.slice(0, -1)));
        else
            assert.deepEqual(fold, all[i]);
    }
    const { json } = await api(daemon.url, `/experiments/${whole.id}/trials`);
    assert.ok(json.items.some((x) => x.reused_from?.experiment === pruned.id));
});

test("where memory is short trainings begin again from their seeds, with the same numbers", async () => {
    /* Each takes 13 MB of the 16, so that no two of them are kept. */
    const definition = { ...DEFINITION, pruner: "successive_halving", budget: { trials: 3 },
        cross_validation: { folds: 2 }, space: { layers: 2, width: 700, epochs: 3,
            learning_rate: { min: 1e-4, max: 1e-2, scale: "log" }, batch_size: 64 } };
    const { rows } = await search(definition, "--memory", "1G");
    assert.equal((await search(definition, "--memory", "16M")).rows, rows);
});

test("an extended search leaves a bracket that the budget has cut, and begins a new one", async (t) => {
    const daemon = await startDaemon();
    t.after(() => daemon.stop());
    await upload(daemon.url, "iris");
    const definition = { ...DEFINITION, pruner: "hyperband", budget: { trials: 30 } };
    const plan = await api(daemon.url, "/experiments/validate", { json: definition });
    const said = "30 trials are no whole number of brackets of hyperband, and the last one is judged with fewer: 27 and 39 are";
    assert.ok(plan.json.plan.warnings.includes(said), plan.json.plan.warnings.join());
    const { id } = await submit(daemon.url, definition);
    await finished(daemon.url, id, 120);
    const before = await trialRows(daemon, id);
    await api(daemon.url, `/experiments/${id}/extend`, { json: { trials: 10 } });
    await finished(daemon.url, id, 120);
    const now = await trialRows(daemon, id);

    assert.deepEqual(now.slice(0, 30), before);
    assert.equal(now.length, 40);
    assert.deepEqual([before[29].bracket, now[30].bracket, now[36].bracket], [2, 3, 4]);
});

test("pause, resume and cancel work on every rung", async (t) => {
    const daemon = await startDaemon();
    t.after(() => daemon.stop());
    await upload(daemon.url, "iris");
    const definition = { ...DEFINITION, ...KINDS.hyperband };
    const { id } = await submit(daemon.url, { ...definition, start: false });
    for (let i = 0; i < 5; i++) {
        await api(daemon.url, `/experiments/${id}/resume`, { method: "POST" });
        if ((await api(daemon.url, `/experiments/${id}/pause`, { method: "POST" })).status === 409)
            break; /* it has ended */
    }
    await api(daemon.url, `/experiments/${id}/resume`, { method: "POST" });
    await finished(daemon.url, id, 120);
    assert.equal(await table(daemon, id), undisturbed.hyperband.rows);
    const more = await submit(daemon.url, { ...definition, budget: { trials: 10000 } });
    await api(daemon.url, `/experiments/${more.id}/cancel`, { method: "POST" });
    assert.equal((await finished(daemon.url, more.id)).state, "cancelled");
});

test("a trial that takes too long fails on its rung, and its bracket goes on", async () => {
    const { done, trials } = await search({ ...DEFINITION, pruner: "successive_halving",
        budget: { trials: 12, trial_seconds: 0.1 }, space: { width: [4, 5, 6, 7], epochs: 200000,
            learning_rate: { min: 1e-5, max: 1e-4 } } });

    assert.equal(done.stop_reason, "trials");
    assert.ok(trials.some((x) => x.state === "failed" && /have trained for more than 0\.1 s/.test(x.error)));
    assert.ok(trials.every((x) => x.state !== "completed"));
});

test("stop_when looks at whole brackets", async () => {
    const { done, trials } = await search({ ...DEFINITION, pruner: "hyperband",
        budget: { trials: 1000 }, stop_when: { patience: 30 } });

    assert.equal(done.stop_reason, "patience");
    assert.ok([39, 45, 49, 76, 88, 94, 98].includes(trials.length), `${trials.length} trials`);
});
